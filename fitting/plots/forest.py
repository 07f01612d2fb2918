"""Constants: the fit's intervals beside those that the literature has, in pairs, and beside their priors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray

from lawdsl import look
from lawdsl.errors import AskError, Fault, Span, suggest
from lawdsl.law import Law, Value
from lawdsl.numbers import percent

from ..posterior import Posterior
from . import sheet
from .along import level_of

Array = NDArray[np.float64]

#: lines of one panel; of more levels, so many are drawn, evenly chosen
LEVELS = 12
#: how far, in the range of all numbers, a paper's interval is followed
ROOM = 1.5
#: constants of a picture of pairs; draws of each panel
PAIRED, DRAWS = 6, 1500
#: constants that range over more than this, as a factor, are drawn on the log
WIDE = 10.0


def constants(
    posterior: Posterior, names: Iterable[str] | None = None, *, level: float = 0.9, into: FigureBase | None = None
) -> Figure:
    """The posterior of every constant against every published set: a panel a constant.

    Points are posterior medians and published numbers; lines are intervals at `level` of the posterior (the thick part
    holds half), and what the paper gives of its own: an interval, or its standard error as one of that level; one that
    is too wide for the panel ends in an arrow. Of a constant with a value per level the levels are the lines, and
    published numbers stand in them.
    into: a figure or part of one to draw into.
    Raises: AskError (ASK061) for names that are no constants of the fit.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.constants(fitting.fit("chinchilla", rows, method="map"), ["alpha", "beta"])
    >>> [axes.get_title("left") for axes in figure.axes]
    ['alpha', 'beta']
    """
    level, chosen = level_of(posterior, level), _chosen(posterior, names)
    lines = {name: _lines(posterior, name) for name in chosen}
    longest = max((len(text) for rows in lines.values() for text, *_ in rows), default=1)
    heights = [0.62 + 0.19 * len(rows) for rows in lines.values()]
    figure, every = sheet.many(len(chosen), 3, (2.1 + 0.055 * min(longest, 24), 1.0), heights, into=into)
    for name, axes in zip(chosen, every, strict=True):
        _panel(axes, posterior, name, lines[name], level)
    papers = " and what papers have" if posterior.law.published else ""
    sheet.title(figure, posterior.law.title, f"constants of the fit{papers}, {percent(level)} intervals")
    return figure


def _chosen(posterior: Posterior, names: Iterable[str] | None) -> list[str]:
    known = sorted(posterior.draws, key=lambda name: posterior.draws[name].ndim)  # those with levels last
    if names is None:
        return known
    found = list(dict.fromkeys(names))
    faults = [
        Fault("ASK061", Span(posterior.law.name), f"'{name[:40]}' is no constant of the fit", suggest(name, known))
        for name in found
        if name not in known
    ]
    if faults or not found:
        raise AskError(
            faults or [Fault("ASK061", Span(posterior.law.name), "no constant is named", suggest("", known))]
        )
    return found


Line = tuple[str, Array | None, tuple[tuple[int, Value], ...]]


def _lines(posterior: Posterior, name: str) -> list[Line]:
    """The lines of a panel from the top: label, draws (None where only papers have it), and (set, number) beside."""
    law = posterior.law
    draws = posterior.flat[name]
    sets = list(enumerate(law.published))
    if draws.ndim == 1:
        lines: list[Line] = [("this fit", draws, ())]
        for i, one in sets:
            value = one.by_name.get(name)
            if isinstance(value, Value):
                lines.append((one.name, None, ((i, value),)))
            elif isinstance(value, dict):
                lines += [(f"{one.name} [{level}]", None, ((i, v),)) for level, v in list(value.items())[:LEVELS]]
        return lines
    labels = posterior.levels[name]
    kept = sorted({round(x) for x in np.linspace(0, len(labels) - 1, min(LEVELS, len(labels)))})
    found: list[Line] = []
    for k in kept:
        beside = []
        for i, one in sets:
            value = one.by_name.get(name)
            here = value if isinstance(value, Value) else (value or {}).get(labels[k])
            if here is not None:
                beside.append((i, here))
        found.append((labels[k], draws[:, k], tuple(beside)))
    return found


def _panel(axes: Axes, posterior: Posterior, name: str, lines: list[Line], level: float) -> None:
    ink = look.colour(0)
    spans = [np.quantile(d, [(1 - level) / 2, 0.25, 0.5, 0.75, (1 + level) / 2]) for _, d, _ in lines if d is not None]
    numbers = [value.value for _, _, beside in lines for _, value in beside]
    must = np.array([*np.ravel([[e[0], e[-1]] for e in spans]), *numbers])
    # a paper's interval may be so wide that all else would be a dot: then it ends in an arrow
    own = [end for _, _, beside in lines for _, value in beside for end in interval_of(value, level)]
    room = ROOM * float(np.ptp(must))
    may = [end for end in own if must.min() - room <= end <= must.max() + room and (end > 0 or must.min() <= 0)]
    across(axes, np.array([*must, *may]))
    left, right = axes.get_xlim()
    for place, (_, draws, beside) in enumerate(lines):
        if draws is not None:
            ends = spans.pop(0)
            if len(lines) > 1 and place == 0 and not beside and lines[1][1] is None:
                axes.axvspan(ends[0], ends[-1], color=look.grey(0.06), lw=0, zorder=0)
            axes.plot(ends[[0, -1]], [place] * 2, color=ink, lw=1.2, solid_capstyle="butt")
            axes.plot(ends[[1, 3]], [place] * 2, color=ink, lw=3.2, solid_capstyle="butt")
            axes.plot(ends[2], place, "o", color=ink, ms=4.5, mec=look.grey(0), mew=0.6)
        for i, value in beside:
            mark, shade = look.MARKS[(i + 1) % len(look.MARKS)], look.colour(i + 1)
            low, high = interval_of(value, level)
            axes.plot([max(low, left), min(high, right)], [place] * 2, color=shade, lw=1.2, solid_capstyle="butt")
            for end, arrow in ((left, "<"), (right, ">")):
                if (end == left and low < left) or (end == right and high > right):
                    axes.plot(end, place, arrow, color=shade, ms=4, mew=0, clip_on=False)
            axes.plot(value.value, place, mark, color=shade, ms=4.5, mec=look.grey(0), mew=0.6)
    axes.set_yticks(range(len(lines)), [look.label(text, 24) for text, *_ in lines], fontsize=look.SMALL - 0.5)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title(look.label(name, 30), fontsize=look.TEXT, loc="left", pad=3)


def interval_of(value: Value, level: float) -> tuple[float, float]:
    """A published number's own interval: as given, or from its standard error at `level`; itself where it has none."""
    if value.interval is not None:
        return value.interval
    if value.se is not None:
        from statistics import NormalDist

        half = NormalDist().inv_cdf((1 + level) / 2) * value.se
        return value.value - half, value.value + half
    return value.value, value.value


