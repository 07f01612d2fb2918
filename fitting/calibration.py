"""Simulation-based calibration: does the engine say of a law what follows from its prior and its data?

Constants are drawn from the prior, rows simulated from them at the law's design, the law fitted to these rows, and the
rank of every true constant among posterior draws noted. Over many such replicates the ranks are uniform if prior,
likelihood, sampler and all between are right (Talts et al. 2018, arXiv 1804.06788). The log posterior density is ranked
too: it sees faults that no single parameter does (Modrak et al. 2022, arXiv 2211.02383).

A prior may make rows that no table could hold: not finite, or outside what the noise can give. Such rows are thrown
away and drawn again, and how many were is told. Because only the rows decide it, and not the constants, the posterior
given the rows that are kept is the same, and the ranks stay uniform (Modrak et al. 2022, section 3.4).
"""

from __future__ import annotations

import copy
import functools
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lawdsl import __version__
from lawdsl.errors import Fault, InputError, LawdslError, Span
from lawdsl.law import Law, Outcome
from lawdsl.limits import NUMBER_MAGNITUDE
from lawdsl.table import Table
from lawdsl.tabular import Tabular

from . import convergence, engine, jobs, outcomes, ranks
from .model import Model, scale_of

if TYPE_CHECKING:
    from .sample import Draws, Settings

Array = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

REPLICATES = 200
RATE = 0.01  # with which a right engine is rejected, all ranked quantities of a law together
DRAWS = 99  # that a truth is ranked among: ranks 0 to 99
CHAINS, WARMUP, KEPT = 2, 300, 150  # of every fit; KEPT a chain are thinned to DRAWS, nearly independent
LEVELS = 3  # of a grouped parameter that are ranked, evenly chosen
CHUNK = 5  # replicates of one job: what an interruption can cost
TRIES = 5000  # draws of the prior before it is taken to make no possible rows
MOST_FAILED = 0.05  # share of replicates without a fit beyond which nothing is vouched for
APART = 1.1  # R-hat of short chains beyond which they have not found the same posterior
DENSITY = "log density"
MEDIAN = 500  # draws of the prior whose median stands for the size of a response


@dataclass(frozen=True, repr=False)
class Calibration(Tabular):
    """What came out. `ranks`: quantity -> a rank of 0..DRAWS a replicate; `p`: quantity -> p-value of uniform ranks,
    adjusted for their number (Holm); `redrawn`: share of prior draws whose rows were thrown away; `diverging`: share of
    draws; `apart`: replicates whose chains disagree; `seconds`: CPU seconds a replicate, the median.
    """

    law: str
    data: str
    rows: int
    seed: int
    rate: float
    ranks: Mapping[str, NDArray[np.int64]]
    p: Mapping[str, float]
    failures: tuple[str, ...]
    redrawn: float
    diverging: float
    apart: int
    seconds: float

    def to_columns(self) -> dict[str, Any]:
        """A row a replicate: the rank of every quantity."""
        return dict(self.ranks)

    def __repr__(self) -> str:
        good = "uniform" if self.ok else f"not uniform: {', '.join(self.rejected) or 'too many failures'}"
        return f"Calibration({self.law} on {self.rows} rows of {self.data}: {self.replicates} replicates, ranks {good})"

    def _repr_html_(self) -> str:
        from .displays import of_calibration

        return of_calibration(self)

    @property
    def replicates(self) -> int:
        """How many were fitted."""
        return len(next(iter(self.ranks.values()))) if self.ranks else 0

    @property
    def rejected(self) -> tuple[str, ...]:
        """The quantities whose ranks are not uniform, at the false-alarm rate of all together."""
        return tuple(name for name, p in self.p.items() if p <= self.rate)

    @property
    def ok(self) -> bool:
        """No quantity is rejected, and next to all replicates could be fitted."""
        return not self.rejected and len(self.failures) <= MOST_FAILED * (self.replicates + len(self.failures))

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "law": self.law, "data": self.data, "rows": self.rows, "seed": self.seed, "replicates": self.replicates,
            "draws": DRAWS, "false_alarm_rate": self.rate, "ok": self.ok, "rejected": list(self.rejected),
            "p": dict(self.p), "ranks": {name: found.tolist() for name, found in self.ranks.items()},
            "failures": list(self.failures), "share_redrawn": self.redrawn, "share_diverging": self.diverging,
            "chains_apart": self.apart, "cpu_seconds_a_replicate": self.seconds,
        }  # fmt: skip


