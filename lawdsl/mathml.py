"""An equation as MathML Core, which browsers set and read aloud without a library or a font of ours.

>>> from lawdsl.grammar import parse_expression
>>> print(mathml(parse_expression("A/N^2")))
<mfrac><mi>A</mi><msup><mi>N</mi><mn>2</mn></msup></mfrac>

It is written from the expression tree and not from its LaTeX: products carry the invisible operator that a screen
reader says, and nothing of a law's text gets past `html.escape`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from .expression import Call, Comparison, Expression, Local, Name, Number, Operation
from .law import Law
from .numbers import exact
from .render import CHOOSING, GREEK, SHORT, cases, definitions, leads_minus, terms, zero

_OWN = {"lam": "λ", "eps": "ε"}
_SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠", "and": "∧", "or": "∨", "-": "−"}
_FUNCTIONS = {"gamma": "Γ", "lambertw": "W", "sigmoid": "σ"}
#: characters of an expression's plain text that make one line
LINE = 64
#: an operator that is heard and not seen
TIMES, APPLY = '<mo lspace="0.08em" rspace="0.08em">&#x2062;</mo>', "<mo>&#x2061;</mo>"


def law_mathml(law: Law) -> str:
    """The law's equation and what it rests on, a `math` element of aligned lines."""
    rows = "".join(_lines(name, tree) for name, tree in definitions(law))
    return f'<math display="block"><mtable class="lines" displaystyle="true">{rows}</mtable></math>'


def inline(name: str) -> str:
    """A name of the law as the equation prints it, a `math` element in the line."""
    return f"<math>{letter(name)}</math>"


def _lines(name: str, tree: Expression) -> str:
    """An equation as rows of three cells; a long sum goes on in further rows."""
    rows, length = [""], 0
    for i, (sign, term) in enumerate(terms(tree) if len(str(tree)) > LINE else [("+", tree)]):
        length += len(str(term)) + 3
        if rows[-1] and length > LINE:
            rows.append("")
            length = len(str(term)) + 3
        lead = _operator(sign) if i else ""
        brackets = bool(i) and ((sign == "-" and _is_sum(term)) or leads_minus(term))
        rows[-1] += lead + _enclosed(term, brackets)
    heads = [f"<mtd>{letter(name)}</mtd><mtd><mo>=</mo></mtd>"] + ["<mtd></mtd><mtd></mtd>"] * (len(rows) - 1)
    return "".join(f"<mtr>{head}<mtd>{_row(row)}</mtd></mtr>" for head, row in zip(heads, rows, strict=True))


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _operator(sign: str) -> str:
    return f"<mo>{escape(_SIGNS.get(sign, sign))}</mo>"


# ---- letters and numbers


def letter(name: str) -> str:
    """A name with its Greek letters and indices: `alpha_N`, `dL` as a difference, `d1` with its number set lower."""
    if name in _OWN:
        return f"<mi>{_OWN[name]}</mi>"
    head, _, tail = name.partition("_")
    if not tail and (match := re.fullmatch(r"([A-Za-z]+?)(\d+)", head)):
        head, tail = match.groups()
    if match := re.fullmatch(r"d([A-Z])", head):
        shown = f'<mrow><mi mathvariant="normal">Δ</mi><mi>{match[1]}</mi></mrow>'
    else:
        shown = f"<mi>{escape(GREEK.get(head, head))}</mi>"
    if not tail:
        return shown
    parts = [f"<mn>{part}</mn>" if part.isdigit() else letter(part) if part else "" for part in tail.split("_")]
    index = parts[0] if len(parts) == 1 else _row("<mo>,</mo>".join(parts))
    return f"<msub>{shown}{index}</msub>"


def _number(node: Number) -> str:
    """In digits, or as a power of ten: a suffix such as the B of 1B would read as a letter of the law."""
    value = node.value
    if value < 0:
        return _row(_operator("-"), _number(Number(-value)))
    mantissa, _, exponent = f"{value:.11e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    if value == 0 or 1e-3 <= value < 1e5 or (1e5 <= value < 1e9 and len(mantissa) > 5):
        return f"<mn>{exact(value)}</mn>"
    power = f"<msup><mn>10</mn>{_number(Number(float(int(exponent))))}</msup>"
    return power if mantissa == "1" else _row(f"<mn>{mantissa}</mn>", "<mo>×</mo>", power)


# ---- expressions


