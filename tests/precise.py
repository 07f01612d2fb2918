"""Expressions in as many digits as one likes: what a program's float64 is held against."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from lawdsl.expression import Call, Comparison, Expression, Name, Number, Operation
from lawdsl.functions import FUNCTIONS

SIGNS: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": lambda a, *b: a - b[0] if b else -a, "*": operator.mul, "/": operator.truediv,
    "^": mpmath.power, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
OWN: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "where": lambda c, a, b: a if c else b,
    "log2": lambda x: mpmath.log(x, 2), "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)), "lambertw": lambda x: mpmath.lambertw(x).real,
    "smoothmin": lambda a, b, w: min(a, b) - w * mpmath.log1p(mpmath.exp(-abs(a - b) / w)),
    "steps": FUNCTIONS["steps"].value, "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": operator.not_,
}  # fmt: skip


class Beyond(Exception):
    """No real value: a log of what is not positive, a division by zero, or a function that needs a run."""


def precise(
    tree: Expression, values: Mapping[str, Any], definitions: Mapping[str, Expression], known: dict[str, Any]
) -> Any:
    """The value of an expression in mpmath's working precision; `known` keeps what names stand for.

    Raises: Beyond.
    """

    def of(part: Expression) -> Any:
        return precise(part, values, definitions, known)

    match tree:
        case Number(value=value):
            return mpmath.mpf(value)
        case Name(name=name) if name in values:
            return mpmath.mpf(values[name])
        case Name(name=name):
            if name not in known:
                known[name] = of(definitions[name])
            return known[name]
        case Comparison() | Operation():
            function, parts = SIGNS[tree.sign], tree.parts
        case Call(function=name, parts=parts):
            function = OWN.get(name) or getattr(mpmath, name, None) or _none
    if isinstance(tree, Call) and tree.function == "where":
        condition, first, second = parts
        return of(first) if of(condition) else of(second)
    try:
        found = function(*(of(part) for part in parts))
    except (ZeroDivisionError, ValueError, TypeError) as error:
        raise Beyond(str(tree)) from error
    if isinstance(found, mpmath.mpc) or (isinstance(found, mpmath.mpf) and not mpmath.isfinite(found)):
        raise Beyond(str(tree))
    return found


def _none(*_: Any) -> Any:
    raise Beyond("a function of runs, or a root")
