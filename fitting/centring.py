"""Which populations' levels stand in the sampler's vector themselves, and which as offsets in units of the spread.

A level that the rows tell by themselves varies little as the spread moves; one that they do not follows the spread, and
below a small one it has next to no room: the funnel, which offsets straighten (Betancourt & Girolami 2013, arXiv
1312.0906). How much is told shows in the curvature at the mode: the variance of a level, all that levels do not share
held, beside that of its population.
"""

from __future__ import annotations

import numpy as np

from .model import Array, Model
from .start import Optimum

#: share of a population's variance that is left of a level's (the median level) from which on offsets do better
LEFT = 0.5


def centred(model: Model, optimum: Optimum) -> Model:
    """The model itself, or one of the same density whose vector holds levels and offsets as the rows ask for."""
    if not model.spreads.size:
        return model
    spread = {b.parameter: float(np.exp(optimum.position[b.start])) for b in model.blocks if b.role == "spread"}
    populations = [b for b in model.blocks if b.role in ("levels", "offsets")]
    own = np.concatenate([np.arange(b.start, b.start + b.size) for b in populations])
    variances = np.full(model.width, np.nan)
    try:
        variances[own] = np.diag(np.linalg.inv(optimum.hessian[np.ix_(own, own)]))
    except np.linalg.LinAlgError:
        return model
    left = {
        b.parameter: np.median(variances[b.slice]) / (spread[b.parameter] ** 2 if b.role == "levels" else 1.0)
        for b in populations
    }
    # a variance below zero is of a direction that the mode's curvature says nothing of
    offsets = frozenset(name for name, share in left.items() if not 0 <= share < LEFT)
    if offsets == {b.parameter for b in populations if b.role == "offsets"}:
        return model
    other = Model(model.law, model.table, offsets)
    return other.weighted(model.data["weights"]) if "weights" in model.data else other


def moved(u: Array, model: Model, other: Model) -> Array:
    """A position (width,) of `model` as one of `other`, which differs from it in levels and offsets."""
    there = np.array(u, dtype=float)
    for here, new in zip(model.blocks, other.blocks, strict=True):
        if here.role != new.role:
            spread, center = model.population(here.parameter, there, np)
            part = there[here.slice]
            there[here.slice] = (part - center) / spread if new.role == "offsets" else center + spread * part
    return there
