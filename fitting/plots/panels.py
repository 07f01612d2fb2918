"""Degradation in panels, as papers on low bits draw it: against tokens, by bits and by model size."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from lawdsl import look
from lawdsl.curves import brief
from lawdsl.errors import AskError, Fault, Span
from lawdsl.numbers import percent

from ..cost import of_unit
from ..posterior import Posterior
from . import sheet
from .along import STEPS, Values, band, draw_band, ground, level_of, limits
from .settings import _commonest, _level, _middle, _spread, needed_factors, rows_of

#: panels, and curves of each
PANELS, CURVES = 4, 5


def degradation(
    posterior: Posterior, *, panels: Literal["bits", "size"] = "bits", level: float = 0.9, beyond: float = 1.0
) -> Figure:
    """The response against training tokens: a panel for every number of bits and a curve for every model size, or the
    other way round (`panels="size"`), for `beyond` decades past the rows. Dark band: the law's mean at `level`.

    Raises: AskError (ASK061) for a law without tokens, sizes and bits.
    """
    law, level = posterior.law, level_of(posterior, level)
    size, tokens, bits = (of_unit(law, unit) for unit in ("parameters", "tokens", "bits"))
    if size is None or tokens is None or bits is None:
        message = f"{law.name} has no model size, tokens and bits"
        raise AskError(Fault("ASK061", Span(law.name), message, "Draw one variable: fitting.plots.curves."))
    outer, inner = (bits, size) if panels == "bits" else (size, bits)
    held = [n for n in law.inputs if n not in (size, tokens, bits)]
    rows = _commonest(posterior, held)
    base: Values = {n: _middle(posterior.columns[n][rows]) for n in held}
    base |= {name: _level(posterior, name, rows) for name in needed_factors(posterior)}
    low, high = posterior.ranges[tokens]
    grid = np.unique(np.append(np.geomspace(low, high * 10**beyond, STEPS), high))
    name = law.response.name
    observed = posterior.columns[name]
    shown = _spread(posterior.columns[outer][rows], PANELS)
    figure, every = sheet.many(len(shown), len(shown), (2.7, 3.0))
    drawn = []
    inside = _spread(posterior.columns[inner][rows], CURVES)
    for axes, value in zip(every, shown, strict=True):
        for i, other in enumerate(inside):
            points = [{**base, outer: value, inner: other, tokens: float(x)} for x in grid]
            one = band(posterior, points, tokens, name, level)
            drawn.append(one)
            draw_band(axes, one, look.colour(i), new=False)
            near = rows_of(posterior, points[0], tokens) & np.isfinite(observed)
            axes.plot(posterior.columns[tokens][near], observed[near], look.MARKS[i % len(look.MARKS)], ms=3.4, mew=0.3,
                      color=look.colour(i), mec=look.grey(0), zorder=4, label=f"{inner} = {brief(other)}")  # fmt: skip
    tight = np.concatenate([v for one in drawn for v in (one.median, one.lo, one.hi)])
    every[0].set_xlim(grid[0] / 1.1, grid[-1] * 1.1)
    limits(every[0], tight, observed[np.isfinite(observed)], np.array([]))
    for i, (axes, value) in enumerate(zip(every, shown, strict=True)):
        axes.set_xlim(grid[0] / 1.1, grid[-1] * 1.1)
        axes.set_yscale(every[0].get_yscale())
        axes.set_ylim(every[0].get_ylim())
        look.scale(axes, "x", True, look.ticks(*axes.get_xlim(), True)[::2])
        look.scale(axes, "y", every[0].get_yscale() == "log")
        ground(axes, low, high)
        axes.set_title(look.label(f"{outer} = {brief(value)}", 30), fontsize=look.TEXT, loc="left", pad=4)
        axes.set_xlabel(look.axis_label(law.variable[tokens]), fontsize=look.SMALL)
        axes.set_ylabel(look.axis_label(law.response) if i == 0 else "", fontsize=look.SMALL)
    every[-1].legend(frameon=False, fontsize=look.SMALL, loc="center left", bbox_to_anchor=(1.0, 0.5))
    told = f"{percent(level)} bands of the law's mean; dashed beyond the rows"
    sheet.title(figure, law.title, told)
    return figure
