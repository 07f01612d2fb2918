"""Predictions: points read, levels found or drawn, intervals that mean what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from posteriors import posterior
from scipy import stats

import lawdsl
from fitting import Posterior, Prediction, predict
from fitting.predictions import describe, parameter_values, read_points, table_points
from lawdsl.errors import AskError
from lawdsl.table import bind

# The same arithmetic by another order of operations.
SAME = 1e-12
# A 5 % quantile of 20,000 draws has a standard error of 0.015 sd; at five of them the false-alarm rate is 6e-7.
DRAWS = 20_000
QUANTILE = 5 * 0.015

LAW = """
law: degraded
title: loss with effects of methods and runs
variables:
  N: {unit: parameters, kind: total}
  D: {unit: tokens}
  t: {unit: ratio, domain: real}
  r: {unit: fraction, domain: unit}
  C: {unit: FLOP, is: 6*N*D}
  unused: {unit: bits}
response: {L: {unit: nats/token}}
factors: {method: {levels: [gptq, rtn]}, run: {levels: any}, bits: {levels: any}}
parameters:
  A: {prior: "LogNormal(0, 1)"}
  k: {prior: "LogNormal(0, 1)", by: method}
  u: {by: run, pool: partial, center: 0, spread: HalfNormal(1)}
  c: {prior: "LogNormal(0, 1)", by: bits, pool: partial, spread: HalfNormal(1)}
  s: {prior: HalfNormal(1)}
