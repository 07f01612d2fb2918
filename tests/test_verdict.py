"""The verdict: each reason is given for draws made to deserve it, in words that name what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import lawdsl
from fitting import Verdict, verdict
from fitting.pattern import FEWEST, patterns
from lawdsl.law import Law

# Independent draws of a good posterior: R-hat above 1.01 by chance at 4 x 1000 draws is under 1e-4 a parameter; seeded.
CHAINS, DRAWS = 4, 1000
# `patterns` names one of the three pairs of two variables at |t| >= 3.5, 4.7e-4 each if the law is right. In 200 data
# sets 0.28 are expected; five or more come with probability 1e-5.
DATA_SETS, MOST_ALARMS = 200, 4

LABELS = ["E", "A", "B", "alpha", "beta", "sigma", "nu"]
LAW = lawdsl.load("chinchilla")


def positions(seed: int = 0) -> np.ndarray:
    """Draws that the data inform: a tenth of the prior's width in every direction."""
    return 0.1 * np.random.default_rng(seed).normal(size=(CHAINS, DRAWS, len(LABELS)))


def stats(**other: np.ndarray) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    shape = (CHAINS, DRAWS)
    usual = {
        "diverging": np.zeros(shape, bool),
        "tree_depth": np.full(shape, 3),
        "energy": random.normal(size=shape),
    }
    return usual | other


def told(u: np.ndarray, law: Law = LAW, labels: list[str] = LABELS, **other: np.ndarray) -> Verdict:
    prior = np.random.default_rng(2).normal(size=(1000, u.shape[-1]))
    scalars = {name: u[..., i] for i, name in enumerate(labels)}
    return verdict.of_sample(law, scalars, stats(**other), 10, u, prior, labels)


def walk(steps: int, memory: float, seed: int) -> np.ndarray:
    """A stationary AR(1) walk per chain."""
    random = np.random.default_rng(seed)
    x = np.empty((CHAINS, steps))
    x[:, 0] = random.normal(size=CHAINS)
    for i in range(1, steps):
        x[:, i] = memory * x[:, i - 1] + np.sqrt(1 - memory**2) * random.normal(size=CHAINS)
    return x


def the_only_reason(found: Verdict) -> str:
    assert not found.ok
    assert len(found.reasons) == 1, found.reasons
    return found.reasons[0]


def test_a_good_fit_is_good() -> None:
    assert told(positions()) == Verdict(True, (), ())


def test_a_stuck_chain() -> None:
    u = positions()
    u[2, :, 3] += 0.2
    reasons = told(u).reasons
    assert any("the chains disagree about 1 of 7 parameters" in r and "alpha 1." in r for r in reasons)


def test_a_constant_chain_is_no_agreement() -> None:
    u = positions()
    u[:, :, 0] = np.nan
    found = told(u[..., :1], labels=["E"])
    assert not found.ok
    assert "E nan" in found.reasons[0]


def test_too_few_effective_draws() -> None:
    u = positions()
    u[:, :, 1] = 0.1 * walk(DRAWS, 0.97, 3)
    reasons = told(u).reasons
    assert any("too few effective draws in the bulk" in r and "(A " in r and "400 are needed" in r for r in reasons)


def test_divergences() -> None:
    few = np.zeros((CHAINS, DRAWS), bool)
    few[0, :4] = True
    assert told(positions(), diverging=few).ok  # one in a thousand is let pass
    few[0, 4] = True
    assert "5 of 4000 draws diverged" in the_only_reason(told(positions(), diverging=few))


def test_paths_that_end_too_soon() -> None:
    depth = np.full((CHAINS, DRAWS), 3)
    depth[:, :100] = 10
    assert "10% of draws stopped at the longest path" in the_only_reason(told(positions(), tree_depth=depth))


def test_energy_explored_slowly() -> None:
    reason = the_only_reason(told(positions(), energy=walk(DRAWS, 0.9, 5)))
    assert "E-BFMI 0." in reason and "below 0.3" in reason


def test_a_parameter_that_the_data_do_not_touch_is_named() -> None:
    u = positions()
    u[..., 4] *= 9
    reason = the_only_reason(told(u))
    assert "the data say next to nothing about beta" in reason and "the prior decides" in reason


def test_a_direction_that_the_data_do_not_touch_is_named_by_its_parameters() -> None:
    u = positions()
    along = np.random.default_rng(7).normal(size=(CHAINS, DRAWS))
    u[..., 1] += 0.9 * along
    u[..., 3] += 0.8 * along
    assert "the data do not separate A from alpha" in the_only_reason(told(u))


