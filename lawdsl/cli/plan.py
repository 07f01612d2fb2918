"""The command that spends a budget: what to take of each variable, what it may cost to be wrong, odds of a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..numbers import short
from . import say
from .command import command
from .design import number
from .fits import _engine, pairs
from .options import JSON, LEVEL
from .pictures import draw, plot_option
from .values import FitFile

if TYPE_CHECKING:
    from fitting import Posterior
    from fitting.planning import Plan


@command("plan")
@click.argument("fit", type=FitFile())
@click.option("--budget", required=True, metavar="FLOP", help="What may be spent, in the unit of the cost.")
@click.option("--over", metavar="N,D", help="The variables to choose; the law's own question's unless said.")
@click.option("--at", multiple=True, metavar="P=4", help="The other variables, and levels of factors.")
@click.option("--inference", metavar="TOKENS", help="Tokens to be served: 2*N FLOP each, out of the same budget.")
@click.option("--unique", metavar="TOKENS", help="Different tokens to be had, for laws that know repetition.")
@click.option("--target", metavar="VALUE", help="Also the probability that the response betters this.")
@click.option("--cost", metavar="EXPR", help="What a run costs; the law's variable of compute, or 6*N*D, unless said.")
@LEVEL
@plot_option("the plan on the frontier of optima")
@JSON
def plan_command(
    fit: Path, budget: str, over: str | None, at: tuple[str, ...], inference: str | None, unique: str | None,
    target: str | None, cost: str | None, level: float, plot: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """What to spend a budget on, with intervals, the cost of being wrong, and the odds of a target.

    The plan has the least expected loss over the draws of the fit. The intervals are those of the draws' own optima.
    """
    held, spent = pairs(at, "--at"), number(budget, "--budget")
    engine = _engine()
    posterior: Posterior = engine.open_fit(fit)
    from fitting.planning import plan

    from ..errors import AskError, Fault, Span
    from ..numbers import parse_number

    wanted = None if target is None else parse_number(target)
    if target is not None and wanted is None:
        cure = "A value of the response, such as 2.0."
        raise AskError(Fault("ASK007", Span(f"--target {target}"[:80]), f"'{target[:40]}' is not a number", cure))
    found = plan(
        posterior, spent, over=tuple(n.strip() for n in over.split(",")) if over else (),
        at=held, cost=cost, inference=0.0 if inference is None else number(inference, "--inference"),
        unique=None if unique is None else number(unique, "--unique"), target=wanted, level=level,
    )  # fmt: skip
    draw(plot, lambda: engine.plots.frontier(posterior, plan=found, cost=cost, level=level))
    if as_json:
        say.as_json({"law": posterior.law.name, **found.as_json(), "verdict": posterior.verdict.as_json()})
    else:
        _print(found, posterior)
    return 0 if posterior.verdict.ok else 1


def _print(found: Plan, posterior: Posterior) -> None:
    law, response = posterior.law, posterior.law.response
    percent = say.percent(found.level)
    held = "".join(f", {name} = {value if isinstance(value, str) else short(value)}" for name, value in found.given)
    say.heading(f"{law.title}: {short(found.budget)} for {found.cost}{held}")
    say.line()
    taken = dict(found.chosen) | dict(found.ratios)
    rows = []
    for name, (low, _, high) in found.optimum:
        unit = str(law.variable[name].quantity) if name in law.variable else ""
        rows.append((name, short(taken[name], 3) if name in taken else "", say.interval(low, high), unit))
    low, middle, high = found.response
    rows.append((response.name, say.middle(middle, low, high), say.interval(low, high), str(response.quantity)))
    say.table(("", "plan", f"{percent} of the optimum", "unit"), rows)
    say.line()
    mean, most = found.regret
    wasted, wasted_most = found.wasted
    say.text(
        f"cost of being wrong: {short(mean, 2)} {response.quantity} on average, as {100 * wasted:.2g} % of the budget "
        f"would be; with {100 * (1 + found.level) / 2:g} % no more than {short(most, 2)}, {100 * wasted_most:.2g} %"
    )
    if found.new is not None:
        say.text(f"a run of this plan: {response.name} in {say.interval(*found.new)} ({percent})")
    if found.target is not None and found.below is not None:
        sign = ">" if found.greater else "<"
        run = "" if found.below[1] is None else f"; of a run of it {_share(found.below[1])}"
        say.text(f"P({response.name} {sign} {short(found.target)}) = {_share(found.below[0])}{run}")
    if found.inference:
        say.text(f"training {short(found.training, 3)}, inference {short(found.inference, 3)}")
    if found.none:
        say.note(f"{found.none:.1%} of the draws have no optimum within the range searched")
    far = [f"{name} {decades:+.1f}" for name, decades in found.beyond if abs(decades) > 0.05]
    if far:
        say.text(f"extrapolation: {', '.join(far)} decades outside the rows")
    if found.found:
        say.text(f"calibration: {found.found}")
    if found.widened:
        from ..words import WIDENED_PLAN

        say.text(WIDENED_PLAN)
    say.verdict_of(posterior)


def _share(value: float) -> str:
    return f"{value:.2f}" if 0.01 <= value <= 0.99 else "> 0.99" if value > 0.5 else "< 0.01"