def across(axes: Axes, values: Array, few: int = 5) -> bool:
    """The x axis of a panel: linear, or log where its values are positive and range widely. Whether it is the log."""
    values = values[np.isfinite(values)]
    if not len(values):
        return False
    low, high = float(values.min()), float(values.max())
    log = low > 0 and high / low > WIDE
    if log:
        wide = (high / low) ** 0.06
        axes.set_xlim(low / wide, high * wide)
    else:
        wide = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
        axes.set_xlim(low - wide, high + wide)
    places = look.ticks(*axes.get_xlim(), log)
    look.scale(axes, "x", log, places[:: -(-len(places) // few)])
    return log


def pairs(posterior: Posterior, names: Iterable[str] | None = None) -> Figure:
    """The posterior of constants two by two: draws, and published numbers where they lie within the picture.

    names: by default the first six that stand in the equation and have one value. The diagonal has each alone.
    Raises: AskError (ASK061) for names that are no constants of the fit, or have a value per level.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.pairs(fitting.fit("chinchilla", rows, method="map"), ["E", "alpha", "beta"])
    >>> len(figure.axes)
    6
    """
    law, flat = posterior.law, posterior.flat
    single = [name for name, draws in flat.items() if draws.ndim == 1]
    if names is None:
        needed = law.needs(*(outcome.equation for outcome in law.outcomes))
        wanted = [name for name in single if name in needed][:PAIRED] or single[:PAIRED]
    else:
        wanted = _chosen(posterior, names)
        wrong = [name for name in wanted if name not in single]
        if wrong:
            cure = "Name constants that have one value: " + ", ".join(single[:8]) + "."
            raise AskError(Fault("ASK061", Span(law.name), f"'{wrong[0]}' has a value per level", cure))
    count = len(wanted)
    figure = sheet.sheet((1.55 * count + 0.6, 1.45 * count + 0.7))
    some = np.linspace(0, len(flat[wanted[0]]) - 1, min(DRAWS, len(flat[wanted[0]]))).astype(int)
    limits = {name: _limits(flat[name]) for name in wanted}
    for row, below in enumerate(wanted):
        for column, left in enumerate(wanted[: row + 1]):
            axes = figure.add_subplot(count, count, row * count + column + 1)
            look.dress(axes)
            if row == column:
                _alone(axes, flat[below])
            else:
                axes.plot(flat[left][some], flat[below][some], ".", color=look.colour(0), ms=1.6, mew=0, alpha=0.35)
                _marked(axes, law, left, below, limits)
                axes.set_ylim(*limits[below])
                look.scale(axes, "y", False, look.ticks(*limits[below], False)[::2])
            axes.set_xlim(*limits[left])
            look.scale(axes, "x", False, look.ticks(*limits[left], False)[::2])
            axes.grid(False)
            axes.tick_params(labelsize=look.SMALL - 1.5, labelbottom=row == count - 1, labelleft=column == 0 < row)
            axes.set_xlabel(look.label(left, 20) if row == count - 1 else "", fontsize=look.SMALL)
            axes.set_ylabel(look.label(below, 20) if column == 0 < row else "", fontsize=look.SMALL)
    figure.align_labels()
    sheet.title(figure, law.title, "constants in pairs")
    _key(figure, law, wanted)
    return figure


def _limits(draws: Array) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.002, 0.998])
    wide = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - wide), float(high + wide)


