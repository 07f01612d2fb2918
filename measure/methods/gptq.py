"""GPTQ (arXiv 2210.17323) in plain torch, for any decoder whose blocks are a ModuleList.

Block by block, in the order of the model: the inputs of a block's Linear layers are gathered with every earlier block
already rounded; then each weight is rounded column by column, and the error of a column is made good in the columns
still to come, as its Hessian H = X'X says. Scales and zeros are those of `rtn`, fixed beforehand from the weight as it
was, so that columns can be taken in the order of their activation (largest diagonal of H first) with no index to store.

A column whose input was never seen active (H is 0 there) has no say in others and is rounded to nearest; the paper's
code sets it to zero, which a text unlike the calibration would pay for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from lawdsl.errors import Fault, OutsideError, Span
from measure.layers import Layer, blocks, swapped
from measure.rounding import Rounded

from .plain import grid
from .quantized import Quantized, gathered
from .table import Format

#: columns rounded before their errors reach the rest of the matrix in one product; the paper's choice
COLUMNS = 128
#: tokens of calibration that go through a block at a time
TOKENS = 16_384


def gptq(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """The chosen layers rounded with the calibration text (samples, length). Embeddings are rounded to nearest.

    Raises: OutsideError (MEA216) where activations are not finite.
    """
    assert calibration is not None
    work = _Work(format)
    prefix, layers = blocks(model)
    with torch.no_grad():
        for name, layer in chosen.items():
            if isinstance(layer, nn.Embedding):
                work.take(name, grid(layer.weight, format))
        with swapped(model, work.weights):
            inputs = _inputs(model, layers, calibration)
            for index, block in enumerate(layers):
                start = f"{prefix}.{index}."
                here = {name: chosen[name] for name in chosen if name.startswith(start)}
                with _hessians(here) as hessians:
                    for call in inputs:
                        call.run(index, block)
                for name, layer in here.items():
                    work.take(name, improved(layer.weight, hessians.pop(name), format))
                new = {name.removeprefix(start): work.weights[name] for name in (f"{n}.weight" for n in here)}
                with swapped(block, new):
                    for call in inputs:
                        call.hidden = call.run(index, block)
        rest = {name: chosen[name] for name in chosen if name not in work.done}
        if rest:  # the head, which sees what the rounded blocks make
            with swapped(model, work.weights), _hessians(rest) as hessians:
                _inputs(model, layers, calibration)
            for name, layer in rest.items():
                work.take(name, improved(layer.weight, hessians[name], format))
    return gathered(work.weights, work.bits, work.count)


def improved(weight: Tensor, hessian: Tensor, format: Format) -> Rounded:
    """A weight (out, in) rounded so that the error of its outputs, trace(E H E'), is small; H is (in, in), float32.

    Raises: OutsideError (MEA216) where H is not finite.
    """
    rounded = grid(weight, format)
    settings = dict(format.settings)
    diagonal = hessian.diagonal().clone()
    unseen = diagonal <= 0
    mean = diagonal.mean()
    if not torch.isfinite(mean):
        cure = "Evaluate the checkpoint in a wider dtype (dtype: bfloat16 or float32), or with other calibration text."
        raise OutsideError(Fault("MEA216", Span(), "the calibration's activations are not finite", cure))
    if mean == 0:
        return rounded
    columns = weight.shape[1]
    order = torch.arange(columns, device=weight.device)
    if settings["order"] == "activation":
        order = torch.argsort(diagonal, descending=True, stable=True)
    damped = hessian + torch.diag(float(settings["damping"]) * mean + unseen * mean)
    upper = _inverse_factor(damped[order][:, order])
    codes = _codes(weight.float()[:, order], upper, *_spread(rounded, columns, order), 2**rounded.bits - 1)
    restored = torch.empty_like(codes)
    restored[:, order] = codes
    return replace(rounded, codes=_padded(restored, rounded.codes))


def _codes(weight: Tensor, upper: Tensor, scales: Tensor, zeros: Tensor, steps: int) -> Tensor:
    """Codes (out, in) uint8 of a weight whose columns are in the order of rounding; `upper` is H^-1's factor U, U'U."""
    weight = weight.clone()
    codes = torch.empty_like(weight, dtype=torch.uint8)
    for start in range(0, weight.shape[1], COLUMNS):
        end = min(start + COLUMNS, weight.shape[1])
        errors = torch.empty_like(weight[:, start:end])
        for i in range(start, end):
            column, scale, zero = weight[:, i], scales[:, i], zeros[:, i]
            code = ((column / scale).round() + zero).clamp(0, steps)
            error = (column - (code - zero) * scale) / upper[i, i]
            weight[:, i:end] -= torch.outer(error, upper[i, i:end])
            codes[:, i] = code.to(torch.uint8)
            errors[:, i - start] = error
        weight[:, end:] -= errors @ upper[start:end, end:]
    return codes


def _inverse_factor(hessian: Tensor) -> Tensor:
    """U, upper triangular, with U'U = H^-1.

    H = R R' with R upper is Cholesky's factorization read from the last row up, and U = R^-1: one factorization and one
    triangular solve, where inverting H first would lose twice the digits.
    """
    lower, failed = torch.linalg.cholesky_ex(hessian.flip(0, 1))
    if failed.any():
        cure = "Raise its damping (0.01 now), or give more samples of calibration text."
        raise OutsideError(Fault("MEA216", Span(), "GPTQ's Hessian is not positive definite", cure))
    eye = torch.eye(len(hessian), dtype=hessian.dtype, device=hessian.device)
    factor: Tensor = torch.linalg.solve_triangular(lower.flip(0, 1), eye, upper=True)
    return factor


def _spread(rounded: Rounded, columns: int, order: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero of every weight (out, in), float32, columns in the order given."""
    size = rounded.codes.shape[-1]
    scales = rounded.scales.float().expand(-1, -1, size).flatten(1)[:, :columns]
    if rounded.zeros is None:
        zeros = torch.full_like(scales, 2 ** (rounded.bits - 1))
    else:
        zeros = rounded.zeros.float().expand(-1, -1, size).flatten(1)[:, :columns]
    return scales[:, order], zeros[:, order]


def _padded(codes: Tensor, like: Tensor) -> Tensor:
    """Codes (out, in) in groups (out, groups, group), as `like`; a shorter last group ends in zeros."""
    missing = like.shape[1] * like.shape[2] - codes.shape[1]
    return nn.functional.pad(codes, (0, missing)).reshape(like.shape)


class _Work:
    """What has been rounded so far."""

    def __init__(self, format: Format):
        self.format = format
        self.weights: dict[str, Tensor] = {}
        self.done: set[str] = set()
        self.bits = 0.0
        self.count = 0

    def take(self, name: str, rounded: Rounded) -> None:
        numel = rounded.shape[0] * rounded.shape[1]
        self.weights[f"{name}.weight"] = rounded.dequantize()
        self.done.add(name)
        self.bits += rounded.bits_per_weight * numel
        self.count += numel


@dataclass
class _Call:
    """A batch on its way through the blocks: its hidden states, and what else each block was called with."""

    hidden: Tensor
    others: list[tuple[tuple[Any, ...], dict[str, Any]]]

    def run(self, index: int, block: nn.Module) -> Tensor:
        args, kwargs = self.others[index]
        result = block(self.hidden, *args, **kwargs)
        return cast(Tensor, result[0] if isinstance(result, tuple) else result)


def _inputs(model: nn.Module, layers: nn.ModuleList, calibration: Tensor) -> list[_Call]:
    """The calibration's batches as they reach the first block, with each block's own masks and positions."""
    calls: list[_Call] = []
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    first: list[Tensor] = []

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        kwargs = dict(kwargs)
        hidden = args[0] if args else kwargs.pop("hidden_states")
        if not seen:
            first.append(hidden)
        seen.append((args[1:], kwargs))

    device = next(model.parameters()).device
    hooks = [block.register_forward_pre_hook(note, with_kwargs=True) for block in layers]
    try:
        for batch in torch.split(calibration, max(1, TOKENS // calibration.shape[1])):
            seen, first = [], []
            model(input_ids=batch.to(device), use_cache=False)
            calls.append(_Call(first[0], seen))
    finally:
        for hook in hooks:
            hook.remove()
    return calls


@contextmanager
def _hessians(chosen: Mapping[str, Layer]) -> Iterator[dict[str, Tensor]]:
    """Layer's name -> X'X (in, in) in float32 over all tokens that pass through the layer meanwhile."""
    sums: dict[str, Tensor] = {}

    def add(name: str, layer: Layer) -> Any:
        width = layer.weight.shape[1]
        sums[name] = torch.zeros(width, width, dtype=torch.float32, device=layer.weight.device)

        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            tokens = args[0].detach().reshape(-1, width).float()
            sums[name].addmm_(tokens.T, tokens)

        return layer.register_forward_pre_hook(hook)

    hooks = [add(name, layer) for name, layer in chosen.items()]
    try:
        yield sums
    finally:
        for hook in hooks:
            hook.remove()
