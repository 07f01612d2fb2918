"""bitsandbytes' formats (extra `bnb`), by its functional interface: the weight's device does the work.

Its blocks run through the flattened matrix, so that they cross rows where a row is no multiple of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lawdsl.errors import Fault, InputError, Span
from measure.layers import Layer

from .quantized import Quantized, gathered
from .table import Format

#: dtypes that its kernels take; others go through float32
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def four_bits(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """NF4 or FP4, scales in float32, or (`double`) in 8 bits with a float32 scale for each 256.

    Raises: InputError (MEA215) where a block is longer than a row: on a CPU the library then gives wrong values.
    """
    from bitsandbytes import functional

    assert format.group is not None
    kind, double = format.method.removeprefix("bnb-"), bool(dict(format.settings)["double"])
    weights: dict[str, Tensor] = {}
    bits, count = 0.0, 0
    for name, layer in chosen.items():
        weight: Tensor = layer.weight.detach()
        if format.group > weight.shape[1]:
            message = f"a block of {format.group} is longer than the {weight.shape[1]} inputs of {name}"
            cure = "Choose a smaller group, or the method nf4, which cuts its groups to the row."
            raise InputError(Fault("MEA215", Span(), message, cure))
        values = weight if weight.dtype in DTYPES else weight.float()
        codes, state = functional.quantize_4bit(
            values.contiguous(), blocksize=format.group, quant_type=kind, compress_statistics=double
        )
        weights[f"{name}.weight"] = functional.dequantize_4bit(codes, state).to(weight.dtype)
        bits += 8 * (codes.numel() * codes.element_size() + _scales(state))
        count += weight.numel()
    return gathered(weights, bits, count)


def eight_bits(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """LLM.int8's weights: float16 rounded to 255 values, one float32 scale a row. Activations are left alone."""
    from bitsandbytes import functional

    weights: dict[str, Tensor] = {}
    bits, count = 0.0, 0
    for name, layer in chosen.items():
        weight: Tensor = layer.weight.detach()
        codes, scales, _ = functional.int8_vectorwise_quant(weight.to(torch.float16).contiguous())
        weights[f"{name}.weight"] = functional.int8_vectorwise_dequant(codes, scales).to(weight.dtype)
        bits += 8 * (codes.numel() * codes.element_size() + scales.numel() * scales.element_size())
        count += weight.numel()
    return gathered(weights, bits, count)


def _scales(state: Any) -> int:
    """Bytes of a quantization state's scales, and of their own scales and offset."""
    size: int = state.absmax.numel() * state.absmax.element_size()
    if state.nested:
        size += state.offset.numel() * state.offset.element_size()
        size += state.state2.absmax.numel() * state.state2.absmax.element_size()
    return size
