"""`lawdsl new`: from any law of the library, from parts, and by questions on a terminal; what it writes is good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_terminal import on_terminal

from lawdsl import library
from lawdsl.beginning import Part, begun, copied
from lawdsl.cli import run
from lawdsl.source import read_text
from lawdsl.units import UNITS, Quantity


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", library.names())
def test_every_law_can_be_begun_from(name: str) -> None:
    """A copy is a good law of the same form, and says of each block what it is for."""
    path = library.find(name)
    text = copied(read_text(path), "mine", name)
    law, origin = library.parse(text, str(path)), library.load(path)
    assert law.name == "mine"
    assert (law.variables, law.parameters, law.outcomes, law.ask) == (
        origin.variables, origin.parameters, origin.outcomes, origin.ask,
    )  # fmt: skip
    assert "# variables: the covariates of the law" in text


@pytest.mark.parametrize("unit", UNITS)
def test_parts_in_any_unit_make_a_good_law(unit: str) -> None:
    kind = "total" if unit == "parameters" else None
    part = Part("x", Quantity(unit, kind))
    for grows in (False, True):
        text = begun("mine", Part("y", Quantity("nats/token")), [Part("x", part.quantity, grows)], floor=not grows)
        law = library.parse(text)
        assert list(law.inputs) == ["x"] and law.response.name == "y"


def test_titles_that_yaml_would_misread(here: Path) -> None:
    title = "Loss: a 'law' # of \"mine\" {by} N"
    assert run(["new", "mine", "--title", title, "--response", "L=nats/token", "--variable", "N=tokens"]) == 0
    assert library.load("mine.yaml").title == title


def test_from_the_command_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["new", "mine", "--response", "L=nats/token", "--variable", "N=total parameters", "--variable", "D=tokens",
            "--variable", "P=bits", "--grows", "D", "--data", "ladder-qid", "-o", "laws/mine.yaml"]  # fmt: skip
    assert run(line) == 0
    assert "laws/mine.yaml: written, and good" in capsys.readouterr().out
    text = (here / "laws" / "mine.yaml").read_text()
    assert "equation: L = L_min + b_N/(N/1B)^c_N + b_D*(D/10B)^c_D + b_P/(P/4)^c_P" in text
    assert text.count("#") >= 8
    assert run(["check", "laws/mine.yaml"]) == 0
    assert run(line) == 2 and "there already" in capsys.readouterr().err


def test_an_editor_is_told_of_a_schema_that_lies_beside(here: Path) -> None:
    assert run(["schema", "-o", "law.schema.json"]) == 0
    assert run(["new", "mine", "--from", "qid"]) == 0
    assert (here / "mine.yaml").read_text().startswith("# yaml-language-server: $schema=law.schema.json\n# mine: begun")
    assert run(["check", "mine.yaml"]) == 0


def questions(here: Path, *lines: str) -> tuple[int, str]:
    return on_terminal("new", answers="".join(f"{line}\n" for line in lines), folder=here, wide=80)


def test_by_questions(here: Path) -> None:
    """Wrong answers are met with what is known, and asked again."""
    status, screen = questions(
        here, "9 laws", "mine", "", "Loss with data of quality Q", "L", "nats/tokn", "nats/token", "N",
        "total parameters", "y", "D", "tokens", "y", "D", "Q", "fraction", "n", "-", "y", "",
    )  # fmt: skip
    assert status == 0, screen
    assert "cannot be a law's name" in screen and "Did you mean 'nats/token'?" in screen
    law = library.load(here / "mine.yaml")
    assert (law.title, list(law.inputs)) == ("Loss with data of quality Q", ["N", "D", "Q"])
    assert "b_Q*Q^c_Q" in str(law.outcomes[0].equation).replace(" ", "")


def test_by_questions_from_a_law(here: Path) -> None:
    status, screen = questions(here, "mine", "chinchila", "chinchilla")
    assert status == 0 and "Did you mean 'chinchilla'?" in screen
    assert library.load(here / "mine.yaml").parameters == library.load("chinchilla").parameters


def test_leaving_the_questions_leaves_nothing(here: Path) -> None:
    status, screen = on_terminal("new", answers="mine\n", interrupt="copy a law", folder=here)
    assert status == 130 and "stopped; nothing was written" in screen, screen
    assert list(here.iterdir()) == []


def test_its_json(here: Path, capsys: Any) -> None:
    import json

    assert run(["new", "mine", "--from", "qid", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"law": "mine", "file": "mine.yaml", "from": "qid"}
