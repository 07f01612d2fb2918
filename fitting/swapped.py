"""Rows in another unit than the rest: tokens in billions, a loss in bits, in part of a table.

A law fitted to such rows fits none of them, and its residuals name no row. So for each column and each factor that
units are confused by, every row may be either as it is or put right, whichever a law explains better: from likely
choices of rows the law is refitted, rows and constants in turn, and what the rows gain in log density says whether it
was so. The search is made only where a fit shows trouble, and a column is a suspect only if it ranges as widely as the
factor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .density import log_prior
from .model import Model
from .pointwise import row_log_density
from .search import mode_near

Array = NDArray[np.float64]

#: what a value is to be multiplied by, and what it then was in
VARIABLE_FACTORS = ((1e3, "thousands"), (1e6, "millions"), (1e9, "billions"), (1e12, "trillions"))
RESPONSE_FACTORS = (
    (np.log(2), "bits and not in nats"), (1 / np.log(2), "nats and not in bits"), (0.01, "percent"), (100.0, "shares"),
)  # fmt: skip
DRAWS = 200
CHOSEN = 2
ROUNDS = 5
#: nats by which the best draw of the prior may prefer rows of one kind, for refits with two to be made all the same
HINT = 10.0
#: nats behind the best refit at which another is given up
GIVE_UP = 30.0
#: decades by which a column ranges beyond the factor
SPARE = 0.3
#: nats gained, over all and per row put right, and the factor by which the scatter falls
GAIN, GAIN_A_ROW, SCATTER = 20.0, 2.0, 2.0
MINORITY = 0.67
FEWEST_ROWS = 20
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Swap:
    """Rows (indices) whose column is to be multiplied by `factor`; `was` says what it was in. gain: nats; before and
    after: the robust scatter on the noise's scale.
    """

    column: str
    rows: NDArray[np.int64]
    factor: float
    was: str
    gain: float
    before: float
    after: float


def swapped(model: Model, position: Array, seed: int) -> Swap | None:
    """The swap that explains the rows best, if one does; `position` (width,) is the mode of the rows as they are."""
    law, table = model.law, model.table
    if law.sequence is not None or not FEWEST_ROWS <= table.rows <= MOST_ROWS or len(law.outcomes) > 1:
        return None
    prior = model.prior_draws(DRAWS, seed)
    plain = _densities(model, np.concatenate([position[None], prior]))
    as_is = float(plain[0].sum() + log_prior(model, position[None])[0])
    before = _scatter(model, position)
    best: Swap | None = None
    for column, factor, was in _suspects(model):
        found = _tried(model, column, factor, prior, plain[1:])
        if found is None:
            continue
        rows, density, after = found
        gain = density - as_is
        if len(rows) > MINORITY * table.rows:  # then the others are in another unit
            rows, factor = np.setdiff1d(np.arange(table.rows), rows), 1 / factor
            was = f"{factor:.3g} times the others' unit" if factor < 1 else was
        if not len(rows) or gain < GAIN + GAIN_A_ROW * len(rows) or before < SCATTER * after:
            continue
        if best is None or gain > best.gain:
            best = Swap(column, rows, factor, was, gain, before, after)
    return best


def _suspects(model: Model) -> list[tuple[str, float, str]]:
    law, columns = model.law, model.table.columns
    found = []
    for name in law.inputs:
        x = columns[name]
        if x.min() <= 0:
            continue
        decades = np.log10(x.max() / x.min())
        found += [(name, f, was) for f, was in VARIABLE_FACTORS if decades >= np.log10(f) + SPARE]
    outcome = law.outcomes[0]
    y = columns[outcome.response.name]
    if outcome.noise.error is None and y.min() > 0 and outcome.noise.on != "logit":
        for factor, was in RESPONSE_FACTORS:
            if abs(np.log(y.max() / y.min())) > abs(np.log(factor)):
                found.append((outcome.response.name, float(factor), was))
    return found


def _tried(
    model: Model, column: str, factor: float, prior: Array, plain: Array
) -> tuple[NDArray[np.int64], float, float] | None:
    """The rows to be put right, the log posterior density then, and the scatter."""
    every = np.arange(model.table.rows)
    right = _densities(_changed(model, column, every, factor), prior) + _measure(model, column, factor)
    mixture = (np.logaddexp(plain, right) - np.log(2)).sum(axis=1)
    if mixture.max() < plain.sum(axis=1).max() - HINT:
        return None
    best: tuple[NDArray[np.int64], float, float] | None = None
    for rows in _seeds(model.table.columns[column], factor, plain, right, mixture):
        chosen = np.isin(every, rows)
        start = prior[int(np.argmax(np.where(chosen, right, plain).sum(axis=1)))]
        for _ in range(ROUNDS):
            changed = _changed(model, column, rows, factor)
            try:
                start = mode_near(changed, start, prior, np.median(prior[:, model.spreads], axis=0)).position
            except ValueError:
                break
            as_is = _densities(model, start[None])[0]
            put_right = _densities(_changed(model, column, every, factor), start[None])[0]
            put_right = put_right + _measure(model, column, factor)
            density = float(np.maximum(as_is, put_right).sum() + log_prior(model, start[None])[0])
            again = np.flatnonzero(put_right > as_is)
            if best is not None and density < best[1] - GIVE_UP:
                break
            if best is None or density > best[1]:
                best = (again, density, _scatter(_changed(model, column, again, factor), start))
            if np.array_equal(again, rows):
                break
            rows = again
    return best


def _seeds(values: Array, factor: float, plain: Array, right: Array, mixture: Array) -> list[NDArray[np.int64]]:
    """Rows that may be in the other unit: those that could be by their size, the first or last rows of the table, and
    those that the likeliest draws choose one by one.
    """
    could = values * factor <= values.max() if factor > 1 else values * factor >= values.min()
    ahead = np.cumsum(right - plain, axis=1)  # (draws, rows): gained by putting right the rows up to here
    first = plain.sum(axis=1)[:, None] + ahead
    last = right.sum(axis=1)[:, None] - ahead
    of_first, of_last = (np.unravel_index(int(np.argmax(x)), x.shape) for x in (first, last))
    suffix = last[of_last] >= first[of_first]
    order = np.arange(len(values))
    found = [np.flatnonzero(could), order[of_last[1] + 1 :] if suffix else order[: of_first[1] + 1]]
    found += [np.flatnonzero(right[draw] > plain[draw]) for draw in np.argsort(-mixture, kind="stable")[:CHOSEN]]
    return [rows for rows in found if 0 < len(rows) < len(values)]


def _changed(model: Model, column: str, rows: NDArray[np.int64], factor: float) -> Model:
    """The model with a column multiplied by the factor in these rows."""
    values = model.table.columns[column].copy()
    values[rows] *= factor
    changed = Model(model.law, replace(model.table, columns={**model.table.columns, column: values}))
    changed.__dict__["program"] = model.program  # the same law: its compilation is not repeated
    return changed


def _measure(model: Model, column: str, factor: float) -> float:
    """What turns the density of a response put right into that of the response as it stands, in nats a row."""
    return float(np.log(factor)) if column in model.law.outcome else 0.0


def _densities(model: Model, positions: Array) -> Array:
    """(n, rows); where a draw gives a row none, as improbable as can be."""
    values, _ = model.unpack(positions, np)
    return np.nan_to_num(row_log_density(model, values), nan=-1e6, neginf=-1e6, posinf=-1e6)


def _scatter(model: Model, position: Array) -> float:
    """The robust standard deviation of residuals on the noise's scale."""
    values, _ = model.unpack(position[None], np)
    outcome = model.law.outcomes[0]
    name = outcome.response.name
    residual = model.data["outcomes"][name]["observed"] - model.at_rows(values)[name]["location"][0]
    return float(1.4826 * np.median(np.abs(residual - np.median(residual))))


def reason(model: Model, found: Swap, rows: str) -> str:
    """In words; `rows` names them."""
    factor = f"{found.factor:.3g}" if found.factor >= 1 else f"1/{1 / found.factor:.3g}"
    be = "looks" if len(found.rows) == 1 else "look"
    on = model.law.outcomes[0].noise.on
    scale = "" if on == "identity" else f" of the {on}"
    return (
        f"{rows} {be} as if {found.column} were in {found.was}: multiplied by {factor} there, the scatter{scale} falls "
        f"from {found.before:.2g} to {found.after:.2g}; mend the table, or leave them out (--where)"
    )
