"""Formats: a plan's words become formats with names, and a format becomes weights that a model wears for a while."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
transformers = pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import tiny_model  # noqa: E402

from lawdsl.codes import CODES  # noqa: E402
from lawdsl.errors import InputError, OutsideError  # noqa: E402
from lawdsl.source import compose  # noqa: E402
from measure.formats import METHODS, Format, applied, missing, parse_format, quantize, read_formats  # noqa: E402
from measure.layers import blocks, output_layer, targets  # noqa: E402

#: transformers may have torch compile something at import, and bitsandbytes and torchao script their functions
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.script\w*` is deprecated:DeprecationWarning:torch\.jit")

#: formats that need no package and no calibration
PLAIN = (
    "rtn-3b-g32-asym", "rtn-4b-channel-sym", "rtn-2b-g24-asym", "nf4-g64", "minifloat-g32-e2-m1", "sign-channel",
    "ternary-g32", "rtn-4b-g32-asym-embeddings", "sign-g64-embeddings",
)  # fmt: skip


@pytest.fixture(params=["neox", "llama"])
def model(request: pytest.FixtureRequest) -> Any:
    return tiny_model(request.param, tied=request.param == "llama")[0]


def read(text: str) -> tuple[Format, ...]:
    found = compose(f"formats:\n{text}", "plan.yaml").get("formats")
    assert found is not None
    return read_formats(found)


def faults(text: str) -> list[tuple[str, int, int]]:
    """(code, line, column) of every fault; lines count from `formats:`."""
    with pytest.raises(InputError) as caught:
        read(text)
    assert all(fault.code in CODES and fault.message and fault.cure for fault in caught.value.faults)
    return [(fault.code, fault.where.line, fault.where.column) for fault in caught.value.faults]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_lists_multiply_out_and_a_name_stands_for_itself() -> None:
    found = read("""
  - {method: rtn, bits: [2, 3, 4], group: [32, channel], symmetric: [true, false]}
  - {method: [rtn, gptq], bits: 3, group: 32}
  - nf4-g64
  - {method: minifloat, exponent: 2, mantissa: [0, 1]}
  - none
""")
    assert len(found) == 12 + 1 + 1 + 2 + 1  # rtn-3b-g32-asym is asked for twice
    assert found[0] == Format("rtn", 2, 32, True)
    assert [format.name for format in found[12:]] == [
        "gptq-3b-g32-asym", "nf4-g64", "minifloat-g32-e2-m0", "minifloat-g32-e2-m1", "none",
    ]  # fmt: skip
    assert [format.bits for format in found[12:]] == [3, 4, 3, 4, 16]


def test_what_is_not_said_has_its_default() -> None:
    (rtn, gptq, nf4) = read("  - {method: rtn, bits: 4}\n  - {method: gptq, bits: 4}\n  - {method: nf4}")
    assert rtn == Format("rtn", 4, 128, False)
    assert gptq == Format("gptq", 4, 128, False, (("damping", 0.01), ("order", "activation")))
    assert nf4 == Format("nf4", 4, 64, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  - {method: rtm, bits: 4}", [("MEA201", 2, 14)]),
        ("  - {method: rtn, bits: 4, gruop: 32}", [("MEA202", 2, 28)]),
        ("  - {method: nf4, bits: 3}", [("MEA203", 2, 25)]),
        ("  - {method: rtn, bits: [4, 9], group: wide}", [("MEA203", 2, 29), ("MEA204", 2, 40)]),
        ("  - {method: rtn, bits: 4, group: 1}", [("MEA204", 2, 35)]),
        ("  - {method: bnb-nf4, group: 48}", [("MEA204", 2, 30)]),
        ("  - {method: rtn, bits: 4, symmetric: no}", [("MEA205", 2, 39)]),
        ("  - {method: gptq, bits: 4, damping: 2}", [("MEA205", 2, 38)]),
        ("  - {method: minifloat, exponent: 5, mantissa: 5}", [("MEA205", 2, 5)]),
        ("  - {method: fp8, embeddings: true}", [("MEA202", 2, 19)]),
        ("  - [rtn, gptq]", [("MEA206", 2, 5)]),
        ("  - {method: rtn, bits: {from: 2}}", [("MEA206", 2, 25)]),
        ("  rtn: 4", [("MEA206", 2, 3)]),
        ("  - {bits: 4}", [("MEA207", 2, 5)]),
        ("  - {method: rtn}", [("MEA207", 2, 5)]),
        ("  - {method: minifloat, exponent: 2}", [("MEA207", 2, 5)]),
        ("  - rtn-4b-g32-wide", [("MEA208", 2, 5)]),
        ("  - rtn-4b-asym-g32", [("MEA208", 2, 5)]),
        ("  - nf5-g64", [("MEA201", 2, 5)]),
        ("  - {method: rtn, bits: 1}\n  - {method: x}\n  - rtn-9b-g32-asym", [
            ("MEA203", 2, 25), ("MEA201", 3, 14), ("MEA203", 4, 5),
        ]),
    ],
)  # fmt: skip
def test_every_fault_is_found_at_its_place(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert faults(text) == expected


def test_a_misspelling_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="Did you mean 'gptq'"):
        read("  - {method: gtpq, bits: 4}")
    with pytest.raises(InputError, match="Did you mean 'group'"):
        read("  - {method: rtn, bits: 4, gruop: 32}")


# --- names -----------------------------------------------------------------------------------------------------------


def every_format() -> list[Format]:
    """Every format that the table's own lists spell out."""
    found = []
    for name, method in METHODS.items():
        keys = {"bits": method.bits, "group": method.groups, "symmetric": method.symmetric}
        parts = [f"method: {name}"]
        for key, values in keys.items():
            if values and not (key == "bits" and (method.bits_from or len(values) == 1)):
                shown = ["channel" if v is None else f"{v:g}" if key == "bits" else str(v).lower() for v in values]
                parts.append(f"{key}: [{', '.join(shown)}]")
        if name == "minifloat":
            parts.append("exponent: [2, 3], mantissa: [1, 2]")
        else:
            for key, setting in method.settings.items():
                shown = [str(v).lower() for v in setting.allowed] or ["0.01", "0.1"]
                parts.append(f"{key}: [{', '.join(shown)}]")
        if method.embeddings and method.bits != (16,):
            parts.append("embeddings: [false, true]")
        found += read(f"  - {{{', '.join(parts)}}}")
    return found


