"""The README's picture: quantization-induced degradation of a tiny model by training tokens and bits, on our own rows.

    python examples/readme_picture.py docs/qid.png

fits the law to the table that ships (by NUTS; `map` as a second argument is quicker) and draws three settings of it to
a billion tokens, thirty times beyond the rows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import fitting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: the smallest model of the ladder, in non-embedding parameters, quantized to these bits
SIZE, BITS = 25472, (2, 3, 4)
TOKENS = "1B"


def picture(post: fitting.Posterior) -> Figure:
    """Degradation (nats/token) against training tokens, a curve for each number of bits."""
    points = [{"N": SIZE, "D": TOKENS, "P": bits} for bits in BITS]
    return fitting.plots.curves(post, points, against="D")


def main(arguments: list[str]) -> Path:
    """Fit, draw, write; the file's name."""
    out, method = [*arguments, *("qid.png", "nuts")[len(arguments) :]]
    return fitting.plots.save(picture(fitting.fit("qid", method=method)), out)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
