"""Read generated law files: each must be read or refused, in a second and little memory, and nothing of it be run.

    python -m tests.fuzz.laws --count 1000000 --workers 2

Prints one JSON object: how many were laws, how many were refused and by which codes, the slowest, the memory, and as
`bad`, by its number, every text that did what none may: then the exit status is 1. `--show 17` writes text 17 out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

from lawdsl import library
from lawdsl.errors import LawdslError
from lawdsl.render import canonical

from .texts import text
from .watch import watched

#: seconds of this process, and bytes above what it holds at rest, that no text may take
SECONDS, BYTES = 1.0, 500 * 2**20
#: seconds of this process after which a text is given up, and bytes of addresses that a worker may not go beyond
PATIENCE, CEILING = 20.0, 8 * 2**30
#: texts that a worker reads at a time
CHUNK = 2_000
#: of so many texts one is also written out and read again, which takes longer than reading
AGAIN = 20

Reader = Callable[[str, bool], str]


class Endless(BaseException):
    """A text that had not been read after `PATIENCE`; no handler of what is read can take it for its own."""


def read(content: str, again: bool = False) -> str:
    """What became of a text: "law", or the code of its first fault; anything else is raised. With `again`, a law is
    also written out and read once more.
    """
    try:
        law = library.parse(content)
    except LawdslError as error:
        str(error)
        return error.faults[0].code
    if again and canonical(library.parse(canonical(law))) != canonical(law):
        raise AssertionError("written out and read again it is another law")
    return "law"


def run(first: int, count: int, seed: int = 0, reader: Reader = read) -> dict[str, Any]:
    """Read texts `first` to `first + count - 1`: the outcomes counted, the slowest (seconds, number), peak memory in
    bytes, and the `bad` ones (number, what it did).
    """
    at_rest = warm()
    outcomes: Counter[str] = Counter()
    slowest, bad = (0.0, -1), []
    for number in range(first, first + count):
        content, before, began = text(number, seed), peak(), time.process_time()
        found: list[str] = []
        try:
            with given_up(), warnings.catch_warnings(record=True) as warned, watched() as seen:
                warnings.simplefilter("always")
                outcomes[reader(content, number % AGAIN == 0)] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            found.append(f"{type(error).__name__}: {str(error)[:200]}")
        took, held = time.process_time() - began, peak()
        slowest = max(slowest, (took, number))
        found += [f"did {deed}" for deed in seen[:3]] + [f"warned: {one.message}" for one in warned[:1]]
        if took > SECONDS:
            found.append(f"{took:.2f} s")
        if held > before and held - at_rest > BYTES:
            found.append(f"{(held - at_rest) >> 20} MiB")
        if os.path.lexists(os.environ.get("CANARY", "")):
            found.append("the canary is there")
            os.remove(os.environ["CANARY"])
        bad += [(number, what) for what in found]
    return {"outcomes": dict(outcomes), "slowest": slowest, "bytes": peak() - at_rest, "bad": bad}


@lru_cache(maxsize=1)
def warm() -> int:
    """Import and cache what reading needs, so that no text is blamed for it. Returns the peak memory then, in bytes."""
    for number in range(-100, 0):
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            read(text(number))
    return peak()


def peak() -> int:
    """The most memory that this process ever held, in bytes.

    Of Linux itself where it tells, since what `getrusage` says begins with the memory of whoever started the process.
    """
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.findall(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def given_up() -> Iterator[None]:
    """Raises Endless within after `PATIENCE` seconds of this process."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise Endless(f"not read after {PATIENCE:g} s")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hold() -> None:
    """Of a worker: a text that wants the whole machine gets a MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (CEILING, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.laws", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="texts")
    parser.add_argument("--first", type=int, default=0, help="the first text's number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="write this text out, and nothing else")
    given = parser.parse_args(arguments)
    if given.show is not None:
        sys.stdout.write(text(given.show, given.seed))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CANARY"] = os.path.join(folder, "canary")  # what a payload makes, if it is ever run
        told = _all(given.first, given.count, given.seed, given.workers)
    print(json.dumps(told, ensure_ascii=False))
    return 1 if told["bad"] else 0


def _all(first: int, count: int, seed: int, workers: int) -> dict[str, Any]:
    """`run` in chunks by several processes, put together."""
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    slowest, most, bad = (0.0, -1), 0, []
    with ProcessPoolExecutor(workers, initializer=_hold) as pool:
        starts = range(first, first + count, CHUNK)
        jobs = [pool.submit(run, at, min(CHUNK, first + count - at), seed) for at in starts]
        for finished, job in enumerate(jobs, 1):
            one = job.result()
            outcomes.update(one["outcomes"])
            slowest, most = max(slowest, one["slowest"]), max(most, one["bytes"])
            bad += one["bad"]
            done = f"\r{min(finished * CHUNK, count):,} of {count:,}, {len(bad)} bad"
            print(done, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    laws = outcomes.pop("law", 0)
    return {
        "texts": count, "seed": seed, "laws": laws, "refused": sum(outcomes.values()),
        "codes": dict(sorted(outcomes.items())), "slowest_seconds": round(slowest[0], 3), "slowest": slowest[1],
        "mib": most >> 20, "seconds": round(time.monotonic() - began), "bad": bad,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