def _alone(axes: Axes, draws: Array) -> None:
    axes.hist(draws, bins=np.linspace(*_limits(draws), 31).tolist(), color=look.colour(0), alpha=0.35, lw=0)
    axes.axvline(float(np.median(draws)), color=look.colour(0), lw=1.2)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _pairs_of(law: Law, left: str, below: str) -> Iterator[tuple[int, float, float]]:
    for i, one in enumerate(law.published):
        x, y = one.by_name.get(left), one.by_name.get(below)
        if isinstance(x, Value) and isinstance(y, Value):
            yield i, x.value, y.value


def _marked(axes: Axes, law: Law, left: str, below: str, limits: dict[str, tuple[float, float]]) -> None:
    for i, x, y in _pairs_of(law, left, below):
        if limits[left][0] <= x <= limits[left][1] and limits[below][0] <= y <= limits[below][1]:
            axes.plot(x, y, look.MARKS[(i + 1) % len(look.MARKS)], color=look.colour(i + 1), ms=5, mec=look.grey(0),
                      mew=0.6)  # fmt: skip


def _key(figure: Figure, law: Law, wanted: list[str]) -> None:
    """Which mark is whose, in the empty corner; a set outside every panel is said to be there."""
    from matplotlib.lines import Line2D

    sets = [i for i, one in enumerate(law.published) if sum(n in one.by_name for n in wanted) > 1]
    if not sets or len(wanted) < 2:
        return
    shown = {
        (a.get_marker(), a.get_color()) for axes in figure.axes for a in axes.lines if a.get_marker() in look.MARKS
    }
    marks = []
    for i in sets:
        mark, shade = look.MARKS[(i + 1) % len(look.MARKS)], look.colour(i + 1)
        far = "" if (mark, shade) in shown else " (outside)"
        text = look.label(law.published[i].name, 22) + far
        marks.append(Line2D([], [], marker=mark, color=shade, ls="", ms=5, mec=look.grey(0), label=text))
    figure.legend(handles=marks, loc="upper right", frameon=False, fontsize=look.SMALL, bbox_to_anchor=(0.99, 0.93))


def priors(posterior: Posterior, names: Iterable[str] | None = None) -> Figure:
    """Every constant's prior (grey) and posterior, each drawn to its own height, and published numbers as marks below.

    Where both lie alike, the rows said nothing of that constant.
    Raises: AskError (ASK061) for names that are no constants of the fit, or a fit that keeps no prior (huber,
    bootstrap).

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.priors(fitting.fit("chinchilla", rows, method="map"), ["E", "alpha"])
    >>> [axes.get_title("left") for axes in figure.axes]
    ['E', 'alpha']
    """
    chosen = _chosen(posterior, names)
    if not posterior.prior:
        cure = "Fit with --method nuts or map."
        raise AskError(Fault("ASK061", Span(posterior.law.name), f"a {posterior.method} fit has no prior", cure))
    chosen = [name for name in chosen if name in posterior.prior]
    figure, every = sheet.many(len(chosen), 4, (1.9, 1.5))
    for name, axes in zip(chosen, every, strict=True):
        before, after = posterior.prior[name][0], posterior.flat[name]
        before, after = before.reshape(len(before), -1)[:, 0], after.reshape(len(after), -1)
        _both(axes, before, after, posterior.law, name)
        axes.set_title(look.label(name, 26), fontsize=look.TEXT, loc="left", pad=3)
    sheet.title(figure, posterior.law.title, "constants: prior (grey) and posterior (blue), each to its own height")
    return figure


def _both(axes: Axes, before: Array, after: Array, law: Law, name: str) -> None:
    ends = np.concatenate([np.quantile(before, [0.02, 0.98]), np.quantile(after, [0.002, 0.998])])
    log = across(axes, ends, 4)
    low, high = axes.get_xlim()
    edges = np.geomspace(low, high, 32) if log else np.linspace(low, high, 32)
    for draws, ink, alpha in ((before, look.grey(0.55), 0.35), *((one, look.colour(0), 0.45) for one in after.T[:8])):
        counts, _ = np.histogram(draws, edges)
        if counts.max() > 0:
            if len(after.T) == 1 or draws is before:
                axes.stairs(counts / counts.max(), edges, fill=True, color=ink, alpha=alpha, lw=0)
            axes.stairs(counts / counts.max(), edges, color=ink, lw=0.9)
    for i, one in enumerate(law.published):
        value = one.by_name.get(name)
        for v in (value,) if isinstance(value, Value) else (value or {}).values():
            if low <= v.value <= high:
                axes.plot(
                    v.value, -0.06, look.MARKS[(i + 1) % len(look.MARKS)], color=look.colour(i + 1), ms=3.6, mew=0
                )
    axes.set_ylim(-0.13, 1.08)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelsize=look.SMALL - 1)
