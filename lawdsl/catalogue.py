"""Observation tables by name: what the catalogue says of each, where the file lies, and its rows.

    for entry in entries():                  # `lawdsl data`
        print(entry.id, entry.rows, entry.licence)
    loaded = read("chinchilla-epoch")        # `data: {table: chinchilla-epoch}` in a law
    loaded.table, loaded.notes               # a pyarrow table in the catalogue's columns; what to tell the user

A table is looked for in the folder that LAWDSL_DATA names, in the package itself, in the cache, and last at its origin.
Public tables are never redistributed: they are downloaded on request, checked by sha256, and mapped to tidy columns by
`lawdsl.origins`. Tables whose origin is not one plain file are brought by the user. Variables of the environment:

    LAWDSL_DATA    a folder of local copies: tidy (<stem>.csv, .parquet, .jsonl) or as the origin serves them
    LAWDSL_CACHE   where downloads are kept; without it, the system's cache folder

Codes: TAB101 unknown table; TAB102 cannot download; TAB103 another sha256; TAB104 a table the user must bring;
TAB105 not the table the catalogue describes; TAB106 LAWDSL_DATA is no folder; TAB107 a file cannot be read or written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from lawdsl import atomic
from lawdsl.errors import Fault, InputError, OutsideError, Span, suggest

if TYPE_CHECKING:
    import pyarrow as pa

SHIPPED = Path(__file__).parent / "data"
CATALOGUE = SHIPPED / "catalogue.yaml"
TIDY_SUFFIXES = (".csv", ".parquet", ".jsonl")

#: Seconds to connect, and seconds without a byte, before a download counts as failed.
TIMEOUTS = (10.0, 60.0)


@dataclass(frozen=True)
class Column:
    """One column: `unit` from the closed list of the catalogue, `kind` for counts of parameters ("" if unstated)."""

    name: str
    unit: str
    kind: str = ""
    about: str = ""
    scale: float = 1.0  # one of this column is `scale` of `unit`: 2**30 for GiB given in bytes

    @property
    def quantity(self) -> str:
        """The column's quantity as a law writes it: "non-embedding parameters"; a scaled column says "1e+21 FLOP"."""
        unit = self.unit if self.scale == 1.0 else f"{self.scale:g} {self.unit}"
        return f"{self.kind} {unit}".strip()


@dataclass(frozen=True)
class Entry:
    """One table of the catalogue. `sha256` is of the tidy CSV, `origin_sha256` of the file at `url` ("" if none)."""

    id: str
    title: str
    about: str
    rows: int
    columns: tuple[Column, ...]
    paper: str
    citation: tuple[str, ...]
    licence: str
    repository: str
    commit: str
    path: str
    source: Literal["shipped", "origin", "brought"]
    sha256: str
    url: str
    origin_sha256: str
    not_with: tuple[str, ...]

    @property
    def stem(self) -> str:
        """The name of the tidy file, without its suffix."""
        return self.id.replace("-", "_")

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def as_json(self) -> dict[str, object]:
        """The entry as the command line's `--json` prints it."""
        return {**asdict(self), "columns": [{**asdict(c), "quantity": c.quantity} for c in self.columns]}


@dataclass(frozen=True)
class Located:
    """A file of a table: its tidy form, or the origin's. `note` is "" when its sha256 is the catalogue's."""

    path: Path
    kind: Literal["tidy", "origin"]
    digest: str  # sha256 of the file
    note: str = ""


@dataclass(frozen=True)
class Loaded:
    """The rows of a table, in the catalogue's columns. `notes` are for the user; `digest` is of the file read."""

    entry: Entry
    table: pa.Table
    path: Path
    digest: str
    notes: tuple[str, ...]


