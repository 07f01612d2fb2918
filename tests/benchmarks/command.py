"""How soon the command line answers: median wall time of seven runs, and what its imports take."""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict

from process import ROOT, lawdsl, show, spend

RUNS = 7
COMMANDS = (("--help",), ("list",), ("check", "laws/qid.yaml"), ("show", "laws/qid.yaml"))


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    commands = {"python -c pass": [sys.executable, "-c", "pass"]}
    commands |= {f"lawdsl {' '.join(words)}": lawdsl(*words) for words in COMMANDS}
    rows = []
    for label, command in commands.items():
        runs = [spend(command, quiet=True) for _ in range(RUNS)]
        walls, cpus = [run.wall for run in runs], [run.cpu for run in runs]
        rows.append([label, f"{statistics.median(walls):.3f}", f"{min(walls):.3f}", f"{statistics.median(cpus):.3f}"])
    show(["command", "median wall s", "least wall s", "median CPU s"], rows)
    for words in COMMANDS[:3]:
        print(f"\nimports of lawdsl {' '.join(words)}, by package, milliseconds of their own (with the profiler on)")
        print("  " + ", ".join(f"{name} {ms:.0f}" for name, ms in _imports(words)))


def _imports(words: tuple[str, ...], most: int = 8) -> list[tuple[str, float]]:
    """The packages whose modules take longest to import, each without what it imports in turn."""
    command = [sys.executable, "-X", "importtime", "-m", "lawdsl", *words]
    told = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True).stderr
    taken: dict[str, float] = defaultdict(float)
    for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", told, re.MULTILINE):
        taken[module.partition(".")[0]] += int(own) / 1000
    return sorted([*taken.items(), ("together", sum(taken.values()))], key=lambda pair: -pair[1])[: most + 1]
