"""The library that kills a process at a chosen call to the file system (instants.c), where there is a compiler."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

#: the built library, in the environment of the command that has been begun again with it
NAME = "KILLS_LIBRARY"


def with_library(folder: Path) -> None:
    """Begin this command again with the library in it. Without a compiler: do nothing, instants are times alone."""
    compiler = shutil.which("cc")
    if NAME in os.environ or compiler is None or sys.platform != "linux":
        return
    built = folder / "instants.so"
    source = Path(__file__).with_name("instants.c")
    done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], capture_output=True)
    if done.returncode != 0:
        return
    os.environ |= {NAME: str(built), "LD_PRELOAD": str(built)}
    os.execv(sys.executable, [sys.executable, "-m", "tests.kills", *sys.argv[1:]])


def there() -> bool:
    """Whether processes can be killed at a call."""
    return NAME in os.environ


def arm(at: int) -> None:
    """Count from here on, in this process and its workers, and die at that call; 0: count alone."""
    if there():
        os.environ["KILLS_AT"] = str(at)
        ctypes.CDLL(os.environ[NAME]).kills_arm(ctypes.c_long(at))


def counted() -> int:
    """The calls of this process since then."""
    return int(ctypes.CDLL(os.environ[NAME]).kills_count()) if there() else 0
