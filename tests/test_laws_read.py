"""Every key of a law file arrives in the law: what is written is what is read, and what is left out is said."""

from __future__ import annotations

import math

import lawdsl
from lawdsl.expression import Name
from lawdsl.families import CENTRAL_90
from lawdsl.grammar import parse_expression
from lawdsl.law import (
    Ask,
    Check,
    Data,
    Factor,
    Noise,
    Parameter,
    Prior,
    Response,
    Sequence,
    Simulation,
    Value,
    Variable,
)
from lawdsl.units import Quantity

WHOLE = """law: whole
title: all keys
status: recalled
topics: [data, repetition]
about: >
  a law with
  every key
source: {arxiv: "1234.5678", year: 2024}
variables:
  N: {unit: parameters, kind: active, about: size, range: [1M, 1B], error: N_se}
  D: {unit: tokens, kind: unique}
  t: {unit: steps, domain: real}
  C: {unit: FLOP, is: 6*N*D}
response:
  L: {unit: nats/token, about: the loss}
  M: {unit: fraction}
factors:
  run: [one, two]
  site: {levels: any, about: where}
  kind: any
sequence: {along: run, by: t}
parameters:
  E: {between: [1, 2], about: floor}
  u: {between: [-1, 2]}
  w: {between: [0.2, 0.4], bounds: [0, 1]}
  v: {between: [3, 5], bounds: [2, inf]}
  A: {prior: "LogNormal(log(400), 2)", bounds: [10, 1e5]}
  alpha: {fixed: 0.34, about: from elsewhere}
  beta: {tied: alpha/2, about: half}
  k: {by: run, pool: partial, center: 0, about: effect}
  m: {prior: "Normal(0, 1)", by: [run, site], pool: partial, spread: HalfNormal(2)}
  n: {prior: "Normal(0, 1)", by: kind, pool: full}
  p: {prior: "StudentT(4, 0, 2)", by: kind}
  s: {prior: HalfNormal(0.1)}
  c: {prior: "Uniform(2, 3)"}
order: [u, E]
let:
  all: part + u
  part: A/N^alpha + D^beta
equation:
  - L = E + all + k + m + n + p + w + v + t/1e6
  - M = cumsum(1/D)/(1 + part)
noise:
  L: {family: student-t, on: log, scale: s*L, df: 3, error: se, correlation: 1/2}
  M: {family: beta, concentration: c}
ask:
  plain: L - E
  worth: {value: A/E, given: [q], report: {half: A/2}, about: a value}
  need: {solve: L = q, for: D, given: [N, q], within: [1e6, 1e12], report: {each: D/N}, about: how many}
  best: {minimize: L, over: [N, D], given: C, subject_to: [N*D = C, N = 2*D], within: [1, 2], about: the best}
published:
  paper:
    about: a set
    source: a paper
    status: published
    E: 1.7 ± 0.1
    A: {value: 400, se: 3, interval: [390, 410], level: 0.95, status: form-only}
    k: {one: 0.1 +- 0.2, "2": 0.2 +/- 0.3}
    u: 0.5
  bare: {E: 1.8}
checks:
  - {set: paper, at: {N: [1B, 2B], D: 1e9, run: one}, L: [2, 3], rel: 0.5, abs: 1e-3, from: page 3}
  - {ask: need, given: {N: 1, q: 2}, D: 7, abs: 1}
  - {value: 1 + E, equals: 2.7, at: {D: 3}, rel: 0.1, differs: yes}
data:
  - {table: a.csv, map: {N: n, L: loss + 1}, where: x > 2, units: {D: unique tokens}, missing: drop, fixed: {E: 1.5}}
  - {table: b.csv, missing: refuse}
simulate:
  set: paper
  with: {m: 0, s: 0.1, c: 2.5, w: 0.3, v: 4, k: {one: 0.5, 2.0: 1}}
  grid:
    N: [1M, 1B]
    t: {from: 0, to: 4, count: 3}
    site: [here, 4.0]
    run: one
    se: {from: 1, to: 100, count: 3, spacing: log}
    N_se: 1
  columns: {D: 20*N, kind: N}
"""


