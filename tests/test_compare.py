"""Laws against each other: scores with known answers, faults, and the command."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, comparing
from fitting.discrepancy import Discrepancy
from fitting.future import cuts_of
from fitting.psis import leave_one_out
from fitting.reliability import Found, Reliability
from lawdsl.cli import run
from lawdsl.errors import AskError, InputError

LINE = """
law: line
title: a power
variables: {{N: {{unit: parameters}}, D: {{unit: tokens}}, C: {{unit: FLOP, is: 6*N*D}}}}
response: {{L: {{unit: nats/token}}}}
parameters:
  A: {{prior: "LogNormal(1, 1)"}}
  a: {{between: [0.05, 1]}}
  s: {{prior: HalfNormal(0.1)}}
equation: L = {equation}
noise: {{family: normal, on: {on}, scale: s}}
"""
RANDOM = np.random.default_rng(0)
N = np.geomspace(1e6, 1e9, 40)
ROWS = {"N": N, "D": 20 * N, "L": 50 * N**-0.2 * np.exp(0.01 * RANDOM.normal(size=40))}


def law(equation: str = "A/(N/1e6)^a", on: str = "log", name: str = "line") -> lawdsl.Law:
    return lawdsl.parse(LINE.format(equation=equation, on=on).replace("law: line", f"law: {name}"))


def drawn(one: lawdsl.Law, rows: Any = None, **more: Any) -> Posterior:
    """A posterior about the truth, made of given draws."""
    random = np.random.default_rng(1)
    shape = (4, 250)
    draws = {
        "A": 50 * 1e6**-0.2 * np.exp(0.002 * random.normal(size=shape)), "a": 0.2 + 0.0005 * random.normal(size=shape),
        "s": 0.01 * np.exp(0.1 * random.normal(size=shape)),
    }  # fmt: skip
    return posterior(one, ROWS if rows is None else rows, draws, **more)


# --- weights ---------------------------------------------------------------------------------------------------------


def test_stacking_of_a_known_mixture() -> None:
    """Rows that are one third of one density and two thirds of the other."""
    a, b = np.array([0.0] * 10 + [-50.0] * 20), np.array([-50.0] * 10 + [0.0] * 20)
    weights = comparing.stacking(np.column_stack([a, b]), np.ones(30))
    np.testing.assert_allclose(weights, [1 / 3, 2 / 3], atol=1e-6)


def test_stacking_gives_the_better_law_all_where_it_is_better_everywhere() -> None:
    weights = comparing.stacking(np.column_stack([np.zeros(30), np.full(30, -2.0)]), np.ones(30))
    assert weights[0] > 0.99


def test_quantiles_of_weighted_draws() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(0, 1, 4000), np.random.default_rng(1).normal(9, 1, 4000)])
    weights = np.repeat([0.25, 0.75], 4000)
    low, high = comparing.weighted_quantiles(values, weights, (0.125, 0.625))
    assert low == pytest.approx(0, abs=0.1) and high == pytest.approx(9, abs=0.1)


def test_cuts_leave_rows_on_both_sides() -> None:
    along = np.geomspace(1, 1e6, 40)
    cuts = cuts_of(along, 3)
    assert [int((along > cut).sum()) for cut in cuts] == [20, 16, 12, 8]
    assert cuts_of(along[:10], 3) == [along[5]]  # four rows above, and six below
    assert cuts_of(along[:5], 3) == []


# --- comparisons -----------------------------------------------------------------------------------------------------


def test_a_right_law_and_a_wrong_one() -> None:
    found = comparing.compare([drawn(law()), drawn(law("A/(N/1e6)^a + s", name="off"))], seed=0)
    assert found.names == ("line", "off")
    assert found.frontier == "N"
    right, wrong = found.loo
    assert right.difference == 0 and wrong.difference < 0 and 0 < wrong.difference_se < abs(wrong.difference)
    assert len(found.cuts) == 4 and found.cuts[0][1:] == (20, 20)
    assert sum(found.weights) == pytest.approx(1)


def test_one_law_on_two_scales_of_noise_is_told_apart_by_density_alone() -> None:
    """The scores are of the response itself: without the slope of the log they would differ by its size."""
    rows = ROWS | {"L": 1.0 * ROWS["L"]}
    logs, plain = drawn(law(), rows), drawn(law(on="identity"), rows)
    scaled = {**plain.draws, "s": plain.draws["s"] * float(np.mean(rows["L"]))}
    plain = posterior(law(on="identity"), rows, scaled)
    a, b = (comparing._leave_one_out(comparing.model_of(p), p) for p in (logs, plain))
    assert abs(a.elpd.sum() - b.elpd.sum()) < 25


def test_the_score_is_that_of_the_draws() -> None:
    one = drawn(law())
    found = comparing.compare([one, drawn(law(name="same"))], seed=0)
    model = comparing.model_of(one)
    density = comparing.row_log_density(model, one.flat)
    assert found.loo[0].elpd == pytest.approx(leave_one_out(density, comparing._independence(one)).elpd.sum())
    assert found.loo[1].difference == 0 and found.loo[1].difference_se == 0


def test_names_that_come_twice() -> None:
    assert comparing.distinct(["a", "b", "a", "a"]) == ("a", "b", "a #2", "a #3")


@pytest.mark.parametrize("change", ["fewer", "other"])
def test_other_rows_are_refused(change: str) -> None:
    other = {k: v[:-1] for k, v in ROWS.items()} if change == "fewer" else ROWS | {"L": ROWS["L"] / np.log(2)}
    with pytest.raises(InputError, match="not of the same rows") as found:
        comparing.compare([drawn(law()), drawn(law(name="other"), other)])
    assert [fault.code for fault in found.value.faults] == ["FIT052"]
    assert ("40 rows against 39" if change == "fewer" else "in row 1") in str(found.value)


def test_one_law_and_point_fits_are_refused() -> None:
    with pytest.raises(InputError, match="FIT051"):
        comparing.compare([drawn(law())])
    point = drawn(law(), method="huber", residuals={"L": np.zeros(40)})
    with pytest.raises(InputError, match="FIT053"):
        comparing.compare([drawn(law()), point])


def test_the_future_lies_along_compute() -> None:
    """Where the rows know it; else along the variable that ranges widest."""
    both = law("A/(N*D/2e13)^(a/2)", name="both")
    models = [comparing.model_of(drawn(one)) for one in (law(), both)]
    assert comparing._frontier(models[:1], None)[0] == "N"
    word, along = comparing._frontier(models, None)
    assert word == "C"
    np.testing.assert_allclose(along, 120 * N**2)
    np.testing.assert_allclose(comparing._frontier(models, "D/N")[1], 20)


@pytest.mark.parametrize("frontier", ["Q", "N +", "C*Q"])
def test_a_frontier_that_no_law_has(frontier: str) -> None:
    with pytest.raises(AskError, match="FIT054"):
        comparing.compare([drawn(law()), drawn(law(name="other"))], frontier=frontier)


def test_the_average_holds_the_spread_between_laws() -> None:
    low, high = drawn(law()), drawn(law("2*A/(N/1e6)^a", name="twice"))
    (one,) = comparing.average([low, high], [0.5, 0.5], [{"N": "1B"}])
    assert one.average.lo == pytest.approx(one.laws[0].lo, rel=0.02)
    assert one.average.hi == pytest.approx(one.laws[1].hi, rel=0.02)
    assert one.average.new_lo < one.average.lo and one.average.hi < one.average.new_hi
    assert one.average.mean == pytest.approx((one.laws[0].mean + one.laws[1].mean) / 2)
    with pytest.raises(AskError, match="ASK002"):
        comparing.average([low, high], [0.5, 0.5], [{"Q": 1}])


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("compare")
    (here / "line.yaml").write_text(LINE.format(equation="A/(N/1e6)^a", on="log"))
    (here / "off.yaml").write_text(LINE.format(equation="A/(N/1e6)^a + 0.5", on="log").replace("line", "off"))
    rows = zip(*(ROWS[name] for name in "NDL"), strict=True)
    (here / "rows.csv").write_text("N,D,L\n" + "".join(f"{n},{d},{x}\n" for n, d, x in rows))
    drawn(law()).save(here / "line.nc")
    drawn(law("1.01*A/(N/1e6)^a", name="above")).save(here / "above.nc")
    return here


def test_the_command_on_fits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", str(folder / "line.nc"), str(folder / "above.nc"), "--at", "N=10B"]
    assert run(arguments) == 0
    said = capsys.readouterr().out
    for words in ("each row, the others given (PSIS-LOO)", "rows above a frontier of N", "90 % of a new observation"):
        assert words in said
    assert run([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["law"] for one in answer["laws"]] == ["line", "above"]
    assert answer["laws"][0]["leave_future_out"]["elpd"] == pytest.approx(
        answer["laws"][1]["leave_future_out"]["elpd"], abs=5
    )
    assert set(answer) == {"laws", "rows", "frontier", "cuts", "notes", "verdicts", "points"}


def test_the_average_holds_what_backtests_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A law that was backtested brings its own error and its calibration, and what was not is named."""
    seen = Found("L", (0.5, 1.5), 63, 4, {0.9: 0.51}, {0.9: 0.88})
    told = Reliability("N", 9.0, "map", (seen,), {"L": Discrepancy(0.3, math.log(0.3), 0.2, True, 5, 63)})
    plain = drawn(law())
    replace(plain, reliability=told).save(folder / "told.nc")
    silent, known = str(folder / "above.nc"), str(folder / "told.nc")
    (alone,) = comparing.average([plain, drawn(law(name="same"))], [0.5, 0.5], [{"N": 1e10}])
    assert not alone.average.widened
    assert run(["compare", known, silent, "--at", "N=10B", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["points"]
    assert [one["widened"] for one in (found["average"], *found["laws"])] == [True, True, False]
    assert found["average"]["new_hi"] - found["average"]["new_lo"] > 1.5 * (alone.average.new_hi - alone.average.new_lo)
    assert run(["compare", known, silent, "--at", "N=10B"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "calibration of line: one decade out, 90 % intervals covered 88 % of 63 forecasts" in said
    assert "widened by the law's own error" in said and "not backtested: above; lawdsl backtest FIT" in said


def test_the_command_on_laws(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The law that the rows are from is ahead by both scores."""
    status = run(["compare", str(folder / "line.yaml"), str(folder / "off.yaml"), "--data", str(folder / "rows.csv"),
                  "--method", "map", "--json"])  # fmt: skip
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == 0
    right, wrong = answer["laws"]
    assert wrong["loo"]["difference"] < -2 * wrong["loo"]["difference_se"]
    assert wrong["leave_future_out"]["difference"] < -2 * wrong["leave_future_out"]["difference_se"]
    assert right["weight"] > 0.9


def test_a_law_that_does_not_know_the_table_reads_it_as_the_one_beside_it_does(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "named.csv").write_text((folder / "rows.csv").read_text().replace("N,D,L", "size,tokens,loss"))
    known = '\ndata:\n  - {table: named.csv, map: {N: size, D: tokens, L: loss}, where: "size > 2e6"}\n'
    (folder / "knows.yaml").write_text((folder / "line.yaml").read_text() + known)
    assert run(["compare", "knows.yaml", "off.yaml", "--method", "map"]) == 0
    said = capsys.readouterr()
    assert "off: columns and filter of named.csv as line has them" in " ".join(said.err.split())
    kept = int((np.asarray(ROWS["N"]) > 2e6).sum())
    assert 0 < kept < len(ROWS["N"]) and f"{kept} rows;" in said.out


def test_what_is_at_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = str(folder / "line.nc")
    assert run(["compare", line]) == 2
    assert "FIT051" in capsys.readouterr().err
    assert run(["compare", line, line, "--map", "Q=q"]) == 2
    assert "FIT055" in capsys.readouterr().err
