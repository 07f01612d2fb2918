"""Numbers as the field writes them: `7B` parameters, `100T` tokens, `1e24` FLOP.

One reading serves law files, tables and the command line, and one writing serves every table that is printed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from .limits import NUMBER_MAGNITUDE

#: what a suffix multiplies by; billions and trillions are those of the short scale
SUFFIXES = {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}

#: a decimal number with an optional exponent or suffix; digits may be grouped by single underscores. What stands before
#: it and behind it is looked at too, so that `x.5`, `1.5.2` and `5.and` are not read as two things side by side
NUMBER = re.compile(
    r"(?<![\w.])(?P<digits>(?:\d+(?:_\d+)*)(?:\.\d*)?|\.\d+)(?:(?P<exponent>[eE][+-]?\d{1,4})|(?P<suffix>[kKMBT]))?(?![\w.])"
)


#: a whole number written with a point
_WHOLE = re.compile(r"\A(-?\d+)\.0*\Z")


def parse_number(text: str) -> float | None:
    """The value of `text`, or None if it is not a number of reasonable size.

    >>> parse_number("7B"), parse_number("-1.5e-3"), parse_number("100T")
    (7000000000.0, -0.0015, 100000000000000.0)
    >>> parse_number("nan") is None and parse_number("1e999") is None
    True
    """
    text = text.strip()
    sign = -1.0 if text.startswith("-") else 1.0
    match = NUMBER.fullmatch(text.lstrip("+-") if text[:1] in "+-" and text[1:2] not in "+-" else text)
    return None if match is None else _value(match, sign)


def _value(match: re.Match[str], sign: float) -> float | None:
    exponent = match["exponent"] or ""
    if match["suffix"]:
        exponent = f"e{round(math.log10(SUFFIXES[match['suffix']]))}"  # as text, so that 1.1B is the nearest double
    value = sign * float(match["digits"].replace("_", "") + exponent)
    return value if value == 0 or 1 / NUMBER_MAGNITUDE <= abs(value) <= NUMBER_MAGNITUDE else None


def matched_number(match: re.Match[str]) -> float | None:
    """The value of a match of `NUMBER`, or None if it is too large or too small to compute with."""
    return _value(match, 1.0)


def exact(value: float) -> str:
    """The shortest text that reads back as the same double, integers without a point.

    >>> exact(7e9), exact(0.1), exact(1e24), exact(-3.0)
    ('7000000000', '0.1', '1e24', '-3')
    """
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    mantissa, e, exponent = repr(value).partition("e")
    return mantissa.removesuffix(".0") + (f"e{int(exponent)}" if e else "")


def level_text(value: object) -> str:
    """A factor's level as the text that names it everywhere: texts stay, so `7B` is a name; numbers are written
    plainly, and so is the `4.0` that a whole number becomes in a table with gaps.

    >>> level_text("7B"), level_text(1.0), level_text("4.0"), level_text("v1.10")
    ('7B', '1', '4', 'v1.10')
    """
    if isinstance(value, (int, float)):
        return exact(float(value))
    text = str(value).strip()
    return _WHOLE.sub(r"\1", text)


def short(value: float, digits: int = 4) -> str:
    """A number for reading: large ones with a suffix, small ones in scientific notation.

    >>> short(7e10), short(1e14), short(0.34781), short(5.76e23), short(2.1e-7), short(1234.6), short(2.64e8, 2)
    ('70B', '100T', '0.3478', '5.76e23', '2.1e-7', '1235', '264M')
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    size = abs(value)
    for suffix, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6)):
        if scale * 0.99995 <= size < 9.9995e15:  # beyond, four digits are not enough for trillions
            whole = len(f"{size / scale:.0f}")  # fewer digits than that would be an exponent beside the suffix
            return f"{value / scale:.{max(digits, whole)}g}{suffix}"
    if 1e-3 <= size < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def with_error(value: float, error: float) -> tuple[str, str]:
    """A value and its standard error with the digits the error allows: two of the error's, and as many decimals.

    >>> with_error(1.80724, 0.01682), with_error(482.0057, 124.52), with_error(0.5, 0)
    (('1.807', '0.017'), ('482', '125'), ('0.5', '0'))
    """
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return short(value), short(error)
    decimals = 1 - math.floor(math.log10(error))
    if -3 <= decimals <= 7 and abs(value) < 1e7:
        shown = max(0, decimals)
        return f"{value:.{shown}f}", f"{error:.{shown}f}"
    digits = max(2, 2 + math.floor(math.log10(max(abs(value), error))) - math.floor(math.log10(error)))
    return short(value, min(digits, 8)), short(error, 2)


def percent(level: float) -> str:
    """A probability as the field writes it.

    >>> percent(0.9), percent(0.975)
    ('90 %', '97.5 %')
    """
    return f"{100 * level:.6g} %"


def plus_minus(value: float, error: float) -> str:
    """`1.807 ± 0.017`."""
    shown, uncertain = with_error(value, error)
    return f"{shown} ± {uncertain}" if math.isfinite(error) and error > 0 else shown


#: ends of an interval further apart than this factor are written each with its own digits
APART = 20.0


def writer(lo: float, hi: float) -> Callable[[float], str]:
    """How the numbers of an interval are written: both ends, and the middle, in one notation, with the digits that its
    width allows (two or three of the width).

    >>> [writer(0.1023, 0.4661)(x) for x in (0.1023, 0.2186, 0.4661)]
    ['0.10', '0.22', '0.47']
    >>> [writer(-0.0203, 0.115)(x) for x in (-0.0203, 0.115)]
    ['-0.020', '0.115']
    >>> [writer(3.284e12, 1.114e14)(x) for x in (3.284e12, 1.114e14)]
    ['3.28T', '111T']
    """
    width, size = abs(hi - lo), max(abs(lo), abs(hi))
    if not (math.isfinite(lo) and math.isfinite(hi)) or width == 0 or width < 1e-12 * size:
        return short
    if lo * hi > 0 and max(lo / hi, hi / lo) > APART:
        return lambda value: short(float(f"{value:.3g}"), 3)
    decimals = math.ceil(math.log10(20 / width))
    if 1e-3 <= size < 1e6:
        return lambda value: _unsigned(f"{value:.{max(0, decimals)}f}") if math.isfinite(value) else short(value)

    def scaled(value: float) -> str:
        if not math.isfinite(value) or value == 0:
            return short(value)
        digits = max(1, math.floor(math.log10(abs(value))) + 1 + decimals)
        if size >= 1e6:
            return short(value, digits)
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"

    return scaled


def _unsigned(text: str) -> str:
    """`-0.00` without its sign."""
    return text.lstrip("-") if not text.strip("-0.") else text


def interval(lo: float, hi: float) -> str:
    """`[1.78, 1.83]`, both ends with as many digits as the width allows."""
    written = writer(lo, hi)
    return f"[{written(lo)}, {written(hi)}]"


def middle(value: float, lo: float, hi: float) -> str:
    """A median with the digits of its interval."""
    return writer(lo, hi)(value)
