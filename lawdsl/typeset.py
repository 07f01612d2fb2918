"""An equation in two dimensions, in characters: fractions, powers and cases, in the order in which the paper has them.

>>> from lawdsl.grammar import parse_expression
>>> print(typeset(parse_expression("E + (A + 1)/N^alpha")))
    A + 1
E + ─────
       α
      N

Every expression becomes a `Box`, and boxes stand side by side on their baselines. A sum that is wider than the page
goes on in further lines; what is too wide still is written as plain text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from .expression import Call, Comparison, Expression, Local, Name, Number, Operation
from .law import Law
from .render import CHOOSING, cases, definitions, greek, leads_minus, terms, zero


@dataclass(frozen=True)
class Box:
    """Lines of one width, and which of them stands on the baseline."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        """In characters."""
        return len(self.lines[0])

    @property
    def height(self) -> int:
        """In lines."""
        return len(self.lines)

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


def law_text(law: Law, width: int) -> str:
    """The law's equation and the lets it rests on, at most `width` characters wide where that can be."""
    return "\n\n".join(_equation(name, tree, width) for name, tree in definitions(law))


def _equation(name: str, tree: Expression, width: int) -> str:
    head = _text(f"{letter(name)} = ")
    pieces = [_signed(sign, term, first=i == 0) for i, (sign, term) in enumerate(terms(tree))]
    rows = _rows(pieces, width - head.width)
    if rows is None:
        return "\n".join(textwrap.wrap(f"{name} = {tree}", width, subsequent_indent="  ", break_on_hyphens=False))
    lead = _text(" " * head.width)
    between = "\n\n" if any(row.height > 1 for row in rows) else "\n"
    return between.join(str(_beside(lead if i else head, row)) for i, row in enumerate(rows))


def _signed(sign: str, term: Expression, first: bool) -> Box:
    lead = "" if first else f" {sign} "
    brackets = (sign == "-" and _is_sum(term)) or (bool(lead) and leads_minus(term))
    return _beside(_text(lead), _enclosed(term, brackets))


def _rows(pieces: Sequence[Box], width: int) -> list[Box] | None:
    """Boxes in lines no wider than `width`; None where one alone is wider."""
    if any(piece.width > width for piece in pieces):
        return None
    rows: list[Box] = []
    for piece in pieces:
        if rows and rows[-1].width + piece.width <= width:
            rows[-1] = _beside(rows[-1], piece)
        else:
            rows.append(piece)
    return rows


# ---- letters and numbers

