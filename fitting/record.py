"""What became of one fit, in few numbers: a law with a table of its own, or with rows simulated by its own design.

A record is a plain dictionary, a line of JSON: verdict, R2, seconds of the processor, and for simulated rows how far
each true value lies from the posterior. `docs/fits.md` is made of records (`python -m fitting.records`), and the test
of recovery over all laws rests on the same ones.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl import library
from lawdsl.errors import LawdslError
from lawdsl.law import Law
from lawdsl.render import canonical
from lawdsl.table import Table, bind

from . import engine, priors
from .model import Model
from .posterior import Posterior
from .simulation import simulated, true_values

Array = NDArray[np.float64]

SIMULATED = "simulated"
#: the probability of the intervals that are to hold the truth
LEVEL = 0.9


def of_fit(name: str, table: str, seed: int) -> dict[str, Any]:
    """The record of a law of the library fitted to a table by the defaults of `lawdsl fit`, or to SIMULATED rows.

    Where the law or the table is at fault, the record says so under `fault` and holds no verdict.
    """
    law = library.load(name)
    found: dict[str, Any] = {"law": name, "table": table, "seed": seed, "digest": digest(law, table)}
    begun = time.process_time()
    try:
        rows = simulated(law, seed) if table == SIMULATED else bind(law, table)
        posterior = engine.fit(law, rows, seed=seed)
    except LawdslError as error:
        return found | {"fault": str(error)}
    found |= {"rows": rows.rows, "verdict": posterior.verdict.as_json()}
    found |= {"cpu_seconds": round(time.process_time() - begun, 1), "r2": r_squared(posterior, rows)}
    if table == SIMULATED:
        truth = true_values(law, rows, seed)
        found["z"] = {name: round(z, 2) for name, z in distances(posterior, truth).items()}
        found |= coverage(posterior, truth)
    return found


def digest(law: Law, table: str) -> str:
    """Changes with whatever of a law a fit to the table depends on: not with its prose, questions and checks."""
    bare = replace(law, title=law.name, about="", source=(), topics=(), ask=(), checks=())
    if table == SIMULATED:
        bare = replace(bare, data=())
    else:
        bare = replace(bare, data=tuple(d for d in law.data if d.table == table), simulation=None, published=())
    return hashlib.sha256(canonical(bare).encode()).hexdigest()[:16]


def r_squared(posterior: Posterior, table: Table) -> dict[str, float]:
    """Response -> share of the variance that the law's posterior mean explains, both on the scale of the noise."""
    model = Model(posterior.law, table)
    every = max(1, len(next(iter(posterior.flat.values()))) // engine.PREDICTIVE_DRAWS)
    rows = model.at_rows({name: draws[::every] for name, draws in posterior.flat.items()})
    found = {}
    for name in posterior.law.outcome:
        data = model.data["outcomes"][name]
        seen = data["seen"] > 0 if "seen" in data else np.ones(table.rows, bool)
        observed, mean = data["observed"][seen], rows[name]["location"].mean(axis=0)[seen]
        total = np.sum((observed - observed.mean()) ** 2)
        found[name] = round(float(1 - np.sum((observed - mean) ** 2) / total), 5) if total > 0 else float("nan")
    return found


def coverage(posterior: Posterior, truth: Mapping[str, Any]) -> dict[str, float]:
    """How many of the true values their intervals hold, of how many, and the standard deviation of that count.

    The deviation is that of the count with draws of the posterior in the place of the truth, whose intervals are the
    same: parameters that go together are missed together.
    """
    edges = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    count, draws, every = 0.0, 0.0, 0
    for name, value in truth.items():
        low, high = np.quantile(posterior.flat[name], edges, axis=0)
        inside = (low <= posterior.flat[name]) & (posterior.flat[name] <= high)
        draws = draws + inside.reshape(len(inside), -1).sum(axis=1)
        count += np.sum((low <= value) & (value <= high))
        every += np.size(value)
    return {"held": int(count), "of": every, "held_sd": round(float(np.std(draws)), 3)}


def distances(posterior: Posterior, truth: Mapping[str, Any]) -> dict[str, float]:
    """Parameter -> how far the truth lies above the posterior's mean, in its standard deviations, on the scale on
    which the parameter may be any number; of grouped ones every level's, as `k[level]`.
    """
    found: dict[str, float] = {}
    for name, value in truth.items():
        support = posterior.law.parameter[name].support
        draws = priors.unconstrain(np.asarray(posterior.flat[name]), support)
        z = (priors.unconstrain(np.asarray(value, dtype=float), support) - draws.mean(axis=0)) / draws.std(axis=0)
        labels = posterior.levels.get(name)
        names = [name] if labels is None else [f"{name}[{label}]" for label in labels]
        found |= dict(zip(names, map(float, np.ravel(z)), strict=True))
    return found


if __name__ == "__main__":
    import json
    import sys

    if len(sys.argv) != 4:
        sys.exit("usage: python -m fitting.record LAW TABLE SEED, where the table may be `simulated`")
    print(json.dumps(of_fit(sys.argv[1], sys.argv[2], int(sys.argv[3])), ensure_ascii=False))
