"""Simulated recovery: fitted to data that a law made, 90 % intervals hold the truth in 90 of 100 data sets.

Each law is simulated at the rows of its own table (thinned to about 200) from a published set of constants, with run
effects drawn anew for every data set, and fitted by NUTS with its own priors. Counted is, for every free parameter of
the equation, in how many of 100 data sets its 90 % interval holds the truth.

If intervals are right a count is binomial(100, 0.9): outside 85 to 95 with probability 0.064, under 79 with probability
2e-4. So the mean count over a law's parameters must lie in 85 to 95, and every single one at 79 or more (of under 25
counts in all, a false alarm in 0.5 %). There is no upper bound on a single one: an interval that a prior has a part in
holds a truth in the prior's bulk more often than it says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import pytest

import fitting
import lawdsl
from lawdsl.law import Value
from lawdsl.table import Table

DATA_SETS = int(os.environ.get("LAWDSL_RECOVERY", "100"))
MEAN_COUNT = (0.85, 0.95)
LEAST_COUNT = 0.79
ROWS = 200
RUN_SPREAD = 0.2

#: law -> (published set, noise parameters)
TRUTHS: dict[str, tuple[str, dict[str, float]]] = {
    "chinchilla": ("besiroglu", {"sigma": 0.005, "nu": 4.0}),
    "qid": ("joint", {"s0": 0.001, "s1": 0.1}),
    "vocabulary": ("approach3", {"sigma": 0.01, "nu": 4.0}),
    "precision": ("kumar", {"sigma": 0.005, "nu": 4.0}),
}
#: laws whose recovery is tested at the design of another table than their first
TABLES = {"vocabulary": "vocab-tao2024", "precision": "quest-qat", "chinchilla": "chinchilla-epoch"}


def truth_of(law: lawdsl.Law, table: Table, seed: int) -> dict[str, float | np.ndarray]:
    """The published constants, the noise of `TRUTHS`, and effects of the table's runs drawn by the seed."""
    name, noise = TRUTHS[law.name]
    values: dict[str, float | np.ndarray] = dict(noise)
    published: Mapping[str, object] = law.sets[name].by_name
    for parameter in law.parameters:
        constant = published.get(parameter.name)
        if isinstance(constant, Value):
            values[parameter.name] = constant.value
        elif parameter.center is not None:
            levels = len(table.levels[parameter.by[0]])
            values[parameter.name] = np.random.default_rng([seed, 1]).normal(0.0, RUN_SPREAD, levels)
    return values


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_intervals_hold_the_truth(name: str, request: pytest.FixtureRequest) -> None:
    if name != "qid" and not os.environ.get("LAWDSL_DATA"):
        pytest.skip("LAWDSL_DATA names no folder with the law's table")
    law = lawdsl.load(name)
    table = lawdsl.bind(law, TABLES.get(name))
    law = law.holding(dict(table.fixed))
    table = table.take(np.arange(0, table.rows, max(1, table.rows // ROWS)))
    own = [p.name for p in law.parameters if p.free and not p.grouped and p.name in law.needs(law.equation)]
    held = dict.fromkeys(own, 0)
    bad = 0
    for seed in range(DATA_SETS):
        truth = truth_of(law, table, seed)
        data = fitting.simulate(law, table, truth, seed)
        posterior = fitting.fit(law, data, seed=seed, warmup=300, draws=250)
        bad += not posterior.verdict.ok
        for parameter in own:
            low, high = np.quantile(posterior.flat[parameter], [0.05, 0.95])
            held[parameter] += int(low <= truth[parameter] <= high)
    mean = float(np.mean(list(held.values())))
    report = f"{name}: {held}, mean {mean:.1f} of {DATA_SETS}; {bad} verdicts were bad"
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n" + report)
    assert MEAN_COUNT[0] * DATA_SETS <= mean <= MEAN_COUNT[1] * DATA_SETS, report
    assert min(held.values()) >= LEAST_COUNT * DATA_SETS, report


def test_the_slow_tests_use_what_the_laws_have() -> None:
    """The sets and noise parameters named here are the laws' own."""
    for name, (published, noise) in TRUTHS.items():
        law = lawdsl.load(name)
        assert published in law.sets
        assert set(noise) <= set(law.parameter)
