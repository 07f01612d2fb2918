"""Cells to numbers, and expressions over columns: `D=train_flop/(6*N)`, `where scheme == 'quest' and bits < 5`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .backends import numpy_operations
from .expression import Call, Comparison, Expression, Name, Number, Operation, Text
from .numbers import parse_number

if TYPE_CHECKING:
    import pyarrow as pa

#: texts that stand for no value
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})


def numbers_of(column: pa.ChunkedArray) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """A column as float64, NaN where it has no value, and the cells (row from 0, text) that are no number."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
        return _array(column.cast(pa.float64(), safe=False)), []
    if pa.types.is_decimal(column.type):
        return _array(column.cast(pa.float64())), []
    try:
        return _array(column.cast(pa.float64())), []
    except (pa.ArrowException, TypeError):
        pass
    values = np.full(len(column), np.nan)
    bad: list[tuple[int, str]] = []
    for row, cell in enumerate(column.to_pylist()):
        text = "" if cell is None else str(cell).strip()
        if text.lower() in MISSING:
            continue
        number = parse_number(text)
        if number is None:
            bad.append((row, text))
        else:
            values[row] = number
    return values, bad


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """Doubles as numpy has them, NaN where there is none.

    By way of buffers: pyarrow's `to_numpy`, and any scalar made of a Python number, import pandas, half a second.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(np.array([np.nan]))])[0]
    parts = [np.from_dlpack(pc.fill_null(chunk, missing)) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.empty(0)


def texts_of(column: pa.ChunkedArray) -> np.ndarray:
    """A column as texts, whole numbers without a point, None where it has no value."""
    from .numbers import level_text

    def text(cell: object) -> str | None:
        if cell is None or (isinstance(cell, float) and not np.isfinite(cell)):
            return None
        named = level_text(cell)
        return None if isinstance(cell, str) and named.lower() in MISSING else named

    return np.array([text(cell) for cell in column.to_pylist()], dtype=object)


def evaluate_rows(tree: Expression, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The value of an expression in every row; a comparison with a missing value is false."""
    operations = numpy_operations()
    match tree:
        case Number(value=value):
            return np.asarray(value)
        case Text(value=text):
            return np.asarray(text, dtype=object)
        case Name(name=name):
            return columns[name]
        case Comparison(sign="==" | "!=" as sign, parts=(left, right)):
            a, b = (evaluate_rows(part, columns) for part in (left, right))
            a, b = _alike(a, b)
            equal = np.asarray(a == b, dtype=bool)
            return equal if sign == "==" else ~(equal | _missing(a) | _missing(b))
        case Comparison(sign=sign, parts=parts) | Operation(sign=sign, parts=parts):
            arguments = [evaluate_rows(part, columns) for part in parts]
            if sign == "-" and len(arguments) == 1:
                return np.asarray(operations["neg"](arguments[0]))
            with np.errstate(all="ignore"):
                return np.asarray(_SIGNS[sign](*arguments))
        case Call(function=function, parts=parts):
            arguments = [evaluate_rows(part, columns) for part in parts]
            base: Any = _COLUMNS.get(function, operations.get(function))
            with np.errstate(all="ignore"):
                return np.asarray(base(*arguments))
    raise TypeError(f"{type(tree).__name__} has no value in a row")


_COLUMNS: Mapping[str, Any] = {
    "log2": np.log2,
    "log10": np.log10,
    "smoothmin": lambda a, b, width: a - width * np.logaddexp((a - b) / width, 0.0),
    "steps": lambda x, *table: np.select([x <= bound for bound in table[:-1:2]], table[1:-1:2], table[-1]),
}

_SIGNS: Mapping[str, Any] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal, "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
}  # fmt: skip


def _missing(values: np.ndarray) -> np.ndarray:
    """Where there is no value: NaN among numbers, None among texts."""
    return np.asarray(values == None if values.dtype == object else np.isnan(values), dtype=bool)  # noqa: E711


def _alike(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sides of an equality as numbers, or both as texts where one of them is text."""
    if (a.dtype == object) == (b.dtype == object):
        return a, b
    from .numbers import exact

    def text(values: np.ndarray) -> np.ndarray:
        flat = [exact(float(v)) if np.isfinite(v) else None for v in np.ravel(values)]
        return np.array(flat, dtype=object).reshape(np.shape(values))

    return (a, text(b)) if a.dtype == object else (text(a), b)
