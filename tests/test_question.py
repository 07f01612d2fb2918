"""Questions: closed forms against numeric searches and known optima, and NaN where there is no answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import lawdsl
from lawdsl import closed_form
from lawdsl.errors import AskError
from lawdsl.law import Law
from lawdsl.library import parse
from lawdsl.question import answer

#: 60 halvings of a bracket on the log: below rounding; what is left is the slope's own conditioning
ROOT = 1e-9
#: an optimum is flat: where the function is within rounding of its least, x is known to the square root of that
OPTIMUM = 1e-5
#: closed forms: a power of a quotient
CLOSED = 1e-10

x = sympy.Symbol("x", positive=True)
exponents = st.integers(-8, 8).filter(bool).map(lambda n: n / 4)


def in_numbers(expression: sympy.Expr | None) -> float:
    assert expression is not None
    value = complex(expression.subs({}).evalf())
    return value.real if value.imag == 0 else math.nan


LAW = """law: t
variables:
  N: {unit: parameters}
  D: {unit: tokens}
  C: {unit: FLOP, is: 6*N*D}
response: {L: {unit: nats/token}}
factors: {run: any}
parameters:
  E: {between: [1, 2]}
  A: {between: [100, 900]}
  B: {between: [100, 900]}
  alpha: {between: [0.1, 1]}
  beta: {between: [0.1, 1]}
  u: {by: run, pool: partial, center: 0}
  s: {prior: HalfNormal(1)}
equation: L = E + A/N^alpha + B/D^beta + u
noise: {family: normal, scale: s}
ask:
  optimum: {minimize: L, over: [N, D], given: [C], report: {ratio: D/N}}
  priced: {minimize: N*(1 + D/1e12), over: [N, D], subject_to: L = q, given: [q]}
  bowl: {minimize: (log(N) - 18)^2 + (log(D) - 25)^2 + 3, over: [N, D]}
  slope: {minimize: L, over: N, given: [D]}
  tokens: {solve: L = q, for: D, given: [N, q]}
  tokens_sqrt: {solve: E + A/D^0.5 = q, for: D, given: [q]}
  hump: {maximize: D^0.5 - D/1e6, over: D}
  dip: {minimize: D^0.5 - D/1e6, over: D}
  share: {value: A/N^alpha/(L - E), given: [N, D]}
  tangled: {minimize: L, over: [N, D], subject_to: N + D + N*D = q, given: q}
  logs: {minimize: L, over: [N, D], subject_to: log(N) + log(D) = q, given: q}
  odd: {solve: D + log(D) = q, for: D, given: q}
  free: {minimize: L, over: [N, D, C]}