def calibrate(
    law: Law, table: Table | None = None, *, replicates: int = REPLICATES, seed: int = 0, rate: float = RATE,
    on: str = "local", workers: int | None = None, store: str | Path | None = None, progress: Progress | None = None,
) -> Calibration:  # fmt: skip
    """Calibrate a law at the design of its `simulate` block, or at the rows of a table bound to it.

    The same law, rows, seed and replicates give the same ranks, wherever they are computed (`fitting.jobs.run` for
    `on`, `workers`, `store`); more replicates continue fewer.
    Raises: InputError for a bound (FIT012), no design (FIT015), or a prior that makes no possible rows (FIT035).
    """
    from lawdsl.render import canonical

    from .simulation import design

    engine._refuse(law, "nuts", seed, CHAINS, KEPT)
    found = table if table is not None else design(law)
    law = law.holding(dict(found.fixed))
    shared = {"lawdsl": __version__, "law": canonical(law), "rows": _as_json(law, found), "seed": seed}
    chunks = [
        {**shared, "first": first, "count": min(CHUNK, replicates - first)} for first in range(0, replicates, CHUNK)
    ]
    tell = progress or (lambda stage, done, total: None)
    done = jobs.run(
        replicate_chunk, chunks, on=on, workers=workers, store=store,
        progress=lambda finished, total: tell("replicates", min(finished * CHUNK, replicates), replicates),
    )  # fmt: skip
    return _summed_up(law, found, seed, rate, [one for chunk in done for one in chunk["replicates"]])


def _summed_up(law: Law, table: Table, seed: int, rate: float, found: list[dict[str, Any]]) -> Calibration:
    fitted = [one for one in found if "failure" not in one]
    names = list(fitted[0]["ranks"]) if fitted else []
    ranked = {name: np.array([one["ranks"][name] for one in fitted], dtype=np.int64) for name in names}
    p = ranks.holm([ranks.p_value(ranked[name], DRAWS) for name in names])
    tries = sum(one["tries"] for one in found)
    return Calibration(
        law.name, table.source, table.rows, seed, rate, ranked, dict(zip(names, p.tolist(), strict=True)),
        tuple(one["failure"] for one in found if "failure" in one), 1 - len(found) / max(tries, 1),
        float(np.mean([one["diverging"] for one in fitted])) if fitted else 0.0,
        sum(one["rhat"] > APART for one in fitted),
        float(np.median([one["seconds"] for one in found])) if found else 0.0,
    )  # fmt: skip


# --- a replicate -----------------------------------------------------------------------------------------------------


def replicate_chunk(job: Mapping[str, Any]) -> dict[str, Any]:
    """The replicates `first`, ..., `first + count - 1` of a law at rows: a task of `fitting.jobs`."""
    model = _model(job["law"], json.dumps(job["rows"]))
    numbers = range(job["first"], job["first"] + job["count"])
    return {"replicates": [_replicate(model, int(job["seed"]), number) for number in numbers]}


@functools.lru_cache(maxsize=1)
def _model(law: str, rows: str) -> Model:
    """The law at its rows. A process keeps the last one, so that programs are built once."""
    from lawdsl.library import parse

    from . import programs

    programs.forget()
    return Model(parse(law, "the law"), _from_json(json.loads(rows)))


