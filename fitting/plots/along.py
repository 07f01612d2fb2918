"""The response against one variable, with bands, the rows beneath, and where they end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lawdsl import look
from lawdsl.curves import WHOLE, brief
from lawdsl.errors import AskError, Fault, Span, suggest
from lawdsl.law import Outcome
from lawdsl.numbers import percent

from ..posterior import Posterior
from ..predictions import NEAR, decades_beyond, draws_at, table_points
from . import sheet
from .settings import GROWING, against_of, given_points, rows_of, settings, told_apart

Array = NDArray[np.float64]
Values = dict[str, float | str]

#: points of a curve
STEPS = 80
#: values of bits and the like that stand one by one at an axis
FEW = 7
#: a response that spans more, as a factor, is drawn on the log
WIDE = 5.0


@dataclass(frozen=True, eq=False)
class Band:
    """A curve: the law's median along `grid`, and at `level` the law's own interval and that of a new observation, all
    (points,) in the response's unit; `beyond` is where the point lies outside the rows in any variable.
    """

    grid: Array
    median: Array
    lo: Array
    hi: Array
    new_lo: Array
    new_hi: Array
    beyond: NDArray[np.bool_]


def band(posterior: Posterior, points: list[Values], against: str, response: str, level: float) -> Band:
    """The band along points that differ in one variable. Its ends are those that `fitting.predict` gives one by one."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    (found,) = [one for one in draws_at(posterior, points) if one[0] == response]
    with np.errstate(all="ignore"):
        lo, median, hi = np.quantile(found[1], [tails[0], 0.5, tails[1]], axis=0)
        new_lo, new_hi = np.quantile(found[2], tails, axis=0)
    far = [any(abs(d) > NEAR for _, d in decades_beyond(posterior, point)) for point in points]
    grid = np.array([float(point[against]) for point in points])
    return Band(grid, median, lo, hi, new_lo, new_hi, np.array(far))


def outcome_of(posterior: Posterior, name: str | None) -> Outcome:
    """The response of that name, or the first. Raises: AskError (ASK002)."""
    law = posterior.law
    if name is None:
        return law.outcomes[0]
    if name not in law.outcome:
        cure = suggest(name, law.outcome)
        raise AskError(Fault("ASK002", Span(law.name), f"'{name[:40]}' is no response of {law.name}", cure))
    return law.outcome[name]


def level_of(posterior: Posterior, level: float) -> float:
    """An interval's probability. Raises: AskError (ASK008) for one that is not between 0 and 1."""
    if not 0 < level < 1:
        raise AskError(Fault("ASK008", Span(posterior.law.name), f"level {level:g}", "It lies between 0 and 1."))
    return level


