"""Numbers are read as the field writes them, and every writing reads back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from lawdsl.limits import NUMBER_MAGNITUDE
from lawdsl.numbers import (
    NUMBER,
    SUFFIXES,
    exact,
    interval,
    level_text,
    matched_number,
    middle,
    parse_number,
    percent,
    plus_minus,
    short,
    with_error,
    writer,
)  # fmt: skip

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
     ".", "+X5", "e5", "1e", "1e5B", "7 B", "1,000", "1.2.3", "1j", "true", "seven"],
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


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1e6, "1M"), (999_949, "999949"), (999_950, "1M"), (9.9994e8, "999.9M"), (1e9, "1B"), (999.94e9, "999.9B"),
        (1e12, "1T"), (9999e12, "9999T"), 
        (9.9994e15, "9999T"), (9.9996e15, "1e16"), (1e-3, "0.001"), (9.99e-4, "9.99e-4"), (123456, "123456"),
        (1234.56, "1235"), (100, "100"), (100.5, "100.5"), (0.12346, "0.1235"), (-2.5e9, "-2.5B"), (3e-10, "3e-10"),
        (1.23456e20, "1.235e20"), (2e20, "2e20"), (1e5, "100000"),
    ],
)  # fmt: skip
def test_large_numbers_have_suffixes_and_small_ones_exponents(value: float, shown: str) -> None:
    assert short(value) == shown


def test_fewer_or_more_digits_can_be_asked_for() -> None:
    assert [short(1234.5678, n) for n in (2, 4, 6, 8)] == ["1235", "1235", "1234.57", "1234.5678"]
    assert [short(264.4e6, n) for n in (1, 2, 4)] == ["264M", "264M", "264.4M"]
    assert [short(1.23456e-7, n) for n in (1, 2, 3)] == ["1e-7", "1.2e-7", "1.23e-7"]


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (1.80724, 0.01682, ("1.807", "0.017")), (482.0057, 124.52, ("482", "125")), (0.5, 0.0, ("0.5", "0")),
        (0.5, -1.0, ("0.5", "-1")), (9_999_999.0, 1000.0, ("9999999", "1000")), (1e7, 1000.0, ("10M", "1000")),
        (12_345_678.0, 1000.0, ("12.3457M", "1000")), (5.1234e-8, 2.44e-10, ("5.123e-8", "2.4e-10")),
        (1.0, 2.4e-7, ("1", "2.4e-7")), (1.0, 2.4e-6, ("1.0000000", "0.0000024")),
        (3e10, 2e4, ("30B", "20000")), (123_456.0, 23_456.0, ("123456", "23456")), (1.0, 123_456.0, ("1", "123456")),
        (math.inf, 1.0, ("inf", "1")),
    ],
)  # fmt: skip
def test_a_value_has_the_digits_of_its_error(value: float, error: float, shown: tuple[str, str]) -> None:
    assert with_error(value, error) == shown


def test_a_value_with_its_error_in_words() -> None:
    assert plus_minus(1.80724, 0.01682) == "1.807 ± 0.017"
    assert [plus_minus(2.5, error) for error in (0.0, -1.0, math.inf, math.nan)] == ["2.5"] * 4
    assert [percent(p) for p in (0.9, 0.975, 1.0, 0.0)] == ["90 %", "97.5 %", "100 %", "0 %"]


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (1.7812, 1.8349, "[1.781, 1.835]"), (0.1023, 0.4661, "[0.10, 0.47]"), (-0.0203, 0.115, "[-0.020, 0.115]"),
        (-0.4661, -0.1023, "[-0.47, -0.10]"), (3.284e12, 1.114e14, "[3.28T, 111T]"), (-100.2, -1.234, "[-100, -1.23]"),
        (1.0, 20.0, "[1.0, 20.0]"),
        (0.01, 0.5, "[0.01, 0.5]"),
        (1.23456e9, 1.23468e9, "[1.23456B, 1.23468B]"),
        (1.0, 20.5, "[1, 20.5]"), (-0.001, 0.9, "[0.00, 0.90]"), (0.0, 2.0, "[0.0, 2.0]"),
        (1.0e9, 1.5e9, "[1B, 1.5B]"), (1.02e6, 1.31e6, "[1.02M, 1.31M]"), (2e-7, 9e-7, "[2.0e-7, 9.0e-7]"),
        (-1e-5, 9e-5, "[-1.0e-5, 9.0e-5]"), (0.0, 9e-5, "[0, 9.0e-5]"), (2.0, 2.0, "[2, 2]"),
        (2.0, 2.0 + 1e-13, "[2, 2]"), (-math.inf, 2.0, "[-inf, 2]"), (1.0, math.inf, "[1, inf]"),
        (5.1, 5.4, "[5.10, 5.40]"), (120.0, 190.0, "[120, 190]"), (9e5, 1.1e6, "[900000, 1.1M]"),
    ],
)  # fmt: skip
def test_an_interval_has_the_digits_of_its_width(low: float, high: float, shown: str) -> None:
    assert interval(low, high) == shown


def test_the_middle_is_written_as_its_ends_are() -> None:
    assert middle(0.2186, 0.1023, 0.4661) == "0.22" and middle(0.000012345, 1e-5, 2e-5) == "1.23e-5"
    assert middle(-0.001, -0.5, 0.5) == "0.00" and middle(math.nan, -0.5, 0.5) == "nan"
    assert middle(math.nan, 1e-5, 2e-5) == "nan" and middle(0.0, 1e-5, 2e-5) == "0"
    assert writer(1.0, 100.0)(12.3456) == "12.3"


def test_a_level_has_one_name() -> None:
    assert [level_text(x) for x in (1, 1.0, "4.0", "4.", "v1.10", " 7B ", 0.5, "-2.00", "1.50")] == [
        "1", "1", "4", "4", "v1.10", "7B", "0.5", "-2", "1.50",
    ]  # fmt: skip


def test_whole_doubles_are_written_whole_as_far_as_they_are_exact() -> None:
    assert [exact(x) for x in (999_999_999_999_999.0, 1e15, -1e15, 1e16, 1.5e16, 0.1, 2.5e-7)] == [
        "999999999999999", "1000000000000000", "-1000000000000000", "1e16", "1.5e16", "0.1", "2.5e-7",
    ]  # fmt: skip


def test_suffixes_are_those_of_the_short_scale() -> None:
    assert SUFFIXES == {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    for suffix, size in SUFFIXES.items():
        match = NUMBER.search(f"x + 1.1{suffix}*y")
        assert match is not None and matched_number(match) == float(f"1.1e{round(math.log10(size))}")
