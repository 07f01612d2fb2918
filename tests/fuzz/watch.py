"""What a text makes happen: Python tells its auditors of every file, process, socket and piece of code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

#: events of what reading a text never does
DOORS = frozenset({
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn", "subprocess.Popen",
    "socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request", "pickle.find_class", "marshal.loads",
    "ctypes.dlopen", "os.remove", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.truncate",
    "os.chmod", "os.chown", "os.putenv", "shutil.rmtree", "shutil.copyfile", "shutil.move", "webbrowser.open",
})  # fmt: skip


class _Watch:
    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in DOORS or (event == "open" and _writes(arguments)):
            self.seen.append(f"{event} {str(arguments)[:120]}")
        elif event == "exec" and getattr(arguments[0], "co_filename", "<").startswith("<"):
            self.seen.append(f"exec {arguments[0]!r:.120}")  # of a module's file it is an import


def _writes(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


@lru_cache(maxsize=1)
def _watch() -> _Watch:
    """The one auditor of this process: once it is there, it cannot be taken away."""
    watch = _Watch()
    sys.addaudithook(watch)
    return watch


@contextmanager
def watched() -> Iterator[list[str]]:
    """What of `DOORS` is opened within, files that are written to, and texts that are run: a list that grows."""
    watch = _watch()
    watch.seen, watch.on = [], True
    try:
        yield watch.seen
    finally:
        watch.on = False
