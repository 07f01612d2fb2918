"""Many fits, one function: sweeps that run here, on a pool of processes or on Ray, and go on where they were stopped.

    def fit_one(job):                       # a function of a module, so that workers can import it
        post = fitting.fit(job["law"], job["data"], seed=job["seed"])
        return {"alpha": float(post.flat["alpha"].mean())}

    run(fit_one, [{"law": "chinchilla", "data": "t.csv", "seed": s} for s in range(50)], store="fits.jsonl")

Job and result are JSON, and a result is given back as JSON reads it, so that it is the same wherever it was made and
whether or not it was stored. A finished job is one line of the store, on the disk before the next is waited for. A job
is known again by the sha256 of the task's name and the job itself: what decides the result (digests of laws and tables
that may change) belongs into the job.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from lawdsl.errors import Fault, InputError, LawdslError, OutsideError, Span
from lawdsl.processes import TRIES

Task = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Job = Mapping[str, Any]
Result = dict[str, Any]
Progress = Callable[[int, int], None]
#: what comes out of a job: its result, or the error that it raised
Outcome = Result | BaseException
#: how every line of a store begins
FIRST = b'{"key":'
Outcomes = Generator[tuple[str, Outcome], None, None]


def run(
    task: Task,
    jobs: Sequence[Job],
    *,
    on: str = "local",
    workers: int | None = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """`task(job)` for every job, in the order of the jobs. Equal jobs are done once.

    task: a top-level function of an importable module. on: "here" (this process), "local" (a pool of processes),
    "ray" (a cluster of this machine) or "ray:ADDRESS". workers: processes of the pool or of a cluster started here; as
    many as this process may use cores unless said. store: a file of JSON lines that keeps finished jobs; with it a run
    that was stopped, however it was, does nothing twice. `progress(done, total)` counts jobs, those of the store first.

    Errors do not stop the other jobs. At the end LawdslErrors are raised as one, with every fault; any other error, a
    mistake in the task, stops the run at once.
    Raises: InputError (FIT031 to FIT033) for a store that is none or is in use, or a place that is none; OutsideError
    (FIT030) where a job killed its worker three times, (FIT034) where the store cannot be written, (MEA404) where Ray
    cannot be used; and what the task raises.
    """
    kind, _, address = on.partition(":")
    if on not in ("here", "local", "ray") and not (kind == "ray" and address.strip()):
        cure = "Jobs run on: here, local, ray, ray:HOST:PORT."
        raise InputError(Fault("FIT033", Span(f"--on {on}"[:80]), f"no place '{on[:60]}' to run on", cure))
    texts = [_canonical(job) for job in jobs]
    keys = [hashlib.sha256(f"{_name(task)}\n{text}".encode()).hexdigest() for text in texts]
    tell = progress or (lambda done, total: None)
    with _Store.open(store) as kept, _stoppable(kept):
        found: dict[str, Result] = {key: kept.results[key] for key in keys if key in kept.results}
        left = {key: json.loads(text) for key, text in zip(keys, texts, strict=True) if key not in found}
        total = len(left) + len(found)
        tell(len(found), total)
        failed: list[LawdslError] = []
        if left:
            with contextlib.closing(_executed(task, left, on, workers)) as outcomes:
                for key, outcome in outcomes:
                    if isinstance(outcome, LawdslError):
                        failed.append(outcome)
                        continue
                    if isinstance(outcome, BaseException):
                        raise outcome
                    found[key] = outcome
                    kept.add(key, left[key], outcome)
                    tell(len(found), total)
    if failed:
        faults = dict.fromkeys(fault for error in failed for fault in error.faults)
        raise type(failed[0])(list(faults))
    return [found[key] for key in keys]


def _canonical(job: Job) -> str:
    return json.dumps(dict(job), sort_keys=True, separators=(",", ":"))


def _name(task: Task) -> str:
    return f"{task.__module__}.{task.__qualname__}"


def _executed(task: Task, jobs: Mapping[str, Job], on: str, workers: int | None) -> Outcomes:
    """Every job's key and outcome, as they come."""
    kind, _, address = on.partition(":")
    count = min(len(jobs), workers or _cores())
    if kind == "ray":
        from lawdsl.cluster import Cluster

        yield from _streamed(Cluster(address or None, count, _Do(task), environment=_threads()), jobs)
    elif on == "local" and (count > 1 or workers is not None):
        from lawdsl.processes import Pool

        yield from _streamed(Pool(count, _Do(task)), jobs)
    else:
        for key, job in jobs.items():
            yield key, _guarded(task, job)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads() -> dict[str, str]:
    """The number of numpy's threads here, which Ray would make one: in matrices of a hundred columns it shows in the
    last bits."""
    return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(_cores())}


