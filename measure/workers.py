"""Doing units of work here: in this process, or in several of its own, one of which may die without harm.

A unit whose worker dies is tried again by a new one, without the cells that are done; after three deaths with nothing
done between them, what is left of it are failures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lawdsl.processes import TRIES, Pool

from .cells import Baseline, Executor, Failure, Found, MeasureUnit, Message, Unit, guarded


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

    def begin(self, worker: int) -> Unit:
        """What is left of the unit. After a death, the cell that was at work comes last, so that no other is lost."""
        again, self.begun = self.begun, True
        self.tries += 1
        self.unit = self.unit.left(frozenset(self.done))
        if again:
            self.unit = replace(self.unit, formats=self.unit.formats[1:] + self.unit.formats[:1])
        return replace(self.unit, worker=worker)

    def died(self, reason: str) -> list[Failure] | None:
        """Its worker died: None where it is to be tried again, else the failures of what is left of it."""
        left = self.unit.left(frozenset(self.done))
        if self.tries < TRIES and left.formats:
            return None
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
        pool: Pool[Attempt] = Pool(count, partial(guarded, measure))
        for attempt, message in pool.run(map(Attempt, units)):
            yield attempt.unit, message

    return run
