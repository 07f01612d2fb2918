"""Levels or offsets: what the rows tell decides, and the density is the same in either coordinates."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import lawdsl
from fitting import engine
from fitting.centring import centred, moved
from fitting.model import Model
from lawdsl.library import parse

LAW = """
law: runs
variables: {x: {unit: nats, domain: real}}
response: {y: {unit: nats}}
factors: {run: {levels: any}}
parameters:
  a: {prior: "Normal(0, 2)", by: run, pool: partial, spread: "LogNormal(0, 1)"}
  b: {prior: "Normal(0, 2)"}
  s: {prior: HalfNormal(1)}
equation: y = a + b*x
noise: {family: normal, scale: s}
"""
RUNS, ROWS = 6, 12


def model(scatter: float) -> Model:
    """Six runs whose levels lie half a unit apart or so, and rows that scatter about them."""
    random = np.random.default_rng(3)
    run = np.repeat(np.arange(RUNS), ROWS)
    x = random.uniform(-1, 1, len(run))
    y = 0.5 * random.standard_normal(RUNS)[run] + x + scatter * random.standard_normal(len(run))
    law = parse(LAW)
    return Model(law, lawdsl.bind(law, {"x": x, "y": y, "run": [f"r{i}" for i in run]}))


@pytest.mark.parametrize(("scatter", "role"), [(0.1, "levels"), (4.0, "offsets")])
def test_levels_that_the_rows_tell_stand_by_themselves(scatter: float, role: str) -> None:
    known = model(scatter)
    optimum, _ = engine._start(known, 0, lambda *_: None)
    other = centred(known, optimum)
    assert [b.role for b in other.blocks if b.parameter == "a"] == ["center", "spread", role]
    assert (other is known) == (role == "levels")


def test_a_position_is_the_same_law_in_either_coordinates() -> None:
    """The values agree, and the densities up to the volume that a spread gives to its offsets."""
    known = model(1.0)
    other = Model(known.law, known.table, frozenset({"a"}))
    u = known.prior_draws(3, 1)
    with jax.enable_x64(True):
        for one in u:
            there = moved(one, known, other)
            values, again = known.unpack(one, np)[0], other.unpack(there, np)[0]
            for name in values:
                np.testing.assert_allclose(again[name], values[name], rtol=1e-12)
            np.testing.assert_allclose(moved(there, other, known), one, rtol=1e-12)
            held = known.pinned(one[known.spreads])
            volume = RUNS * one[known.spreads[0]]
            there_density = other.potential()(there, other.pinned(one[other.spreads]))
            assert float(known.potential()(one, held)) == pytest.approx(float(there_density) + volume, rel=1e-10)
