"""The command compare: laws against each other on the same rows, and their average."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AskError, Fault, Span, suggest
from ..numbers import short
from ..words import WIDENED
from . import say
from .command import command
from .fits import METHODS, _engine, _units, pairs
from .options import JSON, LEVEL, table_options
from .options import draws as draws_option
from .options import seed as seed_option
from .pictures import draw, plot_option
from .values import LawOrFit, TableName

if TYPE_CHECKING:
    from fitting.comparing import Averaged, Comparison, Score

    from ..law import Law


@command("compare")
@click.argument("laws", nargs=-1, required=True, type=LawOrFit(), metavar="LAW|FIT LAW|FIT...")
@click.option(
    "--data",
    type=TableName(),
    metavar="TABLE",
    help="The table that all laws are fitted to; by default each law's own.",
)
@table_options
@click.option(
    "--method",
    type=click.Choice(METHODS[:2]),
    default="nuts",
    show_default=True,
    help="How laws are fitted: nuts, or map, the normal approximation at the mode.",
)
@seed_option("answer")
@draws_option(100)
@click.option("--frontier", metavar="NAME", help="Along what the future lies: C, or an expression such as 6*N*D.")
@click.option("--at", "points", multiple=True, metavar="N=70B,D=100T", help="Predict here. May be repeated.")
@LEVEL
@plot_option("the laws' curves and their average")
@JSON
def compare_command(
    laws: tuple[str, ...], data: str | None, maps: tuple[str, ...], where: str | None, units: tuple[str, ...],
    drop_missing: bool | None, method: str, seed: int, draws: int, frontier: str | None, points: tuple[str, ...],
    level: float, plot: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Laws (names, files or fits) against each other on the same rows: by leaving out one row, and by leaving out those
    above a frontier, which also weighs their average. Errors of differences are paired.
    """
    if len(laws) < 2:
        cure = "Name another law, or fit file: lawdsl compare chinchilla kaplan_nd --data T."
        raise AskError(Fault("FIT051", Span(laws[0][:120]), "a comparison needs two laws or more", cure))
    from ..law import Law

    asked = [pairs((point,), "--at") for point in points]
    engine = _engine()
    from fitting import comparing

    read = [_read(engine, law) for law in laws]
    mapped = _maps(read, pairs(maps, "--map"))
    known = [one for one in read if isinstance(one, Law)]
    source = data if data is not None else next((one.data[0].table for one in known if one.data), None)
    fits = []
    from ..table import bind

    tables: list[Any] = []  # all are bound before any is fitted, so that a fault of the last is known at once
    for one, own in zip(read, mapped, strict=True):
        if not isinstance(one, Law):
            tables.append(None)
            continue
        own, kept = _lent(one, known, source, own, where, as_json)
        table = bind(one, source, map=own, where=kept, units=_units(units), drop_missing=drop_missing)
        if not as_json:
            for line in table.notes:
                say.note(f"{one.name}: {line}")
        tables.append(table)
    with say.progress(not as_json) as progress:
        for one, table in zip(read, tables, strict=True):
            if table is not None:
                one = engine.fit(one, table, method=method, seed=seed, draws=draws, progress=progress)
            fits.append(one)
    names = comparing.distinct([one.law.name for one in fits])
    found = comparing.compare(fits, names=names, frontier=frontier, seed=seed)
    averaged = comparing.average(fits, found.weights, asked, level=level) if asked else []
    draw(
        plot,
        lambda: engine.plots.comparison(fits, found.weights, at=asked[0] if asked else None, names=names, level=level),
    )
    good = all(one.verdict.ok for one in fits)
    if as_json:
        verdicts = {name: one.verdict.as_json() for name, one in zip(names, fits, strict=True)}
        say.as_json(found.as_json() | {"verdicts": verdicts, "points": [one.as_json() for one in averaged]})
        return 0 if good else 1
    _print(found)
    if averaged:
        _print_points(found, averaged, level)
        _print_calibration(found.names, averaged)
    for name, one in zip(names, fits, strict=True):
        if not one.verdict.ok:
            say.line()
            say.heading(name)
            say.verdict(False, one.verdict.reasons)
    return 0 if good else 1


def _read(engine: Any, law: str) -> Any:
    """A law, or the posterior of a fit file."""
    if law.endswith(".nc") or Path(law).suffix == ".nc":
        return engine.open_fit(law)
    from .. import library

    return library.load(law)


