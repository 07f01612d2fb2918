"""The command that chooses runs: what each would teach about a question, per FLOP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AskError, Fault, Span
from ..numbers import parse_number, short
from ..ranges import read_range
from . import say
from .command import command
from .fits import _engine, _plain, _units, pairs
from .options import GIVEN, JSON, LEVEL, table_options
from .pictures import draw, plot_option
from .values import FitFile, Question, Whole

if TYPE_CHECKING:
    from fitting import Posterior
    from fitting.designing import Design

    from ..law import Law

#: candidates shown; --json has all
SHOWN = 12


def number(text: str, option: str) -> float:
    """A positive number of an option. Raises: AskError (ASK007)."""
    value = parse_number(text)
    if value is None or not value > 0:
        cure = "Numbers are written 0.5, 1e24, 7B or 100T."
        raise AskError(Fault("ASK007", Span(f"{option} {text}"[:80]), f"'{text[:40]}' is not a positive number", cure))
    return value


@command("design")
@click.argument("fit", type=FitFile())
@click.option("--question", type=Question(), metavar="NAME", help="One of the law's, or one of its answers: optimum.N.")
@GIVEN
@click.option("--at", metavar="N=70B,D=1.4T", help="Instead: the response at a point.")
@click.option("--candidates", multiple=True, required=True, metavar="GRID|TABLE",
              help="N=10M..10B:5,D=1B/10B/100B or a table of points. May be repeated.")  # fmt: skip
@table_options
@click.option("--budget", metavar="FLOP", help="What the batch may cost in all.")
@click.option("--runs", type=Whole(1, 1000), help="The most runs of the batch.")
@click.option("--cost", metavar="EXPR", help="What a run costs; the law's variable of compute, or 6*N*D, unless said.")
@LEVEL
@plot_option("the candidates")
@JSON
def design_command(
    fit: Path, question: str | None, given: tuple[str, ...], at: str | None, candidates: tuple[str, ...],
    maps: tuple[str, ...], where: str | None, units: tuple[str, ...], drop_missing: bool | None, budget: str | None,
    runs: int | None, cost: str | None, level: float, plot: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Which runs would narrow the interval of a question most per FLOP, and the best batch within a budget.

    Nothing is fitted again: what a run would teach is computed from the draws of the fit. With neither --budget nor
    --runs the candidates are ranked and no batch is chosen.
    """
    limit = None if budget is None else number(budget, "--budget")
    engine = _engine()
    posterior: Posterior = engine.open_fit(fit)
    law = posterior.law
    from fitting.cost import cost_of
    from fitting.designing import design, grid
    from fitting.predictions import read_points, table_points
    from fitting.question_draws import asked

    points: list[Any] = []
    for text in candidates:
        if "=" in text:
            points += read_points(law, grid(law, axes(law, text)))
        else:
            from ..table import bind

            bound = bind(
                law, text, map=pairs(maps, "--map"), where=where, units=_units(units, law), drop_missing=drop_missing,
                response=False,
            )  # fmt: skip
            points += read_points(law, table_points(bound))
    numbers = pairs(given, "--given")
    wanted = asked(posterior, question, numbers, None if at is None else pairs((at,), "--at"))
    found = design(posterior, wanted, points, cost_of(law, cost), budget=limit, runs=runs, level=level)
    draw(plot, lambda: engine.plots.candidates(found, title=law.title))
    if as_json:
        say.as_json(
            {"given": _plain(numbers), **found.as_json(), "budget": limit, "verdict": posterior.verdict.as_json()}
        )
    else:
        _print(found, posterior)
    return 0 if posterior.verdict.ok else 1


def axes(law: Law, text: str) -> dict[str, Sequence[float | str]]:
    """`N=10M..10B:5,P=2/3/4,method=gptq` as the values of each name: ranges by equal factors (bits and the like by
    equal steps), lists, single values. Raises: AskError (ASK033)."""
    return {
        name: read_range(law, name, value, f"--candidates {text}"[:120])
        if ".." in value
        else [part.strip() for part in value.split("/")]
        for name, value in pairs((text,), "--candidates").items()
    }


def _print(found: Design, posterior: Posterior) -> None:
    from fitting.predictions import describe

    percent = say.percent(found.level)
    unit = f" {found.unit}" if found.unit else ""
    low, middle, high = found.before
    say.heading(f"{found.question}: {say.middle(middle, low, high)}{unit}, {percent} {say.interval(low, high)}")
    say.line()
    per = "" if not found.candidates else f"of {len(found.candidates)} candidates, by shrinkage per FLOP"
    say.text(per)
    best = found.candidates[found.ranked[0]].per_flop
    rows = []
    for place in found.ranked[:SHOWN]:
        one = found.candidates[place]
        ratio = f"{one.per_flop / best:.3g}" if best else "0"
        mark = str(found.batch.index(place) + 1) if place in found.batch else ""
        rows.append((describe(dict(one.at)), short(one.cost, 3), _percent(one.shrinkage), ratio, mark))
    say.table(("run", "cost", "narrower by", "per FLOP", "batch"), rows)
    if found.batch:
        say.line()
        say.heading(f"the next {len(found.batch)} runs, {short(found.cost, 3)} in all")
        say.table(
            ("run", "cost", "alone narrower by"),
            [(describe(dict(one.at)), short(one.cost, 3), _percent(one.shrinkage))
             for one in (found.candidates[i] for i in found.batch)],
        )  # fmt: skip
        say.line()
        after = say.interval(found.after[0], found.after[2])
        scale = " on a log scale" if found.log else ""
        say.text(f"expected: {percent} interval as wide as {after}, narrower by {_percent(found.shrinkage)}{scale}")
        if found.checked is not None:
            drawn = f"{found.effective:.0f} effective draws"
            say.text(f"without the normal approximation: narrower by {_percent(found.checked)} ({drawn})")
        else:
            say.text(
                f"the normal approximation was not checked: the batch teaches more than these draws can show "
                f"({found.effective:.0f} effective)"
            )
    for text in found.notes:
        say.note(text)
    say.verdict_of(posterior)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 or share == 0 else "< 0.1 %"
