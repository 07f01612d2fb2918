"""The example runs as it stands, from another folder, and finds what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_a_law_of_ones_own(tmp_path: Path) -> None:
    """Its fit is believed. Seeded: the truth lies in both 90 % intervals that it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / "own_law.py"), "--method", "map"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("believed")
    found = re.findall(r"\[([\d.]+), ([\d.]+)\], truth ([\d.]+)", done.stdout)
    assert len(found) == 2
    for low, high, truth in found:
        assert float(low) < float(truth) < float(high)
