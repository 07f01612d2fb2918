"""Sequences: functions along a run against plain loops, and noise whose neighbours go together."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import fitting
import lawdsl
from fitting.model import Model
from fitting.outcomes import replicate
from fitting.simulation import simulated
from lawdsl.backends import jax_operations, numpy_operations
from lawdsl.errors import AskError, LawError
from lawdsl.published import run_checks

TRUTH = {"L0": 2.6, "A": 0.43, "alpha": 0.55, "C": 0.41, "sd": 0.01, "rho": 0.7}
# Sums of two hundred terms in another order.
SAME = 1e-12
# Sample correlation of 200 runs of 200 rows: standard error under 0.004; five of them.
CORRELATION = 0.02

ANNEALING = """
law: annealing
variables: {s: {unit: steps}, eta: {unit: ratio}}
response: {L: {unit: nats/token}}
factors: {run: any}
sequence: {along: run, by: s}
parameters:
  L0: {between: [1, 4]}
  A: {prior: "LogNormal(0, 1)"}
  alpha: {between: [0.1, 1.0]}
  C: {prior: "LogNormal(0, 1)"}
  sd: {prior: HalfNormal(0.05)}
  rho: {prior: "Beta(2, 2)"}
let:
  m: recur(0.99, previous(eta) - eta)
equation: L = L0 + A*cumsum(eta)^(-alpha) - C*cumsum(m)
noise: {family: normal, scale: sd, correlation: rho}
published:
  ours: {L0: 2.6, A: 0.43, alpha: 0.55, C: 0.41}
checks:
  - {set: ours, at: {s: [1, 2, 3], eta: [0.1, 0.2, 0.1]}, value: cumsum(eta), equals: [0.1, 0.3, 0.4], abs: 1e-12}
  - {set: ours, at: {s: [1, 2, 3], eta: [0.1, 0.2, 0.1]}, value: previous(eta), equals: 0.2, abs: 1e-12}
simulate:
  set: ours
  with: {sd: 0.01, rho: 0.7}
  grid: {run: [a, b], s: {from: 1, to: 200, count: 200}}
  columns: {eta: "3e-4*(1 - 0.9*s/200)*min(1, s/20)"}
