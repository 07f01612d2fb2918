"""`simulate`: a design, so that every law can be fitted to rows of its own."""

from __future__ import annotations

import math

from .. import limits
from ..errors import suggest
from ..expression import Expression
from ..law import Law, Simulation
from ..numbers import level_text, parse_number
from ..source import Listing, Mapping, Node, Scalar
from .context import Context, entries, items, text


def read_simulation(context: Context, node: Node | None, law: Law) -> Simulation | None:
    """The design of a law that is otherwise good."""
    if not isinstance(node, Mapping) or not context.sound(node):
        return None
    chosen = text(node.get("set")) or None
    if chosen is not None and chosen not in law.sets:
        place = node.get("set")
        assert place is not None
        context.report("LAW043", place.span, f"no published set '{chosen}'", suggest(chosen, law.sets))
        return None
    values = _values(context, node, law)
    columns = {*law.inputs, *law.grouping, *law.errors}
    grid = []
    for name, listed in entries(node.get("grid")):
        if name.text not in columns and name.text not in law.factor and name.text not in law.variable:
            context.report("LAW043", name.span, f"'{name.text}' takes no column", suggest(name.text, columns))
            continue
        found = _list(context, name, listed, factor=name.text in law.factor)
        if found:
            grid.append((name.text, found))
    made: list[tuple[str, Expression]] = []
    for name, written in entries(node.get("columns")):
        tree = context.expression(written, {n for n, _ in grid} | {n for n, _ in made}, f"simulate.columns.{name.text}")
        if name.text not in columns:
            context.report("LAW043", name.span, f"'{name.text}' takes no column", suggest(name.text, columns))
        elif tree is not None:
            made.append((name.text, tree))
    rows = math.prod(len(found) for _, found in grid)
    if rows > limits.SIMULATED_ROWS:
        message = f"a grid of {rows:,} rows"
        context.report("LAW043", node.span, message, f"At most {limits.SIMULATED_ROWS:,} are simulated.")
    missing = sorted(columns - {n for n, _ in grid} - {n for n, _ in made})
    for lacking in missing:
        context.report("LAW043", node.span, f"nothing gives '{lacking}'", "Add it to the grid, or to `columns`.")
    given = {name for name, _ in values} | (set(law.sets[chosen].by_name) if chosen else set())
    for parameter in law.parameters:
        if parameter.free and parameter.name not in given and parameter.neutral is None:
            cure = f"Add it: with: {{{parameter.name}: ...}}."
            context.report("LAW043", node.span, f"no number for the parameter '{parameter.name}'", cure)
    return Simulation(chosen, tuple(grid), tuple(made), tuple(values))


def _values(context: Context, node: Mapping, law: Law) -> list[tuple[str, float | tuple[tuple[str, float], ...]]]:
    found: list[tuple[str, float | tuple[tuple[str, float], ...]]] = []
    for name, value in entries(node.get("with")):
        parameter = law.parameter.get(name.text)
        if parameter is None or not parameter.free:
            cure = suggest(name.text, [p.name for p in law.parameters if p.free])
            context.report("LAW043", name.span, f"'{name.text}' is no free parameter", cure)
            continue
        numbers: list[float] = []
        if isinstance(value, Mapping):
            levels = [(level.text, context.number(number)) for level, number in value]
            by_level = tuple((level_text(level), number) for level, number in levels if number is not None)
            found.append((name.text, by_level))
            numbers = [number for _, number in by_level]
        elif (number := context.number(value)) is not None:
            found.append((name.text, number))
            numbers = [number]
        low, high = parameter.support
        for number in numbers:
            if not low < number < high:
                cure = f"It lies between {low:g} and {high:g}."
                context.report("LAW043", value.span, f"{name.text} = {number:g}", cure)
    return found


def _list(context: Context, name: Scalar, listed: Node, factor: bool) -> tuple[float | str, ...]:
    """The values of one axis of the grid."""
    if isinstance(listed, Mapping):
        first, last, count = (context.number(listed.get(word)) for word in ("from", "to", "count"))
        if first is None or last is None or count is None:
            return ()
        spacing = text(listed.get("spacing")) or "linear"
        ordered = -math.inf < first < last < math.inf and (spacing == "linear" or first > 0)
        if not ordered or not 2 <= count <= limits.SIMULATED_ROWS or count != int(count):
            cure = "Write {from: 1, to: 2000, count: 2000}; with spacing: log both ends are positive."
            context.report("LAW043", name.span, f"the numbers of '{name.text}'", cure)
            return ()
        share = [k / (count - 1) for k in range(int(count))]
        if spacing == "log":
            return tuple(first * (last / first) ** part for part in share)
        return tuple(first + (last - first) * part for part in share)
    if isinstance(listed, (Scalar, Listing)) and factor:
        return tuple(level_text(item.text) for item in items(listed))
    numbers = [parse_number(item.text) for item in items(listed)]
    if not numbers or None in numbers:
        context.report("LAW043", name.span, f"'{name.text}' has no list of numbers", "Write [1B, 7B, 70B].")
        return ()
    return tuple(number for number in numbers if number is not None)
