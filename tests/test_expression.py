"""Expressions: Python's grammar with ^, a closed set of nodes, and nothing ever run."""

from __future__ import annotations

import builtins
import math
import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from strategies import positive_trees, trees

from lawdsl import limits
from lawdsl.errors import LawError, Span
from lawdsl.expression import (
    Comparison,
    Expression,
    Name,
    Number,
    Operation,
    Text,
    depth,
    evaluate,
    size,
    substitute,
    walk,
)
from lawdsl.functions import FUNCTIONS
from lawdsl.grammar import parse_expression
from lawdsl.source import Scalar

NAMES = ("N", "D", "alpha", "_x", "λ", "gamma")
VALUES = {"N": 2.5, "D": 0.75, "alpha": 1.25, "_x": 3.0, "λ": 0.5, "gamma": 4.0}


def refused(text: str) -> tuple[str, int]:
    """The code of the one fault, and its column."""
    with pytest.raises(LawError) as caught:
        parse_expression(text)
    (fault,) = caught.value.faults
    assert fault.where.line == 1
    return fault.code, fault.where.column


# Reading and writing


@given(trees(NAMES))
def test_a_tree_reads_back_from_its_text(tree: Expression) -> None:
    assert parse_expression(str(tree)) == tree


@given(positive_trees(NAMES))
def test_evaluation_is_pythons_own_arithmetic(tree: Expression) -> None:
    """The text, with ** for ^, is evaluated by Python in a namespace of the same functions."""
    functions = {name: function.value for name, function in FUNCTIONS.items() if name != "gamma"}
    expected = builtins.eval(str(tree).replace("^", "**"), {"__builtins__": {}}, {**functions, **VALUES})
    assert math.isclose(evaluate(tree, VALUES), expected, rel_tol=1e-15)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("-a^2", "-(a^2)"), ("2^-a", "2^(-a)"), ("a^b^c", "a^(b^c)"), ("a/b*c", "(a/b)*c"),
        ("a - b - c", "(a - b) - c"),
        ("a*-b", "a*(-b)"), ("-a*b", "(-a)*b"), ("a**b", "a^b"), ("+a", "a"), ("- -a", "-(-a)"), ("-+2", "-2"),
        ("not a < b and c < d", "(not (a < b)) and (c < d)"), ("a < b < c", "a < b and b < c"),
        ("a or b and c", "a or (b and c)"),
    ],
)  # fmt: skip
def test_precedence_is_pythons(text: str, same: str) -> None:
    assert parse_expression(text) == parse_expression(same)
    assert parse_expression(str(parse_expression(text))) == parse_expression(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [("(((a)))", "a"), ("(a*b)*c", "a*b*c"), ("a*(b*c)", "a*(b*c)"), ("(a+b)^2", "(a + b)^2"), ("(-2)^a", "(-2)^a"),
     ("(a^b)^c", "(a^b)^c"), ("0^a", "0^a"), ("-(-a)", "--a"),
     ("a^(b*c)", "a^(b*c)"), ("a^(b < c)", "a^(b < c)"), ("-(a + b)", "-(a + b)"),
     ("not (a < b)", "not a < b"), ("(a < b) < c", "(a < b) < c"), ("a < (b < c)", "a < (b < c)"),
     ("not (a < b or c < d)", "not (a < b or c < d)"), ("a == (b and c)", "a == (b and c)"), ("2 - -3", "2 - -3"),
     ("7B*a", "7000000000*a"), ("a - (b - c)", "a - (b - c)"), ("2^(-a)", "2^-a")],
)  # fmt: skip
def test_only_needed_parentheses_are_written(text: str, written: str) -> None:
    assert str(parse_expression(text)) == written


def test_numbers_take_suffixes_and_remember_how_they_were_written() -> None:
    tree = parse_expression("100T/7B + 1_000")
    assert [(n.value, n.text) for n in walk(tree) if isinstance(n, Number)] == [
        (1e14, "100T"), (7e9, "7B"), (1000.0, "1_000"),
    ]  # fmt: skip


def test_a_name_is_a_function_only_where_it_is_called() -> None:
    tree = parse_expression("gamma(gamma)*E")
    assert tree.names() == {"gamma", "E"}