def test_every_key_arrives() -> None:
    law = lawdsl.parse(WHOLE, "f.yaml")
    assert (law.name, law.title, law.status) == ("whole", "all keys", "recalled")
    assert (law.about, law.topics) == ("a law with every key", ("data", "repetition"))
    assert law.source == (("arxiv", "1234.5678"), ("year", "2024"))
    size = Variable("N", Quantity("parameters", "active"), "size", None, "positive", (1e6, 1e9), "N_se")
    assert law.variables == (
        size, Variable("D", Quantity("tokens", "unique")), Variable("t", Quantity("steps"), domain="real"),
        Variable("C", Quantity("FLOP"), formula=parse_expression("6*N*D")),
    )  # fmt: skip
    assert [o.response for o in law.outcomes] == [
        Response("L", Quantity("nats/token"), "the loss"), Response("M", Quantity("fraction")),
    ]  # fmt: skip
    assert law.factors == (Factor("run", ("one", "two")), Factor("site", (), "where"), Factor("kind"))
    assert law.sequence == Sequence("run", "t") and law.order == (("u", "E"),)
    assert [o.equation for o in law.outcomes] == [
        parse_expression("E + all + k + m + n + p + w + v + t/1e6"), parse_expression("cumsum(1/D)/(1 + part)"),
    ]  # fmt: skip
    assert law.let == (("part", parse_expression("A/N^alpha + D^beta")), ("all", parse_expression("part + u")))


def test_noises_of_several_responses() -> None:
    first, second = (o.noise for o in lawdsl.parse(WHOLE).outcomes)
    scale, df, half = (parse_expression(text) for text in ("s*L", "3", "1/2"))
    assert first == Noise("student-t", "log", scale, "se", df, 1.345, correlation=half)
    assert second == Noise("beta", concentration=Name("c"))


def test_parameters_with_their_supports() -> None:
    """`between` is the central 90 % of a normal on the scale on which the support is the whole line."""
    found = lawdsl.parse(WHOLE).parameter

    def between(low: float, high: float) -> tuple[float, float]:
        return (low + high) / 2, (high - low) / 2 / CENTRAL_90

    line, half = (-math.inf, math.inf), (0.0, math.inf)
    logit = between(math.log(0.2 / 0.8), math.log(0.4 / 0.6))
    assert found["E"] == Parameter("E", Prior("LogNormal", between(0, math.log(2)), (1, 2)), half, about="floor")
    assert found["u"] == Parameter("u", Prior("Normal", between(-1, 2), (-1, 2)), line)
    assert found["w"].support == (0, 1) and found["w"].prior is not None and found["w"].prior.family == "LogitNormal"
    assert all(map(math.isclose, found["w"].prior.arguments, logit))
    assert found["v"] == Parameter("v", Prior("LogNormal", between(0, math.log(3)), (3, 5)), (2, math.inf))
    assert found["A"] == Parameter("A", Prior("LogNormal", (math.log(400), 2)), (10, 1e5))
    assert found["alpha"] == Parameter("alpha", fixed=0.34, about="from elsewhere")
    assert found["beta"] == Parameter("beta", tied=parse_expression("alpha/2"), about="half")
    spread = Prior("HalfNormal", (0.5,))
    assert found["k"] == Parameter(
        "k", None, line, by=("run",), pool="partial", center=0, spread=spread, about="effect"
    )
    wide = Prior("HalfNormal", (2,))
    assert found["m"] == Parameter("m", Prior("Normal", (0, 1)), by=("run", "site"), pool="partial", spread=wide)
    assert found["n"] == Parameter("n", Prior("Normal", (0, 1)), by=("kind",), pool="full")
    assert found["p"] == Parameter("p", Prior("StudentT", (4, 0, 2)), by=("kind",))
    assert found["s"] == Parameter("s", Prior("HalfNormal", (0.1,)), half)
    assert found["c"] == Parameter("c", Prior("Uniform", (2, 3)), (2, 3))


