"""The closed table of functions: the only names an expression may call.

A name is a function only where it is called, so `gamma` may be a parameter of the law as well. Each entry is defined
once here, for numbers; `lawdsl.symbolic` and `lawdsl.backends` give it to sympy, numpy and JAX, and a test holds all
of them equal to mpmath, jitted and differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """A function of the language: `arity` is (fewest, most) arguments, `most` None where any number will do."""

    name: str
    arity: tuple[int, int | None]
    about: str
    domain: str
    value: Callable[..., float]
    latex: str


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _smoothmin(a: float, b: float, width: float) -> float:
    return a - width * _softplus((a - b) / width)


def _steps(x: float, *table: float) -> float:
    if len(table) % 2 == 0:
        raise ValueError("steps without a last value")
    for bound, value in zip(table[:-1:2], table[1:-1:2], strict=True):
        if x <= bound:
            return value
    return table[-1]


def _gamma(x: float) -> float:
    if x <= 0:
        raise ValueError("gamma of a number that is not positive")
    return math.gamma(x)


def _loggamma(x: float) -> float:
    if x <= 0:
        raise ValueError("loggamma of a number that is not positive")
    return math.lgamma(x)


def _lambertw(x: float) -> float:
    """The principal branch: w with w*exp(w) = x, by Halley's iteration."""
    if x < -math.exp(-1):
        raise ValueError("lambertw of a number below -1/e")
    if x > 3:
        w = math.log(x) - math.log(math.log(x))
    else:
        w = -1 + math.sqrt(max(0.0, 2 * (math.e * x + 1))) if x < 0 else x / (1 + x)
    for _ in range(40):
        e = math.exp(w)
        f = w * e - x
        if w == -1 or f == 0:
            break
        w -= f / (e * (w + 1) - (w + 2) * f / (2 * w + 2))
    return w


def _alone(x: float) -> float:
    """What a sum or a step back along a run is in a run of one row."""
    return x


#: functions that look along a run; only a law with a `sequence` may call them
SEQUENTIAL = frozenset({"cumsum", "previous", "recur"})


def root_of(function: Callable[[float], float], low: float, high: float) -> float:
    """The x between two numbers at which a function changes sign, by bisection. Raises: ValueError where it does not.

    Between positive ends the steps are those of the logarithm, so that a bracket may span many decades.
    """
    ratio = low > 0
    a, b = (math.log(low), math.log(high)) if ratio else (low, high)
    back = math.exp if ratio else float
    rising = function(low) < 0
    if rising == (function(high) < 0):
        raise ValueError("no root between the two numbers")
    for _ in range(200):
        middle = (a + b) / 2
        if not a < middle < b:
            break
        a, b = (middle, b) if (function(back(middle)) < 0) == rising else (a, middle)
    return back((a + b) / 2)


_TABLE = (
    Function("exp", (1, 1), "e to the power x", "any x", math.exp, r"\exp"),
    Function("log", (1, 1), "natural logarithm", "x > 0", math.log, r"\log"),
    Function("log2", (1, 1), "logarithm to base 2", "x > 0", math.log2, r"\log_{2}"),
    Function("log10", (1, 1), "logarithm to base 10", "x > 0", math.log10, r"\log_{10}"),
    Function("sqrt", (1, 1), "square root", "x >= 0", math.sqrt, r"\sqrt"),
    Function("abs", (1, 1), "absolute value", "any x", abs, r"\mathrm{abs}"),
    Function("min", (2, None), "the smallest of its arguments", "any", min, r"\min"),
    Function("max", (2, None), "the largest of its arguments", "any", max, r"\max"),
    Function("where", (3, 3), "where(c, a, b): a where the comparison c holds, else b", "c a comparison",
             lambda c, a, b: a if c else b, r"\mathrm{where}"),
    Function("smoothmin", (3, 3), "smoothmin(a, b, width): min(a, b) rounded off over `width` of their difference",
             "width > 0", _smoothmin, r"\mathrm{smoothmin}"),
    Function("steps", (3, None), "steps(x, 50, a, 200, b, c): a where x <= 50, else b where x <= 200, else c",
             "bounds that rise", _steps, r"\mathrm{steps}"),
    Function("softplus", (1, 1), "log(1 + exp(x)), a smooth max(x, 0)", "any x", _softplus,
             r"\mathrm{softplus}"),
    Function("sigmoid", (1, 1), "1/(1 + exp(-x))", "any x", _sigmoid, r"\sigma"),
    Function("tanh", (1, 1), "hyperbolic tangent", "any x", math.tanh, r"\tanh"),
    Function("erf", (1, 1), "error function", "any x", math.erf, r"\mathrm{erf}"),
    Function("gamma", (1, 1), "gamma function, (x - 1)!", "x > 0", _gamma, r"\Gamma"),
    Function("loggamma", (1, 1), "logarithm of the gamma function", "x > 0", _loggamma, r"\log\Gamma"),
    Function("cumsum", (1, 1), "sum of x over the rows of a run up to this one", "any x, in a law with a sequence",
             _alone, r"\mathrm{cumsum}"),
    Function("previous", (1, 1), "x one row earlier in the run; in its first row x itself",
             "any x, in a law with a sequence", _alone, r"\mathrm{previous}"),
    Function("recur", (2, 2), "recur(a, b): y = a*y_before + b along a run, beginning with b",
             "any, in a law with a sequence", lambda a, b: b, r"\mathrm{recur}"),
    Function("lambertw", (1, 1), "w with w*exp(w) = x, principal branch", "x >= -1/e", _lambertw, r"W"),
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}
