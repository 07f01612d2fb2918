"""A disk of 20 MiB that is full, or read-only: what is there stays whole, it is said clearly, with space it goes on.

Rights are no hindrance to root, and nobody else may mount: these tests need root, and are skipped without.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulation import make_plan, rows, sweep
from sweeping import square

import fitting
from fitting import cache, jobs
from lawdsl import atomic
from lawdsl.cli import run
from lawdsl.errors import OutsideError
from measure.store import open_store

LINE = Path(__file__).parent / "line.yaml"


def _mount(*words: str) -> str:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip() or "mount failed"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MiB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount a disk of 20 MiB")
    place = tmp_path / "disk"
    place.mkdir()
    if refused := _mount("-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)):
        pytest.skip(f"no disk can be mounted here: {refused}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, but: int = 0) -> None:
    """Fill a disk, but for so many bytes."""
    with open(disk / "ballast", "ab", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
        file.truncate(file.tell() - but)


def make_space(disk: Path) -> None:
    (disk / "ballast").unlink()


def read_only(disk: Path) -> None:
    assert _mount("-o", "remount,ro", str(disk)) == ""


def unfinished(disk: Path) -> list[Path]:
    return [path for path in disk.rglob(".*") if path.is_file()]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """A command's status and what it says on stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        return run([str(argument) for argument in arguments]), capsys.readouterr().err

    return call


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "line.nc"
    assert run(["fit", str(LINE), "--simulate", "--method", "map", "--out", str(path)]) == 0
    return path


# --- full ---


@pytest.mark.parametrize("but", [0, 4096, 3 * 4096])
def test_a_measuring_sweep_on_a_disk_that_fills(disk: Path, tmp_path: Path, but: int) -> None:
    undisturbed = rows(sweep(make_plan(tmp_path / "whole", 4))[1])
    path = make_plan(disk, 4)

    def filling(stage: str, done: int, failed: int, total: int) -> None:
        if stage == "cells" and done == 10:
            fill(disk, but)

    with pytest.raises(OutsideError, match="MEA401.*No space left on device") as caught:
        sweep(path, progress=filling)
    (fault,) = caught.value.faults
    assert "Free some space" in fault.cure and "the same command goes on" in fault.cure and fault.where.file
    store = open_store(disk / "simulated")
    found = store.index()
    assert len(found.checkpoints) >= 10 and not found.damaged and not found.remarks and not unfinished(disk)
    assert rows(store).items() <= undisturbed.items()
    with pytest.raises(OutsideError, match="MEA401"):
        sweep(path)
    make_space(disk)
    done = sweep(path)[2]
    assert done.before == len(found.checkpoints) and rows(store) == undisturbed


@pytest.mark.parametrize("but", [0, 4096])
def test_a_sweep_of_fits_on_a_disk_that_fills(disk: Path, but: int) -> None:
    """A line that found no space was tried again when the file was closed, and the error had no place and no cure."""
    store, many = disk / "store.jsonl", [{"x": x, "long": "." * 1500} for x in range(12)]

    def filling(done: int, total: int) -> None:
        if done == 5:
            fill(disk, but)

    with pytest.raises(OutsideError, match="FIT034.*No space left on device") as caught:
        jobs.run(square, many, on="here", store=store, progress=filling)
    assert "the same command goes on" in caught.value.faults[0].cure
    kept = store.read_bytes().count(b"\n")
    assert kept >= 5
    make_space(disk)
    told: list[int] = []
    assert jobs.run(square, many, on="here", store=store, progress=lambda done, total: told.append(done)) == [
        {"square": x * x} for x in range(12)
    ]
    assert told[0] == kept and store.read_bytes().count(b"\n") == 12


@pytest.mark.parametrize("but", [0, 4096, 16384])
def test_a_fit_on_a_full_disk(disk: Path, told: Any, but: int) -> None:
    command = ("fit", LINE, "--simulate", "--method", "map", "--out", disk / "new.nc")
    assert told(*command, "--seed", 1)[0] == 0
    old = (disk / "new.nc").read_bytes()
    fill(disk, but)
    status, said = told(*command)
    assert status == 3 and "FIT001" in said and "No space left on device" in said and "--out" in said
    assert (disk / "new.nc").read_bytes() == old and not unfinished(disk)
    make_space(disk)
    assert told(*command)[0] == 0 and fitting.open_fit(disk / "new.nc").provenance.seed == 0


