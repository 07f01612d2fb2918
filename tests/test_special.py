"""Densities at the edges of what numbers can be, beside many digits of mpmath: no rounding error is a likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import mpmath
import numpy as np
import pytest
from jax import numpy as jnp

from fitting import counted, noise, special
from lawdsl.expression import Number
from lawdsl.law import Noise

DIGITS = 50
SHAPES = (1e-280, 1e-22, 1e-3, 0.5, 1.0, 3.7, 25.0, 1e4, 1e12, 1e22, 1e39, 1e150, 1e280)
SHARES = (1e-12, 0.02, 0.5, 0.9375, 1 - 1e-12)
CONCENTRATIONS = (1e-6, 1.0, 23.0, 1e4, 1e9, 1e15, 1e30, 1e200)
CLOSE = 1e-13  # relative, or absolute where a value is small


def close(found: Any, expected: Any, size: Any = 1.0) -> None:
    expected = float(expected)
    assert abs(float(found) - expected) <= CLOSE * max(1.0, abs(expected), float(size)), (found, expected)


def in_jax(function: Callable[..., Any], *values: float) -> Any:
    with jax.enable_x64(True):
        return np.asarray(function(*[jnp.float64(value) for value in values]))


@pytest.mark.parametrize("x", SHAPES)
def test_the_log_gamma_function(x: float) -> None:
    with mpmath.workdps(DIGITS):
        expected = mpmath.loggamma(mpmath.mpf(x))
    close(special.loggamma(x, np), expected)
    close(in_jax(special.loggamma, x), expected)


@pytest.mark.parametrize("x", SHAPES)
@pytest.mark.parametrize("k", [0.0, 0.5, 1.0, 20.0, 1e6])
def test_a_difference_of_log_gammas_never_cancels(x: float, k: float) -> None:
    with mpmath.workdps(400):
        expected = mpmath.loggamma(mpmath.mpf(x) + k) - mpmath.loggamma(mpmath.mpf(x))
    # each of the k factors is known to an eps of its log
    close(special.rising(x, k, np), expected, k)


@pytest.mark.parametrize("mean", SHARES)
@pytest.mark.parametrize("kappa", CONCENTRATIONS)
@pytest.mark.parametrize("successes", [0, 1, 7, 19, 20])
def test_the_beta_binomial_at_any_concentration(mean: float, kappa: float, successes: int) -> None:
    """As the concentration grows it is the binomial, and stays it."""
    family = Noise("beta-binomial", trials=Number(20), concentration=Number(1))
    with mpmath.workdps(400):
        m, c = mpmath.mpf(mean), mpmath.mpf(kappa)
        a, b = m * c, (1 - m) * c
        expected = mpmath.log(mpmath.binomial(20, successes)) + (
            mpmath.loggamma(successes + a) - mpmath.loggamma(a) + mpmath.loggamma(20 - successes + b)
            - mpmath.loggamma(b) - mpmath.loggamma(20 + c) + mpmath.loggamma(c)
        )  # fmt: skip
    rows = {"location": mean, "trials": 20.0, "concentration": kappa}
    found = counted.log_density(family, successes / 20, {n: np.float64(v) for n, v in rows.items()}, np)
    close(found, expected, 20 * abs(np.log(kappa)))  # factors as large as the concentration are divided by one another


@pytest.mark.parametrize("mean", SHARES)
@pytest.mark.parametrize("kappa", CONCENTRATIONS)
@pytest.mark.parametrize("share", [1e-9, 0.4, 0.999])
def test_the_beta_at_any_concentration(mean: float, kappa: float, share: float) -> None:
    with mpmath.workdps(400):
        m, c, x = mpmath.mpf(mean), mpmath.mpf(kappa), mpmath.mpf(share)
        a, b = m * c, (1 - m) * c
        gammas = mpmath.loggamma(c) - mpmath.loggamma(a) - mpmath.loggamma(b)
        expected = gammas + (a - 1) * mpmath.log(x) + (b - 1) * mpmath.log(1 - x)
    rows = {"location": np.float64(mean), "concentration": np.float64(kappa)}
    found = float(counted.log_density(Noise("beta", concentration=Number(1)), np.float64(share), rows, np))
    # the two parts of the divergence are known to an eps of the distance
    close(found, expected, kappa * abs(share - mean))


def test_no_concentration_is_rewarded_for_its_size() -> None:
    """Rows of a concentration of 20 are less likely the further it is from there, whichever way."""
    random = np.random.default_rng(0)
    family = Noise("beta-binomial", trials=Number(20), concentration=Number(1))
    rows = {"location": np.full(200, 0.7), "trials": np.full(200, 20.0), "concentration": np.full(200, 20.0)}
    observed = counted.draw(family, rows, random)
    beyond = [1e2, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128, 1e256]
    found = [
        float(counted.log_density(family, observed, {**rows, "concentration": np.full(200, kappa)}, np).sum())
        for kappa in (20.0, *beyond)
    ]
    assert np.all(np.diff(found) <= 1e-9)
    assert found[-1] > -1000


@pytest.mark.parametrize("mean", [1e-9, 0.3, 50.0, 1e6, 1e12])
@pytest.mark.parametrize("count", [0.0, 1.0, 50.0, 1e6])
def test_the_poisson_at_any_mean(mean: float, count: float) -> None:
    with mpmath.workdps(DIGITS):
        m, k = mpmath.mpf(mean), mpmath.mpf(count)
        expected = k * mpmath.log(m) - m - mpmath.loggamma(k + 1)
    rows = {"location": np.float64(mean)}
    close(counted.log_density(Noise("poisson"), np.float64(count), rows, np), expected, max(count, mean))
    with jax.enable_x64(True):
        slope = jax.grad(lambda x: counted.log_density(Noise("poisson"), count, {"location": x}))(mean)
    assert float(slope) == pytest.approx(count / mean - 1, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("df", [0.01, 1.0, 4.0, 1e3, 1e9, 1e18, 1e60, 1e290])
@pytest.mark.parametrize("z", [0.0, 0.3, 40.0])
def test_students_t_at_any_degrees_of_freedom(df: float, z: float) -> None:
    with mpmath.workdps(700):
        n, x = mpmath.mpf(df), mpmath.mpf(z)
        gammas = mpmath.loggamma((n + 1) / 2) - mpmath.loggamma(n / 2)
        expected = gammas - mpmath.log(n * mpmath.pi) / 2 - (n + 1) / 2 * mpmath.log1p(x * x / n)
    close(noise.log_density(Noise("student-t"), np.float64(z), np.float64(1.0), np.float64(df), np), expected, z * z)


@pytest.mark.parametrize("family", ["binomial", "beta-binomial"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_that_rounds_to_a_certainty(family: str, share: float) -> None:
    """It is drawn, has a probability of 1 where every trial went that way, and a slope that a search can use."""
    kind = Noise(family, trials=Number(20), concentration=Number(1) if family == "beta-binomial" else None)
    rows = {"location": np.full(5, share), "trials": np.full(5, 20.0), "concentration": np.full(5, 8.0)}
    drawn = counted.draw(kind, rows, np.random.default_rng(0))
    assert drawn.tolist() == [share] * 5
    half = np.full(5, 0.5)
    assert counted.quantile(kind, rows, half, half).tolist() == [share] * 5
    with jax.enable_x64(True):
        there = {name: jnp.asarray(value) for name, value in rows.items()}
        assert np.allclose(counted.log_density(kind, jnp.full(5, share), there), 0, atol=1e-12)
        others = {name: jnp.float64(values[0]) for name, values in rows.items() if name != "location"}
        slope = jax.grad(lambda mean: counted.log_density(kind, share, {**others, "location": mean}))(share)
    assert np.isfinite(slope)
