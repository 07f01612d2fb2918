"""Answers beyond the rows, with the law's own error in them.

Where backtests widen a response, every draw of a posterior is a law with one error of its own, which grows with the
distance beyond the rows (`fitting.discrepancy`). A question that goes through the response is then put to the law with
that error, at the distance of its own answer: of `solve: L = q, for: D` each draw's D is the one at which

    law(D) + error(distance of D) = q        (on the scale of the noise)

so that question and distance must agree; the distance is sought at which they do. Where the error outgrows the law's
own trend nothing agrees, and the draw has no answer. The same holds for what costs least subject to a response.

An optimum of the response itself stays where the law alone puts it. Backtests tell how far a law goes astray along the
frontier, and points of one budget lie equally far along it; which of them the error favours nobody has seen. So the
value at the optimum carries the error, and the optimum's place does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError
from lawdsl.expression import Call, Comparison, Expression, Name, Number, Operation
from lawdsl.law import Ask, Noise
from lawdsl.question import answer

from .discrepancy import growth
from .frontier import frontier_of, ranges_of, reach
from .outcomes import off_by
from .posterior import Posterior

Array = NDArray[np.float64]
Route = Literal["auto", "closed", "numeric"]

#: kinds of question that seek an optimum
BEST = ("minimize", "maximize")
#: decades to which question and distance must agree: a thousandth of the narrowest interval worth stating
AGREE = 1e-4
#: decades beyond which no answer is sought, and the steps of the search
FARTHEST, STEPS = 30.0, 40


@dataclass(frozen=True, eq=False)
class Beyond:
    """The draws' answers by name, (draws,) or a number, and how far beyond the rows each lies (draws,), in decades; NaN
    where a draw has none. `through`: the responses that the question goes through; `widened`: whether an error of
    theirs is in the answers.
    """

    found: Mapping[str, Array]
    distance: Array
    through: tuple[str, ...]
    widened: bool


def through(asked: Ask, responses: Mapping[str, Any]) -> tuple[str, ...]:
    """The responses that a question names."""
    trees = [asked.target, *(side for pair in asked.constraints for side in pair), *(tree for _, tree in asked.report)]
    trees += [asked.equals] if asked.equals is not None else []
    named = frozenset[str]().union(*(tree.names() for tree in trees))
    return tuple(name for name in responses if name in named)


def beyond(
    posterior: Posterior, asked: Ask, values: Mapping[str, Array], numbers: Mapping[str, float],
    found: Mapping[str, Array], chosen: NDArray[np.int64], route: Route = "auto",
) -> Beyond | None:  # fmt: skip
    """The answers `found` by the law alone, from the draws `values` at the places `chosen`, with the law's own error.

    None where nothing was backtested, or the distance of the answer cannot be told: the question does not go through a
    response, or leaves a variable of the frontier open.
    """
    told, law = posterior.reliability, posterior.law
    names = through(asked, law.outcome)
    if told is None or not names:
        return None
    draws = len(chosen)
    place = _Place(posterior, numbers, draws)
    first = place.distance(found)
    if first is None:
        return None
    every = len(next(iter(posterior.flat.values())))
    seed = posterior.provenance.seed
    sizes = {n: told.discrepancy[n].sizes(every, seed)[chosen] for n in names if told.widens(n)}
    if not sizes or not np.nanmax(first, initial=0.0) > 0:
        return Beyond(found, first, names, False)
    moved = shifted(asked, {name: law.outcome[name].noise for name in sizes})

    def at(far: Array, rows: NDArray[np.int64]) -> dict[str, Array]:
        """The answers of some draws if their errors are those at these distances."""
        off = {name: size[rows] * growth(far) for name, size in sizes.items()}
        known: dict[str, Any] = {name: drawn[rows] for name, drawn in values.items()}
        known |= {_name(name): by for name, by in off.items()}
        with np.errstate(all="ignore"):
            new = answer(law, moved, known, numbers, route)
        best = asked.target.name if isinstance(asked.target, Name) and asked.kind in BEST else ""
        if best in off:  # at its optimum a response has its error, which did not choose the place
            new[best] = off_by(law.outcome[best].noise, new[best], off[best])
        return {name: np.broadcast_to(np.ravel(new[name]), rows.shape) for name in new}

    far = _agreed(lambda far, rows: place.distance(at(far, rows), rows), first)
    known = np.isfinite(far)
    final = {name: np.full(draws, np.nan) for name in found}
    rows = np.flatnonzero(known)
    if rows.size:
        for name, value in at(far[rows], rows).items():
            final[name][rows] = value
    return Beyond(final, far, names, True)


def _agreed(distance: Any, first: Array) -> Array:
    """For every draw the least distance r with `distance(r, draws)` = r; `first` is that of r = 0. NaN where none is.

    The difference falls from `first` at 0 to zero. From below secants come to the root of a convex curve without
    passing it; once it is passed it lies between two points, and they close in (the Illinois rule).
    """
    low, at_low = np.zeros_like(first), first.copy()
    before, at_before = low.copy(), at_low.copy()
    high, at_high = np.full_like(first, np.nan), np.full_like(first, np.nan)
    side = np.zeros_like(first)
    r, settled = first.copy(), np.where(first <= 0, 0.0, np.nan)
    active = np.isfinite(first) & (first > 0)
    for _ in range(STEPS):
        rows = np.flatnonzero(active)
        if not rows.size:
            break
        h = np.full_like(first, np.inf)
        h[rows] = distance(r[rows], rows) - r[rows]
        there = active & (np.abs(h) <= AGREE)
        settled[there], active[there] = r[there], False
        short, past, lost = active & (h > 0), active & (h < 0), active & np.isnan(h)
        at_high[short & (side > 0)] /= 2
        at_low[past & (side < 0)] /= 2
        side[short], side[past] = 1.0, -1.0
        before[short], at_before[short] = low[short], at_low[short]
        low[short], at_low[short] = r[short], h[short]
        high[past], at_high[past] = r[past], h[past]
        high[lost], at_high[lost] = r[lost], np.nan
        with np.errstate(all="ignore"):
            slope = (at_low - at_before) / (low - before)
            secant = np.where(slope < 0, low - at_low / slope, low + at_low)
            between = np.where(
                np.isnan(at_high), (low + high) / 2, (low * at_high - high * at_low) / (at_high - at_low)
            )
        r = np.where(np.isnan(high), secant, between)
        active &= (r <= FARTHEST) & ~(high - low <= AGREE)
    return settled


class _Place:
    """Where answers lie: the numbers given and those found as columns of the law's inputs."""

    def __init__(self, posterior: Posterior, numbers: Mapping[str, float], draws: int):
        told, law = posterior.reliability, posterior.law
        assert told is not None
        self.numbers, self.draws, self.edge, self.law = numbers, draws, told.edge, law
        self.along = frontier_of(law, told.frontier)
        self.ranges = ranges_of(law, posterior.columns)

    def distance(self, found: Mapping[str, Array], rows: NDArray[np.int64] | None = None) -> Array | None:
        """Decades beyond the rows, (draws,), NaN for a draw without an answer; None where it cannot be told."""
        count = self.draws if rows is None else len(rows)
        known = {**self.numbers, **found}
        columns = {
            name: np.broadcast_to(np.ravel(np.asarray(known[name], dtype=float)), (count,))
            for name in self.law.inputs
            if name in known
        }
        told = np.full(count, np.nan)
        if not self.along.needs <= set(columns):
            return None
        fine = np.all([np.isfinite(values) for values in columns.values()], axis=0)
        if fine.any():
            columns = {name: values[fine] for name, values in columns.items()}
            try:
                at = self.along.at(columns)
            except AskError:
                return None
            ranges = {name: ends for name, ends in self.ranges.items() if name in columns}
            told[fine] = reach(at, self.edge, columns, ranges)
        return told


