"""Laws against each other on the same rows, and their average.

Two scores, both in nats of log predictive density, so that laws whose noise lies on other scales can be compared: each
row given all others (PSIS-LOO), and the rows above a frontier given those below (leave-future-out). Weights are by
stacking: they maximise the score of the mixture. Those of the average are by the second score, since leaving out one
row says how well a law fills gaps, and a prediction is mostly asked beyond the rows.

Sources: Vehtari, Gelman, Gabry 2017, arXiv 1507.04544 (differences and their errors, section 5); Yao, Vehtari, Simpson,
Gelman 2018, arXiv 1704.02030 (stacking).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.columns import evaluate_rows
from lawdsl.errors import AskError, Fault, InputError, LawError, Span, suggest
from lawdsl.expression import Expression
from lawdsl.grammar import parse_expression
from lawdsl.source import Scalar
from lawdsl.tabular import Tabular

from . import convergence
from .future import Fold, cuts_of, folds
from .model import Model
from .pointwise import model_of, row_log_density
from .posterior import Posterior
from .predictions import Prediction, draws_at, predict, read_points
from .psis import LeaveOneOut, leave_one_out

Array = NDArray[np.float64]

#: draws that scores are computed from; more change no digit that their errors allow
DRAWS = 4000
STEPS = 2000  # of the iteration for weights
SAME = 1e-9  # relative: two tables hold the same response
#: Pareto's k above which a fold of the future is rough
ROUGH = 0.7


@dataclass(frozen=True)
class Score:
    """How one law does. elpd: summed log predictive density in nats, with standard error; difference: to the best law,
    paired by row, with its standard error; weight: by stacking; doubtful: rows (or folds) with a Pareto k too large.
    """

    elpd: float
    se: float
    difference: float
    difference_se: float
    weight: float
    doubtful: int

    def as_json(self) -> dict[str, float]:
        """As the command line prints it."""
        names = ("elpd", "se", "difference", "difference_se", "weight", "doubtful")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """names: of the laws. loo, future: their scores (future is empty where the rows are too few). weights: of the
    average. frontier: what the future is along, with `cuts` in its unit and, for each, the rows above.
    """

    names: tuple[str, ...]
    rows: int
    loo: tuple[Score, ...]
    future: tuple[Score, ...]
    weights: tuple[float, ...]
    frontier: str
    cuts: tuple[tuple[float, int, int], ...]
    notes: tuple[str, ...] = ()

    def to_columns(self) -> dict[str, list[Any]]:
        """A row a law: `law`, `weight`, and the numbers of each score (loo_elpd, ..., future_elpd, ...)."""
        table: dict[str, list[Any]] = {"law": list(self.names), "weight": list(self.weights)}
        for kind, every in (("loo", self.loo), ("future", self.future)):
            if every:
                table |= {f"{kind}_{name}": [one.as_json()[name] for one in every] for name in every[0].as_json()}
        return table

    def __repr__(self) -> str:
        laws = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(self.names, self.weights, strict=True))
        return f"Comparison({self.rows} rows; weights: {laws})"

    def _repr_html_(self) -> str:
        from .displays import of_comparison

        return of_comparison(self)

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        laws = [
            {
                "law": name, "weight": self.weights[i], "loo": self.loo[i].as_json(),
                "leave_future_out": self.future[i].as_json() if self.future else None,
            }
            for i, name in enumerate(self.names)
        ]  # fmt: skip
        cuts = [{"at": cut, "below": below, "above": above} for cut, below, above in self.cuts]
        return {"laws": laws, "rows": self.rows, "frontier": self.frontier, "cuts": cuts, "notes": list(self.notes)}


@dataclass(frozen=True)
class Averaged:
    """One point: each law's prediction, and that of the mixture of laws with their weights."""

    laws: tuple[Prediction, ...]
    average: Prediction

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"average": self.average.as_json(), "laws": [one.as_json() for one in self.laws]}


