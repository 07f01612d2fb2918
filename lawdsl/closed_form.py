"""Closed forms by sympy: the root of a sum of two powers, and with it most optima of the field.

`c1*x^a1 + c2*x^a2 = 0` has the root (-c2/c1)^(1/(a1 - a2)). That covers tokens at a given degradation, elimination of
a variable from a budget C = 6*N*D, and the stationary point of E + A/N^alpha + B/D^beta on that budget. Anything else
is left to the numeric search; sympy's general solver is not used, since it may not return.
"""

from __future__ import annotations

import sympy


def powers(expression: sympy.Expr, x: sympy.Symbol) -> dict[sympy.Expr, sympy.Expr] | None:
    """An expression as a sum of coefficient*x^exponent, by exponent; None where it is none."""
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
    return (-c2 / c1) ** (1 / (a1 - a2))


def stationary(expression: sympy.Expr, x: sympy.Symbol) -> sympy.Expr | None:
    """The x at which the derivative of a sum of powers (and terms without x) is zero, or None."""
    terms = powers(expression, x)
    if terms is None:
        return None
    moving = {exponent: factor for exponent, factor in terms.items() if exponent != 0}
    if len(moving) != 2:
        return None
    return root(sympy.Add(*(e * c * x**e for e, c in moving.items())), x)
