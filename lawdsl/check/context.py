"""What the rules share: the faults so far, and reading of the small things (names, numbers, expressions)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace

from ..errors import Fault, LawError, Span, suggest
from ..expression import Call, Comparison, Expression, Name, Operation, Text, evaluate, holds_local, walk
from ..grammar import Budget, parse_expression
from ..limits import NUMBER_MAGNITUDE
from ..numbers import parse_number
from ..shape import is_name
from ..source import Listing, Mapping, Node, Scalar
from ..units import KINDS, UNITS, Quantity


@dataclass
class Context:
    """Collects the faults of one law file while its rules run; nothing of it outlives the check."""

    faults: list[Fault] = field(default_factory=list)
    tainted: set[Span] = field(default_factory=set)  # where the form was wrong already
    budget: Budget = field(default_factory=Budget)

    def sound(self, node: Node | None) -> bool:
        """Whether a node is there and has its form, so that rules may read it."""
        return node is not None and node.span not in self.tainted

    def report(self, code: str, where: Span, message: str, cure: str = "") -> None:
        """Note a fault and go on."""
        self.faults.append(Fault(code, where, message, cure))

    def name(self, key: Scalar, taken: MappingOf[str, Span]) -> bool:
        """Whether a declared name can be used; reports if it cannot, or was declared before."""
        if not is_name(key.text):
            cure = "A name has letters, digits and _, does not begin with a digit, and is at most 64 long."
            self.report("LAW019", key.span, f"'{key.text[:70]}' cannot be a name", cure)
            return False
        if key.text in taken:
            cure = f"It is declared at line {taken[key.text].line} already; give one of them another name."
            self.report("LAW021", key.span, f"the name '{key.text}' a second time", cure)
            return False
        return True

    def expression(self, node: Node | None, scope: Iterable[str] | None, place: str) -> Expression | None:
        """The tree of a node, None where it is absent or faulty; its names must be in `scope`, where that is known."""
        if not isinstance(node, Scalar) or not self.sound(node) or self.budget.left < 0:  # the last is said already
            return None
        try:
            tree = parse_expression(node, budget=self.budget)
        except LawError as error:
            self.faults.extend(error.faults)
            return None
        names = [part for part in walk(tree) if isinstance(part, Name)]
        known = {part.name for part in names} if scope is None else set(scope)
        unknown = [part for part in names if part.name not in known]
        for part in unknown:
            message = f"unknown name '{part.name}' in `{place}`"
            self.report("LAW020", node.at(part.at), message, suggest(part.name, known))
        texts = [part for part in walk(tree) if isinstance(part, Text)]
        for quoted in texts:
            self.report("LAW011", node.at(quoted.at), f"a quoted text in `{place}`", "Texts belong in `where` filters.")
        if unknown or texts or self.misplaced(tree, node, place) or self.without_value(tree, node, place):
            return None
        return tree

    def misplaced(self, tree: Expression, node: Scalar, place: str) -> bool:
        """LAW011: a comparison where a number belongs, or a number where a comparison does."""
        before = len(self.faults)
        pending: list[tuple[Expression, bool]] = [(tree, False)]
        while pending:
            part, wanted = pending.pop()
            if isinstance(part, Comparison) != wanted:
                found, lacks = ("a number", "a comparison") if wanted else ("a comparison", "a number")
                cure = "Comparisons belong in the first place of where(c, a, b), joined by and, or, not."
                self.report("LAW011", node.at(part.at), f"{found} where {lacks} is expected in `{place}`", cure)
                continue
            logical = isinstance(part, Comparison) and part.sign in ("and", "or", "not")
            chooses = isinstance(part, Call) and part.function == "where"
            pending.extend((below, logical or (chooses and i == 0)) for i, below in enumerate(part.parts))
        return len(self.faults) > before

    def without_value(self, tree: Expression, node: Scalar, place: str) -> bool:
        """LAW036: a constant part without a value, such as 9^9^9^9 or log(0)."""
        for part in walk(tree):
            if isinstance(part, (Call, Operation)) and not part.names() and not holds_local(part):
                try:
                    good = abs(evaluate(part, {})) <= NUMBER_MAGNITUDE
                except (ValueError, OverflowError, ZeroDivisionError):
                    good = False
                if not good:
                    message = f"{str(part)[:60]} in `{place}` has no finite value"
                    self.report("LAW036", node.at(part.at), message, "Write a number.")
                    return True
        return False

    def equation(self, node: Node | None, scope: Iterable[str], place: str) -> tuple[Expression, Expression] | None:
        """Both sides of `a = b`."""
        if not isinstance(node, Scalar):
            return None
        left, sign, right = node.text.partition("=")
        if not sign or right.startswith("="):
            self.report("LAW028", node.span, f"`{place}` is not an equation", "Write it as left = right, with one =.")
            return None
        sides = []
        for text, offset in ((left, 0), (right, len(left) + 1)):
            lead = len(text) - len(text.lstrip())
            span = node.at(offset + lead)
            side = replace(node, text=text.strip(), span=span)
            sides.append(self.expression(side, scope, place))
        return (sides[0], sides[1]) if sides[0] is not None and sides[1] is not None else None

    def number(self, node: Node | None) -> float | None:
        """The number of a node already held against the shape."""
        if not isinstance(node, Scalar):
            return None
        return {"inf": math.inf, "-inf": -math.inf}.get(node.text, parse_number(node.text))

    def pair(self, node: Node | None, what: str) -> tuple[float, float] | None:
        """`[low, high]` with low < high."""
        if not isinstance(node, Listing):
            return None
        values = [self.number(item) for item in node.items]
        if len(values) != 2 or None in values:
            self.report("LAW016", node.span, f"{what} with {len(values)} numbers", "Write two: [low, high].")
            return None
        low, high = values
        assert low is not None and high is not None
        if not low < high:
            self.report("LAW026", node.span, f"{what} from {low:g} to {high:g}", "The lower number comes first.")
            return None
        return low, high

    def quantity(self, mapping: Mapping) -> Quantity | None:
        """The unit and kind of a variable or response."""
        unit, kind = mapping.get("unit"), mapping.get("kind")
        if not isinstance(unit, Scalar):
            return None
        if unit.text not in UNITS:
            self.report("LAW024", unit.span, f"unknown unit '{unit.text[:40]}'", suggest(unit.text, UNITS))
            return None
        if not isinstance(kind, Scalar):
            return Quantity(unit.text)
        kinds = KINDS.get(unit.text, ())
        if kind.text not in kinds:
            self.report(
                "LAW024", kind.span, f"unknown kind '{kind.text[:40]}' of {unit.text}", suggest(kind.text, kinds)
            )
            return None
        return Quantity(unit.text, kind.text)


def text(node: Node | None) -> str:
    """The text of an optional scalar, its line breaks folded."""
    return " ".join(node.text.split()) if isinstance(node, Scalar) else ""


def items(node: Node | None) -> tuple[Scalar, ...]:
    """The scalars of a list, or the one that stands for a list of one."""
    if isinstance(node, Scalar):
        return (node,)
    return tuple(item for item in node.items if isinstance(item, Scalar)) if isinstance(node, Listing) else ()


def entries(node: Node | None) -> tuple[tuple[Scalar, Node], ...]:
    """The entries of an optional mapping."""
    return node.entries if isinstance(node, Mapping) else ()
