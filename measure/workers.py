"""Doing units of work here: in this process, or in several of its own, one of which may die without harm.

Workers are started afresh (`spawn`), since neither torch's threads nor CUDA outlive a fork. A unit whose worker dies
is tried again by a new one, without the cells that are done; after three deaths with nothing done between them, what is
left of it are failures. Workers end with the process that started them, even if that one is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from .cells import Baseline, Executor, Failure, Found, MeasureUnit, Message, Unit, guarded

#: how often a unit is begun, with nothing coming of it, before its cells are failures
TRIES = 3


class Attempt:
    """A unit on its way: what of it is done, and how often it was begun."""

    def __init__(self, unit: Unit):
        self.unit = unit
        self.done: set[str] = set()
        self.begun = False
        self.tries = 0

    def saw(self, message: Message) -> None:
        """Take note of what came out. With each cell that is done, the count of tries begins again."""
        if isinstance(message, Found):
            self.unit = replace(self.unit, description=message.description)
        elif isinstance(message, Baseline):
            self.unit = replace(self.unit, baseline=message.documents)
        else:
            self.done.add(message.key)
            self.tries = 0

    def begin(self) -> Unit:
        """What is left of the unit. After a death, the cell that was at work comes last, so that no other is lost."""
        again, self.begun = self.begun, True
        self.tries += 1
        self.unit = self.unit.left(frozenset(self.done))
        if again:
            self.unit = replace(self.unit, formats=self.unit.formats[1:] + self.unit.formats[:1])
        return self.unit

    def died(self, reason: str) -> list[Failure]:
        """Its worker died: nothing where it is to be tried again, else the failures of what is left of it."""
        left = self.unit.left(frozenset(self.done))
        if self.tries < TRIES and left.formats:
            return []
        return [Failure.of(left, format, f"{reason}, {TRIES} times") for format in left.formats]


def in_this_process(units: Iterator[Unit], measure: MeasureUnit) -> Iterator[tuple[Unit, Message | None]]:
    """Do the units one after another."""
    for unit in units:
        for message in guarded(measure, unit):
            yield unit, message
        yield unit, None


def in_processes(count: int) -> Executor:
    """Do the units in `count` processes of this machine."""

    def run(units: Iterator[Unit], measure: MeasureUnit) -> Iterator[tuple[Unit, Message | None]]:
        return _Pool(count, measure).run(units)

    return run


class _Pool:
    """Processes, each with a pipe and at most one unit. No more units are taken than there are processes."""

    def __init__(self, count: int, measure: MeasureUnit):
        self.count = count
        self.measure = measure
        self.context = multiprocessing.get_context("spawn")
        self.processes: dict[Connection, BaseProcess] = {}
        self.places: dict[Connection, int] = {}
        self.at_work: dict[Connection, Attempt] = {}
        self.again: deque[Attempt] = deque()

    def run(self, units: Iterator[Unit]) -> Iterator[tuple[Unit, Message | None]]:
        try:
            for place in range(self.count):
                attempt = self.next(units)
                if attempt is None:
                    break
                self.give(self.start(place), attempt)
            while self.at_work:
                for ready in wait(list(self.at_work)):
                    assert isinstance(ready, Connection)
                    yield from self.hear(ready, units)
        finally:
            self.stop()

    def next(self, units: Iterator[Unit]) -> Attempt | None:
        if self.again:
            return self.again.popleft()
        unit = next(units, None)
        return None if unit is None else Attempt(unit)

    def start(self, place: int) -> Connection:
        here, there = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(there, self.measure), daemon=True)
        process.start()
        there.close()  # so that its death is the end of the pipe
        self.processes[here] = process
        self.places[here] = place
        return here

    def give(self, worker: Connection, attempt: Attempt) -> None:
        self.at_work[worker] = attempt
        try:
            worker.send(replace(attempt.begin(), worker=self.places[worker]))
        except OSError:  # it died while idle: the end of the pipe says so
            pass

    def hear(self, worker: Connection, units: Iterator[Unit]) -> Iterator[tuple[Unit, Message | None]]:
        """Take one message from a worker, or its death."""
        attempt = self.at_work[worker]
        try:
            message: Message | None = worker.recv()
        except (EOFError, OSError):
            yield from self.bury(worker, units)
            return
        if message is not None:
            attempt.saw(message)
            yield attempt.unit, message
            return
        yield attempt.unit, None
        del self.at_work[worker]
        following = self.next(units)
        if following is not None:
            self.give(worker, following)

    def bury(self, worker: Connection, units: Iterator[Unit]) -> Iterator[tuple[Unit, Message | None]]:
        attempt = self.at_work.pop(worker)
        process, place = self.processes.pop(worker), self.places.pop(worker)
        worker.close()
        process.join()
        failures = attempt.died(f"the worker died ({_death(process.exitcode)})")
        if failures or not attempt.unit.left(frozenset(attempt.done)).formats:
            for failure in failures:
                yield attempt.unit, failure
            yield attempt.unit, None
        else:
            self.again.append(attempt)
        following = self.next(units)
        if following is not None:
            self.give(self.start(place), following)

    def stop(self) -> None:
        for worker, process in self.processes.items():
            if worker in self.at_work:
                process.terminate()
            worker.close()
        for process in self.processes.values():
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _death(status: int | None) -> str:
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return f"{name}; perhaps for want of memory" if name == "SIGKILL" else name
    return f"exit status {status}"


def _serve(pipe: Any, measure: MeasureUnit) -> None:
    """A worker's life: units in, messages out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the first process decides
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)  # nobody is left to hear of it

    threading.Thread(target=watch, daemon=True).start()
    while True:
        try:
            unit: Unit = pipe.recv()
        except EOFError:
            return
        for message in guarded(measure, unit):
            pipe.send(message)
        pipe.send(None)
