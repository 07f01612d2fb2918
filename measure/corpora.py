"""Texts to evaluate on, and to calibrate on: documents from a file, a folder or a dataset.

    corpus = read_corpus("heldout.jsonl")
    corpus = read_corpus("hf:wikitext:wikitext-2-raw-v1:test")
    tokens = calibration(read_corpus("other.jsonl"), tokenizer, samples=128, length=256, seed=0)

A loss is kept for each document. Documents are taken to be independent: standard errors rest on it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawdsl.errors import Fault, InputError, OutsideError, Span, suggest

if TYPE_CHECKING:
    from torch import Tensor

#: faults reported of one file; the rest are counted
MOST_FAULTS = 20
#: calibration windows where no length is given, unless the tokenizer says that its models see less
CALIBRATION_LENGTH = 2048
#: documents that a tokenizer is given at once
AT_ONCE = 1000


@dataclass(frozen=True)
class Corpus:
    """Documents with their ids; `digest` is a sha256 over the texts in their order, whatever file they came from."""

    name: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    digest: str

    @cached_property
    def document_bytes(self) -> tuple[int, ...]:
        """UTF-8 bytes of each document."""
        return tuple(len(text.encode()) for text in self.texts)

    @cached_property
    def document_words(self) -> tuple[int, ...]:
        """Words of each document as lm-eval counts them: parts between white space, empty ones at the ends too."""
        return tuple(len(re.split(r"\s+", text)) for text in self.texts)

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of all documents."""
        return sum(self.document_bytes)

    @property
    def words(self) -> int:
        """Words of all documents."""
        return sum(self.document_words)


def read_corpus(
    path: str | Path, name: str | None = None, *, field: str = "text", documents: int | None = None,
    separator: str | None = None,
) -> Corpus:  # fmt: skip
    """The documents at `path`, at most the first `documents` of them; empty ones are left out.

    * `.jsonl .csv .parquet`: one a row, its text in the column `field`, its id in `id` where there is one;
    * a folder: every file below it one document (hidden ones aside), in the order of their paths;
    * any other file: one document, or those between `separator`s;
    * `hf:NAME`, `hf:NAME:SPLIT`, `hf:NAME:CONFIG:SPLIT`: rows of a dataset by the `datasets` package; SPLIT is `test`
      unless said.

    Raises: InputError (MEA302 not text or not the form, MEA303 no such column, MEA304 empty), OutsideError (MEA301 not
    readable, MEA307 no `datasets`, or no such dataset within reach).
    """
    where = str(path)
    if where.startswith("hf:"):
        pairs = _from_datasets(where, field)
    else:
        path = Path(path).expanduser()
        try:
            readers = {".jsonl": _jsonl, ".ndjson": _jsonl, ".csv": _csv, ".parquet": _parquet}
            if path.is_dir():
                pairs = _from_folder(path)
            elif (reader := readers.get(path.suffix.lower())) is not None:
                pairs = reader(path, field)
            else:
                text = _decoded(path)
                parts = text.split(separator) if separator else [text]
                pairs = [(path.name if len(parts) == 1 else f"{path.name}#{i}", part) for i, part in enumerate(parts)]
        except OSError as error:
            message = f"this text cannot be read: {error.strerror or error}"
            raise OutsideError(Fault("MEA301", Span(where), message, "Check the path and its rights.")) from None
    full = [(id, text) for id, text in pairs if text][:documents]
    if not full:
        raise InputError(Fault("MEA304", Span(where), "no text in it", "A corpus needs at least one document."))
    ids, texts = zip(*full, strict=True)
    return Corpus(name or _named(where), ids, texts, digest(texts))


def digest(texts: Iterable[str]) -> str:
    """sha256 over each text's length in bytes (8 bytes, little-endian) and its UTF-8, in order."""
    total = hashlib.sha256()
    for text in texts:
        content = text.encode()
        total.update(len(content).to_bytes(8, "little") + content)
    return total.hexdigest()


def encode(corpus: Corpus, tokenizer: Any) -> list[list[int]]:
    """Token ids of each document, without the tokenizer's special tokens."""
    found: list[list[int]] = []
    for start in range(0, len(corpus.texts), AT_ONCE):
        batch = list(corpus.texts[start : start + AT_ONCE])
        found += tokenizer(
            batch, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False, verbose=False
        )["input_ids"]
    return found


def first_token(tokenizer: Any) -> int:
    """What stands before a document: the begin token, or else the end token. Raises: InputError (MEA309)."""
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    message = "the tokenizer has neither a begin nor an end token, so a text's first token has nothing before it"
    raise InputError(Fault("MEA309", Span(), message, "Name one in tokenizer_config.json (bos_token or eos_token)."))


def calibration(corpus: Corpus, tokenizer: Any, samples: int = 128, length: int | None = None, seed: int = 0) -> Tensor:
    """Token ids (samples, length), int64: windows at random places of the documents, one after another in their order.

    Each document begins with the begin token. Places are drawn by numpy's PCG64 from `seed`, without repeats where
    there are enough of them. `length` is 2,048 unless given or the tokenizer's models see less.
    Raises: InputError (MEA304 fewer tokens than one window, MEA305 samples or length below 1).
    """
    import numpy as np
    import torch

    if length is None:
        length = min(CALIBRATION_LENGTH, int(tokenizer.model_max_length))
    if samples < 1 or length < 1:
        message = f"{samples} calibration windows of {length} tokens"
        raise InputError(Fault("MEA305", Span(corpus.name), message, "Both are at least 1."))
    first = first_token(tokenizer)
    stream = np.concatenate([np.array([first, *tokens]) for tokens in encode(corpus, tokenizer)])
    places = len(stream) - length + 1
    if places < 1:
        message = f"{len(stream):,} tokens to calibrate on, fewer than one window of {length:,}"
        raise InputError(Fault("MEA304", Span(corpus.name), message, "Give more text, or shorter windows."))
    starts = np.random.default_rng(seed).choice(places, samples, replace=places < samples)
    return torch.from_numpy(stream[starts[:, None] + np.arange(length)].astype(np.int64))


