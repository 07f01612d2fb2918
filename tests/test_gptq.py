"""GPTQ makes rounding errors good where the calibration text would notice them, and is llmcompressor's bit by bit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
transformers = pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import text_documents, tiny_model  # noqa: E402

from lawdsl.errors import OutsideError  # noqa: E402
from measure.formats import applied, parse_format, quantize  # noqa: E402
from measure.layers import blocks, swapped, targets  # noqa: E402
from measure.methods.gptq import improved  # noqa: E402
from measure.rounding import integers  # noqa: E402

#: transformers may have torch compile something at import, and bitsandbytes and torchao script their functions
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.script\w*` is deprecated:DeprecationWarning:torch\.jit")

KINDS = ("neox", "llama")


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest) -> tuple[Any, torch.Tensor]:
    """A model of some training, and calibration windows of the language it was trained on."""
    torch.set_num_threads(1)
    model, tokenizer = tiny_model(request.param, width=64, steps=150)
    stream = [token for text in text_documents(200, seed=7) for token in tokenizer(text)["input_ids"]]
    return model, torch.tensor(stream[: 64 * 48]).reshape(64, 48)


def inputs(seed: int = 0, columns: int = 96) -> torch.Tensor:
    """Activations (tokens, columns) of unequal size that depend on one another."""
    draw = torch.Generator().manual_seed(seed)
    mixed = torch.randn(512, columns, generator=draw) @ torch.randn(columns, columns, generator=draw)
    return mixed * torch.linspace(0.1, 2, columns)


def output_error(weight: torch.Tensor, rounded: torch.Tensor, activations: torch.Tensor) -> float:
    return float((activations @ (weight - rounded).T).square().sum())


# --- one matrix ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["g32", "g40", "channel"])  # 40 leaves a last group of 16
@pytest.mark.parametrize("choice", ["sym", "asym"])
@pytest.mark.parametrize("order", ["", "-columns"])
def test_outputs_err_less_than_by_rounding_to_nearest(group: str, choice: str, order: str) -> None:
    weight, activations = torch.randn(24, 96, generator=torch.Generator().manual_seed(1)), inputs()
    for bits in (2, 3, 4):
        wanted = parse_format(f"gptq-{bits}b-{group}-{choice}{order}")
        rounded = improved(weight, activations.T @ activations, wanted)
        nearest = integers(weight, bits, wanted.group, wanted.symmetric is True)
        theirs = output_error(weight, nearest.dequantize(), activations)
        share = output_error(weight, rounded.dequantize(), activations) / theirs
        assert share < (1 if order else 0.7)  # these columns grow: in their own order the largest have none behind them
        assert torch.equal(rounded.scales, nearest.scales) and rounded.bits_per_weight == nearest.bits_per_weight
        assert rounded.codes.max() < 2**bits


def test_with_independent_inputs_there_is_nothing_to_make_good() -> None:
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(2))
    rounded = improved(weight, torch.eye(64) * 5, parse_format("gptq-3b-g32-asym"))
    assert torch.equal(rounded.dequantize(), integers(weight, 3, 32).dequantize())


def test_inputs_that_were_never_seen_are_rounded_to_nearest() -> None:
    weight, activations = torch.randn(8, 96, generator=torch.Generator().manual_seed(3)), inputs(4)
    activations[:, 10:20] = 0
    rounded = improved(weight, activations.T @ activations, parse_format("gptq-3b-g32-asym"))
    assert torch.equal(rounded.dequantize()[:, 10:20], integers(weight, 3, 32).dequantize()[:, 10:20])
    nothing = improved(weight, torch.zeros(96, 96), parse_format("gptq-3b-g32-asym"))
    assert torch.equal(nothing.dequantize(), integers(weight, 3, 32).dequantize())


def test_it_is_the_papers_recursion() -> None:
    """Columns in order, each error spread by the inverse Hessian of the columns that remain (equations 2 and 3)."""
    weight, activations = torch.randn(6, 40, generator=torch.Generator().manual_seed(5)), inputs(6, 40)
    wanted = parse_format("gptq-3b-channel-asym-columns")
    hessian = activations.T @ activations
    rounded = improved(weight, hessian, wanted)
    nearest = integers(weight, 3, None)
    scale, zero = nearest.scales[:, 0, 0].double(), nearest.zeros[:, 0, 0].double()  # type: ignore[index]
    left = weight.double()
    damped = hessian.double() + 0.01 * hessian.diagonal().double().mean() * torch.eye(40, dtype=torch.float64)
    result = torch.empty_like(left)
    for column in range(40):
        inverse = torch.linalg.inv(damped[column:, column:])
        code = ((left[:, column] / scale).round() + zero).clamp(0, 7)
        result[:, column] = (code - zero) * scale
        error = (left[:, column] - result[:, column]) / inverse[0, 0]
        left[:, column:] -= torch.outer(error, inverse[0])
    assert torch.allclose(rounded.dequantize().double(), result, atol=1e-5)


def test_activations_that_overflow_are_an_error_with_its_cure() -> None:
    for bad in (float("inf"), float("nan")):
        with pytest.raises(OutsideError, match="MEA216"):
            improved(torch.randn(4, 8), torch.eye(8) * bad, parse_format("gptq-3b-g32-asym"))


# --- a model ---------------------------------------------------------------------------------------------------------


def test_a_models_predictions_move_less_than_by_rounding_to_nearest(trained: tuple[Any, torch.Tensor]) -> None:
    """By the divergence from the unrounded model: the loss of so small a model rises by less than its scatter."""
    model, calibration = trained
    half, other = calibration[::2], calibration[1::2]

    def predictions(name: str) -> torch.Tensor:
        with torch.no_grad(), applied(model, quantize(model, parse_format(name), half)):
            return model(input_ids=other).logits.log_softmax(-1)

    plain = predictions("none")

    def moved(name: str) -> float:
        return float((plain.exp() * (plain - predictions(name))).sum(-1).mean())

    for bits in (2, 3):
        assert 0 < moved(f"gptq-{bits}b-g32-asym") < 0.9 * moved(f"rtn-{bits}b-g32-asym")
    by_bits = [moved(f"gptq-{bits}b-g32-asym") for bits in (2, 3, 4, 8)]
    assert all(later < earlier for earlier, later in pairwise(by_bits)) and by_bits[-1] < 1e-3


def test_the_model_is_left_as_it_was_and_the_result_is_repeatable(trained: tuple[Any, torch.Tensor]) -> None:
    model, calibration = trained
    before = {key: (value, value.clone()) for key, value in model.named_parameters()}
    model.train()
    first = quantize(model, parse_format("gptq-3b-g32-asym"), calibration)
    assert model.training and not any(module._forward_pre_hooks for module in model.modules())
    model.eval()
    second = quantize(model, parse_format("gptq-3b-g32-asym"), calibration)
    assert all(torch.equal(first.weights[key], second.weights[key]) for key in second.weights)
    for key, value in model.named_parameters():
        assert value is before[key][0] and torch.equal(value, before[key][1])


def test_each_block_sees_what_the_rounded_blocks_before_it_make(trained: tuple[Any, torch.Tensor]) -> None:
    model, calibration = trained
    weights = quantize(model, parse_format("gptq-2b-g32-asym"), calibration).weights
    prefix, layers = blocks(model)
    last = f"{prefix}.{len(layers) - 1}."
    name = next(name for name in targets(model) if name.startswith(last))  # the first Linear layer of the last block
    earlier = {key: values for key, values in weights.items() if not key.startswith(last)}
    seen: list[torch.Tensor] = []
    layer = model.get_submodule(name)
    hook = layer.register_forward_pre_hook(lambda _, args: seen.append(args[0].flatten(0, 1)))
    with torch.no_grad(), swapped(model, earlier):
        model(input_ids=calibration, use_cache=False)
    hook.remove()
    again = improved(layer.weight.detach(), seen[0].T @ seen[0], parse_format("gptq-2b-g32-asym"))
    assert torch.equal(again.dequantize(), weights[f"{name}.weight"])


def test_embeddings_and_head_join_if_asked() -> None:
    calibration = torch.randint(0, 300, (8, 32), generator=torch.Generator().manual_seed(0))
    for kind, tied in (("neox", False), ("llama", True)):
        model = tiny_model(kind, tied=tied)[0]
        quantized = quantize(model, parse_format("gptq-4b-g32-asym-embeddings"), calibration)
        assert {key.removesuffix(".weight") for key in quantized.weights} == set(targets(model, embeddings=True))
        embedding = next(
            name for name in targets(model, True) if isinstance(model.get_submodule(name), torch.nn.Embedding)
        )
        nearest = integers(model.get_input_embeddings().weight.detach(), 4, 32).dequantize()
        assert torch.equal(quantized.weights[f"{embedding}.weight"], nearest)


# --- equal to llmcompressor's ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["3b-g32-asym", "4b-channel-sym"])
def test_it_is_llmcompressors_with_scales_of_the_same_dtype(
    trained: tuple[Any, torch.Tensor], scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llmcompressor", reason="compares with llmcompressor (extra gptq)")
    model, calibration = trained
    theirs = quantize(model, parse_format(f"llmc-gptq-{scheme}"), calibration).weights
    monkeypatch.setattr(
        "measure.methods.gptq.grid",
        lambda weight, f: integers(weight, int(f.bits), f.group, bool(f.symmetric), torch.float32),
    )
    ours = quantize(model, parse_format(f"gptq-{scheme}"), calibration).weights
    # A Hessian summed in another order moves a weight that lies between two codes: hardly any does. Where there is an
    # accelerator llmcompressor computes there, and further apart.
    most = 0.1 if torch.cuda.is_available() else 0.02
    for key, values in theirs.items():
        assert float((ours[key] - values).abs().gt(1e-6).float().mean()) < most


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_an_accelerator_rounds_nearly_all_weights_as_a_cpu_does(trained: tuple[Any, torch.Tensor]) -> None:
    model, calibration = trained
    here = quantize(model, parse_format("gptq-3b-g32-asym"), calibration).weights
    try:
        there = quantize(model.cuda(), parse_format("gptq-3b-g32-asym"), calibration).weights
    finally:
        model.cpu()
    assert all(values.is_cuda for values in there.values())
    assert all(float((there[k].cpu() - v).abs().gt(1e-6).float().mean()) < 0.05 for k, v in here.items())
