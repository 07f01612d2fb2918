"""Scores of forecasts against what was then observed: error, log score, CRPS, coverage and width of intervals.

A forecast is a cloud of draws of the new observation. Everything here takes such clouds and nothing of laws, so that
any method can be scored beside any other: the posterior, a widened posterior, an average of laws, bootstraps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: probabilities of the central intervals whose coverage is told
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Scores:
    """Of a set of rows, each observed once.

    rows: how many; rmse, bias (forecast median minus observed), crps: in the response's unit; r2: 1 - MSE/variance of
    the rows, NaN for fewer than three or where they do not vary. On the scale of the noise, which for losses is the
    logarithm, so that they are relative: rmse_scale, crps_scale and log_score, the mean log density of the observation
    in nats, NaN where the forecast has none. coverage, width: level -> share of rows inside the central interval, and
    its mean width in the response's unit; relative: level -> mean width over the size of the forecast median.
    """

    rows: int
    rmse: float
    bias: float
    r2: float
    crps: float
    rmse_scale: float
    crps_scale: float
    log_score: float
    coverage: Mapping[float, float]
    width: Mapping[float, float]
    relative: Mapping[float, float]

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it; NaN becomes null."""
        plain: dict[str, Any] = {"rows": self.rows}
        for name in ("rmse", "bias", "r2", "crps", "rmse_scale", "crps_scale", "log_score"):
            value = getattr(self, name)
            plain[name] = value if math.isfinite(value) else None
        for name in ("coverage", "width", "relative"):
            told = getattr(self, name)
            plain[name] = {f"{level:g}": value if math.isfinite(value) else None for level, value in told.items()}
        return plain


@dataclass(frozen=True, eq=False)
class Marks:
    """What scores are made of, row by row, so that sets of rows may be pooled later.

    observed, median, crps: (rows,) in the response's unit; error, crps_scale, log_density (NaN where there is none):
    (rows,) on the noise's scale; lo, hi (levels, rows) in the response's unit, in the order of `LEVELS`.
    """

    observed: Array
    median: Array
    crps: Array
    error: Array
    crps_scale: Array
    log_density: Array
    lo: Array
    hi: Array

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Whether each row lay inside the interval of each level: (levels, rows)."""
        return np.asarray((self.lo <= self.observed) & (self.observed <= self.hi))

    def take(self, rows: NDArray[Any]) -> Marks:
        """The same of these rows only (an index or boolean array)."""
        return Marks(*(getattr(self, one.name)[..., rows] for one in fields(self)))


def joined(parts: Sequence[Marks]) -> Marks:
    """The marks of several sets of rows as one. Raises: ValueError where there is none."""
    return Marks(*(np.concatenate([getattr(p, one.name) for p in parts], axis=-1) for one in fields(Marks)))


def mark(
    draws: Array, observed: Array, log_density: Array | None = None, restore: Callable[[Array], Array] | None = None
) -> Marks:
    """Marks of forecasts `draws` (draws, rows) of observations (rows,), all on the noise's scale; `restore` takes that
    to the response's unit and rises.
    """
    tails = [t for level in LEVELS for t in ((1 - level) / 2, (1 + level) / 2)]
    quantiles = np.quantile(draws, [0.5, *tails], axis=0)
    told = np.full(len(observed), np.nan) if log_density is None else log_density
    on_scale = crps(draws, observed)
    error = quantiles[0] - observed
    if restore is None:
        return Marks(observed, quantiles[0], on_scale, error, on_scale, told, quantiles[1::2], quantiles[2::2])
    with np.errstate(all="ignore"):
        actual, quantiles = restore(observed), restore(quantiles)
        return Marks(
            actual, quantiles[0], crps(restore(draws), actual), error, on_scale, told, quantiles[1::2], quantiles[2::2]
        )


def score(marks: Marks) -> Scores:
    """Scores of the rows. Raises: ValueError where there is no row."""
    count = len(marks.observed)
    if not count:
        raise ValueError("no row to score")
    error = marks.median - marks.observed
    square, spread = float(np.mean(error**2)), float(np.var(marks.observed))
    inside, width = marks.inside.mean(axis=1), marks.hi - marks.lo
    with np.errstate(all="ignore"):  # a median of zero has no relative width
        relative = np.mean(width / np.abs(marks.median), axis=1)
    return Scores(
        count,
        math.sqrt(square),
        float(error.mean()),
        1 - square / spread if count > 2 and spread > 0 else math.nan,
        float(marks.crps.mean()),
        math.sqrt(float(np.mean(marks.error**2))),
        float(marks.crps_scale.mean()),
        float(marks.log_density.mean()),
        dict(zip(LEVELS, inside.tolist(), strict=True)),
        dict(zip(LEVELS, width.mean(axis=1).tolist(), strict=True)),
        dict(zip(LEVELS, relative.tolist(), strict=True)),
    )


def crps(draws: Array, observed: Array) -> Array:
    """The continuous ranked probability score of each row, (rows,), for draws (draws, rows), by the fair estimator.

    E|X - y| - E|X - X'|/2, the second over pairs of different draws: unbiased for any number of draws (Ferro 2014,
    10.1002/qj.2270, eq. 7). Sorting makes the pairs a weighted sum.
    """
    count = len(draws)
    near = np.abs(draws - observed).mean(axis=0)
    if count < 2:
        return np.asarray(near)
    ranked = np.sort(draws, axis=0)
    weights = 2 * np.arange(count) - count + 1
    pairs = np.einsum("i,ij->j", weights, ranked) / (count * (count - 1))
    return np.asarray(near - pairs)
