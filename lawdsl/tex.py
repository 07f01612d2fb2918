"""Texts and numbers in LaTeX. Texts of laws and tables come from strangers: every mark that LaTeX obeys is written out,
so that a text is printed and never run, and compiles with plain pdfLaTeX.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace

from .expression import Call, Comparison, Expression, Name, Number, Operation
from .render import GREEK, latex

_MARKS = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    **{mark: f"\\{mark}" for mark in "&%$#_"},
}  # fmt: skip
_OTHERS = {
    "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$",
    "∞": r"$\infty$", "→": r"$\to$", "−": "$-$", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''",
    "…": r"\ldots{}", "\u00a0": "~", "µ": r"$\mu$",
    **{letter: rf"$\{name}$" for name, letter in GREEK.items()},
}  # fmt: skip


def escape(text: object) -> str:
    r"""A text as LaTeX that prints it, its blanks and line ends as single blanks.

    Letters of the Latin alphabets stay, Greek ones become mathematics, and what pdfLaTeX has no letter for is named by
    its number.

    >>> escape("50 % of \\input{x}_y: α ± 1")
    '50 \\% of \\textbackslash{}input\\textbraceleft{}x\\textbraceright{}\\_y: $\\alpha$ $\\pm$ 1'
    """
    words = " ".join(str(text).split())
    return "".join(_letter(character) for character in unicodedata.normalize("NFC", words))


def _letter(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    if character in _OTHERS:
        return _OTHERS[character]
    if " " <= character <= "~" or (character.isalpha() and "\u00c0" <= character <= "\u017f"):
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if plain and plain.isalnum():
        return plain
    return "" if unicodedata.category(character).startswith("C") else f"[U+{ord(character):04X}]"


def number(value: float, digits: int = 3) -> str:
    r"""A number for mathematics, so many digits, without suffixes.

    >>> number(0.5126), number(123456.0), number(2.1e-7), number(70e9, 2)
    ('0.513', '1.23 \\times 10^{5}', '2.1 \\times 10^{-7}', '7 \\times 10^{10}')
    """
    if not math.isfinite(value):
        return r"\mathrm{NaN}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    if 1e-3 <= abs(rounded) < 1e5:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
        return f"{rounded:.{decimals}f}"
    mantissa, _, exponent = f"{rounded:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return rf"{mantissa} \times 10^{{{int(exponent)}}}"


def plain(value: float, digits: int = 4) -> str:
    r"""A number that is known exactly: at most so many digits, and no zeros behind them.

    >>> plain(0.005), plain(5.0), plain(32_000_000)
    ('0.005', '5', '3.2 \\times 10^{7}')
    """
    text = number(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text and "times" not in text else text


def decimals(lo: float, hi: float) -> int | None:
    """As many decimals as an interval allows, two digits of half its width; None where it is no interval or far off."""
    half = (hi - lo) / 2
    if not (math.isfinite(half) and half > 0):
        return None
    places = 1 - math.floor(math.log10(half))
    return max(0, places) if -2 <= places <= 7 and max(abs(lo), abs(hi)) < 1e5 else None


def rounded(value: float, lo: float, hi: float) -> float:
    """A value to the digits that its interval allows; to three where there is none."""
    places = decimals(lo, hi)
    return float(f"{value:.2e}") if places is None else round(value, places)


def estimate(value: float, lo: float, hi: float) -> tuple[str, str]:
    r"""A value and its interval, with the digits that the interval allows.

    >>> estimate(0.5126, 0.41, 0.62), estimate(12345678.0, 9.9e6, 1.5e7)[0]
    (('0.51', '[0.41,\\, 0.62]'), '1.23 \\times 10^{7}')
    """
    places = decimals(lo, hi)
    shown = [number(x) if places is None else f"{x:.{places}f}" for x in (value, lo, hi)]
    return shown[0], rf"[{shown[1]},\, {shown[2]}]"


def filled(tree: Expression, numbers: dict[str, float]) -> str:
    """An expression as LaTeX with numbers in the place of names."""
    return latex(_with(tree, numbers))


def _with(tree: Expression, numbers: dict[str, float]) -> Expression:
    if isinstance(tree, Name) and tree.name in numbers:
        return Number(numbers[tree.name])
    if isinstance(tree, (Call, Operation, Comparison)):
        return replace(tree, parts=tuple(_with(part, numbers) for part in tree.parts))
    return tree
