"""What differs between two fits, as the page tells it: `fitting.differences` in tables of text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lawdsl import words

from ..differences import Shift, difference
from ..posterior import Posterior

Row = tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """tables: (heading, rows of name, first, second, move in sd). `alone`: (fit, constants that it alone has)."""

    tables: tuple[tuple[str, tuple[Row, ...]], ...]
    facts: tuple[Row, ...]
    law: tuple[str, ...]
    alone: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def changes(first: Posterior, second: Posterior) -> Changes:
    """What changed from the first fit to the second."""
    found = difference(first, second)
    tables = (
        ("Constants", _rows(found.parameters)), ("Predictions", _rows(found.predictions)),
        ("Answers", _rows(found.answers)),
    )  # fmt: skip
    alone = (("the first", found.gone), ("the second", found.new))
    return Changes(tables, found.facts, found.law, alone, found.notes)


def _rows(shifts: Iterable[Shift]) -> tuple[Row, ...]:
    return tuple(
        (one.name, words.plus_minus(*one.first), words.plus_minus(*one.second), _move(one.sds)) for one in shifts
    )


def _move(sds: float) -> str:
    return "" if math.isnan(sds) else f"{sds:+.2f} sd".replace("-", "−")
