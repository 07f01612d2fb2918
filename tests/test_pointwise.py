"""Densities in numpy: those of the compiled program, row by row and summed."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import lawdsl
from fitting import outcomes, priors
from fitting.density import log_prior
from fitting.model import Model
from fitting.pointwise import row_log_density
from lawdsl.families import FAMILIES
from lawdsl.law import Prior

# numpy and XLA sum in different orders; hundreds of rows of a draw of the prior sum to thousands of nats.
ROUNDING = 1e-9

LAW = """
law: small
title: small
variables: {{N: {{unit: parameters}}}}
response: {{L: {{unit: nats/token}}}}
factors: {{g: {{levels: any}}}}
parameters:
  A: {{prior: "LogNormal(1, 1)"}}
  alpha: {{between: [0.1, 1]}}
  u: {{by: g, pool: partial, center: 0, spread: "HalfNormal(0.3)"}}
  s: {{prior: "HalfNormal(0.5)"}}
equation: L = (0.1 + 0.5*A/(1 + A)/N^alpha)*exp(u/10)
noise: {{{noise}}}
"""
NOISES = {
    "normal": "family: normal, on: log, scale: s",
    "logit": "family: normal, on: logit, scale: s",
    "student-t": "family: student-t, scale: s, df: 1 + A",
    "laplace": "family: laplace, scale: s",
    "error": "family: normal, scale: s, error: L_se",
    "beta": "family: beta, concentration: 1 + 10*s",
}
ROWS: dict[str, Any] = {
    "N": np.geomspace(1, 100, 24), "L": np.linspace(0.6, 0.2, 24), "g": ["p", "q", "r"] * 8,
    "L_se": np.full(24, 0.01),
}  # fmt: skip


def residuals(noise: str) -> Any:
    """The law on the rows, a value of each parameter, and what the noise's scale is there."""
    law = lawdsl.parse(LAW.format(noise=NOISES[noise]))
    table = lawdsl.bind(law, ROWS)
    values = {"A": np.array([1.0]), "alpha": np.array([0.5]), "u": np.zeros((1, 3)), "s": np.array([0.2])}
    mean = 0.1 + 0.25 / np.sqrt(table.columns["N"])
    return Model(law, table), values, table.columns["L"], mean


@pytest.mark.parametrize("noise", NOISES)
def test_densities_are_scipys(noise: str) -> None:
    model, values, x, mean = residuals(noise)
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    expected = {
        "normal": lambda: stats.norm.logpdf(np.log(x), np.log(mean), 0.2) - np.log(x),
        "logit": lambda: stats.norm.logpdf(logit(x), logit(mean), 0.2) - np.log(x * (1 - x)),
        "student-t": lambda: stats.t.logpdf(x, 2, mean, 0.2),
        "laplace": lambda: stats.laplace.logpdf(x, mean, 0.2 / np.sqrt(2)),
        "error": lambda: stats.norm.logpdf(x, mean, np.hypot(0.2, 0.01)),
        "beta": lambda: stats.beta.logpdf(x, 3 * mean, 3 * (1 - mean)),
    }[noise]()
    np.testing.assert_allclose(row_log_density(model, values)[0], expected, rtol=ROUNDING)


def test_the_posterior_is_the_compiled_one() -> None:
    """With a population, in either way of writing its levels."""
    law = lawdsl.parse(LAW.format(noise=NOISES["normal"]))
    for repeats in (1, 3):
        rows = {name: list(values) * repeats for name, values in ROWS.items()}
        rows["g"] = [f"{g}{i % 8 // 4 if repeats == 1 else 0}" for i, g in enumerate(rows["g"])]
        model = Model(law, lawdsl.bind(law, rows))
        u = model.prior_draws(3, 0)
        values, _ = model.unpack(u, np)
        slope = outcomes.log_slope_of_scale(law.outcomes[0].noise, model.table.columns["L"]).sum()
        found = log_prior(model, u) + row_log_density(model, values).sum(axis=1) - slope
        with jax.enable_x64(True):
            expected = -np.asarray(jax.jit(jax.vmap(model.potential(), (0, None)))(u, model.data))
        np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=ROUNDING, atol=1e-8)


SCIPY = {
    "Normal": stats.norm(1, 2), "LogNormal": stats.lognorm(2, scale=np.e), "HalfNormal": stats.halfnorm(scale=2),
    "HalfCauchy": stats.halfcauchy(scale=2), "Exponential": stats.expon(scale=0.5),
    "Gamma": stats.gamma(2, scale=1 / 3),
    "InverseGamma": stats.invgamma(2, scale=3), "Beta": stats.beta(2, 3), "StudentT": stats.t(3, 0, 2),
    "Cauchy": stats.cauchy(0, 2), "Uniform": stats.uniform(0.1, 0.7),
}  # fmt: skip
ARGUMENTS = {
    "Normal": (1, 2), "LogNormal": (1, 2), "HalfNormal": (2,), "HalfCauchy": (2,), "Exponential": (2,), "Gamma": (2, 3),
    "InverseGamma": (2, 3), "Beta": (2, 3), "LogitNormal": (0, 1), "StudentT": (3, 0, 2), "Cauchy": (0, 2),
    "Uniform": (0.1, 0.8),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_every_familys_density(family: str) -> None:
    """On the unconstrained scale: at the value, with the slope; with the family's support and with bounds."""
    prior = Prior(family, tuple(float(x) for x in ARGUMENTS[family]))
    x = np.array([0.2, 0.3, 0.7])
    if family == "LogitNormal":
        expected = stats.norm.logpdf(np.log(x / (1 - x))) - np.log(x * (1 - x))
    else:
        expected = SCIPY[family].logpdf(x)
    for support, bend in ((FAMILIES[family].support, None), ((0.1, 0.8), None), ((0.0, math.inf), 0.2)):
        u = priors.unconstrain(x, support, bend)
        found = priors.log_density_there(prior, support, u, bend)
        there = expected + priors.log_slope(u, support, np, bend)
        np.testing.assert_allclose(found - found[0], there - there[0], atol=1e-8)
