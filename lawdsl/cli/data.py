"""Commands about tables: data list, data show, data get."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import say
from .command import Group
from .options import JSON
from .options import out as out_option
from .values import OutFile, TableName

if TYPE_CHECKING:
    from ..catalogue import Entry


@click.group("data", cls=Group)
def data_command() -> None:
    """Tables of observations: what ships, what can be fetched from its origin, what you bring."""


@data_command.command("list")
@JSON
def list_tables(as_json: bool) -> None:
    """Every table of the catalogue, and whether it is at hand."""
    from .. import catalogue

    rows = [(entry, _at_hand(entry)) for entry in catalogue.entries()]
    if as_json:
        say.as_json({"tables": [entry.as_json() | {"at_hand": at_hand} for entry, at_hand in rows]})
        return
    say.table(
        ("table", "source", "at hand", "arXiv", "title", "rows"),
        [(e.id, e.source, "yes" if at_hand else "no", e.paper, e.title, str(e.rows)) for e, at_hand in rows],
        left=5,
    )


def _at_hand(entry: Entry) -> bool:
    from .. import catalogue

    return catalogue.locate(entry.id) is not None


@data_command.command("show")
@click.argument("table", type=TableName())
@JSON
def show_table(table: str, as_json: bool) -> None:
    """A table: columns and units, licence, citation, where it is from."""
    from .. import catalogue

    entry = catalogue.entry(table)
    found = catalogue.locate(table)
    place = None if found is None else str(found.path)
    if as_json:
        say.as_json(entry.as_json() | {"at_hand": place is not None, "path": place})
        return
    say.heading(f"{entry.title}  ({entry.id}, {entry.rows} rows)")
    say.text(entry.about)
    say.line()
    facts: list[tuple[str, Any]] = [
        ("arXiv", entry.paper), ("licence", entry.licence), ("cite", "; ".join(entry.citation)),
        ("repository", f"{entry.repository} {entry.path} @ {entry.commit}".strip(" @")), ("url", entry.url),
        ("at hand", place or "no"), ("not with", ", ".join(entry.not_with)),
    ]  # fmt: skip
    say.wrapped([(name, str(value)) for name, value in facts if value])
    say.heading("columns")
    say.wrapped([(c.name, f"{c.quantity}; {c.about}" if c.about else c.quantity) for c in entry.columns])


@data_command.command("get")
@click.argument("table", type=TableName())
@out_option("Write the tidy CSV here as well.")
@JSON
def get_table(table: str, out: Path | None, as_json: bool) -> None:
    """Fetch a table from its origin into the cache, checked by its sha256."""
    from .. import catalogue

    path = catalogue.get(table, out)
    if as_json:
        say.as_json({"table": table, "path": str(path)})
    else:
        say.line(str(path))


@data_command.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option("Write the rows here: .csv or .parquet.", type=OutFile(".csv", ".parquet", code="TAB107", place="TAB107"))
@JSON
def import_evaluations(paths: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Rows from results of evaluations: output folders of lm-eval, logs of llama.cpp's perplexity.

    Each number comes with its standard error, and each row says where it is from. `lawdsl fit LAW --data FOLDER` reads
    such a folder too.
    """
    from ..evaluations import QUANTITIES, read_evaluations, write

    frame = read_evaluations(paths)
    names = frame.arrow.column_names
    if out is not None:
        write(frame, out)
    if as_json:
        units = {name: QUANTITIES[name] for name in names if name in QUANTITIES}
        say.as_json({"rows": frame.arrow.num_rows, "columns": names, "units": units, "notes": list(frame.notes),
                     "path": None if out is None else str(out)})  # fmt: skip
        return
    for text in frame.notes:
        say.note(text)
    if out is not None:
        say.line(f"{out}: {frame.arrow.num_rows} rows, {len(names)} columns")
        return
    shown = [name for name in SHOWN if name in names]
    say.table(shown, [[_cell(row[name]) for name in shown] for row in frame.arrow.select(shown).to_pylist()], left=3)


#: columns of imported rows that the terminal shows
SHOWN = (
    "model", "revision", "quantization", "task", "bits_per_weight", "loss", "loss_se", "delta_loss", "bits_per_byte",
    "bits_per_byte_se", "nats_per_word", "acc", "acc_se",
)  # fmt: skip


def _cell(value: object) -> str:
    from ..numbers import short

    return "" if value is None else short(value) if isinstance(value, float) else str(value)
