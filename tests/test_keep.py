"""What is kept of fits: their differences, locks, and what no longer holds."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from posteriors import posterior

import lawdsl
from fitting import Posterior, Verdict
from fitting.differences import corners, difference
from fitting.locking import drifted, flat, read
from lawdsl.cli import run
from lawdsl.errors import InputError, Span

LAW = """
law: small
title: loss by size
variables: {N: {unit: parameters, kind: total}, P: {unit: bits}}
response: {L: {unit: nats/token}}
parameters:
  k: {prior: "LogNormal(0, 3)"}
  a: {prior: "Normal(0.3, 0.3)"}
  s: {prior: HalfNormal(0.1)}
equation: L = k/(N/1e6)^a + 0*P
noise: {family: normal, on: log, scale: s}
ask:
  size: {solve: L = q, for: N, given: [q, P]}
  fall: {value: 10^-a}
"""
ROWS = {"N": [1e6, 1e7, 1e8], "P": [2.0, 4.0, 4.0], "L": [2.0, 1.0, 0.5]}
CSV = "N,P,L\n1e6,2,2.0\n1e7,4,1.0\n1e8,4,0.5\n"


def fitted(k: float = 2.0, law: str = LAW, rows: object = None, **more: Any) -> Posterior:
    random = np.random.default_rng(0)
    draws = {"k": random.normal(k, 0.1, (4, 250)), "a": random.normal(0.3, 0.01, (4, 250)),
             "s": np.abs(random.normal(0.05, 0.01, (4, 250)))}  # fmt: skip
    return posterior(lawdsl.parse(law), ROWS if rows is None else rows, draws, **more)


# --- differences -----------------------------------------------------------------------------------------------------


def test_a_fit_does_not_differ_from_itself() -> None:
    found = difference(fitted(), fitted())
    assert found.law == () and found.facts == () and found.most == 0
    assert all(one.sds == 0 for one in (*found.parameters, *found.predictions, *found.answers))


def test_moves_are_in_pooled_standard_deviations() -> None:
    """k moves by .3 = 3 sd of .1; a prediction k/(N/1e6)^a at N = 1e6 moves as k does; the fall not at all."""
    found = difference(fitted(2.0), fitted(2.3))
    moves = {one.name: one.sds for one in found.parameters}
    assert moves["k"] == pytest.approx(3.0, rel=0.1)  # 1000 draws tell a standard deviation to 2 %
    assert moves["a"] == moves["s"] == 0
    at = {one.name: one.sds for one in found.predictions}
    assert at["L at N=1M, P=2"] == pytest.approx(moves["k"], rel=1e-6)
    assert {one.name: one.sds for one in found.answers} == {"fall": 0.0}  # `size` needs numbers
    with_numbers = difference(fitted(2.0), fitted(2.3), given={"q": 1.0, "P": 4})
    assert [one.name for one in with_numbers.answers] == ["size.N at q=1, P=4", "fall"]
    assert with_numbers.answers[0].sds > 1


def test_points_are_corners_and_a_decade_beyond() -> None:
    found = corners(fitted(), fitted())
    assert {(p["N"], p["P"]) for p in found} == {(1e6, 2), (1e6, 4), (1e8, 2), (1e8, 4), (1e9, 4)}  # no tenfold bits
    (only,) = difference(fitted(), fitted(), [{"N": "7M", "P": 3}]).predictions
    assert only.name == "L at N=7M, P=3"


def test_what_else_changed_is_named() -> None:
    other = fitted(
        law=LAW.replace("HalfNormal(0.1)", "HalfNormal(0.2)"), rows={**ROWS, "L": [2.0, 1.0, 0.6]}, seed=3,
        verdict=Verdict(False, ("bad",), ()),
    )  # fmt: skip
    found = difference(fitted(), other)
    assert [what for what, _, _ in found.facts] == ["law digest", "data digest", "seed", "verdict"]
    assert [line[0] for line in found.law] == ["-", "+"] and "0.2" in found.law[1]


def test_parameters_of_one_law_alone() -> None:
    one = fitted()
    law = LAW.replace("  s:", '  c: {prior: "Normal(0, 1)"}\n  s:').replace("0*P", "c*P")
    other = posterior(lawdsl.parse(law), ROWS, {**one.draws, "c": np.zeros((4, 250))})
    found = difference(one, other)
    assert found.new == ("c",) and found.gone == ()
    assert difference(other, one).gone == ("c",)


def test_a_number_without_spread_moves_without_end() -> None:
    """Huber's fits have one draw: a move cannot be counted in sd, and is not called nothing."""
    one, other = (fitted(k) for k in (2.0, 2.3))
    points = [posterior(p.law, ROWS, {n: d[:1, :1] for n, d in p.draws.items()}, method="huber") for p in (one, other)]
    assert math.isinf({s.name: s.sds for s in difference(*points).parameters}["k"])


