"""The command `sweep`: many laws by many tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from . import say
from .command import command
from .fits import METHODS, _engine
from .jobs import job_options
from .options import CHAINS, JSON
from .options import draws as draws_option
from .options import out as out_option
from .values import LawName, OutFolder, TableName, Whole


@command("sweep")
@click.argument("laws", nargs=-1, required=True, type=LawName(), metavar="LAW...")
@click.option(
    "--data",
    multiple=True,
    type=TableName(),
    metavar="TABLE",
    help="A file or a table of the catalogue. May be repeated; each law's own tables unless said.",
)
@click.option("--method", type=click.Choice(METHODS), default="nuts", show_default=True, help="As of `lawdsl fit`.")
@click.option("--seeds", type=Whole(1, 10_000), default=1, show_default=True, help="Fits of each, 0 on.")
@CHAINS
@draws_option(4)
@out_option("The folder of the fit files.", type=OutFolder(), default="fits", show_default=True)
@job_options
@JSON
def sweep_command(
    laws: tuple[str, ...], data: tuple[str, ...], method: str, seeds: int, chains: int, draws: int, out: Path,
    workers: int | None, on: str, store: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Fit every law to every table, with a verdict and a fit file each. The answer is the same wherever the fits run;
    a sweep that is stopped goes on from its --store."""
    from .. import library

    found = [library.load(law) for law in laws]
    _engine()
    from fitting.sweep import fits

    with _told_where(out, store), say.progress(not as_json) as progress:
        done = fits(
            found, data, method=method, seeds=range(seeds), chains=chains, draws=draws, out=out, on=on,
            workers=workers, store=store, progress=lambda ready, total: progress("fits", ready, total),
        )  # fmt: skip
    if as_json:
        say.as_json({"fits": done})
    else:
        _print(done)
    return 0 if all(one["verdict"]["ok"] for one in done) else 1


@contextmanager
def _told_where(out: Path, store: Path | None) -> Iterator[None]:
    """Whoever stops a sweep that has no store is told where its fits are."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if store is None:
            stop.add_note(
                f"fits that are finished are in {out}; with --store FILE a sweep goes on where it was stopped"
            )
        raise


def _print(done: list[dict[str, Any]]) -> None:
    rows = []
    for one in done:
        verdict = one["verdict"]
        word = "good" if verdict["ok"] else "not to be believed"
        rows.append((one["law"], one["data"], str(one["seed"]), word, str(one["rows"]), one["fit"]))
    say.table(("law", "table", "seed", "verdict", "rows", "fit"), rows, left=4)
    for one in done:
        for reason in one["verdict"]["reasons"]:
            say.wrapped([(f"{one['law']}, {one['data']}:", reason)], indent=0)
