"""Designs of experiments: what a run is expected to teach, against exact algebra, brute force and weighted draws."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior
from fitting.cost import cost_of, costs
from fitting.designing import MOST, Design, design, grid
from fitting.predictions import read_points
from fitting.question_draws import asked
from lawdsl.cli import run
from lawdsl.cli.design import axes
from lawdsl.errors import AskError
from lawdsl.expression import Name

LINE = """
law: line
title: a line
variables: {x: {unit: steps, domain: real}, w: {unit: FLOP}}
response: {y: {unit: nats/token}}
parameters:
  a: {prior: "Normal(0, 10)"}
  b: {prior: "Normal(0, 10)"}
  s: {fixed: 0.5}
equation: y = a + b*x + 0*w
noise: {family: normal, scale: s}
ask:
  slope: {value: b}
  ratio: {value: exp(b)}
  twins: {value: a}
"""
XROWS = (0.0, 1.0, 1.5)
ROWS = {"x": list(XROWS), "w": [1.0] * 3, "y": [0.0, 1.0, 1.2]}
NOISE, PRIOR = 0.5, 10.0
DESIGN = np.array([[1.0, x] for x in XROWS])
COVARIANCE = np.linalg.inv(DESIGN.T @ DESIGN / NOISE**2 + np.eye(2) / PRIOR**2)
# The law is straight, so differences are exact but for rounding over their step of 1e-3; the prior's deviation is taken
# from the quantiles of 2000 draws, and is a thousandth of the precision.
NEAR = 1e-4


@pytest.fixture(scope="module")
def line() -> Posterior:
    draws = np.random.default_rng(0).multivariate_normal([1.0, 0.5], COVARIANCE, 4000)
    return posterior(lawdsl.parse(LINE), ROWS, {"a": draws[:, 0].reshape(4, -1), "b": draws[:, 1].reshape(4, -1)})


def exact(question: Sequence[float], runs: Sequence[float], noise: float = NOISE, start: Any = COVARIANCE) -> float:
    """The share by which the interval of a + b*x at `question` narrows: Gauss' normal equations."""
    q = np.array(question)
    before = q @ start @ q
    rows = np.array([[1.0, x] for x in runs])
    after = np.linalg.inv(np.linalg.inv(start) + rows.T @ rows / noise**2)
    return float(1 - math.sqrt(q @ after @ q / before))


def at_xs(post: Posterior, xs: Sequence[float], w: Sequence[float] | float = 1.0, **more: object) -> Design:
    ws = [w] * len(xs) if isinstance(w, float) else w
    points = read_points(post.law, [{"x": x, "w": cost} for x, cost in zip(xs, ws, strict=True)])
    options = {"question": asked(post, None, at={"x": 3.0, "w": 1.0}), "cost": Name("w")} | more
    return design(post, points=points, **options)  # type: ignore[arg-type]


XS = (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 4.0)


def test_a_run_of_a_linear_law_teaches_what_algebra_says(line: Posterior) -> None:
    found = at_xs(line, XS)
    for x, candidate in zip(XS, found.candidates, strict=True):
        assert candidate.shrinkage == pytest.approx(exact((1, 3), [x]), abs=NEAR)
    assert found.batch == () and found.shrinkage == 0 and found.after == pytest.approx(found.before)


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_a_batch_is_the_best_of_all(line: Posterior, runs: int) -> None:
    found = at_xs(line, XS, runs=runs)
    best = max(itertools.combinations(XS, runs), key=lambda xs: exact((1, 3), xs))
    assert sorted(XS[i] for i in found.batch) == sorted(best)
    assert found.shrinkage == pytest.approx(exact((1, 3), best), abs=NEAR)
    low, middle, high = found.before
    assert found.after[2] - found.after[0] == pytest.approx((high - low) * (1 - found.shrinkage))
    assert found.after[1] == middle


def test_a_batch_keeps_to_its_budget_and_is_the_best_that_does(line: Posterior) -> None:
    """Brute force over all batches; costs differ by ten, so that the dearest run or many cheap ones may be best."""
    ws = [3.0, 1.0, 1.0, 1.5, 2.0, 4.0, 10.0]
    for budget in (0.5, 1.0, 3.5, 6.0, 11.0, 100.0):
        found = at_xs(line, XS, ws, budget=budget)
        assert found.cost <= budget and found.cost == pytest.approx(sum(ws[i] for i in found.batch))
        batches = [
            b for n in range(1, 8) for b in itertools.combinations(range(7), n) if sum(ws[i] for i in b) <= budget
        ]
        best = max((exact((1, 3), [XS[i] for i in b]) for b in batches), default=0.0)
        assert found.shrinkage == pytest.approx(best, abs=NEAR + 0.01 * best)  # greedy with exchanges: within 1 %
    assert "cheapest" in at_xs(line, XS, ws, budget=0.5).notes[0]


