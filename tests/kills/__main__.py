"""`python -m tests.kills --sweeps 500 --singles 100 --seed 1`: so many SIGKILLs, and what was found as JSON.

Exit status 1 where anything finished was lost, a file was torn, or a run that was resumed came to another end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from . import apart, instants
from .loop import Counts, killed, stopped
from .scenes import Scene, scenes, tables

#: kills of commands whose workers import everything anew, for each kill of a sweep
WORKERS_SHARE = 0.06


def _fit(folder: Path) -> None:
    from lawdsl.cli import run

    tables(folder)
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    assert run(["fit", "line.yaml", "--data", "slope-1.csv", "--out", "fit.nc"]) == 0


def main() -> int:
    """Kill, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--sweeps", type=int, default=40, help="kills over sweeps of measurements and of fits")
    parser.add_argument("--singles", type=int, default=20, help="kills over single fits, reports and other files")
    parser.add_argument("--stops", type=int, default=0, help="SIGINTs and SIGTERMs, for each command")
    parser.add_argument("--seed", type=int, default=0, help="decides instants and order")
    parser.add_argument("--only", help="scenes whose names hold this word")
    parser.add_argument("--without-workers", action="store_true", help="leave out what takes minutes")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    os.environ |= {"LAWDSL_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
                   "JAX_PLATFORMS": "cpu", "HF_HUB_OFFLINE": "1",
                   "JE_ARROW_MALLOC_CONF": "background_thread:false"}  # fmt: skip
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[2]))
    if not instants.there():
        instants.with_library(folder)
    apart.adopt()
    began, chance, counts = time.monotonic(), random.Random(given.seed), Counts()
    found = [one for one in scenes(_fit) if not given.only or given.only in one.name]
    if given.without_workers:
        found = [one for one in found if not one.pooled]
    try:
        for scene, number in _shares(found, given.sweeps, given.singles):
            killed(scene, folder / "work", number, chance, counts)
            print(f"{scene.name}: {number} kills, {time.monotonic() - began:.0f} s, {len(counts.faults)} faults",
                  *counts.faults[:5], sep="\n  ", file=sys.stderr, flush=True)  # fmt: skip
        for scene in found if given.stops else []:
            stopped(scene, folder / "work", given.stops, chance, counts)
            print(f"{scene.name}: {given.stops} stops, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        library = os.environ.get(instants.NAME)
        if library:
            shutil.rmtree(Path(library).parent, ignore_errors=True)
    times = os.times()
    cpu = times.user + times.system + times.children_user + times.children_system
    told = {"seed": given.seed, "instants": "times and calls" if instants.there() else "times: no compiler",
            "cpu_seconds": round(cpu), "seconds": round(time.monotonic() - began), **counts.as_json()}  # fmt: skip
    print(json.dumps(told, indent=1))
    return 1 if counts.faults else 0


def _shares(found: list[Scene], sweeps: int, singles: int) -> list[tuple[Scene, int]]:
    """How many kills each scene has; those whose workers import anew have few."""
    pooled = [one for one in found if one.pooled]
    each = max(1, round(WORKERS_SHARE * sweeps)) if sweeps else 0
    shares = []
    for kind, number in (("sweep", sweeps - each * len(pooled)), ("single", singles)):
        chosen = [one for one in found if one.kind == kind and not one.pooled]
        for place, scene in enumerate(chosen):
            shares.append((scene, number // len(chosen) + (place < number % len(chosen))))
    return [(scene, number) for scene, number in [*shares, *((one, each) for one in pooled)] if number > 0]


if __name__ == "__main__":
    sys.exit(main())
