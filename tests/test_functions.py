"""The closed table of functions: each of its four forms against mpmath, jitted and differentiated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy

from lawdsl.backends import jax_operations, numpy_operations
from lawdsl.compile import compile_expressions
from lawdsl.errors import LawError
from lawdsl.functions import FUNCTIONS, SEQUENTIAL
from lawdsl.grammar import parse_expression
from lawdsl.symbolic import SYMPY, slope

#: float64 with a condition number of a few hundred at most on these grids (gamma near 100: x*psi(x) = 460)
VALUE = 1e-12
#: one more cancellation than the value (1 - tanh^2, 1/(1 + w)); mpmath's own difference quotient is good to 1e-20
DERIVATIVE = 1e-10
#: JAX has s*(1 - s) for the slope of the sigmoid: exact to the rounding of 1 - s, not relative to the far tail
LOST = 2e-16
#: digits of the reference
DIGITS = 50

WIDE = [-30.0, -3.7, -1.0, -0.2, -1e-9, 1e-9, 0.3, 1.0, 2.6, 30.0]
POSITIVE = [1e-150, 1e-9, 0.1, 0.9, 1.1, 2.0, 7.3, 40.0, 1e9, 1e150]
FACTORIAL = [1e-3, 0.4, 1.7, 2.5, 3.0, 9.2, 33.3, 100.5]

#: function -> (what mpmath computes, points inside its domain); all but where take the point as their last argument
CASES: dict[str, tuple[Callable[..., mpmath.mpf], list[float]]] = {
    "exp": (mpmath.exp, WIDE),
    "log": (mpmath.log, POSITIVE),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), POSITIVE),
    "log10": (lambda x: mpmath.log(x) / mpmath.log(10), POSITIVE),
    "sqrt": (mpmath.sqrt, POSITIVE),
    "abs": (abs, WIDE),
    "min": (lambda a, x: min(a, x), WIDE),
    "max": (lambda a, x: max(a, x), WIDE),
    "smoothmin": (lambda a, b, x: a - x * mpmath.log1p(mpmath.exp((a - b) / x)), [0.1, 0.9, 1.1, 2.0, 7.3, 40.0]),
    "steps": (lambda a, first, b, second, c, x: b if a <= first else c if a <= second else x, WIDE),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), WIDE),
    "sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), WIDE),
    "tanh": (mpmath.tanh, [x for x in WIDE if abs(x) < 5]),
    "erf": (mpmath.erf, [x for x in WIDE if abs(x) < 5]),
    "gamma": (mpmath.gamma, FACTORIAL),
    "loggamma": (mpmath.loggamma, FACTORIAL),
    "lambertw": (lambda x: mpmath.lambertw(x).real, [-0.36, -0.2, -1e-9, 1e-9, 0.5, 2.9, 3.1, 50.0, 1e9, 1e150]),
}
#: the arguments before the last, where a function takes several
OTHERS = {"min": (0.7,), "max": (0.7,), "smoothmin": (0.7, 0.9), "steps": (3.0, 1.0, 5.0, 2.0, 6.0)}

every = pytest.mark.parametrize("name", sorted(CASES))


@pytest.fixture(autouse=True)
def precise() -> Iterator[None]:
    """The reference computes with DIGITS digits."""
    with mpmath.workdps(DIGITS):
        yield


def arguments(name: str, x: float) -> tuple[float, ...]:
    return (*OTHERS.get(name, ()), x)


def reference(name: str, x: float) -> float:
    return float(CASES[name][0](*(mpmath.mpf(a) for a in arguments(name, x))))


def close(found: float, expected: float, tolerance: float) -> bool:
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-300)


def program(name: str) -> tuple[Callable[[float], float], Callable[[jax.Array], jax.Array]]:
    """The function, compiled as in a law, in numpy and in JAX."""
    x = sympy.Symbol("x", real=True, positive=None if min(CASES[name][1]) < 0 else True)
    compiled = compile_expressions({"y": SYMPY[name](*arguments(name, 0)[:-1], x)}, frozenset())
    return (
        lambda value: float(compiled({"x": np.float64(value)}, numpy_operations())["y"]),
        lambda value: compiled({"x": value}, jax_operations())["y"],
    )


def test_every_function_is_tested_and_has_every_form() -> None:
    assert FUNCTIONS.keys() == SYMPY.keys() == {*CASES, "where"} | SEQUENTIAL  # which tests/test_sequence.py has


def test_both_backends_know_the_same_operations() -> None:
    assert numpy_operations().keys() == jax_operations().keys()


@every
def test_values_agree_with_mpmath(name: str) -> None:
    in_numpy, in_jax = program(name)
    jitted = jax.jit(in_jax)
    with jax.enable_x64(True):
        for x in CASES[name][1]:
            expected = reference(name, x)
            assert close(FUNCTIONS[name].value(*arguments(name, x)), expected, VALUE), x
            if name not in ("softplus", "sigmoid", "smoothmin"):  # which sympy does not put into numbers
                found = SYMPY[name](*(sympy.Float(a, DIGITS) for a in arguments(name, x)))
                assert close(float(found), expected, VALUE), x
            assert close(in_numpy(x), expected, VALUE), x
            assert close(float(jitted(jnp.asarray(x))), expected, VALUE), x


@every
def test_jax_derivatives_agree_with_mpmath(name: str) -> None:
    derivative = jax.jit(jax.grad(program(name)[1]))
    with jax.enable_x64(True):
        for x in CASES[name][1]:
            step = mpmath.mpf(10) ** -30 * abs(x)
            expected = float(mpmath.diff(lambda t: CASES[name][0](*arguments(name, 0)[:-1], t), mpmath.mpf(x), h=step))
            found = float(derivative(jnp.asarray(x)))
            assert close(found, expected, DERIVATIVE) or abs(found - expected) < LOST, x


@pytest.mark.parametrize("symbol", ["softplus", "sigmoid"])
def test_our_own_sympy_functions_know_their_derivative(symbol: str) -> None:
    x = sympy.Symbol("x", real=True)
    compiled = compile_expressions({"y": SYMPY[symbol](x).diff(x)}, frozenset())
    for point in WIDE:
        found = float(compiled({"x": np.float64(point)}, numpy_operations())["y"])
        expected = float(mpmath.diff(CASES[symbol][0], mpmath.mpf(point), h=mpmath.mpf(10) ** -15))
        if symbol == "softplus" or abs(point) < 5:  # sigmoid*(1 - sigmoid) loses the far tail
            assert close(found, expected, DERIVATIVE)


@every
def test_slopes_compile_and_agree_with_mpmath(name: str) -> None:
    """What known errors of a variable are multiplied by: also of functions whose slope sympy has no number for."""
    x = sympy.Symbol("x", real=True, positive=None if min(CASES[name][1]) < 0 else True)
    found = compile_expressions({"y": slope(SYMPY[name](*arguments(name, 0)[:-1], x), x)}, frozenset())
    for point in CASES[name][1]:
        step = mpmath.mpf(10) ** -30 * abs(point)
        expected = mpmath.diff(lambda t: CASES[name][0](*arguments(name, 0)[:-1], t), mpmath.mpf(point), h=step)
        value = float(found({"x": np.float64(point)}, numpy_operations())["y"])
        assert close(value, float(expected), DERIVATIVE) or abs(value - expected) < LOST, point


def test_steps_take_the_first_bound_that_is_not_passed() -> None:
    a = sympy.Symbol("a", real=True)
    compiled = compile_expressions({"y": SYMPY["steps"](a, 50, 512, 200, 768, 1024)}, frozenset())
    points = np.array([1.0, 50.0, 50.1, 200.0, 1e9])
    expected = [512.0, 512.0, 768.0, 768.0, 1024.0]
    assert compiled({"a": points}, numpy_operations())["y"].tolist() == expected
    assert [FUNCTIONS["steps"].value(point, 50.0, 512.0, 200.0, 768.0, 1024.0) for point in points] == expected
    with pytest.raises(LawError, match="without a last value"):
        parse_expression("steps(a, 50, 512, 200, 768)")


def test_where_takes_the_side_of_its_comparison() -> None:
    assert FUNCTIONS["where"].value(1 < 2, 3.0, 4.0) == 3.0
    x = sympy.Symbol("x", real=True)
    compiled = compile_expressions({"y": SYMPY["where"](x < 2, x**2, 3 * x)}, frozenset())
    points = np.array([1.0, 2.0, 5.0])
    assert compiled({"x": points}, numpy_operations())["y"].tolist() == [1.0, 6.0, 15.0]
    with jax.enable_x64(True):
        slopes = jax.vmap(jax.grad(lambda v: compiled({"x": v}, jax_operations())["y"]))
        assert slopes(jnp.asarray(points)).tolist() == [2.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("name", "point"),
    [("log", -1.0), ("log2", -1.0), ("log10", -1.0), ("sqrt", -1.0), ("gamma", -0.5), ("gamma", -2.0), ("gamma", 0.0),
     ("loggamma", -0.5), ("loggamma", 0.0), ("lambertw", -0.4), ("lambertw", -5.0)],
)  # fmt: skip
def test_outside_its_domain_a_function_is_nan(name: str, point: float) -> None:
    in_numpy, in_jax = program(name)
    with pytest.raises(ValueError):
        FUNCTIONS[name].value(point)
    assert math.isnan(in_numpy(point))
    with jax.enable_x64(True):
        assert math.isnan(float(jax.jit(in_jax)(jnp.asarray(point))))


@pytest.mark.parametrize(("name", "point", "limit"), [("softplus", 800.0, 800.0), ("softplus", -800.0, 0.0),
                                                      ("sigmoid", -800.0, 0.0), ("sigmoid", 800.0, 1.0),
                                                      ("exp", 800.0, math.inf), ("tanh", 400.0, 1.0)])  # fmt: skip
def test_far_out_a_function_goes_to_its_limit(name: str, point: float, limit: float) -> None:
    in_numpy, in_jax = program(name)
    with jax.enable_x64(True):
        assert in_numpy(point) == float(jax.jit(in_jax)(jnp.asarray(point))) == limit
        assert math.isfinite(float(jax.grad(in_jax)(jnp.asarray(point)))) or name == "exp"


def test_a_gradient_at_the_branch_point_of_lambertw_is_not_garbage() -> None:
    with jax.enable_x64(True):
        found = float(jax.grad(jax_operations()["lambertw"])(jnp.asarray(-0.3678)))
        expected = float(mpmath.diff(lambda t: mpmath.lambertw(t).real, mpmath.mpf(-0.3678), h=mpmath.mpf(10) ** -20))
    assert math.isclose(found, expected, rel_tol=1e-6)  # 1 + w is 0.02 there, and has lost the digits of its square
