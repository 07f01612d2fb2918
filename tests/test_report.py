"""A fit as one page: what it holds, that it is whole, safe and small, and how the command makes it."""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posteriors import ALONE, of_prior
from reports import NOTE, chinchilla, qid

import lawdsl
from fitting import Posterior, predict
from fitting.report.figures import figures
from fitting.report.page import page, sentence
from fitting.report.panels import panels
from fitting.report.vendored import FOLDER, VENDORED
from lawdsl.cli import run
from lawdsl.errors import AskError

#: bytes of a page, of the whole and of what every page holds
MOST_BYTES = 3_000_000
HOSTILE = '</script><img src=x onerror="alert(1)"><!-- {{ 7*7 }} & "\''
#: what a page with a hostile text must not hold anywhere: markup that its template has not
MARKUP = ("<img", 'onerror="alert', "{{ 7*7 }}<")


@pytest.fixture(scope="module")
def fit() -> Posterior:
    return qid()


@pytest.fixture(scope="module")
def made(fit: Posterior) -> str:
    return page([fit]).html


@pytest.fixture(scope="module")
def file(fit: Posterior, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit.save(tmp_path_factory.mktemp("fits") / "qid.nc")


def text_of(page: str) -> str:
    """The page's words, without scripts, styles and marks."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", bare)))


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_the_page_says_law_verdict_rows_and_provenance_in_words(fit: Posterior, made: str) -> None:
    words = text_of(made)
    assert fit.law.title in words and "Good." in words and sentence(NOTE) in words
    assert "252 rows of ladder-qid" in words and "2 chains of 300 draws" in words
    assert fit.provenance.law_digest in words and fit.provenance.data_digest in words
    assert "What an interval here means" in words and "@inproceedings" in words


def test_the_constants_stand_beside_those_of_the_paper(made: str) -> None:
    assert re.search(r"fall with bits 4\.7\d+ ± 0\.0\d+ \[4\.\d+, 4\.\d+\] 5\.4967", text_of(made))


def test_a_fit_that_is_not_to_be_believed_says_so_before_anything_else() -> None:
    words = text_of(page([chinchilla()]).html)
    assert words.index("Not to be believed.") < words.index("Ask the law anywhere")
    assert "Too few effective draws in the bulk (A 90; 200 are needed)." in words


def test_the_figures_hold_every_row_and_variable(fit: Posterior) -> None:
    drawn = figures(fit)
    assert {one["variable"] for one in drawn["panels"]} == {"N", "D", "P"}
    assert len(drawn["residuals"]["dL"]["z"]) == drawn["of"] == 252
    assert len(drawn["pairs"]["names"]) == 5 and "u[100k-s0]" not in drawn["pairs"]["names"]
    assert sum(drawn["checks"]["dL"]["ranks"]) == 252
    json.dumps(drawn, allow_nan=False)


def test_a_curve_of_a_panel_is_what_predict_gives(fit: Posterior) -> None:
    curve = figures(fit)["panels"][0]["curves"][0]
    name = figures(fit)["panels"][0]["variable"]
    (one,) = predict(fit, [{**curve["held"], name: float(curve["x"][-1])}])
    assert curve["median"][-1] == pytest.approx(one.median, rel=1e-3)  # the place has five digits
    assert [curve["lo"][-1], curve["hi"][-1]] == pytest.approx([one.lo, one.hi], rel=1e-3)


def test_laws_of_any_kind_have_panels() -> None:
    """Levels of a factor that must be named, counts, one variable alone, a least Huber loss; a law of sequences has
    none: its points do not stand alone.
    """
    random = np.random.default_rng(5)
    counted = of_prior(lawdsl.load("activation_attack_success"), 40, random)
    drawn = figures(counted)["panels"]
    assert {one["variable"] for one in drawn} == {"a", "t", "attacks"}
    levels = {curve["held"]["model"] for curve in drawn[0]["curves"]}
    assert levels == set(counted.factors["model"]), "a curve a level: a prediction must name one"
    band = drawn[0]["curves"][0]
    assert all(0 <= low <= high <= 1 for low, high in zip(band["new_lo"], band["new_hi"], strict=True))
    (alone,) = figures(of_prior(lawdsl.parse(ALONE), 40, random))["panels"]
    assert alone["variable"] == "N" and len(alone["curves"]) == 1
    huber = replace(of_prior(lawdsl.parse(ALONE), 40, random), residuals={"L": np.array([-0.1, 0.1, np.nan] * 10)})
    (least,) = figures(huber)["panels"]
    assert np.isfinite(least["curves"][0]["new_hi"]).all(), "residuals drawn again, and never those that are missing"
    one_run = lawdsl.load("annealing")
    assert one_run.sequence is not None and panels(of_prior(one_run, 40, random)) == []


def test_two_fits_are_told_apart_and_compared() -> None:
    words = text_of(page([qid(), qid(shift=0.05)]).html)
    assert "What differs" in words and "From first to second." in words
    assert re.search(r"beta 0\.37\d* ± 0\.01\d* 0\.42\d* ± 0\.01\d* \+3\.\d+ sd", words)


def test_fits_of_different_responses_are_refused(fit: Posterior) -> None:
    with pytest.raises(AskError) as caught:
        page([fit, chinchilla()])
    assert caught.value.faults[0].code == "ASK080"


# --- whole, small and safe --------------------------------------------------------------------------------------------


def test_the_page_is_whole_and_small(made: str) -> None:
    assert len(made.encode()) < MOST_BYTES
    outside = re.sub(r"<(script|style)\b.*?</\1>", " ", made, flags=re.S)
    assert not re.findall(r"<(?:link|iframe|object|embed|base|img)\b", outside)
    assert not re.findall(r"""\b(?:src|srcset|action|formaction|style|on\w+)=["']""", outside)
    assert all(
        link.startswith("#") or link.startswith("https://arxiv.org/abs/")
        for link in re.findall(r'href="([^"]*)', outside)
    )


def test_the_policy_lets_run_what_the_page_was_made_with_alone(made: str) -> None:
    import base64

    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', made)
    policy = html.unescape(policy)
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", made, flags=re.S)
    (style,) = re.findall(r"<style>(.*?)</style>", made, flags=re.S)
    for text in (*scripts, style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert len(scripts) == made.count("<script>") == 5


@pytest.mark.parametrize("where", ["title", "about", "labels", "notes", "table", "source"])
def test_a_strangers_text_is_text_wherever_it_comes_from(where: str) -> None:
    law = lawdsl.load("qid")
    if where == "title":
        law = replace(law, title=HOSTILE)
    if where == "about":
        variables = tuple(replace(one, about=HOSTILE) for one in law.variables)
        parameters = tuple(replace(one, about=HOSTILE) for one in law.parameters)
        law = replace(law, about=HOSTILE, variables=variables, parameters=parameters,
                      ask=tuple(replace(one, about=HOSTILE) for one in law.ask))  # fmt: skip
    if where == "source":
        law = replace(law, source=(("arxiv", HOSTILE), ("title", HOSTILE), ("authors", HOSTILE)))
    fit = replace(qid(), law=law)
    if where == "labels":
        named = tuple(f"{HOSTILE}{i}" for i in range(len(fit.factors["run"])))
        fit = replace(fit, factors={"run": named}, levels={"u": named})
    if where == "notes":
        fit = replace(fit, verdict=replace(fit.verdict, notes=(HOSTILE,), reasons=(HOSTILE,), ok=False))
    if where == "table":
        fit = replace(fit, provenance=replace(fit.provenance, data=HOSTILE, notes=(HOSTILE,)))
    found = page([fit]).html
    assert found.count("<script") == found.count("</script>") == 7
    for text in MARKUP:
        assert text not in found
    outside = text_of(found)
    assert "alert(1)" in outside  # it is there, as text


def test_what_travels_in_the_page_is_as_its_authors_published_it() -> None:
    for one in VENDORED:
        assert hashlib.sha256(one.file.read_bytes()).hexdigest() == one.sha256
        assert one.version in one.file.read_text("utf-8")[:200]
        for licence in one.licences:
            assert "Permission" in licence.read_text("utf-8")
    listed = {path for one in VENDORED for path in (one.file, *one.licences)}
    assert set(FOLDER.iterdir()) == listed


# --- the command ------------------------------------------------------------------------------------------------------


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    status = run(["report", *map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else {}, err


def test_the_command_writes_the_page_and_says_what_is_in_it(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "new" / "qid.html"
    status, said, _ = report(capsys, file, "-o", target)
    assert status == 0 and said["path"] == str(target) and said["bytes"] == target.stat().st_size
    assert said["sections"][:4] == ["law", "verdict", "rows", "explorer"] and said["pdf"] is None
    assert re.findall(r'<section id="(\w+)"', target.read_text()) == said["sections"]
    assert [path.name for path in target.parent.iterdir()] == ["qid.html"]  # nothing of the writing is left


def test_a_bad_verdict_is_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = chinchilla().save(tmp_path / "fit.nc")
    status, said, _ = report(capsys, fit, "-o", tmp_path / "page.html")
    assert status == 1 and not said["verdicts"][0]["ok"] and "backtests" in said["sections"]


def test_faults_of_a_call_end_in_one_message_with_a_cure(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report(capsys)[0] == 2
    assert report(capsys, file, file, file)[0] == 2
    blocked = tmp_path / "file"
    blocked.write_text("")
    status, _, err = report(capsys, file, "-o", blocked / "page.html")
    assert status == 3 and "FIT001" in err
    monkeypatch.setenv("LAWDSL_BROWSER", "no-such-browser")
    status, _, err = report(capsys, file, "-o", tmp_path / "page.html", "--pdf", tmp_path / "page.pdf")
    assert status == 3 and "FIT090" in err and not (tmp_path / "page.html").exists()
