"""The start of a fit: optima that are published or known, and starts that lie in bad places."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitting.start import descend, refits, values_and_gradients


def rosenbrock(u: jax.Array, data: Any) -> jax.Array:
    return jnp.sum(data["steep"] * (u[1:] - u[:-1] ** 2) ** 2 + (1 - u[:-1]) ** 2)


def line(u: jax.Array, data: Any) -> jax.Array:
    """Weighted least squares of a line."""
    return 0.5 * jnp.sum(data["weights"] * (data["y"] - u[0] - u[1] * data["x"]) ** 2)


def huber_power_law(u: jax.Array, data: Any) -> jax.Array:
    """Huber loss, delta 1e-3, of log L = log(E + A/N^alpha + B/D^beta)."""
    residual = data["y"] - jax.nn.logsumexp(_terms(u, data), axis=0)
    size = jnp.abs(residual)
    return jnp.sum(data["weights"] * jnp.where(size <= 1e-3, 0.5 * size**2, 1e-3 * (size - 0.5e-3)))


def huber_curvature(u: jax.Array, data: Any) -> jax.Array:
    """The reweighted J'WJ of `huber_power_law`."""
    terms = _terms(u, data)
    level = jax.nn.logsumexp(terms, axis=0)
    shares = jnp.exp(terms - level)
    jacobian = jnp.stack([*shares, -shares[0] * data["logN"], -shares[1] * data["logD"]])
    weights = data["weights"] * jnp.minimum(1, 1e-3 / jnp.maximum(jnp.abs(data["y"] - level), 1e-12))
    return (jacobian * weights) @ jacobian.T


def _terms(u: jax.Array, data: Any) -> jax.Array:
    a, b, e, alpha, beta = u
    return jnp.stack([a - alpha * data["logN"], b - beta * data["logD"], e + 0 * data["logN"]])


TRUTH = np.array([6.0, 7.5, 0.6, 0.34, 0.37])


def power_law_data(noise: float, rows: int = 200) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(77)
    data = {"logN": rng.uniform(18, 24, rows), "logD": rng.uniform(20, 26, rows), "weights": np.ones(rows)}
    with jax.enable_x64(True):
        exact = np.asarray(jax.nn.logsumexp(_terms(jnp.asarray(TRUTH), data), axis=0))
    return {**data, "y": exact + noise * rng.standard_t(3, rows)}


def power_law_starts(count: int) -> np.ndarray:
    rng = np.random.default_rng(78)
    low, high = np.array([0, 0, -1, 0, 0]), np.array([25, 25, 1, 2, 2])
    return rng.uniform(low, high, (count, 5))


def test_curved_valley() -> None:
    starts = np.random.default_rng(0).normal(size=(16, 4)) * 2
    optimum = descend(rosenbrock, starts, {"steep": np.array(100.0)})
    np.testing.assert_allclose(optimum.position, np.ones(4), atol=1e-4)
    assert optimum.converged
    assert optimum.values.shape == (16,)
    assert optimum.position.dtype == np.float64


def test_quadratic_is_exact_in_a_few_steps() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=50)
    data = {"x": x, "y": 2 + 3 * x + rng.normal(size=50), "weights": np.ones(50)}
    optimum = descend(line, rng.normal(size=(4, 2)) * 100, data)
    design = np.stack([np.ones(50), x], axis=1)
    np.testing.assert_allclose(optimum.position, np.linalg.lstsq(design, data["y"], rcond=None)[0], rtol=1e-8)
    # Central differences of an exactly linear gradient: only rounding, 1e-16 / 6e-6, remains.
    np.testing.assert_allclose(optimum.hessian, design.T @ design, rtol=1e-7)
    assert optimum.agreement == 1.0
    assert optimum.steps < 20


@pytest.mark.parametrize("curvature", [None, huber_curvature], ids=["hessian", "reweighted"])
def test_huber_power_law_without_noise_finds_the_truth(curvature: Any) -> None:
    optimum = descend(huber_power_law, power_law_starts(64), power_law_data(0.0), curvature=curvature, max_steps=300)
    np.testing.assert_allclose(optimum.position, TRUTH, rtol=1e-4)
    # Half of such starts end in the optimum (the rest on plateaus): fewer than a quarter of 64 has probability 3e-5.
    assert optimum.agreement > 0.25


def test_both_curvatures_reach_the_same_huber_optimum() -> None:
    data, starts = power_law_data(0.01), power_law_starts(12)
    newton = descend(huber_power_law, starts, data, max_steps=300)
    reweighted = descend(huber_power_law, starts, data, curvature=huber_curvature, max_steps=300)
    assert newton.value == pytest.approx(reweighted.value, rel=1e-6)
    # Whatever steered the descent, the Hessian given back is the objective's own.
    np.testing.assert_allclose(newton.hessian, reweighted.hessian, rtol=0.2, atol=1e-3 * np.abs(newton.hessian).max())


def test_starts_without_a_finite_objective_are_passed_over() -> None:
    def walled(u: jax.Array, data: Any) -> jax.Array:
        return jnp.sum(u**2 - jnp.log(data["wall"] - u))

    optimum = descend(walled, [[0.5], [3.0], [-2.0], [np.nan]], {"wall": np.array(1.0)})
    assert np.isinf(optimum.values[[1, 3]]).all()
    assert not optimum.arrived[[1, 3]].any()
    assert optimum.agreement == 0.5
    assert optimum.position[0] == pytest.approx((1 - np.sqrt(3)) / 2, rel=1e-5)  # the root of 2u + 1/(1-u)
    with pytest.raises(ValueError, match="none of the starts"):
        descend(walled, [[3.0]], {"wall": np.array(1.0)})


def test_a_saddle_repels() -> None:
    def saddle(u: jax.Array, data: Any) -> jax.Array:
        return u[0] ** 2 - u[1] ** 2 + data["rim"] * u[1] ** 4

    optimum = descend(saddle, [[1.0, 1e-4]], {"rim": np.array(0.25)})
    assert abs(optimum.position[1]) == pytest.approx(np.sqrt(2), rel=1e-4)


def test_refits_are_weighted_least_squares() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=40)
    data = {"x": x, "y": 1 - x + rng.normal(size=40), "weights": np.ones(40)}
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=70).astype(float)
    found = refits(line, [0.0, 0.0], data, weights)
    design = np.stack([np.ones(40), x], axis=1)
    expected = [np.linalg.solve(design.T @ (w[:, None] * design), design.T @ (w * data["y"])) for w in weights]
    np.testing.assert_allclose(found.positions, expected, rtol=1e-6)
    assert found.arrived.all()


def test_values_and_gradients() -> None:
    points = np.random.default_rng(4).normal(size=(100, 3))
    values, gradients = values_and_gradients(rosenbrock, points, {"steep": np.array(100.0)})
    with jax.enable_x64(True):
        expected = jax.vmap(jax.value_and_grad(lambda u: rosenbrock(u, {"steep": 100.0})))(points)
    np.testing.assert_allclose(values, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradients, expected[1], rtol=1e-10, atol=1e-10)
