"""The report as Markdown: what it says, its figures beside it, and texts of strangers that stay texts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
import reports
from posteriors import posterior

import lawdsl
from fitting import Posterior, Verdict
from fitting.report.markdown import FIGURES, markdown, write
from lawdsl.cli import run

WICKED = "<script>x</script> [a](javascript:b) `c` ``d`` | $e$ *f* \\g"
LAW = f"""
law: wicked
title: {json.dumps(WICKED)}
source: {{title: {json.dumps(WICKED)}, authors: {json.dumps(WICKED)}, year: 2020}}
about: {json.dumps(WICKED)}
variables: {{N: {{unit: parameters, about: {json.dumps(WICKED)}}}}}
response: {{L: {{unit: nats/token, about: {json.dumps(WICKED)}}}}}
factors: {{run: {{levels: any, about: {json.dumps(WICKED)}}}}}
parameters:
  k: {{prior: "LogNormal(0, 1)", by: run, about: {json.dumps(WICKED)}}}
  s: {{prior: HalfNormal(0.1)}}
equation: L = k/N^0.1
noise: {{family: normal, scale: s}}
ask: {{at: {{value: k, about: {json.dumps(WICKED)}}}}}
published: {{paper: {{about: {json.dumps(WICKED)}, source: {json.dumps(WICKED)}, s: 0.1}}}}
"""


@pytest.fixture(scope="module")
def wicked() -> Posterior:
    fit = reports.qid()
    draws = {"k": fit.draws["u"][..., :2], "s": fit.draws["s1"]}
    rows = {"N": [1e6, 1e7], "L": [2.0, 1.0], "run": [WICKED, "b"]}
    made = posterior(lawdsl.parse(LAW), rows, draws, verdict=Verdict(False, (WICKED,), (WICKED,)))
    return replace(made, provenance=replace(made.provenance, data=WICKED, notes=(WICKED,)))


def plain(text: str) -> str:
    """Markdown without its code, its mathematics and what is escaped."""
    text = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    return re.sub(r"^\$\$\n.*?\n\$\$$", "", re.sub(r"\\.", "", text), flags=re.DOTALL | re.MULTILINE)


def test_no_text_of_a_stranger_is_markup(wicked: Posterior) -> None:
    text = markdown(wicked, {})
    left = plain(text)
    assert "<" not in left and "`" not in left and "$" not in left
    assert not re.search(r"\]\((?!https://arxiv)", left)
    for rows in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):  # a bar of a text ends no cell
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows.splitlines()}) == 1


def test_the_verdict_comes_first_and_numbers_are_the_fits() -> None:
    bad, good = reports.chinchilla(), reports.qid()
    assert markdown(bad, {}).index("**Verdict: not to be believed.**") < markdown(bad, {}).index("$$")
    text = markdown(good, {})
    assert "**Verdict: good.**" in text and f"- {reports.NOTE}" in text
    (row,) = re.findall(r"^\| `beta` \| (.*?) \| .* \| 0\.5251 \|", text, re.MULTILINE)
    middle = good.summary()["beta"]["mean"]
    assert abs(float(row.split(" ± ")[0]) - middle) < 5e-4
    assert "## Backtests" in markdown(bad, {}) and "## Backtests" not in text
    assert good.provenance.data_digest in text and "tokens_at" in text and "@inproceedings{ouyang2025low" in text


def test_figures_stand_beside_it(tmp_path: Path) -> None:
    report, *figures = write(reports.qid(), tmp_path / "out" / "my fit.md")
    named = [unquote(name) for name in re.findall(r"!\[.*?\]\(<(.*?)>\)", report.read_text())]
    assert named == [file.name for file in figures] == [f"my fit-{name}.png" for name, *_ in FIGURES]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in figures)


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here of a fit without replicates of its rows, which has no picture of them."""
    fit = str(replace(reports.chinchilla(), predictive={}).save(tmp_path / "fit.nc"))
    assert run(["report", fit, "--md", str(tmp_path / "r.md"), "--json"]) == 1  # its verdict is not good
    told = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in told["figures"]] == ["r-curves.png", "r-constants.png", "r-residuals.png"]
    assert "Predictive" not in (tmp_path / "r.md").read_text() and not told["verdict"]["ok"]
    for wrong in (
        ["--md", "r.txt"],
        ["--md", "r.md", "--methods"],
        ["--md", "r.md", "-o", "a.html"],
        [fit, "--md", "r.md"],
    ):
        assert run(["report", fit, *wrong]) == 2
        assert "ASK082" in capsys.readouterr().err
