"""Random laws for hypothesis, as YAML: each is valid, uses every name it declares, may have anything of the language.

A law is written block by block, as its file has them; `Draft` is what the blocks must know of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from strategies import positive_trees

from lawdsl.numbers import exact

#: names that YAML, sympy, Python or the language itself would rather read as something else
NAMES = ("N", "D", "K", "B", "alpha", "on", "no", "null", "E", "I", "S", "beta", "gamma", "zeta", "inf", "about",
         "value", "λ", "e1", "x_", "pi", "i", "z")  # fmt: skip
#: texts that YAML must quote, fold or leave alone
TEXTS = ("plain", "a title: with a colon, and a # in it", "- no list", "it's {not} [a] mapping", "7B", "yes", "± λ",
         "1e3", "'quoted' \"twice\"", "long " * 60 + "one", "back\\slash % @ & * !")  # fmt: skip
#: what an indexed law sums and multiplies over, and what looks along a run
INDEXED = ("sum(i, c[i]*x[i])", "prod(j, 1 + w[j]/9)", "sum(i, sum(j, t[i,j]*w[j])/i)", "c[2]", "t[1,code]*x[1]")
ALONG = ("cumsum({0})", "previous({0})", "recur(0.75, {0})", "recur(tanh({0}), {1})")
#: of a positive response, and of one between 0 and 1; scales may take the noise of neighbours
POSITIVE = (
    "family: normal, on: log, scale: sigma", "family: huber, scale: sigma*L, delta: 2",
    "family: student-t, scale: sigma + held/9, df: 2 + held", "family: student-t, scale: sigma, on: identity",
    "family: lognormal, scale: sigma", "family: laplace, on: log, scale: sigma/2",
)  # fmt: skip
SHARES = (
    "family: logit-normal, scale: sigma", "family: normal, on: logit, scale: sigma",
    "family: beta, concentration: 100*held", "family: poisson", "family: binomial, trials: 40",
    "family: beta-binomial, trials: 100*held, concentration: 30/sigma",
)  # fmt: skip

yes = st.booleans()
texts = st.sampled_from(TEXTS)
Draw = Any


def quoted(text: str) -> str:
    """A text between single quotes, as YAML has it."""
    return "'" + text.replace("'", "''") + "'"


def flow(entries: Mapping[str, str]) -> str:
    """A mapping on one line, its keys quoted and its values as they are."""
    return "{" + ", ".join(f"{quoted(key)}: {value}" for key, value in entries.items()) + "}"


@dataclass(frozen=True)
class Draft:
    """The names of a law under construction and what it has; `by` is what its first parameter says of levels."""

    variables: tuple[str, ...]
    parameters: tuple[str, ...]
    indexed: bool
    sequence: bool
    uses: bool
    several: bool
    ordered: bool
    by: str
    measured: tuple[str, ...]  # variables with known standard errors

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.variables, *self.parameters)


@st.composite
def drafts(draw: Draw) -> Draft:
    indexed = draw(yes)
    pool = draw(st.lists(st.sampled_from(NAMES), min_size=5, max_size=8, unique=True))
    pool = [name for name in pool if name != "i" or not indexed]
    cut = draw(st.integers(1, 2))
    by = draw(st.sampled_from(["", ", by: method", ", by: method, pool: partial", ", by: [run, method], pool: full"]))
    flags = {name: draw(yes) for name in ("sequence", "uses", "several", "ordered")}
    measured = tuple(pool[:1]) if draw(yes) and not flags["sequence"] else ()
    return Draft(tuple(pool[:cut]), tuple(pool[cut:]), indexed, by=by, measured=measured, **flags)


@st.composite
def expressions(draw: Draw, names: tuple[str, ...], indexed: bool = False, sequence: bool = False) -> str:
    """An expression of the whole language, positive wherever it is finite: a tree, joined with a sum over an index, a
    root, a choice or a function along a run.
    """
    a, b, outer = (str(draw(positive_trees(names, leaves))) for leaves in (2, 2, 5))
    name = draw(st.sampled_from(names))
    kinds = [
        a,
        # the function rises with z, from below 0 at 0 to above it at the high end
        f"root(z, z + ({a})*z^1.5 - ({b}), 0, {b})",
        f"root(z, z + root(y, y + y^2 - z*{name}, 0, z*{name}) - ({b}), 0, {b})",
        f"steps({name}, 0.7654321, {a}, 1.3579, {b}, {name})",
        f"where({name} < 1.2345678 and not ({a}) > 2.3456789 or ({b}) >= 3.1, {a}, {b})",
        f"softplus(smoothmin({a}, {b}, 0.5))",
    ]
    kinds += [draw(st.sampled_from(INDEXED))] * 2 * indexed
    kinds += [draw(st.sampled_from(ALONG)).format(a, b)] * 3 * sequence
    part = draw(st.sampled_from(kinds))
    joined = ("{0}", "({0})*({1})", "({1})/({0})", "{1} + ({0})", "({0})^0.5*({1})", "tanh({0})^tanh({1})")
    return str(draw(st.sampled_from(joined)).format(part, outer))


def everywhere(draft: Draft) -> st.SearchStrategy[str]:
    """Expressions of all that a draft has."""
    return expressions(draft.names, draft.indexed, draft.sequence)


@st.composite
def heads(draw: Draw, draft: Draft) -> list[str]:
    """What is said of the law, and the laws it uses."""
    lines = [f"law: {draw(st.sampled_from(['random-law', 'no', 'Law_2']))}"]
    lines += [f"status: {draw(st.sampled_from(['published', 'form-only', 'hypothesis']))}"]
    lines += [f"title: {quoted(draw(texts))}", f"about: {quoted(draw(texts))}"]
    lines += [f"source: {{title: {quoted(draw(texts))}, arxiv: '2203.10', equation: 10}}"]
    lines += [draw(st.sampled_from(["topics: data", "topics: [time series, form]"]))]
    lines += ["index: {i: 2, j: [web, code]}"] * draft.indexed
    if draft.uses:
        given = {"N": quoted(draw(everywhere(draft))), "D": quoted(f"2B*{draft.variables[0]}")}
        lines += ["use:", f"  base: {{law: chinchilla, set: besiroglu, variables: {flow(given)}}}"]
    return lines


@st.composite
def variables(draw: Draw, draft: Draft) -> list[str]:
    """Variables, responses and factors."""
    units = st.sampled_from(["tokens, kind: unique", "parameters", "bits", "count", "ratio, range: [0.5, 3]"])
    lines = ["variables:"]
    for name in [*draft.variables, *["x[i]"] * draft.indexed, *["step"] * draft.sequence]:
        error = f", error: {name}_se" if name in draft.measured else ""
        lines += [f"  {quoted(name)}: {{unit: {draw(units)}{error}}}"]
    lines += [f"  Compute: {{unit: FLOP, is: {quoted(draw(expressions(draft.variables)))}}}"]
    lines += ["response:", "  L: {unit: nats/token, about: 'loss, in # nats'}"]
    lines += ["  acc: {unit: fraction}"] * draft.several
    lines += ["factors:", "  run: any", "  method: {levels: [gptq, 'no', '4', 4.50], about: how}"]
    return lines + ["sequence: {along: run, by: step}"] * draft.sequence


@st.composite
def parameters(draw: Draw, draft: Draft) -> list[str]:
    """Parameters; 0.2 to 1 lies within the support of those with a prior."""
    lines = ["parameters:"]
    for k, name in enumerate(draft.parameters):
        low = draw(st.integers(1, 15)) / 100
        a, b = exact(low), exact(low + 2.5)
        prior = draw(st.sampled_from([
            f"between: [{a}, {b}]", f"prior: 'LogNormal(log({b}), 0.5)'", f"prior: HalfNormal({b}), bounds: [0, 100]",
            f"prior: 'Uniform(0, {b})'", f"between: [{a}, {b}], bounds: [0.001, 9]", f"prior: 'Gamma({b}, {a})'",
        ]))  # fmt: skip
        lines += [f"  {quoted(name)}: {{{prior}, about: {quoted(draw(texts))}{draft.by if k == 0 else ''}}}"]
    if draft.indexed:
        lines += ["  c[i]: {between: [0.5, 2]}", "  t[i,j]: {prior: 'LogNormal(0, 1)'}", "  w[j]: {fixed: 0.25}"]
    lines += ["  sigma: {prior: HalfNormal(0.1)}", "  held: {fixed: 2.50}"]
    lines += [f"  likewise: {{tied: {quoted(f'held*{draft.parameters[-1]}^2')}}}"]
    lines += ["  effect: {by: run, pool: partial, center: 0, spread: HalfNormal(0.25)}"]
    if draft.ordered:
        lines += ["  d1: {prior: 'Uniform(0, 3)'}", "  d2: {prior: 'Uniform(0, 3)'}", "order: [d1, d2]"]
    return lines


@st.composite
def equations(draw: Draw, draft: Draft) -> list[str]:
    """Lets, equations and noise."""
    rest = [*draft.names, "Compute/(1 + Compute)", "likewise", "sigma", *["d1 + d2"] * draft.ordered]
    rest += ["base"] * draft.uses + ["step/9"] * draft.sequence
    rest += ["sum(i, c[i]*x[i] + sum(j, t[i,j]*w[j]))"] * draft.indexed
    lines = ["let:", "  second: 1 + first*exp(effect)", f"  first: {quoted(draw(everywhere(draft)))}"]
    whole = [f"L = {draw(everywhere(draft))} + second*({' + '.join(rest)})"]
    inner = draw(st.sampled_from(["L - 1", "log(first)", "Compute - first"]))
    whole += [f"acc = sigmoid(tanh({inner}) - 0.5)"] * draft.several
    lines += ["equation:", *(f"  - {quoted(line)}" for line in whole)]
    noise = draw(st.sampled_from(POSITIVE))
    noise += ", correlation: tanh(sigma)" if draft.sequence and draw(yes) else ""
    noise += ", error: L_se" if draw(yes) else ""
    shares = draw(st.sampled_from(SHARES))
    return [*lines, "noise:", f"  L: {{{noise}}}", *[f"  acc: {{{shares}}}"] * draft.several]


@st.composite
def questions(draw: Draw, draft: Draft) -> list[str]:
    """The block `ask`."""
    first, *others = draft.variables
    given = f"[{', '.join(quoted(name) for name in [*others, 'q'])}]"
    tree = quoted(draw(expressions(draft.names, draft.indexed)))
    asks = [
        f"  plain: {tree}", f"  said: {{value: {tree}, given: {quoted(first)}, about: {quoted(draw(texts))}}}",
        f"  best: {{solve: L = q, for: {quoted(first)}, given: {given}, within: [0.1, 1e6]}}",
        f"  least: {{minimize: L, over: [{', '.join(map(quoted, draft.variables))}], subject_to: {first}*2 = q,"
        f" given: q, report: {{double: {quoted(f'2*{first}')}, it: {tree}}}}}",
        f"  most: {{maximize: -L, over: {quoted(first)}, given: {given}}}",
    ]  # fmt: skip
    chosen = draw(st.lists(st.sampled_from(asks), max_size=3, unique=True))
    return ["ask:", *chosen] if chosen else []


@st.composite
def constants(draw: Draw) -> str:
    """A published number between 0.2 and 1, with or without its error."""
    n = draw(st.integers(2, 9))
    return draw(st.sampled_from([
        f"0.{n}", f"0.{n} ± 0.0{n}", f"{{value: 0.{n}, se: 1e-{n}}}", f"{{value: 0.{n}, status: recalled}}",
        f"{{value: 0.{n}, interval: [0.1, 1.5], level: 0.9}}",
    ]))  # fmt: skip


@st.composite
def literature(draw: Draw, draft: Draft) -> list[str]:
    """Published sets, checks and tables."""
    grouped = "by: method" in draft.by
    first = flow({level: draw(constants()) for level in ("gptq", "no", "4", "4.5")}) if grouped else draw(constants())
    values = {draft.parameters[0]: first, **{name: draw(constants()) for name in draft.parameters[1:]}, "sigma": "0.05"}
    values.pop("about", None)  # which says what the set is
    lines = ["published:", f"  joint: {flow(values)}", f"  'on': {{about: {quoted(draw(texts))}, status: recalled}}"]
    at = flow({draft.variables[0]: "[1.5, 2K]", "method": "['no', 4.50]"})
    lines += ["checks:", f"  - {{set: joint, at: {at}, value: sigma*2, equals: 0.1, rel: 0.01}}"]
    lines += ["  - {set: 'on', at: {run: 7B}, Compute: [1, 2], abs: 1e-9, differs: yes, from: 'us: # 1'}"]
    columns = {draft.variables[0]: quoted("n - m_2"), "L": "loss"} | {f"{n}_se": "se" for n in draft.measured}
    lines += ["data:", f"  - {{table: mine.csv, map: {flow(columns)}, where: split == 'train' and a < 4,"]
    lines += ["     fixed: {sigma: 0.1}}", "  - {table: other, missing: drop, units: {L: bits/token}}"]
    return lines


@st.composite
def designs(draw: Draw, draft: Draft, known_error: bool) -> list[str]:
    """The block `simulate`."""
    grid = {name: "[0.5, 1.5, 2.25]" for name in draft.variables} | ({"x[i]": "[0.5, 2]"} if draft.indexed else {})
    grid |= {"step": "{from: 1, to: 1K, count: 4, spacing: log}"} if draft.sequence else {}
    grid |= {"run": "[a, 7B, 'no']"} | ({"method": "[gptq, 4.50]"} if "by: method" in draft.by else {})
    values = {name: exact(draw(st.integers(20, 99)) / 100) for name in draft.parameters} | {"sigma": "0.05"}
    values |= {"c[i]": "1.5", "t[i,j]": "0.5"} if draft.indexed else {}
    values |= {"d1": "0.5", "d2": "1"} if draft.ordered else {}
    columns = {f"{name}_se": quoted(f"0.01*{name}") for name in draft.measured}
    columns |= {"L_se": "0.125"} if known_error else {}
    lines = ["simulate:", f"  with: {flow(values)}", f"  grid: {flow(grid)}"]
    return lines + ([f"  columns: {flow(columns)}"] if columns else [])


@st.composite
def laws(draw: Draw) -> str:
    """A valid law as YAML."""
    draft = draw(drafts())
    lines = [*draw(heads(draft)), *draw(variables(draft)), *draw(parameters(draft)), *draw(equations(draft))]
    known_error = any("error: L_se" in line for line in lines)
    lines += [*draw(questions(draft)), *draw(literature(draft)), *draw(designs(draft, known_error))]
    return "\n".join(lines) + "\n"
