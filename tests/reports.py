"""Fits for the tests of the report: draws that are given, on rows that ship, so that no sampler runs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from posteriors import posterior

import lawdsl
from fitting import Posterior, Verdict
from fitting.discrepancy import Discrepancy
from fitting.predictions import draws_at, table_points
from fitting.reliability import Found, Reliability
from lawdsl.law import Law
from lawdsl.table import bind

CHAINS, DRAWS = 2, 300
NOTE = "the effect of P bends beyond what the law holds"


def _replicated(fit: Posterior) -> Posterior:
    """The same fit with what it makes up for its own rows."""
    points = table_points(bind(fit.law, None))
    made = {name: observed[:100] for name, _, observed, _ in draws_at(fit, points)}
    return replace(fit, predictive={"posterior": made})


def qid(law: Law | None = None, *, shift: float = 0.0) -> Posterior:
    """The degradation of quantized models on the ladder that ships; `shift` moves the exponent of tokens."""
    law = law or lawdsl.load("qid")
    random = np.random.default_rng(5)
    runs = len(dict.fromkeys(bind(law, None).levels["run"]))
    z = random.standard_normal((6, CHAINS, DRAWS))
    draws = {
        "k": 0.5 * np.exp(0.3 * z[0]), "alpha": 0.246 + 0.029 * (0.8 * z[0] + 0.6 * z[1]),
        "beta": 0.371 + shift + 0.014 * (-0.5 * z[0] + 0.87 * z[2]), "gamma": 4.74 + 0.05 * z[3],
        "u": 0.1 * random.standard_normal((CHAINS, DRAWS, runs)), "u.spread": 0.11 * np.exp(0.2 * z[4]),
        "s0": 0.0008 * np.exp(0.2 * z[5]), "s1": 0.14 + 0.016 * random.standard_normal((CHAINS, DRAWS)),
    }  # fmt: skip
    return _replicated(posterior(law, None, draws, verdict=Verdict(True, (), (NOTE,))))


def chinchilla() -> Posterior:
    """Loss on the ladder, backtested, with a verdict that is not good."""
    law = lawdsl.load("chinchilla")
    random = np.random.default_rng(6)
    z = random.standard_normal((7, CHAINS, DRAWS))
    draws = {
        "E": 2.0 + 0.05 * z[0], "A": 40 * np.exp(0.2 * z[1]), "B": 500 * np.exp(0.2 * z[2]),
        "alpha": 0.34 + 0.02 * (0.9 * z[1] + 0.4 * z[3]), "beta": 0.40 + 0.02 * (0.9 * z[2] + 0.4 * z[4]),
        "sigma": 0.02 * np.exp(0.1 * z[5]), "nu": 6 * np.exp(0.3 * z[6]),
    }  # fmt: skip
    shares = {0.5: 0.4, 0.8: 0.7, 0.9: 0.78, 0.95: 0.86}
    told = Reliability(
        "C", math.log10(6 * 3062784 * 31997952), "map",
        (
            Found("L", (0.0, 0.5), 44, 4, shares, {k: min(1.0, v + 0.1) for k, v in shares.items()}),
            Found("L", (0.5, 1.5), 63, 4, shares, {k: min(1.0, v + 0.1) for k, v in shares.items()}),
        ),
        {"L": Discrepancy(0.2, math.log(0.15), 0.3, True, 4, 60)},
    )  # fmt: skip
    verdict = Verdict(False, ("too few effective draws in the bulk (A 90; 200 are needed)",), ())
    return _replicated(posterior(law, None, draws, verdict=verdict, reliability=told))
