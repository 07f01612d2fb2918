"""Laws in JavaScript give the numbers that they give in numpy."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fitting import expressions, priors
from lawdsl import javascript, library
from lawdsl.backends import numpy_operations
from lawdsl.curves import span
from lawdsl.law import FIRST, Law
from lawdsl.program import Program

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: JavaScript cannot be run")
#: both compute in doubles, in the same order, and differ by roundings of their exp, log and pow alone; a power of 1e30
#: has about 1e-14 of them, and cancellation in a law's sum may cost some digits more
SAME = 1e-9
#: a result that cancellation leaves this much smaller than its parts has lost what is compared
POINTS = 20

RUN = """
const fs = require("fs");
const module_text = fs.readFileSync(process.argv[2], "utf-8").replace(/^export /m, "");
const special = new Function(module_text + "; return special;")();
const cases = JSON.parse(fs.readFileSync(process.argv[3], "utf-8"), (key, value) =>
  typeof value === "string" && key !== "text" ? Number(value) : value);
const found = [];
for (const {text, rows, draws, outputs} of cases) {
  const law = new Function("return " + text)()(special);
  const p = new Float64Array(law.prepared), d = new Float64Array(law.drawn), y = new Float64Array(outputs);
  for (let i = 0; i < rows.length; i++) {
    law.row(Float64Array.from(rows[i]), p);
    law.draw(Float64Array.from(draws[i]), d, 0);
    law.value(p, d, 0, y, 1);
    found.push(...y);
  }
}
fs.writeFileSync(process.argv[4], Buffer.from(Float64Array.from(found).buffer));
"""


def run(cases: list[tuple[javascript.Source, np.ndarray, np.ndarray]], folder: Path) -> list[np.ndarray]:
    """The outputs of sources at points (points, rows), (points, draws): (points, outputs) each, by one node process."""
    told = [
        {"text": one.text, "rows": _texts(rows), "draws": _texts(draws), "outputs": len(one.outputs)}
        for one, rows, draws in cases
    ]
    paths = [folder / name for name in ("special.js", "cases.json", "found.bin")]
    paths[0].write_text(javascript.special())
    paths[1].write_text(json.dumps(told))
    assert NODE is not None
    done = subprocess.run([NODE, "-e", RUN, "run", *map(str, paths)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = np.frombuffer(paths[2].read_bytes())
    split = np.cumsum([len(rows) * len(one.outputs) for one, rows, _ in cases])
    return [part.reshape(len(rows), -1) for part, (_, rows, _) in zip(np.split(found, split), cases, strict=False)]


def _texts(values: np.ndarray) -> list[list[str]]:
    return [[javascript.number(value) for value in row] for row in values]


def by_numpy(program: Program, source: javascript.Source, rows: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The same, one point after the other; the rows of one run where the program looks along runs."""
    values = dict(zip(source.rows, rows.T, strict=True)) | dict(zip(source.draws, draws.T, strict=True))
    found = program(values, numpy_operations())
    return np.stack([np.broadcast_to(found[name], len(rows)) for name in source.outputs], axis=1).astype(float)


def differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two arrays of numbers are not the same: by more than `SAME`, or not finite in different ways."""
    with np.errstate(all="ignore"):
        near = np.abs(one - other) <= SAME * np.abs(other) + 1e-300
    return ~(near | (one == other) | (np.isnan(one) & np.isnan(other)))


# --- functions -------------------------------------------------------------------------------------------------------

#: operations of one argument, where they are looked at
UNARY = {
    "neg": (-3, 3), "reciprocal": (-3, 3), "square": (-3, 3), "sqrt": (-1, 9), "exp": (-800, 800), "expm1": (-1, 1),
    "log": (-1, 9), "abs": (-3, 3), "tanh": (-9, 9), "softplus": (-800, 800), "sigmoid": (-800, 800), "erf": (-7, 7),
    "gamma": (-1, 180), "loggamma": (-1, 1e4), "digamma": (-1, 1e4), "lambertw": (-0.4, 1e4),
}  # fmt: skip
MANY = ("add", "mul", "min", "max", "logsumexp")
TWO = ("pow", "<", "<=", ">", ">=", "==", "!=")
ODD = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, math.inf, -math.inf, math.nan, 1e-300, 1e300)


def direct(operation: str, arity: int) -> Program:
    """The program of one operation on that many inputs."""
    from lawdsl.program import Step

    inputs = tuple((i, f"a{i}", False) for i in range(arity))
    out = (Step(operation, tuple(range(arity)), arity),)
    return Program(inputs, (), (), out, (("y", arity),), frozenset())


@needs_node
def test_every_operation_is_numpys(tmp_path: Path) -> None:
    """At random numbers, at the infinities, at NaN and at both zeros."""
    random = np.random.default_rng(0)
    wanted = set(numpy_operations()) - {"root", "recur", "previous"}
    programs: list[tuple[str, Program, np.ndarray]] = []
    for name, (low, high) in UNARY.items():
        at = np.concatenate([random.uniform(low, high, 60), np.geomspace(1e-9, 50, 60), ODD])
        programs.append((name, direct(name, 1), at[:, None]))
    for name in (*MANY, *TWO):
        pairs = np.array([(a, b) for a in ODD for b in ODD])
        programs.append((name, direct(name, 2), np.concatenate([pairs, random.normal(0, 3, (60, 2))])))
    for name in MANY:
        programs.append((name, direct(name, 3), random.normal(0, 3, (60, 3))))
    truths = np.array([(a, b, c) for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)])
    programs += [(name, direct(name, 2), truths[:, :2]) for name in ("and", "or")]
    programs += [("not", direct("not", 1), truths[:, :1]), ("where", direct("where", 3), truths)]
    assert {name for name, _, _ in programs} == wanted
    cases = [(javascript.source(program), np.empty((len(at), 0)), at) for _, program, at in programs]
    for (name, program, at), (one, rows, _), found in zip(programs, cases, run(cases, tmp_path), strict=True):
        expected = by_numpy(program, one, rows, at)
        bad = differ(found, expected)[:, 0]
        assert not bad.any(), (name, at[bad][:3], found[bad][:3], expected[bad][:3])


# --- laws ------------------------------------------------------------------------------------------------------------


def prior_draws(law: Law, count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Constants from the priors; effects at their spread of one."""
    found = {}
    for parameter in law.parameters:
        if parameter.free and parameter.prior is not None:
            u = priors.draw(parameter.prior, parameter.support, count, random)
            found[parameter.name] = priors.constrain(u, parameter.support, np)
        elif parameter.free:
            found[parameter.name] = parameter.center + random.normal(0, 0.3, count)
    return found


def points(law: Law, count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows inside the ranges of the variables, of one run where the law has runs."""
    found = {}
    for name in law.inputs:
        low, high = span(law, law.variable[name])
        log = low > 0 and high / low > 10
        u = random.uniform(size=count)
        found[name] = low * (high / low) ** u if log else low + (high - low) * u
        if law.sequence is not None and name == law.sequence.by:
            found[name] = np.sort(found[name])
    return found | {FIRST: np.arange(count) == 0.0}


@needs_node
def test_every_law_of_the_library_is_numpys(tmp_path: Path) -> None:
    """Mean, location and noise at random rows and draws of the priors; a law of runs along one run of one draw."""
    random = np.random.default_rng(1)
    cases, programs = [], []
    for name in library.names():
        law = library.load(name)
        program = expressions.prediction(law, True)
        one = javascript.source(program)
        values = points(law, POINTS, random) | prior_draws(law, POINTS, random)
        if law.sequence is not None:
            values |= {p.name: np.full(POINTS, values[p.name][0]) for p in law.parameters if p.name in values}
        with np.errstate(all="ignore"):
            rows, draws = (
                np.array([values[n] for n in names]).T.reshape(POINTS, -1) for names in (one.rows, one.draws)
            )
        cases.append((one, rows, draws))
        programs.append((name, program))
    found = run(cases, tmp_path)
    wrong = []
    for (name, program), (one, rows, draws), y in zip(programs, cases, found, strict=True):
        expected = by_numpy(program, one, rows, draws)
        bad = differ(y, expected)
        if bad.any():
            wrong.append((name, y[bad][:3], expected[bad][:3]))
        assert np.isfinite(expected).any(), name
    assert not wrong
