"""Priors on the unconstrained scale: where a fit searches and samples.

A parameter lives in an open interval, its support; `u` is its value on a scale on which that interval is the whole
line: identity, log or logit. Log-normal and logit-normal priors, and those stated by `between`, are plain normals
there.

Exponents are different. The ridge of A/N^alpha is straight in (log A, alpha) and bent in (log A, log alpha), and no
whitening straightens a bend: on the Chinchilla points the log costs three times the gradients and leaves divergences.
So a positive exponent has a `bend` b, u = b*log(exp(theta/b) - 1): the identity well above b, the log well below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import Fault, InputError, Span
from lawdsl.law import Prior

Support = tuple[float, float]
Array = NDArray[np.float64]

#: tries per draw before a prior is taken to leave nothing of its support
REJECTIONS = 200


def constrain(u: Any, support: tuple[Any, Any], xp: Any, bend: float | None = None) -> Any:
    """Values for unconstrained `u`, in numpy or jax.numpy. A finite end of the support may be an array."""
    low, high = support
    if bend is not None:
        return low + bend * xp.logaddexp(u / bend, 0.0)
    if _finite(low) and _finite(high):
        return low + (high - low) / (1.0 + xp.exp(-u))
    if _finite(low):
        return low + xp.exp(u)
    return high - xp.exp(-u) if _finite(high) else u


def log_slope(u: Any, support: tuple[Any, Any], xp: Any, bend: float | None = None) -> Any:
    """log |d constrain / du|."""
    low, high = support
    if bend is not None:
        return -xp.logaddexp(-u / bend, 0.0)
    if _finite(low) and _finite(high):
        return xp.log(high - low) - xp.logaddexp(0.0, u) - xp.logaddexp(0.0, -u)
    if _finite(low):
        return u
    return -u if _finite(high) else xp.zeros_like(u)


def unconstrain(value: Array, support: tuple[Any, Any], bend: float | None = None) -> Array:
    """The inverse of `constrain`, in numpy. A finite end of the support may be an array."""
    low, high = support
    if bend is not None:
        theta = np.maximum(value - low, 1e-290)
        return np.asarray(theta + bend * np.log(-np.expm1(-theta / bend)))
    if _finite(low) and _finite(high):
        return np.asarray(np.log((value - low) / (high - value)))
    if _finite(low):
        return np.asarray(np.log(value - low))
    return np.asarray(-np.log(high - value)) if _finite(high) else np.asarray(value, dtype=float)


def _finite(end: Any) -> bool:
    return not isinstance(end, float) or math.isfinite(end)  # an array is the value of another parameter


def normal_there(prior: Prior, support: Support) -> bool:
    """Whether the prior is a plain normal on the unconstrained scale."""
    natural = {"Normal": (-math.inf, math.inf), "LogNormal": (0.0, math.inf), "LogitNormal": (0.0, 1.0)}
    return prior.between is not None or natural.get(prior.family) == support


def bend_of(prior: Prior, support: Support) -> float | None:
    """Where an exponent's scale turns from log to identity: half the prior's 5 % quantile above its lower end."""
    low, high = support
    if not (math.isfinite(low) and math.isinf(high)):
        return None
    u = draw(prior, support, 2000, np.random.default_rng(0))
    return 0.5 * float(np.exp(np.quantile(u, 0.05)))


def log_density(prior: Prior, support: Support, bend: float | None = None) -> Callable[[Any], Any]:
    """The prior's log density at unconstrained `u` (any shape), up to a constant where bounds cut the family short."""
    import numpyro.distributions as dist
    from jax import numpy as jnp

    if bend is not None:
        at = density_at(prior, support)
        return lambda u: at(constrain(u, support, jnp, bend)) + log_slope(u, support, jnp, bend)
    if normal_there(prior, support):
        normal: Callable[[Any], Any] = dist.Normal(*prior.arguments).log_prob
        return normal
    family = _family(prior)
    return lambda u: family.log_prob(constrain(u, support, jnp)) + log_slope(u, support, jnp)


def density_at(prior: Prior, support: Support) -> Callable[[Any], Any]:
    """The prior's log density at a constrained value."""
    import numpyro.distributions as dist
    from jax import numpy as jnp

    if normal_there(prior, support):
        normal = dist.Normal(*prior.arguments)

        def at(value: Any) -> Any:
            u, low, high = value, *support
            if math.isfinite(low) and math.isfinite(high):
                u = jnp.log(value - low) - jnp.log(high - value)
            elif math.isfinite(low):
                u = jnp.log(value - low)
            elif math.isfinite(high):
                u = -jnp.log(high - value)
            return normal.log_prob(u) - log_slope(u, support, jnp)

        return at
    family = _family(prior)
    return lambda value: family.log_prob(value)


