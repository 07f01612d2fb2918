"""Laws whose response stands on both sides, by hand: bisection, and one step of Newton's that is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .densities import normal_log, student_log
from .form import Table

HANDS = by_hand = Table()


def solve(f: Callable[[Any, Any], Any], given: Any, low: Any, high: Any) -> Any:
    """The root of f(., given), which rises or falls from low to high: 50 halvings, and a step of Newton's."""
    held = lax.stop_gradient(given)
    falls = f(lax.stop_gradient(low), held) > 0

    def halve(_: int, ends: tuple[Any, Any]) -> tuple[Any, Any]:
        a, b = ends
        middle = (a + b) / 2
        left = (f(middle, held) > 0) == falls
        return jnp.where(left, middle, a), jnp.where(left, b, middle)

    a, b = lax.fori_loop(0, 50, halve, (lax.stop_gradient(low), lax.stop_gradient(high)))
    x = (a + b) / 2
    slope = jax.jvp(lambda y: f(y, held), (x,), (jnp.ones_like(x),))[1]
    return x - f(x, given) / lax.stop_gradient(slope)


@by_hand(student_log)
def kaplan_training(p: Any, x: Any) -> Any:
    def f(loss: Any, given: Any) -> Any:
        size, steps, batch, alpha_s, alpha_b = given
        return size + (steps * (1 + batch / loss ** (1 / alpha_b))) ** alpha_s - loss

    size = (p.Nc / x.N) ** p.alpha_N
    given = (size, p.Sc / x.S, p.Bstar / x.B, p.alpha_S, p.alpha_B)
    return solve(f, given, jnp.full_like(x.N, 0.01), jnp.full_like(x.N, 1000.0))


@by_hand(normal_log)
def learning_curve_m4(p: Any, x: Any) -> Any:
    def f(error: Any, given: Any) -> Any:
        last, part, first, alpha = given
        return error - last - part * (first - error) ** alpha

    c = x.curve
    given = (p.einf[c], p.b[c] * (x.x / 1e7) ** p.c[c], jnp.full_like(p.einf[c], p.e0), p.alpha)
    return solve(f, given, given[0], given[2])


@by_hand(normal_log)
def unraveling(p: Any, x: Any) -> Any:
    def f(loss: Any, given: Any) -> Any:
        size, steps, batch, alpha_s, alpha_b = given
        return size + steps * (1 + batch / loss ** (1 / alpha_b)) ** alpha_s - loss

    size, steps = (p.Nc / x.N) ** p.aN, (p.Sc / x.S) ** p.aS
    given = (size, steps, p.Bstar / x.B, p.aS, p.aB)
    limit = size + steps
    return solve(f, given, limit, 1.01 * f(limit, given) + 1.01 * limit)
