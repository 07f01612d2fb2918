"""Faults planted in laws and tables, each named by the verdict of a fit in words that say what to mend.

The fits are quick ones (the mode and its normal approximation): what names these faults needs no chains. The same with
the sampler, on the points of Chinchilla, are slow tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fitting
import lawdsl
from fitting import Verdict
from lawdsl.law import Law
from lawdsl.table import Table

ROWS = 240
LAW = """
law: planted
title: planted
variables: {N: {unit: parameters}, D: {unit: tokens}}
response: {L: {unit: nats/token}}
parameters:
  E: {between: [1, 2.5]}
  A: {prior: "LogNormal(6, 2)"}
  B: {prior: "LogNormal(6, 2)"}
  alpha: {between: [0.1, 1]}
  beta: {between: [0.1, 1]}
  s: {prior: HalfNormal(0.1)}
equation: L = E + A/N^alpha + B/D^beta
noise: {family: normal, on: log, scale: s}
"""
#: scatter of the planted rows, on the log
SCATTER = 0.005


def rows(seed: int = 0) -> Table:
    """Rows of a law that is right."""
    random = np.random.default_rng(seed)
    n, d = np.exp(random.uniform(18, 23.5, ROWS)), np.exp(random.uniform(20.5, 27, ROWS))
    loss = (1.8 + 480 / n**0.35 + 2000 / d**0.37) * np.exp(SCATTER * random.normal(size=ROWS))
    return lawdsl.bind(lawdsl.parse(LAW), {"N": n, "D": d, "L": loss})


def changed(table: Table, column: str, where: object, change: Callable[[np.ndarray], np.ndarray]) -> Table:
    """The table with a column changed in some rows."""
    values = table.columns[column].copy()
    values[where] = change(values[where])
    return replace(table, columns={**table.columns, column: values})


def verdict(table: object, law: Law | None = None) -> Verdict:
    return fitting.fit(law or lawdsl.parse(LAW), table, method="map").verdict


def the_one(texts: tuple[str, ...], words: str) -> str:
    found = [text for text in texts if words in text]
    assert len(found) == 1, texts
    return found[0]


def test_a_sound_fit_has_nothing_to_say() -> None:
    """Each check has its rate of false alarms, at most one in a hundred; this seed raises none."""
    told = verdict(rows())
    assert told.ok
    assert [note for note in told.notes if "a normal approximation" not in note] == []


def test_an_unidentifiable_law() -> None:
    """A sum of two constants: no rows could tell them apart."""
    law = lawdsl.parse(LAW.replace("L = E +", "L = E + F +").replace("  E: ", "  F: {between: [0.1, 1]}\n  E: "))
    told = verdict(rows(), law)
    assert not told.ok
    reason = the_one(told.reasons, "only F + E is told")
    assert "the rows do not tell F and E apart" in reason
    assert "no run would: the law itself holds them together, so fix one of them or drop it" in reason


def test_a_duplicated_parameter() -> None:
    law = lawdsl.parse(LAW.replace("A/N", "A*A2/N").replace("  B: ", '  A2: {prior: "LogNormal(0, 1)"}\n  B: '))
    told = verdict(rows(), law)
    assert not told.ok
    reason = the_one(told.reasons, "only A*A2 is told")
    assert "the data do not separate A2 from A" in reason or "the data do not separate A from A2" in reason


def test_data_at_one_size_only() -> None:
    told = verdict(changed(rows(), "N", slice(None), lambda n: np.full_like(n, 1e9)))
    assert not told.ok
    reason = the_one(told.reasons, "all rows have N = 1B")
    assert "do not tell E, A and alpha apart" in reason
    assert " at N 100M, D " in reason or " at N 10B, D " in reason


BUMP = """
law: bump
title: bump
variables: {x: {unit: tokens}}
response: {y: {unit: nats/token}}
parameters:
  a: {prior: "Normal(0, 2)"}
  b: {prior: "Normal(0, 3)"}
  s: {prior: HalfNormal(0.1)}
