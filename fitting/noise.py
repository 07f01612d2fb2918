"""The noise families: log densities for fitting, draws for predicting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import Noise

from . import carried

Array = NDArray[np.float64]


def log_density(noise: Noise, residual: Any, scale: Any, df: Any, xp: Any = None) -> Any:
    """log density of residuals on the noise's scale (JAX arrays of rows, or numpy's where that is `xp`); `scale` is
    defined in `lawdsl.law.Noise`.

    The huber family is the density whose negative log is Huber's loss with its kink at `delta` scales (Huber 1964,
    eq. 3.9), normalised, so that its scale can be estimated.
    """
    from .special import rising

    if xp is None:
        from jax import numpy as xp
    z = residual / scale
    match noise.family:
        case "normal" | "lognormal" | "logit-normal":
            return -0.5 * z * z - xp.log(scale) - 0.5 * math.log(2 * math.pi)
        case "laplace":  # scale is a standard deviation: sqrt(2) times Laplace's b
            return -math.sqrt(2) * xp.abs(z) - xp.log(scale) - 0.5 * math.log(2)
        case "student-t":
            constant = rising(df / 2, 0.5, xp) - 0.5 * xp.log(df * math.pi)
            return constant - xp.log(scale) - (df + 1) / 2 * xp.log1p(z * z / df)
        case "huber":
            loss = xp.where(xp.abs(z) <= noise.delta, 0.5 * z * z, noise.delta * (xp.abs(z) - 0.5 * noise.delta))
            return -loss - xp.log(scale) - math.log(_huber_mass(noise.delta))
    raise ValueError(noise.family)


def _huber_mass(delta: float) -> float:
    """The integral of exp(-Huber's loss): a normal core and two exponential tails."""
    core = math.sqrt(2 * math.pi) * math.erf(delta / math.sqrt(2))
    return core + 2 * math.exp(-0.5 * delta * delta) / delta


def draw(noise: Noise, scale: Array, df: Any, random: np.random.Generator) -> Array:
    """Residuals on the noise's scale, shaped like `scale`."""
    shape = np.shape(scale)
    match noise.family:
        case "normal" | "lognormal" | "logit-normal":
            z = random.standard_normal(shape)
        case "laplace":
            z = random.laplace(0.0, math.sqrt(0.5), shape)
        case "student-t":
            z = random.standard_t(np.broadcast_to(df, shape))
        case _:
            z = _draw_huber(noise.delta, shape, random)
    return np.asarray(scale * z)


def _draw_huber(delta: float, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    from scipy.special import ndtr, ndtri

    tails = 2 * math.exp(-0.5 * delta * delta) / delta / _huber_mass(delta)
    tail = delta + random.exponential(1 / delta, shape)
    core = ndtri(random.uniform(ndtr(-delta), ndtr(delta), shape))
    sign = np.where(random.random(shape) < 0.5, -1.0, 1.0)
    return np.where(random.random(shape) < tails, sign * tail, core)


def standard(noise: Noise, df: Any, u: Array, v: Array) -> Array:
    """Residuals of scale 1 for pairs of the unit square (`fitting.carried`): of the family, where the pairs fill it."""
    match noise.family:
        case "normal" | "lognormal" | "logit-normal":
            return carried.normal(u, v)
        case "laplace":
            return np.asarray(np.sign(0.5 - u) * math.sqrt(0.5) * np.log1p(-np.abs(1 - 2 * u)))
        case "student-t":
            return carried.student(u, v, df)
    from scipy.special import ndtr, ndtri

    tail, low = math.exp(-0.5 * noise.delta**2) / noise.delta / _huber_mass(noise.delta), ndtr(-noise.delta)
    near = np.minimum(u, 1 - u)
    outer = -noise.delta + np.log(near / tail) / noise.delta
    core = ndtri(low + (np.maximum(near, tail) - tail) / (1 - 2 * tail) * (1 - 2 * low))
    return np.asarray(np.where(u < 0.5, 1, -1) * np.where(near < tail, outer, core))


def information(noise: Noise, df: Any) -> Any:
    """The Fisher information that an observation has of its location, in units of 1/scale^2 (numpy)."""
    match noise.family:
        case "laplace":
            return 2.0
        case "student-t":
            return (np.asarray(df) + 1) / (np.asarray(df) + 3)
        case "huber":  # the mass of the core, on which the slope of the score is one
            return math.sqrt(2 * math.pi) * math.erf(noise.delta / math.sqrt(2)) / _huber_mass(noise.delta)
    return 1.0


def tail(noise: Noise, z: Array, df: Any) -> Array:
    """The probability of a residual further from zero than z >= 0 scales, in numpy."""
    from scipy.special import ndtr, stdtr

    match noise.family:
        case "normal" | "lognormal" | "logit-normal":
            return np.asarray(2 * ndtr(-z))
        case "laplace":
            return np.asarray(np.exp(-math.sqrt(2) * z))
        case "student-t":
            return np.asarray(2 * stdtr(df, -z))
    delta, mass = noise.delta, _huber_mass(noise.delta)
    outer = 2 * np.exp(0.5 * delta * delta - delta * np.maximum(z, delta)) / delta / mass
    core = 2 * math.sqrt(2 * math.pi) * (ndtr(delta) - ndtr(np.minimum(z, delta))) / mass
    return np.asarray(outer + core)
