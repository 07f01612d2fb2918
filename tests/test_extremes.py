"""Every law at the ends of what is legal, beside fifty digits: a number is the number, and no NaN in the place of one.

Sizes from one parameter to 1e15 and one token to 1e18, constants drawn from their priors. Where the value lies within
float64, the program must give it; it may give an infinity or a zero only where float64 has no other.
"""

from __future__ import annotations

import re
from functools import cache

import mpmath
import numpy as np
import pytest
from precise import Beyond, precise

import fitting
import lawdsl
from fitting import priors
from lawdsl import library
from lawdsl.evaluate import evaluate
from lawdsl.expression import Call, Expression
from lawdsl.law import Law, Variable

POINTS = 10
#: tops of what is asked of a law; other quantities up to a million
TOPS = {"parameters": 15, "tokens": 18, "FLOP": 33, "bits": 2}
#: of the value's size, beside what a rounding of the inputs moves it by
CLOSE = 1e-9
BIG, SMALL = mpmath.mpf(10) ** 300, mpmath.mpf(10) ** -300


def calls(tree: Expression) -> set[str]:
    found = {tree.function} if isinstance(tree, Call) else set()
    return found.union(*(calls(part) for part in tree.parts)) if tree.parts else found


@cache
def laws() -> dict[str, Law]:
    """The laws whose rows stand for themselves and whose equations are not solved by search."""
    found = {name: library.load(name) for name in library.names()}
    return {
        name: law for name, law in found.items()
        if law.sequence is None and law.status != "bound"
        and not any("root" in calls(tree) for tree in (*law.trees, *law.definitions.values()))
    }  # fmt: skip


def extreme(variable: Variable, random: np.random.Generator, count: int) -> np.ndarray:
    if variable.domain == "unit":
        return random.choice([1e-12, 0.3, 1 - 1e-12], count)
    top = TOPS.get(str(variable.quantity), 6)
    sizes = np.where(random.random(count) < 0.5, random.choice([0.0, top], count), random.uniform(0, top, count))
    return 10.0**sizes


def at_random(law: Law, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Values of all that the law's expressions need, (POINTS,) each."""
    values = {}
    for name in law.inputs:
        values[name] = extreme(law.variable[name], random, POINTS)
    for parameter in law.parameters:
        if parameter.fixed is not None:
            values[parameter.name] = np.full(POINTS, parameter.fixed)
        elif parameter.prior is not None:
            drawn = priors.draw(parameter.prior, parameter.support, POINTS, random)
            values[parameter.name] = priors.constrain(drawn, parameter.support, np)
        elif parameter.center is not None:
            values[parameter.name] = np.full(POINTS, parameter.center)
    return values


@pytest.mark.parametrize("name", [n for n in library.names()])
def test_a_law_at_its_ends(name: str) -> None:
    if name not in laws():
        pytest.skip("a law of runs, of a root, or a bound")
    law = laws()[name]
    random = np.random.default_rng([7, len(name)])
    values = at_random(law, random)
    outputs = {outcome.response.name: outcome.equation for outcome in law.outcomes}
    with np.errstate(all="ignore"):
        found = evaluate(law, outputs, values)
    meanings = {**outputs, **law.definitions}
    wrong, seen = [], 0
    with mpmath.workdps(50):
        for i in range(POINTS):
            point = {n: float(v[i]) for n, v in values.items()}
            for response, tree in outputs.items():
                got = float(np.broadcast_to(found[response], POINTS)[i])
                try:
                    expected = precise(tree, point, meanings, {})
                    moved = {n: mpmath.mpf(v) * (1 + mpmath.mpf("1e-16")) for n, v in point.items()}
                    near = precise(tree, moved, meanings, {})
                except Beyond:
                    continue
                seen += 1
                size = abs(expected)
                if size > BIG:
                    good = np.isinf(got) or abs(got) > 1e299
                elif size < SMALL:
                    good = abs(got) < 1e-290
                else:
                    good = abs(got - expected) <= CLOSE * size + 1e3 * abs(near - expected)
                if not good:
                    wrong.append((response, got, mpmath.nstr(expected, 12), point))
    assert not wrong, wrong[:2]
    assert seen > POINTS / 2


def test_most_laws_are_looked_at() -> None:
    assert len(laws()) > 0.8 * len(lawdsl.library.names())


# --- rows at their ends ----------------------------------------------------------------------------------------------

ROWS = 20
_random = np.random.default_rng(0)
_N, _D = 10 ** _random.uniform(7, 10, ROWS), 10 ** _random.uniform(8, 12, ROWS)
_L = 1.8 + 480 / _N**0.35 + 2000 / _D**0.37

EXTREME = {
    "one row": (_N[:1], _D[:1], _L[:1]),
    "all rows equal": (np.full(ROWS, 1e9), np.full(ROWS, 1e10), np.full(ROWS, 2.5)),
    "sizes of 1e15 and 1e18": (_N * 1e5, _D * 1e6, _L),
    "one parameter and one token": (np.ones(ROWS), np.ones(ROWS), _L),
    "losses of 1e-300": (_N, _D, _L * 1e-300),
    "losses of 1e140": (_N, _D, _L * 1e140),
}


@pytest.mark.parametrize("method", ["map", "huber"])
@pytest.mark.parametrize("rows", EXTREME)
def test_no_fit_is_silent_about_extreme_rows(rows: str, method: str) -> None:
    """Every draw and prediction is a number. A posterior of such rows is not to be believed, and says why; an optimum
    has no good verdict where fewer rows differ than constants are sought.
    """
    N, D, L = EXTREME[rows]
    post = fitting.fit("chinchilla", {"N": N, "D": D, "L": L}, method=method)
    assert all(np.isfinite(draws).all() for draws in post.draws.values())
    (found,) = post.predict(N=1e15, D=1e18)
    assert all(np.isfinite([found.median, found.lo, found.hi]))
    if method == "map":
        assert not post.verdict.ok and post.verdict.reasons
    few = rows in ("one row", "all rows equal", "one parameter and one token")
    if method == "huber":
        assert post.verdict.ok is not few
        assert not few or "5 constants from 1 different rows" in post.verdict.reasons[0]


@pytest.mark.parametrize("loss", [0.0, -1.0, 1e200, float("nan"), float("inf")])
def test_losses_that_no_law_can_take_are_named_by_row(loss: float) -> None:
    with pytest.raises(lawdsl.LawdslError) as found:
        fitting.fit("chinchilla", {"N": _N, "D": _D, "L": [*_L[:-1], loss]})
    assert re.search(rf"row {ROWS}\b|rows: {ROWS}\b", str(found.value))
