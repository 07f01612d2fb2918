"""Answers of a posterior: each draw's own answer, summed up, by closed form or by search."""

from __future__ import annotations

import math

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, ask
from fitting.answers import DRAWS
from lawdsl.errors import AskError

# Closed forms computed here in another order.
SAME = 1e-9
# A search finds a root to rounding, and a flat optimum to the root of it.
SEARCHED = 1e-6

POINTS = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "L": [3.0, 2.5, 2.2]}
BESIROGLU = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


@pytest.fixture(scope="module")
def chinchilla() -> Posterior:
    random = np.random.default_rng(0)
    draws = {name: value * np.exp(random.normal(0, 0.02, (4, 500))) for name, value in BESIROGLU.items()}
    draws |= {"sigma": np.full((4, 500), 0.01), "nu": np.full((4, 500), 4.0)}
    return posterior(lawdsl.load("chinchilla"), POINTS, draws)


def best(post: Posterior, compute: float) -> tuple[np.ndarray, np.ndarray]:
    """Hoffmann et al.'s closed form for every draw: N* = G (C/6)^a, D* = (C/6)/N*."""
    p = post.flat
    g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    size = g * (compute / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))
    return size, compute / 6 / size


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_an_optimum_is_that_of_each_draw(chinchilla: Posterior, level: float) -> None:
    size, tokens = best(chinchilla, 5.76e23)
    found = ask(chinchilla, "optimum", {"C": "5.76e23"}, level=level)
    assert list(found) == ["N", "D", "L", "tokens_per_parameter"]
    for name, draws in {"N": size, "D": tokens, "tokens_per_parameter": tokens / size}.items():
        expected = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
        assert (found[name].lo, found[name].median, found[name].hi) == pytest.approx(tuple(expected), rel=SAME)
        assert found[name].none == 0


def test_search_and_closed_form_agree(chinchilla: Posterior) -> None:
    closed = ask(chinchilla, "optimum", {"C": 1e24}, route="closed")
    numeric = ask(chinchilla, "optimum", {"C": 1e24}, route="numeric")
    for name, answer in closed.items():
        assert numeric[name].median == pytest.approx(answer.median, rel=SEARCHED)


def test_a_value_needs_nothing(chinchilla: Posterior) -> None:
    p = chinchilla.flat
    expected = np.median(p["beta"] / (p["alpha"] + p["beta"]))
    assert ask(chinchilla, "exponent")["exponent"].median == pytest.approx(expected, rel=SAME)


QID_ROWS = {
    "N": [1e6, 1e7, 1e8, 1e9], "D": [1e8, 1e9, 1e10, 1e11], "P": [2, 3, 4, 4], "dL": [0.1, 0.2, 0.3, 0.1],
    "dL_se": [0.01] * 4, "run": ["a", "a", "b", "b"],
}  # fmt: skip


@pytest.fixture(scope="module")
def qid() -> Posterior:
    ones = np.ones((2, 50))
    draws = {
        "k": 0.017 * ones, "alpha": 0.2261 * ones, "beta": 0.5251 * ones, "gamma": 5.4967 * ones,
        "u": np.stack([0.5 * ones, -0.5 * ones], -1), "u.spread": 0.5 * ones, "s0": 0.001 * ones, "s1": 0.1 * ones,
    }  # fmt: skip
    return posterior(lawdsl.load("qid"), QID_ROWS, draws)


def test_a_typical_run_answers_unless_one_is_named(qid: Posterior) -> None:
    """At a run of effect u the degradation is exp(u) times as large, so D is exp(-u/beta) times as much."""
    given = {"N": "7B", "P": 4, "q": 0.2}
    typical = ask(qid, "tokens_at", given)["D"].median
    assert typical == pytest.approx((0.2 * 7e9**0.2261 * 4**5.4967 / 0.017) ** (1 / 0.5251), rel=SAME)
    assert ask(qid, "tokens_at", given | {"run": "a"})["D"].median == pytest.approx(
        typical * math.exp(-0.5 / 0.5251), rel=SAME
    )


