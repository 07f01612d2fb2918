"""Rounding a weight matrix to few values: integers, codebooks, small floating-point numbers, one bit, three values.

    rounded = integers(weight, bits=3, group=32)
    rounded.dequantize()                      # same shape and dtype as the weight
    rounded.stored()                          # the tensors that would be kept: packed codes, scales, zeros
    rounded.bits_per_weight                   # of those tensors

Weights are (out, in), as in `torch.nn.Linear`. A group is `group` neighbours within a row (along `in`); it has one
scale, kept in `scale_dtype`, and for asymmetric integers one zero. `group=None` is one group a row ("channel"). A group
longer than a row is cut to the row; a row that the group does not divide ends in a shorter group. Everything runs where
the weight lies, CPU or accelerator, in float32.

Groups of zeros round to exact zeros. Arguments outside the ranges given raise ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

#: The 16 values of NormalFloat4: quantiles of the standard normal, scaled to [-1, 1] (arXiv 2305.14314, appendix E).
NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


@dataclass(frozen=True)
class Rounded:
    """A matrix rounded in groups: `values[codes] * scales`, or `(codes - zeros) * scales` where there are zeros.

    `codes` uint8 (out, groups, group), `scales` (out, groups, 1), `zeros` uint8 (out, groups, 1) or None, `values`
    float32 (up to 2^bits) or None. A last, shorter group is padded; `shape` is the weight's.
    """

    codes: Tensor
    scales: Tensor
    zeros: Tensor | None
    values: Tensor | None
    bits: int  # a code's
    shape: tuple[int, int]
    dtype: torch.dtype

    def dequantize(self) -> Tensor:
        """The rounded weight (out, in), in the dtype of the original."""
        scales = self.scales.float()
        if self.values is not None:
            grouped = self.values[self.codes.long()] * scales
        else:
            zeros = 0 if self.zeros is None else self.zeros.float()
            grouped = (self.codes.float() - zeros) * scales
        return grouped.flatten(1)[:, : self.shape[1]].to(self.dtype)

    def stored(self) -> dict[str, Tensor]:
        """What a file of this matrix would hold: packed codes (uint8), scales, and zeros packed like codes."""
        codes = self.codes.flatten(1)[:, : self.shape[1]]
        tensors = {"codes": pack(codes, self.bits), "scales": self.scales}
        if self.zeros is not None:
            tensors["zeros"] = pack(self.zeros, self.bits)
        return tensors

    @property
    def bits_per_weight(self) -> float:
        """Bits a weight of what is stored (codes, scales and zeros), counted without packing them."""
        numbers = self.shape[0] * self.shape[1]
        packed = [numbers] if self.zeros is None else [numbers, self.zeros.numel()]
        stored = sum(-(-count * self.bits // 8) for count in packed) + self.scales.numel() * self.scales.element_size()
        return 8 * stored / numbers


def integers(
    weight: Tensor, bits: int, group: int | None, symmetric: bool = False, scale_dtype: torch.dtype = torch.float16
) -> Rounded:
    """Round to nearest of 2^bits evenly spaced values, `bits` from 1 to 8.

    Asymmetric: the range of a group is widened to hold 0 and cut in 2^bits - 1 steps, so that 0 is kept exactly.
    Symmetric: the codes run from -2^(bits-1) to 2^(bits-1) - 1, and (2^bits - 1) / 2 steps reach the largest magnitude.
    Both as torchao and compressed-tensors have it. One bit has no room for this: see `signs`.
    """
    _require(2 <= bits <= 8, f"integers have 2 to 8 bits, not {bits}")
    grouped = _grouped(weight, group)
    steps = 2**bits - 1
    low, high = grouped.amin(-1, keepdim=True).clamp(max=0), grouped.amax(-1, keepdim=True).clamp(min=0)
    if symmetric:
        scales = _scales(2 * torch.maximum(-low, high) / steps, scale_dtype)
        zeros = torch.full_like(scales, 2 ** (bits - 1), dtype=torch.float32)
    else:
        scales = _scales((high - low) / steps, scale_dtype)
        zeros = (-low / scales.float()).round().clamp(0, steps)
    codes = ((grouped / scales.float()).round() + zeros).clamp(0, steps).to(torch.uint8)
    if not symmetric:
        return _rounded(weight, codes, scales, zeros.to(torch.uint8), None, bits)
    values = torch.arange(2**bits, device=weight.device, dtype=torch.float32) - 2 ** (bits - 1)
    return _rounded(weight, codes, scales, None, values, bits)


def codebook(
    weight: Tensor, values: tuple[float, ...], group: int | None, scale_dtype: torch.dtype = torch.float16
) -> Rounded:
    """Round to the nearest of `values` (ascending, up to 256), scaled so that the largest magnitude meets the group's.

    NF4 with group 64 is QLoRA's format (arXiv 2305.14314), whose scales are float32: bitsandbytes' values, bit by bit.
    """
    _require(2 <= len(values) <= 256, f"a codebook has 2 to 256 values, not {len(values)}")
    book = torch.tensor(values, dtype=torch.float32, device=weight.device)
    grouped = _grouped(weight, group)
    scales = _scales(grouped.abs().amax(-1, keepdim=True) / book.abs().max(), scale_dtype)
    between = (book[1:] + book[:-1]) / 2
    codes = torch.bucketize((grouped / scales.float()).contiguous(), between).to(torch.uint8)
    return _rounded(weight, codes, scales, None, book, (len(values) - 1).bit_length())


def minifloat(
    weight: Tensor, exponent: int, mantissa: int, group: int | None, scale_dtype: torch.dtype = torch.float16
) -> Rounded:
    """Round to a sign, `exponent` (0 to 5) and `mantissa` (0 to 7) bits: ExMy of up to 8 bits.

    Every code is a finite number, subnormals included, ties go to the even mantissa; the largest magnitude of a group
    is scaled to the largest value. E2M1 with group 32 is close to MXFP4, whose scales are powers of two.
    """
    values, between, upward = _minifloat(exponent, mantissa)
    device = weight.device
    grouped = _grouped(weight, group)
    scales = _scales(grouped.abs().amax(-1, keepdim=True) / values[-1].item(), scale_dtype)
    scaled = (grouped / scales.float()).contiguous()
    magnitude = scaled.abs()
    below = torch.bucketize(magnitude, between.to(device))  # a tie goes down
    tie = magnitude == between.to(device)[below.clamp(max=len(between) - 1)]
    code = below + (tie & upward.to(device)[below.clamp(max=len(between) - 1)])
    sign = torch.signbit(scaled) & (code > 0)
    half = len(values)
    signed = torch.cat([values, -values]).to(device)
    codes = (code + half * sign).to(torch.uint8)
    return _rounded(weight, codes, scales, None, signed, 1 + exponent + mantissa)


def signs(weight: Tensor, group: int | None, scale_dtype: torch.dtype = torch.float16) -> Rounded:
    """One bit: the sign times the mean magnitude of the group (arXiv 1603.05279, equation 6); 0 counts as positive."""
    grouped = _grouped(weight, group)
    scales = _scales(_mean_magnitude(grouped, weight.shape[1]), scale_dtype)
    values = torch.tensor([-1.0, 1.0], device=weight.device)
    return _rounded(weight, (grouped >= 0).to(torch.uint8), scales, None, values, 1)


def ternary(weight: Tensor, group: int | None, scale_dtype: torch.dtype = torch.float16) -> Rounded:
    """-1, 0 or 1 times the mean magnitude of the group (arXiv 2402.17764, equations 1 to 3); codes of 2 bits."""
    grouped = _grouped(weight, group)
    scales = _scales(_mean_magnitude(grouped, weight.shape[1]), scale_dtype)
    values = torch.tensor([-1.0, 0.0, 1.0], device=weight.device)
    codes = ((grouped / scales.float()).round().clamp(-1, 1) + 1).to(torch.uint8)
    return _rounded(weight, codes, scales, None, values, 2)


def straight_through(weight: Tensor, rounded: Tensor) -> Tensor:
    """`rounded` in the forward pass, the gradient of `weight` in the backward pass (arXiv 1308.3432)."""
    return weight + (rounded - weight).detach()


def pack(codes: Tensor, bits: int) -> Tensor:
    """Codes of `bits` bits (1 to 8) packed into bytes, lowest bit first: uint8, ceil(codes x bits / 8) long."""
    places = torch.arange(bits, device=codes.device, dtype=torch.uint8)
    stream = ((codes.reshape(-1, 1) >> places) & 1).reshape(-1)
    stream = torch.nn.functional.pad(stream, (0, -len(stream) % 8)).reshape(-1, 8)
    weights = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], device=codes.device)
    return (stream * weights).sum(-1).to(torch.uint8)


def unpack(packed: Tensor, bits: int, count: int) -> Tensor:
    """The first `count` codes of `pack`, uint8."""
    places = torch.arange(8, device=packed.device, dtype=torch.uint8)
    stream = ((packed.reshape(-1, 1) >> places) & 1).reshape(-1)[: count * bits].reshape(count, bits)
    weights = 2 ** torch.arange(bits, device=packed.device)
    return (stream * weights).sum(-1).to(torch.uint8)


def _grouped(weight: Tensor, group: int | None) -> Tensor:
    """(out, groups, group) in float32; a shorter last group is filled up with copies of the row's last weight."""
    _require(weight.ndim == 2, f"a weight matrix has two dimensions, not {weight.ndim}")
    _require(group is None or group > 0, f"a group has at least one weight, not {group}")
    columns = weight.shape[1]
    size = columns if group is None else min(group, columns)
    full = weight.float()
    missing = -columns % size
    if missing:
        full = torch.cat([full, full[:, -1:].expand(-1, missing)], dim=1)
    return full.reshape(weight.shape[0], -1, size)


