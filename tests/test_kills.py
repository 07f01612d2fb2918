"""A few of the kills of `python -m tests.kills`; hundreds are for the command itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def kills(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "tests.kills", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
def test_a_fit_is_killed_and_stopped_at_random(tmp_path: Path) -> None:
    told = kills("--only", "fit map", "--sweeps", "0", "--singles", "4", "--stops", "1")
    assert told["kills"]["all"] == 4 and sum(told["stops"].values()) >= 1
    assert (told["rows_lost"], told["torn"], told["resumes_unequal"]) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
def test_all_is_killed_at_random(tmp_path: Path) -> None:
    told = kills("--sweeps", "60", "--singles", "35", "--stops", "4")
    assert told["kills"]["all"] == 95
    assert told["rows_checked"] > 100 and told["resumes"] > 10
