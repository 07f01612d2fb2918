"""The examples run as they stand, from another folder, and find what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: those that say whether their fit is to be believed; the README's picture has its test with the plots
EXAMPLES = ("own_law",)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    example = ROOT / "examples" / f"{name}.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(example), "--method", "map"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("believed")


@pytest.mark.slow
def test_the_intervals_of_the_own_law_hold_the_truth(tmp_path: Path) -> None:
    """Seeded: the truth lies in both 90 % intervals that the example prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / "own_law.py"), "--method", "map"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    found = re.findall(r"\[([\d.]+), ([\d.]+)\], truth ([\d.]+)", done.stdout)
    assert len(found) == 2
    for low, high, truth in found:
        assert float(low) < float(truth) < float(high)
