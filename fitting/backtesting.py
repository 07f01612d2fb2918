"""Backtests: fit a law below a frontier of compute (or of any variable), forecast the rows above it, and score that.

Every cut is one fit, and serves twice: its forecasts are scored, and they teach the law's own error
(`fitting.discrepancy`) to the cuts above it, by those of its rows that lie below them. So no widened interval has seen
what it is scored on. The lowest cut has only what other tables taught.

Rows of one run, or of one IsoFLOP curve, go wrong together, and the rows of one table are forecast from several cuts:
a coverage over 63 rows is worth fewer than 63 independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, InputError, Span
from lawdsl.law import COUNTED, Law
from lawdsl.numbers import parse_number, short
from lawdsl.table import Table, bind
from lawdsl.tabular import Tabular

from . import discrepancy, outcomes, scores
from .discrepancy import Discrepancy
from .frontier import frontier_of
from .posterior import Posterior, table_of
from .reliability import BINS, Found, Reliability

Array = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

METHODS = ("map", "nuts")
#: cuts when none are said
CUTS = 8
#: rows below a cut, at least, and per parameter (levels of populations do not count)
LEAST_ROWS, ROWS_A_PARAMETER = 15, 4
LEAST_ABOVE = 3
#: rows of a table that are forecast at most; of more, so many are drawn
MOST_ROWS = 20_000
#: the level by which the plain interval is judged
LEVEL = 0.9
#: values that stand for the law's own error when a forecast is widened
DEVIATES = 41
#: rows widened at once
CHUNK = 400
#: the forecasts that are scored, and what they are called
FORMS = {"plain": "plain", "widened": "widened by the law's error", "beside": "Huber and bootstrap"}


@dataclass(frozen=True, eq=False)
class Forecast:
    """The rows of one response above one cut: marks of every form (`FORMS`), and how far beyond the cut they lie.

    cut, edge: log10 of the frontier, of the cut and of the last row below; below: rows fitted to; distance (rows,):
    decades beyond the edge; told: the law's error as it was known at this cut, None where the noise counts.
    """

    response: str
    cut: float
    edge: float
    below: int
    row: NDArray[np.int64]
    distance: Array
    marks: Mapping[str, scores.Marks]
    told: Discrepancy | None


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Tabular):
    """All forecasts of a law on a table. `frontier` is its expression, `edge` log10 of its largest value of all rows,
    `final` each response's law error as all cuts together tell it, `notes` what a reader must know.
    """

    law: Law
    source: str
    rows: int
    frontier: str
    edge: float
    method: str
    seed: int
    forecasts: tuple[Forecast, ...]
    final: Mapping[str, Discrepancy]
    notes: tuple[str, ...] = ()
    raw: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def to_columns(self) -> dict[str, list[Any]]:
        """A row a cut and form: `cut`, `edge` (of the frontier), `rows_below`, `response`, `form`, and the scores;
        `in_0.9` is the share of forecasts that their 90 % intervals covered.
        """
        rows = []
        for form in self.forms:
            for one, s in self.by_cut(form):
                told = {"cut": 10**one.cut, "edge": 10**one.edge, "rows_below": one.below, "response": one.response}
                scored = {"forecasts": s.rows, "r2": s.r2, "rmse": s.rmse, "crps": s.crps, "log_score": s.log_score}
                rows.append({**told, "form": form, **scored, **{f"in_{k:g}": v for k, v in s.coverage.items()}})
        return {name: [row[name] for row in rows] for name in rows[0]}

    def __repr__(self) -> str:
        cuts = len({one.cut for one in self.forecasts})
        return f"Backtest({self.law.name} on {self.rows} rows of {self.source}: {cuts} cuts of {self.frontier})"

    def _repr_html_(self) -> str:
        from .displays import of_backtest

        return of_backtest(self)

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms scored, in order."""
        present = {form for one in self.forecasts for form in one.marks}
        return tuple(form for form in FORMS if form in present)

    def by_cut(self, form: str) -> list[tuple[Forecast, scores.Scores]]:
        """Every forecast with the scores of all its rows."""
        return [(one, scores.score(one.marks[form])) for one in self.forecasts if form in one.marks]

    def by_distance(
        self, form: str, response: str | None = None
    ) -> list[tuple[tuple[float, float], int, scores.Scores]]:
        """Bin of distance in decades, cuts, and the scores of the rows of all cuts in it."""
        found = []
        for low, high in BINS:
            parts = []
            for one in self.forecasts:
                inside = (low <= one.distance) & (one.distance < high)
                if form in one.marks and response in (None, one.response) and inside.any():
                    parts.append(one.marks[form].take(inside))
            if parts:
                found.append(((low, high), len(parts), scores.score(scores.joined(parts))))
        return found

    @cached_property
    def reliability(self) -> Reliability:
        """What a fit to all rows should know of its own forecasts."""
        found = []
        for response in self.law.outcome:
            plain = {at: (cuts, s) for at, cuts, s in self.by_distance("plain", response)}
            wide = {at: s for at, _, s in self.by_distance("widened", response)}
            for at, (cuts, s) in plain.items():
                widened = wide[at].coverage if at in wide else {}
                found.append(Found(response, at, s.rows, cuts, dict(s.coverage), dict(widened)))
        return Reliability(self.frontier, self.edge, self.method, tuple(found), dict(self.final))

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        cuts = [
            {
                "cut": 10**one.cut, "edge": 10**one.edge, "rows_below": one.below, "response": one.response,
                "discrepancy": None if one.told is None else one.told.as_json(),
                "scores": {form: scores.score(marks).as_json() for form, marks in one.marks.items()},
            }
            for one in self.forecasts
        ]  # fmt: skip
        distances = {
            form: [
                {"from_decades": low, "to_decades": None if math.isinf(high) else high, "cuts": cuts_in, **s.as_json()}
                for (low, high), cuts_in, s in self.by_distance(form)
            ]
            for form in self.forms
        }
        return {
            "law": self.law.name, "data": self.source, "rows": self.rows, "frontier": self.frontier,
            "method": self.method, "seed": self.seed, "cuts": cuts, "by_distance": distances,
            "discrepancy": {name: one.as_json() for name, one in self.final.items()}, "notes": list(self.notes),
        }  # fmt: skip


