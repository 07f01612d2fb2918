"""Completion in real shells: what bash offers after the words typed, by the script that `lawdsl completion` prints."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_terminal import ROOT, surroundings

from lawdsl.cli import run
from lawdsl.cli.completion import SHELLS, questions
from lawdsl.commands import COMMANDS


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a law, a fit file, a table and a folder; `lawdsl` is on the path."""
    import h5py

    folder = tmp_path_factory.mktemp("complete")
    (folder / "mine.yaml").write_text((ROOT / "laws" / "qid.yaml").read_text())
    (folder / "runs.csv").write_text("N\n1\n")
    (folder / "fits").mkdir()
    with h5py.File(folder / "fits" / "qid-1.nc", "w") as file:
        file.attrs["law"] = (ROOT / "laws" / "qid.yaml").read_text()
    command = folder / "bin" / "lawdsl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lawdsl "$@"\n')
    command.chmod(0o755)
    return folder


def offered(here: Path, line: str) -> list[str]:
    """What bash offers for the last word of a line."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    script = "\n".join([
        "eval \"$(lawdsl completion bash)\"",
        f"COMP_WORDS=({' '.join(map(shlex.quote, words))})",
        f"COMP_CWORD={len(words) - 1}",
        "compopt() { :; }",  # outside of a completion there are none to set
        "_lawdsl_completion lawdsl",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ])  # fmt: skip
    path = f"{here / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=here, env=surroundings(PATH=path), text=True,
                          capture_output=True, timeout=120)  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lawdsl ca", {"calibrate"}),
        ("lawdsl fit --dr", {"--draws", "--drop-missing"}),
        ("lawdsl fit --method ", {"nuts", "map", "huber", "bootstrap"}),
        ("lawdsl show qid_", {"qid_interaction", "qid_methods", "qid_per_bit", "qid_saturating"}),
        ("lawdsl show mi", {"minicpm", "mine.yaml"}),
        ("lawdsl data ", {"list", "show", "get"}),
        ("lawdsl data show ladder-q", {"ladder-qid"}),
        ("lawdsl fit qid --data ru", {"runs.csv"}),
        ("lawdsl predict fi", {"fits/qid-1.nc"}),
        ("lawdsl ask fits/qid-1.nc ", {"tokens_at", "bits_needed", "ceiling_at"}),
        ("lawdsl completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_what_bash_offers(here: Path, line: str, expected: set[str]) -> None:
    assert expected <= set(offered(here, line))


def test_commands_are_all_offered(here: Path) -> None:
    assert set(offered(here, "lawdsl ")) == set(COMMANDS)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_every_shell(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_LAWDSL_COMPLETE" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        assert subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True).returncode == 0


def test_the_shell_in_use_is_the_default(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run(["completion"]) == 0
    assert "function _lawdsl_completion" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["completion"]) == 2


def test_questions_are_read_without_the_engine(here: Path) -> None:
    script = f"""
import sys
from lawdsl.cli.completion import questions
assert [name for name, _ in questions({str(here / "fits" / "qid-1.nc")!r})][:2] == ["tokens_at", "bits_needed"]
assert not {{"jax", "sympy", "fitting", "xarray"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], env=surroundings(), check=True, timeout=60)
    assert questions("nowhere") == []
