"""Sweeps of fits: many laws by many tables, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fitting
import lawdsl
from fitting.sweep import fits
from lawdsl.cli import run
from lawdsl.errors import InputError

LINE = Path(__file__).parent / "line.yaml"


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    found = []
    for slope in (1, 2):
        rows = "".join(f"{x},{slope * x + 0.1 * (-1) ** x}\n" for x in range(1, 13))
        found.append(tmp_path / f"slope-{slope}.csv")
        found[-1].write_text(f"x,y\n{rows}")
    return found


def test_every_law_by_every_table(tables: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, out = tmp_path / "store.jsonl", tmp_path / "fits"
    arguments = ["sweep", str(LINE), "--method", "map", "--on", "here", "--store", str(store), "--out", str(out)]
    for table in tables:
        arguments += ["--data", str(table)]
    assert run([*arguments, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["fits"]
    assert [round(one["parameters"]["a"]["mean"]) for one in first] == [1, 2]
    assert fitting.open_fit(first[1]["fit"]).provenance.rows == 12
    before = store.read_text()
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert "slope-2.csv" in said and "good" in said
    assert store.read_text() == before  # nothing is done twice
    tables[0].write_text(tables[0].read_text().replace("\n1,", "\n1.5,"))
    assert run(arguments) == 0
    assert len(store.read_text().splitlines()) == 3  # but for what has changed


def test_pairs_that_cannot_be_bound_are_told_before_anything_is_fitted(tables: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("z\n1\n")
    store = tmp_path / "store.jsonl"
    with pytest.raises(InputError) as caught:
        fits([lawdsl.load(str(LINE)), lawdsl.load("azuma_bound")], [str(tables[0]), str(other)], store=store)
    assert {fault.code for fault in caught.value.faults} == {"TAB005", "FIT012"}
    assert all("line on " in fault.message for fault in caught.value.faults if fault.code == "TAB005")
    assert not store.exists()
