"""`python -m tests.benchmarks [NAME ...]`: see `run.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from run import main  # noqa: E402

main(sys.argv[1:])
