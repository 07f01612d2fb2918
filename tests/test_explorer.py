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
from posteriors import of_prior, posterior

import lawdsl
from fitting import Posterior, ask, predict
from fitting.answers import Answers
from fitting.discrepancy import Discrepancy
from fitting.reliability import Found, Reliability
from fitting.report import payload
from lawdsl import library, numbers, words
from lawdsl.errors import AskError

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed: the page's engine cannot be run")
#: the same arithmetic on the same doubles, by another machine's exp and log
SAME = 1e-9
#: of draws that travel in single precision: an exponent of 0.4 rounded in its eighth digit, at 1e12
ROUNDED = 1e-5
#: of an optimum that is sought: where a function is flat to its last digit, so that its place is known to half of them
SOUGHT = 1e-5

CALLS = """
const plain = (one) => one instanceof Float64Array ? Array.from(one) : one;
const engine = lawdslEngine.open(JSON.parse(require("fs").readFileSync(process.argv[2], "utf-8")));
const named = {inf: Infinity, "-inf": -Infinity, nan: NaN};
const calls = JSON.parse(require("fs").readFileSync(process.argv[3], "utf-8"),
  (key, value) => value && typeof value === "object" && "number" in value ? named[value.number] : value);
const odd = (one) => typeof one === "number" && !Number.isFinite(one) ? String(one) : plain(one);
const called = ([name, parts]) => (engine[name] ?? lawdslEngine[name])(...parts);
console.log(JSON.stringify(calls.map(called), (key, value) => odd(value)));
"""


def answers(data: Any, calls: list[tuple[str, list[Any]]], folder: Path) -> list[Any]:
    """What the engine answers to calls (function, arguments), of a payload, in one node process."""
    (folder / "page.js").write_text(payload.engine_source() + CALLS)
    (folder / "payload.json").write_text(payload.in_script(data))
    (folder / "calls.json").write_text(json.dumps(calls))
    assert NODE is not None
    command = [NODE, *(str(folder / name) for name in ("page.js", "payload.json", "calls.json"))]
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


# --- every kind of law ------------------------------------------------------------------------------------------------

#: laws of all kinds of noise, with and without groups, questions solved, sought and computed, roots inside the law
KINDS = (
    "qid", "precision", "vocabulary", "qid_methods", "downstream_error", "pass_at_k", "discovery", "overoptimization",
    "supervised", "kaplan_training",
)  # fmt: skip


def compared(names: tuple[str, ...], folder: Path) -> None:
    """Predictions at three rows, the last of no level, and the questions that the law's checks ask, of prior draws."""
    random = np.random.default_rng(2)
    for name in names:
        law = library.load(name)
        if law.status == "bound" or not any(parameter.free for parameter in law.parameters):
            continue
        post = of_prior(law, 150, random, seed=4)
        points = [{n: float(post.columns[n][i]) for n in law.inputs} for i in range(3)]
        for point in points[:2]:
            point.update({factor: post.factors[factor][0] for factor in law.grouping})
        asked = {check.ask: {n: values[0] for n, values in check.at} for check in law.checks if check.ask}
        calls: list[tuple[str, list[Any]]] = [
            ("predict", [at, {"response": response}]) for at in points for response in law.outcome
        ]
        calls += [("ask", [question, given]) for question, given in asked.items()]
        found = iter(answers(payload.of(post), calls, folder))
        for at in points:
            try:
                expected: list[Any] = list(predict(post, [at]))
            except AskError:
                expected = [None] * len(law.outcome)
            for one in expected:
                told = next(found)
                if law.sequence is not None:
                    assert "law of runs" in told["reason"]
                elif one is None:
                    assert "has a value per" in told["reason"]
                else:
                    same(told, one)
        for question, given in asked.items():
            told = next(found)
            try:
                same_answers(told, ask(post, question, given), question, post)
            except AskError as error:
                assert told["reason"], error


def same_answers(found: dict[str, Any], expected: Answers, question: str, post: Posterior) -> None:
    """Answers of the engine and Python's."""
    assert found["reason"] == ""
    assert [one["name"] for one in found["answers"]] == list(expected)
    assert [one["widened"] for one in found["answers"]] == [told.widened for told in expected.values()]
    assert found["notes"] == list(expected.notes)
    sought = post.law.questions[question].kind in ("minimize", "maximize")
    for one, told in zip(found["answers"], expected.values(), strict=True):
        numbers = [float(one[key]) for key in ("median", "lo", "hi", "none")]
        rel, least = (SOUGHT, 1e-9) if sought else (SAME, 1e-14)
        wanted = [told.median, told.lo, told.hi, told.none]
        assert numbers == pytest.approx(wanted, rel=rel, abs=least, nan_ok=True), (question, one)


