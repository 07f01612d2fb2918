"""Answers with the law's own error in them: a world that goes astray as backtests found is covered as stated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from posteriors import posterior
from scipy import optimize
from scipy.special import ndtri

import lawdsl
from fitting import Posterior, ask, astray, plan
from fitting.answers import DRAWS, answer_draws
from fitting.designing import design
from fitting.discrepancy import Discrepancy, growth
from fitting.question_draws import asked
from fitting.reliability import Found, Reliability
from lawdsl import library
from lawdsl.law import Law
from lawdsl.question import _question, answer

LAW = """
law: falls
title: a loss that falls with size
variables:
  N: {{unit: parameters, kind: total}}
response: {{L: {{unit: {unit}}}}}
parameters:
  k: {{prior: "LogNormal(1, 1)"}}
  a: {{prior: "Normal(0.2, 0.2)"}}
  s: {{prior: HalfNormal(0.05)}}
equation: {equation}
noise: {{family: normal, on: {on}, scale: s}}
ask:
  size_at: {{solve: L = q, for: N, given: [q]}}
  gap: {{value: L - q, given: [N, q]}}
  tenfold: {{value: 10^(-a)}}
"""
SCALES = {
    "log": ("nats/token", "L = k/(N/1e9)^a"),
    "identity": ("nats/token", "L = k - a*log(N/1e9)"),
    "logit": ("fraction", "L = 1/(1 + k*(N/1e9)^a)"),
}
SHARE, UNIT = 0.3, 0.5
#: of the interval's ends among the draws: five standard errors of a 5 % quantile (6e-7 a comparison)
WITHIN = 5 * math.sqrt(0.05 * 0.95 / DRAWS)


def told(share: float = SHARE, spread: float = 1e-9, widen: bool = True) -> Reliability:
    found = Found("L", (0.5, 1.5), 63, 5, {0.9: 0.6}, {0.9: 0.9})
    return Reliability("N", 9.0, "map", (found,), {"L": Discrepancy(UNIT, math.log(share), spread, widen, 5, 63)})


def fitted(on: str, spread: float = 1e-9) -> Posterior:
    unit, equation = SCALES[on]
    law: Law = lawdsl.parse(LAW.format(on=on, unit=unit, equation=equation))
    random = np.random.default_rng(0)
    shape = (4, DRAWS // 2)
    draws = {"k": 2 + spread * random.standard_normal(shape), "a": 0.3 * np.ones(shape), "s": 0.01 * np.ones(shape)}
    rows = {"N": [1e7, 1e8, 1e9], "L": [0.9, 0.7, 0.5]}
    return replace(posterior(law, rows, draws), reliability=told())


def law_at(on: str, decades: float) -> float:
    """The law on the scale of its noise, so many decades beyond the rows."""
    x = decades * math.log(10)
    return {"log": math.log(2) - 0.3 * x, "identity": 2 - 0.3 * x, "logit": -math.log(2) - 0.3 * x}[on]


def restored(on: str, value: float) -> float:
    return {"log": math.exp(value), "identity": value, "logit": 1 / (1 + math.exp(-value))}[on]


@pytest.mark.parametrize("on", SCALES)
def test_a_root_lies_where_the_law_with_its_error_has_it(on: str) -> None:
    """The ends of the interval are the roots of the law with the error's own 5 and 95 % quantiles, which its normal
    deviate gives; the search of `scipy` finds them apart.
    """
    q = restored(on, law_at(on, 1.0))
    found = ask(fitted(on), "size_at", {"q": q}, level=0.9)
    assert found["N"].widened
    for end, tail in ((found["N"].lo, 0.05), (found["N"].hi, 0.95)):
        near = [root(on, ndtri(p)) for p in (tail - WITHIN, tail + WITHIN)]
        assert min(near) - 1e-3 <= math.log10(end) - 9 <= max(near) + 1e-3
    alone = ask(replace(fitted(on), reliability=None), "size_at", {"q": q})
    assert not alone["N"].widened and alone["N"].median == pytest.approx(1e10)
    assert found["N"].median == pytest.approx(alone["N"].median, rel=0.05)


def root(on: str, z: float) -> float:
    """Decades at which the law that is off by z deviations is what the law alone is one decade out."""
    return float(
        optimize.brentq(lambda r: law_at(on, r) + z * SHARE * UNIT * float(growth(r)) - law_at(on, 1.0), 0, 29)
    )


def test_closed_form_and_search_agree_beyond_the_rows() -> None:
    closed, numeric = (ask(fitted("log"), "size_at", {"q": 0.9}, route=route) for route in ("closed", "numeric"))
    for end in ("lo", "median", "hi"):
        assert getattr(numeric["N"], end) == pytest.approx(getattr(closed["N"], end), rel=1e-3)


def test_worlds_that_go_astray_are_covered() -> None:
    """Of 400 worlds whose law errs as the backtests say, 90 % of the answers are in the 90 % interval: a binomial count
    strays by five of its standard deviations, 7.5 points, once in two million.
    """
    random = np.random.default_rng(3)
    post = fitted("log", 0.02)
    found, alone = (ask(one, "size_at", {"q": 0.9})["N"] for one in (post, _plain(post)))
    hits, plain = 0, 0
    for _ in range(400):
        k = 2 + 0.02 * random.standard_normal()
        error = SHARE * UNIT * random.standard_normal()

        def gap(r: float, k: float = k, error: float = error) -> float:
            return math.log(k / 0.9) - 0.3 * r * math.log(10) + error * float(growth(r))

        size = 10 ** (9 + optimize.brentq(gap, 0, 29))
        hits += found.lo <= size <= found.hi
        plain += alone.lo <= size <= alone.hi
    assert abs(hits / 400 - 0.9) < 0.075
    assert plain / 400 < 0.5


def _plain(post: Posterior) -> Posterior:
    return replace(post, reliability=told(widen=False))


def test_among_the_rows_and_where_plain_intervals_hold_nothing_changes() -> None:
    post = fitted("log", 0.02)
    inside = {"q": 3.0}  # N = 2.6e8, inside 1e7..1e9
    for one, given in ((post, inside), (_plain(post), {"q": 0.9})):
        assert ask(one, "size_at", given)["N"] == ask(replace(one, reliability=None), "size_at", given)["N"]


def test_a_value_of_the_response_is_off_and_one_of_constants_is_not() -> None:
    post = fitted("identity")
    gap = ask(post, "gap", {"N": 1e10, "q": 1.0})["gap"]
    half = SHARE * UNIT * float(growth(1.0)) * ndtri(0.95)
    assert gap.hi - gap.lo == pytest.approx(2 * half, rel=0.15)  # of the ends' five standard errors
    assert not ask(post, "tenfold")["tenfold"].widened


def test_an_error_larger_than_the_trend_has_no_answer() -> None:
    """The law falls by .69 a decade on the log; an error that rises by as much never comes down to q: of a normal with
    deviation .9 a decade those are the z > .77.
    """
    post = replace(fitted("log"), reliability=told(share=1.8))
    found = ask(post, "size_at", {"q": 0.9})["N"]
    assert found.none == pytest.approx(1 - 0.779, abs=5 * math.sqrt(0.22 * 0.78 / 2000))


def test_answers_say_how_such_forecasts_fared() -> None:
    post = fitted("log")
    notes = " ".join(ask(post, "size_at", {"q": 1.0}).notes)
    assert "calibration: one decade out, 90 % intervals covered 90 % of 63 forecasts (plain ones" in notes
    assert "widened by the law's own error" in notes
    never = ask(replace(post, reliability=None), "size_at", {"q": 1.0}).notes
    assert len(never) == 1 and never[0].startswith("not backtested")
    assert not ask(post, "size_at", {"q": 3.0}).notes


@pytest.fixture(scope="module")
def chinchilla() -> Posterior:
    values = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    random = np.random.default_rng(0)
    draws = {name: value * np.exp(random.normal(0, 0.002, (4, 500))) for name, value in values.items()}
    draws |= {"sigma": np.full((4, 500), 0.01), "nu": np.full((4, 500), 4.0)}
    rows = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "L": [3.0, 2.5, 2.2]}
    error = {"L": Discrepancy(UNIT, math.log(SHARE), 0.3, True, 5, 63)}
    told = Reliability("C", math.log10(6e10 * 2e11), "map", (), error)
    return replace(posterior(lawdsl.load("chinchilla"), rows, draws), reliability=told)


def test_an_optimum_stays_where_the_law_has_it_and_its_value_is_widened(chinchilla: Posterior) -> None:
    found, alone = (ask(p, "optimum", {"C": 1e24}) for p in (chinchilla, replace(chinchilla, reliability=None)))
    for name in ("N", "D", "tokens_per_parameter"):
        assert found[name] == alone[name]
    assert found["L"].widened and found["L"].hi - found["L"].lo > 5 * (alone["L"].hi - alone["L"].lo)
    assert any(note.startswith("N, D, tokens_per_parameter: by the law alone") for note in found.notes)


def test_a_plan_widens_the_loss_and_its_odds_and_not_what_to_take(chinchilla: Posterior) -> None:
    found, alone = (plan(p, 1e24, target=1.95) for p in (chinchilla, replace(chinchilla, reliability=None)))
    assert (found.chosen, found.optimum, found.regret) == (alone.chosen, alone.optimum, alone.regret)
    assert found.widened and not alone.widened
    for wide, narrow in ((found.response, alone.response), (found.best, alone.best), (found.new, alone.new)):
        assert wide is not None and narrow is not None
        assert wide[-1] - wide[0] > 2 * (narrow[-1] - narrow[0])
    assert found.below is not None and alone.below is not None
    assert abs(found.below[0] - 0.5) < abs(alone.below[0] - 0.5)


def test_what_costs_least_subject_to_a_response_is_off_as_well() -> None:
    """Of each draw: the answer of the law alone to the loss that its error leaves, at the answer's own distance."""
    law = lawdsl.load("inference_aware")
    values = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658, "sigma": 0.01, "nu": 4.0}
    rows = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "Dinf": [0.0, 0.0, 0.0], "L": [3.0, 2.5, 2.2]}
    rows = {name: column for name, column in rows.items() if name in (*law.inputs, "L")}
    post = posterior(law, rows, {n: np.full((2, 20), v) for n, v in values.items() if n in law.parameter})
    error = {"L": Discrepancy(0.1, math.log(SHARE), 0.3, True, 5, 63)}
    post = replace(post, reliability=Reliability("6*N*D", math.log10(6e10 * 2e11), "map", (), error))
    chosen = np.arange(40)
    question, given = law.questions["cheapest"], {"q": 2.0, "Dinf": 1e12}
    plain = {n: np.broadcast_to(v, (40,)) for n, v in answer(law, question, values, given).items()}
    drawn = {name: np.full(40, value) for name, value in values.items()}
    found = astray.beyond(post, question, drawn, given, plain, chosen)
    assert found is not None and found.widened
    sizes = error["L"].sizes(40, 0)
    for i in range(40):
        if math.isfinite(found.distance[i]):
            left = 2.0 * math.exp(-sizes[i] * float(growth(found.distance[i])))
            expected = answer(law, question, values, {**given, "q": left})
            assert found.found["N"][i] == pytest.approx(float(expected["N"].item()), rel=1e-2)  # a flat optimum
            assert found.found["C"][i] == pytest.approx(float(expected["C"].item()), rel=1e-4)
    assert np.isfinite(found.distance).mean() > 0.5


