"""Numbers are read as the field writes them, and every writing reads back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from lawdsl.limits import NUMBER_MAGNITUDE
from lawdsl.numbers import exact, parse_number, short, with_error

#: four digits are shown, so half a unit of the fourth may be lost
SHORT = 0.5e-3
#: two digits of an error are shown: the value may be off by half of the second, the error by half of its second
ERROR_DIGIT = 0.05


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7B", 7e9), ("100T", 1e14), ("44M", 44e6), ("4k", 4e3), ("4K", 4e3), ("1.1B", 1.1e9), ("-1.5e-3", -0.0015),
        ("1_000_000", 1e6), (".5", 0.5), ("5.", 5.0), ("+3", 3.0), (" 1e24 ", 1e24), ("1E+3", 1e3), ("0", 0.0),
        ("1e150", 1e150), ("1e-150", 1e-150),
    ],
)  # fmt: skip
def test_numbers_as_the_field_writes_them(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    ["nan", "inf", "-inf", "1e999", "1e151", "1e-151", "7Q", "7b", "0x10", "1__0", "_1", "1_", "--5", "+-5", "", "+",
     ".", "e5", "1e", "1e5B", "7 B", "1,000", "1.2.3", "1j", "true", "seven"],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None


@given(numbers, st.sampled_from([1, -1]))
def test_exact_reads_back_as_the_same_double(value: float, sign: int) -> None:
    assert parse_number(exact(sign * value)) == sign * value


@given(st.floats(1e-100, 1e100))
def test_short_keeps_four_digits(value: float) -> None:
    found = parse_number(short(value))
    assert found is not None and math.isclose(found, value, rel_tol=SHORT)
    assert parse_number(short(-value)) == -found
    assert len(short(value).split("e")[0]) <= 7


@given(st.floats(1e-3, 1e6), st.floats(1e-5, 1e3))
def test_with_error_keeps_what_the_error_allows(value: float, error: float) -> None:
    shown, shown_error = (parse_number(text) for text in with_error(value, error))
    assert shown is not None and shown_error is not None
    assert math.isclose(shown_error, error, rel_tol=ERROR_DIGIT)
    assert abs(shown - value) <= max(ERROR_DIGIT * error, SHORT * value * (error > value))


def test_values_that_are_not_finite_are_shown_not_hidden() -> None:
    assert [short(x) for x in (math.nan, math.inf, -math.inf, 0.0)] == ["nan", "inf", "-inf", "0"]
    assert with_error(1.5, math.nan) == ("1.5", "nan")


def test_the_limits_are_those_of_squares() -> None:
    assert math.isfinite(NUMBER_MAGNITUDE**2) and (1 / NUMBER_MAGNITUDE) ** 2 > 0
