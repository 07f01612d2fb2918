"""The experiment of 1-bit networks, at a tiny size; what the table that ships says; and its laws."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitting
import lawdsl

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "one_bit"
LAWS = ("ntk", "power")
#: bytes; the table ships with the project
MOST = 200_000
#: float32 sums of some dozen terms
SINGLE = 1e-5


@pytest.fixture(scope="module")
def experiment() -> Any:
    """The example's module."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        import experiment
    finally:
        sys.path.remove(str(EXAMPLE))
    return experiment


@pytest.fixture(scope="module")
def task(experiment: Any) -> Any:
    return experiment.make_task(points=20, test_points=30, dimensions=6, teacher=4)


@pytest.fixture(scope="module")
def table(experiment: Any, task: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three widths, two seeds, sixty steps: a second."""
    path: Path = tmp_path_factory.mktemp("one_bit") / "runs.csv"
    experiment.run(path, widths=(8, 32, 128), seeds=(0, 1), steps=(0, 1, 3, 10, 30, 60), task=task)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = ("width", "hidden_weights", "seed", "step", "learning_rate", "train_loss", "test_loss", "difference")
    return [row | {name: float(row[name]) for name in numbers} for row in rows]


# --- the networks ---


def test_the_task_lies_on_the_sphere(task: Any) -> None:
    for points in (task.x, task.test_x):
        assert np.linalg.norm(points, axis=1) == pytest.approx(1, rel=SINGLE)
    assert task.y.mean() == pytest.approx(0, abs=SINGLE) and task.y.std() == pytest.approx(1, rel=SINGLE)


def test_a_one_bit_network_computes_with_signs(experiment: Any, task: Any) -> None:
    one, full = experiment.twins(32, 6, seed=3)
    one.step(task, 0.5)
    by_hand = np.maximum(task.x @ np.where(one.weights > 0, 1, -1).T, 0) @ one.output
    assert one(task.x) == pytest.approx(by_hand, rel=SINGLE, abs=SINGLE)
    assert not np.allclose(one.weights, full.weights)  # weights move in full precision
    magnitudes = np.random.default_rng(0).uniform(0.1, 9, one.weights.shape)
    other = experiment.Network(np.abs(magnitudes) * np.sign(one.weights), one.output, True)
    assert other(task.x) == pytest.approx(one(task.x), rel=SINGLE, abs=SINGLE)


@pytest.mark.parametrize("which", [0, 1])
def test_a_step_goes_down_the_gradient(experiment: Any, task: Any, which: int) -> None:
    """Of the full network by finite differences; of its 1-bit twin the gradient by the signs (straight-through)."""
    network = experiment.twins(8, 6, seed=1)[which]
    before = np.sign(network.weights) if which == 0 else network.weights
    point = before.astype(float).copy()

    def loss(weights: Any) -> float:
        return float(np.mean((np.maximum(task.x @ weights.T, 0) @ network.output - task.y) ** 2) / 2)

    own = network.weights.copy()
    network.step(task, 0.5)
    moved = (own - network.weights) / 0.5
    for index in ((0, 0), (3, 2), (7, 5)):
        up, down = point.copy(), point.copy()
        up[index] += 1e-4
        down[index] -= 1e-4
        assert moved[index] == pytest.approx((loss(up) - loss(down)) / 2e-4, rel=2e-3, abs=2e-5)


def test_twins_begin_at_zero_and_alike(experiment: Any, task: Any) -> None:
    one, full = experiment.twins(16, 6, seed=0)
    assert np.array_equal(one.weights, full.weights)
    assert one(task.x) == pytest.approx(0, abs=SINGLE) and full(task.x) == pytest.approx(0, abs=SINGLE)


def test_a_wide_network_follows_its_kernel(experiment: Any, task: Any) -> None:
    """Ten small steps of a full network of 8,192 units, against the infinite one's; 1/sqrt(m) is 0.01."""
    _, full = experiment.twins(8192, 6, seed=0)
    values = experiment.kernel_eigenvalues(task.x)
    assert values[0] > 0
    rate = 0.1 / values[-1]
    cosine = np.clip(task.x.astype(float) @ task.x.T.astype(float), -1, 1)
    kernel = cosine * (np.pi - np.arccos(cosine)) / (2 * np.pi) / len(task.y)
    assert np.linalg.eigvalsh(kernel) == pytest.approx(values, rel=1e-9)
    left = np.linalg.matrix_power(np.eye(len(kernel)) - rate * kernel, 10) @ task.y
    for _ in range(10):
        full.step(task, rate)
    assert task.y - full(task.x) == pytest.approx(left, abs=0.05)


# --- the table ---


def test_a_run_is_a_table(table: Path, experiment: Any) -> None:
    rows = read(table)
    assert len(rows) == 3 * 2 * 6 * 2
    assert list(rows[0]) == list(experiment.COLUMNS)
    assert len({row["run"] for row in rows}) == 12 and {row["weights"] for row in rows} == {"one-bit", "full"}
    for row in rows:
        assert row["hidden_weights"] == 6 * row["width"]
        if row["step"] == 0:
            assert row["train_loss"] == pytest.approx(0.5, rel=SINGLE) and row["difference"] < SINGLE
    last = {(row["weights"], row["width"], row["seed"]): row["train_loss"] for row in rows if row["step"] == 60}
    assert all(loss < 0.5 for loss in last.values())
    assert all(last["full", 128, seed] < last["one-bit", 128, seed] for seed in (0, 1))


def test_the_same_seeds_give_the_same_table(table: Path, experiment: Any, task: Any, tmp_path: Path) -> None:
    experiment.run(tmp_path / "again.csv", widths=(8, 32), seeds=(0, 1), steps=(0, 1, 3, 10, 30, 60), task=task)
    again = (tmp_path / "again.csv").read_text()
    assert table.read_text().startswith(again)


def test_the_table_that_ships_is_whole(experiment: Any) -> None:
    path = EXAMPLE / "runs.csv"
    rows = read(path)
    assert path.stat().st_size < MOST
    assert len(rows) == 2 * len(experiment.WIDTHS) * len(experiment.SEEDS) * len(experiment.STEPS)
    assert {row["step"] for row in rows} == set(experiment.STEPS)
    first = experiment.train(experiment.make_task(), 16, 0, float(rows[0]["learning_rate"]), (0, 1, 2))
    for made, row in zip(first, rows, strict=False):
        assert made["run"] == row["run"]
        # other libraries of linear algebra sum in another order, and a sign may turn a step sooner
        assert float(str(made["train_loss"])) == pytest.approx(row["train_loss"], rel=0.05)


# --- the laws ---


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fits_the_table(name: str, table: Path) -> None:
    law = lawdsl.load(str(EXAMPLE / f"{name}.yaml"))
    posterior = fitting.fit(law, str(table), where="weights == 'one-bit' and step > 0", method="map")
    assert posterior.provenance.rows == 30
    (point,) = posterior.predict(m=32, t=10, **({"eta": 1.0} if name == "ntk" else {}))
    assert 0.02 < point.median < 0.5


def test_held_out_rows_are_scored(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sys.path.insert(0, str(EXAMPLE))
    try:
        import compare
    finally:
        sys.path.remove(str(EXAMPLE))
    monkeypatch.setitem(compare.SPLITS, "wider networks", ("width < 100", "width > 100"))
    found = compare.score("power", str(table), "one-bit", "wider networks", "map")
    assert found["rows"] == "20 + 10" and found["law"] == "power"
    assert 0 < float(found["RMSE of log"]) < 3 and 0 <= float(found["in 90 %"]) <= 1
