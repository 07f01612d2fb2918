"""Files that are there whole or not at all, however their writing ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name in the same folder to write to; what stands there becomes `path` in one step if all goes well, and is
    forced to the disk before. On any failure nothing is left, and what `path` held stays.

    The name is hidden and ends as `path` does, since writers of pictures and tables go by the ending.
    Raises: OSError where it cannot be written.
    """
    part = path.with_name(f".{uuid4().hex}.part{path.suffix}")
    try:
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
        _settle(path.parent)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write(path: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8. Raises: OSError where it cannot be written."""
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def _settle(folder: Path) -> None:
    """Force a folder's names to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
