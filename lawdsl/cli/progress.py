"""What a long task is doing: a bar on a terminal's stderr, with how many are done, the rate and the time left.

It appears after a second, so that quick work leaves no flicker, and is taken away at the end; where stderr is no
terminal nothing is written.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .terminal import is_terminal

#: seconds before the bar is shown
AFTER = 1.0


def duration(seconds: float) -> str:
    """A time for reading: `40 s`, `12 min`, `3.5 h`, `2.1 days`."""
    if seconds < 90:
        return f"{max(1, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def pace(done: int, total: int, taken: float) -> str:
    """`12/40, 3.1/s, 9 s left`, the rate once a second has passed."""
    told = f"{done}/{total}"
    if done > 0 and taken > 1:
        rate = done / taken
        told += f", {rate:.3g}/s" if rate >= 0.1 else f", {60 * rate:.2g}/min"
        told += f", {duration((total - done) / rate)} left" if done < total else ""
    return told


class Progress:
    """Called with a stage, how many of it are done, and how many there are."""

    def __init__(self, shown: bool):
        self.shown = shown and is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self.bar: Any = None
        self.task: Any = None
        self.stage = ""
        self.born = self.began = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self.shown:
            return
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.began = stage, now
        if self.bar is None:
            if now - self.born < AFTER:
                return
            self._open()
        self.bar.update(
            self.task, description=stage, pace=pace(done, total, now - self.began), completed=done, total=total
        )

    def _open(self) -> None:
        from rich import progress
        from rich.console import Console

        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(bar_width=24),
                   progress.TextColumn("{task.fields[pace]}"))  # fmt: skip
        self.bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self.bar.start()
        self.task = self.bar.add_task("", pace="", total=None)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


@contextmanager
def progress(shown: bool) -> Iterator[Progress]:
    """A `Progress` that is taken away at the end, however it comes."""
    bar = Progress(shown)
    try:
        yield bar
    finally:
        bar.close()