def compare(
    fits: Sequence[Posterior], *, names: Sequence[str] | None = None, frontier: str | None = None, seed: int = 0
) -> Comparison:
    """Compare fits of several laws to the same rows; `frontier` is a variable, or an expression of variables, along
    which the future lies (by default C, else 6*N*D, else the variable that ranges widest).

    Raises: InputError where there are fewer than two (FIT051), where they are not of the same rows (FIT052), or are
    point fits (FIT053); AskError (FIT054) for a frontier that no law has.
    """
    titles = tuple(names) if names is not None else distinct([one.law.name for one in fits])
    _refuse(fits, titles)
    models = [model_of(one) for one in fits]
    left_out = [_leave_one_out(m, p) for m, p in zip(models, fits, strict=True)]
    pointwise = np.stack([one.elpd for one in left_out], axis=1)
    kept = np.isfinite(pointwise).all(axis=1)
    notes = []
    if not kept.all():
        notes.append(f"{int((~kept).sum())} rows are left out of the scores: a law gives them no density")
    doubtful = [int((one.k[kept] > one.trusted).sum()) for one in left_out]
    loo = _scores(pointwise[kept], np.ones(kept.sum()), doubtful)
    word, along = _frontier(models, frontier)
    cuts = cuts_of(along, max(model.width for model in models))
    if not cuts:
        notes.append("too few rows for a leave-future-out score: weights are by leaving out one row")
        return Comparison(titles, len(pointwise), loo, (), tuple(s.weight for s in loo), word, (), tuple(notes))
    ahead = [folds(model, along, cuts, seed) for model in models]
    future, lost = _future(ahead, along)
    if lost:
        notes.append(f"{lost} forecasts are left out of the scores: a law gives them no density")
    told = tuple((cut, int((along <= cut).sum()), int((along > cut).sum())) for cut in cuts)
    weights = tuple(score.weight for score in future)
    return Comparison(titles, len(pointwise), loo, future, weights, word, told, tuple(notes))


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names made distinct by a number behind those that come again."""
    found: list[str] = []
    for name in names:
        count = sum(other.partition(" #")[0] == name for other in found)
        found.append(f"{name} #{count + 1}" if count else name)
    return tuple(found)


def _refuse(fits: Sequence[Posterior], titles: Sequence[str]) -> None:
    faults = []
    if len(fits) < 2:
        faults.append(Fault("FIT051", Span(), "a comparison needs two laws or more", "Name another law, or fit file."))
    for one, title in zip(fits, titles, strict=True):
        if one.residuals is not None:
            cure = "Fit with --method nuts or map."
            faults.append(Fault("FIT053", Span(title), f"a {one.method} fit has no noise, so no density", cure))
    for one, title in list(zip(fits, titles, strict=True))[1:]:
        told = _differ(fits[0], one)
        if told:
            cure = "Compare on one table, with the same --where for all; units of the response must be the same."
            faults.append(
                Fault("FIT052", Span(f"{titles[0]} and {title}"), f"they are not of the same rows: {told}", cure)
            )
    if faults:
        raise InputError(faults)


def _differ(a: Posterior, b: Posterior) -> str:
    """What differs between the observations of two fits; empty if nothing does."""
    if len(a.law.outcome) != len(b.law.outcome):
        return f"{len(a.law.outcome)} responses against {len(b.law.outcome)}"
    for one, other in zip(a.law.outcomes, b.law.outcomes, strict=True):
        x, y = a.columns[one.response.name], b.columns[other.response.name]
        if len(x) != len(y):
            return f"{len(x)} rows against {len(y)}"
        if not np.allclose(x, y, rtol=SAME, atol=0, equal_nan=True):
            row = int(np.flatnonzero(~np.isclose(x, y, rtol=SAME, atol=0, equal_nan=True))[0])
            return f"{one.response.name} is {x[row]:.6g} and {other.response.name} {y[row]:.6g} in row {row + 1}"
    return ""


def _leave_one_out(model: Model, posterior: Posterior) -> LeaveOneOut:
    values = posterior.flat
    count = len(next(iter(values.values())))
    chosen = np.linspace(0, count - 1, min(DRAWS, count)).astype(int)
    return leave_one_out(row_log_density(model, {n: v[chosen] for n, v in values.items()}), _independence(posterior))


def _independence(posterior: Posterior) -> float:
    """Effective draws a draw, the mean over parameters, as ArviZ takes it; 1 of draws that are independent."""
    if posterior.method != "nuts":
        return 1.0
    scalars = np.stack(list(posterior.scalars().values()), axis=-1)
    ess = convergence.ess_mean(scalars)
    return float(np.nanmean(ess) / (scalars.shape[0] * scalars.shape[1]))


def _scores(pointwise: Array, counts: Array, doubtful: Sequence[int]) -> tuple[Score, ...]:
    """Scores of laws from (items, laws) log densities, each item worth `counts` of a row."""
    totals = (pointwise * counts[:, None]).sum(axis=0)
    best = pointwise[:, int(np.argmax(totals))]
    weights = stacking(pointwise, counts)
    return tuple(
        Score(
            float(totals[i]), _error(pointwise[:, i] * counts), float(totals[i] - totals.max()),
            _error((pointwise[:, i] - best) * counts), float(weights[i]), doubtful[i],
        )
        for i in range(pointwise.shape[1])
    )  # fmt: skip


def _error(items: Array) -> float:
    """The standard error of a sum of independent items."""
    return float(np.sqrt(len(items) * np.var(items)))


def _future(ahead: Sequence[Sequence[Fold]], along: Array) -> tuple[tuple[Score, ...], int]:
    """Scores of the future: each row's mean over the cuts that lie below it. And how many rows have no score."""
    scores = np.stack([[fold.log_density for fold in law] for law in ahead], axis=-1)  # (cuts, rows, laws)
    asked = np.isfinite(scores[..., 0]) | np.isinf(scores[..., 0])
    scored = np.asarray(np.isfinite(scores).all(axis=-1))
    times = scored.sum(axis=0)
    rows = times > 0
    mean = np.where(scored[..., None], scores, 0.0).sum(axis=0)[rows] / times[rows, None]
    doubtful = [sum(fold.k > ROUGH for fold in law) for law in ahead]
    plain = _scores(mean, np.ones(len(mean)), doubtful)
    cut, row = np.nonzero(scored)
    weights = stacking(scores[cut, row], 1 / times[row])
    found = tuple(Score(s.elpd, s.se, s.difference, s.difference_se, float(w), s.doubtful)
                  for s, w in zip(plain, weights, strict=True))  # fmt: skip
    return found, int((asked.any(axis=0) & ~rows).sum())


