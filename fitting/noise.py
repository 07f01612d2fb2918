"""The noise families: log densities for fitting, draws for predicting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import Noise

Array = NDArray[np.float64]


def log_density(noise: Noise, residual: Any, scale: Any, df: Any) -> Any:
    """log density of residuals on the noise's scale (JAX arrays of rows); `scale` is defined in `lawdsl.law.Noise`.

    The huber family is the density whose negative log is Huber's loss with its kink at `delta` scales (Huber 1964,
    eq. 3.9), normalised, so that its scale can be estimated.
    """
    from jax import numpy as jnp

    from .special import loggamma

    return _log_density(noise, residual, scale, df, jnp, loggamma)


def log_density_at(noise: Noise, residual: Any, scale: Any, df: Any) -> Array:
    """The same in numpy."""
    from scipy.special import gammaln

    return np.asarray(_log_density(noise, residual, scale, df, np, gammaln))


def _log_density(noise: Noise, residual: Any, scale: Any, df: Any, xp: Any, loggamma: Any) -> Any:
    z = residual / scale
    match noise.family:
        case "normal" | "lognormal" | "logit-normal":
            return -0.5 * z * z - xp.log(scale) - 0.5 * math.log(2 * math.pi)
        case "laplace":  # scale is a standard deviation: sqrt(2) times Laplace's b
            return -math.sqrt(2) * xp.abs(z) - xp.log(scale) - 0.5 * math.log(2)
        case "student-t":
            constant = loggamma((df + 1) / 2) - loggamma(df / 2) - 0.5 * xp.log(df * math.pi)
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
