"""Commands about tables: data list, data show, data get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import catalogue
from . import say
from .laws import JSON


@click.group("data")
def data_command() -> None:
    """Tables of observations: what ships, what can be fetched from its origin, what you bring."""


@data_command.command("list")
@JSON
def list_tables(as_json: bool) -> None:
    """Every table of the catalogue, and whether it is at hand."""
    rows = [(entry, _at_hand(entry)) for entry in catalogue.entries()]
    if as_json:
        say.as_json({"tables": [entry.as_json() | {"at_hand": at_hand} for entry, at_hand in rows]})
        return
    say.table(
        ("table", "rows", "source", "at hand", "arXiv", "title"),
        [(e.id, str(e.rows), e.source, "yes" if at_hand else "no", e.paper, e.title) for e, at_hand in rows],
        left=6,
    )


def _at_hand(entry: catalogue.Entry) -> bool:
    return catalogue.locate(entry.id) is not None


@data_command.command("show")
@click.argument("table")
@JSON
def show_table(table: str, as_json: bool) -> None:
    """A table: columns and units, licence, citation, where it is from."""
    entry = catalogue.entry(table)
    found = catalogue.locate(table)
    place = None if found is None else str(found.path)
    if as_json:
        say.as_json(entry.as_json() | {"at_hand": place is not None, "path": place})
        return
    say.heading(f"{entry.title}  ({entry.id}, {entry.rows} rows)")
    say.wrapped([("", entry.about)], indent=0)
    click.echo()
    facts: list[tuple[str, Any]] = [
        ("arXiv", entry.paper), ("licence", entry.licence), ("cite", "; ".join(entry.citation)),
        ("repository", f"{entry.repository} {entry.path} @ {entry.commit}".strip(" @")), ("url", entry.url),
        ("at hand", place or "no"), ("not with", ", ".join(entry.not_with)),
    ]  # fmt: skip
    say.wrapped([(name, str(value)) for name, value in facts if value])
    say.heading("columns")
    say.wrapped([(c.name, f"{c.quantity}; {c.about}" if c.about else c.quantity) for c in entry.columns])


@data_command.command("get")
@click.argument("table")
@click.option("--out", type=click.Path(path_type=Path), help="Write the tidy CSV here as well.")
@JSON
def get_table(table: str, out: Path | None, as_json: bool) -> None:
    """Fetch a table from its origin into the cache, checked by its sha256."""
    path = catalogue.get(table, out)
    if as_json:
        say.as_json({"table": table, "path": str(path)})
    else:
        click.echo(str(path))
