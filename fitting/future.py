"""Leave-future-out: what a law, fitted to the rows below a frontier, says of those above.

Leaving out one row asks how a law fills gaps; an extrapolation is asked what lies beyond. Each fold is a normal
approximation at the mode of the rows below (rows above have weight 0, so that all folds are one compiled program),
corrected to the posterior by Pareto-smoothed importance weights.

Source: Buerkner, Gabry, Vehtari 2020, arXiv 1902.06281.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .density import log_prior
from .model import PINNED, Model, scale_of
from .pointwise import row_log_density
from .psis import smooth
from .search import mode
from .start import Optimum
from .whiten import laplace

Array = NDArray[np.float64]

DRAWS = 2000
STARTS = 16
#: degrees of freedom of the proposal: heavier tails than the posterior's, so that weights stay bounded
PROPOSAL_DF = 7.0
#: shares of the rows, in the order of the frontier, below the cuts
SHARES = (0.5, 0.6, 0.7, 0.8)
#: fewest rows above a cut
FEWEST_ABOVE = 4


@dataclass(frozen=True)
class Fold:
    """A cut: rows with `along` at most `cut` were fitted to, `below` of them. log_density (rows,): of the others in
    nats, NaN for those fitted to; k: Pareto's shape of the importance weights, above .7 of which the fold is rough.
    """

    cut: float
    below: int
    log_density: Array
    k: float


def cuts_of(along: Array, width: int, shares: tuple[float, ...] = SHARES) -> list[float]:
    """The values of the frontier that leave these shares of the rows below, at least as many rows as twice the law's
    `width`, and some above.
    """
    ordered = np.sort(along)
    found = sorted({float(ordered[max(0, int(round(share * len(ordered))) - 1)]) for share in shares})
    return [c for c in found if (along <= c).sum() >= 2 * width and (along > c).sum() >= FEWEST_ABOVE]


def folds(model: Model, along: Array, cuts: list[float], seed: int) -> list[Fold]:
    """A fold for every cut of the frontier `along` (rows,)."""
    prior = model.prior_draws(1000, seed)
    before: Array | None = None
    found = []
    for number, cut in enumerate(cuts):
        kept = along <= cut
        starts = prior[:STARTS] if before is None else np.concatenate([before[None], prior[: STARTS - 1]])
        optimum = _loosened(model, mode(model.weighted(kept.astype(float)), starts, prior))
        before = optimum.position
        random = np.random.default_rng([seed, 7, number])
        u, log_weights, k = _posterior(model, optimum, prior, kept, random)
        values, _ = model.unpack(u, np)
        density = row_log_density(model, values)
        with np.errstate(all="ignore"):
            ahead = np.logaddexp.reduce(log_weights[:, None] + density, axis=0)
        found.append(Fold(cut, int(kept.sum()), np.where(kept, np.nan, ahead), k))
    return found


def _loosened(model: Model, optimum: Optimum) -> Optimum:
    """With the curvature of the density itself: while the mode was sought the spreads were held."""
    hessian = optimum.hessian.copy()
    hessian[model.spreads, model.spreads] -= PINNED**-2
    return replace(optimum, hessian=hessian)


def _posterior(
    model: Model, optimum: Optimum, prior: Array, kept: NDArray[np.bool_], random: np.random.Generator
) -> tuple[Array, Array, float]:
    """Draws (n, width) with normalised log weights (n,), and Pareto's k of the weights."""
    whitening = laplace(optimum, scale=scale_of(prior))
    z = random.standard_normal((DRAWS, model.width))
    z *= np.sqrt(PROPOSAL_DF / random.chisquare(PROPOSAL_DF, (DRAWS, 1)))
    u = whitening.to_position(z)
    values, _ = model.unpack(u, np)
    density = row_log_density(model, values)[:, kept]
    target = log_prior(model, u) + np.nansum(density, axis=1)
    proposal = -(PROPOSAL_DF + model.width) / 2 * np.log1p((z * z).sum(axis=1) / PROPOSAL_DF)
    ratios = np.where(np.isfinite(target), target - proposal, -1e300)
    log_weights, k = smooth(ratios[:, None])
    return u, log_weights[:, 0], float(k[0])
