"""How the command line speaks: headings, tables, lists and JSON on stdout, notes and faults on stderr.

Every command speaks through here, so that all look alike: no text of a law, a table or a path reaches the terminal
without being made safe, tables keep to the terminal's width, and colour goes to terminals alone (`terminal`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..numbers import interval as interval
from ..numbers import middle as middle
from ..numbers import percent as percent
from ..numbers import plus_minus as plus_minus
from .progress import Progress as Progress
from .progress import progress as progress
from .terminal import clean, colour, columns, limit
from .terminal import width as width

if TYPE_CHECKING:
    from fitting import Posterior

    from ..errors import Fault

#: the narrowest that a column of text is made; narrower, and rows become blocks
NARROW = 14


def as_json(answer: dict[str, Any]) -> None:
    """One JSON object on stdout. Numbers JSON does not have (NaN, infinity) are null."""
    import json

    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    click.echo(json.dumps(_plain(answer), ensure_ascii=encoding != "utf8", allow_nan=False))


def _plain(value: Any) -> Any:
    import math

    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def line(text: str = "", **style: Any) -> None:
    """A line on stdout."""
    click.echo(click.style(clean(text), **style) if style else clean(text), color=colour())


def note(text: str) -> None:
    """A line on stderr: what was done to get the answer, or what to do."""
    click.echo(clean(text), err=True, color=colour())


def fault(found: Fault) -> None:
    """A fault on stderr: its place and code, what was found, and the cure, folded where the terminal is narrow."""
    first, *rest = clean(str(found)).split("\n")
    room = _room(sys.stderr)
    head, *more = _folded(first, room, 4)
    lines = [head.replace(found.code, click.style(found.code, fg="red", bold=True), 1), *more]
    for text in rest:
        source = found.where.text and found.where.column and text is rest[0]
        lines += [text] if source else _folded(text, room, len(text) - len(text.lstrip()))
    click.echo("\n".join(lines), err=True, color=colour())


def _room(stream: Any) -> int | None:
    """Characters of a line of a stream that is a terminal."""
    import os

    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (OSError, ValueError, AttributeError):
        return None


def _folded(text: str, room: int | None, indent: int) -> list[str]:
    if room is None or columns(text) <= room:
        return [text]
    import textwrap

    return textwrap.wrap(text, max(room, indent + 12), subsequent_indent=" " * indent, break_on_hyphens=False,
                         break_long_words=False)  # fmt: skip


def heading(text: str) -> None:
    """A heading on stdout, bold on a terminal."""
    for part in _folded(text, limit(), 2):
        line(part, bold=True)


def text(said: str) -> None:
    """A paragraph on stdout, folded to the terminal."""
    wrapped([("", said)], indent=0)


def bullets(texts: Sequence[str]) -> None:
    """Remarks on stdout, one a bullet."""
    for said in texts:
        wrapped([("-", said)], indent=0, gap=1)


def wrapped(rows: Sequence[Sequence[str]], indent: int = 2, gap: int = 2) -> None:
    """Names and texts in two columns, the texts folded to the terminal; below each other where it is too narrow."""
    import textwrap

    names = max((columns(clean(row[0])) for row in rows), default=0)
    hang = indent + (names + gap if names else 0)
    below = width() - hang < 24 and names > 2
    for name, said in rows:
        name = clean(name)
        if below and name and said:
            line(" " * indent + name)
            hang, name = indent + 2, ""
        lines = textwrap.wrap(clean(said), max(18, width() - hang), break_on_hyphens=False) or [""]
        start = " " * indent + name
        line((start + " " * (hang - columns(start)) + lines[0]).rstrip())
        for more in lines[1:]:
            line(" " * hang + more)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Rows under a header, columns aligned: the first `left` to the left, the others to the right.

    On a terminal too narrow for them, columns of text are folded; where that does not do either, each row becomes a
    block of lines.
    """
    rows = [[clean(cell) for cell in row] for row in rows]
    widths = [max(columns(row[i]) for row in [header, *rows]) for i in range(len(header))]
    room = limit()
    if room is not None and _total(widths) > room:
        narrow = _narrowed(header, widths, left, room)
        if narrow is None:
            _blocks(header, rows, room)
            return
        widths = narrow
    line(_aligned(header, widths, left), dim=True)
    for row in rows:
        for part in _fold_cells(row, widths):
            line(_aligned(part, widths, left))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _aligned(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = []
    for i, (cell, wide) in enumerate(zip(cells, widths, strict=True)):
        blank = " " * (wide - columns(cell))
        padded.append(cell + blank if i < left else blank + cell)
    return "  ".join(padded).rstrip()


def _narrowed(header: Sequence[str], widths: Sequence[int], left: int, room: int) -> list[int] | None:
    """Widths that fit: the widest columns of text give way; None where they would be too narrow to read."""
    found = list(widths)
    least = [max(NARROW, columns(header[i])) if 0 < i < left else width for i, width in enumerate(widths)]
    while _total(found) > room:
        place = max(range(len(found)), key=lambda i: found[i] - least[i])
        if found[place] <= least[place]:
            return None
        found[place] -= 1
    return found


def _fold_cells(row: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """A row as the lines it takes."""
    import textwrap

    if all(columns(cell) <= wide for cell, wide in zip(row, widths, strict=True)):
        return [list(row)]
    folded = [textwrap.wrap(cell, wide) or [""] for cell, wide in zip(row, widths, strict=True)]
    return [[part[i] if i < len(part) else "" for part in folded] for i in range(max(map(len, folded)))]


def _blocks(header: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> None:
    """Each row as its first cell, and the others below it by name."""
    names = max(map(columns, header[1:]), default=0)
    for row in rows:
        for part in _folded(row[0] or "-", room, 2):
            line(part, bold=True)
        for name, cell in zip(header[1:], row[1:], strict=True):
            if not cell:
                continue
            start = f"  {name}{' ' * (names - columns(name))}  " if names <= room // 2 else f"  {name} "
            hang = len(start) if columns(start) <= room // 2 else 4
            for part in _folded(start + cell, room, hang):
                line(part)


def verdict(ok: bool, remarks: Sequence[str], words: tuple[str, str] = ("good", "not to be believed")) -> None:
    """The verdict, in green or red, and what it rests on."""
    word = click.style(words[0], fg="green", bold=True) if ok else click.style(words[1], fg="red", bold=True)
    line()
    click.echo(f"verdict: {word}", color=colour())
    bullets(remarks)


def verdict_of(posterior: Posterior) -> None:
    """The verdict of a fit, its reasons first."""
    told = posterior.verdict
    verdict(told.ok, (*told.reasons, *told.notes))