# --- locks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository: a law, rows, a fit of them, its lock."""
    (tmp_path / "small.yaml").write_text(LAW)
    (tmp_path / "rows.csv").write_text(CSV)
    fitted(rows=str(tmp_path / "rows.csv")).save(tmp_path / "fits" / "small.nc")
    assert run(locking(tmp_path)) == 0
    return tmp_path


def locking(folder: Path, *more: str) -> list[str]:
    fit, lock, law = (str(folder / name) for name in ("fits/small.nc", "lawdsl.lock", "small.yaml"))
    return ["lock", fit, "-o", lock, "--law", law, *more]


def verify(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str], dict[str, Any]]:
    capsys.readouterr()
    status = run(["verify", str(folder / "lawdsl.lock"), "--json", *more])
    out = capsys.readouterr().out
    answer = json.loads(out) if out else {"faults": []}
    return status, [fault["code"] for fault in answer["faults"]], answer


def test_a_lock_says_what_the_fit_rests_on(folder: Path) -> None:
    (one,) = read(folder / "lawdsl.lock").values()
    assert one["fit"]["file"] == "fits/small.nc" and one["law"]["file"] == "small.yaml"
    assert one["data"]["table"] == "rows.csv" and one["data"]["rows"] == "3"
    assert one["constants"]["k"]["printed"] == "1.995 ± 0.098"
    low, high = map(float, one["constants"]["k"]["interval"])
    assert low < float(one["constants"]["k"]["value"]) < high
    assert yaml.safe_load((folder / "lawdsl.lock").read_text())["lock"] == 1


