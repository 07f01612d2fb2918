"""A law as MathML: well-formed for every law of the library, in the letters of the paper, never markup of a text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from lawdsl import library
from lawdsl.expression import Name
from lawdsl.grammar import parse_expression
from lawdsl.mathml import inline, law_mathml, letter, mathml


def heard(text: str) -> str:
    """The letters of MathML in order; a product's invisible operator as *, that of a function as nothing."""
    whole = "".join(ET.fromstring(f"<math>{text}</math>").itertext())
    return whole.replace("\u2062", "*").replace("\u2061", "")


@pytest.mark.parametrize("name", library.names())
def test_every_law_is_well_formed(name: str) -> None:
    law = library.load(name)
    tree = ET.fromstring(law_mathml(law))
    assert tree.tag == "math"
    known = {"math", "mtable", "mtr", "mtd", "mrow", "mi", "mn", "mo", "mfrac", "msup", "msub", "msqrt", "mtext"}
    assert {one.tag for one in tree.iter()} <= known


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a*b", "a*b"),
        ("2*3", "2⋅3"),
        ("a - (b - c)", "a−(b−c)"),
        ("-(a + b)", "−(a+b)"),
        ("a*(b + c)^2", "a*(b+c)2"),
        ("log10(a) + exp(b)", "log10(a)+eb"),
        ("where(a > 1, b, 0)", "{bif\xa0a>10otherwise"),
        ("5.88e23*a", "5.88×1023*a"),
        ("1/N^(a/b)", "1Na/b"),
    ],
)
def test_an_expression_is_read_in_its_order(text: str, shown: str) -> None:
    assert heard(mathml(parse_expression(text))) == shown


def test_letters_are_those_of_the_field() -> None:
    assert heard(letter("dL")) == "ΔL"
    assert heard(letter("alpha_N")) == "αN"
    assert letter("d1") == "<msub><mi>d</mi><mn>1</mn></msub>"
    assert inline("beta") == "<math><mi>β</mi></math>"


def test_nothing_of_a_name_becomes_markup() -> None:
    assert "<b>" not in mathml(Name("<b>x</b>"))
