"""Texts that a change must not alter unseen: each lies in `tests/golden/`.

`LAWDSL_REWRITE_GOLDENS=1 pytest` writes what the tests produce now; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def same_as_golden(name: str, text: str) -> None:
    """Hold `text` against `tests/golden/<name>.txt`, or write it there where LAWDSL_REWRITE_GOLDENS is set."""
    path = FOLDER / f"{name}.txt"
    text = text.rstrip("\n") + "\n"
    if os.environ.get("LAWDSL_REWRITE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no {path.name}: run with LAWDSL_REWRITE_GOLDENS=1 and read what it wrote"
    assert text == path.read_text(encoding="utf-8")
