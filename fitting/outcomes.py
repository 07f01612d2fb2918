"""What a response's observations have to do with the law: the likelihood of rows, and replicated observations.

A law with one response or with several is a list of outcomes, and everything here is done for one of them at a time.
Rows lie on the scale of the noise (`transform`, `restore`). A response may be missing in some rows; such rows do not
count for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.backends import numpy_operations
from lawdsl.law import COUNTED, FIRST, Law, Noise, Outcome
from lawdsl.table import Table

from . import counted, noise

Array = NDArray[np.float64]

STUDENT_DF = 4.0  # of student-t noise when a law does not say


def measured(law: Law, outcome: Outcome) -> list[str]:
    """The variables with known standard errors that an outcome rests on."""
    needed = law.needs(outcome.equation)
    return [v.name for v in law.variables if v.error is not None and v.name in needed]


def of(response: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of one response, without its name."""
    tail = f" of {response}"
    return {name.removesuffix(tail): value for name, value in found.items() if name.endswith(tail)}


def transform(law_noise: Noise, values: Array) -> Array:
    """Observations of the response on the scale of the noise."""
    if law_noise.on == "log":
        return np.log(values)
    return np.log(values) - np.log1p(-values) if law_noise.on == "logit" else values


def restore(law_noise: Noise, values: Any) -> Any:
    """Numbers on the noise's scale as values of the response."""
    if law_noise.on == "log":
        return np.exp(values)
    return 1 / (1 + np.exp(-values)) if law_noise.on == "logit" else values


def off_by(law_noise: Noise, values: Array, error: Array) -> Array:
    """Values of the response that are off by an error on the scale of the noise."""
    with np.errstate(all="ignore"):
        return np.asarray(restore(law_noise, transform(law_noise, values) + error))


def error_on_scale(law_noise: Noise, error: Array, values: Array) -> Array:
    """Known standard errors carried over to the noise's scale, by its slope at the observation."""
    if law_noise.on == "log":
        return error / values
    return error / (values * (1 - values)) if law_noise.on == "logit" else error


def observations(law: Law, outcome: Outcome, table: Table) -> dict[str, Any]:
    """The arrays that the likelihood of one response takes, (rows,): `observed` and, as far as the law has them, known
    errors, `seen` (1 where there is an observation), and `before` (the run's row seen last before each).
    """
    values = table.columns[outcome.response.name]
    seen = np.isfinite(values)
    with np.errstate(all="ignore"):
        found: dict[str, Any] = {"observed": np.where(seen, transform(outcome.noise, values), 0.0)}
    if not seen.all():
        found["seen"] = seen.astype(float)
    if outcome.noise.error is not None:
        error = error_on_scale(outcome.noise, table.columns[outcome.noise.error], values)
        found["error"] = np.where(seen, error, 0.0)
    for variable in measured(law, outcome):
        found[f"error of {variable}"] = table.columns[str(law.variable[variable].error)]
    if outcome.noise.correlation is not None:
        found["before"] = _before(table.columns[FIRST] > 0, seen)
        found["first"] = table.columns[FIRST]
    return found


def _before(first: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For every row the index of the row of its run that was seen last before it; its own where there is none."""
    before = np.arange(len(seen))
    last = -1
    for row in range(len(seen)):
        last = -1 if first[row] else last
        before[row] = last if last >= 0 else row
        last = row if seen[row] else last
    return before


def log_likelihood(outcome: Outcome, rows: Mapping[str, Any], data: Mapping[str, Any], xp: Any = None) -> Any:
    """The log density of every row's observation, 0 where there is none: JAX arrays of rows, or numpy's (..., rows)
    where that is `xp`.
    """
    if xp is None:
        import jax.numpy as xp

    observed = data["observed"]
    if outcome.noise.family in COUNTED:
        found = counted.log_density(outcome.noise, observed, rows, xp)
    else:
        scale = _scale(outcome, rows, data, xp)
        residual = observed - rows["location"]
        if "before" in data:
            correlation = xp.where(data["first"] > 0, 0.5, rows["correlation"])  # what stands there does not count
            steps = xp.cumsum(xp.log(xp.broadcast_to(correlation, residual.shape)), axis=-1)
            back = data["before"]
            alone = back == xp.arange(len(back))
            rho = xp.where(alone, 0.0, xp.exp(steps - steps[..., back]))
            z = residual / scale
            left = xp.sqrt(-xp.expm1(xp.where(alone, -xp.inf, 2 * (steps - steps[..., back]))))
            residual, scale = (z - rho * z[..., back]) * scale, scale * left
        found = noise.log_density(outcome.noise, residual, scale, rows.get("df", STUDENT_DF), xp)
    return xp.where(data["seen"] > 0, found, 0.0) if "seen" in data else found


def log_slope_of_scale(law_noise: Noise, values: Array) -> Array:
    """log |d transform / d response| at observations: what turns a density on the noise's scale into the response's."""
    with np.errstate(all="ignore"):
        if law_noise.on == "log":
            return -np.log(values)
        return -np.log(values) - np.log1p(-values) if law_noise.on == "logit" else np.zeros_like(values)


def _scale(outcome: Outcome, rows: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> Any:
    """The noise's scale with the known errors of the response and of variables in quadrature."""
    scale = rows["scale"]
    squares = [data["error"] ** 2] if "error" in data else []
    for name, steep in rows.items():
        if name.startswith("slope "):
            squares.append((steep * data[f"error of {name.removeprefix('slope ')}"]) ** 2)
    return xp.sqrt(scale * scale + sum(squares)) if squares else scale


def spread(outcome: Outcome, rows: Mapping[str, Any], data: Mapping[str, Any]) -> Array:
    """The standard deviation of an observation on the noise's scale, known errors included (numpy)."""
    if outcome.noise.family in COUNTED:
        return counted.deviation(outcome.noise, rows)
    return np.asarray(_scale(outcome, rows, data, np))


def replicate(outcome: Outcome, rows: Mapping[str, Any], data: Mapping[str, Any], random: np.random.Generator) -> Array:
    """Observations of the response drawn from its noise, shaped like `rows["location"]` (numpy)."""
    location = np.asarray(rows["location"])
    with np.errstate(all="ignore"):
        if outcome.noise.family in COUNTED:
            return counted.draw(outcome.noise, rows, random)
        scale = np.broadcast_to(_scale(outcome, rows, data, np), location.shape)
        scatter = noise.draw(outcome.noise, scale, rows.get("df", STUDENT_DF), random)
        if "first" in data:
            first = np.asarray(data["first"])
            rho = np.where(first > 0, 0.0, np.broadcast_to(rows["correlation"], location.shape))
            z = numpy_operations()["recur"](rho, np.sqrt(1 - rho * rho) * scatter / scale, first)
            scatter = z * scale
        return np.asarray(restore(outcome.noise, location + scatter))


def observed_at(outcome: Outcome, rows: Mapping[str, Any], u: Array, v: Array) -> Array:
    """New observations of the response for the pairs (u, v) that draws carry (`fitting.carried`), shaped like
    `rows["location"]`: no known errors are in them, and no correlation along a run.
    """
    location = np.asarray(rows["location"])
    with np.errstate(all="ignore"):
        if outcome.noise.family in COUNTED:
            return counted.quantile(outcome.noise, rows, u, v)
        scatter = rows["scale"] * noise.standard(outcome.noise, rows.get("df", STUDENT_DF), u, v)
        return np.asarray(restore(outcome.noise, location + scatter))
