"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lawdsl import atomic


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    atomic.write(path, "first")
    with atomic.replacing(path) as part:
        part.write_text("second")
        assert path.read_text() == "first" and part.suffix == ".csv" and part.parent == tmp_path
    assert path.read_text() == "second"
    assert os.listdir(tmp_path) == ["answer.csv"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    atomic.write(path, b"first")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(path) as part:
        part.write_text("half of the sec")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["answer.csv"]


def test_nothing_written_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    atomic.write(path, "first")
    with pytest.raises(FileNotFoundError), atomic.replacing(path):
        pass
    assert path.read_text() == "first"


def test_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    atomic.write(tmp_path / "ours", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1
