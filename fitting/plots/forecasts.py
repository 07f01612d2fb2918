"""How forecasts fared: coverage of intervals by distance, and every forecast's error with its interval."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lawdsl import look
from lawdsl.curves import brief
from lawdsl.errors import AskError, Fault, Span
from lawdsl.numbers import percent

from ..backtesting import Backtest
from ..posterior import Posterior
from ..reliability import Reliability
from ..scores import LEVELS
from . import sheet
from .along import limits


def backtests(told: Backtest | Posterior, *, response: str | None = None) -> Figure:
    """Coverage: the share of forecasts that intervals of 50, 80, 90 and 95 % held, by how far out they lay; lines at
    what they promise, filled marks for the intervals as they are used (widened where that was needed), hollow for plain
    ones. Of a backtest also every forecast: observed over forecast, and its 90 % interval, against decades beyond the
    cut. Of a fit that was backtested the coverage alone.

    response: by default the first. Raises: AskError (ASK061) for a fit that was not backtested.
    """
    reliability = told.reliability
    if reliability is None:
        cure = "lawdsl backtest FIT"
        raise AskError(Fault("ASK061", Span(told.law.name), "nothing was backtested of this fit", cure))
    name = response or told.law.response.name
    hollow = "; hollow: plain intervals, filled: as widened" if reliability.widens(name) else ""
    whole = isinstance(told, Backtest)
    figure, every = sheet.many(1 + whole, 2, (4.0, 3.3) if whole else (5.2, 3.5))
    _coverage(every[0], reliability, name)
    if isinstance(told, Backtest):
        _errors(every[1], told, name)
    sheet.title(figure, told.law.title, f"forecasts of {name} beyond cuts of {reliability.frontier}{hollow}")
    return figure


def _coverage(axes: Axes, reliability: Reliability, name: str) -> None:
    found = [one for one in reliability.found if one.response == name]
    widened = reliability.widens(name)
    for i, level in enumerate(LEVELS):
        ink = look.colour(i)
        axes.axhline(level, color=ink, lw=0.8, ls=(0, (2, 2)))
        if widened:
            axes.plot(range(len(found)), [one.plain[level] for one in found], look.MARKS[i], ms=5, mfc="none",
                      mec=ink, mew=1)  # fmt: skip
        used = [one.widened.get(level, one.plain[level]) if widened else one.plain[level] for one in found]
        axes.plot(range(len(found)), used, look.MARKS[i] + "-", color=ink, lw=1, ms=5, mec=look.grey(0), mew=0.5)
    look.beside(axes, [(level, percent(level), look.colour(i)) for i, level in enumerate(LEVELS)])
    axes.set_xlim(-0.4, max(1, len(found)) - 0.6)
    axes.set_ylim(-0.03, 1.03)
    look.scale(axes, "y", False)
    words = [_words(one.decades) + f"\n{one.rows} rows" for one in found]
    axes.set_xticks(range(len(found)), words, fontsize=look.SMALL - 1)
    axes.set_ylabel("share of forecasts inside", fontsize=look.SMALL)
    axes.set_xlabel("decades beyond the rows", fontsize=look.SMALL)


def _words(decades: tuple[float, float]) -> str:
    low, high = decades
    return f"> {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"


def _errors(axes: Axes, told: Backtest, name: str) -> None:
    mine = [one for one in told.forecasts if one.response == name]
    form = "widened" if any("widened" in one.marks for one in mine) else "plain"
    place = LEVELS.index(0.9)
    seen, ends, far = [], [], [0.0]
    for i, one in enumerate(mine):
        marks = one.marks[form]
        good = np.isfinite(marks.median) & (marks.median != 0)
        x, middle = one.distance[good], marks.median[good]
        shift, lo, hi = (np.asarray(v[good] / middle) for v in (marks.observed, marks.lo[place], marks.hi[place]))
        ink = look.colour(i)
        axes.vlines(x, np.minimum(lo, hi), np.maximum(lo, hi), color=ink, lw=0.7, alpha=0.3)
        axes.plot(x, shift, look.MARKS[i % len(look.MARKS)], color=ink, ms=3, mew=0, alpha=0.85,
                  label=f"{brief(10**one.cut)} ({one.below} rows)")  # fmt: skip
        seen.append(shift)
        ends += [lo, hi]
        far.append(float(x.max()) if len(x) else 0.0)
    axes.axhline(1, color=look.grey(0.5), lw=0.7, zorder=1)
    limits(axes, np.array([1.0]), np.concatenate(seen), np.concatenate(ends))
    axes.set_xlim(-0.03 * max(far), 1.03 * max(far) or 1.0)
    look.scale(axes, "x", False)
    axes.set_xlabel(look.label(f"decades of {told.frontier} beyond the cut"), fontsize=look.SMALL)
    axes.set_ylabel(f"{look.label(name)} observed / forecast", fontsize=look.SMALL)
    axes.legend(frameon=False, fontsize=look.SMALL - 1.5, loc="center left", bbox_to_anchor=(1.0, 0.5), title="cut",
                title_fontsize=look.SMALL - 1, handletextpad=0.1)  # fmt: skip
