"""What backtests found of a fit's forecasts: how often intervals held at which distance, and the law's own error.

It travels in the fit file, so that a forecast can say how forecasts like it fared on the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .discrepancy import Discrepancy
from .frontier import frontier_of, ranges_of, reach

Array = NDArray[np.float64]

#: decades beyond the rows that are told together: near, one decade out, two, and more
BINS = ((0.0, 0.5), (0.5, 1.5), (1.5, 2.5), (2.5, math.inf))


@dataclass(frozen=True)
class Found:
    """Coverage of the intervals of one response in one bin of distance: level -> share of `rows`, from `cuts` cuts."""

    response: str
    decades: tuple[float, float]
    rows: int
    cuts: int
    plain: Mapping[float, float]
    widened: Mapping[float, float]

    def words(self, level: float, widened: bool) -> str:
        """'one decade out, 90 % intervals covered 88 % of 63 forecasts'."""
        told = self.widened if widened else self.plain
        nearest = min(told, key=lambda one: abs(one - level))
        return (
            f"{place(self.decades)}, {nearest * 100:.0f} % intervals covered {told[nearest] * 100:.0f} % of "
            f"{self.rows} forecasts"
        )


def place(decades: tuple[float, float]) -> str:
    """A bin in words."""
    low, high = decades
    if low == 0:
        return "up to half a decade out"
    if math.isinf(high):
        return f"more than {low:g} decades out"
    middle = (low + high) / 2
    return "one decade out" if middle == 1 else f"{middle:g} decades out"


@dataclass(frozen=True)
class Reliability:
    """frontier: its expression; edge: log10 of its largest value among the rows; method: of the backtest's fits;
    discrepancy: response -> the law's error.
    """

    frontier: str
    edge: float
    method: str
    found: tuple[Found, ...]
    discrepancy: Mapping[str, Discrepancy] = field(default_factory=dict)

    def of(self, response: str, decades: float) -> Found | None:
        """What was found of a response at that distance; None where no forecast went so far, or the point is inside."""
        for one in self.found:
            if one.response == response and one.decades[0] <= decades < one.decades[1] and decades > 0:
                return one
        return None

    def words(self, response: str, decades: float, level: float) -> str:
        """How forecasts of the rows fared that far beyond others of them."""
        one, widened = self.of(response, decades), self.widens(response)
        if one is not None:
            plain = ""
            if widened:
                nearest = min(one.plain, key=lambda known: abs(known - level))
                plain = f" (plain ones, without the law's own error, {one.plain[nearest] * 100:.0f} %)"
            return one.words(level, widened) + plain
        reached = [found for found in self.found if found.response == response]
        if not reached:
            return ""
        last = max(reached, key=lambda found: found.decades)
        return f"no backtest on these rows went {decades:.1f} decades out; {last.words(level, widened)}"

    def widens(self, response: str) -> bool:
        """Whether the intervals of a response are widened by the law's error."""
        return response in self.discrepancy and self.discrepancy[response].widen

    def distances(self, law: Any, columns: Mapping[str, Array], rows: Mapping[str, Array]) -> tuple[Array, Array]:
        """Decades of points (`columns`) beyond the fitted `rows`: of the frontier (negative below its edge), and by
        whatever lies farthest (`fitting.frontier.reach`).
        """
        at = frontier_of(law, self.frontier).at(columns)
        return at - self.edge, reach(at, self.edge, columns, ranges_of(law, rows))

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it and the fit file keeps it."""
        found = [
            {
                "response": one.response, "from_decades": one.decades[0],
                "to_decades": None if math.isinf(one.decades[1]) else one.decades[1], "rows": one.rows,
                "cuts": one.cuts, "plain": {f"{k:g}": v for k, v in one.plain.items()},
                "widened": {f"{k:g}": v for k, v in one.widened.items()},
            }
            for one in self.found
        ]  # fmt: skip
        return {
            "frontier": self.frontier, "edge": self.edge, "method": self.method, "found": found,
            "discrepancy": {name: one.as_json() for name, one in self.discrepancy.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Reliability:
        """The inverse of `as_json`."""
        found = tuple(
            Found(
                str(one["response"]),
                (float(one["from_decades"]), math.inf if one["to_decades"] is None else float(one["to_decades"])),
                int(one["rows"]), int(one["cuts"]), {float(k): float(v) for k, v in one["plain"].items()},
                {float(k): float(v) for k, v in one["widened"].items()},
            )
            for one in plain["found"]
        )  # fmt: skip
        told = {str(name): Discrepancy.from_json(one) for name, one in plain["discrepancy"].items()}
        return cls(str(plain["frontier"]), float(plain["edge"]), str(plain["method"]), found, told)
