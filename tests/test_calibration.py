"""Calibration: the ranks of a right engine are uniform, those of a wrong one are not, wherever they are computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fitting
import lawdsl
from fitting import calibrated, calibration, outcomes, plots
from fitting.calibration import Calibration, calibrate
from fitting.model import Model
from fitting.simulation import design
from lawdsl import library
from lawdsl.cli import run
from lawdsl.errors import InputError

LINE = Path(__file__).parent / "line.yaml"


@pytest.fixture(scope="module")
def line() -> lawdsl.Law:
    return lawdsl.load(str(LINE))


@pytest.fixture(scope="module")
def found(line: lawdsl.Law) -> Calibration:
    return calibrate(line, replicates=30, on="here")


def test_a_right_engine_passes(found: Calibration) -> None:
    """A false alarm in 1 % of seeds; this one is none."""
    assert found.ok and not found.rejected and not found.failures
    assert list(found.ranks) == ["a", "sigma", "log density"]
    assert (found.replicates, found.rows, found.redrawn, found.apart) == (30, 12, 0.0, 0)
    assert all(0 <= ranks.min() <= ranks.max() <= 99 for ranks in found.ranks.values())


def test_the_same_ranks_on_the_pool_and_from_the_store(line: lawdsl.Law, found: Calibration, tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    fewer = calibrate(line, replicates=10, workers=2, store=store)
    assert {n: r.tolist() for n, r in fewer.ranks.items()} == {n: r[:10].tolist() for n, r in found.ranks.items()}
    before = store.read_bytes()
    again = calibrate(line, replicates=10, on="here", store=store)
    assert store.read_bytes() == before
    assert again.as_json() == fewer.as_json()
    assert calibrate(line, replicates=10, on="here", seed=1).ranks["a"].tolist() != again.ranks["a"].tolist()


@pytest.mark.parametrize(("fault", "seen"), [("noise", "sigma"), ("prior", "a")])
def test_a_wrong_engine_is_found(line: lawdsl.Law, monkeypatch: pytest.MonkeyPatch, fault: str, seen: str) -> None:
    """Rows with three times the noise that the law says, or constants from another prior than the fit's."""
    if fault == "noise":
        whole = outcomes.replicate

        def louder(outcome: Any, rows: Any, data: Any, random: Any) -> NDArray[np.float64]:
            return whole(outcome, {**rows, "scale": 3 * rows["scale"]}, data, random)

        monkeypatch.setattr(calibration.outcomes, "replicate", louder)
    else:
        drawn = Model.prior_draws

        def elsewhere(self: Model, count: int, seed: int) -> NDArray[np.float64]:
            shift = np.array([0.0, 0.0]) if count == 1000 else np.array([4.0, 3.0])  # a: 4 sd, sigma: e^3
            return drawn(self, count, seed) + shift

        monkeypatch.setattr(Model, "prior_draws", elsewhere)
    wrong = calibrate(line, replicates=10, on="here")
    assert not wrong.ok
    assert seen in wrong.rejected


def test_rows_of_a_table_and_their_gaps(tmp_path: Path) -> None:
    """A law of two responses at a table in which one of them was not always observed."""
    law = lawdsl.load("overtraining")
    table = design(law)
    first = law.outcomes[0].response.name
    columns = {**table.columns, **{name: np.ones(table.rows) for name in law.outcome}}
    columns[first] = np.where(np.arange(table.rows) % 3 == 0, np.nan, 0.5)
    gappy = replace(table, columns=columns)
    model = Model(law, calibration._from_json(json.loads(json.dumps(calibration._as_json(law, gappy)))))
    u, responses, tries = calibration._possible(model, np.random.default_rng(0))
    assert u.shape == (model.width,) and tries >= 1
    assert np.array_equal(np.isnan(responses[first]), np.arange(table.rows) % 3 == 0)
    fresh = calibration._with_rows(model, responses)
    assert fresh.program is model.program
    assert fresh.data["outcomes"][first]["seen"].sum() == np.isfinite(responses[first]).sum()


def test_rows_that_no_table_could_hold_are_drawn_again() -> None:
    """Half the lines fall below zero, where the log of a response is not: the other half of the prior is used."""
    text = LINE.read_text().replace("on: identity", "on: log").replace("family: normal", "family: lognormal")
    law = lawdsl.parse(text)
    model = Model(law, calibration._from_json(calibration._as_json(law, design(law))))
    tries = [calibration._possible(model, np.random.default_rng(seed))[2] for seed in range(40)]
    assert 1.4 < np.mean(tries) < 2.9  # 2 expected with sd 0.22


def test_what_cannot_be_calibrated(line: lawdsl.Law) -> None:
    with pytest.raises(InputError, match="FIT012"):
        calibrate(lawdsl.load("azuma_bound"), on="here")
    with pytest.raises(InputError, match="FIT015"):
        calibrate(replace(line, simulation=None), on="here")
    never = lawdsl.parse(LINE.read_text().replace("Normal(0, 1)", "Normal(-9, 1)").replace("identity", "log"))
    with pytest.raises(InputError, match="FIT035"):
        calibrate(never, replicates=5, on="here")


