"""Noise: densities that integrate to one, draws that follow them, scales that mean what the language says."""

from __future__ import annotations

import math

import jax
import mpmath
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import stats

from fitting import noise
from fitting.special import loggamma
from lawdsl.expression import Number
from lawdsl.law import Noise

# The trapezoid rule on a smooth integrand, tails cut off at 1e12 scales; huber and laplace have a kink.
INTEGRAL = 1e-6
# Kolmogorov-Smirnov on 4000 draws: the false-alarm rate of one of the nine tests, which are seeded.
ALARM = 1e-4
DRAWS = 4000
# float64's rounding times the few dozen operations of the series.
GAMMA = 1e-13
DIGAMMA = 1e-11

SCALE = 0.7
CASES = {
    "normal": (Noise("normal", "identity", Number(1.0)), 4.0),
    "lognormal": (Noise("lognormal", "log", Number(1.0)), 4.0),
    "logit-normal": (Noise("logit-normal", "logit", Number(1.0)), 4.0),
    "laplace": (Noise("laplace", "identity", Number(1.0)), 4.0),
    "student-t 1.5": (Noise("student-t", "identity", Number(1.0)), 1.5),
    "student-t 4": (Noise("student-t", "identity", Number(1.0)), 4.0),
    "student-t 40": (Noise("student-t", "identity", Number(1.0)), 40.0),
    "huber 0.5": (Noise("huber", "identity", Number(1.0), delta=0.5), 4.0),
    "huber 1.345": (Noise("huber", "identity", Number(1.0)), 4.0),
}
every_case = pytest.mark.parametrize("name", CASES)


def log_density(name: str, residual: np.ndarray, scale: float = SCALE) -> np.ndarray:
    family, df = CASES[name]
    with jax.enable_x64(True):
        return np.asarray(noise.log_density(family, jnp.asarray(residual), jnp.float64(scale), jnp.float64(df)))


def grid() -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(-28, 28, 40_001)
    return np.sinh(t), np.cosh(t) * (t[1] - t[0])


@every_case
def test_a_density_integrates_to_one(name: str) -> None:
    residual, weights = grid()
    assert np.sum(np.exp(log_density(name, residual)) * weights) == pytest.approx(1.0, abs=INTEGRAL)


@every_case
def test_draws_follow_the_density(name: str) -> None:
    family, df = CASES[name]
    drawn = noise.draw(family, np.full(DRAWS, SCALE), np.full(DRAWS, df), np.random.default_rng(len(name)))
    assert drawn.shape == (DRAWS,)
    residual, weights = grid()
    cumulative = np.cumsum(np.exp(log_density(name, residual)) * weights)
    assert stats.kstest(drawn, lambda x: np.interp(x, residual, cumulative)).pvalue > ALARM


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("normal", stats.norm(scale=SCALE)),
        ("laplace", stats.laplace(scale=SCALE / math.sqrt(2))),
        ("student-t 1.5", stats.t(1.5, scale=SCALE)),
        ("student-t 4", stats.t(4, scale=SCALE)),
    ],
)
def test_a_density_is_that_of_the_textbook(name: str, same: stats.rv_continuous) -> None:
    residual = np.linspace(-6, 6, 101)
    np.testing.assert_allclose(log_density(name, residual), same.logpdf(residual), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["normal", "lognormal", "logit-normal", "laplace"])
def test_the_scale_is_a_standard_deviation(name: str) -> None:
    residual, weights = grid()
    inside = np.abs(residual) < 1e3
    variance = np.sum((np.exp(log_density(name, residual)) * residual**2 * weights)[inside])
    assert math.sqrt(variance) == pytest.approx(SCALE, rel=INTEGRAL)


def test_huber_turns_linear_at_delta_scales() -> None:
    """Minus its log is Huber's loss: a square up to delta scales, then a line of slope delta in scales."""
    delta = 1.345
    residual = np.array([0.0, 0.5, delta, 2 * delta, 5.0]) * SCALE
    loss = -(log_density("huber 1.345", residual) - log_density("huber 1.345", np.zeros(1)))
    expected = [0.0, 0.125, delta**2 / 2, 1.5 * delta**2, delta * (5.0 - delta / 2)]
    np.testing.assert_allclose(loss, expected, rtol=1e-12)


def test_a_scale_per_row_scatters_each_row() -> None:
    """The median of |z| lies between 0.45 and 1 for every family here; 200 draws leave room on both sides."""
    scales = np.array([1e-6, 1.0, 1e6])
    for family, df in CASES.values():
        drawn = noise.draw(family, np.tile(scales, (200, 1)), df, np.random.default_rng(0))
        assert drawn.shape == (200, 3)
        middle = np.median(np.abs(drawn), axis=0) / scales
        assert ((middle > 0.3) & (middle < 2.0)).all()


@pytest.mark.parametrize("x", [1e-6, 1e-3, 0.1, 0.5, 0.999, 1.0, 1.5, 2.0, 2.5, 3.7, 10.0, 123.4, 1e4, 1e8, 1e20])
def test_log_gamma_and_its_slope(x: float) -> None:
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(loggamma)(jnp.float64(x))
    assert float(value) == pytest.approx(float(mpmath.loggamma(x)), rel=GAMMA, abs=1e-13)
    assert float(slope) == pytest.approx(float(mpmath.digamma(x)), rel=DIGAMMA, abs=DIGAMMA)
