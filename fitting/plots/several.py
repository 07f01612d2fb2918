"""Several fits or numbers side by side: laws with their average, what moved between two fits, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lawdsl import look
from lawdsl.curves import brief
from lawdsl.errors import AskError, Fault, Span
from lawdsl.law import Law
from lawdsl.numbers import percent

from ..answers import answer_draws
from ..comparing import average, distinct
from ..differences import Difference
from ..means import thinned
from ..posterior import Posterior
from ..predictions import read_points
from . import sheet
from .along import Band, band, draw_band, ground, level_of, limits
from .forest import across
from .settings import GROWING, against_of, rows_of, settings

#: points of a law's curve and of the average; what is drawn of a long list; draws of an answer
STEPS, MIXED, MOST, DRAWS = 60, 24, 24, 1000


def comparison(
    fits: Sequence[Posterior], weights: Sequence[float] | None = None, *, at: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None, against: str | None = None, level: float = 0.9, ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Curves of several fits to the same rows, each with the band of its mean at `level`, and with `weights` (of
    `fitting.compare`) their average in black.

    at: the setting of the other variables; what it says of the variable drawn against is where the curves end. Unless
    given, where most rows of the first fit lie, and a decade beyond them.
    Raises: AskError for a point that does not fit the laws.
    """
    first, titles = fits[0], list(names) if names is not None else distinct([one.law.name for one in fits])
    level, name = level_of(first, level), against_of(first, against)
    low, high = first.ranges[name]
    given = dict(at or {})
    end = float(read_points(first.law, [{**{n: r[1] for n, r in first.ranges.items()}, **_own(first, given)}])[0][name])
    if name not in given:
        end = high * 10 if first.law.variable[name].quantity.unit in GROWING else high
    base = {**settings(first, name, 1)[0], **given}
    figure, axes = sheet.one(ax)
    left, right = min(low, end), max(high, end)
    log = look.log_scaled(first.law.variable[name], left, right)
    grid = np.unique(np.append((np.geomspace if log else np.linspace)(left, right, STEPS), high))
    bands, labels = [], []
    for i, (fit, title) in enumerate(zip(fits, titles, strict=True)):
        x = name if name in fit.law.inputs else None
        other = settings(fit, x, 1)[0] if x is not None else {}
        own = _own(fit, {**other, **base})
        points = [{**own, name: float(v)} if x is not None else own for v in grid]
        one = band(fit, read_points(fit.law, points), x or fit.law.inputs[0], fit.law.response.name, level)
        one = Band(grid, one.median, one.lo, one.hi, one.new_lo, one.new_hi, one.beyond)
        bands.append(one)
        draw_band(axes, one, look.colour(i), new=False)
        share = f" ({weights[i]:.2f})" if weights is not None else ""
        labels.append((float(one.median[-1]), look.label(title, 24) + share, look.colour(i)))
    if weights is not None and len(fits) > 1:
        some = grid[np.unique(np.linspace(0, len(grid) - 1, MIXED).astype(int))]
        union = {n: v for fit in fits for n, v in settings(fit, against_of(fit), 1)[0].items()}
        mixed = average(fits, weights, [{**union, **base, name: float(v)} for v in some], level=level)
        found = [one.average for one in mixed if one.average.response == first.law.response.name]
        axes.plot(some, [one.median for one in found], color=look.grey(1), lw=1.4, ls=(0, (1, 1)), zorder=5)
        labels.append((found[-1].median, "their average", look.grey(1)))
    point = read_points(first.law, [{**_own(first, base), name: high}])[0]
    observed = first.columns[first.law.response.name]
    near = rows_of(first, point, name) & np.isfinite(observed)
    axes.plot(first.columns[name][near], observed[near], "o", color=look.grey(0.35), ms=3.4, mew=0, zorder=4)
    axes.set_xlim(*((left / 1.05, right * 1.05) if log else (left, right)))
    limits(axes, np.concatenate([v for one in bands for v in (one.median, one.lo, one.hi)]), observed[near],
           np.array([]))  # fmt: skip
    look.scale(axes, "x", log)
    ground(axes, low, high)
    look.beside(axes, labels)
    axes.set_xlabel(look.axis_label(first.law.variable[name]))
    axes.set_ylabel(look.axis_label(first.law.response))
    held = ", ".join(f"{n} = {v if isinstance(v, str) else brief(v)}" for n, v in point.items() if n != name)
    told = f"{percent(level)} bands of each law's mean" + ("; weights in brackets" if weights is not None else "")
    look.heading(axes, f"{len(fits)} laws on the same rows", look.label(f"{held}; {told}" if held else told, 300))
    return figure


