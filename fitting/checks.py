"""What a fit's own rows say of it: rows that lie far off, rows the fit leans on, and noise that is not the law's.

All from some hundred draws, in numpy. Rows are named by their number in the user's table.

Sources: Gelman, Meng, Stern 1996 (posterior predictive checks of realized discrepancies); Vehtari et al. 2024, arXiv
1507.02646 (Pareto's k).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import COUNTED, Outcome
from lawdsl.numbers import short
from lawdsl.words import listed

from . import noise, outcomes, sensitivity
from .model import Model
from .pointwise import row_log_density
from .psis import LeaveOneOut, leave_one_out

Array = NDArray[np.float64]

DRAWS = 500
#: draws times rows; of a longer table fewer draws, and beyond that none of these checks
CELLS, FEWEST_DRAWS = 4_000_000, 200
#: a row of a right law is called an outlier in one table of a hundred
CHANCE = 0.01
#: heavy-tailed noise explains anything: a row this many robust sds off, and so many times as far as the next, is named
ALONE, GAP = 8.0, 2.5
#: robust sds within which no row is an outlier, whatever a table's noise
NEAREST = 4.0
MOST_NAMED = 8
#: share of replications at or beyond the observed quantity; so often at most is a right law named, by each quantity
EXTREME = 0.002
FEWEST_ROWS = 20


def notes(model: Model, values: Mapping[str, Array], seed: int) -> tuple[str, ...]:
    """The checks of constrained draws (chains, draws[, levels]), in words."""
    count = min(DRAWS, CELLS // max(1, model.table.rows))
    if count < FEWEST_DRAWS:
        return ("a table of so many rows is not searched for outliers",)
    flat = {name: v.reshape(-1, *v.shape[2:]) for name, v in values.items()}
    total = len(next(iter(flat.values())))
    chosen = np.linspace(0, total - 1, min(count, total)).astype(int)
    drawn = {name: v[chosen] for name, v in flat.items()}
    density = row_log_density(model, drawn)
    left_out = leave_one_out(np.where(np.isnan(density), 0.0, density))
    rows = model.at_rows(drawn)
    found: list[str] = []
    for name, outcome in model.law.outcome.items():
        told = _of_outcome(model, outcome, rows[name], left_out, np.random.default_rng([seed, 8]))
        found += [f"{name}: {text}" for text in told] if len(model.law.outcomes) > 1 else told
    found += influential(model, left_out)
    found += sensitivity.notes(sensitivity.sensitivities(model, drawn, np.nansum(density, axis=1)))
    return tuple(found)


def number(model: Model, row: int) -> int:
    """The number of a row in the user's table, from 1."""
    return int(model.table.numbers[row]) if model.table.numbers is not None else row + 1


def named(model: Model, rows: Any) -> str:
    """Rows in words: row 17; rows 3, 4 and 9; rows 121 to 240."""
    rows = np.sort(np.asarray(rows))
    numbers = sorted(number(model, row) for row in rows)
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    if rows[-1] - rows[0] == len(rows) - 1 and len(rows) > 2:
        return f"rows {numbers[0]} to {numbers[-1]}"
    shown = [str(n) for n in numbers[:MOST_NAMED]]
    if len(numbers) > MOST_NAMED:
        return f"rows {', '.join(shown)} and {len(numbers) - MOST_NAMED} more"
    return f"rows {listed(shown)}"


def influential(model: Model, left_out: LeaveOneOut) -> list[str]:
    """The rows without which the posterior would be another."""
    rows = np.flatnonzero(left_out.k > left_out.trusted)
    if not len(rows):
        return []
    worst = rows[np.argsort(-left_out.k[rows])]
    is_are = "decides" if len(rows) == 1 else "decide"
    return [
        f"{named(model, worst[:MOST_NAMED])} {is_are} part of the answer (Pareto k up to "
        f"{left_out.k[worst[0]]:.2f}): without {'it' if len(rows) == 1 else 'one of them'} it would move"
        + (f"; {len(rows)} such rows in all" if len(rows) > MOST_NAMED else "")
    ]


