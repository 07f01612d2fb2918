"""Units and kinds: what a number counts, and what can be converted into what.

A quantity is a unit and, for parameters and tokens, a kind: "non-embedding parameters" are not "total parameters", and
no factor turns one into the other. Losses per token, byte, word and character differ by the text, so they do not
convert; nats and bits do. A score of a benchmark on its own scale (BLEU, Elo) is in points, a number of things that
have no unit of their own is a count.

>>> conversion(quantity("PF-days"), quantity("FLOP"))
8.64e+19
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: unit -> (what it measures, how many of that measure's base unit one is)
UNITS: dict[str, tuple[str, float]] = {
    "parameters": ("parameters", 1.0),
    "tokens": ("tokens", 1.0),
    "characters": ("characters", 1.0),
    "bytes": ("bytes", 1.0),
    "bits": ("bits", 1.0),
    "FLOP": ("computation", 1.0),
    "GMAC": ("computation", 2e9),  # a multiply-accumulate is two operations
    "PF-days": ("computation", 8.64e19),
    "nats/token": ("loss per token", 1.0),
    "bits/token": ("loss per token", math.log(2)),
    "nats/byte": ("loss per byte", 1.0),
    "bits/byte": ("loss per byte", math.log(2)),
    "nats/character": ("loss per character", 1.0),
    "bits/character": ("loss per character", math.log(2)),
    "nats/word": ("loss per word", 1.0),
    "steps": ("steps", 1.0),
    "sequences": ("sequences", 1.0),
    "examples": ("examples", 1.0),
    "epochs": ("epochs", 1.0),
    "requests": ("requests", 1.0),
    "images": ("images", 1.0),
    "pixels": ("pixels", 1.0),
    "nats/image": ("loss per image", 1.0),
    "bits/image": ("loss per image", math.log(2)),
    "nats/dimension": ("loss per dimension", 1.0),
    "bits/dimension": ("loss per dimension", math.log(2)),
    "nats": ("information", 1.0),
    "layers": ("layers", 1.0),
    "experts": ("experts", 1.0),
    "years": ("time", 1.0),
    "months": ("time", 1 / 12),
    "USD": ("money", 1.0),
    "points": ("points", 1.0),
    "time points": ("time points", 1.0),
    "count": ("count", 1.0),
    "vocabulary entries": ("vocabulary entries", 1.0),
    "dimensions": ("dimensions", 1.0),
    "fraction": ("share", 1.0),
    "percent": ("share", 0.01),
    "ratio": ("ratio", 1.0),
}

KINDS: dict[str, tuple[str, ...]] = {
    "parameters": ("total", "non-embedding", "active", "non-zero"),
    "tokens": ("seen", "unique"),
}


@dataclass(frozen=True)
class Quantity:
    """A unit of `UNITS` and a kind, None where it was not said."""

    unit: str
    kind: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.unit}" if self.kind else self.unit


def quantity(text: str) -> Quantity | None:
    """The quantity a text such as "non-embedding parameters" names, or None."""
    words = text.strip()
    if words in UNITS:
        return Quantity(words)
    kind, _, unit = words.partition(" ")
    return Quantity(unit, kind) if kind in KINDS.get(unit, ()) else None


def conversion(found: Quantity, wanted: Quantity) -> float | None:
    """The factor that turns numbers of `found` into numbers of `wanted`; None where there is none.

    A kind that was not said on one side is taken to be the other's.
    """
    measure, size = UNITS[found.unit]
    wanted_measure, wanted_size = UNITS[wanted.unit]
    if measure != wanted_measure or (found.kind and wanted.kind and found.kind != wanted.kind):
        return None
    return size / wanted_size
