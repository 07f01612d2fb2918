"""Expressions to sympy: the algebra behind compilation and closed forms.

Symbols carry what the law knows (a positive variable is a positive symbol), and are made here from the law's own
names: no text ever reaches sympy, whose parser would run it and whose E, N and S mean other things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import sympy

from .expression import Call, Comparison, Expression, Local, Name, Number, Operation, evaluate, holds_local
from .law import FIRST, Law


class sigmoid(sympy.Function):  # type: ignore[misc]
    """1/(1 + exp(-x)), kept whole so that neither tail is lost."""

    nargs = 1
    is_positive = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)


class softplus(sympy.Function):  # type: ignore[misc]
    """log(1 + exp(x)), kept whole so that large x does not overflow."""

    nargs = 1
    is_positive = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sigmoid(self.args[0])


class root(sympy.Function):  # type: ignore[misc]
    """The x between low and high at which f is zero: `root(x, f, low, high)`, x a symbol of its own."""

    nargs = 4

    @property
    def free_symbols(self) -> set[sympy.Symbol]:
        unknown, f, low, high = self.args
        return {*(f.free_symbols - {unknown}), *low.free_symbols, *high.free_symbols}

    @property
    def bound_symbols(self) -> list[sympy.Symbol]:
        return [self.args[0]]

    def _eval_is_real(self) -> bool:
        return True

    def _eval_is_positive(self) -> bool | None:
        return True if self.args[2].is_nonnegative else None

    def _eval_derivative(self, symbol: sympy.Symbol) -> sympy.Expr:
        """By the implicit function theorem."""
        unknown, f, _, _ = self.args
        return (-f.diff(symbol) / f.diff(unknown)).xreplace({unknown: self})


class recur(sympy.Function):  # type: ignore[misc]
    """y = a*y_before + b along a run, beginning with b at each run's first row: `recur(a, b, first)`."""

    nargs = 3


class previous(sympy.Function):  # type: ignore[misc]
    """The value one row earlier in the run, at its first row its own: `previous(x, first)`."""

    nargs = 2


def _along(function: type[sympy.Function], *arguments: sympy.Expr) -> sympy.Expr:
    return function(*arguments, sympy.Symbol(FIRST, real=True))


def _steps(x: sympy.Expr, *table: sympy.Expr) -> sympy.Expr:
    pairs = zip(table[:-1:2], table[1:-1:2], strict=True)
    return sympy.Piecewise(*((value, x <= bound) for bound, value in pairs), (table[-1], True))


#: function of the language -> sympy
SYMPY = {
    "exp": sympy.exp,
    "log": sympy.log,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "sqrt": sympy.sqrt,
    "abs": sympy.Abs,
    "min": sympy.Min,
    "max": sympy.Max,
    "where": lambda c, a, b: sympy.Piecewise((a, c), (b, True)),
    "smoothmin": lambda a, b, width: a - width * softplus((a - b) / width),
    "steps": _steps,
    "softplus": softplus,
    "sigmoid": sigmoid,
    "tanh": sympy.tanh,
    "erf": sympy.erf,
    "gamma": sympy.gamma,
    "loggamma": sympy.loggamma,
    "lambertw": sympy.LambertW,
    "cumsum": lambda x: _along(recur, sympy.Integer(1), x),
    "previous": lambda x: _along(previous, x),
    "recur": lambda a, b: _along(recur, a, b),
}

_COMPARISONS = {
    "<": sympy.StrictLessThan, "<=": sympy.LessThan, ">": sympy.StrictGreaterThan, ">=": sympy.GreaterThan,
    "==": sympy.Eq, "!=": sympy.Ne, "and": sympy.And, "or": sympy.Or, "not": sympy.Not,
}  # fmt: skip


