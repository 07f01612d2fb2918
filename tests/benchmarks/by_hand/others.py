"""What is neither a loss of pretraining nor a share, by hand: optima, curves, degradation, transfer, translation."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from . import densities as d
from .densities import normal, normal_log, normal_log_with_error, student_log, student_rising
from .form import Table

HANDS = by_hand = Table()


@by_hand(normal_log)
def activation_attack(p: Any, x: Any) -> Any:
    return x.d * x.p / (p.chi[x.model] * jnp.log2(x.V)) * x.a


@by_hand()
def azuma_bound(p: Any, x: Any) -> Any:
    complexity = x.N / x.D * x.b * jnp.log(2) + jnp.log(1 / 0.01) / x.D
    return x.R0 + jnp.log(x.V) * jnp.sqrt(complexity / 2) + jnp.sqrt(2 * complexity) + x.dQ


@by_hand(normal)
def best_of_n(p: Any, x: Any) -> Any:
    kl = jnp.log(x.n) - (x.n - 1) / x.n
    distance = jnp.sqrt(jnp.maximum(kl, 1e-12))
    alpha = 2 * p.height[x.model] / p.peak[x.model]
    beta = p.height[x.model] / p.peak[x.model] ** 2
    return distance * (alpha - beta * distance)


@by_hand(normal_log)
def broken(p: Any, x: Any) -> Any:
    return p.a + p.b * x.x**-p.c0 * (1 + (x.x / p.d_1) ** (1 / p.f_1)) ** (-p.c_1 * p.f_1)


@by_hand(normal_log)
def broken_two(p: Any, x: Any) -> Any:
    one = (1 + (x.x / p.d_1) ** (1 / p.f_1)) ** (-p.c_1 * p.f_1)
    two = (1 + (x.x / p.d_2) ** (1 / p.f_2)) ** (-p.c_2 * p.f_2)
    return p.a + p.b * x.x**-p.c0 * one * two


@by_hand(normal_log_with_error)
def compute_optimal(p: Any, x: Any) -> Any:
    return p.N1[x.setup] * (x.C / 5.88e23) ** p.a[x.setup]


@by_hand(d.poisson)
def discovery(p: Any, x: Any) -> Any:
    return p.K0 + p.A * x.n**p.a * x.c**p.b


@by_hand(normal_log)
def discovery_flywheel(p: Any, x: Any) -> Any:
    slack = jnp.where(jnp.abs(1 - p.phi) < 1e-6, 1e-6, 1 - p.phi)
    return p.K0 * jnp.maximum(1 + slack * p.r * x.n**p.a * x.t, 1e-9) ** (1 / slack)


@by_hand(student_log)
def downstream_transfer(p: Any, x: Any) -> Any:
    s, g, beta = p.S[x.task], p.g[x.task], p.beta[x.task]
    alpha = g * s ** (1 / beta - 1) / beta
    log_a = s ** (1 / beta) - alpha * jnp.log(1e8)
    return jnp.maximum(log_a + alpha * jnp.log(x.Dp), 0.001) ** beta


@by_hand(student_log)
def downstream_transfer_loss(p: Any, x: Any) -> Any:
    return p.E[x.task] + p.A[x.task] / (x.Dp / 1e9) ** p.alpha[x.task]


@by_hand(normal_log)
def florenz(p: Any, x: Any) -> Any:
    t = x.task
    return 10 ** (p.b0[t] + p.b1[t] * jnp.log10(x.N) + p.b2[t] * jnp.log10(x.D))


@by_hand(normal_log)
def florenz_compute(p: Any, x: Any) -> Any:
    return 10 ** (p.a0[x.task] + p.a1[x.task] * jnp.log10(x.C))


@by_hand()
def generalization_bound(p: Any, x: Any) -> Any:
    complexity = x.N / x.D * x.b * jnp.log(2) + jnp.log(1000 / 0.01) / x.D
    spread = p.s0 + p.s1 * x.N**-p.s2
    return x.R0 + complexity * jnp.log(x.V) + spread * jnp.sqrt(complexity) + jnp.sqrt(2 * complexity) + x.dQ


@by_hand(normal_log)
def generative_bits(p: Any, x: Any) -> Any:
    f = x.family
    return p.F0[f] + p.a[f] * (x.N / 1e9) ** -p.c + p.kq[f] * jnp.exp(-(x.b + p.s * x.k) / p.gq)


@by_hand(normal_log)
def generative_compute(p: Any, x: Any) -> Any:
    return p.Linf[x.domain] + (p.C0[x.domain] / x.C) ** p.alpha[x.domain]


@by_hand(normal_log)
def generative_optimum(p: Any, x: Any) -> Any:
    return (x.C / p.C0[x.domain]) ** p.beta[x.domain]


@by_hand(normal_log)
def generative_size(p: Any, x: Any) -> Any:
    return p.Linf[x.domain] + (p.N0[x.domain] / x.N) ** p.alpha[x.domain]


@by_hand(normal_log)
def hyperparameters_compute(p: Any, x: Any) -> Any:
    return p.c * x.C**-p.e


@by_hand(normal_log)
def information_growth(p: Any, x: Any) -> Any:
    return p.B * p.beta / (1 - p.beta) * x.D ** (1 - p.beta)


@by_hand(normal_log)
def knowledge_capacity(p: Any, x: Any) -> Any:
    room, facts = jnp.log(p.R[x.recipe] * x.N), jnp.log(x.Bd)
    return jnp.exp(room - p.width * jnp.logaddexp(0, (room - facts) / p.width))


@by_hand(normal_log)
def learning_curve_m1(p: Any, x: Any) -> Any:
    return p.b[x.curve] * (x.x / 1e7) ** p.c[x.curve]


@by_hand(normal_log)
def learning_curve_m2(p: Any, x: Any) -> Any:
    return p.b[x.curve] * (x.x / 1e7) ** p.c[x.curve] + p.einf[x.curve]


@by_hand(normal_log)
def learning_curve_m3(p: Any, x: Any) -> Any:
    return p.b[x.curve] * (1e7 / x.x + 1e7 * p.gamma[x.curve]) ** -p.c[x.curve]


@by_hand(normal_log)
def llama3_tokens(p: Any, x: Any) -> Any:
    return p.A * x.C**p.a


@by_hand(normal_log)
def nmt_bleu(p: Any, x: Any) -> Any:
    return p.cB[x.test] * x.L**-p.pB


@by_hand(normal_log)
def nmt_encoder_decoder(p: Any, x: Any) -> Any:
    return p.alpha[x.test] * (5e7 / x.Ne) ** p.pe * (5e7 / x.Nd) ** p.pd + p.Linf[x.test]


@by_hand(normal_log)
def nmt_multilingual(p: Any, x: Any) -> Any:
    both = x.language_direction
    share = x.p + p.c1[x.direction] * x.p**p.c2 * jnp.maximum(1 - x.p, 1e-12) ** p.c3
    return p.beta[both] * (share * x.N) ** -p.alpha[both] + p.Linf[both]


@by_hand(normal_log)
def one_bit_ntk(p: Any, x: Any) -> Any:
    return p.L0 * jnp.exp(-x.eta * p.lam * x.t) + p.eps0 / jnp.sqrt(x.m)


@by_hand(normal_log)
def one_bit_size(p: Any, x: Any) -> Any:
    return p.E + p.A[x.scheme] * (x.N / 1e8) ** -p.alpha


@by_hand(normal_log)
def parameter_count(p: Any, x: Any) -> Any:
    return x.N + p.omega * x.N**p.e


@by_hand(student_rising)
def precision_ptq(p: Any, x: Any) -> Any:
    return p.CT * jnp.exp(p.u[x.run]) * x.D**p.gD / x.N**p.gN * jnp.exp(-x.P / p.gpost)


@by_hand(student_rising)
def qid(p: Any, x: Any) -> Any:
    return p.k * jnp.exp(p.u[x.run]) * x.D**p.beta / (x.N**p.alpha * x.P**p.gamma)


@by_hand(student_rising)
def qid_interaction(p: Any, x: Any) -> Any:
    size, tokens = jnp.log(x.N / 2e5), jnp.log(x.D / 2e6)
    return p.k * jnp.exp(p.u[x.run] + p.beta * tokens - (p.alpha + p.delta * tokens) * size) / x.P**p.gamma


@by_hand(student_rising)
def qid_methods(p: Any, x: Any) -> Any:
    m = x.method
    return p.k[m] * jnp.exp(p.u[x.run]) * x.D**p.beta / (x.N**p.alpha * x.P ** p.gamma[m])


@by_hand(student_rising)
def qid_per_bit(p: Any, x: Any) -> Any:
    return p.k[x.P] * jnp.exp(p.u[x.run]) * x.D ** p.beta[x.P] / x.N ** p.alpha[x.P]


@by_hand(student_rising)
def qid_saturating(p: Any, x: Any) -> Any:
    free = p.k * jnp.exp(p.u[x.run]) * x.D**p.beta / (x.N**p.alpha * x.P**p.gamma)
    return p.S * free / (p.S + free)


@by_hand(normal_log)
def rectified(p: Any, x: Any) -> Any:
    g = x.group
    learned = p.Dh[g] ** p.beta[g]
    return p.A[g] * learned / (learned + x.D ** p.beta[g]) + p.E[g]


@by_hand(normal_log)
def sae(p: Any, x: Any) -> Any:
    k, n = jnp.log(x.k), jnp.log(x.n)
    return jnp.exp(p.alpha + p.bk * k + p.bn * n + p.gamma * k * n) + jnp.exp(p.zeta + p.eta * k)


@by_hand(normal_log)
def step_law(p: Any, x: Any) -> Any:
    return p.c * x.D**p.d / x.N**p.m


@by_hand(normal_log)
def step_law_batch(p: Any, x: Any) -> Any:
    return p.c * x.D**p.d


@by_hand(normal_log)
def synthetic_images(p: Any, x: Any) -> Any:
    c, images, last = x.configuration, jnp.log(x.D / 1e6), jnp.log(p.last / 1e6)
    least = images - 0.1 * jnp.logaddexp(0, (images - last) / 0.1)
    return p.L1[c] * jnp.exp(-p.k[c] * least)


@by_hand(normal_log)
def synthetic_images_mix(p: Any, x: Any) -> Any:
    worth = p.rho * (jnp.maximum(x.D_syn, 1e-100) / 1e6) ** p.kappa * 1e6
    return p.L1 * ((x.D_real + worth) / 1e6) ** -p.k


@by_hand(normal_log)
def time_series_compute(p: Any, x: Any) -> Any:
    return p.L_ref[x.curve] * (1e-7 / x.C) ** p.alpha[x.curve]


@by_hand(normal_log)
def time_series_data(p: Any, x: Any) -> Any:
    return p.L_ref[x.curve] * (1e9 / x.D) ** p.alpha[x.curve]


@by_hand(normal_log)
def time_series_size(p: Any, x: Any) -> Any:
    return p.L_ref[x.curve] * (1e7 / x.N) ** p.alpha[x.curve]


@by_hand(normal_log)
def train_test_compute(p: Any, x: Any) -> Any:
    return 10 ** (p.c + p.v * x.elo - p.s * jnp.log10(x.Ctrain))


@by_hand(normal_log)
def transfer(p: Any, x: Any) -> Any:
    return p.k * x.DF**p.alpha * x.N**p.beta
