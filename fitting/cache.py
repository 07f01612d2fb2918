"""The folder where what was compiled is kept, so that the second run of a law does not compile again.

It is `$LAWDSL_CACHE`, else the user's cache folder; `LAWDSL_CACHE=off` keeps nothing. It is private to its owner (mode
0700), because what it holds is run: an entry that belongs to another user, or that others may write to, is not read. A
cache that cannot be written, or an entry that cannot be read, costs a compilation and nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import stat
from pathlib import Path

from lawdsl import atomic

MAX_BYTES = 512 * 2**20
SUFFIXES = (".program", ".expressions")
#: folders that could not be used, and why: the command line says it once
refused: dict[str, str] = {}


def folder() -> Path | None:
    """The folder of stored programs, made if it is not there; None when switched off or not safely usable."""
    named = os.environ.get("LAWDSL_CACHE", "")
    if named.lower() == "off":
        return None
    try:
        if named:
            chosen = Path(named).expanduser() / "programs"
        else:
            from platformdirs import user_cache_dir

            chosen = Path(user_cache_dir("lawdsl")) / "programs"
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        if private(chosen):
            return chosen
        refused[str(chosen)] = "it is another user's, or others may write to it"
        return None
    except OSError as error:
        refused[str(named or error.filename)] = error.strerror or str(error)
        return None
    except (RuntimeError, ImportError):
        return None


def private(path: Path) -> bool:
    """Whether only the user can have written there. Systems without user ids are taken at their word."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def keep(path: Path, content: bytes) -> None:
    """Write an entry, whole or not at all, and drop the oldest ones beyond the cache's size."""
    try:
        with atomic.replacing(path) as part:
            part.touch(0o600)
            part.write_bytes(content)
        prune(path.parent, MAX_BYTES)
    except OSError as error:  # no space, no rights: the fit goes on
        refused[str(path.parent)] = error.strerror or str(error)


def told() -> list[str]:
    """What there is to say of folders that could not be used, said once."""
    notes = [
        f"what was compiled could not be kept in {folder}: {why}; it costs time alone, and LAWDSL_CACHE names another"
        for folder, why in refused.items()
    ]
    refused.clear()
    return notes


def prune(folder: Path, limit: int) -> None:
    """Delete the entries used longest ago until the folder holds at most `limit` bytes."""
    entries = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.suffix not in SUFFIXES:
                continue
            status = path.stat()
            entries.append((status.st_mtime, status.st_size, path))
    held = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if held <= limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            held -= size


def version(name: str) -> str:
    """A package and its version."""
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} none"


@functools.cache
def sources() -> str:
    """Digest of the Python files of the language and the engine."""
    digest = hashlib.sha256()
    home = Path(__file__).parent
    for path in [*sorted(home.glob("*.py")), *sorted((home.parent / "lawdsl").glob("*.py"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