def test_ranks_are_per_cost(line: Posterior) -> None:
    found = at_xs(line, [4.0, 4.0, 4.0], [10.0, 1.0, 100.0])
    assert found.ranked == [1, 0, 2]
    assert found.candidates[1].per_flop == pytest.approx(found.candidates[1].shrinkage)


def test_the_check_by_weighted_draws_agrees_where_all_is_normal(line: Posterior) -> None:
    """100 simulated outcomes of 4000 draws: their mean width has an error of about 1 %."""
    found = at_xs(line, XS, runs=2)
    assert found.checked == pytest.approx(found.shrinkage, abs=0.04)
    assert found.effective > 100


def test_a_run_that_teaches_nothing_counts_as_nothing() -> None:
    """Question a, which no run sees: whatever the draws happen to have in common by chance."""
    random = np.random.default_rng(1)
    law = lawdsl.parse(LINE.replace("a + b*x + 0*w", "b*x + 0*a + 0*w"))
    post = posterior(law, ROWS, dict(zip("ab", random.normal(0, 1, (2, 4, 250)), strict=True)))
    points = read_points(law, [{"x": x, "w": 1.0} for x in XS])
    found = design(post, asked(post, "twins"), points, Name("w"), runs=3)
    assert all(candidate.shrinkage == 0 for candidate in found.candidates)
    assert found.batch == () and "teaches anything" in found.notes[0]


def test_a_bent_posterior_is_looked_at_truth_by_truth() -> None:
    """y = exp(b*x) with b about 0 or about 2, as unsure in either: at x = 1 a run teaches (b about 2) exp(2) times what
    it does where b is about 0. The expectation is the mean of both; one covariance of all draws would see a b known
    to 1, and its fall to less than a tenth by any run.
    """
    law = lawdsl.parse(LINE.replace("a + b*x + 0*w", "exp(b*x) + 0*a + 0*w"))
    b = np.repeat([[0.0, 2.0]], 100, axis=1)
    post = posterior(law, ROWS, {"a": 0 * b, "b": b})
    (one,) = design(post, asked(post, "slope"), read_points(law, [{"x": 1.0, "w": 1.0}]), Name("w")).candidates

    def deviation(b: float, xs: Sequence[float]) -> float:
        return (PRIOR**-2 + sum((x * math.exp(b * x) / NOISE) ** 2 for x in xs)) ** -0.5

    before, after = (np.mean([deviation(b, xs) for b in (0.0, 2.0)]) for xs in (XROWS, (*XROWS, 1.0)))
    assert one.shrinkage == pytest.approx(1 - after / before, rel=1e-3)


def test_a_positive_answer_known_to_a_factor_is_looked_at_on_its_log(line: Posterior) -> None:
    """exp(b) on the log is b, whose share is exact; the interval stays positive."""
    points = read_points(line.law, [{"x": 4.0, "w": 1.0}])
    found = design(line, asked(line, "ratio"), points, Name("w"), runs=1)
    assert found.log and found.after[0] > 0
    assert found.shrinkage == pytest.approx(exact((0, 1), [4.0]), abs=NEAR)
    low, middle, high = found.before
    assert math.log(found.after[2] / middle) == pytest.approx(math.log(high / middle) * (1 - found.shrinkage))


NOISY = {
    "student-t": ("{family: student-t, scale: s, df: 5}", NOISE * math.sqrt(8 / 6)),
    "laplace": ("{family: laplace, scale: s}", NOISE / math.sqrt(2)),
    "a known error": ("{family: normal, scale: s, error: se}", math.hypot(NOISE, 0.3)),
}


