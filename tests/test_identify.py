"""What a design can tell, before any fit: ranks that are known, directions and cures in words."""

from __future__ import annotations

import numpy as np
import pytest

import lawdsl
from fitting.identify import Identified, identify
from fitting.model import Model

LAW = """
law: small
title: small
variables: {{N: {{unit: parameters}}, D: {{unit: tokens}}}}
response: {{L: {{unit: nats/token}}}}
parameters:
  E: {{between: [1, 2.5]}}
  A: {{prior: "LogNormal(6, 2)"}}
  B: {{prior: "LogNormal(6, 2)"}}
  alpha: {{between: [0.1, 1]}}
{beta}{k}  s: {{prior: HalfNormal(0.1)}}
equation: L = {equation}
noise: {{family: normal, on: log, scale: s}}
"""
BETA = "  beta: {between: [0.1, 1]}\n"
K = '  k: {prior: "LogNormal(0, 1)"}\n'
RANDOM = np.random.default_rng(0)
N, D = np.exp(RANDOM.uniform(18, 23, 100)), np.exp(RANDOM.uniform(20, 27, 100))
L = 1.8 + 480 / N**0.35 + 2000 / D**0.37


def told(equation: str, n: np.ndarray = N, d: np.ndarray = D) -> Identified:
    law = lawdsl.parse(LAW.format(equation=equation, k=K if "k" in equation else "", beta=BETA * ("beta" in equation)))
    model = Model(law, lawdsl.bind(law, {"N": n, "D": d, "L": L}))
    truth = {"E": 1.8, "A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37, "k": 1.0, "s": 0.005}
    from fitting import priors

    u = np.zeros(model.width)
    for block in model.blocks:
        u[block.start] = priors.unconstrain(np.asarray(truth[block.parameter]), block.support, block.bend)
    return identify(model, u[None])


def test_a_design_that_tells_all() -> None:
    found = told("E + A/N^alpha + B/D^beta")
    assert (found.rank, found.width) == (5, 5)
    assert found.directions == () == found.reasons()
    assert found.condition < 1e4


@pytest.mark.parametrize(
    ("equation", "held"),
    [
        ("E + k*A/N^alpha + B/D^beta", "A*k"),
        ("E + A/k/N^alpha + B/D^beta", "A/k"),
        ("E + k + A/N^alpha + B/D^beta", "E + k"),
        ("E - k + A/N^alpha + B/D^beta", "E - k"),
        ("E + A/N^(alpha*k) + B/D^beta", "alpha*k"),
    ],
)
def test_a_parameter_too_many_is_named_with_what_is_told(equation: str, held: str) -> None:
    found = told(equation)
    assert found.rank == found.width - 1
    (one,) = [d for d in found.directions if d.exact]
    assert one.held == held
    text = one.sentence()
    assert text.startswith("the rows do not tell ") and text.endswith(f"apart: only {held} is told")
    assert any("no run would: the law itself holds them together" in reason for reason in found.reasons())


def test_data_at_one_size_and_the_runs_that_would_mend_it() -> None:
    found = told("E + A/N^alpha + B/D^beta", n=np.full(100, 1e9))
    assert found.rank == 3
    (reason,) = [r for r in found.reasons() if "do not tell" in r]
    assert "E, A and alpha" in reason and "all rows have N = 1B" in reason
    assert "at N 100M, D " in reason or "at N 10B, D " in reason
    assert reason.endswith(" would")


def test_data_along_a_line() -> None:
    """With D = 20 N and one exponent for both, A and B share one number."""
    found = told("E + A/N^alpha + B/D^alpha", d=20 * N)
    (one,) = [d for d in found.directions if d.exact]
    assert one.names == ("A", "B")
    assert "a run at N " in one.cure
    assert found.rank == 3


def test_the_design_alone_is_enough() -> None:
    """No responses: a table of runs that are planned."""
    law = lawdsl.parse(LAW.format(equation="E + A/N^alpha + B/D^beta", k="", beta=BETA))
    found = identify(Model(law, lawdsl.bind(law, {"N": np.full(100, 1e9), "D": D}, response=False)))
    assert found.rank == 3 and found.constant == ("N = 1B",)


def test_levels_and_populations() -> None:
    """A value per level needs rows of that level; a level whose rows are at one size cannot tell its own exponent."""
    law = lawdsl.parse(
        "{law: one, title: one, variables: {x: {unit: tokens}}, response: {y: {unit: nats/token}}, "
        "factors: {g: {levels: any}}, noise: {family: normal, scale: 0.1}, equation: y = k*x^a, "
        "parameters: {k: {prior: HalfNormal(1)}, a: {prior: 'Normal(0, 1)', by: g}}}"
    )
    x = [1.0, 2.0, 4.0, 1.0, 1.0, 1.0]
    rows = {"x": x, "y": [1.0] * 6, "g": ["p", "p", "p", "q", "q", "q"]}
    found = identify(Model(law, lawdsl.bind(law, rows)))
    (one,) = [d for d in found.directions if d.exact]
    assert one.names == ("a[q]",)
    assert "g q" in one.cure or "x 10" in one.cure
