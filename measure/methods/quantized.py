"""What a method gives back: new values of a model's weights, and what they would take to store."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Quantized:
    """`weights`: name in the state dict -> new values, of the same shape, dtype and device, of all that was changed.

    `bits_per_weight` counts what a file would hold (codes, scales, zeros) over the `weights_quantized` numbers that
    were rounded; what a method changes without rounding it (AWQ: norms) counts nowhere.
    """

    weights: dict[str, Tensor]
    bits_per_weight: float
    weights_quantized: int


def gathered(weights: dict[str, Tensor], bits: float, count: int) -> Quantized:
    """`Quantized` from new values, the bits stored in all, and how many numbers were rounded."""
    return Quantized(weights, bits / count if count else 16.0, count)