@cache
def entries() -> tuple[Entry, ...]:
    """Every table of the catalogue, in its order."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(CATALOGUE.read_bytes(), Loader=loader)
    return tuple(_entry(id, fields) for id, fields in document.items())


def entry(id: str) -> Entry:
    """The entry of that id. Raises: InputError (TAB101)."""
    known = {each.id: each for each in entries()}
    if id not in known:
        raise InputError(Fault("TAB101", Span(), f"the catalogue has no table '{id}'", suggest(id, known)))
    return known[id]


def locate(id: str) -> Located | None:
    """The local file of a table, or None; nothing is downloaded.

    Order: LAWDSL_DATA (tidy, then origin, the latter also in `origin/` below it), the package, the cache. A file of
    LAWDSL_DATA is the user's choice and is taken whatever its sha256; a file of the cache must have the catalogue's.
    Raises: InputError (TAB101, TAB106); OutsideError (TAB107).
    """
    wanted = entry(id)
    folder = data_folder()
    for path, kind in _candidates(wanted, folder) if folder else ():
        if path.is_file():
            return _located(wanted, path, kind)
    shipped = SHIPPED / f"{wanted.stem}.csv"
    if wanted.source == "shipped" and shipped.is_file():
        return _located(wanted, shipped, "tidy")
    if wanted.url and _cached(wanted).is_file():
        found = _located(wanted, _cached(wanted), "origin")
        return None if found.note else found
    return None


def fetch(id: str) -> Path:
    """The origin's file in the cache, downloaded if it is not there yet. A shipped table is its own file.

    Raises: InputError (TAB101); OutsideError (TAB102 offline, TAB103 another sha256, TAB104 a table without an origin).
    """
    wanted = entry(id)
    if wanted.source == "shipped":
        return SHIPPED / f"{wanted.stem}.csv"
    if not wanted.url:
        raise _brought(wanted)
    path = _cached(wanted)
    if path.is_file() and _digest(path) == wanted.origin_sha256:
        return path
    content = _download(wanted, path)
    found = hashlib.sha256(content).hexdigest()
    if found != wanted.origin_sha256:
        message = f"what {wanted.url} serves for '{id}' is not the file of the catalogue"
        cure = (
            f"sha256 found {found}, expected {wanted.origin_sha256}; nothing was kept. A proxy or a login page may have"
            f" answered in its place. If you have the right file, {_put_it(wanted)}"
        )
        raise OutsideError(Fault("TAB103", Span(), message, cure))
    _write(path, content)
    return path


def read(id: str) -> Loaded:
    """The table, tidy: from a local file, or else downloaded.

    Raises: InputError (TAB101, TAB106); TableError (TAB105); OutsideError (TAB102, TAB103, TAB104, TAB107).
    """
    from lawdsl import origins

    wanted = entry(id)
    found = locate(id)
    notes = [found.note] if found and found.note else []
    if found is None:
        found = _located(wanted, fetch(id), "origin")
        notes.append(f"{id} was downloaded from {wanted.url} to {found.path} (licence: {wanted.licence}).")
    content = _read(found.path)
    if found.kind == "origin":
        table = origins.tidy(id, content, str(found.path))
    else:
        table = _parse_tidy(content, found.path)
    names = [column.name for column in wanted.columns]
    origins.require(names, table.column_names, str(found.path))
    if table.num_rows != wanted.rows:
        notes.append(f"{found.path} gives {table.num_rows} rows of {id}; the catalogue's table has {wanted.rows}.")
    return Loaded(wanted, table.select(names), found.path, found.digest, tuple(notes))


def get(id: str, to: Path | None = None) -> Path:
    """Writes the tidy CSV to `to` (a file, or a folder that gets <stem>.csv); without `to`, makes the table available.

    The file appears whole or not at all. Returns the path of the file.
    Raises: as `read`; InputError (TAB107) if `to` is not a name for a CSV file.
    """
    if to is None:
        found = locate(id)
        return found.path if found else fetch(id)
    target = to / f"{entry(id).stem}.csv" if to.is_dir() else to
    if target.suffix != ".csv":
        message = f"'{target.name}' is not a name for a CSV file"
        raise InputError(Fault("TAB107", Span(str(target)), message, f"Write it as {target.with_suffix('.csv')}."))
    _write(target, csv_bytes(read(id).table))
    return target


def csv_bytes(table: pa.Table) -> bytes:
    """The table as CSV: shortest numbers that read back the same, blanks for nulls, `\\n` at line ends."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return text.getvalue().encode()


def data_folder() -> Path | None:
    """The folder that LAWDSL_DATA names, or None without one. Raises: InputError (TAB106) if it is none."""
    named = os.environ.get("LAWDSL_DATA", "")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        message = f"LAWDSL_DATA names '{named}', which is not a folder"
        raise InputError(Fault("TAB106", Span(), message, "Name a folder of tables, or unset LAWDSL_DATA."))
    return folder


def cache_folder() -> Path:
    """Where downloads are kept: $LAWDSL_CACHE/data, or the system's cache folder, which `off` leaves them too."""
    named = os.environ.get("LAWDSL_CACHE", "")
    if named and named.lower() != "off":
        return Path(named).expanduser() / "data"
    import pooch

    return Path(pooch.os_cache("lawdsl")) / "data"


def _entry(id: str, fields: Mapping[str, Any]) -> Entry:
    origin = fields.get("origin", {"url": "", "sha256": ""})
    nested = ("columns", "origin", "citation", "not_with")
    plain = {name: value for name, value in fields.items() if name not in nested}
    return Entry(
        id=id,
        columns=tuple(Column(name=name, **column) for name, column in fields["columns"].items()),
        citation=tuple(fields["citation"]),
        not_with=tuple(fields["not_with"]),
        url=origin["url"],
        origin_sha256=origin["sha256"],
        **plain,
    )