def test_replicates_without_a_fit_are_told(found: Calibration) -> None:
    broken = replace(found, failures=("no start with a finite density",) * 3)
    assert not broken.ok and not broken.rejected
    assert replace(found, failures=("one",)).ok


def test_the_picture(found: Calibration) -> None:
    figure = plots.ranks(found)
    assert [axes.get_title("left").split()[0] for axes in figure.axes] == ["a", "sigma", "log"]
    line = figure.axes[0].lines[0].get_ydata()
    ranks = found.ranks["a"]
    assert line[49] == pytest.approx(np.mean(ranks < 50) - 0.5)


def test_the_command(
    found: Calibration, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = ["calibrate", str(LINE), "--replicates", "10", "--on", "here"]
    monkeypatch.setattr(calibration, "calibrate", lambda *_, **__: found)
    picture = tmp_path / "ranks.svg"
    assert run([*arguments, "--plot", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "verdict: calibrated" in said and "probability 1 %" in said.replace("1%", "1 %")
    assert picture.stat().st_size > 1000
    assert run([*arguments, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["ok"] and plain["false_alarm_rate"] == 0.01 and len(plain["ranks"]["a"]) == 30
    skewed = replace(found, p={**found.p, "a": 0.001})
    monkeypatch.setattr(calibration, "calibrate", lambda *_, **__: skewed)
    assert run(arguments) == 1
    assert "the ranks of a are not uniform" in capsys.readouterr().out
    assert run([*arguments, "--map", "x=column"]) == 2
    assert run([*arguments, "--on", "cloud"]) == 1  # the stand-in; the place is checked by the sweep itself


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
def test_every_law_of_the_library_is_calibrated(name: str) -> None:
    """Every law, at a joint rate of 1 %: each law at 1 % over their number. Hours; on record in docs."""
    law = lawdsl.load(name)
    if law.status == "bound":
        pytest.skip("a bound is not fitted")
    done = calibrate(law, replicates=50, rate=0.01 / len(library.names()), on="here")
    assert done.ok, (done.rejected, done.failures)


def test_a_fit_is_a_fit_of_the_engine(line: lawdsl.Law, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is calibrated is what `fit` does at its first try: the same draws from the same rows, seed and settings."""
    from fitting import repair
    from fitting.sample import Settings
    from fitting.simulation import simulated

    monkeypatch.setattr(repair, "trouble", lambda *_: False)
    table = simulated(line, 3)
    post = fitting.fit(line, table, seed=5, chains=calibration.CHAINS, warmup=calibration.WARMUP, draws=150)
    model = Model(line, table)
    settings = Settings(chains=calibration.CHAINS, warmup=calibration.WARMUP, draws=calibration.KEPT, seed=5)
    model, drawn = calibration.draws_of(model, settings)
    assert np.array_equal(calibration._quantities(model, drawn.positions)["a"], post.draws["a"])


def test_the_record_of_the_library(
    found: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A law on record is left alone until it changes; the page has a line for each, and says what is in trouble."""
    done: list[str] = []

    def stand_in(law: lawdsl.Law, **_: Any) -> Calibration:
        done.append(law.name)
        return replace(found, law=law.name, p={**found.p, "a": 0.001} if law.name == "kaplan_n" else found.p)

    monkeypatch.setattr(calibrated, "calibrate", stand_in)
    record, page = tmp_path / "record.jsonl", tmp_path / "page.md"
    arguments = [str(record), str(page), "kaplan_n", "kaplan_d", "azuma_bound", "--replicates", "30"]
    calibrated.main(arguments)
    calibrated.main(arguments)
    assert done == ["kaplan_n", "kaplan_d"]
    calibrated.main([*arguments[:-1], "40"])
    assert len(done) == 4
    laws = len(calibrated.fittable())
    assert f"2 of {laws} laws are on record; 1 of them rejected" in page.read_text()
    assert "kaplan_n: 30 replicates" in capsys.readouterr().out
    assert {line.split(" | ")[4] for line in page.read_text().splitlines() if line.startswith("| kaplan")} == {
        "no",
        "a",
    }


def test_known_errors_tell_nothing_of_constants() -> None:
    """On the scale of the noise the known errors are the same numbers whichever constants rows are simulated from."""
    law = lawdsl.load("compute_optimal")
    model = Model(law, calibration._from_json(calibration._as_json(law, design(law))))
    random = np.random.default_rng(0)
    scales = []
    for _ in range(3):
        _, columns, _ = calibration._possible(model, random)
        scales.append(calibration._with_rows(model, columns).data["outcomes"]["Nopt"]["error"])
    assert scales[1] == pytest.approx(scales[0], rel=1e-9) and scales[2] == pytest.approx(scales[0], rel=1e-9)
