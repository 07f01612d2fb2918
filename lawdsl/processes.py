"""A pool of processes, one of which may die without harm: what sweeps of measurements and of fits run on.

Workers are started afresh (`spawn`), since the threads of torch, JAX and CUDA do not outlive a fork. What a worker was
at when it died is begun again by a new one, as often as the `Attempt` asks for. Workers leave Ctrl-C to the process
that started them, and end with it, even if that one is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

#: how often something is begun, with nothing coming of it, before it is given up
TRIES = 3
#: exit status of a worker that was ended by SIGTERM
ENDED = 143


class Attempt(Protocol):
    """A piece of work on its way, as the process that gives it out sees it."""

    def begin(self, worker: int) -> Any:
        """What the worker of that number is given, the first time and again."""

    def saw(self, message: Any) -> None:
        """Take note of what came out."""

    def died(self, reason: str) -> list[Any] | None:
        """Its worker died: the messages that end it, or None where it is to be begun again."""


A = TypeVar("A", bound=Attempt)
#: does what `begin` gave; yields what comes out
Work = Callable[[Any], Iterator[Any]]


class Pool(Generic[A]):
    """Processes, each with a pipe and at most one attempt. No more attempts are taken than there are processes."""

    def __init__(self, count: int, work: Work):
        self.count = count
        self.work = work
        self.context = multiprocessing.get_context("spawn")
        self.processes: dict[Connection, BaseProcess] = {}
        self.places: dict[Connection, int] = {}
        self.at_work: dict[Connection, A] = {}
        self.again: deque[A] = deque()

    def run(self, attempts: Iterator[A]) -> Iterator[tuple[A, Any]]:
        """Every message as it comes, and None at the end of each attempt; whatever else happens, no process is left."""
        try:
            for place in range(self.count):
                attempt = self._next(attempts)
                if attempt is None:
                    break
                self._give(self._start(place), attempt)
            while self.at_work:
                for ready in wait(list(self.at_work)):
                    assert isinstance(ready, Connection)
                    yield from self._hear(ready, attempts)
        finally:
            self._stop()

    def _next(self, attempts: Iterator[A]) -> A | None:
        return self.again.popleft() if self.again else next(attempts, None)

    def _start(self, place: int) -> Connection:
        here, there = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(there, self.work), daemon=True)
        process.start()
        there.close()  # so that its death is the end of the pipe
        self.processes[here] = process
        self.places[here] = place
        return here

    def _give(self, worker: Connection, attempt: A) -> None:
        self.at_work[worker] = attempt
        try:
            worker.send(attempt.begin(self.places[worker]))
        except OSError:  # it died while idle: the end of the pipe says so
            pass

    def _hear(self, worker: Connection, attempts: Iterator[A]) -> Iterator[tuple[A, Any]]:
        """Take one message from a worker, or its death."""
        attempt = self.at_work[worker]
        try:
            message = worker.recv()
        except (EOFError, OSError):
            yield from self._bury(worker, attempts)
            return
        if message is not None:
            attempt.saw(message)
            yield attempt, message
            return
        yield attempt, None
        del self.at_work[worker]
        following = self._next(attempts)
        if following is not None:
            self._give(worker, following)

    def _bury(self, worker: Connection, attempts: Iterator[A]) -> Iterator[tuple[A, Any]]:
        attempt = self.at_work.pop(worker)
        process, place = self.processes.pop(worker), self.places.pop(worker)
        worker.close()
        process.join()
        last = attempt.died(f"the worker died ({_death(process.exitcode)})")
        if last is None:
            self.again.append(attempt)
        else:
            for message in last:
                yield attempt, message
            yield attempt, None
        following = self._next(attempts)
        if following is not None:
            self._give(self._start(place), following)

    def _stop(self) -> None:
        for worker, process in self.processes.items():
            if worker in self.at_work:
                process.terminate()
            worker.close()
        for process in self.processes.values():
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _leave(*_: object) -> None:
    """A worker that is ended takes away what it was writing."""
    raise SystemExit(ENDED)


def _death(status: int | None) -> str:
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return f"{name}; perhaps for want of memory" if name == "SIGKILL" else name
    return "SIGTERM" if status == ENDED else f"exit status {status}"


def _serve(pipe: Any, work: Work) -> None:
    """A worker's life: work in, messages out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the first process decides
    signal.signal(signal.SIGTERM, _leave)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)  # nobody is left to hear of it

    threading.Thread(target=watch, daemon=True).start()
    while True:
        try:
            given = pipe.recv()
        except EOFError:
            return
        for message in work(given):
            pipe.send(message)
        pipe.send(None)
