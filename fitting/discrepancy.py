"""A law is not the truth: how far off it may be, by the distance from the rows it was fitted to.

On the noise's scale the world is taken to differ from the law by one deviation that grows along the way out,

    observed = law + share * unit * growth * z + noise,   z ~ Normal(0, 1) once for all points,

where growth is the distance in decades beyond the rows (`fitting.frontier.reach`) and `unit` the response's fall per
decade of the frontier among the rows (the slope of a straight line through them). So `share` has no unit: it is the
part of the trend by which the law goes astray, per decade. On ten open tables (docs/backtests.md) 0.07 to 0.39 fitted
best, which is what the prior says; the backtests of a fit's own rows say the rest. The deviation is coherent, as an
error of a law is: a law that is off at one point is off at the next one too.

The idea of a discrepancy beside a model's parameters is that of Kennedy & O'Hagan (2001, 10.1111/1467-9868.00294).
Learning it inside the rows, where the model is good, says nothing of what is outside; so here only forecasts teach it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .carried import normals

Array = NDArray[np.float64]

#: shares tried, the first of them none at all
SHARES: Array = np.concatenate([[0.0], np.geomspace(0.005, 4.0, 28)])
#: prior of log share: centre and standard deviation, from backtests of ten open tables (docs/decisions.md)
PRIOR = (math.log(0.15), 0.75)
#: decades by which a law is already astray where its rows end: it bends among them too
AT_ONCE = 0.1
#: what a cut counts for, in rows: the errors of its rows are mostly one error
ROWS_A_CUT = 2.0
#: the plain interval is believed where at each of so many cuts, the last ones, it held so much where it says 90 %:
#: fits to few rows have wide intervals, which are no witness for those of many
ENOUGH_CUTS, SHORT = 5, 0.85


@dataclass(frozen=True)
class Discrepancy:
    """What is known of a law's error on one table, for one response.

    unit: change of the response on the noise's scale per decade of the frontier (positive); log_share, log_share_sd: of
    the normal posterior of log share; widen: whether intervals are widened by it; cuts, rows: the forecasts it was
    learned from (rows counted at every cut).
    """

    unit: float
    log_share: float
    log_share_sd: float
    widen: bool
    cuts: int
    rows: int

    @property
    def share(self) -> float:
        """The median share."""
        return math.exp(self.log_share)

    @property
    def log_weights(self) -> Array:
        """Log weights of `SHARES` under the normal log share; none at all is not among them."""
        weights = np.full(len(SHARES), -np.inf)
        weights[1:] = -0.5 * ((np.log(SHARES[1:]) - self.log_share) / self.log_share_sd) ** 2
        return np.asarray(weights - np.logaddexp.reduce(weights))

    def likely(self, count: int) -> Array:
        """`count` equally likely errors a decade out, in order, on the noise's scale."""
        return quantiles(self.log_share, self.log_share_sd, count) * self.unit

    def sizes(self, count: int, seed: int) -> Array:
        """`count` draws of the error a decade out, (count,), on the noise's scale: one error of the law a draw, the
        same in whichever call it is asked.
        """
        shares = np.exp(self.log_share + self.log_share_sd * normals(seed, "share of the law's error", count))
        return np.asarray(shares * self.unit * normals(seed, "the law's error", count))

    def deviations(self, distance: Array, count: int, seed: int) -> Array:
        """The same at every point, (count, points), by its distance in decades."""
        return np.asarray(self.sizes(count, seed)[:, None] * growth(distance))

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it and the fit file keeps it."""
        return {
            "unit": self.unit, "log_share": self.log_share, "log_share_sd": self.log_share_sd, "widen": self.widen,
            "cuts": self.cuts, "rows": self.rows,
        }  # fmt: skip

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Discrepancy:
        """The inverse of `as_json`."""
        return cls(
            float(plain["unit"]), float(plain["log_share"]), float(plain["log_share_sd"]), bool(plain["widen"]),
            int(plain["cuts"]), int(plain["rows"]),
        )  # fmt: skip


def growth(distance: Any) -> Array:
    """How the error grows with the distance in decades: in proportion, and at first twice as fast."""
    far = np.asarray(distance, dtype=float)
    return np.asarray(far + np.minimum(far, AT_ONCE))


def unit_of(at: Array, observed: Array) -> float:
    """Change of the observations (rows,), on the noise's scale, per decade of the frontier `at` (log10): the slope of
    least squares, or its standard error where that is more, since a trend that the rows do not show is not known to be
    none. Positive.
    """
    spread = at - at.mean()
    square = float(spread @ spread)
    if square <= 0 or len(at) < 3:
        return float(observed.std()) or 1e-12
    slope = float(spread @ observed) / square
    left = observed - observed.mean() - slope * spread
    return max(abs(slope), math.sqrt(float(left @ left) / (len(at) - 2) / square)) + 1e-12


def quantiles(log_share: float, log_share_sd: float, count: int) -> Array:
    """`count` equally likely values of share*z, in order: a normal mixed over its scale."""
    from scipy.special import ndtr, ndtri

    nodes = np.exp(log_share + log_share_sd * ndtri((np.arange(15) + 0.5) / 15))
    wanted = (np.arange(count) + 0.5) / count
    low, high = np.full(count, -60 * nodes.max()), np.full(count, 60 * nodes.max())
    for _ in range(80):
        middle = (low + high) / 2
        below = ndtr(middle[:, None] / nodes).mean(axis=1) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


def log_prior() -> Array:
    """Log prior weights of `SHARES`; none at all is not among them."""
    center, sd = PRIOR
    weights = np.full(len(SHARES), -np.inf)
    weights[1:] = -0.5 * ((np.log(SHARES[1:]) - center) / sd) ** 2
    return np.asarray(weights - np.logaddexp.reduce(weights))


def log_mean(log_densities: Array, weights: Array) -> Array:
    """The log density of every row under shares of these log weights, for densities (shares, rows)."""
    return np.asarray(np.logaddexp.reduce(weights[:, None] + log_densities, axis=0))


def learn(curves: Sequence[Array]) -> Array:
    """Log posterior weights of `SHARES` from the forecasts of several cuts, each (shares, rows) of log densities.

    Rows of one cut share one error of the law and one posterior, so a cut counts as `ROWS_A_CUT` rows, by its mean: a
    composite likelihood.
    """
    total = log_prior()
    for curve in curves:
        if curve.shape[1]:
            total = total + min(ROWS_A_CUT, curve.shape[1]) * curve.mean(axis=1)
    return np.asarray(total - np.logaddexp.reduce(total))


def settle(unit: float, curves: Sequence[Array], held: Sequence[NDArray[np.bool_]]) -> Discrepancy:
    """What the forecasts of several cuts say of a law's error: their log densities, each (shares, rows), and whether
    the plain 90 % interval held each of their rows.

    Intervals are widened unless the plain ones held what they say at every one of the last cuts: of other tables it is
    known that they are short.
    """
    weights = learn(curves)
    probabilities = np.exp(weights)
    logs = np.log(np.maximum(SHARES, 1e-300))
    center = float(probabilities[1:] @ logs[1:])
    spread = math.sqrt(float(probabilities[1:] @ (logs[1:] - center) ** 2))
    rows = [one for one in held if one.size]
    last = rows[-ENOUGH_CUTS:]
    widen = len(last) < ENOUGH_CUTS or min(float(one.mean()) for one in last) < SHORT
    return Discrepancy(unit, center, max(spread, 0.05), widen, len(rows), sum(one.size for one in rows))
