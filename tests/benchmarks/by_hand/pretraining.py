"""Losses of pretraining by hand: size, tokens, compute, precision, experts, sparsity."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .densities import huber, huber_log, normal_log, student, student_log, student_log_df
from .form import Table

HANDS = by_hand = Table()


@by_hand(student_log)
def algorithmic_progress(p: Any, x: Any) -> Any:
    return p.E + p.A / (x.N**p.ap * jnp.exp(p.ay * x.t)) + p.B / (x.D**p.bp * jnp.exp(p.by * x.t))


@by_hand(student_log)
def chinchilla(p: Any, x: Any) -> Any:
    return p.E + p.A / x.N**p.alpha + p.B / x.D**p.beta


@by_hand(student_log)
def inference_aware(p: Any, x: Any) -> Any:
    return p.E + p.A / x.N**p.alpha + p.B / x.D**p.beta


@by_hand(student_log)
def data_constrained(p: Any, x: Any) -> Any:
    unique, fitting = jnp.minimum(x.U, x.D), jnp.minimum(x.N, p.rho * jnp.minimum(x.U, x.D))
    tokens = unique + unique * p.RDs * (1 - jnp.exp(-(x.D / unique - 1) / p.RDs))
    size = fitting + fitting * p.RNs * (1 - jnp.exp(-(x.N / fitting - 1) / p.RNs))
    return p.E + p.A / size**p.alpha + p.B / tokens**p.alpha


@by_hand(huber_log)
def distillation(p: Any, x: Any) -> Any:
    q = 47.034
    alone = 1.220 + (3355 / x.NS**0.408 + 18186 / x.DS**0.431) ** 0.452
    bend = (1 + (x.LT / (alone * p.h * q**p.f1)) ** (1 / p.f1)) ** -q
    return x.LT + x.LT**-p.c0 * bend * (p.A / x.NS**p.alpha + p.B / x.DS**p.beta) ** p.gamma


@by_hand(normal_log)
def farseer(p: Any, x: Any) -> Any:
    n, d = x.N / 1e9, x.D / 1e10
    exponent = -jnp.exp(p.a1 * n**p.al + p.b1)
    return jnp.exp(p.a3 * n**p.g + p.b3) + jnp.exp(p.a2 * n**p.be + p.b2) * d**exponent


@by_hand(huber)
def fine_grained_moe(p: Any, x: Any) -> Any:
    return p.c + (p.g / x.G**p.gamma + p.a) / x.N**p.alpha + p.b / x.D**p.beta


@by_hand(student_log_df)
def fp_training(p: Any, x: Any) -> Any:
    bits = p.gamma * (x.E + 0.5) ** p.delta * (x.M + 0.5) ** p.nu
    cost = x.D**p.beta / x.N**p.alpha * jnp.log2(x.B) / bits
    return p.n / x.N**p.alpha + p.d / x.D**p.beta + p.eps + cost


@by_hand(student_log)
def gemstones(p: Any, x: Any) -> Any:
    return (p.E + p.A / x.N**p.alpha + p.B / x.D**p.beta) * jnp.exp(p.u[x.run])


@by_hand(student_log)
def isoflops(p: Any, x: Any) -> Any:
    c, s = x.C / 1e20, x.sweep
    best = p.N1[s] * c ** p.a[s]
    return p.L1[s] - p.b[s] / p.g * (1 - c**-p.g) + p.h[s] * jnp.log(x.N / best) ** 2


@by_hand(normal_log)
def kaplan_batch(p: Any, x: Any) -> Any:
    return p.Bstar / x.L ** (1 / p.alpha_B)


@by_hand(student_log)
def kaplan_compute(p: Any, x: Any) -> Any:
    return (p.Cc / x.C) ** p.alpha_C


@by_hand(student_log)
def kaplan_d(p: Any, x: Any) -> Any:
    return (p.Dc / x.D) ** p.alpha_D


@by_hand(student_log)
def kaplan_n(p: Any, x: Any) -> Any:
    return (p.Nc / x.N) ** p.alpha_N


@by_hand(student_log)
def kaplan_nd(p: Any, x: Any) -> Any:
    return ((p.Nc / x.N) ** (p.alpha_N / p.alpha_D) + p.Dc / x.D) ** p.alpha_D


@by_hand(student_log)
def kaplan_steps(p: Any, x: Any) -> Any:
    return (p.Nc / x.N) ** p.alpha_N + (p.Sc / x.S) ** p.alpha_S


@by_hand(student_log)
def minicpm(p: Any, x: Any) -> Any:
    n1 = jnp.sqrt(1e21 / (6 * p.r))
    d1 = p.r * n1
    return p.Lbest + p.K * (((n1 / x.N) ** p.alpha - 1) / p.alpha + ((d1 / x.D) ** p.beta - 1) / p.beta)


@by_hand(student_log)
def misfitting(p: Any, x: Any) -> Any:
    best = p.lr1 * (x.D / 3e9) ** p.d / (x.N / 1e8) ** p.m
    return p.E + p.A / x.N**p.alpha + p.B / x.D**p.beta + p.h * jnp.log(x.lr / best) ** 2


@by_hand(huber_log)
def moe_sparsity(p: Any, x: Any) -> Any:
    dense = 1 - x.S
    both = p.d / (dense**p.delta * x.N**p.gamma)
    return p.a / x.N**p.alpha + p.b / x.D**p.beta + p.c / dense**p.lam + both + p.e


@by_hand(student_log)
def moe_upcycling(p: Any, x: Any) -> Any:
    d1, d2, n, e = jnp.log(x.D1 / 1e10), jnp.log(x.D2 / 1e10), jnp.log(x.N / 1e8), jnp.log(x.P)
    tokens = p.A * jnp.exp(-p.a1 * d1 - p.a2 * d2 + p.a3 * d1 * d2)
    return p.E + tokens + p.B * jnp.exp(-p.n * n - p.p * e + p.c * e * n)


@by_hand(student_log)
def overtraining(p: Any, x: Any) -> Any:
    c, ratio, eta = 6 * x.N * x.D, x.D / x.N, p.eta[x.corpus]
    return p.E[x.corpus] + (p.a[x.corpus] * ratio**eta + p.b[x.corpus] * ratio**-eta) * c**-eta


@by_hand(student_log)
def precision(p: Any, x: Any) -> Any:
    size = x.N * (1 - jnp.exp(-x.Pw / p.gw)) * (1 - jnp.exp(-x.Pa / p.ga)) * (1 - jnp.exp(-x.Pkv / p.gkv))
    return p.E + p.A / size**p.alpha + p.B / x.D**p.alpha


@by_hand(normal_log)
def qat(p: Any, x: Any) -> Any:
    s = x.setting
    delta = p.k[s] * x.D ** p.gD[s] * jnp.log2(x.G) ** p.gG[s] / x.N ** p.gN[s]
    return p.E + p.A / x.N**p.alpha + p.B / x.D**p.alpha + delta


@by_hand(student_log)
def reconcile(p: Any, x: Any) -> Any:
    total = x.N + p.omega * x.N ** (1 / 3)
    return p.E + p.A / total**p.alpha + p.B / x.D**p.beta


@by_hand(normal_log)
def repeated_data(p: Any, x: Any) -> Any:
    place = jnp.log(x.r / p.r0) - p.m * jnp.log(x.N / 8e8)
    dip = p.h * jnp.exp(-(place**2) / (2 * p.w**2))
    return (p.Nc / (x.N * (1 - dip))) ** p.alpha_N


@by_hand(student_log)
def routed(p: Any, x: Any) -> Any:
    experts = 1 / (1 / (x.E - 1 + 1 / (1 / p.Estart - 1 / p.Emax)) + 1 / p.Emax)
    n, e = jnp.log10(x.N), jnp.log10(experts)
    return 10 ** (p.a * n + p.b * e + p.c * n * e + p.d)


@by_hand(normal_log)
def sparse_pretraining(p: Any, x: Any) -> Any:
    n1 = x.keep * x.N0
    falling = (n1 + (x.N0 - n1) / (x.shape + 1)) * (x.end - x.start)
    mean = x.N0 * x.start + falling + n1 * (1 - x.end)
    return p.E + p.A / mean**p.alpha + p.B / x.D**p.beta


@by_hand(normal_log)
def sparse_pretraining_phases(p: Any, x: Any) -> Any:
    tokens = x.D_1 + x.D_2 + x.D_3 + x.D_4
    mean = (x.N_1 * x.D_1 + x.N_2 * x.D_2 + x.N_3 * x.D_3 + x.N_4 * x.D_4) / tokens
    return p.E + p.A / mean**p.alpha + p.B / tokens**p.beta


@by_hand(huber_log)
def sparsity(p: Any, x: Any) -> Any:
    return (p.aS * (1 - x.S) ** p.bS + p.cS) * (1 / x.N) ** p.bN + (p.aD / x.D) ** p.bD + p.c


@by_hand(huber_log)
def supervised(p: Any, x: Any) -> Any:
    return p.E + (p.A / x.N**p.alpha + p.B / x.D**p.beta) ** p.gamma


@by_hand(normal_log)
def unraveling_batch(p: Any, x: Any) -> Any:
    return p.Smin[x.curve] * (1 + p.Bstar / x.L ** (1 / p.aB) / x.B)


@by_hand(normal_log)
def unraveling_limit(p: Any, x: Any) -> Any:
    return (p.Nc / x.N) ** p.aN + (p.Sc / x.Smin) ** p.aS


@by_hand(student)
def vocabulary(p: Any, x: Any) -> Any:
    embedding = x.V * x.d
    return -p.E + p.A1 / (x.Nnv / 1e6) ** p.beta + p.A2 / (embedding / 1e6) ** p.alpha2 + p.B / (x.D / 1e9) ** p.beta
