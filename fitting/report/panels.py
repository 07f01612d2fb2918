"""The rows and the law through them: for every variable a panel of a few curves, each beneath its own rows.

A curve holds everything but its variable. Where the rows lie on a grid, the curves are some of its lines; where they
do not, the rows are parted by the variable that varies most, and each curve holds the middle of its part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import COUNTED, Outcome

from .. import noise
from ..means import at_points, thinned
from ..outcomes import STUDENT_DF, replicate, restore
from ..plots.settings import SAME
from ..posterior import Posterior
from .numbers import rounded

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

#: curves of a panel, panels, and places of a curve's variable that make a line of a grid
CURVES, PANELS, FEWEST = 4, 4, 3
#: points of a curve
STEPS = 41
#: draws behind a curve's bands: enough for 90 % ends to the width of a line
DRAWS = 1000
LEVEL = 0.9


@dataclass(frozen=True)
class Line:
    """Rows that one curve runs through, and the point at which everything but its variable is held."""

    rows: Rows
    held: Mapping[str, float | str]


def panels(posterior: Posterior) -> list[dict[str, Any]]:
    """The panels of every response, as the page draws them. A law of sequences has none: its points do not stand alone.

    Bands are of `LEVEL`: `lo` to `hi` of the law's mean, `new_lo` to `new_hi` of a new observation.
    """
    law = posterior.law
    if law.sequence is not None:
        return []
    varied = sorted(_varied(posterior), key=lambda name: -_decades(posterior.columns[name]))[:PANELS]
    return [one for name in varied for one in _panel(posterior, name)]


def _varied(posterior: Posterior) -> list[str]:
    return [n for n in posterior.law.inputs if posterior.columns[n].max() > posterior.columns[n].min()]


def _decades(values: Array) -> float:
    low, high = float(values.min()), float(values.max())
    return float(np.log10(high / low)) if low > 0 else 0.0


def _panel(posterior: Posterior, name: str) -> list[dict[str, Any]]:
    lines, exact = _lines(posterior, name)
    values = posterior.columns[name]
    low, high = float(values.min()), float(values.max())
    grid = np.geomspace(low, high, STEPS) if low > 0 else np.linspace(low, high, STEPS)
    chosen = thinned(posterior, DRAWS)
    points = [{**line.held, name: float(x)} for line in lines for x in grid]
    means = at_points(posterior, points, chosen, noise=False)
    scattered = at_points(posterior, points, chosen, typical=False)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    found = []
    for response, outcome in posterior.law.outcome.items():
        new = _new(posterior, outcome, scattered[response])
        with np.errstate(invalid="ignore"):
            lo, median, hi = (
                rounded(q) for q in np.quantile(means[response]["mean"], [tails[0], 0.5, tails[1]], axis=0)
            )
            new_lo, new_hi = (rounded(q) for q in np.quantile(new, tails, axis=0))
        curves = []
        for i, line in enumerate(lines):
            at = slice(i * STEPS, (i + 1) * STEPS)
            curves.append({
                "held": dict(line.held), "rows": line.rows.tolist(), "x": rounded(grid), "median": median[at],
                "lo": lo[at], "hi": hi[at], "new_lo": new_lo[at], "new_hi": new_hi[at],
            })  # fmt: skip
        found.append({"variable": name, "response": response, "exact": exact, "curves": curves})
    return found


def _new(posterior: Posterior, outcome: Outcome, rows: Mapping[str, Array]) -> Array:
    """New observations, (draws, points). A draw has one deviation for all points, so that a band's edge is smooth."""
    random = np.random.default_rng([posterior.provenance.seed, 11])
    location = rows["location"]
    with np.errstate(all="ignore"):
        if posterior.residuals is not None:
            left = posterior.residuals[outcome.response.name]
            scatter = random.choice(left[np.isfinite(left)], size=(len(location), 1))
            return np.asarray(restore(outcome.noise, location + scatter))
        if outcome.noise.family in COUNTED:
            return replicate(outcome, rows, {}, random)
        df = rows["df"][:, :1] if "df" in rows else STUDENT_DF
        scatter = noise.draw(outcome.noise, np.ones((len(location), 1)), df, random)
        return np.asarray(restore(outcome.noise, location + scatter * rows["scale"]))


