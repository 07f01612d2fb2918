"""What a notebook shows of a fit and of what is computed from fits: the verdict first, then a compact table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lawdsl.law import Value
from lawdsl.notebook import block, heading, line, table, verdict
from lawdsl.numbers import short
from lawdsl.words import WIDENED_PLAN, constant, interval, percent, plus_minus

if TYPE_CHECKING:
    from .answers import Answers
    from .backtesting import Backtest
    from .calibration import Calibration
    from .comparing import Comparison
    from .designing import Design
    from .differences import Difference, Shift
    from .planning import Plan
    from .posterior import Posterior
    from .verdict import Verdict


def of_verdict(told: Verdict) -> str:
    """A verdict with its reasons and notes."""
    return block(verdict(told.ok, told.reasons, told.notes))


def _told(told: Verdict | None) -> str:
    """The verdict of the fit that something was computed from, without its notes."""
    return "" if told is None else verdict(told.ok, told.reasons)


def of_posterior(fit: Posterior) -> str:
    """Parameters with intervals, and the constants of the law's first published set beside."""
    law, origin = fit.law, fit.provenance
    first = law.published[0] if law.published else None
    sampled = fit.method == "nuts"
    header = ["parameter", "estimate", "90 % interval", *(["R-hat", "ESS"] if sampled else [])]
    header += [first.name] if first else []
    rows = []
    for name, row in fit.summary().items():
        ends = interval(row["q05"], row["q95"]) if math.isfinite(row["sd"]) else ""
        cells = [name, plus_minus(row["mean"], row["sd"]), ends]
        cells += [f"{row['rhat']:.3f}", f"{min(row['ess_bulk'], row['ess_tail']):.0f}"] if sampled else []
        rows.append([*cells, *([_published(first.by_name, name)] if first else [])])
    return block(
        verdict(fit.verdict.ok, fit.verdict.reasons, fit.verdict.notes),
        heading(law.title, f"{origin.rows} rows of {origin.data}, method {fit.method}, seed {origin.seed}"),
        *(line(f"{outcome.response.name} = {outcome.equation}") for outcome in law.outcomes),
        table(header, rows),
    )


def _published(values: object, name: str) -> str:
    base, _, level = name.rstrip("]").partition("[")
    found = values.get(base) if isinstance(values, dict) else None
    found = found.get(level) if isinstance(found, dict) else found
    return constant(found) if isinstance(found, Value) else ""


def of_answers(found: Answers) -> str:
    """Every answer with its interval and unit."""
    given = ", ".join(f"{name} = {value if isinstance(value, str) else short(value)}" for name, value in found.given)
    rows = [(n, short(one.median), interval(one.lo, one.hi), found.units.get(n, "")) for n, one in found.items()]
    return block(
        verdict(found.verdict.ok, found.verdict.reasons),
        heading(found.question, f"given {given}" if given else ""),
        table(("answer", "median", f"{percent(found.level)} interval", "unit"), rows),
        *(line(f"{n}: {one.none:.1%} of the draws have no answer") for n, one in found.items() if one.none),
        *map(line, found.notes),
        *map(line, found.notes),
    )


def of_comparison(found: Comparison) -> str:
    """The laws, best first, by both scores."""
    header = ["law", "weight", "elpd, each row given all others", "behind the best"]
    header += [f"elpd beyond frontiers of {found.frontier}", "behind the best"] if found.future else []
    rows = []
    for i in sorted(range(len(found.names)), key=lambda i: -found.weights[i]):
        row = [found.names[i], f"{found.weights[i]:.2f}"]
        for one in (found.loo[i], *([found.future[i]] if found.future else [])):
            behind = plus_minus(-one.difference, one.difference_se) if one.difference else ""
            row += [plus_minus(one.elpd, one.se), behind]
        rows.append(row)
    doubtful = any(one.doubtful for one in (*found.loo, *found.future))
    return block(
        heading(" against ".join(found.names), f"{found.rows} rows"),
        table(header, rows),
        line("elpd is the log predictive density of rows not fitted to, in nats: more is better"),
        line("some scores are carried by few draws: their errors are larger than they say" if doubtful else ""),
        *map(line, found.notes),
    )


