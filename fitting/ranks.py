"""Are ranks uniform? A test with an exact false-alarm rate, and the band that goes with it.

The ranks of R truths among L posterior draws each are uniform on 0..L where an engine is right (Talts et al. 2018,
arXiv 1804.06788, theorem 1). Their empirical distribution is held against the uniform one at every rank at once
(Saeilynoja, Buerkner, Vehtari 2022, arXiv 2103.10522). That paper's simultaneous band is found by simulation or for
continuous values; ranks being integers, the counts of ranks below 1, 2, ..., L are a Markov chain of binomials, and the
probability that it stays within any band is computed exactly, by running the chain through the band.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


def p_value(ranks: ArrayLike, most: int) -> float:
    """The probability that uniform ranks on 0..`most` stray as far as these, (R,), at some rank.

    Straying is measured by the smallest pointwise tail probability, so that every rank counts alike.
    """
    found = np.asarray(ranks, dtype=np.int64)
    size = len(found)
    if size == 0:
        return 1.0
    below = np.array([np.count_nonzero(found < rank) for rank in range(1, most + 1)])
    lower, upper = _tails(size, most)
    places = np.arange(most)
    strayed = float(np.minimum(lower[places, below], upper[places, below]).min())
    return _leaving(size, most, strayed)


@functools.lru_cache(maxsize=32)
def band(size: int, most: int, rate: float) -> tuple[Counts, Counts]:
    """The least and largest counts of `size` ranks below 1, ..., `most`, (most,) each, that uniform ranks keep to at
    every rank at once but for a probability of at most `rate`.
    """
    low, high = 0.0, rate
    while not low or high / low > 1.01:
        middle = np.sqrt(low * high) if low else high / 4
        low, high = (middle, high) if _leaving(size, most, middle) <= rate else (low, middle)
    inside = _inside(size, most, low)
    return inside.argmax(axis=1), size - inside[:, ::-1].argmax(axis=1)


def holm(values: ArrayLike) -> Array:
    """p-values adjusted for being the smallest of many (Holm 1979): to be held against the joint false-alarm rate."""
    p = np.asarray(values, dtype=float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


@functools.lru_cache(maxsize=32)
def _tails(size: int, most: int) -> tuple[Array, Array]:
    """P(count <= k) and P(count >= k) of binomial(size, rank/(most + 1)), each (most, size + 1)."""
    chances = np.arange(1, most + 1) / (most + 1)
    masses = _binomial(size, chances)
    lower = np.cumsum(masses, axis=1)
    upper = np.cumsum(masses[:, ::-1], axis=1)[:, ::-1]
    return lower, upper


def _binomial(size: int, chances: Array) -> Array:
    """Probability masses of binomial(size, chance), (chances, size + 1)."""
    k = np.arange(size + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    choices = logs[size] - logs[k] - logs[size - k]
    return np.asarray(np.exp(choices + k * np.log(chances)[:, None] + (size - k) * np.log1p(-chances)[:, None]))


def _inside(size: int, most: int, strayed: float) -> NDArray[np.bool_]:
    """Which counts are less far out, pointwise, than `strayed`: (most, size + 1)."""
    lower, upper = _tails(size, most)
    return np.minimum(lower, upper) > strayed * (1 + 1e-9)


def _leaving(size: int, most: int, strayed: float) -> float:
    """The probability that the counts of uniform ranks are somewhere as far out as `strayed`."""
    inside = _inside(size, most, strayed)
    mass = np.zeros(size + 1)
    mass[0] = 1.0
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    for place in range(most):
        # of the truths not below rank `place`, each is of that very rank with this chance
        chance = 1 / (most + 1 - place)
        held = np.flatnonzero(mass)
        left = (size - held)[:, None]
        more = np.arange(size + 1)[None] - held[:, None]
        valid = (more >= 0) & (more <= left)
        more = np.where(valid, more, 0)
        choices = logs[left] - logs[more] - logs[np.where(valid, left - more, 0)]
        logs_of_steps = choices + more * np.log(chance) + (left - more) * np.log1p(-chance)
        steps = np.exp(np.where(valid, logs_of_steps, -np.inf))
        mass = np.where(inside[place], mass[held] @ steps, 0.0)
    return float(min(1.0, max(0.0, 1.0 - mass.sum())))