def _maps(read: list[Any], given: dict[str, str]) -> list[dict[str, str]]:
    """What of the map is each law's. Raises: AskError (FIT055) for a name that no law has."""
    from ..law import Law

    known = []
    for one in read:
        law = one if isinstance(one, Law) else one.law
        known.append({*law.variable, *law.outcome, *law.factor, *law.errors})
    everything = set().union(*known)
    faults = [
        Fault("FIT055", Span(f"--map {name}"), f"no law has a name '{name}'", suggest(name, everything))
        for name in given
        if name not in everything
    ]
    if faults:
        raise AskError(faults)
    return [{name: column for name, column in given.items() if name in own} for own in known]


def _lent(
    law: Law, laws: list[Law], source: str | None, own: dict[str, str], where: str | None, quiet: bool
) -> tuple[dict[str, str], str | None]:
    """The map and filter of a law on the table: where it does not know it, those of a law beside it that does."""
    if any(entry.table == source for entry in law.data):
        return own, where
    for other in laws:
        for entry in other.data:
            if entry.table == source:
                names = {*law.variable, *law.outcome, *law.factor, *law.errors}
                lent = {name: column for name, column in entry.map if name in names}
                if not quiet:
                    say.note(f"{law.name}: columns and filter of {source} as {other.name} has them")
                return lent | own, where if where is not None else entry.where
    return own, where


def _print(found: Comparison) -> None:
    say.text(f"{found.rows} rows; elpd is the log predictive density of rows not fitted to, in nats: more is better")
    say.line()
    say.heading("each row, the others given (PSIS-LOO)")
    order = sorted(range(len(found.names)), key=lambda i: -found.loo[i].elpd)
    header = ("law", "elpd", "behind", "weight", "doubtful rows")
    say.table(header, [_row(found.names[i], found.loo[i]) for i in order])
    if found.future:
        first, last = found.cuts[0], found.cuts[-1]
        say.line()
        say.heading(
            f"rows above a frontier of {found.frontier}, those below given: {len(found.cuts)} cuts, "
            f"{short(first[0])} ({first[2]} rows above) to {short(last[0])} ({last[2]})"
        )
        order = sorted(range(len(found.names)), key=lambda i: -found.future[i].elpd)
        header = ("law", "elpd", "behind", "weight", "doubtful cuts")
        say.table(header, [_row(found.names[i], found.future[i]) for i in order])
    if any(score.doubtful for score in (*found.loo, *found.future)):
        text = "Doubtful: so few draws carry the score (Pareto k too large) that its error is larger than it says."
        say.text(text)
    for note in found.notes:
        say.note(note)


def _row(name: str, score: Score) -> tuple[str, ...]:
    behind = say.plus_minus(-score.difference, score.difference_se) if score.difference else ""
    return (name, say.plus_minus(score.elpd, score.se), behind, f"{score.weight:.2f}", str(score.doubtful))


def _print_points(found: Comparison, averaged: list[Averaged], level: float) -> None:
    from fitting.predictions import describe

    percent = say.percent(level)
    header = ("", "weight", "median", f"{percent} of the mean", f"{percent} of a new observation")
    for one in averaged:
        say.line()
        far = one.average.distance()
        several = len({a.average.response for a in averaged}) > 1
        what = f"{one.average.response} at " if several else ""
        say.heading(f"{what}{describe(dict(one.average.at))}" + (f"  ({far})" if far else ""))
        rows = [
            (
                name,
                f"{weight:.2f}",
                say.middle(law.median, law.lo, law.hi),
                say.interval(law.lo, law.hi),
                say.interval(law.new_lo, law.new_hi),
            )
            for name, weight, law in zip(found.names, found.weights, one.laws, strict=True)
        ]
        mean = one.average
        rows.append(
            (
                "average",
                "",
                say.middle(mean.median, mean.lo, mean.hi),
                say.interval(mean.lo, mean.hi),
                say.interval(mean.new_lo, mean.new_hi),
            )
        )
        say.table(header, rows)


def _print_calibration(names: tuple[str, ...], averaged: list[Averaged]) -> None:
    """What backtests found of the laws' forecasts at such distances, and of which laws nothing is known."""
    texts, silent = [], []
    for i, name in enumerate(names):
        words = list(dict.fromkeys(one.laws[i].found for one in averaged if one.laws[i].found))
        texts += [f"calibration of {name}: {text}" for text in words[:6]]
        if not words and any(one.laws[i].distance() for one in averaged):
            silent.append(name)
    if any(one.average.widened for one in averaged):
        texts.append(WIDENED)
    if silent:
        cure = "lawdsl backtest FIT tells how its forecasts fare on these rows, and the average of such fits knows it"
        texts.append(f"not backtested: {', '.join(silent)}; {cure}")
    if texts:
        say.line()
    for text in texts:
        say.text(text)