@pytest.mark.parametrize("name", KINDS)
def test_a_law_of_every_kind_is_pythons(name: str, tmp_path: Path) -> None:
    compared((name,), tmp_path)


@pytest.mark.slow
def test_every_law_of_the_library_is_pythons(tmp_path: Path) -> None:
    compared(library.names(), tmp_path)


@pytest.mark.parametrize(
    ("question", "given"), [("optimum", {"C": "5.76e23"}), ("optimum", {"C": 1e21}), ("exponent", {})]
)
def test_questions_are_pythons(chinchilla: Posterior, question: str, given: dict[str, Any], tmp_path: Path) -> None:
    (found,) = answers(payload.of(chinchilla), [("ask", [question, given, {"level": 0.8}])], tmp_path)
    same_answers(found, ask(chinchilla, question, given, level=0.8), question, chinchilla)


# --- what else a posterior may bring ----------------------------------------------------------------------------------


def test_intervals_are_widened_by_the_laws_own_error_and_say_how_forecasts_fared(
    chinchilla: Posterior, tmp_path: Path
) -> None:
    found = (
        Found("L", (0.0, 0.5), 20, 4, {0.5: 0.4, 0.9: 0.755}, {0.5: 0.5, 0.9: 0.9}),
        Found("L", (0.5, 1.5), 12, 3, {0.9: 0.33}, {0.9: 0.875}),
    )
    error = Discrepancy(0.05, math.log(0.2), 0.4, True, 4, 32)
    backtested = replace(chinchilla, reliability=Reliability("6*N*D", 22.0, "map", found, {"L": error}))
    points: list[dict[str, Any]] = [{"N": 1e9, "D": 2e10}, {"N": 3e10, "D": 2e11}, {"N": "70B", "D": "100T"}]
    told = answers(payload.of(backtested), [("predict", [at]) for at in points], tmp_path)
    expected = predict(backtested, points)
    for one, other in zip(told, expected, strict=True):
        same(one, other)
    assert [one.widened for one in expected] == [False, True, True]
    assert "no backtest" in expected[2].found and "covered" in expected[1].found


@pytest.mark.parametrize(
    ("law", "question", "given", "frontier"),
    [
        ("qid", "tokens_at", {"N": 1e9, "P": 4, "q": 0.5}, "D"),
        ("qid", "tokens_at", {"N": 1e9, "P": 4, "q": 0.5}, "6*N*D"),
        ("chinchilla", "optimum", {"C": 1e26}, "C"),
        ("chinchilla", "exponent", {}, "C"),
        ("kaplan_nd", "tokens_for", {"N": 1e9, "q": 2.5}, "6*N*D"),
    ],
)
def test_answers_beyond_the_rows_have_the_laws_own_error_and_its_notes(
    law: str, question: str, given: dict[str, Any], frontier: str, tmp_path: Path
) -> None:
    post = of_prior(library.load(law), 120, np.random.default_rng(3), seed=2)
    name = post.law.response.name
    found = (Found(name, (0.0, 1.5), 20, 4, {0.9: 0.7}, {0.9: 0.9}),)
    error = Discrepancy(0.05, math.log(0.2), 0.4, True, 4, 32)
    backtested = replace(post, reliability=Reliability(frontier, 5.0, "map", found, {name: error}))
    (told,) = answers(payload.of(backtested), [("ask", [question, given])], tmp_path)
    same_answers(told, ask(backtested, question, given), question, backtested)


@pytest.mark.parametrize("count", [1, 40])
def test_a_point_fit_scatters_its_residuals(chinchilla: Posterior, count: int, tmp_path: Path) -> None:
    names = ("E", "A", "B", "alpha", "beta")
    draws = {name: chinchilla.flat[name][None, :count] for name in names}
    residuals = {"L": np.array([-0.03, 0.01, np.nan, 0.02])}
    point = replace(chinchilla, method="bootstrap", draws=draws, residuals=residuals)
    at = {"N": 1e9, "D": 1e12}
    (told,) = answers(payload.of(point), [("predict", [at])], tmp_path)
    same(told, predict(point, [at])[0])


def test_a_level_that_was_not_named_and_one_that_nobody_has_seen(tmp_path: Path) -> None:
    post = of_prior(library.load("qid"), 300, np.random.default_rng(0), seed=9)
    at: dict[str, Any] = {"N": 1e9, "D": 1e10, "P": 3}
    points = [at, at | {"run": "one"}, at | {"run": "never seen, \u00fc"}]
    told = answers(payload.of(post), [("predict", [point]) for point in points], tmp_path)
    for one, expected in zip(told, predict(post, points), strict=True):
        same(one, expected)


