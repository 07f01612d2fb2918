"""Plans for a budget: each draw's own optimum, one plan for all of them, and what it may cost to be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, ask
from fitting.planning import SHARES, plan
from lawdsl.cli import run
from lawdsl.errors import AskError

SAME = 1e-9
# A search finds a flat optimum to the root of rounding.
SEARCHED = 1e-5

POINTS = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "L": [3.0, 2.5, 2.2]}
BESIROGLU = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
BUDGET = 1e23


def chinchilla_with(spread: float, **more: object) -> Posterior:
    random = np.random.default_rng(0)
    draws = {name: value * np.exp(random.normal(0, spread, (4, 100))) for name, value in BESIROGLU.items()}
    draws |= {"sigma": np.full((4, 100), 0.01), "nu": np.full((4, 100), 4.0)}
    return posterior(lawdsl.load("chinchilla"), POINTS, draws, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chinchilla() -> Posterior:
    return chinchilla_with(0.02)


def loss(p: dict[str, np.ndarray], size: object, tokens: object) -> np.ndarray:
    return np.asarray(p["E"] + p["A"] / size ** p["alpha"] + p["B"] / tokens ** p["beta"])  # type: ignore[operator]


def best(p: dict[str, np.ndarray], budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Hoffmann et al.'s closed form for every draw."""
    g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    size = g * (budget / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))
    return size, budget / 6 / size


def test_a_plan_is_the_election_of_the_least_expected_loss(chinchilla: Posterior) -> None:
    p = chinchilla.flat
    size, tokens = best(p, BUDGET)
    found = plan(chinchilla, BUDGET, target=2.05)
    chosen = dict(found.chosen)
    assert 6 * chosen["N"] * chosen["D"] == pytest.approx(BUDGET)
    expected = [loss(p, n, BUDGET / 6 / n).mean() for n in np.geomspace(1e10, 1e11, 400)]
    here = loss(p, chosen["N"], chosen["D"])
    assert here.mean() == pytest.approx(min(expected), abs=1e-5)  # 200 candidates: as near as their density
    optimum = dict(found.optimum)
    for name, draws in {"N": size, "D": tokens, "tokens_per_parameter": tokens / size}.items():
        assert optimum[name] == pytest.approx(tuple(np.quantile(draws, [0.05, 0.5, 0.95])), rel=SAME)
    assert dict(found.ratios)["tokens_per_parameter"] == pytest.approx(chosen["D"] / chosen["N"])
    lost = here - loss(p, size, tokens)
    assert found.regret == pytest.approx((lost.mean(), np.quantile(lost, 0.95)), rel=1e-6)
    assert found.response == pytest.approx(tuple(np.quantile(here, [0.05, 0.5, 0.95])), rel=SAME)
    assert found.below is not None and found.below[0] == pytest.approx((here < 2.05).mean())
    assert found.below[1] == pytest.approx(
        (here < 2.05).mean(), abs=0.05
    )  # noise of .02 about losses that differ by .1
    assert found.training == pytest.approx(BUDGET) and found.inference == 0


def test_what_is_wasted_is_the_budget_that_would_have_done(chinchilla: Posterior) -> None:
    """For every draw the plan's loss is its own best loss at (1 - wasted) of the budget, found here by bisection."""
    p = chinchilla.flat
    found = plan(chinchilla, BUDGET)
    chosen = dict(found.chosen)
    here = loss(p, chosen["N"], chosen["D"])
    low, high = np.full(here.shape, SHARES[-1]), np.ones(here.shape)
    for _ in range(60):
        middle = (low + high) / 2
        poorer = loss(p, *best(p, middle * BUDGET)) > here
        low, high = np.where(poorer, middle, low), np.where(poorer, high, middle)
    assert found.wasted[0] == pytest.approx(
        (1 - high).mean(), rel=0.02
    )  # straight between the shares that are computed


def test_one_draw_alone_has_no_regret() -> None:
    sure = chinchilla_with(0.0)
    found = plan(sure, BUDGET, target=100.0)
    assert found.regret == pytest.approx((0.0, 0.0), abs=1e-12) and found.wasted == pytest.approx((0.0, 0.0), abs=1e-9)
    assert found.below == (1.0, 1.0)
    assert found.response == pytest.approx(found.best)


