"""Whitening: exact for a normal, repaired where the curvature is no guide."""

from __future__ import annotations

import numpy as np
import pytest

from fitting.start import Optimum
from fitting.whiten import laplace


def optimum(hessian: np.ndarray, center: np.ndarray | None = None) -> Optimum:
    width = len(hessian)
    position = np.zeros(width) if center is None else center
    return Optimum(position, 0.0, np.zeros(width), hessian, np.zeros(1), np.ones(1, bool), 1.0, 1)


def random_covariance(width: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(width, width))
    return root @ root.T / width + 0.01 * np.eye(width)


def test_a_normal_becomes_standard() -> None:
    covariance = random_covariance(6, 0)
    whitening = laplace(optimum(np.linalg.inv(covariance)))
    np.testing.assert_allclose(whitening.factor @ whitening.factor.T, covariance, rtol=1e-9)
    np.testing.assert_array_equal(whitening.factor, np.tril(whitening.factor))
    assert (np.diag(whitening.factor) > 0).all()
    assert whitening.repaired == 0


def test_there_and_back() -> None:
    rng = np.random.default_rng(1)
    whitening = laplace(optimum(np.linalg.inv(random_covariance(5, 2)), rng.normal(size=5)))
    u = rng.normal(size=(3, 4, 5))
    np.testing.assert_allclose(whitening.to_position(whitening.from_position(u)), u, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(whitening.to_position(np.zeros(5)), whitening.center)
    assert whitening.from_position(u[0, 0]).shape == (5,)


@pytest.mark.parametrize(
    ("eigenvalues", "widths", "repaired"),
    [
        ([4.0, 1.0], [0.5, 1.0], 0),
        ([4.0, 0.0], [0.5, 5.0], 1),  # flat: as wide as allowed
        ([4.0, 1e-9], [0.5, 5.0], 1),
        ([4.0, -1.0], [0.5, 1.0], 1),  # downhill: by the size of the curvature
        ([-1e-3, np.nan], [5.0, 5.0], 2),
    ],
)
def test_repairs(eigenvalues: list[float], widths: list[float], repaired: int) -> None:
    whitening = laplace(optimum(np.diag(eigenvalues)), widest=5.0)
    np.testing.assert_allclose(np.diag(whitening.factor), widths)
    assert whitening.repaired == repaired


def test_widths_are_capped_in_units_of_the_prior() -> None:
    whitening = laplace(optimum(np.zeros((2, 2))), scale=[100.0, 0.1], widest=3.0)
    np.testing.assert_allclose(whitening.factor, np.diag([300.0, 0.3]))
    narrow = laplace(optimum(np.diag([1e-2, 1e4])), scale=[100.0, 0.1])
    np.testing.assert_allclose(narrow.factor, np.diag([10.0, 0.01]))
    assert narrow.repaired == 0


def test_a_ridge_keeps_its_precision() -> None:
    """A ridge 1e5 times longer than wide, as of log A and alpha far from the origin."""
    turn = np.array([[np.cos(1.5), -np.sin(1.5)], [np.sin(1.5), np.cos(1.5)]])
    hessian = turn @ np.diag([1.0, 1e10]) @ turn.T
    whitening = laplace(optimum(hessian))
    np.testing.assert_allclose(whitening.factor.T @ hessian @ whitening.factor, np.eye(2), atol=1e-4)


def test_stretched() -> None:
    covariance = random_covariance(3, 5)
    whitening = laplace(optimum(np.eye(3))).stretched(covariance)
    np.testing.assert_allclose(whitening.factor @ whitening.factor.T, covariance, rtol=1e-10)