def test_draws_travel_whole_where_they_fit_and_say_so(chinchilla: Posterior, tmp_path: Path) -> None:
    """14,000 numbers: as doubles, as singles, and half of them."""
    at = {"N": 7e10, "D": 1.4e12}
    for budget, kind, count, rel in (
        (200_000, "f8", 2000, SAME),
        (80_000, "f4", 2000, ROUNDED),
        (38_000, "f4", 1017, 0),
    ):
        data = payload.of(chinchilla, budget)
        carried = data["draws"]
        assert (carried["type"], carried["count"], carried["of"]) == (kind, count, 2000)
        assert len(carried["base64"]) <= budget
        (told,) = answers(data, [("predict", [at])], tmp_path)
        same(told, predict(thinned(chinchilla, count), [at])[0], rel or ROUNDED)


def test_what_cannot_be_answered_says_why_and_has_no_numbers(chinchilla: Posterior, tmp_path: Path) -> None:
    wrong: dict[str, tuple[str, list[Any]]] = {
        "no number for D": ("predict", [{"N": 1e9}]),
        "D=many is not a number": ("predict", [{"N": 1e9, "D": "many"}]),
        "N is positive": ("predict", [{"N": -1, "D": 1e9}]),
        "'C' is not asked for here": ("predict", [{"N": 1, "D": 1, "C": 1}]),
        "has no response 'X'": ("predict", [{"N": 1, "D": 1}, {"response": "X"}]),
        "between 0 and 1": ("predict", [{"N": 1, "D": 1}, {"level": 90}]),
        "no question 'best'": ("ask", ["best", {}]),
        "no number for C": ("ask", ["optimum", {}]),
        "'toString' is not asked for here": ("ask", ["exponent", {"toString": 1}]),
    }
    found = answers(payload.of(chinchilla), list(wrong.values()), tmp_path)
    for text, told in zip(wrong, found, strict=True):
        assert text in told["reason"] and set(told) == {"reason"}


HOSTILE = """law: hostile
title: "</script><script>alert(1)</script>"
variables: {constructor: {unit: tokens, about: "<!--"}, __proto__: {unit: tokens}}
response: {valueOf: {unit: nats/token}}
factors: {alert: {levels: any}}
parameters: {window: {between: [1, 2], by: alert, pool: partial}, s: {prior: HalfNormal(1)}}
equation: valueOf = window/constructor + 1/__proto__
noise: {family: normal, scale: s}
ask: {hasOwnProperty: {value: window*constructor, given: [constructor, alert]}}
"""


def test_names_and_texts_of_a_law_are_never_code(tmp_path: Path) -> None:
    """Neither the page's markup nor JavaScript's own names are to be had by naming a variable so."""
    law = lawdsl.parse(HOSTILE)
    post = of_prior(law, 50, np.random.default_rng(0))
    post = replace(post, factors={"alert": ('`${1}"', "</script>")}, levels={"window": ('`${1}"', "</script>")})
    data = payload.of(post)
    text = payload.in_script(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data
    codes = [data["program"]["code"], *(one["report"]["code"] for one in data["questions"])]
    for name in ("constructor", "__proto__", "valueOf", "alert", "window", "script"):
        assert not any(name in code for code in codes)
    at = {"constructor": 2.0, "__proto__": 3.0, "alert": "</script>"}
    calls = [("predict", [at]), ("ask", ["hasOwnProperty", {"constructor": 2.0, "alert": '`${1}"'}])]
    told, answer = answers(data, calls, tmp_path)
    same(told, predict(post, [at])[0])
    same_answers(answer, ask(post, "hasOwnProperty", {"constructor": 2.0, "alert": '`${1}"'}), "hasOwnProperty", post)


# --- numbers ----------------------------------------------------------------------------------------------------------


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
    calls += [("middle", list(map(_texted, ((a + b) / 2, a, b)))) for a, b in ends]
    calls += [("plusMinus", list(map(_texted, pair))) for pair in errors]
    calls += [("exact", [_texted(one)]) for one in values[:-3]]
    calls += [("parse", [text]) for text in texts]
    found = answers(payload.of(chinchilla), calls, tmp_path)
    expected: list[Any] = [numbers.short(one, digits) for one in values for digits in (2, 3, 4)]
    expected += [words.interval(*pair) for pair in ends] + [numbers.middle((a + b) / 2, a, b) for a, b in ends]
    expected += [words.plus_minus(*pair) for pair in errors]
    expected += [numbers.exact(one) for one in values[:-3]]
    expected += [numbers.parse_number(text) for text in texts]
    wrong = [(call, one, told) for call, one, told in zip(calls, found, expected, strict=True) if one != told]
    assert not wrong


def _texted(value: float) -> Any:
    """A number as JSON has it; those that it does not have by name."""
    return float(value) if math.isfinite(value) else {"number": str(value)}
