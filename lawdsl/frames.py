"""Observations from anywhere as one Arrow table: a file (CSV, TSV, Parquet, JSON lines), a folder of JSON rows such as
`lawdsl measure` leaves, results of lm-eval and logs of llama.cpp, a catalogue id, a data frame.

pandas and polars frames come in through the Arrow C interface, so neither package is imported here.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import limits
from .errors import Fault, OutsideError, Span, TableError, suggest
from .tabular import Tabular
from .units import UNITS, Quantity

if TYPE_CHECKING:
    import pyarrow as pa

#: what a file's ending says of its form
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True, eq=False, repr=False)
class Frame(Tabular):
    """An Arrow table with its name for messages, the sha256 of its content, and notes.

    `quantities`: what a column holds, and how many of that unit one is (2**30 for GiB given in bytes).
    """

    arrow: pa.Table
    name: str
    digest: str
    quantities: dict[str, tuple[Quantity, float]]
    notes: tuple[str, ...] = ()

    def to_columns(self) -> dict[str, list[Any]]:
        """The columns as they were read."""
        found: dict[str, list[Any]] = self.arrow.to_pydict()
        return found

    def __repr__(self) -> str:
        return f"Frame({self.arrow.num_rows} rows of {self.name}: {', '.join(self.arrow.column_names[:40])})"

    def _repr_html_(self) -> str:
        from . import notebook

        first = self.arrow.slice(0, notebook.SHOWN).to_pydict()
        return notebook.rows(first, self.name, self.arrow.num_rows, self.notes)


def read_frame(source: object) -> Frame:
    """The table behind a path, a catalogue id or a data frame.

    Raises: TableError for what is wrong with it (TAB001 to TAB004, TAB013, TAB015), OutsideError where a table cannot
    be fetched.
    """
    if isinstance(source, Frame):
        return source
    if isinstance(source, (str, Path)):
        text = str(source)
        path = Path(text)
        # a bare name that the catalogue knows is the catalogue's, whatever folder of that name stands about
        if os.path.isdir(path) and (isinstance(source, Path) or "/" in text or not _in_catalogue(text)):
            return _from_folder(path)
        if os.path.isfile(path) or path.suffix.lower() in FORMATS or "/" in text:
            return _from_file(path)
        return _from_catalogue(text)
    return _from_memory(source)


def _fail(code: str, name: str, message: str, cure: str = "", line: int = 0) -> NoReturn:
    raise TableError(Fault(code, Span(name, line), message, cure))


def _in_catalogue(table: str) -> bool:
    from .catalogue import entries

    return any(entry.id == table for entry in entries())


def _from_catalogue(table: str) -> Frame:
    from . import catalogue

    loaded = catalogue.read(table)
    known = {
        column.name: (Quantity(column.unit, column.kind or None), column.scale)
        for column in loaded.entry.columns
        if column.unit in UNITS
    }
    return Frame(loaded.table, table, loaded.digest, known, tuple(loaded.notes))


_UNREADABLE = "Open it and see: texts are UTF-8, and the name's ending says what the file is."


def _from_file(path: Path) -> Frame:
    name = str(path)
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a path with a null in it
        from .catalogue import entries

        beside = path.parent if path.parent.is_dir() else Path(".")
        here = [entry.name for entry in beside.iterdir() if entry.suffix.lower() in FORMATS]
        near = suggest(path.name, here) if here else suggest(path.stem, [entry.id for entry in entries()])
        cure = f"Give a file, or a table of the catalogue (`lawdsl data list`): {near}"
        raise OutsideError(Fault("TAB001", Span(name), f"cannot read this table: {_reason(error)}", cure)) from None
    from .evaluations import is_evaluation, read_evaluations

    if is_evaluation(path):
        return read_evaluations([path])
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        _fail("TAB002", name, f"a table ending in '{path.suffix}'", f"Forms that are read: {', '.join(FORMATS)}.")
    if size > limits.TABLE_BYTES:
        _fail("TAB013", name, f"{size:,} bytes", f"At most {limits.TABLE_BYTES:,}; keep the columns that are needed.")
    import pyarrow as pa

    try:
        if form == "parquet":
            import pyarrow.parquet

            arrow = pyarrow.parquet.read_table(path, memory_map=True)
        elif form == "jsonl":
            arrow = _read_json_lines(path)
        else:
            arrow = _read_csv(path, "\t" if form == "tsv" else ",")
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        if isinstance(error, pa.ArrowException):
            _fail("TAB004", name, f"not a {form} file: {_first_line(error)}", _UNREADABLE)
        raise OutsideError(Fault("TAB001", Span(name), f"cannot read this table: {_reason(error)}", "")) from None
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        _fail("TAB004", name, f"not a {form} file: {_first_line(error)}", _UNREADABLE)
    return _sized(Frame(arrow, name, digest, {}))


def _from_folder(folder: Path) -> Frame:
    """A folder of rows, in the order of their files' names: its .json files hold an object each, its .jsonl files one a
    line. Of a sweep's store that is its folder `rows`. What a row does not say is missing there.
    """
    from .evaluations import read_evaluations

    if _holds_evaluations(folder):
        return read_evaluations([folder])
    name = str(folder)
    home = folder / "rows" if (folder / "rows").is_dir() else folder
    digest, columns, rows, size = hashlib.sha256(), dict[str, None](), list[dict[str, Any]](), 0
    try:
        files = sorted(p for p in home.iterdir() if p.suffix in (".json", ".jsonl") and not p.name.startswith("."))
        for file in files:
            data = file.read_bytes()
            size += len(data)
            if size > limits.TABLE_BYTES:
                _fail("TAB013", name, f"more than {limits.TABLE_BYTES:,} bytes of rows", "Keep the rows needed.")
            digest.update(len(data).to_bytes(8, "little") + data)
            for number, line in enumerate(data.splitlines() if file.suffix == ".jsonl" else [data], 1):
                if line.strip():
                    rows.append(_json_row(line, file, number if file.suffix == ".jsonl" else 0))
                    columns.update(dict.fromkeys(rows[-1]))
    except OSError as error:
        raise OutsideError(Fault("TAB001", Span(name), f"cannot read this table: {_reason(error)}", "")) from None
    if not rows:
        cure = "Such a folder has .json or .jsonl files in it, or in a folder `rows` of its own."
        _fail("TAB003", name, "there are no rows in this folder", cure)
    return _sized(Frame(_of_rows(rows, list(columns), name), name, digest.hexdigest(), {}))


def _read_json_lines(path: Path) -> pa.Table:
    """A row a line, by Python's own reader: Arrow's falls over (a segmentation fault) at some rows, such as `{}`."""
    columns, rows = dict[str, None](), list[dict[str, Any]]()
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                rows.append(_json_row(line, path, number))
                columns.update(dict.fromkeys(rows[-1]))
    return _of_rows(rows, list(columns), str(path))


def _of_rows(rows: list[dict[str, Any]], columns: list[str], name: str) -> pa.Table:
    import pyarrow as pa

    _check_header(columns, name)
    return pa.table({column: json_column([row.get(column) for row in rows]) for column in columns})


def _holds_evaluations(folder: Path) -> bool:
    """Whether a folder is of evaluations: it has some results, and is neither a sweep's store nor rows of its own."""
    from .evaluations import files_in, is_results

    try:
        if (folder / "rows").is_dir():
            return False
        files = files_in(folder)
        own = any(p.suffix in (".json", ".jsonl") and not p.name.startswith(".") for p in folder.iterdir())
    except OSError:  # which reading it as rows will say
        return False
    return any(map(is_results, files)) or (bool(files) and not own)


