"""Number formats, from the plan's words to a model's weights.

    formats = read_formats(entries)                       # every combination that a plan asks for
    quantized = quantize(model, formats[0], calibration)  # new weights, fake-quantized: the model's shape and dtype
    with applied(model, quantized):
        ...                                               # the model computes with them
                                                          # and here with its own again

`METHODS` is the one table of what is offered. Reading needs no torch; a library is imported when a method of its runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from lawdsl.errors import Fault, InputError, OutsideError, Span

from .format_reading import parse_format as parse_format
from .format_reading import read_formats as read_formats
from .methods.table import EXTRAS, METHODS
from .methods.table import Format as Format
from .methods.table import Method as Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from .methods.quantized import Quantized


def missing(format: Format, device: torch.device | str) -> Fault | None:
    """Why this format cannot be had here: an extra that is not installed, a device that it does not run on. Or None."""
    method = METHODS[format.method]
    if method.extra and find_spec(EXTRAS[method.extra]) is None:
        message = f"the format {format.name} needs {EXTRAS[method.extra]}, which is not installed"
        return Fault("MEA210", Span(), message, f"pip install 'lawdsl[{method.extra}]'")
    kind = str(device).partition(":")[0]
    if method.devices and kind not in method.devices:
        message = f"the format {format.name} does not run on {kind}"
        cure = f"It runs on {', '.join(method.devices)}; formats without an extra run on every device."
        return Fault("MEA211", Span(), message, cure)
    return None


def quantize(model: nn.Module, format: Format, calibration: Tensor | None = None) -> Quantized:
    """The weights that a format gives a model; the model itself is left unchanged.

    `calibration`: token ids (samples, length), int64, on any device; only some methods look at it
    (`Method.needs_calibration`). Whole-model methods of libraries work on a copy: twice the model's memory meanwhile.

    Raises: OutsideError (MEA210, MEA211: see `missing`; MEA213: weights that are not in memory; MEA216), InputError
    (MEA209: no calibration text; MEA212, MEA215: a model that the format does not fit).
    """
    from .layers import targets

    method = METHODS[format.method]
    chosen = targets(model, format.embeddings)
    kinds = {layer.weight.device.type for layer in chosen.values()}
    faults = [fault for kind in sorted(kinds) if kind != "meta" and (fault := missing(format, kind))]
    if faults:
        raise OutsideError(faults)
    if "meta" in kinds and len({parameter.device.type for parameter in model.parameters()}) > 1:
        cure = "Load it on devices that hold it whole: more or larger ones, or a smaller dtype."
        raise OutsideError(Fault("MEA213", Span(), "part of the model is offloaded and not in memory", cure))
    if method.needs_calibration and (calibration is None or calibration.ndim != 2 or calibration.numel() == 0):
        cure = "Give the plan a `calibration:` block; formats such as rtn and nf4 need none."
        raise InputError(Fault("MEA209", Span(), f"the format {format.name} needs calibration text", cure))
    home, _, name = method.function.partition(":")
    training = model.training
    model.eval()
    try:
        return cast("Quantized", getattr(import_module(home), name)(model, chosen, format, calibration))
    finally:
        model.train(training)


@contextmanager
def applied(model: nn.Module, quantized: Quantized) -> Iterator[None]:
    """Have the model compute with quantized weights; on leaving it has its very own tensors again, come what may."""
    from .layers import swapped

    with swapped(model, quantized.weights):
        yield
