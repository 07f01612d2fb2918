"""Log densities of observations, by hand: `y` is on the noise's scale already, `m` is the law's mean.

p holds the parameters and x the columns of a law, each by its name.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.scipy import stats
from jax.scipy.special import gammaln, xlog1py, xlogy


def normal_log(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.norm.logpdf(y, jnp.log(m), p.sigma)


def normal_log_with_error(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.norm.logpdf(y, jnp.log(m), jnp.sqrt(p.sigma**2 + x.error**2))


def normal(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.norm.logpdf(y, m, p.sigma)


def normal_logit(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.norm.logpdf(y, jnp.log(m) - jnp.log(1 - m), p.sigma)


def student(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.t.logpdf(y, p.nu, m, p.sigma)


def student_log(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.t.logpdf(y, p.nu, jnp.log(m), p.sigma)


def student_log_df(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.t.logpdf(y, p.df, jnp.log(m), p.sigma)


def student_log_4(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.t.logpdf(y, 4.0, jnp.log(m), p.sigma)


def student_rising(y: Any, m: Any, p: Any, x: Any) -> Any:
    """A scale that rises with the mean, with known standard errors beside it."""
    return stats.t.logpdf(y, 4.0, m, jnp.sqrt((p.s0 + p.s1 * m) ** 2 + x.error**2))


def _huber(z: Any, scale: Any) -> Any:
    """Normalised: a normal core and exponential tails, which meet at 1.345 scales."""
    delta = 1.345
    loss = jnp.where(jnp.abs(z) <= delta, 0.5 * z**2, delta * (jnp.abs(z) - 0.5 * delta))
    mass = 2.5066282746310002 * 0.8213747654313257 + 2 * jnp.exp(-0.5 * delta**2) / delta
    return -loss - jnp.log(scale) - jnp.log(mass)


def huber(y: Any, m: Any, p: Any, x: Any) -> Any:
    return _huber((y - m) / p.sigma, p.sigma)


def huber_log(y: Any, m: Any, p: Any, x: Any) -> Any:
    return _huber((y - jnp.log(m)) / p.sigma, p.sigma)


def neighbours(y: Any, m: Any, p: Any, x: Any) -> Any:
    """Runs (runs, steps) whose neighbouring rows are correlated by rho."""
    z = (y - m) / p.sd
    left = jnp.sqrt(1 - p.rho**2)
    first = stats.norm.logpdf(z[:, 0]) - jnp.log(p.sd)
    rest = stats.norm.logpdf((z[:, 1:] - p.rho * z[:, :-1]) / left) - jnp.log(p.sd * left)
    return jnp.concatenate([first[:, None], rest], axis=1)


def beta(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.beta.logpdf(y, m * p.kappa, (1 - m) * p.kappa)


def binomial(y: Any, m: Any, n: Any) -> Any:
    k = y * n
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return ways + xlogy(k, m) + xlog1py(n - k, -m)


def beta_binomial(y: Any, m: Any, n: Any, kappa: Any) -> Any:
    k, a, b = y * n, m * kappa, (1 - m) * kappa
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    drawn = gammaln(k + a) + gammaln(n - k + b) - gammaln(n + kappa)
    return ways + drawn + gammaln(kappa) - gammaln(a) - gammaln(b)


def poisson(y: Any, m: Any, p: Any, x: Any) -> Any:
    return xlogy(y, m) - m - gammaln(y + 1)
