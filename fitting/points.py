"""Points in whatever form they come, as a list of mappings: one point, a grid, columns, frames, tables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lawdsl import limits
from lawdsl.errors import AskError, Fault, Span
from lawdsl.law import FIRST, Law
from lawdsl.ranges import is_range, read_range
from lawdsl.table import Table, bind


def points_of(law: Law, points: Any) -> list[Mapping[str, Any]]:
    """The points that `points` stands for, in order.

    - a mapping of names to numbers and texts: one point. Texts such as "1B..100B:20" are ranges, and several make a
      grid, the last varying fastest. Arrays and lists are columns: all of one length, and go together row by row.
    - a frame (pandas, polars, Arrow), a bound `Table`, a path or catalogue id: its rows, columns found as in a fit.
    - anything else: an iterable of such mappings, one after the other.

    Raises: AskError for columns of different lengths (ASK018), ranges at fault (ASK033); TableError as `bind` does.

    >>> import lawdsl
    >>> law = lawdsl.load("chinchilla")
    >>> len(points_of(law, {"N": "1B..100B:3", "D": "20B..2T:5"}))
    15
    >>> points_of(law, {"N": [1e9, 2e9], "D": "20B"})
    [{'N': 1000000000.0, 'D': '20B'}, {'N': 2000000000.0, 'D': '20B'}]
    """
    if isinstance(points, Table):
        return list(table_points(points))
    if isinstance(points, (str, Path)) or _is_frame(points):
        return list(table_points(bind(law, points, response=False)))
    if isinstance(points, Mapping):
        return _spread(law, points)
    if not isinstance(points, Iterable):
        cure = 'Give {"N": "70B", "D": "1.4T"}, a list of such, columns, or a frame.'
        raise AskError(Fault("ASK018", Span(law.name), f"a {type(points).__name__} is no point", cure))
    found: list[Mapping[str, Any]] = []
    for point in points:
        if not isinstance(point, Mapping):
            cure = 'A point is a mapping: {"N": "70B", "D": "1.4T"}.'
            raise AskError(Fault("ASK018", Span(law.name), f"a {type(point).__name__} is no point", cure))
        found += _spread(law, point)
    return found


def table_points(table: Table) -> list[dict[str, float | str]]:
    """The rows of a bound table as points, in order."""
    columns = {name: values.tolist() for name, values in table.columns.items() if name != FIRST}
    words = {name: [table.levels[name][code] for code in codes] for name, codes in table.codes.items()}
    return [{**{n: v[i] for n, v in columns.items()}, **{n: w[i] for n, w in words.items()}} for i in range(table.rows)]


def _is_frame(points: object) -> bool:
    """By Arrow's interface, which pandas, polars and pyarrow have."""
    return hasattr(points, "__arrow_c_stream__")


def _spread(law: Law, point: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The points of one mapping: itself, the rows of its columns, the grid of its ranges."""
    ranges, columns, plain = {}, {}, {}
    for name, value in point.items():
        if is_range(value) and name not in law.factor:
            ranges[name] = read_range(law, name, value)
        elif _is_column(value):
            columns[name] = _cells(value)
        else:
            plain[name] = value
    if not ranges and not columns:
        return [point]
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        cure = "Columns go together row by row; for every combination write ranges, or make the grid yourself."
        raise AskError(Fault("ASK018", Span(law.name), f"columns of different lengths: {told}", cure))
    rows = next(iter(lengths.values()), 1)
    count = rows * math.prod(len(values) for values in ranges.values())
    if count > limits.POINTS:
        cure = f"At most {limits.POINTS:,} at once: take fewer values."
        raise AskError(Fault("ASK018", Span(law.name), f"{count:,} points", cure))
    grid = [dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values())]
    along = [{name: values[i] for name, values in columns.items()} for i in range(rows)]
    return [{name: (row | on | plain)[name] for name in point} for row in along for on in grid]


def _is_column(value: object) -> bool:
    if isinstance(value, (str, bytes, int, float)):
        return False
    return isinstance(value, (list, tuple, range)) or np.ndim(value) == 1  # type: ignore[arg-type]


def _cells(values: Any) -> list[Any]:
    """Plain numbers and texts, also of a numpy array or a series."""
    return np.asarray(values).tolist() if not isinstance(values, (list, tuple, range)) else list(values)