def stacking(pointwise: Array, counts: Array) -> Array:
    """The weights (laws,) of the mixture with the largest summed log density; `pointwise` (items, laws), in nats."""
    density = np.exp(pointwise - pointwise.max(axis=1, keepdims=True))
    weights = np.full(pointwise.shape[1], 1 / pointwise.shape[1])
    share = counts / counts.sum()
    for _ in range(STEPS):  # expectation maximisation: the sum never falls, and has one maximum
        taken = density * weights
        after = share @ (taken / taken.sum(axis=1, keepdims=True))
        done = np.abs(after - weights).max() < 1e-7
        weights = after
        if done:
            break
    return np.asarray(weights)


def _frontier(models: Sequence[Model], asked: str | None) -> tuple[str, Array]:
    """What the future is along, in words and for every row."""
    known = {name for model in models for name in model.law.variable}
    if asked is not None:
        try:
            tree = parse_expression(Scalar(asked, Span("--frontier", 1, 1, asked)))
        except LawError as error:
            raise AskError([Fault("FIT054", f.where, f.message, f.cure) for f in error.faults]) from None
        for model in models:
            if tree.names() <= set(_known(model)):
                return asked, _rows(model, tree)
        unknown = sorted(tree.names() - {name for model in models for name in _known(model)})
        message = f"no law's rows have {', '.join(unknown)}" if unknown else "no one law has all of its names"
        cure = suggest(unknown[0], known) if unknown else "Name variables of one law."
        raise AskError(Fault("FIT054", Span(f"--frontier {asked}"[:120]), message, cure))
    for text in ("C", "6*N*D"):
        tree = parse_expression(Scalar(text, Span("the frontier", 1, 1, text)))
        for model in models:
            if tree.names() <= set(_known(model)):
                return text, _rows(model, tree)
    ranges = {
        name: float(np.log(values.max() / values.min()))
        for model in models
        for name, values in model.table.columns.items()
        if name in model.law.inputs and values.min() > 0
    }
    if not ranges:
        cure = "Say along which variable the future lies: --frontier NAME."
        raise AskError(Fault("FIT054", Span(), "no positive variable ranges over the rows", cure))
    widest = max(ranges, key=lambda name: ranges[name])
    model = next(m for m in models if widest in m.law.inputs)
    return widest, np.asarray(model.table.columns[widest])


