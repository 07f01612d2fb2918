"""The posterior's log density in numpy: where a program would cost more to compile than it saves.

It corrects normal approximations by importance, and tells how a posterior leans on its priors. Tests hold it to the
compiled density.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import priors
from .model import Model

Array = NDArray[np.float64]


def log_prior(model: Model, u: Array) -> Array:
    """The prior's log density at unconstrained positions (n, width), up to a constant: (n,)."""
    values, _ = model.unpack(u, np) if model.lower else ({}, {})
    total = np.zeros(len(u))
    for block in model.blocks:
        part = u[:, block.slice]
        if block.role == "levels":
            spread, center = model.population(block.parameter, u, np)
            z = (part - center[:, None]) / spread[:, None]
            total += -0.5 * (z * z).sum(axis=1) - block.size * np.log(spread)
        elif block.parameter in model.lower:
            support = (values[model.lower[block.parameter]], block.support[1])
            value = values[block.parameter]
            found = priors.log_kernel(block.prior, block.support, value)
            if priors.normal_there(block.prior, block.support):
                natural = priors.unconstrain(value, block.support)
                found = found - priors.log_slope(natural, block.support, np)
            total += found + priors.log_slope(part[:, 0], support, np)
        else:
            total += priors.log_density_there(block.prior, block.support, part, block.bend).sum(axis=1)
    return total
