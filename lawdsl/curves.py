"""The response against its main variable with published constants: what the terminal and the pages draw.

`plan` says what there is to draw, without computing anything: the first published set that is whole, a grid of the
law's first variable, a few values of the second (or the levels of a factor that the set tells apart), and what the
others are held at. A law of sequences is drawn along the runs of the design in its file, which has their schedules.
`drawn` computes the response.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .columns import evaluate_rows
from .errors import LawdslError
from .evaluate import evaluate
from .expression import Expression, Name
from .law import FIRST, Law, Value, Variable
from .numbers import short
from .published import values_of

#: points of a curve
POINTS = 61
#: curves of one picture
CURVES = 4
#: a range at least this wide, as a factor, is drawn and divided on the log; of whole numbers, and of responses
WIDE, WIDE_WHOLE, WIDE_RESPONSE = 4.0, 32.0, 8.0
#: a curve that changes by less, as a share of the response, shows nothing
FLAT = 1e-4
#: where a variable is looked at that has no range and is in no design
USUAL = {
    "parameters": (1e8, 1e11), "tokens": (1e9, 1e12), "FLOP": (1e18, 1e24), "bits": (2.0, 8.0), "steps": (100.0, 1e5),
    "vocabulary entries": (8192.0, 131072.0), "examples": (1e3, 1e6), "characters": (1e9, 1e12), "bytes": (1e9, 1e12),
    "nats/token": (1.5, 5.0),
}  # fmt: skip
#: units of whole numbers
WHOLE = frozenset({"bits", "experts", "layers", "epochs", "count"})


def brief(value: float) -> str:
    """A number at an axis: three digits, thousands with a suffix as well: 20K, 1.5B."""
    thousands = 1e4 <= abs(value) < 1e6
    return f"{short(value / 1e3, 3)}K" if thousands else short(value, 3)


@dataclass(frozen=True)
class Plan:
    """What to draw. `held` are numbers as shown; `points` are, for each curve, its label and its numbers and levels."""

    law: Law
    set: str
    variable: Variable
    grid: tuple[float, ...]
    log: bool
    varied: str
    points: tuple[tuple[str, tuple[tuple[str, float | str], ...]], ...]
    held: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, Expression], ...] = ()  # of a run's schedule, from the names of a point and the grid

    @property
    def caption(self) -> str:
        """What the picture shows, in a sentence."""
        name = self.law.response.name
        text = f"{name} against {self.variable.name}"
        if self.varied:
            text += f" for {self.varied} = {', '.join(label for label, _ in self.points)}"
        text += f"; {', '.join(f'{n} = {v}' for n, v in self.held)}" if self.held else ""
        return f"{text}; constants {self.set}"


def plan(law: Law, beyond: float = 0.0, main: int = 0) -> Plan | str:
    """What to draw of a law, or why there is nothing; `beyond` is how much of the range is added at either end, `main`
    which of the equation's variables the response is drawn against.
    """
    inputs = _inputs(law)
    inputs.insert(0, inputs.pop(main))
    needed = law.needs(law.equation)
    if not law.published:
        return "the law has no published constants"
    free = [p.name for p in law.parameters if p.name in needed and p.tied is None]
    for one in law.published:
        levels = _levels(law, one.name, needed)
        if levels is None:
            continue
        varied, words = levels
        first: dict[str, float | str] = {varied: words[0]} if varied else {}
        try:
            values = values_of(law, one.name, first)
        except LawdslError:
            continue
        if any(name not in values for name in free):
            continue
        if law.sequence is not None:
            return _along(law, one.name, first)
        return _planned(law, one.name, inputs, varied, words, beyond)
    return "no published set gives a number to every parameter"


def _along(law: Law, name: str, held: dict[str, float | str]) -> Plan | str:
    """A law of sequences: some of the runs of the design, each over its steps."""
    design, sequence = law.simulation, law.sequence
    grid = dict(design.grid) if design is not None else {}
    if sequence is None or design is None or sequence.by not in grid:
        return "a law of sequences needs a schedule, and the file has no design of one"
    steps = tuple(float(x) for x in grid.pop(sequence.by))
    runs = grid.pop(sequence.along, ("run",))
    apart = any(sequence.along in tree.names() for _, tree in design.columns)
    varied, options = sequence.along, runs[:CURVES]
    if not apart:
        varied, options = next(((n, v[:CURVES]) for n, v in grid.items() if len(v) > 1), ("", ("",)))
    others: dict[str, float | str] = {sequence.along: runs[0], **{n: v[0] for n, v in grid.items()}, **held}
    others.pop(varied, None)
    labels = [one if isinstance(one, str) else brief(one) for one in options]
    each = [{**others, varied: one} if varied else others for one in options]
    points = tuple((label, tuple(point.items())) for label, point in zip(labels, each, strict=True))
    shown = tuple((n, v if isinstance(v, str) else brief(v)) for n, v in others.items() if n != sequence.along)
    variable = law.variable[sequence.by]
    log = steps[0] > 0 and steps[-1] / steps[0] > 1e4
    return Plan(law, name, variable, steps, log, varied, points, shown, design.columns)


def _inputs(law: Law) -> list[Variable]:
    """The variables of the (first) equation."""
    needed = law.needs(law.equation)
    return [law.variable[name] for name in law.inputs if name in needed]


def _levels(law: Law, name: str, needed: frozenset[str]) -> tuple[str, tuple[str, ...]] | None:
    """The one factor whose levels a set tells apart, and those it has numbers for; None where there are several."""
    found: dict[str, list[dict[str, Value]]] = {}
    for parameter, value in law.sets[name].values:
        if not isinstance(value, Value) and parameter in needed:
            found.setdefault(law.parameter[parameter].by[0], []).append(dict(value))
    if not found:
        return "", ()
    if len(found) > 1:
        return None
    ((factor, sets),) = found.items()
    shared = tuple(level for level in law.factor[factor].levels or sets[0] if all(level in one for one in sets))
    return (factor, shared) if shared else None


def _planned(
    law: Law, name: str, inputs: list[Variable], factor: str, levels: tuple[str, ...], beyond: float
) -> Plan | str:
    first, *others = inputs
    low, high = span(law, first)
    log = _is_log(first, low, high)
    points: list[tuple[str, dict[str, float | str]]]
    held = {v.name: _middle(law, v) for v in others}
    if factor:
        varied = factor if len(levels) > 1 else ""
        points = [(level if varied else "", {**held, factor: level}) for level in levels[:CURVES]]
    elif others:
        varied = others[0].name
        del held[varied]
        points = [(brief(value), {**held, varied: value}) for value in _few(law, others[0])]
    else:
        varied, points = "", [("", {})]
    shown = tuple((n, brief(v)) for n, v in held.items())
    if factor and not varied:
        shown += ((factor, levels[0]),)
    grid = _grid(first, low, high, log, beyond)
    return Plan(law, name, first, grid, log, varied, tuple((t, tuple(p.items())) for t, p in points), shown)


def span(law: Law, variable: Variable) -> tuple[float, float]:
    """The variable's regime; else that of the file's design, or where such a variable usually lies."""
    if variable.range is not None:
        return variable.range
    design = dict(law.simulation.grid).get(variable.name, ()) if law.simulation is not None else ()
    numbers = sorted(x for x in design if not isinstance(x, str))
    if numbers and numbers[0] < numbers[-1]:
        return numbers[0], numbers[-1]
    if variable.domain == "unit":
        return 0.05, 0.95
    return USUAL.get(variable.quantity.unit, (1.0, 100.0))


def _is_log(variable: Variable, low: float, high: float) -> bool:
    return low > 0 and high / low >= (WIDE_WHOLE if variable.quantity.unit in WHOLE else WIDE)


def _rounded(value: float, digits: int = 2) -> float:
    return float(f"{value:.{digits - 1}e}")


def _middle(law: Law, variable: Variable) -> float:
    low, high = span(law, variable)
    middle = math.sqrt(low * high) if _is_log(variable, low, high) else (low + high) / 2
    if variable.quantity.unit in WHOLE and high - low >= 2:
        return float(round(middle))
    return min(max(_rounded(middle), low), high)


def _few(law: Law, variable: Variable) -> tuple[float, ...]:
    """The ends of a range and its middle; of few whole numbers, all."""
    low, high = span(law, variable)
    if variable.quantity.unit in WHOLE and low == int(low) and high == int(high) and 1 <= high - low < CURVES:
        return tuple(float(n) for n in range(int(low), int(high) + 1))
    return low, _middle(law, variable), high


def _grid(variable: Variable, low: float, high: float, log: bool, beyond: float) -> tuple[float, ...]:
    if log:
        more = (high / low) ** beyond
        ends = low / more, high * more
    else:
        more = (high - low) * beyond
        ends = low - more, high + more
        if low >= 0:  # what is never negative stays so, and away from 0 where it must
            ends = max(ends[0], low / 2 if low > 0 else 0.0 if variable.domain == "real" else high / 1000), ends[1]
    if variable.quantity.unit in WHOLE:
        ends = max(ends[0], min(low, 1.0)), ends[1]
    if variable.domain == "unit":
        ends = max(ends[0], 1e-4), min(ends[1], 1 - 1e-4)
    return tuple(float(x) for x in (np.geomspace if log else np.linspace)(*ends, POINTS))


@dataclass(frozen=True)
class Picture:
    """A plan and what came of it: the response along each curve, and whether its axis is a log one."""

    plan: Plan
    curves: tuple[np.ndarray, ...]
    log: bool

    @property
    def flat(self) -> bool:
        """Whether nothing depends on the variable where it is drawn."""
        spread = max(float(np.nanmax(curve) - np.nanmin(curve)) for curve in self.curves if np.isfinite(curve).any())
        return spread <= FLAT * float(np.nanmax(np.abs(np.concatenate(self.curves))))


def drawn(law: Law, beyond: float = 0.0) -> Picture | str:
    """The picture of a law, or why there is none. Of a variable on which nothing depends there, the next is taken."""
    if not _inputs(law):
        return "the equation has no variable that could be drawn against"
    pictures = []
    for main in range(len(_inputs(law)) if law.sequence is None else 1):
        picture = _picture(law, beyond, main)
        if isinstance(picture, str):
            return picture
        if not picture.flat:
            return picture
        pictures.append(picture)
    return pictures[0]


def _picture(law: Law, beyond: float, main: int) -> Picture | str:
    planned = plan(law, beyond, main)
    if isinstance(planned, str):
        return planned
    try:
        curves = tuple(_response(planned, dict(point)) for _, point in planned.points)
    except LawdslError as error:
        return error.faults[0].message
    every = np.concatenate(curves)
    every = every[np.isfinite(every)]
    if len(every) < 2:
        return "the law has no value over the range"
    low = np.quantile(every, 0.1)  # a zero at the edge does not make the axis a log one
    return Picture(planned, curves, bool(every.min() > 0 and every.max() / low >= WIDE_RESPONSE))


def _response(planned: Plan, point: dict[str, float | str]) -> np.ndarray:
    """The response along the grid at a point; NaN where the law has no value."""
    law, grid = planned.law, np.array(planned.grid)
    values = values_of(law, planned.set, point)
    columns: dict[str, np.ndarray] = {planned.variable.name: grid}
    with np.errstate(all="ignore"):
        if law.sequence is not None:
            rows = {name: np.full(len(grid), value, object if isinstance(value, str) else float)
                    for name, value in point.items()}  # fmt: skip
            for name, tree in planned.columns:
                rows[name] = np.broadcast_to(evaluate_rows(tree, {**rows, **columns}), grid.shape)
            columns = {**rows, **columns, FIRST: np.arange(len(grid)) == 0}
        numbers = {name: value for name, value in {**point, **columns}.items() if name not in law.factor}
        curve = evaluate(law, {"y": Name(law.response.name)}, {**values, **numbers})["y"]
    return np.array(np.broadcast_to(np.where(np.isfinite(curve), curve, np.nan), grid.shape))
