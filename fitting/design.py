"""Which runs would teach most about a question, per FLOP: from the draws of a posterior alone, without fitting again.

A run at x is an observation m(x) + noise. Were question q and observations jointly normal over the posterior, it would
leave q the variance

    var(q) - cov(q, m)' (cov(m, m) + noise)^-1 cov(q, m)

whatever it turns out to be (Bayes linear estimate: Goldstein & Wooff 2007, section 3.1; the design criterion is Chaloner &
Verdinelli 1995, section 2.2, for one linear function of the parameters). Covariances are those of the draws, m is on the
noise's scale, and the noise is the inverse of the Fisher information that an observation has of m, averaged over the
draws: that of a Student-t is (df + 1)/(df + 3)/scale^2. How far the normal form can be trusted is checked by weighting
the draws with the likelihood of simulated observations.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, Span
from lawdsl.expression import Expression
from lawdsl.law import COUNTED, Law, Outcome

from . import counted, outcomes
from .cost import costs
from .means import at_points
from .noise import information
from .posterior import Posterior
from .predictions import Point, decades_beyond
from .question_draws import Asked, on_scale, shrunk, width

Array = NDArray[np.float64]

#: candidates looked at in one call: their covariances are held in memory
MOST = 2000
#: a run explains this many times 1/draws of a variance by chance; what is below counts as nothing
CHANCE = 3.0
#: the greedy search divides gains by cost to each of these powers and the best batch is kept (Leskovec et al. 2007)
POWERS = (0.0, 0.5, 1.0)
#: rounds of exchanging one run of a batch for another (Fedorov 1972)
EXCHANGES = 10
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


@dataclass(frozen=True)
class Design:
    """Candidates in the order of the caller, and the batch chosen (places among them, in the order of the choice).

    Intervals are (lower end, median, upper end) in the unit of the question: `before`, and `after` as expected with the
    batch. `shrinkage` is the share by which it narrows, on a log scale where the question is `log`. `checked` is the
    same by weighted draws, None where `effective` draws are too few to say.
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
    posterior: Posterior, question: Asked, points: Sequence[Point], cost: Expression, *, budget: float | None = None,
    runs: int | None = None, level: float = 0.9, check: bool = True,
) -> Design:  # fmt: skip
    """What each candidate run teaches about `question`, and the best batch within `budget` (in units of the cost) and
    of at most `runs` runs, each made once. Without either there is no batch.

    `points` are read ones (`predictions.read_points`). Candidates at which the law has no value are left out, with a
    note. Raises: AskError (ASK033) for no candidate, too many, or costs that are not positive.
    """
    law = posterior.law
    spent = _spent(law, points, cost)
    rows, observed = _observations(posterior, points, question)
    fine = np.array([np.isfinite(seen.location).all(axis=0) & (seen.noise > 0) for seen in observed]).all(axis=0)
    notes = []
    if not fine.all():
        notes.append(f"{int((~fine).sum())} of {len(points)} candidates are left out: the law has no value there")
    if not fine.any():
        raise AskError(Fault("ASK033", Span(law.name), "the law has no value at any candidate", "Try other points."))
    kept = np.flatnonzero(fine)
    spent, points = spent[kept], [points[i] for i in kept]
    located = np.stack([seen.location[:, kept] for seen in observed], axis=2)  # draws, runs, responses
    noise = np.stack([seen.noise[kept] for seen in observed], axis=1)
    linear = _Linear(on_scale(question), located, noise)
    alone = 1 - np.sqrt(1 - linear.gains(()))
    candidates = tuple(
        Candidate(tuple(p.items()), float(c), float(s), decades_beyond(posterior, p))
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
                else "no candidate within the budget teaches more than the draws can tell from nothing"
            )
    share = float(np.sqrt(1 - linear.total(batch)))
    checked, effective = None, float(len(linear.question))
    if check and batch:
        checked, effective = _checked(law, question, rows, kept[list(batch)], level, posterior.provenance.seed)
    return Design(
        question.text, question.unit, question.log, level, candidates, batch, question.interval(level),
        shrunk(question, level, share), 1 - share, float(spent[list(batch)].sum()), checked, effective, tuple(notes),
    )  # fmt: skip


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


