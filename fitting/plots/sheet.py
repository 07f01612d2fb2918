"""What pictures are drawn on, and how they are kept in files. Nothing of pyplot's state is read or changed."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from lawdsl import atomic, look
from lawdsl.errors import AskError, Fault, Span

#: how a picture may end, and what is written of the file
ENDINGS: dict[str, dict[str, Any]] = {
    ".png": {"metadata": {"Software": None}},
    ".svg": {"metadata": {"Date": None, "Creator": None}},
    ".pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
#: inches of one axes with labels beside it; of a small one among several
SIZE, SMALL = (7.2, 4.3), (2.6, 2.1)
#: dots an inch
DPI = 150


class Sheet(Figure):
    """A figure that shows itself in a notebook, without pyplot."""

    def _repr_png_(self) -> bytes:
        out = BytesIO()
        with _settled():
            self.savefig(out, format="png", dpi=110, facecolor=self.get_facecolor())
        return out.getvalue()


def sheet(size: tuple[float, float] = SIZE) -> Sheet:
    """An empty figure of so many inches, its axes laid out so that nothing is clipped."""
    return Sheet(figsize=size, layout="constrained", facecolor=look.grey(0))


def one(ax: Axes | None, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """The axes that are given with their figure, or one of an own figure; dressed."""
    axes = sheet(size).add_subplot() if ax is None else ax
    look.dress(axes)
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure, axes


def many(
    count: int, across: int, cell: tuple[float, float] = SMALL, heights: Sequence[float] = (), head: float = 0.55,
    into: FigureBase | None = None,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """A figure of `count` axes in rows of `across` (four stand two by two), each of `cell` inches or, where `heights`
    has one for every axes, rows as high as the highest in them; `head` is for the title. With `into` they are
    put there instead, whatever its size.
    """
    across = 2 if count == 4 and across == 3 else max(1, min(across, count))
    down = -(-count // across)
    tall = [max(heights[i * across : (i + 1) * across]) if heights else cell[1] for i in range(down)]
    place = sheet((max(4.2, cell[0] * across), sum(tall) + head)) if into is None else into
    grid = place.add_gridspec(down, across, height_ratios=tall)
    found = [place.add_subplot(grid[i // across, i % across]) for i in range(count)]
    for axes in found:
        look.dress(axes)
    return place, found  # type: ignore[return-value]


def title(figure: Figure, text: str, below: str = "") -> None:
    """A heading of the whole figure, at its left: what law, and in a second line what of it."""
    width = int(figure.bbox.width / figure.dpi * 72 / (0.53 * (look.TEXT + 0.5)))
    parts = (text, below) if isinstance(figure, Sheet) else (below,)  # a part of a page stands below its heading
    lines = [line for part in parts if part for line in textwrap.wrap(look.label(part, 240), max(24, width))]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=look.TEXT + 0.5, linespacing=1.35)


def ending(path: str | Path) -> str:
    """The ending of a picture's file. Raises: AskError (ASK060) where pictures have no such ending."""
    found = Path(path).suffix.lower()
    if found not in ENDINGS:
        message = f"a picture cannot end in '{found[:20]}'" if found else "the picture's name has no ending"
        raise AskError(Fault("ASK060", Span(str(path)), message, "Endings are .png, .svg and .pdf."))
    return found


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as its ending says (.png, .svg, .pdf), whole or not at all; the file's name.

    A picture made anew from the same fit has the same bytes.
    Raises: AskError (ASK060) for other endings, OutsideError (FIT001) where it cannot be written.
    """
    from matplotlib import rc_context

    told, place = ENDINGS[ending(path)], Path(path)
    with (
        _settled(),
        rc_context({"svg.hashsalt": "lawdsl"}),
        atomic.answering(place, "the picture", "Choose another place.") as part,
    ):
        figure.savefig(part, dpi=DPI, facecolor=figure.get_facecolor(), **told)
    return place


class _settled(warnings.catch_warnings):
    """No words from matplotlib: labels are others' texts, and may be of letters that its font does not have."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        warnings.filterwarnings("ignore", r"constrained_layout not applied", UserWarning)
