"""Generalization bounds: the worked example, orderings, the guarantee on simulated text, the table of seven sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from measure.bounds import (
    SCALES,
    SHARES,
    azuma,
    azuma_bound,
    closed_form,
    complexity,
    expected,
    freedman,
    freedman_bound,
    smoothed,
    smoothing_cost,
    spread,
)

#: double precision over sums of some thousand terms
EXACT = 1e-9
#: the best scale lies between two of the grid, 2 % apart, and the slack is flat there, nats
GRID = 1e-5
#: digits of the worked example, half a unit of the last
PRINTED_4, PRINTED_3, PRINTED_2 = 5e-5, 5e-4, 5e-3
#: how often a test of the guarantee would fail by chance, were the bound broken exactly as often as it may be
FALSE_ALARM = 1e-6

Floats = NDArray[np.float64]


def fitted_variation(parameters: float) -> float:
    """Sigma by model size, the paper's fit on Pythia (seen in notes on it)."""
    return float(0.27 + 8337 * parameters**-0.54)


def text(seed: int = 0, tokens: int = 2000, vocabulary: int = 1000, sharp: float = 1.0) -> tuple[Floats, Floats, int]:
    """(losses, entropies, vocabulary) of a calibrated model: each token is drawn from the model's own prediction."""
    random = np.random.default_rng(seed)
    logits = sharp * random.normal(0, 2, (tokens, vocabulary))
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    drawn = np.argmax(logs + random.gumbel(size=logs.shape), axis=1)
    return -logs[np.arange(tokens), drawn], -(np.exp(logs) * logs).sum(1), vocabulary


# --- the worked example ---


def test_the_worked_example_of_the_paper() -> None:
    """V = 50,000, 3 bits, N/D = 1/20 and 6.9B parameters: 1.8 nats in the paper, 1.78 without its rounding."""
    c = complexity(bits=3 * 6.9e9, tokens=20 * 6.9e9, choices=1, failure=0.05)
    sigma = fitted_variation(6.9e9)
    assert c == pytest.approx(0.1040, abs=PRINTED_4)
    assert c * math.log(50_000) == pytest.approx(1.125, abs=PRINTED_3)
    assert math.sqrt(2 * c) == pytest.approx(0.456, abs=PRINTED_3)
    assert sigma * math.sqrt(c) == pytest.approx(0.100, abs=PRINTED_3)
    assert closed_form(0.0, c, 50_000, sigma, gap=0.1) == pytest.approx(1.78, abs=PRINTED_2)
    assert 11 / 9 + 1 / 30 + 1.4 / 3 + 1 / 10 == pytest.approx(1.8, abs=0.05)  # the parts as the paper rounds them


def test_what_is_chosen_over_grids_is_paid_for() -> None:
    few, many = (complexity(8, 1000, choices, 0.05) for choices in (1, 1000))
    assert few == pytest.approx((8 * math.log(2) + math.log(20)) / 1000, rel=EXACT)
    assert many - few == pytest.approx(math.log(1000) / 1000, rel=EXACT)
    assert len(SCALES) == 1000 and np.all(np.diff(SCALES) > 0) and 0 < SCALES[0] < 1e-4 < 0.9999 < SCALES[-1] < 1
    assert np.all(np.diff(SHARES) > 0) and 0 < SHARES[0] < SHARES[-1] < 1


# --- smoothing ---


def test_a_smoothed_loss_is_that_of_the_mixture() -> None:
    p = np.array([0.0, 1e-12, 1e-3, 0.5, 1.0])
    with np.errstate(divide="ignore"):
        losses = -np.log(p)
    for share in (1e-5, 0.01, 0.5):
        found = smoothed(losses, share, 1000)
        assert found == pytest.approx(-np.log((1 - share) * p + share / 1000), rel=EXACT)
        assert found.max() - found.min() == pytest.approx(spread(share, 1000), rel=EXACT)


def test_smoothing_costs_no_more_than_the_closed_form_says() -> None:
    """sqrt(2*C) is above the best share's cost for every C; the two are within 2 % of each other at C = 1."""
    for c in np.geomspace(1e-9, 1e3, 2001):
        shares = np.concatenate([SHARES, [c / (1 + c)]])
        least = np.min(-np.log1p(-shares) - c * np.log(shares))
        assert smoothing_cost(c) <= least * (1 + EXACT)
        assert smoothing_cost(c) < math.sqrt(2 * c)
    assert smoothing_cost(1.0) == pytest.approx(2 * math.log(2), rel=EXACT)
    assert smoothing_cost(1.0) / math.sqrt(2) > 0.98


def test_no_loss_lies_further_above_what_was_expected_than_the_spread() -> None:
    """The condition of the theorem, at the worst: a token that the model held for impossible where it was certain."""
    for share in SHARES[::20]:
        for entropy in (0.0, 1.0, math.log(1000)):
            above = expected(np.array([entropy]), share, 1000) - smoothed(np.array([np.inf]), share, 1000)
            assert above[0] >= -spread(share, 1000) * (1 + EXACT)
    with pytest.raises(ValueError, match="more than `spread`"):
        freedman(np.array([0.0, -2.0]), 1.0, 0.1)


