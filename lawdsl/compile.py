"""Sympy to programs (`lawdsl.program`).

Three things are done to an expression on the way, all by this compiler and none by the writer of a law:
- powers become exponentials of logs, `A/N^alpha -> exp(log A - alpha*log N)`, and the log of a sum of positive terms
  becomes a log-sum-exp, so that neither overflows and the gradient costs one exponential a term;
- common subexpressions are computed once;
- what rests on data alone (`log N`) is computed once per table (`Program.prepare`), outside the sampler's loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import sympy

from .program import ROOT, Program, Step
from .symbolic import previous, recur, root, sigmoid, softplus


class logsumexp(sympy.Function):  # type: ignore[misc]
    """log(exp(a) + exp(b) + ...)"""


class expm1(sympy.Function):  # type: ignore[misc]
    """exp(x) - 1, exact near zero."""

    nargs = 1


def compile_expressions(outputs: Mapping[str, sympy.Expr], data: frozenset[str]) -> Program:
    """The program that computes `outputs`; the names in `data` are columns, the others parameters."""
    names = list(outputs)
    roots: list[Program] = []
    plain = [_without_roots(sympy.sympify(outputs[name]), roots) for name in names]
    stable = [_stable(expression) for expression in plain]
    emitter = _Emitter(data)
    slots = tuple((name, emitter.emit(result)) for name, result in zip(names, stable, strict=True))
    return emitter.program(slots, tuple(roots))


def _without_roots(expression: sympy.Expr, roots: list[Program]) -> sympy.Expr:
    """An expression with every root as a call of a program of its own: its unknown must not get out of it.

    What a root's function takes from outside is computed outside, once and not in every step of the search.
    """
    if not expression.has(root):
        return expression
    if not isinstance(expression, root):
        return expression.func(*(_without_roots(part, roots) for part in expression.args))
    unknown, f, low, high = expression.args
    outside: dict[sympy.Expr, sympy.Symbol] = {}
    inner = _taken_out(f, frozenset({unknown}), outside)
    x = sympy.Symbol("x", real=True, positive=unknown.is_positive)
    program = compile_expressions({"f": inner.xreplace({unknown: x})}, frozenset())
    if program not in roots:
        roots.append(program)
    call = sympy.Function(f"{ROOT}{roots.index(program)}", real=True, positive=expression.is_positive)
    return call(*(_without_roots(part, roots) for part in (low, high, *outside)))


def _taken_out(f: sympy.Expr, unknowns: frozenset[sympy.Symbol], outside: dict[sympy.Expr, sympy.Symbol]) -> sympy.Expr:
    """f with its largest parts without the unknowns as symbols a0, a1, ..., which `outside` collects."""
    if f.is_number or f in unknowns:
        return f
    if not f.free_symbols & unknowns:
        if f not in outside:
            outside[f] = sympy.Symbol(f"a{len(outside)}", real=True, positive=f.is_positive, negative=f.is_negative)
        return outside[f]
    if isinstance(f, root):
        below = unknowns | {f.args[0]}
        return root(f.args[0], *(_taken_out(part, below, outside) for part in f.args[1:]))
    if isinstance(f, (sympy.Add, sympy.Mul)):
        still = [part for part in f.args if not part.free_symbols & unknowns]
        moving = [_taken_out(part, unknowns, outside) for part in f.args if part not in still]
        together = f.func(*still)
        return f.func(together if together.is_number else _taken_out(together, unknowns, outside), *moving)
    return f.func(*(_taken_out(part, unknowns, outside) for part in f.args))


def _stable(expression: sympy.Expr) -> sympy.Expr:
    """Powers as exponentials of logs, logs of sums as log-sum-exps."""
    if not expression.args:
        return expression
    if isinstance(expression, sympy.log):
        return _log(expression.args[0])
    if isinstance(expression, (sympy.Mul, sympy.Pow)) and _has_symbolic_power(expression):
        powers = [f for f in sympy.Mul.make_args(expression) if _is_symbolic_power(f) or f.is_positive]
        rest = [f for f in sympy.Mul.make_args(expression) if f not in powers]
        together = sympy.exp(sympy.Add(*(_log(f) for f in powers)), evaluate=False)
        return sympy.Mul(*(_stable(f) for f in rest), together, evaluate=False) if rest else together
    if isinstance(expression, sympy.Add):
        return _sum(expression)
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((_stable(value), condition) for value, condition in expression.args), evaluate=False)
    if isinstance(expression, (sympy.core.relational.Relational, sympy.logic.boolalg.Boolean)):
        return expression
    return expression.func(*(_stable(part) for part in expression.args))


def _sum(expression: sympy.Add) -> sympy.Expr:
    """A sum; where it holds 1 - exp(x), exactly for small x."""
    terms = list(expression.args)
    for one in (sympy.Integer(1), sympy.Integer(-1)):
        match = next((t for t in terms if one in terms and isinstance(-t * one, sympy.exp)), None)
        if match is not None:
            terms.remove(match)
            terms.remove(one)
            inner = -one * expm1(_stable((-match * one).args[0]))
            return sympy.Add(*(_stable(t) for t in terms), inner) if terms else inner
    return sympy.Add(*(_stable(t) for t in terms))


def _is_symbolic_power(factor: sympy.Expr) -> bool:
    return (isinstance(factor, sympy.Pow) and not factor.exp.is_number) or isinstance(factor, sympy.exp)


def _has_symbolic_power(expression: sympy.Expr) -> bool:
    return any(isinstance(f, sympy.Pow) and not f.exp.is_number for f in sympy.Mul.make_args(expression))


def _log(expression: sympy.Expr) -> sympy.Expr:
    """The log of a positive expression, taken apart as far as it goes."""
    if isinstance(expression, sympy.exp):
        return _stable(expression.args[0])
    if isinstance(expression, sympy.Pow):
        return _stable(expression.exp) * _log(expression.base)
    if isinstance(expression, sympy.Mul):
        positive = [f for f in expression.args if f.is_positive or _is_symbolic_power(f)]
        rest = [f for f in expression.args if f not in positive]
        if len(rest) <= 1:  # then the one whose sign sympy does not know must be positive as well
            return sympy.Add(*(_log(f) for f in expression.args))
        return sympy.Add(*(_log(f) for f in positive), sympy.log(_stable(sympy.Mul(*rest))))
    if isinstance(expression, sympy.Add) and all(t.is_positive for t in expression.args):
        return logsumexp(*sorted((_log(t) for t in expression.args), key=sympy.default_sort_key))
    return sympy.log(_stable(expression))


_CALLS: dict[type, str] = {
    sympy.exp: "exp", sympy.Abs: "abs", sympy.Min: "min", sympy.Max: "max", sympy.tanh: "tanh", sympy.erf: "erf",
    sympy.gamma: "gamma", sympy.loggamma: "loggamma", sympy.LambertW: "lambertw", sigmoid: "sigmoid",
    softplus: "softplus", logsumexp: "logsumexp", expm1: "expm1", sympy.StrictLessThan: "<", sympy.LessThan: "<=",
    sympy.StrictGreaterThan: ">", sympy.GreaterThan: ">=", sympy.Eq: "==", sympy.Ne: "!=", sympy.And: "and",
    sympy.Or: "or", sympy.Not: "not", sympy.ITE: "where", recur: "recur", previous: "previous",
}  # fmt: skip


#: functions that sympy cannot put into numbers: of constants alone they are computed when the program runs
_OWN = (sigmoid, softplus, logsumexp, expm1)


def _number(node: sympy.Expr) -> float:
    """A constant; NaN outside a domain, as where a parameter is fixed at a number that has no root or logarithm."""
    try:
        return float(node)
    except TypeError:
        return math.nan


class _Emitter:
    """Writes steps, each sympy node once, and sorts them into those that rest on data alone and the others."""

    def __init__(self, data: frozenset[str]):
        self.data = data
        self.known: dict[sympy.Basic, int] = {}
        self.slots: dict[Any, int] = {}
        self.early_slots: set[int] = set()
        self.constant_slots: set[int] = set()
        self.inputs: list[tuple[int, str, bool]] = []
        self.constants: list[tuple[int, float]] = []
        self.steps: list[Step] = []

    def program(self, outputs: tuple[tuple[str, int], ...], roots: tuple[Program, ...] = ()) -> Program:
        early = tuple(step for step in self.steps if step.out in self.early_slots)
        late = tuple(step for step in self.steps if step.out not in self.early_slots)
        return Program(tuple(self.inputs), tuple(self.constants), early, late, outputs, self.data, roots)

    def slot(self, key: Any) -> int:
        self.slots[key] = len(self.slots)
        return self.slots[key]

    def step(self, operation: str, arguments: tuple[int, ...]) -> int:
        key = (operation, arguments)
        if key in self.slots:
            return self.slots[key]
        out = self.slot(key)
        if all(a in self.early_slots or a in self.constant_slots for a in arguments):
            self.early_slots.add(out)
        self.steps.append(Step(operation, arguments, out))
        return out

    def input(self, name: str, wants_log: bool) -> int:
        key = ("input", name, wants_log)
        if key not in self.slots:
            slot = self.slot(key)
            self.inputs.append((slot, name, wants_log))
            if name in self.data:
                self.early_slots.add(slot)
        return self.slots[key]

    def constant(self, value: float) -> int:
        key = ("constant", value)
        if key not in self.slots:
            slot = self.slot(key)
            self.constants.append((slot, value))
            self.constant_slots.add(slot)
        return self.slots[key]

    def emit(self, node: sympy.Basic) -> int:
        """The slot of a node's value, the same wherever the node occurs."""
        if node not in self.known:
            self.known[node] = self.written(node)
        return self.known[node]

    def written(self, node: sympy.Basic) -> int:
        if isinstance(node, sympy.Symbol):
            return self.input(node.name, False)
        if isinstance(node, sympy.log) and type(node.args[0]) is sympy.Symbol:
            return self.input(node.args[0].name, True)
        if isinstance(node, sympy.logic.boolalg.BooleanAtom):
            return self.constant(float(bool(node)))
        if node.is_number and not node.has(*_OWN):
            return self.constant(_number(node))
        if isinstance(node, (sympy.Add, sympy.Mul)):
            return self.many("add" if isinstance(node, sympy.Add) else "mul", node.args)
        if isinstance(node, sympy.Pow):
            return self.power(node)
        if isinstance(node, sympy.Piecewise):
            return self.piecewise(node)
        if isinstance(node, sympy.polygamma) and node.args[0] == 0:
            return self.step("digamma", (self.emit(node.args[1]),))
        if isinstance(node, sympy.core.function.AppliedUndef):
            operation = node.func.__name__
        else:
            operation = "log" if isinstance(node, sympy.log) else _CALLS[type(node)]
        return self.step(operation, tuple(self.emit(part) for part in node.args))

    def many(self, operation: str, parts: tuple[sympy.Expr, ...]) -> int:
        """A sum or product, its parts gathered so that what is computed once stays together."""
        if operation == "mul" and parts[0] == -1:
            return self.step("neg", (self.many("mul", parts[1:]),)) if len(parts) > 2 else self.negated(parts[1])
        slots = [self.emit(part) for part in parts]
        early = [s for s in slots if s in self.early_slots or s in self.constant_slots]
        rows = any(s in self.early_slots for s in early)
        late = [s for s in slots if s not in early]
        if rows and len(early) > 1 and late:
            late.append(self.step(operation, tuple(early)))
        else:
            late.extend(early)
        return self.step(operation, tuple(late)) if len(late) > 1 else late[0]

    def negated(self, part: sympy.Expr) -> int:
        return self.step("neg", (self.emit(part),))

    def power(self, node: sympy.Pow) -> int:
        base, exponent = self.emit(node.base), node.exp
        if exponent == -1:
            return self.step("reciprocal", (base,))
        if exponent in (2, -2):
            square = self.step("square", (base,))
            return square if exponent == 2 else self.step("reciprocal", (square,))
        if exponent in (sympy.Rational(1, 2), sympy.Rational(-1, 2)):
            root = self.step("sqrt", (base,))
            return root if exponent > 0 else self.step("reciprocal", (root,))
        return self.step("pow", (base, self.emit(exponent)))

    def piecewise(self, node: sympy.Piecewise) -> int:
        result = self.emit(node.args[-1][0])
        for value, condition in reversed(node.args[:-1]):
            result = self.step("where", (self.emit(condition), self.emit(value), result))
        return result
