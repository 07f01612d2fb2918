"""The explorer of a report: its engine in JavaScript answers what Python answers, with the same numbers."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, ask, predict
from fitting.report import payload
from lawdsl import numbers, words

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed: the page's engine cannot be run")
#: the same arithmetic on the same doubles, by another machine's exp and log
SAME = 1e-9
#: of draws that travel in single precision
ROUNDED = 1e-6

CALLS = """
const plain = (one) => one instanceof Float64Array ? Array.from(one) : one;
const named = {inf: Infinity, "-inf": -Infinity, nan: NaN};
const calls = JSON.parse(require("fs").readFileSync(process.argv[2], "utf-8"),
  (key, value) => value && typeof value === "object" && "number" in value ? named[value.number] : value);
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


@pytest.mark.parametrize(
    ("question", "given"), [("optimum", {"C": "5.76e23"}), ("optimum", {"C": 1e21}), ("exponent", {})]
)
def test_questions_are_pythons(chinchilla: Posterior, question: str, given: dict[str, Any], tmp_path: Path) -> None:
    (found,) = answers(payload.of(chinchilla), [("ask", [question, given, {"level": 0.8}])], tmp_path)
    expected = ask(chinchilla, question, given, level=0.8)
    assert found["reason"] == ""
    assert [one["name"] for one in found["answers"]] == list(expected)
    for one, told in zip(found["answers"], expected.values(), strict=True):
        assert [one["median"], one["lo"], one["hi"], one["none"]] == pytest.approx(
            [told.median, told.lo, told.hi, told.none], rel=SAME
        )


def test_numbers_read_and_written_as_the_command_line_does(chinchilla: Posterior, tmp_path: Path) -> None:
    """Halves that a double holds exactly go to the even digit, in Python and so here."""
    random = np.random.default_rng(0)
    sizes = 10 ** random.uniform(-9, 26, 400)
    values = [0.0, 1.0, 0.5, 1.5, 2.5, 1234.5, 0.12345, 999.95, 9999.5, 99995.0, 999.5e9, 9.9999e11, 1e16, 1e24, 3e5]
    values += [1e-3, 2.5e-4, 1e6, 999999.5, 0.0625, 1e12, 123456.5, *sizes.tolist(), *(-sizes[:50]).tolist()]
    values += [math.inf, -math.inf, math.nan]
    ends = [(a, a * (1 + 10 ** random.uniform(-6, 2))) for a in values[:200]]
    errors = [(a, abs(a) * 10 ** random.uniform(-8, 1)) for a in values[:200]] + [(1.80724, 0.01682), (0.5, 0.0)]
    texts = ["70B", "100T", "1.4e24", "-3k", " 7 ", "1_000", "1e", "B", "1.5.2", ".5", "7.", "1__0", "nan", "1e999"]
    texts += ["1e-999", "0", "+-3", "--3", "+4", "7B ", "7b", "0x10", "", "1e5B", "1 2"]
    calls: list[tuple[str, list[Any]]] = [("short", [_texted(one), digits]) for one in values for digits in (2, 3, 4)]
    calls += [("interval", list(map(_texted, pair))) for pair in ends]
    calls += [("plusMinus", list(map(_texted, pair))) for pair in errors]
    calls += [("exact", [_texted(one)]) for one in values[:-3]]
    calls += [("parse", [text]) for text in texts]
    found = answers(payload.of(chinchilla), calls, tmp_path)
    expected: list[Any] = [numbers.short(one, digits) for one in values for digits in (2, 3, 4)]
    expected += [words.interval(*pair) for pair in ends] + [words.plus_minus(*pair) for pair in errors]
    expected += [numbers.exact(one) for one in values[:-3]]
    expected += [numbers.parse_number(text) for text in texts]
    wrong = [(call, one, told) for call, one, told in zip(calls, found, expected, strict=True) if one != told]
    assert not wrong


def _texted(value: float) -> Any:
    """A number as JSON has it; those that it does not have by name."""
    return float(value) if math.isfinite(value) else {"number": str(value)}
