"""Programs: the same numbers in numpy, JAX and mpmath, stable where the plain form is not, computed once."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from precise import precise
from strategies import positive_trees

import lawdsl
from lawdsl.backends import jax_operations, numpy_operations
from lawdsl.compile import compile_expressions
from lawdsl.expression import Call, Expression
from lawdsl.grammar import parse_expression
from lawdsl.law import Law
from lawdsl.library import parse
from lawdsl.program import Program
from lawdsl.symbolic import Algebra

#: x64; a power is exp(b*log a), so its error is b*log(a) roundings: the trees' exponents stay below some tens
VALUE = 1e-12
#: central differences in mpmath are exact to 1e-20, so this is JAX's own error, with the cancellations of a quotient
GRADIENT = 1e-9

LAW = """law: t
variables: {N: {unit: tokens}, D: {unit: tokens}}
response: {L: {unit: nats/token}}
parameters: {A: {between: [1, 2]}, E: {between: [1, 2]}, alpha: {between: [0.1, 1]}, s: {prior: HalfNormal(1)}}
equation: L = E + A*N/D^alpha
noise: {family: normal, scale: s}
"""
POINT = {"N": 2.75, "D": 1.3, "A": 0.45, "E": 1.9, "alpha": 0.6}
NAMES = tuple(POINT)


@pytest.fixture(scope="module")
def law() -> Law:
    return parse(LAW)


def program(law: Law, tree: Expression | str, data: tuple[str, ...] = ("N", "D")) -> Program:
    tree = parse_expression(tree) if isinstance(tree, str) else tree
    return compile_expressions({"y": Algebra(law).expression(tree)}, frozenset(data))


def reasonable(tree: Expression) -> mpmath.mpf | None:
    """The value in 40 digits, None where a tower of powers takes a part of it out of the range of float64."""
    with mpmath.workdps(40):
        values = {name: mpmath.mpf(value) for name, value in POINT.items()}
        pending = [tree]
        while pending:
            part = pending.pop()
            if not mpmath.mpf("1e-30") < abs(precise(part, values, {}, {})) < mpmath.mpf("1e30") and part.parts:
                return None
            pending.extend(part.parts if not isinstance(part, Call) or part.function != "exp" else ())
        return precise(tree, values, {}, {})


# The same numbers everywhere


@settings(max_examples=80)
@given(positive_trees(NAMES))
def test_numpy_and_mpmath_agree(tree: Expression) -> None:
    expected = reasonable(tree)
    if expected is None:
        return
    compiled = program(parse(LAW), tree)
    operations = numpy_operations()
    found = float(compiled(POINT, operations)["y"])
    assert math.isclose(found, float(expected), rel_tol=VALUE)
    prepared = compiled.prepare({name: np.full(3, POINT[name]) for name in ("N", "D")}, operations)
    assert np.allclose(compiled.finish(prepared, POINT, operations)["y"], found, rtol=VALUE, atol=0)


@settings(max_examples=25)  # each compiles a program and its gradient
@given(positive_trees(NAMES))
def test_jax_and_its_gradient_agree_with_mpmath(tree: Expression) -> None:
    expected = reasonable(tree)
    if expected is None or any(f in str(tree) for f in ("min", "max")):  # kinks have no derivative
        return
    compiled = program(parse(LAW), tree)
    with jax.enable_x64(True), mpmath.workdps(40):
        point = {name: jnp.asarray(value) for name, value in POINT.items()}
        value, slopes = jax.jit(jax.value_and_grad(lambda v: jnp.asarray(compiled(v, jax_operations())["y"]) + 0.0))(
            point
        )
        assert math.isclose(float(value), float(expected), rel_tol=VALUE)
        values = {name: mpmath.mpf(x) for name, x in POINT.items()}
        for name in NAMES:
            step = mpmath.mpf(10) ** -12
            high, low = (precise(tree, values | {name: values[name] + s * step}, {}, {}) for s in (1, -1))
            assert math.isclose(float(slopes[name]), float((high - low) / (2 * step)), rel_tol=GRADIENT,
                                abs_tol=GRADIENT * float(abs(expected)))  # fmt: skip


# Stable where the plain form is not


def test_the_log_of_a_sum_of_powers_does_not_overflow(law: Law) -> None:
    compiled = program(law, "log(E + exp(A)*N^-alpha + exp(2*A)/D)")
    huge = POINT | {"A": 800.0}
    expected = 1600 - math.log(POINT["D"])
    assert math.isclose(float(compiled(huge, numpy_operations())["y"]), expected, rel_tol=VALUE)
    assert math.isinf(float(program(law, "exp(2*A)/D")(huge, numpy_operations())["y"]))
    with jax.enable_x64(True):
        slope = jax.grad(lambda a: compiled(huge | {"A": a}, jax_operations())["y"])(jnp.asarray(800.0))
    assert math.isclose(float(slope), 2, rel_tol=VALUE)


def test_elsewhere_it_is_the_plain_log(law: Law) -> None:
    found = float(program(law, "log(E + A*N^-alpha)")(POINT, numpy_operations())["y"])
    assert math.isclose(found, math.log(POINT["E"] + POINT["A"] * POINT["N"] ** -POINT["alpha"]), rel_tol=VALUE)


def test_one_minus_a_small_exponential_keeps_its_digits(law: Law) -> None:
    for text in ("1 - exp(-N/D)", "-(exp(-N/D) - 1)"):
        found = float(program(law, text)(POINT | {"N": 1e-12, "D": 1.0}, numpy_operations())["y"])
        assert math.isclose(found, 1e-12, rel_tol=VALUE)


def test_a_power_of_what_is_negative_is_nan_not_a_crash(law: Law) -> None:
    assert math.isnan(float(program(law, "(E - N)^alpha")(POINT, numpy_operations())["y"]))
    assert float(program(law, "(E - N)^2")(POINT, numpy_operations())["y"]) == pytest.approx(
        (1.9 - 2.75) ** 2, rel=VALUE
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("N*softplus(k)", 2.75 * math.log1p(math.exp(-2))), ("N*smoothmin(k, 1, 0.5)", 2.75 * -2.0012377),
     ("N + sigmoid(k)", 2.75 + 1 / (1 + math.exp(2))), ("N*k^0.5", math.nan), ("N*log(k)", math.nan),
     ("N + log(k + 2)", math.nan), ("where(N > 2, N, log(k + 2))", 2.75)],
)  # fmt: skip
def test_functions_of_fixed_parameters_alone(text: str, expected: float) -> None:
    """Constants that are no constants of the text: sympy has no number for some functions, and for some no real one."""
    fixed = parse(LAW.replace("s: {prior", "k: {fixed: -2}, s: {prior").replace("E + A", "k + E + A"))
    for operations in (numpy_operations(), jax_operations()):
        found = float(program(fixed, text)(POINT, operations)["y"])
        assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("text", ["(9*N)^99999", "((9*N)^99999)^99999", "((7*N + 1)^64)^4096"])
def test_no_exponent_makes_the_compiler_write_out_an_integer(law: Law, text: str) -> None:
    found = float(program(law, text)(POINT | {"N": 2.0}, numpy_operations())["y"])
    assert not math.isfinite(found)


# Programs are values, and small


def test_equal_expressions_compile_to_equal_programs(law: Law) -> None:
    one, other = program(law, "E + A*N^-alpha + 2*D"), program(law, "2*D + (A/N^alpha + E)")
    assert one == other and hash(one) == hash(other)
    assert one != program(law, "E + A*N^-alpha + 3*D")


def test_another_process_compiles_the_same_program() -> None:
    """Programs on disk are found by what they are, so no hash seed may show in them."""
    code = (
        "import lawdsl; from lawdsl.compile import compile_expressions; from lawdsl.symbolic import Algebra;"
        "law = lawdsl.load('qid'); a = Algebra(law);"
        "s = a.expression(law.outcomes[0].noise.scale);"
        "print(compile_expressions({'y': a.name('dL'), 's': s}, frozenset('NDP')))"
    )
    root = str(Path(lawdsl.__file__).parents[1])
    printed = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(printed) == 1


def test_what_rests_on_data_alone_is_computed_once(law: Law) -> None:
    compiled = program(law, "E*log(N*D) + A*sqrt(N + D) + alpha*log(N*D)")
    assert compiled.late and {step.operation for step in compiled.early} >= {"sqrt"}
    late = {slot for step in compiled.late for slot in step.arguments}
    logs = [slot for slot, name, wants_log in compiled.inputs if name in ("N", "D")]
    assert not late & set(logs), "a late step reads a raw column"
    calls: list[str] = []
    counted = {name: (lambda *a, f=f, n=name: calls.append(n) or f(*a)) for name, f in numpy_operations().items()}
    prepared = compiled.prepare({"N": np.ones(4), "D": np.ones(4)}, counted)
    calls.clear()
    compiled.finish(prepared, POINT, counted)
    assert "log" not in calls and "sqrt" not in calls


def test_a_shared_part_is_computed_once(law: Law) -> None:
    compiled = program(law, "tanh(A*N)^2 + E*tanh(A*N) + alpha/tanh(A*N)", data=())
    assert [step.operation for step in compiled.late].count("tanh") == 1


def test_chinchilla_costs_one_exponential_a_term() -> None:
    law = lawdsl.load("chinchilla")
    compiled = compile_expressions({"y": sympy.log(Algebra(law).name("L"))}, frozenset({"N", "D"}))
    parameters = {name: 1.0 for name in ("E", "A", "B", "alpha", "beta")}
    with jax.enable_x64(True):
        prepared = compiled.prepare({"N": jnp.ones(5), "D": jnp.ones(5)}, jax_operations())
        jaxpr = jax.make_jaxpr(lambda p: compiled.finish(prepared, p, jax_operations())["y"])(parameters)
    operations = [equation.primitive.name for equation in jaxpr.jaxpr.eqns]
    assert not {"pow", "integer_pow"} & set(operations)
    assert operations.count("exp") == 3  # one for each of E, A/N^alpha and B/D^beta, inside a log-sum-exp
    assert operations.count("log") == 4  # of E, A and B, and of the sum


def test_known_logs_of_parameters_are_not_taken_again() -> None:
    law = lawdsl.load("chinchilla")
    compiled = compile_expressions({"y": Algebra(law).name("L")}, frozenset({"N", "D"}))
    operations = numpy_operations()
    prepared = compiled.prepare({"N": 1e9, "D": 1e10}, operations)
    values = {"E": 1.7, "A": 400.0, "B": 410.0, "alpha": 0.34, "beta": 0.28}
    plain = compiled.finish(prepared, values, operations)["y"]
    known = compiled.finish(prepared, values, operations, logs={"A": math.log(400.0), "B": math.log(410.0)})["y"]
    assert math.isclose(float(plain), float(known), rel_tol=VALUE)
    assert math.isclose(float(plain), 1.7 + 400 / 1e9**0.34 + 410 / 1e10**0.28, rel_tol=VALUE)
