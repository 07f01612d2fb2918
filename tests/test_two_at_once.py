"""Two processes on one store or one file: every row is there once, and whoever reads sees a whole file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from simulation import make_plan, rows, sweep

from measure.store import Store
from measure.tables import write_tables

HERE = Path(__file__).parent

#: a process that sweeps until it is not turned away, and says how often it was; arguments: plan, I, N
MEASURING = """
import sys, time
from pathlib import Path
from simulation import sweep
from lawdsl.errors import InputError
away = 0
while True:
    try:
        done = sweep(Path(sys.argv[1]), shard=(int(sys.argv[2]), int(sys.argv[3])))[2]
        break
    except InputError as error:
        assert "MEA403" in str(error), error
        away += 1
        time.sleep(0.05)
print(done.new, done.before, away)
"""
#: the same of a sweep of fits; arguments: store, jobs
FITTING = """
import sys, time, sweeping
from fitting.jobs import run
from lawdsl.errors import InputError
while True:
    try:
        found = run(sweeping.square, [{"x": x} for x in range(int(sys.argv[2]))], on="here", store=sys.argv[1])
        break
    except InputError as error:
        assert "FIT032" in str(error), error
        time.sleep(0.02)
assert found == [{"square": x * x} for x in range(int(sys.argv[2]))]
"""
#: writes a fit file of `size` times `value` again and again; arguments: path, value, size
WRITING = """
import sys
from pathlib import Path
import numpy as np
from fitting.fit_file import Group, write
value, size = float(sys.argv[2]), int(sys.argv[3])
for _ in range(60):
    write({"/": Group({"a": (("n",), np.full(size, value))})}, Path(sys.argv[1]))
"""


def started(program: str, *arguments: object, **more: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"} | more
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> list[int]:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return [int(word) for word in said.split()]


@pytest.mark.parametrize("shards", [1, 2], ids=["taking turns", "together"])
@pytest.mark.parametrize("checkpoints", [3, pytest.param(84, marks=pytest.mark.slow)])
def test_two_on_one_measuring_store(tmp_path: Path, checkpoints: int, shards: int) -> None:
    """With 84 checkpoints a thousand rows; turned away, a process tries again."""
    number = checkpoints * 12
    undisturbed = rows(sweep(make_plan(tmp_path / "whole", checkpoints))[1])
    plan, log = make_plan(tmp_path / "shared", checkpoints), tmp_path / "log"
    both = [started(MEASURING, plan, (i % shards) + 1, shards, SIMULATED_LOG=str(log)) for i in range(2)]
    told = [ended(one) for one in both]
    assert sum(new for new, _, _ in told) == number
    assert rows(Store(plan.parent / "simulated")) == undisturbed and len(undisturbed) == number
    assert set(Counter(log.read_text().split()).values()) == {1}  # nothing was measured twice
    assert write_tables(Store(plan.parent / "simulated")) == number
    assert not list(plan.parent.rglob(".*.tmp"))


@pytest.mark.parametrize("jobs", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_two_on_one_store_of_fits(tmp_path: Path, jobs: int) -> None:
    store, log = tmp_path / "store.jsonl", tmp_path / "log"
    both = [started(FITTING, store, jobs, SWEEP_LOG=str(log)) for _ in range(2)]
    for one in both:
        ended(one)
    done = [json.loads(line)["job"]["x"] for line in store.read_text().splitlines()]
    assert sorted(done) == list(range(jobs))
    assert Counter(log.read_text().split()) == {str(x): 1 for x in range(jobs)}


def test_two_on_one_fit_file(tmp_path: Path) -> None:
    """Whoever is last has written it; at no instant is it anything but one of the two, whole."""
    from fitting.fit_file import read

    path, sizes = tmp_path / "fit.nc", {1.0: 3000, 2.0: 200_000}
    both = [started(WRITING, path, value, size) for value, size in sizes.items()]
    seen: Counter[float] = Counter()
    end = time.monotonic() + 120
    while any(one.poll() is None for one in both) and time.monotonic() < end:
        if path.exists():
            values = read(path)["/"].variables["a"][1]
            (value,) = set(values.tolist())
            assert len(values) == sizes[value]
            seen[value] += 1
    for one in both:
        ended(one)
    assert seen.total() > 5 and os.listdir(tmp_path) == ["fit.nc"]
