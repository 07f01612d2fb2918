"""A text cut into the windows that a model reads, once for a tokenizer; every format is then measured on the same ones.

The scheme is lm-eval's rolling one, document by document: the first token is predicted from the begin token, every
token is predicted once, and a window is as long as `window` where its document is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import Fault, InputError, Span

from .corpora import Corpus, encode, first_token


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows over `stream`, the documents' tokens one after another, each document led by the begin token.

    Window i reads `stream[starts[i] : starts[i] + lengths[i]]`, whose targets lie one further right, and of its
    predictions the last `counted[i]` count, for document `document[i]`.
    """

    stream: NDArray[np.int32]  # (tokens of all documents + documents,)
    starts: NDArray[np.int64]  # (windows,)
    lengths: NDArray[np.int64]  # (windows,)
    counted: NDArray[np.int64]  # (windows,)
    document: NDArray[np.int64]  # (windows,)
    ids: tuple[str, ...]
    tokens: NDArray[np.int64]  # (documents,), predicted
    bytes: NDArray[np.int64]  # (documents,)
    words: NDArray[np.int64]  # (documents,)
    window: int
    stride: int
    name: str  # of the corpus


def windows(corpus: Corpus, tokenizer: Any, window: int, stride: int | None = None) -> Windows:
    """Windows of at most `window` tokens, each predicting `stride` more than the one before (`window` unless given).

    With `stride` = `window`, predicted tokens are disjoint and a document's last window is extended to the left, so
    that it gives context to the fewer tokens it predicts. With a smaller stride every token but a document's first
    ones has at least `window - stride` tokens of context, at the price of window / stride times the work.
    Raises: InputError (MEA304 fewer tokens than a window in all, MEA305 sizes that are none, MEA309).
    """
    stride = window if stride is None else stride
    if not 1 <= stride <= window:
        message = f"windows of {window} tokens with a stride of {stride}"
        raise InputError(Fault("MEA305", Span(corpus.name), message, "1 <= stride <= window."))
    first = first_token(tokenizer)
    documents = encode(corpus, tokenizer)
    tokens = np.array([len(document) for document in documents], np.int64)
    if tokens.sum() < window:
        message = f"{tokens.sum():,} tokens in all, fewer than one window of {window:,}"
        raise InputError(Fault("MEA304", Span(corpus.name), message, "Give more text, or shorter windows."))
    pieces: list[tuple[int, int, int, int]] = []
    base = 0  # where the document's begin token lies
    for index, length in enumerate(tokens.tolist()):
        done = min(window, length)
        if done:
            pieces.append((base, done, done, index))
        while done < length:
            new = min(stride, length - done)
            done += new
            pieces.append((base + done - window, window, new, index))
        base += length + 1
    starts, lengths, counted, document = np.array(pieces, np.int64).T.copy()
    return Windows(
        stream=np.array([token for text in documents for token in (first, *text)], np.int32),
        starts=starts, lengths=lengths, counted=counted, document=document, ids=corpus.ids, tokens=tokens,
        bytes=np.array(corpus.document_bytes, np.int64), words=np.array(corpus.document_words, np.int64),
        window=window, stride=stride, name=corpus.name,
    )  # fmt: skip
