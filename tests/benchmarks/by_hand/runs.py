"""Losses along training by hand: columns are (runs, steps)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import gammaln

from .densities import neighbours
from .form import Table

HANDS = by_hand = Table()


def earlier(x: Any) -> Any:
    """The value a step before, at the first its own."""
    return jnp.concatenate([x[:, :1], x[:, :-1]], axis=1)


def decayed(keep: Any, added: Any) -> Any:
    """y = keep*y_before + added along the steps, the last axis."""

    def step(y: Any, now: tuple[Any, Any]) -> tuple[Any, Any]:
        y = now[0] * y + now[1]
        return y, y

    along = (jnp.moveaxis(keep, -1, 0), jnp.moveaxis(added, -1, 0))
    return jnp.moveaxis(lax.scan(step, jnp.zeros_like(added[..., 0]), along)[1], 0, -1)


@by_hand(neighbours)
def annealing(p: Any, x: Any) -> Any:
    before = earlier(x.s)
    steps = jnp.where(x.s > before, x.s - before, x.s)
    area = jnp.cumsum(x.eta * steps, axis=1)
    lowered = decayed(p.lam**steps, earlier(x.eta) - x.eta)
    return p.L0 + p.A * area**-p.alpha - p.C * jnp.cumsum(lowered * steps, axis=1)


@by_hand(neighbours)
def multi_power(p: Any, x: Any) -> Any:
    before = earlier(x.s)
    steps = jnp.where(x.s > before, x.s - before, x.s)
    area, drop = jnp.cumsum(x.eta * steps, axis=1), earlier(x.eta) - x.eta
    scale = p.C * x.eta**-p.gamma
    rate = jnp.exp(-11.5 + 0.9 * jnp.arange(1, 25))[:, None, None]
    share = 0.9 * jnp.exp(p.beta * jnp.log(rate / scale) - rate / scale - gammaln(p.beta))
    fall = jnp.exp(-rate * x.eta * steps)
    gained = jnp.cumsum(drop * jnp.sum(share, axis=0), axis=1) - jnp.sum(decayed(fall, drop * share * fall), axis=0)
    return p.L0 + p.A * (area + 0.15) ** -p.alpha - p.B * gained
