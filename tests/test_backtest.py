"""Backtests: cuts, scores, the law's error learned from below, and what a fit file then knows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitting
import lawdsl
from fitting import backtesting as module
from fitting.backtesting import Backtest, backtest
from fitting.posterior import open_fit, table_of
from fitting.reliability import Reliability
from fitting.scores import LEVELS
from lawdsl.cli import run
from lawdsl.errors import AskError
from lawdsl.table import bind

LAW = """
law: falls
title: loss by size
variables:
  N: {unit: parameters, kind: total}
response: {L: {unit: nats/token}}
parameters:
  k: {prior: "LogNormal(1, 1)"}
  a: {prior: "Normal(0.2, 0.2)"}
  s: {prior: HalfNormal(0.05)}
equation: L = k/(N/1e6)^a
noise: {family: normal, on: log, scale: s}
"""
SCATTER, BEND = 0.005, 0.008
SIZES = np.geomspace(1e6, 1e10, 60)


def rows(bend: float) -> dict[str, Any]:
    """A power law, but for a bend in the logarithm which the law does not know."""
    decades = np.log10(SIZES / 1e6)
    scatter = SCATTER * np.random.default_rng(1).standard_normal(len(SIZES))
    return {"N": SIZES, "L": np.exp(1.0 - 0.25 * decades + bend * decades**2 + scatter)}


@pytest.fixture(scope="module")
def bent() -> Backtest:
    law = lawdsl.parse(LAW)
    return backtest(law, bind(law, rows(BEND)))


@pytest.fixture(scope="module")
def straight() -> Backtest:
    law = lawdsl.parse(LAW)
    return backtest(law, bind(law, rows(0.0)), beside=False)


def coverage(told: Backtest, form: str) -> float:
    found = [s for _, _, s in told.by_distance(form)]
    return sum(s.coverage[0.9] * s.rows for s in found) / sum(s.rows for s in found)


def test_a_true_law_needs_no_widening(straight: Backtest) -> None:
    """Eight cuts share their rows, so coverage scatters by some five points about 90 %."""
    assert coverage(straight, "plain") > 0.8
    assert straight.final["L"].share < 0.1
    assert straight.forms == ("plain", "widened")


def test_a_law_that_bends_is_widened_until_it_holds(bent: Backtest) -> None:
    assert coverage(bent, "plain") < 0.5
    assert bent.final["L"].widen
    assert coverage(bent, "widened") > 0.8  # whatever the seed: the bend is far larger than the scatter
    assert coverage(bent, "beside") < 0.5
    plain, wide = (dict(zip(range(9), bent.by_cut(form), strict=False)) for form in ("plain", "widened"))
    last = max(plain)
    assert wide[last][1].width[0.9] > plain[last][1].width[0.9]
    assert wide[last][1].log_score > plain[last][1].log_score


def test_cuts_leave_rows_on_both_sides(bent: Backtest) -> None:
    at = np.log10(SIZES)
    for one in bent.forecasts:
        assert one.below == int((at <= one.cut).sum()) >= module.LEAST_ROWS
        assert len(one.row) == len(SIZES) - one.below >= module.LEAST_ABOVE
        assert one.edge == pytest.approx(at[at <= one.cut].max())
        assert np.allclose(one.distance, at[one.row] - one.edge)
    assert len(bent.forecasts) == module.CUTS


def test_no_cut_sees_what_lies_above_it(bent: Backtest) -> None:
    """The first cut has only what other tables taught; each later one the rows between the cuts below it and itself."""
    assert bent.forecasts[0].told is not None and bent.forecasts[0].told.rows == 0
    for i, one in enumerate(bent.forecasts):
        assert one.told is not None
        known = sum(one.below - lower.below for lower in bent.forecasts[:i])
        assert one.told.rows == known
    # changing the rows above the last cut changes nothing that is told below it
    at = np.log10(SIZES)
    raw = json.loads(json.dumps(bent.raw))
    edge = raw[-1]["edge"]
    for one in raw[:-1]:
        here = one["responses"]["L"]
        far = at[here["row"]] > edge
        here["observed"] = np.where(far, 99.0, here["observed"]).tolist()
        here["densities"] = np.where(far, -999.0, here["densities"]).tolist()
    again, _ = module.assemble(bent.law, at, raw)
    assert again[-1].told == bent.forecasts[-1].told


def test_answers_are_json_and_reliability_is_read_as_written(bent: Backtest) -> None:
    plain = json.loads(json.dumps(bent.as_json()))
    assert plain["frontier"] == "N" and len(plain["cuts"]) == module.CUTS
    assert set(plain["cuts"][0]["scores"]) == {"plain", "widened", "beside"}
    told = bent.reliability
    assert Reliability.from_json(json.loads(json.dumps(told.as_json()))) == told


@pytest.mark.parametrize(
    ("cuts", "said"),
    [(["1e3"], "no cut of N"), (["many"], "no positive number"), ([1e7, -1.0], "no positive number")],
)
def test_cuts_at_fault(cuts: list[Any], said: str) -> None:
    law = lawdsl.parse(LAW)
    with pytest.raises(AskError, match=said) as found:
        backtest(law, bind(law, rows(0.0)), cuts=cuts)
    assert [fault.code for fault in found.value.faults] == ["ASK015"]


def test_too_few_rows() -> None:
    law = lawdsl.parse(LAW)
    few = {name: values[:10] for name, values in rows(0.0).items()}
    with pytest.raises(AskError, match="10 rows are too few"):
        backtest(law, bind(law, few))


def test_a_fit_file_carries_it_and_forecasts_say_so(
    tmp_path: Path, bent: Backtest, capsys: pytest.CaptureFixture[str]
) -> None:
    law = lawdsl.parse(LAW)
    path = fitting.fit(law, bind(law, rows(BEND)), method="map").save(tmp_path / "bent.nc")
    assert run(["predict", str(path), "--at", "N=1e11"]) == 0
    before = " ".join(capsys.readouterr().out.split())
    assert "not backtested: lawdsl backtest" in before
    assert run(["backtest", str(path), "--json", "--alone", "--cuts", "3e7,1e8,1e9,3e9"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["fit"] == str(path) and len(said["cuts"]) == 4
    post = open_fit(path)
    assert post.reliability is not None and post.reliability.frontier == "N"
    plain = replace(post, reliability=None)
    near, far = {"N": 1e9}, {"N": 1e11}
    assert post.predict([near])[0] == plain.predict([near])[0]  # among the rows nothing changes
    wide, narrow = post.predict([far])[0], plain.predict([far])[0]
    assert wide.widened and wide.hi - wide.lo > 2 * (narrow.hi - narrow.lo)
    assert wide.found.startswith("one decade out, 90 % intervals covered")
    assert run(["predict", str(path), "--at", "N=1e11"]) == 0
    after = " ".join(capsys.readouterr().out.split())
    assert "calibration: one decade out, 90 % intervals covered" in after and "widened by the law's own error" in after
    assert table_of(post).rows == len(SIZES)
    assert run(["backtest", str(path), "--data", "x.csv"]) == 2 and "ASK013" in capsys.readouterr().err


def test_its_picture_shows_what_intervals_held_and_every_forecast(bent: Backtest) -> None:
    figure = fitting.plots.backtests(bent)
    coverage, errors = figure.axes
    found = bent.reliability.found
    drawn = {tuple(np.asarray(one.get_ydata()).tolist()) for one in coverage.lines}
    for level in LEVELS:
        assert tuple(one.widened[level] for one in found) in drawn, "filled: as they are used"
        assert tuple(one.plain[level] for one in found) in drawn, "hollow: plain"
    assert [label.get_text().split("\n")[1] for label in coverage.get_xticklabels()] == [
        f"{o.rows} rows" for o in found
    ]
    shifts = [np.asarray(one.get_ydata()) for one in errors.lines if one.get_marker() != "None"]
    for one, seen in zip(bent.forecasts, shifts, strict=True):
        marks = one.marks["widened"]
        assert seen == pytest.approx(marks.observed / marks.median)
    last = bent.forecasts[-1]
    assert f"({last.below} rows)" in errors.get_legend().get_texts()[-1].get_text()


def test_of_a_fit_the_picture_has_its_coverage_alone(bent: Backtest) -> None:
    law = lawdsl.parse(LAW)
    post = replace(fitting.fit(law, bind(law, rows(BEND)), method="map"), reliability=bent.reliability)
    (axes,) = fitting.plots.backtests(post).axes
    assert axes.get_xlabel() == "decades beyond the rows"


def test_a_notebook_shows_scores_and_what_they_mean(bent: Backtest, straight: Backtest) -> None:
    shown = bent._repr_html_()
    assert "L: intervals are widened by the law" in shown and "one decade out" in shown and "Huber" in shown
    assert "widened" not in straight._repr_html_().split("plain intervals hold")[1]
    columns = bent.to_columns()
    assert len(columns["cut"]) == len(bent.forms) * module.CUTS
    assert columns["in_0.9"][columns["form"].index("widened")] == bent.by_cut("widened")[0][1].coverage[0.9]


def test_of_many_rows_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 40)
    law = lawdsl.parse(LAW)
    told = backtest(law, bind(law, rows(0.0)), cuts=["1e9"], beside=False)
    assert told.rows == 40 and told.notes[0] == "40 of 60 rows, drawn by the seed"


def test_a_fit_is_backtested_on_its_own_rows_by_a_method_that_there_is(straight: Backtest) -> None:
    law = lawdsl.parse(LAW)
    post = fitting.fit(law, bind(law, rows(0.0)), method="map")
    again = backtest(post, beside=False, cuts=[10 ** straight.forecasts[-1].cut])
    mine, other = again.forecasts[0].marks["plain"], straight.forecasts[-1].marks["plain"]
    assert np.array_equal(mine.median, other.median) and np.array_equal(mine.hi, other.hi)
    with pytest.raises(AskError, match="no backtest by 'huber'"):
        backtest(post, method="huber")


def test_shares_of_counts_are_backtested_too() -> None:
    """Their noise has no density on the scale of the law: quantiles alone, and no bootstrap beside them."""
    law = lawdsl.parse(
        "law: hits\nvariables: {N: {unit: parameters, kind: total}, n: {unit: count}}\n"
        "response: {p: {unit: fraction}}\n"
        "parameters: {a: {prior: 'Normal(0, 1)'}, b: {prior: 'Normal(0.5, 0.5)'}}\n"
        "equation: p = 1/(1 + exp(-a - b*log(N/1e8)))\nnoise: {family: binomial, trials: n}\n"
    )
    chance = 1 / (1 + np.exp(0.5 - 0.3 * np.log(SIZES / 1e8)))
    hits = np.random.default_rng(3).binomial(400, chance)
    told = backtest(
        law, bind(law, {"N": SIZES, "n": np.full(len(SIZES), 400.0), "p": hits / 400}), cuts=["1e9"], frontier="N"
    )
    assert told.forms[0] == "plain" and "beside" not in told.forms
    (one,) = told.forecasts
    assert (0 <= one.marks["plain"].median).all() and (one.marks["plain"].median <= 1).all()
    assert coverage(told, "plain") > 0.6  # 20 forecasts of a true law: fewer than 12 inside once in ten thousand


def test_the_command_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "falls.yaml").write_text(LAW)
    table = rows(BEND)
    lines = "\n".join(f"{n},{loss}" for n, loss in zip(table["N"], table["L"], strict=True))
    (tmp_path / "rows.csv").write_text(f"N,L\n{lines}\n")
    arguments = ["backtest", str(tmp_path / "falls.yaml"), "--data", str(tmp_path / "rows.csv"), "--cuts", "1e8,1e9"]
    assert run(arguments) == 0
    out = " ".join(capsys.readouterr().out.split())
    for text in (
        "frontier N",
        "Huber and bootstrap",
        "widened by the law's error",
        "one decade out",
        "rows of one cut",
    ):
        assert text in out, text