def _replicate(model: Model, seed: int, number: int) -> dict[str, Any]:
    from .centring import moved
    from .sample import Settings
    from .start import values_and_gradients

    began = time.process_time()
    # laws of one form and design would have the same ranks if the seed alone decided
    random = np.random.default_rng([seed, number, zlib.crc32(model.law.name.encode())])
    truth, columns, tries = _possible(model, random)
    fresh = _with_rows(model, columns)
    fit_seed = int(random.integers(2**31))
    try:
        sampled, drawn = draws_of(fresh, Settings(chains=CHAINS, warmup=WARMUP, draws=KEPT, seed=fit_seed))
        there = moved(truth, fresh, sampled)[None]
        density, _ = values_and_gradients(sampled.potential(), there, sampled.data, identity=_identity(sampled))
    except (LawdslError, ValueError, np.linalg.LinAlgError) as error:
        reason = error.faults[0].message if isinstance(error, LawdslError) else str(error)
        return {"failure": reason, "tries": tries, "seconds": time.process_time() - began}
    samples = {**_quantities(sampled, drawn.positions), DENSITY: drawn.stats["lp"]}
    truths = {**{n: v[0, 0] for n, v in _quantities(fresh, truth[None, None]).items()}, DENSITY: -density[0]}
    rhat = convergence.rhat(np.stack(list(samples.values()), axis=-1))
    return {
        "ranks": {name: _rank(truths[name], draws, random) for name, draws in samples.items()},
        "tries": tries,
        "diverging": float(np.mean(drawn.stats["diverging"])),
        "rhat": float(np.nanmax(np.append(rhat, 1.0))),
        "steps": float(np.mean(drawn.stats["n_steps"])),
        "seconds": time.process_time() - began,
    }


def draws_of(model: Model, settings: Settings) -> tuple[Model, Draws]:
    """The draws that `fit` makes with these settings, without what it does with them, and the model in whose
    coordinates they are.
    """
    from .sample import sample
    from .whiten import laplace

    model, optimum, prior = engine.started(model, settings.seed, lambda stage, done, total: None)
    whitening = laplace(optimum, scale=scale_of(prior))
    return model, sample(model.potential(), model.data, whitening, settings, identity=_identity(model))


def _identity(model: Model) -> str:
    return f"posterior:{model.identity}"


def _rank(truth: float, draws: Array, random: np.random.Generator) -> int:
    """The rank of a truth among DRAWS of the draws (chains, draws), ties broken by chance."""
    flat = draws.reshape(-1)
    kept = flat[np.linspace(0, len(flat) - 1, DRAWS).round().astype(int)]
    return int(np.count_nonzero(kept < truth) + random.integers(np.count_nonzero(kept == truth) + 1))


def _quantities(model: Model, positions: Array) -> dict[str, Array]:
    """What is ranked, (chains, draws) each, of draws (chains, draws, width) of the unconstrained vector."""
    values, _ = model.unpack(positions, np)
    found: dict[str, Array] = {}
    for parameter in model.law.parameters:
        for name in (parameter.name, f"{parameter.name}.center", f"{parameter.name}.spread"):
            if name not in values:
                continue
            if values[name].ndim == 2:
                found[name] = values[name]
                continue
            labels = model.groupings[name].labels
            for i in sorted({round(x) for x in np.linspace(0, len(labels) - 1, LEVELS)}):
                found[f"{name}[{labels[i]}]"] = values[name][..., i]
    return found


# --- rows of a draw from the prior -----------------------------------------------------------------------------------


def _possible(model: Model, random: np.random.Generator) -> tuple[Array, dict[str, Array], int]:
    """A draw from the prior (width,), the responses simulated from it, and how many draws it took."""
    errors = _errors(model)
    for tries, u in enumerate(_prior(model, random), 1):
        columns = _responses(model, u, errors, random)
        if columns is not None:
            return u, columns, tries
    message = f"of {TRIES} draws from the prior none makes rows that a table could hold"
    cure = "Narrow the priors: the law overflows, or is negative where its log is taken, nearly everywhere."
    raise InputError(Fault("FIT035", Span(model.law.name), message, cure))


def _prior(model: Model, random: np.random.Generator) -> Iterator[Array]:
    for _ in range(0, TRIES, 50):
        yield from model.prior_draws(50, int(random.integers(2**31)))