def _candidates(wanted: Entry, folder: Path) -> list[tuple[Path, Literal["tidy", "origin"]]]:
    tidy: list[tuple[Path, Literal["tidy", "origin"]]] = [
        (folder / f"{wanted.stem}{suffix}", "tidy") for suffix in TIDY_SUFFIXES
    ]
    if not wanted.url:
        return tidy
    names = (_served_name(wanted), _origin_name(wanted))
    return [*tidy, *((place / name, "origin") for place in (folder, folder / "origin") for name in names)]


def _served_name(wanted: Entry) -> str:
    return wanted.url.rsplit("/", 1)[-1]


def _origin_name(wanted: Entry) -> str:
    return f"{wanted.stem}.origin{Path(_served_name(wanted)).suffix}"


def _cached(wanted: Entry) -> Path:
    return cache_folder() / _origin_name(wanted)


def _located(wanted: Entry, path: Path, kind: Literal["tidy", "origin"]) -> Located:
    digest = _digest(path)
    if digest == wanted.origin_sha256:
        kind = "origin"  # one origin serves its file under the name of the tidy one
    expected = wanted.sha256 if kind == "tidy" else wanted.origin_sha256
    note = ""
    if kind == "tidy" and path.suffix != ".csv":
        note = f"{path} stands in for {wanted.id}; the catalogue has a sha256 for the CSV only, so it was not checked."
    elif digest != expected:
        digests = f"sha256 {digest[:12]}..., not {expected[:12]}..."
        note = f"{path} is used as {wanted.id}, but it is not the catalogue's file ({digests})."
    return Located(path, kind, digest, note)


def _digest(path: Path) -> str:
    return hashlib.sha256(_read(path)).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        raise OutsideError(Fault("TAB107", Span(str(path)), message, "Check its permissions.")) from None


def _parse_tidy(content: bytes, path: Path) -> pa.Table:
    import io

    import pyarrow as pa

    from lawdsl import origins

    if path.suffix == ".csv":
        return origins.read_csv(content, str(path))
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(io.BytesIO(content))
        import pyarrow.json

        return pyarrow.json.read_json(io.BytesIO(content))
    except pa.ArrowException as error:
        raise origins.fault(str(path), f"the file is not {path.suffix[1:]}: {str(error).splitlines()[0]}") from None


def _download(wanted: Entry, path: Path) -> bytes:
    """The bytes at the origin, by way of a file beside `path`. Raises: OutsideError (TAB102, TAB107)."""
    import pooch
    from requests import exceptions

    part = path.with_name(f".{uuid4().hex}.part")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            pooch.HTTPDownloader(timeout=TIMEOUTS)(wanted.url, str(part), None)
            return part.read_bytes()
        except exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else "an error"
            raise _offline(wanted, f"the server answered {status}") from None
        except exceptions.SSLError:
            raise _offline(wanted, "the server's certificate is not trusted here") from None
        except exceptions.Timeout:
            raise _offline(wanted, "no answer in time") from None
        except exceptions.ConnectionError:
            raise _offline(wanted, "the server cannot be reached") from None
        except exceptions.RequestException as error:
            raise _offline(wanted, f"the download broke off ({type(error).__name__})") from None
        finally:
            part.unlink(missing_ok=True)


def _offline(wanted: Entry, reason: str) -> OutsideError:
    message = f"'{wanted.id}' cannot be downloaded from {wanted.url}: {reason}"
    cure = f"Try again online, or get that file another way and {_put_it(wanted)}"
    return OutsideError(Fault("TAB102", Span(), message, cure))


def _brought(wanted: Entry) -> OutsideError:
    at = f" at commit {wanted.commit}" if wanted.commit else ""
    columns = ", ".join(column.name for column in wanted.columns)
    message = f"'{wanted.id}' has no single file to download: you bring it"
    cure = (
        f"It comes from {wanted.path} of {wanted.repository}{at} (licence: {wanted.licence}). Make a CSV of the"
        f" columns {columns}; save it as {wanted.stem}.csv in a folder and set LAWDSL_DATA to that folder, or give the"
        " path of your file in place of the table's name."
    )
    return OutsideError(Fault("TAB104", Span(), message, cure))


def _put_it(wanted: Entry) -> str:
    return (
        f"save it as {_served_name(wanted)} (or its tidy form as {wanted.stem}.csv) in a folder, and set LAWDSL_DATA to"
        " that folder."
    )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turns a failure to write at `path` into an OutsideError (TAB107)."""
    try:
        yield
    except OSError as error:
        message = f"cannot write here: {error.strerror or error}"
        cure = "Make the folder, or choose another (LAWDSL_CACHE names the one for downloads)."
        raise OutsideError(Fault("TAB107", Span(str(path)), message, cure)) from None


def _write(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames, so that no reader ever sees half a file. Raises: OutsideError (TAB107)."""
    with _writing(path):
        atomic.write(path, content)