def test_draws_without_an_answer_are_counted() -> None:
    """Where a loss is above what the law ever reaches, no N gives it: half of these draws have E above it."""
    draws = {name: np.full((2, 100), value) for name, value in BESIROGLU.items()}
    draws["E"] = np.repeat([[1.5], [2.5]], 100, axis=1)
    law = lawdsl.parse(
        """
law: size
title: size for a loss
variables: {N: {unit: parameters, kind: total}}
response: {L: {unit: nats/token}}
parameters:
  E: {between: [1, 3]}
  A: {prior: "LogNormal(6, 2)"}
  alpha: {between: [0.1, 1]}
equation: L = E + A/N^alpha
noise: {family: normal, scale: 0.1}
ask:
  size: {solve: L = q, for: N, given: [q]}
"""
    )
    post = posterior(law, POINTS, {name: draws[name] for name in ("E", "A", "alpha")})
    answer = ask(post, "size", {"q": 2.0})["N"]
    assert answer.none == pytest.approx(0.5)
    assert answer.median == pytest.approx((482.01 / 0.5) ** (1 / 0.3478), rel=SAME)
    assert answer.as_json()["share_without_answer"] == pytest.approx(0.5)
    nothing = ask(post, "size", {"q": 1.0})["N"]
    assert nothing.none == 1.0 and math.isnan(nothing.median)


def test_a_level_is_asked_for_only_where_it_matters() -> None:
    """k has a value per method; the exponent needs no k."""
    law = lawdsl.parse(
        """
law: methods
title: a scale per method
variables: {x: {unit: tokens}}
response: {y: {unit: nats/token}}
factors: {method: {levels: any}}
parameters:
  k: {prior: "LogNormal(0, 1)", by: method}
  a: {between: [0.1, 1]}
equation: y = k/x^a
noise: {family: normal, scale: 0.1}
ask:
  fall: {value: 10^-a}
  here: {value: y, given: [x]}
"""
    )
    rows = {"x": [1.0, 2.0], "y": [1.0, 2.0], "method": ["p", "q"]}
    post = posterior(law, rows, {"k": [[[1.0, 2.0]]], "a": [[0.5]]})
    assert ask(post, "fall")["fall"].median == pytest.approx(10**-0.5, rel=SAME)
    assert ask(post, "here", {"x": 4, "method": "q"})["here"].median == pytest.approx(1.0, rel=SAME)
    with pytest.raises(AskError, match="ASK004"):
        ask(post, "here", {"x": 4})


def test_many_draws_are_thinned_evenly(chinchilla: Posterior) -> None:
    longer = {name: np.repeat(draws, 3, axis=1) for name, draws in chinchilla.draws.items()}
    assert longer["E"].size > DRAWS
    post = posterior(chinchilla.law, POINTS, longer)
    before, after = (ask(one, "optimum", {"C": 1e24})["N"] for one in (chinchilla, post))
    assert after.median == pytest.approx(before.median, rel=0.01)


@pytest.mark.parametrize(
    ("question", "given", "code"),
    [
        ("optimun", {"C": 1e24}, "ASK009"),
        ("optimum", {}, "ASK001"),
        ("optimum", {"C": 1e24, "Q": 1}, "ASK002"),
        ("optimum", {"C": "lots"}, "ASK007"),
        ("optimum", {"C": math.nan}, "ASK007"),
        ("optimum", {"C": -1e24}, "ASK007"),
    ],
)
def test_faults(chinchilla: Posterior, question: str, given: dict[str, object], code: str) -> None:
    with pytest.raises(AskError) as found:
        ask(chinchilla, question, given)
    assert [fault.code for fault in found.value.faults] == [code]


def test_an_unknown_question_is_told_the_nearest(chinchilla: Posterior) -> None:
    with pytest.raises(AskError, match="Did you mean 'optimum'"):
        ask(chinchilla, "optimun")


def test_a_level_is_a_probability(chinchilla: Posterior) -> None:
    with pytest.raises(AskError, match="ASK008"):
        ask(chinchilla, "exponent", level=1)
