"""What a sweep of 1,500 simulated cells costs beside the cells: milliseconds a cell and memory, by executor.

The cells take no time and cost nothing, so all that is measured is the sweep's own: digests, keys, files forced to the
disk, messages between processes, and rows.csv and rows.parquet at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from process import MISSING, ROOT, script, show, spend

CELLS = 1500
FORMATS = 12
EXECUTORS = ("this process", "two processes", "Ray, two workers")


def main(options: argparse.Namespace) -> None:
    """Measure each executor in a process of its own and print."""
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    table = []
    for executor in EXECUTORS:
        run = spend(script(sys.executable, "sweep.py", executor), paths)
        if run.missing:
            table.append([executor, run.missing])
            continue
        said = run.answer
        table.append([
            executor, f"{said['cells']}", f"{said['wall_ms']:.1f}", f"{said['cpu_ms']:.1f}", f"{said['again_ms']:.2f}",
            f"{said['early_mb']:.0f}", f"{said['late_mb']:.0f}", f"{said['tables_mb']:.0f}",
        ])  # fmt: skip
    width = max(map(len, table))
    header = [
        "executor",
        "cells",
        "wall ms a cell",
        "CPU ms a cell",
        "again, ms a cell",
        "MB at 300",
        "at 1,500",
        "with tables",
    ]
    show(header, [row + [""] * (width - len(row)) for row in table])
    print("CPU is the first process's; 'again' finds all rows finished; MB are of that process, resident at its peak")


def child(executor: str) -> None:
    """One sweep; what it took, as JSON."""
    import simulation

    from measure.sweep import Executor
    from measure.workers import in_processes

    chosen: Executor | None = None
    if executor == "two processes":
        chosen = in_processes(2)
    elif executor == "Ray, two workers":
        try:
            import ray  # noqa: F401
        except ImportError:
            print("Ray is not installed", file=sys.stderr)
            sys.exit(MISSING)
        from measure.on_ray import on_ray

        chosen = on_ray(None, 2)
    held: dict[int, float] = {}

    def weigh(stage: str, done: int, failed: int, total: int) -> None:
        if stage == "cells" and done in (1, 300, CELLS):
            held[done] = _peak()
            held.setdefault(-1, time.perf_counter())  # the first row: processes have started

    with TemporaryDirectory() as folder:
        path = simulation.make_plan(Path(folder), CELLS // FORMATS)
        cpu = time.process_time()
        done = simulation.sweep(path, executor=chosen, progress=weigh)[2]
        wall, cpu = time.perf_counter() - held[-1], time.process_time() - cpu
        tables = _peak()
        began = time.perf_counter()
        again = simulation.sweep(path)[2]
        assert (done.new, again.new) == (CELLS, 0)
        print(json.dumps({
            "cells": done.new, "wall_ms": 1e3 * wall / CELLS, "cpu_ms": 1e3 * cpu / CELLS,
            "again_ms": 1e3 * (time.perf_counter() - began) / CELLS, "early_mb": held[300], "late_mb": held[CELLS],
            "tables_mb": tables,
        }))  # fmt: skip


def _peak() -> float:
    """MB of this process, resident at its peak."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    child(sys.argv[1])
