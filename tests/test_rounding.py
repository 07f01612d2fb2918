"""Rounding a matrix: evenly spaced values, codebooks, small floats, signs; equal to the libraries that offer them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from measure.rounding import (  # noqa: E402
    NF4,
    Rounded,
    codebook,
    integers,
    minifloat,
    pack,
    signs,
    straight_through,
    ternary,
    unpack,
)

#: transformers may have torch compile something at import, and bitsandbytes and torchao script their functions
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.script\w*` is deprecated:DeprecationWarning:torch\.jit")

GROUPS = (32, 64, None, 24, 1000)  # 24 does not divide the rows below, 1000 is longer than one
#: a float16 scale is off by at most half a unit in its 11th bit
HALF = 2.0**-11


def matrix(seed: int = 0, rows: int = 16, columns: int = 128) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 0.1


def error(rounded: Rounded, weight: torch.Tensor) -> float:
    return float((rounded.dequantize() - weight).square().mean())


#: every kind of rounding, by the bits of its code
KINDS = {
    "integers, asymmetric": lambda weight, bits, group: integers(weight, bits, group),
    "integers, symmetric": lambda weight, bits, group: integers(weight, bits, group, symmetric=True),
    "minifloat, 2 bits of exponent": lambda weight, bits, group: minifloat(weight, 2, bits - 3, group),
}


# --- what a format's numbers are -------------------------------------------------------------------------------------


def test_asymmetric_integers_hold_zero_and_reach_from_the_least_to_the_largest() -> None:
    weight = torch.tensor([[0.0, 0.1, 0.2, 0.3], [-0.3, -0.1, 0.0, 0.6], [0.5, 0.5, 0.75, 1.5]])
    rounded = integers(weight, 2, None, scale_dtype=torch.float32).dequantize()
    assert torch.allclose(rounded[0], weight[0])
    assert torch.allclose(rounded[1], torch.tensor([-0.3, 0.0, 0.0, 0.6]))  # steps of .3; -.1 is nearest to 0
    assert torch.allclose(rounded[2], torch.tensor([0.5, 0.5, 1.0, 1.5]))  # widened to hold 0


def test_symmetric_integers_have_one_more_value_below_zero_than_above() -> None:
    weight = torch.tensor([[-1.0, -0.5, 0.5, 1.0]])
    rounded = integers(weight, 2, None, symmetric=True, scale_dtype=torch.float32)
    assert rounded.scales.item() == pytest.approx(2 / 3)
    assert torch.allclose(rounded.dequantize(), torch.tensor([[-4 / 3, -2 / 3, 2 / 3, 2 / 3]]))


def test_a_sign_and_a_ternary_weight_take_the_groups_mean_magnitude() -> None:
    weight = torch.tensor([[0.4, -0.1, 0.0, -1.1]])
    assert torch.allclose(signs(weight, None).dequantize(), torch.tensor([[0.4, -0.4, 0.4, -0.4]]), rtol=HALF)
    assert torch.allclose(ternary(weight, None).dequantize(), torch.tensor([[0.4, 0.0, 0.0, -0.4]]), rtol=HALF)


def test_e2m1_has_the_values_of_the_ocp_microscaling_specification() -> None:
    values = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    weight = torch.tensor([values, [-v for v in values]])
    assert torch.equal(minifloat(weight, 2, 1, None).dequantize(), weight)


def test_a_tie_goes_to_the_even_mantissa() -> None:
    between = torch.tensor([[0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, 6.0]])
    assert minifloat(between, 2, 1, None).dequantize().tolist() == [[0, 1, 1, 2, 2, 4, 4, 6]]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("kind", ["integers, asymmetric", "minifloat, 2 bits of exponent"])
def test_values_on_the_grid_stay_where_they_are(kind: str, group: int | None) -> None:
    once = KINDS[kind](matrix(), 4, group).dequantize()
    twice = KINDS[kind](once, 4, group).dequantize()
    assert torch.allclose(once, twice, rtol=4 * HALF, atol=1e-6)


# --- error and size --------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.01, 1.0, 100.0]), group=st.sampled_from(GROUPS))
@pytest.mark.parametrize("kind", KINDS)
def test_error_falls_with_every_bit(kind: str, seed: int, scale: float, group: int | None) -> None:
    weight = matrix(seed) * scale
    errors = [error(KINDS[kind](weight, bits, group), weight) for bits in range(3, 9)]
    assert all(later < earlier for earlier, later in zip(errors, errors[1:], strict=False))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), bits=st.integers(2, 8), group=st.sampled_from(GROUPS), symmetric=st.booleans())
def test_no_weight_moves_further_than_half_a_step(seed: int, bits: int, group: int | None, symmetric: bool) -> None:
    weight = matrix(seed)
    rounded = integers(weight, bits, group, symmetric, torch.float32)
    size = rounded.codes.shape[-1]
    steps = rounded.scales.expand(-1, -1, size).flatten(1)[:, : weight.shape[1]]
    assert ((rounded.dequantize() - weight).abs() <= steps * 0.5001).all()


@pytest.mark.parametrize("bits", range(1, 9))
def test_codes_survive_packing(bits: int) -> None:
    codes = torch.randint(0, 2**bits, (7, 13), generator=torch.Generator().manual_seed(bits)).to(torch.uint8)
    packed = pack(codes, bits)
    assert packed.dtype == torch.uint8 and packed.numel() == -(-codes.numel() * bits // 8)
    assert torch.equal(unpack(packed, bits, codes.numel()).reshape(codes.shape), codes)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("symmetric", [True, False])
def test_bits_a_weight_are_the_stored_bytes(bits: int, symmetric: bool) -> None:
    for odd in (integers(matrix(0, 3, 13), bits, 5, symmetric), signs(matrix(0, 3, 13), 5), ternary(matrix(), None)):
        stored = odd.stored()
        size = 8 * sum(tensor.numel() * tensor.element_size() for tensor in stored.values())
        assert odd.bits_per_weight == size / (odd.shape[0] * odd.shape[1])
    rounded = integers(matrix(), bits, 32, symmetric)
    stored = rounded.stored()
    assert rounded.bits_per_weight == 8 * sum(t.numel() * t.element_size() for t in stored.values()) / 2048
    assert rounded.bits_per_weight == bits + (16 + (0 if symmetric else bits)) / 32
    codes = unpack(stored["codes"], bits, 2048).reshape(16, 4, 32)
    zeros = 2 ** (bits - 1) if symmetric else unpack(stored["zeros"], bits, 64).reshape(16, 4, 1).float()
    again = ((codes.float() - zeros) * stored["scales"].float()).reshape(16, 128)
    assert torch.equal(again, rounded.dequantize())  # what is stored is enough


# --- edges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
def test_zeros_stay_zeros_and_a_short_last_group_has_its_own_scale(group: int | None) -> None:
    weight = matrix()
    weight[0] = 0
    for rounded in (
        integers(weight, 3, group), integers(weight, 3, group, True), codebook(weight, NF4, group),
        minifloat(weight, 2, 1, group), ternary(weight, group),
    ):  # fmt: skip
        assert not rounded.dequantize()[0].any()
        assert rounded.dequantize().shape == weight.shape
    if group == 24:
        alone = integers(weight[:, 120:], 3, None).dequantize()
        assert torch.equal(integers(weight, 3, group).dequantize()[:, 120:], alone)
        assert torch.equal(signs(weight, group).dequantize()[:, 120:], signs(weight[:, 120:], None).dequantize())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_result_has_the_weights_dtype(dtype: torch.dtype) -> None:
    weight = matrix().to(dtype)
    assert integers(weight, 4, 32).dequantize().dtype == dtype
    assert torch.isfinite(integers(weight * 0 + 6e4, 4, 32).dequantize()).all()


@pytest.mark.parametrize("scale", [1e-9, 1e30])
def test_scales_that_float16_cannot_hold_are_cut_and_stay_finite(scale: float) -> None:
    for rounded in (
        integers(matrix() * scale, 4, 32),
        signs(matrix() * scale, 32),
        minifloat(matrix() * scale, 2, 1, 32),
    ):
        assert torch.isfinite(rounded.dequantize()).all() and (rounded.scales > 0).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda w: integers(w, 1, 32), lambda w: integers(w, 9, 32), lambda w: integers(w, 4, 0),
        lambda w: integers(w[0], 4, 32), lambda w: minifloat(w, 6, 1, 32), lambda w: minifloat(w, 0, 0, 32),
        lambda w: minifloat(w, 5, 3, 32), lambda w: codebook(w, (1.0,), 32),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"bits|group|dimensions|minifloat|codebook"):
        call(matrix())  # type: ignore[operator]


def test_a_gradient_goes_straight_through() -> None:
    weight = matrix().requires_grad_()
    rounded = straight_through(weight, integers(weight, 2, 32).dequantize())
    assert torch.allclose(rounded, integers(weight, 2, 32).dequantize(), atol=1e-7)
    (rounded * 3).sum().backward()
    assert weight.grad is not None and bool((weight.grad == 3).all())


# --- equal to others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("symmetric", [True, False])
def test_integers_are_torchaos(bits: int, symmetric: bool) -> None:
    primitives = pytest.importorskip("torchao.quantization.quant_primitives", reason="compares with torchao")
    weight = matrix(bits)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if symmetric else (0, 2**bits - 1)
    kind = primitives.MappingType.SYMMETRIC if symmetric else primitives.MappingType.ASYMMETRIC
    scale, zero = primitives.choose_qparams_affine(
        weight,
        kind,
        (1, 32),
        torch.int32,
        low,
        high,
        eps=1e-12,
        scale_dtype=torch.float32,
        zero_point_dtype=torch.int32,
    )
    codes = primitives.quantize_affine(weight, (1, 32), scale, zero, torch.int32, low, high)
    theirs = primitives.dequantize_affine(codes, (1, 32), scale, zero, torch.int32, low, high)
    ours = integers(weight, bits, 32, symmetric, torch.float32)
    assert torch.equal(ours.scales.flatten(), scale.flatten())
    quotient = weight.reshape(16, 4, 32) / ours.scales
    tie = (
        quotient.abs() % 1 - 0.5
    ).abs() < 1e-4  # torchao multiplies by the reciprocal, and may fall to the other side
    apart = ((ours.dequantize() - theirs).abs() > 1e-7).reshape(tie.shape)
    assert not (apart & ~tie).any()
    assert symmetric or not apart.any()  # of symmetric integers, each group's extreme is a tie


@pytest.mark.parametrize("code", ["e2m1", "e3m0", "e2m3", "e3m2", "e2m0", "e2m2", "e3m1", "e4m3", "e5m2"])
def test_minifloats_are_torchaos_bit_by_bit(code: str) -> None:
    floats = pytest.importorskip("torchao.prototype.custom_fp_utils", reason="compares with torchao")
    exponent, mantissa = int(code[1]), int(code[3])
    weight = matrix(3)
    ours = minifloat(weight, exponent, mantissa, 32, torch.float32)
    scaled = weight.reshape(16, 4, 32) / ours.scales
    theirs = floats._floatx_unpacked_to_f32(
        floats._f32_to_floatx_unpacked(scaled, exponent, mantissa), exponent, mantissa
    )
    assert torch.equal(ours.dequantize(), (theirs * ours.scales).reshape(16, 128))


@pytest.mark.parametrize("group", [32, 64, 128])
def test_nf4_is_bitsandbytes_bit_by_bit(group: int) -> None:
    functional = pytest.importorskip("bitsandbytes.functional", reason="compares with bitsandbytes")
    weight = matrix(4)
    codes, state = functional.quantize_4bit(weight, blocksize=group, quant_type="nf4")
    ours = codebook(weight, NF4, group, torch.float32)
    assert torch.equal(ours.scales.flatten(), state.absmax)
    assert torch.equal(ours.dequantize(), functional.dequantize_4bit(codes, state))
    assert 8 * (codes.numel() + 4 * state.absmax.numel()) / 2048 == ours.bits_per_weight


# --- where it runs ---------------------------------------------------------------------------------------------------

EVERY = {
    "integers": lambda w: integers(w, 3, 24), "symmetric": lambda w: integers(w, 3, 32, True),
    "nf4": lambda w: codebook(w, NF4, 64), "minifloat": lambda w: minifloat(w, 2, 1, 32),
    "signs": lambda w: signs(w, 32), "ternary": lambda w: ternary(w, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", EVERY)
def test_nothing_leaves_the_weights_device(kind: str) -> None:
    """On torch's meta device any step on another device fails, and any look at a value does."""
    rounded = EVERY[kind](matrix().to("meta"))
    assert {t.device.type for t in rounded.stored().values()} == {"meta"} == {rounded.dequantize().device.type}
    assert rounded.bits_per_weight == EVERY[kind](matrix()).bits_per_weight


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("kind", EVERY)
def test_an_accelerator_rounds_as_a_cpu_does(kind: str) -> None:
    here, there = EVERY[kind](matrix()), EVERY[kind](matrix().cuda())
    assert there.codes.is_cuda and float((here.codes != there.codes.cpu()).float().mean()) < 1e-3
    assert torch.allclose(here.scales, there.scales.cpu(), rtol=HALF)
