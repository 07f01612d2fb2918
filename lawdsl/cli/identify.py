"""The command identify: what a table's rows can tell of a law, before any fit."""

from __future__ import annotations

import click

from . import say
from .command import command
from .fits import _engine, _units, pairs
from .options import DATA, JSON, table_options
from .values import LawName


@command("identify")
@click.argument("law", type=LawName())
@DATA
@table_options
@JSON
def identify_command(
    law: str, data: str | None, maps: tuple[str, ...], where: str | None, units: tuple[str, ...],
    drop_missing: bool | None, as_json: bool,
) -> int:  # fmt: skip
    """Which parameters the rows of a table can tell, before any fit: what they cannot, and the run that would mend it.

    A table of planned runs needs no responses.
    """
    from .. import library
    from ..errors import TableError
    from ..table import bind

    found = library.load(law)
    given = {"map": pairs(maps, "--map"), "where": where, "units": _units(units, found), "drop_missing": drop_missing}
    try:
        table = bind(found, data, **given)  # type: ignore[arg-type]
    except TableError as error:
        if {fault.code for fault in error.faults} - {"TAB005", "TAB007"}:
            raise
        table = bind(found, data, **given, response=False)  # type: ignore[arg-type]
    _engine()
    from fitting.identify import identify
    from fitting.model import Model

    told = identify(Model(found.holding(dict(table.fixed)), table))
    exact = any(one.exact for one in told.directions)
    if as_json:
        say.as_json({"law": found.name, "data": table.source, "rows": table.rows, "told": not exact} | told.as_json())
        return 1 if exact else 0
    for line in table.notes:
        say.note(line)
    say.heading(f"{table.rows} rows of {table.source} tell {told.rank} of {told.width} parameters of {found.name}")
    say.bullets(told.reasons())
    if any(not one.exact for one in told.directions):
        say.text("Hardly: as far as the noise is as large as its prior says; a fit knows it better.")
    return 1 if exact else 0
