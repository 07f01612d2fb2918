"""The model: what its vector means under every pooling, and a density that scipy computes as well."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import special, stats

import lawdsl
from fitting import model as models
from fitting.model import PINNED, Model
from lawdsl.errors import InputError

# The same formula in numpy and in JAX, float64: rounding over a few dozen rows.
SAME = 1e-10
# Kolmogorov-Smirnov: the false-alarm rate of one comparison. The file makes under ten, seeded.
ALARM = 1e-4
DRAWS = 4000

HEAD = """
law: small
title: a small law
variables: {x: {unit: tokens}, w: {unit: bits}}
factors: {g: {levels: any}, h: {levels: any}}
"""
ROWS = 12
RANDOM = np.random.default_rng(3)
FRAME = {
    "x": np.geomspace(1, 20, ROWS),
    "w": RANDOM.uniform(1, 5, ROWS),
    "y": RANDOM.uniform(0.2, 0.8, ROWS),
    "y_se": RANDOM.uniform(0.01, 0.05, ROWS),
    "g": ["b", "a", "c"] * 4,
    "h": ["1"] * 6 + ["2"] * 6,
}


def law(parameters: str, equation: str, noise: str = "{family: normal, scale: 0.3}", more: str = "") -> lawdsl.Law:
    response = "response: {y: {unit: nats/token}}\n"
    return lawdsl.parse(f"{HEAD}{response}parameters:\n{parameters}\nequation: y = {equation}\nnoise: {noise}\n{more}")


def bound(one: lawdsl.Law, frame: dict[str, Any] = FRAME) -> Model:
    return Model(one, lawdsl.bind(one, frame))


def unpacked(one: Model, u: np.ndarray) -> dict[str, np.ndarray]:
    return one.unpack(u, np)[0]


def potential(one: Model, u: np.ndarray, data: Any = None) -> float:
    with jax.enable_x64(True):
        return float(jax.jit(one.potential())(jnp.asarray(u), one.data if data is None else data))


def log_prior(one: Model, u: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(jax.jit(jax.vmap(one.log_prior()))(jnp.asarray(u)))


# --- what the vector means -------------------------------------------------------------------------------------------


def test_a_value_lies_on_the_scale_of_its_support() -> None:
    parameters = """
  a: {prior: "Normal(0, 1)"}
  b: {prior: "LogNormal(0, 1)"}
  c: {prior: "Beta(2, 2)"}
  d: {prior: "Normal(0, 1)", bounds: [-inf, 2]}"""
    one = bound(law(parameters, "a + b*x + c*w + d"))
    values = unpacked(one, np.array([0.5, 0.5, 0.5, 0.5]))
    expected = {"a": 0.5, "b": math.exp(0.5), "c": special.expit(0.5), "d": 2 - math.exp(-0.5)}
    assert values == pytest.approx(expected)


def test_what_is_tied_or_fixed_has_no_place_in_the_vector() -> None:
    one = bound(law("  a: {prior: HalfNormal(1)}\n  b: {tied: 2*a}\n  c: {fixed: 3}", "(a + b + c)*x"))
    assert one.width == 1
    assert set(unpacked(one, np.zeros(1))) == {"a"}
    with jax.enable_x64(True):
        rows = one.rows(jnp.array([0.3]), one.data)
    np.testing.assert_allclose(rows["y"]["location"], (3 * math.exp(0.3) + 3) * FRAME["x"], rtol=SAME)


def test_pool_full_is_one_value() -> None:
    one = bound(law("  a: {prior: HalfNormal(1), by: g, pool: full}", "a*x"))
    assert [(b.role, b.size) for b in one.blocks] == [("value", 1)]
    assert one.groupings == {}


def test_pool_none_is_a_value_per_level_in_the_levels_order() -> None:
    one = bound(law("  a: {prior: HalfNormal(1), by: g}", "a*x"))
    assert [(b.role, b.size) for b in one.blocks] == [("value", 3)]
    assert one.groupings["a"].labels == ("a", "b", "c")
    u = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(unpacked(one, u)["a"], np.exp(u))
    with jax.enable_x64(True):
        rows = one.rows(jnp.asarray(u), one.data)
    np.testing.assert_allclose(rows["y"]["location"], np.exp(u)[[1, 0, 2] * 4] * FRAME["x"], rtol=SAME)


@pytest.mark.parametrize(("informs", "role"), [(1, "levels"), (1000, "offsets")])
def test_pool_partial_is_a_population(monkeypatch: pytest.MonkeyPatch, informs: int, role: str) -> None:
    """Center, spread and levels, on the log scale for a positive parameter; offsets are in units of the spread."""
    monkeypatch.setattr(models, "ROWS_THAT_INFORM", informs)
    one = bound(law("  a: {prior: LogNormal(0, 1), by: g, pool: partial, spread: HalfNormal(1)}", "a*x"))
    assert [(b.role, b.size) for b in one.blocks] == [("center", 1), ("spread", 1), (role, 3)]
    u = np.array([0.5, -1.0, 0.1, 0.2, 0.3])
    values = unpacked(one, u)
    assert float(values["a.center"]) == pytest.approx(math.exp(0.5))
    assert float(values["a.spread"]) == pytest.approx(math.exp(-1))
    logs = u[2:] if role == "levels" else 0.5 + math.exp(-1) * u[2:]
    np.testing.assert_allclose(values["a"], np.exp(logs))


def test_a_center_is_no_unknown() -> None:
    one = bound(law("  a: {by: g, pool: partial, center: 0.5, spread: HalfNormal(1)}", "a*x"))
    assert [b.role for b in one.blocks] == ["spread", "offsets"]
    values = unpacked(one, np.array([math.log(2), 0.0, 1.0, -1.0]))
    np.testing.assert_allclose(values["a"], [0.5, 2.5, -1.5])
    assert "a.center" not in values


def test_two_factors_make_a_level_of_each_pair_that_occurs() -> None:
    one = bound(law("  a: {prior: HalfNormal(1), by: [g, h]}", "a*x"))
    assert one.groupings["a"].labels == ("a,1", "a,2", "b,1", "b,2", "c,1", "c,2")
    few = {name: values[:7] for name, values in FRAME.items()}
    fewer = bound(law("  a: {prior: HalfNormal(1), by: [g, h]}", "a*x"), few)
    assert fewer.groupings["a"].labels == ("a,1", "b,1", "b,2", "c,1")
    assert [fewer.groupings["a"].labels[code] for code in fewer.groupings["a"].codes] == [
        "b,1", "a,1", "c,1", "b,1", "a,1", "c,1", "b,2",
    ]  # fmt: skip


ORDERED = law(
    "  a: {prior: HalfNormal(1)}\n  b: {prior: HalfNormal(1)}\n  c: {between: [0.5, 3]}", "a + b*x + c*w",
    more="order: [a, b, c]",
)  # fmt: skip


def test_an_order_holds_at_every_vector() -> None:
    one = bound(ORDERED)
    values = unpacked(one, np.random.default_rng(1).normal(0, 2, (500, 3)))
    assert (values["a"] > 0).all()
    assert (values["b"] > values["a"]).all()
    assert (values["c"] > values["b"]).all()
    with jax.enable_x64(True):
        assert np.isfinite(float(jax.jit(one.potential())(jnp.zeros(3), one.data)))


def test_an_exponent_bends_and_a_scale_does_not() -> None:
    one = bound(law("  A: {prior: LogNormal(0, 1)}\n  alpha: {between: [0.1, 1]}", "A/x^alpha"))
    assert [block.bend is not None for block in one.blocks] == [False, True]
    _, logs = one.unpack(np.zeros(2), np)
    assert set(logs) == {"A"}  # the log of a bent parameter is not its scale


def test_many_vectors_at_once_are_each_alone() -> None:
    parameters = """
  a: {prior: LogNormal(0, 1), by: g, pool: partial}
  b: {prior: "Normal(0, 1)", by: [g, h]}
  alpha: {between: [0.1, 1]}"""
    one = bound(law(parameters, "a*x^alpha + b"))
    u = one.prior_draws(5, 0)
    together = unpacked(one, u.reshape(1, 5, -1))
    for i in range(5):
        for name, values in unpacked(one, u[i]).items():
            np.testing.assert_allclose(together[name][0, i], values, rtol=SAME)


# --- the prior -------------------------------------------------------------------------------------------------------


def test_prior_draws_lie_in_the_support() -> None:
    parameters = """
  a: {prior: "Normal(0, 2)", bounds: [-1, 1]}
  b: {prior: HalfCauchy(1)}
  c: {prior: "Uniform(2, 3)", by: g}
  d: {between: [0.1, 1], bounds: [0.05, 4], by: g, pool: partial}
  alpha: {between: [0.1, 1]}"""
    one = bound(law(parameters, "a + b*x^alpha + c + d"))
    values = unpacked(one, one.prior_draws(500, 0))
    for name, (low, high) in {"a": (-1, 1), "b": (0, np.inf), "c": (2, 3), "d": (0.05, 4)}.items():
        assert (values[name] > low).all() and (values[name] < high).all()
    np.testing.assert_array_equal(one.prior_draws(50, 7), one.prior_draws(50, 7))
    assert not np.isclose(one.prior_draws(50, 7), one.prior_draws(50, 8)).any()


@pytest.mark.parametrize("informs", [1, 1000])
def test_prior_draws_of_a_population(monkeypatch: pytest.MonkeyPatch, informs: int) -> None:
    """log levels minus the log center are the spread times a standard normal, however the vector holds them."""
    monkeypatch.setattr(models, "ROWS_THAT_INFORM", informs)
    one = bound(law("  a: {prior: LogNormal(1, 2), by: g, pool: partial, spread: HalfNormal(0.5)}", "a*x"))
    values = unpacked(one, one.prior_draws(DRAWS, 1))
    offsets = (np.log(values["a"][:, 0]) - np.log(values["a.center"])) / values["a.spread"]
    assert stats.kstest(offsets, stats.norm.cdf).pvalue > ALARM
    assert stats.kstest(np.log(values["a.center"]), stats.norm(1, 2).cdf).pvalue > ALARM
    assert stats.kstest(values["a.spread"], stats.halfnorm(scale=0.5).cdf).pvalue > ALARM


def test_ordered_priors_are_those_stated_where_they_keep_the_order() -> None:
    """Two uniforms in order: the smaller has density 2(1 - x), the larger 2x, and half the mass is left."""
    one = bound(law('  a: {prior: "Uniform(0, 1)"}\n  b: {prior: "Uniform(0, 1)"}', "a + b*x", more="order: [a, b]"))
    values = unpacked(one, one.prior_draws(DRAWS, 2))
    assert stats.kstest(values["a"], stats.beta(1, 2).cdf).pvalue > ALARM
    assert stats.kstest(values["b"], stats.beta(2, 1).cdf).pvalue > ALARM
    line = np.linspace(-25, 25, 401)
    u = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    assert np.exp(log_prior(one, u)).sum() * (line[1] - line[0]) ** 2 == pytest.approx(0.5, abs=1e-3)


def test_an_order_that_the_priors_forbid_is_refused() -> None:
    one = bound(law('  a: {prior: "Uniform(2, 3)"}\n  b: {prior: "Uniform(0, 1)"}', "a + b*x", more="order: [a, b]"))
    with pytest.raises(InputError, match="FIT014.*a < b"):
        one.prior_draws(10, 0)


def test_the_log_prior_is_that_of_scipy() -> None:
    parameters = """
  a: {prior: "Normal(0.5, 2)"}
  b: {prior: "Gamma(2, 0.5)"}
  c: {prior: "Beta(2, 3)"}
  d: {prior: LogNormal(1, 2), by: g, pool: partial, spread: HalfNormal(0.5)}"""
    one = bound(law(parameters, "a + b*x + c*w + d"))
    u = np.array([0.3, -0.2, 0.7, 0.4, -1.1, 0.2, -0.5, 1.3])
    b, c, spread = math.exp(u[1]), special.expit(u[2]), math.exp(u[4])
    expected = (
        stats.norm.logpdf(u[0], 0.5, 2)
        + stats.gamma.logpdf(b, 2, scale=2) + u[1]
        + stats.beta.logpdf(c, 2, 3) + math.log(c * (1 - c))
        + stats.norm.logpdf(u[3], 1, 2)
        + stats.halfnorm.logpdf(spread, scale=0.5) + u[4]
        + stats.norm.logpdf(u[5:]).sum()
    )  # fmt: skip
    assert log_prior(one, u[None])[0] == pytest.approx(expected, rel=SAME)


# --- the likelihood --------------------------------------------------------------------------------------------------


def _huber(z: np.ndarray, delta: float) -> np.ndarray:
    core = math.sqrt(2 * math.pi) * special.erf(delta / math.sqrt(2))
    return -special.huber(delta, z) - math.log(core + 2 * math.exp(-(delta**2) / 2) / delta)


STANDARD = {
    "normal": stats.norm.logpdf,
    "lognormal": stats.norm.logpdf,
    "laplace": stats.laplace(scale=1 / math.sqrt(2)).logpdf,
    "student-t": lambda z: stats.t.logpdf(z, 3.5),
    "huber": lambda z: _huber(z, 0.9),
}
MORE = {"student-t": ", df: 3.5", "huber": ", delta: 0.9"}
SCALES = {
    "identity": (lambda y: y, lambda y: np.ones_like(y)),
    "log": (np.log, lambda y: 1 / y),
    "logit": (special.logit, lambda y: 1 / (y * (1 - y))),
}


@pytest.mark.parametrize("error", ["", ", error: y_se"])
@pytest.mark.parametrize(
    ("family", "on"),
    [(f, on) for f in STANDARD for on in SCALES if f != "lognormal" or on == "log"],
)  # fmt: skip
def test_the_potential_is_that_of_scipy(family: str, on: str, error: str) -> None:
    """One law, each family on each scale, with and without known errors carried over by the slope of the scale."""
    said = "" if family == "lognormal" else f", on: {on}"
    noise = f"{{family: {family}{said}, scale: s*(1 + y){MORE.get(family, '')}{error}}}"
    one = bound(law("  a: {between: [0.1, 0.9]}\n  s: {prior: HalfNormal(1)}", "a/x^0.1", noise))
    u = np.array([-0.4, -1.5])
    a, s = math.exp(u[0]), math.exp(u[1])
    mean = a / FRAME["x"] ** 0.1
    moved, slope = SCALES[on]
    scale = s * (1 + mean)
    if error:
        scale = np.hypot(scale, FRAME["y_se"] * slope(FRAME["y"]))
    fit = (STANDARD[family]((moved(FRAME["y"]) - moved(mean)) / scale) - np.log(scale)).sum()
    low, high = math.log(0.1), math.log(0.9)
    before = stats.norm.logpdf(u[0], (low + high) / 2, (high - low) / 2 / stats.norm.ppf(0.95))
    before += stats.halfnorm.logpdf(s) + u[1]
    assert potential(one, u) == pytest.approx(-(fit + before), rel=SAME)


def test_weights_count_rows() -> None:
    one = bound(law("  a: {prior: HalfNormal(1)}", "a*x"))
    u = np.array([0.2])
    twice = {name: np.concatenate([np.asarray(v), np.asarray(v)[:1]]) for name, v in FRAME.items()}
    weights = np.ones(ROWS)
    weights[0] = 2
    longer = bound(one.law, twice)
    assert potential(one, u, {**one.data, "weights": weights}) == pytest.approx(potential(longer, u), rel=SAME)


def test_a_pinned_spread_costs_its_distance() -> None:
    one = bound(law("  a: {by: g, pool: partial, center: 0, spread: HalfNormal(1)}", "a + x"))
    u = np.array([-0.5, 0.1, 0.2, -0.3])
    cost = potential(one, u, one.pinned(np.array([0.25]))) - potential(one, u)
    assert cost == pytest.approx(0.75**2 / 2 / PINNED**2, rel=1e-8)


def test_the_spread_that_levels_show() -> None:
    one = bound(law("  a: {by: g, pool: partial, center: 0, spread: HalfNormal(1)}", "a + x"))
    u = np.array([math.log(2), 1.0, -1.0, 1.0])
    assert one.empirical_spread(u) == pytest.approx([math.log(2)])
    still = np.array([math.log(2), 0.0, 0.0, 0.0])  # levels that agree show none: a twentieth of the prior's typical
    typical = stats.halfnorm.median() / 20
    assert np.exp(one.empirical_spread(still)) == pytest.approx([typical], rel=0.1)


def test_levels_and_offsets_are_one_density(monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ by the change of variables alone: level = center + spread * offset."""
    one = law("  a: {prior: LogNormal(0, 1), by: g, pool: partial, spread: HalfNormal(1)}", "a*x")
    monkeypatch.setattr(models, "ROWS_THAT_INFORM", 1)
    levels = bound(one)
    monkeypatch.setattr(models, "ROWS_THAT_INFORM", 1000)
    offsets = bound(one)
    u = np.array([0.3, -0.7, 0.5, -0.2, 1.1])
    spread = math.exp(u[1])
    moved = np.concatenate([u[:2], u[0] + spread * u[2:]])
    assert potential(offsets, u) == pytest.approx(potential(levels, moved) - 3 * u[1], rel=SAME)
    for name, values in unpacked(offsets, u).items():
        np.testing.assert_allclose(values, unpacked(levels, moved)[name], rtol=SAME)


def test_what_a_program_closes_over_is_in_its_identity() -> None:
    one = law("  a: {prior: HalfNormal(1)}", "a*x")
    assert bound(one).identity == bound(one, {n: v[:5] for n, v in FRAME.items()}).identity
    for other in (law("  a: {prior: HalfNormal(2)}", "a*x"), law("  a: {prior: HalfNormal(1)}", "a*w")):
        assert bound(other).identity != bound(one).identity
