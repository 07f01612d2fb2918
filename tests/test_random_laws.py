"""Random laws that have anything of the language: they survive being printed, and mean the same in every evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import jax
import numpy as np
from hypothesis import given, settings
from random_laws import laws

from fitting.model import Model
from fitting.simulation import simulated, true_values
from lawdsl.expression import Call, Expression, Name, Number, evaluate
from lawdsl.functions import SEQUENTIAL
from lawdsl.law import FIRST, Law
from lawdsl.library import parse
from lawdsl.render import canonical, digest
from lawdsl.table import Table
from lawdsl.typeset import law_text

#: a power is exp(b*log a), and towers of powers multiply the roundings of what they stand on
VALUE = 1e-8
#: s*(1 - s), the slope of a sigmoid, keeps no digits far out
LOST = 1e-12
#: beyond these a tower's exponent has no digits left
LARGEST = 1e25
#: rows of a design that are compared with plain arithmetic, row by row
ROWS = 12


@settings(max_examples=50)
@given(laws())
def test_a_random_law_survives_being_printed_and_read_again(text: str) -> None:
    law = parse(text)
    printed = canonical(law)
    again = parse(printed)
    assert again == law and hash(again) == hash(law)
    assert canonical(again) == printed and digest(again) == digest(law)


@settings(max_examples=20)
@given(laws())
def test_a_random_law_can_be_shown(text: str) -> None:
    law = parse(text)
    assert max(map(len, law_text(law, 60).splitlines())) <= 60


class Rows:
    """A law's names along rows by plain arithmetic, one row at a time: no sympy, no compiler, no stable forms."""

    def __init__(self, law: Law, values: list[dict[str, float]], first: np.ndarray):
        self.law, self.values, self.first = law, values, first
        self.known: dict[str, list[float]] = {}

    def name(self, name: str) -> list[float]:
        if name not in self.known:
            outcome = self.law.outcome.get(name)
            tree = self.law.definitions.get(name) if outcome is None else outcome.equation
            fixed = self.law.parameter[name].fixed if name in self.law.parameter else None
            if tree is not None:
                self.known[name] = self.tree(tree)
            elif fixed is not None:
                self.known[name] = [fixed] * len(self.values)
            else:
                self.known[name] = [row[name] for row in self.values]
        return self.known[name]

    def tree(self, tree: Expression) -> list[float]:
        if isinstance(tree, Name):
            return self.name(tree.name)
        if isinstance(tree, Call) and tree.function in SEQUENTIAL:
            return self.along(tree.function, [self.tree(part) for part in tree.parts])
        if isinstance(tree, Call) and tree.function == "root":
            columns = {name: self.name(name) for name in tree.names()}
            return [self.one(tree, {name: c[k] for name, c in columns.items()}) for k in range(len(self.values))]
        if not tree.parts:
            return [self.one(tree, {})] * len(self.values)
        below = [self.tree(part) for part in tree.parts]
        return [self.one(replace(tree, parts=tuple(map(Number, row))), {}) for row in zip(*below, strict=True)]  # type: ignore[call-arg]

    @staticmethod
    def one(tree: Expression, values: Mapping[str, float]) -> float:
        """NaN where it leaves a domain, or comes so far that its digits are lost; conditions are 0 or 1."""
        try:
            found = evaluate(tree, values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return math.nan
        return found if found == 0 or 1 / LARGEST < abs(found) < LARGEST else math.nan

    def along(self, function: str, below: list[list[float]]) -> list[float]:
        found: list[float] = []
        for k, first in enumerate(self.first):
            if function == "previous":
                found.append(below[0][k if first else k - 1])
            elif function == "cumsum":
                found.append(below[0][k] + (0 if first else found[-1]))
            else:
                found.append(below[1][k] + (0 if first else below[0][k] * found[-1]))
        return found


def numbers(law: Law, table: Table) -> dict[str, np.ndarray]:
    """The constants of a law's design as one draw, as `Model.at_rows` takes them."""
    return {name: np.asarray(value, float)[None] for name, value in true_values(law, table, 0).items()}


@settings(max_examples=8)
@given(laws())
def test_what_is_compiled_is_what_is_written(text: str) -> None:
    law = parse(canonical(parse(text)))
    table = simulated(law, 0)
    model = Model(law, table)
    values = numbers(law, table)
    found = model.at_rows(values)
    first = table.columns[FIRST] > 0 if law.sequence is not None else np.ones(table.rows, bool)
    per_row = {n: v[0][model.groupings[n].codes] if n in model.groupings else v for n, v in values.items()}
    columns = {n: np.broadcast_to(c, (table.rows,)) for n, c in {**table.columns, **per_row}.items()}
    rows = [{n: float(c[k]) for n, c in columns.items()} for k in range(min(ROWS, table.rows))]
    plain = Rows(law, rows, first[:ROWS])
    for name, outcome in law.outcome.items():
        location = np.array(plain.name(name))
        with np.errstate(all="ignore"):
            on = {"log": np.log, "logit": lambda p: np.log(p / (1 - p))}.get(outcome.noise.on, np.asarray)
            expected = {"location": on(location)}
        expected |= {what: np.array(plain.tree(tree)) for what, tree in outcome.noise.expressions.items()}
        for what, wanted in expected.items():
            good = np.isfinite(wanted)
            scale = np.abs(wanted[good]) + (outcome.noise.on != "identity")
            assert np.all(np.abs(found[name][what][0][:ROWS][good] - wanted[good]) <= VALUE * scale), (name, what)


@settings(max_examples=4)
@given(laws())
def test_a_fit_computes_what_a_prediction_does(text: str) -> None:
    law = parse(text)
    table = simulated(law, 0)
    model = Model(law, table)
    u = model.prior_draws(1, 0)[0]
    values, _ = model.unpack(u, np)
    mine = model.at_rows({name: np.asarray(value)[None] for name, value in values.items() if "." not in name})
    with jax.enable_x64(True):
        theirs = jax.jit(model.rows)(u, model.data)
    for name, rows in theirs.items():
        for what, value in rows.items():
            a, b = np.broadcast_to(value, (table.rows,)), mine[name][what][0]
            good = np.isfinite(b) & (np.abs(b) < LARGEST)
            assert np.allclose(a[good], b[good], rtol=VALUE, atol=LOST), (name, what)
