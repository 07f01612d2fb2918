"""One forecast of a backtest: the law fitted to the rows up to a cut of the frontier, and its word on those above.

A forecast is a job (`fitting.jobs`): JSON in, JSON out, so that cuts may run in other processes and are kept. Rows
above the cut keep their place in the table with weight zero, so that one compiled program serves every cut. What comes
out is enough for every score: quantiles of each row's predictive distribution, and its log density for every size of
the law's own error that `fitting.discrepancy` knows.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import LawdslError
from lawdsl.law import COUNTED, Law, Outcome
from lawdsl.table import Table

from . import noise, outcomes
from .discrepancy import SHARES, growth, unit_of
from .frontier import Frontier, frontier_of, ranges_of, reach
from .model import Model, scale_of

Array = NDArray[np.float64]

#: starts of the search for a mode at every cut; the law has been fitted before, or will be
STARTS = 16
#: unknowns above which steps are too dear to be taken from every start, at every cut; Huber's point fit takes so many
WIDE, STARTS_WIDE = 20, 6
DRAWS = 1000
#: draws times rows that are held at once
CELLS = 20_000_000
RESAMPLES = 200
#: equally likely values that stand for a row's predictive distribution
QUANTILES = (np.arange(199) + 0.5) / 199


def job_of(law: Law, table: Table, frontier: str, cut: float, method: str, seed: int, beside: bool) -> dict[str, Any]:
    """The forecast beyond `cut` (log10 of the frontier) as a job; `beside`: Huber and bootstrap on the same rows."""
    from lawdsl.render import canonical

    bare = replace(law, data=())  # what tables hold has been held
    return {
        "law": canonical(bare), "table": as_json(table), "frontier": frontier, "cut": cut, "method": method,
        "seed": seed, "beside": beside,
    }  # fmt: skip


def as_json(table: Table) -> str:
    """A bound table as text."""
    plain = {
        "columns": {n: v.tolist() for n, v in table.columns.items()},
        "codes": {n: v.tolist() for n, v in table.codes.items()},
        "levels": {n: list(v) for n, v in table.levels.items()},
        "rows": table.rows, "source": table.source, "digest": table.digest, "fixed": list(table.fixed),
    }  # fmt: skip
    return json.dumps(plain)


def _table(text: str) -> Table:
    plain = json.loads(text)
    return Table(
        {n: np.array(v, dtype=float) for n, v in plain["columns"].items()},
        {n: np.array(v, dtype=np.int64) for n, v in plain["codes"].items()},
        {n: tuple(v) for n, v in plain["levels"].items()},
        plain["rows"], plain["source"], plain["digest"], fixed=tuple((n, v) for n, v in plain["fixed"]),
    )  # fmt: skip


@functools.lru_cache(maxsize=2)
def _prepared(law: str, table: str, frontier: str) -> tuple[Model, Frontier, Array, Array]:
    """The model, the frontier of its rows, and draws of the prior."""
    from lawdsl.library import parse

    bound = _table(table)
    model = Model(parse(law, "the law of the backtest"), bound)
    along = frontier_of(model.law, frontier)
    return model, along, along.at(bound.columns), model.prior_draws(DRAWS, 0)


def forecast(job: Mapping[str, Any]) -> dict[str, Any]:
    """Fit below the cut, forecast above it.

    Gives the cut and the `edge` (log10, the largest of the rows below), how many rows are `below`, `left_out` (rows
    above of levels not seen below), `reasons` against the fit, and for every response lists over its rows above: `row`,
    `observed` (on the noise's scale, as all below), `distance` (decades of the frontier beyond the edge), `reach`,
    `quantiles` (199 a row), `densities` (shares, rows), `unit`; of Huber and bootstrap `beside` and `beside_density`.
    A cut at which nothing can be fitted gives `failed`, the reason.
    """
    model, _, at, prior = _prepared(job["law"], job["table"], job["frontier"])
    below = at <= job["cut"]
    found: dict[str, Any] = {"cut": job["cut"], "edge": float(at[below].max()), "below": int(below.sum())}
    masked = model.weighted(below)
    random = np.random.default_rng([job["seed"], 9])
    try:
        positions, found["reasons"] = _positions(masked, prior, job["method"], job["seed"], random)
    except (ValueError, LawdslError) as error:
        return found | {"failed": str(error).splitlines()[0][:200]}
    columns = {name: model.table.columns[name] for name in model.law.inputs}
    ranges = ranges_of(model.law, {name: values[below] for name, values in columns.items()})
    far = reach(at, found["edge"], columns, ranges)
    known = ~below & _seen_levels(model, below)
    found["left_out"] = int((~below & ~known).sum())
    positions = positions[:: max(1, len(positions) * model.table.rows // CELLS)]
    rows = model.at_rows(model.unpack(positions, np)[0])
    second = _Beside(masked, below, job["seed"]) if job["beside"] else None
    found["responses"] = {}
    for name, outcome in model.law.outcome.items():
        data = model.data["outcomes"][name]
        seen = np.asarray(data.get("seen", np.ones(len(at)))) > 0
        above, taught = np.flatnonzero(known & seen), below & seen
        if not above.size or taught.sum() < 3:
            continue
        told = _forecast(outcome, rows[name], data, above, far, unit_of(at[taught], data["observed"][taught]), random)
        if second is not None:
            told |= second.forecast(name, above, random)
        found["responses"][name] = told | {
            "row": above.tolist(), "observed": data["observed"][above].tolist(),
            "distance": (at[above] - found["edge"]).tolist(), "reach": far[above].tolist(),
        }  # fmt: skip
    return found


def _positions(
    model: Model, prior: Array, method: str, seed: int, random: np.random.Generator
) -> tuple[Array, list[str]]:
    """Draws of the posterior (n, width) from the rows that count, and what speaks against them."""
    from .search import mode
    from .whiten import laplace

    optimum = mode(model, prior[:STARTS], prior, wide=WIDE)
    whitening = laplace(optimum, scale=scale_of(prior))
    if method == "map":
        reasons = [] if optimum.converged else ["the search for the mode did not come to rest"]
        return whitening.to_position(random.standard_normal((DRAWS, model.width))), reasons
    from .convergence import rhat
    from .sample import Settings, sample

    settings = Settings(chains=4, warmup=300, draws=DRAWS // 4, seed=seed)
    drawn = sample(model.potential(), model.data, whitening, settings, identity=f"posterior:{model.identity}")
    worst = float(np.max(rhat(drawn.positions)))
    reasons = [] if worst < 1.05 else [f"the chains disagree (R-hat {worst:.2f})"]
    return drawn.positions.reshape(-1, model.width), reasons


def _seen_levels(model: Model, below: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows whose levels of every unpooled parameter occur below the cut: of others nothing is known."""
    known = np.ones(model.table.rows, bool)
    for name, grouping in model.groupings.items():
        parameter = model.law.parameter[name]
        if parameter.free and parameter.pool == "none":
            known &= np.isin(grouping.codes, np.unique(grouping.codes[below]))
    return known


def _forecast(
    outcome: Outcome, rows: Mapping[str, Array], data: Mapping[str, Any], above: NDArray[np.int64], far: Array,
    unit: float, random: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    drawn = outcomes.replicate(outcome, rows, data, random)[:, above]
    told: dict[str, Any] = {"unit": unit}
    if outcome.noise.family in COUNTED:
        quantiles = np.quantile(drawn, QUANTILES, axis=0)
        return told | {"quantiles": _short(quantiles), "densities": None}
    with np.errstate(all="ignore"):
        told["quantiles"] = _short(np.quantile(outcomes.transform(outcome.noise, drawn), QUANTILES, axis=0))
        scale = np.broadcast_to(outcomes.spread(outcome, rows, data), rows["location"].shape)[:, above]
    thin = slice(None, None, max(1, len(scale) // 250))
    scale, location = scale[thin], rows["location"][thin][:, above]
    df = np.broadcast_to(rows.get("df", outcomes.STUDENT_DF), rows["location"].shape)[thin][:, above]
    densities = []
    for share in SHARES:
        # the noise with its scale widened, which integrates the law's error out: exactly so for normal noise
        wide = np.hypot(scale, share * unit * growth(far[above]))
        density = noise.log_density(outcome.noise, data["observed"][above] - location, wide, df, np)
        densities.append(np.logaddexp.reduce(density, axis=0) - np.log(len(density)))
    return told | {"densities": _short(np.maximum(densities, -1e4))}


class _Beside:
    """Huber's point fit to the rows below the cut, with bootstraps: what papers would have forecast."""

    def __init__(self, model: Model, below: NDArray[np.bool_], seed: int):
        from .robust import HuberLoss
        from .start import descend, refits

        self.model, self.below = model, below
        loss = HuberLoss(model)
        identity = f"huber:{model.identity}"
        starts = model.prior_draws(2 * STARTS if model.width < WIDE else STARTS_WIDE, seed)[:, loss.free]
        best = descend(loss.objective, starts, model.data, curvature=loss.curvature, max_steps=200, identity=identity)
        count = int(below.sum())
        random = np.random.default_rng([seed, 3])
        weights = random.multinomial(count, below / count, size=RESAMPLES).astype(float)
        data = {name: value for name, value in model.data.items() if name != "weights"}
        again = refits(
            loss.objective, best.position, data, weights, curvature=loss.curvature, identity=f"bootstrap:{identity}"
        )
        self.best = model.at_rows(model.unpack(loss.whole(best.position, np), np)[0])
        self.rows = model.at_rows(model.unpack(loss.whole(again.positions, np), np)[0])

    def forecast(self, name: str, above: NDArray[np.int64], random: np.random.Generator) -> dict[str, Any]:
        """Quantiles (199, rows) and log densities (rows,) of the rows above, on the noise's scale."""
        outcome = self.model.law.outcome[name]
        if outcome.noise.family in COUNTED:
            return {}
        data = self.model.data["outcomes"][name]
        taught = self.below & (np.asarray(data.get("seen", np.ones(len(self.below)))) > 0)
        residuals = (data["observed"] - self.best[name]["location"])[taught]
        location = self.rows[name]["location"][:, above]
        location = location[np.isfinite(location).all(axis=1)]
        if not len(location):
            return {}
        drawn = location[:, None] + random.choice(residuals, size=(len(location), 5, len(above)))
        quantiles = np.quantile(drawn.reshape(-1, len(above)), QUANTILES, axis=0)
        # residuals drawn again have no density: a kernel's (Silverman's width) stands for them
        width = 1.06 * float(residuals.std()) * len(residuals) ** -0.2 + 1e-12
        some = random.choice(residuals, size=min(len(residuals), 100), replace=False)
        z = (data["observed"][above] - location[::4, None] - some[None, :, None]) / width
        density = np.logaddexp.reduce((-0.5 * z * z).reshape(-1, len(above)), axis=0) - np.log(z.shape[0] * z.shape[1])
        density -= np.log(width * np.sqrt(2 * np.pi))
        return {"beside": _short(quantiles), "beside_density": _short(np.maximum(density, -1e4))}


def _short(values: Any) -> Any:
    """Numbers as lists with seven digits: enough, and half as long."""
    array = np.asarray(values, dtype=float)
    with np.errstate(all="ignore"):
        power = 10.0 ** (6 - np.floor(np.log10(np.abs(array))))
        return np.where(np.isfinite(power), np.round(array * power) / power, array).tolist()
