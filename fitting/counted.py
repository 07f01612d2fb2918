"""Noise of shares and counts: the law gives the mean, and the family bounds what can be observed.

beta           a share, with the shapes mean*concentration and (1 - mean)*concentration
binomial       successes over trials
beta-binomial  the same, its probability a beta about the mean: trials that go together
poisson        a count
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import Noise

Array = NDArray[np.float64]

#: a shape of the beta distribution that is as good as none; the square of its inverse, in slopes, is still a number
SMALLEST = 1e-140

#: the variance of a count beyond which its distribution is that of an expansion about the normal
SMOOTH = 1e4


def log_density(noise: Noise, observed: Any, rows: Mapping[str, Any], xp: Any = None) -> Any:
    """log density, or probability, of observations (JAX arrays of rows, or numpy's where that is `xp`): shares of
    trials for the binomials.

    -inf where the mean is no mean of the family: an equation may leave the shares, and there the gamma function of the
    shapes has poles, which a search would take for the best of optima.
    """
    if xp is None:
        from jax import numpy as xp
    mean = rows["location"]
    possible = _possible(noise, mean)
    mean = xp.where(possible, mean, 0.5)
    return xp.where(possible, _inside(noise, observed, mean, rows, xp), -xp.inf)


def _possible(noise: Noise, mean: Any) -> Any:
    """Where a mean is one of the family. A share that rounds to 0 or 1 is one of a count's and none of a beta's."""
    if noise.family == "beta":
        return (mean > 0) & (mean < 1)
    return (mean >= 0) & ((mean <= 1) | (noise.family == "poisson"))


def _shapes(mean: Any, concentration: Any, xp: Any) -> tuple[Any, Any]:
    """The shapes of the beta distribution about a mean."""
    return xp.maximum(mean * concentration, SMALLEST), xp.maximum((1 - mean) * concentration, SMALLEST)


def _inside(noise: Noise, observed: Any, mean: Any, rows: Mapping[str, Any], xp: Any) -> Any:
    """The same for a mean that is one."""
    from .special import remainder, rising

    match noise.family:
        case "beta":
            kappa = rows["concentration"]
            a, b = _shapes(mean, kappa, xp)
            x = xp.where((observed > 0) & (observed < 1), observed, 0.5)
            off, rest = x - mean, 1 - mean
            divergence = mean * _log_ratio(x, mean, off, xp) + rest * _log_ratio(1 - x, rest, -off, xp)
            both = remainder(kappa, xp) - remainder(a, xp) - remainder(b, xp)
            return kappa * divergence + both - xp.log(x) - xp.log1p(-x)
        case "binomial":
            n = rows["trials"]
            k = observed * n
            # a mean of 0 or 1 has a slope only if what it denies was seen
            won, lost = xp.where(k > 0, mean, 1.0), xp.where(k < n, mean, 0.0)
            return _choices(n, k, xp) + k * xp.log(won) + (n - k) * xp.log1p(-lost)
        case "beta-binomial":
            n = rows["trials"]
            a, b = _shapes(mean, rows["concentration"], xp)
            k = observed * n
            return _choices(n, k, xp) + rising(a, k, xp) + rising(b, n - k, xp) - rising(a + b, n, xp)
        case "poisson":
            k = xp.maximum(observed, 1.0)
            some = k * xp.log(xp.where(observed > 0, mean, 1.0) / k) - (mean - k) - xp.log(k) - remainder(k, xp)
            return xp.where(observed > 0, some, -mean)
    raise ValueError(noise.family)


def _sure(mean: Any) -> Any:
    """Where a share is one without scatter."""
    return (mean == 0) | (mean == 1)


def _log_ratio(x: Any, mean: Any, off: Any, xp: Any) -> Any:
    """log(x/mean), to relative precision where they are close; `off` is x - mean."""
    near = xp.abs(off) < 0.5 * mean
    return xp.where(near, xp.log1p(xp.where(near, off / mean, 0.0)), xp.log(x / mean))


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
    good = np.isfinite(mean) & _possible(noise, mean)
    mean = np.where(good, mean, 0.5)
    others = {name: np.broadcast_to(rows[name], mean.shape) for name in ("trials", "concentration") if name in rows}
    match noise.family:
        case "beta":
            found = random.beta(*_shapes(mean, others["concentration"], np))
        case "binomial":
            trials = np.maximum(1, np.rint(others["trials"])).astype(int)
            found = random.binomial(trials, mean) / trials
        case "beta-binomial":
            trials = np.maximum(1, np.rint(others["trials"])).astype(int)
            chance = np.where(_sure(mean), mean, random.beta(*_shapes(mean, others["concentration"], np)))
            found = random.binomial(trials, chance) / trials
        case _:
            found = random.poisson(np.minimum(mean, 1e15)).astype(float)
    return np.where(good, found, np.nan)


def quantile(noise: Noise, rows: Mapping[str, Any], u: Array, v: Array) -> Array:
    """Observations shaped like the mean for pairs of the unit square (`fitting.carried`): of the family, where the
    pairs fill it; NaN where the mean is no mean of the family. By the inverse of the distribution function, at u; the
    chance of a beta-binomial is that at v.
    """
    from scipy.special import betaincinv

    mean = np.asarray(rows["location"], dtype=float)
    good = np.isfinite(mean) & _possible(noise, mean)
    mean = np.where(good, mean, 0.5)
    match noise.family:
        case "beta":
            found = betaincinv(*_shapes(mean, rows["concentration"], np), u)
        case "poisson":
            found = _count(u, np.minimum(mean, 1e15), np.zeros_like(mean), math.inf)
        case _:
            trials = np.maximum(1.0, np.rint(rows["trials"]))
            chance = mean
            if noise.family == "beta-binomial":
                chance = np.where(_sure(mean), mean, betaincinv(*_shapes(mean, rows["concentration"], np), v))
            found = _count(u, trials * chance, chance, trials) / trials
    return np.where(good, found, np.nan)


def _count(u: Array, mean: Array, chance: Array, trials: Any) -> Array:
    """The least count with a probability of at least u of no more, binomial, or Poisson where trials are without end.

    Where the variance is large, by the first two terms of Cornish and Fisher's expansion (Abramowitz & Stegun 26.2.49),
    whose error is then a fraction of a count.
    """
    from scipy.special import ndtri

    variance = mean * (1 - chance)
    deviation = np.sqrt(np.maximum(variance, 1e-300))
    z = ndtri(u)
    smooth = np.ceil(mean + deviation * z + (1 - 2 * chance) / 6 * (z * z - 1) - 0.5)
    found: Array = np.clip(smooth, 0, trials)
    exact = variance <= SMOOTH
    if np.any(exact):
        u, mean, chance, trials = (np.broadcast_to(part, found.shape)[exact] for part in (u, mean, chance, trials))
        k = np.clip(found[exact], 0, trials)
        for _ in range(100):  # the guess is a few counts off, and nearly every row stands at once
            more = _at_most(k, mean, chance, trials) < u
            fewer = ~more & (k > 0) & (_at_most(k - 1, mean, chance, trials) >= u)
            if not (more | fewer).any():
                break
            k = k + more - fewer
        found[exact] = k
    return found


def _at_most(k: Array, mean: Array, chance: Array, trials: Array) -> Array:
    """The probability of at most k."""
    from scipy.special import betainc, gammaincc

    inside = np.maximum(k, 0)
    with np.errstate(all="ignore"):
        binomial = np.where(k < trials, betainc(np.maximum(trials - inside, 0.5), inside + 1, 1 - chance), 1.0)
        return np.asarray(np.where(k < 0, 0.0, np.where(np.isinf(trials), gammaincc(inside + 1, mean), binomial)))
