"""Law + table to a density over one unconstrained vector: the model that every method of fitting shares.

The vector is cut into blocks: a free parameter's value, or one per level; for partially pooled parameters the
population's centre, the spread between levels, and the levels. `Model` knows the way there and back, the prior, the
likelihood of rows and draws from the prior. Data enter as an argument, so that one compiled program serves every table
of the same shape.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.backends import jax_operations, numpy_operations
from lawdsl.errors import Fault, InputError, Span
from lawdsl.expression import Operation, walk
from lawdsl.law import Law, Parameter, Prior
from lawdsl.program import Program
from lawdsl.table import Table

from . import expressions, outcomes, priors

Array = NDArray[np.float64]
Data = dict[str, Any]

POSITIVE = (0.0, math.inf)
REAL = (-math.inf, math.inf)
#: levels with this many rows (the median level) are taken to tell their own value, until a fit knows (`centring`)
ROWS_THAT_INFORM = 8
#: while a mode is sought, a population's log spread is held to this standard deviation
PINNED = 0.2
#: rows above which they are summed a chunk at a time
WHOLE = 65_536
CHUNK = 16_384
STANDARD = Prior("Normal", (0.0, 1.0))


@dataclass(frozen=True)
class Block:
    """A run of the unconstrained vector; `role` is value, center, spread, levels or offsets, `bend` as in `priors`.

    The levels of a population stand in the vector themselves where the rows inform them well, and as offsets in units
    of the spread where they do not: either way the sampler meets no funnel (Betancourt & Girolami 2013, arXiv
    1312.0906). Which it is goes by the number of rows at first and by what they tell in the end (`fitting.centring`).
    """

    parameter: str
    role: str
    start: int
    size: int
    prior: Prior
    support: tuple[float, float]
    bend: float | None = None

    @property
    def slice(self) -> slice:
        """Where it lies in the vector."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True)
class Grouping:
    """The levels of a grouped parameter: labels (several factors joined by a comma) and each row's code."""

    labels: tuple[str, ...]
    codes: NDArray[np.int64]