def _streamed(executor: Any, jobs: Mapping[str, Job]) -> Outcomes:
    with contextlib.closing(executor.run(_Attempt(key, job) for key, job in jobs.items())) as messages:
        for attempt, outcome in messages:
            if outcome is not None:
                yield attempt.key, outcome


class _Attempt:
    """A job on its way (`lawdsl.processes.Attempt`)."""

    def __init__(self, key: str, job: Job):
        self.key = key
        self.job = job
        self.tries = 0
        self.done = False

    def begin(self, worker: int) -> Job:
        self.tries += 1
        return self.job

    def saw(self, message: Any) -> None:
        self.done = True

    def died(self, reason: str) -> list[Any] | None:
        if self.done:
            return []
        if self.tries < TRIES:
            return None
        cure = "Give it more memory or fewer workers; what is finished is in the store, if there is one."
        where = Span(_canonical(self.job)[:160])
        return [OutsideError(Fault("FIT030", where, f"{reason}, {TRIES} times, at this job", cure))]


class _Do:
    """The task as a stream of one message, which travels to the workers by its name.

    In a worker no accelerator is woken (`fitting.device`), unless the environment says so: it would take half a
    gigabyte of its memory each, for nothing.
    """

    def __init__(self, task: Task):
        self.task = task

    def __call__(self, job: Job) -> Iterator[Outcome]:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        yield _guarded(self.task, job)


def _guarded(task: Task, job: Job) -> Outcome:
    try:
        result: Result = json.loads(json.dumps(dict(task(job))))
    except Exception as error:
        error.add_note(f"in a job of {_name(task)}, {_canonical(job)[:200]}:\n{traceback.format_exc()}")
        return error if _travels(error) else RuntimeError(f"{type(error).__name__}: {error}")
    return result


def _travels(error: Exception) -> bool:
    """Whether an error can be sent from one process to another."""
    try:
        return isinstance(pickle.loads(pickle.dumps(error)), type(error))
    except Exception:
        return False


@contextlib.contextmanager
def _stoppable(kept: _Store) -> Iterator[None]:
    """Whoever stops the run (KeyboardInterrupt) is told by a note what is kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if kept.path is not None:
            stop.add_note(f"what is finished is in {kept.path}, and the same command goes on from there")
        raise


class _Store:
    """Finished jobs by key, and the file that they are appended to, if there is one."""

    def __init__(self, path: Path | None, file: FileIO | None, results: dict[str, Result]):
        self.path = path
        self.file = file
        self.results = results

    @classmethod
    @contextlib.contextmanager
    def open(cls, store: str | Path | None) -> Iterator[_Store]:
        """Read the file, cut off a last line that was never finished, and keep others out until the end."""
        if store is None:
            yield cls(None, None, {})
            return
        path = Path(store)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = FileIO(path, "a+")  # what found no space must not be tried again as it is closed
        except OSError as error:
            raise _unwritable(path, error) from None
        with file:
            _lock(file, path)
            yield cls(path, file, _read(file, path))

    def add(self, key: str, job: Job, result: Result) -> None:
        """Append a finished job, and force it to the disk."""
        if self.file is None or self.path is None:
            return
        line = json.dumps({"key": key, "job": job, "result": result}, separators=(",", ":")) + "\n"
        try:
            left = memoryview(line.encode())
            while left:
                left = left[self.file.write(left) :]
            os.fsync(self.file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from None


def _read(file: FileIO, path: Path) -> dict[str, Result]:
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    results: dict[str, Result] = {}
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            entry = json.loads(line)
            results[str(entry["key"])] = dict(entry["result"])
        except (ValueError, KeyError, TypeError, RecursionError):
            cure = "Name another file; a store holds nothing but the lines that sweeps of fits wrote."
            message = "this line is no finished job of a sweep"
            raise InputError(Fault("FIT031", Span(str(path), number), message, cure)) from None
    if not results and whole < len(content) and not content.startswith(FIRST[: len(content)]):
        cure = "Name another file; a store holds nothing but the lines that sweeps of fits wrote."
        raise InputError(Fault("FIT031", Span(str(path), 1), "this file is no store of a sweep of fits", cure))
    if whole < len(content):
        file.truncate(whole)
    return results


def _lock(file: FileIO, path: Path) -> None:
    """One run at a time appends to a store; the system lets the lock go with the process that held it."""
    try:
        import fcntl
    except ImportError:  # a system without such locks: nobody else is kept out
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        cure = "Wait for it, or name another --store."
        raise InputError(Fault("FIT032", Span(str(path)), "another run is at work on this store", cure)) from None
    except OSError:  # a file system without locks
        return


def _unwritable(path: Path, error: OSError) -> OutsideError:
    cure = "Free some space or choose another --store; finished jobs are whole, and the same command goes on."
    message = f"the store cannot be written: {error.strerror or error}"
    return OutsideError(Fault("FIT034", Span(str(path)), message, cure))
