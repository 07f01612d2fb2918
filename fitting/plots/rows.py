"""What the rows say of the fit: residuals against every variable, and rows that the fit makes beside those it had."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray

from lawdsl import look
from lawdsl.errors import AskError, Fault, Span
from lawdsl.law import COUNTED, Outcome

from .. import ranks
from ..outcomes import transform
from ..posterior import Posterior, table_of
from ..predictions import draws_at, table_points
from . import sheet
from .along import limits, outcome_of, whole_places

Array = NDArray[np.float64]

#: normal noise lies within so many standard deviations in 95 rows of 100
NORMAL_95 = 1.96
#: replicates of the observations that are drawn as lines
LINES = 60
#: ranks of a row among replicates run from 0 to this; rows beyond so many are drawn by chance for the band's sake
RANKS, MOST = 99, 400
#: with which a right law leaves the band of ranks
RATE = 0.05
#: rows of a running median, at least
WINDOW = 12


def residuals(posterior: Posterior, *, response: str | None = None, into: FigureBase | None = None) -> Figure:
    """What the law leaves of every row, in standard deviations of a new observation there, against every variable and
    against the law's own value: (observed - median)/sd on the scale of the noise. The line is a running median; within
    the grey band lie 95 of 100 rows where the noise is normal. into: a figure or part of one to draw into.

    A line that strays is an effect the law does not hold. Raises: AskError (ASK002) for an unknown response.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.residuals(fitting.fit("chinchilla", rows, method="map"))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['N (total parameters)', 'D (tokens)', 'L by the law (nats/token)']
    """
    law, outcome = posterior.law, outcome_of(posterior, response)
    observed, middle, z = _standardized(posterior, outcome)
    seen = np.isfinite(z)
    moving = [n for n in law.inputs if posterior.ranges[n][0] < posterior.ranges[n][1]]
    across = 2 if len(moving) == 3 else 3
    figure, every = sheet.many(len(moving) + 1, across, (2.7 if across == 3 else 3.4, 2.2), into=into)
    if not seen.any():
        message = f"no row of {outcome.response.name} has a residual"
        raise AskError(Fault("ASK061", Span(law.name), message, "The noise at the rows is zero or not finite."))
    bottom, top = min(-3.0, 1.08 * float(z[seen].min())), max(3.0, 1.08 * float(z[seen].max()))
    for i, (axes, name) in enumerate(zip(every, [*moving, ""], strict=True)):
        x = posterior.columns[name] if name else middle
        axes.axhspan(-NORMAL_95, NORMAL_95, color=look.grey(0.07), lw=0, zorder=0)
        axes.axhline(0, color=look.grey(0.45), lw=0.7, zorder=1)
        axes.plot(x[seen], z[seen], "o", color=look.colour(0), ms=3, mec=look.grey(0), mew=0.3, alpha=0.75, zorder=2)
        at, line = _running(x[seen], z[seen])
        axes.plot(at, line, color=look.colour(1), lw=1.5, zorder=3)
        low, high = float(np.nanmin(x[seen])), float(np.nanmax(x[seen]))
        if name:
            log, places = look.log_scaled(law.variable[name], low, high), whole_places(posterior, name)
        else:
            log, places = bool(low > 0 and high / low > 5), []
        pad = (high / low) ** 0.04 if log else 0.04 * (high - low) or 0.5 * abs(high) or 1.0
        axes.set_xlim(*((low / pad, high * pad) if log else (low - pad, high + pad)))
        places = places or look.ticks(*axes.get_xlim(), log)
        look.scale(axes, "x", log, places if len(places) < 6 else places[::2])
        axes.set_ylim(bottom, top)
        look.scale(axes, "y", False)
        unit = f"{outcome.response.name} by the law ({outcome.response.quantity})"
        words = look.axis_label(law.variable[name]) if name else unit
        axes.set_xlabel(look.label(words.replace("\\$", "$"), 36 if across == 3 else 46), fontsize=look.SMALL)
        axes.set_ylabel("residual (sd)" if i % across == 0 else "", fontsize=look.SMALL)
    sheet.title(figure, law.title, f"residuals of {int(seen.sum())} rows; the line is a running median")
    return figure


def _standardized(posterior: Posterior, outcome: Outcome) -> tuple[Array, Array, Array]:
    """Observations and the law's median in the response's unit, and residuals in sd, NaN where nothing was seen."""
    name = outcome.response.name
    observed = posterior.columns[name]
    (found,) = [one for one in draws_at(posterior, table_points(table_of(posterior))) if one[0] == name]
    middle = np.median(found[1], axis=0)
    with np.errstate(all="ignore"):
        if posterior.residuals is not None:
            left = posterior.residuals[name]
            scale = 1.4826 * np.nanmedian(np.abs(left - np.nanmedian(left)))
            return observed, middle, left / (scale or 1.0)
        replicas = posterior.predictive.get("posterior", {}).get(name, found[2])
        on = (lambda v: v) if outcome.noise.family in COUNTED else lambda v: transform(outcome.noise, v)
        drawn = on(replicas)
        low, half, high = np.nanquantile(np.where(np.isfinite(drawn), drawn, np.nan), [0.1587, 0.5, 0.8413], axis=0)
        sd = np.where(high > low, (high - low) / 2, np.nan)
        return observed, middle, (on(observed) - half) / sd


def _running(x: Array, z: Array) -> tuple[Array, Array]:
    """A running median over rows in the order of x; where few values come again, the median at each."""
    values, group = np.unique(x, return_inverse=True)
    if len(values) <= max(2, len(x) // 4):
        return values, np.array([np.median(z[group == i]) for i in range(len(values))])
    order = np.argsort(x, kind="stable")
    width = max(WINDOW, len(x) // 8)
    if len(x) < 2 * width:
        return np.array([]), np.array([])
    starts = np.linspace(0, len(x) - width, 40).astype(int)
    parts = [order[start : start + width] for start in np.unique(starts)]
    return np.array([np.median(x[p]) for p in parts]), np.array([np.median(z[p]) for p in parts])


def predictive(
    posterior: Posterior, *, kind: Literal["posterior", "prior"] = "posterior", response: str | None = None
) -> Figure:
    """Predictive checks, three panels: how the observations are distributed beside replicates of them; each row against
    what is predicted of it, with 90 % intervals; and the ranks of the rows among their replicates, less uniform ones,
    in the band that a right law keeps to in 95 tables of 100 (arXiv 2103.10522).

    kind: replicates by the posterior, or by the prior alone, before the rows were seen.
    Raises: AskError (ASK061) for a fit that has no such replicates (huber, bootstrap), ASK002 for a response.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.predictive(fitting.fit("chinchilla", rows, method="map"))
    >>> len(figure.axes)
    3
    """
    outcome = outcome_of(posterior, response)
    if kind not in posterior.predictive:
        message = f"a {posterior.method} fit keeps no replicates of its rows by the {kind}"
        raise AskError(Fault("ASK061", Span(posterior.law.name), message, "Fit with --method nuts or map."))
    name = outcome.response.name
    seen = np.isfinite(posterior.columns[name])
    observed, drawn = posterior.columns[name][seen], posterior.predictive[kind][name][:, seen]
    figure, (left, middle, right) = sheet.many(3, 3, (2.9, 2.5))
    _distributions(left, observed, drawn, outcome)
    held = _against(middle, observed, drawn, outcome)
    _ranked(right, observed, drawn, posterior.provenance.seed)
    told = f"90 % intervals hold {100 * held:.0f} % of {len(observed)} rows"
    sheet.title(figure, posterior.law.title, f"{kind} predictive checks; {told}")
    return figure


def _distributions(axes: Axes, observed: Array, drawn: Array, outcome: Outcome) -> None:
    share = np.arange(1, len(observed) + 1) / len(observed)
    some = drawn[np.linspace(0, len(drawn) - 1, min(LINES, len(drawn))).astype(int)]
    finite = some[np.isfinite(some)]
    near, far = np.quantile(observed, [0.05, 0.95])
    log = bool(near > 0 and far > 5 * near)
    if log:
        finite = finite[finite > 0]
        lowest, most = float(observed[observed > 0].min()), float(observed.max())
        low, high = np.quantile(finite, [0.01, 0.999]) if len(finite) else (lowest, most)
        low, high = max(lowest / 10, min(low, lowest)), min(most * 10, max(high, most))
    else:
        wide = float(np.ptp(observed)) or abs(float(observed[0])) or 1.0
        low, high = np.quantile(finite, [0.005, 0.995]) if len(finite) else (near, far)
        low, high = max(low, float(observed.min()) - wide), min(high, float(observed.max()) + wide)
        low, high = min(low, float(observed.min())), max(high, float(observed.max()))
    for line in some:
        axes.step(np.sort(line), share, where="post", color=look.colour(0), lw=0.6, alpha=0.18, rasterized=True)
    axes.step(np.sort(observed), share, where="post", color=look.grey(1), lw=1.4)
    axes.set_xlim(low, high if high > low else low + 1)
    if log:
        axes.set_xscale("log")
    places = look.ticks(*axes.get_xlim(), log)
    look.scale(axes, "x", log, places if len(places) < 6 else places[::2])
    axes.set_ylim(0, 1)
    look.scale(axes, "y", False)
    axes.set_xlabel(look.axis_label(outcome.response), fontsize=look.SMALL)
    axes.set_ylabel("share of rows below", fontsize=look.SMALL)
    axes.set_title("rows (black) and replicates", fontsize=look.SMALL, loc="left", pad=4)


def _against(axes: Axes, observed: Array, drawn: Array, outcome: Outcome) -> float:
    with np.errstate(all="ignore"):
        lo, half, hi = np.nanquantile(np.where(np.isfinite(drawn), drawn, np.nan), [0.05, 0.5, 0.95], axis=0)
    inside = (lo <= observed) & (observed <= hi)
    for flag, ink in ((inside, look.colour(0)), (~inside, look.colour(1))):
        axes.vlines(observed[flag], lo[flag], hi[flag], color=ink, lw=0.8, alpha=0.5)
        axes.plot(
            observed[flag], half[flag], "o" if ink == look.colour(0) else "D", color=ink, ms=2.6, mew=0, alpha=0.9
        )
    log = limits(axes, np.abs(half) if (half < 0).any() and (observed > 0).all() else half, observed,
                 np.concatenate([lo, hi]))  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_xlim(low, high)
    places = look.ticks(low, high, log)
    for which in ("x", "y"):
        look.scale(axes, which, log, places if len(places) < 6 else places[::2])
    axes.plot([low, high], [low, high], color=look.grey(0.45), lw=0.7, zorder=1)
    name = outcome.response.name
    axes.set_xlabel(look.label(f"{name} observed"), fontsize=look.SMALL)
    axes.set_ylabel(look.label(f"{name} replicated"), fontsize=look.SMALL)
    axes.set_title("each row, 90 % interval", fontsize=look.SMALL, loc="left", pad=4)
    return float(inside.mean())


def _ranked(axes: Axes, observed: Array, drawn: Array, seed: int) -> None:
    random = np.random.default_rng([seed, 11])
    rows = np.arange(len(observed)) if len(observed) <= MOST else random.choice(len(observed), MOST, replace=False)
    some = drawn[np.linspace(0, len(drawn) - 1, RANKS).astype(int)][:, rows]
    ties = (some == observed[rows]).sum(axis=0)
    found = (some < observed[rows]).sum(axis=0) + random.integers(ties + 1)
    rank_panel(axes, found, RANKS, RATE, look.colour(0))
    axes.set_xlabel("rank among replicates, as a share", fontsize=look.SMALL)
    axes.set_ylabel("share of ranks below, less its own", fontsize=look.SMALL)
    axes.set_title("ranks", fontsize=look.SMALL, loc="left", pad=4)


def rank_panel(axes: Axes, found: NDArray[np.int64], most: int, rate: float, ink: str) -> None:
    """The empirical distribution of ranks 0..`most` minus the uniform one, in the band that uniform ranks keep to at
    every rank at once but for a probability of `rate`.
    """
    size = len(found)
    low, high = ranks.band(size, most, rate)
    places = np.arange(1, most + 1) / (most + 1)
    below = np.array([np.count_nonzero(found < rank) for rank in range(1, most + 1)])
    axes.fill_between(places, low / size - places, high / size - places, step="mid", color=look.grey(0.1), lw=0)
    axes.step(places, below / size - places, where="mid", color=ink, lw=1.3)
    axes.axhline(0, color=look.grey(0.45), lw=0.7, zorder=1)
    axes.set_xlim(0, 1)
    look.scale(axes, "x", False, [0, 0.5, 1])
    top = 1.1 * float(np.abs(np.concatenate([low / size - places, high / size - places, below / size - places])).max())
    axes.set_ylim(-top, top)
    edge = look.ticks(-top, top, False)
    look.scale(axes, "y", False, edge if len(edge) < 6 or math.isclose(top, 0) else edge[::2])
