"""Options that commands have in common, each declared once: one word for one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .. import limits
from .values import Level, OutFile, TableName, Whole

F = TypeVar("F", bound=Callable[..., Any])

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
LEVEL = click.option("--level", type=Level(), default="0.9", show_default=True, help="The intervals' probability.")
DATA = click.option(
    "--data", type=TableName(), metavar="TABLE", help="A file or a table of the catalogue; by default the law's own."
)
GIVEN = click.option(
    "--given", multiple=True, metavar="C=5.76e23", help="The question's numbers; levels of factors too."
)
CHAINS = click.option(
    "--chains", type=Whole(1, limits.CHAINS), default=4, show_default=True, help="Chains of the sampler."
)


def seed(same: str) -> Callable[[F], F]:
    """`--seed`, and what is the same under the same seed."""
    return click.option("--seed", type=Whole(0), default=0, show_default=True, help=f"The same seed, the same {same}.")


def draws(least: int) -> Callable[[F], F]:
    """`--draws`."""
    return click.option(
        "--draws", type=Whole(least, limits.DRAWS), default=1000, show_default=True, help="Draws a chain."
    )


def out(about: str, **more: Any) -> Callable[[F], F]:
    """`--out`, or `-o`: the file to write."""
    return click.option("--out", "-o", type=more.pop("type", OutFile()), help=about, **more)


TABLE_OPTIONS = (
    click.option("--map", "maps", multiple=True, metavar="NAME=COLUMN",
                 help="Where a name's values are: a column, or an expression of columns. May be repeated."),
    click.option("--where", metavar="FILTER", help="Keep these rows: \"bits < 5 and scheme == 'rtn'\"."),
    click.option("--units", multiple=True, metavar="NAME=UNIT", help="A column's unit, where it is not the law's."),
    click.option("--drop-missing", is_flag=True, default=None, help="Drop rows with gaps (they are counted)."),
)  # fmt: skip


def table_options(command: Any) -> Any:
    """The options that bind a table to a law."""
    for option in reversed(TABLE_OPTIONS):
        command = option(command)
    return command