@pytest.mark.parametrize("name", NOISY)
def test_noise_counts_by_the_information_of_an_observation(line: Posterior, name: str) -> None:
    """Fisher information of a location: (df + 1)/(df + 3)/s^2 of Student's t, 2/s^2 of Laplace by its deviation."""
    noise, deviation = NOISY[name]
    law = lawdsl.parse(LINE.replace("{family: normal, scale: s}", noise))
    post = posterior(law, ROWS | ({"se": [0.3] * 3} if "error" in noise else {}), line.draws)
    found = at_xs(post, XS)
    before = np.linalg.inv(DESIGN.T @ DESIGN / deviation**2 + np.eye(2) / PRIOR**2)
    for x, candidate in zip(XS, found.candidates, strict=True):
        assert candidate.shrinkage == pytest.approx(exact((1, 3), [x], deviation, before), abs=NEAR)


POPULATION = """
law: runs
title: a mean with scatter between runs
variables: {x: {unit: FLOP}}
response: {y: {unit: nats/token}}
factors: {run: {levels: any}}
parameters:
  a: {prior: "Normal(0, 10)"}
  u: {center: 0, by: run, pool: partial, spread: "HalfNormal(1)"}
equation: y = a + u + 0*x
noise: {family: normal, scale: 0.1}
ask: {mean: {value: a}}
"""


def test_runs_that_are_not_named_are_new_and_apart() -> None:
    """One run was seen, with a scatter of 1 between runs and noise of .1: a is known to 1.005 (and by its prior to 10).
    A new run tells a to 1.005 too, and another observation of the old one next to nothing."""
    law = lawdsl.parse(POPULATION)
    random = np.random.default_rng(2)
    draws = {"a": random.normal(0, 1, (4, 100)), "u": np.zeros((4, 100, 1)), "u.spread": np.ones((4, 100))}
    post = posterior(law, {"x": [1.0], "run": ["p"], "y": [0.0]}, draws)

    def share(points: list[dict[str, object]]) -> float:
        found = design(post, asked(post, "mean"), read_points(law, points), Name("x"), runs=2, check=False)
        return found.shrinkage

    before = 1 / (1 / 1.01 + 0.01)
    for runs in (1, 2):
        after = 1 / ((1 + runs) / 1.01 + 0.01)
        assert share([{"x": 1.0}] * runs) == pytest.approx(1 - math.sqrt(after / before), abs=1e-3)
    assert 0 < share([{"x": 1.0, "run": "p"}]) < 0.01


def test_several_responses_of_a_run_teach_together() -> None:
    text = """
law: two
title: two responses
variables: {x: {unit: FLOP}}
response: {y: {unit: nats/token}, z: {unit: nats/token}}
parameters: {a: {prior: "Normal(0, 1)"}, b: {prior: "Normal(0, 1)"}}
equation: [y = a + 0*x, z = a + b + 0*x]
noise: {y: {family: normal, scale: 1}, z: {family: normal, scale: 1}}
ask: {sum: {value: 2*a + b}}
"""
    random = np.random.default_rng(3)
    draws = dict(zip("ab", random.normal(0, 1, (2, 4, 100)), strict=True))
    post = posterior(lawdsl.parse(text), {"x": [1.0], "y": [0.0], "z": [math.nan]}, draws)
    found = design(post, asked(post, "sum"), read_points(post.law, [{"x": 1.0}]), Name("x"), runs=1)
    q, seen = np.array([2.0, 1.0]), np.array([[1.0, 0.0], [1.0, 1.0]])
    before = np.eye(2) + np.outer(seen[0], seen[0])  # the row has no z
    after = before + seen.T @ seen
    share = 1 - math.sqrt((q @ np.linalg.inv(after) @ q) / (q @ np.linalg.inv(before) @ q))
    assert found.shrinkage == pytest.approx(share, abs=0.01)  # the prior's deviation from 2000 draws: to 2 %


# --- cost ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "text", "cost"),
    [("chinchilla", None, "C"), ("qid", None, "6*N*D"), ("chinchilla", "N*D*2", "N*D*2"), ("kaplan_n", "N", "N")],
)
def test_what_a_run_costs(law: str, text: str | None, cost: str) -> None:
    assert str(cost_of(lawdsl.load(law), text)) == cost


def test_costs_are_those_of_the_law() -> None:
    law = lawdsl.load("chinchilla")
    assert costs(law, cost_of(law), {"N": np.array([1e9]), "D": np.array([2e10])}) == pytest.approx([1.2e20])


@pytest.mark.parametrize(("law", "text"), [("kaplan_n", None), ("chinchilla", "alpha*N"), ("chinchilla", "N*")])
def test_costs_at_fault(law: str, text: str | None) -> None:
    with pytest.raises(AskError, match="ASK030"):
        cost_of(lawdsl.load(law), text)


