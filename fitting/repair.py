"""Second tries of the sampler: what is done where its first draws are not to be believed.

Draws that are correlated, or chains that disagree, still know the posterior's shape better than the curvature at its
mode does: their covariance whitens the next try, which takes more draws and keeps as many as were asked for. Where
paths diverged they take smaller steps. Programs are those already compiled, unless the step's target changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import convergence
from .sample import Draws, Settings
from .verdict import MAX_DIVERGENT, MAX_RHAT, MIN_EBFMI, MIN_ESS_PER_CHAIN
from .whiten import Whitening

Array = NDArray[np.float64]

TRIES = 1
MORE = 2  # times as many draws as were asked for
CAREFUL = 0.98  # target acceptance after divergences
#: shares of draws at the longest path that are let pass
DEEP = 0.05


@dataclass(frozen=True)
class Trouble:
    """What is wrong with draws: chains that disagree, too few effective draws, divergences, paths cut short."""

    apart: bool
    few: bool
    diverging: bool
    cut: bool

    def __bool__(self) -> bool:
        return self.apart or self.few or self.diverging or self.cut

    def words(self) -> str:
        """In words."""
        told = {
            "chains disagreed": self.apart, "effective draws were too few": self.few and not self.apart,
            "paths diverged": self.diverging, "paths were cut short": self.cut,
        }  # fmt: skip
        return " and ".join(what for what, is_so in told.items() if is_so)


def trouble(scalars: Mapping[str, Array], stats: Mapping[str, NDArray[Any]], max_tree_depth: int) -> Trouble:
    """What is wrong with draws: scalars of full names, (chains, draws), and the sampler's statistics."""
    draws = np.stack(list(scalars.values()), axis=-1)
    chains = draws.shape[0]
    ess = np.minimum(convergence.ess_bulk(draws), convergence.ess_tail(draws))
    return Trouble(
        chains > 1 and not (convergence.rhat(draws) <= MAX_RHAT).all(),
        not (ess >= MIN_ESS_PER_CHAIN * chains).all(),
        bool(np.mean(stats["diverging"]) > MAX_DIVERGENT),
        bool(np.mean(np.asarray(stats["tree_depth"]) >= max_tree_depth) > DEEP)
        or bool(np.min(convergence.ebfmi(np.asarray(stats["energy"]))) < MIN_EBFMI),
    )


def again(found: Draws, what: Trouble, asked: Settings, target: float) -> tuple[Whitening, Settings, int, str]:
    """The next try, after draws that aimed at acceptance `target`: coordinates, settings, how many draws make one
    that is kept, and what to say.
    """
    flat = found.positions.reshape(-1, found.positions.shape[-1])
    covariance = np.cov(flat.T).reshape(flat.shape[1], flat.shape[1])
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    ridge = 1e-9 * np.eye(len(scale))  # a parameter of another may be its function
    factor = scale[:, None] * np.linalg.cholesky(correlation + ridge)
    careful = what.diverging and target < CAREFUL
    after = replace(asked, draws=asked.draws * MORE, target_accept=CAREFUL if careful else target)
    said = f"{what.words()} at first: sampled again, whitened by those draws, one of {MORE} draws kept"
    return Whitening(flat.mean(axis=0), factor), after, MORE, said + (", with smaller steps" if careful else "")


def thinned(found: Draws, every: int) -> Draws:
    """One of so many draws."""
    return Draws(found.positions[:, ::every], {name: values[:, ::every] for name, values in found.stats.items()})
