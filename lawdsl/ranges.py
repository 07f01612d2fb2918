"""Ranges of values as they are typed: `1B..100B:20`, from end to end in so many values."""

from __future__ import annotations

from . import limits
from .errors import AskError, Fault, Span
from .law import Law
from .numbers import parse_number

#: variables in these units are spaced evenly, all others by equal factors
EVEN = frozenset({"bits", "layers", "epochs", "experts", "fraction", "percent", "ratio"})


def is_range(value: object) -> bool:
    """Whether a value is written as a range."""
    return isinstance(value, str) and ".." in value


def read_range(law: Law, name: str, text: str, where: str = "") -> list[float]:
    """The values of a range of a variable, both ends among them. Raises: AskError (ASK033) for what is no range.

    >>> import lawdsl
    >>> qid = lawdsl.load("qid")
    >>> read_range(qid, "N", "1M..100M:3"), read_range(qid, "P", "2..4:3")
    ([1000000.0, 10000000.0, 100000000.0], [2.0, 3.0, 4.0])
    """
    low, _, rest = text.partition("..")
    high, _, count = rest.partition(":")
    ends = parse_number(low.strip()), parse_number(high.strip())
    many = int(count) if count.strip().isdecimal() and len(count) < 9 else 0
    if ends[0] is None or ends[1] is None or not 2 <= many <= limits.RANGE_VALUES:
        cure = f"Write a range with its number of values, 2 to {limits.RANGE_VALUES:,}: {name}=10M..10B:5."
        raise AskError(Fault("ASK033", Span(where or law.name), f"'{text[:40]}' is no range", cure))
    return spaced(law, name, ends[0], ends[1], many)


def spaced(law: Law, name: str, low: float, high: float, count: int) -> list[float]:
    """`count` values from `low` to `high`: by equal factors, or by equal steps where that is how the variable goes."""
    even = low <= 0 or high <= 0 or (name in law.variable and law.variable[name].quantity.unit in EVEN)
    steps = [i / (count - 1) for i in range(count)]
    if even:
        return [low + (high - low) * step for step in steps]
    inner = [low * (high / low) ** step for step in steps[1:-1]]
    return [low, *inner, high]
