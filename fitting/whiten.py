"""Whitening: coordinates in which a posterior is roughly a standard normal.

A power law's amplitude and exponent lie on a ridge a thousand times longer than wide. The Laplace approximation at the
mode knows the ridge; sampling in its coordinates takes ten to forty times fewer gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .start import Optimum

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Whitening:
    """The affine map u = center + factor z, with center (d,) and factor (d, d) lower-triangular.

    repaired: in how many directions the curvature was no guide (flat or downhill) and a width was assumed.
    """

    center: Array
    factor: Array
    repaired: int = 0

    def to_position(self, z: ArrayLike) -> Array:
        """Whitened coordinates (..., d) to positions (..., d)."""
        position: Array = self.center + np.asarray(z, dtype=float) @ self.factor.T
        return position

    def from_position(self, u: ArrayLike) -> Array:
        """Positions (..., d) to whitened coordinates (..., d)."""
        shifted = np.asarray(u, dtype=float) - self.center
        return np.asarray(np.linalg.solve(self.factor, shifted[..., None])[..., 0], dtype=float)

    def stretched(self, covariance: Array) -> Whitening:
        """The whitening of draws whose whitened covariance (d, d) turned out to be this; the center stays."""
        return Whitening(self.center, self.factor @ np.linalg.cholesky(covariance), self.repaired)


def laplace(optimum: Optimum, *, scale: ArrayLike | None = None, widest: float = 5.0) -> Whitening:
    """Whiten by the inverse Hessian at the mode.

    `scale` (d,) is the prior's standard deviation of each unconstrained parameter (1 if not given). A direction along
    which the Hessian implies a posterior wider than `widest` of these, or along which it is not positive, is repaired:
    its width becomes that implied by the curvature's size, and at most `widest`.
    """
    center = np.asarray(optimum.position, dtype=float)
    unit = np.ones(len(center)) if scale is None else np.broadcast_to(np.asarray(scale, dtype=float), center.shape)
    hessian = np.asarray(optimum.hessian, dtype=float) * np.outer(unit, unit)
    hessian = np.where(np.isfinite(hessian), hessian, 0.0)
    eigenvalues, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    least = widest**-2
    repaired = int((eigenvalues < least).sum())
    widths = 1 / np.sqrt(np.maximum(np.abs(eigenvalues), least))
    root = unit[:, None] * vectors * widths
    # The triangular factor of root root' by QR: forming the product would square its condition number.
    upper: Array = np.linalg.qr(root.T)[1]
    factor = upper.T * np.where(np.diag(upper) < 0, -1.0, 1.0)
    return Whitening(center, factor, repaired)
