"""A fit done again from its file: the same bits here, the same numbers elsewhere, and no other fit taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitting
import lawdsl
from fitting import Posterior, rerun
from fitting.rerunning import monte_carlo
from fitting.simulation import simulated
from lawdsl.cli import run

LINE = Path(__file__).parent / "line.yaml"
METHODS = ("map", "nuts", "huber", "bootstrap")


@pytest.fixture(scope="module", params=METHODS)
def fit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    law = lawdsl.load(str(LINE))
    post = fitting.fit(law, simulated(law, 1), method=request.param, seed=3, chains=2, draws=200)
    return post.save(tmp_path_factory.mktemp("rerun") / f"{request.param}.nc")


def test_a_fit_again_is_the_same_bit_for_bit(fit: Path) -> None:
    found = rerun(fitting.open_fit(fit))
    assert found.identical and found.ok and found.moved == () and found.most == 0


def test_another_fit_is_not_taken_for_it(fit: Path) -> None:
    """Draws moved by a standard deviation, as by another law or other rows."""
    post = fitting.open_fit(fit)
    name, draws = next(iter(post.draws.items()))
    spread = draws.std() if draws.size > 1 else abs(draws).max()
    found = rerun(replace(post, draws={**post.draws, name: draws + spread}))
    assert not found.identical and not found.ok
    assert name in [one.name for one in found.moved]
    assert found.most > found.bound or post.method == "huber"


def test_other_versions_are_told_and_no_fault(fit: Path) -> None:
    post = fitting.open_fit(fit)
    versions = {**dict(post.provenance.versions), "jax": "0.0.1"}
    found = rerun(replace(post, provenance=replace(post.provenance, versions=tuple(versions.items()))))
    assert found.ok
    assert [what for what, _, _ in found.difference.facts] == ["version of jax"]


def test_another_seed_moves_no_further_than_two_runs_may() -> None:
    """Two right runs of 4,000 draws each: a false alarm in at most one of a thousand seeds."""
    law = lawdsl.load(str(LINE))
    rows = simulated(law, 1)
    first = fitting.fit(law, rows, seed=1)
    other = fitting.fit(law, rows, seed=2)
    found = rerun(replace(first, draws=other.draws, verdict=first.verdict))
    assert not found.identical and found.ok
    assert 0 < found.most < found.bound < 0.25


def of(method: str, draws: int) -> Posterior:
    law = lawdsl.load(str(LINE))
    post = fitting.fit(law, simulated(law, 1), method="map")
    return replace(post, method=method, draws={n: v[:, :draws] for n, v in post.draws.items()})


def test_the_bound_falls_with_the_draws() -> None:
    assert monte_carlo(of("map", 2000), of("map", 2000)) == pytest.approx(5 * np.sqrt(2 / 2000))
    assert monte_carlo(of("map", 500), of("map", 500)) == pytest.approx(2 * 5 * np.sqrt(2 / 2000))


def said(arguments: list[Any], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    status = run([*map(str, arguments), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    law = lawdsl.load(str(LINE))
    post = fitting.fit(law, simulated(law, 1), method="map")
    kept = post.save(tmp_path / "fit.nc")
    assert run(["rerun", str(kept), "-o", str(tmp_path / "again.nc")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "the same draws bit for bit" in text and "again.nc" in text
    again = fitting.open_fit(tmp_path / "again.nc")
    assert all(np.array_equal(again.draws[name], draws) for name, draws in post.draws.items())
    status, told = said(["rerun", kept], capsys)
    assert (status, told["ok"], told["identical"], told["out"]) == (0, True, True, None)
    moved = replace(post, draws={n: v * 1.001 for n, v in post.draws.items()}).save(tmp_path / "moved.nc")
    assert said(["rerun", moved, "--within", 1e-9], capsys)[0] == 1
    assert said(["rerun", moved, "--within", 10], capsys)[0] == 0
    assert run(["rerun", str(moved), "--within", "1e-9"]) == 1
    assert "moved too far" in " ".join(capsys.readouterr().err.split())
