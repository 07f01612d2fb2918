"""Checking a law: every rule has a case, all faults come at once, and one fault does not call forth others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from golden import same_as_golden

import lawdsl
from lawdsl import limits
from lawdsl.errors import InputError, LawdslError, LawError
from lawdsl.grammar import parse_expression
from lawdsl.library import load, parse
from lawdsl.published import run_checks

GOOD = """law: t
variables:
  N: {unit: parameters}
  D: {unit: tokens}
response:
  L: {unit: nats/token}
factors: {run: [one, two]}
parameters:
  E: {between: [1, 2]}
  A: {prior: "LogNormal(6, 2)"}
  alpha: {between: [0.1, 1]}
  k: {prior: "Normal(0, 1)", by: run}
  sigma: {prior: HalfNormal(0.1)}
let: {part: A/N^alpha}
equation: L = E + part*exp(k) + 1/D
noise: {family: normal, scale: sigma}
published: {paper: {E: 1.7, A: 400, alpha: 0.3}}
ask: {tokens: {solve: L = q, for: D, given: [N, q]}}
"""


def faults(text: str) -> list[tuple[str, int]]:
    """Codes and lines, in the order in which they are reported."""
    with pytest.raises(LawError) as caught:
        parse(text, "f.yaml")
    return [(fault.code, fault.where.line) for fault in caught.value.faults]


def codes(text: str) -> list[str]:
    return [code for code, _ in faults(text)]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_law_that_the_cases_change_is_good() -> None:
    assert parse(GOOD).name == "t"


#: what is changed in GOOD, into what, and the one code it must give
CASES = [
    ("LAW002", "law: t", "law: t\nabout: [" + "[" * limits.YAML_DEPTH + "]" * limits.YAML_DEPTH + "]"),
    ("LAW004", "law: t", "law: t: t"),
    ("LAW005", "law: t", "law: t\nlaw: u"),
    ("LAW006", "law: t", "law: &t t"),
    ("LAW008", "  E: {between: [1, 2]}", "  E: {betwen: [1, 2], fixed: 2}"),
    ("LAW009", "noise: {family: normal, scale: sigma}", "noise: {family: normal}"),
    ("LAW010", "E + part", "E ++ * part"),
    ("LAW011", "E + part", "E.real + part"),
    ("LAW011", "1/D", "where(D, 1, 2)"),
    ("LAW011", "1/D", "(D > 1)"),
    ("LAW011", "1/D", "where(D == 'x', 1, 2)"),
    ("LAW012", "exp(k)", "expo(k)"),
    ("LAW013", "exp(k)", "exp(k, 1)"),
    ("LAW014", "1/D", "+".join(["1/D"] * (limits.EXPRESSION_DEPTH + 1))),
    ("LAW015", "1/D", "1e200/D"),
    ("LAW016", "law: t", "law: [t]"),
    ("LAW016", "between: [1, 2]", "between: [1, 2, 3]"),
    ("LAW016", "variables:", "title: [a]\nvariables:"),
    ("LAW017", "between: [1, 2]", "between: [one, 2]"),
    ("LAW017", "E: 1.7", "E: 1.7 ± x"),
    ("LAW018", "law: t", "law: t\nstatus: sure"),
    ("LAW018", "family: normal", "family: gauss"),
    ("LAW019", "law: t", "law: 7t"),
    ("LAW019", "  E: {between", "  2E: {between: [1, 2]}\n  E: {between"),
    ("LAW019", "  E: {between", "  lambda: {between: [1, 2]}\n  E: {between"),
    ("LAW020", "E + part", "Q + E + part"),
    ("LAW020", "for: D, given: [N, q]", "for: D, given: [N]"),
    ("LAW021", "{part: A/N^alpha}", "{part: A/N^alpha, D: 2}"),
    ("LAW022", "{part: A/N^alpha}", "{part: A/N^alpha + more, more: part}"),
    ("LAW023", "  E: {between", "  F: {between: [1, 2]}\n  E: {between"),
    ("LAW023", "{part: A/N^alpha}", "{part: A/N^alpha, other: A}"),
    ("LAW024", "D: {unit: tokens}", "D: {unit: token}"),
    ("LAW024", "D: {unit: tokens}", "D: {unit: tokens, kind: total}"),
    ("LAW025", "HalfNormal(0.1)", "HalfNormal(0)"),
    ("LAW025", "HalfNormal(0.1)", "Halfnormal"),
    ("LAW025", "HalfNormal(0.1)", "HalfNormal(N)"),
    ("LAW025", "  E: {between: [1, 2]}", "  E: {between: [1, 2], fixed: 2}"),
    ("LAW025", "  E: {between: [1, 2]}", "  E: {about: nothing}"),
    ("LAW025", '"LogNormal(6, 2)"', '"Uniform(6, 2)"'),
    ("LAW026", "between: [1, 2]", "between: [2, 1]"),
    ("LAW026", "between: [1, 2]", "between: [1, 2], bounds: [0, 1.5]"),
    ("LAW026", '"LogNormal(6, 2)"', '"LogNormal(6, 2)", bounds: [-2, -1]'),
    ("LAW027", "scale: sigma", "scale: sigma, df: 3"),
    ("LAW027", "scale: sigma", "scale: sigma, delta: 3"),
    ("LAW027", "family: normal", "family: huber, delta: 0"),
    ("LAW027", "family: normal", "family: lognormal, on: logit"),
    ("LAW028", "equation: L = E", "equation: E = L"),
    ("LAW028", "equation: L = E", "equation: L + E"),
    ("LAW028", "  L: {unit: nats/token}", "  L: {unit: nats/token}\n  M: {unit: nats/token}"),
    ("LAW029", "for: D, ", ""),
    ("LAW029", "for: D", "for: q"),
    ("LAW029", "solve: L = q", "solve: L = q, minimize: L"),
    ("LAW030", "E: 1.7", "F: 1.7"),
    ("LAW030", "E: 1.7", "E: -1.7"),
    ("LAW030", "E: 1.7", "E: {one: 1.7}"),
    ("LAW031", "ask:", "checks: [{set: papper, at: {N: 1, D: 1}, L: 2, rel: 1}]\nask:"),
    ("LAW031", "ask:", "checks: [{set: paper, at: {N: 1, D: 1}, L: 2}]\nask:"),
    ("LAW031", "ask:", "checks: [{set: paper, at: {N: [1, 2], D: [1, 2, 3]}, L: 2, rel: 1}]\nask:"),
    ("LAW031", "ask:", "checks: [{ask: token, given: {N: 1}, D: 2, rel: 1}]\nask:"),
    ("LAW031", "ask:", "checks: [{at: {X: 1}, L: 2, rel: 1}]\nask:"),
    ("LAW031", "ask:", "checks: [{at: {N: 1}, X: 2, rel: 1}]\nask:"),
    ("LAW032", "ask:", "data: {table: f.csv, map: {X: n}}\nask:"),
    ("LAW032", "ask:", "data: {table: f.csv, units: {N: inch}}\nask:"),
    ("LAW033", "ask:", "use: {base: no-such-law}\nask:"),
    ("LAW034", "by: run", "by: runs"),
    ("LAW034", "between: [1, 2]", "between: [1, 2], pool: partial"),
    ("LAW034", "by: run", "by: run, spread: HalfNormal(1)"),
    ("LAW034", 'prior: "Normal(0, 1)", by: run', 'prior: "Normal(0, 1)", by: run, pool: partial, center: 0'),
    ("LAW035", "let:", "order: [E, k]\nlet:"),
    ("LAW035", "let:", "order: [E]\nlet:"),
    ("LAW036", "1/D", "9^9^9^9/D"),
    ("LAW036", "1/D", "log(0)*D"),
    ("LAW036", "solve: L = q", "solve: L = q*1e100^1e100"),
    ("LAW036", "scale: sigma", "scale: sigma*(1/0)"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "old", "new"), CASES, ids=[f"{code}-{i}" for i, (code, *_) in enumerate(CASES)])
def test_a_fault_has_its_code_and_no_other(code: str, old: str, new: str) -> None:
    assert set(codes(changed(old, new))) == {code}


def test_every_code_of_a_law_file_has_a_case() -> None:
    elsewhere = {"LAW001", "LAW003", "LAW007", "LAW037", "LAW038", "LAW039"}  # test_source, and below
    elsewhere |= {"LAW041", "LAW042", "LAW043"}  # test_indexing, test_sequence, test_outcomes
    source = "".join(path.read_text() for path in Path(lawdsl.__file__).parent.rglob("*.py") if path.name != "codes.py")
    used = set(re.findall(r'"(LAW\d{3})"', source))
    assert used == {code for code, *_ in CASES} | elsewhere


def test_a_law_that_unfolds_too_far() -> None:
    lets = ["a0: N + D"] + [f"a{i}: a{i - 1}*a{i - 1}" for i in range(1, 40)]
    text = changed("{part: A/N^alpha}", "{part: A/N^alpha + a39, " + ", ".join(lets) + "}")
    assert codes(text) == ["LAW037"]


def test_lets_stand_after_those_they_use() -> None:
    law = parse(changed("{part: A/N^alpha}", "{part: b*a + c, a: b + c, b: 2*c, c: d*A, d: N^alpha}"))
    assert [name for name, _ in law.let] == ["d", "c", "b", "a", "part"]


def test_a_law_that_is_not_there() -> None:
    for name in ("no-such-law", "../laws/chinchilla", "a" * 5000, "a\0b.yaml", "a" * 5000 + ".yaml", ""):
        with pytest.raises(InputError) as caught:
            load(name)
        assert [fault.code for fault in caught.value.faults] == ["LAW038"]
    with pytest.raises(InputError, match="Did you mean 'chinchilla'"):
        load("chinchila")


def test_a_check_that_does_not_hold() -> None:
    check = "checks: [{set: paper, at: {N: 1e9, D: 1e9, run: one}, value: E*2, equals: 3.5, rel: 0.01}]\n"
    results, found = run_checks(parse(GOOD + check, "f.yaml"), "f.yaml")
    assert [result.good for result in results] == [False]
    assert str(found[0]).startswith("f.yaml:19: LAW039: value at N=1B, D=1B, run=one: expected 3.5, found 3.4")
    _, good = run_checks(parse(GOOD + check.replace("3.5", "3.4")), "f.yaml")
    assert good == []


# All at once, in order, and no more


MANY = """law: many faults
status: sure
variables:
  N: {unit: parameter, kind: total}
  D: {unit: tokens, kind: total, rnge: [1, 2]}