def _rows(model: Model, tree: Expression) -> Array:
    """An expression of a law's variables, derived ones included, for every row."""
    found = evaluate_rows(tree, _known(model))
    return np.broadcast_to(np.asarray(found, dtype=float), (model.table.rows,))


def _known(model: Model) -> dict[str, Any]:
    """The variables that the rows have, and those that follow from them."""
    values: dict[str, Any] = {n: x for n, x in model.table.columns.items() if n in model.law.inputs}
    waiting = [v for v in model.law.variables if v.formula is not None]
    for _ in range(len(waiting)):  # a derived variable may rest on another
        for variable in waiting:
            assert variable.formula is not None
            if variable.name not in values and variable.formula.names() <= set(values):
                values[variable.name] = evaluate_rows(variable.formula, values)
    return values


def average(
    fits: Sequence[Posterior], weights: Sequence[float], points: Sequence[Mapping[str, Any]], *, level: float = 0.9
) -> list[Averaged]:
    """Predictions of every law and of their mixture; a backtested law brings its own error into both. A point's
    names that only some of the laws have are passed over by the others.

    Raises: AskError for points that do not fit the laws.
    """
    known = {name for one in fits for name in (*one.law.inputs, *one.law.grouping)}
    faults = [
        Fault("ASK002", Span(), f"no law has a variable or factor '{name}'", suggest(name, known))
        for point in points
        for name in point
        if name not in known
    ]
    if faults:
        raise AskError(list(dict.fromkeys(faults)))
    asked = [[_own(one, point) for point in points] for one in fits]
    alone = [predict(one, own, level=level) for one, own in zip(fits, asked, strict=True)]
    drawn = []
    for one, own in zip(fits, asked, strict=True):
        read = read_points(one.law, own)
        drawn.append([draws_at(one, [point]) for point in read])
    found = []
    responses = len(fits[0].law.outcome)
    for number in range(len(points)):
        for response in range(responses):
            laws = tuple(of_law[number * responses + response] for of_law in alone)
            parts = [of_law[number][response] for of_law in drawn]
            found.append(Averaged(laws, _mixture(laws, parts, weights, level)))
    return found


def _own(posterior: Posterior, point: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in point.items() if n in posterior.law.inputs or n in posterior.law.grouping}


def _mixture(laws: tuple[Prediction, ...], parts: Sequence[Any], weights: Sequence[float], level: float) -> Prediction:
    """The prediction of the mixture: `parts` are (name, means, new observations) of one point, (draws, 1)."""
    tails = ((1 - level) / 2, 0.5, (1 + level) / 2)
    means, shares = [part[1][:, 0] for part in parts], []
    for values, weight in zip(means, weights, strict=True):
        shares.append(np.full(len(values), weight / len(values)))
    share = np.concatenate(shares)
    lo, median, hi = weighted_quantiles(np.concatenate(means), share, tails)
    new_lo, _, new_hi = weighted_quantiles(np.concatenate([part[2][:, 0] for part in parts]), share, tails)
    mean = float(sum(w * one.mean for w, one in zip(weights, laws, strict=True)))
    widest = max(laws, key=lambda one: len(one.at))
    widened = any(one.widened for one, weight in zip(laws, weights, strict=True) if weight > 0)
    return Prediction(widest.at, laws[0].response, mean, median, lo, hi, new_lo, new_hi, level, widest.beyond, widened)


def weighted_quantiles(values: Array, weights: Array, at: Sequence[float]) -> list[float]:
    """Quantiles of draws with weights; nan where there are none."""
    good = np.isfinite(values) & (weights > 0)
    if not good.any():
        return [float("nan")] * len(at)
    order = np.argsort(values[good])
    ordered, share = values[good][order], weights[good][order]
    place = (np.cumsum(share) - share / 2) / share.sum()
    return [float(q) for q in np.interp(at, place, ordered)]
