"""The library's calibration on record: in step with the library, and nothing rejected without its reason said."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitting import calibrated
from fitting.calibration import RATE, calibrate
from lawdsl import library
from lawdsl.render import digest

DOCS = Path(__file__).resolve().parents[1] / "docs"
STALE = "run `python -m fitting.calibrated docs/calibration.jsonl docs/calibration.md`"
#: laws recalibrated in a slow run: of three right ones any is rejected with a probability of at most 3 * RATE
AGAIN = ("florenz", "kaplan_d", "compute_optimal")


def test_the_record_is_of_the_laws_as_they_are() -> None:
    entries = calibrated.read(DOCS / "calibration.jsonl")
    assert set(entries) == set(calibrated.fittable()), STALE
    for name in library.names():
        law = library.load(name)
        if law.name in entries:
            assert entries[law.name]["digest"] == digest(law), f"{name} has changed: {STALE}"


def test_the_page_is_written_from_the_record() -> None:
    entries = calibrated.read(DOCS / "calibration.jsonl")
    assert (DOCS / "calibration.md").read_text() == calibrated.page(entries, calibrated.fittable()), STALE


def test_what_is_rejected_is_explained() -> None:
    """A right law is rejected with a probability of at most `RATE`: of those on record about one may be by chance."""
    entries = calibrated.read(DOCS / "calibration.jsonl")
    bad = {name for name, one in entries.items() if "fault" in one or not one["ok"]}
    assert bad <= set(calibrated.TROUBLE)
    assert all(one["replicates"] + one["failed"] >= 25 for one in entries.values())
    assert RATE == 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", AGAIN)
def test_calibrated_again(name: str) -> None:
    """At a seed nobody has looked at: rejected with a probability of at most `RATE` each."""
    assert calibrate(library.load(name), replicates=25, seed=11, on="here").ok
