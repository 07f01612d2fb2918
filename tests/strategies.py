"""Random expressions and laws for hypothesis: every one is valid, and evaluates without leaving a domain."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from lawdsl.expression import Call, Comparison, Expression, Name, Number, Operation
from lawdsl.limits import NUMBER_MAGNITUDE
from lawdsl.numbers import exact

#: one-argument functions whose value is positive and finite for the positive arguments that trees here have
GENTLE = ("sqrt", "softplus", "sigmoid", "tanh", "abs", "lambertw")

numbers = st.floats(1 / NUMBER_MAGNITUDE, NUMBER_MAGNITUDE) | st.integers(0, 10**15).map(float)
#: what a law writes by hand: between 0.1 and 10, few digits
plain = st.integers(1, 99).map(lambda n: Number(n / 10))


def trees(names: Sequence[str]) -> st.SearchStrategy[Expression]:
    """Any tree that some text reads as: every sign, function, comparison and number."""
    number = numbers.map(Number) | numbers.filter(bool).map(lambda x: Number(-x))
    leaf = number | st.sampled_from(names).map(Name)

    def minus(tree: Expression) -> Expression:
        if isinstance(tree, Number) and tree.value >= 0:  # read as one negative number
            return Number(-tree.value)
        return Operation("-", (tree,))

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        pair = st.tuples(inner, inner)
        comparison = st.builds(Comparison, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), pair)
        condition = (
            comparison
            | st.builds(Comparison, st.sampled_from(["and", "or"]), st.tuples(comparison, comparison))
            | st.builds(Comparison, st.just("not"), st.tuples(comparison))
        )
        return st.one_of(
            st.builds(Operation, st.sampled_from("+-*/^"), pair),
            inner.map(minus),
            st.builds(Call, st.sampled_from([*GENTLE, "exp", "log", "erf", "gamma"]), st.tuples(inner)),
            st.builds(Call, st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=4).map(tuple)),
            st.builds(lambda c, ab: Call("where", (c, *ab)), condition, pair),
        )

    return st.recursive(leaf, grow, max_leaves=12)


def positive_trees(names: Sequence[str]) -> st.SearchStrategy[Expression]:
    """Trees without differences: for positive names each part is positive, and no digits cancel."""
    leaf = plain | st.sampled_from(names).map(Name) | st.sampled_from(names).map(Name)

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        pair = st.tuples(inner, inner)
        power = st.sampled_from(names).map(Name) | st.sampled_from([0.5, 2.0, -1.0, 1.5, -0.25]).map(Number)
        return st.one_of(
            st.builds(Operation, st.sampled_from("+*/"), pair),
            st.builds(Operation, st.just("^"), st.tuples(inner, power)),
            st.builds(Call, st.sampled_from(GENTLE), st.tuples(inner)),
            st.builds(Call, st.sampled_from(["min", "max"]), pair),
            st.builds(lambda a: Call("log", (Operation("+", (Number(2.0), a)),)), inner),
            st.builds(lambda a: Call("exp", (Operation("-", (Call("tanh", (a,)),)),)), inner),
        )

    return st.recursive(leaf, grow, max_leaves=8)


VARIABLES = ("N", "D", "S")
PARAMETERS = ("E", "A", "B", "alpha", "beta")


@st.composite
def laws(draw: st.DrawFn) -> str:
    """A valid law as YAML: its equation uses every name there is, so that nothing is declared in vain."""
    variables = draw(st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=3, unique=True))
    parameters = draw(st.lists(st.sampled_from(PARAMETERS), min_size=1, max_size=5, unique=True))
    by = draw(st.sampled_from(["", "", ", by: run", ", by: run, pool: partial", ", by: [run, method], pool: full"]))
    lines = ["law: random-law", f"status: {draw(st.sampled_from(['published', 'form-only', 'hypothesis']))}"]
    lines += ["about: a law that nobody proposed", "variables:"]
    lines += [f"  {name}: {{unit: {draw(st.sampled_from(['tokens', 'parameters', 'bits']))}}}" for name in variables]
    lines += ["response:", "  L: {unit: nats/token, about: 'loss, in nats'}"]
    lines += ["factors:", "  run: any", "  method: {levels: [gptq, rtn, '4']}"]
    lines += ["parameters:"]
    for i, name in enumerate(parameters):
        low = draw(st.integers(1, 50)) / 10
        prior = draw(
            st.sampled_from(
                [
                    f"between: [{exact(low)}, {exact(low + 2.5)}]",
                    f"prior: LogNormal(log({exact(low)}), 0.5)",
                    f"prior: HalfNormal({exact(low)}), bounds: [0, 100]",
                    f"prior: Uniform(0, {exact(low + 1)})",
                    f"between: [{exact(low)}, {exact(low + 1)}], bounds: [0.01, 9]",
                ]
            )
        )
        lines += [f"  {name}: {{{prior}{by if i == 0 else ''}}}"]
    lines += ["  sigma: {prior: HalfNormal(0.1)}"]
    names = [*variables, *parameters]
    tree = draw(positive_trees(names))
    inner = draw(positive_trees(names))
    rest = " + ".join(f"{name}/7" for name in names)
    lines += ["let:", f"  inside: {inner}", f"equation: L = {tree} + inside*({rest})"]
    noise = draw(st.sampled_from(["family: normal, on: log, scale: sigma", "family: huber, scale: sigma*L, delta: 2",
                                  "family: student-t, scale: sigma, df: 4, error: L_se",
                                  "family: lognormal, scale: sigma"]))  # fmt: skip
    lines += [f"noise: {{{noise}}}", "ask:", f"  inside_then: {inner}"]
    lines += [f"  best: {{solve: L = q, for: {variables[0]}, given: [{', '.join([*variables[1:], 'q'])}]}}"]
    values = draw(st.lists(st.integers(1, 9), min_size=len(parameters), max_size=len(parameters)))
    published = {}
    for name, value in zip(parameters, values, strict=True):
        if name != parameters[0] or not by:
            published[name] = f"0.{value} ± 0.0{value}"
    if published and not any("bounds: [0.01" in line for line in lines):
        lines += ["published:", "  paper:"] + [f"    {name}: {value}" for name, value in published.items()]
    return "\n".join(lines) + "\n"
