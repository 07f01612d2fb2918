"""Priors on the unconstrained scale: the maps are inverse, the densities are densities, the draws follow them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import numpy as jnp
from scipy import stats

import lawdsl
from fitting import priors
from lawdsl.errors import InputError
from lawdsl.families import FAMILIES
from lawdsl.law import Parameter

# |u| up to 12 loses exp(12) of float64's 1e-16 where a logit comes close to its end.
THERE_AND_BACK = 1e-9
# Automatic derivatives in float64 differ from the formula by rounding alone.
SLOPE = 1e-10
# The trapezoid rule on a smooth integrand that vanishes at both ends; Uniform has corners, and heavy tails are cut off.
INTEGRAL = 1e-6
# Kolmogorov-Smirnov on 4000 draws: the false-alarm rate of one test. There are about thirty, and they are seeded.
ALARM = 1e-4
DRAWS = 4000

INF = math.inf

#: one of each family, and each way of bounding: nothing, below, above, both sides
PRIORS = (
    'prior: "Normal(0.5, 1.5)"',
    'prior: "Normal(0.5, 1.5)", bounds: [0, inf]',
    'prior: "Normal(0.5, 1.5)", bounds: [-inf, 1]',
    'prior: "Normal(0.5, 1.5)", bounds: [-1, 2]',
    'prior: "LogNormal(0.2, 0.7)"',
    'prior: "LogNormal(0.2, 0.7)", bounds: [0.5, inf]',
    'prior: "LogNormal(0.2, 0.7)", bounds: [0.5, 3]',
    'prior: "HalfNormal(2)"',
    'prior: "HalfNormal(2)", bounds: [0, 3]',
    'prior: "HalfCauchy(0.5)"',
    'prior: "Exponential(2)"',
    'prior: "Gamma(2, 0.1)"',
    'prior: "InverseGamma(3, 2)"',
    'prior: "Beta(2, 3)"',
    'prior: "LogitNormal(0.3, 1.2)"',
    'prior: "LogitNormal(0.3, 1.2)", bounds: [0.2, 0.9]',
    'prior: "StudentT(4, 0.5, 2)"',
    'prior: "StudentT(4, 0.5, 2)", bounds: [0, inf]',
    'prior: "Cauchy(0.5, 2)"',
    'prior: "Cauchy(0.5, 2)", bounds: [-2, 1]',
    'prior: "Uniform(1, 3)"',
    'prior: "Uniform(1, 3)", bounds: [1.5, 4]',
    "between: [0.1, 1.0]",
    "between: [-1, 2]",
    "between: [0.2, 0.6], bounds: [0, 1]",
    "between: [2, 5], bounds: [1, inf]",
    "between: [-5, -2], bounds: [-inf, -1]",
)

CUMULATIVE: dict[str, Callable[..., np.ndarray]] = {
    "Normal": lambda x, m, s: stats.norm.cdf(x, m, s),
    "LogNormal": lambda x, m, s: stats.lognorm.cdf(x, s, scale=math.exp(m)),
    "HalfNormal": lambda x, s: stats.halfnorm.cdf(x, scale=s),
    "HalfCauchy": lambda x, s: stats.halfcauchy.cdf(x, scale=s),
    "Exponential": lambda x, r: stats.expon.cdf(x, scale=1 / r),
    "Gamma": lambda x, a, r: stats.gamma.cdf(x, a, scale=1 / r),
    "InverseGamma": lambda x, a, s: stats.invgamma.cdf(x, a, scale=s),
    "Beta": lambda x, a, b: stats.beta.cdf(x, a, b),
    "LogitNormal": lambda x, m, s: stats.norm.cdf(np.log(x) - np.log1p(-np.asarray(x)), m, s),
    "StudentT": lambda x, df, m, s: stats.t.cdf(x, df, m, s),
    "Cauchy": lambda x, m, s: stats.cauchy.cdf(x, m, s),
    "Uniform": lambda x, low, high: stats.uniform.cdf(x, low, high - low),
}


@cache
def parameter(text: str) -> Parameter:
    """A parameter as a law file states it."""
    law = lawdsl.parse(
        "{law: one, title: one, variables: {x: {unit: tokens}}, response: {y: {unit: nats/token}}, parameters: {a: {"
        + text
        + "}}, equation: y = a*x, noise: {family: normal, scale: 1}}"
    )
    return law.parameter["a"]


def mass(text: str) -> Callable[[np.ndarray], np.ndarray]:
    """The family's cumulative distribution at values, not yet cut to the bounds."""
    one = parameter(text)
    assert one.prior is not None
    prior = one.prior
    if prior.between is not None:
        return lambda x: stats.norm.cdf(priors.unconstrain(np.asarray(x), one.support), *prior.arguments)
    return lambda x: CUMULATIVE[prior.family](x, *prior.arguments)


