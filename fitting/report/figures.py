"""What the page's still figures are drawn from: rows, residuals, pairs of parameters, predictive checks, backtests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.law import Outcome

from .. import outcomes
from ..means import thinned
from ..model import Model
from ..posterior import Posterior, table_of
from .numbers import rounded
from .panels import panels

Array = NDArray[np.float64]

#: rows drawn at most, evenly through the table; draws behind a residual; points of a pair
ROWS, DRAWS, POINTS = 3000, 200, 400
#: parameters whose pairs are shown
PAIRS = 5
#: a positive parameter whose draws span more than this factor is drawn on a logarithmic axis
WIDE = 8.0
BINS = 10
LEVELS = (0.5, 0.8, 0.9, 0.95)


def figures(posterior: Posterior) -> dict[str, Any]:
    """Everything that the page draws of a fit and that does not change, as plain values for JSON."""
    law = posterior.law
    rows = len(next(iter(posterior.columns.values())))
    shown = np.linspace(0, rows - 1, min(rows, ROWS)).round().astype(int)
    place = {int(row): i for i, row in enumerate(shown)}
    drawn = panels(posterior)
    for curve in (curve for panel in drawn for curve in panel["curves"]):
        curve["rows"] = [place[row] for row in curve["rows"] if row in place]
    numbers = shown + 1 if posterior.numbers is None else posterior.numbers[shown]
    return {
        "rows": {name: rounded(posterior.columns[name][shown]) for name in (*law.inputs, *law.outcome)},
        "codes": {name: codes[shown].tolist() for name, codes in posterior.codes.items()},
        "levels": {name: list(levels) for name, levels in posterior.factors.items()},
        "numbers": [int(number) for number in numbers],
        "of": rows,
        "panels": drawn,
        "residuals": residuals(posterior, shown),
        "pairs": pairs(posterior),
        "checks": checks(posterior, shown),
        "backtests": backtests(posterior),
    }


def residuals(posterior: Posterior, shown: NDArray[np.int64]) -> dict[str, Any]:
    """Response -> `z`: what the law leaves of each row, in standard deviations of its noise (of a point fit, which
    knows no noise, in those of the residuals), and `fitted`: what the law says of the row, in the response's unit.
    """
    law = posterior.law
    found: dict[str, Any] = {}
    if posterior.residuals is not None:
        for name, outcome in law.outcome.items():
            left = posterior.residuals[name]
            scale = 1.4826 * float(np.nanmedian(np.abs(left - np.nanmedian(left)))) or 1.0
            on_scale = outcomes.transform(outcome.noise, posterior.columns[name]) - left
            fitted = outcomes.restore(outcome.noise, on_scale)
            found[name] = {"z": rounded((left / scale)[shown], 4), "fitted": rounded(fitted[shown])}
        return found
    model = Model(law, table_of(posterior))
    chosen = thinned(posterior, DRAWS)
    with np.errstate(all="ignore"):
        rows = model.at_rows({name: draws[chosen] for name, draws in posterior.flat.items()})
        for name, outcome in law.outcome.items():
            z, fitted = _standardized(outcome, rows[name], model.data["outcomes"][name])
            found[name] = {"z": rounded(z[shown], 4), "fitted": rounded(fitted[shown])}
    return found


def _standardized(outcome: Outcome, rows: Mapping[str, Array], data: Mapping[str, Any]) -> tuple[Array, Array]:
    scale = np.broadcast_to(outcomes.spread(outcome, rows, data), rows["location"].shape)
    z = ((data["observed"] - rows["location"]) / scale).mean(axis=0)
    fitted = outcomes.restore(outcome.noise, rows["location"]).mean(axis=0)
    seen = np.asarray(data["seen"]) > 0 if "seen" in data else np.ones(len(z), bool)
    return np.where(seen, z, np.nan), fitted


def pairs(posterior: Posterior) -> dict[str, Any]:
    """The parameters that go together most: those in the strongest correlations (of ranks), at most `PAIRS` of them.

    `of`: how many there are to choose from, levels of groups left out; `log`: those drawn on a logarithmic axis.
    """
    draws = {n: v.reshape(-1) for n, v in posterior.draws.items() if v.ndim == 2 and np.ptp(v) > 0}
    names = list(draws)
    if len(names) < 2 or len(next(iter(draws.values()))) < 20:
        return {"names": [], "of": len(names)}
    ranks = np.stack([np.argsort(np.argsort(draws[n])) for n in names])
    correlation = np.atleast_2d(np.corrcoef(ranks))
    chosen: list[str] = []
    for i, j in sorted(combinations(range(len(names)), 2), key=lambda pair: -abs(correlation[pair])):
        new = [n for n in (names[i], names[j]) if n not in chosen]
        chosen += new if len(chosen) + len(new) <= PAIRS else []
    chosen = [n for n in names if n in chosen]
    kept = thinned(posterior, POINTS)
    log = [n for n in chosen if draws[n].min() > 0 and np.quantile(draws[n], 0.99) > WIDE * np.quantile(draws[n], 0.01)]
    at = [names.index(n) for n in chosen]
    return {
        "names": chosen, "of": len(names), "log": log,
        "draws": {n: rounded(draws[n][kept], 4) for n in chosen},
        "correlation": [rounded(row, 3) for row in correlation[np.ix_(at, at)]],
    }  # fmt: skip


def checks(posterior: Posterior, shown: NDArray[np.int64]) -> dict[str, Any]:
    """Response -> the rows against replicates of them by the fit: `coverage` (level, share of rows within), `ranks` (of
    how many rows the observation falls into each tenth of its replicates), and `lo`, `median`, `hi`: theirs at 90 %.
    """
    found = {}
    for name, drawn in posterior.predictive.get("posterior", {}).items():
        observed = posterior.columns[name]
        with np.errstate(invalid="ignore"):
            good = np.isfinite(observed) & np.isfinite(drawn).all(axis=0)
            if good.sum() < 2 or len(drawn) < 20:
                continue
            below = (drawn < observed).mean(axis=0) + 0.5 * (drawn == observed).mean(axis=0)
            counts, _ = np.histogram(below[good], bins=BINS, range=(0.0, 1.0))
            told = [[level, float(np.mean(np.abs(below[good] - 0.5) <= level / 2))] for level in LEVELS]
            lo, median, hi = np.quantile(drawn, [0.05, 0.5, 0.95], axis=0)
        found[name] = {
            "coverage": told, "ranks": counts.tolist(), "rows": int(good.sum()),
            "lo": rounded(lo[shown]), "median": rounded(median[shown]), "hi": rounded(hi[shown]),
        }  # fmt: skip
    return found


def backtests(posterior: Posterior) -> list[dict[str, Any]]:
    """What backtests found, a line for every response and distance: `plain` and `widened` are level -> share held."""
    told = posterior.reliability
    if told is None:
        return []
    from ..reliability import place

    return [
        {
            "response": one.response, "place": place(one.decades), "from": one.decades[0],
            "to": None if math.isinf(one.decades[1]) else one.decades[1], "rows": one.rows, "cuts": one.cuts,
            "plain": {f"{k:g}": v for k, v in one.plain.items()},
            "widened": {f"{k:g}": v for k, v in one.widened.items()} if told.widens(one.response) else {},
        }
        for one in told.found
    ]  # fmt: skip
