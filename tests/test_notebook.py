"""The face in a notebook: what values show of themselves, what they convert to, and the forms in which points come."""

from __future__ import annotations

import builtins
import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from posteriors import posterior

import fitting
import lawdsl
from fitting import Posterior, Verdict
from fitting.points import points_of
from lawdsl import notebook
from lawdsl.errors import AskError, OutsideError

#: a level, a title and a note as a stranger may write them
WICKED = "<script>alert(1)</script> $\\href{javascript:alert(1)}{x}$ \\(y\\)"

LAW = """
law: small
title: "<script>alert(1)</script> $\\\\href{javascript:alert(1)}{x}$"
variables:
  N: {unit: parameters, kind: total, about: "a | b <i>c</i> $x$"}
  D: {unit: tokens}
response: {L: {unit: nats/token}}
factors: {run: {levels: any}}
parameters:
  k: {prior: "LogNormal(0, 1)"}
  a: {prior: "Normal(0.3, 0.3)"}
  u: {by: run, pool: partial, center: 0, spread: HalfNormal(1)}
  s: {prior: HalfNormal(0.1)}
equation: L = k*exp(u)/(N/1e6)^a + 0*D
noise: {family: normal, scale: s}
ask:
  size: {solve: L = q, for: N, given: [q]}
published:
  paper: {k: 2, a: 0.3 ± 0.1}
"""
ROWS: dict[str, Any] = {"N": [1e6, 1e7, 1e8], "D": [1e9] * 3, "L": [2.0, 1.0, 0.5], "run": [WICKED, "b", WICKED]}
BAD = Verdict(False, ("the chains <b>disagree</b>", "few draws"), ("a note with $x$",))


@pytest.fixture(scope="module")
def post() -> Posterior:
    random = np.random.default_rng(0)
    draws = {"k": 2.0, "a": 0.3, "u.spread": 0.1, "s": 0.05}
    scattered = {name: value * np.exp(0.01 * random.standard_normal((2, 100))) for name, value in draws.items()}
    effects = {"u": 0.01 * random.standard_normal((2, 100, 2))}
    return posterior(lawdsl.parse(LAW), ROWS, {**scattered, **effects}, verdict=BAD)


