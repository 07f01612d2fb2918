"""Expressions: frozen trees of seven kinds of node, each knowing the character of its text that it starts at.

    Number  Name  Local  Text  Call  Operation  Comparison

`lawdsl.grammar` reads them from a line of text; printing one gives a text that reads as the same tree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from .functions import FUNCTIONS, root_of
from .numbers import exact


@dataclass(frozen=True)
class Number:
    """A number; `text` is how it was written."""

    value: float
    at: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)

    parts = ()

    def __str__(self) -> str:
        return exact(self.value)

    def names(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Name:
    """A name of the law: a variable, a parameter, a `let`, a level's column."""

    name: str
    at: int = field(default=0, compare=False)

    parts = ()

    def __str__(self) -> str:
        return self.name

    def names(self) -> frozenset[str]:
        return frozenset({self.name})


@dataclass(frozen=True)
class Local:
    """The unknown of a `root`, known inside it alone."""

    name: str
    at: int = field(default=0, compare=False)

    parts = ()

    def __str__(self) -> str:
        return self.name

    def names(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Text:
    """A quoted text, as it stands: no escapes. Only comparisons in a filter of rows hold one."""

    value: str
    at: int = field(default=0, compare=False)

    parts = ()

    def __str__(self) -> str:
        quote = '"' if "'" in self.value else "'"
        return f"{quote}{self.value}{quote}"

    def names(self) -> frozenset[str]:
        return frozenset()


class _Parent:
    """What the nodes with parts share."""

    parts: tuple[Expression, ...]

    def names(self) -> frozenset[str]:
        found: frozenset[str] | None = self.__dict__.get("known names")  # trees do not change, and are asked often
        if found is None:
            found = self.__dict__["known names"] = frozenset().union(*(part.names() for part in self.parts))
        return found


@dataclass(frozen=True)
class Call(_Parent):
    """A function of the closed table, or a family of priors, applied to arguments; or `root(x, f, low, high)`."""

    function: str
    parts: tuple[Expression, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.function}({', '.join(str(part) for part in self.parts)})"


@dataclass(frozen=True)
class Operation(_Parent):
    """`+ - * / ^` of two parts, or `-` of one."""

    sign: str
    parts: tuple[Expression, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return _write(self)


@dataclass(frozen=True)
class Comparison(_Parent):
    """`< <= > >= == !=` of two parts, or `and`, `or`, `not` of comparisons."""

    sign: str
    parts: tuple[Expression, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return _write(self)


Expression = Number | Name | Local | Text | Call | Operation | Comparison

_BINDING = {"or": 1, "and": 2, "not": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4,
            "+": 5, "-": 5, "*": 6, "/": 6, "neg": 7, "^": 8}  # fmt: skip


def _binding(node: Expression) -> int:
    if isinstance(node, (Operation, Comparison)):
        return _BINDING["neg" if node.sign == "-" and len(node.parts) == 1 else node.sign]
    return 7 if isinstance(node, Number) and node.value < 0 else 9


def _write(node: Operation | Comparison) -> str:
    """The tree as text with no more parentheses than Python's grammar needs; reading it gives the tree again."""
    own = _binding(node)

    def wrapped(part: Expression, tighter: bool) -> str:
        inner = _binding(part)
        return f"({part})" if inner < own or (tighter and inner == own) else str(part)

    if len(node.parts) == 1:
        return f"not {wrapped(node.parts[0], False)}" if node.sign == "not" else f"-{wrapped(node.parts[0], False)}"
    left, right = node.parts
    sign = node.sign if node.sign in "*/^" else f" {node.sign} "
    if node.sign == "^":  # binds to the right, and tighter than a minus before it but not than one behind it
        behind = f"({right})" if _binding(right) < 8 and not _is_minus(right) else str(right)
        return f"{wrapped(left, True)}^{behind}"
    return f"{wrapped(left, own == 4)}{sign}{wrapped(right, True)}"


def _is_minus(node: Expression) -> bool:
    return (isinstance(node, Operation) and len(node.parts) == 1) or (isinstance(node, Number) and node.value < 0)


def walk(expression: Expression) -> Iterator[Expression]:
    """The node and every node below it, parents first."""
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.parts))


def holds_local(expression: Expression) -> bool:
    """Whether a tree has the unknown of a `root` in it, which has no value outside."""
    return any(isinstance(node, Local) for node in walk(expression))


def depth(expression: Expression) -> int:
    """The longest way from the root to a leaf, in nodes."""
    deepest, pending = 0, [(expression, 1)]
    while pending:
        node, level = pending.pop()
        deepest = max(deepest, level)
        pending.extend((part, level + 1) for part in node.parts)
    return deepest


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The tree with names replaced."""
    if isinstance(expression, Name):
        return values.get(expression.name, expression)
    if not expression.parts or not (expression.names() & values.keys()):
        return expression
    assert isinstance(expression, (Call, Operation, Comparison))
    return replace(expression, parts=tuple(substitute(part, values) for part in expression.parts))


def size(expression: Expression) -> int:
    """How many operations a tree holds."""
    return sum(1 for node in walk(expression) if node.parts)


_ARITHMETIC: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b=None: -a if b is None else a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "^": lambda a, b: math.pow(a, b), "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": lambda a: not a,
}  # fmt: skip


def evaluate(expression: Expression, values: Mapping[str, float]) -> float:
    """The value of a tree for numbers given by name, in floats: `9^9^9^9` overflows, it does not hang.

    Raises: KeyError for a name without value; ValueError, OverflowError or ZeroDivisionError outside a domain.
    """
    match expression:
        case Number(value=value):
            return value
        case Name(name=name):
            return values[name]
        case Local(name=name):
            return values[f"root {name}"]
        case Text(value=text):
            raise ValueError(f"the text {text!r} is not a number")
        case Call(function="root", parts=(Local(name=name), inner, low, high)):
            ends = evaluate(low, values), evaluate(high, values)
            return root_of(lambda x: evaluate(inner, {**values, f"root {name}": x}), *ends)
        case Call(function=function, parts=parts):
            return float(FUNCTIONS[function].value(*(evaluate(part, values) for part in parts)))
        case Operation(sign=sign, parts=parts) | Comparison(sign=sign, parts=parts):
            return float(_ARITHMETIC[sign](*(evaluate(part, values) for part in parts)))
