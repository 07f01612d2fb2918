"""What a law by hand is, and the table that its module fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: mean of (parameters, columns); of several responses a tuple
Mean = Callable[[Any, Any], Any]
#: log density of (observed, mean, parameters, columns)
Density = Callable[[Any, Any, Any, Any], Any]


@dataclass(frozen=True)
class Hand:
    """A law's mean and the densities of its responses; of a bound there are none."""

    mean: Mean
    densities: tuple[Density, ...]


class Table(dict[str, Hand]):
    """Laws by name; called with densities it takes in the function below it."""

    def __call__(self, *densities: Density) -> Callable[[Mean], Mean]:
        def add(mean: Mean) -> Mean:
            self[mean.__name__] = Hand(mean, densities)
            return mean

        return add
