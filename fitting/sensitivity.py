"""Does the answer lean on the prior? The posterior under a prior, or a likelihood, raised to a power near one.

The draws are weighted by p^(alpha - 1), and each parameter's distribution is compared with the unweighted one by the
cumulative Jensen-Shannon distance. A parameter that moves with its prior though the rows could tell it has a prior that
disagrees with the rows, or one that is stronger than they are.

Source: Kallioinen, Paananen, Buerkner, Vehtari 2023, arXiv 2107.14054 (sections 2.3 and 2.5; threshold: section 2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lawdsl.words import NAMED, listed

from . import priors
from .model import Model

Array = NDArray[np.float64]

ALPHA = 1.01
THRESHOLD = 0.05


@dataclass(frozen=True)
class Sensitivity:
    """How far a parameter's distribution moves, per doubling of the power of the prior and of the likelihood."""

    prior: float
    likelihood: float


def sensitivities(model: Model, values: Mapping[str, Array], log_likelihood: Array) -> dict[str, Sensitivity]:
    """Parameter of the equation (levels as `k[level]`) -> its sensitivity. values: (draws[, levels]); log_likelihood
    (draws,).
    """
    needed = model.law.needs(*(o.equation for o in model.law.outcomes))
    log_prior = _log_prior(model, values)
    found = {}
    for name, draws in values.items():
        if name not in needed or model.law.parameter[name].pool == "partial":
            continue
        labels = model.groupings[name].labels if name in model.groupings else None
        for i, x in enumerate(draws.T if labels else [draws]):
            label = f"{name}[{labels[i]}]" if labels else name
            found[label] = Sensitivity(_moved(x, log_prior), _moved(x, log_likelihood))
    return found


def notes(found: Mapping[str, Sensitivity]) -> tuple[str, ...]:
    """In words, for parameters that move with their prior."""
    torn = [n for n, s in found.items() if s.prior >= THRESHOLD and s.likelihood >= THRESHOLD]
    held = [n for n, s in found.items() if s.prior >= THRESHOLD and s.likelihood < THRESHOLD]
    told = []
    if torn:
        worst = ", ".join(f"{n} {found[n].prior:.2f}" for n in torn[:NAMED])
        told.append(f"prior and rows pull apart {listed(torn, NAMED)} (power-scaling sensitivity to the prior {worst})")
    if held:
        worst = ", ".join(f"{n} {found[n].prior:.2f}" for n in held[:NAMED])
        told.append(f"the prior moves {listed(held, NAMED)} more than the rows do (power-scaling sensitivity {worst})")
    return tuple(told)


def _log_prior(model: Model, values: Mapping[str, Array]) -> Array:
    """The priors of the law's parameters and populations, without those of levels: (draws,)."""
    total = np.zeros(len(next(iter(values.values()))))
    for block in model.blocks:
        if block.role in ("levels", "offsets"):
            continue
        name = block.parameter if block.role == "value" else f"{block.parameter}.{block.role}"
        if name in values:
            found = priors.log_kernel(block.prior, block.support, values[name])
            total += found.sum(axis=1) if found.ndim == 2 else found
    return total


def _moved(x: Array, log_weight: Array) -> float:
    """The distance a power of ALPHA and of 1/ALPHA moves x, per doubling."""
    shifted = log_weight - log_weight.mean()
    distances = []
    for power in (ALPHA - 1, 1 / ALPHA - 1):
        with np.errstate(all="ignore"):
            weights = np.exp(np.clip(power * shifted, -50, 50))
        distances.append(max(_distance(x, weights), _distance(-x, weights)))
    return float(np.mean(distances) / np.log2(ALPHA))


def _distance(x: Array, weights: Array) -> float:
    """The cumulative Jensen-Shannon distance of weighted draws from the same draws without weights, in [0, 1]."""
    order = np.argsort(x)
    steps = np.diff(x[order])
    p = (np.arange(1, len(x) + 1) / len(x))[:-1]
    q = (np.cumsum(weights[order]) / weights.sum())[:-1]
    middle = (p + q) / 2
    bound = float((p + q) @ steps)
    if bound <= 0:
        return 0.0
    with np.errstate(all="ignore"):
        apart = p * np.log2(p / middle) + np.where(q > 0, q * np.log2(q / middle), 0.0)
    return float(np.sqrt(max(float(apart @ steps), 0.0) / bound))
