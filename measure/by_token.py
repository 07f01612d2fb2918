"""The losses of a model on a text token by token, each with the entropy of the prediction it was made by.

    tokens = by_token(model, windows)
    tokens.nats, tokens.entropies        # (tokens,), nats
    tokens.losses                        # as `evaluate` gives them

Concentration inequalities need them; a sweep keeps sums by document alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .evaluate import AT_ONCE, losses_of, through
from .losses import Floats, Losses
from .windows import Windows


@dataclass(frozen=True, eq=False)
class Tokens:
    """The predicted tokens of a text, window after window; `vocabulary` is the number of logits."""

    losses: Losses
    nats: Floats  # (tokens,): -log p of the token that came
    entropies: Floats  # (tokens,): what that was expected to be, by the model's own prediction
    vocabulary: int


def by_token(model: Any, windows: Windows, batch_tokens: int | None = None) -> Tokens:
    """Losses and entropies of every counted prediction, nats. Raises: as `measure.evaluate.evaluate` does."""
    width: set[int] = set()

    def take(logits: Tensor, wanted: Tensor, counted: NDArray[np.bool_]) -> Tensor:
        width.add(logits.shape[-1])
        rows = torch.from_numpy(np.flatnonzero(counted)).to(logits.device)
        return _losses_and_entropies(logits.flatten(0, 1), wanted.flatten(), rows).cpu()

    order, batches, seconds = through(model, windows, take, batch_tokens)
    found = torch.cat(batches, 1).double().numpy()
    window = np.repeat(order, windows.counted[order])
    nats = np.bincount(window, found[0], len(order)).astype(np.float64)
    losses = losses_of(windows, nats, seconds)
    sorted_ = np.argsort(window, kind="stable")
    return Tokens(losses, found[0][sorted_], found[1][sorted_], width.pop())


def _losses_and_entropies(logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
    """(2, rows) float32, of logits (n, vocabulary) of any type, some rows at a time."""
    step = max(1, AT_ONCE.get(logits.device.type, AT_ONCE["cuda"]) // logits.shape[1])
    found = torch.empty(2, len(rows), dtype=torch.float32, device=logits.device)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        logs = logits[part].float().log_softmax(-1)
        found[0, start : start + step] = -logs.gather(1, targets[part, None])[:, 0]
        found[1, start : start + step] = torch.special.entr(logs.exp()).sum(-1)
    return found
