"""A checkpoint's generalization bound: what it is made of, measured on a sample of the training text.

    for terms in bound_terms(Source("runs/x"), [parse_format("rtn-4b-g32-asym")], {"pile": "sample.jsonl"}):
        terms.freedman.total, terms.azuma.total      # nats per token

The mathematics is in `bounds`; here are the losses and entropies of the quantized model token by token, its gap to the
checkpoint itself, and the bits of a file that would hold it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawdsl.errors import Fault, InputError, OutsideError, Span

from .bounds import Bound, azuma_bound, closed_form, freedman_bound
from .by_token import by_token
from .checkpoints import Description, Source, describe, load
from .corpora import calibration as calibration_tokens
from .corpora import read_corpus
from .devices import DTYPES, pick_device
from .evaluate import evaluate
from .formats import applied, missing, quantize
from .losses import Losses, degradation
from .methods.table import METHODS, Format
from .windows import Windows, windows

if TYPE_CHECKING:
    from .methods.quantized import Quantized

#: the window where none is given, unless the model sees less
WINDOW = 2048
#: bits of a stored number, by its type; what is of another type is kept as float32
STORED_BITS = dict(zip(DTYPES, (32, 16, 16), strict=True))


@dataclass(frozen=True)
class Terms:
    """One bound, and what it is made of; losses in nats per token, standard errors clustered as `Losses` are."""

    format: str
    corpus: str
    tokens: float  # D, of training
    tokens_measured: int
    vocabulary: int
    parameters: int
    bits_per_weight: float  # stored, of the weights that were rounded: codes, scales, zeros
    bits_per_parameter: float  # b, stored, over all parameters: what was not rounded keeps its type
    loss: float  # of the checkpoint itself
    loss_se: float
    gap: float  # loss of the quantized checkpoint - loss of the checkpoint, paired
    gap_se: float
    freedman: Bound
    azuma: Bound

    @property
    def closed_form(self) -> float:
        """The paper's sum of terms at the measured loss variation."""
        assert self.freedman.freedman is not None
        sigma = self.freedman.freedman.sigma
        return closed_form(self.loss, self.freedman.complexity, self.vocabulary, sigma, self.gap)

    @property
    def guess(self) -> float:
        """Loss of a uniform guess, ln V: a bound that is no lower says nothing."""
        return math.log(self.vocabulary)


def bound_terms(
    source: Source, formats: Sequence[Format], corpora: Mapping[str, str | Path], *, failure: float = 0.05,
    window: int | None = None, documents: int | None = None, calibration: str | Path | None = None,
    device: str = "auto", dtype: str = "auto", progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[Terms]:  # fmt: skip
    """A bound for every corpus and format, each with probability 1 - `failure` for all formats of a corpus together.

    `source.tokens`, or else the checkpoint's training.json, says how many tokens it was trained on.
    Raises: InputError (MEA209 no calibration text, MEA501 training tokens not known, and those of checkpoints, formats
    and texts), OutsideError (as those do).
    """
    tell = progress or (lambda stage, done, total: None)
    place = pick_device(device)
    _possible(formats, str(place), calibration is not None)
    texts = {name: read_corpus(path, name, documents=documents) for name, path in corpora.items()}
    tell("reading the checkpoint", 0, 1)
    description = describe(source)
    tokens = description.n_tokens
    if not tokens:
        cure = 'Say it: --tokens 1.4B, or {"tokens": 1400000000} in training.json beside the weights.'
        raise InputError(Fault("MEA501", Span(source.name), "nothing says how many tokens it was trained on", cure))
    model, tokenizer = load(source, device=str(place), dtype=dtype)
    seen = getattr(model.config.get_text_config(), "max_position_embeddings", None) or WINDOW
    length = window or min(WINDOW, int(seen))
    shown = None
    if any(METHODS[format.method].needs_calibration for format in formats):
        assert calibration is not None
        shown = calibration_tokens(read_corpus(calibration), tokenizer, length=length)
    cut = {name: windows(text, tokenizer, length) for name, text in texts.items()}
    total, done = len(cut) * (1 + len(formats)), 0
    baselines = {}
    for name, at in cut.items():
        tell(f"{name}, not quantized", done, total)
        baselines[name] = evaluate(model, at)
        done += 1
    for format in formats:
        tell(f"{format.name}: quantizing", done, total)
        quantized = quantize(model, format, shown if METHODS[format.method].needs_calibration else None)
        with applied(model, quantized):
            for name, at in cut.items():
                tell(f"{name}, {format.name}", done, total)
                yield _terms(format, description, tokens, quantized, model, at, baselines[name], failure, len(formats))
                done += 1


def stored_bits(description: Description, quantized: Quantized) -> float:
    """Bits of a file with the quantized checkpoint: codes, scales and zeros, and the other parameters as they were."""
    rest = description.n_params - quantized.weights_quantized
    kept = STORED_BITS.get(description.dtype, STORED_BITS["float32"])
    return quantized.bits_per_weight * quantized.weights_quantized + kept * rest


def _terms(
    format: Format, description: Description, tokens: float, quantized: Quantized, model: Any, at: Windows,
    baseline: Losses, failure: float, formats: int,
) -> Terms:  # fmt: skip
    found = by_token(model, at)
    gap, gap_se = degradation(found.losses, baseline) if quantized.weights else (0.0, 0.0)
    bits = stored_bits(description, quantized)
    return Terms(
        format=format.name, corpus=at.name, tokens=tokens, tokens_measured=len(found.nats),
        vocabulary=found.vocabulary, parameters=description.n_params, bits_per_weight=quantized.bits_per_weight,
        bits_per_parameter=bits / description.n_params, loss=baseline.loss, loss_se=baseline.loss_se,
        gap=gap, gap_se=gap_se,
        freedman=freedman_bound(found.nats, found.entropies, found.vocabulary, bits, tokens, failure, formats),
        azuma=azuma_bound(found.nats, found.vocabulary, bits, tokens, failure, formats),
    )  # fmt: skip


def _possible(formats: Sequence[Format], device: str, calibrated: bool) -> None:
    """Raises: OutsideError (MEA210, MEA211), InputError (MEA209), before anything large is read."""
    faults = [fault for format in formats if (fault := missing(format, device))]
    if faults:
        raise OutsideError(faults)
    needing = sorted({format.method for format in formats if METHODS[format.method].needs_calibration})
    if needing and not calibrated:
        cure = "Give it one: --calibration TEXT. rtn and nf4 need none."
        raise InputError(Fault("MEA209", Span(), f"{', '.join(needing)} looks at text while it rounds", cure))
