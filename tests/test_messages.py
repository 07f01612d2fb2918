"""Every message of the reader and the checker, word for word, with its place and its cure.

The tables here and in `test_check` have a fault for each rule; what a person reads of it lies in `tests/golden/`. A
change of a word is then a change that is seen, read and meant.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from golden import same_as_golden
from test_check import CASES, GOOD, changed

import lawdsl
from lawdsl import limits
from lawdsl.errors import LawdslError
from lawdsl.grammar import parse_expression
from lawdsl.indexing import Indices
from lawdsl.source import Scalar, Span, compose

#: longer lines are cut: a law's own text is repeated in a message
SHOWN = 240


def told(text: str) -> str:
    with pytest.raises(LawdslError) as caught:
        lawdsl.parse(text, "f.yaml")
    return shown(str(caught.value))


def shown(said: str) -> str:
    """A message without what changes with the library, and with Python: its own words for errors of its own."""
    said = re.sub(r"known here: .*? `lawdsl", "known here: ... `lawdsl", said)
    said = re.sub(r"(not an expression: ).*|(have no value ).*", r"\1\2...", said)
    return "\n".join(line[:SHOWN] for line in said.splitlines())


def listed(cases: list[str]) -> str:
    return "\n\n".join(cases)


def test_a_fault_for_each_rule() -> None:
    same_as_golden("messages_rules", listed([told(changed(old, new)) for _, old, new in CASES]))


#: further faults of GOOD, by what they are about
PARAMETERS = [
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], by: [run, runs]}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], center: 1}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], spread: HalfNormal(1)}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], by: run, center: 1}"),
    ("  E: {between: [1, 2]}", "  E: {bounds: [0, 1], by: run, pool: partial, center: 2}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], bounds: [2, 1]}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2, 3], bounds: [0, 3]}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], by: run, pool: partial, spread: Normal}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2], by: run, pool: partial, spread: \"Normal(0, 1)\"}"),
    ("  E: {between: [1, 2]}", "  E: {tied: A + N}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Normal(0, inf)\"}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Normal(log(0), 1)\"}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Normal(1/0, 1)\"}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Normal(x, 1)\"}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Normal(exp(1000), 1)\"}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Uniform(2, 2)\"}"),
    ("  E: {between: [1, 2]}", "  E: {prior: log(2)}"),
    ("  E: {between: [1, 2]}", "  E: {prior: \"Uniform(1, 2)\", bounds: [2, 3]}"),
]  # fmt: skip
OUTCOMES = [
    ("equation: L = E", "equation: L == E"),
    ("equation: L = E", "equation: L = L + E"),
    ("response:\n  L: {unit: nats/token}", "response: {}"),
    ("  L: {unit: nats/token}", "  L: {unit: nats/tokens}"),
    ("  L: {unit: nats/token}", "  L: {unit: nats/token, kind: total}"),
    ("  D: {unit: tokens}", "  D: {unit: tokens, kind: total}"),
    ("  L: {unit: nats/token}\n", "  L: {unit: nats/token}\n  M: {unit: nats/token, about: second}\n"),
    ("equation: L = E + part*exp(k) + 1/D", "equation: [L = E + part*exp(k) + 1/D, L = A]"),
    ("noise: {family: normal, scale: sigma}", ""),
    ("noise: {family: normal, scale: sigma}", "noise: {M: {family: normal, scale: sigma}}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: normal, scale: sigma, error: D}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: normal, scale: sigma, correlation: 1/2}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: poisson, scale: sigma}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: poisson, colour: sigma}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: beta-binomial}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: normal, scale: sigma, trials: N}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: huber, scale: sigma, delta: -1}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: huber, scale: sigma, delta: inf}"),
    ("noise: {family: normal, scale: sigma}", "noise: {family: logit-normal, scale: sigma, on: log}"),
    ("D: {unit: tokens}", "D: {unit: tokens, error: N}"),
    ("factors: {run: [one, two]}", "factors: {run: [one, two]}\nsequence: {along: runs, by: N}"),
    ("factors: {run: [one, two]}", "factors: {run: [one, two]}\nsequence: {along: run, by: M}"),
    ("1/D", "cumsum(1/D)"),
    ("1/D", "root(x, x - previous(D), 1, 2)"),
    ("equation: L = E + part*exp(k) + 1/D", "equation: L = E + A^alpha*exp(k)"),
    ("let: {part: A/N^alpha}", "let: {part: A/N^alpha, more: more + 1}"),
]
LITERATURE = [
    ("E: 1.7", "E: [1.7]"),
    ("E: 1.7", "E: {value: 1.7, interval: [2, 1]}"),
    ("E: 1.7", "E: 1.7 ± 0"),
    ("E: 1.7", "k: {one: 1, two: 1 +- x}"),
    ("  E: {between: [1, 2]}", "  E: {between: [1, 2]}\n  F: {tied: E}"),
    ("alpha: 0.3}", "alpha: 0.3, F: 1}"),
    ("  alpha: {between: [0.1, 1]}", "  alpha: {between: [0.1, 1], bounds: [0, 0.2]}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{about: nothing}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{value: L + Q}"),
    ("{solve: L = q, for: D, given: [N, q]}", "L + Q"),
    ("{solve: L = q, for: D, given: [N, q]}", "{minimize: L}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{minimize: L, over: [N, D], given: D}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{maximize: Q, over: [N, D]}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{maximize: L, over: [N, D], subject_to: N*D}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{solve: L = Q, for: D}"),
    ("{solve: L = q, for: D, given: [N, q]}", "{solve: L = 2, for: D, report: {x: Q}, within: [2, 1]}"),
    ("ask:", "checks: [{ask: tokens, given: {Q: 1}, D: 2, rel: 1}]\nask:"),
    ("ask:", "checks: [{ask: tokens, given: {N: 1, q: 2}, E: 2, rel: 1}]\nask:"),
    ("ask:", "checks: [{set: paper, at: {N: 1, D: 1}, rel: 1}]\nask:"),
    ("ask:", "checks: [{set: paper, at: {N: 1}, value: Q, equals: 1, rel: 1}]\nask:"),
    ("ask:", "data: [{table: a.csv, fixed: {Q: 1}}, {table: b.csv, fixed: {E: 7}, where: N ==}]\nask:"),
    ("ask:", "data: {table: a.csv, map: {Q: n}, units: {D: inch, Q: tokens}}\nask:"),
    ("ask:", "data: {tables: a.csv, missing: keep}\nask:"),
    ("law: t", "law: t\ntopics: theories"),
    ("let:", "order: [E, E]\nlet:"),
    ("let:", "order: [[E, A], [sigma, Q]]\nlet:"),
]
SIMULATION = [
    ("{set: papper, grid: {N: [1], D: [1], run: [one]}}"),
    ("{set: paper, with: {Q: 1, sigma: -1, k: {one: 1, two: 2}}, grid: {N: [1], D: [1], run: [one]}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: [1], D: [one], run: [one]}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: [1], Q: [1], run: [one]}}"),
    ("{set: paper, grid: {N: [1], run: [one]}, columns: {D: 20*N, Q: N, run: M}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: {from: 0, to: 2, count: 2, spacing: log}, D: [1], run: [one]}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: {from: 1, to: 2, count: 1}, D: [1], run: [one]}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: {from: 1, to: 2, count: 2.5}, D: [1], run: [one]}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: {from: 2, to: 2, count: 2}, D: [1], run: [one]}}"),
    ("{set: paper, with: {sigma: 0.1}, grid: {N: {from: 1, to: 2, count: 60000}, D: [1, 2], run: [one]}}"),
]  # fmt: skip
USES = [
    "{base: {law: chinchilla, set: papper}}", "{base: {law: chinchilla, share: [Z, E]}}", "{base: chinchila}",
    "{base: {law: chinchilla, variables: {Z: N, N: M*2, D: N +}}}", "{base: qid}",
    "{base: {law: qid, set: gptq}}", "{E: chinchilla}",
]  # fmt: skip


@pytest.mark.parametrize(("theme", "cases"), [
    ("parameters", PARAMETERS), ("outcomes", OUTCOMES), ("literature", LITERATURE),
])  # fmt: skip
def test_messages_of(theme: str, cases: list[tuple[str, str]]) -> None:
    same_as_golden(f"messages_{theme}", listed([told(changed(old, new)) for old, new in cases]))


def test_messages_of_simulations() -> None:
    same_as_golden("messages_simulation", listed([told(f"{GOOD}simulate: {design}\n") for design in SIMULATION]))


def test_messages_of_uses() -> None:
    same_as_golden("messages_use", listed([told(changed("let:", f"use: {use}\nlet:")) for use in USES]))


EXPRESSIONS = [
    "", "E + ", "E + * A", "E @ A", "(E", "E A", "E + 7Q", "E # A", "E = A", "E + `A`", "'a", "0x10", "λ + a.b", "a[0]",
    "f(1)(2)", "lambda: 1", "a if b else c", "(a, b)", "[a]", "{a: b}", "{a}", "f'{a}'", "(a := 1)", "[x for x in y]",
    "(x for x in y)", "max(*a, *b)", "exp(x=1)", "True", "a // b", "a in b", "~a", "1 + foo(2)", "2 + log(1, 2)",
    "max(1)", "smoothmin(1, 2)", "steps(x, 1, 2)", "steps(x, 50, a, 200)", "steps(x, 50, a, 200, b)", "where(a, b)",
    "root(x, x)", "root(2, x, 1, 2)", "root(x, y, 1, 2)", "sum(i, c[i])", "sum(k, c[k])", "sum(c[1])", "c[i]",
    "c[i + 1]", "c['a']", "sum(part, part*2)", "E + 1e999", "E + 1e-151",
    "x" * (limits.EXPRESSION_LENGTH + 1), "(" * (limits.EXPRESSION_DEPTH + 1), "+".join(["x"] * 300), "-" * 150 + "x",
]  # fmt: skip


@pytest.mark.parametrize("indices", [None, Indices((("i", ("1", "2")), ("part", ("web", "code"))))])
def test_messages_of_expressions(indices: Indices | None) -> None:
    found = []
    for text in EXPRESSIONS:
        try:
            tree = parse_expression(Scalar(text, Span("", 1, 1, text), indices=indices))
            found.append(f"{text}: {tree}")
        except LawdslError as error:
            said = shown(str(error))
            if "not an expression" in said:  # a place that changes with Python as well
                said = f"{text}: LAW010: not an expression: {error.faults[0].cure}"
            found.append(said)
    same_as_golden(f"messages_expressions{'_indexed' if indices else ''}", listed(found))


INDEXED = [
    "index: {i: 0}", "index: {i: [a, a]}", "index: {i: [a b]}", "index: {2i: 2}", "index: 3", "index: {}",
    "index: {i: 65}", "index: {i: 2}\nequation: [L[k] = E]", "index: {i: 2}\npublished: {p: {'c[i]': [1, 2, 3]}}",
    "index: {i: 2}\nlet: {'c[k]': 1}",
    "index: {i: 64, j: 64, k: 64}\nlet: {'c[i,j,k]': 1}",
]  # fmt: skip
SOURCES = [
    "", "just a text", "- a", "a: 1\na: 2", "a: &x 1", "a: !!str 1", "a: *x", "a: 1\n---\nb: 2", "a: [1, 2", "a: b: c",
    "a: @x", "[]: 1", "{a: {b: 1}: 2}", "a: \x00", "a: 1\nb: \ud800", "a: " + "[" * 17, "a: " + "x" * limits.LAW_BYTES,
    f"a: [{'1,' * limits.YAML_NODES}]",
]  # fmt: skip


def test_messages_of_indices() -> None:
    same_as_golden("messages_indices", listed([told(f"{text}\n") for text in INDEXED]))


def test_messages_of_files(tmp_path: Path) -> None:
    found = []
    for text in SOURCES:
        with pytest.raises(LawdslError) as caught:
            compose(text, "f.yaml")
        found.append(shown(str(caught.value)))
    path = tmp_path / "f.yaml"
    for data in (None, b"a: 1\nb: \xff\n", b"x" * (limits.LAW_BYTES + 1)):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(LawdslError) as caught:
            lawdsl.source.read_text(path, "f.yaml")
        found.append(str(caught.value))
    same_as_golden("messages_files", listed(found))
