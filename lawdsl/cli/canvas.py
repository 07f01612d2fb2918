"""Curves in the terminal: lines of braille dots in a frame, with the field's numbers at the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..curves import brief

#: dots of one character: two columns of four
ACROSS, DOWN = 2, 4
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def draw(
    x: Sequence[float], curves: Sequence[np.ndarray], labels: Sequence[str], *, log_x: bool, log_y: bool, width: int,
    height: int,
) -> list[str]:  # fmt: skip
    """The curves over `x` in lines of at most `width` characters; a label stands where its curve ends."""
    to_x = math.log if log_x else float
    every = np.concatenate(curves)
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    scale = (math.log(low), math.log(high)) if log_y else (low, high)
    ticks = [_at(row / (height - 1), scale, log_y) for row in range(height)]
    marks = {row: brief(ticks[row]) for row in range(0, height, 3)}
    left = max(map(len, marks.values()))
    right = max(map(len, labels)) + 1 if any(labels) else 0
    columns = width - left - 2 - right
    cells = [[0] * columns for _ in range(height)]
    ends: dict[int, str] = {}
    for curve, label in zip(curves, labels, strict=True):
        row = _trace(cells, [to_x(v) for v in x], curve, scale, log_y)
        if label and row is not None:
            ends[_nearest(row, [place for place in range(height) if place not in ends])] = label
    lines = []
    for row in range(height):
        body = "".join(chr(0x2800 + cell) if cell else " " for cell in cells[row])
        axis = "┤" if row in marks else "│"
        lines.append(f"{marks.get(row, ''):>{left}}{axis}{body} {ends.get(row, '')}".rstrip())
    return [*lines, *_below(x, left, columns)]


def _nearest(row: int, rows: list[int]) -> int:
    return min(rows, key=lambda other: abs(other - row))


def _at(share: float, scale: tuple[float, float], log: bool) -> float:
    """The number at a share of the way down."""
    value = scale[1] - share * (scale[1] - scale[0])
    return math.exp(value) if log else value


def _trace(
    cells: list[list[int]], x: list[float], curve: np.ndarray, scale: tuple[float, float], log: bool
) -> int | None:
    """Put a curve's dots down; the row in which it ends."""
    high, wide = len(cells) * DOWN, len(cells[0]) * ACROSS
    before: tuple[int, int] | None = None
    for place, value in zip(x, curve, strict=True):
        if not math.isfinite(value) or (log and value <= 0):
            before = None
            continue
        height = ((math.log(value) if log else float(value)) - scale[0]) / (scale[1] - scale[0])
        dot = (round((place - x[0]) / (x[-1] - x[0]) * (wide - 1)), round((1 - height) * (high - 1)))
        for column, row in _line(before or dot, dot):
            cells[row // DOWN][column // ACROSS] |= _DOTS[column % ACROSS][row % DOWN]
        before = dot
    return None if before is None else before[1] // DOWN


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * i / steps), round(start[1] + (end[1] - start[1]) * i / steps))
        for i in range(steps + 1)
    ]


def _below(x: Sequence[float], left: int, columns: int) -> list[str]:
    """The axis of x: its ends and its middle."""
    axis, numbers = ["─"] * columns, [" "] * (columns + 12)
    for place, value in ((0, x[0]), (columns // 2, x[len(x) // 2]), (columns - 1, x[-1])):
        axis[place] = "┬"
        text = brief(value)
        start = min(max(0, place - len(text) // 2), columns - len(text))
        numbers[start : start + len(text)] = text
    return [f"{'':{left}}└{''.join(axis)}", f"{'':{left}} {''.join(numbers).rstrip()}"]
