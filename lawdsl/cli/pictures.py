"""The option `--plot FILE` of every command that draws: its ending is looked at before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import F
from .values import OutFile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: how a picture's file may end
ENDINGS = (".png", ".svg", ".pdf")


def plot_option(shows: str) -> Callable[[F], F]:
    """`--plot FILE`, and in the help what the picture shows."""
    return click.option(
        "--plot", type=OutFile(*ENDINGS, code="ASK060"), help=f"Draw {shows} into this .png, .svg or .pdf."
    )


def draw(plot: Path | None, figure: Callable[[], Figure]) -> None:
    """Make the picture and write it, where one is wanted."""
    if plot is not None:
        from fitting.plots import save

        save(figure(), plot)
