"""The one table of number formats: what each method offers, needs, and where it is written.

    METHODS["rtn"].bits                       # (2, 3, ..., 8)
    Format("rtn", 3, 32, False).name          # "rtn-3b-g32-asym"

Nothing heavy is imported here: a plan is read, and the table printed, without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lawdsl.numbers import exact

#: what a setting of a method may be
Value = str | int | float | bool

#: extra -> the module that must be importable for it
EXTRAS = {"gptq": "llmcompressor", "bnb": "bitsandbytes", "hqq": "hqq"}


@dataclass(frozen=True)
class Setting:
    """A further choice of a method. Without a `default` it must be given; `tag` stands for it in a format's name."""

    about: str
    allowed: tuple[Value, ...] = ()
    default: Value | None = None
    tag: str = ""
    between: tuple[float, float] | None = None  # for a number: smallest and largest


@dataclass(frozen=True)
class Method:
    """A way to round weights.

    `bits` and `groups` are what may be asked for (None among `groups`: one scale a row); a part with one choice is not
    asked for. `devices` are torch's device types that run it, () is all. `function` is `module:name`.
    """

    about: str
    function: str
    bits: tuple[float, ...]
    bits_from: tuple[str, ...] = ()  # settings whose sum, and a sign, is the number of bits
    groups: tuple[int | None, ...] = ()
    any_group: bool = False  # any number of weights will do; `groups` holds the default first
    symmetric: tuple[bool, ...] = ()  # the default first
    settings: Mapping[str, Setting] = field(default_factory=dict)
    extra: str = ""
    needs_calibration: bool = False
    devices: tuple[str, ...] = ()
    embeddings: bool = True  # whether embeddings and head can be rounded too


@dataclass(frozen=True)
class Format:
    """A method with everything about it chosen. Two formats are the same if they are equal; `name` tells them apart."""

    method: str
    bits: float  # nominal, of a weight's code; 16 for "none"
    group: int | None  # None: one scale a row, or no scales
    symmetric: bool | None  # None: the method has no such choice
    settings: tuple[tuple[str, Value], ...] = ()  # sorted, defaults included
    embeddings: bool = False  # whether embeddings and head are rounded too

    @property
    def name(self) -> str:
        """Short, unique, fit for a file: `rtn-3b-g32-asym`. What leaves no choice, or has its default, is left out."""
        method = METHODS[self.method]
        parts = [self.method]
        if len(method.bits) > 1 and not method.bits_from:
            parts.append(f"{exact(self.bits)}b")
        if len(method.groups) > 1 or method.any_group:
            parts.append("channel" if self.group is None else f"g{self.group}")
        if len(method.symmetric) > 1:
            parts.append("sym" if self.symmetric else "asym")
        for key, value in self.settings:
            setting = method.settings[key]
            if value != setting.default:
                parts.append(setting.tag if value is True else f"{setting.tag}{_text(value)}")
        return "-".join(parts + ["embeddings"] * self.embeddings)


def _text(value: Value) -> str:
    return exact(value) if isinstance(value, float) else str(value)


_INTEGERS = (2, 3, 4, 5, 6, 7, 8)
_GROUPS = (128, 64, 32, None)
_BLOCKS = (64, 32, 128, 256, 512, 1024, 2048, 4096)
_DAMPING = Setting("added to the Hessian's diagonal, in means of it", default=0.01, tag="damp", between=(1e-4, 1))


def _llmcompressor(
    about: str, function: str, bits: tuple[float, ...], groups: tuple[int | None, ...], *,
    choice: bool = False, calibrates: bool = False, settings: Mapping[str, Setting] | None = None,
) -> Method:  # fmt: skip
    return Method(
        about, f"measure.methods.compressor:{function}", bits, groups=groups, symmetric=(False, True) if choice else (),
        settings=settings or {}, extra="gptq", needs_calibration=calibrates, devices=("cpu", "cuda", "xpu"),
        embeddings=False,
    )  # fmt: skip


