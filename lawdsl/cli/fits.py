"""Commands about fits: fit, predict, ask."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import limits
from ..errors import AskError, Fault, InputError, OutsideError, Span
from ..numbers import short
from . import say
from .command import command
from .options import CHAINS, DATA, GIVEN, JSON, LEVEL, table_options
from .options import draws as draws_option
from .options import out as out_option
from .options import seed as seed_option
from .pictures import draw, plot_option
from .values import FitFile, LawName, Question, TableName, Whole

if TYPE_CHECKING:
    from fitting import Posterior

    from ..law import Law

METHODS = ("nuts", "map", "huber", "bootstrap")


def _engine() -> Any:
    """The `fitting` package; it must be ours, since the name is not."""
    try:
        import fitting
    except ImportError as error:
        message = f"the engine cannot be imported: {error}"
        raise OutsideError(Fault("FIT020", Span(), message, "Install lawdsl again: pip install lawdsl.")) from None
    if not hasattr(fitting, "open_fit"):
        message = f"another package called fitting was found: {fitting.__file__}"
        raise OutsideError(Fault("FIT020", Span(), message, "Rename it, or run from another folder."))
    return fitting


#: what stands after an option that takes pairs
_PAIR = {
    "--at": "N=70B,D=100T", "--given": "C=5.76e23", "--map": "N=n_params,L=loss", "--units": "L=bits/token",
    "--candidates": "N=1B..10B:4,D=20B/100B",
}  # fmt: skip


def pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """`N=70B,D=100T` as a dictionary. Commas inside parentheses belong to the value.

    Raises: InputError (ASK011) for what is no NAME=VALUE.
    """
    found: dict[str, str] = {}
    faults = []
    for text in texts:
        for part in _split(text):
            name, sign, value = part.partition("=")
            if not sign or not name.strip() or not value.strip():
                cure = f"Write {option} {_PAIR.get(option, 'NAME=VALUE')}, several with commas between."
                faults.append(
                    Fault("ASK011", Span(f"{option} {text}"[:120]), f"'{part.strip()[:60]}' is no NAME=VALUE", cure)
                )
            elif name.strip() in found and found[name.strip()] != value.strip():
                message = f"'{name.strip()}' is given twice"
                faults.append(Fault("ASK011", Span(f"{option} {text}"[:120]), message, "Give each name one value."))
            else:
                found[name.strip()] = value.strip()
    if faults:
        raise AskError(faults)
    return found


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _units(texts: tuple[str, ...], law: Law | None = None) -> dict[str, Any]:
    """The units that --units gives to names, of a law's own names. Raises: InputError (LAW024), AskError (ASK002)."""
    from ..errors import suggest
    from ..units import UNITS, quantity

    found = {}
    for name, text in pairs(texts, "--units").items():
        known = quantity(text)
        if known is None:
            cure = suggest(text, UNITS)
            raise InputError(Fault("LAW024", Span(f"--units {name}={text}"[:80]), f"unknown unit '{text[:40]}'", cure))
        if law is not None and name not in (known_names := {*law.variable, *law.outcome, *law.errors}):
            where = Span(f"--units {name}={text}"[:80])
            raise AskError(Fault("ASK002", where, f"{law.name} has no '{name}'", suggest(name, known_names)))
        found[name] = known
    return found


@command("fit")
@click.argument("law", type=LawName())
@DATA
@table_options
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="nuts",
    show_default=True,
    help="nuts: the posterior. map: its mode. huber: the point fit of papers. bootstrap: refits of it.",
)
@click.option("--simulate", is_flag=True, help="Fit to rows simulated by the law's own design; the seed decides.")
@seed_option("draws")
@CHAINS
@draws_option(4)
@click.option("--warmup", type=Whole(3, limits.DRAWS), help="Warm-up draws a chain; 300 unless said.")
@out_option("The fit file; fits/LAW-DIGEST.nc unless said.")
@plot_option("curves, constants and residuals")
@JSON
def fit_command(
    law: str, data: str | None, maps: tuple[str, ...], where: str | None, units: tuple[str, ...],
    drop_missing: bool | None, method: str, seed: int, chains: int, draws: int, warmup: int | None,
    out: Path | None, plot: Path | None, simulate: bool, as_json: bool,
) -> int:  # fmt: skip
    """Fit a law to observations: a table of parameters, a verdict, and a fit file that later commands need alone."""
    cpu, wall = time.process_time(), time.perf_counter()
    from .. import library
    from ..table import bind

    found = library.load(law)
    if simulate:
        if data or maps or where or units:
            cure = "Rows are simulated from the law alone: drop --data, --map, --where and --units."
            raise AskError(Fault("ASK013", Span(law), "--simulate together with a table", cure))
        from fitting.simulation import simulated

        table = simulated(found, seed)
    else:
        table = bind(
            found, data, map=pairs(maps, "--map"), where=where, units=_units(units, found), drop_missing=drop_missing
        )
    if not as_json:
        for line in table.notes:
            say.note(line)
    engine = _engine()
    with say.progress(not as_json) as progress:
        posterior: Posterior = engine.fit(
            found, table, method=method, seed=seed, chains=chains, draws=draws, warmup=warmup, progress=progress
        )
    from fitting.sweep import file_name

    path = out or Path("fits") / file_name(posterior)
    posterior.save(path)
    draw(plot, lambda: engine.plots.summary(posterior))
    spent = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    if as_json:
        provenance = posterior.provenance
        settings = dict(provenance.settings)
        say.as_json(
            {
                "law": found.name, "data": provenance.data, "rows": provenance.rows, "method": method, "seed": seed,
                "parameters": posterior.summary(), "verdict": posterior.verdict.as_json(), **spent, "fit": str(path),
                "settings": settings, "notes": list(provenance.notes),
            }
        )  # fmt: skip
    else:
        _print_fit(posterior, path, spent)
    return 0 if posterior.verdict.ok else 1


