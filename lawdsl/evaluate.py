"""Values of a law's names for given numbers, in numpy: what predictions, questions and checks compute with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .backends import numpy_operations
from .compile import compile_expressions
from .errors import AskError, Fault, Span, suggest
from .expression import Expression
from .law import FIRST, Law
from .program import Program
from .symbolic import Algebra

Values = Mapping[str, Any]


@lru_cache(maxsize=64)
def program(law: Law, outputs: tuple[tuple[str, Expression], ...], keep: frozenset[str] = frozenset()) -> Program:
    """The compiled form of named expressions over the law's names; `keep` are defined names that are given instead."""
    algebra = Algebra(law, keep)
    return compile_expressions({name: algebra.expression(tree) for name, tree in outputs}, frozenset())


def evaluate(law: Law, outputs: Mapping[str, Expression], values: Values) -> dict[str, np.ndarray]:
    """Named expressions for `values` (arrays that broadcast) of variables and parameters.

    Raises: AskError (ASK001) where a name has no value.
    """
    keep = frozenset(values) & frozenset(law.definitions)
    compiled = program(law, tuple(outputs.items()), keep)
    return run(law, compiled, values)


def run(law: Law, compiled: Program, values: Values) -> dict[str, np.ndarray]:
    """A compiled program for `values`. Raises: AskError (ASK001) where a name has no value."""
    if law.sequence is not None:  # rows that were not said to follow each other are runs of one
        values = {FIRST: 1.0, **values}
    missing = sorted({name for _, name, _ in compiled.inputs} - set(values))
    if missing:
        raise AskError([missing_value(law, name, values) for name in missing])
    found = compiled(values, numpy_operations())
    return {name: np.asarray(value, dtype=float) for name, value in found.items()}


def missing_value(law: Law, name: str, given: Values) -> Fault:
    """ASK001: which number is needed, and how it is given."""
    variable = law.variable.get(name)
    what = (
        f"'{name}' ({variable.quantity}{': ' + variable.about if variable.about else ''})" if variable else f"'{name}'"
    )
    extra = sorted(set(given) - set(law.parameter) - set(law.variable))
    cure = f"Give it: {name}=..." + (f" ({suggest(extra[0], [name])})" if extra else "")
    return Fault("ASK001", Span(law.name), f"no number for {what}", cure)