@dataclass(frozen=True)
class _Seen:
    """What a response of the candidates is observed as: locations (draws, runs), noise variances (runs,)."""

    location: Array
    noise: Array


def _observations(
    posterior: Posterior, points: Sequence[Point], question: Asked
) -> tuple[dict[str, dict[str, Array]], list[_Seen]]:
    """The rows that candidates would be, of the draws that have an answer, and each response's observations."""
    law, chosen = posterior.law, question.chosen[question.good]
    rows = at_points(posterior, new_levels(law, points), chosen, typical=False)
    seen = []
    for name, outcome in law.outcome.items():
        found = rows[name]
        if posterior.residuals is not None:
            residuals = posterior.residuals[name]
            noise = np.full(len(points), float(np.nanvar(residuals)))
        else:
            data = _errors(posterior, outcome, found["location"].shape)
            spread = outcomes.spread(outcome, found, data)
            with np.errstate(all="ignore"):
                if outcome.noise.family in COUNTED:
                    informed = 1 / counted.deviation(outcome.noise, found) ** 2
                else:
                    informed = information(outcome.noise, found.get("df", outcomes.STUDENT_DF)) / spread**2
            noise = 1 / informed.mean(axis=0)
            rows[name] = found | {"spread": spread}
        seen.append(_Seen(found["location"], noise))
    return rows, seen


def _errors(posterior: Posterior, outcome: Outcome, shape: tuple[int, ...]) -> dict[str, Array]:
    """Known standard errors of a run to come: the median of the rows'."""
    columns, found = posterior.columns, {}
    if outcome.noise.error is not None:
        values = columns[outcome.response.name]
        found["error"] = outcomes.error_on_scale(outcome.noise, columns[outcome.noise.error], values)
    for variable in posterior.law.variables:
        if variable.error is not None and variable.error in columns:
            found[f"error of {variable.name}"] = columns[variable.error]
    return {name: np.full(shape, float(np.nanmedian(values))) for name, values in found.items()}


def new_levels(law: Law, points: Sequence[Point]) -> list[Point]:
    """Candidates with a level of their own for every population that they do not name: runs apart from each other."""
    free = {
        name for name in law.grouping if all(p.pool == "partial" for p in law.parameters if p.grouped and name in p.by)
    }
    return [{**{name: f"candidate {i + 1}" for name in free if name not in p}, **p} for i, p in enumerate(points)]


class _Linear:
    """The question and the observations as jointly normal. `gains` are shares of the question's variance."""

    def __init__(self, question: Array, located: Array, noise: Array):
        draws, self.runs, self.responses = located.shape
        cells = located.reshape(draws, -1)
        cells = cells - cells.mean(axis=0)
        self.question = question - question.mean()
        self.variance = float(self.question @ self.question) / draws
        self.covariance = cells.T @ cells / draws
        self.with_question = cells.T @ self.question / draws
        self.noise = noise.reshape(-1)
        self.draws = draws

    def cells(self, batch: Sequence[int]) -> NDArray[np.int64]:
        """The places of a batch's observations."""
        steps = np.arange(self.responses)
        return np.asarray([i * self.responses + s for i in batch for s in steps], dtype=np.int64)

    def total(self, batch: Sequence[int]) -> float:
        """What a batch explains of the question's variance, less what chance would."""
        if not len(batch) or self.variance == 0:
            return 0.0
        at = self.cells(batch)
        within = self.covariance[np.ix_(at, at)]
        both = within + np.diag(self.noise[at])
        explained = float(self.with_question[at] @ np.linalg.solve(both, self.with_question[at])) / self.variance
        chance = float(np.trace(np.linalg.solve(both, within))) / self.draws
        return float(np.clip((explained - chance) / (1 - chance) if chance < 1 else 0.0, 0.0, 1 - 1e-12))

    def gains(self, batch: Sequence[int]) -> Array:
        """(runs,): what each run explains of the variance that the question has left after a batch; of runs in the
        batch nothing."""
        if self.variance == 0:
            return np.zeros(self.runs)
        c, q, left = self.covariance, self.with_question, self.variance
        count, size = self.runs, self.responses
        own = np.stack([np.arange(size) + i * size for i in range(count)])
        blocks = c[own[:, :, None], own[:, None, :]]
        if len(batch):
            at = self.cells(batch)
            both = c[np.ix_(at, at)] + np.diag(self.noise[at])
            weights = np.linalg.solve(both, c[at])  # observations of the batch, all cells
            left = left - float(q[at] @ np.linalg.solve(both, q[at]))
            q = q - weights.T @ q[at]
            lines = c[at].reshape(len(at), count, size)
            blocks = blocks - np.einsum("kia,kib->iab", lines, weights.reshape(len(at), count, size))
        with_noise = blocks + np.eye(size) * self.noise[own][:, None, :]
        wanted = q[own][..., None]
        explained = (wanted * np.linalg.solve(with_noise, wanted)).sum(axis=(1, 2)) / max(left, 1e-300)
        chance = np.trace(np.linalg.solve(with_noise, blocks), axis1=1, axis2=2) / self.draws
        found = np.where(explained > CHANCE * chance, explained - chance, 0.0)
        found[list(batch)] = 0.0
        return np.asarray(np.clip(found, 0.0, 1 - 1e-12))