equation: L = A*k*c*exp(u) + 0*(N/D) + 0*t + 0*r
noise: {family: normal, scale: s}
"""
ROWS: dict[str, Any] = {
    "N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "t": [-1.0, 0.0, 1.0], "r": [0.0, 0.5, 1.0], "L": [1.0, 2.0, 3.0],
    "method": ["gptq", "rtn", "gptq"], "run": ["one", "two", "one"], "bits": ["2", "4", "4"],
}  # fmt: skip
AT = {"N": "1B", "D": 1e10, "t": -0.5, "r": 0.5, "method": "gptq"}
SPREAD_OF_U, SPREAD_OF_C, NOISE = 0.3, 0.5, 0.1


@pytest.fixture(scope="module")
def post() -> Posterior:
    """A = 2 and k = 1, 3 exactly, so that everything else shows alone; u of run one is 0.7."""
    one = np.ones((2, DRAWS // 2))
    return posterior(
        lawdsl.parse(LAW), ROWS,
        {
            "A": 2 * one, "k": np.stack([one, 3 * one], -1), "u": np.stack([0.7 * one, 0 * one], -1),
            "u.spread": SPREAD_OF_U * one, "c": np.stack([0.25 * one, 0.5 * one], -1), "c.center": one,
            "c.spread": SPREAD_OF_C * one, "s": NOISE * one,
        },
        seed=5,
    )  # fmt: skip


def law_of(one: Prediction) -> tuple[float, float, float]:
    """What does not rest on the scatter of new observations."""
    return one.mean, one.lo, one.hi


def codes(found: pytest.ExceptionInfo[AskError]) -> list[str]:
    return [fault.code for fault in found.value.faults]


# --- points ----------------------------------------------------------------------------------------------------------


def test_numbers_are_read_as_the_field_writes_them() -> None:
    (point,) = read_points(lawdsl.load("chinchilla"), [{"N": "70B", "D": "1.4T"}])
    assert point == {"N": 7e10, "D": 1.4e12}
    assert describe(point) == "N=70B, D=1.4T"


def test_a_level_that_is_a_number_is_read_as_one() -> None:
    law = lawdsl.parse(LAW)
    for written in ("4", "4.0", 4, 4.0):
        (point,) = read_points(law, [AT | {"bits": written}])
        assert point["bits"] == "4"


def test_a_level_that_looks_like_a_size_is_a_name() -> None:
    (point,) = read_points(lawdsl.parse(LAW), [AT | {"run": "7B"}])
    assert point["run"] == "7B"


def test_every_fault_of_every_point_is_told_at_once() -> None:
    law = lawdsl.parse(LAW)
    wrong = [
        {"N": "70B", "D": "many", "t": 0, "r": 0.5},
        {"N": -1, "D": 0, "t": -3, "r": 1.5},
        {"N": "70B", "M": 3, "C": 1e20, "unused": 4, "t": 0, "r": 0},
        {"N": math.inf, "D": math.nan, "t": "nan", "r": 0},
    ]
    with pytest.raises(AskError) as found:
        read_points(law, wrong)
    told = str(found.value)
    assert codes(found) == ["ASK007"] * 4 + ["ASK002"] * 3 + ["ASK001"] + ["ASK007"] * 3
    for part in ("D=many is not a number", "N=-1", "N is positive", "D=0", "r=1.5", "r is between 0 and 1", "N=inf",
                 "'M' is not", "'C' follows from 6*N*D", "'unused' is not used", "no number for 'D'"):  # fmt: skip
        assert part in told, part


@pytest.mark.parametrize("level", [0, 1, -0.5, 90, math.nan])
def test_a_level_is_a_probability(post: Posterior, level: float) -> None:
    with pytest.raises(AskError, match="ASK008"):
        predict(post, [AT], level=level)


def test_rows_of_a_table_are_predicted_in_their_order() -> None:
    law = lawdsl.parse(LAW)
    rows = {name: values for name, values in ROWS.items() if name != "L"}
    points = table_points(bind(law, rows, response=False))
    assert [point["N"] for point in points] == ROWS["N"]
    assert [point["method"] for point in points] == ROWS["method"]
    assert [point["bits"] for point in points] == ROWS["bits"]


def test_a_long_table_is_predicted_as_its_rows_are_one_by_one(post: Posterior) -> None:
    """Chunks of rows change nothing about the mean."""
    points = [AT | {"run": "one", "bits": "2", "method": ("gptq", "rtn")[i % 2]} for i in range(600)]
    few = posterior(post.law, ROWS, {name: draws[:, :50] for name, draws in post.draws.items()})
    together = predict(few, points)
    assert len(together) == 600
    assert [one.at for one in together] == [tuple(point.items()) for point in read_points(post.law, points)]
    for i in (0, 1, 511, 512, 599):
        (alone,) = predict(few, points[i : i + 1])
        assert law_of(together[i]) == pytest.approx(law_of(alone), rel=SAME)


def test_no_points_no_predictions(post: Posterior) -> None:
    assert len(predict(post, [])) == 0


# --- levels ----------------------------------------------------------------------------------------------------------


def ask(post: Posterior, **more: Any) -> Any:
    return predict(post, [AT | more])[0]


def test_a_level_that_was_seen_is_its_own(post: Posterior) -> None:
    one = ask(post, run="one", bits="2", method="rtn")
    value = 2 * 3 * 0.25 * math.exp(0.7)
    assert (one.mean, one.median, one.lo, one.hi) == pytest.approx([value] * 4, rel=SAME)


def test_noise_is_in_the_new_observation_alone(post: Posterior) -> None:
    one = ask(post, run="one", bits="2")
    half = stats.norm.ppf(0.95) * NOISE
    assert one.lo == one.hi
    assert (one.new_lo, one.new_hi) == pytest.approx((one.mean - half, one.mean + half), abs=QUANTILE * NOISE)


def test_an_unnamed_level_is_typical_in_the_mean_and_new_in_the_observation(post: Posterior) -> None:
    one = ask(post, bits="4")
    assert (one.mean, one.lo, one.hi) == pytest.approx([1.0] * 3, rel=SAME)  # u = 0, the center
    expected = np.exp(stats.norm.ppf([0.05, 0.95]) * SPREAD_OF_U)
    got = np.log([one.new_lo, one.new_hi]) / SPREAD_OF_U
    noisier = math.hypot(1, NOISE / SPREAD_OF_U)  # the noise widens it a little, on the log roughly in quadrature
    np.testing.assert_allclose(got, np.log(expected) / SPREAD_OF_U * noisier, atol=QUANTILE + 0.05)


def test_an_unseen_level_is_drawn_from_the_population(post: Posterior) -> None:
    known, unseen = ask(post, run="one", bits="4"), ask(post, run="three", bits="4")
    assert unseen.hi - unseen.lo > 10 * (known.hi - known.lo)
    got = np.log([unseen.lo, unseen.median, unseen.hi]) / SPREAD_OF_U
    np.testing.assert_allclose(got, stats.norm.ppf([0.05, 0.5, 0.95]), atol=QUANTILE)


def test_a_population_with_a_center_of_its_own(post: Posterior) -> None:
    """c is about 1 on the log scale, wherever the levels seen lie."""
    typical, unseen = ask(post, run="two"), ask(post, run="two", bits="7")
    assert typical.median == pytest.approx(2.0, rel=SAME)
    got = np.log(np.array([unseen.lo, unseen.median, unseen.hi]) / 2.0) / SPREAD_OF_C
    np.testing.assert_allclose(got, stats.norm.ppf([0.05, 0.5, 0.95]), atol=QUANTILE)


def test_one_name_is_one_draw(post: Posterior) -> None:
    """Two points of one new run move together, in one call or in two; another run moves on its own."""
    first, again, other = predict(post, [AT | {"run": name, "bits": "4"} for name in ("new", "new", "newer")])
    (later,) = predict(post, [AT | {"run": "new", "bits": "4"}])
    assert law_of(first) == pytest.approx(law_of(again), rel=SAME)
    assert law_of(first) == pytest.approx(law_of(later), rel=SAME)
    assert law_of(first) == pytest.approx(law_of(other), rel=QUANTILE)
    points = read_points(post.law, [AT | {"run": name} for name in ("new", "new", "newer")])
    effect = parameter_values(post, points, typical=True)["u"]
    assert (effect[:, 0] == effect[:, 1]).all()
    assert abs(np.corrcoef(effect[:, 0], effect[:, 2])[0, 1]) < 5 / math.sqrt(DRAWS)


@pytest.mark.parametrize(
    ("named", "told"), [({"method": "awq"}, "awq was not in the data"), ({}, "no method is named")]
)
def test_a_level_without_a_population_cannot_be_guessed(post: Posterior, named: dict[str, str], told: str) -> None:
    point = {name: value for name, value in AT.items() if name != "method"} | named
    with pytest.raises(AskError, match=told) as found:
        predict(post, [point, point])
    assert codes(found) == ["ASK004"]


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide() -> Posterior:
    """A is log-normal about 2 with an sd of 0.2 on the log."""
    normal = np.random.default_rng(0).normal(size=(4, DRAWS // 4))
    law = lawdsl.parse(
        "{law: flat, title: flat, variables: {x: {unit: tokens}}, response: {y: {unit: nats/token}}, parameters: "
        '{A: {prior: "LogNormal(0, 1)"}}, equation: y = A*x, noise: {family: normal, on: log, scale: 0.3}}'
    )
    return posterior(law, {"x": [1, 10, 100], "y": [2, 20, 200]}, {"A": 2 * np.exp(0.2 * normal)})


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_level_is_that_of_the_intervals(wide: Posterior, level: float) -> None:
    (one,) = predict(wide, [{"x": 3}], level=level)
    z = stats.norm.ppf((1 + level) / 2)
    tolerance = 5 * math.sqrt(level * (1 - level) / DRAWS) / stats.norm.pdf(z)
    assert one.level == level
    np.testing.assert_allclose(np.log(np.array([one.lo, one.hi]) / 6) / 0.2, [-z, z], atol=tolerance)
    spread = math.hypot(0.2, 0.3)
    np.testing.assert_allclose(np.log(np.array([one.new_lo, one.new_hi]) / 6) / spread, [-z, z], atol=tolerance)
    assert one.mean > one.median  # a log-normal


def test_decades_beyond_the_rows(wide: Posterior) -> None:
    at = {one.at[0][1]: dict(one.beyond)["x"] for one in predict(wide, [{"x": x} for x in (0.01, 1, 30, 100, 1e5)])}
    assert at == pytest.approx({0.01: -2, 1: 0, 30: 0, 100: 0, 1e5: 3})
    far, near = predict(wide, [{"x": 1e5}, {"x": 101}])
    assert far.distance() == "3.0 decades above the data in x"
    assert near.distance() == ""
    assert predict(wide, [{"x": 0.01}])[0].distance() == "2.0 decades below the data in x"


def test_as_json(wide: Posterior) -> None:
    (one,) = predict(wide, [{"x": "1K"}])
    plain = one.as_json()
    assert plain["at"] == {"x": 1000.0}
    assert {"mean", "median", "lo", "hi", "new_lo", "new_hi", "level"} <= set(plain)
    assert plain["decades_beyond_data"] == pytest.approx({"x": 1.0})


def test_the_posterior_predicts_itself(wide: Posterior) -> None:
    assert wide.predict(x=3) == wide.predict([{"x": 3}]) == predict(wide, [{"x": 3}])


def test_a_point_fit_scatters_its_residuals(wide: Posterior) -> None:
    """One draw: the law has no interval, a new observation has that of the residuals."""
    residuals = np.linspace(-0.5, 0.5, 1001)
    point = posterior(wide.law, {"x": [1], "y": [2]}, {"A": [[2.0]]}, method="huber", residuals={"y": residuals})
    (one,) = predict(point, [{"x": 3}])
    assert one.lo == one.median == one.hi == pytest.approx(6.0)
    np.testing.assert_allclose(np.log(np.array([one.new_lo, one.new_hi]) / 6), [-0.45, 0.45], atol=1e-9)


def test_a_point_fit_holds_effects_at_their_center(post: Posterior) -> None:
    draws = {"A": [[2.0]], "k": [[[1.0, 3.0]]], "c": [[[0.25, 0.5]]]}
    point = posterior(post.law, ROWS, draws, method="huber", residuals={"L": np.zeros(3)})
    for run in ({}, {"run": "one"}, {"run": "new"}):
        assert ask(point, bits="4", **run).median == pytest.approx(1.0)
    with pytest.raises(AskError, match="ASK004"):
        ask(point, bits="7")
