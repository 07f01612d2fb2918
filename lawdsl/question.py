"""Answers to a law's questions: for every draw of the parameters, the root, the optimum or the value.

Closed form where `lawdsl.closed_form` has one; otherwise a search on the log of each unknown over its range, vectorised
over the draws. Both are open to the caller (`route`), and a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Literal

import numpy as np
import sympy

from . import closed_form
from .check.literature import answer_names
from .compile import compile_expressions
from .errors import AskError, Fault, Span, suggest
from .evaluate import Values, missing_value, run
from .law import Ask, Law
from .program import Program
from .symbolic import Algebra

#: where an unknown is sought when neither the question nor its variable says
SEARCH = {"parameters": (1e3, 1e18), "tokens": (1e3, 1e22), "FLOP": (1e9, 1e40), "bits": (0.05, 64.0)}
ANYWHERE = (1e-12, 1e24)
GRID = 400


@dataclass(frozen=True)
class _Plan:
    """A question taken apart: unknowns still free, those that follow from constraints, and what is reported."""

    free: tuple[str, ...]
    follows: tuple[tuple[str, sympy.Expr], ...]
    objective: sympy.Expr
    closed: tuple[tuple[str, sympy.Expr], ...] | None


def answer(
    law: Law, ask: Ask, values: Values, given: Mapping[str, float],
    route: Literal["auto", "closed", "numeric"] = "auto",
) -> dict[str, np.ndarray]:  # fmt: skip
    """The answers by name (`answer_names`), each an array over the draws in `values` (name -> (draws,) or number).

    Units are those of the law's variables. NaN where a draw has no answer inside the range searched.
    Raises: AskError where a number is missing (ASK001), is not one of the question's (ASK002), or where the question
    leaves more than two unknowns free (ASK005).
    """
    known = {**values, **given}
    for name in given:
        if name not in ask.given and name not in law.variable and name not in law.factor:
            cure = suggest(name, [*ask.given, *law.variable])
            raise AskError(Fault("ASK002", Span(law.name), f"'{ask.name}' takes no '{name}'", cure))
        if name in ask.over:
            cure = f"Leave it out; it is given {', '.join(ask.given) or 'nothing'}."
            raise AskError(
                Fault("ASK002", Span(law.name), f"'{ask.name}' looks for '{name}', and is not told it", cure)
            )
    lacking = [name for name in ask.given if name not in given and name not in law.factor]
    if lacking:
        raise AskError([missing_value(law, name, given) for name in lacking])
    question = _question(law, ask, frozenset(given) & frozenset(law.definitions))
    if ask.kind == "value":
        return run(law, question.report, known)
    plan = question.plan
    if plan.closed is not None and route != "numeric":
        exact = run(law, question.closed, known)
        found = {name: np.where(value > 0, value, np.nan) for name, value in exact.items()}
    else:
        if route == "closed":
            raise AskError(
                Fault("ASK006", Span(law.name), f"'{ask.name}' has no closed form", "Use the numeric route.")
            )
        found = _search(law, ask, plan, question.objective, known)
        found |= run(law, question.follows, {**known, **found}) if plan.follows else {}
    return {name: found[name] for name in ask.over} | run(law, question.report, {**known, **found})


@dataclass(frozen=True)
class Parts:
    """The programs that answer a question, for whoever runs them elsewhere; as `answer` does it, route "auto".

    report: the value, or what is reported of the unknowns. closed: the unknowns, where there is a closed form. Else
    objective: what is zero at the unknown `free` of a "solve", or least or greatest at one or two, each sought on its
    logarithm in `ranges`; and follows: the unknowns that constraints give.
    """

    report: Program
    closed: Program | None = None
    free: tuple[str, ...] = ()
    ranges: tuple[tuple[float, float], ...] = ()
    objective: Program | None = None
    follows: Program | None = None


def parts(law: Law, ask: Ask) -> Parts:
    """A question taken apart, for the numbers that it is given. Raises: AskError (ASK005)."""
    question = _question(law, ask, frozenset(ask.given) & frozenset(law.definitions))
    if ask.kind == "value":
        return Parts(question.report)
    plan = question.plan
    if plan.closed is not None:
        return Parts(question.report, question.closed)
    ranges = tuple(_ranges(law, ask, plan))
    return Parts(question.report, None, plan.free, ranges, question.objective, question.follows)


class _Question:
    """A question's plan and programs, made when first asked for; they rest on no number."""

    def __init__(self, law: Law, ask: Ask, keep: frozenset[str]):
        self.law, self.ask, self.keep = law, ask, keep
        self.algebra = Algebra(law, keep)

    @cached_property
    def plan(self) -> _Plan:
        return _plan(self.law, self.ask, self.algebra, self.keep)

    @cached_property
    def closed(self) -> Program:
        """The unknowns in closed form, where the plan has one."""
        assert self.plan.closed is not None
        outputs = dict(self.plan.closed)
        for name, expression in self.plan.follows:
            outputs[name] = expression.xreplace({self.algebra.symbol(n): e for n, e in self.plan.closed})
        return compile_expressions(outputs, frozenset())

    @cached_property
    def objective(self) -> Program:
        return compile_expressions({"objective": self.plan.objective}, frozenset())

    @cached_property
    def follows(self) -> Program:
        """The unknowns that constraints give."""
        return compile_expressions(dict(self.plan.follows), frozenset())

    @cached_property
    def report(self) -> Program:
        """The value, or what stands in the optimum, and what the question reports besides."""
        outputs = {}
        if self.ask.kind != "solve":
            outputs = {answer_names(self.ask)[len(self.ask.over)]: self.algebra.expression(self.ask.target)}
        outputs |= {name: self.algebra.expression(tree) for name, tree in self.ask.report}
        return compile_expressions(outputs, frozenset())


