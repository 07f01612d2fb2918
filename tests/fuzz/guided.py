"""Fuzzing guided by coverage: what reaches new lines of lawdsl is kept and altered further.

    python -m tests.fuzz.guided law --seconds 300
    python -m tests.fuzz.guided --list
    python -m tests.fuzz.guided law --replay FILE       a text that was found, once, with its traceback

Starts from `corpus` beside this file. Prints one JSON object: how many inputs were tried, how many were taken, the
slowest; where lawdsl failed, the input is written beside and named, and the exit status is 1. Needs atheris, which has
wheels for Linux alone and is therefore no part of the `dev` extra.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

#: seconds of this process that no input may take
SECONDS = 1.0
#: bytes of the longest input that is made
LONGEST = 4_096


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=str(__doc__).partition("\n")[0])
    parser.add_argument("target", nargs="?", help="what to fuzz")
    parser.add_argument("--list", action="store_true", help="name the targets, and nothing else")
    parser.add_argument("--seconds", type=int, default=300, help="how long")
    parser.add_argument("--seed", type=int, default=1, help="of the alterations")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what reached new lines, for the next time")
    parser.add_argument("--found", type=Path, default=Path("."), help="the folder for inputs at which lawdsl failed")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="give the target this input, once")
    given = parser.parse_args(arguments)
    if given.replay is not None:
        from .targets import one

        print("taken" if one(given.target, given.replay.read_bytes()) else "refused")
        return 0
    from . import targets

    if given.list:
        print(*targets.TARGETS, sep="\n")
        return 0
    if given.target not in targets.TARGETS:
        print(f"There is no target '{given.target}': {', '.join(targets.TARGETS)}", file=sys.stderr)
        return 2
    if importlib.util.find_spec("atheris") is None:
        print("This needs atheris, which runs on Linux: pip install atheris", file=sys.stderr)
        return 3
    return _fuzz(targets, given)


def _fuzz(targets: Any, given: argparse.Namespace) -> int:
    import atheris

    told: dict[str, Any] = {"target": given.target, "inputs": 0, "taken": 0, "slowest_seconds": 0.0}
    began = time.monotonic()

    def once(data: bytes) -> None:
        start = time.process_time()
        told["inputs"] += 1
        told["taken"] += targets.one(given.target, data)
        took = time.process_time() - start
        told["slowest_seconds"] = max(told["slowest_seconds"], round(took, 3))
        assert took < SECONDS, f"it took {took:.2f} s"

    given.found.mkdir(parents=True, exist_ok=True)
    before = set(given.found.iterdir())
    with tempfile.TemporaryDirectory() as folder:
        kept = given.corpus or Path(folder, "corpus")
        kept.mkdir(parents=True, exist_ok=True)
        with atheris.instrument_imports(include=["lawdsl", "fitting", "measure"]):  # which seeds bring in as they go
            for number, data in enumerate(targets.seeds(given.target)):
                targets.one(given.target, data)
                (kept / f"seed-{number}").write_bytes(data)
        child = os.fork()  # libFuzzer ends its process, and tells nobody of what it did
        if child == 0:
            _child(atheris, once, kept, given, told, Path(folder, "told.json"))
        _, status = os.waitpid(child, 0)
        written = Path(folder, "told.json")
        told = json.loads(written.read_text()) if written.exists() else told
    found = sorted(str(path) for path in set(given.found.iterdir()) - before)
    told |= {"seconds": round(time.monotonic() - began), "failed": found}
    print(json.dumps(told))
    return 1 if status else 0


def _child(atheris: Any, once: Any, kept: Path, given: argparse.Namespace, told: dict[str, Any], to: Path) -> None:
    """Fuzz until the time is over; `told` is kept in a file from time to time."""
    last = 0.0
    warnings.simplefilter("error")  # a reader who warns says something that nobody asked for

    def counted(data: bytes) -> None:
        nonlocal last
        once(data)
        if time.monotonic() - last > 1:
            last = time.monotonic()
            to.write_text(json.dumps(told))

    words = [
        "fuzz", f"-max_total_time={given.seconds}", f"-max_len={LONGEST if given.target != 'fit' else 65_536}",
        f"-seed={given.seed}", "-timeout=25", "-rss_limit_mb=4096", f"-artifact_prefix={given.found}/",
        "-print_final_stats=0", "-verbosity=0", "-use_value_profile=1", str(kept),
    ]  # fmt: skip
    atheris.Setup(words, counted, enable_python_coverage=True)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
