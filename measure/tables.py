"""The rows of a store as one table, rows.csv and rows.parquet: read twice, row by row, so that memory stays flat."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from typing import IO, Any

from .store import Store

#: columns in the order of reading; facts of training, which differ from sweep to sweep, come after `run`
LEADING = ("checkpoint", "run")
TRAILING = (
    "n_params", "n_params_non_embed", "n_tokens", "format", "method", "bits", "bits_per_weight", "group_size",
    "symmetric", "settings", "embeddings", "corpus", "window", "stride", "eval_documents", "eval_tokens", "eval_bytes",
    "loss_16bit", "loss_16bit_se", "loss", "loss_se", "bits_per_byte", "delta_loss", "delta_loss_se",
    "checkpoint_digest", "tokenizer_digest", "corpus_digest", "calibration_digest", "calibration_seed", "device",
    "dtype", "version_lawdsl", "version_torch", "version_transformers", "seconds_quantize", "seconds_evaluate",
    "measured_at", "key",
)  # fmt: skip
#: rows held at once
_BATCH = 1_000


def write_tables(store: Store) -> int:
    """Write rows.csv and rows.parquet. Returns the number of rows. Raises: OutsideError (MEA401)."""
    order: list[tuple[str, str, str, str]] = []
    kinds: dict[str, set[type]] = {}
    for row in store.rows():
        order.append((str(row.get("checkpoint")), str(row.get("corpus")), str(row.get("format")), row["key"]))
        for column, value in row.items():
            kinds.setdefault(column, set()).add(type(value))
    if not order:
        return 0
    order.sort()
    facts = sorted(column for column in kinds if column not in LEADING and column not in TRAILING)
    columns = [column for column in (*LEADING, *facts, *TRAILING) if column in kinds]
    with store.replacing("rows.csv") as path, open(path, "w", encoding="utf-8", newline="") as file:
        _write_csv(store, order, columns, file)
        _settle(file)
    with store.replacing("rows.parquet") as path, open(path, "wb") as binary:
        _write_parquet(store, order, {column: kinds[column] for column in columns}, binary)
        _settle(binary)
    return len(order)


def _settle(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sorted_rows(store: Store, order: list[tuple[str, str, str, str]]) -> Iterator[dict[str, Any]]:
    for *_, key in order:
        row = store.row(key)
        if row is not None:
            yield row


def _write_csv(store: Store, order: list[tuple[str, str, str, str]], columns: list[str], file: io.TextIOBase) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in _sorted_rows(store, order):
        # yes and no as 1 and 0: a table's cells are numbers or texts
        values = (row.get(column) for column in columns)
        writer.writerow("" if v is None else int(v) if isinstance(v, bool) else v for v in values)


def _write_parquet(
    store: Store, order: list[tuple[str, str, str, str]], kinds: dict[str, set[type]], file: IO[bytes]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    def kind(seen: set[type]) -> pa.DataType:
        seen = seen - {type(None)}
        if seen == {bool}:
            return pa.bool_()
        if seen == {int}:
            return pa.int64()
        return pa.float64() if seen and seen <= {int, float} else pa.string()

    schema = pa.schema([(column, kind(seen)) for column, seen in kinds.items()])

    def cell(value: Any, wanted: pa.DataType) -> Any:
        return str(value) if value is not None and wanted == pa.string() else value

    def table(rows: list[dict[str, Any]]) -> pa.Table:
        return pa.table(
            {field.name: pa.array([cell(row.get(field.name), field.type) for row in rows], field.type)
             for field in schema}, schema=schema,
        )  # fmt: skip

    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        held: list[dict[str, Any]] = []
        for row in _sorted_rows(store, order):
            held.append(row)
            if len(held) == _BATCH:
                writer.write_table(table(held))
                held = []
        if held:
            writer.write_table(table(held))
