"""Wheel and sdist: what is in them, and that the wheel works alone, from another folder, and opens no socket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from lawdsl import library

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("lawdsl", "fitting", "measure")
#: never in a release, though they lie about in a folder that was worked in
LITTER = ("lawdsl/__pycache__/law.cpython-311.pyc", "tests/__pycache__/x.pyc", ".pytest_cache/x", "fits/x.nc")
#: A socket is opened by no import and by no command of these tests, not even one to this machine. A process that opens
#: one says where and leaves with this status, whatever the code about it does with errors.
GUARD = """
import atexit, os, sys
seen = []
sys.addaudithook(lambda event, _: event.startswith("socket.") and event != "socket.gethostname" and seen.append(event))
def tell():
    if seen:
        print("sockets:", *seen, file=sys.stderr, flush=True)
        os._exit(97)
atexit.register(tell)
"""
ASKED = 97


def run(*command: object, cwd: Path, code: int = 0) -> str:
    """What a command prints, with nothing of the checkout in its environment."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files of the release, relative to the root: those that git holds, and that are there."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, tracked: list[str]) -> tuple[Path, Path]:
    """The sdist of a folder with litter in it, and the wheel that is built from that sdist alone."""
    work = tmp_path_factory.mktemp("built")
    for name in tracked:
        (work / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, work / "tree" / name)
    for name in LITTER:
        (work / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "tree" / name).write_text("litter")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", work, cwd=work / "tree")
    (sdist,) = work.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(work, filter="data")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", work, cwd=work / sdist.name[: -len(".tar.gz")])
    (wheel,) = work.glob("*.whl")
    return wheel, sdist


@pytest.fixture(scope="module")
def metadata(built: tuple[Path, Path]) -> Message:
    with zipfile.ZipFile(built[0]) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, built: tuple[Path, Path]) -> Path:
    """The folder of a new environment's commands, with the wheel in it, and its dependencies from here."""
    pytest.importorskip("pip", reason="needs pip")
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    (packages,) = home.glob("venv/[Ll]ib/**/site-packages")
    python = next(path for path in home.glob("venv/*/python*") if path.stem == "python")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", "--no-compile")
    run(*pip, built[0], cwd=home)
    (packages / "guard.py").write_text(GUARD)
    # The folder is named and not run through, so that an editable install there (a .pth file) is not seen.
    (packages / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\nimport guard\n")
    return python.parent


def test_the_wheel_holds_the_packages_and_the_laws_and_nothing_else(
    built: tuple[Path, Path], tracked: list[str]
) -> None:
    with zipfile.ZipFile(built[0]) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {name for name in tracked if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    expected |= {f"lawdsl/{name}" for name in tracked if name.startswith("laws/")}
    assert inside == expected
    assert {f"{package}/py.typed" for package in PACKAGES} <= inside
    assert {f"lawdsl/laws/{name}.yaml" for name in library.names()} <= inside  # sub-folders too
    assert {"lawdsl/laws/law.schema.json", "lawdsl/data/ladder_qid.csv"} <= inside


def test_the_sdist_holds_what_its_tests_and_its_pages_need(built: tuple[Path, Path], tracked: list[str]) -> None:
    with tarfile.open(built[1]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    left_out = {name for name in tracked if name.split("/")[0] in (".ci", ".github", ".editorconfig")}
    left_out.add(".pre-commit-config.yaml")
    assert inside == set(tracked) - left_out | {"PKG-INFO"}


def test_every_licence_travels_and_is_named(built: tuple[Path, Path], metadata: Message, tracked: list[str]) -> None:
    """What reports carry of others (d3, Plot and what is inside them) is under ISC and MIT; all else is ours."""
    vendored = {name for name in tracked if name.endswith(".LICENSE")}
    assert set(metadata.get_all("License-File", [])) == {"LICENSE", *vendored}
    assert metadata["License-Expression"] == "Apache-2.0 AND ISC AND MIT"
    for name in vendored:
        text = (ROOT / name).read_text()
        assert "The MIT License" in text or "Permission to use, copy, modify, and/or distribute this software" in text
    for name in tracked:
        if name.endswith(".min.js"):
            assert f"{name.split('.')[0]}.LICENSE" in vendored


def test_the_base_install_asks_for_no_torch(metadata: Message) -> None:
    asked = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert asked
    assert not [text for text in asked if re.match("torch|transformers|ray|accelerate", text)]
    assert all(">=" in text for text in asked)


def test_the_guard_sees_a_socket(installed: Path) -> None:
    said = run(installed / "python", "-c", "import socket; socket.socket().close()", cwd=installed, code=ASKED)
    assert "sockets: socket.__new__" in said


def test_every_module_is_imported_from_the_wheel_and_opens_no_socket(installed: Path, tmp_path: Path) -> None:
    """Those of `measure` that import torch too, where it is installed."""
    script = """
import importlib, importlib.util, pkgutil, sys, warnings
warnings.simplefilter("ignore")
names, torch = [], importlib.util.find_spec("torch") is not None
for root in ("lawdsl", "fitting", "measure"):
    package = importlib.import_module(root)
    names.append(package.__file__)
    for module in pkgutil.walk_packages(package.__path__, root + "."):
        if torch or not module.name.startswith("measure."):
            names.append(importlib.import_module(module.name).__file__)
print("\\n".join(names))
"""
    said = run(installed / "python", "-c", script, cwd=tmp_path).splitlines()
    assert len(said) > 100
    assert {Path(line).is_relative_to(installed.parent) for line in said} == {True}


def test_the_wheel_checks_fits_and_reports_from_another_folder(installed: Path, tmp_path: Path) -> None:
    """Commands as a newcomer has them: law and rows come with the wheel, and no socket is opened."""
    lawdsl = installed / "lawdsl"
    assert run(lawdsl, "--version", cwd=tmp_path).startswith("lawdsl ")
    assert "qid" in run(lawdsl, "check", "qid", cwd=tmp_path)
    fitted = run(lawdsl, "fit", "qid", "--method", "map", "-o", "qid.nc", cwd=tmp_path)
    assert "252 rows of ladder-qid" in fitted
    run(lawdsl, "report", "qid.nc", "-o", "qid.html", cwd=tmp_path)
    assert (tmp_path / "qid.html").read_text().lstrip().lower().startswith("<!doctype html>")
