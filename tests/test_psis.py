"""Pareto-smoothed importance sampling and leave-one-out: ArviZ's numbers, and truths that are known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from fitting.psis import leave_one_out, smooth

# The same algorithm in the same order of operations: what is left is rounding.
ROUNDING = 1e-9
# What one draw more or less in a tail of a hundred does to an elpd, in nats (seen: 1e-4); to k a hundred times as much.
ONE_DRAW = 1e-3


def tails(seed: int = 0) -> np.ndarray:
    """Log ratios from light to hopeless, and constant ones: (draws, rows)."""
    random = np.random.default_rng(seed)
    heavy = [scale * random.standard_t(3, size=2000) for scale in (0.01, 0.1, 0.5, 1, 2)]
    return np.column_stack([*heavy, random.normal(size=2000), np.zeros(2000)])


def peer() -> Any:
    """ArviZ, of either generation: from 1.0 on (Python 3.12 and later) `psislw` is not among its names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz
    return arviz


@pytest.mark.parametrize("independent", [1.0, 0.4, 1.3])
def test_weights_and_k_are_arvizs(independent: float) -> None:
    arviz = peer()
    if not hasattr(arviz, "psislw"):
        pytest.skip("ArviZ from 1.0 on counts a tail one draw shorter; its scores are compared below")
    expected, k = arviz.psislw(tails().T.copy(), reff=independent)
    found, shape = smooth(tails(), independent)
    np.testing.assert_allclose(found.T, expected, atol=ROUNDING)
    np.testing.assert_allclose(shape, k, atol=ROUNDING)


def test_leave_one_out_is_arvizs() -> None:
    random = np.random.default_rng(1)
    mean = random.normal(0, 0.2, size=(4, 250))
    data = random.normal(size=30)
    density = -0.5 * (data - mean[..., None]) ** 2 - 0.5 * np.log(2 * np.pi)
    arviz = peer()
    old = hasattr(arviz, "psislw")
    groups = {"posterior": {"m": mean}, "log_likelihood": {"y": density}}
    inference = arviz.from_dict(**groups) if old else arviz.from_dict(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = arviz.loo(inference, pointwise=True, reff=0.8)
    found = leave_one_out(density.reshape(1000, 30), 0.8)
    pointwise = expected.loo_i if old else expected.elpd_i
    np.testing.assert_allclose(found.elpd, np.asarray(pointwise), atol=ROUNDING if old else ONE_DRAW)
    np.testing.assert_allclose(found.k, np.asarray(expected.pareto_k), atol=ROUNDING if old else 100 * ONE_DRAW)
    assert found.trusted == pytest.approx(expected.good_k)


def test_leave_one_out_of_a_normal_mean() -> None:
    """Known in closed form: y_i given the others is normal about their mean with variance 1 + 1/(n - 1)."""
    random = np.random.default_rng(2)
    n, draws = 20, 20_000
    data = random.normal(size=n)
    mean = data.mean() + random.standard_normal(draws) / np.sqrt(n)
    density = -0.5 * (data - mean[:, None]) ** 2 - 0.5 * np.log(2 * np.pi)
    others = (data.sum() - data) / (n - 1)
    variance = 1 + 1 / (n - 1)
    exact = -0.5 * (data - others) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
    np.testing.assert_allclose(leave_one_out(density).elpd, exact, atol=0.02)


def test_a_row_without_density_is_said_so() -> None:
    density = np.zeros((100, 2))
    density[3, 1] = -np.inf
    found = leave_one_out(density)
    assert found.elpd[1] == -np.inf and found.k[1] == np.inf
    assert np.isfinite(found.elpd[0])
