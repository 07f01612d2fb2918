"""A store: the folder that holds a sweep's rows, in which nothing finished is ever lost, replaced or half there.

    ladder/
      sweep.json              the form of the store, and the plan that was run last
      rows/KEY.json           one row, one JSON object; the table of observations is this folder
      documents/KEY.npz       the row's losses document by document
      baselines/KEY.npz       16-bit passes, reused when a sweep goes on
      checkpoints/NAME.json   digests of checkpoints, so that they are not computed again
      failures/KEY.json       why a cell has no row; the next run tries it again
      rows.csv, rows.parquet  the rows as one table, rewritten when a sweep ends

A file is written under another name, forced to the disk, and then given its own name, so that whatever is seen under
that name is whole. A row's name is given with `link`, which never replaces; what a row rests on is written before it.
One sweep of a shard works on a store at a time, by a lock that the system lets go with the process that held it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import socket
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lawdsl import atomic
from lawdsl.errors import Fault, InputError, OutsideError, Span

from .cells import Documents, Failure, Row, name_key

if TYPE_CHECKING:
    from .plan import Plan

FORMAT = "lawdsl sweep 1"
FOLDERS = ("rows", "documents", "baselines", "checkpoints", "failures", "damaged")
_KEY = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = re.compile(r"\..+\.(?P<host>[^/]+)~(?P<process>\d+)\.tmp")


@dataclass
class Index:
    """What a store holds: each finished cell's checkpoint, and remarks on what is no row."""

    checkpoints: dict[str, str] = field(default_factory=dict)  # key -> the checkpoint's label
    remarks: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # names of row files that are no whole rows


