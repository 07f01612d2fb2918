"""What a notebook shows: small pieces of HTML, in the colours of whatever page they stand in.

Texts of laws, tables and levels come from strangers. Every text is escaped, and the marks at which a notebook's
MathJax would begin to read mathematics ($ and backslashes) are set apart, so that nothing of a text is ever run.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .numbers import short

#: rows of a table that are shown; the rest are counted, and are in the frame
SHOWN = 24
_GOOD, _BAD = "#1a7f37", "#cf222e"
_CELL = "padding:0.15em 0.7em;text-align:{};border:0;white-space:nowrap"


def escape(text: object) -> str:
    """A text as HTML that shows just that text.

    >>> escape("<b>$k$")
    '&lt;b&gt;<span>$</span>k<span>$</span>'
    """
    shown = html.escape(str(text), quote=True)
    return shown.replace("\\", "<span>\\</span>").replace("$", "<span>$</span>")


def block(*parts: str) -> str:
    """The whole of what is shown, its parts below each other."""
    inner = "".join(part for part in parts if part)
    return f'<div class="lawdsl mathjax_ignore tex2jax_ignore" style="max-width:60em">{inner}</div>'


def heading(text: str, beside: str = "") -> str:
    """A line in bold, with what is said beside it."""
    more = f" <span>{escape(beside)}</span>" if beside else ""
    return f'<div style="margin:0.2em 0"><b>{escape(text)}</b>{more}</div>'


def line(text: str) -> str:
    """A line of words."""
    return f'<div style="margin:0.2em 0;opacity:0.85">{escape(text)}</div>' if text else ""


def verdict(ok: bool, reasons: Iterable[str] = (), notes: Iterable[str] = ()) -> str:
    """The verdict, before anything else: good or not, and every reason and note."""
    colour, word = (_GOOD, "good") if ok else (_BAD, "not to be believed")
    said = "".join(f"<li>{escape(text)}</li>" for text in (*reasons, *notes))
    listed = f'<ul style="margin:0.1em 0 0.3em 0">{said}</ul>' if said else ""
    return f'<div style="margin:0.2em 0">verdict: <b style="color:{colour}">{word}</b></div>{listed}'


def table(header: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1) -> str:
    """A compact table, the first `left` columns to the left and the others to the right; long ones are cut."""

    def cells(row: Sequence[object], tag: str) -> str:
        sides = ["left" if i < left else "right" for i in range(len(row))]
        return "".join(
            f'<{tag} style="{_CELL.format(side)}">{escape(cell)}</{tag}>' for side, cell in zip(sides, row, strict=True)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows[:SHOWN])
    more = line(f"and {len(rows) - SHOWN} more rows") if len(rows) > SHOWN else ""
    head = f"<thead><tr>{cells(header, 'th')}</tr></thead>"
    return f'<table style="border-collapse:collapse;margin:0.3em 0">{head}<tbody>{body}</tbody></table>{more}'


def rows(columns: Mapping[str, Sequence[Any]], name: str, count: int, notes: Iterable[str] = ()) -> str:
    """The first rows of a table of `count`, given by its columns, and what was done to it."""
    cells = [
        ["" if c is None else short(c) if isinstance(c, float) else c for c in row]
        for row in zip(*columns.values(), strict=True)
    ]
    more = f"and {count - len(cells)} more rows" if count > len(cells) else ""
    return block(heading(name, f"{count} rows"), table(list(columns), cells, left=0), line(more), *map(line, notes))
