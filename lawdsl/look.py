"""The look of every picture: colours, greys, ticks, axes, labels. One place, so that all pictures are of one hand.

Light by default. Greys are mixed of the paper's and the ink's colour as matplotlib's settings have them, so a dark
style (`matplotlib.rc_context(DARK)`, or any of matplotlib's own) turns all of a picture.
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .curves import WHOLE, WIDE, WIDE_WHOLE, brief
from .numbers import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .law import Response, Variable

#: colours that people with any colour vision tell apart (Okabe & Ito 2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
#: marks that are told apart where colours are not, in their order
MARKS = ("o", "s", "^", "D", "v", "P", "X")
#: points of the text, and of what stands at axes and beside
TEXT, SMALL = 9.0, 8.0
#: matplotlib's settings for a dark picture
DARK = {
    "figure.facecolor": "#14171c", "axes.facecolor": "#14171c", "savefig.facecolor": "#14171c",
    "text.color": "#dfe3e8", "axes.edgecolor": "#dfe3e8", "axes.labelcolor": "#dfe3e8",
    "xtick.color": "#dfe3e8", "ytick.color": "#dfe3e8",
}  # fmt: skip
#: ticks of a linear axis, at least
LEAST = 4
#: numbers a person would put at an axis, by the leading digit
_STEPS = (1.0, 2.0, 5.0)


def colour(number: int) -> str:
    """The colour of the curve or group of that number, from 0; they come again after seven."""
    return COLOURS[number % len(COLOURS)]


def grey(share: float) -> str:
    """A tone between the paper (0) and the ink (1) of matplotlib's settings."""
    from matplotlib import rcParams
    from matplotlib.colors import to_hex, to_rgb

    paper, ink = to_rgb(rcParams["axes.facecolor"]), to_rgb(rcParams["text.color"])
    return to_hex(tuple(p + share * (i - p) for p, i in zip(paper, ink, strict=True)))  # type: ignore[arg-type]


def label(text: str, most: int = 60) -> str:
    """A text of others as a picture shows it: in one line, of so many characters, and never read as mathematics.

    >>> label("a\\nb $x$"), label("abcdef", 4)
    ('a b \\\\$x\\\\$', 'abc…')
    """
    plain = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    plain = " ".join(plain.split())
    return (plain if len(plain) <= most else plain[: most - 1] + "…").replace("$", r"\$")


def axis_label(what: Variable | Response) -> str:
    """A name and its unit, as they stand at an axis: D (tokens)."""
    return label(f"{what.name} ({what.quantity})")


def log_scaled(variable: Variable, low: float, high: float) -> bool:
    """Whether a variable is drawn on the log from one end to the other."""
    wide = WIDE_WHOLE if variable.quantity.unit in WHOLE else WIDE
    return low > 0 and high / low >= wide