def _named(where: str) -> str:
    return where.removeprefix("hf:") if where.startswith("hf:") else Path(where).expanduser().resolve().stem


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text: byte {error.start:,} is {content[error.start]:#04x}"
        raise InputError(
            Fault("MEA302", Span(str(path), line), message, "Save it as UTF-8, or leave it out.")
        ) from None


def _from_folder(folder: Path) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for at, below, files in os.walk(folder, onerror=_raise):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in files:
            path = Path(at, name)
            if name.startswith(".") or not path.is_file():
                continue
            try:
                pairs.append((path.relative_to(folder).as_posix(), _decoded(path)))
            except InputError as error:
                faults += error.faults
    if faults:
        raise InputError(_first(sorted(faults, key=str)))
    return sorted(pairs)


def _raise(error: OSError) -> None:
    raise error


def _jsonl(path: Path, field: str) -> list[tuple[str, str]]:
    rows: list[tuple[int, Any]] = []
    faults = []
    for number, line in enumerate(_decoded(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            column = getattr(error, "colno", 0)
            faults.append(Fault("MEA302", Span(str(path), number, column), "not JSON", "One JSON object a line."))
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            faults.append(
                Fault("MEA302", Span(str(path), number), "not a JSON object", 'For instance {"text": "..."}.')
            )
    if faults:
        raise InputError(_first(faults))
    return _rows(rows, str(path), field)


def _csv(path: Path, field: str) -> list[tuple[str, str]]:
    before = csv.field_size_limit(2**31 - 1)  # a document may be longer than the reader's 128 KiB
    try:
        reader = csv.DictReader(io.StringIO(_decoded(path), newline=""), strict=True)
        return _rows([(reader.line_num, row) for row in reader], str(path), field)
    except csv.Error as error:
        raise InputError(
            Fault("MEA302", Span(str(path)), f"not CSV: {error}", "Texts with quotes double them.")
        ) from None
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path, field: str) -> list[tuple[str, str]]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if field not in names:
                raise InputError(_no_column(str(path), 0, field, names))
            table = file.read([name for name in ("id", field) if name in names])
    except pa.ArrowInvalid as error:
        message = f"not Parquet: {str(error).splitlines()[0][:200]}"
        raise InputError(Fault("MEA302", Span(str(path)), message, "")) from None
    return _rows(list(enumerate(table.to_pylist(), 1)), str(path), field)


def _rows(rows: list[tuple[int, Any]], where: str, field: str) -> list[tuple[str, str]]:
    """(id, text) of rows; a row without an id has its number."""
    pairs, faults = [], []
    for number, row in rows:
        if field not in row:
            faults.append(_no_column(where, number, field, [str(key) for key in row]))
        elif not isinstance(row[field], str):
            message = f"'{field}' is {type(row[field]).__name__}, not a text"
            faults.append(Fault("MEA303", Span(where, number), message, "field: names the column that holds the text."))
        else:
            id = row.get("id")
            pairs.append((str(number if id is None else id), row[field]))
    if faults:
        raise InputError(_first(faults))
    return pairs


def _no_column(where: str, line: int, field: str, names: list[str]) -> Fault:
    return Fault("MEA303", Span(where, line), f"no column '{field}'", f"field: {suggest(field, names)}")


def _first(faults: list[Fault]) -> list[Fault]:
    shown = faults[:MOST_FAULTS]
    if len(faults) > len(shown):
        shown.append(Fault(faults[0].code, Span(shown[-1].where.file), f"{len(faults) - len(shown)} more faults", ""))
    return shown


def _from_datasets(where: str, field: str) -> list[tuple[str, str]]:
    parts = where.removeprefix("hf:").split(":")
    if len(parts) > 3 or not all(parts):
        message = "not hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIG:SPLIT"
        raise InputError(Fault("MEA302", Span(where), message, "For instance hf:wikitext:wikitext-2-raw-v1:test."))
    dataset, config = parts[0], parts[1] if len(parts) == 3 else None
    split = parts[-1] if len(parts) > 1 else "test"
    try:
        datasets = import_module("datasets")
    except ImportError:
        message = "the datasets package is not installed, which reads hf:... texts"
        raise OutsideError(Fault("MEA307", Span(where), message, "pip install datasets")) from None
    try:
        found = datasets.load_dataset(dataset, config, split=split)
    except Exception as error:  # it raises errors of the hub, of HTTP, of files and of its own
        message = f"the dataset cannot be had: {(str(error).strip() or type(error).__name__).splitlines()[0][:200]}"
        cure = "Check its name, config and split; offline, name a file or a folder instead."
        raise OutsideError(Fault("MEA307", Span(where), message, cure)) from None
    if field not in found.column_names:
        raise InputError(_no_column(where, 0, field, list(found.column_names)))
    keep = found.select_columns([name for name in ("id", field) if name in found.column_names])
    return _rows(list(enumerate(keep, 1)), where, field)
