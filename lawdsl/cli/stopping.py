"""Being stopped: Ctrl-C (SIGINT) and a polite end (SIGTERM, as schedulers send it) end a command alike, in one line.

Both raise KeyboardInterrupt, at whatever instant they come, so that files that were being written are taken away; work
that is kept says so by a note on it (`add_note`), which is told. Exit status: 130 and 143.
"""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: seconds until a stop that was swallowed is raised again
AGAIN = 0.02


class Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM is `Terminated`; a stop that comes where Python swallows errors (in the end of an object) comes again."""

    def terminate(*_: object) -> None:
        raise Terminated

    def hook(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before_hook(lost)
            return

        def again(*_: object) -> None:
            raise lost.exc_type

        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, again)
            signal.setitimer(signal.ITIMER_REAL, AGAIN)

    try:
        before = signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # not the main thread: whoever runs us decides
        yield
        return
    before_hook, sys.unraisablehook = sys.unraisablehook, hook
    try:
        yield
    finally:
        sys.unraisablehook = before_hook
        signal.signal(signal.SIGTERM, before)


def let_go(error: BaseException) -> None:
    """What was half made when the stop came is let go here: its complaints, which Python prints, are no reader's."""
    before, sys.unraisablehook = sys.unraisablehook, lambda lost: None
    for one in (error, error.__cause__, error.__context__):
        if one is not None:
            traceback.clear_frames(one.__traceback__)
    gc.collect()
    sys.unraisablehook = before


def deaf() -> None:
    """The answer is out: from here on a stop would only disturb Python's own end."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)


def stopped(error: BaseException, answered: list[str]) -> tuple[int, str]:
    """The exit status, and what is said: what of the work is kept, and how to go on."""
    cause = error if isinstance(error, KeyboardInterrupt) or error.__cause__ is None else error.__cause__
    notes: list[str] = list(getattr(cause, "__notes__", []))
    if answered and not notes:
        notes = [f"{', '.join(answered)} {'is' if len(answered) == 1 else 'are'} written, and whole"]
    told = "; ".join(notes) or "nothing was written"
    return 143 if isinstance(cause, Terminated) else 130, f"stopped; {told}"