def backtest(
    law: Law | Posterior,
    table: object = None,
    *,
    frontier: str | None = None,
    cuts: Sequence[float | str] | None = None,
    method: str = "map",
    seed: int = 0,
    beside: bool = True,
    on: str = "here",
    workers: int | None = None,
    store: Any = None,
    progress: Progress | None = None,
) -> Backtest:
    """Fit below every cut, forecast above it, score. `table` as `fitting.fit` takes it; of a posterior its own law and
    rows are taken, and `posterior.backtested(...)` then knows what was found.

    frontier: an expression of the law's variables, by default its compute. cuts: values of the frontier, by default
    eight of equal ratios between the first that leaves enough rows to fit and the last that leaves some to forecast.
    method: "map" (the normal approximation at the mode: a second a cut) or "nuts". beside: Huber and bootstrap too.
    on, workers, store: as in `fitting.jobs.run`.
    Raises: AskError (ASK015) for a frontier or cuts that leave nothing to fit or to score, InputError (FIT040) where no
    cut could be fitted.
    """
    from .forecast import forecast, job_of
    from .jobs import run

    if isinstance(law, Posterior):
        source = table_of(law) if table is None else table
        law = law.law
    else:
        source = table
    table = source if isinstance(source, Table) else bind(law, source)
    if method not in METHODS:
        raise AskError(Fault("FIT010", Span(law.name), f"no backtest by '{method}'", "Methods: map, nuts."))
    law = law.holding(dict(table.fixed))
    notes = []
    if table.rows > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(table.rows, MOST_ROWS, replace=False))
        notes.append(f"{MOST_ROWS} of {table.rows} rows, drawn by the seed")
        table = table.take(chosen)
    along = frontier_of(law, frontier)
    at = along.at(table.columns)
    places = _cuts(law, table, at, along.text, cuts)
    jobs = [job_of(law, table, along.text, place, method, seed, beside) for place in places]
    tell = progress or (lambda stage, done, total: None)
    raw = run(
        forecast, jobs, on=on, workers=workers, store=store,
        progress=lambda done, total: tell("forecasting beyond cuts", done, total),
    )  # fmt: skip
    failed = [one for one in raw if "failed" in one]
    raw = [one for one in raw if "failed" not in one]
    if not raw:
        message = f"no cut of {along.text} could be fitted: {failed[0]['failed']}"
        raise InputError(Fault("FIT040", Span(law.name), message, "Cut higher (--cuts), or give narrower priors."))
    notes += [f"cut {short(10 ** one['cut'])} left out: {one['failed']}" for one in failed]
    notes += [f"cut {short(10 ** one['cut'])} left out: {reason}" for one in raw for reason in one["reasons"]]
    lost = sum(one["left_out"] for one in raw)
    if lost:
        notes.append(f"{lost} forecasts left out: rows of levels that no row below the cut has")
    forecasts, final = assemble(law, at, raw)
    if not forecasts:
        message = f"no row above a cut of {along.text} can be forecast" + "".join(f"; {note}" for note in notes[:3])
        raise AskError(Fault("ASK015", Span(law.name), message, "Choose other cuts, or another frontier."))
    return Backtest(
        law, table.source, table.rows, along.text, float(at.max()), method, seed, forecasts, final, tuple(notes),
        tuple(raw),
    )  # fmt: skip


