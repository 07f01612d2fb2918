"""The losses of one model on one text, kept by document, and what follows from them: means, errors, degradations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Losses:
    """Sums of -log p over the predicted tokens, in nats: by document and by window.

    `tokens` are those predicted, `bytes` (UTF-8) and `words` (lm-eval's) those of the text. Standard errors are
    clustered by document, since tokens of one document lean on each other; a text of one document is clustered by
    window instead (`clusters` says so), which takes its windows for independent and is likely too small.
    """

    ids: tuple[str, ...]
    nats: Floats  # (documents,)
    tokens: Counts  # (documents,)
    bytes: Counts  # (documents,)
    words: Counts  # (documents,)
    window_nats: Floats  # (windows,)
    window_tokens: Counts  # (windows,)
    seconds: float = 0.0  # of wall time, for the passes through the model alone

    @property
    def loss(self) -> float:
        """Nats per token."""
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def loss_se(self) -> float:
        """Standard error of `loss`, nats per token; nan where there is one cluster only."""
        return _ratio_error(*self._clustered(self.nats, self.window_nats))

    @property
    def bits_per_byte(self) -> float:
        """Bits per UTF-8 byte of the text, which do not depend on its tokenizer (Gao et al. 2020, section 3.1)."""
        return float(self.nats.sum() / self.bytes.sum() / math.log(2))

    @property
    def word_perplexity(self) -> float:
        """exp(nats per word), as lm-eval reports it; inf where that is beyond a float64."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.nats.sum() / self.words.sum()))

    @property
    def clusters(self) -> Literal["documents", "windows"]:
        """What standard errors take for independent."""
        return "documents" if len(self.tokens) > 1 else "windows"

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays, for `numpy.savez`; `of_arrays` reads them back."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Losses:
        """The losses that `arrays` wrote. Raises: KeyError where an array is missing."""
        given = {field.name: np.asarray(arrays[field.name]) for field in fields(cls)}
        ids, seconds = tuple(map(str, given.pop("ids").tolist())), float(given.pop("seconds"))
        return cls(ids=ids, seconds=seconds, **given)

    def _clustered(self, nats: Floats, window_nats: Floats) -> tuple[Floats, Counts]:
        return (nats, self.tokens) if self.clusters == "documents" else (window_nats, self.window_tokens)


def degradation(quantized: Losses, baseline: Losses) -> tuple[float, float]:
    """(loss of `quantized` - loss of `baseline`, its paired standard error), nats per token.

    The same tokens in the same windows, so that what makes a document hard cancels; clustered as `Losses` are.
    Raises: ValueError if the two were not measured on the same windows.
    """
    same = quantized.ids == baseline.ids and all(
        np.array_equal(getattr(quantized, name), getattr(baseline, name)) for name in ("tokens", "window_tokens")
    )
    if not same:
        raise ValueError("the two losses are of different windows")
    nats = quantized.nats - baseline.nats
    clustered = quantized._clustered(nats, quantized.window_nats - baseline.window_nats)
    return float(nats.sum() / quantized.tokens.sum()), _ratio_error(*clustered)


def _ratio_error(nats: Floats, tokens: Counts) -> float:
    """Standard error of sum(nats) / sum(tokens) over clusters, by linearisation (Cochran 1977, section 6.4)."""
    number = len(tokens)
    if number < 2:
        return math.nan
    residuals = nats - nats.sum() / tokens.sum() * tokens
    return float(math.sqrt(number / (number - 1) * np.square(residuals).sum()) / tokens.sum())