def _errors(model: Model) -> dict[str, Array]:
    """The known errors of responses on the scale of their noise, (rows,), at the prior's median of the law.

    A likelihood takes them as given before the response is seen. Carried over at the value of a draw they would tell of
    its constants what no likelihood counts: ranks are not uniform then, for an engine that is right.
    """
    law, table = model.law, model.table
    named = {
        name: one for name, one in law.outcome.items() if one.noise.error is not None and one.noise.on != "identity"
    }
    if not named:
        return {}
    values, _ = model.unpack(model.prior_draws(MEDIAN, 0), np)
    with np.errstate(all="ignore"):
        rows = model.at_rows({name: value for name, value in values.items() if "." not in name})
        middle = {
            name: outcomes.restore(one.noise, np.nanmedian(rows[name]["location"], 0)) for name, one in named.items()
        }
    return {
        name: outcomes.error_on_scale(one.noise, table.columns[str(one.noise.error)], middle[name])
        for name, one in named.items()
    }


def _responses(
    model: Model, u: Array, errors: Mapping[str, Array], random: np.random.Generator
) -> dict[str, Array] | None:
    """The rows of every response drawn from the model at `u`, with gaps where the table has them, and its known errors
    such that on the noise's scale they are `errors`; None if no table could hold them.
    """
    law, table = model.law, model.table
    values, _ = model.unpack(u[None], np)
    columns = {}
    with np.errstate(all="ignore"):
        rows = model.at_rows({name: value for name, value in values.items() if "." not in name})
        for name, outcome in law.outcome.items():
            found = {what: value[0] for what, value in rows[name].items()}
            at_mean = outcomes.restore(outcome.noise, found["location"])
            data = outcomes.observations(law, outcome, replace(table, columns={**table.columns, name: at_mean}))
            data |= {"error": errors[name]} if name in errors else {}
            try:
                drawn = outcomes.replicate(outcome, found, data, random)
            except ValueError:  # numbers that the noise cannot have
                return None
            seen = np.isfinite(table.columns[name])
            if not _holds(outcome, drawn[seen]):
                return None
            columns[name] = np.where(seen, drawn, np.nan)
            if name in errors:
                slope = np.exp(outcomes.log_slope_of_scale(outcome.noise, drawn))
                columns[str(outcome.noise.error)] = np.where(seen, errors[name] / slope, 1.0)
    return columns


def _holds(outcome: Outcome, values: Array) -> bool:
    """Whether a table could hold these responses (as `lawdsl.table` has it)."""
    if not (np.isfinite(values) & (np.abs(values) <= NUMBER_MAGNITUDE)).all():
        return False
    noise = outcome.noise
    if noise.on == "logit" or noise.family == "beta":
        return bool(((values > 0) & (values < 1)).all())
    return noise.on != "log" or bool((values > 0).all())


def _with_rows(model: Model, columns: Mapping[str, Array]) -> Model:
    """The model with other responses; all that does not depend on them, programs too, is shared."""
    fresh = copy.copy(model)
    fresh.__dict__.pop("data", None)
    fresh.table = replace(model.table, columns={**model.table.columns, **columns})
    return fresh


# --- rows as JSON ----------------------------------------------------------------------------------------------------


def _as_json(law: Law, table: Table) -> dict[str, Any]:
    """What a worker needs of the table; of responses only where they were seen."""
    columns = {name: values.tolist() for name, values in table.columns.items() if name not in law.outcome}
    every = np.ones(table.rows)
    seen = {name: np.isfinite(table.columns.get(name, every)) for name in law.outcome}
    return {
        "columns": columns,
        "seen": {name: there.astype(int).tolist() for name, there in seen.items()},
        "codes": {name: codes.tolist() for name, codes in table.codes.items()},
        "levels": {name: list(levels) for name, levels in table.levels.items()},
        "count": table.rows,
    }


def _from_json(plain: Mapping[str, Any]) -> Table:
    columns = {name: np.array(values, dtype=float) for name, values in plain["columns"].items()}
    columns |= {name: np.where(np.array(seen) > 0, 0.5, np.nan) for name, seen in plain["seen"].items()}
    codes = {name: np.array(values, dtype=np.int64) for name, values in plain["codes"].items()}
    levels = {name: tuple(values) for name, values in plain["levels"].items()}
    return Table(columns, codes, levels, int(plain["count"]), "", "")
