"""Editors: the schema's file is what the code makes, every law names it in its first line, and it completes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lawdsl import library, schema
from lawdsl.cli import run
from lawdsl.families import FAMILIES
from lawdsl.functions import FUNCTIONS
from lawdsl.law import COUNTED, SCALED
from lawdsl.shape import STATUS, TOPIC
from lawdsl.units import KINDS, UNITS
from lawdsl.words import NOISES

ROOT = Path(__file__).resolve().parents[1]
LAWS = [*sorted((ROOT / "laws").rglob("*.yaml")), *sorted((ROOT / "examples" / "one_bit").glob("*.yaml"))]


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    """The schema as it ships."""
    found: dict[str, Any] = json.loads((library.folder() / schema.FILE).read_text("utf-8"))
    return found


def test_the_files_are_what_the_code_makes() -> None:
    """If this fails: python -m lawdsl.schema laws."""
    wrong = [str(path) for path, content in schema.files(ROOT / "laws").items() if path.read_text("utf-8") != content]
    assert not wrong, f"run `python -m lawdsl.schema laws`: {wrong}"


@pytest.mark.parametrize("path", LAWS, ids=lambda path: path.stem)
def test_the_first_line_of_a_law_leads_to_a_schema_that_it_holds(path: Path, published: dict[str, Any]) -> None:
    first, _, rest = path.read_text("utf-8").partition("\n")
    where = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert where is not None
    assert (path.parent / where[1]).resolve() == ROOT / "laws" / schema.FILE
    document = json.loads(json.dumps(yaml.safe_load(rest)))  # keys as an editor sees them: `on` is "true"
    jsonschema.Draft202012Validator(published).validate(document)


def test_a_copy_beside_a_law_is_the_same_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "law.schema.json"
    assert run(["schema", "-o", str(out)]) == 0
    assert out.read_text("utf-8") == (ROOT / "laws" / schema.FILE).read_text("utf-8")
    said = capsys.readouterr()
    assert said.out == "" and schema.first_line() in said.err
    assert run(["schema", "--json", "-o", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": str(out), "line": schema.first_line()}
    assert run(["schema", "-o", str(tmp_path / "no" / "folder.json")]) == 3
    assert "FIT001" in capsys.readouterr().err


def parts(node: object) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts(below)


def test_closed_tables_complete(published: dict[str, Any]) -> None:
    enums = [set(part["enum"]) for part in parts(published) if isinstance(part.get("enum"), list)]
    for table in (set(STATUS.choices), set(TOPIC.choices), {*SCALED, *COUNTED}, {*sum(KINDS.values(), ())}):
        assert table in enums
    assert any(set(UNITS) <= enum and "non-embedding parameters" in enum for enum in enums)
    snippets = [part["defaultSnippets"] for part in parts(published) if "defaultSnippets" in part]
    assert snippets
    for one in snippets:
        assert [snippet["label"].partition("(")[0] for snippet in one] == list(FAMILIES)


def test_every_key_has_a_hover_text(published: dict[str, Any]) -> None:
    for part in parts(published):
        for key, below in part.get("properties", {}).items():
            if isinstance(below, dict):
                assert below.get("description"), key
    hover = published["properties"]["let"]
    assert hover["description"] == "intermediate expressions by name"
    values = published["properties"]["ask"]["additionalProperties"]["anyOf"][1]["properties"]["value"]["description"]
    assert all(name in values for name in FUNCTIONS)
    assert set(NOISES) == {*SCALED, *COUNTED}
