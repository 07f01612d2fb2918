"""The log density of every row under every draw, in numpy: what leave-one-out scores, weights and checks rest on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lawdsl.table import Table

from . import outcomes
from .model import Model
from .posterior import Posterior

Array = NDArray[np.float64]

#: draws times rows at once, so that a long table does not fill the memory
CELLS = 2_000_000


def row_log_density(model: Model, values: Mapping[str, Array]) -> Array:
    """The log density of each row's observations, in the unit of the responses, of all responses together: (draws,
    rows). NaN where a row has no observation at all.

    `values`: constrained draws (draws,) or, where grouped, (draws, levels). Rows of one training run with correlated
    noise are each conditional on the one before.
    """
    count = len(next(iter(values.values())))
    chunk = max(1, CELLS // max(1, model.table.rows))
    parts = [
        _densities(model, {name: draws[start : start + chunk] for name, draws in values.items()})
        for start in range(0, count, chunk)
    ]
    return np.concatenate(parts)


def _densities(model: Model, values: Mapping[str, Array]) -> Array:
    rows = model.at_rows(values)
    total, seen = None, np.zeros(model.table.rows, bool)
    for name, outcome in model.law.outcome.items():
        data = model.data["outcomes"][name]
        with np.errstate(all="ignore"):
            narrow = {what: _narrow(value) if what != "location" else value for what, value in rows[name].items()}
            found = np.asarray(outcomes.log_likelihood(outcome, narrow, data, np))
        here = np.asarray(data["seen"]) > 0 if "seen" in data else np.ones(model.table.rows, bool)
        slope = outcomes.log_slope_of_scale(outcome.noise, model.table.columns[name])
        found = np.where(here, found + slope, 0.0)
        total = found if total is None else total + found
        seen |= here
    assert total is not None
    return np.where(seen, total, np.nan)


def _narrow(values: Array) -> Array:
    """What is the same in every row, once: (draws, 1)."""
    return values[..., :1] if values.ndim == 2 and values.strides[-1] == 0 else values


def model_of(posterior: Posterior) -> Model:
    """The law of a posterior bound to the rows that it was fitted to."""
    rows = len(next(iter(posterior.columns.values())))
    provenance = posterior.provenance
    table = Table(
        posterior.columns, posterior.codes, posterior.factors, rows, provenance.data, provenance.data_digest,
        provenance.notes, numbers=posterior.numbers,
    )  # fmt: skip
    return Model(posterior.law, table)