def of_backtest(told: Backtest) -> str:
    """Scores by distance, and whether intervals are widened."""
    from .backtesting import FORMS
    from .reliability import place

    rows = [
        (place(at), FORMS[form], s.rows, f"{s.r2:.3f}", *(percent(round(s.coverage[one], 3)) for one in (0.5, 0.9)))
        for form in told.forms
        for at, _, s in told.by_distance(form)
    ]
    settled = [
        f"{name}: intervals are widened by the law's own error"
        if error.widen
        else f"{name}: plain intervals hold what they say on these rows"
        for name, error in told.final.items()
    ]
    return block(
        heading(told.law.title, f"{told.rows} rows of {told.source}, fitted up to cuts of {told.frontier}"),
        table(("distance", "forecast", "forecasts", "R2", "in 50 %", "in 90 %"), rows, left=2),
        *map(line, (*settled, *told.notes)),
    )


def of_design(found: Design) -> str:
    """The batch, or where there is none the best candidates; and how far the interval narrows."""
    low, middle, high = found.before
    chosen = found.batch or found.ranked[:12]
    rows = []
    for i in chosen:
        one = found.candidates[i]
        at = ", ".join(f"{n}={v if isinstance(v, str) else short(v)}" for n, v in one.at)
        rows.append((at, short(one.cost, 3), percent(round(one.shrinkage, 3))))
    after = (
        f"expected with this batch: {interval(found.after[0], found.after[2])}, {percent(round(found.shrinkage, 3))}"
    )
    return block(
        _told(found.verdict),
        heading(found.question, f"{short(middle)} {found.unit}, {percent(found.level)} {interval(low, high)}"),
        table(("run", "cost", "alone narrower by"), rows),
        line(
            f"{after} narrower, cost {short(found.cost, 3)}" if found.batch else "ranked per cost; no batch was asked"
        ),
        *map(line, found.notes),
    )


def of_plan(found: Plan) -> str:
    """What to take, between which ends each draw's own optimum lies, and what may be lost."""
    taken = dict(found.chosen) | dict(found.ratios)
    rows = [
        (name, short(taken[name], 3) if name in taken else "", interval(low, high))
        for name, (low, _, high) in found.optimum
    ]
    low, middle, high = found.response
    rows.append(("response", short(middle), interval(low, high)))
    lost = f"the plan loses {short(found.regret[0], 2)} on average against each draw's own optimum"
    odds = (
        "" if found.below is None else f"the target {found.target:g} is bettered with probability {found.below[0]:.2f}"
    )
    return block(
        _told(found.verdict),
        heading(f"{found.law}: {short(found.budget)} for {found.cost}"),
        table(("", "plan", f"{percent(found.level)} of the optimum"), rows),
        line(f"{lost}, as {percent(round(found.wasted[0], 3))} of the budget would be"),
        line(odds),
        line(f"calibration: {found.found}" if found.found else ""),
        line(WIDENED_PLAN if found.widened else ""),
    )


def of_difference(found: Difference) -> str:
    """What moved, in standard deviations."""

    def cells(kind: str, one: Shift) -> tuple[str, ...]:
        moved = "" if math.isnan(one.sds) else f"{one.sds:+.2f}"
        return kind, one.name, plus_minus(*one.first), plus_minus(*one.second), moved

    kinds = (("parameter", found.parameters), ("prediction", found.predictions), ("answer", found.answers))
    return block(
        heading(f"largest move of a prediction or answer: {found.most:.2g} sd"),
        *(line(f"{what}: {first} → {second}") for what, first, second in found.facts),
        *map(line, found.law[:12]),
        table(
            ("", "", "first", "second", "sd moved"), [cells(k, one) for k, shifts in kinds for one in shifts], left=2
        ),
        *map(line, found.notes),
    )


def of_calibration(found: Calibration) -> str:
    """The quantities whose ranks are least uniform, and the verdict on the engine."""
    said = [f"the ranks of {', '.join(found.rejected)} are not uniform"] if found.rejected else []
    said += [f"{len(found.failures)} replicates could not be fitted: {found.failures[0]}"] if found.failures else []
    rows = [(name, short(p, 2)) for name, p in sorted(found.p.items(), key=lambda pair: pair[1])]
    return block(
        verdict(found.ok, said),
        heading(found.law, f"{found.replicates} replicates at {found.rows} rows of {found.data}"),
        table(("quantity", "p, adjusted"), rows),
    )
