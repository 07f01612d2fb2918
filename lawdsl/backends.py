"""What each operation of a compiled program does, in numpy and in JAX: two dictionaries with the same keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from typing import Any

Operations = Mapping[str, Callable[..., Any]]

#: halvings of a bracket in numpy: 1e30 wide becomes narrower than the rounding of a double
BISECTIONS = 80
#: in JAX, halvings and then guarded Newton steps: the first find the basin, the others the digits
HALVINGS = 16
NEWTONS = 12


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

    def special(name: str) -> Callable[..., Any]:
        """A function of scipy's, imported when it is first called: half a second that few laws have need of."""

        def call(a: Any) -> Any:
            from scipy import special

            return getattr(special, name)(a)

        return call

    def logsumexp(*parts: Any) -> Any:
        top = reduce(np.maximum, parts)
        top = np.where(np.isfinite(top), top, 0.0)
        return top + np.log(sum(np.exp(part - top) for part in parts))

    def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*parts: Any) -> Any:
            with np.errstate(all="ignore"):
                return function(*(np.asarray(part) for part in parts))

        return call

    def root(f: Callable[..., Any], low: Any, high: Any, *outside: Any) -> Any:
        """By bisection, on the log where both ends are positive; NaN where f has one sign at both."""
        shape = np.broadcast_shapes(np.shape(low), np.shape(high), *(np.shape(part) for part in outside))
        a, b = np.broadcast_to(np.asarray(low, float), shape), np.broadcast_to(np.asarray(high, float), shape)
        at_a, at_b = f(a, *outside), f(b, *outside)
        ratio = np.broadcast_to(a > 0, shape)
        rising, found = at_a < 0, (at_a < 0) != (at_b < 0)
        found &= np.isfinite(at_a) & np.isfinite(at_b)
        ends = np.where(at_a == 0, a, np.where(at_b == 0, b, np.nan))
        for _ in range(BISECTIONS):
            middle = np.where(ratio, np.sqrt(a) * np.sqrt(b), (a + b) / 2)
            below = (f(middle, *outside) < 0) == rising
            a, b = np.where(below, middle, a), np.where(below, b, middle)
        between = np.where(ratio, np.sqrt(a) * np.sqrt(b), (a + b) / 2)
        return np.where(np.isfinite(ends), ends, np.where(found, between, np.nan))

    def recur(a: Any, b: Any, first: Any) -> Any:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b), np.shape(first))
        a, b = np.broadcast_to(np.where(first > 0, 0.0, a), shape), np.broadcast_to(b, shape)
        y = np.array(b, dtype=float)
        for t in range(1, shape[-1] if shape else 0):
            y[..., t] += a[..., t] * y[..., t - 1]
        return y

    def previous(x: Any, first: Any) -> Any:
        x = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), np.shape(first)))
        return x if x.ndim == 0 else np.where(first > 0, x, np.roll(x, 1, axis=-1))

    table: dict[str, Callable[..., Any]] = {
        **_shared(np),
        "logsumexp": logsumexp,
        "sigmoid": special("expit"),
        "erf": special("erf"),
        "gamma": lambda a: np.where(a > 0, special("gamma")(a), np.nan),
        "loggamma": lambda a: np.where(a > 0, special("gammaln")(a), np.nan),
        "digamma": lambda a: np.where(a > 0, special("digamma")(a), np.nan),
        "lambertw": lambda a: np.where(a < -np.exp(-1.0), np.nan, special("lambertw")(a).real),
        "recur": recur,
        "previous": previous,
    }

    def quiet_root(f: Callable[..., Any], *arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return root(f, *arguments)

    return {**{name: quiet(function) for name, function in table.items()}, "root": quiet_root}


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

    def root(f: Callable[..., Any], low: Any, high: Any, *outside: Any) -> Any:
        """Newton's steps inside a shrinking bracket, then two more that are differentiated: each doubles the order to
        which the result follows f, so that gradients and curvatures are those of the implicit function.
        """
        held = [lax.stop_gradient(jnp.asarray(part, float)) for part in outside]
        shape = jnp.broadcast_shapes(jnp.shape(low), jnp.shape(high), *(jnp.shape(part) for part in held))
        a, b = (jnp.broadcast_to(lax.stop_gradient(jnp.asarray(end, float)), shape) for end in (low, high))
        at_a, at_b = f(a, *held), f(b, *held)
        ratio, rising = a > 0, at_a < 0
        found = ((at_a < 0) != (at_b < 0)) & jnp.isfinite(at_a) & jnp.isfinite(at_b)

        def slope(x: Any, parts: Any) -> tuple[Any, Any]:
            return jax.jvp(lambda y: f(y, *parts), (x,), (jnp.ones_like(x),))

        def middle_of(a: Any, b: Any) -> Any:
            return jnp.where(ratio, jnp.sqrt(jnp.abs(a)) * jnp.sqrt(jnp.abs(b)), (a + b) / 2)

        def narrow(_: int, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            a, b, x = state
            value, steep = slope(x, held)
            below = (value < 0) == rising
            a, b = jnp.where(below, x, a), jnp.where(below, b, x)
            trial = x - value / steep
            inside = (trial > a) & (trial < b)
            halved = middle_of(a, b)
            return a, b, jnp.where(inside, trial, halved)

        def halve(_: int, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            a, b, x = state
            below = (f(x, *held) < 0) == rising
            a, b = jnp.where(below, x, a), jnp.where(below, b, x)
            return a, b, middle_of(a, b)

        at_end = (at_a == 0) | (at_b == 0)
        end = jnp.where(at_a == 0, a, b)
        state = lax.fori_loop(0, HALVINGS, halve, (a, b, middle_of(a, b)))
        x = jnp.where(at_end, end, lax.fori_loop(0, NEWTONS, narrow, state)[2])
        for _ in range(2):
            value, steep = slope(x, outside)
            x = x - value / steep
        return jnp.where(found | at_end, x, jnp.nan)

    def recur(a: Any, b: Any, first: Any) -> Any:
        a = jnp.where(first > 0, 0.0, a)
        shape = jnp.broadcast_shapes(jnp.shape(a), jnp.shape(b))
        if not shape:
            return b + 0.0 * a
        a, b = jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)
        return lax.associative_scan(lambda p, q: (q[0] * p[0], q[0] * p[1] + q[1]), (a, b), axis=-1)[1]

    def previous(x: Any, first: Any) -> Any:
        x = jnp.broadcast_to(x, jnp.broadcast_shapes(jnp.shape(x), jnp.shape(first)))
        return x if x.ndim == 0 else jnp.where(first > 0, x, jnp.roll(x, 1, axis=-1))

    return {
        **_shared(jnp),
        "root": root,
        "recur": recur,
        "previous": previous,
        "logsumexp": logsumexp,
        "sigmoid": jax.nn.sigmoid,
        "erf": special.erf,
        "gamma": lambda a: jnp.where(a > 0, jnp.exp(special.gammaln(a)), jnp.nan),
        "loggamma": lambda a: jnp.where(a > 0, special.gammaln(a), jnp.nan),
        "digamma": lambda a: jnp.where(a > 0, special.digamma(a), jnp.nan),
        "lambertw": lambertw,
    }
