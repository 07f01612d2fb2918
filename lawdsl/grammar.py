"""Reading: one line of text to a tree of `lawdsl.expression`, without evaluating anything.

The grammar is Python's, read by `ast` and walked over a closed set of nodes, with `^` for power and suffixed numbers
(`7B`). Three functions have a name of their own inside: `sum(i, ...)` and `prod(i, ...)` over an index of the law,
written out as it is read, and `root(x, f, low, high)`, the x at which f is zero.

>>> expression = parse_expression("E + A/N^alpha")
>>> str(expression), sorted(expression.names())
('E + A/N^alpha', ['A', 'E', 'N', 'alpha'])
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from . import limits
from .errors import Fault, LawError, Span, suggest
from .expression import Call, Comparison, Expression, Local, Name, Number, Operation, Text, depth, walk
from .functions import FUNCTIONS
from .indexing import indexed_name
from .numbers import NUMBER, matched_number
from .source import Scalar


@dataclass
class Budget:
    """How many nodes may still be made of texts: those of one law share it, since sums over indices are written out."""

    left: int = limits.LAW_NODES


def parse_expression(
    source: Scalar | str, *, calls: Mapping[str, tuple[int, int | None]] | None = None, budget: Budget | None = None
) -> Expression:
    """The tree of a text. `calls` maps the callable names to (fewest, most) arguments; by default the functions.

    Raises: LawError with LAW010 (grammar), LAW011 (a construct outside the language), LAW012 (unknown function),
    LAW013 (number of arguments), LAW014 (too long, too deep), LAW015 (a number too large or too small).
    """
    scalar = source if isinstance(source, Scalar) else Scalar(source, Span("", 1, 1, source))
    arities = {name: function.arity for name, function in FUNCTIONS.items()} if calls is None else calls
    return _Reader(scalar, arities, budget or Budget()).read()


#: signs that reach Python's parser; what the language does not have is refused there by name
_SIGNS = frozenset("+-*/^()<>=!,.[]{}:~%&|")
#: what begins as a number, and is none
_ODD = re.compile(r"(?<![\w.])\d[\w.]*")
_SKIPPED = re.compile(r"\s+|'[^'\n]*'|\"[^\"\n]*\"|[^\W\d]\w*")


class _Reader:
    def __init__(self, source: Scalar, arities: Mapping[str, tuple[int, int | None]], budget: Budget):
        self.source = source
        self.budget = budget
        self.arities = arities
        self.indices = source.indices
        self.locals: list[str] = []
        self.binders = arities.keys() == FUNCTIONS.keys()  # a prior has no indices and no roots in it

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
            cure = "The grammar is Python's, with ^ for power."
            if re.search(r"(?<![=<>!])=(?!=)", text):
                cure = "Two sides are compared by ==, and texts stand in quotes: scheme == 'rtn'."
            self.fail("LAW010", at, f"not an expression: {reason}", cure)
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
                if odd := _ODD.match(text, at):
                    cure = "Numbers are written 0.5, 1e24, 7B or 100T."
                    self.fail("LAW010", at, f"'{odd[0][:40]}' is not a number", cure)
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
        self.budget.left -= 1
        if self.budget.left < 0:
            cure = f"All expressions of a law have at most {limits.LAW_NODES:,} names, numbers and signs."
            self.fail("LAW014", 0, "sums over indices too long to write out", cure)
        if level > limits.EXPRESSION_DEPTH:
            self.fail("LAW014", at, f"nested deeper than {limits.EXPRESSION_DEPTH}", "Name its parts under `let`.")
        match node:
            case ast.Constant(value=str() as text) if column in self.texts and len(self.texts[column]) == len(text):
                return Text(self.texts[column], at)
            case ast.Constant() if column in self.numbers:
                value, written = self.numbers[column]
                return Number(value, at, written)
            case ast.Name(id=name) if name not in ("True", "False", "None"):
                return self.named(name, at)
            case ast.Subscript(value=ast.Name(id=name), slice=inside) if self.indices is not None:
                return self.subscript(name, inside, at)
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

    def named(self, name: str, at: int) -> Expression:
        if name in self.locals:
            return Local(name, at)
        value = None if self.indices is None else self.indices.at(name)
        if value is None:
            return Name(name, at)
        if not value.isdigit():
            cure = "Only an index that counts can be computed with."
            self.fail("LAW041", at, f"the index '{name}' is the word '{value}' here", cure)
        return Number(float(value), at, value)

    def subscript(self, name: str, inside: ast.expr, at: int) -> Expression:
        """`c[i]`, `t[i, web]`: the plain name it stands for."""
        assert self.indices is not None
        values = []
        for part in inside.elts if isinstance(inside, ast.Tuple) else [inside]:
            column = self.start(part)
            word = part.id if isinstance(part, ast.Name) else self.numbers.get(column, (0.0, ""))[1]
            if self.indices.of(word) is not None:
                bound = self.indices.at(word)
                if bound is None:
                    cure = f"Inside sum({word}, ...) or prod({word}, ...), or below a key with [{word}], it has one."
                    self.fail("LAW041", self.place(column), f"the index '{word}' has no value here", cure)
                word = bound
            if not word or not isinstance(part, (ast.Name, ast.Constant)):
                self.fail("LAW041", self.place(column), "this is no index", "Write c[i], c[1] or t[i, j].")
            values.append(word)
        return Name(indexed_name(name, tuple(values)), at)

    def over(self, function: str, args: list[ast.expr], level: int, at: int) -> Expression:
        """`sum(i, f)` and `prod(i, f)`, written out in pairs, so that the tree stays shallow."""
        if len(args) != 2 or not isinstance(args[0], ast.Name):
            self.fail("LAW013", at, f"'{function}' with {len(args)} arguments", f"Write {function}(i, c[i]*x[i]).")
        index = args[0].id
        outer = self.indices
        values = None if outer is None else outer.of(index)
        if outer is None or values is None:
            known = [] if outer is None else [name for name, _ in outer.values]
            cure = suggest(index, known) if known else f"Declare it: index: {{{index}: 3}}."
            self.fail("LAW041", self.place(self.start(args[0])), f"no index '{index}'", cure)
        terms = []
        for value in values:
            self.indices = outer.bind(index, value)
            terms.append(self.walk(args[1], level + 1))
        self.indices = outer
        sign = "+" if function == "sum" else "*"
        while len(terms) > 1:
            pairs = [terms[k : k + 2] for k in range(0, len(terms), 2)]
            terms = [Operation(sign, tuple(pair), at) if len(pair) == 2 else pair[0] for pair in pairs]
        return terms[0]

    def root(self, args: list[ast.expr], level: int, at: int) -> Expression:
        """`root(x, f, low, high)`: f knows x, the ends do not."""
        if len(args) != 4 or not isinstance(args[0], ast.Name):
            cure = "Write root(x, f, low, high): the x between low and high at which f is zero."
            self.fail("LAW013", at, f"'root' with {len(args)} arguments", cure)
        self.locals.append(args[0].id)
        inner = self.walk(args[1], level + 1)
        unknown = Local(self.locals.pop(), self.place(self.start(args[0])))
        if not any(isinstance(node, Local) and node.name == unknown.name for node in walk(inner)):
            self.fail("LAW013", at, f"a root over '{unknown.name}', which is not in it", "Name the unknown inside it.")
        return Call("root", (unknown, inner, *(self.walk(arg, level + 1) for arg in args[2:])), at)

    def call(self, function: str, args: list[ast.expr], level: int, at: int) -> Expression:
        if self.binders and function in ("sum", "prod"):
            return self.over(function, args, level, at)
        if self.binders and function == "root":
            return self.root(args, level, at)
        if function not in self.arities:
            self.fail("LAW012", at, f"unknown function '{function}'", suggest(function, self.arities))
        fewest, most = self.arities[function]
        if len(args) < fewest or (most is not None and len(args) > most):
            wanted = f"{fewest}" if fewest == most else f"{fewest} or more" if most is None else f"{fewest} to {most}"
            self.fail("LAW013", at, f"'{function}' with {len(args)} arguments", f"It takes {wanted}.")
        if function == "steps" and len(args) % 2:
            self.fail("LAW013", at, "'steps' without a last value", "Write steps(x, 50, a, 200, b, c).")
        return Call(function, tuple(self.walk(arg, level + 1) for arg in args), at)


_CONSTRUCTS: dict[type[ast.expr], str] = {
    ast.Attribute: "a dotted name", ast.Subscript: "a subscript", ast.Call: "this call", ast.Lambda: "a lambda",
    ast.IfExp: "`if ... else` (use where(c, a, b))", ast.Tuple: "a tuple", ast.List: "a list", ast.Dict: "a mapping",
    ast.JoinedStr: "a formatted text", ast.NamedExpr: "an assignment", ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension", ast.Starred: "a star", ast.Constant: "this constant",
}  # fmt: skip
