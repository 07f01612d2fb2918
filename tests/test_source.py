"""A law file is read as located text: every place is exact, and nothing in it is trusted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lawdsl import limits
from lawdsl.errors import LawError, OutsideError
from lawdsl.source import Listing, Mapping, Node, Scalar, compose, read_text

#: a refusal must come at once; this is generous for a loaded machine
AT_ONCE = 5.0


def at(node: Node, *path: str | int) -> Node:
    for step in path:
        if isinstance(node, Mapping):
            found = node.get(str(step))
            assert found is not None
            node = found
        else:
            assert isinstance(node, Listing) and isinstance(step, int)
            node = node.items[step]
    return node


def scalar(text: str, *path: str | int) -> Scalar:
    found = at(compose(text, "f.yaml"), *path)
    assert isinstance(found, Scalar)
    return found


def refused(text: str) -> LawError:
    began = time.perf_counter()
    with pytest.raises(LawError) as caught:
        compose(text, "f.yaml")
    assert time.perf_counter() - began < AT_ONCE
    return caught.value


def codes(error: LawError) -> list[str]:
    return [fault.code for fault in error.faults]


# Places


@pytest.mark.parametrize(
    ("text", "path", "value", "line", "column"),
    [
        ("a: E + A/N", ["a"], "E + A/N", 1, 4),
        ("a: 'E + A'", ["a"], "E + A", 1, 5),
        ('a: "E + A"', ["a"], "E + A", 1, 5),
        ("a: {b: 1, c: xyz}", ["a", "c"], "xyz", 1, 14),
        ("a: [1, 22, 'x']", ["a", 1], "22", 1, 8),
        ("a: [1, 22, 'x']", ["a", 2], "x", 1, 13),
        ("λ:\n  γ: {α: μ}", ["λ", "γ", "α"], "μ", 2, 10),
        ("# note\n\na:\n  - b: 7B", ["a", 0, "b"], "7B", 4, 8),
    ],
)
def test_a_value_knows_its_column(text: str, path: list[str], value: str, line: int, column: int) -> None:
    found = scalar(text, *path)
    assert found.text == value
    assert (found.span.line, found.span.column) == (line, column)
    assert found.span.text == text.splitlines()[line - 1]
    assert found.offset_known and found.at(2).column == column + 2


@pytest.mark.parametrize("text", ["a: >\n  E +\n  A/N", "a: |\n  E + A/N", 'a: "E \\x2b A/N"', "a: E +\n  A/N"])
def test_of_a_text_that_does_not_lie_there_as_it_reads_only_the_beginning_is_known(text: str) -> None:
    found = scalar(text, "a")
    assert found.text.strip() == "E + A/N"
    assert not found.offset_known and found.at(4) == found.span
    assert (found.span.line, found.span.column) == (1, 5 if '"' in text else 4)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    text = "law: x\nvariables:\n  N: {unit: tokens}\n"
    other = tmp_path / "f.yaml"
    other.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert compose(read_text(other), "f.yaml") == compose(text, "f.yaml")
    assert compose("\ufeff" + text, "f.yaml") == compose(text, "f.yaml")


def test_scalars_stay_texts() -> None:
    root = compose("{a: no, b: 1e-3, c: 0x10, d: ~, e: 2024-01-01, f: 1_0, g: }", "f")
    assert [value.text for _, value in root if isinstance(value, Scalar)] == [
        "no", "1e-3", "0x10", "~", "2024-01-01", "1_0", "",
    ]  # fmt: skip


# Parentheses hold their commas


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a: {b: Normal(0, 1)}", ["a", "b"], "Normal(0, 1)"),
        ("a: {b: Normal(log(0.3), 0.5), c: d}", ["a", "b"], "Normal(log(0.3), 0.5)"),
        ("a: {b: f(1,2 , 3), c: d}", ["a", "b"], "f(1,2 , 3)"),
        ("a: {c: d, b: max(x, min(y, z))}", ["a", "b"], "max(x, min(y, z))"),
        ("a: [p, max(x, y), q]", ["a", 1], "max(x, y)"),
        ("a:\n  {b: where(n < 4, 1, 2)}", ["a", "b"], "where(n < 4, 1, 2)"),
    ],
)
def test_a_comma_in_parentheses_does_not_end_a_value(text: str, path: list[str], value: str) -> None:
    found = scalar(text, *path)
    assert found.text == value
    assert found.span.text[found.span.column - 1 :].startswith(value)


def test_what_follows_the_parenthesis_is_still_there() -> None:
    assert scalar("a: {b: f(1, 2), c: d, e: g}", "a", "c").text == "d"
    assert scalar("a: [f(1, 2), h]", "a", 1).text == "h"


def test_an_open_parenthesis_takes_no_other_entry() -> None:
    root = compose("{a: f(1, b: 2}", "f")
    assert [key.text for key, _ in root] == ["a", "b"]
    assert scalar("a: ['f(1', '2)']", "a", 0).text == "f(1", "what is quoted ends at its quote"


# What is refused


def test_a_key_twice_is_a_fault_at_the_second() -> None:
    error = refused("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n")
    assert codes(error) == ["LAW005", "LAW005"]
    assert [(f.where.line, f.where.column) for f in error.faults] == [(2, 17), (3, 1)]


@pytest.mark.parametrize(
    "text",
    ["a: &x 1", "a: [&x 1, *x]", "a: !!python/object/apply:os.system ['true']", "a: !!str 1", "a: ! 1", "&x a: 1"],
)
def test_anchors_aliases_and_tags_are_refused(text: str) -> None:
    assert codes(refused(text)) == ["LAW006"]


def test_a_billion_laughs_stop_at_the_first() -> None:
    laughs = "a0: &a0 ha\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
    error = refused(laughs)
    assert codes(error) == ["LAW006"] and error.faults[0].where.line == 1


def test_one_file_holds_one_document() -> None:
    error = refused("a: 1\n---\nb: 2\n")
    assert codes(error) == ["LAW004"] and error.faults[0].where.line == 2
    assert compose("---\na: 1\n...\n", "f").get("a") is not None


@pytest.mark.parametrize("text", ["", "# nothing", "just a text", "- a\n- b", "7"])
def test_what_is_no_mapping(text: str) -> None:
    assert codes(refused(text)) == ["LAW007"]


@pytest.mark.parametrize(
    ("text", "line"), [("a: [1, 2", 1), ("a: b: c", 1), ("a: 1\n\tb: 2", 2), ("a: 'x", 1), ("a: @x", 1), ("[]: 1", 1)]
)
def test_what_is_not_yaml_has_a_place(text: str, line: int) -> None:
    error = refused(text)
    assert codes(error) == ["LAW004"] and error.faults[0].where.line >= line


def test_a_character_yaml_does_not_allow() -> None:
    assert codes(refused("a: \x00")) == ["LAW004"]
    error = refused("a: 1\nb: \ud800\nc: 2")
    assert codes(error) == ["LAW003"] and error.faults[0].where.line == 2


def test_nesting_at_its_limit() -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * (depth - 1) + "x" + "]" * (depth - 1)

    compose(nested(limits.YAML_DEPTH), "f")
    assert codes(refused(nested(limits.YAML_DEPTH + 1))) == ["LAW002"]
    assert codes(refused("a: " + "[" * 100_000)) == ["LAW002"]


def test_the_number_of_nodes_at_its_limit() -> None:
    entries = limits.YAML_NODES - 3  # the mapping, the key and the list are nodes as well
    compose(f"a: [{'1,' * entries}]", "f")
    assert codes(refused(f"a: [{'1,' * (entries + 1)}]")) == ["LAW002"]


def test_the_size_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("a: 1 #" + "x" * (limits.LAW_BYTES - 6))
    assert compose(read_text(path), "f").get("a") is not None
    path.write_text("a: 1 #" + "x" * (limits.LAW_BYTES - 5))
    with pytest.raises(LawError, match="LAW002"):
        read_text(path)
    assert codes(refused("a: " + "x" * limits.LAW_BYTES)) == ["LAW002"]


def test_a_file_that_is_not_utf8_says_which_byte(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(LawError, match=r"f\.yaml:2: LAW003: byte 0xff"):
        read_text(path)


def test_a_file_that_cannot_be_read_is_nobodys_law(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(OutsideError, match="LAW001") as caught:
            read_text(path)
        assert caught.value.status == 3
