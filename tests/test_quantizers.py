"""The formats of other packages: each runs here, leaves the model alone, counts its bits, and is what it says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import tiny_model  # noqa: E402

from lawdsl.errors import InputError  # noqa: E402
from measure.formats import METHODS, applied, missing, parse_format, quantize  # noqa: E402
from measure.layers import targets  # noqa: E402
from measure.rounding import NF4, codebook, integers  # noqa: E402

#: transformers may have torch compile something at import, and bitsandbytes and torchao script their functions
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.script\w*` is deprecated:DeprecationWarning:torch\.jit")

#: format -> bits a weight for matrices (out, 64) and (out, 128) of a float32 model
LAYOUTS = {
    "bnb-nf4-g64": 4 + 32 / 64,
    "bnb-fp4-g32": 4 + 32 / 32,
    "hqq-4b-g64": 4 + 32 / 64,
    "hqq-2b-g32": 2 + 32 / 32,
    "hqq-8b-g64": 8 + 32 / 64,
    "llmc-rtn-4b-g32-asym": 4 + (32 + 4) / 32,
    "llmc-rtn-3b-g64-sym": 3 + 32 / 64,
    "mxfp4": 4 + 8 / 32,
}
EVERY = (
    *LAYOUTS, "bnb-nf4-g32-double", "bnb-int8", "hqq-3b-g64", "hqq-1b-channel", "llmc-gptq-3b-g32-asym",
    "llmc-awq-3b-g32-asym", "fp8", "nvfp4",
)  # fmt: skip


@pytest.fixture(scope="module", params=["neox", "llama"])
def model(request: pytest.FixtureRequest) -> Any:
    return tiny_model(request.param, width=64)[0]


def calibration() -> torch.Tensor:
    return torch.randint(0, 300, (16, 32), generator=torch.Generator().manual_seed(0))


def installed(name: str) -> str:
    """The name, where its package is here; else the test is skipped with the reason."""
    fault = missing(parse_format(name), "cpu")
    if fault is not None:
        pytest.skip(f"{fault.message}: {fault.cure}")
    return name


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: layer.weight.detach() for name, layer in targets(model).items()}


@pytest.mark.parametrize("name", EVERY)
def test_a_format_of_a_package_runs_and_leaves_the_model_alone(
    model: Any, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    installed(name)
    before = {key: (value, value.clone()) for key, value in model.named_parameters()}
    ids = calibration()
    with torch.no_grad():
        plain = model(input_ids=ids).logits
        quantized = quantize(model, parse_format(name), ids)
        with applied(model, quantized):
            worn = model(input_ids=ids).logits
        assert torch.equal(model(input_ids=ids).logits, plain)
    assert torch.isfinite(worn).all() and not torch.equal(worn, plain)
    for key, value in model.named_parameters():
        assert value is before[key][0] and torch.equal(value, before[key][1])
        if key in quantized.weights:
            new = quantized.weights[key]
            assert (new.shape, new.dtype, new.device) == (value.shape, value.dtype, value.device)
    assert quantized.weights_quantized == sum(weight.numel() for weight in weights_of(model).values())
    assert {f"{key}.weight" for key in weights_of(model)} <= set(quantized.weights)
    assert quantized.bits_per_weight == pytest.approx(LAYOUTS.get(name, quantized.bits_per_weight))
    bits = METHODS[parse_format(name).method].bits
    assert bits[0] < quantized.bits_per_weight < 10
    assert "Calibrating" not in "".join(capfd.readouterr())  # no progress bars of others


@pytest.mark.parametrize("method", ["hqq-{}b-g64", "llmc-rtn-{}b-g32-asym"])
def test_more_bits_bring_weights_nearer(model: Any, method: str) -> None:
    installed(method.format(4))
    errors = []
    for bits in (2, 3, 4, 8):
        new = quantize(model, parse_format(method.format(bits))).weights
        errors.append(sum(float((new[f"{k}.weight"] - w).square().sum()) for k, w in weights_of(model).items()))
    assert all(later < earlier / 2 for earlier, later in pairwise(errors))


@pytest.mark.parametrize("scheme", ["2b-g32-asym", "3b-g32-sym", "4b-channel-asym", "8b-channel-sym"])
def test_llmcompressors_rounding_is_ours_bit_by_bit(model: Any, scheme: str) -> None:
    wanted = parse_format(installed(f"llmc-rtn-{scheme}"))
    new = quantize(model, wanted).weights
    for name, weight in weights_of(model).items():
        ours = integers(weight, int(wanted.bits), wanted.group, bool(wanted.symmetric), torch.float32)
        assert torch.equal(new[f"{name}.weight"], ours.dequantize())


def test_bitsandbytes_nf4_is_ours_bit_by_bit_and_its_double_quantization_costs_an_eighth_of_a_bit(model: Any) -> None:
    new = quantize(model, parse_format(installed("bnb-nf4-g64")))
    for name, weight in weights_of(model).items():
        assert torch.equal(new.weights[f"{name}.weight"], codebook(weight, NF4, 64, torch.float32).dequantize())
    double = quantize(model, parse_format("bnb-nf4-g64-double"))
    assert 4 + 8 / 64 < double.bits_per_weight < 4 + 8 / 64 + 0.1  # small matrices: 32-bit scales of scales show


def test_a_block_longer_than_a_row_is_refused(model: Any) -> None:
    """On a CPU bitsandbytes then gives other values than its own definition."""
    with pytest.raises(InputError, match="MEA215"):
        quantize(model, parse_format(installed("bnb-nf4-g256")))


def test_a_group_that_does_not_divide_the_rows_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match="MEA215"):
        quantize(model, parse_format(installed("llmc-rtn-4b-g128-asym")))


def test_awq_moves_scales_into_the_norms_and_predicts_the_same(model: Any) -> None:
    name, ids = installed("llmc-awq-8b-g32-asym"), calibration()
    quantized = quantize(model, parse_format(name), ids)
    norms = set(quantized.weights) - {f"{key}.weight" for key in weights_of(model)}
    assert norms and all("norm" in key for key in norms)
    with torch.no_grad():
        plain = model(input_ids=ids).logits
        with applied(model, quantized):
            worn = model(input_ids=ids).logits
    assert float((worn - plain).square().mean()) < 1e-3 * float(plain.square().mean())


def test_microscaling_values_lie_on_their_grid(model: Any) -> None:
    new = quantize(model, parse_format(installed("mxfp4"))).weights
    grid = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    for name in weights_of(model):
        values = new[f"{name}.weight"].reshape(-1, 32).abs()
        exponents = torch.log2(values.amax(1, keepdim=True) / torch.tensor([[3.0, 4.0, 6.0, 2.0]]))
        scales = 2.0 ** exponents.round()
        on_grid = torch.isclose(values.unsqueeze(1) / scales.unsqueeze(2), grid[:, None, None, None]).any(0).all(2)
        assert on_grid.any(1).all()  # of the powers of two that the largest value allows, one fits all 32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("name", EVERY)
def test_an_accelerator_runs_it_too(model: Any, name: str) -> None:
    installed(name)
    here = quantize(model, parse_format(name), calibration())
    try:
        there = quantize(model.cuda(), parse_format(name), calibration())
    finally:
        model.cpu()
    assert there.bits_per_weight == here.bits_per_weight
    for key, weight in weights_of(model).items():
        new, old = there.weights[f"{key}.weight"], here.weights[f"{key}.weight"]
        assert new.is_cuda
        new = new.cpu()
        # at one bit hqq's codes say hardly anything of the weights, and differ by device: as near is enough
        assert (new - old).norm() < 0.3 * old.norm() or (new - weight).norm() < 1.1 * (old - weight).norm()