@lru_cache(maxsize=64)
def _question(law: Law, ask: Ask, keep: frozenset[str]) -> _Question:
    return _Question(law, ask, keep)


def _plan(law: Law, ask: Ask, algebra: Algebra, keep: frozenset[str]) -> _Plan:
    """Constraints solved for as many unknowns, the last of `over` first."""
    if ask.kind == "solve":
        assert ask.equals is not None
        objective = algebra.expression(ask.target) - algebra.expression(ask.equals)
        x = algebra.symbol(ask.over[0])
        closed = closed_form.root(objective, x)
        return _Plan(ask.over, (), objective, None if closed is None else ((ask.over[0], closed),))
    objective = algebra.expression(ask.target)
    held = [algebra.expression(a) - algebra.expression(b) for a, b in ask.constraints]
    for name in sorted(keep):  # a derived variable that is given is a constraint: C = 6*N*D
        formula = Algebra(law, keep - {name}).name(name)
        if formula.free_symbols & {algebra.symbol(n) for n in ask.over}:
            held.append(formula - algebra.symbol(name))
    free = list(ask.over)
    follows: list[tuple[str, sympy.Expr]] = []
    for constraint in held:
        for name, expression in follows:
            constraint = constraint.xreplace({algebra.symbol(name): expression})
        for name in reversed(free):
            found = closed_form.root(constraint, algebra.symbol(name))
            if found is not None:
                break
        else:
            message = f"the constraint {constraint} = 0 of '{ask.name}' cannot be solved for {' or '.join(free)}"
            raise AskError(Fault("ASK005", Span(law.name), message, "Write it so that one unknown stands alone."))
        free.remove(name)
        follows = [(n, e.xreplace({algebra.symbol(name): found})) for n, e in follows] + [(name, found)]
    for name, expression in follows:
        objective = objective.xreplace({algebra.symbol(name): expression})
    if not 1 <= len(free) <= 2:
        message = f"'{ask.name}' leaves {len(free)} unknowns free: {', '.join(free) or 'none'}"
        raise AskError(Fault("ASK005", Span(law.name), message, "One or two can be sought; add or drop a constraint."))
    closed_optimum = None
    if len(free) == 1:
        closed_optimum = closed_form.stationary(objective, algebra.symbol(free[0]), least=ask.kind == "minimize")
    closed = None if closed_optimum is None else ((free[0], closed_optimum),)
    return _Plan(tuple(free), tuple(follows), objective, closed)