def _mean_magnitude(grouped: Tensor, columns: int) -> Tensor:
    """Mean |weight| of each group (out, groups, 1), over its own weights: padding does not count."""
    size = grouped.shape[-1]
    counted = torch.arange(grouped.shape[1] * size, device=grouped.device).reshape(1, -1, size) < columns
    return (grouped.abs() * counted).sum(-1, keepdim=True) / counted.sum(-1, keepdim=True)


def _scales(wanted: Tensor, dtype: torch.dtype) -> Tensor:
    """Scales as they are kept: rounded to `dtype`; one that would vanish or overflow, to the nearest that does not."""
    finfo = torch.finfo(dtype)
    least = finfo.smallest_normal * finfo.eps  # subnormal: 6e-8 in float16, where 8 bits of small weights need 1e-5
    return torch.where(wanted > 0, wanted.clamp(least, finfo.max), torch.ones_like(wanted)).to(dtype)


def _rounded(
    weight: Tensor, codes: Tensor, scales: Tensor, zeros: Tensor | None, values: Tensor | None, bits: int
) -> Rounded:
    return Rounded(codes, scales, zeros, values, bits, (weight.shape[0], weight.shape[1]), weight.dtype)


@lru_cache
def _minifloat(exponent: int, mantissa: int) -> tuple[Tensor, Tensor, Tensor]:
    """Magnitudes (ascending, 0 first), the midpoints between neighbours, and whether a tie at each goes upward."""
    bits = 1 + exponent + mantissa
    _require(0 <= exponent <= 5 and 0 <= mantissa <= 7 and 2 <= bits <= 8, f"no minifloat E{exponent}M{mantissa}")
    bias = 2 ** (exponent - 1) - 1 if exponent else 0
    values = []
    for code in range(2 ** (bits - 1)):
        high, low = divmod(code, 2**mantissa)
        if exponent == 0:
            values.append(float(code))
        elif high == 0:
            values.append(low / 2**mantissa * 2.0 ** (1 - bias))
        else:
            values.append((1 + low / 2**mantissa) * 2.0 ** (high - bias))
    magnitudes = torch.tensor(values, dtype=torch.float32)
    between = (magnitudes[1:] + magnitudes[:-1]) / 2
    upward = torch.arange(len(between)) % 2 == 1  # from an odd code to the even one above it
    return magnitudes, between, upward


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
