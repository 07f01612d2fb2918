"""Files that are there whole or not at all, however their writing ends."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from .errors import Fault, OutsideError, Span

#: seconds without a write after which a file that was being written has nobody who writes it
STALE = 3600.0
#: what this process was asked for and has written, in order: told when it is stopped
answered: list[str] = []
_PART = re.compile(r"\.[0-9a-f]{32}\.part(\.\w+)?")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name in the same folder to write to; what stands there becomes `path` in one step if all goes well, and is
    forced to the disk before. On any failure nothing is left, and what `path` held stays.

    The name is hidden and ends as `path` does, since writers of pictures and tables go by the ending. What killed
    processes have left under such names is taken away.
    Raises: OSError where it cannot be written.
    """
    part = path.with_name(f".{uuid4().hex}.part{path.suffix}")
    try:
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
        settle(path.parent)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        _sweep_up(path.parent)


def _sweep_up(folder: Path) -> None:
    """Files that nobody has written to for an hour: whoever wrote them was killed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
                        os.unlink(entry.path)


def write(path: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8. Raises: OSError where it cannot be written."""
    with replacing(path) as part:
        _fill(part, content)


@contextlib.contextmanager
def answering(path: Path, what: str, cure: str) -> Iterator[Path]:
    """`replacing` for an answer that somebody asked for: its folder is made. `what` names it, as in "the report".

    Raises: OutsideError (FIT001) where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            yield part
        answered.append(str(path))
    except OSError as error:
        message = f"{what} cannot be written: {error.strerror or error}"
        raise OutsideError(Fault("FIT001", Span(str(path)), message, cure)) from None


def answer(path: Path, content: bytes | str, what: str, cure: str) -> None:
    """Write a file, text as UTF-8, into a folder that is made. Raises: OutsideError (FIT001)."""
    with answering(path, what, cure) as part:
        _fill(part, content)


def _fill(part: Path, content: bytes | str) -> None:
    part.write_bytes(content.encode() if isinstance(content, str) else content)


def settle(folder: Path) -> None:
    """Force a folder's names to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