def _range(law: Law, ask: Ask, name: str) -> tuple[float, float]:
    variable = law.variable[name]
    if ask.within is not None:
        return ask.within
    return (0.0, 1.0) if variable.domain == "unit" else SEARCH.get(variable.quantity.unit, ANYWHERE)


def _ranges(law: Law, ask: Ask, plan: _Plan) -> list[tuple[float, float]]:
    """Where each unknown is sought: positive, since it is sought on its logarithm."""
    ranges = [_range(law, ask, name) for name in plan.free]
    return [(max(low, 1e-9 * high), high) for low, high in ranges] if any(low <= 0 for low, _ in ranges) else ranges


def _search(law: Law, ask: Ask, plan: _Plan, compiled: Program, known: Values) -> dict[str, np.ndarray]:
    """Roots by bisection in the first bracket of a grid; optima by zooming into the best point of a grid."""
    draws = max((np.size(v) for v in known.values()), default=1)
    column = {name: np.reshape(np.asarray(v, dtype=float), (-1, 1)) for name, v in known.items() if _numeric(v)}
    ranges = _ranges(law, ask, plan)

    def objective(points: list[np.ndarray]) -> np.ndarray:
        """(draws, points) values at the exponentials of `points`, each (draws, points)."""
        inputs = {**column, **{name: np.exp(p) for name, p in zip(plan.free, points, strict=True)}}
        found = run(law, compiled, inputs)["objective"]
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, points[0].shape, (draws, 1)))

    if ask.kind == "solve":
        low, high = (np.log(end) for end in ranges[0])
        return {plan.free[0]: np.exp(_bisect(lambda x: objective([x]), low, high, draws))}
    sign = 1.0 if ask.kind == "minimize" else -1.0
    best = _zoom(lambda points: sign * objective(points), [(np.log(a), np.log(b)) for a, b in ranges], draws)
    return {name: np.exp(x) for name, x in zip(plan.free, best, strict=True)}


def _numeric(value: object) -> bool:
    return not isinstance(value, str)


def _bisect(function, low: float, high: float, draws: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    grid = np.broadcast_to(np.linspace(low, high, GRID), (draws, GRID))
    values = function(grid)
    crosses = np.sign(values[:, :-1]) * np.sign(values[:, 1:]) <= 0
    first = np.argmax(crosses, axis=1)
    rows = np.arange(draws)
    a, b = grid[rows, first][:, None], grid[rows, first + 1][:, None]
    at_a = values[rows, first][:, None]
    for _ in range(60):
        middle = (a + b) / 2
        at_middle = function(middle)
        left = np.sign(at_middle) == np.sign(at_a)
        a, at_a, b = np.where(left, middle, a), np.where(left, at_middle, at_a), np.where(left, b, middle)
    found = ((a + b) / 2)[:, 0]
    return np.where(crosses.any(axis=1), found, np.nan)


def _zoom(function, ranges: list[tuple[float, float]], draws: int) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    """The point of a product grid at which `function` is least, the grid made finer about it until it stands."""
    one = len(ranges) == 1
    count, shrink, turns = (GRID, 0.1, 14) if one else (41, 0.5, 40)
    middles = [np.full((draws, 1), (low + high) / 2) for low, high in ranges]
    widths = [(high - low) / 2 for low, high in ranges]
    at_edge = np.zeros(draws, bool)
    rows = np.arange(draws)
    for turn in range(turns):
        steps = np.linspace(-1, 1, count)
        mesh = np.array(list(product(steps, repeat=len(ranges))))
        points = [np.clip(m + w * mesh[:, i], *ranges[i]) for i, (m, w) in enumerate(zip(middles, widths, strict=True))]
        values = function(points)
        values = np.where(np.isnan(values), np.inf, values)
        best = np.argmin(values, axis=1)
        middles = [p[rows, best][:, None] for p in points]
        if turn == 0:
            edges = [np.isin(p[rows, best], ends) for p, ends in zip(points, ranges, strict=True)]
            at_edge = np.any(edges, axis=0) | ~np.isfinite(values[rows, best])
            count = 41 if one else 9
            widths = [w * 4 / (GRID if one else 41) for w in widths]
        else:
            widths = [w * shrink for w in widths]
    return [np.where(at_edge, np.nan, m[:, 0]) for m in middles]