def unframed(axes: Axes) -> None:
    """Leave of a frame the two axes."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def dress(axes: Axes) -> None:
    """Text sizes, thin axes, no frame: what every axes has, whoever made it."""
    unframed(axes)
    axes.tick_params(labelsize=SMALL, width=0.7, length=3)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)
    axes.xaxis.label.set_fontsize(TEXT)
    axes.yaxis.label.set_fontsize(TEXT)
    axes.set_axisbelow(True)


def heading(axes: Axes, title: str, below: str = "") -> None:
    """A title above the axes at their left, and in grey below it what else must be known."""
    width = inches(axes)[0] * 72
    shown = textwrap.wrap(title, max(24, int(width / (0.52 * (TEXT + 1)))))
    told = textwrap.wrap(below, max(24, int(width / (0.52 * SMALL)))) if below else []
    axes.set_title("\n".join(told), loc="left", fontsize=SMALL, color=grey(0.6), pad=6, linespacing=1.25)
    axes.annotate(
        "\n".join(shown), (0, 1), (0, 6 + (1.3 * SMALL * len(told) + 3 if told else 0)), xycoords="axes fraction",
        textcoords="offset points", fontsize=TEXT + 1, va="bottom", ha="left",
    )  # fmt: skip


def inches(axes: Axes) -> tuple[float, float]:
    """About how wide and high axes are, before they are laid out."""
    box, parent, root = axes.get_position(), axes.get_figure(root=False), axes.get_figure(root=True)
    assert parent is not None and root is not None
    return parent.bbox.width / root.dpi * box.width, parent.bbox.height / root.dpi * box.height


def scale(axes: Axes, which: str, log: bool, places: Sequence[float] = ()) -> None:
    """A linear or log axis ("x" or "y") with few ticks (or those at `places`), written as the field writes numbers. Its
    limits are kept.
    """
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    if log:
        getattr(axes, f"set_{which}scale")("log")
        low, high = sorted(getattr(axes, f"get_{which}lim")())
    places = places or ticks(low, high, log)
    axis = getattr(axes, f"{which}axis")
    axis.set_ticks(places, written(places))
    axis.set_ticks([], minor=True)
    axes.grid(axis=which, color=grey(0.12), lw=0.5)  # type: ignore[arg-type]


def written(places: Sequence[float]) -> list[str]:
    """Numbers at an axis, with the digits that tell them apart.

    >>> written([1e9, 2e12]), written([1.2341, 1.2342])
    (['1B', '2T'], ['1.2341', '1.2342'])
    """
    texts = [brief(place) for place in places]
    for digits in range(4, 9):
        if len(set(texts)) == len(set(places)):
            break
        texts = [short(place, digits) for place in places]
    return texts


def ticks(low: float, high: float, log: bool) -> list[float]:
    """Round numbers between two ends: four to eight of them, on the log three to seven.

    >>> ticks(0.02, 4, True), ticks(0, 1, False)
    ([0.03, 0.1, 0.3, 1.0, 3.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    if not (math.isfinite(low) and math.isfinite(high)) or not high - low > 1e-12 * max(abs(low), abs(high)):
        return [low] if math.isfinite(low) else []
    if not log:
        power = 10.0 ** math.floor(math.log10(high - low))
        steps = [step * power * tenth for tenth in (1.0, 0.1) for step in reversed(_STEPS)]
        return next((found for step in steps if len(found := _even(low, high, step)) >= LEAST), [low, high])
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for leads in ((1.0,), (1.0, 3.0), _STEPS, tuple(float(n) for n in range(1, 10))):
        every = [lead * 10.0**n for n in range(first, last + 1) for lead in leads]
        inside = [float(f"{place:.12g}") for place in every if low * 0.999 <= place <= high * 1.001]
        if len(inside) >= 3:
            break
    if len(inside) < 2:  # less than a step of the log: the axis is as good as linear
        return ticks(low, high, False)
    return inside[:: math.ceil(len(inside) / 7)]


def _even(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def beside(axes: Axes, labels: Sequence[tuple[float, str, str]], *, x: float = 1.0) -> None:
    """Write labels (height in data, text, colour) at the right end of curves, pushed apart where they would overlap."""
    if not labels:
        return
    line = 1.25 * SMALL / (72 * inches(axes)[1])
    to_axes = axes.transData + axes.transAxes.inverted()
    low, high = axes.get_ylim()
    places = [float(to_axes.transform((1.0, min(max(y, low), high)))[1]) for y, _, _ in labels]
    order = sorted(range(len(labels)), key=lambda i: places[i])
    spread = _apart([places[i] for i in order], line)
    for i, place in zip(order, spread, strict=True):
        _, text, ink = labels[i]
        axes.annotate(
            text, (x, place), (5, 0), xycoords="axes fraction", textcoords="offset points", color=ink, fontsize=SMALL,
            va="center", ha="left", annotation_clip=False,
        )  # fmt: skip


def _apart(places: list[float], least: float) -> list[float]:
    """Rising places moved as little as keeps them so far apart, and within the axes as long as there is room."""
    groups = [[place, 1.0] for place in places]  # the middle and size of what touches
    merged: list[list[float]] = []
    for middle, size in groups:
        merged.append([middle, size])
        while len(merged) > 1 and merged[-1][0] - merged[-2][0] < least * (merged[-1][1] + merged[-2][1]) / 2:
            b, a = merged.pop(), merged.pop()
            count = a[1] + b[1]
            merged.append([(a[0] * a[1] + b[0] * b[1]) / count, count])
    found = [middle + least * (i - (size - 1) / 2) for middle, size in merged for i in range(int(size))]
    shift = min(0.0, 1.0 - found[-1]) or max(0.0, -found[0])
    return [place + shift for place in found]
