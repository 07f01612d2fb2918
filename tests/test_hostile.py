"""Hostile input: each is refused with an error that has a place, at once, and nothing of it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lawdsl
from lawdsl.errors import LawdslError

#: what must take milliseconds; generous for a loaded machine, and far below any hang
AT_ONCE = 5.0

GOOD = """law: t
variables: {N: {unit: parameters}, D: {unit: tokens}}
response: {L: {unit: nats/token}}
parameters: {E: {between: [1, 2]}, s: {prior: HalfNormal(0.1)}}
equation: L = E + 1/N + 1/D
noise: {family: normal, on: log, scale: s}
"""


def with_equation(right: str) -> str:
    return GOOD.replace("E + 1/N + 1/D", right)


def with_lets(lets: str) -> str:
    return with_equation("E + a/N + 1/D") + f"let: {{{lets}}}\n"


RUNS = "__import__('os').system('touch {canary}')"

#: what a stranger may send as a law; {canary} is a file that must not come to be
LAWS: dict[str, str] = {
    "an import in the equation": with_equation(RUNS),
    "an import in a prior": GOOD.replace("HalfNormal(0.1)", f'"{RUNS}"'),
    "an import in a tie": GOOD.replace("{between: [1, 2]}", f'{{tied: "{RUNS}"}}'),
    "an import in a filter": GOOD + f'data: {{table: t.csv, where: "{RUNS}"}}\n',
    "a tag that calls": GOOD + "about: !!python/object/apply:os.system ['touch {canary}']\n",
    "a billion laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + GOOD,
    "a tower of powers": with_equation("E + 9**9**9**9*N/D"),
    "a tower in a question": GOOD + "ask: {x: E*9^9^9^9}\n",
    "10,000 parentheses": with_equation("(" * 10_000 + "N" + ")" * 10_000),
    "1,900 parentheses": with_equation("(" * 1_900 + "N" + ")" * 1_900),
    "a long chain of minus": with_equation("-" * 3_900 + "N"),
    "10,000 brackets": GOOD + "about: " + "[" * 10_000,
    "a 100 MB line": GOOD + "about: " + "x" * 100_000_000 + "\n",
    "12,000 keys": GOOD + "published: {" + ", ".join(f"a{i}: 1" for i in range(12_000)) + "}\n",
    "duplicate keys": GOOD + "equation: L = E\n",
    "cyclic lets": with_lets("a: b, b: c, c: a"),
    "a let of itself": with_lets("a: a + 1"),
    "lets that unfold without end": with_lets("a: z9, " + ", ".join(
        f"z{i}: {'*'.join([f'z{i - 1}' if i else 'N'] * 3)}" for i in range(10))),
    "a chain of 300 lets": with_lets("a: z299, z0: N, " + ", ".join(f"z{i}: z{i - 1} + 1" for i in range(1, 300))),
    "a number without end": with_equation("E*1" + "0" * 3_000 + "*N/D"),
    "no number": GOOD.replace("[1, 2]", "[nan, 2]"),
    "bounds upside down": GOOD.replace("between: [1, 2]", 'prior: "Normal(0, 1)", bounds: [inf, -inf]'),
    "a null": GOOD + "about: \x00\n",
    "half a character": GOOD + "about: \ud800\n",
    "a law that is the file system": GOOD + "use: {x: /dev/zero}\n",
    "a law with a long name": GOOD + f"use: {{x: {'a' * 5000}.yaml}}\n",
    "nothing": "",
    "a table": "N,D,L\n1,2,3\n",
}  # fmt: skip


@contextmanager
def refused_at_once() -> Iterator[None]:
    began = time.perf_counter()
    with pytest.raises(LawdslError) as caught:
        yield
    assert time.perf_counter() - began < AT_ONCE
    assert caught.value.status == 2 and caught.value.faults
    assert all(fault.message and len(str(fault)) < 3_000 for fault in caught.value.faults)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_refused_at_once(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with refused_at_once():
        lawdsl.parse(LAWS[name].replace("{canary}", str(canary)))
    assert not canary.exists()


@pytest.mark.parametrize("name", ["a 100 MB line", "10,000 brackets", "nothing"])
def test_a_file_is_refused_as_its_text_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "law.yaml"
    path.write_text(LAWS[name])
    with refused_at_once():
        lawdsl.load(path)


def rows(**changes: object) -> dict[str, object]:
    return {"N": [1e9, 2e9], "D": [1e10, 2e10], "L": [2.5, 2.4]} | changes


#: what may be given as observations
TABLES: dict[str, Callable[[Path], object]] = {
    "NaN losses": lambda _: rows(L=[float("nan"), 2.4]),
    "infinite losses": lambda _: rows(L=[float("inf"), 2.4]),
    "negative losses": lambda _: rows(L=[-1.0, 2.4]),
    "huge sizes": lambda _: rows(N=[1e200, 2e9]),
    "no rows": lambda _: {"N": [], "D": [], "L": []},
    "no columns": lambda _: {},
    "only text": lambda _: {name: ["one", "two"] for name in "NDL"},
    "columns of other lengths": lambda _: rows(N=[1.0]),
    "lists in cells": lambda _: rows(N=[[1], [2]]),
    "no table": lambda _: object(),
    "an empty file": lambda folder: written(folder, ""),
    "a header alone": lambda folder: written(folder, "N,D,L\n"),
    "a 100 MB line": lambda folder: written(folder, "N,D,L\n" + "1" * 100_000_000),
    "a 100 MB header": lambda folder: written(folder, "N," * 50_000_000),
    "100,000 columns": lambda folder: written(folder, ",".join(f"c{i}" for i in range(100_000)) + "\n1\n"),
    "an import in a cell": lambda folder: written(folder, f'N,D,L\n"{RUNS}",2,3\n'),
    "bytes": lambda folder: written(folder, "\x00\x01\x02"),
    "no Parquet": lambda folder: written(folder, "N,D,L\n1,2,3\n", ".parquet"),
    "no JSON": lambda folder: written(folder, "{", ".jsonl"),
    "another form": lambda folder: written(folder, "N,D,L\n1,2,3\n", ".pickle"),
}


def written(folder: Path, content: str, suffix: str = ".csv") -> Path:
    path = folder / f"table{suffix}"
    path.write_text(content)
    return path


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_refused_at_once(name: str, tmp_path: Path) -> None:
    source = TABLES[name](tmp_path)
    with refused_at_once():
        lawdsl.bind(lawdsl.parse(GOOD), source)


@pytest.mark.parametrize(
    "words",
    [
        {"where": RUNS}, {"where": "L.real > 1"}, {"where": "9^9^9^9"}, {"where": "(" * 500}, {"where": "L < 'x'"},
        {"where": "'x'"}, {"where": "N + 'x' == 'x'"}, {"where": "exp('x') < 2"}, {"where": ""}, {"map": {"N": RUNS}},
        {"map": {"N": "'x'"}}, {"map": {"N": "D^"}}, {"map": {"N": "M"}}, {"map": {"Z": "D"}},
        {"map": {"N": "9^9^9^9*D"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_filter_or_map_is_refused_at_once(words: dict, tmp_path: Path) -> None:
    with refused_at_once():
        lawdsl.bind(lawdsl.parse(GOOD), rows(), **words)


@pytest.mark.parametrize(
    "name", ["an import in the equation", "10,000 parentheses", "a billion laughs", "duplicate keys"]
)
def test_the_command_line_says_so_without_a_traceback(name: str, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "law.yaml"
    path.write_text(LAWS[name].replace("{canary}", str(canary)))
    root = str(Path(lawdsl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "lawdsl", "check", str(path), "--json"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done
    assert "Traceback" not in done.stdout + done.stderr
    assert not canary.exists()
    json.loads(done.stdout or done.stderr)
