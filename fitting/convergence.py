"""Have the chains converged, and how many independent draws are they worth?

Rank-normalised split R-hat, bulk and tail effective sample size, Monte Carlo standard error and E-BFMI, in numpy
alone. Input is `(chains, draws, ...)`; every function answers for all trailing entries at once. The numbers equal
ArviZ's (0.23 and 1.x, held by a test); importing ArviZ would cost a fit two to three CPU seconds.

Sources: Vehtari, Gelman, Simpson, Carpenter, Buerkner 2021, arXiv 1903.08008 (R-hat: section 4; ESS: sections 3.2, 4.1,
4.3); Geyer 1992 (initial monotone sequence); Betancourt 2016, arXiv 1604.00695 (E-BFMI).

What cannot be judged is nan, never an exception: a parameter with a nan or infinite draw, fewer than 4 draws, or, for
R-hat, fewer than 2 chains.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
MIN_DRAWS = 4
TAILS = (0.05, 0.95)


def rhat(draws: ArrayLike) -> Array:
    """Rank-normalised split R-hat, the larger of bulk and folded: (chains, draws, ...) -> (...)."""

    def one(x: Array) -> Array:
        split = _split(x)
        folded = np.abs(split - np.median(split, axis=(0, 1)))
        return np.maximum(_plain_rhat(_normal_scores(split)), _plain_rhat(_normal_scores(folded)))

    return _each(draws, one, min_chains=2)


def ess_bulk(draws: ArrayLike) -> Array:
    """Effective sample size of the rank-normalised draws: (chains, draws, ...) -> (...)."""
    return _each(draws, lambda x: _ess(_normal_scores(_split(x))))


def ess_tail(draws: ArrayLike) -> Array:
    """The smaller effective sample size of the 5 % and 95 % quantiles: (chains, draws, ...) -> (...)."""

    def one(x: Array) -> Array:
        cuts = np.quantile(x, TAILS, axis=(0, 1))
        low, high = (_ess(_split((x <= cut).astype(float))) for cut in cuts)
        return np.minimum(low, high)

    return _each(draws, one)


def ess_mean(draws: ArrayLike) -> Array:
    """Effective sample size for the posterior mean: (chains, draws, ...) -> (...)."""
    return _each(draws, lambda x: _ess(_split(x)))


def mcse_mean(draws: ArrayLike) -> Array:
    """Monte Carlo standard error of the posterior mean, in the draws' unit: (chains, draws, ...) -> (...)."""
    return _each(draws, lambda x: np.std(x, axis=(0, 1), ddof=1) / np.sqrt(_ess(_split(x))))


def ebfmi(energy: ArrayLike) -> Array:
    """Energy Bayesian fraction of missing information of each chain: (chains, draws) -> (chains,). Below 0.3: poor."""
    e = np.asarray(energy, dtype=float)
    if e.shape[1] < MIN_DRAWS:
        return np.full(e.shape[0], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        bfmi: Array = np.square(np.diff(e, axis=1)).mean(axis=1) / np.var(e, axis=1, ddof=1)
    return bfmi


def _each(draws: ArrayLike, statistic: Callable[[Array], Any], min_chains: int = 1) -> Array:
    """Apply `statistic`, (chains, draws, p) -> (p,), to the entries it can be applied to; nan for the others."""
    x = np.asarray(draws, dtype=float)
    if x.ndim < 2:
        raise ValueError(f"expected draws of shape (chains, draws, ...), found {x.shape}")
    flat = x.reshape(*x.shape[:2], -1)
    out = np.full(flat.shape[2], np.nan)
    good = np.isfinite(flat).all(axis=(0, 1))
    if x.shape[0] >= min_chains and x.shape[1] >= MIN_DRAWS and good.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            out[good] = statistic(flat[:, :, good])
    return out.reshape(x.shape[2:])


def _split(x: Array) -> Array:
    """Each chain cut in halves (the middle draw of an odd number is dropped): (c, n, p) -> (2c, n//2, p)."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _normal_scores(x: Array) -> Array:
    """Normal quantiles of the pooled average ranks, Blom's offset 3/8 (arXiv 1903.08008, equation 14)."""
    pooled = x.reshape(-1, x.shape[2])
    size = pooled.shape[0]
    order = np.argsort(pooled, axis=0)
    ordered = np.take_along_axis(pooled, order, axis=0)
    place = np.arange(size)[:, None]
    opens = np.ones(pooled.shape, dtype=bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    closes = np.ones(pooled.shape, dtype=bool)
    closes[:-1] = opens[1:]
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=0)
    last = np.minimum.accumulate(np.where(closes, place, size)[::-1], axis=0)[::-1]
    ranks = np.empty(pooled.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    scores: Array = _rank_scores(size)[(2 * ranks).astype(int) - 2].reshape(x.shape)
    return scores


@functools.lru_cache(maxsize=8)
def _rank_scores(size: int) -> Array:
    """Normal scores of the ranks 1, 1.5, 2, ..., size. A table, as importing scipy.special costs more than all this."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((rank / 2 - 0.375) / (size + 0.25)) for rank in range(2, 2 * size + 1)])


def _plain_rhat(x: Array) -> Array:
    """R-hat of the chains as given (arXiv 1903.08008, equations 1 to 4): (c, n, p) -> (p,)."""
    n = x.shape[1]
    between = n * np.var(x.mean(axis=1), axis=0, ddof=1)
    within = np.var(x, axis=1, ddof=1).mean(axis=0)
    ratio: Array = np.sqrt((between / within + n - 1) / n)
    return ratio


def _ess(x: Array) -> Array:
    """Effective sample size by Geyer's initial monotone sequence (arXiv 1903.08008, section 3.2): (c, n, p) -> (p,)."""
    chains, n, width = x.shape
    if n < MIN_DRAWS:  # halves of very short chains: no autocorrelation can be estimated
        return np.full(width, np.nan)
    covariance = _autocovariance(x)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (np.var(x.mean(axis=1), axis=0, ddof=1) if chains > 1 else 0.0)
    rho = 1 - (within - covariance) / total
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(-1, 2, width).sum(axis=1)
    # The sequence ends at the first pair that is not positive, or where the series does; that pair is not summed, but
    # its even half is, which lowers the variance for antithetic chains.
    limit = max(0, -(-(n - 4) // 2))
    ended = pairs[: limit + 1] <= 0
    ended[limit] = True
    end = np.argmax(ended, axis=0)
    column = np.arange(width)
    summed = np.where(np.arange(len(pairs))[:, None] < end, np.minimum.accumulate(pairs, axis=0), 0.0).sum(axis=0)
    even = rho[2 * end, column]
    tau = -1 + 2 * summed + np.where((even > 0) | (pairs[end, column] >= 0), even, 0.0)
    size = chains * n
    ess = size / np.maximum(tau, 1 / np.log10(size))
    spread = x.max(axis=(0, 1)) - x.min(axis=(0, 1))
    constant: Array = np.where(spread < np.finfo(float).resolution, float(size), ess)
    return constant


def _autocovariance(x: Array) -> Array:
    """Autocovariance at every lag, averaged over chains, by FFT: (c, n, p) -> (n, p)."""
    n = x.shape[1]
    length = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(x - x.mean(axis=1, keepdims=True), n=length, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    covariance: Array = np.fft.irfft(power, n=length, axis=0)[:n] / n
    return covariance