@pytest.mark.parametrize(
    "form", [("--out", "new.html"), ("--md", "new.md"), ("--methods", "--out", "new.tex")], ids=lambda form: form[-1]
)
def test_a_report_on_a_full_disk(disk: Path, fit: Path, told: Any, form: tuple[str, ...]) -> None:
    command = ("report", fit, *form[:-1], disk / form[-1])
    fill(disk)
    status, said = told(*command)
    assert status == 3 and "FIT001" in said and "No space left on device" in said and "Choose another place" in said
    assert os.listdir(disk) == ["ballast"]
    make_space(disk)
    assert told(*command)[0] == 0


def test_a_picture_and_a_lock_on_a_full_disk(disk: Path, fit: Path, told: Any) -> None:
    fill(disk)
    for command in (
        ("lock", fit, "--law", LINE, "--out", disk / "a.lock"),
        ("predict", fit, "--at", "x=2", "--plot", disk / "a.png"),
    ):
        status, said = told(*command)
        assert status == 3 and "FIT001" in said and "No space left on device" in said, said
    assert os.listdir(disk) == ["ballast"]


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_cache_that_cannot_be_written_costs_time_alone(
    disk: Path, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    from fitting import programs

    programs.forget()
    monkeypatch.setenv("LAWDSL_CACHE", str(disk))
    (disk / "programs").mkdir(mode=0o700)
    fill(disk) if how == "full" else read_only(disk)
    status, said = told("fit", LINE, "--simulate", "--method", "map", "--out", tmp_path / "new.nc")
    assert status == 0 and fitting.open_fit(tmp_path / "new.nc").verdict.ok
    assert said.count("could not be kept") == 1 and "LAWDSL_CACHE" in said
    assert not list((disk / "programs").iterdir())
    programs.forget()


# --- read-only ---


def test_a_read_only_disk(disk: Path, fit: Path, tmp_path: Path, told: Any) -> None:
    plan = make_plan(disk, 1)
    (disk / "store.jsonl").touch()
    read_only(disk)
    for command, code in (
        (("fit", LINE, "--simulate", "--method", "map", "--out", disk / "new.nc"), "FIT001"),
        (("report", fit, "--out", disk / "new.html"), "FIT001"),
        (("lock", fit, "--law", LINE, "--out", disk / "a.lock"), "FIT001"),
    ):
        status, said = told(*command)
        assert status == 3 and code in said and ("may not be written to" in said or "Read-only" in said), said
    with pytest.raises(OutsideError, match="FIT034.*Read-only"):
        jobs.run(square, [{"x": 1}], on="here", store=disk / "store.jsonl")
    with pytest.raises(OutsideError, match="MEA401.*Read-only"):
        sweep(plan)


# --- what killed processes leave ---


def test_what_a_killed_process_was_writing_is_taken_away(tmp_path: Path) -> None:
    old, young = tmp_path / f".{'0' * 32}.part.nc", tmp_path / f".{'1' * 32}.part.nc"
    others = [tmp_path / ".part.nc", tmp_path / f".{'0' * 32}.nc"]
    for path in (old, young, *others):
        path.write_text("half")
        os.utime(path, (0, 0))
    os.utime(young)
    atomic.write(tmp_path / "new", "whole")
    assert not old.exists() and young.exists() and all(path.exists() for path in others)


def test_a_cache_takes_away_what_killed_processes_left(tmp_path: Path) -> None:
    left = tmp_path / f".{'a' * 32}.part.program"
    left.touch()
    os.utime(left, (0, 0))
    cache.keep(tmp_path / "a.program", b"whole")
    assert os.listdir(tmp_path) == ["a.program"]


def test_what_no_disk_can_take_is_the_systems_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the system may say so only when a file is forced to it."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutsideError, match="FIT034.*No space"):
        jobs.run(square, [{"x": 1}], on="here", store=tmp_path / "store.jsonl")
    with pytest.raises(OutsideError, match="FIT001.*No space"):
        atomic.answer(tmp_path / "a", "a", "the fit", "Choose another place.")
    assert os.listdir(tmp_path) == ["store.jsonl"]
