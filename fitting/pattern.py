"""What a law leaves in its residuals: an effect of one variable that changes with another.

A law may fit and still be wrong in the direction that matters for extrapolation. For every pair of variables the
residuals, in units of their scale, are regressed on the product of the centred logs, after the logs themselves are
taken out. Rows of one training run are not independent, so the threshold is high: at 3.5 a pair of a right law with
independent rows is named with probability 5e-4.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

THRESHOLD = 3.5
CLIP = 3.0  # scales; heavy tails must not decide
FEWEST = 30  # rows


def patterns(columns: Mapping[str, Array], residuals: Array) -> tuple[str, ...]:
    """Notes on pairs of variables (positive columns, (rows,)) whose product the residuals (rows,) still depend on."""
    if len(residuals) < FEWEST:
        return ()
    logs = {n: np.log(x) - np.log(x).mean() for n, x in columns.items() if x.min() > 0 and x.max() > x.min()}
    if not logs:
        return ()
    basis = np.stack([np.ones_like(residuals), *logs.values()], axis=1)

    def outside(values: Array) -> Array:
        return np.asarray(values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0])

    left = outside(np.clip(residuals, -CLIP, CLIP))
    notes = []
    for a, b in combinations_with_replacement(logs, 2):
        product = outside(logs[a] * logs[b])
        size = float(product @ product)
        if size < 1e-9 * len(product) or left.std() == 0:
            continue
        t = float(product @ left) / np.sqrt(size) / left.std()
        if abs(t) >= THRESHOLD:
            if a == b:
                what = f"the effect of {a} bends beyond what the law holds"
            else:
                what = f"the effect of {a} changes with {b}, which the law does not hold: over these rows it is mixed"
            notes.append(f"{what} (residuals against {a} x {b}: t = {t:.1f}); do not trust its trend beyond the data")
    return tuple(notes)
