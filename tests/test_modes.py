"""What is said of a posterior with several optima: the parameters that tell them apart, whatever block they lie in."""

from __future__ import annotations

import numpy as np
import pytest

import lawdsl
from fitting import modes
from fitting.model import Model
from lawdsl.table import bind

LAW = """
law: grouped
variables: {N: {unit: parameters, kind: total}}
factors: {corpus: [web, code]}
response: {L: {unit: nats/token}}
parameters:
  A: {prior: "LogNormal(1, 1)"}
  a: {prior: "Normal(0.2, 0.1)", by: corpus, pool: POOL}
  s: {prior: HalfNormal(0.1)}
equation: L = A/(N/1e6)^a
noise: {family: normal, scale: s}
"""
ROWS = {"N": [1e6, 1e7] * 4, "corpus": ["web", "code"] * 4, "L": [3.0, 2.0] * 4}


@pytest.mark.parametrize(
    ("pool", "names"),
    [
        ("none", ["A", "a[web]", "a[code]", "s"]),
        ("partial", ["A", "a.center", "a.spread", "a[web]", "a[code]", "s"]),
    ],
)
def test_two_modes_are_told_apart_by_what_differs(pool: str, names: list[str]) -> None:
    law = lawdsl.parse(LAW.replace("POOL", pool))
    model = Model(law, bind(law, ROWS))
    assert model.width == len(names)
    for place, name in enumerate(names):
        there = np.zeros(model.width)
        there[place] = 5.0
        found = tuple(modes.Mode(at, np.eye(model.width), share) for at, share in ((0 * there, 0.75), (there, 0.25)))
        told = modes.reason(model, found, found[1:]).split("leave out another: ")[1].split(", by shares")[0]
        first, second = (one.split(", ")[0] for one in told.split("; "))
        assert first.startswith(f"{name} = ") and second.startswith(f"{name} = ") and first != second, told
        assert told.count("%") == 2 and "(75 %)" in told and "(25 %)" in told
