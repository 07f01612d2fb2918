"""Located YAML to a checked `Law`: one function per rule, and every fault reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from .. import limits, shape
from ..errors import LawError, Span, suggest
from ..expression import Expression
from ..law import Factor, Law, Parameter, PublishedSet, Sequence, Variable
from ..source import Mapping, Node, Scalar
from ..units import Quantity
from .context import Context, entries, items, text
from .definitions import check_cycles, check_expanded, check_sequential, ordered
from .literature import read_ask, read_check, read_data, read_set
from .outcomes import read_outcomes, read_responses
from .parameters import read_parameter
from .simulation import read_simulation
from .use import Used, read_use

#: gives the law a name or path stands for; the second argument is the file that names it
Loader = Callable[[str, str], Law]

_LAW_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
#: stands where a faulty declaration left its place, so that one fault does not call forth others
_UNKNOWN = Quantity("ratio")


def check(root: Mapping, load: Loader) -> Law:
    """The law a file describes. `load` finds the laws it uses.

    Raises: LawError with every fault found, in the order of the file.
    """
    context = Context()
    shape.read(root, shape.LAW, context.faults.append, context.tainted)
    law = _Checker(context, load).law(root)
    if context.faults or law is None:
        unique = dict.fromkeys(context.faults)
        raise LawError(sorted(unique, key=lambda fault: (fault.where.line, fault.where.column, fault.code)))
    return law


class _Checker:
    """The rules, in the order in which one needs another's result."""

    def __init__(self, context: Context, load: Loader):
        self.context = context
        self.load = load
        self.taken: dict[str, Span] = {}

    def declare(self, node: Node | None) -> list[tuple[Scalar, Node]]:
        """The entries whose keys can be names, each taken from now on."""
        good = []
        for key, value in entries(node):
            if self.context.name(key, self.taken):
                self.taken[key.text] = key.span
                good.append((key, value))
        return good

    def law(self, root: Mapping) -> Law | None:
        context = self.context
        name = root.get("law")
        if isinstance(name, Scalar) and not _LAW_NAME.fullmatch(name.text):
            cure = "Letters, digits, - and _, beginning with a letter, at most 64."
            context.report("LAW019", name.span, f"'{name.text[:70]}' cannot be a law's name", cure)
        used = [
            one
            for key, value in self.declare(root.get("use"))
            if context.sound(value) and (one := read_use(context, key, value, self.load)) is not None
        ]
        variables = self.variables(root.get("variables"))
        responses = read_responses(context, root, self.declare(root.get("response")))
        factors = self.factors(root.get("factors"))
        parameters = self.parameters(root, factors, used)
        lets = self.lets(root, variables, parameters, used)
        promised = {key.text for block in ("let", "use") for key, _ in entries(root.get(block))}  # some may be faulty
        names = {*variables, *parameters, *lets, *promised}
        outcomes = read_outcomes(context, root, responses, names, self.taken)
        for use in used:
            use.check_variables(context, names)
        sequence = self.sequence(root.get("sequence"), variables, factors)
        definitions = {
            **lets,
            **{v.name: v.formula for v in variables.values() if v.formula},
            **{p.name: p.tied for p in parameters.values() if p.tied},
        }
        equations = {outcome.response.name: outcome.equation for outcome in outcomes or ()}
        check_cycles(context, definitions | equations, self.taken)
        self.error_columns(root, variables)
        answers = {response.name for response in responses} | self.meant(root)
        errors = {o.noise.error for o in outcomes or () if o.noise.error} | {
            v.error for v in variables.values() if v.error
        }
        if context.faults or outcomes is None:
            self.literature(root, variables, answers, factors, parameters, names, errors)
            return None
        uses = {
            "equation": [o.equation for o in outcomes],
            "noise": [t for o in outcomes for t in o.noise.expressions.values()],
        }
        check_expanded(context, definitions | equations, uses, root)
        if context.faults:
            return None
        status = text(root.get("status")) or "hypothesis"
        assert isinstance(name, Scalar)
        law = Law(
            name.text,
            text(root.get("title")) or name.text,
            status,
            tuple(variables.values()),
            tuple(parameters.values()),
            outcomes,
            about=text(root.get("about")),
            source=tuple((key.text, text(value)) for key, value in entries(root.get("source"))),
            topics=tuple(item.text for item in items(root.get("topics"))),
            factors=tuple(factors.values()),
            sequence=sequence,
            order=self.order(root.get("order"), parameters),
            let=tuple((let, lets[let]) for let in ordered(definitions) if let in lets),
        )
        self.unused(root, law)
        check_sequential(context, law, root)
        asks, sets, checks, data = self.literature(root, variables, answers, factors, parameters, names, errors)
        law = replace(law, ask=asks, published=sets, checks=checks, data=data)
        return replace(law, simulation=read_simulation(context, root.get("simulate"), law))

    def variables(self, node: Node | None) -> dict[str, Variable]:
        found: dict[str, Variable] = {}
        declared = self.declare(node)
        names = [key.text for key, _ in declared]
        for key, value in declared:
            if not self.context.sound(value) or not isinstance(value, Mapping):
                found[key.text] = Variable(key.text, _UNKNOWN)
                continue
            quantity = self.context.quantity(value)
            formula = self.context.expression(value.get("is"), set(names) - {key.text}, f"variables.{key.text}.is")
            spread = self.context.pair(value.get("range"), "range")
            domain = text(value.get("domain")) or "positive"
            error = text(value.get("error")) or None
            found[key.text] = Variable(
                key.text, quantity or _UNKNOWN, text(value.get("about")), formula, domain, spread, error
            )
        return found

    @staticmethod
    def meant(root: Mapping) -> set[str]:
        """The names that stand for responses, whether or not their declarations are at fault."""
        left = [item.text.partition("=")[0].strip() for item in items(root.get("equation"))]
        return {*left, *(key.text for key, _ in entries(root.get("response")))}

    def sequence(
        self, node: Node | None, variables: dict[str, Variable], factors: dict[str, Factor]
    ) -> Sequence | None:
        if not isinstance(node, Mapping) or not self.context.sound(node):
            return None
        along, by = text(node.get("along")), text(node.get("by"))
        for word, named, known in (("along", along, set(factors)), ("by", by, set(variables))):
            if named not in known:
                place = node.get(word)
                assert place is not None
                what = "a factor" if word == "along" else "a variable"
                self.context.report("LAW042", place.span, f"'{named[:60]}' is not {what}", suggest(named, known))
                return None
        return Sequence(along, by)

    def error_columns(self, root: Mapping, variables: dict[str, Variable]) -> None:
        """LAW021: a column of standard errors under a name that is taken."""
        listed = root.get("variables")
        for variable in variables.values():
            if variable.error is not None and variable.error in self.taken and isinstance(listed, Mapping):
                span = listed.key(variable.name).span
                message = f"the name '{variable.error}' a second time"
                self.context.report("LAW021", span, message, "Give the column its own.")

    def factors(self, node: Node | None) -> dict[str, Factor]:
        found = {}
        for key, value in self.declare(node):
            if not self.context.sound(value):
                found[key.text] = Factor(key.text)
                continue
            levels = value.get("levels") if isinstance(value, Mapping) else value
            about = text(value.get("about")) if isinstance(value, Mapping) else ""
            named = tuple(item.text for item in items(levels))
            if len(named) > limits.FACTOR_LEVELS:
                self.context.report("LAW034", key.span, f"'{key.text}' has {len(named)} levels", "Let any come.")
            found[key.text] = Factor(key.text, () if named == ("any",) else named, about)
        return found

    def parameters(self, root: Mapping, factors: dict[str, Factor], used: list[Used]) -> dict[str, Parameter]:
        found: dict[str, Parameter] = {}
        imported = {p.name: p for use in used for p in use.parameters}
        declared = self.declare(root.get("parameters"))
        scope = {key.text for key, _ in declared} | imported.keys()
        for key, value in declared:
            one = None
            if self.context.sound(value) and isinstance(value, Mapping):
                one = read_parameter(self.context, key, value, factors, scope)
            found[key.text] = one or Parameter(key.text)
        for use in used:
            for parameter in use.parameters:
                if parameter.name in self.taken:
                    cure = f"The name comes from `use: {use.name}`; choose another."
                    span = self.taken[parameter.name]
                    self.context.report("LAW021", span, f"the name '{parameter.name}' a second time", cure)
                found[parameter.name] = parameter
            for name in use.shared:
                if name not in found and name in use.law.parameter:
                    message = f"'{name}' is shared with `use: {use.name}` but is no parameter here"
                    self.context.report("LAW033", use.span, message, suggest(name, found))
        return found

    def lets(
        self, root: Mapping, variables: dict[str, Variable], parameters: dict[str, Parameter], used: list[Used]
    ) -> dict[str, Expression]:
        declared = self.declare(root.get("let"))
        imported = {name: tree for use in used for name, tree in use.lets}
        scope = {*variables, *parameters, *imported, *(key.text for key, _ in declared)}
        found = dict(imported)
        for key, value in declared:
            tree = self.context.expression(value, scope - {key.text}, f"let.{key.text}")
            if tree is not None:
                found[key.text] = tree
        return found

    def order(self, node: Node | None, parameters: dict[str, Parameter]) -> tuple[tuple[str, ...], ...]:
        if node is None or isinstance(node, Mapping) or not self.context.sound(node):
            return ()
        nested = not isinstance(node, Scalar) and any(not isinstance(item, Scalar) for item in node.items)
        groups = [items(item) for item in node.items] if nested else [items(node)]  # type: ignore[union-attr]
        seen: set[str] = set()
        for group in groups:
            for item in group:
                parameter = parameters.get(item.text)
                if parameter is None or not parameter.free or parameter.by or item.text in seen:
                    cure = "Name free parameters without `by`, each in one order only."
                    self.context.report("LAW035", item.span, f"'{item.text}' cannot be ordered", cure)
                seen.add(item.text)
            if len(group) < 2:
                self.context.report("LAW035", node.span, "an order of fewer than two parameters", "Write [d1, d2].")
        return tuple(tuple(item.text for item in group) for group in groups)

    def unused(self, root: Mapping, law: Law) -> None:
        """Parameters and lets that change nothing are misspellings, or leftovers."""
        needed = law.needs(*law.trees)
        for name in [*law.parameter, *law.lets]:
            if name not in needed and name in self.taken:
                cure = "Use it in the equation or the noise, or delete it."
                self.context.report("LAW023", self.taken[name], f"'{name}' is declared but changes nothing", cure)
        if not law.inputs:
            where = root.get("equation")
            assert where is not None
            self.context.report("LAW028", where.span, "the equation has no variable in it", "A law needs a covariate.")

    def literature(
        self, root: Mapping, variables: dict[str, Variable], answer: set[str], factors: dict[str, Factor],
        parameters: dict[str, Parameter], names: set[str], errors: set[str],
    ) -> tuple:  # type: ignore[type-arg]  # fmt: skip
        context = self.context
        questions = {}
        for key, node in entries(root.get("ask")):
            sound = context.sound(node)
            questions[key.text] = read_ask(context, key, node, names | answer, variables) if sound else None
        sets = {}
        for key, node in entries(root.get("published")):
            if isinstance(node, Mapping) and context.sound(node):
                sets[key.text] = read_set(context, key, node, parameters)
            else:
                sets[key.text] = PublishedSet(key.text, ())
        checks = []
        listed = root.get("checks")
        points = {*variables, *factors}
        for item in listed.items if listed is not None and not isinstance(listed, (Scalar, Mapping)) else ():
            if isinstance(item, Mapping) and context.sound(item):
                checks.append(read_check(context, item, sets, questions, names | answer, points, factors))
        tables = root.get("data")
        bound = points | answer | errors
        blocks = (tables,) if isinstance(tables, Mapping) else getattr(tables, "items", ())
        data = [
            read_data(context, block, bound, parameters)
            for block in blocks
            if isinstance(block, Mapping) and context.sound(block)
        ]
        return (
            tuple(one for one in questions.values() if one),
            tuple(sets.values()),
            tuple(one for one in checks if one),
            tuple(one for one in data if one),
        )


__all__ = ["Loader", "check"]