class Model:
    """A law bound to a table. `width` is the dimension of the unconstrained vector; `offsets` names the populations
    whose levels stand in it as offsets (None: those of few rows a level).
    """

    def __init__(self, law: Law, table: Table, offsets: frozenset[str] | None = None):
        self.law = law
        self.table = table
        self._offsets = offsets
        self.groupings = {p.name: grouping(p, table) for p in law.parameters if p.grouped}
        self.blocks = self._blocks()
        self.width = sum(block.size for block in self.blocks)

    def _blocks(self) -> tuple[Block, ...]:
        blocks: list[Block] = []
        exponents = exponents_of(self.law)
        moved = {name for group in self.law.order for name in group}

        def add(parameter: Parameter, role: str, size: int, prior: Prior, support: tuple[float, float]) -> None:
            start = blocks[-1].start + blocks[-1].size if blocks else 0
            bent = role == "value" and parameter.name in exponents and parameter.name not in moved
            bend = priors.bend_of(prior, support) if bent else None
            blocks.append(Block(parameter.name, role, start, size, prior, support, bend))

        for parameter in self.law.parameters:
            if not parameter.free:
                continue
            if not parameter.grouped:
                assert parameter.prior is not None
                add(parameter, "value", 1, parameter.prior, parameter.support)
                continue
            levels = len(self.groupings[parameter.name].labels)
            if parameter.pool == "none":
                assert parameter.prior is not None
                add(parameter, "value", levels, parameter.prior, parameter.support)
                continue
            assert parameter.spread is not None
            if parameter.center is None:
                assert parameter.prior is not None
                add(parameter, "center", 1, parameter.prior, parameter.support)
            add(parameter, "spread", 1, parameter.spread, POSITIVE)
            add(parameter, "offsets" if self._apart(parameter.name) else "levels", levels, STANDARD, REAL)
        return tuple(blocks)

    def _apart(self, name: str) -> bool:
        """Whether a population's levels stand in the vector as offsets."""
        few = bool(np.median(np.bincount(self.groupings[name].codes)) < ROWS_THAT_INFORM)
        return few if self._offsets is None else name in self._offsets

    @cached_property
    def program(self) -> Program:
        """The compiled expressions of the likelihood."""
        return expressions.likelihood(self.law)

    @cached_property
    def identity(self) -> str:
        """Names everything that the densities close over, but for the data and their shapes."""
        parts = (expressions.identity(self.law), self.blocks, sorted(self.groupings))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @cached_property
    def data(self) -> Data:
        """The arrays the likelihood takes: prepared columns, codes of levels, and the observations of each response."""
        columns = self.program.prepare(self.table.columns, numpy_operations())
        data: Data = {
            "prepared": tuple(np.asarray(x, dtype=float) for x in columns),
            "codes": {name: grouping.codes for name, grouping in self.groupings.items()},
            "outcomes": {
                one.response.name: outcomes.observations(self.law, one, self.table) for one in self.law.outcomes
            },
        }
        if self.spreads.size:
            data |= {"pin": np.float64(0.0), "spread": np.zeros(self.spreads.size)}
        return data

    def weighted(self, weights: Array) -> Model:
        """The same model whose rows count as often as `weights` (rows,) says; one compiled program serves them all."""
        other = copy.copy(self)
        other.__dict__["data"] = {**self.data, "weights": np.asarray(weights, dtype=float)}
        return other

    @cached_property
    def spreads(self) -> NDArray[np.int64]:
        """Where the log spreads of populations lie in the vector."""
        return np.array([block.start for block in self.blocks if block.role == "spread"], dtype=int)

    def pinned(self, log_spread: Array) -> Data:
        """The data with the populations' spreads held, so that a search finds the mode of all else.

        The joint density of a population's levels and spread has no mode: it grows without bound as both shrink.
        """
        return {**self.data, "pin": np.float64(PINNED**-2), "spread": np.asarray(log_spread, dtype=float)}

    def empirical_spread(self, u: Array) -> Array:
        """The log spread of each population that its levels at `u` show, at least a twentieth of its prior's."""
        found = []
        for block in self.blocks:
            if block.role == "spread":
                levels = next(
                    b for b in self.blocks if b.parameter == block.parameter and b.role in ("levels", "offsets")
                )
                spread, center = self.population(block.parameter, u, np)
                shown = u[levels.slice] - center if levels.role == "levels" else spread * u[levels.slice]
                typical = np.exp(np.median(priors.draw(block.prior, block.support, 2000, np.random.default_rng(0))))
                found.append(np.log(max(float(np.sqrt(np.mean(shown**2))), typical / 20)))
        return np.array(found)

    @cached_property
    def lower(self) -> dict[str, str]:
        """Ordered parameter -> the one that bounds it from below."""
        return {b: a for group in self.law.order for a, b in zip(group[:-1], group[1:], strict=True)}

    def unpack(self, u: Any, xp: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameter values and, where the unconstrained scale is their log, their logs: scalars or (levels,).

        `u` is (width,) or, in numpy, (..., width); a trailing axis of size one is dropped. Populations appear as
        `k.center` and `k.spread`.
        """
        values: dict[str, Any] = {}
        logs: dict[str, Any] = {}
        lower = self.lower
        for name in _in_order(self.law.order, self.blocks):
            block = next(b for b in self.blocks if b.parameter == name and b.role in ("value", "levels", "offsets"))
            parameter = self.law.parameter[name]
            part = u[..., block.slice]
            if block.role == "value":
                part = part if parameter.grouped else part[..., 0]
                support: tuple[Any, Any] = block.support
                if name in lower:
                    support = (values[lower[name]], support[1])
                values[name] = priors.constrain(part, support, xp, block.bend)
            else:
                spread, center = self.population(name, u, xp)
                if block.role == "offsets":
                    part = center[..., None] + spread[..., None] * part
                values[name] = priors.constrain(part, parameter.support, xp)
                values[f"{name}.spread"] = spread
                if parameter.center is None:
                    values[f"{name}.center"] = priors.constrain(center, parameter.support, xp)
                support = parameter.support
            if name not in lower and support == POSITIVE and block.bend is None:
                logs[name] = part
        return values, logs

    def population(self, name: str, u: Any, xp: Any) -> tuple[Any, Any]:
        """A population's spread, and its centre on the unconstrained scale."""
        parameter = self.law.parameter[name]
        by_role = {b.role: b for b in self.blocks if b.parameter == name}
        spread = xp.exp(u[..., by_role["spread"].start])
        if "center" in by_role:
            return spread, u[..., by_role["center"].start]
        assert parameter.center is not None
        fixed = float(priors.unconstrain(np.asarray(parameter.center), parameter.support))
        return spread, xp.zeros_like(spread) + fixed

    def log_prior(self) -> Callable[[Any], Any]:
        """The prior's log density over the unconstrained vector, as a JAX function."""
        import jax.numpy as jnp

        lower = self.lower
        densities = [
            priors.density_at(block.prior, block.support)
            if block.parameter in lower
            else priors.log_density(block.prior, block.support, block.bend)
            for block in self.blocks
        ]

        def log_prior(u: Any) -> Any:
            total: Any = 0.0
            values, _ = self.unpack(u, jnp) if lower else ({}, {})
            for block, density in zip(self.blocks, densities, strict=True):
                part = u[block.slice]
                if block.role == "levels":
                    spread, center = self.population(block.parameter, u, jnp)
                    total = total + jnp.sum(density((part - center) / spread)) - block.size * jnp.log(spread)
                    continue
                if block.parameter in lower:
                    support = (values[lower[block.parameter]], block.support[1])
                    value = values[block.parameter]
                    total = total + density(value) + jnp.sum(priors.log_slope(part, support, jnp))
                else:
                    total = total + jnp.sum(density(part))
            return total

        return log_prior

    def rows(self, u: Any, data: Data) -> dict[str, dict[str, Any]]:
        """For every response the location of its rows on the noise's scale and the noise's numbers, as JAX arrays."""
        import jax.numpy as jnp

        values, logs = self.unpack(u, jnp)
        for name, codes in data["codes"].items():
            values[name] = values[name][codes]
            if name in logs:
                logs[name] = logs[name][codes]
        found = self.program.finish(data["prepared"], values, jax_operations(), logs)
        return {name: outcomes.of(name, found) for name in self.law.outcome}

    def at_rows(self, values: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """The same in numpy, each (..., rows), for constrained values: (...) or, where grouped, (..., levels)."""
        spread = {
            name: value[..., self.groupings[name].codes] if name in self.groupings else np.asarray(value)[..., None]
            for name, value in values.items()
        }
        found = self.program.finish(self.data["prepared"], spread, numpy_operations())
        shape = np.broadcast_shapes(*(np.shape(value) for value in spread.values()), (self.table.rows,))
        return {
            name: {what: np.broadcast_to(value, shape) for what, value in outcomes.of(name, found).items()}
            for name in self.law.outcome
        }

    def potential(self) -> Callable[[Any, Data], Any]:
        """Minus the log posterior density at `u`, up to a constant. `data` may hold "weights" of rows."""
        import jax.numpy as jnp

        def potential(u: Any, data: Data) -> Any:
            log_prior = self.log_prior()  # built when traced: a program from the cache needs no numpyro
            held = jnp.sum((u[self.spreads] - data["spread"]) ** 2) * data["pin"] / 2 if self.spreads.size else 0.0
            return held - (log_prior(u) + self._log_likelihood(u, data))

        return potential

    def _log_likelihood(self, u: Any, data: Data) -> Any:
        """The log density of all observations. Of many rows it is summed a chunk at a time, forgetting what a chunk
        computed on the way, so that neither it nor its gradient needs memory in the number of rows.
        """
        import jax
        import jax.numpy as jnp

        def of(u: Any, data: Data) -> Any:
            rows = self.rows(u, data)
            found = sum(
                outcomes.log_likelihood(one, rows[name], data["outcomes"][name])
                for name, one in self.law.outcome.items()
            )
            return found if data.get("weights") is None else data["weights"] * found

        count = next(iter(data["outcomes"].values()))["observed"].shape[0]
        if count <= WHOLE or self.law.sequence is not None:  # rows of a run are not to be cut
            return jnp.sum(of(u, data))

        def chunk(total: Any, start: Any) -> tuple[Any, None]:
            first = jnp.minimum(start, count - CHUNK)  # the last chunk begins earlier, and leaves out what was counted
            part = _rows_of(data, count, lambda x: jax.lax.dynamic_slice_in_dim(x, first, CHUNK))
            return total + jnp.sum(jnp.where(first + jnp.arange(CHUNK) >= start, of(u, part), 0.0)), None

        return jax.lax.scan(jax.checkpoint(chunk), jnp.zeros(()), jnp.arange(0, count, CHUNK))[0]

    def some_rows(self, count: int, seed: int) -> Data:
        """The data of `count` rows drawn without replacement."""
        chosen = np.sort(np.random.default_rng([seed, 7]).choice(self.table.rows, count, replace=False))
        return _rows_of(self.data, self.table.rows, lambda x: x[chosen])

    def prior_draws(self, count: int, seed: int) -> Array:
        """(count, width) draws from the prior on the unconstrained scale.

        Raises: InputError (FIT014) where bounds or an order leave next to nothing of it.
        """
        random = np.random.default_rng(seed)
        kept = np.empty((0, self.width))
        for _ in range(priors.REJECTIONS):
            kept = np.concatenate([kept, self._ordered(self._draws(count, random))])
            if len(kept) >= count:
                return kept[:count]
        orders = " and ".join(" < ".join(group) for group in self.law.order)
        message = f"the priors have next to no probability of {orders}"
        raise InputError(Fault("FIT014", Span(self.law.name), message, "Move them apart, or drop the order."))

    def _ordered(self, u: Array) -> Array:
        """Those of independent draws that keep the law's orders, each value of an order from the one before it on."""
        blocks = {block.parameter: block for block in self.blocks}
        u = u.copy()
        for group in self.law.order:
            values = [priors.constrain(u[:, blocks[n].start], blocks[n].support, np) for n in group]
            keep = np.all([a < b for a, b in pairwise(values)], axis=0)
            for (a, b), name in zip(pairwise(values), group[1:], strict=True):
                support = (a[keep], blocks[name].support[1])
                u[keep, blocks[name].start] = priors.unconstrain(b[keep], support)
            u = u[keep]
        return u

    def _draws(self, count: int, random: np.random.Generator) -> Array:
        """Draws from the prior but for its orders."""
        parts = []
        for block in self.blocks:
            u = priors.draw(block.prior, block.support, count * block.size, random).reshape(count, block.size)
            if block.bend is not None:
                u = priors.unconstrain(priors.constrain(u, block.support, np), block.support, block.bend)
            parts.append(u)
            if block.role == "levels":
                whole = np.concatenate(parts, axis=1)
                spread, center = self.population(block.parameter, whole, np)
                parts[-1] = center[:, None] + spread[:, None] * u
        return np.concatenate(parts, axis=1)


def exponents_of(law: Law) -> frozenset[str]:
    """The names that stand in an exponent of the equation, its lets and ties."""
    found: set[str] = set()
    for tree in (*(o.equation for o in law.outcomes), *law.definitions.values()):
        for node in walk(tree):
            if isinstance(node, Operation) and node.sign == "^":
                found |= node.parts[1].names()
    return frozenset(found)


def grouping(parameter: Parameter, table: Table) -> Grouping:
    """The levels that occur, joined over the factors, and every row's."""
    if len(parameter.by) == 1:
        factor = parameter.by[0]
        return Grouping(table.levels[factor], table.codes[factor])
    columns = np.stack([table.codes[factor] for factor in parameter.by])
    present, codes = np.unique(columns, axis=1, return_inverse=True)
    labels = tuple(
        ",".join(table.levels[factor][code] for factor, code in zip(parameter.by, combination, strict=True))
        for combination in present.T
    )
    return Grouping(labels, codes.reshape(-1))


def _in_order(order: tuple[tuple[str, ...], ...], blocks: tuple[Block, ...]) -> list[str]:
    """Parameters so that each comes after the one that bounds it from below."""
    ordered = [name for group in order for name in group]
    names = list(dict.fromkeys(block.parameter for block in blocks))
    return [name for name in names if name not in ordered] + ordered


def scale_of(draws: Array) -> Array:
    """The spread of prior draws (count, width) along each axis, by quantiles, so that heavy tails do not count."""
    low, high = np.quantile(draws, [0.16, 0.84], axis=0)
    return np.asarray(np.maximum((high - low) / 2, 1e-6))


def _rows_of(data: Data, count: int, choose: Callable[[Any], Any]) -> Data:
    """`choose` applied to every array of `data` that has an entry for each of `count` rows."""
    import jax

    return {
        name: part
        if name in ("pin", "spread")
        else jax.tree.map(lambda x: choose(x) if np.shape(x)[:1] == (count,) else x, part)
        for name, part in data.items()
    }
