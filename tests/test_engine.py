"""The engine on real tables: published numbers come back, with intervals, a verdict, and the same draws for a seed."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

import fitting
import lawdsl
from fitting import Posterior
from lawdsl.errors import InputError

# Besiroglu et al. 2024 (arXiv 2404.10102), 240 points: value and standard error, of scales on the log.
BESIROGLU = {
    "E": (1.8172, 0.03), "alpha": (0.3478, 0.02), "beta": (0.3658, 0.02),
    "log A": (6.178, 124.58 / 482.01), "log B": (7.643, 1293.23 / 2085.43),
}  # fmt: skip
# Their notebook's standard errors, 4000 resamples; of the skew scales the 95 % intervals (A 285.2 to 743.6, B 1042.4 to
# 5810.3) on the log, over 3.92. Ours have 1000 resamples, which alone is 2 %, and are of Huber's loss with the scatter
# held, theirs with it free.
BOOTSTRAP = {"E": 0.02566, "alpha": 0.01540, "beta": 0.02060, "log A": 0.2445, "log B": 0.4383}
BOOTSTRAP_WITHIN = 0.15
# The least summed Huber loss on these points, from a grid of 4500 starts; printed to seven digits.
LEAST_LOSS, LOSS_WITHIN = 1.018274e-3, 1e-6
# A search finds a flat optimum to the root of float64's precision.
ROUTES = 1e-6
CHINCHILLA_BUDGET = 5.76e23
MAX_RHAT, MIN_ESS = 1.01, 1000


@pytest.fixture(scope="module")
def tables() -> Path:
    """The folder of public tables; what rests on it is skipped without it."""
    if not os.environ.get("LAWDSL_DATA"):
        pytest.skip("set LAWDSL_DATA to a folder of the public tables")
    return Path(os.environ["LAWDSL_DATA"])


@pytest.fixture(scope="module")
def chinchilla(tables: Path) -> Posterior:
    return fitting.fit("chinchilla", "chinchilla-epoch")


@pytest.fixture(scope="module")
def bootstrap(tables: Path) -> Posterior:
    return fitting.fit("chinchilla", "chinchilla-epoch", method="bootstrap")


@pytest.fixture(scope="module")
def ladder() -> Posterior:
    """The law of quantization on the rows that ship, with no folder of tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LAWDSL_DATA", raising=False)
        return fitting.fit("qid")


def quantities(post: Posterior) -> dict[str, np.ndarray]:
    p = post.flat
    return {"E": p["E"], "alpha": p["alpha"], "beta": p["beta"], "log A": np.log(p["A"]), "log B": np.log(p["B"])}


# --- Chinchilla ------------------------------------------------------------------------------------------------------


def test_chinchilla_gives_back_the_refit(chinchilla: Posterior) -> None:
    for name, draws in quantities(chinchilla).items():
        value, error = BESIROGLU[name]
        assert abs(draws.mean() - value) < error, name


def test_chinchilla_has_converged(chinchilla: Posterior) -> None:
    assert chinchilla.verdict.ok, chinchilla.verdict.reasons
    for name, row in chinchilla.summary().items():
        assert row["rhat"] <= MAX_RHAT, name
        assert row["ess_bulk"] >= MIN_ESS, name
    assert not chinchilla.stats["diverging"].any()


def test_tokens_a_parameter_at_chinchillas_budget(chinchilla: Posterior) -> None:
    """Besiroglu et al. find about 20, as Chinchilla was trained; Hoffmann et al.'s constants say 93."""
    ratio = fitting.ask(chinchilla, "optimum", {"C": CHINCHILLA_BUDGET})["tokens_per_parameter"]
    assert ratio.lo < 19 < ratio.hi
    assert 10 < ratio.lo and ratio.hi < 40
    assert ratio.none == 0


def test_search_and_closed_form_agree(chinchilla: Posterior) -> None:
    closed, numeric = (
        fitting.ask(chinchilla, "optimum", {"C": CHINCHILLA_BUDGET}, route=route) for route in ("closed", "numeric")
    )  # fmt: skip
    for name, one in closed.items():
        assert numeric[name].median == pytest.approx(one.median, rel=ROUTES), name


def test_the_least_huber_loss(bootstrap: Posterior) -> None:
    settings = dict(bootstrap.provenance.settings)
    assert float(settings["objective"]) == pytest.approx(LEAST_LOSS, rel=LOSS_WITHIN)
    assert float(settings["delta"]) == 1e-3
    assert "sigma" not in bootstrap.draws  # a point fit knows no noise