def test_a_name_is_unique_fit_for_a_file_and_reads_back() -> None:
    formats = every_format()
    assert {format.method for format in formats} == set(METHODS)
    names = [format.name for format in formats]
    assert len(set(names)) == len(formats) > 300
    for format, name in zip(formats, names, strict=True):
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,60}", name)
        assert parse_format(name) == format


# --- a model in a format ---------------------------------------------------------------------------------------------


def test_blocks_are_rounded_and_embeddings_and_head_only_if_asked(model: Any) -> None:
    inner = targets(model)
    assert all(name.startswith(f"{blocks(model)[0]}.") for name in inner)
    head = output_layer(model)
    assert head is not None and not any(layer is head for layer in inner.values())
    every = targets(model, embeddings=True)
    rounded = sum(layer.weight.numel() for layer in every.values())
    assert rounded == sum(p.numel() for p in model.parameters() if p.ndim == 2)  # a tied head counts once
    assert len(every) - len(inner) == (1 if head.weight is model.get_input_embeddings().weight else 2)


@pytest.mark.parametrize("name", PLAIN)
def test_a_model_wears_a_format_and_then_is_as_before(model: Any, name: str) -> None:
    before = {key: (value, value.clone()) for key, value in model.named_parameters(remove_duplicate=False)}
    ids = torch.randint(0, 300, (2, 16), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = model(input_ids=ids).logits
        quantized = quantize(model, parse_format(name))
        assert set(quantized.weights) == {f"{key}.weight" for key in targets(model, name.endswith("embeddings"))}
        assert quantized.weights_quantized == sum(w.numel() for w in quantized.weights.values())
        with pytest.raises(RuntimeError, match="interrupted"), applied(model, quantized):
            assert not torch.equal(model(input_ids=ids).logits, plain)
            for key, values in quantized.weights.items():
                assert torch.equal(model.get_parameter(key), values)
            raise RuntimeError("interrupted")
        assert torch.equal(model(input_ids=ids).logits, plain)
    for key, value in model.named_parameters(remove_duplicate=False):
        assert value is before[key][0] and torch.equal(value, before[key][1])


def test_a_tied_head_is_swapped_with_its_embedding() -> None:
    model = tiny_model("llama", tied=True)[0]
    quantized = quantize(model, parse_format("sign-channel-embeddings"))
    with applied(model, quantized):
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert model.get_input_embeddings().weight.unique(dim=1).shape[1] > 1
        assert all(len(row.unique()) <= 2 for row in model.get_output_embeddings().weight)


def test_none_changes_nothing(model: Any) -> None:
    quantized = quantize(model, parse_format("none"))
    assert (quantized.weights, quantized.bits_per_weight, quantized.weights_quantized) == ({}, 16.0, 0)


def test_more_bits_bring_weights_nearer(model: Any) -> None:
    errors = []
    for bits in range(2, 9):
        weights = quantize(model, Format("rtn", bits, 32, False)).weights
        errors.append(sum(float((weights[k] - model.get_parameter(k)).detach().square().sum()) for k in weights))
    assert all(later < earlier / 2 for earlier, later in pairwise(errors))


def test_bits_a_weight_count_scales_and_zeros(model: Any) -> None:
    assert quantize(model, parse_format("rtn-4b-g32-sym")).bits_per_weight == 4 + 16 / 32
    assert quantize(model, parse_format("rtn-4b-g32-asym")).bits_per_weight == 4 + 20 / 32
    assert quantize(model, parse_format("nf4-g32")).bits_per_weight == 4 + 32 / 32


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_missing_package_and_a_wrong_device_are_said_with_their_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("measure.formats.find_spec", lambda name: None)
    fault = missing(parse_format("llmc-gptq-4b-g32-asym"), "cpu")
    assert fault is not None and fault.code == "MEA210" and "lawdsl[gptq]" in fault.cure
    assert missing(parse_format("gptq-4b-g32-asym"), "cpu") is None
    with pytest.raises(OutsideError, match="MEA210"):
        quantize(tiny_model("neox")[0], parse_format("bnb-int8"))
    monkeypatch.setattr("measure.formats.find_spec", lambda name: object())
    fault = missing(parse_format("bnb-nf4-g64"), torch.device("mps"))
    assert fault is not None and fault.code == "MEA211" and "cpu, cuda" in fault.cure
    assert missing(parse_format("bnb-nf4-g64"), torch.device("cuda:1")) is None


def test_a_method_that_calibrates_wants_a_text() -> None:
    model = tiny_model("neox")[0]
    for calibration in (None, torch.zeros(0, 8, dtype=torch.int64)):
        with pytest.raises(InputError, match="MEA209"):
            quantize(model, parse_format("gptq-4b-g32-asym"), calibration)


def test_matrices_that_are_no_linear_layers_are_not_passed_over() -> None:
    gpt2 = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=64, n_embd=16, n_layer=1, n_head=2))
    with pytest.raises(InputError, match=r"MEA212.*transformer\.h\.0\.attn\.c_attn"):
        quantize(gpt2, parse_format("rtn-4b-g32-asym"))
    with pytest.raises(InputError, match="MEA212"):
        quantize(torch.nn.Linear(4, 4), parse_format("rtn-4b-g32-asym"))


