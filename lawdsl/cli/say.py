"""How the command line speaks: aligned tables on stdout, JSON on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from ..words import interval as interval
from ..words import plus_minus as plus_minus


def as_json(answer: dict[str, Any]) -> None:
    """One JSON object on stdout. Numbers JSON does not have (NaN, infinity) are null."""
    click.echo(json.dumps(_plain(answer), ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def note(text: str) -> None:
    """A line on stderr."""
    click.echo(text, err=True)


def heading(text: str) -> None:
    """A heading on stdout, bold on a terminal."""
    click.echo(click.style(text, bold=True))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Rows under a header, columns aligned: the first `left` to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "  ".join(padded).rstrip()

    click.echo(click.style(line(header), dim=True))
    for row in rows:
        click.echo(line(row))


def width() -> int:
    """Characters of a line: the terminal's, 110 at most."""
    import shutil

    return min(shutil.get_terminal_size((100, 24)).columns, 110)


def wrapped(rows: Sequence[Sequence[str]], indent: int = 2) -> None:
    """Names and texts in two columns, the texts wrapped to the terminal."""
    import textwrap

    names = max((len(row[0]) for row in rows), default=0)
    hang = indent + (names + 2 if names else 0)
    for name, text in rows:
        lines = textwrap.wrap(text, max(30, width() - hang)) or [""]
        click.echo((" " * indent + name.ljust(names)).ljust(hang) + lines[0])
        for line in lines[1:]:
            click.echo(" " * hang + line)


class Progress:
    """What a long task is doing, on stderr: a bar on a terminal, nothing elsewhere."""

    def __init__(self, shown: bool):
        self.shown = shown and sys.stderr.isatty()
        self.bar: Any = None
        self.task: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self.shown:
            return
        if self.bar is None:
            self._open()
        if self.task is None or self.bar.tasks[0].description != stage or self.bar.tasks[0].total != total:
            if self.task is not None:
                self.bar.remove_task(self.task)
            self.task = self.bar.add_task(stage, total=total)
        self.bar.update(self.task, completed=done)

    def _open(self) -> None:
        from rich import progress
        from rich.console import Console

        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"), progress.BarColumn(), progress.TaskProgressColumn(),
            progress.TimeElapsedColumn(), progress.TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self.bar.start()

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
