"""A law of the library with rows of its own design: as lawdsl's model has them, and as a writer by hand does."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from by_hand import Hand

SEED = 0


@dataclass(frozen=True)
class Subject:
    """A model, a point `u` of its vector (the constants that the rows were simulated with), and the rows by hand.

    `columns`: name -> array of a writer by hand: variables, levels of factors as codes, `error`; (runs, steps) where
    rows follow each other. `observed`: what the densities take, one array for each response.
    """

    model: Any
    u: np.ndarray
    columns: dict[str, np.ndarray]
    observed: tuple[np.ndarray, ...]

    def parameters(self, u: Any, xp: Any) -> SimpleNamespace:
        """The law's parameters by name; fixed ones are numbers."""
        values, _ = self.model.unpack(u, xp)
        fixed = {p.name: p.fixed for p in self.model.law.parameters if p.fixed is not None}
        return SimpleNamespace(**fixed, **values)

    def ours(self, u: Any, data: Any) -> Any:
        """The log likelihood of all rows, compiled by lawdsl."""
        from jax import numpy as jnp

        from fitting.outcomes import log_likelihood

        rows = self.model.rows(u, data)
        outcomes = self.model.law.outcome.items()
        return sum(jnp.sum(log_likelihood(o, rows[name], data["outcomes"][name])) for name, o in outcomes)

    def theirs(self, hand: Hand, u: Any, data: Any) -> Any:
        """The same by hand; `data` are (columns, observed)."""
        from jax import numpy as jnp

        columns, observed = data
        p, x = self.parameters(u, jnp), SimpleNamespace(**columns)
        mean = hand.mean(p, x)
        means = mean if isinstance(mean, tuple) else (mean,)
        parts = zip(hand.densities, observed, means, strict=True)
        return sum(jnp.sum(density(y, m, p, x)) for density, y, m in parts)


def subject(law: Any, rows: int) -> Subject:
    """About so many rows: those of the law's design again and again, whole runs where rows follow each other."""
    from fitting.model import Model
    from fitting.simulation import simulated, true_values
    from lawdsl.law import FIRST

    table = simulated(law, SEED)
    truth = true_values(law, table, SEED)
    steps = 1
    if law.sequence is not None:
        starts = np.flatnonzero(table.columns[FIRST] > 0)
        steps = int(np.diff([*starts, table.rows])[0])
        assert np.all(np.diff(starts) == steps)
    model = Model(law, table.take(np.resize(np.arange(table.rows), rows // steps * steps)))
    data = model.data["outcomes"]
    columns = {name: model.table.columns[name] for name in law.inputs}
    columns |= {name: model.table.codes[name] for name in law.grouping}
    columns |= {"_".join(p.by): model.groupings[p.name].codes for p in law.parameters if p.grouped}
    for one in data.values():
        columns |= {"error": one["error"]} if "error" in one else {}
    observed = tuple(data[name]["observed"] for name in law.outcome)
    if law.sequence is not None:
        columns = {name: column.reshape(-1, steps) for name, column in columns.items()}
        observed = tuple(y.reshape(-1, steps) for y in observed)
    return Subject(model, vector(model, truth), columns, observed)


def vector(model: Any, values: dict[str, Any]) -> np.ndarray:
    """The unconstrained vector of parameter values; a population's centre is the mean of its levels."""
    from fitting.priors import unconstrain

    u = np.zeros(model.width)
    lower = {name: values[bound] for name, bound in model.lower.items()}
    spread = 0.5
    for block in model.blocks:
        name = block.parameter
        support = model.law.parameter[name].support
        if block.role == "spread":
            u[block.slice] = np.log(spread)
        elif block.role == "value":
            support = (lower.get(name, support[0]), support[1])
            u[block.slice] = unconstrain(np.asarray(values[name], float), support, block.bend)
        else:
            levels = unconstrain(np.asarray(values[name], float), support)
            parameter = model.law.parameter[name]
            known = parameter.center
            center = np.mean(levels) if known is None else unconstrain(np.asarray(known), support)
            shown = {"center": center, "levels": levels, "offsets": (levels - center) / spread}
            u[block.slice] = shown[block.role]
    return u