def test_what_was_not_touched_holds_wherever_the_folder_lies(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(folder, capsys)[:2] == (0, [])
    elsewhere = tmp_path_factory.mktemp("moved") / "repository"
    shutil.copytree(folder, elsewhere)
    (elsewhere / "small.yaml").write_text("# a comment\n" + LAW)  # the digest is of what a law says
    assert verify(elsewhere, capsys)[:2] == (0, [])


def test_each_thing_that_changed_is_a_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rows.csv").write_text(CSV.replace("0.5", "0.6"))
    assert verify(folder, capsys)[:2] == (1, ["FIT074"])
    (folder / "small.yaml").write_text(LAW.replace("HalfNormal(0.1)", "HalfNormal(0.2)"))
    assert verify(folder, capsys)[:2] == (1, ["FIT073", "FIT074"])
    fitted(2.1).save(folder / "fits" / "small.nc")
    assert verify(folder, capsys)[:2] == (1, ["FIT072", "FIT073", "FIT074"])
    (folder / "fits" / "small.nc").unlink()
    (folder / "small.yaml").unlink()
    status, codes, answer = verify(folder, capsys)
    assert (status, codes) == (1, ["FIT073"]) and "not here" in answer["notes"][0]
    assert run(["verify", str(folder / "lawdsl.lock")]) == 1
    said = capsys.readouterr()
    assert "FIT073" in said.err and "1 does not hold" in " ".join(said.out.split())  # folded where the path is long


def test_a_lock_is_refused_where_it_would_not_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(locking(folder, "--where", "N > 1e6")) == 2
    assert "FIT071" in capsys.readouterr().err
    (folder / "small.yaml").write_text(LAW.replace("HalfNormal(0.1)", "HalfNormal(0.2)"))
    assert run(locking(folder)) == 2
    assert "not the law" in capsys.readouterr().err


def test_a_lock_holds_several_fits_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(locking(folder, "--name", "again")) == 0
    assert list(read(folder / "lawdsl.lock")) == ["small", "again"]
    assert verify(folder, capsys)[:2] == (0, [])
    (folder / "constants.json").write_text('{"k": 2.0}')
    assert verify(folder, capsys, "--constants", str(folder / "constants.json"))[0] == 2
    assert verify(folder, capsys, "--constants", f"again={folder / 'constants.json'}")[:2] == (0, [])


def test_constants_of_a_repository(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied ones hold; one that drifted, one rounded too far and one of another name are told apart."""
    (one,) = read(folder / "lawdsl.lock").values()
    held = {name: row["value"] for name, row in one["constants"].items()}
    printed = {name: row["printed"] for name, row in one["constants"].items()}
    file = folder / "config.yaml"
    for constants in (held, printed):
        file.write_text(yaml.safe_dump({"model": {"scaling": {**constants, "layers": 12}}}))
        status, codes, answer = verify(folder, capsys, "--constants", f"{file}#model.scaling")
        assert (status, codes) == (0, []) and "layers" in answer["notes"][-1]
    file.write_text("k: 2\na: 0.33\ns: 0.05\n")
    status, codes, answer = verify(folder, capsys, "--constants", str(file))
    assert status == 1 and {fault["message"].split()[0] for fault in answer["faults"]} <= {"k", "a", "s"}
    assert any("0.33" in fault["message"] and "sd away" in fault["message"] for fault in answer["faults"])
    file.write_text("kk: 2\n")
    assert verify(folder, capsys, "--constants", str(file))[:2] == (1, ["FIT075"])
    assert verify(folder, capsys, "--constants", f"{file}#model")[0] == 2
    assert verify(folder, capsys, "--constants", str(folder / "none.yaml"))[0] == 3


CONSTANTS = {"E": {"value": "1.807", "sd": "0.017", "printed": "1.807 ± 0.017"}, "n": {"value": "3"}}


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("E", "1.807", ""), ("E", 1.808, ""), ("E", "1.8075 ± 0.02", ""), ("E", "1.81", "rounded"),
        ("E", "1.9", "sd away"), ("E", "about 2", "no number"), ("n", "3.001", ""), ("n", "3.1", "another number"),
    ],
)  # fmt: skip
def test_a_constant_matches_within_a_tenth_of_its_deviation(name: str, value: object, word: str) -> None:
    faults, _ = drifted(Span("here"), CONSTANTS, {name: value})
    assert [word in fault.message for fault in faults] == ([True] if word else [])


def test_published_sets_are_constants_too() -> None:
    assert flat({"E": {"value": 1.8, "se": 0.1}, "k": {"gptq": 1.0, "rtn": {"value": 2.0}}, "a": "0.3 ± 0.1"}) == {
        "E": 1.8, "k[gptq]": 1.0, "k[rtn]": 2.0, "a": "0.3 ± 0.1"
    }  # fmt: skip


@pytest.mark.parametrize("text", ["lock: 2\nfits: {}", "fits: 3", "lock: 1\nfits: {a: {fit: x}}", "- 1", "a: &b 1"])
def test_what_is_no_lock(tmp_path: Path, text: str) -> None:
    (tmp_path / "lawdsl.lock").write_text(text)
    with pytest.raises(InputError, match="FIT070"):
        read(tmp_path / "lawdsl.lock")


@pytest.mark.slow
def test_a_fit_comes_out_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same law, rows, seed and settings: the same constants; with a constant changed by hand, a fault."""
    (tmp_path / "small.yaml").write_text(LAW)
    (tmp_path / "rows.csv").write_text(CSV)
    fit = ["fit", str(tmp_path / "small.yaml"), "--data", str(tmp_path / "rows.csv"), "--method", "map"]
    assert run([*fit, "--out", str(tmp_path / "fits/small.nc")]) in (0, 1)
    assert run(locking(tmp_path)) in (0, 1)
    assert verify(tmp_path, capsys, "--refit")[:2] == (0, [])
    text = (tmp_path / "lawdsl.lock").read_text()
    (one,) = read(tmp_path / "lawdsl.lock").values()
    was = one["constants"]["a"]["value"]
    (tmp_path / "lawdsl.lock").write_text(text.replace(f"value: '{was}'", "value: '0.9'"))
    assert verify(tmp_path, capsys, "--refit")[:2] == (1, ["FIT075"])


def test_the_command_that_compares(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(2.3, seed=1).save(folder / "other.nc")
    arguments = ["diff", str(folder / "fits/small.nc"), str(folder / "other.nc")]
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["largest_move_sds"] == pytest.approx(3, rel=0.1)
    assert {"what": "seed", "first": "0", "second": "1"} in answer["changed"]
    assert run([*arguments, "--at", "N=7M,P=3"]) == 0
    shown = capsys.readouterr().out
    assert "L at N=7M, P=3" in shown and "sd moved" in shown and "largest move" in shown
    assert run([*arguments, "--at", "Q=1"]) == 2
