"""Rows bound to a law: what a fit is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import notebook
from .law import FIRST
from .tabular import Tabular


@dataclass(frozen=True, eq=False, repr=False)
class Table(Tabular):
    """Rows bound to a law; as a frame their numbers in the law's units, and their levels.

    `columns`: float64 arrays of length `rows`, in the law's units, for its input variables, its response and its
    column of standard errors, as far as they were asked for. `codes`: for each factor an integer array into
    `levels`. `digest`: sha256 of the bound content. `notes`: what was dropped or converted, in words. `fixed`:
    parameters that the law holds for this table, whose rows cannot tell them. `numbers`: each row's number in the
    source, from 1; None where there is none.
    """

    columns: Mapping[str, np.ndarray]
    codes: Mapping[str, np.ndarray]
    levels: Mapping[str, tuple[str, ...]]
    rows: int
    source: str
    digest: str
    notes: tuple[str, ...] = ()
    fixed: tuple[tuple[str, float], ...] = ()
    numbers: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Table:
        """The same table with these rows only (an index or boolean array); levels keep their codes."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        codes = {name: values[rows] for name, values in self.codes.items()}
        count, digest = len(next(iter(columns.values()))), digest_of(columns, codes, self.levels)
        numbers = None if self.numbers is None else self.numbers[rows]
        return replace(self, columns=columns, codes=codes, rows=count, digest=digest, numbers=numbers)

    def to_columns(self) -> dict[str, list[Any]]:
        """The numbers by name, then the levels of each factor."""
        numbers = {name: values.tolist() for name, values in self.columns.items() if name != FIRST}
        return numbers | {n: [self.levels[n][code] for code in codes.tolist()] for n, codes in self.codes.items()}

    def __repr__(self) -> str:
        return f"Table({self.rows} rows of {self.source}: {', '.join(self.to_columns())})"

    def _repr_html_(self) -> str:
        return notebook.rows(self.take(np.arange(min(self.rows, notebook.SHOWN))).to_columns(), self.source, self.rows,
                             self.notes)  # fmt: skip


def digest_of(
    columns: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray], levels: Mapping[str, tuple[str, ...]]
) -> str:
    """sha256 over names, values and levels, whatever file they came from."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(columns[name], dtype="<f8").tobytes())
    for name in sorted(codes):
        digest.update(name.encode() + b"\0" + "\0".join(levels[name]).encode())
        digest.update(np.ascontiguousarray(codes[name], dtype="<i8").tobytes())
    return digest.hexdigest()