def test_tokens_to_be_served_make_a_model_smaller(chinchilla: Posterior) -> None:
    """Sardana et al. 2023: the optimum of L with 6ND + 2N*Dinf fixed, here by a fine grid of N for one draw."""
    sure = chinchilla_with(0.0)
    served = 1e12
    found = plan(sure, BUDGET, inference=served)
    chosen = dict(found.chosen)
    sizes = np.geomspace(1e9, 3e10, 20001)
    tokens = (BUDGET - 2 * sizes * served) / (6 * sizes)
    p = {name: np.float64(value) for name, value in BESIROGLU.items()}
    grid = loss(p, sizes[tokens > 0], tokens[tokens > 0])
    assert chosen["N"] == pytest.approx(sizes[tokens > 0][np.argmin(grid)], rel=1e-3)
    assert found.training + found.inference == pytest.approx(BUDGET)
    assert found.inference == pytest.approx(2 * chosen["N"] * served)
    assert chosen["N"] < dict(plan(sure, BUDGET).chosen)["N"]


def test_a_cost_of_ones_own_is_the_same_where_it_is_the_same(chinchilla: Posterior) -> None:
    own, said = plan(chinchilla, BUDGET), plan(chinchilla, BUDGET, cost="6*N*D")
    assert dict(said.chosen)["N"] == pytest.approx(dict(own.chosen)["N"], rel=SEARCHED)


def test_repetition_is_planned_where_a_law_knows_it() -> None:
    law = lawdsl.load("data_constrained")
    ones = np.ones((2, 10))
    draws = {"E": 1.87 * ones, "A": 521 * ones, "B": 1488 * ones, "alpha": 0.353 * ones, "RDs": 15.4 * ones,
             "RNs": 5.3 * ones, "sigma": 0.01 * ones, "nu": 4 * ones}  # fmt: skip
    rows = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "U": [2e9, 2e9, 2e9], "L": [3.0, 2.5, 2.2]}
    post = posterior(law, rows, draws)
    few, many = plan(post, 1e22, unique=1e10), plan(post, 1e22, unique=1e15)
    assert dict(few.ratios)["epochs"] > 4 and dict(many.ratios)["epochs"] < 0.01
    assert few.response[1] > many.response[1]


def test_bits_are_planned_by_the_laws_own_question() -> None:
    law = lawdsl.load("precision")
    ones = np.ones((1, 4))
    sets = {n: v.value * ones for n, v in law.published[0].by_name.items() if hasattr(v, "value")}
    draws = {p.name: sets.get(p.name, 0.1 * ones) for p in law.parameters if p.free}
    rows = {"N": [1e8, 1e9], "D": [2e9, 2e10], "Pw": [4, 8], "Pa": [4, 8], "Pkv": [16, 16], "L": [3.0, 2.5]}
    post = posterior(law, rows, draws)
    found = plan(post, 1e21)
    answers = ask(post, "optimum", {"C": 1e21})
    for name in ("N", "D", "P"):  # of draws all alike
        assert dict(found.chosen)[name] == pytest.approx(answers[name].median, rel=SEARCHED)
    assert dict(found.chosen)["P"] == dict(found.chosen)["Pw"] < 16


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"over": ("N",)}, "ASK034"),
        ({"over": ("N", "Q")}, "ASK034"),
        ({"unique": 1e9}, "ASK034"),
        ({"at": {"N": "7B"}}, "ASK034"),
        ({"at": {"N": "many"}}, "ASK007"),
        ({"cost": "alpha"}, "ASK030"),
        ({"inference": -1.0}, "ASK034"),
    ],
)
def test_faults(chinchilla: Posterior, more: dict[str, object], code: str) -> None:
    with pytest.raises(AskError) as found:
        plan(chinchilla, BUDGET, **more)  # type: ignore[arg-type]
    assert code in {fault.code for fault in found.value.faults}


def test_a_budget_out_of_all_proportion_is_a_fault(chinchilla: Posterior) -> None:
    with pytest.raises(AskError, match="ASK034"):
        plan(chinchilla, 1e-3, cost="6*N*D + N")
    for budget in (-1.0, "-1", "much", float("nan")):
        with pytest.raises(AskError, match="ASK007"):
            plan(chinchilla, budget)


def test_a_budget_may_be_written(chinchilla: Posterior) -> None:
    assert plan(chinchilla, f"{BUDGET:g}").chosen == plan(chinchilla, BUDGET).chosen


def test_the_command(chinchilla: Posterior, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = chinchilla.save(tmp_path / "c.nc")
    assert run(["plan", str(fit), "--budget", "1e23", "--target", "2.05", "--inference", "1T", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["target"]["value"] == 2.05 and 0 <= answer["target"]["probability"] <= 1
    assert answer["training_cost"] + answer["inference_cost"] == pytest.approx(1e23)
    assert run(["plan", str(fit), "--budget", "1e23", "--target", "2.05"]) == 0
    shown = capsys.readouterr().out
    for words in ("cost of being wrong", "P(L < 2.05)", "tokens_per_parameter", "verdict: good", "decades outside"):
        assert words in shown
    assert run(["plan", str(fit), "--budget", "lots"]) == 2
    assert "ASK007" in capsys.readouterr().err