def test_every_node_knows_its_character() -> None:
    text = "μ^2 + max(αβ, 7B)"
    assert {text[n.at :][: len(str(n))] for n in walk(parse_expression(text)) if isinstance(n, Name)} == {"μ", "αβ"}
    assert [n.at for n in walk(parse_expression(text)) if isinstance(n, Number)] == [2, 14]
    conditions = parse_expression("1 + where(x < 1 and y < 2, 3, 4)")
    assert {str(n): n.at for n in walk(conditions) if isinstance(n, Comparison)} == {
        "x < 1": 10, "y < 2": 20, "x < 1 and y < 2": 10,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["'a'", "'\"'", "'\\d'", '"it\'s"', "''", "'λ\\'", "'{x}'"])
def test_a_quoted_text_is_taken_as_it_stands(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = parse_expression(f"x == {text}")
    assert tree.parts[1] == Text(text[1:-1])
    assert parse_expression(str(tree)) == tree


# Places of faults


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("", "LAW010", 1), ("E + ", "LAW010", None), ("E + * A", "LAW010", 5), ("E @ A", "LAW010", 3),
        ("(E", "LAW010", 1),
        ("E A", "LAW010", 3), ("E + 7Q", "LAW010", 5), ("E # A", "LAW010", 3), ("E; A", "LAW010", 2),
        ("a^^b", "LAW010", 3), ("x.5", "LAW010", 3), ("1.5.2", "LAW010", 1), ("x + 5.and y", "LAW010", 5),
        ("E = A", "LAW010", None),
        ("E + `A`", "LAW010", 5), ("E + $A", "LAW010", 5), ("E\\A", "LAW010", 2), ("'a", "LAW010", 1),
        ("1j", "LAW010", 1), ("0x10", "LAW010", 1),
        ("E^2^x.y", "LAW011", 5), ("λ + a.b", "LAW011", 5), ("  a.b", "LAW011", 3),
        ("1 + foo(2)", "LAW012", 5), ("λ^λ + lg(2)", "LAW012", 7),
        ("2 + log(1, 2)", "LAW013", 5), ("max(1)", "LAW013", 1), ("where(a, b)", "LAW013", 1), ("exp()", "LAW013", 1),
        ("E + 1e999", "LAW015", 5), ("E + 1e-151", "LAW015", 5),
    ],
)  # fmt: skip
def test_a_fault_stands_at_its_character(text: str, code: str, column: int | None) -> None:
    found, place = refused(text)
    assert found == code
    assert column is None or place == column


def test_a_fault_stands_at_its_place_in_the_file() -> None:
    line = "equation: E + 7B*q.r"
    with pytest.raises(LawError) as caught:
        parse_expression(Scalar("E + 7B*q.r", Span("laws/mine.yaml", 14, 11, line)))
    assert str(caught.value).splitlines()[0].startswith("laws/mine.yaml:14:18: LAW011: a dotted name")
    assert str(caught.value).splitlines()[2].index("^") == 4 + 17


def test_misspelt_functions_are_recognised() -> None:
    with pytest.raises(LawError, match="Did you mean 'softplus'"):
        parse_expression("sofplus(x)")


# The closed set of nodes


@pytest.mark.parametrize(
    "text",
    [
        "a.b", "a[0]", "a[1:2]", "lambda: 1", "lambda x: x", "a if b else c", "(a, b)", "[a]", "{a}", "{a: b}",
        "f'{a}'", "f'x'", "(a := 1)", "[x for x in y]", "{x for x in y}", "(x for x in y)", "{x: y for x in y}", "True",
        "None", "False", "...", "a // b", "a % b", "a & b", "a | b", "a << b", "a >> b", "~a", "a in b", "a not in b",
        "a is b", "exp(x=1)", "exp(*a)", "max(*a, *b)", "exp(1)(2)", "(lambda: 1)()", "a.b()", "''.join(a)", "b'x'",
        "u'x' == a", "r'x' == a", "'a' 'b' == c", "(yield)", "__import__('os').system('true')", "x.__class__",
    ],
)  # fmt: skip
def test_a_construct_outside_the_language_is_refused_by_name(text: str) -> None:
    assert refused(text)[0] == "LAW011"


