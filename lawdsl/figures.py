"""One figure a law: the response over its main variable, a curve a value of the second, the regime shaded.

The bytes depend on the law and on matplotlib's version. So a figure carries `stamp`, a digest of all that decides what
it shows, and pages and tests compare stamps: a new matplotlib changes no page.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from typing import TYPE_CHECKING

from .curves import Picture, Plan, brief
from .published import values_of
from .render import definitions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: raise it when the figure's looks change: every stamp changes with it
LOOKS = 1
#: how much of the range, on the scale of the axis, is drawn beyond either end of it
BEYOND = 0.25
#: colours that people with any colour vision tell apart (Okabe & Ito 2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
#: inches
SIZE = (6.4, 3.4)
#: characters of a label that the legend has room for
LONGEST = 18
_STAMP = re.compile(r"stamp:([0-9a-f]{16})")
#: numbers a person would put at an axis, by the leading digit
_STEPS = (1.0, 2.0, 5.0)


def stamp(plan: Plan) -> str:
    """A digest of what decides the figure: expressions, constants, points, names, units, and its looks."""
    law = plan.law
    shown = {
        "looks": LOOKS,
        "caption": plan.caption,
        "expressions": {name: str(tree) for name, tree in definitions(law)},
        "tied": {p.name: str(p.tied) for p in law.parameters if p.tied is not None},
        "constants": [sorted(values_of(law, plan.set, dict(point)).items()) for _, point in plan.points],
        "points": plan.points,
        "columns": [(name, str(tree)) for name, tree in plan.columns],
        "grid": [plan.variable.name, f"{plan.grid[0]:.9g}", f"{plan.grid[-1]:.9g}", len(plan.grid), plan.log],
        "regime": plan.variable.range,
        "words": [plan.varied, str(plan.variable.quantity), law.response.name, str(law.response.quantity)],
    }
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def stamp_of(svg: bytes) -> str | None:
    """The stamp that a figure carries."""
    match = _STAMP.search(svg.decode("utf-8", "replace"))
    return match[1] if match else None


def svg(picture: Picture) -> bytes:
    """The figure as SVG: the same bytes for the same picture and matplotlib."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    plan = picture.plan
    with matplotlib.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": plan.law.name, "font.size": 9, "font.family": "sans-serif"}
    ):
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": None, "Title": plan.caption, "Identifier": f"stamp:{stamp(plan)}"}
        FigureCanvasSVG(figure(picture)).print_svg(out, metadata=metadata)  # type: ignore[no-untyped-call]
    return b"\n".join(line.rstrip() for line in out.getvalue().splitlines()) + b"\n"


def figure(picture: Picture) -> Figure:
    """The response along each curve; the ground of the regime is shaded."""
    from matplotlib.figure import Figure as Canvas

    plan, law = picture.plan, picture.plan.law
    drawing = Canvas(figsize=SIZE)
    axes = drawing.add_axes((0.125, 0.15, 0.655, 0.80))
    for colour, (label, _), curve in zip(COLOURS, plan.points, picture.curves, strict=False):
        shown = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
        axes.plot(plan.grid, curve, color=colour, lw=1.6, label=shown)
    axes.set_xlim(plan.grid[0], plan.grid[-1])
    if plan.variable.range is not None:
        axes.axvspan(*plan.variable.range, color="0.94", lw=0, zorder=0)
    _scale(axes, "x", plan.log)
    _scale(axes, "y", picture.log)
    axes.set_xlabel(f"{plan.variable.name} ({plan.variable.quantity})")
    axes.set_ylabel(f"{law.response.name} ({law.response.quantity})")
    if plan.varied:
        axes.legend(title=plan.varied, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=1.2,
                    borderpad=0.2, fontsize=8, title_fontsize=8, alignment="left")  # fmt: skip
    unframed(axes)
    return drawing


def unframed(axes: Axes) -> None:
    """Leave of a frame the two axes."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _scale(axes: Axes, which: str, log: bool) -> None:
    """A linear or log axis with few ticks, written as the field writes numbers."""
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    if log:
        getattr(axes, f"set_{which}scale")("log")
        low, high = sorted(getattr(axes, f"get_{which}lim")())
    places = ticks(low, high, log)
    axis = getattr(axes, f"{which}axis")
    axis.set_ticks(places, [brief(place) for place in places])
    axis.set_ticks([], minor=True)
    axes.grid(axis=which, color="0.88", lw=0.5)  # type: ignore[arg-type]


def ticks(low: float, high: float, log: bool) -> list[float]:
    """Round numbers between two ends: three to seven of them.

    >>> ticks(0.02, 4, True), ticks(0, 1, False)
    ([0.03, 0.1, 0.3, 1.0, 3.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    if not log:
        rough = (high - low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next((s * power for s in _STEPS if s * power >= rough * 0.99), 10 * power)
        first = math.ceil(low / step - 1e-9)
        return [round((first + i) * step, 12) for i in range(int(high / step + 1e-9) - first + 1)]
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for leads in ((1.0,), (1.0, 3.0), _STEPS, tuple(float(n) for n in range(1, 10))):
        every = [lead * 10.0**n for n in range(first, last + 1) for lead in leads]
        inside = [float(f"{place:.12g}") for place in every if low * 0.999 <= place <= high * 1.001]
        if len(inside) >= 3:
            break
    return inside[:: math.ceil(len(inside) / 7)]
