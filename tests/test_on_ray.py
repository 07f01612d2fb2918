"""Sweeps on Ray: what a local run gives, whatever happens to a worker. One cluster of two workers serves all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="needs the ray extra")

import sweeping  # noqa: E402
from simulation import deadly, deadly_once, fragile, make_plan, rows, simulated, sweep  # noqa: E402

from fitting.jobs import run  # noqa: E402
from lawdsl.cluster import connect  # noqa: E402
from lawdsl.errors import OutsideError  # noqa: E402
from measure.cells import Message, Unit  # noqa: E402
from measure.on_ray import on_ray  # noqa: E402

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two workers of this machine, who find the simulation beside the tests."""
    mark = tmp_path_factory.mktemp("ray") / "mark"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMULATED_MARK", str(mark))
        patch.setattr(sys, "path", [str(HERE.parent), str(HERE), *sys.path])
        try:
            connect(ray, None, 2)
        except OutsideError:  # a machine at its limits: Ray gives a cluster 30 seconds to start
            connect(ray, None, 2)
        yield mark
        ray.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The rows of the same plan, run here."""
    return rows(sweep(make_plan(tmp_path_factory.mktemp("local"), 6))[1])


def test_the_rows_are_those_of_a_local_run(tmp_path: Path, local: dict[str, str]) -> None:
    path = make_plan(tmp_path, 6, workers=2)
    _, store, done = sweep(path, executor=on_ray(None, 2))
    assert (done.cells, done.new, done.failures) == (72, 72, ())
    assert rows(store) == local
    assert all(store.documents(key) is not None for key in local)
    assert sweep(path, executor=on_ray(None, 2))[2].new == 0


def test_a_killed_worker_is_replaced(tmp_path: Path, cluster: Path, local: dict[str, str]) -> None:
    _, store, done = sweep(make_plan(tmp_path, 6), executor=on_ray(None, 2), measure_unit=deadly_once)
    assert cluster.exists()
    assert (done.new, done.failures) == (72, ())
    assert rows(store) == local


def test_a_cell_that_kills_its_worker_costs_no_other(tmp_path: Path) -> None:
    _, _, done = sweep(make_plan(tmp_path, 1, "[2, 3]"), executor=on_ray(None, 2), measure_unit=deadly)
    assert done.new == 3
    (failure,) = done.failures
    assert failure.format == "rtn-3b-g32-asym" and failure.reason.startswith("the worker died (")


def test_failures_are_those_of_a_local_run(tmp_path: Path) -> None:
    there = sweep(make_plan(tmp_path / "a", 3, "[2, 3]"), executor=on_ray(None, 2), measure_unit=fragile)[2]
    here = sweep(make_plan(tmp_path / "b", 3, "[2, 3]"), measure_unit=fragile)[2]
    assert there.new == here.new and set(there.failures) == set(here.failures)


def parallel(unit: Unit) -> Iterator[Message]:
    """As `simulated`, with the process that does it as a fact."""
    from dataclasses import replace

    for message in simulated(unit):
        if hasattr(message, "columns"):
            message = replace(message, columns=dict(message.columns) | {"process": os.getpid()})
        yield message


def test_units_are_done_by_workers_and_not_here(tmp_path: Path) -> None:
    _, store, done = sweep(make_plan(tmp_path, 8, "[2]"), executor=on_ray(None, 2), measure_unit=parallel)
    assert done.new == 16
    assert os.getpid() not in {row["process"] for row in store.rows()}


def test_more_gpus_than_there_are(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="MEA404.*0 GPUs"):
        sweep(make_plan(tmp_path, 1), executor=on_ray(None, 2, gpus=0.25))


def test_a_fit_gives_the_same_bits_as_alone() -> None:
    """Line 7 of issue 5: same law, data and seed, the same draws."""
    jobs = [{"law": str(HERE / "line.yaml"), "seed": seed} for seed in (1, 2)]
    assert run(sweeping.fit_one, jobs, on="ray") == run(sweeping.fit_one, jobs, on="here")


def test_numpy_has_the_threads_that_it_has_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of large matrices differ in their last bits with the number of threads; Ray makes it one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert run(sweeping.threads, [{}], on="ray") == run(sweeping.threads, [{}], on="here") == [{"threads": "3"}]


def test_a_sweep_of_fits_goes_on_after_a_death(tmp_path: Path) -> None:
    jobs = [{"x": x, "mark": str(tmp_path / "mark")} for x in range(6)]
    store = tmp_path / "store.jsonl"
    assert run(sweeping.deadly_once, jobs, on="ray", store=store) == [{"square": x * x} for x in range(6)]
    assert (tmp_path / "mark").exists() and len(store.read_text().splitlines()) == 6
    with pytest.raises(OutsideError, match="FIT030"):
        run(sweeping.deadly, jobs[:3], on="ray")


def test_no_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OutsideError, match="MEA404.*not installed"):
        sweep(make_plan(tmp_path, 1), executor=on_ray(None, 2))


def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("could not find any running Ray instance\nand more")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(OutsideError, match="MEA404.*could not find any running Ray instance\n") as caught:
        sweep(make_plan(tmp_path, 1), executor=on_ray("10.0.0.1:6379", 2))
    assert caught.value.faults[0].where.file == "--on ray:10.0.0.1:6379"
