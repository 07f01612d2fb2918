"""Turns what was measured of the ladder into the four tables that the package ships.

    python examples/ladder/tables.py WORK [lawdsl/data]

WORK holds the stores of the sweeps loss.yaml and qid.yaml. Losses are written to 1e-5 nats/token, standard errors to
three digits; rows are sorted, so that the same stores give the same files. Of every run the tables name size, learning
rate, schedule, warm-up, weight decay and seed.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

Row = dict[str, Any]

RUN = ("run", "seed", "n_params", "n_params_non_embed", "width", "layers", "vocab_size")
TRAINING = ("learning_rate", "base_learning_rate", "schedule", "warmup_tokens", "weight_decay", "batch_tokens")
#: columns of whole numbers that a store may hold as floats
WHOLE = {"n_tokens", "bits", "group", "weight_bits", "n_characters"}
RENAMED = {"vocabulary": "vocab_size", "group_size": "group", "trained_bits": "weight_bits"}
#: sizes of which there are runs of other precisions and vocabularies
COMPARED_SIZES = ("25k", "100k", "200k")


def main() -> None:
    work = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parents[2] / "lawdsl/data"
    losses, quantized = _rows(work / "ladder-loss"), _rows(work / "ladder-qid")
    main_runs = list({(row["run"], row["n_tokens"]): _as_loss(row) for row in quantized}.values())

    def beside(rows: list[Row]) -> list[Row]:
        """Rows of the main runs, at 16 bits and 1,024 words, as far along as those they are compared with."""
        last = max(row["n_tokens"] for row in rows)
        names = {f"{size}-s0" for size in COMPARED_SIZES}
        return [row for row in main_runs if row["n_tokens"] <= last and row["run"] in names]

    loss = ("loss", "loss_se", "eval_documents", "eval_tokens")
    _write(out / "ladder_loss.csv", main_runs, (*RUN, "n_tokens", *loss, *TRAINING))
    _write(
        out / "ladder_qid.csv",
        quantized,
        (*RUN, "n_tokens", "method", "format", "bits", "bits_per_weight", "group", "symmetric", "loss_16bit",
         "delta_loss", "delta_loss_se", *TRAINING),
    )  # fmt: skip
    if precision := [row for row in losses if _kind(row) == "p"]:
        _write(
            out / "ladder_precision.csv",
            precision + beside(precision),
            (*RUN, "n_tokens", "weight_bits", *loss, *TRAINING),
        )
    if vocabulary := [row for row in losses if _kind(row) == "v"]:
        columns = (*RUN, "n_tokens", "n_characters", *loss, "unigram_loss", "unigram_normalized_loss", "bits_per_byte")
        named = [_with_unigrams(row, work) for row in vocabulary + beside(vocabulary)]
        _write(out / "ladder_vocabulary.csv", named, (*columns, *TRAINING))
    tuning = [row for row in losses if _kind(row) == "tune"]
    for row in sorted(tuning, key=lambda row: (row["width"], row["base_learning_rate"], row["n_tokens"])):
        print(f"{row['run']:14} {row['base_learning_rate']:g} {row['n_tokens']:>10,} tokens  loss {row['loss']:.4f}")


def _rows(store: Path) -> list[Row]:
    """The rows of a sweep, none where it has not been made."""
    table = store / "rows.parquet"
    return [_renamed(row) for row in parquet.read_table(table).to_pylist()] if table.is_file() else []


def _as_loss(row: Row) -> Row:
    """The 16-bit loss beside which a quantized checkpoint was measured, as a row of its own."""
    bits_per_byte = row["loss_16bit"] * row["eval_tokens"] / row["eval_bytes"] / math.log(2)
    return row | {"loss": row["loss_16bit"], "loss_se": row["loss_16bit_se"], "bits_per_byte": bits_per_byte}


def _renamed(row: Row) -> Row:
    return {RENAMED.get(name, name): value for name, value in row.items()}


def _kind(row: Row) -> str:
    """What a run is for: `s` the main runs, `p` training precision, `v` vocabulary, `tune` the learning rate."""
    name: str = row["run"]
    return "tune" if name.startswith("tune") else name.partition("-")[2][:1]


_UNIGRAMS: dict[int, tuple[float, float]] = {}


def _with_unigrams(row: Row, work: Path) -> Row:
    """The row with its characters of training text and its loss relative to that of the unigram model.

    The unigram model has the training tokens' frequencies, plus one each; its loss is over the same evaluation tokens.
    Loss minus unigram loss can be compared across vocabularies (arXiv 2407.13623, equation 5).
    """
    words = row["vocab_size"]
    if words not in _UNIGRAMS:
        counts = np.bincount(np.load(work / f"tokens-{words}.npy"), minlength=words) + 1.0
        tokenizer = Tokenizer.from_file(str(work / f"bpe-{words}/tokenizer.json"))
        with (work / "evaluation.jsonl").open(encoding="utf-8") as lines:
            ids = np.concatenate([tokenizer.encode(json.loads(line)["text"]).ids for line in lines])
        characters = json.loads((work / "corpus.json").read_text())["train_characters"] / (counts.sum() - words)
        _UNIGRAMS[words] = (-float(np.mean(np.log(counts / counts.sum())[ids])), characters)
    unigram, characters = _UNIGRAMS[words]
    extra = {"unigram_loss": unigram, "unigram_normalized_loss": row["loss"] - unigram}
    return row | extra | {"n_characters": round(row["n_tokens"] * characters)}


_ROUNDED: dict[str, Callable[[float], float]] = {
    "bits_per_weight": lambda value: round(value, 4),
    "learning_rate": lambda value: float(f"{value:.4g}"),
}


def _write(path: Path, rows: Iterable[Row], columns: tuple[str, ...]) -> None:
    kept = sorted(rows, key=lambda row: (row["n_params"], row["run"], row["n_tokens"], row.get("format") or ""))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in kept:
            writer.writerow([_cell(column, row[column]) for column in columns])
    print(f"{path}: {len(kept)} rows")


def _cell(column: str, value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, (str, int)):
        return "" if value is None else value
    if column in WHOLE:
        return int(value)
    if column.endswith("_se"):
        return float(f"{value:.3g}")
    return _ROUNDED.get(column, lambda number: round(number, 5))(value)


if __name__ == "__main__":
    main()