def best_batch(linear: _Linear, spent: Array, budget: float, runs: int) -> tuple[int, ...]:
    """A batch that narrows the question most: greedy by gain per cost to several powers, then exchanged run by run."""
    found = [_exchanged(linear, _greedy(linear, spent, budget, runs, power), spent, budget, runs) for power in POWERS]
    return max(found, key=linear.total)


def _greedy(linear: _Linear, spent: Array, budget: float, runs: int, power: float) -> tuple[int, ...]:
    batch: tuple[int, ...] = ()
    for _ in range(min(runs, linear.runs)):
        left = budget - spent[list(batch)].sum()
        gains = np.where(spent <= left * (1 + 1e-12), linear.gains(batch), 0.0)
        best = int(np.argmax(gains / spent**power))
        if gains[best] <= 0:
            break
        batch = (*batch, best)
    return batch


def _exchanged(linear: _Linear, batch: tuple[int, ...], spent: Array, budget: float, runs: int) -> tuple[int, ...]:
    for _ in range(EXCHANGES):
        before = linear.total(batch)
        for place in range(len(batch)):
            others = batch[:place] + batch[place + 1 :]
            left = budget - spent[list(others)].sum()
            gains = np.where(spent <= left * (1 + 1e-12), linear.gains(others), 0.0)
            best = int(np.argmax(gains))
            if gains[best] > gains[batch[place]]:
                batch = (*others[:place], best, *others[place:])
        if len(batch) < runs:  # an exchange may have left room
            gains = np.where(spent <= budget - spent[list(batch)].sum(), linear.gains(batch), 0.0)
            if gains.max(initial=0.0) > 0:
                batch = (*batch, int(np.argmax(gains)))
        if linear.total(batch) <= before * (1 + 1e-9):
            break
    return batch


def _checked(
    law: Law, question: Asked, rows: dict[str, dict[str, Array]], batch: NDArray[np.int64], level: float, seed: int
) -> tuple[float | None, float]:
    """The batch's shrinkage by weighted draws, averaged over outcomes simulated from some of them, and the median of
    the effective draws (Kong 1992). No normal form is assumed: only that the draws are dense where the weights are."""
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng([seed, 7])
    count = int(question.good.sum())
    truths = random.choice(count, size=min(SIMULATED, count), replace=False)
    weight = np.zeros((len(truths), count))
    for name, outcome in law.outcome.items():
        found = rows[name]
        if "spread" not in found:
            return None, 0.0  # a point fit: it has no likelihood
        at = {what: values[:, batch] for what, values in found.items() if not what.startswith("slope ")}
        at = at if outcome.noise.family in COUNTED else {**at, "scale": at["spread"]}
        drawn = outcomes.replicate(outcome, {what: values[truths] for what, values in at.items()}, {}, random)
        observed = outcomes.transform(outcome.noise, drawn)
        with jax.enable_x64(True):
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
