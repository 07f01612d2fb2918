"""A law prints as text that reads as the same law, and as the mathematics of its paper."""

from __future__ import annotations

import pytest
from golden import same_as_golden

import lawdsl
from lawdsl.grammar import parse_expression
from lawdsl.library import names, parse
from lawdsl.render import canonical, digest, equation_latex, equation_text, latex, latex_name


@pytest.mark.parametrize("name", names())
def test_a_law_of_the_library_survives_being_printed_and_read_again(name: str) -> None:
    law = lawdsl.load(name)
    again = parse(canonical(law))
    assert again == law and hash(again) == hash(law)
    assert canonical(again) == canonical(law) and digest(again) == digest(law)


EVERYTHING = """law: everything
title: "A title: with a colon, and a # in it"
source: {arxiv: "2203.15556", equation: "10, line 2", year: 2022}
status: recalled
about: >
  Folded
  text with ± and λ.
variables:
  N: {unit: parameters, kind: non-embedding, range: [1M, 70B], about: size}
  D: {unit: tokens, kind: unique}
  x: {unit: ratio, domain: real}
  S: {unit: fraction, domain: unit}
  C: {unit: FLOP, is: 6*N*D}
response: {L: {unit: bits/byte, about: loss}}
factors: {run: {levels: [7B, "on", "4"], about: runs}, method: any}
parameters:
  E: {between: [0.5, 2], bounds: [0, inf]}
  A: {prior: "LogNormal(log(300), 1)", about: "scale, of size"}
  a: {between: [-1, 1]}
  b: {between: [0.1, 0.9], bounds: [0, 1]}
  c: {between: [1, 2], bounds: [-inf, inf]}
  d1: {prior: "Uniform(1e-3, 1e3)"}
  d2: {prior: "StudentT(4, 0, 1)", bounds: [0, 10]}
  k: {prior: HalfNormal(1), by: run}
  u: {by: [run, method], pool: partial, center: 0, spread: HalfNormal(0.25)}
  v: {by: run, pool: partial, center: 1, bounds: [0, 5]}
  f: {fixed: 1.5e-7}
  g: {tied: 2*f}
  sigma: {prior: HalfCauchy(0.1)}
  nu: {prior: "Gamma(2, 0.1)"}
order: [d1, d2]
let:
  second: first^2 + g
  first: where(x < 0 and not S == 0.5, a*x, -x^2)
equation: L = E + A/N^b + second*exp(u)*k*v*(1 - exp(-C/1e20)) + c*(d1 + d2)*D^-b
noise: {family: student-t, on: log, scale: sigma*(1 + L), df: nu, error: L_se}
ask:
  exponent: b/(1 + b)
  optimum: {minimize: L, over: [N, D], given: [C, x, S], report: {ratio: D/N}, within: [1e6, 1e15], about: best}
  held: {maximize: -L, over: [N, D], given: [x, S, q], subject_to: N*D = q}
  size_at: {solve: L = q, for: N, given: [D, x, S, q]}
  worth: {value: A*q, given: q, report: {half: A*q/2}}
published:
  paper:
    about: from table 2
    source: another paper
    status: form-only
    E: 1.5 ± 0.25
    A: {value: 300, interval: [200, 450], level: 0.9}
    b: {value: 0.5, se: 0.1, status: recalled}
    k: {7B: 0.5 ± 0.1, "on": 2, "4": 1e-5}
checks:
  - {set: paper, value: A/2, equals: 150, rel: 1e-9, from: arithmetic}
  - {set: paper, at: {run: [7B, "on"], N: 7B, S: 1}, value: k, equals: [0.5, 2], abs: 1e-12}
data:
  - table: mine.csv
    map: {N: "n - m", D: tokens, L: loss, run: model}
    where: split == 'train' and loss < 4
    units: {D: seen tokens, N: non-embedding parameters}
    missing: drop
  - {table: other.csv}
"""


def test_everything_a_law_can_say_survives_being_printed_and_read_again() -> None:
    law = parse(EVERYTHING.replace("seen tokens", "unique tokens"))
    assert parse(canonical(law)) == law


def test_the_digest_is_of_the_law_not_of_its_layout() -> None:
    text = "law: t\nvariables: {N: {unit: tokens}}\nresponse: {L: {unit: nats/token}}\n" \
           "parameters: {A: {fixed: 2}, s: {prior: HalfNormal(1)}}\n" \
           "equation: L = A*N\nnoise: {family: normal, scale: s}\n"  # fmt: skip
    other = "# a note\n" + text.replace("{fixed: 2}", "\n  {fixed: 2.0}").replace("A*N", "(A) * N")
    assert digest(parse(text)) == digest(parse(other))
    assert digest(parse(text)) != digest(parse(text.replace("fixed: 2", "fixed: 3")))


def test_text_and_latex_of_laws() -> None:
    shown = []
    for name in ("chinchilla", "qid"):
        law = lawdsl.load(name)
        shown += [f"# {name}", equation_text(law), equation_latex(law), ""]
    law = parse(EVERYTHING)
    shown += ["# everything", equation_text(law), equation_latex(law)]
    same_as_golden("render_equations", "\n".join(shown))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("N", "N"), ("alpha", r"\alpha"), ("alpha_N", r"\alpha_{N}"), ("dL", r"\Delta L"), ("d1", "d_{1}"),
     ("N_eff", r"N_{\mathrm{eff}}"), ("lam", r"\lambda"), ("sigma_x_y", r"\sigma_{x,y}"), ("μ", "μ")],
)  # fmt: skip
def test_names_are_those_of_the_field(name: str, shown: str) -> None:
    assert latex_name(name) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a/b", r"\frac{a}{b}"), ("(a+b)^2", r"\left(a + b\right)^{2}"), ("2*3*x", r"2 \cdot 3 \, x"),
        ("a*(b + c)", r"a \, \left(b + c\right)"), ("a - (b - c)", r"a - \left(b - c\right)"), ("exp(-x)", "e^{-x}"),
        ("sqrt(x)", r"\sqrt{x}"), ("1e21*x", r"10^{21} \, x"), ("(-2)*x", r"-2 \, x"),
        ("y + (-2)*x", r"y + \left(-2 \, x\right)"),
        ("log(x)", r"\log\left(x\right)"),
        ("where(x <= 1, a, b)", r"\begin{cases} a & x \leq 1 \\ b & \text{otherwise} \end{cases}"),
        ("abs(x) + erf(x)", r"\left|x\right| + \mathrm{erf}\left(x\right)"), ("2.5e-4*x", r"2.5 \times 10^{-4} \, x"),
    ],
)  # fmt: skip
def test_expressions_as_latex(text: str, shown: str) -> None:
    assert latex(parse_expression(text)) == shown