def _of_outcome(
    model: Model, outcome: Outcome, rows: Mapping[str, Array], left_out: LeaveOneOut, random: np.random.Generator
) -> list[str]:
    if outcome.noise.family in COUNTED or model.table.rows < FEWEST_ROWS:
        return []
    data = model.data["outcomes"][outcome.response.name]
    seen = np.asarray(data["seen"]) > 0 if "seen" in data else np.ones(model.table.rows, bool)
    scale = np.broadcast_to(outcomes.spread(outcome, rows, data), rows["location"].shape)
    with np.errstate(all="ignore"):
        z = np.where(seen, (data["observed"] - rows["location"]) / scale, 0.0)
    if not np.isfinite(z).all():
        return []
    df = np.broadcast_to(rows.get("df", np.float64(outcomes.STUDENT_DF)), z.shape)
    found, odd = _outliers(model, outcome, z, scale, df, left_out, seen)
    return found + ([] if odd else _replicated(outcome, z, df, seen, random))


def _outliers(
    model: Model, outcome: Outcome, z: Array, scale: Array, df: Array, left_out: LeaveOneOut, seen: NDArray[np.bool_]
) -> tuple[list[str], bool]:
    """Rows that lie further from the law than its noise takes them, each by its leave-one-out predictive tail."""
    middle = z.mean(axis=0)
    order = np.argsort(-np.abs(middle))[: 4 * MOST_NAMED]
    tail = np.array([
        left_out.weights[:, row] @ noise.tail(outcome.noise, np.abs(z[:, row]), df[:, row]) for row in order
    ])  # fmt: skip
    residual = (z * scale).mean(axis=0)
    robust = np.abs(residual - np.median(residual[seen])) / max(1.4826 * _mad(residual[seen]), 1e-300)
    odd = [int(r) for r, p in zip(order, tail, strict=True) if p * seen.sum() < CHANCE and robust[r] > NEAREST]
    far = np.argsort(-robust)
    for last in range(MOST_NAMED - 1, -1, -1):  # the largest group that stands apart from all others
        if last + 1 < len(far) and robust[far[last]] > max(ALONE, GAP * robust[far[last + 1]]):
            odd += [int(row) for row in far[: last + 1] if int(row) not in odd]
            break
    if not odd:
        return [], False
    odd.sort(key=lambda row: -robust[row])
    each = [_one(model, outcome, row, residual, robust) for row in odd[:3]]
    more = f"; {named(model, odd[3:])} as well" if len(odd) > 3 else ""
    return [f"outliers: {'; '.join(each)}{more}. Look at them, or leave them out (--where)"], True


def _one(model: Model, outcome: Outcome, row: int, residual: Array, robust: Array) -> str:
    name = outcome.response.name
    value = float(model.table.columns[name][row])
    on_scale = float(outcomes.transform(outcome.noise, np.array([value]))[0])
    expected = float(outcomes.restore(outcome.noise, np.array([on_scale - residual[row]]))[0])
    side = "above" if residual[row] > 0 else "below"
    return (
        f"row {number(model, row)} lies {robust[row]:.0f} sd of the scatter {side} the law "
        f"({name} = {short(value, 4)}, the law says {short(expected, 4)})"
    )


def _mad(x: Array) -> float:
    return float(np.median(np.abs(x - np.median(x))))


def _replicated(
    outcome: Outcome, z: Array, df: Array, seen: NDArray[np.bool_], random: np.random.Generator
) -> list[str]:
    """Quantities of the residuals, in units of the noise, against those of noise drawn from the law itself."""
    observed = z[:, seen]
    drawn = noise.draw(outcome.noise, np.ones_like(observed), df[:, seen], random)
    found = []
    for quantity, more, less in _QUANTITIES:
        share = float(np.mean(quantity(drawn) >= quantity(observed)))
        if share <= EXTREME:
            found.append(f"posterior predictive check: {more} (p = {share:.3f})")
        elif share >= 1 - EXTREME:
            found.append(f"posterior predictive check: {less} (p = {1 - share:.3f})")
    return found


def _skew(x: Array) -> Array:
    """The skewness of each draw's residuals; 0 where all of them are the same."""
    left = x - x.mean(axis=1, keepdims=True)
    square = left * left
    spread = square.mean(axis=1)
    return np.asarray((square * left).mean(axis=1) / np.where(spread > 0, spread, 1.0) ** 1.5)


_QUANTITIES: tuple[tuple[Any, str, str], ...] = (
    (_skew, "residuals lean upward more than the law's noise", "residuals lean downward more than the law's noise"),
    (
        lambda x: np.mean(np.abs(x) < 0.5, axis=1),
        "more residuals lie near zero than under the law's noise: its tails are too light",
        "fewer residuals lie near zero than under the law's noise: there may be two kinds of rows",
    ),
    (
        lambda x: np.abs(x).max(axis=1),
        "the largest residual is larger than the law's noise makes it",
        "even the largest residual is smaller than the law's noise makes it",
    ),
)
