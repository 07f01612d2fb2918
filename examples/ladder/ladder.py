"""Makes the ladder: trains every run, one single-threaded process a core, resuming what was stopped.

python examples/ladder/ladder.py WORK [--workers 2] [--only TEXT]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runs import Run, runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="runs whose name holds this text")
    options = parser.parse_args()
    wanted = [run for run in runs() if options.only in run.name and not _done(run, options.work)]
    print(f"{len(wanted)} runs to make", flush=True)
    with ThreadPoolExecutor(options.workers) as pool:
        codes = list(pool.map(lambda run: _train(run, options.work), wanted))
    failed = [run.name for run, code in zip(wanted, codes, strict=True) if code]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; their logs are in {options.work / 'runs'}")


def _done(run: Run, work: Path) -> bool:
    return (work / "runs" / run.name / f"tokens-{run.checkpoints[-1]}").is_dir()


def _train(run: Run, work: Path) -> int:
    (work / "runs").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("train.py")), str(work), run.name]
    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with (work / "runs" / f"{run.name}.log").open("a") as log:
        return subprocess.run(command, stdout=log, stderr=log, env={**os.environ, **single}).returncode


if __name__ == "__main__":
    main()
