"""Arrays as the page carries them: few digits, and null where there is no number, since JSON has no NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: digits of what is only drawn: a tenth of a pixel
DIGITS = 5


def rounded(values: Any, digits: int = DIGITS) -> list[float | None]:
    """Numbers with so many digits, None for what is not finite.

    >>> rounded([1234567.0, 0.000123456789, float("nan"), 3.0])
    [1234600, 0.00012346, None, 3]
    """
    found: list[float | None] = []
    for value in np.asarray(values, dtype=float).tolist():
        if not math.isfinite(value):
            found.append(None)
            continue
        short = float(f"{value:.{digits - 1}e}")
        found.append(int(short) if short == int(short) and abs(short) < 1e15 else short)
    return found