class Balanced(HTMLParser):
    """Every tag is closed by its own, and none is a script."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def shown(value: Any) -> Balanced:
    text = value._repr_html_()
    page = Balanced(text)
    assert page.seen <= {"div", "b", "span", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    # MathJax reads mathematics between dollars of one text: none has two, for each dollar stands in a tag of its own
    assert not re.search(r"(?<!<span>)[$\\]|[$\\](?!</span>)", text)
    return page


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_a_strangers_text_is_shown_and_never_run(post: Posterior) -> None:
    for value in (post, post.predict(N="1B", D="1T", run=WICKED), post.ask("size", q=1.5), post.verdict):
        assert "<script" not in value._repr_html_()
    assert WICKED in shown(post).words
    assert "the chains <b>disagree</b>" in shown(post.verdict).words


def test_the_verdict_comes_first(post: Posterior) -> None:
    for value in (post, post.predict(N="1B", D="1T"), post.ask("size", q=1.5)):
        assert shown(value).words.startswith("verdict: not to be believed")


def test_a_repr_is_a_line(post: Posterior) -> None:
    reprs = {
        repr(post.law): "Law('small': L of N, D; 4 parameters, 1 published sets)",
        repr(post): "Posterior(small on 3 rows of <table>: nuts, 2x100 draws, verdict not to be believed)",
        repr(post.verdict): "Verdict(not to be believed: the chains <b>disagree</b> and 1 more reasons; 1 notes)",
    }
    assert all(found == wanted for found, wanted in reprs.items())
    points = post.predict(N="1M..1B:50", D="1T")
    for value in (points, points[0], points[:1], post.ask("size", q=1.5), post.ask("size", q=1.5)["N"]):
        assert "\n" not in repr(value) and len(repr(value)) < 300


def test_a_law_is_mathematics_in_a_notebook_and_characters_in_a_terminal(post: Posterior) -> None:
    law = lawdsl.load("chinchilla")
    assert r"\frac{A}{N^{\alpha}}" in law._repr_latex_() and law._repr_latex_() in law._repr_markdown_()
    assert "───" in str(post.law) and "\n" not in repr(law)
    page = post.law._repr_markdown_()
    assert "<script" not in re.sub(r"\\<", "", page) and r"a \| b \<i>c\</i> \$x\$" in page
    assert "| `a` | Normal(0.3, 0.3) | 0.30 ± 0.10 |" in page


def test_long_tables_are_cut_and_counted(post: Posterior) -> None:
    found = post.predict(N="1M..1B:100", D="1T")
    assert f"and {100 - notebook.SHOWN} more rows" in shown(found).words
    assert html.escape("90 % of a new observation") in found._repr_html_()


# --- what values become ----------------------------------------------------------------------------------------------


def test_predictions_become_frames(post: Posterior) -> None:
    found = post.predict(N="1M..1B:4", D="1T", run="b")
    frame = found.to_pandas()
    assert frame["median"].tolist() == [one.median for one in found]
    assert frame["N"].tolist() == pytest.approx([1e6, 1e7, 1e8, 1e9]) and set(frame["run"]) == {"b"}
    assert frame["decades_beyond"].tolist() == pytest.approx([3, 3, 3, 3])  # of tokens: 1T against 1B
    assert found.to_polars().to_dict(as_series=False) == frame.to_dict(orient="list")


def test_a_grid_becomes_an_array_over_its_variables(post: Posterior) -> None:
    found = post.predict(N="1M..1B:4", D="1T..10T:3", run="b")
    grid = found.to_xarray()
    assert dict(grid.sizes) == {"N": 4, "D": 3} and grid["N"].attrs["units"] == "total parameters"
    assert float(grid["lo"].isel(N=2, D=1)) == found[2 * 3 + 1].lo
    assert grid.attrs["believed"] == 0 and "disagree" in grid.attrs["reasons"]
    rows = post.predict([{"N": "1B", "D": "1T"}, {"N": "2B", "D": "2T"}]).to_xarray()
    assert dict(rows.sizes) == {"point": 2} and rows["N"].values.tolist() == [1e9, 2e9]


def test_draws_and_answers_become_frames(post: Posterior) -> None:
    draws = post.to_pandas()
    assert draws["k"].to_numpy().reshape(2, 100).tolist() == post.draws["k"].tolist()
    assert list(draws.columns[:3]) == ["chain", "draw", "k"] and f"u[{WICKED}]" in draws
    answers = post.ask("size", q=1.5)
    assert answers.to_pandas().loc[0, "median"] == answers["N"].median
    assert answers.units == {"N": "total parameters"} and answers.given == (("q", 1.5),)
    assert answers == fitting.ask(post, "size", {"q": 1.5}) == dict(answers.items())


def test_a_missing_library_has_a_cure(post: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def absent(name: str, *arguments: Any, **more: Any) -> Any:
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return real(name, *arguments, **more)

    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(OutsideError, match="pip install pandas") as found:
        post.predict(N="1B", D="1T").to_pandas()
    assert found.value.faults[0].code == "ENV001"


# --- points come in --------------------------------------------------------------------------------------------------

AT = [{"N": 1e9, "D": 1e12}, {"N": 2e9, "D": 2e12}]


@pytest.mark.parametrize(
    "points",
    [
        AT, tuple(AT), iter(AT), {"N": [1e9, 2e9], "D": [1e12, 2e12]}, {"N": np.array([1e9, 2e9]), "D": ["1T", "2T"]},
        {"N": pd.Series([1e9, 2e9]), "D": (1e12, 2e12)}, pd.DataFrame(AT), pl.DataFrame(AT), pa.Table.from_pylist(AT),
        pd.DataFrame(AT).assign(note="more columns than the law has"),
    ],
)  # fmt: skip
def test_points_come_in_every_form(post: Posterior, points: Any) -> None:
    assert post.predict(points) == post.predict(AT)


def test_keywords_are_points_too(post: Posterior) -> None:
    assert post.predict(N=[1e9, 2e9], D=["1T", "2T"]) == post.predict(AT)
    assert post.predict(N="1B..2B:2", D="1T") == post.predict([{"N": 1e9, "D": 1e12}, {"N": 2e9, "D": 1e12}])


def test_ranges_make_a_grid_and_columns_go_together(post: Posterior) -> None:
    found = points_of(post.law, {"N": "1M..100M:3", "D": [1e9, 2e9], "run": "a..b"})
    assert [point["N"] for point in found] == pytest.approx([1e6, 1e7, 1e8] * 2)
    assert [point["D"] for point in found] == [1e9] * 3 + [2e9] * 3
    assert {point["run"] for point in found} == {"a..b"}  # a level may have dots


@pytest.mark.parametrize(
    ("points", "code"),
    [
        ({"N": [1, 2], "D": [1, 2, 3]}, "ASK018"), (3, "ASK018"), ([3], "ASK018"), ({"N": "1B..2B", "D": 1}, "ASK033"),
        ({"N": "1M..1B:1000", "D": "1B..1T:1000", "q": "1..2:9"}, "ASK018"), ({"N": [[1, 2]], "D": 1}, "ASK007"),
        ({"N": None, "D": 1}, "ASK007"), ({"N": [None], "D": 1}, "ASK007"),
    ],
)  # fmt: skip
def test_points_that_cannot_be_read_have_a_cure(post: Posterior, points: Any, code: str) -> None:
    with pytest.raises(AskError) as found:
        post.predict(points)
    assert {fault.code for fault in found.value.faults} == {code} and all(fault.cure for fault in found.value.faults)


def test_points_and_keywords_together_are_refused(post: Posterior) -> None:
    with pytest.raises(AskError, match="points together with D="):
        post.predict(AT, D="1T")


# --- what other results show -----------------------------------------------------------------------------------------


def test_results_of_several_fits_show_and_convert(post: Posterior) -> None:
    moved = fitting.difference(post, post)
    assert "largest move" in shown(moved).words and set(moved.to_pandas()["kind"]) == {"parameter", "prediction"}
    assert repr(moved) == "Difference(changed: nothing; a prediction or answer moved by 0 sd at most)"
    runs = fitting.design(post, {"N": "1B", "D": "1T"}, {"N": "1M..1B:3", "D": "1T", "run": "b"}, runs=1, check=False)
    assert runs.to_pandas()["batch"].notna().sum() == 1 and "narrower" in shown(runs).words
    assert runs.verdict == BAD and shown(runs).words.startswith("verdict: not to be believed")


def test_tables_show_and_convert_before_any_fit() -> None:
    law = lawdsl.parse(LAW)
    bound = lawdsl.bind(law, ROWS)
    assert repr(bound) == "Table(3 rows of <table>: N, D, L, run)"
    assert bound.to_pandas().to_dict(orient="list") == ROWS
    assert WICKED in shown(bound).words
    frame = lawdsl.read_table({name: values * 20 for name, values in ROWS.items()})
    assert frame.to_pandas().shape == (60, 4) and f"and {60 - notebook.SHOWN} more rows" in shown(frame).words
    assert repr(frame) == "Frame(60 rows of <table>: N, D, L, run)"


# --- types -----------------------------------------------------------------------------------------------------------

USE = """
import fitting, lawdsl
law = lawdsl.load("qid")
post = fitting.fit(law, {"N": [1e9]})
reveal_type(law)
reveal_type(post)
reveal_type(post.predict(N="70B"))
reveal_type(post.predict(N="70B")[0].median)
reveal_type(post.ask("tokens_at", N="7B")["D"].lo)
reveal_type(post.verdict.reasons)
reveal_type(fitting.compare([post, post]))
reveal_type(fitting.plan(post, 1e20))
fitting.nope
"""
TYPES = [
    "lawdsl.law.Law", "fitting.posterior.Posterior", "fitting.predicted.Predictions", "float", "float",
    "tuple[str, ...]", "fitting.comparing.Comparison", "fitting.planning.Plan",
]  # fmt: skip


def test_packages_say_that_they_are_typed() -> None:
    for package in ("lawdsl", "fitting", "measure"):
        assert (Path(__file__).parents[1] / package / "py.typed").is_file()


@pytest.mark.slow  # a type checker reads all three packages
def test_a_checker_sees_the_types_of_the_face(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    (tmp_path / "use.py").write_text(USE)
    root = Path(__file__).parents[1]
    out, _, _ = api.run(["--config-file", str(root / "pyproject.toml"), str(tmp_path / "use.py")])
    seen = [name.replace("builtins.", "") for name in re.findall(r'Revealed type is "(.*?)"', out)]
    assert seen == TYPES
    assert 'has no attribute "nope"' in out
