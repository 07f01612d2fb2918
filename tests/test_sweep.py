"""Sweeps: every cell once, whatever is killed, whoever shares the work; failures told; little memory and time added."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulation import columns, deadly, deadly_once, describe, fragile, make_plan, rows, simulated, sweep

from lawdsl.errors import InputError
from measure.cells import Found, Message, Row, Unit
from measure.plan import read_plan
from measure.store import Store, open_store
from measure.sweep import run_sweep
from measure.workers import in_processes

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are started here find the checkout and the simulation."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE.parent), str(HERE)]))


def test_every_cell_becomes_a_row(tmp_path: Path) -> None:
    plan, store, done = sweep(make_plan(tmp_path, 4))
    assert (done.cells, done.before, done.new, done.failures, done.remarks) == (48, 0, 48, (), ())
    assert plan.cells == 48 and len(rows(store)) == 48
    cells = {(row["checkpoint"], row["format"], row["corpus"]) for row in store.rows()}
    assert len(cells) == 48
    assert len((store.folder / "rows.csv").read_text().splitlines()) == 49
    assert all(store.documents(key) is not None for key in rows(store))
    assert len(list((store.folder / "baselines").iterdir())) == 4


def test_what_is_finished_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_plan(tmp_path, 3, "[2, 3]")
    first = rows(sweep(path)[1])
    path.write_text(path.read_text().replace("[2, 3]", "[2, 3, 4]"))  # a plan may grow
    monkeypatch.setenv("SIMULATED_LOG", str(tmp_path / "log"))
    _, store, done = sweep(path)
    assert (done.before, done.new) == (12, 6)
    again = rows(store)
    assert {key: again[key] for key in first} == first
    assert set((tmp_path / "log").read_text().split()) == set(again) - set(first)


def test_a_changed_checkpoint_is_a_new_one(tmp_path: Path) -> None:
    path = make_plan(tmp_path, 2, "[2]")
    sweep(path)
    (tmp_path / "runs" / "step-1" / "number").write_text("17")
    _, store, done = sweep(path)
    assert (done.before, done.new) == (2, 2)
    (tmp_path / "text.jsonl").write_text('{"text": "other words to evaluate on"}\n')
    assert sweep(path)[2].new == 4


def test_a_moved_checkpoint_is_the_same(tmp_path: Path) -> None:
    path = make_plan(tmp_path, 2, "[2]")
    sweep(path)
    (tmp_path / "runs").rename(tmp_path / "moved")
    path.write_text(path.read_text().replace("runs/*", "moved/*"))
    assert (sweep(path)[2].before, sweep(path)[2].new) == (4, 0)


def test_digests_are_kept_for_as_long_as_files_stay(tmp_path: Path) -> None:
    seen: list[str] = []

    def noting(source: Any) -> Any:
        seen.append(source.name)
        return describe(source)

    plan = read_plan(make_plan(tmp_path, 3, "[2]"))
    store = open_store(plan.store, plan)
    run_sweep(plan, store, measure_unit=simulated, describe=noting)
    assert len(seen) == 3
    run_sweep(plan, store, measure_unit=simulated, describe=noting)
    assert len(seen) == 3
    os.utime(tmp_path / "runs" / "step-2" / "number", (1, 1))
    run_sweep(plan, store, measure_unit=simulated, describe=noting)
    assert [Path(name).name for name in seen[3:]] == ["step-2"]


# --- failures ---


def test_a_failing_cell_leaves_its_reason_and_the_sweep_goes_on(tmp_path: Path) -> None:
    path = make_plan(tmp_path, 3, "[2, 3, 4]")
    _, store, done = sweep(path, measure_unit=fragile)
    assert done.new == 2 * 4 and len(done.failures) == 2 * 2 + 6
    assert {f.reason for f in done.failures} == {
        "RuntimeError: 3 bits are too few", "ValueError: this checkpoint is broken"
    }  # fmt: skip
    assert sorted(store.failures(), key=str) == sorted(done.failures, key=str)
    assert len(list(store.rows())) == 8
    _, store, done = sweep(path)  # mended: the next run tries them again
    assert (done.before, done.new, done.failures, store.failures()) == (8, 10, (), [])


def test_checkpoints_at_fault_are_named_before_anything_is_measured(tmp_path: Path) -> None:
    from lawdsl.errors import Fault, Span

    def faulty(source: Any) -> Any:
        if not source.name.endswith("step-0"):
            raise InputError(Fault("MEA101", Span(source.name), "no checkpoint", "Name another."))
        return describe(source)

    plan = read_plan(make_plan(tmp_path, 3))
    store = open_store(plan.store, plan)
    with pytest.raises(InputError) as caught:
        run_sweep(plan, store, measure_unit=simulated, describe=faulty)
    assert [Path(fault.where.file).name for fault in caught.value.faults] == ["step-1", "step-2"]
    assert not rows(store)


def test_a_damaged_row_is_measured_again(tmp_path: Path) -> None:
    path = make_plan(tmp_path, 1, "[2]")
    _, store, _ = sweep(path)
    before = rows(store)
    key = min(before)
    (store.folder / "rows" / f"{key}.json").write_text(before[key][:30])
    _, store, done = sweep(path)
    assert done.new == 1 and rows(store) == before
    assert any(key in remark and "damaged" in remark for remark in done.remarks)


# --- the hub ---


def of_the_hub(unit: Unit) -> Any:
    """A unit that finds its checkpoint out by itself."""
    description = unit.description
    if description is None:
        description = replace(describe(replace(unit.checkpoint.source, name=os.environ["HUB"])), name="x/y@z")
        yield Found(unit.checkpoint.label, description)
    for format in unit.formats:
        key = unit.key(format, description)
        if key not in unit.finished:
            named = {"checkpoint": unit.checkpoint.label, "format": format.name, "corpus": unit.corpus.text.name}
            yield Row(key, named | columns(replace(unit, description=description), format.bits, key), {})


@pytest.mark.parametrize("name", ["owner/name@step8", "owner/name"])
def test_a_checkpoint_of_the_hub_is_looked_at_by_who_measures_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = make_plan(tmp_path, 1, "[2, 3]")
    path.write_text(path.read_text().replace("runs/*", name))
    monkeypatch.setenv("HUB", str(tmp_path / "runs" / "step-0"))
    done = sweep(path, measure_unit=of_the_hub)[2]
    assert (done.before, done.new) == (0, 4)
    again = sweep(path, measure_unit=of_the_hub)[2]
    assert again.new == 0
    assert again.before == (4 if "@" in name else 0)  # without a revision it may be another one tomorrow
    path.write_text(path.read_text().replace("[2, 3]", "[2, 3, 4]"))
    assert sweep(path, measure_unit=of_the_hub)[2].new == 2


# --- several workers ---


def test_workers_give_the_same_rows(tmp_path: Path) -> None:
    alone = rows(sweep(make_plan(tmp_path / "a", 4))[1])
    together = rows(sweep(make_plan(tmp_path / "b", 4, workers=2))[1])
    assert together == alone


def test_a_killed_worker_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_MARK", str(tmp_path / "mark"))
    _, store, done = sweep(make_plan(tmp_path / "a", 3, workers=2), measure_unit=deadly_once)
    assert (tmp_path / "mark").exists()
    assert (done.new, done.failures) == (36, ())
    assert rows(store) == rows(sweep(make_plan(tmp_path / "b", 3))[1])


def test_a_cell_that_kills_its_worker_costs_no_other(tmp_path: Path) -> None:
    _, store, done = sweep(make_plan(tmp_path, 2, workers=2), measure_unit=deadly)
    assert done.new == 23
    (failure,) = done.failures
    assert failure.format == "rtn-3b-g32-asym" and failure.checkpoint == "runs/step-0"
    assert failure.reason == "the worker died (SIGKILL; perhaps for want of memory), 3 times"


def test_workers_end_with_who_started_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SIMULATED_LOG", str(log))
    monkeypatch.setenv("SIMULATED_SECONDS", "0.2")
    make_plan(tmp_path, 20, workers=2)
    running = subprocess.Popen([sys.executable, HERE / "simulation.py", tmp_path], stdout=subprocess.PIPE)
    wait_for(lambda: log.exists() and len(log.read_text().split()) > 2)
    running.kill()
    running.communicate()
    time.sleep(1.0)
    length = len(log.read_text().split())
    time.sleep(0.8)
    assert len(log.read_text().split()) == length


def wait_for(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


# --- killed, stopped, shared ---


def test_killed_twenty_times_every_row_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL at random instants, from the first import to the last row: the end equals an undisturbed sweep's."""
    undisturbed = rows(sweep(make_plan(tmp_path / "whole", 10))[1])
    path = make_plan(tmp_path / "killed", 10)
    assert len(undisturbed) == 120
    store = Store(path.parent / "simulated")
    monkeypatch.setenv("SIMULATED_SECONDS", "0.03")
    chance = random.Random(4)
    kills, grown, run = 0, 0, 0
    while kills < 20:
        run += 1
        assert run < 60
        finished = rows(store)
        log = tmp_path / f"log-{run}"
        monkeypatch.setenv("SIMULATED_LOG", str(log))
        make_plan(path.parent, 10, workers=2 if run % 4 == 0 else 1)
        running = subprocess.Popen([sys.executable, HERE / "simulation.py", path.parent], stdout=subprocess.PIPE)
        if run % 2:  # half of them while rows are being written
            wait_for(lambda log=log, running=running: log.exists() or running.poll() is not None)
            time.sleep(chance.uniform(0, 0.3))
        else:
            time.sleep(chance.uniform(0.05, 1.0))
        running.kill()
        running.communicate()
        kills += running.returncode == -signal.SIGKILL
        now = rows(store)
        assert {key: now[key] for key in finished} == finished  # nothing finished is lost or changed
        begun = log.read_text().split() if log.exists() else []
        assert not set(begun) & set(finished)  # nor measured twice
        assert all(json.loads(text)["key"] == key for key, text in now.items())
        grown += len(now) > len(finished)
    assert kills == 20 and grown >= 3
    monkeypatch.setenv("SIMULATED_SECONDS", "0")
    _, store, done = sweep(path)
    assert done.before + done.new == 120 and not done.remarks
    assert rows(store) == undisturbed
    assert not [p for p in store.folder.rglob(".*.tmp")]


