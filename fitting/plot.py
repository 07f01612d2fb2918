"""Pictures of predictions: the response against one variable, with bands, the rows beneath, and where they end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lawdsl.errors import AskError, Fault, OutsideError, Span, suggest
from lawdsl.figures import unframed

from .posterior import Posterior
from .predictions import Point, describe, predict, read_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: colours that people with any colour vision tell apart (Okabe & Ito 2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STEPS = 60
#: a row belongs to a curve if its other variables are this near to the curve's, as a factor
SAME = 1.05


def curves(
    posterior: Posterior, points: Iterable[Mapping[str, Any]], against: str | None = None, *, level: float = 0.9
) -> Figure:
    """The (first) response against a variable (by default that with the widest range among the rows), a curve a point.

    Each curve runs from the smallest row to the largest row or the point's own value, whichever is farther. Dark band:
    the law's mean; light band: a new observation, each at `level`. Rows whose other variables are the curve's are dots;
    beyond the rows the ground is grey. Raises: AskError for points that do not fit the law.
    """
    from matplotlib.figure import Figure as Canvas

    law, ranges = posterior.law, posterior.ranges
    name = against or max(ranges, key=lambda n: ranges[n][1] / max(ranges[n][0], 1e-300))
    if name not in ranges:
        cure = suggest(name, ranges)
        raise AskError(Fault("ASK002", Span(law.name), f"nothing can be drawn against '{name}'", cure))
    low, high = ranges[name]
    figure = Canvas(figsize=(7.2, 4.3), layout="constrained")
    axes = figure.add_subplot()
    every = [low, high]
    for colour, point in zip(COLOURS * 99, read_points(law, [{name: high, **one} for one in points]), strict=False):
        last = float(point[name])
        every.append(last)
        grid = np.geomspace(min(low, last), max(high, last), STEPS)
        every_response = predict(posterior, [{**point, name: float(x)} for x in grid], level=level)
        found = [one for one in every_response if one.response == law.response.name]
        label = describe({k: v for k, v in point.items() if k != name})
        axes.fill_between(grid, [p.new_lo for p in found], [p.new_hi for p in found], color=colour, alpha=0.12, lw=0)
        axes.fill_between(grid, [p.lo for p in found], [p.hi for p in found], color=colour, alpha=0.35, lw=0)
        axes.plot(grid, [p.median for p in found], color=colour, lw=1.6, label=label)
        near = _rows_of(posterior, point, name)
        axes.plot(
            posterior.columns[name][near],
            posterior.columns[law.response.name][near],
            ".",
            color=colour,
            ms=4,
            alpha=0.7,
        )
    axes.set_xscale("log")
    shown = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines if len(np.atleast_1d(line.get_ydata()))]
    if all((values > 0).all() for values in shown if len(values) == STEPS):
        positive = np.concatenate([values[values > 0] for values in shown])
        if positive.max() / positive.min() > 5:
            axes.set_yscale("log")
            axes.set_ylim(positive.min() / 2, positive.max() * 2)
    left, right = min(every), max(every)
    if right > high:
        axes.axvspan(high, right, color="0.94", zorder=0)
        axes.text(high, 0.02, " beyond the data", transform=axes.get_xaxis_transform(), fontsize=8, color="0.35")
    axes.set_xlim(left, right)
    quantity = law.variable[name].quantity
    axes.set_xlabel(f"{name} ({quantity})")
    axes.set_ylabel(f"{law.response.name} ({law.response.quantity})")
    axes.set_title(f"{law.title}: {level:.0%} bands", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(which="major", color="0.9", lw=0.6)
    unframed(axes)
    return figure


def _rows_of(posterior: Posterior, point: Point, against: str) -> np.ndarray:
    """Which rows lie on a curve: every other variable, and every level that is named, is the curve's."""
    keep = np.ones(len(posterior.columns[against]), bool)
    for name, value in point.items():
        if name == against:
            continue
        if isinstance(value, str):
            levels = posterior.factors[name]
            keep &= posterior.codes[name] == (levels.index(value) if value in levels else -1)
        else:
            ratio = posterior.columns[name] / value
            keep &= (ratio < SAME) & (ratio > 1 / SAME)
    return keep


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the form its ending says. Raises: OutsideError (FIT001) where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        message = f"the picture cannot be written: {reason}"
        raise OutsideError(Fault("FIT001", Span(str(path)), message, "Endings are .png, .svg and .pdf.")) from None