def test_the_bootstraps_standard_errors(bootstrap: Posterior) -> None:
    assert bootstrap.verdict.ok, bootstrap.verdict.reasons
    for name, draws in quantities(bootstrap).items():
        assert draws.std() == pytest.approx(BOOTSTRAP[name], rel=BOOTSTRAP_WITHIN), name


def test_the_mode_is_near_the_mean(chinchilla: Posterior, tables: Path) -> None:
    mode = fitting.fit("chinchilla", "chinchilla-epoch", method="map")
    for name, draws in quantities(mode).items():
        sampled = quantities(chinchilla)[name]
        assert abs(draws.mean() - sampled.mean()) < 0.5 * sampled.std(), name
        assert 0.6 < draws.std() / sampled.std() < 1.6, name
    assert any("normal approximation" in note for note in mode.verdict.notes)


def test_the_seed_decides(tables: Path) -> None:
    one, same, other = (fitting.fit("chinchilla", "chinchilla-epoch", draws=50, seed=seed) for seed in (3, 3, 4))
    for name in one.draws:
        np.testing.assert_array_equal(one.draws[name], same.draws[name])
        assert not np.isclose(one.draws[name], other.draws[name]).all()
    assert one.predict(N="70B", D="1.4T") == same.predict(N="70B", D="1.4T")


def test_replicated_rows_look_like_the_rows(chinchilla: Posterior) -> None:
    """Posterior predictive check: nine tenths of the observations lie in their row's 90 % interval, give or take."""
    observed = chinchilla.columns["L"]
    low, high = np.quantile(chinchilla.predictive["posterior"]["L"], [0.05, 0.95], axis=0)
    assert 0.84 < np.mean((low <= observed) & (observed <= high)) < 0.96
    before = np.diff(np.quantile(chinchilla.predictive["prior"]["L"], [0.05, 0.95], axis=0), axis=0)
    assert (before > 3 * (high - low)).all()


# --- the ladder ------------------------------------------------------------------------------------------------------


def test_the_ladder_needs_no_folder_of_tables(ladder: Posterior) -> None:
    assert ladder.provenance.data == "ladder-qid"
    assert ladder.verdict.ok, ladder.verdict.reasons
    for name, row in ladder.summary().items():
        assert row["rhat"] <= MAX_RHAT, name


def test_the_ladders_directions(ladder: Posterior) -> None:
    """Degradation grows with training and falls with bits and with size, beyond doubt, all as in the paper."""
    assert (ladder.flat["alpha"] > 0).mean() > 0.99
    assert (ladder.flat["beta"] > 0.2).mean() > 0.99
    assert (ladder.flat["gamma"] > 2).mean() > 0.99


def test_the_ladders_exponent_of_size_is_the_papers(ladder: Posterior) -> None:
    """alpha of arXiv 2411.17691 is 0.2261: within two standard deviations of ours. beta, 0.5251, and gamma are not."""
    alpha = ladder.flat["alpha"]
    assert abs(alpha.mean() - 0.2261) < 2 * alpha.std()


def test_large_models_have_intervals_and_distances(ladder: Posterior) -> None:
    points = [{"N": n, "D": "100T", "P": p} for n in ("7B", "70B", "405B") for p in (2, 3, 4)]
    found = fitting.predict(ladder, points)
    assert len(found) == 9
    largest, longest = (ladder.ranges[name][1] for name in ("N", "D"))
    for one, point in zip(found, points, strict=True):
        assert 0 < one.lo < one.median < one.hi < math.inf
        assert one.new_lo < one.lo and one.hi < one.new_hi
        beyond = dict(one.beyond)
        assert beyond["N"] == pytest.approx(math.log10(dict(one.at)["N"] / largest))
        assert beyond["D"] == pytest.approx(math.log10(1e14 / longest)) and beyond["D"] > 6
        assert beyond["P"] == 0, point
        assert "decades above the data in N" in one.distance()
    for i in range(0, 9, 3):
        two, three, four = (one.median for one in found[i : i + 3])
        assert two > three > four
    near = fitting.predict(ladder, [{"N": 1e5, "D": 1e7, "P": 3}])[0]
    assert math.log(found[3].hi / found[3].lo) > 3 * math.log(near.hi / near.lo)  # further out, less is known