def test_a_polite_stop_keeps_what_is_finished(tmp_path: Path) -> None:
    """KeyboardInterrupt, which SIGTERM becomes on the command line."""
    count = 0

    def stopping(unit: Unit) -> Any:
        nonlocal count
        for message in simulated(unit):
            count += isinstance(message, Row)
            if count == 6:
                raise KeyboardInterrupt
            yield message

    path = make_plan(tmp_path, 4)
    with pytest.raises(KeyboardInterrupt):
        sweep(path, measure_unit=stopping)
    _, _, done = sweep(path)
    assert (done.before, done.new) == (5, 43)


def test_two_sweeps_on_one_store(tmp_path: Path) -> None:
    path = make_plan(tmp_path, 2, "[2]")
    begun, go = threading.Event(), threading.Event()

    def slow(unit: Unit) -> Any:
        begun.set()
        go.wait(10)
        yield from simulated(unit)

    first = threading.Thread(target=sweep, args=(path,), kwargs={"measure_unit": slow})
    first.start()
    assert begun.wait(10)
    try:
        with pytest.raises(InputError, match="MEA403"):
            sweep(path)
    finally:
        go.set()
        first.join()
    assert sweep(path)[2].before == 4


@pytest.mark.parametrize("n", [2, 3, 7])
def test_shards_are_a_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    path = make_plan(tmp_path, 5, "[2, 3]")
    monkeypatch.setenv("SIMULATED_LOG", str(tmp_path / "log"))
    summaries = [sweep(path, shard=(i, n))[2] for i in range(1, n + 1)]
    begun = (tmp_path / "log").read_text().split()
    assert len(begun) == len(set(begun)) == 20 == sum(done.cells for done in summaries)
    assert max(done.cells for done in summaries) - min(done.cells for done in summaries) <= 4  # a unit
    assert sweep(path)[2].before == 20


