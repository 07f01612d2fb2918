"""The mode of a posterior: the same whichever way it is sought, of the rows that count, with the spreads held."""

from __future__ import annotations

import numpy as np
import pytest

import lawdsl
from fitting.model import PINNED, Model
from fitting.search import mode, mode_near
from lawdsl.library import parse

RUNS, CHECKPOINTS = 24, 8
LAW = """
law: many_runs
variables: {N: {unit: parameters, kind: total}, D: {unit: tokens}}
response: {L: {unit: nats/token}}
factors: {run: {levels: any}}
parameters:
  E: {between: [0.5, 3.0]}
  A: {prior: "LogNormal(6, 2)"}
  B: {prior: "LogNormal(12, 4)"}
  alpha: {between: [0.1, 1.0]}
  beta: {between: [0.1, 1.5]}
  u: {by: run, pool: partial, center: 0, spread: "LogNormal(log(0.01), 1)"}
  sigma: {prior: HalfNormal(0.05)}
equation: L = (E + A/N^alpha + B/D^beta)*exp(u)
noise: {family: normal, on: log, scale: sigma}
"""


@pytest.fixture(scope="module")
def runs() -> Model:
    """Runs of one size each, whose levels a size's own loss can hardly be told from."""
    random = np.random.default_rng(5)
    n = np.repeat(np.geomspace(5e7, 2e9, RUNS), CHECKPOINTS)
    d = np.tile(np.geomspace(1e10, 1e11, CHECKPOINTS), RUNS)
    own = np.repeat(0.01 * random.standard_normal(RUNS), CHECKPOINTS)
    loss = (2.0 + 200 / n**0.3 + 3e5 / d**0.6) * np.exp(own + 0.003 * random.standard_normal(n.size))
    law = parse(LAW)
    rows = {"N": n, "D": d, "L": loss, "run": np.repeat([f"r{i}" for i in range(RUNS)], CHECKPOINTS)}
    return Model(law, lawdsl.bind(law, rows))


def test_gradients_alone_lead_to_the_mode_that_newtons_steps_find() -> None:
    law = lawdsl.load("chinchilla")
    random = np.random.default_rng(2)
    n, d = 10 ** random.uniform(8, 10, 60), 10 ** random.uniform(9, 11.5, 60)
    loss = (1.8 + 480 / n**0.35 + 2000 / d**0.37) * np.exp(0.01 * random.standard_normal(60))
    model = Model(law, lawdsl.bind(law, {"N": n, "D": d, "L": loss}))
    prior = model.prior_draws(400, 0)
    newton, gradients = (mode(model, prior[:16], prior, wide=wide) for wide in (100, 0))
    assert newton.converged and gradients.converged
    np.testing.assert_allclose(gradients.position, newton.position, atol=1e-4)


@pytest.mark.parametrize("below", [0.4, 0.6, 0.8, 1.0])
def test_a_population_of_runs_comes_to_rest_whatever_rows_count(runs: Model, below: float) -> None:
    """Newton's steps alone do not, in as many steps: a cut of a backtest would be left out for that."""
    compute = runs.table.columns["N"] * runs.table.columns["D"]
    some = runs.weighted((compute <= np.quantile(compute, below)).astype(float))
    prior = runs.prior_draws(400, 0)
    found = mode(some, prior[:16], prior, wide=20)
    assert found.converged
    assert 0 < found.agreement <= 1


def test_a_row_without_weight_is_no_row(runs: Model) -> None:
    kept = runs.table.columns["D"] <= 4e10
    fewer = Model(runs.law, runs.table.take(np.flatnonzero(kept)), frozenset())
    prior = runs.prior_draws(400, 0)
    one, other = (mode(m, prior[:16], prior, wide=20) for m in (runs.weighted(kept.astype(float)), fewer))
    np.testing.assert_allclose(one.position, other.position, atol=2e-3)


def test_the_spreads_are_held_at_what_the_levels_show(runs: Model) -> None:
    prior = runs.prior_draws(400, 0)
    found = mode(runs, prior[:16], prior, wide=20)
    (spread,) = np.exp(found.position[runs.spreads])
    assert 0.004 < spread < 0.02  # 0.01 in the rows, of 24 levels
    assert found.hessian[runs.spreads[0], runs.spreads[0]] > PINNED**-2
    again = mode_near(runs, found.position, prior)
    np.testing.assert_allclose(again.position[runs.spreads], found.position[runs.spreads], atol=0.05)