"""
VALUES = {"E": 1.7, "A": 400.0, "B": 410.0, "alpha": 0.34, "beta": 0.28, "u": 0.0, "s": 0.1}


@pytest.fixture(scope="module")
def law() -> Law:
    return parse(LAW)


def ask(law: Law, name: str, route: str = "auto", values: dict | None = None, **given: float) -> dict[str, np.ndarray]:
    return answer(law, law.questions[name], VALUES if values is None else values, given, route)  # type: ignore[arg-type]


# Closed forms


@given(exponents, exponents, st.integers(-50, 50).filter(bool), st.integers(-50, 50).filter(bool))
def test_the_root_of_two_powers_is_a_root_or_nan(a1: float, a2: float, c1: int, c2: int) -> None:
    if a1 == a2:
        return
    found = in_numbers(closed_form.root(c1 * x ** sympy.Rational(a1) + c2 * x ** sympy.Rational(a2), x))
    if c1 * c2 > 0:
        assert math.isnan(found)
    else:
        first, second = c1 * found**a1, c2 * found**a2
        assert found > 0 and math.isclose(first, -second, rel_tol=CLOSED)


@given(exponents, exponents, st.integers(-50, 50).filter(bool), st.integers(-50, 50).filter(bool), st.booleans())
def test_the_stationary_point_is_an_optimum_of_the_kind_asked_for_or_nan(
    a1: float, a2: float, c1: int, c2: int, least: bool
) -> None:
    if a1 == a2:
        return
    total = 5 + c1 * x ** sympy.Rational(a1) + c2 * x ** sympy.Rational(a2)
    found = in_numbers(closed_form.stationary(total, x, least))
    if math.isnan(found):
        grid = np.exp(np.linspace(-60, 60, 241))
        values = (c1 * grid**a1 + c2 * grid**a2) * (1 if least else -1)
        assert np.argmin(values) in (0, 240), "there is an optimum inside"
    else:
        f = sympy.lambdify(x, total if least else -total, "math")
        assert f(found) <= min(f(found * 1.01), f(found / 1.01))


def test_what_is_no_sum_of_two_powers_is_left_alone() -> None:
    y = sympy.Symbol("y", real=True)
    for expression in (sympy.log(x) + x, x + x**2 + 1, sympy.Integer(3) * y, (1 + x) ** y, x**x - 2):
        assert closed_form.root(expression, x) is None
    assert closed_form.stationary(sympy.exp(x) - x, x) is None


def test_multiplying_out_is_bounded() -> None:
    many = sum(sympy.symbols("a:6", positive=True))
    assert closed_form.root((many + x) ** 40 - 2, x) is None
    assert closed_form.root(sympy.Mul(*(many + x + i for i in range(12))), x) is None


# Both routes


def test_the_compute_optimal_point_is_that_of_the_paper(law: Law) -> None:
    """G = (alpha*A/(beta*B))^(1/(alpha + beta)), N = G*(C/6)^a, a = beta/(alpha + beta): arXiv 2203.15556, eq. 4."""
    a, b, alpha, beta = (VALUES[name] for name in ("A", "B", "alpha", "beta"))
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    for compute in (1e18, 1e21, 5.76e23):
        expected = g * (compute / 6) ** (beta / (alpha + beta))
        closed, numeric = (ask(law, "optimum", route, C=compute) for route in ("closed", "numeric"))
        assert math.isclose(closed["N"], expected, rel_tol=CLOSED)
        assert math.isclose(closed["N"] * closed["D"] * 6, compute, rel_tol=CLOSED)
        assert math.isclose(closed["ratio"], closed["D"] / closed["N"], rel_tol=CLOSED)
        assert math.isclose(numeric["N"][0], expected, rel_tol=OPTIMUM)
        assert math.isclose(numeric["L"][0], closed["L"], rel_tol=CLOSED)


@settings(max_examples=15)
@given(st.floats(1.9, 3.5), st.floats(8, 12))
def test_both_routes_find_the_same_root(q: float, size: float) -> None:
    law = parse(LAW)
    closed, numeric = (ask(law, "tokens", route, N=10**size, q=q)["D"] for route in ("closed", "numeric"))
    if math.isnan(closed) or not 1e3 < closed < 1e22:  # where the search looks for tokens
        assert np.isnan(numeric).all()
    else:
        assert math.isclose(numeric[0], closed, rel_tol=ROOT)


def test_a_search_over_two_unknowns_finds_a_known_optimum(law: Law) -> None:
    found = ask(law, "bowl")
    assert math.isclose(found["N"][0], math.exp(18), rel_tol=OPTIMUM)
    assert math.isclose(found["D"][0], math.exp(25), rel_tol=OPTIMUM)
    assert found["bowl"][0] == pytest.approx(3)


def test_a_constraint_is_held(law: Law) -> None:
    found = ask(law, "priced", q=2.2)
    loss = VALUES["E"] + VALUES["A"] / found["N"] ** VALUES["alpha"] + VALUES["B"] / found["D"] ** VALUES["beta"]
    assert loss[0] == pytest.approx(2.2, rel=CLOSED)
    around = [found["N"][0] * step for step in (0.99, 1.01)]
    for size in around:
        tokens = (VALUES["B"] / (2.2 - VALUES["E"] - VALUES["A"] / size ** VALUES["alpha"])) ** (1 / VALUES["beta"])
        assert size * (1 + tokens / 1e12) > found["priced"][0]


def test_every_draw_has_its_own_answer(law: Law) -> None:
    draws = VALUES | {"E": np.array([1.5, 1.7, 1.9]), "A": np.array([300.0, 400.0, 500.0])}
    for route in ("closed", "numeric"):
        together = ask(law, "tokens", route, draws, N=1e10, q=2.5)["D"]
        alone = [ask(law, "tokens", route, draws | {"E": e, "A": a}, N=1e10, q=2.5)["D"]
                 for e, a in zip(draws["E"], draws["A"], strict=True)]  # fmt: skip
        assert np.allclose(together, np.ravel(alone), rtol=ROOT, atol=0)


# No answer


@pytest.mark.parametrize("route", ["closed", "numeric"])
def test_a_loss_below_the_irreducible_one_is_never_reached(law: Law, route: str) -> None:
    assert np.isnan(ask(law, "tokens", route, N=1e10, q=1.6)["D"]).all()
    assert np.isnan(ask(law, "tokens_sqrt", route, q=1.6)["D"]).all()
    assert math.isclose(np.ravel(ask(law, "tokens_sqrt", route, q=1.8)["D"])[0], (400 / 0.1) ** 2, rel_tol=ROOT)


def test_an_optimum_at_the_edge_is_none(law: Law) -> None:
    assert np.isnan(ask(law, "slope", D=1e10)["N"]).all()
    assert np.isnan(ask(law, "dip")["D"]).all()
    assert math.isclose(np.ravel(ask(law, "hump")["D"])[0], 2.5e11, rel_tol=OPTIMUM)
    assert math.isclose(ask(law, "hump", "numeric")["D"][0], 2.5e11, rel_tol=OPTIMUM)


# What the asker says


def fault(law: Law, name: str, route: str = "auto", **given: float) -> str:
    with pytest.raises(AskError) as caught:
        ask(law, name, route, **given)
    return str(caught.value)


def test_every_missing_number_is_named_with_its_unit(law: Law) -> None:
    message = fault(law, "tokens")
    assert "ASK001: no number for 'N' (parameters)" in message and "Give it: N=..." in message and "'q'" in message
    with pytest.raises(AskError, match="ASK001: .*'beta'"):
        answer(law, law.questions["tokens"], {k: v for k, v in VALUES.items() if k != "beta"}, {"N": 1e9, "q": 2.5})


def test_a_number_the_question_does_not_take(law: Law) -> None:
    message = fault(law, "tokens", N=1e9, q=2.5, qq=1)
    assert "ASK002: 'tokens' takes no 'qq'" in message and "Did you mean 'q'" in message


def test_a_constraint_that_cannot_be_solved(law: Law) -> None:
    assert "ASK005: the constraint" in fault(law, "logs", q=40)
    assert "ASK005: 'free' leaves 3 unknowns free: N, D, C" in fault(law, "free")


def test_a_closed_form_that_does_not_exist(law: Law) -> None:
    assert "ASK006" in fault(law, "odd", "closed", q=1e9)
    assert math.isclose(ask(law, "odd", q=1e9)["D"][0], 1e9 - math.log(1e9), rel_tol=1e-6)


def test_a_constraint_is_solved_for_the_unknown_that_stands_alone(law: Law) -> None:
    found = ask(law, "tangled", q=1e20)
    assert math.isclose(found["N"][0] + found["D"][0] + found["N"][0] * found["D"][0], 1e20, rel_tol=OPTIMUM)


def test_a_value_is_computed_at_the_point(law: Law) -> None:
    found = ask(law, "share", N=1e9, D=1e10)["share"]
    a, b = 400 / 1e9**0.34, 410 / 1e10**0.28
    assert math.isclose(found, a / (a + b), rel_tol=CLOSED)


def test_the_exponent_of_the_library(law: Law) -> None:
    chinchilla = lawdsl.load("chinchilla")
    found = answer(chinchilla, chinchilla.questions["exponent"], {"alpha": 0.34, "beta": 0.28}, {})
    assert math.isclose(found["exponent"], 0.28 / 0.62, rel_tol=CLOSED)
