"""The laws of SLDBench's tasks by hand."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.scipy import stats

from .densities import normal_log, student, student_log
from .form import Hand, Table

by_hand = Table()


@by_hand(student_log)
def data_constrained(p: Any, x: Any) -> Any:
    epochs = x.n_tokens / x.unique_tokens
    repetition = p.c * (x.n_params / x.unique_tokens) ** p.q * epochs**0.25
    return p.E + p.A / (x.n_params / 1e9) ** p.alpha + p.B / (x.n_tokens / 1e9) ** p.beta + repetition


def scatter_of(i: int) -> Any:
    return lambda y, m, p, x: stats.norm.logpdf(y, jnp.log(m), getattr(p, f"sigma_{i}"))


@by_hand(*map(scatter_of, range(1, 6)))
def domain_mixture(p: Any, x: Any) -> Any:
    share = [getattr(x, f"proportion_domain_{i}") for i in range(1, 6)]

    def loss(i: int) -> Any:
        others = sum(getattr(p, f"t{i}{j}") * share[j - 1] for j in range(1, 6) if j != i)
        c, b, e = (getattr(p, f"{name}_{i}") for name in "cbe")
        c, b = (value[x.group] if jnp.ndim(value) else value for value in (c, b))
        return jnp.exp(c + others) * (share[i - 1] + e) ** -b

    return tuple(loss(i) for i in range(1, 6))


def of_group(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.t.logpdf(y, 4.0, m, p.sigma[x.group])


@by_hand(of_group)
def easy_question(p: Any, x: Any) -> Any:
    g = x.group
    small = p.A[g] * jnp.exp(-(x.log_flops + 1) / p.tau[g])
    return -(p.m[g] + small) / (1 + jnp.exp((x.log_flops - p.x0[g]) / p.w))


def ratios(x: Any) -> tuple[Any, ...]:
    return x.n_params_non_embed / 4e8, x.n_tokens / 2e10, x.lr / 0.002, x.batch_size / 256


def rougher(y: Any, m: Any, p: Any, x: Any) -> Any:
    rough = noisy(p, *ratios(x)) + hot(p, *ratios(x))
    return stats.t.logpdf(y, 4.0, m, p.sigma0 + p.sigma1 * rough**2)


@by_hand(rougher)
def lr_bsz(p: Any, x: Any) -> Any:
    n, d, r, b = ratios(x)
    base = p.A * n**-p.An * d**-p.Ad * jnp.exp(-p.And * jnp.log(n) * jnp.log(d))
    slow = p.S * r**-p.Sr * b**p.Sb * n**-p.Sn * d**-p.Sd
    return p.E + base + slow + noisy(p, n, d, r, b) + hot(p, n, d, r, b)


def noisy(p: Any, n: Any, d: Any, r: Any, b: Any) -> Any:
    return p.G * r**p.Gr * b**-p.Gb * n**p.Gn * d**p.Gd


def hot(p: Any, n: Any, d: Any, r: Any, b: Any) -> Any:
    return p.K * r**p.Kr * b**p.Kb * n**p.Kn * d**-p.Kd


@by_hand(normal_log)
def moe(p: Any, x: Any) -> Any:
    worth = ((x.num_experts - 1 + p.s) / p.s) ** p.p
    return p.L0 + (p.L1 - p.L0) * (x.n_params_dense / 1e8 * worth) ** -p.a


def scatter_of_group(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.norm.logpdf(y, jnp.log(m), p.sigma[x.group])


@by_hand(scatter_of_group)
def parallel(p: Any, x: Any) -> Any:
    g = x.group
    size = x.n_params / 1.5e9 * (p.k[g] * jnp.log(x.parallel_size) + 1)
    return p.L1[g] - p.s[g] / p.alpha[g] * (1 - size ** -p.alpha[g])


def narrowing(y: Any, m: Any, p: Any, x: Any) -> Any:
    return stats.norm.logpdf(y, jnp.log(m), p.sigma * (x.sft_examples / 1e4) ** -p.q)


@by_hand(narrowing)
def sft(p: Any, x: Any) -> Any:
    g = x.group

    def left(examples: Any) -> Any:
        return 1 / (1 + jnp.exp(p.beta[g] * (jnp.log(examples / 1e4) - p.x0[g])))

    whole = p.fall[g] / (left(200) - left(409600))
    return p.last[g] + whole * (left(x.sft_examples) - left(409600))


@by_hand(student)
def vocab(p: Any, x: Any) -> Any:
    text = p.C * (x.vocab_size / 1e4) ** p.d * (x.n_params_non_vocab / 1e8) ** p.u / (x.n_chars / 1e9)
    return p.E + p.s * jnp.log((x.n_params_non_vocab / 1e8) ** -p.a + text + p.F * 1e4 / x.vocab_size)


HANDS: dict[str, Hand] = {f"sldbench/{name}": hand for name, hand in by_hand.items()}
