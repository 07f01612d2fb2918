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


#: what converts into what, each in numbers of the first; every other unit stands alone
FAMILIES = [
    {"FLOP": 1, "GMAC": 2e9, "PF-days": 8.64e19},
    *({f"nats/{of}": 1, f"bits/{of}": math.log(2)} for of in ("token", "byte", "character", "image", "dimension")),
    {"years": 1, "months": 1 / 12},
    {"fraction": 1, "percent": 0.01},
]


def test_the_table_of_conversions() -> None:
    for a, b in product(UNITS, UNITS):
        factors = [family[a] / family[b] for family in FAMILIES if a in family and b in family]
        assert conversion(Quantity(a), Quantity(b)) == (1.0 if a == b else factors[0] if factors else None), (a, b)


def test_every_unit_and_kind_of_the_language() -> None:
    """A word that vanished or changed would break the law files that say it."""
    alone = (
        "parameters", "tokens", "characters", "bytes", "bits", "nats/word", "steps", "sequences", "examples", "epochs",
        "requests", "images", "pixels", "nats", "layers", "experts", "USD", "points", "time points", "count",
        "vocabulary entries", "dimensions", "ratio",
    )  # fmt: skip
    assert UNITS.keys() == {*alone, *(unit for family in FAMILIES for unit in family)}
    assert KINDS == {
        "parameters": ("total", "non-embedding", "active", "non-zero"), "tokens": ("seen", "unique"),
    }  # fmt: skip
