"""The log gamma function as a short program.

XLA's own is some twenty-five kernels in every gradient, and compiling them costs a fit of one law a CPU second.
"""

from __future__ import annotations

import math
from typing import Any

#: Stirling's series in 1/x, Bernoulli numbers over 2k(2k - 1)
SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
SHIFT = 8  # steps of the recurrence, after which the series is exact to 1e-15


def loggamma(x: Any, xp: Any = None) -> Any:
    """log Gamma(x) for x > 0, in JAX, or in numpy where that is `xp`: x Gamma(x) = Gamma(x + 1) up to x + 8, Stirling's
    series there.
    """
    if xp is None:
        from jax import numpy as xp

    product = x
    for step in range(1, SHIFT):
        product = product * (x + step)
    y = x + SHIFT
    inverse = 1 / y
    square = inverse * inverse
    tail = SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        tail = tail * square + coefficient
    return (y - 0.5) * xp.log(y) - y + 0.5 * math.log(2 * math.pi) + tail * inverse - xp.log(product)
