"""Indexed families: one line declares many names, sums and products run over them."""

from __future__ import annotations

import time

import pytest

import lawdsl
from lawdsl import limits
from lawdsl.check.context import Context
from lawdsl.errors import LawError, Span
from lawdsl.expression import Expression, evaluate
from lawdsl.grammar import Budget, parse_expression
from lawdsl.indexing import Indices, expand
from lawdsl.render import canonical
from lawdsl.source import Mapping, Scalar, compose

#: seconds of CPU: a refusal comes before anything long is made; generous, as for a machine that traces each call
AT_ONCE = 20.0

INDICES = Indices((("i", ("1", "2", "3")), ("part", ("web", "code"))))

MIXTURE = """
law: mixture
index: {i: 2, j: [web, code]}
variables:
  r[j]: {unit: fraction, domain: unit}
response:
  L[i]: {unit: nats/token, about: loss on a domain}
parameters:
  c[i]: {between: [1, 3]}
  t[i,j]: {prior: "Normal(0, 1)"}
  s: {prior: HalfNormal(0.1)}
equation:
  - L[i] = c[i] + exp(sum(j, t[i,j]*r[j]))
noise: {family: normal, scale: s}
published:
  ours:
    c[i]: [1.5, 2.5]
    t[i,j]: [[0.1, 0.2], [0.3, 0.4]]
data:
  table: somewhere.csv
  map:
    r[j]: share_[j]
"""


def read(text: str, indices: Indices = INDICES) -> Expression:
    return parse_expression(Scalar(text, Span("", 1, 1, text), indices=indices))


def fault_of(text: str, indices: Indices = INDICES) -> tuple[str, str]:
    with pytest.raises(LawError) as caught:
        read(text, indices)
    return caught.value.faults[0].code, caught.value.faults[0].message


def test_a_sum_is_written_out_over_its_index() -> None:
    assert read("sum(i, c[i]*x^i)") == parse_expression("(c_1*x^1 + c_2*x^2) + c_3*x^3")
    assert read("prod(part, w[part])") == parse_expression("w_web*w_code")
    assert read("sum(i, sum(part, t[i, part]))").names() == {f"t_{i}_{p}" for i in "123" for p in ("web", "code")}
    assert evaluate(read("sum(i, i^2)"), {}) == 14
    assert read("sum(i, c[i]) * sum(part, w[part])").names() == {"c_1", "c_2", "c_3", "w_web", "w_code"}
    assert fault_of("sum(i, c[i]) + c[i]")[0] == "LAW041", "behind its sum an index has no value"


def test_an_index_that_is_given_a_value_is_that_value() -> None:
    at_two = INDICES.bind("i", "2")
    assert read("c[i]/i", at_two) == parse_expression("c_2/2")
    assert read("c[3] + w[code]") == parse_expression("c_3 + w_code")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("c[i]", "LAW041", "has no value here"),
        ("sum(k, c[k])", "LAW041", "no index 'k'"),
        ("sum(part, part*2)", "LAW041", "the word 'web'"),
        ("c[i + 1]", "LAW041", "no index"),
        ("sum(c[i])", "LAW013", "with 1 arguments"),
    ],
)
def test_what_is_refused(text: str, code: str, said: str) -> None:
    found, message = fault_of(text)
    assert found == code and said in message


def test_without_indices_a_subscript_is_no_part_of_the_language() -> None:
    with pytest.raises(LawError, match="a subscript"):
        parse_expression("c[1]")


def test_a_law_with_indices_is_the_law_written_out() -> None:
    law = lawdsl.parse(MIXTURE)
    assert list(law.outcome) == ["L_1", "L_2"]
    assert [str(o.equation) for o in law.outcomes] == [
        "c_1 + exp(t_1_web*r_web + t_1_code*r_code)", "c_2 + exp(t_2_web*r_web + t_2_code*r_code)",
    ]  # fmt: skip
    numbers = {name: value.value for name, value in law.sets["ours"].by_name.items()}
    assert numbers == {"c_1": 1.5, "c_2": 2.5, "t_1_web": 0.1, "t_1_code": 0.2, "t_2_web": 0.3, "t_2_code": 0.4}
    assert dict(law.data[0].map) == {"r_web": "share__web", "r_code": "share__code"}
    one = lawdsl.parse(MIXTURE.replace("r[j]: share_[j]", "r[web]: share[web]"))
    assert dict(one.data[0].map) == {"r_web": "share_web"}, "a value of an index stands for itself"
    assert lawdsl.parse(canonical(law)) == law


