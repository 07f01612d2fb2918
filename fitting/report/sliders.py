"""Where the sliders of an explorer go: over the rows and the law's regime, and far beyond what anybody has run."""

from __future__ import annotations

import math
from typing import Any

from lawdsl.curves import WHOLE, WIDE, span
from lawdsl.law import Law, Variable

#: how far a slider reaches at least, by unit: from the smallest thing one trains to what nobody has
REACH = {
    "parameters": (1e5, 1e13), "tokens": (1e6, 1e15), "FLOP": (1e15, 1e30), "bits": (1.0, 16.0), "steps": (1e2, 1e7),
    "examples": (1e2, 1e12), "characters": (1e6, 1e16), "bytes": (1e6, 1e16), "vocabulary entries": (1e3, 1e7),
}  # fmt: skip
#: decades by which a slider goes beyond rows and regime where the unit says nothing
BEYOND = 3.0


def slider(law: Law, variable: Variable, rows: tuple[float, float] | None) -> dict[str, Any]:
    """A variable for the page; `rows` are its least and greatest value among the rows, in its unit."""
    ends, log = slider_range(law, variable, rows)
    low, high = rows or ends
    middle = math.sqrt(low * high) if log and low > 0 else (low + high) / 2
    return {
        "name": variable.name, "unit": variable.quantity.unit, "kind": variable.quantity.kind, "about": variable.about,
        "domain": variable.domain, "scale": "log" if log else "linear", "whole": variable.quantity.unit in WHOLE,
        "rows": None if rows is None else list(rows),
        "regime": None if variable.range is None else list(variable.range), "slider": list(ends), "start": middle,
    }  # fmt: skip


def slider_range(law: Law, variable: Variable, rows: tuple[float, float] | None) -> tuple[tuple[float, float], bool]:
    """From where to where a variable's slider goes, and whether on a log scale."""
    known = [one for one in (rows, variable.range) if one is not None] or [span(law, variable)]
    low, high = min(one[0] for one in known), max(one[1] for one in known)
    if variable.domain == "unit":
        return (0.0, 1.0), False
    usual = REACH.get(variable.quantity.unit)
    log = low > 0 and (high / low >= WIDE or usual is not None) and variable.quantity.unit != "bits"
    if usual is not None:
        return (min(low, usual[0]), max(high, usual[1])), log
    if log:
        return (low / 10**BEYOND, high * 10**BEYOND), True
    width = (high - low) or abs(high) or 1.0
    return (max(low - width, low / 10) if low > 0 else low - width if low < 0 else 0.0, high + 2 * width), False
