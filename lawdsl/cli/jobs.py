"""The options of commands that do many fits: where they run, and where what is done is kept."""

from __future__ import annotations

from typing import Any

import click

from .. import limits
from .values import OutFile, Whole

JOB_OPTIONS = (
    click.option("--workers", type=Whole(1, limits.WORKERS), help="Processes; a core each unless said."),
    click.option(
        "--on",
        default="local",
        show_default=True,
        metavar="local|here|ray[:ADDRESS]",
        help="Processes of this machine, this process alone, or Ray.",
    ),
    click.option("--store", type=OutFile(), help="A file that keeps what is done, to go on with."),
)


def job_options(command: Any) -> Any:
    """The options `--workers`, `--on` and `--store`."""
    for option in reversed(JOB_OPTIONS):
        command = option(command)
    return command