def _print_fit(posterior: Posterior, path: Path, spent: Mapping[str, float]) -> None:
    law, provenance = posterior.law, posterior.provenance
    say.heading(f"{law.title}")
    for outcome in law.outcomes:
        say.text(f"{outcome.response.name} = {outcome.equation}")
    say.text(f"{provenance.rows} rows of {provenance.data}, method {posterior.method}, seed {provenance.seed}")
    say.line()
    published = law.published[0] if law.published else None
    header = ["parameter", "estimate", "90 % interval"]
    sampled = posterior.method == "nuts"
    header += ["R-hat", "ESS bulk", "ESS tail"] if sampled else []
    header += [published.name] if published else []
    rows = []
    for name, row in posterior.summary().items():
        cells = [name, say.plus_minus(row["mean"], row["sd"]), ""]
        if row["sd"] == row["sd"]:
            cells[2] = say.interval(row["q05"], row["q95"])
        if sampled:
            cells += [f"{row['rhat']:.3f}", f"{row['ess_bulk']:.0f}", f"{row['ess_tail']:.0f}"]
        if published:
            cells.append(_constant(published.by_name, name))
        rows.append(cells)
    say.table(header, rows)
    say.verdict_of(posterior)
    say.line(f"{path}  ({spent['wall_seconds']:.1f} s, {spent['cpu_seconds']:.1f} s of CPU)")


def _constant(values: Mapping[str, Any], name: str) -> str:
    from ..law import Value

    base, _, level = name.rstrip("]").partition("[")
    value = values.get(base)
    if isinstance(value, dict):
        value = value.get(level)
    return short(value.value) if isinstance(value, Value) else ""