def test_the_ladder_by_mode_and_by_point(ladder: Posterior) -> None:
    """A population's spread has no mode of its own, and a point fit holds run effects at zero: both still answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LAWDSL_DATA", raising=False)
        mode, point = fitting.fit("qid", method="map"), fitting.fit("qid", method="huber")
    for name in ("alpha", "beta", "gamma"):
        assert abs(mode.flat[name].mean() - ladder.flat[name].mean()) < 2 * ladder.flat[name].std(), name
    assert set(point.draws) == {"k", "alpha", "beta", "gamma"}
    (one,) = fitting.predict(point, [{"N": 1e5, "D": 1e7, "P": 3, "run": "100k-s0"}])
    assert one.lo == one.hi and one.new_lo < one.median < one.new_hi


# --- other laws, and refusals ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vocabulary", "precision", "precision_ptq"])
def test_a_fit_is_good_or_names_what_is_not_separated(name: str, tables: Path) -> None:
    post = fitting.fit(name)
    assert post.verdict.ok or any("do not separate" in r or "next to nothing" in r for r in post.verdict.reasons)
    assert all(row["rhat"] < 1.05 for row in post.summary().values())


SMALL = """
law: small
title: a line in the log
variables: {x: {unit: tokens}}
response: {y: {unit: nats/token}}
parameters:
  a: {prior: "LogNormal(0, 1)"}
  b: {between: [0.1, 1]}
  s: {prior: HalfNormal(0.1)}
equation: y = a/x^b
noise: {family: normal, on: log, scale: s}
"""
ROWS = {"x": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], "y": [2.02, 1.40, 1.01, 0.71, 0.49, 0.354]}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"method": "guess"}, "FIT010"),
        ({"chains": 0}, "FIT011"),
        ({"draws": 3}, "FIT011"),
        ({"seed": -1}, "FIT011"),
    ],
)
def test_settings_at_fault(settings: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as found:
        fitting.fit(lawdsl.parse(SMALL), ROWS, **settings)  # type: ignore[arg-type]
    assert [fault.code for fault in found.value.faults] == [code]


def test_a_bound_is_not_fitted() -> None:
    with pytest.raises(InputError, match="FIT012"):
        fitting.fit(lawdsl.parse(SMALL.replace("title:", "status: bound\ntitle:")), ROWS, method="map")


def test_no_start_with_a_density() -> None:
    """The log of a response that the law makes negative everywhere."""
    law = lawdsl.parse(SMALL.replace("y = a/x^b", "y = a/x^b - 1e9"))
    for method in ("map", "huber"):
        with pytest.raises(InputError, match="FIT013"):
            fitting.fit(law, ROWS, method=method)  # type: ignore[arg-type]


def test_bounds_that_leave_nothing_of_a_prior() -> None:
    law = lawdsl.parse(SMALL.replace('"LogNormal(0, 1)"', '"Normal(0, 1)", bounds: [50, 60]'))
    with pytest.raises(InputError, match="FIT014"):
        fitting.fit(law, ROWS, method="map")


def test_progress_is_told() -> None:
    stages: list[tuple[str, int, int]] = []
    fitting.fit(lawdsl.parse(SMALL), ROWS, method="map", progress=lambda *told: stages.append(told))
    assert stages == [("searching for the mode", 0, 1), ("searching for the mode", 1, 1)]


def test_two_factors_are_simulated_and_fitted() -> None:
    """A truth of four levels comes back from rows with next to no noise."""
    law = lawdsl.parse(
        SMALL.replace("variables:", "factors: {g: {levels: any}, h: {levels: any}}\nvariables:").replace(
            '"LogNormal(0, 1)"}', '"LogNormal(0, 1)", by: [g, h]}'
        )
    )
    levels = {"g": ["p"] * 8 + ["q"] * 8, "h": (["1"] * 4 + ["2"] * 4) * 2}
    rows = {"x": [1.0, 2.0, 4.0, 8.0] * 4, "y": [1.0] * 16} | levels
    truth = {"a": [1.0, 2.0, 3.0, 4.0], "b": 0.5, "s": 1e-6}
    data = fitting.simulate(law, lawdsl.bind(law, rows), truth, seed=1)
    np.testing.assert_allclose(data.columns["y"][[0, 4, 8, 12]], truth["a"], rtol=1e-4)
    post = fitting.fit(law, data, method="huber")
    assert post.levels["a"] == ("p,1", "p,2", "q,1", "q,2")
    np.testing.assert_allclose(post.flat["a"][0], truth["a"], rtol=1e-3)
    assert post.predict(x=4, g="q", h="1")[0].median == pytest.approx(1.5, rel=1e-3)
