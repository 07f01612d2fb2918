"""Expressions: one line of text to a frozen tree, without evaluating anything.

The grammar is Python's, read by `ast` and walked over a closed set of nodes, with `^` for power and suffixed numbers
(`7B`). What is left is a tree of six kinds of node, each knowing the character it starts at:

    Number  Name  Text  Call  Operation  Comparison

>>> expression = parse_expression("E + A/N^alpha")
>>> str(expression), sorted(expression.names())
('E + A/N^alpha', ['A', 'E', 'N', 'alpha'])
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from . import limits
from .errors import Fault, LawError, Span, suggest
from .functions import FUNCTIONS
from .numbers import NUMBER, exact, matched_number
from .source import Scalar


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
        return frozenset().union(*(part.names() for part in self.parts))


@dataclass(frozen=True)
class Call(_Parent):
    """A function of the closed table, or a family of priors, applied to arguments."""

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


Expression = Number | Name | Text | Call | Operation | Comparison

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


def parse_expression(source: Scalar | str, *, calls: Mapping[str, tuple[int, int | None]] | None = None) -> Expression:
    """The tree of a text. `calls` maps the callable names to (fewest, most) arguments; by default the functions.

    Raises: LawError with LAW010 (grammar), LAW011 (a construct outside the language), LAW012 (unknown function),
    LAW013 (number of arguments), LAW014 (too long, too deep), LAW015 (a number too large or too small).
    """
    scalar = source if isinstance(source, Scalar) else Scalar(source, Span("", 1, 1, source))
    arities = {name: function.arity for name, function in FUNCTIONS.items()} if calls is None else calls
    return _Reader(scalar, arities).read()


#: signs that reach Python's parser; what the language does not have is refused there by name
_SIGNS = frozenset("+-*/^()<>=!,.[]{}:~%&|")
_SKIPPED = re.compile(r"\s+|'[^'\n]*'|\"[^\"\n]*\"|[^\W\d]\w*")


class _Reader:
    def __init__(self, source: Scalar, arities: Mapping[str, tuple[int, int | None]]):
        self.source = source
        self.arities = arities

    def fail(self, code: str, at: int, message: str, cure: str) -> NoReturn:
        raise LawError(Fault(code, self.source.at(at), message, cure))

    def read(self) -> Expression:
        text = self.source.text
        if len(text) > limits.EXPRESSION_LENGTH:
            cure = f"At most {limits.EXPRESSION_LENGTH} are read; name its parts under `let`."
            self.fail("LAW014", 0, f"an expression of {len(text)} characters", cure)
        if not text.strip():
            self.fail("LAW010", 0, "an empty expression", "Write one, such as E + A/N^alpha.")
        python = self.translate(text)
        try:
            tree = ast.parse(python, mode="eval")
        except SyntaxError as error:
            at = self.place((error.offset or 1) - 1)
            reason = (error.msg or "invalid syntax").split(". Perhaps")[0].rstrip(".?")
            self.fail("LAW010", at, f"not an expression: {reason}", "The grammar is Python's, with ^ for power.")
        except (RecursionError, MemoryError, ValueError):
            self.fail("LAW014", 0, "an expression nested too deeply", "Name its parts under `let`.")
        result = self.walk(tree.body, 0)
        if depth(result) > limits.EXPRESSION_DEPTH:
            self.fail("LAW014", 0, f"an expression nested deeper than {limits.EXPRESSION_DEPTH}", "Name its parts.")
        return result

    def translate(self, text: str) -> str:
        """The text in Python's own spelling; `self.offsets[i]` is where its character i stood in the source."""
        out: list[str] = []
        self.offsets: list[int] = []
        self.numbers: dict[int, tuple[float, str]] = {}
        self.texts: dict[int, str] = {}
        nested = at = 0

        def emit(piece: str, origin: int, same_length: bool) -> None:
            out.append(piece)
            self.offsets.extend(origin + i if same_length else origin for i in range(len(piece)))

        while at < len(text):
            if match := NUMBER.match(text, at):
                value = matched_number(match)
                if value is None:
                    cure = f"Magnitudes lie between 1e-150 and {limits.NUMBER_MAGNITUDE:g}."
                    self.fail("LAW015", at, f"the number {match[0][:40]}", cure)
                self.numbers[len(self.offsets)] = (value, match[0])
                emit("1" + "0" * (len(match[0]) - 1), at, True)
                at = match.end()
            elif match := _SKIPPED.match(text, at):
                piece = match[0]
                if piece[0] in "'\"":  # what is between the quotes is ours; Python would read escapes in it
                    self.texts[len(self.offsets)] = piece[1:-1]
                    piece = f"'{'x' * (len(piece) - 2)}'"
                emit(" " * len(piece) if piece.isspace() else piece, at, True)
                at = match.end()
            else:
                if text[at] not in _SIGNS:
                    self.fail("LAW010", at, f"the character {text[at]!r}", "The grammar is Python's, with ^ for power.")
                nested += (text[at] in "([{") - (text[at] in ")]}")
                if nested > limits.EXPRESSION_DEPTH:
                    self.fail("LAW014", at, f"parentheses nested deeper than {limits.EXPRESSION_DEPTH}", "Flatten it.")
                emit("**" if text[at] == "^" else text[at], at, text[at] != "^")
                at += 1
        self.python = "".join(out)
        stripped = self.python.lstrip()
        lead = len(self.python) - len(stripped)
        if lead:  # leading blanks would be an indentation to Python
            self.offsets = self.offsets[lead:]
            self.numbers = {k - lead: v for k, v in self.numbers.items()}
            self.texts = {k - lead: v for k, v in self.texts.items()}
            self.python = stripped
        return self.python

    def place(self, column: int) -> int:
        """The source's character behind the translated text's `column` (from 0)."""
        return self.offsets[min(max(column, 0), len(self.offsets) - 1)]

    def start(self, node: ast.expr) -> int:
        """Where a node starts in the translated text: `ast` counts bytes of UTF-8."""
        return len(self.python.encode()[: node.col_offset].decode())

    def walk(self, node: ast.expr, level: int) -> Expression:
        column = self.start(node)
        at = self.place(column)
        if level > limits.EXPRESSION_DEPTH:
            self.fail("LAW014", at, f"nested deeper than {limits.EXPRESSION_DEPTH}", "Name its parts under `let`.")
        match node:
            case ast.Constant(value=str() as text) if column in self.texts and len(self.texts[column]) == len(text):
                return Text(self.texts[column], at)
            case ast.Constant() if column in self.numbers:
                value, written = self.numbers[column]
                return Number(value, at, written)
            case ast.Name(id=name) if name not in ("True", "False", "None"):
                return Name(name, at)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.walk(operand, level + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.walk(operand, level + 1)
                if isinstance(inner, Number) and inner.value >= 0:
                    return replace(inner, value=-inner.value, at=at, text=f"-{inner.text}")
                return Operation("-", (inner,), at)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Comparison("not", (self.walk(operand, level + 1),), at)
            case ast.BinOp():
                return self.chain(node, level, at)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self.comparisons(left, ops, comparators, level, at)
            case ast.BoolOp(op=op, values=values):
                sign = "and" if isinstance(op, ast.And) else "or"
                parts = [self.walk(value, level + 1) for value in values]
                result = parts[0]
                for part in parts[1:]:
                    result = Comparison(sign, (result, part), at)
                return result
            case ast.Call(func=ast.Name(id=function), args=args, keywords=[]):
                return self.call(function, args, level, at)
        cure = "An expression has numbers, names, + - * / ^, parentheses and functions of the closed table."
        self.fail("LAW011", at, f"{_CONSTRUCTS.get(type(node), 'this')} is not part of the language", cure)

    _SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}

    def chain(self, node: ast.BinOp, level: int, at: int) -> Expression:
        """A left-leaning run of operations, unrolled: however long it is, reading it does not exhaust the stack."""
        pending: list[ast.BinOp] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            pending.append(left)
            left = left.left
        result = self.walk(left, level + 1)
        for operation in reversed(pending):
            sign = self._SIGNS.get(type(operation.op))
            if sign is None:
                self.fail("LAW011", at, "this operator is not part of the language", "Operators are + - * / ^.")
            result = Operation(sign, (result, self.walk(operation.right, level + 1)), at)
        return result

    _COMPARED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}

    def comparisons(
        self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr], level: int, at: int
    ) -> Expression:
        parts = [self.walk(part, level + 1) for part in (left, *rights)]
        result: Expression | None = None
        for op, a, b in zip(ops, parts[:-1], parts[1:], strict=True):
            sign = self._COMPARED.get(type(op))
            if sign is None:
                self.fail("LAW011", at, "`in` and `is` are not part of the language", "Compare with == != < <= > >=.")
            one = Comparison(sign, (a, b), at)
            result = one if result is None else Comparison("and", (result, one), at)
        assert result is not None
        return result

    def call(self, function: str, args: list[ast.expr], level: int, at: int) -> Expression:
        if function not in self.arities:
            self.fail("LAW012", at, f"unknown function '{function}'", suggest(function, self.arities))
        fewest, most = self.arities[function]
        if len(args) < fewest or (most is not None and len(args) > most):
            wanted = f"{fewest}" if fewest == most else f"{fewest} or more" if most is None else f"{fewest} to {most}"
            self.fail("LAW013", at, f"'{function}' with {len(args)} arguments", f"It takes {wanted}.")
        return Call(function, tuple(self.walk(arg, level + 1) for arg in args), at)


_CONSTRUCTS: dict[type[ast.expr], str] = {
    ast.Attribute: "a dotted name", ast.Subscript: "a subscript", ast.Call: "this call", ast.Lambda: "a lambda",
    ast.IfExp: "`if ... else` (use where(c, a, b))", ast.Tuple: "a tuple", ast.List: "a list", ast.Dict: "a mapping",
    ast.JoinedStr: "a formatted text", ast.NamedExpr: "an assignment", ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension", ast.Starred: "a star", ast.Constant: "this constant",
}  # fmt: skip


def walk(expression: Expression) -> Iterator[Expression]:
    """The node and every node below it, parents first."""
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.parts))


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
        case Text(value=text):
            raise ValueError(f"the text {text!r} is not a number")
        case Call(function=function, parts=parts):
            return float(FUNCTIONS[function].value(*(evaluate(part, values) for part in parts)))
        case Operation(sign=sign, parts=parts) | Comparison(sign=sign, parts=parts):
            return float(_ARITHMETIC[sign](*(evaluate(part, values) for part in parts)))
