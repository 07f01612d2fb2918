"""What a sweep is made of: cells and their keys, units of work, and what comes out of them.

A cell is one checkpoint in one format on one corpus; it becomes one row. Its key is a digest of everything that
decides its numbers, and of nothing else: not the device, not versions, not paths. So a store knows what is finished
wherever the checkpoint has moved to, and a changed checkpoint is a new cell.

A unit is one checkpoint on one corpus, with the formats still to do: it loads the weights once, and one 16-bit pass
serves all its formats. Units travel to other processes and machines, so they hold plain values only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import LawdslError

if TYPE_CHECKING:
    from .checkpoints import Description, Source
    from .formats import Format

#: what a row's cell may hold
Value = str | int | float | bool | None
#: the arrays of one pass, by document and by window: nats, tokens, bytes, ...
Documents = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class PlannedCheckpoint:
    """A checkpoint under the name that its rows carry; `source` says where it lies."""

    label: str
    source: Source
    local: bool  # a folder, and not a name on the hub


@dataclass(frozen=True)
class PlannedText:
    """A text as a plan names it: where it lies, and which field of it is text. `digest` is filled in by the sweep."""

    name: str
    path: str
    field: str = "text"
    documents: int | None = None  # only the first so many
    separator: str | None = None  # what stands between the documents of a plain text
    digest: str = ""


@dataclass(frozen=True)
class PlannedCorpus:
    """A text to evaluate on, in windows of `window` tokens that begin `stride` tokens apart."""

    text: PlannedText
    window: int
    stride: int


@dataclass(frozen=True)
class PlannedCalibration:
    """A text from which methods that calibrate are shown `samples` pieces of `length` tokens, drawn with `seed`."""

    text: PlannedText
    samples: int = 128
    length: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Unit:
    """One checkpoint on one corpus, and the formats to do.

    `description` is None for a checkpoint of the hub that nobody has looked at yet: whoever does the unit downloads it
    first, and skips the cells whose keys are in `finished`. `baseline`: a 16-bit pass that an earlier run has kept.
    """

    checkpoint: PlannedCheckpoint
    description: Description | None
    corpus: PlannedCorpus
    formats: tuple[Format, ...]
    calibration: PlannedCalibration | None
    device: str
    dtype: str
    finished: frozenset[str] = frozenset()
    baseline: Documents | None = None
    worker: int | None = None  # which of its machine's workers does it; None: the machine is its own

    def key(self, format: Format, description: Description | None = None) -> str:
        """The key of a cell of this unit; of a checkpoint without a description yet, one made of names alone."""
        found = description or self.description
        if found is None:
            return self.name_key(format)
        return cell_key(found, format, self.corpus, self.calibration, self.dtype)

    def name_key(self, format: Format) -> str:
        """The key of a cell by names alone, under which a failure is kept where no digest is known."""
        return name_key(self.checkpoint.label, format.name, self.corpus.text.name)

    def left(self, finished: frozenset[str]) -> Unit:
        """The unit without the cells whose keys are `finished`."""
        formats = tuple(f for f in self.formats if not {self.key(f), self.name_key(f)} & finished)
        return replace(self, formats=formats, finished=self.finished | finished)


@dataclass(frozen=True)
class Row:
    """A finished cell: its columns, and its losses document by document."""

    key: str
    columns: Mapping[str, Value]
    documents: Documents


@dataclass(frozen=True)
class Failure:
    """A cell that could not be measured, and why."""

    key: str
    checkpoint: str
    format: str
    corpus: str
    reason: str

    @staticmethod
    def of(unit: Unit, format: Format, reason: str, description: Description | None = None) -> Failure:
        """The failure of one cell of a unit."""
        key = unit.key(format, description)
        return Failure(key, unit.checkpoint.label, format.name, unit.corpus.text.name, reason)


@dataclass(frozen=True)
class Baseline:
    """A unit's 16-bit pass, kept so that a sweep that was stopped need not repeat it."""

    key: str
    documents: Documents


@dataclass(frozen=True)
class Found:
    """A checkpoint of the hub that a unit has downloaded and looked at."""

    label: str
    description: Description


Message = Row | Failure | Baseline | Found
#: does a unit; what it yields is stored as it comes
MeasureUnit = Callable[[Unit], Iterator[Message]]
#: does many units somewhere: yields what comes out of each, and None at its end
Executor = Callable[[Iterator[Unit], MeasureUnit], Iterator[tuple[Unit, Message | None]]]


def in_words(error: BaseException) -> str:
    """An error as a failure's reason: its class and what it says, on one line."""
    if isinstance(error, LawdslError):
        said = "; ".join(f"{fault.code}: {fault.message}. {fault.cure}".rstrip(". ") for fault in error.faults)
    else:
        said = f"{type(error).__name__}: {error}".rstrip(": ")
    return " ".join(said.split())[:600]


def guarded(measure: MeasureUnit, unit: Unit) -> Iterator[Message]:
    """A unit's messages; where measuring breaks off, a failure of every cell that is not yet done."""
    reported: set[str] = set()
    description = unit.description
    try:
        for message in measure(unit):
            if isinstance(message, Found):
                description = message.description
            elif not isinstance(message, Baseline):
                reported.add(message.key)
            yield message
    except Exception as error:  # whatever it was, the sweep goes on, and the reason is kept
        for format in unit.formats:
            key = unit.key(format, description)
            if key not in reported and key not in unit.finished:
                yield Failure.of(unit, format, in_words(error), description)


def cell_key(
    description: Description, format: Format, corpus: PlannedCorpus, calibration: PlannedCalibration | None, dtype: str
) -> str:
    """sha256 over everything that decides a cell's numbers, in canonical JSON."""
    from .methods.table import METHODS

    shown = None
    if calibration is not None and METHODS[format.method].needs_calibration:
        shown = [calibration.text.digest, calibration.samples, calibration.length, calibration.seed]
    return _digest({
        "weights": description.digest, "tokenizer": description.tokenizer_digest, "tokens": description.n_tokens,
        "format": format.name, "corpus": corpus.text.digest, "window": corpus.window, "stride": corpus.stride,
        "calibration": shown, "dtype": dtype,
    })  # fmt: skip


def baseline_key(description: Description, corpus: PlannedCorpus, dtype: str) -> str:
    """sha256 over everything that decides the losses of the unquantized checkpoint."""
    return _digest({
        "weights": description.digest, "tokenizer": description.tokenizer_digest, "corpus": corpus.text.digest,
        "window": corpus.window, "stride": corpus.stride, "dtype": dtype,
    })  # fmt: skip


def name_key(label: str, format: str, corpus: str) -> str:
    """sha256 over the names of a cell."""
    return _digest({"checkpoint": label, "format": format, "corpus": corpus})


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def plain(value: object) -> Value:
    """A value as a row may hold it: numpy's and torch's numbers become Python's, what is not finite becomes None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
