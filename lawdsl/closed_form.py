"""Closed forms by sympy: the root of a sum of two powers, and with it most optima of the field.

`c1*x^a1 + c2*x^a2 = 0` has the root (-c2/c1)^(1/(a1 - a2)). That covers tokens at a given degradation, elimination of
a variable from a budget C = 6*N*D, and the stationary point of E + A/N^alpha + B/D^beta on that budget. Anything else
is left to the numeric search; sympy's general solver is not used, since it may not return.
"""

from __future__ import annotations

import math

import sympy

#: terms of a product or power written out; more are left to the numeric search
TERMS = 200


def _written_out(expression: sympy.Expr) -> int:
    """How many terms an expression may have once its products and whole powers are multiplied out, at least."""
    if isinstance(expression, sympy.Add):
        return sum(_written_out(part) for part in expression.args)
    if isinstance(expression, sympy.Mul):
        return math.prod(_written_out(part) for part in expression.args)
    if isinstance(expression, sympy.Pow) and expression.exp.is_Integer:
        return math.comb(_written_out(expression.base) + abs(int(expression.exp)) - 1, abs(int(expression.exp)))
    return 1


def powers(expression: sympy.Expr, x: sympy.Symbol) -> dict[sympy.Expr, sympy.Expr] | None:
    """An expression as a sum of coefficient*x^exponent, by exponent; None where it is none."""
    if _written_out(expression) > TERMS or expression.has(sympy.nan):
        return None
    found: dict[sympy.Expr, sympy.Expr] = {}
    expanded = sympy.expand(sympy.expand_power_base(sympy.powdenest(expression)), power_exp=False, log=False)
    for term in sympy.Add.make_args(sympy.expand_power_base(expanded)):
        factor, exponent = sympy.Integer(1), sympy.Integer(0)
        for part in sympy.Mul.make_args(term):
            base, power = part.as_base_exp()
            if not part.has(x):
                factor *= part
            elif base == x and not power.has(x):
                exponent += power
            else:
                return None
        found[exponent] = found.get(exponent, sympy.Integer(0)) + factor
    return {exponent: factor for exponent, factor in found.items() if factor != 0}


def root(expression: sympy.Expr, x: sympy.Symbol) -> sympy.Expr | None:
    """The positive x at which a sum of two powers is zero, or None. Where there is none in numbers, it gives NaN."""
    terms = powers(expression, x)
    if terms is None or len(terms) != 2:
        return None
    (a1, c1), (a2, c2) = terms.items()
    ratio, power = -c2 / c1, 1 / (a1 - a2)
    if ratio.is_positive or not power.is_number:  # else exp(power*log(ratio)): NaN by itself where it is not positive
        return ratio**power
    if ratio.has(sympy.Piecewise):  # sympy would take seconds over a `where` in a condition; questions drop x <= 0
        return ratio**power
    return sympy.Piecewise((ratio**power, ratio > 0), (sympy.nan, True))


def stationary(expression: sympy.Expr, x: sympy.Symbol, least: bool = True) -> sympy.Expr | None:
    """The x at which a sum of two powers (and terms without x) is least, or greatest; None where it is no such sum.

    In numbers it is NaN where the derivative has no root, or the root is an optimum of the other kind.
    """
    terms = powers(expression, x)
    if terms is None:
        return None
    moving = {exponent: factor for exponent, factor in terms.items() if exponent != 0}
    if len(moving) != 2:
        return None
    found = root(sympy.Add(*(e * c * x**e for e, c in moving.items())), x)
    (a1, c1), (a2, _) = moving.items()
    bend = a1 * c1 * (a1 - a2)  # the sign of the second derivative where the first is zero
    return sympy.Piecewise((found, bend > 0 if least else bend < 0), (sympy.nan, True))
