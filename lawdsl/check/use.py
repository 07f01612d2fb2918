"""`use:` brings another law's equation in as a value, with its parameters prefixed, shared or fixed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import Fault, LawdslError, Span, suggest
from ..expression import Expression, Name, substitute
from ..law import Law, Parameter, Value
from ..source import Mapping, Node, Scalar
from .context import Context, entries, items, text


@dataclass(frozen=True)
class Used:
    """What a used law adds to its user: parameters under their new names, and lets of which the last is its value."""

    name: str
    law: Law
    parameters: tuple[Parameter, ...]
    shared: tuple[str, ...]
    lets: tuple[tuple[str, Expression], ...]
    span: Span

    def check_variables(self, context: Context, names: set[str]) -> None:
        """LAW033: the used law's variables must be names of the user."""
        missing = sorted({n for _, tree in self.lets for n in tree.names()} - names - set(self.shared))
        for name in missing:
            message = f"`use: {self.name}` needs the variable '{name}' of {self.law.name}"
            cure = f"Declare it, or say what to give: variables: {{{name}: ...}}."
            context.report("LAW033", self.span, message, cure)


def read_use(context: Context, key: Scalar, node: Node, load: object) -> Used | None:
    """One entry of `use`."""
    block = node if isinstance(node, Mapping) else None
    named = block.get("law") if block else node
    assert isinstance(named, Scalar)
    try:
        law: Law = load(named.text, key.span.file)  # type: ignore[operator]
    except LawdslError as error:
        first = error.faults[0]
        more = f" ({len(error.faults) - 1} more)" if len(error.faults) > 1 else ""
        place = f"{first.where}: " if first.where.line else ""
        message = f"the law '{named.text[:60]}' cannot be used: {place}{first.message}{more}"
        context.faults.append(Fault("LAW033", named.span, message, first.cure))
        return None
    shared = tuple(item.text for item in items(block.get("share"))) if block else ()
    for item in items(block.get("share")) if block else ():
        if item.text not in law.parameter:
            context.report("LAW033", item.span, f"{law.name} has no '{item.text}'", suggest(item.text, law.parameter))
    chosen = text(block.get("set")) if block else ""
    if chosen and chosen not in law.sets:
        span = block.get("set").span  # type: ignore[union-attr]
        context.report("LAW033", span, f"{law.name} has no published set '{chosen}'", suggest(chosen, law.sets))
        return None
    prefix = {name: name if name in shared else f"{key.text}_{name}" for name in law.parameter}
    prefix |= {name: f"{key.text}_{name}" for name in law.lets}
    renamed: dict[str, Expression] = {old: Name(new) for old, new in prefix.items()}
    for name, value in entries(block.get("variables")) if block else ():
        if name.text not in law.variable:
            context.report("LAW033", name.span, f"{law.name} has no '{name.text}'", suggest(name.text, law.variable))
        elif isinstance(value, Scalar):
            # its names are looked for by `check_variables`, once all are declared
            tree = context.expression(value, None, f"use.{key.text}.variables")
            if tree is not None:
                renamed[name.text] = tree
    derived = {v.name: v.formula for v in law.variables if v.formula is not None and v.name not in renamed}
    renamed |= {name: Name(f"{key.text}_{name}") for name in derived}
    parameters = []
    needed = law.needs(law.equation)
    for parameter in law.parameters:
        if parameter.name in shared or parameter.name not in needed:
            continue
        new = replace(parameter, name=prefix[parameter.name])
        if parameter.tied is not None:
            new = replace(new, tied=substitute(parameter.tied, renamed))
        if chosen and parameter.free:
            constant = law.sets[chosen].by_name.get(parameter.name)
            if not isinstance(constant, Value):
                message = f"the set '{chosen}' of {law.name} has no single number for '{parameter.name}'"
                context.report("LAW033", key.span, message, "Choose another set, or leave `set` out.")
                return None
            new = Parameter(new.name, fixed=constant.value, about=parameter.about)
        parameters.append(new)
    pieces = [(f"{key.text}_{name}", tree) for name, tree in [*derived.items(), *law.let] if name in needed]
    lets = tuple((name, substitute(tree, renamed)) for name, tree in pieces)
    whole = (key.text, substitute(law.equation, renamed))
    return Used(key.text, law, tuple(parameters), shared, (*lets, whole), key.span)