class Algebra:
    """A law's names as sympy symbols, with definitions written out where an expression uses them.

    `keep` are defined names that stay symbols: a question is given C and must not take it apart again.
    """

    def __init__(self, law: Law, keep: frozenset[str] = frozenset()):
        self.law = law
        self.keep = keep
        self.known: dict[str, sympy.Expr] = {}
        self.locals: dict[str, sympy.Dummy] = {}

    def symbol(self, name: str) -> sympy.Symbol:
        """The symbol of a name, with the sign the law gives it."""
        if name in self.law.parameter:
            low, high = self.law.parameter[name].support
            return sympy.Symbol(name, real=True, positive=low >= 0 or None, negative=high <= 0 or None)
        variable = self.law.variable.get(name)
        positive = None if variable is None or variable.domain == "real" else True
        return sympy.Symbol(name, real=True, positive=positive)

    def name(self, name: str) -> sympy.Expr:
        """What a name stands for, definitions written out."""
        if name not in self.known:
            definition = self.law.definitions.get(name)
            if name in self.law.outcome:
                definition = self.law.outcome[name].equation
            parameter = self.law.parameter.get(name)
            if parameter is not None and parameter.fixed is not None:
                self.known[name] = number(parameter.fixed)
            elif definition is None or name in self.keep:
                self.known[name] = self.symbol(name)
            else:
                self.known[name] = self.expression(definition)
        return self.known[name]

    def expression(self, tree: Expression) -> sympy.Expr:
        """A tree as a sympy expression."""
        if not tree.names() and not holds_local(tree):
            return _constant(tree)
        match tree:
            case Local(name=name):
                return self.locals[name]
            case Call(function="root", parts=(Local(name=name), inner, low, high)):
                return self.root(name, inner, self.expression(low), self.expression(high))
            case Name(name=name):
                return self.name(name)
            case Call(function=function, parts=parts):
                return SYMPY[function](*(self.expression(part) for part in parts))
            case Comparison(sign=sign, parts=parts):
                return _COMPARISONS[sign](*(self.expression(part) for part in parts))
            case Operation(sign=sign, parts=parts):
                arguments = [self.expression(part) for part in parts]
                return _arithmetic(sign, arguments)
        raise TypeError(f"{type(tree).__name__} has no sympy form")

    def root(self, name: str, inner: Expression, low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
        """A root, its unknown a symbol that nothing outside can meet."""
        outer = self.locals.get(name)
        unknown = self.locals[name] = sympy.Dummy(name, real=True, positive=low.is_nonnegative or None)
        found = root(unknown, self.expression(inner), low, high)
        self.locals = {n: s for n, s in self.locals.items() if n != name} | ({name: outer} if outer else {})
        return found


def _arithmetic(sign: str, arguments: list[sympy.Expr]) -> sympy.Expr:
    if len(arguments) == 1:
        return -arguments[0]
    a, b = arguments
    match sign:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
    return _power(a, b)


#: bits of the integers that sympy may write out: (9*N)^99999 would otherwise hold one of 300 thousand bits
_INTEGER_BITS = 1024


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """A power; sympy computes those of integers exactly, however long that takes, and is kept from it here."""
    if exponent.is_Rational:
        integers = [abs(int(n)) for atom in base.atoms(sympy.Rational) for n in (atom.p, atom.q)]
        if max((n.bit_length() for n in integers), default=0) * abs(exponent) > _INTEGER_BITS:
            exponent = sympy.Float(exponent, 17)
    return sympy.Pow(base, exponent)


def number(value: float) -> sympy.Number:
    """A double as sympy's number: small integers stay exact, so that powers simplify."""
    return sympy.Integer(int(value)) if value == int(value) and abs(value) < 1e6 else sympy.Float(value, 17)


def _constant(tree: Expression) -> sympy.Number:
    """A constant part, computed in floats (`check` has made sure it is finite), ratios of small integers exactly."""
    if isinstance(tree, Operation) and tree.sign == "/":
        a, b = (part.value if isinstance(part, Number) else 0.5 for part in tree.parts)
        if a == int(a) and b == int(b) and 0 < abs(b) < 1e6 and abs(a) < 1e6:
            return sympy.Rational(int(a), int(b))
    return number(evaluate(tree, {}))


def slope(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """The derivative in functions that compile: sympy's own of abs, min and max are Heaviside's and signs."""

    def choose(parts: tuple[sympy.Expr, ...], of_two: Callable[..., sympy.Expr]) -> sympy.Expr:
        return reduce(of_two, sorted(parts, key=sympy.default_sort_key))

    kinked = expression.replace(sympy.Abs, lambda x: sympy.Piecewise((x, x >= 0), (-x, True)))
    kinked = kinked.replace(
        sympy.Min, lambda *parts: choose(parts, lambda a, b: sympy.Piecewise((a, a <= b), (b, True)))
    )
    kinked = kinked.replace(
        sympy.Max, lambda *parts: choose(parts, lambda a, b: sympy.Piecewise((a, a >= b), (b, True)))
    )
    return kinked.diff(symbol)


def substitution(law: Law, values: Mapping[str, float]) -> dict[sympy.Symbol, sympy.Number]:
    """Numbers for names, as sympy's `subs` and `xreplace` take them."""
    algebra = Algebra(law)
    return {algebra.symbol(name): number(value) for name, value in values.items()}
