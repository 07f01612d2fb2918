"""Half-quadratic quantization (extra `hqq`) by the library's own quantizer, on the weight's device.

The file's name ends in an underscore because the library has taken the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lawdsl.errors import Fault, InputError, Span
from measure.layers import Layer

from .quantized import Quantized, gathered
from .table import Format


def hqq(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """Codes of `bits`, scale and zero in float16, groups along a row (the library's axis 1).

    5 and 6 bits are kept in whole bytes, 3 bits ten to an int32, and are counted so.

    Raises: InputError (MEA215) where a group does not divide a weight.
    """
    from hqq.core.quantize import Quantizer

    weights: dict[str, Tensor] = {}
    bits, count = 0.0, 0
    for name, layer in chosen.items():
        weight: Tensor = layer.weight.detach()
        group = format.group or weight.shape[1]
        if weight.numel() % group:
            message = f"groups of {group} do not divide the {weight.numel()} weights of {name}"
            raise InputError(Fault("MEA215", Span(), message, "Choose a group that divides them, or channel."))
        codes, meta = Quantizer.quantize(
            weight,
            nbits=int(format.bits),
            group_size=group,
            axis=1,
            device=str(weight.device),
            compute_dtype=weight.dtype,
        )
        meta["compute_dtype"] = torch.float32  # codes become this; scale and zero are as a file would keep them
        for part in ("scale", "zero"):
            kept = meta[part].to(torch.float16)
            bits += 8 * kept.numel() * kept.element_size()
            meta[part] = kept.float()
        weights[f"{name}.weight"] = Quantizer.dequantize(codes, meta).to(weight.dtype)
        bits += 8 * codes.numel() * codes.element_size()
        count += weight.numel()
    return gathered(weights, bits, count)
