"""The command backtest: fit below a frontier, forecast above it, score."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AskError, Fault, Span
from ..numbers import short
from . import say
from .command import command
from .fits import _engine, _units, pairs
from .options import DATA, JSON, table_options
from .options import seed as seed_option
from .pictures import draw, plot_option
from .values import LawOrFit, OutFile

if TYPE_CHECKING:
    from fitting.backtesting import Backtest
    from fitting.posterior import Posterior

METHODS = ("map", "nuts")


@command("backtest")
@click.argument("law", type=LawOrFit(), metavar="LAW|FIT")
@DATA
@table_options
@click.option(
    "--frontier", metavar="EXPRESSION", help="What grows: a variable, or 6*N*D; the law's compute unless said."
)
@click.option("--cuts", metavar="1e20,1e21", help="Fit up to these, forecast beyond; eight are chosen unless said.")
@click.option(
    "--method", type=click.Choice(METHODS), default="map", show_default=True,
    help="map: the normal approximation at the mode, a second a cut. nuts: the posterior.",
)  # fmt: skip
@seed_option("scores")
@click.option("--alone", is_flag=True, help="Without Huber and bootstrap beside.")
@click.option("--on", default="here", show_default=True, metavar="here|local|ray[:ADDRESS]",
              help="This process alone, processes of this machine, or Ray.")  # fmt: skip
@click.option("--store", type=OutFile(), help="A file that keeps what is done, to go on with.")
@plot_option("coverage and every forecast")
@JSON
def backtest_command(
    law: str, data: str | None, maps: tuple[str, ...], where: str | None, units: tuple[str, ...],
    drop_missing: bool | None, frontier: str | None, cuts: str | None, method: str, seed: int, alone: bool, on: str,
    store: Path | None, plot: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Fit a law below a frontier of compute, score its forecasts above it, beside Huber and bootstrap.

    Given a fit file, its own law and rows are taken, and what was found is written into it: its predictions then say
    how such forecasts fared, and are widened where they need it.
    """
    engine = _engine()
    from fitting.backtesting import backtest

    posterior: Posterior | None = None
    if law.endswith(".nc"):
        if data or maps or where or units or drop_missing:
            cure = "A fit file has its rows: drop --data, --map, --where, --units and --drop-missing."
            raise AskError(Fault("ASK013", Span(law), "a fit file together with a table", cure))
        from fitting.posterior import open_fit, table_of

        posterior = open_fit(law)
        if posterior.residuals is not None:
            cure = f"lawdsl backtest {posterior.law.name} --data {posterior.provenance.data} has both side by side."
            raise AskError(Fault("FIT041", Span(law), f"a fit by {posterior.method} has no density", cure))
        found, table = posterior.law, table_of(posterior)
    else:
        from .. import library
        from ..table import bind

        found = library.load(law)
        table = bind(
            found, data, map=pairs(maps, "--map"), where=where, units=_units(units, found), drop_missing=drop_missing
        )
        if not as_json:
            for line in table.notes:
                say.note(line)
    places = [part.strip() for part in cuts.split(",") if part.strip()] if cuts else None
    with say.progress(not as_json) as progress:
        told = backtest(
            found, table, frontier=frontier, cuts=places, method=method, seed=seed, beside=not alone, on=on,
            store=store, progress=progress,
        )  # fmt: skip
    if posterior is not None:
        from dataclasses import replace

        replace(posterior, reliability=told.reliability).save(law)
    draw(plot, lambda: engine.plots.backtests(told))
    if as_json:
        say.as_json(told.as_json() | {"fit": law if posterior is not None else None})
        return 0
    _print(told)
    if posterior is not None:
        say.text(f"written into {law}: its predictions say so")
    return 0


def _print(told: Backtest) -> None:
    from fitting.backtesting import FORMS
    from fitting.reliability import place

    law = told.law
    say.heading(f"{law.title}")
    say.text(
        f"{told.rows} rows of {told.source}, frontier {told.frontier}, method {told.method}, seed {told.seed}: fitted "
        "up to each cut, scored above it"
    )
    say.line()
    header = ("cut", "rows", "forecast", "forecasts", "R2", "RMSE", "log score", "CRPS", "50 %", "80 %", "90 %", "95 %",
              "width")  # fmt: skip
    several = len(law.outcomes) > 1
    rows = []
    for form in told.forms:
        for one, s in told.by_cut(form):
            name = f"{FORMS[form]}, {one.response}" if several else FORMS[form]
            rows.append((one.cut, (short(10**one.cut), str(one.below), name, str(s.rows), *_cells(s))))
    rows.sort(key=lambda row: row[0])
    say.table(header, [cells for _, cells in rows], left=1)
    say.line()
    say.heading("by distance, all cuts together")
    rows_far = [
        (place(at), FORMS[form], str(s.rows), *_cells(s)) for form in told.forms for at, _, s in told.by_distance(form)
    ]
    order = [place(at) for at, _, _ in told.by_distance("plain")]
    rows_far.sort(key=lambda row: order.index(row[0]) if row[0] in order else math.inf)
    say.table(("distance", "forecast", *header[3:]), rows_far, left=2)
    say.line()
    lines = []
    for name, error in told.final.items():
        trend = f"{error.share:.2g} of the trend a decade"
        which = f"{name}: " if several else ""
        if error.widen:
            lines.append(f"{which}intervals are widened by the law's own error, {trend}: {_why(told, name)}")
        else:
            lines.append(f"{which}plain intervals hold what they say on these rows, and stay as they are")
    lines += told.notes
    lines.append("rows of one cut go wrong together, so a coverage is worth fewer rows than it counts")
    say.bullets(lines)


def _why(told: Backtest, name: str) -> str:
    one = told.final[name]
    if one.rows:
        plain = [s for _, _, s in told.by_distance("plain", name)]
        inside = sum(s.coverage[0.9] * s.rows for s in plain) / sum(s.rows for s in plain)
        return f"plain 90 % intervals covered {inside * 100:.0f} %"
    return "these rows cannot tell, and on other tables the plain ones were short"


def _cells(s: Any) -> tuple[str, ...]:
    def number(value: float) -> str:
        return short(value) if math.isfinite(value) else "-"

    shares = [f"{s.coverage[level] * 100:.0f}" for level in (0.5, 0.8, 0.9, 0.95)]
    r2 = f"{s.r2:.3f}" if math.isfinite(s.r2) else "-"
    score = f"{s.log_score:.2f}" if math.isfinite(s.log_score) else "-"
    return (r2, number(s.rmse), score, number(s.crps), *shares, number(s.width[0.9]))
