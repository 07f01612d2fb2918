"""The laws of SLDBench's tasks: they bind to its tables as these are named, keep to its limits, and foretell what is
open of its test splits.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

import fitting
import lawdsl
from fitting.predictions import table_points
from lawdsl import catalogue, library
from lawdsl.evaluate import evaluate
from lawdsl.published import values_of
from lawdsl.table import Table

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from sldbench import OPEN, TASKS, table  # noqa: E402

#: rows of the train split; constants a group that the benchmark allows, noise apart (None: as many as one likes)
SPLITS = {
    "parallel": (36, 4), "vocab": (1080, 7), "sft": (504, 4), "data_constrained": (161, 7),
    "domain_mixture": (80, 35), "moe": (193, 6), "lr_bsz": (2702, None), "easy_question": (389, 6),
}  # fmt: skip
#: R2 of the test splits to be reached: the best that were published
WANTED = {"parallel": 0.9995, "vocab": 0.987, "sft": 0.993, "data_constrained": 0.944}

SHORT_OF_IT = pytest.mark.xfail(strict=True, reason="R2 .984: the folds of the train split prefer no other form")


def law_of(task: str) -> lawdsl.Law:
    return library.load(f"sldbench/{task}")


def test_there_is_a_law_for_each_task() -> None:
    assert set(SPLITS) == set(TASKS) and set(WANTED) == set(OPEN)
    assert {f"sldbench/{task}" for task in TASKS} == {name for name in library.names() if name.startswith("sldbench/")}


@pytest.mark.parametrize("task", TASKS)
def test_variables_are_the_columns_of_the_train_split(task: str, data_folder: Path) -> None:
    """By the catalogue's name and by the path of the file alike, without a map."""
    law = law_of(task)
    assert all(not data.map for data in law.data) and law.data[0].table == table(task, "train")
    rows, _ = SPLITS[task]
    entry = catalogue.entry(table(task, "train"))
    assert all(entry.column(name) for name in (*law.inputs, *law.outcome, *law.grouping))
    by_name = lawdsl.bind(law)
    by_path = lawdsl.bind(law, str(data_folder / f"sldbench_{task}_train.csv"))
    assert by_name.rows == by_path.rows == rows and by_name.digest == by_path.digest


@pytest.mark.parametrize("task", OPEN)
def test_rows_to_predict_need_no_response(task: str, data_folder: Path, tmp_path: Path) -> None:
    law = law_of(task)
    with (data_folder / f"sldbench_{task}_test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    bare = tmp_path / "bare.csv"
    with bare.open("w", newline="") as file:
        kept = [name for name in rows[0] if name not in law.outcome]
        writer = csv.DictWriter(file, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    points = lawdsl.bind(law, str(bare), response=False)
    assert points.rows == len(rows) == lawdsl.bind(law, table(task, "test")).rows
    for name in law.inputs:
        assert points.columns[name] == pytest.approx([float(row[name]) for row in rows])


@pytest.mark.parametrize(("task", "most"), [(task, most) for task, (_, most) in SPLITS.items() if most])
def test_laws_keep_to_the_limit_of_constants(task: str, most: int) -> None:
    law = law_of(task)
    needed = law.needs(*(one.equation for one in law.outcomes))
    assert sum(p.name in needed for p in law.parameters) <= most


@pytest.mark.parametrize(
    "task",
    [pytest.param(t, marks=pytest.mark.slow) if t in ("sft", "domain_mixture", "easy_question") else t for t in TASKS],
)
def test_a_quick_fit_is_close_to_the_rows_and_foretells_as_many(task: str, data_folder: Path) -> None:
    """By the mode: seconds, and up to a minute for the three widest. Rows come back in their order, of several
    responses one of each a row.
    """
    if task == "lr_bsz":
        pytest.skip("2,702 rows: see the slow test")
    rows = lawdsl.bind(law_of(task))
    assert scored(fitting.fit(law_of(task), rows, method="map"), rows) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("task", [pytest.param(t, marks=SHORT_OF_IT) if t == "vocab" else t for t in OPEN])
def test_open_test_splits_are_foretold_as_well_as_by_the_best_published(task: str, data_folder: Path) -> None:
    posterior = fitting.fit(law_of(task))
    assert posterior.verdict.ok
    assert scored(posterior, lawdsl.bind(law_of(task), table(task, "test"))) >= WANTED[task]


def scored(posterior: fitting.Posterior, rows: Table) -> float:
    """R2 of posterior means: one minus the mean over targets of MSE / variance, all groups together."""
    law = posterior.law
    points = [{n: x for n, x in one.items() if n in (*law.inputs, *law.grouping)} for one in table_points(rows)]
    told = fitting.predict(posterior, points)
    assert len(told) == rows.rows * len(law.outcomes)
    errors = []
    for name in law.outcome:
        mean = np.array([one.mean for one in told if one.response == name])
        errors.append(np.mean((mean - rows.columns[name]) ** 2) / np.var(rows.columns[name]))
    return float(1 - np.mean(errors))


# ---- far beyond the rows


def test_the_floor_of_a_mixture_of_experts_lies_below_any_size() -> None:
    law = law_of("moe")
    values = {**values_of(law, "ours", {}), "n_params_dense": np.geomspace(1e8, 1e15, 8), "num_experts": 64.0}
    losses = evaluate(law, {"loss": law.equation}, values)["loss"]
    assert np.all(np.diff(losses) < 0) and losses[-1] > 1.69