def _name(response: str) -> str:
    """What the error of a response is called in a question: no name of a law has a space."""
    return f"error of {response}"


def shifted(asked: Ask, noises: Mapping[str, Noise]) -> Ask:
    """The question with every response it names off by its error, a number called as `_name` has it; the objective of
    an optimum alone is left. Where a response is one side of an equation, the other side is what moves: what could be
    solved for an unknown still can.
    """
    by = {name: _off(Name(name), _name(name), noise) for name, noise in noises.items()}
    plain = asked.kind in BEST and isinstance(asked.target, Name)
    target, equals = asked.target if plain else _replaced(asked.target, by), asked.equals
    if asked.equals is not None:
        target, equals = _sides(asked.target, asked.equals, by, noises)
    return replace(
        asked,
        target=target,
        equals=equals,
        constraints=tuple(_sides(a, b, by, noises) for a, b in asked.constraints),
        report=tuple((name, _replaced(tree, by)) for name, tree in asked.report),
    )


def _sides(
    left: Expression, right: Expression, by: Mapping[str, Expression], noises: Mapping[str, Noise]
) -> tuple[Expression, Expression]:
    for one, other, turned in ((left, right, False), (right, left, True)):
        if isinstance(one, Name) and one.name in by and not other.names() & set(by):
            moved = _off(other, _name(one.name), noises[one.name], back=True)
            return (moved, one) if turned else (one, moved)
    return _replaced(left, by), _replaced(right, by)


def _off(value: Expression, error: str, noise: Noise, back: bool = False) -> Expression:
    """A value of the response that is off by an error on the noise's scale, or `back` by as much."""
    by, against = (Name(error), Operation("-", (Name(error),)))[:: -1 if back else 1]
    if noise.on == "log":
        return Operation("*", (value, Call("exp", (by,))))
    if noise.on == "logit":
        odds = Operation("/", (Operation("-", (Number(1.0), value)), value))
        less = Operation("*", (odds, Call("exp", (against,))))
        return Operation("/", (Number(1.0), Operation("+", (Number(1.0), less))))
    return Operation("+", (value, by))


def _replaced(tree: Expression, by: Mapping[str, Expression]) -> Expression:
    if isinstance(tree, Name):
        return by.get(tree.name, tree)
    if isinstance(tree, (Call, Operation, Comparison)) and tree.names() & set(by):
        return replace(tree, parts=tuple(_replaced(part, by) for part in tree.parts))
    return tree
