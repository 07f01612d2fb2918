"""A posterior as many normal ones: for each of some draws, the law as a straight function of its parameters about it.

Were the draw the truth, rows and prior would leave the parameters nearly normal about it, with the precision

    prior + sum over rows of (gradient of the row's location)(the same)' * information of its noise

on the unconstrained scale (Fisher information; Chaloner & Verdinelli 1995, section 4, for designs that average over
such draws). One covariance of all draws would not do: posteriors of few rows are bent, and a straight line through a
bent one finds the question explained by runs that explain it at no single truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import COUNTED, Law, Outcome, Prior

from . import counted, outcomes, priors
from .means import at_points
from .noise import information
from .posterior import Posterior
from .predictions import Point

Array = NDArray[np.float64]

#: rows of the fit that stand for all
ROWS = 2000
#: step of central differences on the unconstrained scale, on which parameters differ by about one
STEP = 1e-3
#: precision of a parameter without a prior: of point fits
FLAT = 1e-6
#: the level of a candidate that names none
NEW = "new"


@dataclass(frozen=True)
class Linearized:
    """About each truth: `covariance` (truths, parameters, parameters) of the parameters given the rows of the fit;
    `question` (truths, parameters), its gradient; `gradients` (truths, runs, responses, parameters) of what candidates
    are observed as, and `noise` (truths, runs, responses, responses) of that observation.
    """

    covariance: Array
    question: Array
    gradients: Array
    noise: Array

    def after(self, batch: Sequence[int]) -> Array:
        """The covariance given a batch as well."""
        covariance = self.covariance
        for run in batch:
            gradient = self.gradients[:, run]
            gain = gradient @ covariance  # truths, responses, parameters
            seen = gain @ gradient.transpose(0, 2, 1) + self.noise[:, run]
            covariance = covariance - gain.transpose(0, 2, 1) @ np.linalg.solve(seen, gain)
        return covariance

    def deviation(self, batch: Sequence[int]) -> float:
        """The standard deviation of the question given a batch, averaged over the truths."""
        q = self.question
        return float(np.sqrt(np.maximum(np.einsum("tp,tpk,tk->t", q, self.after(batch), q), 0.0)).mean())

    def deviations(self, batch: Sequence[int]) -> Array:
        """The same with each run as well: (runs,)."""
        covariance = self.after(batch)
        carried = np.einsum("tpk,tk->tp", covariance, self.question)
        before = np.einsum("tp,tp->t", self.question, carried)
        truths, runs, responses, size = self.gradients.shape
        seen = np.empty((truths, runs, responses, responses))
        for t in range(truths):
            flat = self.gradients[t].reshape(-1, size)
            gain = (flat @ covariance[t]).reshape(runs, responses, size)
            seen[t] = gain @ self.gradients[t].transpose(0, 2, 1) + self.noise[t]
        wanted = np.einsum("trop,tp->tro", self.gradients, carried)
        if responses == 1:
            explained = wanted[..., 0] ** 2 / seen[..., 0, 0]
        else:
            explained = (wanted * np.linalg.solve(seen, wanted[..., None])[..., 0]).sum(axis=-1)
        return np.asarray(np.sqrt(np.maximum(before[:, None] - explained, 0.0)).mean(axis=0))


def linearize(
    posterior: Posterior, candidates: Sequence[Point], question: Callable[[Posterior], Array], truths: NDArray[np.int64]
) -> Linearized:
    """About the draws at the places `truths`. `question` gives the number of every draw of a posterior, on the scale on
    which it is nearly normal. Candidates that name no level of a population, or an unseen one, are levels of their own.
    """
    law = posterior.law
    candidates = with_levels(law, candidates)
    at = _at_truths(posterior, candidates, truths)
    scalars = _scalars(at, posterior)
    moved = _moved(at, scalars)

    def gradient(values: Array) -> Array:
        """Values (2 * parameters * truths, ...) to central differences (truths, ..., parameters)."""
        pairs = values.reshape(2, len(scalars), len(truths), *values.shape[1:])
        return np.asarray(np.moveaxis((pairs[0] - pairs[1]) / (2 * STEP), 0, -1))

    precision = _prior(at, scalars)
    places = np.linspace(0, posterior.provenance.rows - 1, min(posterior.provenance.rows, ROWS)).astype(int)
    rows = _rows(posterior, places)
    here, there = at_points(at, rows, typical=False), at_points(moved, rows, typical=False)
    for name, outcome in law.outcome.items():
        errors = {what: values[places] for what, values in _errors(posterior, outcome).items()}
        informed = _information(posterior, outcome, here[name], errors) * posterior.provenance.rows / len(places)
        slopes = gradient(there[name]["location"])
        seen = np.isfinite(posterior.columns[name][places])
        informed = np.where(seen & np.isfinite(informed) & np.isfinite(slopes).all(axis=-1), informed, 0.0)
        slopes = np.where(informed[..., None] > 0, slopes, 0.0)
        precision = precision + slopes.transpose(0, 2, 1) @ (slopes * informed[..., None])
    here, there = at_points(at, candidates, typical=False), at_points(moved, candidates, typical=False)
    gradients = np.stack([gradient(there[name]["location"]) for name in law.outcome], axis=2)
    errors_now = {o: {w: np.nanmedian(v) for w, v in _errors(posterior, law.outcome[o]).items()} for o in law.outcome}
    informed = np.stack([_information(posterior, law.outcome[o], here[o], errors_now[o]) for o in law.outcome], axis=2)
    with np.errstate(divide="ignore"):
        noise = (1 / informed)[..., None] * np.eye(informed.shape[2])
    fresh = [i for i, one in enumerate(scalars) if one.fresh]
    for i in fresh:  # the scatter of new levels is noise of each candidate, and their centre is what rows inform
        column, parameter = gradients[..., i], scalars[i].name
        spread = at.flat[f"{parameter}.spread"]
        noise = noise + column[..., :, None] * column[..., None, :] * (spread**2)[:, None, None, None]
        for j, one in enumerate(scalars):
            if one.name == f"{parameter}.center":
                gradients[..., j] += column
    kept = [i for i in range(len(scalars)) if i not in fresh]
    covariance = np.asarray(np.linalg.inv(precision[:, kept][:, :, kept]), dtype=np.float64)
    return Linearized(covariance, gradient(question(moved))[:, kept], gradients[..., kept], noise)


def with_levels(law: Law, points: Sequence[Point]) -> list[Point]:
    """Points with a new level for every factor they do not name that serves populations alone."""
    free = {
        name for name in law.grouping if all(p.pool == "partial" for p in law.parameters if p.grouped and name in p.by)
    }
    return [{**{name: NEW for name in free if name not in point}, **point} for point in points]


@dataclass(frozen=True)
class _Scalar:
    """One number of a posterior's draws: its name there, its columns where it has levels, and its support. `fresh`: the
    level that candidates bring; `pooled`: a level of a population."""

    name: str
    columns: slice | None
    support: tuple[float, float]
    prior: Prior | None
    fresh: bool = False
    pooled: bool = False


def _at_truths(posterior: Posterior, candidates: Sequence[Point], truths: NDArray[np.int64]) -> Posterior:
    """The posterior of these draws, with a level at the centre of its population for each that candidates bring."""
    law = posterior.law
    draws = {name: values[truths][None] for name, values in posterior.flat.items()}
    levels = dict(posterior.levels)
    for parameter in law.parameters:
        if not (parameter.grouped and parameter.pool == "partial" and f"{parameter.name}.spread" in draws):
            continue
        name = parameter.name
        labels = {",".join(str(point.get(factor)) for factor in parameter.by) for point in candidates}
        unseen = sorted(labels - set(levels[name]))
        center = draws.get(f"{name}.center", np.full((1, len(truths)), parameter.center or 0.0))
        draws[name] = np.concatenate([draws[name], *[center[..., None]] * len(unseen)], axis=2)
        levels[name] = (*levels[name], *unseen)
    return replace(posterior, draws=draws, levels=levels, stats={}, prior={}, predictive={})


def _scalars(at: Posterior, posterior: Posterior) -> list[_Scalar]:
    found = []
    fitted = posterior.method in ("nuts", "map")  # point fits knew no prior
    for name, values in at.draws.items():
        base, _, role = name.partition(".")
        parameter = at.law.parameter[base]
        support = (0.0, math.inf) if role == "spread" else parameter.support
        prior = (parameter.spread if role == "spread" else parameter.prior) if fitted else None
        if values.ndim == 2:
            found.append(_Scalar(name, None, support, prior))
            continue
        seen = posterior.draws[name].shape[-1]
        pooled = parameter.pool == "partial" and f"{name}.spread" in at.draws
        found += [_Scalar(name, slice(i, i + 1), support, prior, pooled=pooled) for i in range(seen)]
        if values.shape[-1] > seen:
            found.append(_Scalar(name, slice(seen, None), support, None, fresh=True))
    return found


def _moved(at: Posterior, scalars: Sequence[_Scalar]) -> Posterior:
    """Every truth with one parameter a step up, for each parameter, then one a step down."""
    size = len(scalars)
    draws = {}
    for name, values in at.draws.items():
        stacked = np.broadcast_to(values[0], (2, size, *values.shape[1:])).copy()
        for i, one in enumerate(scalars):
            if one.name == name:
                which = ... if one.columns is None else (..., one.columns)
                u = priors.unconstrain(stacked[0, i][which].copy(), one.support)
                for side, step in enumerate((STEP, -STEP)):
                    stacked[side, i][which] = priors.constrain(u + step, one.support, np)
        draws[name] = stacked.reshape(1, -1, *values.shape[2:])
    return replace(at, draws=draws)


def _prior(at: Posterior, scalars: Sequence[_Scalar]) -> Array:
    """The prior's precision about each truth: (truths, parameters, parameters). A level of a population is normal about
    its centre, which may be a parameter itself."""
    count = next(iter(at.draws.values())).shape[1]
    found = np.zeros((count, len(scalars), len(scalars)))
    for i, one in enumerate(scalars):
        if one.fresh:
            found[:, i, i] = 1.0
        elif one.pooled:
            tight = 1 / at.flat[f"{one.name}.spread"] ** 2
            found[:, i, i] += tight
            for j, other in enumerate(scalars):
                if other.name == f"{one.name}.center":
                    found[:, j, j] += tight
                    found[:, i, j] -= tight
                    found[:, j, i] -= tight
        elif one.prior is None:
            found[:, i, i] += FLAT
        else:
            found[:, i, i] += 1 / _deviation(one.prior, one.support) ** 2
    return found


def _deviation(prior: Prior, support: tuple[float, float]) -> float:
    """A prior's standard deviation on the unconstrained scale; by its quantiles where it is not normal there."""
    if priors.normal_there(prior, support):
        return prior.arguments[1]
    low, high = np.quantile(priors.draw(prior, support, 2000, np.random.default_rng(0)), [0.16, 0.84])
    return float(high - low) / 2


