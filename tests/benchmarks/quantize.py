"""Seconds to round a model: our call against the package that it wraps, called alone; our rounding against torchao's.

One model for all: Llama, width 256, 2 layers, random weights, 2.1M numbers rounded. Both sides of a pair run in one
process, on one thread, in turn, after a first run of each that is not counted; seconds are the least of three. The
package alone is what its documentation has a user write, on a model of its own to change: making that copy counts for
us, who leave the model alone, and not for the package. `apart` is the mean squared difference of the results over the
mean square of the weights.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import time
from collections.abc import Callable
from typing import Any

from process import show

ROUNDS = 3
WIDTH, LAYERS, SAMPLES, LENGTH = 256, 2, 16, 128

Weights = dict[str, Any]


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    if importlib.util.find_spec("torch") is None:
        print("torch is missing")
        return
    model, calibration = _model()
    table = []
    for name, package, alone in (
        ("rtn-4b-g32-asym", "torchao", _torchao), ("gptq-4b-g32-asym", "llmcompressor", _gptq),
        ("llmc-gptq-4b-g32-asym", "llmcompressor", _gptq), ("llmc-rtn-4b-g32-asym", "llmcompressor", _rtn),
        ("bnb-nf4-g64", "bitsandbytes", _bitsandbytes), ("nf4-g64", "bitsandbytes", _bitsandbytes),
        ("hqq-4b-g64", "hqq", _hqq),
    ):  # fmt: skip
        if importlib.util.find_spec(package) is None:
            table.append([name, package, "", "missing", "", ""])
            continue
        ours, theirs, apart = _pair(model, calibration, name, alone)
        table.append([name, package, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.2f}", f"{apart:.0e}"])
    show(["format", "package", "our s", "its s", "ours / its", "apart"], table)


def _model() -> tuple[Any, Any]:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=1024, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=8,
        intermediate_size=4 * WIDTH, max_position_embeddings=LENGTH,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval(), torch.randint(0, 1024, (SAMPLES, LENGTH))


def _pair(
    model: Any, calibration: Any, name: str, alone: Callable[[Any, Any], Weights]
) -> tuple[float, float, float]:  # fmt: skip
    from measure.formats import parse_format, quantize
    from measure.layers import targets

    format = parse_format(name)
    layers = targets(model)
    least = [float("inf"), float("inf")]
    results: list[Weights] = [{}, {}]
    calls: tuple[Callable[[Any], Weights], ...] = (
        lambda given: quantize(given, format, calibration).weights,
        lambda given: alone(given, calibration),
    )
    for turn in range(ROUNDS + 1):
        for side in (0, 1) if turn % 2 else (1, 0):
            given = copy.deepcopy(model) if side else model
            began = time.perf_counter()
            results[side] = calls[side](given)
            if turn:
                least[side] = min(least[side], time.perf_counter() - began)
    apart = sum(float((results[0][f"{k}.weight"] - results[1][f"{k}.weight"]).square().sum()) for k in layers)
    size = sum(float(layer.weight.detach().square().sum()) for layer in layers.values())
    return least[0], least[1], apart / size


def _plain(model: Any) -> Weights:
    from measure.layers import targets

    return {f"{name}.weight": layer.weight.detach() for name, layer in targets(model).items()}


def _torchao(model: Any, calibration: Any) -> Weights:
    import torch
    from torchao.quantization import IntxWeightOnlyConfig, quantize_
    from torchao.quantization.granularity import PerGroup
    from torchao.quantization.quant_primitives import MappingType

    config = IntxWeightOnlyConfig(
        weight_dtype=torch.int4, granularity=PerGroup(32), mapping_type=MappingType.ASYMMETRIC
    )
    layers = {id(part) for part in _linear(model)}
    quantize_(model, config, filter_fn=lambda part, name: id(part) in layers)
    return {name: weight.dequantize() for name, weight in _plain(model).items()}


def _linear(model: Any) -> list[Any]:
    from measure.layers import targets

    return list(targets(model).values())


def _oneshot(model: Any, modifier: Any, calibration: Any) -> Weights:
    """As its examples do, but for a folder to read the configuration from, which a model from the hub has."""
    from tempfile import TemporaryDirectory

    import torch
    from compressed_tensors.quantization.lifecycle.forward import fake_quantize
    from llmcompressor import oneshot
    from loguru import logger
    from torch.utils.data import DataLoader

    logger.disable("llmcompressor")

    with TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        model.config._name_or_path = folder
        rows: Any = [{"input_ids": row, "attention_mask": torch.ones_like(row)} for row in calibration]
        extra = {} if modifier.__class__.__name__ == "QuantizationModifier" else {
            "dataset": DataLoader(rows, batch_size=8), "processor": object(), "num_calibration_samples": len(rows),
        }  # fmt: skip
        oneshot(model=model, recipe=[modifier], **extra)
    weights = {}
    for name, part in model.named_modules():
        if hasattr(part, "weight_scale"):
            zero, arguments = part.weight_zero_point, part.quantization_scheme.weights
            weights[f"{name}.weight"] = fake_quantize(part.weight, part.weight_scale, zero, arguments)
    return weights


def _scheme() -> dict[str, Any]:
    weights = {"num_bits": 4, "type": "int", "symmetric": False, "strategy": "group", "group_size": 32}
    return {"config_groups": {"all": {"targets": ["Linear"], "weights": weights}}, "ignore": ["lm_head"]}


def _gptq(model: Any, calibration: Any) -> Weights:
    from llmcompressor.modifiers.gptq import GPTQModifier

    return _oneshot(model, GPTQModifier(**_scheme()), calibration)


def _rtn(model: Any, calibration: Any) -> Weights:
    from llmcompressor.modifiers.quantization import QuantizationModifier

    return _oneshot(model, QuantizationModifier(**_scheme()), calibration)


def _bitsandbytes(model: Any, calibration: Any) -> Weights:
    from bitsandbytes import functional

    done = {}
    for name, weight in _plain(model).items():
        codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
        done[name] = functional.dequantize_4bit(codes, state)
    return done


def _hqq(model: Any, calibration: Any) -> Weights:
    from hqq.core.quantize import Quantizer

    done = {}
    for name, weight in _plain(model).items():
        codes, meta = Quantizer.quantize(weight, nbits=4, group_size=64, axis=1, device="cpu")
        done[name] = Quantizer.dequantize(codes, meta | {"compute_dtype": weight.dtype})
    return done
