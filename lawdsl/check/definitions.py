"""Names that stand for expressions: no cycles, a bounded size once written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import limits
from ..errors import Span
from ..expression import Call, Expression, Name, depth, holds_local, size, walk
from ..functions import SEQUENTIAL
from ..law import Law
from ..source import Mapping as Node
from .context import Context


def ordered(definitions: Mapping[str, Expression]) -> list[str]:
    """The names, each after those its expression uses. Cycles are left out."""
    done: list[str] = []
    state: dict[str, int] = {}
    for root in definitions:
        pending = [(root, False)]
        while pending:
            name, leaving = pending.pop()
            if leaving:
                state[name] = 2
                done.append(name)
            elif name not in state:
                state[name] = 1
                pending.append((name, True))
                pending.extend((part, False) for part in sorted(definitions[name].names()) if part in definitions)
    return done


def check_cycles(context: Context, definitions: Mapping[str, Expression], places: Mapping[str, Span]) -> None:
    """LAW022: a name that rests on itself."""
    reach: dict[str, set[str]] = {}
    for name in definitions:
        found: set[str] = set()
        pending = [name]
        while pending:
            for part in definitions[pending.pop()].names():
                if part in definitions and part not in found:
                    found.add(part)
                    pending.append(part)
        reach[name] = found
    reported: set[str] = set()
    for name, found in reach.items():
        if name in found and name not in reported:
            circle = sorted(other for other in found if name in reach[other])
            reported.update(circle)
            others = [other for other in circle if other != name]
            message = f"'{name}' rests on itself" + (f", by way of {', '.join(others)}" if others else "")
            cure = "Write one of them without the others."
            context.report("LAW022", places.get(name, Span()), message, cure)


def check_expanded(
    context: Context,
    definitions: Mapping[str, Expression],
    uses: Mapping[str, Sequence[Expression]],
    root: Node,
) -> None:
    """LAW037: too large once written out. `uses`: key of the law -> the expressions under it."""
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    let = root.get("let")
    every = [(name, definitions[name]) for name in ordered(definitions)]
    every += [(key, tree) for key, trees in uses.items() for tree in trees]
    for place, tree in every:
        names = [part.name for part in walk(tree) if isinstance(part, Name)]
        count = size(tree) + sum(sizes.get(name, 0) for name in names)
        deep = depth(tree) + max((depths.get(name, 0) for name in names), default=0)
        if place in definitions:
            sizes[place], depths[place] = count, deep
        if count > limits.LAW_OPERATIONS or deep > limits.WRITTEN_DEPTH:
            own = let.get(place) if isinstance(let, Node) and place in definitions else root.get(place)
            message = f"`{place}` has {count:,} operations, {deep} deep, once its lets are written out"
            cure = f"At most {limits.LAW_OPERATIONS:,}, and {limits.WRITTEN_DEPTH} deep."
            context.report("LAW037", own.span if own is not None else root.span, message, cure)
            return


def check_sequential(context: Context, law: Law, root: Node) -> None:
    """LAW042: functions that look along a run, in a law whose rows have no order, at known errors or inside a root."""
    trees = [*law.trees, *law.definitions.values()]
    called = {part.function for tree in trees for part in walk(tree) if isinstance(part, Call)} & SEQUENTIAL
    where = root.get("equation")
    assert where is not None
    if called and law.sequence is None:
        cure = "Say which rows follow each other: sequence: {along: run, by: step}."
        context.report("LAW042", where.span, f"`{min(called)}` in a law without a sequence", cure)
    summed = {name for tree in trees for part in walk(tree) if _sequential(part) for name in law.needs(part)}
    listed = root.get("variables")
    for variable in law.variables:
        if variable.error is not None and variable.name in summed and isinstance(listed, Node):
            cure = "Errors of a row spread to those after it there, which is not computed; leave `error` out."
            span = listed.key(variable.name).span
            context.report("LAW042", span, f"'{variable.name}' has known errors and is looked at along a run", cure)
    roots = [part for tree in trees for part in walk(tree) if isinstance(part, Call) and part.function == "root"]
    if any(_looks_along(part.parts[1]) for part in roots):
        cure = "Look along the run outside the root, in a `let`, and pass it in."
        context.report("LAW042", where.span, "a root whose function looks along a run", cure)


def _looks_along(tree: Expression) -> bool:
    """Whether a call along a run is of a root's unknown."""
    return any(_sequential(part) and holds_local(part) for part in walk(tree))


def _sequential(part: Expression) -> bool:
    return isinstance(part, Call) and part.function in SEQUENTIAL
