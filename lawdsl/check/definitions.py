"""Names that stand for expressions: no cycles, a bounded size once written out."""

from __future__ import annotations

from collections.abc import Mapping

from .. import limits
from ..errors import Span
from ..expression import Expression, Name, depth, size, walk
from ..source import Mapping as Node
from ..source import Scalar
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
    context: Context, definitions: Mapping[str, Expression], uses: Mapping[str, Expression], root: Node
) -> None:
    """LAW037: too large once written out."""
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    every = {**{name: definitions[name] for name in ordered(definitions)}, **uses}
    for place, tree in every.items():
        node = root.get(place.partition(".")[0])
        let = root.get("let")
        own = let.get(place) if isinstance(let, Node) and place in definitions else None
        inner = node.get("scale") if isinstance(node, Node) and place == "noise.scale" else node
        scalar = own if isinstance(own, Scalar) else inner if isinstance(inner, Scalar) else None
        span = scalar.span if scalar else root.span
        names = [part.name for part in walk(tree) if isinstance(part, Name)]
        sizes[place] = size(tree) + sum(sizes.get(name, 0) for name in names)
        depths[place] = depth(tree) + max((depths.get(name, 0) for name in names), default=0)
        if sizes[place] > limits.LAW_OPERATIONS or depths[place] > 2 * limits.EXPRESSION_DEPTH:
            message = f"`{place}` has {sizes[place]:,} operations, {depths[place]} deep, once its lets are written out"
            cure = f"At most {limits.LAW_OPERATIONS:,}, and {2 * limits.EXPRESSION_DEPTH} deep."
            context.report("LAW037", span, message, cure)
            return