def test_every_question_of_the_library_is_as_easily_put_to_a_law_that_is_off() -> None:
    for name in library.names():
        law = lawdsl.load(name)
        for question in law.ask:
            names = astray.through(question, law.outcome)
            if names and question.kind != "value":
                moved = astray.shifted(question, {one: law.outcome[one].noise for one in names})
                keep = frozenset(question.given) & frozenset(law.definitions)
                plans = [_question(law, one, keep).plan for one in (question, moved)]
                assert plans[0].free == plans[1].free, (name, question.name)
                assert (plans[0].closed is None) == (plans[1].closed is None), (name, question.name)


def test_designs_count_the_constants_alone_and_say_so(chinchilla: Posterior) -> None:
    question = asked(chinchilla, "optimum.L", {"C": 1e24})
    assert question.off is not None
    assert (question.draws == answer_draws(chinchilla, "optimum", {"C": 1e24}, question.chosen)["L"]).all()
    assert asked(chinchilla, "optimum.N", {"C": 1e24}).off is None
    from lawdsl.grammar import parse_expression

    points = [{"N": 1e10, "D": 1e12}, {"N": 1e9, "D": 1e10}]
    found = design(chinchilla, question, points, parse_expression("6*N*D"), check=False)
    assert any("with the law's own error" in note for note in found.notes)
