"""The library as a folder: names in sub-folders, a wrong file among good ones, what loading costs, and round trips."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from golden import same_as_golden
from hypothesis import given, settings
from hypothesis import strategies as st

from lawdsl import library
from lawdsl.cli import run
from lawdsl.errors import InputError
from lawdsl.law import Law, PublishedSet, Value
from lawdsl.render import canonical

#: seconds of processor time in which the whole library is read; it takes about a second for a hundred laws
WHOLE = 5.0

SMALL = """
law: {name}
title: {title}
source: {{arxiv: "2001.08361", title: Scaling laws, authors: "J. Kaplan, S. McCandlish and others", year: 2020}}
status: {status}
topics: [{topics}]
variables: {{{variable}: {{unit: {unit}, range: [1M, 1B]}}}}
response: {{L: {{unit: nats/token}}}}
parameters: {{a: {{between: [0.1, 1]}}, s: {{prior: HalfNormal(0.1)}}}}
equation: L = ({variable}/1e6)^-a
noise: {{family: normal, scale: s}}
published: {{paper: {{a: 0.5}}}}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of three laws, one of them in a sub-folder, and a wrong file."""
    home = tmp_path / "laws"
    (home / "more").mkdir(parents=True)
    parts = [
        ("size", "Loss by size", "published", "pretraining", "N", "parameters"),
        ("bits", "Loss by bits", "hypothesis", "quantization, data", "P", "bits"),
        ("more/text", "Loss by text", "published", "pretraining, data", "D", "tokens"),
    ]
    for path, title, status, topics, variable, unit in parts:
        text = SMALL.format(
            name=path.rpartition("/")[2], title=title, status=status, topics=topics, variable=variable, unit=unit
        )
        (home / f"{path}.yaml").write_text(text)
    (home / "wrong.yaml").write_text("law: wrong\nvariables: {N: {unit: bots}}\n")
    (home / "notes.txt").write_text("no law\n")
    monkeypatch.setattr(library, "folder", lambda: home)
    return home


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Any:
    """A command's answer and messages as one text: `$ lawdsl ...`, what it says, and its status."""

    def call(*arguments: str) -> str:
        capsys.readouterr()
        status = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        marked = "".join(f"! {line}\n" for line in err.splitlines())
        return f"$ lawdsl {' '.join(arguments)}\n{out}{marked}[{status}]\n"

    return call


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_law_in_a_sub_folder_is_named_by_its_path(small: Path) -> None:
    assert library.names() == ("bits", "size", "wrong", "more/text")
    assert library.find("more/text") == small / "more" / "text.yaml"
    assert library.load("more/text").name == "text"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("text", "more/text"), ("more/txt", "more/text"), ("laws/sise.yaml", "size"), ("bitz", "bits")],
)
def test_a_misspelt_law_finds_its_name(small: Path, asked: str, meant: str) -> None:
    with pytest.raises(InputError, match="LAW038") as caught:
        library.find(asked)
    assert f"Did you mean '{meant}'?" in str(caught.value)


@pytest.mark.parametrize(
    "asked", ["", ".", "..", "../laws/size", "more", "more/", "/size", "size/", "a\0b", "x" * 5000]
)
def test_what_is_no_name_is_no_law(small: Path, asked: str) -> None:
    with pytest.raises(InputError, match="LAW038"):
        library.find(asked)


@pytest.mark.parametrize("name", library.names())
def test_a_file_is_named_after_its_law(name: str) -> None:
    """The last part of the path, or the path with a dash or a line in the place of the slash."""
    law = library.load(name)
    assert law.name in {name.rpartition("/")[2], name.replace("/", "-"), name.replace("/", "_")}


# --- list, show, cite ------------------------------------------------------------------------------------------------


