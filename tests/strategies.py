"""Random expressions for hypothesis: every one is valid, and evaluates without leaving a domain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hypothesis import strategies as st

from lawdsl.expression import Call, Comparison, Expression, Name, Number, Operation
from lawdsl.limits import NUMBER_MAGNITUDE

#: one-argument functions whose value is positive and finite for the positive arguments that trees here have
GENTLE = ("sqrt", "softplus", "sigmoid", "tanh", "abs", "lambertw")

numbers = st.floats(1 / NUMBER_MAGNITUDE, NUMBER_MAGNITUDE) | st.integers(0, 10**15).map(float)
#: what a law writes by hand: between 0.1 and 10, few digits
plain = st.integers(1, 99).map(lambda n: Number(n / 10))


def trees(names: Sequence[str]) -> st.SearchStrategy[Expression]:
    """Any tree that some text reads as: every sign, function, comparison and number."""
    number = numbers.map(Number) | numbers.filter(bool).map(lambda x: Number(-x))
    leaf = number | st.sampled_from(names).map(Name)

    def minus(tree: Expression) -> Expression:
        if isinstance(tree, Number) and tree.value >= 0:  # read as one negative number
            return Number(-tree.value)
        return Operation("-", (tree,))

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        pair = st.tuples(inner, inner)
        comparison = st.builds(Comparison, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), pair)
        condition = (
            comparison
            | st.builds(Comparison, st.sampled_from(["and", "or"]), st.tuples(comparison, comparison))
            | st.builds(Comparison, st.just("not"), st.tuples(comparison))
        )
        return st.one_of(
            st.builds(Operation, st.sampled_from("+-*/^"), pair),
            inner.map(minus),
            st.builds(Call, st.sampled_from([*GENTLE, "exp", "log", "erf", "gamma"]), st.tuples(inner)),
            st.builds(Call, st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=4).map(tuple)),
            st.builds(lambda c, ab: Call("where", (c, *ab)), condition, pair),
        )

    return st.recursive(leaf, grow, max_leaves=12)


@cache
def positive_trees(names: tuple[str, ...], leaves: int = 8) -> st.SearchStrategy[Expression]:
    """Trees without differences: for positive names each part is positive, and no digits cancel."""
    leaf = plain | st.sampled_from(names).map(Name) | st.sampled_from(names).map(Name)

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        pair = st.tuples(inner, inner)
        power = st.sampled_from(names).map(Name) | st.sampled_from([0.5, 2.0, -1.0, 1.5, -0.25]).map(Number)
        return st.one_of(
            st.builds(Operation, st.sampled_from("+*/"), pair),
            st.builds(Operation, st.just("^"), st.tuples(inner, power)),
            st.builds(Call, st.sampled_from(GENTLE), st.tuples(inner)),
            st.builds(Call, st.sampled_from(["min", "max"]), pair),
            st.builds(lambda a: Call("log", (Operation("+", (Number(2.0), a)),)), inner),
            st.builds(lambda a: Call("exp", (Operation("-", (Call("tanh", (a,)),)),)), inner),
        )

    return st.recursive(leaf, grow, max_leaves=leaves)
