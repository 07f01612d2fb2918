"""One figure a law: the response over its main variable, a curve a value of the second, the regime shaded.

The bytes depend on the law and on matplotlib's version. So a figure carries `stamp`, a digest of all that decides what
it shows, and pages and tests compare stamps: a new matplotlib changes no page.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from typing import TYPE_CHECKING

from .curves import Picture, Plan
from .look import COLOURS, label, scale, unframed
from .published import values_of
from .render import definitions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: raise it when the figure's looks change: every stamp changes with it
LOOKS = 2
#: how much of the range, on the scale of the axis, is drawn beyond either end of it
BEYOND = 0.25
#: inches
SIZE = (6.4, 3.4)
#: characters of a label that the legend has room for
LONGEST = 18
_STAMP = re.compile(r"stamp:([0-9a-f]{16})")


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
    for colour, (words, _), curve in zip(COLOURS, plan.points, picture.curves, strict=False):
        axes.plot(plan.grid, curve, color=colour, lw=1.6, label=label(words, LONGEST))
    axes.set_xlim(plan.grid[0], plan.grid[-1])
    if plan.variable.range is not None:
        axes.axvspan(*plan.variable.range, color="0.94", lw=0, zorder=0)
    scale(axes, "x", plan.log)
    scale(axes, "y", picture.log)
    axes.set_xlabel(f"{plan.variable.name} ({plan.variable.quantity})")
    axes.set_ylabel(f"{law.response.name} ({law.response.quantity})")
    if plan.varied:
        axes.legend(title=plan.varied, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=1.2,
                    borderpad=0.2, fontsize=8, title_fontsize=8, alignment="left")  # fmt: skip
    unframed(axes)
    return drawing