def mathml(node: Expression) -> str:
    """An expression as one MathML element, in the order in which it was written."""
    match node:
        case Number():
            return _number(node)
        case Name(name=name) | Local(name=name):
            return letter(name)
        case Call(function=function, parts=parts):
            return _call(function, parts)
        case Comparison(sign="not", parts=(inner,)):
            return _row("<mo>¬</mo>", _bracketed(mathml(inner)))
        case Comparison(sign=sign, parts=parts):
            return _row(_operator(sign).join(mathml(part) for part in parts))
        case Operation(sign="-", parts=(inner,)):
            return _row('<mo form="prefix">−</mo>', _enclosed(inner, _is_sum(inner) or leads_minus(inner)))
        case Operation(sign="/", parts=(top, bottom)):
            return f"<mfrac>{mathml(top)}{mathml(bottom)}</mfrac>"
        case Operation(sign="^", parts=(base, power)):
            plain = isinstance(base, (Name, Local)) or (isinstance(base, Number) and base.value >= 0)
            return f"<msup>{_enclosed(base, not plain)}{_power(power)}</msup>"
        case Operation(sign="*", parts=(left, right)):
            between = "<mo>⋅</mo>" if _begins_with_number(right) else TIMES
            head = _enclosed(left, _is_sum(left) and not leads_minus(left))
            return _row(head, between, _enclosed(right, _is_sum(right) or leads_minus(right)))
        case Operation(sign=sign, parts=(left, right)):
            brackets = leads_minus(right) or (sign == "-" and _is_sum(right))
            return _row(mathml(left), _operator(sign), _enclosed(right, brackets))
    return f"<mtext>{escape(str(node))}</mtext>"


def _is_sum(node: Expression) -> bool:
    return isinstance(node, Operation) and node.sign in "+-"


def _begins_with_number(node: Expression) -> bool:
    while isinstance(node, Operation) and node.sign in "*^":
        node = node.parts[0]
    return isinstance(node, Number)


def _enclosed(node: Expression, brackets: bool) -> str:
    shown = mathml(node)
    return _bracketed(shown) if brackets else shown


def _bracketed(shown: str) -> str:
    """In brackets, which grow about a fraction and stay small about what only has a letter below the line."""
    grow = "true" if "<mfrac>" in shown or "<mtable" in shown else "false"
    return _row(f'<mo form="prefix" stretchy="{grow}">(</mo>', shown, f'<mo form="postfix" stretchy="{grow}">)</mo>')


def _power(node: Expression) -> str:
    """An exponent; a quotient in it stays in one line, as a hand writes it."""
    if isinstance(node, Operation) and node.sign == "/":
        top, bottom = node.parts
        return _row(_enclosed(top, _is_sum(top)), "<mo>/</mo>", _enclosed(bottom, isinstance(bottom, Operation)))
    return mathml(node)


def _call(function: str, parts: Sequence[Expression]) -> str:
    if function == "root":
        left, right = zero(parts[0], parts[1])
        solved = (mathml(parts[0]), "<mo>:</mo>", mathml(left), "<mo>=</mo>", mathml(right))
        return _row("<mo>{</mo>", *solved, "<mo>}</mo>")
    if function in CHOOSING:
        rows = "".join(
            f"<mtr><mtd>{mathml(value)}</mtd><mtd>{_condition(condition)}</mtd></mtr>"
            for value, condition in cases(function, tuple(parts))
        )
        return _row('<mo stretchy="true">{</mo>', f'<mtable class="cases">{rows}</mtable>')
    if function == "exp" and len(str(parts[0])) <= SHORT:
        return f"<msup><mi>e</mi>{_power(parts[0])}</msup>"
    if function == "sqrt":
        return f"<msqrt>{mathml(parts[0])}</msqrt>"
    if function == "abs":
        return _row('<mo form="prefix">|</mo>', mathml(parts[0]), '<mo form="postfix">|</mo>')
    return _row(_function(function), APPLY, _bracketed("<mo>,</mo>".join(mathml(part) for part in parts)))


def _function(name: str) -> str:
    if name == "loggamma":
        return _row("<mi>log</mi>", APPLY, '<mi mathvariant="normal">Γ</mi>')
    if match := re.fullmatch(r"(log)(\d+)", name):
        return f"<msub><mi>{match[1]}</mi><mn>{match[2]}</mn></msub>"
    return f'<mi mathvariant="normal">{escape(_FUNCTIONS.get(name, name))}</mi>'


def _condition(condition: Expression | None) -> str:
    return "<mtext>otherwise</mtext>" if condition is None else _row("<mtext>if&#xa0;</mtext>", mathml(condition))