def _rows(posterior: Posterior, places: NDArray[np.int64]) -> list[Point]:
    """Rows of the fit as points."""
    words = {n: [posterior.factors[n][code] for code in codes[places]] for n, codes in posterior.codes.items()}
    columns = {n: posterior.columns[n][places].tolist() for n in posterior.law.inputs}
    return [
        {**{n: values[i] for n, values in columns.items()}, **{n: labels[i] for n, labels in words.items()}}
        for i in range(len(places))
    ]


def _errors(posterior: Posterior, outcome: Outcome) -> dict[str, Array]:
    """Known standard errors of the rows, as the likelihood takes them."""
    columns, found = posterior.columns, {}
    if outcome.noise.error is not None:
        values = columns[outcome.response.name]
        found["error"] = outcomes.error_on_scale(outcome.noise, columns[outcome.noise.error], values)
    for variable in posterior.law.variables:
        if variable.error is not None and variable.error in columns:
            found[f"error of {variable.name}"] = columns[variable.error]
    return found


def _information(posterior: Posterior, outcome: Outcome, rows: Mapping[str, Array], errors: Mapping[str, Any]) -> Array:
    """What an observation tells of its location, (truths, points); that of a point fit by its residuals."""
    shape = rows["location"].shape
    with np.errstate(all="ignore"):
        if posterior.residuals is not None:
            found: Any = 1 / np.nanvar(posterior.residuals[outcome.response.name])
        elif outcome.noise.family in COUNTED:
            found = 1 / counted.deviation(outcome.noise, rows) ** 2
        else:
            df = rows.get("df", outcomes.STUDENT_DF)
            found = information(outcome.noise, df) / outcomes.spread(outcome, rows, errors) ** 2
    return np.asarray(np.broadcast_to(found, shape), dtype=float)