def _json_row(text: bytes, file: Path, line: int) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        _fail("TAB004", str(file), f"not JSON: {_first_line(error)}", "Mend it, or take it out of the folder.", line)
    if not isinstance(row, dict):
        _fail("TAB004", str(file), "a row that is no JSON object", 'Rows are written {"N": 1e9, "L": 2.5}.', line)
    return row


def json_column(values: list[Any]) -> pa.Array:
    """Numbers stay numbers, and yes and no; a column of several kinds is read as texts."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int, float}:
        with contextlib.suppress(OverflowError):  # a whole number beyond any float: a text, which is no number either
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pa.array([v if v is None or v.isascii() else _whole(v) for v in texts], pa.string())


def _whole(text: str) -> str:
    """A text whose halves of characters, which JSON can write, are question marks."""
    return text.encode("utf-8", "replace").decode()


def _check_header(header: list[str], name: str, line: int = 0) -> None:
    if len(header) > limits.TABLE_COLUMNS:
        _fail("TAB013", name, f"{len(header)} columns", f"At most {limits.TABLE_COLUMNS}.", line)
    odd = [column for column in header if _whole(column) != column]
    if odd:
        _fail("TAB004", name, f"the column {ascii(odd[0])[:60]} is no text", "Name it in whole characters.", line)
    twice = sorted(column for column, times in Counter(header).items() if times > 1)
    if twice:
        _fail("TAB004", name, f"the column '{twice[0]}' a second time", "Give every column its own name.", line)


def _sized(frame: Frame) -> Frame:
    _check_header(frame.arrow.column_names, frame.name)
    if frame.arrow.num_rows == 0 or frame.arrow.num_columns == 0:
        _fail("TAB003", frame.name, "this table has no rows", "Check the path, and that the header is its first line.")
    return frame


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _read_csv(path: Path, delimiter: str) -> pa.Table:
    """Every cell as text: what a column holds is decided where it is used, so that a bad cell has its row."""
    import pyarrow as pa
    import pyarrow.csv

    name = str(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        head = file.readline(limits.TABLE_HEADER + 1)
        header = next(csv.reader([head], delimiter=delimiter), [])
    if not header or len(head) > limits.TABLE_HEADER:
        _fail("TAB003" if not header else "TAB013", name, "no header line", "The first line names the columns.", 1)
    _check_header(header, name, 1)
    odd: list[Fault] = []

    def note(row: Any) -> str:
        where = Span(name, row.number or 0)
        found = f"{row.actual_columns} cells where the header has {row.expected_columns}"
        odd.append(Fault("TAB004", where, found, "A text with a comma in it needs quotes."))
        return "skip"

    arrow = pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(use_threads=False),  # with threads, rows have no numbers
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=note, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={column: pa.string() for column in header}, strings_can_be_null=False
        ),
    )
    if odd:
        raise TableError(_some(odd, name))
    return arrow


def _some(faults: list[Fault], name: str) -> list[Fault]:
    """The first faults of a table, and how many more there are."""
    shown = faults[: limits.TABLE_FAULTS]
    if len(faults) > len(shown):
        more = f"{len(faults) - len(shown)} more faults of this kind"
        shown.append(Fault(faults[0].code, Span(name), more, ""))
    return shown


def _from_memory(frame: Any) -> Frame:
    import io

    import pyarrow as pa
    import pyarrow.ipc

    try:
        arrow = frame if isinstance(frame, pa.Table) else pa.table(frame)
    except (TypeError, ValueError, pa.ArrowException) as error:
        kind = type(frame).__name__
        cure = "Give a path, a catalogue id, a pandas or polars frame, or a mapping of names to columns."
        _fail("TAB015", "<table>", f"a {kind} is not a table: {_first_line(error)}", cure)
    arrow = arrow.replace_schema_metadata(None)
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow.combine_chunks())
    digest = hashlib.sha256(sink.getvalue()).hexdigest()
    return _sized(Frame(arrow, "<table>", digest, {}))
