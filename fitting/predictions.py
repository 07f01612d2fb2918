"""Predictions from a posterior: the law's mean and a new observation at any point, each with an interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.backends import numpy_operations
from lawdsl.errors import AskError, Fault, Span, suggest
from lawdsl.evaluate import missing_value
from lawdsl.law import FIRST, Law, Parameter
from lawdsl.numbers import level_text, parse_number, short
from lawdsl.words import interval, percent

from . import carried, expressions, priors
from .outcomes import observed_at, of, off_by, restore
from .points import points_of
from .points import table_points as table_points
from .posterior import Posterior
from .predicted import Predictions

Array = NDArray[np.float64]
Point = Mapping[str, float | str]

#: points evaluated at once, so that a long table does not fill the memory
CHUNK = 512
#: beyond this many decades outside the rows a prediction is called an extrapolation
NEAR = 0.05


@dataclass(frozen=True, repr=False)
class Prediction:
    """The response at one point, in its unit.

    mean, median, lo, hi: of the law's value over the posterior, for a typical level of what scatters between levels;
    new_lo, new_hi: of a new observation, whose level is new where none is named. `level` is the intervals' probability.
    `beyond`: variable -> decades outside the rows fitted to (0 inside), negative below. `widened`: whether the law's
    own error, by backtests, is part of every number. `found`: how forecasts of these rows at that distance fared, in
    words; empty where the point lies among the rows, or nothing was backtested.
    """

    at: tuple[tuple[str, float | str], ...]
    response: str
    mean: float
    median: float
    lo: float
    hi: float
    new_lo: float
    new_hi: float
    level: float
    beyond: tuple[tuple[str, float], ...] = ()
    widened: bool = False
    found: str = ""

    def __repr__(self) -> str:
        law, new = interval(self.lo, self.hi), interval(self.new_lo, self.new_hi)
        return (
            f"Prediction({self.response} at {describe(dict(self.at))}: {short(self.median)}, {percent(self.level)} "
            f"{law}, new {new})"
        )

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        plain = {k: getattr(self, k) for k in ("mean", "median", "lo", "hi", "new_lo", "new_hi", "level", "response")}
        told = {"decades_beyond_data": dict(self.beyond), "widened": self.widened, "calibration": self.found or None}
        return {"at": dict(self.at), **plain, **told}

    def distance(self) -> str:
        """How far outside the rows the point lies, in words; empty where it lies within them."""
        parts = [
            f"{abs(decades):.1f} decades {'above' if decades > 0 else 'below'} the data in {name}"
            for name, decades in self.beyond
            if abs(decades) > NEAR
        ]
        return ", ".join(parts)


def read_points(law: Law, points: Iterable[Mapping[str, Any]]) -> list[dict[str, float | str]]:
    """Points as numbers for variables and texts for factors. Raises: AskError with every fault (ASK001, 002, 007)."""
    faults: list[Fault] = []
    known = [*law.inputs, *law.grouping]
    found = []
    for raw in points:
        point: dict[str, float | str] = {}
        for name, value in raw.items():
            if name in law.factor and name in law.grouping:
                point[name] = level_text(value)
            elif name not in law.inputs:
                variable = law.variable.get(name)
                why = f"follows from {variable.formula}" if variable and variable.formula is not None else "is not used"
                message = f"'{name}' {why if name in law.variable else 'is not a variable or factor'} of {law.name}"
                faults.append(Fault("ASK002", Span(law.name), message, suggest(name, known)))
            else:
                number = number_of(value)
                fault = _outside(law, name, value, number)
                if fault:
                    faults.append(fault)
                elif number is not None:
                    point[name] = number
        named = set(raw)
        faults += [missing_value(law, name, point) for name in law.inputs if name not in named]
        found.append(point)
    if faults:
        raise AskError(list(dict.fromkeys(faults)))
    return found


def number_of(value: Any) -> float | None:
    """A number as it was given, in digits or as a text; None of anything else."""
    if isinstance(value, str):
        return parse_number(value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _outside(law: Law, name: str, value: Any, number: float | None) -> Fault | None:
    domain = law.variable[name].domain
    if number is None or not np.isfinite(number):
        cure = "Numbers are written 0.5, 1e24, 7B or 100T."
        return Fault("ASK007", Span(law.name), f"{name}={str(value)[:40]} is not a number", cure)
    if (domain == "positive" and number <= 0) or (domain == "unit" and not 0 <= number <= 1):
        wanted = "positive" if domain == "positive" else "between 0 and 1"
        return Fault("ASK007", Span(law.name), f"{name}={number:g}", f"{name} is {wanted}.")
    return None


def predict(posterior: Posterior, points: Any, *, level: float = 0.9) -> Predictions:
    """Predictions at `points`, in order: a mapping of variables and factors to numbers and texts, ranges or columns; a
    frame; or several mappings (`fitting.points.points_of`). Of a law with several responses one of each at every point.

    Points of a law with a sequence are the rows of runs, each run's together and in order.
    Raises: AskError for points that do not fit the law, or levels that a parameter without a population has not seen.

    >>> import fitting
    >>> post = fitting.fit("qid", method="map")
    >>> found = fitting.predict(post, {"N": "25M", "D": "1B..100B:3", "P": 3})
    >>> [round(one.median, 2) for one in found] == sorted(round(one.median, 2) for one in found)
    True
    """
    if not 0 < level < 1:
        raise AskError(Fault("ASK008", Span(posterior.law.name), f"level {level:g}", "It lies between 0 and 1."))
    read = read_points(posterior.law, points_of(posterior.law, points))
    predictions: list[Prediction] = []
    for start, end in _chunks(posterior.law, read):
        predictions += _chunk(posterior, read[start:end], level)
    return Predictions(tuple(predictions), level, posterior.law, posterior.verdict)


def _chunks(law: Law, points: list[dict[str, float | str]]) -> list[tuple[int, int]]:
    """Where each chunk of points begins and ends; runs are not cut."""
    if law.sequence is None:
        return [(start, min(start + CHUNK, len(points))) for start in range(0, len(points), CHUNK)]
    begins = [i for i, first in enumerate(_first(law, points)) if first] + [len(points)]
    found, start = [], 0
    for end, after in pairwise(begins[1:] + [begins[-1]]):
        if after - start > CHUNK or end == len(points):
            found.append((start, end))
            start = end
    return [(a, b) for a, b in found if a < b]


def _first(law: Law, points: list[dict[str, float | str]]) -> Array:
    """1 where a run begins: with every change of its name. Raises: AskError (ASK014) where steps do not rise."""
    assert law.sequence is not None
    along, by = law.sequence.along, law.sequence.by
    found = np.ones(len(points))
    for i, (before, here) in enumerate(pairwise(points), start=1):
        if before.get(along) == here.get(along):
            found[i] = 0.0
            if float(before[by]) >= float(here[by]):
                message = f"point {i + 1}: {by}={short(float(here[by]))} after {by}={short(float(before[by]))}"
                cure = f"Give the rows of a run together, {by} rising, and name runs apart ({along}=...)."
                raise AskError(Fault("ASK014", Span(law.name), message, cure))
    return found


def _chunk(posterior: Posterior, points: list[dict[str, float | str]], level: float) -> list[Prediction]:
    tails = [(1 - level) / 2, (1 + level) / 2]
    columns = _columns(posterior.law, points)
    found: list[list[Prediction]] = []
    for name, mean, observed, error in draws_at(posterior, points):
        words = calibration(posterior, name, columns, level)
        with np.errstate(invalid="ignore"):
            lo, median, hi = np.quantile(mean, [tails[0], 0.5, tails[1]], axis=0)
            new_lo, new_hi = np.quantile(observed, tails, axis=0)
            average = mean.mean(axis=0)
        found.append([
            Prediction(
                tuple(point.items()), name, float(average[i]), float(median[i]), float(lo[i]), float(hi[i]),
                float(new_lo[i]), float(new_hi[i]), level, decades_beyond(posterior, point),
                bool(error is not None and np.any(error[:, i])), words[i],
            )
            for i, point in enumerate(points)
        ])  # fmt: skip
    return [one for at_point in zip(*found, strict=True) for one in at_point]


def _columns(law: Law, points: list[dict[str, float | str]]) -> dict[str, Array]:
    """The inputs at points, (1, points) each, and where runs begin."""
    columns = {name: np.array([float(p[name]) for p in points])[None, :] for name in law.inputs}
    if law.sequence is not None:
        columns[FIRST] = _first(law, points)[None, :]
    return columns


def draws_at(
    posterior: Posterior, points: list[dict[str, float | str]]
) -> list[tuple[str, Array, Array, Array | None]]:
    """For each response its name, the law's mean and new observations at points as `read_points` gives them, and, where
    backtests widen its intervals, the law's own error, which is in both: (draws, points) each.

    The noise of a draw is the same at every point (`fitting.carried`): intervals are right at each and smooth between
    them, and nothing is to be read from how observations at several points go together.
    """
    law, columns = posterior.law, _columns(posterior.law, points)
    typical = parameter_values(posterior, points, typical=True)
    program = expressions.prediction(law, noise=posterior.residuals is None)
    operations = numpy_operations()
    prepared = program.prepare(columns, operations)
    shape = (len(next(iter(posterior.flat.values()))), len(points))
    means = program.finish(prepared, typical, operations)
    new = program.finish(prepared, parameter_values(posterior, points, typical=False), operations)
    errors = law_errors(posterior, {name: values[0] for name, values in columns.items()}, shape[0])
    found = []
    for name, outcome in law.outcome.items():
        mean = np.broadcast_to(means[f"mean of {name}"], shape)
        rows = {what: np.broadcast_to(value, shape) for what, value in of(name, new).items()}
        u, v = (part[:, None] for part in carried.pairs(posterior.provenance.seed, f"observation {name}", shape[0]))
        if posterior.residuals is not None:
            seen = posterior.residuals[name][np.isfinite(posterior.residuals[name])]
            scatter = seen[:, None] if shape[0] == 1 else seen[(u * len(seen)).astype(int)]
            observed = restore(outcome.noise, rows["location"] + scatter)
        else:
            observed = observed_at(outcome, rows, u, v)
        error = errors.get(name)
        if error is not None:
            mean, observed = (off_by(outcome.noise, values, error) for values in (mean, observed))
        found.append((name, mean, observed, error))
    return found


def law_errors(posterior: Posterior, columns: Mapping[str, Array], count: int) -> dict[str, Array]:
    """Of every response whose intervals backtests widen: `count` draws of the law's own error at points (columns of the
    inputs), (count, points), on the noise's scale; zero among the rows. A draw is one error, the same at all points.
    """
    told = posterior.reliability
    if told is None or not any(told.widens(name) for name in posterior.law.outcome):
        return {}
    _, far = told.distances(posterior.law, columns, posterior.columns)
    seed = posterior.provenance.seed
    return {
        name: told.discrepancy[name].deviations(far, count, seed) for name in posterior.law.outcome if told.widens(name)
    }


def calibration(posterior: Posterior, name: str, columns: Mapping[str, Array], level: float) -> list[str]:
    """How forecasts of these rows fared as far out as each point lies, in words; empty among the rows, or where nothing
    was backtested.
    """
    count = len(next(iter(columns.values()))[0])
    told = posterior.reliability
    if told is None:
        return [""] * count
    _, far = told.distances(posterior.law, {n: values[0] for n, values in columns.items()}, posterior.columns)
    return [told.words(name, float(decades), level) if decades > NEAR else "" for decades in far]


def decades_beyond(posterior: Posterior, point: Point) -> tuple[tuple[str, float], ...]:
    """How many factors of ten each positive variable lies outside the rows fitted to; 0 within."""
    found = []
    for name, (low, high) in posterior.ranges.items():
        value = point.get(name)
        if isinstance(value, float) and value > 0 and low > 0:
            found.append((name, float(max(0.0, np.log10(value / high)) + min(0.0, np.log10(value / low)))))
    return tuple(found)


def parameter_values(
    posterior: Posterior, points: list[dict[str, float | str]], *, typical: bool, needed: frozenset[str] | None = None
) -> dict[str, Any]:
    """Draws of every free parameter (or of those needed) at every point: (draws, 1), or (draws, points) where grouped.

    A level that was not named is the population's centre if `typical`, else a new level; a level that is named but was
    not seen is a new level in either case, the same at every point that names it.
    Raises: AskError (ASK004) for a level not seen by a parameter that has no population.
    """
    law, flat = posterior.law, posterior.flat
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for parameter in law.parameters:
        if not parameter.free or (parameter.name not in flat and parameter.center is None):
            continue  # point fits know no noise
        if needed is not None and parameter.name not in needed:
            continue
        if not parameter.grouped:
            values[parameter.name] = flat[parameter.name][:, None]
            continue
        labels = posterior.levels.get(parameter.name, ())
        columns = []
        for point in points:
            named = [point.get(factor) for factor in parameter.by]
            label = None if None in named else ",".join(str(name) for name in named)
            if label in labels:
                columns.append(flat[parameter.name][:, labels.index(label)])
            elif parameter.pool == "partial" and f"{parameter.name}.spread" in flat:
                columns.append(_of_population(posterior, parameter, label, typical))
            elif parameter.center is not None:  # a point fit holds effects at their centre
                columns.append(np.full(len(next(iter(flat.values()))), parameter.center))
            else:
                factors = ", ".join(parameter.by)
                found = f"no {factors} is named" if label is None else f"{factors} = {label} was not in the data"
                cure = f"Name one: {parameter.by[0]}=... {suggest(label or '', labels)}"
                faults.append(
                    Fault("ASK004", Span(law.name), f"{parameter.name} has a value per {factors}, and {found}", cure)
                )
        if len(columns) == len(points):
            values[parameter.name] = np.stack(columns, axis=1)
    if faults:
        raise AskError(list(dict.fromkeys(faults)))
    return values


def _of_population(posterior: Posterior, parameter: Parameter, label: str | None, typical: bool) -> Array:
    """Draws of a new level of a population, or of its centre."""
    flat, name = posterior.flat, parameter.name
    spread = flat[f"{name}.spread"]
    if parameter.center is None:
        center = priors.unconstrain(flat[f"{name}.center"], parameter.support)
    else:
        center = np.full(len(spread), float(priors.unconstrain(np.asarray(parameter.center), parameter.support)))
    if label is None and typical:
        return np.asarray(priors.constrain(center, parameter.support, np))
    # the same level is the same draw, at whatever point and in whichever call it is named
    offset = carried.normals(posterior.provenance.seed, f"level {name}[{label}]", len(spread))
    return np.asarray(priors.constrain(center + spread * offset, parameter.support, np))


def describe(point: Point) -> str:
    """A point in words: N=70B, D=100T, P=4."""
    return ", ".join(f"{name}={value if isinstance(value, str) else short(value)}" for name, value in point.items())