# --- Freedman ---


def test_the_scale_is_the_best_of_the_grid() -> None:
    """Bisection finds what trying all finds."""
    random = np.random.default_rng(0)
    for c in (1e-5, 1e-3, 0.03, 0.2, 3.0):
        for size in (0.0, 0.01, 0.2, 1.0):
            above = 5.0 * size * random.uniform(-1, 1, 400)
            ratio = SCALES[:, None] * above / 5.0
            slacks = 5.0 / SCALES * (c + (ratio - np.log1p(ratio)).mean(1))
            found = freedman(above, 5.0, c)
            assert found.total == pytest.approx(slacks.min(), rel=EXACT)
            assert found.total == pytest.approx(found.ranged + found.varied, rel=EXACT)
            assert found.sigma >= 0


def test_the_variation_is_that_of_the_losses_where_the_model_is_small() -> None:
    """As C falls, Sigma*sqrt(C) becomes sqrt(2*C*mean((Y - X)^2)): the leading term of Bernstein and Freedman."""
    above = np.random.default_rng(1).normal(0, 0.5, 4000)
    found = freedman(above, 10.0, 1e-6)
    # the next term is of relative order sqrt(C)*Delta/sd, here 0.02, and skewness adds to it
    assert found.sigma == pytest.approx(math.sqrt(2 * np.mean(above**2)), rel=0.02)


def test_slack_grows_with_complexity_with_variation_and_with_spread() -> None:
    above = np.random.default_rng(2).uniform(-1, 1, 1000)
    by_complexity = [freedman(above, 2.0, c).total for c in np.geomspace(1e-5, 1, 20)]
    by_variation = [freedman(size * above, 2.0, 0.01).total for size in np.linspace(0, 1, 20)]
    by_spread = [freedman(above, wide, 0.01).total for wide in np.linspace(1, 20, 20)]
    for slacks in (by_complexity, by_variation, by_spread):
        assert np.all(np.diff(slacks) > -GRID)
    assert by_variation[0] == pytest.approx(2.0 * 0.01, rel=1e-3)  # no variation: Delta*C, to the end of the grid


@pytest.mark.parametrize("c", [1e-4, 1e-3, 0.01, 0.1, 0.3])
def test_freedman_is_below_azuma_where_losses_vary_little(c: float) -> None:
    """Delta*C < Delta*sqrt(C/2) while C < 1/2. Losses that jump over the whole range gain nothing."""
    random = np.random.default_rng(3)
    calm = random.uniform(-1, 1, 1000)
    assert freedman(0.02 * calm, 10.0, c).total < azuma(10.0, c)
    wild = 10.0 * np.where(random.random(1000) < 0.5, 1.0, -1.0)
    assert freedman(wild, 10.0, c).total > azuma(10.0, c)


# --- whole bounds ---


def test_a_bound_adds_up_and_is_the_least_over_shares() -> None:
    losses, entropies, vocabulary = text()
    bits, tokens = 4.0 * 1e6, 2e7
    bound = freedman_bound(losses, entropies, vocabulary, bits, tokens, 0.05)
    assert bound.freedman is not None
    assert bound.total == pytest.approx(bound.loss + bound.smoothing + bound.freedman.total, rel=EXACT)
    assert bound.loss == pytest.approx(losses.mean(), rel=EXACT)
    assert bound.complexity == complexity(bits, tokens, 1000 * len(SHARES), 0.05)
    for share in SHARES[::9]:
        one = freedman_bound(losses, entropies, vocabulary, bits, tokens, 0.05, shares=np.array([share]))
        assert one.total >= bound.total - 1e-5  # the union over 100 shares costs ln(100)/2e7 of C
    assert SHARES[0] < bound.share < SHARES[-1]


def test_bounds_fall_with_tokens_and_rise_with_bits_and_with_confidence() -> None:
    losses, entropies, vocabulary = text()

    def both(bits: float = 4e6, tokens: float = 2e7, failure: float = 0.05, formats: int = 1) -> Floats:
        first = freedman_bound(losses, entropies, vocabulary, bits, tokens, failure, formats)
        return np.array([first.total, azuma_bound(losses, vocabulary, bits, tokens, failure, formats).total])

    usual = both()
    assert np.all(both(tokens=4e7) < usual) and np.all(both(bits=5e6) > usual)
    assert np.all(both(failure=1e-9) > usual) and np.all(both(formats=5) > usual)
    assert usual[0] < usual[1]
    assert np.all(both(bits=40.0, tokens=1e9) - losses.mean() < 0.01)  # in the limit, the loss itself


def test_a_model_of_many_bits_is_bounded_by_a_uniform_guess_and_little_more() -> None:
    """With half of each prediction uniform, the loss is ln V + ln 2 at most; the slack then is what it is."""
    losses, entropies, vocabulary = text()
    bound = freedman_bound(losses, entropies, vocabulary, bits=1e9, tokens=1e7, failure=0.05)
    assert bound.share == SHARES[-1] and bound.total > math.log(vocabulary)


# --- the guarantee ---


