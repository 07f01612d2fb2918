"""A picture of a design: what each candidate run would teach against what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lawdsl.figures import unframed
from lawdsl.law import Law

from .designing import Design
from .plot import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture(law: Law, design: Design) -> Figure:
    """The share by which each candidate narrows the interval of the question (percent), against its cost; the batch is
    marked with the order of its choice."""
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(7.2, 4.3), layout="constrained")
    axes = figure.add_subplot()
    cost = np.array([one.cost for one in design.candidates])
    share = 100 * np.array([one.shrinkage for one in design.candidates])
    axes.plot(cost, share, ".", color="0.6", ms=6, label="candidates, each alone")
    if design.batch:
        chosen = list(design.batch)
        label = f"the batch: {100 * design.shrinkage:.0f} % together"
        axes.plot(cost[chosen], share[chosen], "o", color=COLOURS[1], ms=7, label=label)
        for order, place in enumerate(chosen, start=1):
            axes.annotate(
                str(order), (cost[place], share[place]), textcoords="offset points", xytext=(6, 4), fontsize=8
            )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("cost of the run (FLOP)")
    axes.set_ylabel(f"narrower {design.level:.0%} interval (%)")
    axes.set_title(f"{law.title}: {design.question}", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(which="major", color="0.9", lw=0.6)
    unframed(axes)
    return figure