def test_questions_of_every_kind() -> None:
    read = parse_expression
    assert lawdsl.parse(WHOLE).ask == (
        Ask("plain", "value", read("L - E")),
        Ask("worth", "value", read("A/E"), given=("q",), report=(("half", read("A/2")),), about="a value"),
        Ask("need", "solve", read("L"), read("q"), ("D",), ("N", "q"), (), (("each", read("D/N")),), (1e6, 1e12),
            "how many"),
        Ask("best", "minimize", read("L"), None, ("N", "D"), ("C",),
            ((read("N*D"), read("C")), (read("N"), read("2*D"))), (), (1, 2), "the best"),
    )  # fmt: skip


def test_published_sets_with_errors_intervals_and_levels() -> None:
    paper, bare = lawdsl.parse(WHOLE).published
    assert (paper.name, paper.about, paper.source, paper.status) == ("paper", "a set", "a paper", "published")
    assert paper.values == (
        ("E", Value(1.7, 0.1)), ("A", Value(400, 3, (390, 410), 0.95, "form-only")),
        ("k", (("one", Value(0.1, 0.2)), ("2", Value(0.2, 0.3)))), ("u", Value(0.5)),
    )  # fmt: skip
    assert (bare.name, bare.values, bare.about, bare.source, bare.status) == (
        "bare",
        (("E", Value(1.8)),),
        "",
        "",
        None,
    )


def test_checks_and_tables() -> None:
    law = lawdsl.parse(WHOLE)
    point = (("N", (1e9, 2e9)), ("D", (1e9,)), ("run", ("one",)))
    assert law.checks == (
        Check("paper", point, (("L", (2, 3)),), rel=0.5, abs=1e-3, source="page 3"),
        Check(None, (("N", (1,)), ("q", (2,))), (("D", (7,)),), ask="need", abs=1),
        Check(None, (("D", (3,)),), (("value", (2.7,)),), value=parse_expression("1 + E"), rel=0.1, differs=True),
    )
    line = WHOLE.splitlines().index("checks:") + 2
    assert [check.line for check in law.checks] == [line, line + 1, line + 2]
    assert law.data == (
        Data("a.csv", (("N", "n"), ("L", "loss + 1")), "x > 2", (("D", Quantity("tokens", "unique")),), True,
             (("E", 1.5),)),
        Data("b.csv"),
    )  # fmt: skip


def test_a_design() -> None:
    grid = (
        ("N", (1e6, 1e9)), ("t", (0, 2, 4)), ("site", ("here", "4")), ("run", ("one",)), ("se", (1, 10, 100)),
        ("N_se", (1,)),
    )  # fmt: skip
    columns = (("D", parse_expression("20*N")), ("kind", Name("N")))
    given = (("m", 0), ("s", 0.1), ("c", 2.5), ("w", 0.3), ("v", 4), ("k", (("one", 0.5), ("2", 1))))
    found = lawdsl.parse(WHOLE).simulation
    assert found is not None and dict(found.grid)["se"] == tuple(map(float, dict(grid)["se"]))  # type: ignore[arg-type]
    assert found == Simulation("paper", grid, columns, given)


def test_what_is_left_out() -> None:
    law = lawdsl.parse(
        "law: least\nvariables: {N: {unit: parameters}}\nresponse: {L: {unit: nats/token}}\n"
        "parameters: {E: {between: [1, 2]}, s: {prior: HalfNormal(1)}}\nequation: L = E/N\n"
        "noise: {family: lognormal, scale: s}\n"
    )
    assert (law.title, law.status, law.about, law.topics, law.source) == ("least", "hypothesis", "", (), ())
    assert (law.factors, law.sequence, law.order, law.let, law.ask, law.published) == ((), None, (), (), (), ())
    assert (law.checks, law.data, law.simulation) == ((), (), None)
    assert law.outcomes[0].noise == Noise("lognormal", "log", Name("s"))
