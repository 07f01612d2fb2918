"""The option `--plot FILE` of every command that draws: its ending is looked at before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AskError, Fault, Span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: how a picture's file may end
ENDINGS = (".png", ".svg", ".pdf")


class _Picture(click.Path):
    """A file name that ends in one of `ENDINGS`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises: AskError (ASK060) for another ending."""
        path = Path(str(super().convert(value, param, ctx)))
        if path.suffix.lower() not in ENDINGS:
            found = f"ends in '{path.suffix[:20]}'" if path.suffix else "has no ending"
            cure = "Name a .png, .svg or .pdf."
            raise AskError(Fault("ASK060", Span(f"--plot {value}"[:120]), f"the picture's name {found}", cure))
        return path


def plot_option(shows: str) -> Callable[[Any], Any]:
    """`--plot FILE`, and in the help what the picture shows."""
    return click.option("--plot", type=_Picture(), metavar="FILE", help=f"Draw {shows} into this .png, .svg or .pdf.")


def draw(plot: Path | None, figure: Callable[[], Figure]) -> None:
    """Make the picture and write it, where one is wanted."""
    if plot is not None:
        from fitting.plots import save

        save(figure(), plot)
