"""The loss of a model on a text: windows in batches through the model, sums by window and by document out.

    cut = windows(corpus, tokenizer, window=256)
    baseline = evaluate(model, cut)
    baseline.loss, baseline.loss_se                    # nats per token
    degradation(evaluate(quantized, cut), baseline)    # with its paired standard error

A batch holds windows of like length, the longest first; shorter ones in it are padded on the right by whatever follows
in the stream, which a decoder cannot see from the left. Its size follows the memory that logits take, and is halved
where that runs out. Log-softmax and sums are in float32 and float64 whatever the model's type.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from lawdsl.errors import Fault, InputError, OutsideError, Span

from .devices import free_memory
from .losses import Floats, Losses, degradation
from .windows import Windows, windows

__all__ = ["Losses", "Windows", "degradation", "evaluate", "windows"]

#: what is made of a batch's logits, targets, and which of the predictions count
Take = Callable[[Tensor, Tensor, NDArray[np.bool_]], Tensor]
#: tokens of a batch at most: more do not pay, on a CPU because activations leave its caches
MOST_TOKENS = {"cpu": 4096, "cuda": 65536, "mps": 16384}
#: logits whose log-softmax is taken at once: on a CPU, as many as its second-level cache holds (1 MiB)
AT_ONCE = {"cpu": 2**18, "cuda": 2**27, "mps": 2**25}
#: the share of the free memory that a batch may take by our estimate
SHARE = 0.5


def evaluate(model: Any, windows: Windows, batch_tokens: int | None = None) -> Losses:
    """The model's losses; it stays as it is. `batch_tokens` (padding included) is chosen by device unless given.

    Raises: InputError (MEA306 windows that are not for this model, MEA310 losses that are not finite), OutsideError
    (MEA308 no memory for a single window).
    """
    order, sums, seconds = through(model, windows, _sums, batch_tokens)
    nats = np.empty(len(order))
    nats[order] = torch.cat(sums).double().numpy()
    return losses_of(windows, nats, seconds)


def through(
    model: Any, windows: Windows, take: Take, batch_tokens: int | None = None
) -> tuple[NDArray[np.int64], list[Tensor], float]:
    """Every window through the model, in batches: the windows in the order they went, what `take` made of each batch,
    on the CPU, and the seconds it took. Raises: as `evaluate` does.
    """
    _check(model, windows)
    device = _device(model)
    limit = batch_tokens or batch_size(model, int(windows.lengths.max()))
    order = np.lexsort((windows.starts, windows.lengths - windows.counted, -windows.lengths))
    stream = torch.from_numpy(windows.stream).to(device)
    found: list[Tensor] = []
    began, at = time.perf_counter(), 0
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            while at < len(order):
                longest = int(windows.lengths[order[at]])
                batch = order[at : at + max(1, limit // longest)]
                try:
                    found.append(take(*_predictions(model, stream, windows, batch)))
                    at += len(batch)
                    continue
                except RuntimeError as error:
                    if not _out_of_memory(error):
                        raise
                # Out of the handler, the failed pass is no longer held by the error's traceback.
                if len(batch) == 1:
                    message = f"{device} has no memory for one window of {longest:,} tokens"
                    cure = "Shorter windows, a smaller dtype, or a device with more memory."
                    raise OutsideError(Fault("MEA308", Span(windows.name), message, cure))
                limit = len(batch) // 2 * longest
                if device.type == "cuda":
                    torch.cuda.empty_cache()
            arrived = [each.cpu() for each in found]  # waits for the device
    finally:
        model.train(training)
    return order, arrived, time.perf_counter() - began


def losses_of(windows: Windows, nats: Floats, seconds: float) -> Losses:
    """Losses from the nats of each window. Raises: InputError (MEA310) where they are not finite."""
    if not np.isfinite(nats).all():
        message = f"the loss is not finite in {(~np.isfinite(nats)).sum():,} of {len(nats):,} windows"
        cure = "The model overflows in its number type: try dtype: bfloat16 or float32."
        raise InputError(Fault("MEA310", Span(windows.name), message, cure))
    by_document = np.bincount(windows.document, nats, len(windows.ids)).astype(np.float64)
    return Losses(
        ids=windows.ids, nats=by_document, tokens=windows.tokens,
        bytes=windows.bytes, words=windows.words, window_nats=nats, window_tokens=windows.counted, seconds=seconds,
    )  # fmt: skip


def batch_size(model: Any, longest: int) -> int:
    """Tokens of a batch for the model's device: by the memory of logits and of one layer's activations."""
    device = _device(model)
    config = model.config.get_text_config()
    item = model.dtype.itemsize
    wide = max(int(getattr(config, "intermediate_size", None) or 4 * config.hidden_size), 4 * config.hidden_size)
    each = 2 * _vocabulary(model) * item + 4 * wide * item
    spare = SHARE * free_memory(device) - 4 * AT_ONCE.get(device.type, AT_ONCE["cuda"])
    return int(max(longest, min(MOST_TOKENS.get(device.type, MOST_TOKENS["cuda"]), spare / each)))


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p of each target, float32 (n,), of logits (n, vocabulary) of any type, some rows at a time."""
    step = max(1, AT_ONCE.get(logits.device.type, AT_ONCE["cuda"]) // logits.shape[1])
    found = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
    for start in range(0, len(logits), step):
        part = slice(start, start + step)
        found[part] = cross_entropy(logits[part].float(), targets[part], reduction="none")
    return found


def _predictions(model: Any, stream: Tensor, windows: Windows, batch: Any) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
    """(logits, targets, which of them count) of a batch: (windows of the batch, longest[, vocabulary])."""
    device = stream.device
    lengths = windows.lengths[batch]
    longest = int(lengths.max())
    starts = torch.from_numpy(windows.starts[batch]).to(device, non_blocking=True)
    places = starts[:, None] + torch.arange(longest, device=device)
    targets = places.add(1).clamp_(max=len(stream) - 1)
    logits = model(input_ids=stream[places.clamp_(max=len(stream) - 1)].long(), use_cache=False).logits
    after = lengths - windows.counted[batch]
    column = np.arange(longest)
    counted = (column >= after[:, None]) & (column < lengths[:, None])
    return logits, stream[targets].long().to(logits.device), counted


def _sums(logits: Tensor, wanted: Tensor, counted: NDArray[np.bool_]) -> Tensor:
    """Nats of the counted predictions of each window of a batch, (windows of the batch,), on the logits' device."""
    if counted.all():
        losses = token_losses(logits.flatten(0, 1), wanted.flatten()).view_as(wanted)
    else:
        flat = torch.from_numpy(np.flatnonzero(counted)).to(logits.device)
        losses = torch.zeros(wanted.shape, dtype=torch.float32, device=logits.device)
        losses.view(-1)[flat] = _some(logits.flatten(0, 1), wanted.flatten(), flat)
    exact = torch.float32 if logits.device.type == "mps" else torch.float64
    return losses.sum(1, dtype=exact)


def _some(logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
    """`token_losses` of some rows, which are copied few at a time."""
    step = max(1, AT_ONCE.get(logits.device.type, AT_ONCE["cuda"]) // logits.shape[1])
    parts = torch.split(rows, step)
    return torch.cat([token_losses(logits[part], targets[part]) for part in parts])


def _device(model: Any) -> torch.device:
    """Where inputs go: to the embedding, or to the CPU where accelerate keeps it aside and moves inputs itself."""
    device: torch.device = model.get_input_embeddings().weight.device
    return torch.device("cpu") if device.type == "meta" else device


def _vocabulary(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def _check(model: Any, windows: Windows) -> None:
    """Raises: InputError (MEA306)."""
    faults = []
    longest, largest = int(windows.lengths.max()), int(windows.stream.max())
    seen = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if seen is not None and longest > seen:
        message = f"windows of {longest:,} tokens, where the model sees {seen:,} at most"
        faults.append(Fault("MEA306", Span(windows.name), message, f"window: {seen} or less."))
    if largest >= _vocabulary(model):
        message = f"the tokenizer gives token {largest:,}, where the model has {_vocabulary(model):,}"
        faults.append(Fault("MEA306", Span(windows.name), message, "The tokenizer is another model's."))
    if faults:
        raise InputError(faults)


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out, on an accelerator or, where torch has no class for it, on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
