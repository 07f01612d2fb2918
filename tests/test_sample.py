"""The sampler: right moments, the same draws for the same seed, programs used again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitting import convergence, programs
from fitting.sample import Draws, Settings, sample
from fitting.start import descend
from fitting.whiten import Whitening, laplace

# Estimates are compared in units of their Monte Carlo standard error. At 5 the false-alarm rate of one comparison is
# 6e-7; the file makes under 200, and is seeded.
ERRORS = 5.0
# The standard error of a standard deviation is taken as sd / sqrt(2 ESS), true for a normal; heavier tails get room.
ERRORS_OF_SPREAD = 7.0


def normal(u: jax.Array, data: Any) -> jax.Array:
    shifted = u - data["mean"]
    return 0.5 * shifted @ data["precision"] @ shifted


def normal_data(width: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    root = rng.normal(size=(width, width)) * 10.0 ** -np.arange(width)[:, None]
    return {"mean": rng.normal(size=width), "precision": np.linalg.inv(root @ root.T)}


def unwhitened(data: dict[str, np.ndarray]) -> Whitening:
    """A poor whitening: the right scales, none of the correlations."""
    return Whitening(data["mean"] + 0.0, np.diag(np.sqrt(np.diag(np.linalg.inv(data["precision"])))))


def schools(u: jax.Array, data: Any) -> jax.Array:
    """Eight schools, not centred: u = mu, log tau, effects; mu ~ N(0, 5), tau ~ HalfNormal(5)."""
    mu, tau, effects = u[0], jnp.exp(u[1]), u[2:]
    residual = (data["y"] - mu - tau * effects) / data["se"]
    prior = mu**2 / 50 + tau**2 / 50 - u[1] + jnp.sum(effects**2) / 2
    return jnp.sum(residual**2) / 2 + prior


SCHOOLS = {
    "y": np.array([28.0, 8, -3, 7, -1, 1, 18, 12]),
    "se": np.array([15.0, 10, 16, 11, 9, 11, 10, 18]),
}


def check_moments(draws: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> None:
    """Means and standard deviations within ERRORS Monte Carlo errors of what they should be."""
    error = convergence.mcse_mean(draws)
    np.testing.assert_array_less(np.abs(draws.mean((0, 1)) - mean) / error, ERRORS)
    size = convergence.ess_mean((draws - mean) ** 2)
    np.testing.assert_array_less(np.abs(np.log(draws.std((0, 1)) / spread)) * np.sqrt(2 * size), ERRORS_OF_SPREAD)


@pytest.fixture(scope="module")
def gaussian() -> tuple[dict[str, np.ndarray], Draws]:
    data = normal_data()
    return data, sample(normal, data, unwhitened(data), Settings(seed=1))


def test_a_normal_has_its_moments(gaussian: tuple[dict[str, np.ndarray], Draws]) -> None:
    data, draws = gaussian
    covariance = np.linalg.inv(data["precision"])
    check_moments(draws.positions, data["mean"], np.sqrt(np.diag(covariance)))
    # In independent directions too: a wrong correlation shows nowhere else.
    independent = (draws.positions - data["mean"]) @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    check_moments(independent, np.zeros(5), np.ones(5))
    assert (convergence.rhat(draws.positions) < 1.01).all()
    assert (convergence.ess_bulk(draws.positions) > 2000).all()


def test_statistics(gaussian: tuple[dict[str, np.ndarray], Draws]) -> None:
    data, draws = gaussian
    assert draws.positions.shape == (4, 1000, 5)
    assert draws.positions.dtype == np.float64
    assert set(draws.stats) == {
        "diverging", "energy", "lp", "acceptance_rate", "n_steps", "tree_depth", "step_size",
    }  # fmt: skip
    assert {value.shape for value in draws.stats.values()} == {(4, 1000)}
    assert draws.stats["diverging"].sum() == 0
    shifted = draws.positions - data["mean"]
    lp = -0.5 * np.einsum("cdi,ij,cdj->cd", shifted, data["precision"], shifted)
    np.testing.assert_allclose(draws.stats["lp"], lp, rtol=1e-6, atol=1e-6)
    # The kinetic energy of 5 dimensions: mean 2.5, and 4000 draws of variance 2.5 put 5 errors at 0.125.
    assert (draws.stats["energy"] + draws.stats["lp"]).mean() == pytest.approx(2.5, abs=0.2)
    assert draws.stats["acceptance_rate"].mean() == pytest.approx(0.9, abs=0.07)
    steps, depth = draws.stats["n_steps"], draws.stats["tree_depth"]
    assert ((steps >= 2 ** (depth - 1)) & (steps < 2**depth)).all()


def test_funnel_of_a_hierarchy() -> None:
    """Eight schools; reference by quadrature over tau and conjugacy of the rest, computed here."""
    optimum = descend(schools, np.random.default_rng(0).normal(size=(8, 10)), SCHOOLS)
    draws = sample(schools, SCHOOLS, laplace(optimum), Settings(seed=2))
    log_tau = np.linspace(-12, 5, 20001)
    tau = np.exp(log_tau)[:, None]
    weight = 1 / (SCHOOLS["se"] ** 2 + tau**2)
    precision = weight.sum(1) + 1 / 25
    mu = (weight * SCHOOLS["y"]).sum(1) / precision
    log_density = (
        0.5 * np.log(weight).sum(1)
        - 0.5 * np.log(precision)
        - 0.5 * (weight * SCHOOLS["y"] ** 2).sum(1)
        + 0.5 * mu**2 * precision
        - tau[:, 0] ** 2 / 50
        + log_tau
    )
    share = np.exp(log_density - log_density.max())
    share /= share.sum()
    mean = np.array([(share * mu).sum(), (share * log_tau).sum()])
    square = np.array([(share * (mu**2 + 1 / precision)).sum(), (share * log_tau**2).sum()])
    check_moments(draws.positions[..., :2], mean, np.sqrt(square - mean**2))
    assert (convergence.rhat(draws.positions) < 1.01).all()


def test_the_seed_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAWDSL_CACHE", str(tmp_path))
    data = normal_data(2)
    one, two, other = (
        sample(normal, data, unwhitened(data), Settings(chains=2, warmup=50, draws=50, seed=seed), identity="normal")
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one.positions, two.positions)
    assert not np.isclose(one.positions, other.positions).all()
    assert not np.isclose(one.positions[0], one.positions[1]).any()


def test_progress_and_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAWDSL_CACHE", str(tmp_path))
    programs.forget()
    traced, told = [], []

    def counted(u: jax.Array, data: Any) -> jax.Array:
        traced.append(u)
        return normal(u, data)

    data = normal_data(2)
    settings = Settings(chains=3, warmup=30, draws=70)
    whitening = unwhitened(data)
    first = sample(counted, data, whitening, settings, identity="normal", progress=lambda *n: told.append(n))
    assert traced
    assert told[-1] == (300, 300)
    assert told == sorted(told)
    traced.clear()
    programs.forget()
    again = sample(counted, data, whitening, settings, identity="normal")
    np.testing.assert_array_equal(first.positions, again.positions)
    # Other data of the same shapes go through the same program.
    shifted = {**data, "mean": data["mean"] + 100}
    moved = sample(counted, shifted, Whitening(shifted["mean"], whitening.factor), settings, identity="normal")
    assert not traced
    assert np.abs(moved.positions - shifted["mean"]).max() < 20


def test_a_wall_is_met_and_survived() -> None:
    """Half of the space has no density: initial points and trajectories land there."""

    def walled(u: jax.Array, data: Any) -> jax.Array:
        return jnp.where(u[0] > data["wall"], 0.5 * jnp.sum(u**2), jnp.nan)

    settings = Settings(warmup=100, draws=100, max_tree_depth=5)
    draws = sample(walled, {"wall": np.array(-0.5)}, Whitening(np.zeros(2), np.eye(2)), settings)
    assert (draws.positions[..., 0] > -0.5).all()
    assert np.isfinite(draws.stats["lp"]).all()
    assert draws.stats["diverging"].any()
    with pytest.raises(ValueError, match="not finite"):
        sample(walled, {"wall": np.array(50.0)}, Whitening(np.zeros(2), np.eye(2)), Settings())