def ends(text: str) -> tuple[float, float]:
    """The family's mass below and up to the ends of the support."""
    one = parameter(text)
    with np.errstate(all="ignore"):
        low, high = (float(mass(text)(np.asarray(end))) for end in one.support)
    return low, high


def wide(support: tuple[float, float], bend: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Points of the unconstrained line and their weights for the trapezoid rule, far into heavy tails."""
    left = right = 60.0
    if support == (-INF, INF):
        left = right = math.sinh(30)
    if bend is not None:  # below 30 bends a value above one cannot be told from the end
        left, right = 30 * bend, math.sinh(30)
    t = np.linspace(-math.asinh(left), math.asinh(right), 20_001)
    return np.sinh(t), np.cosh(t) * (t[1] - t[0])


SUPPORTS = [(-INF, INF), (0.0, INF), (-2.5, INF), (-INF, 3.0), (0.0, 1.0), (-4.0, 0.5)]
supports = st.sampled_from(SUPPORTS)
bends = st.floats(0.02, 3.0)


@given(supports, st.floats(-12, 12))
def test_there_and_back(support: tuple[float, float], u: float) -> None:
    value = priors.constrain(np.asarray(u), support, np)
    assert support[0] < value < support[1]
    assert float(priors.unconstrain(np.asarray(value), support)) == pytest.approx(u, abs=THERE_AND_BACK)


@given(st.sampled_from([0.0, -2.5, 1.0]), bends, st.floats(-12, 12))
def test_there_and_back_along_a_bend(low: float, bend: float, shares: float) -> None:
    u = shares * bend
    value = priors.constrain(np.asarray(u), (low, INF), np, bend)
    assert value > low
    back = float(priors.unconstrain(np.asarray(value), (low, INF), bend))
    assert back == pytest.approx(u, abs=THERE_AND_BACK * (1 + bend))


@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("bend", [None, 0.02, 1.0])
def test_the_slope_is_the_derivative(support: tuple[float, float], bend: float | None) -> None:
    if bend is not None and not math.isfinite(support[0]):
        return  # exponents are bounded below
    u = np.random.default_rng(0).uniform(-12, 12, 500) * (bend or 1.0)
    with jax.enable_x64(True):
        ones = jnp.ones(500)
        _, slope = jax.jvp(lambda x: priors.constrain(x, support, jnp, bend), (jnp.asarray(u),), (ones,))
        np.testing.assert_allclose(priors.log_slope(jnp.asarray(u), support, jnp, bend), np.log(slope), atol=SLOPE)


def test_a_bend_is_the_log_below_and_the_identity_above() -> None:
    bend = 0.05
    assert float(priors.constrain(np.asarray(2.0), (0.0, INF), np, bend)) == pytest.approx(2.0, rel=1e-12)
    small = priors.constrain(np.asarray([-1.0, -1.5]), (0.0, INF), np, bend)
    assert np.diff(np.log(small))[0] == pytest.approx(-0.5 / bend, rel=1e-6)


def test_an_end_may_be_the_value_of_another_parameter() -> None:
    low = np.array([0.5, 2.0])
    values = priors.constrain(np.array([0.0, 1.0]), (low, INF), np)
    np.testing.assert_allclose(values, low + np.exp([0.0, 1.0]))
    np.testing.assert_allclose(priors.unconstrain(values, (low, INF)), [0.0, 1.0], atol=THERE_AND_BACK)


def test_every_family_is_tried() -> None:
    assert {parameter(text).prior.family for text in PRIORS} == set(FAMILIES)  # type: ignore[union-attr]


@pytest.mark.parametrize("text", PRIORS)
def test_the_density_integrates_to_the_mass_within_the_bounds(text: str) -> None:
    """To one, where no bounds cut the family short; the constant that is missing otherwise is the mass they leave."""
    one = parameter(text)
    assert one.prior is not None
    u, weights = wide(one.support, None)
    with jax.enable_x64(True):
        density = np.exp(np.asarray(jax.jit(priors.log_density(one.prior, one.support))(u)))
    low, high = ends(text)
    assert np.sum(density * weights) == pytest.approx(high - low, abs=INTEGRAL)


@pytest.mark.parametrize("text", [t for t in PRIORS if parameter(t).support[0] > -INF == -parameter(t).support[1]])
def test_a_bend_changes_the_scale_and_not_the_prior(text: str) -> None:
    one = parameter(text)
    assert one.prior is not None
    bend = priors.bend_of(one.prior, one.support)
    assert bend is not None
    u, weights = wide(one.support, bend)
    with jax.enable_x64(True):
        density = np.exp(np.asarray(jax.jit(priors.log_density(one.prior, one.support, bend))(u)))
    low, high = ends(text)
    assert np.sum(density * weights) == pytest.approx(high - low, abs=INTEGRAL)
    half = u <= float(priors.unconstrain(np.asarray(np.median(_values(text))), one.support, bend))
    assert np.sum((density * weights)[half]) / (high - low) == pytest.approx(0.5, abs=4 / math.sqrt(DRAWS))


@pytest.mark.parametrize("text", [*PRIORS[:2], 'prior: "LogNormal(0.2, 0.7)"', *PRIORS[-5:]])
def test_the_density_at_a_value_is_that_of_the_scale(text: str) -> None:
    one = parameter(text)
    assert one.prior is not None
    u = np.linspace(-3, 3, 13)
    with jax.enable_x64(True):
        at = priors.density_at(one.prior, one.support)(priors.constrain(u, one.support, np))
        there = priors.log_density(one.prior, one.support)(u)
        np.testing.assert_allclose(at + priors.log_slope(u, one.support, np), there, rtol=1e-9, atol=1e-9)


def _values(text: str) -> np.ndarray:
    one = parameter(text)
    assert one.prior is not None
    u = priors.draw(one.prior, one.support, DRAWS, np.random.default_rng(PRIORS.index(text)))
    assert u.shape == (DRAWS,)
    return np.asarray(priors.constrain(u, one.support, np))


@pytest.mark.parametrize("text", PRIORS)
def test_draws_follow_the_density(text: str) -> None:
    values = _values(text)
    low, high = ends(text)
    assert stats.kstest(values, lambda x: (mass(text)(x) - low) / (high - low)).pvalue > ALARM


@pytest.mark.parametrize("text", [text for text in PRIORS if text.startswith("between")])
def test_between_states_the_central_ninety_percent(text: str) -> None:
    one = parameter(text)
    assert one.prior is not None and one.prior.between is not None
    np.testing.assert_allclose(mass(text)(np.asarray(one.prior.between)), [0.05, 0.95], atol=1e-9)


def test_bounds_that_leave_nothing_of_a_prior_are_refused() -> None:
    one = parameter('prior: "Normal(0, 1)", bounds: [50, 60]')
    assert one.prior is not None
    with pytest.raises(InputError, match="FIT014.*between 50 and 60"):
        priors.draw(one.prior, one.support, 10, np.random.default_rng(0))