@command("predict")
@click.argument("fit", type=FitFile())
@click.option("--at", "points", multiple=True, metavar="N=70B,D=100T", help="A point. May be repeated.")
@click.option(
    "--table",
    "--data",
    "table",
    type=TableName(),
    metavar="TABLE",
    help="Predict every row of a table instead, in its order.",
)
@table_options
@LEVEL
@plot_option("the points' curves")
@click.option("--against", metavar="NAME", help="The variable of the drawing; the widest-ranging unless said.")
@JSON
def predict_command(
    fit: Path, points: tuple[str, ...], table: str | None, maps: tuple[str, ...], where: str | None,
    units: tuple[str, ...], drop_missing: bool | None, level: float, plot: Path | None, against: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """The response at new points: the law's mean and a new observation, each with an interval."""
    read = [pairs((point,), "--at") for point in points]
    engine = _engine()
    posterior: Posterior = engine.open_fit(fit)
    if bool(points) == bool(table):
        message = "give points with --at, or a table with --table" + (", not both" if points else "")
        from ..words import example

        names = ",".join(f"{name}={example(posterior.law, name)}" for name in _asked_for(posterior))
        raise AskError(Fault("ASK012", Span(str(fit)), message, f"For example: --at {names}"))
    if table:
        from ..table import bind

        bound = bind(
            posterior.law, table, map=pairs(maps, "--map"), where=where, units=_units(units, posterior.law),
            drop_missing=drop_missing, response=False,
        )  # fmt: skip
        from fitting.predictions import table_points

        asked: list[Any] = table_points(bound)
    else:
        asked = list(read)
    found = engine.predict(posterior, asked, level=level)
    draw(plot, lambda: engine.plots.curves(posterior, asked, against=against, level=level))
    if as_json:
        say.as_json({"points": [one.as_json() for one in found], "verdict": posterior.verdict.as_json()})
        return 0 if posterior.verdict.ok else 1
    from .. import words

    responses = [outcome.response for outcome in posterior.law.outcomes]
    percent = say.percent(level)
    for response in responses:
        say.heading(f"{response.name} in {response.quantity}" + (f": {response.about}" if response.about else ""))
    say.line()
    from fitting.predictions import describe

    rows = [
        (describe(dict(one.at)), one.response, say.middle(one.median, one.lo, one.hi), say.interval(one.lo, one.hi),
         say.interval(one.new_lo, one.new_hi))
        for one in found
    ]  # fmt: skip
    header = ("at", "response", "median", f"{percent} of the mean", f"{percent} of a new observation")
    kept = [i for i, word in enumerate(header) if word != "response" or len(responses) > 1]
    say.table(tuple(header[i] for i in kept), [tuple(row[i] for i in kept) for row in rows], left=len(kept) - 3)
    say.line()
    far = list(dict.fromkeys(one.distance() for one in found if one.distance()))
    for text in far[:12]:
        say.text(f"extrapolation: {text}")
    for text in list(dict.fromkeys(one.found for one in found if one.found))[:12]:
        say.text(f"calibration: {text}")
    if any(one.widened for one in found):
        say.text(words.WIDENED)
    if far and posterior.reliability is None and posterior.residuals is None:
        say.text(f"not backtested: lawdsl backtest {fit} tells how such forecasts fare on these rows")
    if not any(one.widened for one in found) and any(abs(decades) > 1 for one in found for _, decades in one.beyond):
        say.text(words.FAR)
    losses = {response.name for response in responses if response.quantity.unit == "nats/token"}
    if any(one.response in losses and one.median > words.WORSE_THAN_A_GUESS for one in found):
        say.text(words.NO_LOSS)
    say.verdict_of(posterior)
    return 0 if posterior.verdict.ok else 1


def _asked_for(posterior: Posterior) -> list[str]:
    """The names that a point of a fit gives numbers or levels to."""
    grouped = [name for name in posterior.law.grouping if posterior.law.factor[name].levels]
    return [*posterior.law.inputs, *grouped]


@command("ask")
@click.argument("fit", type=FitFile())
@click.argument("question", required=False, type=Question())
@GIVEN
@LEVEL
@plot_option("the answers")
@JSON
def ask_command(
    fit: Path, question: str | None, given: tuple[str, ...], level: float, plot: Path | None, as_json: bool
) -> int:
    """A named question of the fit's law, answered with intervals; without a question, what can be asked."""
    numbers = pairs(given, "--given")
    engine = _engine()
    posterior: Posterior = engine.open_fit(fit)
    law = posterior.law
    if question is None:
        from .. import words

        if as_json:
            say.as_json({"questions": {a.name: {"given": list(a.given), "about": a.about} for a in law.ask}})
        else:
            say.wrapped([(a.name, a.about or words.question(a)) for a in law.ask], indent=0)
        return 0
    found = engine.ask(posterior, question, numbers, level=level)
    draw(plot, lambda: engine.plots.answers(posterior, question, numbers, level=level))
    if as_json:
        answers = {name: one.as_json() for name, one in found.items()}
        say.as_json({"question": question, "given": _plain(numbers), "answers": answers, "level": level,
                     "notes": list(found.notes), "verdict": posterior.verdict.as_json()})  # fmt: skip
        return 0 if posterior.verdict.ok else 1
    asked = law.questions[question]
    say.heading(asked.about or question)
    say.line()
    percent = say.percent(level)
    rows = []
    for name, one in found.items():
        unit = (
            law.variable[name].quantity
            if name in law.variable
            else law.outcome[name].response.quantity
            if name in law.outcome
            else ""
        )
        rows.append((name, say.middle(one.median, one.lo, one.hi), say.interval(one.lo, one.hi), str(unit)))
    say.table(("answer", "median", f"{percent} interval", "unit"), rows)
    for name, one in found.items():
        if one.none:
            say.note(f"{name}: {say.percent(round(one.none, 3))} of the draws have no answer within the range searched")
    for text in found.notes:
        say.text(text.replace(" FIT ", f" {fit} "))
    say.verdict_of(posterior)
    return 0 if posterior.verdict.ok and any(one.none < 1 for one in found.values()) else 1


def _plain(numbers: Mapping[str, str]) -> dict[str, float | str]:
    from ..numbers import parse_number

    read = {name: parse_number(text) for name, text in numbers.items()}
    return {name: numbers[name] if value is None else value for name, value in read.items()}
