"""The standard random numbers that the draws of a posterior carry: one pair a draw for every thing that scatters.

A new observation is the law at a draw plus noise. Were that noise drawn anew at every point, a curve of intervals would
tremble, and nobody else could draw it again. So each draw has, for each thing that scatters (a response, a new level,
the law's own error), one pair (u, v) in the unit square, wherever the point lies: noise is a smooth function of it.

Over the draws the pairs fill the square evenly, u at the middles of as many equal parts and v at multiples of the
golden ratio, and they are dealt to the draws in a random order. Ends of 90 % intervals of the noise alone are off by a
hundredth of a standard deviation for 1,000 draws, where independent numbers are off by seven.

The order is that of a hash of 32 bits (FNV-1a of the text, then the multiply-and-shift mixer `lowbias32` of
C. Wellons), which takes a few lines in any language: the page of a report (`fitting/report`) has the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GOLDEN = 0.6180339887498949  # (sqrt(5) - 1)/2: its multiples are the most even in the unit interval


def pairs(seed: int, what: str, count: int) -> tuple[Array, Array]:
    """u and v of `count` draws for what is named so, (count,) each, between 0 and 1 and never at either."""
    place = _order(f"{seed} {what}", count) + 0.5
    return place / count, np.asarray(place * GOLDEN % 1.0)


def normals(seed: int, what: str, count: int) -> Array:
    """Standard normals of `count` draws for what is named so."""
    return normal(*pairs(seed, what, count))


def normal(u: Array, v: Array) -> Array:
    """A standard normal for pairs. Source: Box & Muller 1958, 10.1214/aoms/1177706645."""
    return np.asarray(np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v))


def student(u: Array, v: Array, df: Array) -> Array:
    """Student's t for pairs, smooth in the degrees of freedom. Source: Bailey 1994, Math. Comp. 62:779."""
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(df * np.expm1(-2 / df * np.log(u))) * np.cos(2 * np.pi * v))


def _order(text: str, count: int) -> NDArray[np.int64]:
    """A random order of `count` things that the text decides."""
    start = 0x811C9DC5
    for byte in text.encode():
        start = (start ^ byte) * 0x01000193 & 0xFFFFFFFF
    key = np.uint32(start)
    return np.argsort(_mixed(_mixed(np.arange(count, dtype=np.uint32) + key) ^ key), kind="stable")


def _mixed(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A bijection of 32 bits in which every bit of the input moves every bit of the output."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))
