"""Tasks of sweeps, which workers import by name. Run as a program it does a sweep, to be killed:
`python sweeping.py STORE JOBS WORKERS`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lawdsl.errors import Fault, InputError, Span


def square(job: Mapping[str, Any]) -> dict[str, Any]:
    """The square of a number; every job begun is a line in the file that SWEEP_LOG names."""
    if log := os.environ.get("SWEEP_LOG"):
        with open(log, "a") as file:
            file.write(f"{job['x']}\n")
    return {"square": job["x"] ** 2, "process": os.getpid()} if job.get("where") else {"square": job["x"] ** 2}


def threads(job: Mapping[str, Any]) -> dict[str, Any]:
    """What numpy's threads go by."""
    return {"threads": os.environ.get("OMP_NUM_THREADS")}


def slow_square(job: Mapping[str, Any]) -> dict[str, Any]:
    """As `square`, and takes a twentieth of a second; from SWEEP_HALT on fifteen seconds, so that a sweep that is to be
    killed does not come to its end on a busy machine before it is.
    """
    time.sleep(15 if job["x"] >= int(os.environ.get("SWEEP_HALT", sys.maxsize)) else 0.05)
    return square(job)


def faulty(job: Mapping[str, Any]) -> dict[str, Any]:
    """Refuses odd numbers as a user's mistake, and 100 by a mistake of its own."""
    if job["x"] == 100:
        raise ZeroDivisionError("a mistake of the task")
    if job["x"] % 2:
        raise InputError(Fault("FIT011", Span(f"x={job['x']}"), "odd", "Take an even number."))
    return square(job)


def deadly_once(job: Mapping[str, Any]) -> dict[str, Any]:
    """Kills its worker at the number 2, unless the file `mark` says that this was done."""
    mark = Path(str(job["mark"]))
    if job["x"] == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)
    return square(job)


def deadly(job: Mapping[str, Any]) -> dict[str, Any]:
    """Kills every worker at the number 2."""
    if job["x"] == 2:
        os.kill(os.getpid(), 9)
    return square(job)


def fit_one(job: Mapping[str, Any]) -> dict[str, Any]:
    """A fit of a law to rows simulated from it; all draws, so that their bits can be compared."""
    import fitting
    from fitting.simulation import simulated
    from lawdsl import library

    if log := os.environ.get("SWEEP_LOG"):
        with open(log, "a") as file:
            file.write(f"{job['seed']}\n")
    law = library.load(job["law"])
    post = fitting.fit(law, simulated(law, job["seed"]), seed=job["seed"], chains=2, draws=50)
    return {name: np.asarray(draws).tolist() for name, draws in post.draws.items()}


if __name__ == "__main__":
    import sweeping

    from fitting.jobs import run

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts this may have switched it off
    count = int(sys.argv[2])
    run(sweeping.slow_square, [{"x": x} for x in range(count)], store=sys.argv[1], workers=int(sys.argv[3]))