def test_list_goes_on_past_a_wrong_file_and_filters(small: Path, says: Any) -> None:
    asked = [
        ["list"],
        ["list", "--topic", "data", "--topic", "pretraining"],
        ["list", "--status", "published", "--variable", "N"],
        ["list", "--status", "published", "--status", "hypothesis", "--variable", "bits"],
        ["list", "--topic", "quantization", "--status", "published"],
        ["list", "--topic", "quantisation", "--status", "publishd", "--variable", "tokns"],
    ]
    same_as_golden("library_list", "\n".join(says(*arguments) for arguments in asked))


def test_list_for_machines(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--variable", "P", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (law,), (wrong,) = answer["laws"], answer["wrong"]
    assert (law["law"], law["topics"], law["status"]) == ("bits", ["quantization", "data"], "hypothesis")
    assert wrong["law"] == "wrong" and {fault["code"] for fault in wrong["faults"]} == {"LAW009", "LAW024"}


def test_show_with_a_plot(small: Path, says: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (small / "bits.yaml").write_text((small / "bits.yaml").read_text().split("published: {")[0])
    asked = [["show", "more/text", "--plot"], ["show", "bits", "--plot"]]
    same_as_golden("library_show", "\n".join(says(*arguments) for arguments in asked))


def test_a_plot_changes_nothing_for_machines(small: Path, says: Any) -> None:
    for form in ("--json", "--latex", "--yaml"):
        plain = says("show", "size", form).split("\n", 1)[1]
        assert says("show", "size", "--plot", form).split("\n", 1)[1] == plain


def test_cite(small: Path, says: Any) -> None:
    text = (small / "size.yaml").read_text()
    (small / "bare.yaml").write_text(text.replace("law: size", "law: bare").replace("source:", "# source:"))
    other = text.replace("law: size", "law: other").replace("2001.08361", "2203.15556").replace("year: 2020", "")
    (small / "other.yaml").write_text(other.replace(", authors", ', venue: NeurIPS 2022, x: "y_z", authors'))
    (small / "third.yaml").write_text(
        text.replace("law: size", "law: third").replace("paper: {", "paper: {source: arXiv 2404.10102, ")
        .replace("2001.08361", "2404.00001").replace("title: Scaling laws, authors:", "title: 50% & more, authors:")
        .replace("J. Kaplan, S. McCandlish and others", "OpenAI and É. Gödel").replace("year", "venue: TMLR 2023, year")
    )  # fmt: skip
    asked = [
        ["cite", "size", "more/text", "other", "third"],
        ["cite", "size", "--json"],
        ["cite", "bare", "size"],
        ["cite", "sise"],
    ]
    same_as_golden("library_cite", "\n".join(says(*arguments) for arguments in asked))


# --- what holds of all -----------------------------------------------------------------------------------------------


def test_the_library_is_read_at_once() -> None:
    start = time.process_time()
    for name in library.names():
        library.load(name)
    assert time.process_time() - start < WHOLE


words = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=40).map(
    lambda text: " ".join(text.split())
)


@st.composite
def changed(draw: st.DrawFn) -> Law:
    """A law of the library with other texts and other published numbers."""
    law = library.load(draw(st.sampled_from(library.names())))

    def number(name: str) -> Value:
        low, high = law.parameter[name].support
        smallest = 1e-9 if low == 0 else max(low, -1e9)  # numbers below 1e-150 are refused
        value = draw(st.floats(smallest, min(high, 1e9)).filter(lambda x: x == 0 or abs(x) > 1e-100))
        se = draw(st.none() | st.floats(1e-9, 1e9))
        status = draw(st.none() | st.sampled_from(["recalled", "hypothesis"])) if se is None else None
        return Value(value, se, status=status)

    sets = [
        PublishedSet(
            one.name,
            tuple((name, number(name) if isinstance(value, Value) else value) for name, value in one.values),
            draw(words),
            draw(words),
        )
        for one in law.published
    ]
    return replace(law, title=draw(words) or "x", about=draw(words), published=tuple(sets))


@settings(max_examples=25)
@given(changed())
def test_a_law_with_any_texts_and_numbers_survives_being_printed_and_read_again(law: Law) -> None:
    again = library.parse(canonical(law))
    assert again == law
    assert canonical(again) == canonical(law)