def test_below_an_indexed_key_its_index_has_one_value() -> None:
    root = expand(compose("index: {i: 2}\nask:\n  best[i]:\n    at:\n      N[i]: 7\n", "f"))
    asked = root.get("ask")
    assert isinstance(asked, Mapping) and [key.text for key, _ in asked] == ["best_1", "best_2"]
    at = [node.get("at") for _, node in asked if isinstance(node, Mapping)]
    assert [[key.text for key, _ in one] for one in at if isinstance(one, Mapping)] == [["N_1"], ["N_2"]]


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("index: {i: 2, j: [web, code]}", "index: {i: 0}", "the index 'i'"),
        ("index: {i: 2, j: [web, code]}", f"index: {{i: {limits.INDEX_VALUES + 1}}}", "the index 'i'"),
        ("index: {i: 2, j: [web, code]}", "index: {i: [a, a], j: 2}", "the index 'i'"),
        ("  c[i]: {between", "  c[n]: {between", "no index 'n'"),
        ("    c[i]: [1.5, 2.5]", "    c[i]: [1.5]", "1 numbers for the 2"),
    ],
)
def test_indices_at_fault(line: str, instead: str, said: str) -> None:
    assert line in MIXTURE
    with pytest.raises(LawError) as caught:
        lawdsl.parse(MIXTURE.replace(line, instead))
    assert caught.value.faults[0].code == "LAW041"
    assert said in caught.value.faults[0].message


def with_indices(more: str = "", right: str = "E/N") -> str:
    return (
        "law: t\nindex: {i: 64, j: 64, k: 64, web: [a, b]}\nvariables: {N: {unit: tokens}}\n"
        "response: {L: {unit: nats/token}}\nparameters: {E: {between: [1, 2]}, s: {prior: HalfNormal(0.1)}}\n"
        f"equation: L = {right}\nnoise: {{family: normal, scale: s}}\n{more}"
    )


def refused(text: str) -> str:
    """The message and cure of the one fault, which must come at once: nothing is written out before it is counted."""
    began = time.process_time()
    with pytest.raises(LawError) as caught:
        lawdsl.parse(text)
    assert time.process_time() - began < AT_ONCE
    (fault,) = caught.value.faults
    return f"{fault.code}: {fault.message}: {fault.cure}"


def test_the_names_written_out_are_bounded() -> None:
    """64 * 64 names are allowed, and one more is not; six indices, 68 thousand million names, are refused at once."""
    all_of_them = "published: {p: {'E[i,j]': 1}}\n"
    assert "'E_1_1' is not a parameter" in str(pytest.raises(LawError, lawdsl.parse, with_indices(all_of_them)).value)
    many = "LAW041: too many indexed names: At most 4,096 are written out."
    assert refused(with_indices("published: {p: {'E[i,j]': 1, 'F[1]': 1}}\n")) == many
    assert refused(with_indices("published: {p: {'E[i,j,k,i,j,k]': 1}}\n")) == many


def test_the_entries_below_indexed_keys_are_bounded() -> None:
    """4,096 copies of a set of constants are as many laws in one."""
    constants = ", ".join(f"a{n}: 1" for n in range(3000))
    expected = "LAW041: indexed keys with too much below them: At most 65,536 entries are written out."
    assert refused(with_indices(f"published: {{'p[i,j]': {{{constants}}}}}\n")) == expected


def test_the_sums_written_out_are_bounded() -> None:
    """A sum over sums is as long as the product of its indices: one is refused, and many that are together too long."""
    expected = (
        "LAW014: sums over indices too long to write out: "
        "All expressions of a law have at most 20,000 names, numbers and signs."
    )
    assert refused(with_indices(right="E/N + sum(i, sum(j, sum(k, N)))")) == expected
    part = "sum(i, sum(j, N))"
    lawdsl.parse(with_indices(f"let: {{a: '{part}'}}\n", "E/N + a"))
    lets = ", ".join(f"a{n}: '{part}'" for n in range(6))
    assert refused(with_indices(f"let: {{{lets}}}\n", "E/N + a0 + a5")) == expected


def test_a_budget_is_spent_by_what_is_read() -> None:
    budget = Budget(4)
    assert parse_expression("a*b + 1", budget=budget) == parse_expression("a*b + 1")
    assert budget.left == 0
    with pytest.raises(LawError, match="LAW014"):
        parse_expression("c", budget=budget)
    context = Context(budget=Budget(0))
    for _ in range(2):
        assert context.expression(Scalar("c", Span("", 1, 1, "c")), ["c"], "let.x") is None
    assert [fault.code for fault in context.faults] == ["LAW014"], "that it is spent is said once"