@pytest.mark.parametrize("text", ["await a", "import os", "a = 1", "print a", "a; b", "del a", "a!", "@a", "a?b:c"])
def test_a_statement_is_not_an_expression(text: str) -> None:
    assert refused(text)[0] in ("LAW010", "LAW011")


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('touch {}')", "open('{}', 'w')", "eval('1')", "exec('1')", "().__class__.__bases__[0]",
     "[c for c in ().__class__.__base__.__subclasses__()]", "globals()", "breakpoint()", "log.__globals__['os']"],
)  # fmt: skip
def test_nothing_is_ever_run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("the text was run")

    for name in ("eval", "exec", "breakpoint", "globals"):
        monkeypatch.setattr(builtins, name, touched)
    monkeypatch.setattr(os, "system", touched)
    canary = tmp_path / "canary"
    assert refused(text.format(canary))[0] in ("LAW011", "LAW012")
    assert not canary.exists()


def test_names_come_from_the_caller_alone() -> None:
    with pytest.raises(KeyError):
        evaluate(parse_expression("pi"), {})
    with pytest.raises(ValueError, match="not a number"):
        evaluate(Text("1"), {})


def test_a_root_is_found_where_it_changes_sign() -> None:
    """The unknown is known inside the root alone, whatever the names around it."""
    assert math.isclose(evaluate(parse_expression("x + root(x, x^2 - a, c, b)"), {"x": 5, "a": 9, "b": 10, "c": 1}), 8)
    nested = parse_expression("root(x, x - root(y, y^2 - x*a, 0.1, 100), 0.5, 50)")
    assert math.isclose(evaluate(nested, {"a": 7}), 7)
    with pytest.raises(ValueError, match="no root"):
        evaluate(parse_expression("root(x, x^2 + 1, 1, 2)"), {})


def test_names_are_replaced_by_trees_all_at_once() -> None:
    swapped = {"a": Name("b"), "b": parse_expression("a + 1")}
    assert substitute(parse_expression("a*exp(b)^c - a"), swapped) == parse_expression("b*exp(a + 1)^c - b")
    assert substitute(parse_expression("(a < b) and not (c < a)"), swapped) == parse_expression(
        "(b < a + 1) and not (c < b)"
    )


def test_how_large_a_tree_is() -> None:
    assert [(size(t), depth(t)) for t in map(parse_expression, ("a", "-a", "a + b*c", "max(a, b, exp(c))"))] == [
        (0, 1), (1, 2), (2, 3), (2, 3),
    ]  # fmt: skip


# Limits


def test_length_at_its_limit() -> None:
    head = "x + "
    assert parse_expression(head + "y" * (limits.EXPRESSION_LENGTH - len(head))).names()
    assert refused(head + "y" * (limits.EXPRESSION_LENGTH - len(head) + 1)) == ("LAW014", 1)


def test_parentheses_at_their_limit() -> None:
    deep = limits.EXPRESSION_DEPTH
    assert parse_expression("(" * deep + "x" + ")" * deep) == Name("x")
    assert refused("(" * (deep + 1) + "x" + ")" * (deep + 1)) == ("LAW014", deep + 1)


def test_depth_at_its_limit() -> None:
    terms = limits.EXPRESSION_DEPTH
    assert depth(parse_expression("+".join(["x"] * terms))) == terms
    assert refused("+".join(["x"] * (terms + 1)))[0] == "LAW014"
    for text in ("^".join(["x"] * 500), "-" * 3000 + "x", "not " * 900 + "x", "+".join(["x"] * 2000)):
        assert refused(text)[0] == "LAW014"


def test_a_tower_of_powers_overflows_at_once() -> None:
    with pytest.raises(OverflowError):
        evaluate(parse_expression("9^9^9^9"), {})


def test_trees_are_values() -> None:
    one, other = parse_expression("a + b*c"), parse_expression("a+b * c")
    assert one == other and hash(one) == hash(other)
    assert one == Operation("+", (Name("a"), Operation("*", (Name("b"), Name("c")))))
