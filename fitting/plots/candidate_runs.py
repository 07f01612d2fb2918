"""A design: what each candidate run would teach against what it costs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lawdsl import look
from lawdsl.numbers import percent

from ..designing import Design
from . import sheet


def candidates(design: Design, *, title: str = "", ax: Axes | None = None) -> Figure:
    """The share (percent) by which each candidate run narrows the interval of the question, alone, against its cost;
    the batch is marked with the order of its choice, and the line joins the candidates that no other betters in both:
    the most information per FLOP at their cost. title: by default the question.
    """
    figure, axes = sheet.one(ax)
    cost = np.array([one.cost for one in design.candidates])
    share = 100 * np.array([one.shrinkage for one in design.candidates])
    axes.plot(cost, share, "o", color=look.grey(0.4), ms=3.6, mew=0, label="a candidate, alone")
    best = _unbettered(cost, share)
    if len(best) > 1:
        axes.plot(cost[best], share[best], color=look.grey(0.4), lw=0.9, zorder=1, label="none cheaper teaches as much")
    if design.batch:
        chosen = list(design.batch)
        words = f"the batch, in its order: {100 * design.shrinkage:.0f} % together"
        axes.plot(cost[chosen], share[chosen], "s", color=look.colour(1), ms=6, mec=look.grey(0), mew=0.6, label=words)
        placed: dict[tuple[float, float], list[str]] = {}
        for order, place in enumerate(chosen, start=1):
            placed.setdefault((float(cost[place]), float(share[place])), []).append(str(order))
        for at, orders in placed.items():
            axes.annotate(", ".join(orders), at, (5, 4), textcoords="offset points", fontsize=look.SMALL)
    wide = float(cost.max() / cost.min())
    axes.set_xlim(cost.min() / max(wide**0.06, 1.1), cost.max() * max(wide**0.06, 1.1))
    axes.set_ylim(0, 1.12 * float(share.max()) or 1.0)
    look.scale(axes, "x", wide > 1.3)
    look.scale(axes, "y", False)
    axes.set_xlabel("cost of the run (FLOP)")
    axes.set_ylabel(f"{percent(design.level)} interval narrower by (%)")
    axes.legend(frameon=False, fontsize=look.SMALL, loc="upper left", borderpad=0.2)
    look.heading(axes, look.label(title or design.question, 200),
                 look.label(f"what a run teaches of {design.question}" if title else "", 200))  # fmt: skip
    return figure


def _unbettered(cost: np.ndarray, share: np.ndarray) -> list[int]:
    found: list[int] = []
    for place in np.lexsort((-share, cost)):
        if not found or share[place] > share[found[-1]]:
            found.append(int(place))
    return found