# --- where it runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
def test_a_format_is_made_where_the_weights_are(model: Any, name: str) -> None:
    """On torch's meta device a step that went elsewhere would fail; sizes and bits are known without a value."""
    real = quantize(model, parse_format(name))
    model.to("meta").tie_weights()
    rehearsal = quantize(model, parse_format(name))
    assert {weight.device.type for weight in rehearsal.weights.values()} == {"meta"}
    assert rehearsal.bits_per_weight == real.bits_per_weight
    assert {k: w.shape for k, w in rehearsal.weights.items()} == {k: w.shape for k, w in real.weights.items()}


def test_weights_that_were_offloaded_are_refused(model: Any) -> None:
    blocks(model)[1].to("meta")
    with pytest.raises(OutsideError, match="MEA213"):
        quantize(model, parse_format("rtn-4b-g32-asym"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("name", PLAIN)
def test_an_accelerator_gives_the_cpus_weights(model: Any, name: str) -> None:
    here = quantize(model, parse_format(name)).weights
    there = quantize(model.cuda(), parse_format(name)).weights
    for key, values in here.items():
        assert there[key].is_cuda
        # a group's mean summed in another order may round to the next half-precision scale: 2^-10 of the value
        bound = 1e-6 + values.abs() * 2**-10
        assert float((there[key].cpu() - values).abs().gt(bound).float().mean()) < 1e-3
