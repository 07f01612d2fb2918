"""Formats that look at a weight alone, written with `measure.rounding`: the same on every device, with torch only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from measure import rounding
from measure.layers import Layer
from measure.rounding import Rounded

from .quantized import Quantized, gathered
from .table import Format


def none(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """Nothing is changed: the 16-bit run itself."""
    return gathered({}, 0.0, 0)


def rtn(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """Round to nearest of 2^bits evenly spaced values, scales in float16."""
    return each(chosen, lambda weight: grid(weight, format))


def nf4(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """NormalFloat4 with float32 scales, as QLoRA has it before it rounds the scales too."""
    return each(chosen, lambda weight: rounding.codebook(weight, rounding.NF4, format.group, torch.float32))


def minifloat(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """ExMy with float16 scales."""
    settings = dict(format.settings)
    exponent, mantissa = int(settings["exponent"]), int(settings["mantissa"])
    return each(chosen, lambda weight: rounding.minifloat(weight, exponent, mantissa, format.group))


def sign(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """One bit: the sign, and a mean magnitude in float16."""
    return each(chosen, lambda weight: rounding.signs(weight, format.group))


def ternary(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """-1, 0 or 1, and a mean magnitude in float16."""
    return each(chosen, lambda weight: rounding.ternary(weight, format.group))


def grid(weight: Tensor, format: Format) -> Rounded:
    """A weight on the integer grid of a format: what `rtn` gives, and what `gptq` takes scales and zeros from."""
    return rounding.integers(weight, int(format.bits), format.group, bool(format.symmetric))


def each(chosen: Mapping[str, Layer], rounded: Callable[[Tensor], Rounded]) -> Quantized:
    """Every layer's weight rounded by itself."""
    weights: dict[str, Tensor] = {}
    bits, count = 0.0, 0
    for name, layer in chosen.items():
        weight: Tensor = layer.weight.detach()
        result = rounded(weight)
        weights[f"{name}.weight"] = result.dequantize()
        bits += result.bits_per_weight * weight.numel()
        count += weight.numel()
    return gathered(weights, bits, count)