def _own(fit: Posterior, point: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in point.items() if n in fit.law.inputs or n in fit.law.grouping}


def moves(found: Difference, *, ax: Axes | None = None) -> Figure:
    """How far parameters, predictions and answers moved from one fit to another, in pooled standard deviations; the
    grey band is one either way. Of more than 24 those that moved farthest.
    """
    kinds = (("parameter", found.parameters), ("prediction", found.predictions), ("answer", found.answers))
    every = [(kind, one) for kind, shifts in kinds for one in shifts if np.isfinite(one.sds)]
    if not every:
        raise AskError(Fault("ASK061", Span(), "the fits have no number in common", "Compare fits of related laws."))
    kept = sorted(range(len(every)), key=lambda i: -abs(every[i][1].sds))[:MOST]
    shown = [every[i] for i in sorted(kept)]
    figure, axes = sheet.one(ax, (6.4, 0.9 + 0.21 * len(shown)))
    axes.axvspan(-1, 1, color=look.grey(0.07), lw=0)
    axes.axvline(0, color=look.grey(0.5), lw=0.7)
    for i, (kind, _) in enumerate(kinds):
        rows = [n for n, (of, _) in enumerate(shown) if of == kind]
        x = [shown[n][1].sds for n in rows]
        axes.hlines(rows, 0, x, color=look.colour(i), lw=1)
        axes.plot(x, rows, look.MARKS[i], color=look.colour(i), ms=5, mec=look.grey(0), mew=0.5, label=kind)
    axes.set_yticks(range(len(shown)), [look.label(one.name, 44) for _, one in shown], fontsize=look.SMALL - 0.5)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    most = 1.1 * max(1.5, *(abs(one.sds) for _, one in shown))
    axes.set_xlim(-most, most)
    look.scale(axes, "x", False)
    axes.set_xlabel("moved from the first fit to the second (sd)")
    look.heading(axes, "What moved between two fits",
                 "; ".join(f"{kind}s: {'●■▲'[i]}" for i, (kind, shifts) in enumerate(kinds) if shifts))  # fmt: skip
    return figure


def answers(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None = None, *, level: float = 0.9
) -> Figure:
    """The answers to one of the law's questions, as the draws have them: a panel each, with median and interval.

    Raises: as `fitting.ask`; AskError (ASK061) where no draw has an answer.
    """
    level = level_of(posterior, level)
    found = answer_draws(posterior, question, given, thinned(posterior, DRAWS))
    each = {name: draws[np.isfinite(draws)] for name, draws in ((n, np.ravel(d)) for n, d in found.items())}
    each = {name: draws for name, draws in each.items() if len(draws)}
    if not each:
        cure = "Ask within the rows' reach, or see `lawdsl ask`."
        raise AskError(Fault("ASK061", Span(posterior.law.name), "no draw has an answer", cure))
    figure, every = sheet.many(len(each), 3, (2.8, 1.9))
    for (name, draws), axes in zip(each.items(), every, strict=True):
        log = across(axes, np.quantile(draws, [0.003, 0.997]), 4)
        edges = (np.geomspace if log else np.linspace)(*axes.get_xlim(), 36)
        counts, _ = np.histogram(draws, edges)
        axes.stairs(counts, edges, fill=True, color=look.colour(0), alpha=0.35, lw=0)
        lo, middle, hi = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
        top = float(counts.max())
        axes.plot([lo, hi], [-0.07 * top] * 2, color=look.colour(0), lw=2, solid_capstyle="butt")
        axes.plot(middle, -0.07 * top, "o", color=look.colour(0), ms=5, mec=look.grey(0), mew=0.6)
        axes.set_ylim(-0.14 * top, 1.05 * top)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(_named(posterior.law, name), fontsize=look.SMALL)
    told = ", ".join(f"{n} = {v}" for n, v in (given or {}).items())
    asked = f"{question}, {told}" if told else question
    sheet.title(figure, posterior.law.title, f"{asked}: {percent(level)} intervals")
    return figure


def _named(law: Law, name: str) -> str:
    if name in law.variable:
        return look.axis_label(law.variable[name])
    return look.axis_label(law.outcome[name].response) if name in law.outcome else look.label(name.replace("_", " "))