# --- faults ----------------------------------------------------------------------------------------------------------


def test_faults(line: Posterior) -> None:
    with pytest.raises(AskError, match="ASK033"):
        at_xs(line, [])
    with pytest.raises(AskError, match=r"(?s)ASK033.*not positive"):
        at_xs(line, [-1.0], cost=Name("x"))
    with pytest.raises(AskError, match="ASK032"):
        asked(line, None)
    with pytest.raises(AskError, match=r"(?s)ASK032.*answers no 'b'"):
        asked(line, "slope.b")
    with pytest.raises(AskError, match=r"(?s)ASK032.*no response"):
        asked(line, "slope", at={"x": 1.0, "w": 1.0})
    with pytest.raises(AskError, match="ASK009"):
        asked(line, "slop")
    with pytest.raises(AskError, match=r"(?s)ASK033.*candidates"):
        grid(line.law, {"x": list(range(MOST)), "w": [1.0, 2.0]})


def test_a_point_fit_has_no_interval_to_shrink(line: Posterior) -> None:
    one = {name: draws[:1, :1] for name, draws in line.draws.items()}
    with pytest.raises(AskError, match="ASK032"):
        asked(posterior(line.law, ROWS, one, method="huber"), "slope")


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of chinchilla's law with given draws, about Besiroglu et al.'s values."""
    random = np.random.default_rng(0)
    values = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658, "sigma": 0.01, "nu": 4.0}
    draws = {name: value * np.exp(random.normal(0, 0.02, (4, 50))) for name, value in values.items()}
    sizes, tokens = np.meshgrid(np.geomspace(1e8, 1e9, 4), np.geomspace(2e9, 2e10, 4))
    rows = {"N": sizes.ravel(), "D": tokens.ravel(), "L": np.linspace(2.5, 3.0, 16)}
    post = posterior(lawdsl.load("chinchilla"), rows, draws)
    return post.save(tmp_path_factory.mktemp("design") / "c.nc")


def test_the_command(fit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["design", str(fit), "--at", "N=70B,D=1.4T", "--candidates", "N=1B..10B:3,D=20B/200B"]
    assert run([*arguments, "--budget", "1e22", "--plot", str(tmp_path / "d.svg"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["candidates"]) == 6 and answer["question"] == "L at N=70B, D=1.4T"
    ratios = [one["shrinkage_per_cost"] for one in answer["candidates"]]
    assert ratios == sorted(ratios, reverse=True)
    batch = answer["batch"]
    assert 0 < batch["cost"] <= 1e22 and 0 < batch["shrinkage"] < 1
    assert batch["after"]["hi"] - batch["after"]["lo"] < answer["before"]["hi"] - answer["before"]["lo"]
    assert (tmp_path / "d.svg").is_file()
    assert run([*arguments, "--runs", "2"]) == 0
    shown = capsys.readouterr().out
    for words in ("of 6 candidates", "the next 2 runs", "expected: 90 % interval", "verdict: good"):
        assert words in shown


def test_a_question_and_a_table_of_candidates(fit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs.csv").write_text("size,D\n1e9,2e10\n7e9,1.4e11\n")
    arguments = ["design", str(fit), "--question", "optimum.D", "--given", "C=1e24", "--candidates"]
    assert run([*arguments, str(tmp_path / "runs.csv"), "--map", "N=size", "--runs", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["on_log"] and answer["unit"] == "tokens" and len(answer["batch"]["runs"]) == 1
    for wrong, code in (("N=1B..7B,D=1B", "ASK033"), ("N=1B,Q=3", "ASK002"), ("none.csv", "TAB001")):
        assert run([*arguments, wrong]) in (2, 3)
        assert code in capsys.readouterr().err
    assert run([*arguments, "N=1B,D=20B", "--budget", "-3"]) == 2


def test_ranges_are_by_equal_factors_and_bits_by_equal_steps() -> None:
    law = lawdsl.load("qid")
    found = axes(law, "N=1B..4B:3,D=1B/2B,P=2..4:3")
    assert found["N"] == pytest.approx([1e9, 2e9, 4e9]) and found["P"] == [2.0, 3.0, 4.0] and found["D"] == ["1B", "2B"]
    assert len(grid(law, found)) == 18