equation: y = a^2 + b/x + a/1000
noise: {family: normal, scale: s}
"""


def bump() -> dict[str, np.ndarray]:
    x = np.linspace(1, 10, 60)
    return {"x": x, "y": 1.5**2 + 0.5 / x + 0.0015 + 0.02 * np.random.default_rng(1).normal(size=60)}


def test_a_bimodal_posterior() -> None:
    told = verdict(bump(), lawdsl.parse(BUMP))
    assert not told.ok
    reason = the_one(told.reasons, "the posterior has 2 modes, and the draws leave out another")
    assert "a = 1.5" in reason and "a = -1.5" in reason and "(50 %)" in reason


@pytest.mark.parametrize("row", [0, 239])
def test_one_corrupted_row(row: int) -> None:
    told = verdict(changed(rows(), "L", row, lambda loss: loss * 1.1))
    note = the_one(told.notes, "outliers: ")
    assert note.startswith(f"outliers: row {row + 1} lies ") and "sd of the scatter above the law" in note
    assert "as well" not in note and f"; row {row}" not in note


def test_a_row_is_numbered_as_in_the_users_table(tmp_path: Path) -> None:
    """Rows that a filter leaves out still count."""
    table = changed(rows(), "L", 100, lambda loss: loss * 1.1)
    lines = ["N,D,L,keep", *(f"{n},{d},{x},1" for n, d, x in zip(*(table.columns[c] for c in "NDL"), strict=True))]
    lines[1:1] = ["1e9,1e9,9,0"] * 7
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    law = lawdsl.parse(LAW)
    told = verdict(lawdsl.bind(law, str(path), where="keep == 1"))
    assert "outliers: row 108 lies " in the_one(told.notes, "outliers: ")


@pytest.mark.parametrize(
    ("column", "factor", "was"),
    [("D", 1e-9, "billions"), ("D", 1e-3, "thousands"), ("N", 1e-6, "millions"), ("L", 1 / np.log(2), "bits")],
)
def test_units_swapped_in_half_the_rows(column: str, factor: float, was: str) -> None:
    told = verdict(changed(rows(), column, slice(120, None), lambda x: x * factor))
    assert not told.ok
    assert told.reasons[0].startswith(f"rows 121 to 240 look as if {column} were in {was}")


def test_units_swapped_in_a_law_of_many_constants() -> None:
    """Forty-eight corpora, each with a level of its own: fifty-three constants in all."""
    own = "E: {between: [1, 2.5]}"
    assert own in LAW
    law = lawdsl.parse(LAW.replace(own, "E: {between: [1, 2.5], by: corpus}").replace(
        "parameters:", "factors: {corpus: {levels: any}}\nparameters:"))  # fmt: skip
    table = rows()
    random = np.random.default_rng(1)
    levels = np.arange(ROWS) % 48
    loss = table.columns["L"] + 0.2 * random.normal(size=48)[levels]
    columns = {**table.columns, "L": loss, "corpus": [f"corpus {level:02d}" for level in levels]}
    columns["D"] = np.where(np.arange(ROWS) < ROWS // 2, columns["D"] / 1e9, columns["D"])
    told = verdict(columns, law)
    assert not told.ok
    assert "as if D were in billions" in the_one(told.reasons, "as if")


# --- with the sampler, on real points --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def points() -> Table:
    import os

    if not os.environ.get("LAWDSL_DATA"):
        pytest.skip("set LAWDSL_DATA to a folder of the public tables")
    return lawdsl.bind(lawdsl.load("chinchilla"), "chinchilla-epoch")


@pytest.mark.slow
def test_faults_planted_in_chinchillas_points(points: Table) -> None:
    law = lawdsl.load("chinchilla")
    row = int(points.numbers[16])  # type: ignore[index]
    sampled = fitting.fit(law, changed(points, "L", 16, lambda loss: loss * 1.15)).verdict
    assert f"outliers: row {row} lies " in the_one(sampled.notes, "outliers: ")
    half = fitting.fit(law, changed(points, "D", slice(120, None), lambda d: d / 1e9)).verdict
    assert "look as if D were in billions" in half.reasons[0]
    one = fitting.fit(law, changed(points, "N", slice(None), lambda n: np.full_like(n, 1e9))).verdict
    assert any("all rows have N = 1B" in reason for reason in one.reasons)


@pytest.mark.slow
def test_a_bimodal_posterior_sampled() -> None:
    """Four chains planted at one mode agree; the starts know the other."""
    told = fitting.fit(lawdsl.parse(BUMP), bump()).verdict
    assert not told.ok
    the_one(told.reasons, "the posterior has 2 modes")
