"""Posteriors of draws that are given: what uses a posterior is tested without fitting one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from fitting import Posterior, Verdict, priors
from fitting.model import Model
from fitting.posterior import Provenance
from lawdsl import library
from lawdsl.curves import span
from lawdsl.law import Law
from lawdsl.render import digest
from lawdsl.table import bind

GOOD = Verdict(True, (), ("made of given draws",))
#: a law of one variable, with no tokens to spend compute on
ALONE = """
law: alone
variables: {N: {unit: parameters, kind: total}}
response: {L: {unit: nats/token}}
parameters: {a: {prior: "Normal(0.2, 0.05)"}, s: {prior: HalfNormal(0.05)}}
equation: L = (1e12/N)^a
noise: {family: normal, scale: s}
"""
#: draws of a test; quantiles of them are compared with themselves, so few do
DRAWS = (2, 100)


def posterior(
    law: Law, rows: object, draws: Mapping[str, Any], *, seed: int = 0, method: str = "nuts", verdict: Verdict = GOOD,
    **more: Any,
) -> Posterior:  # fmt: skip
    """A posterior of `law` on `rows` with these draws: (chains, draws), or (chains, draws, levels) where grouped."""
    table = bind(law, rows)
    levels = {name: grouping.labels for name, grouping in Model(law, table).groupings.items() if name in draws}
    provenance = Provenance(
        table.source, table.digest, digest(law), table.rows, seed, (("lawdsl", "0"),), (("draws", "given"),),
        table.notes,
    )  # fmt: skip
    held = {name: np.asarray(values, dtype=float) for name, values in draws.items()}
    return Posterior(law, method, held, levels, table.levels, table.columns, table.codes, verdict, provenance, **more)


def of_prior(law: Law, count: int, random: np.random.Generator, *, seed: int = 0) -> Posterior:
    """A posterior that is the prior, with two levels of every open factor, and rows anywhere in the ranges."""
    factors = {factor.name: factor.levels or ("one", "two") for factor in law.factors}
    draws: dict[str, Any] = {}
    levels = {}
    for parameter in law.parameters:
        if not parameter.free:
            continue
        labels = (
            tuple(map(",".join, product(*(factors[name] for name in parameter.by)))) if parameter.grouped else ("",)
        )
        columns = [np.full(count, parameter.center)] * len(labels)
        if parameter.prior is not None:
            one = [priors.draw(parameter.prior, parameter.support, count, random) for _ in labels]
            columns = [priors.constrain(u, parameter.support, np) for u in one]
        if not parameter.grouped:
            draws[parameter.name] = columns[0][None]
            continue
        levels[parameter.name] = labels
        draws[parameter.name] = np.stack(columns, axis=-1)[None]
        if parameter.pool == "partial":
            draws[f"{parameter.name}.spread"] = np.exp(random.normal(-1, 0.2, (1, count)))
            if parameter.center is None:
                draws[f"{parameter.name}.center"] = columns[0][None]
    rows = 30
    columns_of = {}
    for name in law.inputs:
        low, high = span(law, law.variable[name])
        u = random.uniform(size=rows)
        columns_of[name] = low * (high / low) ** u if low > 0 and high / low > 10 else low + (high - low) * u
    columns_of |= {name: random.uniform(1, 2, rows) for name in law.outcome}
    codes = {name: random.integers(0, len(known), rows) for name, known in factors.items()}
    provenance = Provenance("the prior", "", digest(law), rows, seed, (("lawdsl", "0"),))
    return Posterior(law, "nuts", draws, levels, factors, columns_of, codes, GOOD, provenance)


def near(**numbers: float) -> dict[str, np.ndarray]:
    """Draws within a few thousandths of these numbers: what scatters is the noise."""
    random = np.random.default_rng(1)
    return {name: value * (1 + 0.003 * random.standard_normal(DRAWS)) for name, value in numbers.items()}


def grid(**axes: list[float]) -> dict[str, list[float]]:
    """The product of the axes as columns of a table."""
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    return {name: values.ravel().tolist() for name, values in zip(axes, mesh, strict=True)}


def chinchilla() -> Posterior:
    """Twelve rows of a Chinchilla law with a percent of scatter, and draws about its constants."""
    columns = grid(N=[1e8, 4e8, 1e9], D=[2e9, 8e9, 2e10, 1e11])
    law = library.load("chinchilla")
    draws = near(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.366, sigma=0.01, nu=5.0)
    rows = {n: np.array(v) for n, v in columns.items()}
    loss = 1.8 + 480 / rows["N"] ** 0.35 + 2000 / rows["D"] ** 0.366
    loss = loss * np.exp(0.01 * np.random.default_rng(2).standard_normal(len(loss)))
    return posterior(law, {**columns, "L": loss.tolist()}, draws)
