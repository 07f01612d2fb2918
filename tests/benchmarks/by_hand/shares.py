"""Errors, accuracies and success rates by hand: responses between 0 and 1."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from . import densities as d
from .densities import normal_logit
from .form import Table

HANDS = by_hand = Table()


@by_hand(lambda y, m, p, x: d.binomial(y, m, x.attacks))
def activation_attack_success(p: Any, x: Any) -> Any:
    return jax.nn.sigmoid(p.s * (jnp.log(p.kappa[x.model] * x.a) - jnp.log(x.t)))


def _passes(rows: Any, b: Any, half_life: Any) -> Any:
    """The utility of nine more passes; every one loses value by the half-life."""
    found = 1.0
    for j in range(1, 10):
        found = found * (jnp.maximum(jnp.minimum(rows, j + 1), j) / j) ** (b * 2 ** (-j / half_life))
    return found


@by_hand(normal_logit)
def data_filtering(p: Any, x: Any) -> Any:
    b, tau = p.b[x.pool], p.tau[x.pool]
    return jnp.minimum(p.a * jnp.minimum(x.n, x.u) ** b * _passes(x.n / x.u, b, tau) + 0.1, 0.999)


@by_hand(normal_logit)
def data_filtering_code(p: Any, x: Any) -> Any:
    b, tau = p.b[x.pool], p.tau[x.pool]
    first = (p.a * jnp.minimum(x.n, x.u) / 1e5) ** b
    return jnp.minimum((first + 0.1) * _passes(x.n / x.u, b, tau), 0.999)


@by_hand(normal_logit)
def data_filtering_mixture(p: Any, x: Any) -> Any:
    b, tau = jnp.stack([p.b_1, p.b_2, p.b_3, p.b_4]), jnp.stack([p.tau_1, p.tau_2, p.tau_3, p.tau_4])
    kept = jnp.arange(1, 5) <= x.p[:, None]
    found = jnp.minimum(x.n, x.p * x.u) ** (jnp.sum(kept * b, axis=1) / x.p)
    for j in range(1, 10):
        power = jnp.sum(kept * b * 2 ** (-j / (x.p[:, None] * tau)), axis=1) / x.p
        found = found * (jnp.maximum(jnp.minimum(x.n / (x.p * x.u), j + 1), j) / j) ** power
    return jnp.minimum(p.a * found + 0.1, 0.999)


@by_hand(normal_logit)
def denoiser_saving(p: Any, x: Any) -> Any:
    return jnp.minimum(p.e0 + p.b * (p.m[x.model] ** x.u * x.C / 2.5e24) ** -p.alpha, 0.999)


@by_hand(d.student_log_4, d.beta)
def downstream_error(p: Any, x: Any) -> Any:
    c, ratio, compute = x.corpus, x.D / x.N, 6 * x.N * x.D
    eta = p.eta[c]
    loss = p.E[c] + (p.a[c] * ratio**eta + p.b[c] * ratio**-eta) * compute**-eta
    return loss, p.eps[c] - p.k[c] * jnp.exp(-p.g[c] * loss)


@by_hand(d.beta)
def imitation(p: Any, x: Any) -> Any:
    return jnp.minimum(p.Y32[x.task] * (x.X / 32) ** p.alpha[x.task], 0.999)


@by_hand(lambda y, m, p, x: d.beta_binomial(y, m, x.trials, p.kappa))
def imitation_success(p: Any, x: Any) -> Any:
    failing = p.F32[x.task]
    shown = x.X * (1 - jnp.exp(-x.K / p.K0))
    return 1 / (1 + failing / (1 - failing) * (shown / 32) ** p.alpha)


@by_hand(d.beta)
def kbit_inference(p: Any, x: Any) -> Any:
    return p.top - p.a / x.N**p.c - p.b * jnp.exp(-x.k / p.g)


@by_hand(lambda y, m, p, x: d.beta_binomial(y, m, x.prompts, p.kappa))
def overoptimization(p: Any, x: Any) -> Any:
    distance = jnp.sqrt(jnp.maximum(x.KL, 1e-12))
    beta = p.height[x.policy] / p.peak[x.policy]
    alpha = beta * (1 + jnp.log(p.peak[x.policy]))
    return jax.nn.sigmoid(p.w0[x.policy] + distance * (alpha - beta * jnp.log(distance)))


@by_hand(lambda y, m, p, x: d.binomial(y, m, x.problems))
def pass_at_k(p: Any, x: Any) -> Any:
    return jnp.exp(-p.a * x.k**-p.b)


@by_hand(normal_logit)
def patchification(p: Any, x: Any) -> Any:
    patches = (x.R / x.p) ** 2
    return jnp.maximum(1 - (p.floor[x.setting] + p.a * (patches / 256) ** (-p.alpha / 2)), 0.001)


@by_hand(normal_logit)
def pruning_crossover(p: Any, x: Any) -> Any:
    fast, slow = p.a * jnp.exp(-x.P / p.P1), p.b * (x.P / 1e6) ** -p.nu
    return jnp.minimum(p.Einf + jnp.maximum(fast, slow), 0.999)


@by_hand(normal_logit)
def pruning_exponential(p: Any, x: Any) -> Any:
    return jnp.minimum(p.Einf + p.a * jnp.exp(-((x.P / p.P1) ** p.s)), 0.999)


@by_hand(normal_logit)
def pruning_fraction(p: Any, x: Any) -> Any:
    kept = p.a * jnp.exp(-((x.f * x.T * x.f**p.r / p.P1) ** p.s))
    return jnp.minimum(p.Einf + kept + p.b * (x.T / 1e6) ** -p.nu, 0.999)


@by_hand(normal_logit)
def pruning_power(p: Any, x: Any) -> Any:
    return jnp.minimum(p.Einf + p.a * (x.P / 1e5) ** -p.nu, 0.999)


@by_hand(normal_logit)
def rl_compute(p: Any, x: Any) -> Any:
    return p.R0 + (p.Amax - p.R0) / (1 + (p.Cmid / x.C) ** p.B)


@by_hand(normal_logit)
def rosenfeld(p: Any, x: Any) -> Any:
    small = p.a / x.n**p.alpha + p.b / x.m**p.beta + p.cinf
    return p.e0 * small / jnp.sqrt(small**2 + p.eta**2)


@by_hand(d.beta)
def synthetic_data(p: Any, x: Any) -> Any:
    beta = p.beta[x.base]
    learned = (p.Dh[x.base] / 1e9) ** beta
    return jnp.minimum(p.A[x.base] * learned / (learned + (x.D / 1e9) ** beta) + p.E[x.base], 0.999)
