"""Rows simulated from a law at given constants: to test a fit against a truth that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lawdsl.backends import numpy_operations
from lawdsl.compile import compile_expressions
from lawdsl.law import Law
from lawdsl.table import Table

from . import noise
from .model import STUDENT_DF, error_on_scale, grouping, noise_outputs, restore


def simulate(law: Law, table: Table, values: Mapping[str, Any], seed: int) -> Table:
    """The table with responses drawn from the law: `values` holds every parameter, grouped ones as arrays over their
    levels (of several factors, the combinations that occur, as `Model` has them). Known standard errors scatter the
    responses as well. The seed decides.
    """
    program = compile_expressions(noise_outputs(law), frozenset(law.inputs))
    operations = numpy_operations()
    per_row = {}
    for name, value in values.items():
        parameter = law.parameter.get(name)
        grouped = parameter is not None and parameter.grouped
        per_row[name] = np.asarray(value)[grouping(parameter, table).codes] if parameter and grouped else value
    rows = program.finish(program.prepare(table.columns, operations), per_row, operations)
    location = np.broadcast_to(rows["location"], (table.rows,))
    scale = np.broadcast_to(rows["scale"], (table.rows,))
    if law.noise.error is not None:
        error = error_on_scale(law, table.columns[law.noise.error], restore(law, location))
        scale = np.hypot(scale, error)
    random = np.random.default_rng(seed)
    response = restore(law, location + noise.draw(law.noise, scale, rows.get("df", STUDENT_DF), random))
    columns = {**table.columns, law.response.name: np.asarray(response)}
    return replace(table, columns=columns, digest=f"simulated-{seed}", source=f"simulated from {law.name}, seed {seed}")
