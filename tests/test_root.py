"""Implicit laws: `root(x, f, low, high)` in numbers, in numpy, in JAX, and differentiated."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest
import sympy
from jax import numpy as jnp
from scipy import optimize

import lawdsl
from lawdsl.backends import jax_operations, numpy_operations
from lawdsl.compile import compile_expressions
from lawdsl.errors import LawError
from lawdsl.expression import evaluate
from lawdsl.grammar import parse_expression
from lawdsl.program import Program
from lawdsl.render import canonical
from lawdsl.symbolic import Algebra

# Bisection to the rounding of a double, times the condition of these roots (under ten).
SAME = 1e-12
# Derivatives by the implicit function theorem, in closed form; the second loses half the digits to cancellation.
FIRST_ORDER, SECOND_ORDER = 1e-10, 1e-6

TRAJECTORY = """
law: trajectory
variables: {N: {unit: parameters}, S: {unit: steps}, B: {unit: tokens}}
response: {L: {unit: nats/token}}
parameters:
  aN: {between: [0.02, 0.3]}
  aS: {between: [0.2, 1.5]}
  aB: {between: [0.1, 0.4]}
  s: {prior: HalfNormal(0.1)}
let:
  infinite: (1.5e14/N)^aN
equation: L = root(l, infinite + (2600/S)^aS*(1 + 1.7e8/(B*l^(1/aB)))^aS - l, 0.01, 100)
noise: {family: normal, scale: s}
"""
POINT = {"N": np.array([1e8, 1e9, 1e9]), "S": np.array([1e4, 1e5, 3e5]), "B": np.array([5e5, 2e6, 1e8])}
TRUTH = {"aN": 0.076, "aS": 0.67, "aB": 0.205}


@pytest.fixture(scope="module")
def trajectory() -> Program:
    law = lawdsl.parse(TRAJECTORY)
    return compile_expressions({"L": Algebra(law).name("L")}, frozenset(law.inputs))


def by_scipy(n: float, s: float, b: float) -> float:
    def f(loss: float) -> float:
        return (1.5e14 / n) ** 0.076 + (2600 / s) ** 0.67 * (1 + 1.7e8 / (b * loss ** (1 / 0.205))) ** 0.67 - loss

    return float(optimize.brentq(f, 0.01, 100, xtol=1e-14, rtol=1e-15))


def test_a_root_in_plain_numbers() -> None:
    assert evaluate(parse_expression("root(x, x^2 - a, 0, 10)"), {"a": 2.0}) == pytest.approx(math.sqrt(2), rel=SAME)
    assert evaluate(parse_expression("root(x, exp(x) + x, -5, 0)"), {}) == pytest.approx(-0.5671432904097838, rel=SAME)
    with pytest.raises(ValueError, match="no root"):
        evaluate(parse_expression("root(x, x^2 + 1, -1, 1)"), {})


def test_the_unknown_belongs_to_the_root_alone() -> None:
    tree = parse_expression("root(x, x^2 - a, 0, b) + x")
    assert tree.names() == {"a", "b", "x"}
    assert parse_expression("root(x, x - a, 0, 1)").names() == {"a"}
    assert parse_expression(str(tree)) == tree


@pytest.mark.parametrize("text", ["root(x, x)", "root(2, x, 0, 1)", "root(x, a, 0, 1)", "root(x + 1, x, 0, 1)"])
def test_a_root_needs_its_unknown_and_two_ends(text: str) -> None:
    with pytest.raises(LawError, match="LAW013"):
        parse_expression(text)


def test_numpy_and_jax_find_the_root_that_scipy_finds(trajectory: Program) -> None:
    expected = [by_scipy(*row) for row in zip(*POINT.values(), strict=True)]
    np.testing.assert_allclose(trajectory({**POINT, **TRUTH}, numpy_operations())["L"], expected, rtol=SAME)
    with jax.enable_x64(True):
        found = jax.jit(lambda p: trajectory({**POINT, **p}, jax_operations())["L"])(TRUTH)
        np.testing.assert_allclose(found, expected, rtol=SAME)


def test_what_rests_on_data_alone_is_computed_once(trajectory: Program) -> None:
    """`infinite` and the powers of steps go in from outside; only the unknown's part is searched."""
    (inner,) = trajectory.roots
    assert sum(step.operation in ("pow", "exp", "logsumexp") for step in inner.late + inner.early) == 2


def test_gradient_and_curvature_are_those_of_the_implicit_function() -> None:
    """x^3 + a*x = b: with f = x^3 + a*x - b, x' = -x/(3x^2 + a) in a, and x'' by differentiating once more."""
    a, b = sympy.symbols("a b", positive=True)
    law = lawdsl.parse(
        "{law: cubic, variables: {b: {unit: ratio}}, response: {y: {unit: ratio}}, parameters: "
        "{a: {prior: HalfNormal(1)}, s: {prior: HalfNormal(1)}}, equation: 'y = root(x, x^3 + a*x - b, 0, 100)', "
        "noise: {family: normal, scale: s}}"
    )
    expression = Algebra(law).name("y")
    program = compile_expressions({"y": expression}, frozenset())
    slope = compile_expressions({"y": expression.diff(sympy.Symbol("a", real=True, positive=True))}, frozenset())
    with jax.enable_x64(True):

        def y(value: jax.Array) -> jax.Array:
            return program({"a": value, "b": 3.0}, jax_operations())["y"]

        at = jnp.asarray(0.7)
        x = float(y(at))
        steep = 3 * x * x + 0.7
        first = -x / steep
        second = -(2 * first + 6 * x * first * first) / steep
        assert float(jax.grad(y)(at)) == pytest.approx(first, rel=FIRST_ORDER)
        assert float(jax.grad(jax.grad(y))(at)) == pytest.approx(second, rel=SECOND_ORDER)
    symbolic = slope({"a": np.float64(0.7), "b": np.float64(3.0)}, numpy_operations())["y"]
    assert float(symbolic) == pytest.approx(first, rel=FIRST_ORDER)


def test_no_root_is_no_number(trajectory: Program) -> None:
    values = {**POINT, **TRUTH, "N": np.array([1e-30, 1e8, 1e9])}  # the first has its root far above the bracket
    assert np.isnan(trajectory(values, numpy_operations())["L"]).tolist() == [True, False, False]
    with jax.enable_x64(True):
        assert np.isnan(trajectory(values, jax_operations())["L"]).tolist() == [True, False, False]


def test_a_root_within_a_root() -> None:
    tree = parse_expression("root(x, root(y, y^2 - x, 0, 20) - a, 0, 100)")
    law = lawdsl.parse(
        "{law: two, variables: {a: {unit: ratio}}, response: {z: {unit: ratio}},"
        f" parameters: {{s: {{prior: HalfNormal(1)}}}}, equation: 'z = {tree}', noise: {{family: normal, scale: s}}}}"
    )
    program = compile_expressions({"z": Algebra(law).name("z")}, frozenset())
    np.testing.assert_allclose(program({"a": np.array([2.0, 3.0])}, numpy_operations())["z"], [4, 9], rtol=SAME)
    assert lawdsl.parse(canonical(law)) == law
