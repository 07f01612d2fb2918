"""The same law, rows, seed and settings give the same answers on every Python and with every version that is tested.

With equal versions of numpy, scipy, jax and numpyro, Pythons gave the same bits: 3.11 and 3.13 with the lowest, 3.12
and 3.13 with the newest. Another version of XLA rounds otherwise, so what is held here is what may be held of all:
`tests/golden/answers.json` has the answers of one run, and every other compares its own with them.
LAWDSL_REWRITE_GOLDENS=1 writes the file anew.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

import fitting
import lawdsl
from fitting import Posterior

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "answers.json"
#: Of a mode and of draws about it: in posterior standard deviations. The search stops where a step would gain less than
#: rounding; three sets of versions (jax 0.10.0, 0.10.2 and 0.12.0) ended within 1e-7 of each other.
SAME = 1e-5
#: Of samples: in standard errors of the difference of two means. Rounding sends chains apart within a hundred steps, so
#: other versions are other chains of the same posterior. Of four numbers one lies beyond five in two million runs.
STANDARD_ERRORS = 5.0


def rows() -> dict[str, list[float]]:
    """Losses of a Chinchilla law with a third of a percent of scatter that no generator of random numbers made."""
    sizes, tokens = np.geomspace(1e8, 1e10, 6), np.geomspace(2e9, 2e11, 5)
    points = [(i, j, n, d) for i, n in enumerate(sizes) for j, d in enumerate(tokens)]
    losses = [(1.69 + 406 / n**0.34 + 410 / d**0.28) * (1 + 0.003 * math.sin(7 * i + 3 * j)) for i, j, n, d in points]
    return {"N": [n for _, _, n, _ in points], "D": [d for _, _, _, d in points], "L": losses}


def told(post: Posterior) -> dict[str, dict[str, float]]:
    """Of each parameter: mean and standard deviation of its draws, and how many draws they are worth."""
    return {
        name: {key: one[key] for key in ("mean", "sd", "ess_bulk") if math.isfinite(one.get(key, math.nan))}
        for name, one in post.summary().items()
    }


def recorded(name: str, found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    if os.environ.get("LAWDSL_REWRITE_GOLDENS"):
        known = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {}
        GOLDEN.write_text(json.dumps({**known, name: found}, indent=1, sort_keys=True) + "\n")
    answers: dict[str, dict[str, dict[str, float]]] = json.loads(GOLDEN.read_text())
    assert answers[name].keys() == found.keys()
    return answers[name]


def test_the_mode_is_that_on_record() -> None:
    found = told(fitting.fit(lawdsl.load("chinchilla"), rows(), method="map", seed=1))
    for name, one in recorded("chinchilla, map", found).items():
        assert found[name]["mean"] == pytest.approx(one["mean"], abs=SAME * one["sd"])
        assert found[name]["sd"] == pytest.approx(one["sd"], rel=SAME)


def test_the_sampled_posterior_is_that_on_record() -> None:
    """Mean and standard deviation of both parameters. A standard deviation has at most the standard error of a mean, as
    long as the posterior's kurtosis is below five."""
    x = np.arange(1.0, 13.0)
    post = fitting.fit(lawdsl.load(str(HERE / "line.yaml")), {"x": x, "y": 0.8 * x + np.sin(3 * x)}, seed=1)
    found = told(post)
    for name, one in recorded("line, nuts", found).items():
        independent = 1 / (1 / one["ess_bulk"] + 1 / found[name]["ess_bulk"])
        allowed = STANDARD_ERRORS * one["sd"] / math.sqrt(independent)
        assert found[name]["mean"] == pytest.approx(one["mean"], abs=allowed)
        assert found[name]["sd"] == pytest.approx(one["sd"], abs=allowed)
