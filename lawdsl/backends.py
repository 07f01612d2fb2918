"""What each operation of a compiled program does, in numpy and in JAX: two dictionaries with the same keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from typing import Any

Operations = Mapping[str, Callable[..., Any]]


def _shared(xp: Any) -> dict[str, Callable[..., Any]]:
    """What numpy and jax.numpy spell alike."""
    return {
        "add": lambda *parts: reduce(lambda a, b: a + b, parts),
        "mul": lambda *parts: reduce(lambda a, b: a * b, parts),
        "neg": lambda a: -a,
        "reciprocal": lambda a: 1.0 / a,
        "square": lambda a: a * a,
        "pow": lambda a, b: xp.power(a, b),
        "sqrt": xp.sqrt,
        "exp": xp.exp,
        "expm1": xp.expm1,
        "log": xp.log,
        "abs": xp.abs,
        "tanh": xp.tanh,
        "min": lambda *parts: reduce(xp.minimum, parts),
        "max": lambda *parts: reduce(xp.maximum, parts),
        "where": xp.where,
        "softplus": lambda a: xp.logaddexp(a, 0.0),
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "and": lambda *parts: reduce(xp.logical_and, parts),
        "or": lambda *parts: reduce(xp.logical_or, parts),
        "not": xp.logical_not,
    }


@lru_cache(maxsize=1)
def numpy_operations() -> Operations:
    """Operations on numpy arrays; overflow gives inf and a bad domain NaN, without warnings."""
    import numpy as np
    from scipy import special

    def logsumexp(*parts: Any) -> Any:
        top = reduce(np.maximum, parts)
        top = np.where(np.isfinite(top), top, 0.0)
        return top + np.log(sum(np.exp(part - top) for part in parts))

    def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*parts: Any) -> Any:
            with np.errstate(all="ignore"):
                return function(*(np.asarray(part) for part in parts))

        return call

    table = {
        **_shared(np),
        "logsumexp": logsumexp,
        "sigmoid": special.expit,
        "erf": special.erf,
        "gamma": lambda a: np.where(a > 0, special.gamma(a), np.nan),
        "loggamma": lambda a: np.where(a > 0, special.gammaln(a), np.nan),
        "lambertw": lambda a: np.where(a < -np.exp(-1.0), np.nan, special.lambertw(a).real),
    }
    return {name: quiet(function) for name, function in table.items()}


@lru_cache(maxsize=1)
def jax_operations() -> Operations:
    """Operations that JAX traces, compiles and differentiates."""
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax.scipy import special

    def logsumexp(*parts: Any) -> Any:
        top = lax.stop_gradient(reduce(jnp.maximum, parts))
        top = jnp.where(jnp.isfinite(top), top, 0.0)
        return top + jnp.log(reduce(lambda a, b: a + b, [jnp.exp(part - top) for part in parts]))

    @jax.custom_jvp
    def lambertw(x: Any) -> Any:
        # near the branch point the series in sqrt(2(ex + 1)), at large x the asymptote, then Halley's iteration
        series = -1.0 + jnp.sqrt(jnp.maximum(2.0 * (jnp.e * x + 1.0), 0.0))
        logarithm = jnp.log(jnp.maximum(x, 3.0))
        w = jnp.where(x < 0.0, series, jnp.where(x < 3.0, x / (1.0 + x), logarithm - jnp.log(logarithm)))

        def halley(_: int, w: Any) -> Any:
            e = jnp.exp(w)
            f = w * e - x
            step = f / (e * (w + 1.0) - (w + 2.0) * f / (2.0 * w + 2.0))
            return jnp.where(jnp.isfinite(step), w - step, w)

        return jnp.where(x < -jnp.exp(-1.0), jnp.nan, lax.fori_loop(0, 12, halley, w))

    @lambertw.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        w = lambertw(primals[0])
        return w, tangents[0] * jnp.exp(-w) / (1.0 + w)  # W' = exp(-W)/(1 + W), good at 0 too

    return {
        **_shared(jnp),
        "logsumexp": logsumexp,
        "sigmoid": jax.nn.sigmoid,
        "erf": special.erf,
        "gamma": lambda a: jnp.where(a > 0, jnp.exp(special.gammaln(a)), jnp.nan),
        "loggamma": lambda a: jnp.where(a > 0, special.gammaln(a), jnp.nan),
        "lambertw": lambertw,
    }
