"""Every law of the library fitted, and the page of it: `python -m fitting.records docs/fits.md`.

Each law is fitted to its tables and to rows simulated by its own design, one process a fit and one after another. The
records are kept beside the page (`fits.jsonl`) as they come, so that an interrupted run goes on where it was; a record
is made anew when something has changed in its law that a fit depends on. Names of laws behind the page fit these laws
alone, whatever records there are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lawdsl import library

from .page import page
from .record import SIMULATED, digest

#: that of the simulated rows and of every fit
SEED = 1
#: a fit that takes longer is given up
MAX_SECONDS = 3600

Record = dict[str, Any]
Key = tuple[str, str]


def wanted() -> Iterator[tuple[Key, str]]:
    """(law, table) of every fit there should be, in the order of the library, with the digest of its record."""
    for name in library.names():
        law = library.load(name)
        if law.status == "bound":
            continue
        for table in (*dict.fromkeys(data.table for data in law.data), SIMULATED):
            if table != SIMULATED or law.simulation is not None:
                yield (name, table), digest(law, table)


def missing(kept: Collection[Key]) -> list[Key]:
    """The fits there should be that have no record."""
    return [key for key, _ in wanted() if key not in kept]


def read(path: Path) -> dict[Key, Record]:
    """The records of a file; of several of one fit the last. A line that was cut short is left out."""
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        found[record["law"], record["table"]] = record
    return found


def run(path: Path, only: Collection[str] = ()) -> dict[Key, Record]:
    """Make the records that the file lacks, or those of some laws, and bring it into the order of the library."""
    for (name, table), mark in wanted():
        known = read(path).get((name, table))
        stale = known is None or known["digest"] != mark or "fault" in known
        if name in only if only else stale:
            record = apart(name, table)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            told = record.get("fault") or (record["verdict"]["reasons"] or ["good"])[0]
            print(f"{name}, {table}: {told}", flush=True)
    found = read(path)
    kept = {key: found[key] for key, _ in wanted() if key in found}
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept.values()), "utf-8")
    return kept


def apart(name: str, table: str, seed: int = SEED) -> Record:
    """The record of a fit in a process of its own, which has no compiled program to begin with."""
    command = [sys.executable, "-m", "fitting.record", name, table, str(seed)]
    environment = {**os.environ, "LAWDSL_CACHE": "off"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        fault = f"given up after {MAX_SECONDS} s"
    else:
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))
        fault = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
    return {"law": name, "table": table, "seed": seed, "digest": digest(library.load(name), table), "fault": fault}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m fitting.records PAGE.md [LAW ...]")
    target = Path(sys.argv[1])
    made = run(target.with_suffix(".jsonl"), sys.argv[2:])
    target.write_text(page(made.values(), missing(made)), "utf-8")