_BELOW = dict(zip("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_ABOVE = dict(zip("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", strict=True))


def letter(name: str) -> str:
    """A name with its Greek letters, and what can be set lower set lower: α, ΔL, d₁, α_N.

    >>> [letter(name) for name in ("alpha", "dL", "d1", "alpha_N", "k_i", "A_1_web")]
    ['α', 'ΔL', 'd₁', 'α_N', 'kᵢ', 'A₁_web']
    """
    head, *tail = name.split("_")
    shown = greek(head)
    if not tail:
        bare = shown.rstrip("0123456789")
        return (bare + "".join(_BELOW[c] for c in shown[len(bare) :])) if bare else shown
    if all(c in _BELOW for c in tail[0]) and (len(tail[0]) == 1 or tail[0].isdigit()):
        shown, tail = shown + "".join(_BELOW[c] for c in tail[0]), tail[1:]
    return "_".join([shown, *map(greek, tail)])


def _number(node: Number) -> str:
    """As it was written; powers of ten as such."""
    text = (node.text or str(node)).replace("E", "e")
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    power = "10" + "".join(_ABOVE[c] for c in str(int(exponent)))
    sign = "-" if mantissa.startswith("-") else ""
    return f"{sign}{power}" if mantissa.lstrip("+-") == "1" else f"{mantissa}·{power}"


# ---- boxes


def _text(text: str) -> Box:
    return Box((text,))


def _beside(*boxes: Box) -> Box:
    """Boxes side by side, on one baseline."""
    above = max(box.base for box in boxes)
    below = max(box.height - box.base for box in boxes)
    lines = [""] * (above + below)
    for box in boxes:
        first = above - box.base
        for i in range(len(lines)):
            inside = 0 <= i - first < box.height
            lines[i] += box.lines[i - first] if inside else " " * box.width
    return Box(tuple(lines), above)


def _stacked(boxes: Sequence[Box], base: int, centred: bool = True) -> Box:
    """Boxes one below the other; `base` is the line of the whole that stands on the baseline."""
    width = max(box.width for box in boxes)
    lines = [line.center(width) if centred else line.ljust(width) for box in boxes for line in box.lines]
    return Box(tuple(lines), base)


def _fence(height: int, one: str, top: str, middle: str, bottom: str) -> tuple[str, ...]:
    return (one,) if height == 1 else (top, *[middle] * (height - 2), bottom)


def _bracketed(box: Box) -> Box:
    left = Box(_fence(box.height, "(", "⎛", "⎜", "⎝"), box.base)
    right = Box(_fence(box.height, ")", "⎞", "⎟", "⎠"), box.base)
    return _beside(left, box, right)


def _brace(shapes: str, height: int, base: int) -> Box:
    """A brace: `shapes` are that of one line, and the top, middle and bottom of a tall one."""
    if height < 3:
        return Box((shapes[0],) * height, base)
    lines = [shapes[1], *["⎪"] * (height - 2), shapes[3]]
    lines[base if 0 < base < height - 1 else height // 2] = shapes[2]
    return Box(tuple(lines), base)


def _barred(box: Box) -> Box:
    bar = Box(("│",) * box.height, box.base)
    return _beside(bar, box, bar)


def _raised(base: Box, power: Box) -> Box:
    """A power: the exponent stands above and to the right."""
    lower = Box((*[" " * base.width] * power.height, *base.lines), 0)
    upper = Box((*power.lines, *[" " * power.width] * base.height), 0)
    return Box(_beside(lower, upper).lines, power.height + base.base)


# ---- expressions

_FUNCTIONS = {"log2": "log₂", "log10": "log₁₀", "gamma": "Γ", "loggamma": "log Γ", "lambertw": "W"}
_SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}


def typeset(node: Expression) -> Box:
    """An expression as a box."""
    match node:
        case Number():
            return _text(_number(node))
        case Name(name=name) | Local(name=name):
            return _text(letter(name))
        case Call(function=function, parts=parts):
            return _call(function, parts)
        case Comparison(sign="not", parts=(inner,)):
            return _beside(_text("not "), _bracketed(typeset(inner)))
        case Comparison(sign=sign, parts=parts):
            return _joined(parts, f" {_SIGNS.get(sign, sign)} ")
        case Operation(sign="-", parts=(inner,)):
            return _beside(_text("-"), _enclosed(inner, _is_sum(inner)))
        case Operation(sign="/", parts=(top, bottom)):
            upper, lower = typeset(top), typeset(bottom)
            nested = any(isinstance(part, Operation) and part.sign == "/" for part in (top, bottom))
            bar = _text("─" * (max(upper.width, lower.width) + (2 if nested else 0)))
            return _stacked([upper, bar, lower], base=upper.height)
        case Operation(sign="^", parts=(base, power)):
            whole = isinstance(power, Number) and power.value == int(power.value) and abs(power.value) < 100
            box = _enclosed(base, not isinstance(base, (Name, Local, Call)) and not _is_plain(base))
            if whole and isinstance(power, Number):
                digits = "".join(_ABOVE[c] for c in str(int(power.value)))
                return _beside(box, Box((digits, *[" " * len(digits)] * (box.height - 1)), box.base))
            return _raised(box, _flat(power))
        case Operation(sign="*", parts=(left, right)):
            head = _enclosed(left, _is_sum(left) and not leads_minus(left))
            return _beside(head, _text("·"), _enclosed(right, _is_sum(right) or leads_minus(right)))
        case Operation(sign=sign, parts=(left, right)):
            brackets = leads_minus(right) or (sign == "-" and _is_sum(right))
            return _beside(typeset(left), _text(f" {sign} "), _enclosed(right, brackets))
    return _text(str(node))


def _is_plain(node: Expression) -> bool:
    return isinstance(node, Number) and node.value >= 0


def _is_sum(node: Expression) -> bool:
    negative = isinstance(node, Number) and node.value < 0
    return negative or (isinstance(node, Operation) and node.sign in "+-")


def _enclosed(node: Expression, brackets: bool) -> Box:
    return _bracketed(typeset(node)) if brackets else typeset(node)


def _flat(node: Expression) -> Box:
    """An exponent: a quotient of single lines stays in one line."""
    if isinstance(node, Operation) and node.sign == "/":
        over, under = node.parts
        top = _enclosed(over, _is_sum(over) and not (isinstance(over, Operation) and len(over.parts) == 1))
        bottom = _enclosed(under, isinstance(under, Operation))
        if top.height == bottom.height == 1:
            return _beside(top, _text("/"), bottom)
    if isinstance(node, Operation) and node.sign == "-" and len(node.parts) == 1 and not _is_sum(node.parts[0]):
        return _beside(_text("-"), _flat(node.parts[0]))
    if isinstance(node, Operation) and node.sign in "+-" and len(node.parts) == 2 and not _is_sum(node.parts[1]):
        return _beside(_flat(node.parts[0]), _text(f" {node.sign} "), _flat(node.parts[1]))
    return typeset(node)


def _joined(parts: Sequence[Expression], between: str) -> Box:
    boxes = [typeset(part) for part in parts]
    return _beside(boxes[0], *(piece for box in boxes[1:] for piece in (_text(between), box)))


def _call(function: str, parts: tuple[Expression, ...]) -> Box:
    if function == "root":
        unknown = parts[0]
        left, right = zero(unknown, parts[1])
        solved = _beside(typeset(unknown), _text(": "), typeset(left), _text(" = "), typeset(right))
        return _beside(_brace("{⎧⎨⎩", solved.height, solved.base), solved, _brace("}⎫⎬⎭", solved.height, solved.base))
    if function == "exp":
        return _raised(_text("e"), _flat(parts[0]))
    if function == "abs":
        return _barred(typeset(parts[0]))
    if function == "sqrt":
        under = typeset(parts[0])
        return _beside(_text("√"), under if isinstance(parts[0], (Name, Number)) else _bracketed(under))
    if function in CHOOSING:
        return _cases(cases(function, parts))
    return _beside(_text(_FUNCTIONS.get(function, function)), _bracketed(_joined(parts, ", ")))


def _cases(rows: Sequence[tuple[Expression, Expression | None]]) -> Box:
    values = [typeset(value) for value, _ in rows]
    wide = max(box.width for box in values)
    lines = []
    for value, (_, condition) in zip(values, rows, strict=True):
        said = _text("otherwise") if condition is None else _beside(_text("if "), typeset(condition))
        lines.append(_beside(value, _text(" " * (wide - value.width + 2)), said))
    whole = _stacked(lines, 0, centred=False)
    height = max(whole.height, 3)
    middle = height // 2
    blank = [" " * whole.width] * (height - whole.height)
    # two lines of cases stand above and below the middle of the brace
    body = [whole.lines[0], *blank, whole.lines[1]] if whole.height == 2 else list(whole.lines)
    return _beside(_brace("{⎧⎨⎩", height, middle), _text(" "), Box(tuple(body), middle))