def curves(
    posterior: Posterior,
    points: Iterable[Mapping[str, Any]] | None = None,
    *,
    against: str | None = None,
    response: str | None = None,
    level: float = 0.9,
    beyond: float = 1.0,
    ax: Axes | None = None,
) -> Figure:
    """The response against a variable, a curve for every setting of the others, with the rows.

    points: the settings; what they say of the variable drawn against is where their curve ends, if that lies beyond the
    rows. Unless given, up to four settings on which many rows lie, and curves that go on for `beyond` decades past the
    rows where more is to come (tokens, parameters, FLOP).
    against: by default the variable of widest range among the rows. response: by default the law's first.
    level: the probability of the bands, the dark one of the law's mean, the light one of a new observation.
    Curves are dashed where any variable lies outside the rows; the ground beyond the rows is shaded. Rows on a curve
    are marked in its colour, all others grey.
    Raises: AskError for points or names that do not fit the law.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> post = fitting.fit("chinchilla", rows, method="map")
    >>> figure = fitting.plots.curves(post, [{"N": "1B", "D": "1T"}], against="D")
    >>> figure.axes[0].get_xlabel()
    'D (tokens)'
    """
    name, outcome = against_of(posterior, against), outcome_of(posterior, response)
    level = level_of(posterior, level)
    low, high = posterior.ranges[name]
    paths = _paths(posterior, points, name, beyond)
    shown = [path[-1] for path in paths]
    apart, shared = told_apart(shown, name)
    if posterior.law.sequence is not None:  # all else changes along a run
        apart, shared = ([n for n in names if isinstance(shown[0].get(n), str)] for names in (apart, shared))
    figure, axes = sheet.one(ax)
    bands = [band(posterior, path, name, outcome.response.name, level) for path in paths]
    labels = []
    taken = np.zeros(posterior.provenance.rows, bool)
    observed = posterior.columns[outcome.response.name]
    for i, (path, one) in enumerate(zip(paths, bands, strict=True)):
        ink = look.colour(i)
        draw_band(axes, one, ink)
        near = rows_of(posterior, path[-1], name) & np.isfinite(observed)
        taken |= near
        axes.plot(posterior.columns[name][near], observed[near], look.MARKS[i % len(look.MARKS)], color=ink, ms=3.6,
                  mec=look.grey(0), mew=0.4, alpha=0.9, zorder=4, label="_rows")  # fmt: skip
        if apart and np.isfinite(one.median).any():
            words = ", ".join(f"{look.label(n, 14)} = {_shown(path[-1][n])}" for n in apart if n in path[-1])
            labels.append((float(one.median[np.isfinite(one.median)][-1]), look.label(words, 34), ink))
    rest = ~taken & np.isfinite(observed)
    axes.plot(posterior.columns[name][rest], observed[rest], ".", color=look.grey(0.25), ms=3, mew=0, zorder=1,
              label="_other rows")  # fmt: skip
    ends = [low, high, *(float(x) for one in bands for x in (one.grid[0], one.grid[-1]))]
    log = _axes(axes, posterior, name, outcome, ends, bands, observed[rest | taken])
    look.beside(axes, labels)
    held = ", ".join(f"{n} = {_shown(shown[0][n])}" for n in shared if n in shown[0])
    told = [held] if held else []
    told.append(f"{percent(level)} bands: dark the law's mean, light a new observation")
    lost = int((observed[rest | taken] <= 0).sum()) if log else 0
    if lost:
        told.append(f"{lost} row{'s' if lost > 1 else ''} at or below zero cannot be shown")
    look.heading(axes, look.label(posterior.law.title, 200), look.label("; ".join(told), 300))
    return figure


def draw_band(axes: Axes, one: Band, ink: str, *, new: bool = True) -> None:
    """A curve with its bands; dashed where it lies beyond the rows."""
    if new:
        axes.fill_between(one.grid, one.new_lo, one.new_hi, color=ink, alpha=0.13, lw=0, zorder=2)
    axes.fill_between(one.grid, one.lo, one.hi, color=ink, alpha=0.33, lw=0, zorder=2)
    inside = np.where(one.beyond, np.nan, one.median)
    # the first point beyond belongs to both, so that no gap is seen
    edge = one.beyond.copy()
    edge[:-1] |= one.beyond[1:]
    edge[1:] |= one.beyond[:-1]
    axes.plot(one.grid, inside, color=ink, lw=1.5, zorder=3)
    if one.beyond.any():
        axes.plot(one.grid, np.where(edge, one.median, np.nan), color=ink, lw=1.5, ls=(0, (3, 1.6)), zorder=3)


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else brief(value)


def _paths(
    posterior: Posterior, points: Iterable[Mapping[str, Any]] | None, name: str, beyond: float
) -> list[list[Values]]:
    """The points of every curve."""
    law = posterior.law
    low, high = posterior.ranges[name]
    if points is not None:
        found = given_points(posterior, points, name)
        return [[{**one, name: x} for x in _grid(posterior, name, low, high, float(one[name]))] for one in found]
    if law.sequence is not None:
        return _runs(posterior)
    unit = law.variable[name].quantity.unit
    far = high * 10**beyond if unit in GROWING and low > 0 else high
    grid = _grid(posterior, name, low, high, far)
    return [[{**one, name: x} for x in grid] for one in settings(posterior, name)]


def _grid(posterior: Posterior, name: str, low: float, high: float, own: float) -> list[float]:
    """Values from the smallest row to the largest, or to the point's own where that lies outside."""
    first, last = min(low, own), max(high, own)
    if first == last:  # a table in which the variable never moves
        first, last = (first / 2, last * 2) if first > 0 else (first - 1, last + 1)
        if posterior.law.variable[name].domain == "unit":
            first, last = max(first, 0.0), min(last, 1.0)
    log = look.log_scaled(posterior.law.variable[name], first, last)
    found = (np.geomspace if log else np.linspace)(first, last, STEPS)
    found = np.unique(np.concatenate([found, [x for x in (low, high, own) if first <= x <= last]]))
    return [float(x) for x in found]