"""


@pytest.fixture(scope="module")
def law() -> lawdsl.Law:
    return lawdsl.parse(ANNEALING)


def test_a_recurrence_starts_anew_with_every_run() -> None:
    random = np.random.default_rng(0)
    a, b = random.uniform(0, 1, 40), random.normal(size=40)
    first = np.zeros(40)
    first[[0, 7, 8, 30]] = 1
    expected = np.empty(40)
    for t in range(40):
        expected[t] = b[t] if first[t] else a[t] * expected[t - 1] + b[t]
    earlier = np.where(first > 0, b, np.roll(b, 1))
    with jax.enable_x64(True):
        for operations in (numpy_operations(), jax_operations()):
            np.testing.assert_allclose(operations["recur"](a, b, first), expected, rtol=SAME)
            np.testing.assert_array_equal(operations["previous"](b, first), earlier)


def test_rows_are_put_in_the_order_of_their_run(law: lawdsl.Law) -> None:
    frame = {"run": ["b", "a", "b", "a"], "s": [2, 1, 1, 2], "eta": [0.4, 0.1, 0.3, 0.2], "L": [3, 4, 3.5, 3.8]}
    table = lawdsl.bind(law, frame)
    assert table.columns["eta"].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert table.columns[lawdsl.law.FIRST].tolist() == [1, 0, 1, 0]


def test_a_row_without_a_response_still_belongs_to_its_run(law: lawdsl.Law) -> None:
    """Losses are logged more rarely than learning rates: the rows between count for the sums and for nothing else."""
    table = simulated(law, 3)
    thinned = dict(table.columns)
    keep = np.arange(table.rows) % 5 == 4
    thinned["L"] = np.where(keep, table.columns["L"], np.nan)
    frame = {**thinned, "run": [table.levels["run"][code] for code in table.codes["run"]]}
    frame.pop(lawdsl.law.FIRST)
    whole, thin = Model(law, table), Model(law, lawdsl.bind(law, frame))
    draws = {name: np.array([value]) for name, value in TRUTH.items()}
    np.testing.assert_array_equal(whole.at_rows(draws)["L"]["location"], thin.at_rows(draws)["L"]["location"])

    residual = (thinned["L"] - thin.at_rows(draws)["L"]["location"][0])[keep].reshape(2, -1) / 0.01
    rho = 0.7**5  # five steps lie between those seen
    z = np.concatenate([residual[:, :1], (residual[:, 1:] - rho * residual[:, :-1]) / np.sqrt(1 - rho**2)], axis=1)
    expected = stats.norm.logpdf(z).sum() - residual.size * np.log(0.01)
    expected -= 2 * (residual.shape[1] - 1) * 0.5 * np.log(1 - rho**2)
    assert likelihood(thin, TRUTH) == pytest.approx(expected, rel=1e-10)


def likelihood(model: Model, values: dict[str, float]) -> float:
    """The log likelihood of all rows at constrained values."""
    from fitting.outcomes import log_likelihood

    rows = {what: value[0] for what, value in model.at_rows({n: np.array([v]) for n, v in values.items()})["L"].items()}
    with jax.enable_x64(True):
        return float(log_likelihood(model.law.outcome["L"], rows, model.data["outcomes"]["L"]).sum())


def test_correlated_noise_is_a_multivariate_normal(law: lawdsl.Law) -> None:
    """The density of a run is that of its rows together, with correlation rho^(steps between)."""
    table = simulated(law, 1)
    model = Model(law, table)
    location = model.at_rows({n: np.array([v]) for n, v in TRUTH.items()})["L"]["location"][0]
    residual = (table.columns["L"] - location).reshape(2, -1)
    steps = np.arange(residual.shape[1])
    covariance = 1e-4 * 0.7 ** np.abs(steps[:, None] - steps)
    expected = stats.multivariate_normal(cov=covariance).logpdf(residual).sum()
    assert likelihood(model, TRUTH) == pytest.approx(expected, rel=1e-9)


def test_replicated_rows_are_as_correlated_as_said(law: lawdsl.Law) -> None:
    model = Model(law, simulated(law, 1))
    rows = model.at_rows({n: np.full(200, v) for n, v in TRUTH.items()})["L"]
    drawn = replicate(law.outcome["L"], rows, model.data["outcomes"]["L"], np.random.default_rng(0))
    residual = (drawn - rows["location"]).reshape(200, 2, -1)
    found = np.corrcoef(residual[..., 1:].ravel(), residual[..., :-1].ravel())[0, 1]
    assert found == pytest.approx(0.7, abs=CORRELATION)
    assert residual.std() == pytest.approx(0.01, rel=CORRELATION)
    assert abs(np.corrcoef(residual[:, 0, -1], residual[:, 1, 0])[0, 1]) < 0.3  # between runs none; 200 pairs: 0.07


def test_checks_of_a_sequence_are_the_rows_of_a_run(law: lawdsl.Law) -> None:
    results, faults = run_checks(law, "annealing.yaml")
    assert not faults and len(results) == 4


def test_points_of_a_run_come_in_order(law: lawdsl.Law) -> None:
    post = fitting.fit(law, simulated(law, 1), method="map", seed=1)
    points = [{"run": "new", "s": s, "eta": 3e-4} for s in (1, 2, 3)]
    losses = [one.median for one in post.predict(points)]
    assert losses == sorted(losses, reverse=True)
    assert [one.median for one in post.predict(points * 1 + [{"run": "b", "s": 1, "eta": 3e-4}])][:3] == losses
    with pytest.raises(AskError, match="ASK014"):
        post.predict(points[::-1])


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("sequence: {along: run, by: s}", "", "without a sequence"),
        ("sequence: {along: run, by: s}", "sequence: {along: s, by: s}", "'s' is not a factor"),
        ("sequence: {along: run, by: s}", "sequence: {along: run, by: eps}", "'eps' is not a variable"),
        ("eta: {unit: ratio}", "eta: {unit: ratio, error: eta_se}", "'eta' has known errors and is looked at along"),
        ("equation: L = L0", "equation: L = root(x, cumsum(x) - eta, 0, 1) + L0", "a root whose function looks along"),
    ],
)
def test_sequences_at_fault(line: str, instead: str, said: str) -> None:
    with pytest.raises(LawError) as caught:
        lawdsl.parse(ANNEALING.split("simulate:")[0].replace(line, instead))
    assert {fault.code for fault in caught.value.faults} == {"LAW042"}
    assert any(said in fault.message for fault in caught.value.faults)


def test_a_tables_map_does_not_look_along_runs(law: lawdsl.Law) -> None:
    frame: Any = {"run": ["a"], "s": [1.0], "lr": [0.1], "L": [3.0]}
    with pytest.raises(lawdsl.TableError, match="calls cumsum"):
        lawdsl.bind(law, frame, map={"eta": "cumsum(lr)"})
