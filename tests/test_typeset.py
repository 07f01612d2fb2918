"""Equations in characters: what they look like, that boxes are boxes, and that a page's width is kept."""

from __future__ import annotations

import pytest
from golden import same_as_golden
from hypothesis import given
from strategies import trees

from lawdsl import library
from lawdsl.grammar import parse_expression
from lawdsl.typeset import law_text, letter, typeset

SHOWN = (
    "E + A/N^alpha + B/D^beta", "k*exp(u)*D^beta/(N^alpha*P^gamma)", "a/(b/c)", "a/b/c", "a^b^c", "(a + b)^2 - (c - d)",
    "a*(-b)*c", "-a*b", "a + (-b)*c", "-(a + b)", "exp(-x/g)", "exp(-(x/y)^2)", "S^(1/beta - 1)", "2^-x", "x^-0.5",
    "abs(x - 1/y)", "sqrt(x) + sqrt(x/y)", "log2(1e24*x) + min(a, b/c)", "-2.5e-4*x",
    "where(x < 0 and not S == 0.5, a, b)",
    "where(x <= 1, a/b, where(x != 2, c, d))*y", "steps(x, 50, a, 200, b/2, c^d)", "alpha_N + k_i + d1 + dL + N_eff",
    "root(l, (Nc/N)^a + D/d - l, 0.01, 100)", "root(l, l*log(l) - x, 1, 9)",
)  # fmt: skip

LONG = """
law: long
index: {i: 9}
variables: {"x[i]": {unit: tokens}}
response: {L: {unit: nats/token}}
parameters: {"w[i]": {between: [0.1, 1]}, s: {prior: HalfNormal(0.1)}}
let: {S: "sum(i, w[i]^2)"}
equation: L = sum(i, w[i]*x[i]) - (S - 1)
noise: {family: normal, scale: s}
"""


def test_expressions_in_two_dimensions() -> None:
    same_as_golden("typeset", "\n\n".join(f"# {text}\n{typeset(parse_expression(text))}" for text in SHOWN))


def test_a_long_sum_goes_on_in_further_lines() -> None:
    law = library.parse(LONG)
    same_as_golden("typeset_long", "\n\n".join(f"# {width}\n{law_text(law, width)}" for width in (200, 60, 9)))


@given(trees(("N", "alpha_N", "lam", "k_1")))
def test_the_lines_of_a_box_are_of_one_width(tree: object) -> None:
    box = typeset(tree)  # type: ignore[arg-type]
    assert {len(line) for line in box.lines} == {box.width}
    assert 0 <= box.base < box.height


@pytest.mark.parametrize("name", library.names())
def test_laws_keep_the_width(name: str) -> None:
    law = library.load(name)
    for width in (40, 80, 110):
        assert max(map(len, law_text(law, width).splitlines())) <= width


@pytest.mark.parametrize("name", library.names())
def test_every_name_of_the_equations_is_there(name: str) -> None:
    law = library.load(name)
    wide = law_text(law, 10_000)
    for outcome in law.outcomes:
        assert all(letter(part) in wide for part in outcome.equation.names())
