"""The explorer of a report: its engine in JavaScript answers what Python answers, with the same numbers."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, predict
from fitting.report import payload

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed: the page's engine cannot be run")
#: the same arithmetic on the same doubles, by another machine's exp and log
SAME = 1e-9
#: of draws that travel in single precision
ROUNDED = 1e-6

CALLS = """
const plain = (one) => one instanceof Float64Array ? Array.from(one) : one;
const calls = JSON.parse(require("fs").readFileSync(process.argv[2], "utf-8"));
const odd = (one) => typeof one === "number" && !Number.isFinite(one) ? String(one) : plain(one);
const called = ([name, parts]) => (engine[name] ?? lawdslEngine[name])(...parts);
console.log(JSON.stringify(calls.map(called), (key, value) => odd(value)));
"""


def answers(data: Any, calls: list[tuple[str, list[Any]]], folder: Path) -> list[Any]:
    """What the engine answers to calls (function, arguments), of a payload, in one node process."""
    opened = f"{payload.engine_source()}\nconst engine = lawdslEngine.open({payload.in_script(data)});\n"
    (folder / "page.js").write_text(opened + CALLS)
    (folder / "calls.json").write_text(json.dumps(calls))
    assert NODE is not None
    command = [NODE, str(folder / "page.js"), str(folder / "calls.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def same(found: dict[str, Any], expected: Any, rel: float = SAME) -> None:
    """A prediction of the engine and one of Python."""
    assert found["reason"] == ""
    names = ("mean", "median", "lo", "hi", "new_lo", "new_hi", "level")
    numbers = [float(found[name]) for name in names]
    assert numbers == pytest.approx([getattr(expected, name) for name in names], rel=rel, nan_ok=True)
    assert found["beyond"] == pytest.approx(dict(expected.beyond))
    assert (found["widened"], found["found"]) == (expected.widened, expected.found)
    assert found["distance"] == expected.distance()


def thinned(post: Posterior, count: int) -> Posterior:
    """The posterior of so many of its draws."""
    chosen = np.linspace(0, len(next(iter(post.flat.values()))) - 1, count).astype(int)
    return replace(post, draws={name: values[chosen][None] for name, values in post.flat.items()})


@pytest.fixture(scope="module")
def chinchilla() -> Posterior:
    """Draws scattered about the published constants."""
    random = np.random.default_rng(0)
    center = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37, "sigma": 0.02, "nu": 6.0}
    draws = {name: value * np.exp(0.05 * random.normal(size=(4, 500))) for name, value in center.items()}
    rows = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "L": [3.0, 2.5, 2.2]}
    return posterior(lawdsl.load("chinchilla"), rows, draws, seed=3)


def test_a_point_and_a_curve_are_pythons(chinchilla: Posterior, tmp_path: Path) -> None:
    points: list[dict[str, Any]] = [{"N": "70B", "D": "1.4T"}, {"N": 1e9, "D": "100T"}, {"N": 3e8, "D": 3e9}]
    grid = np.geomspace(1e8, 1e15, 40)
    calls: list[tuple[str, list[Any]]] = [("predict", [at, {"level": 0.8}]) for at in points]
    calls.append(("curve", ["D", grid.tolist(), points[0]]))
    *found, curve = answers(payload.of(chinchilla), calls, tmp_path)
    for one, expected in zip(found, predict(chinchilla, points, level=0.8), strict=True):
        same(one, expected)
    along = predict(thinned(chinchilla, 1000), [points[0] | {"D": value} for value in grid])
    for name in ("median", "lo", "hi", "new_lo", "new_hi"):
        assert curve[name] == pytest.approx([getattr(one, name) for one in along], rel=SAME)