def _runs(posterior: Posterior) -> list[list[Values]]:
    """Of a law of sequences up to four runs, each at its own rows."""
    from ..posterior import table_of

    law = posterior.law
    assert law.sequence is not None
    along = law.sequence.along
    rows = table_points(table_of(posterior))
    names = list(dict.fromkeys(str(row[along]) for row in rows))
    kept = [names[i] for i in sorted({round(x) for x in np.linspace(0, len(names) - 1, min(4, len(names)))})]
    known = (*law.inputs, *law.grouping)
    return [[{n: row[n] for n in known if n in row} for row in rows if row[along] == run] for run in kept]


def _axes(
    axes: Axes, posterior: Posterior, name: str, outcome: Outcome, ends: list[float], bands: list[Band], rows: Array
) -> bool:
    variable = posterior.law.variable[name]
    low, high = posterior.ranges[name]
    left, right = min(ends), max(ends)
    log = look.log_scaled(variable, left, right)
    pad = (right / left) ** 0.015 if log else (right - left) * 0.015
    axes.set_xlim(*((left / pad, right * pad) if log else (left - pad, right + pad)))
    tight = np.concatenate([v for one in bands for v in (one.median, one.lo, one.hi)])
    log_y = limits(axes, tight, rows, np.concatenate([v for one in bands for v in (one.new_lo, one.new_hi)]))
    look.scale(axes, "x", log, whole_places(posterior, name))
    left, right = axes.get_xlim()
    ground(axes, low, high)
    axes.set_xlabel(look.axis_label(variable))
    axes.set_ylabel(look.axis_label(outcome.response))
    return log_y


def whole_places(posterior: Posterior, name: str) -> list[float]:
    """Where an axis of whole numbers has its ticks: at those of the rows, if they are few."""
    found = np.unique(posterior.columns[name])
    few = posterior.law.variable[name].quantity.unit in WHOLE and len(found) <= FEW
    return [float(x) for x in found] if few else []


def limits(axes: Axes, curve: Array, rows: Array, may: Array) -> bool:
    """Limits and scale of a response's axis: all of `curve` and `rows` is seen, and of `may` (light bands) what lies
    within half that range again. Log where the curves are positive and all spans a factor of five; what is not positive
    is then not seen. Whether it is the log.
    """
    curve, rows, may = (values[np.isfinite(values)] for values in (curve, rows, may))
    must = np.concatenate([curve, rows])
    positive = must[must > 0]
    log = bool(len(curve) and (curve > 0).all() and positive.max() > WIDE * positive.min())
    if log:
        must, may = np.log(positive), np.log(may[may > 0])
    if not len(must):
        return False
    low, high = float(must.min()), float(must.max())
    wide = (high - low) or abs(high) or 1.0
    low, high = (max(low - wide / 2, min([low, *may])), min(high + wide / 2, max([high, *may])))
    low, high = low - 0.04 * wide, high + 0.04 * wide
    axes.set_ylim(*(np.exp([low, high]) if log else (low, high)))
    look.scale(axes, "y", log)
    return log


def ground(axes: Axes, low: float, high: float) -> None:
    """Shade what lies outside the rows, and say so where there is room."""
    left, right = axes.get_xlim()
    place = axes.transData + axes.transAxes.inverted()
    share = [float(place.transform((x, axes.get_ylim()[0]))[0]) for x in (low, high)]
    for start, end, part, at in ((left, low, share[0], left), (high, right, 1 - share[1], high)):
        if part > 0.03:
            axes.axvspan(start, end, color=look.grey(0.06), lw=0, zorder=0)
        if part * look.inches(axes)[0] > 1.15:
            axes.annotate("beyond the data", (at, 0), (4, 4), xycoords=("data", "axes fraction"), zorder=1,
                          textcoords="offset points", fontsize=look.SMALL - 1, color=look.grey(0.55))  # fmt: skip
    axes.set_xlim(left, right)