@dataclass(frozen=True)
class Store:
    """An open store. Every method that writes raises OutsideError (MEA401) where the folder takes no more."""

    folder: Path

    # --- reading ---

    def index(self) -> Index:
        """The finished cells."""
        index = Index()
        for path in self._files("rows"):
            row = _object(path)
            if _KEY.fullmatch(path.stem) and row is not None and row.get("key") == path.stem:
                index.checkpoints[path.stem] = str(row.get("checkpoint", ""))
            elif _KEY.fullmatch(path.stem):
                index.damaged.append(path.name)
            else:
                index.remarks.append(f"rows/{path.name} is not a row of this sweep, and is left alone")
        return index

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, one after another, in the order of their keys."""
        for path in self._files("rows"):
            row = self.row(path.stem)
            if row is not None:
                yield row

    def row(self, key: str) -> dict[str, Any] | None:
        """One row."""
        row = _object(self.folder / "rows" / f"{key}.json")
        return row if row is not None and row.get("key") == key else None

    def failures(self) -> list[Failure]:
        """The cells that have no row, with the reason of the last try."""
        found = []
        for path in self._files("failures"):
            content = _object(path) or {}
            with contextlib.suppress(TypeError):  # another's file
                found.append(Failure(**content))
        return found

    def documents(self, key: str) -> Documents | None:
        """A row's losses by document."""
        return _arrays(self.folder / "documents" / f"{key}.npz")

    def baseline(self, key: str) -> Documents | None:
        """A kept 16-bit pass."""
        return _arrays(self.folder / "baselines" / f"{key}.npz")

    def noted(self, name: str) -> dict[str, Any] | None:
        """What `note` has kept of a checkpoint."""
        return _object(self.folder / "checkpoints" / f"{name}.json")

    def _files(self, kind: str) -> list[Path]:
        try:
            return sorted(path for path in (self.folder / kind).iterdir() if path.suffix == ".json")
        except OSError:
            return []

    # --- writing ---

    def add(self, row: Row) -> bool:
        """Write a row; what is there already stays. Returns whether the row is new."""
        place = self.folder / "rows" / f"{row.key}.json"
        if place.exists():
            return False
        self._write(self.folder / "documents" / f"{row.key}.npz", _packed(row.documents))
        line = json.dumps(dict(row.columns) | {"key": row.key}, ensure_ascii=False, allow_nan=False) + "\n"
        added = self._write(place, line.encode(), replace=False)
        names = [str(row.columns.get(column, "")) for column in ("checkpoint", "format", "corpus")]
        for key in (row.key, name_key(names[0], names[1], names[2])):
            with contextlib.suppress(OSError):
                os.unlink(self.folder / "failures" / f"{key}.json")
        return added

    def fail(self, failure: Failure) -> None:
        """Keep why a cell has no row."""
        self._write(self.folder / "failures" / f"{failure.key}.json", _line(asdict(failure)), durable=False)

    def keep_baseline(self, key: str, documents: Documents) -> None:
        """Keep a 16-bit pass."""
        self._write(self.folder / "baselines" / f"{key}.npz", _packed(documents))

    def note(self, name: str, content: Mapping[str, object]) -> None:
        """Keep what was found out about a checkpoint."""
        self._write(self.folder / "checkpoints" / f"{name}.json", _line(content), durable=False)

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the store itself, such as rows.csv."""
        self._write(self.folder / name, data)

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """A path to write to; it becomes the file `name` if all goes well."""
        temporary = _temporary(self.folder / name)
        with self._foreseen():
            try:
                yield temporary
                os.replace(temporary, self.folder / name)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)

    def set_aside(self, names: list[str]) -> list[str]:
        """Move files that are no whole rows to damaged/, so that their cells are measured again. Returns remarks."""
        remarks = []
        with self._foreseen():
            for name in names:
                os.replace(self.folder / "rows" / name, self.folder / "damaged" / name)
                remarks.append(f"rows/{name} is no whole row; it is now damaged/{name}, and is measured again")
        return remarks

    def _write(self, path: Path, data: bytes, replace: bool = True, durable: bool = True) -> bool:
        temporary = _temporary(path)
        with self._foreseen():
            try:
                with open(temporary, "xb") as file:
                    file.write(data)
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())
                if replace:
                    os.replace(temporary, path)
                elif not _link(temporary, path):
                    return False
                if durable:
                    atomic.settle(path.parent)
                return True
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)

    @contextlib.contextmanager
    def _foreseen(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> OutsideError:
        cure = "Free some space or choose another --store; finished rows are whole, and the same command goes on."
        message = f"the store cannot be written: {error.strerror or error}"
        return OutsideError(Fault("MEA401", Span(str(self.folder)), message, cure))

    # --- one sweep at a time ---

    @contextlib.contextmanager
    def locked(self, shard: tuple[int, int] = (1, 1)) -> Iterator[bool]:
        """Hold the store for one shard. False is given where the system has no locks: then nobody else is kept out.

        Shards of one division may work together; raises InputError (MEA403) where another sweep holds this shard, or
        a shard of another division.
        """
        try:
            import fcntl
        except ImportError:  # not a Unix
            yield False
            return
        folder = self.folder / "locks"
        own = folder / f"{shard[0]}-of-{shard[1]}"
        with contextlib.ExitStack() as held:
            with self._foreseen():
                folder.mkdir(exist_ok=True)
                gate = held.enter_context(open(folder / "gate", "ab"))
                mine = held.enter_context(open(own, "a+"))
            try:
                fcntl.flock(gate, fcntl.LOCK_EX)  # for a moment: who comes first is decided here
                for other in sorted(folder.glob("*-of-*")):
                    if other != own and other.name.partition("-of-")[2] == str(shard[1]):
                        continue
                    with open(other, "a+") as file:
                        try:
                            fcntl.flock(mine if other == own else file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        except BlockingIOError:
                            raise self._taken(other) from None
                fcntl.flock(gate, fcntl.LOCK_UN)
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise self._unwritable(error) from None
                yield False
                return
            with self._foreseen():
                mine.truncate(0)
                who = {"process": os.getpid(), "host": socket.gethostname(), "since": _now()}
                mine.write(json.dumps(who))
                mine.flush()
            self._sweep_up()
            yield True

    def _taken(self, lock: Path) -> InputError:
        who = _object(lock) or {}
        shard = lock.name.replace("-of-", "/")
        holder = f"process {who.get('process', '?')} on {who.get('host', '?')}, since {who.get('since', '?')}"
        message = f"another sweep (shard {shard}) works on this store: {holder}"
        cure = "Wait for it, or divide the work between both: --shard 1/2 and --shard 2/2."
        return InputError(Fault("MEA403", Span(str(self.folder)), message, cure))

    def _sweep_up(self) -> None:
        """Unfinished files of processes that are no more."""
        host = socket.gethostname()
        for kind in (".", *FOLDERS):
            for path in (self.folder / kind).glob(".*.tmp"):
                match = _TEMPORARY.fullmatch(path.name)
                with contextlib.suppress(OSError):
                    if match and match["host"] == host and not _alive(int(match["process"])):
                        os.unlink(path)


def open_store(folder: str | Path, plan: Plan | None = None) -> Store:
    """The store in a folder; with a plan, one is made there if need be.

    Raises: InputError (MEA402) for a folder of something else; OutsideError (MEA401) where it cannot be written.
    """
    store = Store(Path(folder))
    note = store.folder / "sweep.json"
    found = _object(note)
    if found is not None and found.get("format") != FORMAT:
        message = f"its format is {str(found.get('format', 'not said'))[:60]!r}, and {FORMAT!r} is read here"
        raise InputError(Fault("MEA402", Span(str(note)), message, "Choose another --store, or update lawdsl."))
    if found is None:
        _refuse_foreign(store.folder, plan is not None)
    if plan is not None:
        import lawdsl

        with store._foreseen():
            store.folder.mkdir(parents=True, exist_ok=True)
        content = {"format": FORMAT, "lawdsl": lawdsl.__version__, "measure": plan.name, "plan": plan.text}
        if found != content:
            store.write("sweep.json", _line(content))
        with store._foreseen():
            for kind in FOLDERS:
                (store.folder / kind).mkdir(exist_ok=True)
    return store


def _refuse_foreign(folder: Path, make: bool) -> None:
    """A store is made in a new folder or an empty one."""
    try:
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        if make:
            return
        others = []
    except OSError as error:
        message = f"the store cannot be opened: {error.strerror}"
        raise OutsideError(Fault("MEA401", Span(str(folder)), message, "Choose another with --store.")) from None
    if others or not make:
        found = f"a folder with {others[0]}{' and more' if others[1:] else ''} in it" if others else "no such store"
        cure = "A sweep's store is a folder of its own: choose another with --store, or empty this one."
        raise InputError(Fault("MEA402", Span(str(folder)), f"this is {found}, and no store of a sweep", cure))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{socket.gethostname()}~{os.getpid()}.tmp")


def _link(temporary: Path, path: Path) -> bool:
    """Give a file its name unless the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if path.exists():  # a file system without links: the lock alone keeps others out
            return False
        os.rename(temporary, path)
    return True


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _line(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None if it holds none."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _packed(documents: Documents) -> bytes:
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(values) for name, values in documents.items()}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _arrays(path: Path) -> Documents | None:
    """The arrays of a file, or None if it is not there or damaged; nothing in it is ever unpickled."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, ArithmeticError, MemoryError):
        return None  # TypeError: one array, which has no name
    except (zipfile.BadZipFile, zlib.error, struct.error):
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
