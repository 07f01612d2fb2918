"""The frontier of a table: what grows from the runs one has to the runs one wants, compute above all.

A frontier is a variable of the law or an expression of its variables, positive at every row. Rows up to a cut are
known, rows above it are forecast; how far a point lies beyond is counted in decades (factors of ten).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, LawdslError, Span
from lawdsl.law import Law
from lawdsl.program import Program

Array = NDArray[np.float64]
Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Frontier:
    """`text` over the variables of `law`; `needs` are the input variables it takes."""

    law: Law
    text: str
    needs: frozenset[str]

    def program(self) -> Program:
        """What computes it, as `frontier`, from the input variables."""
        from lawdsl.compile import compile_expressions
        from lawdsl.grammar import parse_expression
        from lawdsl.symbolic import Algebra

        tree = Algebra(self.law).expression(parse_expression(self.text))
        return compile_expressions({"frontier": tree}, self.needs)

    def at(self, columns: Mapping[str, Array]) -> Array:
        """log10 of the frontier at rows of the law's input variables. Raises: AskError (ASK015) where there is none."""
        from lawdsl.backends import numpy_operations

        program = self.program()
        operations = numpy_operations()
        prepared = program.prepare({name: columns[name] for name in self.needs}, operations)
        with np.errstate(all="ignore"):
            found = np.asarray(program.finish(prepared, {}, operations)["frontier"], dtype=float)
            values = np.log10(np.broadcast_to(found, np.shape(next(iter(columns.values())))))
        bad = int((~np.isfinite(values)).sum())
        if bad:
            message = f"{self.text} is zero, negative or not a number at {bad} of {values.size} points"
            raise AskError(Fault("ASK015", Span(self.law.name), message, "Choose a frontier that is positive."))
        return np.asarray(values, dtype=float)


def frontier_of(law: Law, text: str | None = None) -> Frontier:
    """The frontier that `text` says; by default the law's compute (a variable in FLOP, or 6*parameters*tokens), or its
    only variable. Raises: AskError (ASK015) where it is no expression of the law's variables, or must be said.
    """
    if text is not None:
        return _read(law, text)
    compute = [v.name for v in law.variables if v.quantity.unit == "FLOP"]
    by_unit: dict[str, list[str]] = {}
    for name in law.inputs:
        by_unit.setdefault(law.variable[name].quantity.unit, []).append(name)
    if by_unit.get("parameters") and by_unit.get("tokens"):
        compute.append(f"6*{by_unit['parameters'][0]}*{by_unit['tokens'][0]}")
    positive = [name for name in law.inputs if law.variable[name].domain == "positive"]
    for guess in [*compute, *(positive if len(positive) == 1 else ())]:
        try:
            return _read(law, guess)
        except LawdslError:
            continue
    names = ", ".join(law.inputs)
    message = f"{law.name} has no compute to be the frontier"
    raise AskError(Fault("ASK015", Span(law.name), message, f"Say --frontier with an expression of {names}."))


def _read(law: Law, text: str) -> Frontier:
    from lawdsl.grammar import parse_expression

    try:
        needed = law.needs(parse_expression(text))
    except LawdslError as error:
        message = f"the frontier '{text[:60]}': {error.faults[0].message}"
        raise AskError(Fault("ASK015", Span(law.name), message, "Write C, or 6*N*D.")) from None
    inputs = needed & set(law.inputs)
    # what a derived variable is made of stands in `needed` too; what is left is no data
    strange = sorted(n for n in needed - inputs if n not in law.definitions)
    if strange or not inputs:
        message = f"the frontier '{text[:60]}' takes {', '.join(strange) or 'no variable'}"
        cure = f"A frontier is an expression of {', '.join(law.inputs)}."
        raise AskError(Fault("ASK015", Span(law.name), message, cure))
    return Frontier(law, text, frozenset(inputs))


def ranges_of(law: Law, columns: Mapping[str, Array]) -> dict[str, tuple[float, float]]:
    """Positive input -> log10 of its least and greatest value."""
    return {
        name: (float(np.log10(columns[name].min())), float(np.log10(columns[name].max())))
        for name in law.inputs
        if columns[name].min() > 0
    }


def reach(at: Array, edge: float, columns: Mapping[str, Array], ranges: Ranges) -> Array:
    """Decades by which points lie beyond rows: the most of the frontier's above `edge` (log10), and of every input's
    outside its range. 0 among the rows.
    """
    found = np.maximum(0.0, at - edge)
    for name, (low, high) in ranges.items():
        with np.errstate(all="ignore"):
            value = np.log10(columns[name])
        outside = np.maximum(value - high, low - value)
        found = np.maximum(found, np.where(np.isfinite(outside), outside, 0.0))
    return np.asarray(found)