def _cuts(law: Law, table: Table, at: Array, text: str, said: Iterable[float | str] | None) -> list[float]:
    """log10 of the cuts, rising; of those that part the rows alike, the first."""
    from .model import Model

    model = Model(law, table)
    count = sum(b.size for b in model.blocks if b.role not in ("levels", "offsets"))
    least = max(LEAST_ROWS, ROWS_A_PARAMETER * count)
    ordered = np.sort(at)
    where = Span(law.name)
    if said is None:
        if len(at) < least + LEAST_ABOVE:
            message = f"{len(at)} rows are too few to backtest {count} parameters"
            cure = f"{least + LEAST_ABOVE} would do: {least} to fit, {LEAST_ABOVE} to forecast; or say --cuts."
            raise AskError(Fault("ASK015", where, message, cure))
        low, high = float(ordered[least - 1]), float(ordered[-LEAST_ABOVE - 1])
        places = [low, *np.linspace(low, high, CUTS)[1:].tolist()] if high > low else [low]
    else:
        numbers = {value: parse_number(value) if isinstance(value, str) else float(value) for value in said}
        bad = [str(value) for value, number in numbers.items() if number is None or not number > 0]
        if bad:
            message = f"cut {bad[0][:40]} is no positive number"
            raise AskError(Fault("ASK015", where, message, "Write --cuts 1e20,1e21."))
        places = sorted(math.log10(number) for number in numbers.values() if number)
    kept: dict[int, float] = {}
    for place in places:
        below = int((at <= place).sum())
        if LEAST_ABOVE <= below <= len(at) - 1:
            kept.setdefault(below, place)
    if not kept:
        message = f"no cut of {text} leaves rows on both sides"
        cure = f"The rows go from {short(10 ** ordered[0])} to {short(10 ** ordered[-1])}."
        raise AskError(Fault("ASK015", where, message, cure))
    return list(kept.values())


def assemble(
    law: Law, at: Array, raw: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Forecast, ...], dict[str, Discrepancy]]:
    """Scores from the raw forecasts of rising cuts (`fitting.forecast.forecast`), widened by what lower cuts told; and
    the law's error that all of them tell. A cut whose fit is not to be believed forecasts nothing.
    """
    raw = [one for one in raw if not one["reasons"]]
    forecasts: list[Forecast] = []
    final: dict[str, Discrepancy] = {}
    for name, outcome in law.outcome.items():
        mine = [one for one in raw if name in one["responses"]]
        counts = outcome.noise.family in COUNTED
        for i, one in enumerate(mine):
            here = one["responses"][name]
            told = None if counts else _settled(here["unit"], mine[:i], name, at, one["edge"])
            forecasts.append(_marked(outcome.noise, name, one, told))
        if mine and not counts:
            final[name] = _settled(mine[-1]["responses"][name]["unit"], mine, name, at, math.inf)
    return tuple(forecasts), final


def _settled(unit: float, lower: Sequence[Mapping[str, Any]], name: str, at: Array, edge: float) -> Discrepancy:
    """The law's error by what lower cuts forecast of rows up to `edge`."""
    curves, held = [], []
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    for one in lower:
        here = one["responses"][name]
        known = at[here["row"]] <= edge
        if known.any():
            curves.append(np.asarray(here["densities"])[:, known])
            lo, hi = np.quantile(np.asarray(here["quantiles"])[:, known], tails, axis=0)
            observed = np.asarray(here["observed"])[known]
            held.append((lo <= observed) & (observed <= hi))
    return discrepancy.settle(unit, curves, held)


def _marked(noise: Any, name: str, one: Mapping[str, Any], told: Discrepancy | None) -> Forecast:
    here = one["responses"][name]
    observed = np.asarray(here["observed"], dtype=float)
    far = np.asarray(here["reach"], dtype=float)
    plain = np.asarray(here["quantiles"], dtype=float)
    if told is None:  # counts: the forecast is in the response's unit, and is not widened
        marks = {"plain": scores.mark(plain, observed)}
    else:
        densities = np.asarray(here["densities"], dtype=float)

        def restore(values: Array) -> Array:
            return np.asarray(outcomes.restore(noise, values), dtype=float)

        marks = {"plain": scores.mark(plain, observed, densities[0], restore)}
        marks["widened"] = marks["plain"]
        if told.widen:
            density = discrepancy.log_mean(densities, told.log_weights)
            marks["widened"] = widened(plain, told, far, observed, density, restore)
        if "beside" in here:
            density = np.asarray(here["beside_density"], dtype=float)
            marks["beside"] = scores.mark(np.asarray(here["beside"], dtype=float), observed, density, restore)
    return Forecast(
        name, float(one["cut"]), float(one["edge"]), int(one["below"]), np.asarray(here["row"]),
        np.asarray(here["distance"], dtype=float), marks, told,
    )  # fmt: skip


def widened(
    plain: Array, told: Discrepancy, far: Array, observed: Array, density: Array, restore: Callable[[Array], Array]
) -> scores.Marks:
    """Marks of forecasts (quantiles, rows) on the noise's scale to which the law's error is added: every quantile with
    each of its equally likely sizes a decade, times each row's reach (rows,).
    """
    sizes = told.likely(DEVIATES)
    parts = []
    for start in range(0, plain.shape[1], CHUNK):
        rows = slice(start, start + CHUNK)
        cloud = plain[:, None, rows] + sizes[None, :, None] * discrepancy.growth(far[rows])
        parts.append(scores.mark(cloud.reshape(-1, cloud.shape[2]), observed[rows], density[rows], restore))
    return scores.joined(parts)