def _family(prior: Prior) -> Any:
    import numpyro.distributions as dist

    families: dict[str, Callable[..., Any]] = {
        "Normal": dist.Normal, "LogNormal": dist.LogNormal, "HalfNormal": dist.HalfNormal,
        "HalfCauchy": dist.HalfCauchy, "Exponential": dist.Exponential, "Gamma": dist.Gamma,
        "InverseGamma": dist.InverseGamma, "Beta": dist.Beta, "StudentT": dist.StudentT, "Cauchy": dist.Cauchy,
        "Uniform": dist.Uniform,
        "LogitNormal": lambda m, s: dist.TransformedDistribution(dist.Normal(m, s), dist.transforms.SigmoidTransform()),
    }  # fmt: skip
    return families[prior.family](*prior.arguments)


def draw(prior: Prior, support: Support, count: int, random: np.random.Generator) -> Array:
    """`count` draws of the prior on the unconstrained scale; a family that bounds cut short is drawn by rejection.

    Raises: InputError (FIT014) where the bounds leave next to nothing of it.
    """
    if normal_there(prior, support):
        mean, sd = prior.arguments
        return random.normal(mean, sd, count)
    a, b = prior.arguments[0], prior.arguments[-1]
    sample: dict[str, Callable[[int], Array]] = {
        "Normal": lambda n: random.normal(a, b, n),
        "LogNormal": lambda n: random.lognormal(a, b, n),
        "HalfNormal": lambda n: np.abs(random.normal(0.0, a, n)),
        "HalfCauchy": lambda n: np.abs(a * random.standard_cauchy(n)),
        "Exponential": lambda n: random.exponential(1 / a, n),
        "Gamma": lambda n: random.gamma(a, 1 / b, n),
        "InverseGamma": lambda n: b / random.gamma(a, 1.0, n),
        "Beta": lambda n: random.beta(a, b, n),
        "LogitNormal": lambda n: 1 / (1 + np.exp(-random.normal(a, b, n))),
        "StudentT": lambda n: prior.arguments[1] + b * random.standard_t(a, n),
        "Cauchy": lambda n: a + b * random.standard_cauchy(n),
        "Uniform": lambda n: random.uniform(a, b, n),
    }
    kept = np.empty(0)
    for _ in range(REJECTIONS):
        values = sample[prior.family](max(2 * count, 64))
        kept = np.concatenate([kept, values[(values > support[0]) & (values < support[1])]])
        if len(kept) >= count:
            return unconstrain(kept[:count], support)
    message = f"{prior} has next to no probability between {support[0]:g} and {support[1]:g}"
    raise InputError(Fault("FIT014", Span(), message, "Move the prior, or widen the bounds."))


def log_kernel(prior: Prior, support: Support, value: Array) -> Array:
    """The prior's log density in numpy, up to a constant: at the unconstrained value of a prior that is a plain normal
    there, of others at the value itself.
    """
    with np.errstate(all="ignore"):
        if normal_there(prior, support):
            mean, sd = prior.arguments
            return np.asarray(-0.5 * ((unconstrain(value, support) - mean) / sd) ** 2)
        return np.asarray(_KERNELS[prior.family](np.asarray(value, dtype=float), *prior.arguments))


def log_density_there(prior: Prior, support: tuple[Any, Any], u: Array, bend: float | None = None) -> Array:
    """`log_density` in numpy, up to a constant: at unconstrained `u`."""
    value = constrain(u, support, np, bend)
    with np.errstate(all="ignore"):
        found = log_kernel(prior, support, value) + log_slope(u, support, np, bend)
        if normal_there(prior, support):  # its kernel is a density there already
            found = found - log_slope(unconstrain(value, support), support, np)
    return np.asarray(found)


#: log densities up to a constant, as numpyro parametrises them
_KERNELS: dict[str, Callable[..., Any]] = {
    "Normal": lambda x, m, s: -0.5 * ((x - m) / s) ** 2,
    "LogNormal": lambda x, m, s: -0.5 * ((np.log(x) - m) / s) ** 2 - np.log(x),
    "HalfNormal": lambda x, s: -0.5 * (x / s) ** 2,
    "HalfCauchy": lambda x, s: -np.log1p((x / s) ** 2),
    "Exponential": lambda x, rate: -rate * x,
    "Gamma": lambda x, a, b: (a - 1) * np.log(x) - b * x,
    "InverseGamma": lambda x, a, b: -(a + 1) * np.log(x) - b / x,
    "Beta": lambda x, a, b: (a - 1) * np.log(x) + (b - 1) * np.log1p(-x),
    "LogitNormal": lambda x, m, s: -0.5 * ((np.log(x) - np.log1p(-x) - m) / s) ** 2 - np.log(x) - np.log1p(-x),
    "StudentT": lambda x, df, m, s: -(df + 1) / 2 * np.log1p(((x - m) / s) ** 2 / df),
    "Cauchy": lambda x, m, s: -np.log1p(((x - m) / s) ** 2),
    "Uniform": lambda x, low, high: np.where((x >= low) & (x <= high), 0.0, -np.inf),
}
