"""llmcompressor's formats (extra `gptq`): round to nearest, GPTQ, AWQ, FP8, MXFP4 and NVFP4, weights only.

The library quantizes a copy of the model in place and keeps scales beside the weights; the rounded values are then read
from it, with everything else that it changed. Four things it does not do by itself are done here: a model without a
folder gets one (it reads the configuration from disk), its log is kept silent, AWQ learns where a GPT-NeoX has its
norms, and on a machine without an accelerator its cache does not try to pin memory.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from torch import Tensor, nn

from lawdsl.errors import Fault, InputError, Span
from measure.layers import Layer

from .quantized import Quantized, gathered
from .table import Format


def rtn(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """Integers, each rounded to nearest."""
    return _run(model, chosen, _integers(format), format, None)


def gptq(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """GPTQ with static groups and columns by activation, the library's default."""
    return _run(model, chosen, _integers(format), format, calibration)


def awq(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """AWQ's scales, then round to nearest. The norms change too."""
    return _run(model, chosen, _integers(format), format, calibration)


def fp8(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """E4M3 with a scale a row."""
    return _run(model, chosen, {"num_bits": 8, "type": "float", "strategy": "channel"}, format, None)


def mxfp4(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """E2M1 with a power of two for each 32."""
    return _run(model, chosen, _preset("MXFP4A16"), format, None)


def nvfp4(model: nn.Module, chosen: Mapping[str, Layer], format: Format, calibration: Tensor | None) -> Quantized:
    """E2M1 with an E4M3 scale for each 16, and a float32 scale a matrix."""
    return _run(model, chosen, _preset("NVFP4A16"), format, None)


def _integers(format: Format) -> dict[str, Any]:
    scheme = {"num_bits": int(format.bits), "type": "int", "symmetric": bool(format.symmetric)}
    if format.group is None:
        return scheme | {"strategy": "channel"}
    return scheme | {"strategy": "group", "group_size": format.group}


def _preset(name: str) -> dict[str, Any]:
    from compressed_tensors.quantization import preset_name_to_scheme

    weights: dict[str, Any] = preset_name_to_scheme(name, ["Linear"]).weights.model_dump()
    return weights


def _run(
    model: nn.Module,
    chosen: Mapping[str, Layer],
    scheme: dict[str, Any],
    format: Format,
    calibration: Tensor | None,
) -> Quantized:
    """One run of the library on a copy, and what it made of the weights.

    Raises: InputError (MEA215) where a group does not divide the rows of a chosen weight.
    """
    if format.group is not None:
        for name, layer in chosen.items():
            if layer.weight.shape[1] % format.group:
                message = f"groups of {format.group} do not divide the {layer.weight.shape[1]} inputs of {name}"
                cure = "Choose a group that divides them, or channel; rtn and gptq take any."
                raise InputError(Fault("MEA215", Span(), message, cure))
    working = copy.deepcopy(model)
    with _silence(), _without_pinning(), TemporaryDirectory() as folder:
        from compressed_tensors.quantization import QuantizationArgs

        arguments = QuantizationArgs(**scheme)
        _oneshot(working, _modifiers(model, chosen, arguments, format), calibration, Path(folder))
    return _read(model, working, chosen, arguments)


def _modifiers(
    model: nn.Module, chosen: Mapping[str, Layer], arguments: Any, format: Format
) -> list[Any]:  # fmt: skip
    from compressed_tensors.quantization import QuantizationScheme
    from llmcompressor.modifiers.gptq import GPTQModifier
    from llmcompressor.modifiers.quantization import QuantizationModifier

    groups = {"weights": QuantizationScheme(targets=list(chosen), weights=arguments)}
    if format.method == "llmc-gptq":
        return [GPTQModifier(config_groups=groups, dampening_frac=float(dict(format.settings)["damping"]))]
    rounding = QuantizationModifier(config_groups=groups)
    if format.method != "llmc-awq":
        return [rounding]
    from llmcompressor.modifiers.transform.awq import AWQMapping, AWQModifier

    own = {}
    if type(model).__name__.startswith("GPTNeoX"):  # absent from the library's table of architectures
        own["mappings"] = [
            AWQMapping("re:.*input_layernorm$", ["re:.*query_key_value$"]),
            AWQMapping("re:.*post_attention_layernorm$", ["re:.*dense_h_to_4h$"]),
        ]
    return [AWQModifier(**own), rounding]


def _oneshot(model: Any, modifiers: list[Any], calibration: Tensor | None, folder: Path) -> None:
    from llmcompressor import oneshot
    from torch.utils.data import DataLoader

    model.config.save_pretrained(folder)  # the library looks there for an earlier quantization
    model.config._name_or_path = str(folder)
    arguments: dict[str, Any] = {"model": model, "recipe": modifiers}
    if calibration is not None:
        rows = [{"input_ids": row, "attention_mask": torch.ones_like(row)} for row in calibration.cpu()]
        loader: Any = DataLoader(cast(Any, rows), batch_size=8, shuffle=False)
        # a processor of any kind keeps it from looking for a tokenizer: the text is tokens already
        arguments |= {"dataset": loader, "processor": object(), "num_calibration_samples": len(rows)}
        arguments |= {"max_seq_length": calibration.shape[1], "shuffle_calibration_samples": False}
    oneshot(**arguments)


def _read(model: nn.Module, working: nn.Module, chosen: Mapping[str, Layer], arguments: Any) -> Quantized:
    """The rounded values of the chosen layers, and every other weight that is not as it was."""
    from compressed_tensors.quantization.lifecycle.forward import fake_quantize

    parts = dict(working.named_modules())
    weights: dict[str, Tensor] = {}
    bits, count = 0.0, 0
    with torch.no_grad():
        for name, layer in chosen.items():
            part: Any = parts[name]
            scale, zero = part.weight_scale, getattr(part, "weight_zero_point", None)
            wide = getattr(part, "weight_global_scale", None)
            values = fake_quantize(part.weight, scale, zero, arguments, global_scale=wide)
            weights[f"{name}.weight"] = values.detach().to(layer.weight.device, layer.weight.dtype)
            bits += _stored(part, arguments)
            count += layer.weight.numel()
        after = dict(working.named_parameters())
        for name, parameter in model.named_parameters():
            if name not in weights and not torch.equal(parameter, after[name].to(parameter.device)):
                weights[name] = after[name].detach().to(parameter.device, parameter.dtype)
    return gathered(weights, bits, count)


def _stored(part: Any, arguments: Any) -> float:
    """Bits of a layer's codes, scales and zeros."""
    bits: float = arguments.num_bits * part.weight.numel()
    scales = part.weight_scale
    bits += scales.numel() * (8 * (arguments.scale_dtype or scales.dtype).itemsize)
    if not arguments.symmetric:
        bits += scales.numel() * arguments.num_bits
    wide = getattr(part, "weight_global_scale", None)
    if wide is not None:
        bits += 8 * wide.numel() * wide.element_size()
    return bits


@contextmanager
def _silence() -> Iterator[None]:
    """Without the library's progress bars, and without its log, unless the environment asks for it."""
    os.environ.setdefault("LLM_COMPRESSOR_LOG_DISABLED", "true")  # read at import, which logs to standard output too
    from loguru import logger
    from tqdm import tqdm

    try:
        logger.level("METRIC")
    except ValueError:  # a level of the library's own, which it registers only with its log on and uses in any case
        logger.level("METRIC", no=38)
    shown = tqdm.__init__

    def hidden(self: Any, *args: Any, **kwargs: Any) -> None:
        shown(self, *args, **kwargs | {"disable": True})

    tqdm.__init__ = hidden
    try:
        yield
    finally:
        tqdm.__init__ = shown


@contextmanager
def _without_pinning() -> Iterator[None]:
    """Keep the cache of activations from pinning memory where there is no accelerator to pin it for."""
    from llmcompressor.pipelines.cache import IntermediatesCache

    original = vars(IntermediatesCache).get("_pin_intermediate")
    if original is None or torch.accelerator.is_available():
        yield
        return
    IntermediatesCache._pin_intermediate = classmethod(lambda cls, intermediate: None)
    try:
        yield
    finally:
        IntermediatesCache._pin_intermediate = original