def test_a_level_that_the_data_do_not_touch_is_named() -> None:
    """A parameter with a value per level and no population: each level stands on its own rows."""
    names = ["k[gptq]", "k[rtn]", "u.levels.0"]
    law = lawdsl.parse(
        "{law: one, title: one, variables: {x: {unit: tokens}}, response: {y: {unit: nats/token}}, "
        "factors: {g: {levels: any}}, noise: {family: normal, scale: 1}, equation: y = (k + u)*x, "
        "parameters: {k: {prior: HalfNormal(1), by: g}, u: {by: g, pool: partial, center: 0}}}"
    )
    u = positions()[..., :3]
    u[..., 1:] *= 9
    prior = np.random.default_rng(2).normal(size=(1000, 3))
    (reason,) = verdict.of_information(law, u.reshape(-1, 3), prior, names)
    assert "the data say next to nothing about k[rtn]" in reason


def test_a_direction_that_is_of_many_levels_alike_is_told_by_the_first() -> None:
    """Thirty levels that move together: none of them makes up a third of the direction."""
    law = lawdsl.parse(
        "law: levels\nvariables: {N: {unit: parameters}}\nresponse: {L: {unit: nats/token}}\n"
        "factors: {text: {levels: any}}\nparameters:\n  E: {between: [1, 3], by: text}\n  s: {prior: HalfNormal(0.1)}\n"
        "equation: L = E + 0*N\nnoise: {family: normal, on: log, scale: s}\n"
    )
    random = np.random.default_rng(4)
    together = random.normal(size=(4000, 1)) + 0.01 * random.normal(size=(4000, 30))
    (reason,) = verdict.of_information(law, together, random.normal(size=(1000, 30)), [f"E[t{i}]" for i in range(30)])
    assert reason.startswith("the data do not separate E[t") and " and 23 others (the posterior is 5" in reason


def test_noise_may_be_the_priors() -> None:
    """A law is not wrong because its scatter is ill known."""
    u = positions()
    u[..., 5:] *= 10
    assert told(u).ok


def test_heavy_tails_of_a_prior_do_not_hide_a_parameter() -> None:
    """A prior's width is that of its middle 68 %, so that a few far draws do not make the data look informative."""
    u = positions()
    u[..., 0] *= 10
    prior = np.random.default_rng(3).normal(size=(1000, 7))
    prior[:20] *= 1000
    reasons = verdict.of_information(LAW, u.reshape(-1, 7), prior, LABELS)
    assert len(reasons) == 1 and "about E" in reasons[0]


def test_an_unsettled_sign_is_a_note_and_not_a_reason() -> None:
    law = lawdsl.load("qid")
    unsure = 0.05 + 0.1 * np.random.default_rng(0).normal(size=(CHAINS, DRAWS))
    (note,) = verdict.signs(law, {"alpha": unsure, "beta": unsure, "s0": unsure})
    assert "the sign of alpha (fall with model size) is not settled" in note
    assert "positive with probability 0.68" in note
    assert verdict.signs(law, {"alpha": unsure + 0.5}) == ()


def test_there_and_back_as_json() -> None:
    one = Verdict(False, ("a",), ("b", "c"))
    assert Verdict.from_json(one.as_json()) == one


# --- patterns in residuals -------------------------------------------------------------------------------------------


def design(seed: int, rows: int = 200) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"N": np.exp(random.uniform(18, 25, rows)), "D": np.exp(random.uniform(20, 27, rows))}


def centred(x: np.ndarray) -> np.ndarray:
    return np.log(x) - np.log(x).mean()


def test_residuals_of_a_right_law_are_left_alone() -> None:
    alarms = 0
    for seed in range(DATA_SETS):
        alarms += bool(patterns(design(seed), np.random.default_rng([seed, 1]).normal(size=200)))
    assert alarms <= MOST_ALARMS


def test_heavy_tails_raise_no_alarm() -> None:
    alarms = 0
    for seed in range(DATA_SETS):
        alarms += bool(patterns(design(seed), np.random.default_rng([seed, 2]).standard_t(1.5, 200)))
    assert alarms <= MOST_ALARMS


def test_a_missing_interaction_is_named() -> None:
    columns = design(0)
    noise = np.random.default_rng(9).normal(size=200)
    (note,) = patterns(columns, noise - 0.3 * centred(columns["N"]) * centred(columns["D"]))
    assert "the effect of N changes with D, which the law does not hold" in note
    assert "it is mixed" in note and "t = -" in note


def test_a_missing_bend_is_named() -> None:
    columns = design(1)
    noise = np.random.default_rng(9).normal(size=200)
    (note,) = patterns(columns, noise + 0.4 * centred(columns["D"]) ** 2)
    assert "the effect of D bends beyond what the law holds" in note


@pytest.mark.parametrize("rows", [1, 5, FEWEST - 1])
def test_few_rows_show_no_pattern(rows: int) -> None:
    columns = design(0, rows)
    assert patterns(columns, centred(columns["N"]) * centred(columns["D"])) == ()


def test_columns_that_tell_nothing_are_passed_over() -> None:
    random = np.random.default_rng(0)
    columns = {"constant": np.full(50, 3.0), "signed": random.normal(size=50), "two": np.repeat([1.0, 2.0], 25)}
    assert patterns(columns, random.normal(size=50)) == ()
    assert patterns(columns, np.zeros(50)) == ()