def _lines(posterior: Posterior, name: str) -> tuple[list[Line], bool]:
    """The lines of a panel, and whether each holds its rows' own values (else the middle of a part of the rows)."""
    others = [n for n in posterior.law.inputs if n != name]
    factors = _needed(posterior)
    values = posterior.columns[name]
    columns = [_nearly(posterior.columns[n]) for n in others] + [posterior.codes[f] for f in factors]
    cells: dict[tuple[int, ...], list[int]] = {}
    for row, cell in enumerate(np.stack(columns, axis=1).tolist() if columns else [[]] * len(values)):
        cells.setdefault(tuple(cell), []).append(row)
    told = {cell: np.array(rows) for cell, rows in cells.items() if len(set(values[rows].tolist())) >= FEWEST}
    if told:
        chosen = _series(told)
        return [Line(told[cell], _held(posterior, told[cell], others, factors)) for cell in chosen], True
    parts = _parts(posterior, sorted(others, key=lambda n: -_decades(posterior.columns[n])), factors)
    return [Line(rows, _held(posterior, rows, others, factors)) for rows in parts], False


def _series(told: Mapping[tuple[int, ...], Rows]) -> list[tuple[int, ...]]:
    """The cells to draw: those that differ in one coordinate alone, the one with the fewest values, where its other
    coordinates have most rows; so that a panel says what that coordinate does.
    """
    cells = sorted(told)
    values = {i: {cell[i] for cell in cells} for i in range(len(cells[0]))}
    for i in sorted((i for i, found in values.items() if len(found) > 1), key=lambda i: len(values[i])):
        along: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for cell in cells:
            along.setdefault((*cell[:i], *cell[i + 1 :]), []).append(cell)
        most = max(along.values(), key=lambda found: (min(len(found), CURVES), sum(len(told[c]) for c in found)))
        if len(most) > 1:
            cells = most
            break
    return [cells[i] for i in np.linspace(0, len(cells) - 1, min(CURVES, len(cells))).round().astype(int)]


def _nearly(values: Array) -> NDArray[np.int64]:
    """Numbers of groups of values that are the same but for a few percent."""
    order = np.argsort(values)
    ordered = values[order]
    with np.errstate(all="ignore"):
        apart = np.where(ordered[:-1] > 0, ordered[1:] / ordered[:-1] > SAME, ordered[1:] > ordered[:-1])
    groups = np.empty(len(values), dtype=np.int64)
    groups[order] = np.concatenate([[0], np.cumsum(apart)])
    return groups


def _needed(posterior: Posterior) -> list[str]:
    """Factors that a prediction must name a level of."""
    law = posterior.law
    used = {factor for p in law.parameters if p.grouped and p.pool == "none" for factor in p.by}
    return [factor.name for factor in law.factors if factor.name in used]


def _parts(posterior: Posterior, others: list[str], factors: list[str]) -> list[Rows]:
    every = np.arange(len(next(iter(posterior.columns.values()))))
    if factors:
        codes = np.stack([posterior.codes[f] for f in factors], axis=1)
        levels, place, counts = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        most = np.argsort(-counts)[:CURVES]
        return [every[place.reshape(-1) == i] for i in sorted(most)]
    if not others:
        return [every]
    column = posterior.columns[others[0]]
    return [rows for rows in np.array_split(every[np.argsort(column, kind="stable")], CURVES) if len(rows)]


def _held(posterior: Posterior, rows: Rows, others: list[str], factors: list[str]) -> dict[str, float | str]:
    held: dict[str, float | str] = {}
    for name in others:
        values = posterior.columns[name][rows]
        held[name] = float(np.exp(np.log(values).mean())) if values.min() > 0 else float(values.mean())
        if np.ptp(values) == 0:
            held[name] = float(values[0])
    return held | {f: posterior.factors[f][int(posterior.codes[f][rows[0]])] for f in factors}
