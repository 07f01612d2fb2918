"""Rows simulated from a law at given constants: to test a fit against a truth that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from lawdsl.backends import numpy_operations
from lawdsl.columns import evaluate_rows
from lawdsl.compile import compile_expressions
from lawdsl.errors import Fault, InputError, Span
from lawdsl.law import Law, Parameter, Simulation, Value
from lawdsl.table import Table, bind

from . import priors
from .model import grouping
from .outcomes import columns_of, noise_outputs, observations, of, replicate


def simulate(law: Law, table: Table, values: Mapping[str, Any], seed: int) -> Table:
    """The table with responses drawn from the law: `values` holds every parameter, grouped ones as arrays over their
    levels (of several factors, the combinations that occur, as `Model` has them). Known standard errors scatter the
    responses as well, and the variables that they are of. The seed decides.
    """
    program = compile_expressions(noise_outputs(law), columns_of(law))
    operations = numpy_operations()
    per_row = {}
    for name, value in values.items():
        parameter = law.parameter.get(name)
        grouped = parameter is not None and parameter.grouped
        per_row[name] = np.asarray(value)[grouping(parameter, table).codes] if parameter and grouped else value
    found = program.finish(program.prepare(table.columns, operations), per_row, operations)
    random = np.random.default_rng(seed)
    columns = dict(table.columns)
    for name, outcome in law.outcome.items():
        rows = {what: np.broadcast_to(value, (table.rows,)) for what, value in of(name, found).items()}
        exact = {what: value for what, value in rows.items() if not what.startswith("slope ")}
        whole = replace(table, columns={**table.columns, name: _restored(law, name, rows["location"])})
        columns[name] = replicate(outcome, exact, observations(law, outcome, whole), random)
    for column, name in law.errors.items():
        if name in law.variable:
            columns[name] = columns[name] + columns[column] * random.standard_normal(table.rows)
    return replace(table, columns=columns, digest=f"simulated-{seed}", source=f"simulated from {law.name}, seed {seed}")


def _restored(law: Law, name: str, location: Any) -> Any:
    from .outcomes import restore

    return restore(law.outcome[name].noise, location)


def simulated(law: Law, seed: int) -> Table:
    """Rows simulated at the design and with the constants that the law file gives under `simulate`.

    Raises: InputError (FIT015) where it gives none.
    """
    table = design(law)
    return simulate(law, table, true_values(law, table, seed), seed)


def design(law: Law) -> Table:
    """The rows, without responses, of the design that the law file gives under `simulate`.

    Raises: InputError (FIT015) where it gives none.
    """
    if law.simulation is None:
        cure = "Add simulate: {set: S, grid: {N: [1B, 7B, 70B]}} to the law; `lawdsl explain LAW043` says more."
        raise InputError(Fault("FIT015", Span(law.name), "this law has no design to simulate", cure))
    return bind(law, _design(law.simulation), response=False, errors=True)


def _design(simulation: Simulation) -> dict[str, Any]:
    """The columns of the design: the product of the grid's lists, the last running fastest."""
    names = [name for name, _ in simulation.grid]
    columns: dict[str, Any] = {}
    for name, values in zip(names, zip(*product(*(v for _, v in simulation.grid)), strict=True), strict=True):
        columns[name] = np.array(values, dtype=object if isinstance(values[0], str) else float)
    rows = len(next(iter(columns.values())))
    for name, tree in simulation.columns:
        columns[name] = np.broadcast_to(evaluate_rows(tree, columns), (rows,))
    return columns


def true_values(law: Law, table: Table, seed: int) -> dict[str, Any]:
    """The constants that a law's design is simulated with; levels of a population scatter about its centre."""
    assert law.simulation is not None
    given: dict[str, Any] = dict(law.simulation.values)
    if law.simulation.set is not None:
        given = law.sets[law.simulation.set].by_name | given
    random = np.random.default_rng([seed, 6])
    values = {}
    for parameter in law.parameters:
        if not parameter.free:
            continue
        number = given.get(parameter.name, parameter.neutral)
        if not parameter.grouped:
            values[parameter.name] = number.value if isinstance(number, Value) else number
            continue
        labels = grouping(parameter, table).labels
        if isinstance(number, (dict, tuple)):
            levels = {level: v.value if isinstance(v, Value) else v for level, v in dict(number).items()}
            lacking = [label for label in labels if label not in levels]
            if lacking:
                message = f"no number of '{parameter.name}' for {', '.join(lacking)}"
                raise InputError(Fault("FIT015", Span(law.name), message, "Give it under simulate: with."))
            values[parameter.name] = np.array([levels[label] for label in labels])
        else:
            center = number.value if isinstance(number, Value) else float(number)  # type: ignore[arg-type]
            values[parameter.name] = _levels(parameter, center, len(labels), random)
    return values


def _levels(parameter: Parameter, center: float, count: int, random: np.random.Generator) -> Any:
    """Levels about a centre: scattered by the median of the prior of their spread, where they are a population."""
    if parameter.pool != "partial" or parameter.spread is None:
        return np.full(count, center)
    spread = float(np.exp(np.median(priors.draw(parameter.spread, (0.0, np.inf), 2000, np.random.default_rng(0)))))
    middle = priors.unconstrain(np.asarray(center), parameter.support)
    return priors.constrain(middle + spread * random.standard_normal(count), parameter.support, np)
