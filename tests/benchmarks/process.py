"""Child processes and what they cost, and the tables that say so."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: exit status of a child whose peer is not installed
MISSING = 77
#: one thread for each peer's linear algebra, as its own users would set it on few cores
SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds of a process, what it answered (its last line, JSON), and why it could not (`missing`)."""

    wall: float
    cpu: float
    answer: dict[str, Any]
    missing: str = ""


def spend(command: Sequence[str], env: Mapping[str, str] | None = None, quiet: bool = False) -> Spent:
    """Run a command to its end; 1 is a good end too (a fit whose verdict is bad). Raises: RuntimeError on others."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}, capture_output=True, text=True)
    except FileNotFoundError:
        return Spent(0.0, 0.0, {}, f"no interpreter {command[0]}")
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if not quiet:
        named = " ".join(Path(word).name for word in command[1:])
        print(f"  {wall:6.1f} s, {cpu:6.1f} s of CPU: {named[:90]}", file=sys.stderr, flush=True)
    if done.returncode == MISSING:
        return Spent(wall, cpu, {}, done.stderr.strip().splitlines()[-1])
    if done.returncode not in (0, 1) or done.returncode and not done.stdout:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    lines = done.stdout.strip().splitlines()
    return Spent(wall, cpu, json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {})


def least(command: Sequence[str], env: Mapping[str, str] | None = None, repeat: int = 1) -> Spent:
    """The run of `repeat` that took the least CPU time, with the least wall time of all of them."""
    runs = [spend(command, env) for _ in range(max(1, repeat))]
    return replace(min(runs, key=lambda run: run.cpu), wall=min(run.wall for run in runs))


def script(python: str, name: str, *arguments: object) -> list[str]:
    """The command that runs a script of this folder."""
    return [python, str(HERE / name), *map(str, arguments)]


def lawdsl(*arguments: str) -> list[str]:
    """The command line of the checkout."""
    return [sys.executable, "-m", "lawdsl", *arguments]


SHOWN: list[tuple[Sequence[str], Sequence[Sequence[object]]]] = []


def show(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table: the first column to the left, the others to the right. It is kept for the page (`shown`)."""
    SHOWN.append((header, rows))
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        padded = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(padded).rstrip(), flush=True)


def shown() -> str:
    """The tables shown since the last call, in Markdown."""
    lines = []
    for header, rows in SHOWN:
        cells = [[str(cell).strip().replace("|", "/") for cell in row] for row in [header, *rows]]
        width = max(len(row) for row in cells)
        cells = [row + [""] * (width - len(row)) for row in cells]
        first, *rest = ("| " + " | ".join(row) + " |" for row in cells)
        lines += [first, "|---" + "|---:" * (width - 1) + "|", *rest, ""]
    SHOWN.clear()
    return "\n".join(lines)


def machine() -> str:
    """Where and when this runs, in a line."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    packages = " ".join(f"{name} {_version(name)}" for name in ("jax", "numpyro", "numpy", "scipy", "sympy"))
    load = os.getloadavg()[0]
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {model}, {os.cpu_count()} cores, load {load:.1f}, "
        f"Python {platform.python_version()}, {packages}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