response:
  L: {unit: nats/token}
factors: {run: any}
parameters:
  E: {betwen: [1, 2]}
  A: {prior: LogNorm(6, 2)}
  B: {between: [2, 1]}
  alpha: {between: [0.1, 1], by: runs}
  2x: {fixed: 1}
  sigma: {prior: HalfNormal(-1)}
let:
  part: A/N^alpha
  D: 3
equation: L = E + part + Bee/D^beta + expo(E)
noise: {family: normals, scale: sigma + tau}
ask:
  tokens: {solve: L = q, for: X, given: [N, q]}
published:
  paper: {E: 1.7, Z: 2}
checks:
  - {set: papper, at: {N: 7B}, L: 2, rel: 1}
data: {table: f.csv, map: {M: n}}
"""


def test_all_faults_at_once_in_the_order_of_the_file() -> None:
    found = faults(MANY)
    lines = [line for _, line in found]
    assert lines == sorted(lines)
    assert {line for line in lines} == {1, 2, 4, 5, 10, 11, 12, 13, 14, 15, 18, 19, 20, 22, 24, 26, 27}


def message(text: str) -> str:
    with pytest.raises(LawdslError) as caught:
        parse(text, "laws/mine.yaml")
    return str(caught.value)


def test_messages_of_a_file_with_many_faults() -> None:
    same_as_golden("check_many", message(MANY))


@pytest.mark.parametrize(
    ("theme", "edits"),
    [
        ("form", [("law: t", "law: [t]"), ("between: [1, 2]", "between: 1"),
                  ("response:\n  L: {unit: nats/token}", "")]),
        ("expressions", [("E + part", "E.real + part"), ("A/N^alpha", "A/NN^alpha"), ("scale: sigma", "scale: s(1)"),
                         ("solve: L = q", "solve: L = 9^9^9*q")]),
        ("parameters", [("between: [1, 2]", "between: [1, 2], bounds: [0, 1]"), ("LogNormal(6, 2)", "LogNormal(6)"),
                        ("by: run", "by: run, pool: partial, center: 0"), ("HalfNormal(0.1)", "HalfNormal(0)")]),
        ("literature", [("E: 1.7", "E: 1.7 ± -1"), ("alpha: 0.3", "gamma: 0.3"), ("for: D", "for: E")]),
        ("use", [("let:", "use: {one: chinchila, two: {law: chinchilla, set: paper}, "
                          "three: {law: chinchilla, share: [Z]}}\nlet:")]),
        ("cycle", [("{part: A/N^alpha}", "{part: A*more, more: other + 1, other: part}")]),
    ],
)  # fmt: skip
def test_messages_by_theme(theme: str, edits: list[tuple[str, str]]) -> None:
    text = GOOD
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    found = re.sub(r"known here: .*?\. (?=Did)", "known here: ... ", message(text)) if theme == "use" else message(text)
    same_as_golden(f"check_{theme}", found)


def test_a_broken_declaration_does_not_make_its_uses_unknown() -> None:
    for old, new in [
        ("E: {between: [1, 2]}", "E: {between: 7}"),
        ("E: {between: [1, 2]}", "E: {}"),
        ("N: {unit: parameters}", "N: {unit: parameter}"),
        ("N: {unit: parameters}", "N: tokens"),
        ("{part: A/N^alpha}", "{part: A/}"),
        ("factors: {run: [one, two]}", "factors: {run: {level: one}}"),
        ("L: {unit: nats/token}", "L: {unit: nat}"),
        ("{solve: L = q, for: D, given: [N, q]}", "{solve: L = q, for: D, given: [N, q], over_: 1}"),
    ]:
        assert len(codes(changed(old, new))) == 1, new


def test_the_nearest_name_is_offered() -> None:
    assert "Did you mean 'alpha'?" in message(changed("A/N^alpha", "A/N^alpa"))
    assert "Did you mean 'parameters'?" in message(changed("unit: parameters", "unit: params"))
    assert "Did you mean 'between'?" in message(changed("  E: {between", "  E: {betwen"))


def test_a_fault_in_an_expression_stands_at_its_character() -> None:
    with pytest.raises(LawError) as caught:
        parse(changed("1/D", "1/D + 2*Q"), "f.yaml")
    (fault,) = caught.value.faults
    assert str(fault.where) == "f.yaml:15:41"
    assert fault.where.text[40] == "Q"


# Laws that use laws


def user(use: str, equation: str = "L = base + f/P", more: str = "") -> str:
    return (
        "law: user\nvariables: {N: {unit: parameters}, D: {unit: tokens}, P: {unit: bits}}\n"
        f"response: {{L: {{unit: nats/token}}}}\nuse: {use}\n"
        "parameters:\n  f: {between: [1, 2]}\n  s: {between: [1, 2]}\n"
        f"{more}equation: {equation}\nnoise: {{family: normal, scale: s}}\n"
    )


def test_a_used_law_brings_its_parameters_prefixed() -> None:
    law = parse(user("{base: chinchilla}"))
    assert [p.name for p in law.parameters] == ["f", "s", "base_E", "base_A", "base_B", "base_alpha", "base_beta"]
    assert law.lets["base"] == parse_expression("base_E + base_A/N^base_alpha + base_B/D^base_beta")
    assert law.parameter["base_A"].prior == load("chinchilla").parameter["A"].prior


def test_a_shared_parameter_keeps_its_name() -> None:
    law = parse(user("{base: {law: chinchilla, share: [alpha]}}", more="  alpha: {between: [0.2, 0.4]}\n"))
    assert "base_alpha" not in law.parameter and law.parameter["alpha"].prior.between == (0.2, 0.4)
    assert codes(user("{base: {law: chinchilla, share: [alpha]}}")) == ["LAW033"]


def test_a_set_fixes_the_parameters() -> None:
    law = parse(user("{base: {law: chinchilla, set: hoffmann}}"))
    assert law.parameter["base_E"].fixed == 1.69 and not law.parameter["base_alpha"].free


def test_variables_are_given_by_expression() -> None:
    law = parse(user("{base: {law: chinchilla, variables: {N: N*P/16}}}"))
    assert law.lets["base"] == parse_expression("base_E + base_A/(N*P/16)^base_alpha + base_B/D^base_beta")
    assert codes(user("{base: {law: chinchilla, variables: {N: N*Q}}}")) == ["LAW033"]


def test_two_uses_of_one_law_do_not_meet() -> None:
    law = parse(user("{base: chinchilla, other: chinchilla}", "L = base + other*f/P"))
    assert {"base_E", "other_E"} <= law.parameter.keys()


def test_a_used_law_may_use_another(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(user("{base: chinchilla}"))
    (tmp_path / "outer.yaml").write_text(user("{mid: inner.yaml}", "L = mid + f/P"))
    law = load(tmp_path / "outer.yaml")
    assert {"mid_base_E", "mid_f", "f"} <= law.parameter.keys() and "mid_base" in law.lets
    assert law.needs(law.equation) >= {"N", "D", "P", "mid_base_alpha"}


def test_a_law_that_uses_itself(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(user("{base: b.yaml}"))
    (tmp_path / "b.yaml").write_text(user("{base: a.yaml}"))
    with pytest.raises(LawError, match="LAW033: .*it uses itself"):
        load(tmp_path / "a.yaml")


def test_uses_are_bounded_in_depth(tmp_path: Path) -> None:
    for i in range(limits.USE_DEPTH + 2):
        used = "chinchilla" if i == 0 else f"l{i - 1}.yaml"
        (tmp_path / f"l{i}.yaml").write_text(user(f"{{b: {used}}}", "L = b + f/P"))
    assert load(tmp_path / f"l{limits.USE_DEPTH - 2}.yaml").name == "user"
    with pytest.raises(LawError, match=f"more than {limits.USE_DEPTH} deep"):
        load(tmp_path / f"l{limits.USE_DEPTH}.yaml")


def test_a_faulty_law_cannot_be_used_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(GOOD.replace("E + part", "Q + part"))
    (tmp_path / "mine.yaml").write_text(user("{base: bad.yaml}"))
    with pytest.raises(LawError, match=r"mine\.yaml:4:\d+: LAW033: .*bad\.yaml:15:15: unknown name 'Q'"):
        load(tmp_path / "mine.yaml")


# Order and factors


def test_of_several_faults_of_a_used_law_the_first_is_told_and_the_rest_are_counted(tmp_path: Path) -> None:
    for wrong, more in (("Q + part", ""), ("Q + R + part", " (1 more)")):
        (tmp_path / "bad.yaml").write_text(GOOD.replace("E + part", wrong))
        (tmp_path / "mine.yaml").write_text(user("{base: bad.yaml}"))
        with pytest.raises(LawError) as caught:
            load(tmp_path / "mine.yaml")
        assert caught.value.faults[0].message.endswith(f"unknown name 'Q' in `equation`{more}")


def test_orders_of_one_group_and_of_several() -> None:
    assert parse(changed("let:", "order: [E, A]\nlet:")).order == (("E", "A"),)
    assert parse(changed("let:", "order: [[E, A], [alpha, sigma]]\nlet:")).order == (("E", "A"), ("alpha", "sigma"))
    assert codes(changed("let:", "order: [[E, A], [A, sigma]]\nlet:")) == ["LAW035"]


def test_factors_have_their_levels_or_any() -> None:
    assert parse(GOOD).factor["run"].levels == ("one", "two")
    for written in ("any", "{levels: any}", "[any]"):
        assert parse(changed("[one, two]", written)).factor["run"].levels == ()
    assert parse(GOOD).grouping == ("run",)


def test_a_level_that_looks_like_a_number_stays_a_text() -> None:
    text = changed("[one, two]", "[7B, '4']").replace("alpha: 0.3}", "alpha: 0.3, k: {7B: 0, '4': 1}}")
    text += "checks: [{set: paper, at: {run: [7B, 4]}, value: k + 1, equals: [1, 2], abs: 1e-9}]\n"
    law = parse(text)
    assert law.checks[0].at == (("run", ("7B", "4")),)
    assert run_checks(law, "f.yaml")[1] == []