def simulated(texts: int, tokens: int = 300) -> tuple[Floats, Floats, Floats]:
    """(X, E[X | past], Y), each (texts, tokens), of losses in [0, 1] that lean on the past; rare and large, which is
    the hard case. The prediction Y is off by some, and knows the past alone.
    """
    random = np.random.default_rng(7)
    x, mean, y = np.zeros((3, texts, tokens))
    hot = np.zeros(texts)
    for k in range(tokens):
        mean[:, k] = 0.01 + 0.15 * hot
        y[:, k] = np.clip(mean[:, k] + random.normal(0, 0.05, texts), 0, 1)
        x[:, k] = random.random(texts) < mean[:, k]
        hot = 0.7 * hot + 0.3 * x[:, k]
    return x, mean, y


def test_the_bound_holds_as_often_as_it_says() -> None:
    """2,000 texts: bounds with probability 0.8 fail in at most as many as chance allows (false alarm 1e-6). The test
    can fail: with a hundredth of the complexity, failures are too many.
    """
    texts, failure, scales = 2000, 0.2, np.array([0.1, 0.3, 0.6, 0.9])
    allowed = binom.isf(FALSE_ALARM, texts, failure)
    x, mean, y = simulated(texts)
    c = complexity(0.0, x.shape[1], len(scales), failure)
    gaps = np.mean(mean - x, axis=1)

    def failures(complexity: float) -> int:
        return int(
            sum(gap > freedman(above, 1.0, complexity, scales).total for gap, above in zip(gaps, y - x, strict=True))
        )

    assert failures(c) <= allowed < failures(c / 100)
    assert np.sum(gaps > azuma(1.0, complexity(0.0, x.shape[1], 1, failure))) <= allowed


def test_the_bound_holds_for_the_worst_of_many_models() -> None:
    """64 models of 6 bits each, all of them guesses; the one with the least training loss is reported. The union over
    codes is what holds it: without the bits, failures are too many (false alarm 1e-6).
    """
    texts, failure, tokens, models = 1000, 0.2, 200, 64
    allowed = binom.isf(FALSE_ALARM, texts, failure)
    failed = cheated = 0
    for seed in range(texts):
        random = np.random.default_rng([seed, 11])
        losses = (random.random((models, tokens)) < 0.3).astype(float)
        best = losses[losses.mean(1).argmin()]
        gap, above = 0.3 - best.mean(), 0.3 - best
        failed += gap > freedman(above, 1.0, complexity(6, tokens, 1, failure), np.array([0.4])).total
        cheated += gap > freedman(above, 1.0, complexity(0, tokens, 1, failure), np.array([0.4])).total
    assert failed <= allowed < cheated


# --- the table of seven sizes ---

#: Pythia's parameters, embeddings included; train loss, bound and Azuma's bound as the paper's reviews print them
TABLE = {
    70_426_624: (3.79, 5.52, 6.71),
    162_322_944: (3.14, 4.99, 6.21),
    405_334_016: (2.74, 4.88, 6.10),
    1_011_781_632: (2.40, 4.54, 5.78),
    1_414_647_808: (2.29, 4.42, 5.66),
    2_775_208_960: (2.15, 4.23, 5.49),
    6_857_302_016: (1.95, 4.06, 5.33),
}
PYTHIA_VOCABULARY = 50_304
#: two printed numbers are subtracted, each half a unit off at most
DIFFERENCE = 0.01


def by_size(bits: float) -> Floats:
    """The closed form without a quantization gap, minus the printed bound, by size: 20 tokens a parameter."""
    c = bits * math.log(2) / 20
    return np.array([
        closed_form(loss, c, PYTHIA_VOCABULARY, fitted_variation(size)) - bound
        for size, (loss, bound, _) in TABLE.items()
    ])  # fmt: skip


def test_the_table_comes_out_at_four_bits_and_not_at_three() -> None:
    """Bits and gaps of the table's models are not public. Four bits without a gap give the five largest to 0.08 nats;
    the worked example's three bits and gap of 0.1 miss them by 0.3. The two smallest have no checkpoint at 20 tokens a
    parameter, and miss by more.
    """
    four, three = by_size(4), by_size(3) + 0.1
    assert np.all(np.abs(four[2:]) < 0.08)
    assert np.all((-0.34 < three[2:]) & (three[2:] < -0.28))
    assert np.all(four[:2] > 0.35)


def test_the_table_is_further_from_azuma_than_the_terms_allow() -> None:
    """Azuma - Freedman is ln V*(sqrt(C/2) - C) - Sigma*sqrt(C): loss, gap and smoothing cancel. At the paper's own fit
    of Sigma its maximum over all C lies below the printed difference in every size, by 0.01 to 0.09 nats. So the table
    was not made by these terms at that fit alone (a share of its own for each bound would raise the difference).
    """
    c = np.geomspace(1e-3, 1, 20_001)
    for size, (_, bound, other) in TABLE.items():
        most = np.max(math.log(PYTHIA_VOCABULARY) * (np.sqrt(c / 2) - c) - fitted_variation(size) * np.sqrt(c))
        assert DIFFERENCE < other - bound - most < 0.1