METHODS: Mapping[str, Method] = {
    "none": Method("the weights as they are", "measure.methods.plain:none", (16,)),
    "rtn": Method(
        "round to nearest of evenly spaced values", "measure.methods.plain:rtn", _INTEGERS,
        groups=_GROUPS, any_group=True, symmetric=(False, True),
    ),
    "gptq": Method(
        "rounding errors made good in the columns still to come (arXiv 2210.17323)",
        "measure.methods.gptq:gptq", _INTEGERS,
        groups=_GROUPS, any_group=True, symmetric=(False, True), needs_calibration=True,
        settings={
            "damping": _DAMPING,
            "order": Setting("which columns first", ("activation", "columns"), "activation"),
        },
    ),
    "nf4": Method(
        "NormalFloat4 (arXiv 2305.14314), float32 scales", "measure.methods.plain:nf4", (4,),
        groups=(64, 32, 128, None), any_group=True,
    ),
    "minifloat": Method(
        "small floating-point numbers, every code finite", "measure.methods.plain:minifloat", _INTEGERS,
        bits_from=("exponent", "mantissa"), groups=(32, 64, 128, None), any_group=True,
        settings={
            "exponent": Setting("bits of the exponent", (0, 1, 2, 3, 4, 5), tag="e"),
            "mantissa": Setting("bits of the mantissa", (0, 1, 2, 3, 4, 5, 6, 7), tag="m"),
        },
    ),
    "sign": Method(
        "the sign times the mean magnitude (arXiv 1603.05279)", "measure.methods.plain:sign", (1,),
        groups=(None, 128, 64, 32), any_group=True,
    ),
    "ternary": Method(
        "-1, 0 or 1 times the mean magnitude (arXiv 2402.17764), kept in 2 bits", "measure.methods.plain:ternary",
        (1.58,), groups=(None, 128, 64, 32), any_group=True,
    ),
    "bnb-nf4": Method(
        "bitsandbytes' NF4", "measure.methods.bnb:four_bits", (4,), groups=_BLOCKS, extra="bnb",
        devices=("cpu", "cuda", "xpu"), settings={"double": Setting("8-bit scales", (False, True), False, "double")},
    ),
    "bnb-fp4": Method(
        "bitsandbytes' FP4", "measure.methods.bnb:four_bits", (4,), groups=_BLOCKS, extra="bnb",
        devices=("cpu", "cuda", "xpu"), settings={"double": Setting("8-bit scales", (False, True), False, "double")},
    ),
    "bnb-int8": Method(
        "bitsandbytes' LLM.int8 weights (arXiv 2208.07339)", "measure.methods.bnb:eight_bits", (8,), groups=(None,),
        extra="bnb", devices=("cpu", "cuda", "xpu"),
    ),
    "hqq": Method(
        "half-quadratic quantization, no calibration", "measure.methods.hqq_:hqq", (1, 2, 3, 4, 5, 6, 8),
        groups=(64, 32, 128, None), extra="hqq", devices=("cpu", "cuda"),
    ),
    "llmc-rtn": _llmcompressor("llmcompressor's round to nearest", "rtn", _INTEGERS, _GROUPS, choice=True),
    "llmc-gptq": _llmcompressor(
        "llmcompressor's GPTQ", "gptq", _INTEGERS, _GROUPS, choice=True, calibrates=True, settings={"damping": _DAMPING}
    ),
    "llmc-awq": _llmcompressor(
        "llmcompressor's AWQ (arXiv 2306.00978): scales moved into the norms, then round to nearest", "awq", _INTEGERS,
        _GROUPS, choice=True, calibrates=True,
    ),
    "fp8": _llmcompressor("llmcompressor's FP8 E4M3, one scale a row", "fp8", (8,), (None,)),
    "mxfp4": _llmcompressor("llmcompressor's MXFP4: E2M1, 8-bit scales that are powers of two", "mxfp4", (4,), (32,)),
    "nvfp4": _llmcompressor("llmcompressor's NVFP4: E2M1, FP8 scales, one of 32 bits a matrix", "nvfp4", (4,), (16,)),
}  # fmt: skip
