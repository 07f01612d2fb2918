"""Which runs would teach most about a question, per FLOP: from the draws of a posterior alone, without fitting again.

Were a draw the truth, the rows so far and the runs to come would leave the question nearly normal about it, with a
deviation that follows from the gradients there (`fitting.linearized`). What a batch is expected to leave is that
deviation averaged over draws (Chaloner & Verdinelli 1995, section 4; Pronzato & Walter 1985): a design for all truths
that are still possible, and not for the likeliest. The normal form is checked by weighting the draws with the
likelihood of simulated observations, which assumes nothing normal. Nothing checks the law: both take it for the truth,
and where runs do not follow it they teach less than is said here (docs/decisions.md has a replay).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, Span
from lawdsl.expression import Expression
from lawdsl.law import Law
from lawdsl.tabular import Tabular
from lawdsl.words import interval as shown
from lawdsl.words import percent

from . import outcomes
from .cost import cost_of, costs
from .linearized import NEW, Linearized, linearize, with_levels
from .means import at_points
from .points import points_of
from .posterior import Posterior
from .predictions import Point, decades_beyond, read_points
from .question_draws import Asked, asked, shrunk, width
from .verdict import Verdict

Array = NDArray[np.float64]

#: candidates looked at in one call: their gradients are held in memory
MOST = 2000
#: draws that a design averages over; fewer where there are many parameters
TRUTHS, FEWEST = 64, 16
#: a run that narrows an interval by less than this counts as nothing: gradients are differences
NOTHING = 1e-6
#: the greedy search divides gains by cost to each of these powers and the best batch is kept (Leskovec et al. 2007)
POWERS = (0.0, 0.5, 1.0)
#: rounds of exchanging one run of a batch for another (Fedorov 1972)
EXCHANGES = 4
#: simulated outcomes of a batch that its check is averaged over, and effective draws below which it says nothing
SIMULATED, EFFECTIVE = 100, 50.0


@dataclass(frozen=True)
class Candidate:
    """A run that could be made: its point, its cost, the share by which it is expected to narrow the interval of the
    question, alone, and that per FLOP; `beyond` as in predictions.
    """

    at: tuple[tuple[str, float | str], ...]
    cost: float
    shrinkage: float
    beyond: tuple[tuple[str, float], ...]

    @property
    def per_flop(self) -> float:
        """Shrinkage per unit of cost."""
        return self.shrinkage / self.cost


@dataclass(frozen=True, repr=False)
class Design(Tabular):
    """Candidates in the order of the caller, and the batch chosen (places among them, in the order of the choice).

    Intervals are (lower end, median, upper end) in the unit of the question: `before`, and `after` as expected with the
    batch. `shrinkage` is the share by which it narrows, on a log scale where the question is `log`. `checked` is the
    same by weighted draws, None where `effective` draws are too few to say. `verdict`: of the fit.
    """

    question: str
    unit: str
    log: bool
    level: float
    candidates: tuple[Candidate, ...]
    batch: tuple[int, ...]
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    shrinkage: float
    cost: float
    checked: float | None
    effective: float
    notes: tuple[str, ...] = ()
    verdict: Verdict | None = None

    def to_columns(self) -> dict[str, list[Any]]:
        """A row a candidate, the best per cost first: its point, `cost`, `shrinkage`, `shrinkage_per_cost`, and
        `batch`, its place in the batch, from 1 (None outside).
        """
        every = [self.candidates[i] for i in self.ranked]
        names = list(dict.fromkeys(name for one in every for name, _ in one.at))
        places = [self.batch.index(i) + 1 if i in self.batch else None for i in self.ranked]
        return {
            **{name: [dict(one.at).get(name) for one in every] for name in names},
            "cost": [one.cost for one in every], "shrinkage": [one.shrinkage for one in every],
            "shrinkage_per_cost": [one.per_flop for one in every], "batch": places,
        }  # fmt: skip

    def __repr__(self) -> str:
        narrower = f"; {len(self.batch)} runs narrow it by {100 * self.shrinkage:.3g} %" if self.batch else ""
        return f"Design({self.question}: {len(self.candidates)} candidates{narrower})"

    def _repr_html_(self) -> str:
        from .displays import of_design

        return of_design(self)

    @property
    def ranked(self) -> list[int]:
        """Places of candidates by what they teach per FLOP, best first."""
        return sorted(range(len(self.candidates)), key=lambda i: -self.candidates[i].per_flop)

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""

        def interval(ends: tuple[float, float, float]) -> dict[str, float]:
            return dict(zip(("lo", "median", "hi"), ends, strict=True))

        def plain(i: int) -> dict[str, Any]:
            one = self.candidates[i]
            return {
                "at": dict(one.at), "cost": one.cost, "shrinkage": one.shrinkage, "shrinkage_per_cost": one.per_flop,
                "decades_beyond_data": dict(one.beyond),
            }  # fmt: skip

        return {
            "question": self.question, "unit": self.unit, "level": self.level, "on_log": self.log,
            "before": interval(self.before), "candidates": [plain(i) for i in self.ranked],
            "batch": {
                "runs": [plain(i) for i in self.batch], "cost": self.cost, "after": interval(self.after),
                "shrinkage": self.shrinkage, "checked_shrinkage": self.checked, "effective_draws": self.effective,
            },
            "notes": list(self.notes),
        }  # fmt: skip


def design(
    posterior: Posterior, question: Asked | str | Mapping[str, Any], points: Any, cost: Expression | str | None = None,
    *, given: Mapping[str, Any] | None = None, budget: float | None = None, runs: int | None = None,
    level: float = 0.9, check: bool = True,
) -> Design:  # fmt: skip
    """What each candidate run teaches about `question`, and the best batch within `budget` (in units of the cost) and
    of at most `runs` runs, each made once. Without either there is no batch.

    `question`: one of the law's, with the numbers it is `given` ("optimum.N" for one of its answers), or the point at
    which the response is asked for. `points`: candidates, in any form that `predict` takes; `cost` as in
    `fitting.cost.cost_of`. Candidates at which the law has no value are left out, with a note.
    Raises: AskError (ASK033) for no candidate, too many, or costs that are not positive; as questions and points raise.

    >>> import fitting
    >>> post = fitting.fit("chinchilla", "ladder-loss", method="map")
    >>> runs = {"N": "1M..100M:3", "D": "1B..10B:2"}
    >>> found = fitting.design(post, {"N": "1B", "D": "20B"}, runs, budget=1e19)
    >>> found.shrinkage > 0, found.to_pandas().columns.tolist()
    (True, ['N', 'D', 'cost', 'shrinkage', 'shrinkage_per_cost', 'batch'])
    """
    law = posterior.law
    if not isinstance(question, Asked):
        at = question if isinstance(question, Mapping) else None
        question = asked(posterior, None if isinstance(question, Mapping) else question, given, at)
    points = read_points(law, points_of(law, points))
    cost = cost_of(law, cost) if cost is None or isinstance(cost, str) else cost
    spent = _spent(law, points, cost)
    linear = _linear(posterior, question, points)
    fine = np.asarray(np.isfinite(linear.gradients).all(axis=(0, 2, 3)) & np.isfinite(linear.noise).all(axis=(0, 2, 3)))
    notes = []
    if not fine.all():
        notes.append(f"{int((~fine).sum())} of {len(points)} candidates are left out: the law has no value there")
    if not fine.any():
        raise AskError(Fault("ASK033", Span(law.name), "the law has no value at any candidate", "Try other points."))
    linear = replace(linear, gradients=linear.gradients[:, fine], noise=linear.noise[:, fine])
    spent, points = spent[fine], [point for point, good in zip(points, fine, strict=True) if good]
    before = linear.deviation(())
    alone = 1 - linear.deviations(()) / before if before > 0 else np.zeros(len(points))
    candidates = tuple(
        Candidate(tuple(p.items()), float(c), float(s) if s > NOTHING else 0.0, decades_beyond(posterior, p))
        for p, c, s in zip(points, spent, alone, strict=True)
    )
    batch: tuple[int, ...] = ()
    if budget is not None or runs is not None:
        batch = best_batch(linear, spent, np.inf if budget is None else budget, runs or len(points))
        if not batch:
            cheapest = float(spent.min())
            notes.append(
                f"no candidate costs as little as the budget: the cheapest costs {cheapest:.3g}"
                if budget is not None and cheapest > budget
                else "no candidate within the budget teaches anything about this"
            )
    if question.off is not None:
        known = question.off[np.isfinite(question.off)]
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
        notes.append(
            "runs narrow what is not known of the law's constants; with the law's own error, which is not in this, "
            f"the {percent(level)} interval is {shown(float(low), float(high))}"
        )
    share = linear.deviation(batch) / before if batch else 1.0
    checked, effective = None, float(question.good.sum())
    if check and batch:
        checked, effective = _checked(posterior, question, [points[i] for i in batch], level)
    return Design(
        question.text, question.unit, question.log, level, candidates, batch, question.interval(level),
        shrunk(question, level, share), 1 - share, float(spent[list(batch)].sum()), checked, effective, tuple(notes),
        posterior.verdict,
    )  # fmt: skip


def _linear(posterior: Posterior, question: Asked, points: Sequence[Point]) -> Linearized:
    size = sum(values.shape[-1] if values.ndim == 3 else 1 for values in posterior.draws.values())
    good = question.chosen[question.good]
    count = min(len(good), max(FEWEST, min(TRUTHS, 2000 // size)))
    truths = good[np.linspace(0, len(good) - 1, count).astype(int)]

    def scaled(of: Posterior) -> Array:
        with np.errstate(all="ignore"):
            return np.log(question.again(of)) if question.log else question.again(of)

    found = linearize(posterior, points, scaled, truths)
    kept = np.isfinite(found.question).all(axis=1) & np.isfinite(found.covariance).all(axis=(1, 2))
    if not kept.any():
        message = f"{question.text} has no slope at any of the draws"
        raise AskError(
            Fault("ASK032", Span(posterior.law.name), message, "Ask for something that the parameters move.")
        )
    return Linearized(found.covariance[kept], found.question[kept], found.gradients[kept], found.noise[kept])


def _spent(law: Law, points: Sequence[Point], cost: Expression) -> Array:
    if not 1 <= len(points) <= MOST:
        cure = f"Give between 1 and {MOST} runs: a grid such as N=10M..10B:5,D=1B..1T:5, or a table."
        raise AskError(Fault("ASK033", Span(law.name), f"{len(points)} candidates", cure))
    columns = {name: np.array([float(p[name]) for p in points]) for name in law.inputs}
    spent = np.broadcast_to(costs(law, cost, columns), (len(points),))
    if not (np.isfinite(spent) & (spent > 0)).all():
        message = f"the cost {cost} is not positive at every candidate"
        raise AskError(Fault("ASK033", Span(law.name), message, "Say what a run costs: --cost '6*N*D'."))
    return spent


def best_batch(linear: Linearized, spent: Array, budget: float, runs: int) -> tuple[int, ...]:
    """A batch that narrows the question most: greedy by gain per cost to several powers, then exchanged run by run."""
    powers = POWERS if np.isfinite(budget) else POWERS[:1]
    found = [_exchanged(linear, _greedy(linear, spent, budget, runs, power), spent, budget, runs) for power in powers]
    return min(found, key=linear.deviation)


def _greedy(linear: Linearized, spent: Array, budget: float, runs: int, power: float) -> tuple[int, ...]:
    batch: tuple[int, ...] = ()
    for _ in range(min(runs, len(spent))):
        gains = _gains(linear, batch, spent, budget)
        best = int(np.argmax(gains / spent**power))
        if gains[best] <= 0:
            break
        batch = (*batch, best)
    return batch


def _gains(linear: Linearized, batch: tuple[int, ...], spent: Array, budget: float) -> Array:
    """The share by which each run that can still be afforded narrows what a batch leaves; of runs in it nothing."""
    now = linear.deviation(batch)
    if now <= 0:
        return np.zeros(len(spent))
    gains = 1 - linear.deviations(batch) / now
    left = (budget - spent[list(batch)].sum()) * (1 + 1e-12)
    gains = np.where((spent <= left) & (gains > NOTHING), gains, 0.0)
    gains[list(batch)] = 0.0
    return np.asarray(gains)


def _exchanged(linear: Linearized, batch: tuple[int, ...], spent: Array, budget: float, runs: int) -> tuple[int, ...]:
    for _ in range(EXCHANGES):
        before = batch
        for place in range(len(batch)):
            others = batch[:place] + batch[place + 1 :]
            gains = _gains(linear, others, spent, budget)
            best = int(np.argmax(gains))
            if gains[best] > gains[batch[place]] * (1 + 1e-9):
                batch = (*others[:place], best, *others[place:])
        if len(batch) < runs:  # an exchange may have left room
            gains = _gains(linear, batch, spent, budget)
            if gains.max(initial=0.0) > 0:
                batch = (*batch, int(np.argmax(gains)))
        if batch == before:
            break
    return batch


def _checked(posterior: Posterior, question: Asked, batch: Sequence[Point], level: float) -> tuple[float | None, float]:
    """The batch's shrinkage by weighted draws, averaged over outcomes simulated from some of them, and the median of
    the effective draws (Kong 1992). No normal form is assumed: only that the draws are dense where the weights are."""
    if posterior.residuals is not None:
        return None, 0.0  # a point fit: it has no likelihood
    import jax.numpy as jnp

    from .device import computing

    law = posterior.law
    random = np.random.default_rng([posterior.provenance.seed, 7])
    named = [
        {n: f"{v} {i}" if v == NEW else v for n, v in point.items()} for i, point in enumerate(with_levels(law, batch))
    ]
    rows = at_points(posterior, named, question.chosen[question.good], typical=False)
    count = int(question.good.sum())
    truths = random.choice(count, size=min(SIMULATED, count), replace=False)
    weight = np.zeros((len(truths), count))
    for name, outcome in law.outcome.items():
        at = {what: values for what, values in rows[name].items() if not what.startswith("slope ")}
        drawn = outcomes.replicate(outcome, {what: values[truths] for what, values in at.items()}, {}, random)
        observed = outcomes.transform(outcome.noise, drawn)
        with computing():
            for place in range(len(batch)):
                here = {what: jnp.asarray(values[:, place]) for what, values in at.items()}
                data = {"observed": jnp.asarray(observed[:, place, None])}
                weight += np.asarray(outcomes.log_likelihood(outcome, here, data))
    weight = np.exp(weight - weight.max(axis=1, keepdims=True))
    effective = weight.sum(axis=1) ** 2 / (weight**2).sum(axis=1)
    typical = float(np.median(effective))
    if typical < EFFECTIVE:
        return None, typical
    before = width(question, question.interval(level))
    after = np.mean([width(question, question.interval(level, w)) for w in weight])
    return float(1 - after / before), typical


def grid(law: Law, axes: dict[str, Sequence[float | str]]) -> list[dict[str, float | str]]:
    """Every combination of the values of each axis. Raises: AskError (ASK033) for more than can be looked at."""
    count = int(np.prod([len(values) for values in axes.values()], dtype=float))
    if count > MOST:
        cure = f"Take fewer values an axis: at most {MOST} in all."
        raise AskError(Fault("ASK033", Span(law.name), f"{count} candidates", cure))
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
