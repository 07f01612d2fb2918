"""The log gamma function, and its differences where its values would cancel.

In short programs: XLA's own is some twenty-five kernels in every gradient, and compiling them costs a fit of one law a
CPU second. A difference of two large log gammas is rounding error alone, and a sampler that may make a shape as large
as it likes would climb that error as if it were likelihood; here no large terms are ever formed.
"""

from __future__ import annotations

import math
from typing import Any

#: Stirling's series in 1/x, Bernoulli numbers over 2k(2k - 1)
SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
SHIFT = 8  # steps of the recurrence, after which the series is exact to 1e-15


def loggamma(x: Any, xp: Any = None) -> Any:
    """log Gamma(x) for x > 0, in JAX, or in numpy where that is `xp`."""
    xp = _operations(xp)
    return x * xp.log(x) - x + remainder(x, xp)


def remainder(x: Any, xp: Any = None) -> Any:
    """log Gamma(x) - (x log x - x) for x > 0, which is small beside either: about log(2 pi/x)/2 for a large x.

    x Gamma(x) = Gamma(x + 1) up to x + 8, Stirling's series there.
    """
    xp = _operations(xp)
    y = x + SHIFT
    inverse = 1 / y
    square = inverse * inverse
    tail = SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        tail = tail * square + coefficient
    product = x * inverse
    for step in range(1, SHIFT):
        product = product * ((x + step) * inverse)
    away = x * xp.log1p(SHIFT / x) - SHIFT
    return away + 0.5 * math.log(2 * math.pi) - 0.5 * xp.log(y) + tail * inverse - xp.log(product)


def rising(x: Any, k: Any, xp: Any = None) -> Any:
    """log Gamma(x + k) - log Gamma(x) for x > 0 and k >= 0, to relative precision however large x is."""
    xp = _operations(xp)
    grown = x * xp.log1p(k / x) - k + k * xp.log(x + k)
    return grown + remainder(x + k, xp) - remainder(x, xp)


def _operations(xp: Any) -> Any:
    if xp is None:
        from jax import numpy as xp
    return xp
