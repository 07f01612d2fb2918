"""Results that are tables too: their columns as frames of whatever library a reader works with.

Neither pandas nor polars is needed to install or to import lawdsl.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import Fault, OutsideError, Span

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Columns = Mapping[str, Sequence[Any]]


class Tabular(ABC):
    """What every result of a fit can be made into. Each says what its rows are."""

    @abstractmethod
    def to_columns(self) -> Columns:
        """The columns by name, in order; lists of one length, None where there is no value."""

    @abstractmethod
    def _repr_html_(self) -> str:
        """What a notebook shows."""

    def to_pandas(self) -> pd.DataFrame:
        """The columns as a pandas frame. Raises: OutsideError (ENV001) where pandas is not installed."""
        return _library("pandas").DataFrame(dict(self.to_columns()))

    def to_polars(self) -> pl.DataFrame:
        """The columns as a polars frame. Raises: OutsideError (ENV001) where polars is not installed."""
        frame: pl.DataFrame = _library("polars").DataFrame(dict(self.to_columns()), strict=False)
        return frame


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        missing = f"{name} is not installed" if isinstance(error, ModuleNotFoundError) else f"{name}: {error}"
        raise OutsideError(Fault("ENV001", Span(), missing, f"Install it: pip install {name}.")) from None