# --- what the scheduler adds ---


def test_the_scheduler_adds_little_time_and_no_memory(tmp_path: Path) -> None:
    """Under 50 ms a cell, and no more memory after 600 cells than after 200; `sweep` of tests/benchmarks has 1,500."""
    held: list[int] = []

    def weighed(stage: str, done: int, failed: int, total: int) -> None:
        if stage == "cells" and done in (200, 600):
            held.append(tracemalloc.get_traced_memory()[0])

    path = make_plan(tmp_path, 50)
    tracemalloc.start()
    try:
        began = time.process_time()
        done = sweep(path, progress=weighed)[2]
        spent = time.process_time() - began
    finally:
        tracemalloc.stop()
    assert done.new == 600
    assert spent / 600 < 0.05
    assert held[-1] - held[0] < 300_000


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int, int]] = []
    sweep(make_plan(tmp_path, 2, "[2, 3]"), measure_unit=fragile, progress=lambda *now: told.append(now))
    assert [now[:2] for now in told if now[0] == "checkpoints"] == [("checkpoints", 1), ("checkpoints", 2)]
    cells = [now for now in told if now[0] == "cells"]
    assert cells[0] == ("cells", 0, 0, 8) and cells[-1] == ("cells", 8, 6, 8)
    assert [now[1] for now in cells] == sorted(now[1] for now in cells)


def test_units_go_to_any_executor(tmp_path: Path) -> None:
    """An executor is a function from units to messages; this one is a chain of two."""
    messages: list[Message | None] = []

    def noting(units: Any, measure: Any) -> Any:
        for unit, message in in_processes(1)(units, measure):
            messages.append(message)
            yield unit, message

    done = sweep(make_plan(tmp_path, 2, "[2]"), executor=noting)[2]
    assert done.new == 4 and messages.count(None) == 2
