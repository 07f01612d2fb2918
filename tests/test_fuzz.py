"""The fuzzers work: a careless reader is caught at each thing that none may do; of the long runs a little is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.careless import TOLD
from tests.fuzz.texts import PAYLOADS, text

ROOT = Path(__file__).resolve().parents[1]


def command(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A fuzzer in a Python of its own, since an auditor cannot be taken away again."""
    words = [sys.executable, "-m", f"tests.fuzz.{module}", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_the_watch_sees_what_a_careless_reader_does() -> None:
    """Code run, files, processes, sockets, time, memory, exceptions, warnings: "none did" says something only so."""
    told = json.loads(command("careless").stdout)
    assert told.pop("read") == []
    for reader, deeds in TOLD.items():
        found = told[reader.__name__]
        for deed in deeds:
            assert any(what.startswith(deed) or what.endswith(deed) for what in found), (reader, found)


def test_a_number_is_always_the_same_text() -> None:
    assert text(3) == text(3) not in (text(4), text(3, seed=1))
    assert any(payload in text(number) for number in range(200) for payload in PAYLOADS)


def hostile_law_files(count: int) -> None:
    done = command("laws", "--count", str(count), "--first", "1000000")
    told = json.loads(done.stdout)
    assert (told["bad"], done.returncode) == ([], 0)
    assert told["laws"] + told["refused"] == count and told["laws"] > count / 50


def test_hostile_law_files_are_read_or_refused() -> None:
    hostile_law_files(200)


@pytest.mark.slow
def test_hostile_law_files_by_the_thousand() -> None:
    hostile_law_files(20_000)
