"""Which curves to draw of a fit where nobody says: settings of the other variables on which many rows lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, Span, suggest

from ..posterior import Posterior
from ..predictions import Point, read_points

#: curves of one picture
CURVES = 4
#: settings nearer than this, as a factor, are one
SAME = 1.05
#: units in which one looks beyond the rows
GROWING = frozenset({"parameters", "tokens", "FLOP", "characters", "bytes", "examples", "images", "steps", "PF-days"})


def against_of(posterior: Posterior, name: str | None = None) -> str:
    """The variable that a picture's x is: the one named, else the one of widest range among the rows.

    Raises: AskError (ASK002) for what is no variable of the fit.
    """
    law, ranges = posterior.law, posterior.ranges
    if name is None:
        if law.sequence is not None:
            return law.sequence.by
        if not ranges:
            raise AskError(Fault("ASK002", Span(law.name), "the law has no variable to draw against", "Name another."))
        return max(ranges, key=lambda n: _span(ranges[n]))
    if name not in ranges:
        cure = suggest(name, ranges)
        raise AskError(Fault("ASK002", Span(law.name), f"nothing can be drawn against '{name}'", cure))
    return name


def _span(ends: tuple[float, float]) -> float:
    low, high = ends
    return float(np.log(high / low)) if low > 0 else 0.5 * float(high > low)


def given_points(posterior: Posterior, points: Iterable[Mapping[str, Any]], against: str) -> list[dict[str, Any]]:
    """The caller's points, each with a value of the variable drawn against: its own, or the largest of the rows."""
    high = posterior.ranges[against][1]
    return [dict(one) for one in read_points(posterior.law, [{against: high, **point} for point in points])]


def settings(posterior: Posterior, against: str, most: int = CURVES) -> list[dict[str, float | str]]:
    """At most so many settings of the other variables and factors: one of them varies, the others are held where most
    rows lie.
    """
    law = posterior.law
    others = [name for name in law.inputs if name != against]
    varied = _varied(posterior, others)
    held = [name for name in others if name != varied]
    rows = _commonest(posterior, held)
    base: dict[str, float | str] = {n: _middle(posterior.columns[n][rows]) for n in held}
    base |= {name: _level(posterior, name, rows) for name in needed_factors(posterior)}
    if varied is not None:
        found = [{**base, varied: value} for value in _spread(posterior.columns[varied][rows], most)]
        return [{n: one[n] for n in (*law.inputs, *base) if n in one} for one in found]
    factor = next(iter(needed_factors(posterior)), None)
    if factor is None:
        return [base]
    levels, counts = np.unique(posterior.codes[factor][rows], return_counts=True)
    best = sorted(levels[np.argsort(-counts)][:most])
    return [{**base, factor: posterior.factors[factor][code]} for code in best]


def needed_factors(posterior: Posterior) -> list[str]:
    """Factors a point must name: of parameters that have a value per level and no population."""
    grouped = [p for p in posterior.law.parameters if p.grouped and p.free and p.pool != "partial" and p.center is None]
    return [f for f in dict.fromkeys(f for p in grouped for f in p.by) if f in posterior.codes]


def _varied(posterior: Posterior, others: list[str]) -> str | None:
    """The variable told apart by colours: bits first, else that of widest range."""
    moving = [n for n in others if posterior.ranges[n][0] < posterior.ranges[n][1]]
    bits = [n for n in moving if posterior.law.variable[n].quantity.unit == "bits"]
    return bits[0] if bits else max(moving, key=lambda n: _span(posterior.ranges[n]), default=None)


def _keys(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers that are the same for values that are one."""
    if values.min() > 0:
        return np.asarray(np.round(np.log(values) / np.log(SAME)))
    return np.asarray(values)


def _commonest(posterior: Posterior, held: list[str]) -> NDArray[np.bool_]:
    """The rows of the setting of these variables that most rows have."""
    count = posterior.provenance.rows
    if not held:
        return np.ones(count, bool)
    keys = np.stack([_keys(posterior.columns[n]) for n in held], axis=1)
    _, group, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(group.ravel() == int(np.argmax(sizes)))


def _middle(values: NDArray[np.float64]) -> float:
    return float(np.sort(values)[len(values) // 2])


def _level(posterior: Posterior, factor: str, rows: NDArray[np.bool_]) -> str:
    return posterior.factors[factor][int(np.bincount(posterior.codes[factor][rows]).argmax())]


def _spread(values: NDArray[np.float64], most: int) -> list[float]:
    """At most so many of the values, from all of the range, each where many rows are."""
    keys, group, sizes = np.unique(_keys(values), return_inverse=True, return_counts=True)
    middles = [_middle(values[group.ravel() == i]) for i in range(len(keys))]
    if len(keys) <= most:
        return middles
    edges = np.linspace(keys[0], keys[-1], most + 1)
    slices = np.clip(np.searchsorted(edges, keys, side="right") - 1, 0, most - 1)
    ends = np.where((keys == keys[0]) | (keys == keys[-1]), 0.5, 0.0)  # of slices alike, the ends of the range
    found = [max(np.flatnonzero(slices == i), key=lambda k: sizes[k] + ends[k]) for i in np.unique(slices)]
    return [middles[i] for i in found]


def rows_of(posterior: Posterior, point: Point, against: str) -> NDArray[np.bool_]:
    """Which rows lie on a curve: every other variable, and every level that is named, is the curve's."""
    keep = np.ones(posterior.provenance.rows, bool)
    for name, value in point.items():
        if name == against or (posterior.law.sequence is not None and not isinstance(value, str)):
            continue  # along a run all variables change
        if isinstance(value, str):
            levels = posterior.factors.get(name, ())
            codes = posterior.codes.get(name)
            keep &= np.zeros_like(keep) if codes is None or value not in levels else codes == levels.index(value)
        elif value > 0:
            with np.errstate(all="ignore"):
                ratio = posterior.columns[name] / value
            keep &= (ratio < SAME) & (ratio > 1 / SAME)
        else:
            keep &= posterior.columns[name] == value
    return keep


def told_apart(points: list[dict[str, float | str]], against: str) -> tuple[list[str], list[str]]:
    """The names that differ between points, and those that all share."""
    names = [n for n in dict.fromkeys(n for point in points for n in point) if n != against]
    apart = [n for n in names if len({point.get(n) for point in points}) > 1]
    return apart, [n for n in names if n not in apart]
