"""Units and kinds: conversions that hold both ways, and refusals where nothing is known."""

from __future__ import annotations

import math
from itertools import product

import pytest

from lawdsl.units import KINDS, UNITS, Quantity, conversion, quantity

#: two divisions, each rounded once
ROUNDED = 4e-16

EVERY = [Quantity(unit, kind) for unit in UNITS for kind in (None, *KINDS.get(unit, ()))]


def test_a_quantity_reads_as_it_is_printed() -> None:
    assert [quantity(str(one)) for one in EVERY] == EVERY
    assert quantity(" non-embedding parameters ") == Quantity("parameters", "non-embedding")


@pytest.mark.parametrize("text", ["", "token", "Tokens", "embedding parameters", "unique parameters", "tokens seen"])
def test_what_is_no_quantity(text: str) -> None:
    assert quantity(text) is None


def test_there_and_back_is_one() -> None:
    for a, b in product(EVERY, EVERY):
        there, back = conversion(a, b), conversion(b, a)
        assert (there is None) == (back is None)
        if there is not None and back is not None:
            assert math.isclose(there * back, 1, rel_tol=ROUNDED)


def test_a_quantity_converts_to_itself_by_one() -> None:
    assert {conversion(one, one) for one in EVERY} == {1.0}


def test_a_chain_is_the_product_of_its_links() -> None:
    units = [Quantity(unit) for unit, (measure, _) in UNITS.items() if measure == "computation"]
    for a, b, c in product(units, repeat=3):
        ab, bc, ac = conversion(a, b), conversion(b, c), conversion(a, c)
        assert ab and bc and ac and math.isclose(ab * bc, ac, rel_tol=ROUNDED)


def test_kinds_refuse_each_other_and_accept_silence() -> None:
    for unit, kinds in KINDS.items():
        for a, b in product(kinds, kinds):
            assert (conversion(Quantity(unit, a), Quantity(unit, b)) is None) == (a != b)
            assert conversion(Quantity(unit), Quantity(unit, a)) == conversion(Quantity(unit, a), Quantity(unit)) == 1


def test_what_differs_by_the_text_does_not_convert() -> None:
    for a, b in [
        ("nats/token", "nats/byte"),
        ("bits/byte", "bits/token"),
        ("tokens", "bytes"),
        ("parameters", "tokens"),
    ]:
        assert conversion(Quantity(a), Quantity(b)) is None


def test_known_factors() -> None:
    assert conversion(Quantity("PF-days"), Quantity("FLOP")) == 1e15 * 24 * 3600
    assert conversion(Quantity("bits/token"), Quantity("nats/token")) == math.log(2)
    assert conversion(Quantity("percent"), Quantity("fraction")) == 0.01
    assert conversion(Quantity("GMAC"), Quantity("FLOP")) == 2e9
