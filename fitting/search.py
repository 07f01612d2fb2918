"""The mode of a model's posterior: where sampling begins, and what forecasts and folds are drawn around.

Few unknowns descend by Newton's steps from every start. A Newton step by differences costs two gradients an unknown, so
in wide models starts come near by gradients alone, and only the best of them go on. A population's levels and spread
have no mode together: the spread is held, first at its prior's median, then at what the levels found show.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model import Model, scale_of
from .start import Optimum, approach, descend

Array = NDArray[np.float64]

#: unknowns above which a model is wide. There, of eight starts three come near, and the best three in all take at most
#: so many steps
WIDE, OF_EIGHT, BEST, LAST_STEPS = 40, 3, 3, 100
#: rows of which the starts see at most this many; from the best of them the descent goes on over all
START_ROWS = 2048


def mode(model: Model, starts: Array, prior: Array, *, seed: int = 0, wide: int = WIDE) -> Optimum:
    """The best optimum that `starts` (k, width) find; `prior` (n, width), draws of it, tell how far an unknown moves.

    `agreement` is that of the starts, and the Hessian has the populations' spreads held (`fitting.model.PINNED`).
    Raises: ValueError if the density is finite at none of the starts.
    """
    if model.spreads.size:
        held = model.pinned(np.median(prior[:, model.spreads], axis=0))
        first = _search(model, starts, prior, held, wide)
        rest = model.pinned(model.empirical_spread(first.position))
    elif "weights" in model.data or model.table.rows <= 2 * START_ROWS or model.law.sequence is not None:
        return _search(model, starts, prior, model.data, wide)
    else:  # of many rows some are enough to tell which start is best
        first = _search(model, starts, prior, model.some_rows(START_ROWS, seed), wide)
        rest = model.data
    again = _search(model, first.position[None], prior, rest, wide)
    return replace(again, agreement=first.agreement)  # ends of the first search are not of this density


def mode_near(model: Model, position: Array, prior: Array, log_spread: Array | None = None) -> Optimum:
    """The mode that lies at `position` (width,) or near it, the populations' spreads held at `log_spread`, by default
    the position's own.

    Raises: ValueError if the density is not finite there.
    """
    held = position[model.spreads] if log_spread is None else log_spread
    return _search(model, position[None], prior, model.pinned(held) if model.spreads.size else model.data, WIDE)


def _search(model: Model, starts: Array, prior: Array, data: Any, wide: int) -> Optimum:
    potential, identity = model.potential(), f"posterior:{model.identity}"
    if model.width <= wide:
        return descend(potential, starts, data, identity=identity)
    some = starts[: max(BEST, len(starts) * OF_EIGHT // 8)]
    near = approach(potential, some, data, scale=scale_of(prior), identity=identity)
    return descend(potential, near[:BEST], data, max_steps=LAST_STEPS, identity=identity)
