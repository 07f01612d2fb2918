"""Noise of shares and counts: the law gives the mean, and the family bounds what can be observed.

beta           a share, with the shapes mean*concentration and (1 - mean)*concentration
binomial       successes over trials
beta-binomial  the same, its probability a beta about the mean: trials that go together
poisson        a count
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import Noise

Array = NDArray[np.float64]


def log_density(noise: Noise, observed: Any, rows: Mapping[str, Any], xp: Any = None) -> Any:
    """log density, or probability, of observations (JAX arrays of rows, or numpy's where that is `xp`): shares of
    trials for the binomials.

    -inf where the mean is no mean of the family: an equation may leave the shares, and there the gamma function of the
    shapes has poles, which a search would take for the best of optima.
    """
    if xp is None:
        from jax import numpy as xp
    mean = rows["location"]
    if noise.family in ("beta", "beta-binomial"):
        possible = (mean > 0) & (mean < 1)
    else:
        possible = (mean >= 0) & ((mean <= 1) | (noise.family == "poisson"))
    mean = xp.where(possible, mean, 0.5)
    return xp.where(possible, _inside(noise, observed, mean, rows, xp), -xp.inf)


def _inside(noise: Noise, observed: Any, mean: Any, rows: Mapping[str, Any], xp: Any) -> Any:
    """The same for a mean that is one."""
    from .special import loggamma as gamma

    if xp is np:
        from scipy.special import xlog1py, xlogy
    else:
        from jax.scipy.special import xlog1py, xlogy

    def loggamma(x: Any) -> Any:
        return gamma(x, xp)

    match noise.family:
        case "beta":
            a, b = mean * rows["concentration"], (1 - mean) * rows["concentration"]
            inside = xp.where((observed > 0) & (observed < 1), observed, 0.5)
            both = loggamma(a + b) - loggamma(a) - loggamma(b)
            return both + (a - 1) * xp.log(inside) + (b - 1) * xp.log1p(-inside)
        case "binomial":
            n = rows["trials"]
            k = observed * n
            return _choices(n, k, xp) + xlogy(k, mean) + xlog1py(n - k, -mean)
        case "beta-binomial":
            n, a, b = rows["trials"], mean * rows["concentration"], (1 - mean) * rows["concentration"]
            k = observed * n
            drawn = loggamma(k + a) + loggamma(n - k + b) - loggamma(n + a + b)
            return _choices(n, k, xp) + drawn - loggamma(a) - loggamma(b) + loggamma(a + b)
        case "poisson":
            return xlogy(observed, mean) - mean - loggamma(observed + 1)
    raise ValueError(noise.family)


def _choices(n: Any, k: Any, xp: Any) -> Any:
    from .special import loggamma

    return loggamma(n + 1, xp) - loggamma(k + 1, xp) - loggamma(n - k + 1, xp)


def deviation(noise: Noise, rows: Mapping[str, Any]) -> Array:
    """The standard deviation of an observation (numpy)."""
    mean = np.asarray(rows["location"])
    share = mean * (1 - mean)
    match noise.family:
        case "beta":
            variance = share / (1 + rows["concentration"])
        case "binomial":
            variance = share / rows["trials"]
        case "beta-binomial":
            n, kappa = rows["trials"], rows["concentration"]
            variance = share / n * (1 + (n - 1) / (1 + kappa))
        case _:
            variance = mean
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def draw(noise: Noise, rows: Mapping[str, Any], random: np.random.Generator) -> Array:
    """Observations shaped like the mean; NaN where the mean is no mean of the family."""
    mean = np.asarray(rows["location"], dtype=float)
    counts = noise.family == "poisson"
    good = np.isfinite(mean) & (mean > 0) & (counts | (mean < 1))
    mean = np.where(good, mean, 0.5)
    others = {name: np.broadcast_to(rows[name], mean.shape) for name in ("trials", "concentration") if name in rows}
    match noise.family:
        case "beta":
            found = random.beta(mean * others["concentration"], (1 - mean) * others["concentration"])
        case "binomial":
            trials = np.maximum(1, np.rint(others["trials"])).astype(int)
            found = random.binomial(trials, mean) / trials
        case "beta-binomial":
            trials = np.maximum(1, np.rint(others["trials"])).astype(int)
            chance = random.beta(mean * others["concentration"], (1 - mean) * others["concentration"])
            found = random.binomial(trials, chance) / trials
        case _:
            found = random.poisson(np.minimum(mean, 1e15)).astype(float)
    return np.where(good, found, np.nan)
