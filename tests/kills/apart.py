"""Commands in processes of their own, forked from this one, which has imported everything already and begun no thread.

So that a kill costs what the command does, not the seconds that imports take; nothing is written while importing.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import random
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import instants

_SUBREAPER = 36  # of prctl: workers that have lost their parent become our children, and can be waited for


@dataclass(frozen=True)
class Ended:
    """How a command ended: status as a shell shows it (137 when killed), what it said, calls, seconds."""

    status: int
    said: str
    calls: int
    seconds: float
    workers_killed: int = 0


def adopt() -> None:
    """Become the parent of what our children leave behind."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def command(
    arguments: Sequence[str], folder: Path, *, at_call: int = 0, after: float | None = None, with_signal: int = 9,
    worker: bool = False, chance: random.Random | None = None,
) -> Ended:  # fmt: skip
    """`lawdsl ARGUMENTS` in a folder; killed at a call, or `after` seconds by a signal to the whole process group, or
    `worker`, to one of its workers alone."""
    said = folder.parent / "said"
    into, out = os.pipe()
    began = time.monotonic()
    process = _fork()
    if process == 0:
        os.close(into)
        _become(arguments, folder, said, at_call, out)
    os.close(out)
    handle = os.pidfd_open(process)
    killed = 0
    try:
        if after is not None and not select.select([handle], [], [], after)[0]:
            killed = _strike(process, with_signal, worker, chance)
        select.select([handle], [], [], 300)
    finally:
        os.close(handle)
        if worker or with_signal == signal.SIGKILL or after is None:
            _kill_group(process)
        status = _waited(process)
    with open(into, "rb") as pipe:
        calls = int(pipe.read() or b"0")
    return Ended(status, said.read_text("utf-8", "replace"), calls, time.monotonic() - began, killed)


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives, called in a fork, so that no thread of a library is begun here."""
    into, out = os.pipe()
    process = _fork()
    if process == 0:
        os.close(into)
        try:
            answer = (True, function(*arguments))
        except BaseException as error:
            answer = (False, repr(error))
        with open(out, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        os._exit(0)
    os.close(out)
    with open(into, "rb") as pipe:
        content = pipe.read()
    os.waitpid(process, 0)
    good, answer = pickle.loads(content)
    if not good:
        raise AssertionError(answer)
    return answer


def warm(arguments: Sequence[str], folder: Path) -> None:
    """Import here all that a command imports."""
    for name in call(_modules, arguments, folder):
        if name not in sys.modules and not name.startswith(("__", "tests.")):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(name)
            except Exception:  # made up at run time by a library
                continue
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, f"an import has begun threads: {len(threads)}"


def _modules(arguments: Sequence[str], folder: Path) -> list[str]:
    from lawdsl.cli import run

    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    run(list(arguments))
    return list(sys.modules)


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jax warns of its threads, which have not begun
        return os.fork()


def _become(arguments: Sequence[str], folder: Path, said: Path, at_call: int, out: int) -> None:
    """In the fork: be the command."""
    status = 3
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it would be deaf to it
        os.chdir(folder)
        text = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(text, 1)
        os.dup2(text, 2)
        sys.argv = ["lawdsl", *arguments]
        instants.arm(at_call)
        try:
            _main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(out, str(instants.counted()).encode())
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _main() -> None:
    """The command's own entry; a stop before it has begun is nobody's but the interpreter's."""
    try:
        from lawdsl.__main__ import main
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main()


def _strike(process: int, with_signal: int, worker: bool, chance: random.Random | None) -> int:
    """Kill; how many workers alone were killed."""
    if not worker:
        try:
            os.killpg(process, with_signal)
        except ProcessLookupError:  # it has no group of its own yet
            os.kill(process, with_signal)
        return 0
    found = [one for one in _children(process) if b"spawn_main" in _line(one)]
    if not found:
        return 0
    os.kill((chance or random).choice(found), signal.SIGKILL)
    return 1


def _children(process: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _kill_group(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _waited(process: int) -> int:
    """Wait for the command and for all that it began; its status."""
    _, ended = os.waitpid(process, 0)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if os.waitpid(-process, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            break
    else:
        raise AssertionError("workers outlive their command")
    code = os.waitstatus_to_exitcode(ended)
    return code if code >= 0 else 128 - code
