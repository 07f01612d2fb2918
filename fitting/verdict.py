"""The verdict: whether a fit is to be believed, in words, before anything else is said of it.

`reasons` speak against it: chains that disagree, too few effective draws, divergences, directions in which the data say
next to nothing and the answer is the prior's. `notes` are what a reader must know of a fit that is sound.

Thresholds are those of the literature: R-hat at most 1.01 and 100 effective draws a chain (Vehtari et al. 2021, arXiv
1903.08008), E-BFMI at least 0.3 (Betancourt 2016, arXiv 1604.00695).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import Law
from lawdsl.words import NAMED, listed

from . import convergence

if TYPE_CHECKING:
    from .identify import Identified

Array = NDArray[np.float64]

MAX_RHAT = 1.01
MIN_ESS_PER_CHAIN = 100
MAX_DIVERGENT = 0.001  # share of draws
MIN_EBFMI = 0.3
#: a direction whose posterior sd is more than this share of its prior's is the prior's, not the data's
UNINFORMED = 0.75
#: a parameter belongs to a direction if it makes up this much of it
LOADING = 0.35


@dataclass(frozen=True, repr=False)
class Verdict:
    """ok: whether the answer is to be believed; reasons why not; notes that hold in any case."""

    ok: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        reasons = "".join(f": {text}" for text in self.reasons[:1])
        more = f" and {len(self.reasons) - 1} more reasons" if len(self.reasons) > 1 else ""
        notes = f"; {len(self.notes)} notes" if self.notes else ""
        return f"Verdict({'good' if self.ok else 'not to be believed'}{reasons}{more}{notes})"

    def _repr_html_(self) -> str:
        from .displays import of_verdict

        return of_verdict(self)

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it and the fit file keeps it."""
        return {"ok": self.ok, "reasons": list(self.reasons), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Verdict:
        """The inverse of `as_json`."""
        return cls(bool(plain["ok"]), tuple(map(str, plain["reasons"])), tuple(map(str, plain["notes"])))


def of_sample(
    law: Law, scalars: Mapping[str, Array], stats: Mapping[str, NDArray[Any]], max_tree_depth: int,
    positions: Array, prior: Array, labels: list[str], design: Identified | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on MCMC draws.

    scalars: full name -> (chains, draws). positions (chains, draws, d) and prior (n, d): draws on the unconstrained
    scale; labels: the full name of each of the d. design: what the rows can tell of the law.
    """
    reasons = [*_of_chains(scalars), *_of_sampler(stats, max_tree_depth)]
    reasons += of_information(law, positions.reshape(-1, positions.shape[-1]), prior, labels, design)
    return Verdict(not reasons, tuple(reasons), signs(law, scalars))


def _of_chains(scalars: Mapping[str, Array]) -> list[str]:
    names = list(scalars)
    draws = np.stack([scalars[name] for name in names], axis=-1)
    chains = draws.shape[0]
    rhat, bulk, tail = convergence.rhat(draws), convergence.ess_bulk(draws), convergence.ess_tail(draws)
    reasons = []
    if chains == 1:
        reasons.append("one chain cannot show whether it has reached the posterior: take four (--chains)")
    bad = [i for i in np.argsort(-rhat) if not rhat[i] <= MAX_RHAT and chains > 1]
    if bad:
        worst = ", ".join(f"{names[i]} {rhat[i]:.3f}" for i in bad[:5])
        reasons.append(
            f"the chains disagree about {len(bad)} of {len(names)} parameters (R-hat above {MAX_RHAT}: {worst}); "
            "sample longer, or give tighter priors"
        )
    for what, ess in (("bulk", bulk), ("tail", tail)):
        few = [i for i in np.argsort(ess) if not ess[i] >= MIN_ESS_PER_CHAIN * chains]
        if few:
            worst = ", ".join(f"{names[i]} {ess[i]:.0f}" for i in few[:5])
            reasons.append(
                f"too few effective draws in the {what} ({worst}; {MIN_ESS_PER_CHAIN * chains} are needed): "
                "take more draws (--draws)"
            )
    return reasons


def _of_sampler(stats: Mapping[str, NDArray[Any]], max_tree_depth: int) -> list[str]:
    reasons = []
    diverging = np.asarray(stats["diverging"])
    if diverging.mean() > MAX_DIVERGENT:
        reasons.append(
            f"{int(diverging.sum())} of {diverging.size} draws diverged: part of the posterior was not reached; "
            "tighter priors, or fewer parameters, help"
        )
    deep = np.asarray(stats["tree_depth"]) >= max_tree_depth
    if deep.mean() > 0.05:
        reasons.append(f"{deep.mean():.0%} of draws stopped at the longest path: draws are strongly correlated")
    energy = convergence.ebfmi(np.asarray(stats["energy"]))
    if np.min(energy) < MIN_EBFMI:
        reasons.append(f"the energy is explored slowly (E-BFMI {np.min(energy):.2f} below {MIN_EBFMI})")
    return reasons


def of_information(
    law: Law, posterior: Array, prior: Array, labels: list[str], design: Identified | None = None
) -> list[str]:
    """Directions of the law's own parameters which the data leave to the prior, in words, and the cure.

    posterior (n, d) and prior (m, d) are draws on the unconstrained scale. In units of the prior's sd, the posterior's
    covariance has eigenvalue 1 along a direction the data do not touch.
    """
    needed = law.needs(law.equation)
    own = [i for i, label in enumerate(labels) if label.partition("[")[0] in needed]  # a population shrinks rightly
    if not own or len(posterior) < 3:
        return [] if design is None else design.completed([])
    low, high = np.quantile(prior[:, own], [0.16, 0.84], axis=0)
    scaled = posterior[:, own] / ((high - low) / 2)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(scaled.T)))
    reasons: list[tuple[list[str], str]] = []
    for value, vector in zip(values[::-1], vectors.T[::-1], strict=True):
        if np.sqrt(value) < UNINFORMED:
            continue
        order = np.argsort(-np.abs(vector))
        largest = abs(vector[order[0]])
        least = LOADING if largest >= LOADING else largest / 2  # of many levels together none need stand out
        names = [labels[own[i]] for i in order if abs(vector[i]) >= least]
        share = f"the posterior is {min(np.sqrt(value), 9.99):.2f} times as wide as the prior there"
        if len(names) == 1:
            reasons.append((names, f"the data say next to nothing about {names[0]} ({share}): the prior decides"))
        else:
            joined = f"{names[0]} from {listed(names[1:], NAMED)}"
            reasons.append((names, f"the data do not separate {joined} ({share}): the prior decides"))
    return [text for _, text in reasons] if design is None else design.completed(reasons)


def signs(law: Law, scalars: Mapping[str, Array]) -> tuple[str, ...]:
    """Notes on parameters of the equation that may be of either sign, where the data have not settled which."""
    needed = law.needs(law.equation)
    notes = []
    for name, draws in scalars.items():
        parameter = law.parameter.get(name)
        if parameter is None or name not in needed or not parameter.support[0] < 0 < parameter.support[1]:
            continue
        low, high = np.quantile(draws, [0.05, 0.95])
        if low < 0 < high:
            positive = float(np.mean(np.asarray(draws) > 0))
            what = f" ({parameter.about})" if parameter.about else ""
            notes.append(
                f"the sign of {name}{what} is not settled: 90 % interval {low:.3g} to {high:.3g}, "
                f"positive with probability {positive:.2f}"
            )
    return tuple(notes)
