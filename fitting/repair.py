"""Second tries of the sampler: what is done where its first draws are not to be believed.

Chains that nearly agree, on draws that are merely correlated, go on where they are, for as long as their effective
draws ask for. Where chains disagree, paths diverge or are cut short, they begin anew: their draws still know the
posterior's shape better than the curvature at its mode does, and their covariance whitens the next try; after
divergences it takes smaller steps. Either way as many draws are kept as were asked for. Programs are those already
compiled, unless the step's target changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import convergence
from .sample import Chains, Draws, Progress, Settings
from .verdict import MAX_DIVERGENT, MAX_RHAT, MIN_EBFMI, MIN_ESS_PER_CHAIN
from .whiten import Whitening

Array = NDArray[np.float64]

#: chains this near to agreement are on the same posterior, and only short
NEAR_RHAT = 1.05
#: effective draws a chain at which R-hat is under its threshold by some margin (it is near 1 + 1/(2*these) by halves)
AIM = 300
#: times as many draws as were asked for: of chains that go on at most, of chains that begin anew
LONGEST, ANEW = 4, 2
CAREFUL = 0.98  # target acceptance after divergences
#: shares of draws at the longest path that are let pass
DEEP = 0.05


@dataclass(frozen=True)
class Trouble:
    """What is wrong with draws: chains that disagree, too few effective draws, divergences, paths cut short.

    rhat: the largest; least: the fewest effective draws, of a chain.
    """

    apart: bool
    few: bool
    diverging: bool
    cut: bool
    rhat: float
    least: float

    def __bool__(self) -> bool:
        return self.apart or self.few or self.diverging or self.cut

    @property
    def short(self) -> bool:
        """Whether there is nothing wrong that more draws would not mend."""
        return bool(self) and not (self.diverging or self.cut) and self.rhat <= NEAR_RHAT

    @property
    def times(self) -> int:
        """How many times as many draws it would take."""
        return int(np.clip(np.ceil(AIM / self.least), 2, LONGEST))

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
    ess = np.minimum(convergence.ess_bulk(draws), convergence.ess_tail(draws)) / chains
    rhat = convergence.rhat(draws)
    return Trouble(
        chains > 1 and not (rhat <= MAX_RHAT).all(),
        not (ess >= MIN_ESS_PER_CHAIN).all(),
        bool(np.mean(stats["diverging"]) > MAX_DIVERGENT),
        bool(np.mean(np.asarray(stats["tree_depth"]) >= max_tree_depth) > DEEP)
        or bool(np.min(convergence.ebfmi(np.asarray(stats["energy"]))) < MIN_EBFMI),
        float(np.nan_to_num(rhat, nan=np.inf).max()),
        float(np.nan_to_num(ess, nan=1.0).min()),
    )


def longer(found: Draws, chains: Chains, what: Trouble, progress: Progress) -> tuple[Draws, str]:
    """The draws found and those that the same chains take from there, thinned to as many; and what to say."""
    more = chains.draw(found.positions.shape[1] * (what.times - 1), progress)
    joined = Draws(
        np.concatenate([found.positions, more.positions], axis=1),
        {name: np.concatenate([values, more.stats[name]], axis=1) for name, values in found.stats.items()},
    )
    return thinned(joined, what.times), f"{what.words()} at first: sampled on, one of {what.times} draws kept"


def anew(found: Draws, what: Trouble, asked: Settings) -> tuple[Whitening, Settings, str]:
    """The next try, after draws made as `asked`: coordinates and settings, whose draws are to be thinned by `ANEW`, and
    what to say.
    """
    flat = found.positions.reshape(-1, found.positions.shape[-1])
    covariance = np.cov(flat.T).reshape(flat.shape[1], flat.shape[1])
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    ridge = 1e-9 * np.eye(len(scale))  # a parameter of another may be its function
    factor = scale[:, None] * np.linalg.cholesky(correlation + ridge)
    careful = what.diverging and asked.target_accept < CAREFUL
    after = replace(asked, draws=asked.draws * ANEW, target_accept=CAREFUL if careful else asked.target_accept)
    said = f"{what.words()} at first: sampled again, whitened by those draws, one of {ANEW} draws kept"
    return Whitening(flat.mean(axis=0), factor), after, said + (", with smaller steps" if careful else "")


def thinned(found: Draws, every: int) -> Draws:
    """One of so many draws."""
    return Draws(found.positions[:, ::every], {name: values[:, ::every] for name, values in found.stats.items()})
