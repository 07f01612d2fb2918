"""One unit of work, measured: weights loaded once, one 16-bit pass, then each format quantized, evaluated and let go.

A row comes out as soon as its format is done. A format that fails leaves a failure, and the next one is tried on the
same, unchanged weights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

import lawdsl

from .cells import Baseline, Failure, Found, Message, Row, Unit, baseline_key, in_words, plain
from .checkpoints import describe, load, pick_device
from .corpora import calibration as calibration_tokens
from .corpora import read_corpus
from .evaluate import evaluate
from .formats import applied, quantize
from .losses import Losses, degradation
from .methods.table import METHODS
from .windows import windows

if TYPE_CHECKING:
    from .checkpoints import Description
    from .corpora import Corpus
    from .formats import Format
    from .windows import Windows


def measure_unit(unit: Unit) -> Iterator[Message]:
    """Measure a unit's cells; see `cells` for what is yielded.

    Raises what concerns the whole unit: a checkpoint that does not load, a text that is too short. What concerns one
    format is yielded as its failure.
    """
    description = unit.description
    if description is None:
        description = describe(unit.checkpoint.source)
        yield Found(unit.checkpoint.label, description)
    todo = [format for format in unit.formats if unit.key(format, description) not in unit.finished]
    if not todo:
        return
    device = _device(unit)
    model, tokenizer = load(unit.checkpoint.source, device=str(device), dtype=unit.dtype)
    at = _windows(unit, description, tokenizer)
    baseline = _kept(unit)
    if baseline is None:
        baseline = evaluate(model, at)
        yield Baseline(baseline_key(description, unit.corpus, unit.dtype), baseline.arrays())
    shown = None
    if any(METHODS[format.method].needs_calibration for format in todo):
        chosen = unit.calibration
        assert chosen is not None  # a plan without it was refused
        shown = calibration_tokens(_corpus(chosen.text), tokenizer, chosen.samples, chosen.length, chosen.seed)
    for format in todo:
        try:
            yield _row(unit, description, format, model, at, baseline, shown)
        except Exception as error:  # the reason is kept, and the other formats are measured
            yield Failure.of(unit, format, in_words(error), description)
        _let_go(device)


def _row(
    unit: Unit, description: Description, format: Format, model: Any, at: Windows, baseline: Losses, shown: Any
) -> Row:
    """Quantize, evaluate, and put the row together."""
    began = time.perf_counter()
    if format.method == "none":
        losses, bits, seconds = baseline, 16.0, 0.0
        delta, delta_se = 0.0, 0.0
    else:
        quantized = quantize(model, format, shown if METHODS[format.method].needs_calibration else None)
        seconds = time.perf_counter() - began
        with applied(model, quantized):
            losses = evaluate(model, at)
        bits = quantized.bits_per_weight
        delta, delta_se = degradation(losses, baseline)
    calibrated = unit.calibration if METHODS[format.method].needs_calibration else None
    columns = {
        "checkpoint": unit.checkpoint.label, "run": description.run, **description.facts,
        "n_params": description.n_params, "n_params_non_embed": description.n_params_non_embed,
        "n_tokens": description.n_tokens, "format": format.name, "method": format.method, "bits": format.bits,
        "bits_per_weight": bits, "group_size": format.group, "symmetric": format.symmetric,
        "settings": json.dumps(dict(format.settings)), "embeddings": format.embeddings,
        "corpus": unit.corpus.text.name, "window": unit.corpus.window, "stride": unit.corpus.stride,
        "eval_documents": len(losses.nats), "eval_tokens": int(np.sum(losses.tokens)),
        "eval_bytes": int(np.sum(losses.bytes)), "loss_16bit": baseline.loss, "loss_16bit_se": baseline.loss_se,
        "loss": losses.loss, "loss_se": losses.loss_se, "bits_per_byte": losses.bits_per_byte,
        "delta_loss": delta, "delta_loss_se": delta_se, "checkpoint_digest": description.digest,
        "tokenizer_digest": description.tokenizer_digest, "corpus_digest": unit.corpus.text.digest,
        "calibration_digest": calibrated.text.digest if calibrated else None,
        "calibration_seed": calibrated.seed if calibrated else None, "device": _device_name(model),
        "dtype": str(model.dtype).removeprefix("torch."), "version_lawdsl": lawdsl.__version__,
        "version_torch": _version("torch"), "version_transformers": _version("transformers"),
        "seconds_quantize": round(seconds, 3), "seconds_evaluate": round(losses.seconds, 3),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
    if not np.isfinite(losses.loss):
        raise FloatingPointError(f"the loss of the quantized model is {losses.loss}")
    return Row(unit.key(format, description), {k: plain(v) for k, v in columns.items()}, losses.arrays())


def _kept(unit: Unit) -> Losses | None:
    """The 16-bit pass of an earlier run."""
    try:
        return None if unit.baseline is None else Losses.of_arrays(unit.baseline)
    except (KeyError, TypeError, ValueError):  # another version's
        return None


# --- what units of one process share ---


@lru_cache(maxsize=4)
def _corpus(text: Any) -> Corpus:
    return read_corpus(text.path, text.name, field=text.field, documents=text.documents, separator=text.separator)


_WINDOWS: dict[tuple[str, str, int, int], Windows] = {}


def _windows(unit: Unit, description: Description, tokenizer: Any) -> Windows:
    """The corpus in windows: the same for every checkpoint with this tokenizer."""
    corpus = unit.corpus
    key = (corpus.text.digest, description.tokenizer_digest, corpus.window, corpus.stride)
    if key not in _WINDOWS:
        while len(_WINDOWS) >= 4:
            del _WINDOWS[next(iter(_WINDOWS))]
        _WINDOWS[key] = windows(_corpus(corpus.text), tokenizer, corpus.window, corpus.stride)
    return _WINDOWS[key]


def _device(unit: Unit) -> Any:
    """The unit's device; workers of one machine take one core each, and its GPUs in turn."""
    import torch

    device = pick_device(unit.device)
    if unit.worker is not None:
        torch.set_num_threads(1)
        if device.type == "cuda" and unit.device in ("auto", "cuda") and torch.cuda.device_count() > 1:
            device = torch.device("cuda", unit.worker % torch.cuda.device_count())
    return device


def _let_go(device: Any) -> None:
    """Give the accelerator's cached memory back, so that workers that share one do not starve each other."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _device_name(model: Any) -> str:
    import torch

    device = model.device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


@lru_cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
