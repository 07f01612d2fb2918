"""Sweeps of fits: the same results wherever they run, and nothing done twice whatever stops them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sweeping import deadly, deadly_once, faulty, fit_one, square

from fitting.jobs import run
from lawdsl.errors import InputError, OutsideError

HERE = Path(__file__).parent
JOBS = [{"x": x} for x in range(6)]
SQUARES = [{"square": x * x} for x in range(6)]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("SWEEP_LOG", str(path))
    return path


def test_results_stand_in_the_order_of_the_jobs() -> None:
    assert run(square, JOBS, on="here") == SQUARES
    assert run(square, [], on="here") == []
    assert run(square, [*JOBS, *JOBS[::-1]], on="here") == [*SQUARES, *SQUARES[::-1]]


def test_the_pool_gives_the_same_in_processes_of_its_own() -> None:
    told: list[tuple[int, int]] = []
    jobs = [{"x": x, "where": True} for x in range(6)]
    found = run(square, jobs, workers=2, progress=lambda done, total: told.append((done, total)))
    assert [{"square": one["square"]} for one in found] == SQUARES
    assert os.getpid() not in {one["process"] for one in found}
    assert told == [(done, 6) for done in range(7)]


def test_a_store_is_gone_on_with(tmp_path: Path, log: Path) -> None:
    store = tmp_path / "deep" / "store.jsonl"
    assert run(square, JOBS[:4], on="here", store=store) == SQUARES[:4]
    with open(store, "ab") as file:
        file.write(b'{"key":"half a li')  # the line that was being written when the machine stopped
    assert run(square, JOBS, on="here", store=store) == SQUARES
    assert Counter(log.read_text().split()) == {str(x): 1 for x in range(6)}
    assert len([json.loads(line) for line in store.read_text().splitlines()]) == 6


def test_what_is_no_store(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    for text in ("dear diary", "dear diary\n", '{"key": "a", "result": {}}\n[1]\n', "[" * 3000 + "\n"):
        other.write_text(text)
        with pytest.raises(InputError, match="FIT031"):
            run(square, JOBS, on="here", store=other)
        assert other.read_text() == text
    with pytest.raises(OutsideError, match="FIT034"):
        run(square, JOBS, on="here", store=tmp_path)
    with pytest.raises(InputError, match="FIT033.*'cloud'"):
        run(square, JOBS, on="cloud")


def test_two_runs_do_not_share_a_store(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    store = tmp_path / "store.jsonl"

    def again(done: int, total: int) -> None:
        run(square, JOBS, on="here", store=store)

    with pytest.raises(InputError, match="FIT032"):
        run(square, JOBS, on="here", store=store, progress=again)


def test_the_faults_of_all_jobs_are_told_together(tmp_path: Path, log: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(faulty, JOBS, on="here", store=tmp_path / "store.jsonl")
    assert [fault.where.file for fault in caught.value.faults] == ["x=1", "x=3", "x=5"]
    assert log.read_text().split() == ["0", "2", "4"]
    with pytest.raises(ZeroDivisionError, match="a mistake of the task") as mistake:
        run(faulty, [{"x": 100}], workers=1)
    assert "in faulty" in mistake.value.__notes__[0]


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    jobs = [{"x": x, "mark": str(tmp_path / "mark")} for x in range(6)]
    assert run(deadly_once, jobs, workers=2) == SQUARES
    assert (tmp_path / "mark").exists()


def test_a_job_that_kills_its_worker_costs_no_other(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    with pytest.raises(OutsideError, match="FIT030.*SIGKILL"):
        run(deadly, JOBS, workers=2, store=store)
    assert len(store.read_text().splitlines()) == 5


def _children(process: int) -> set[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
    return {int(word) for word in done.stdout.split()}


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_sweep_of_fifty_is_gone_on_with(tmp_path: Path, log: Path, kill: signal.Signals) -> None:
    """Killed in a sweep of 50, resumed, nothing that was finished is done twice."""
    store = tmp_path / "store.jsonl"
    environment = os.environ | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
    command = [sys.executable, str(HERE / "sweeping.py"), str(store), "50", "2"]
    first = subprocess.Popen(command, env=environment | {"SWEEP_HALT": "40"}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(2000):
            if store.exists() and store.read_bytes().count(b"\n") >= 10:
                break
            time.sleep(0.02)
        workers = _children(first.pid)
    finally:
        first.send_signal(kill)
        first.wait(30)
    done = {str(json.loads(line)["job"]["x"]) for line in store.read_bytes().split(b"\n")[:-1]}
    assert 10 <= len(done) < 50
    for _ in range(500):  # the workers end with their sweep
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            break
        time.sleep(0.02)
    else:
        raise AssertionError("workers outlive their sweep")
    subprocess.run(command, env=environment, check=True, timeout=120)
    begun = Counter(log.read_text().split())
    assert set(begun) == {str(x) for x in range(50)}
    assert all(begun[x] == 1 for x in done)
    assert sum(begun.values()) <= 50 + 2  # at most what the two workers had in hand
    assert len(store.read_text().splitlines()) == 50


def test_a_fit_gives_the_same_bits_alone_and_on_the_pool() -> None:
    jobs = [{"law": str(HERE / "line.yaml"), "seed": seed} for seed in (1, 2)]
    alone = run(fit_one, jobs, on="here")
    assert run(fit_one, jobs, workers=2) == alone
    assert alone[0] != alone[1]
