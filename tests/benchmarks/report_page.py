"""The report: seconds to make the page, its size, and how long a slider's move takes until its frame is painted.

A script of its own: `python tests/benchmarks/report_page.py FIT.nc ...`, for laws of N and D. A move is an input event
of the slider of D, with the curve against N: a prediction by all draws, a curve of 1,000 draws by 200 points that was
not drawn before, and all of it painted. Wall time is what a reader waits, and on a shared machine mostly others' work;
CPU is what the page's thread computed.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from process import ROOT, machine

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

MOVES = 30
#: a move's milliseconds of the wall: from the event to the task after the frame in which it was drawn
MOVE = """async ([name, moves]) => {
  const slide = document.getElementById(`slide-${name}`), found = [];
  slide.scrollIntoView();
  slide.value = slide.min;
  for (let i = 0; i < moves; i++) {
    slide.stepUp(3);
    const begun = performance.now();
    slide.dispatchEvent(new Event("input"));
    await new Promise((painted) => requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = painted;
      after.port2.postMessage(0);
    }));
    found.push(performance.now() - begun);
  }
  return found;
}"""


def main(fits: list[str]) -> None:
    """Print the figures of each fit file; without one, of the given draws that the tests use."""
    from fitting import open_fit
    from fitting.report.page import page

    if fits:
        posteriors = {Path(name).stem: open_fit(name) for name in fits}
    else:
        from reports import qid

        posteriors = {"qid, 600 given draws": qid()}
    print(machine())
    for name, posterior in posteriors.items():
        begun, cpu = time.perf_counter(), time.process_time()
        made = page([posterior]).html
        spent = time.perf_counter() - begun
        size = len(made.encode()) / 1e6
        print(f"{name}: page of {size:.2f} MB made in {spent:.2f} s ({time.process_time() - cpu:.2f} s of CPU)")
        print("  " + _moves(made))


def _moves(html: str) -> str:
    from playwright.sync_api import sync_playwright

    from fitting.report.pdf import browser

    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        path = Path(folder) / "page.html"
        path.write_text(html, "utf-8")
        opened = started.chromium.launch(executable_path=browser(), args=root)
        shown = opened.new_page(viewport={"width": 1440, "height": 1000})
        shown.goto(path.as_uri() + "#against=N")
        shown.wait_for_selector("html[data-drawn]")
        session = shown.context.new_cdp_session(shown)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy() -> float:
            told: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
            return next(float(one["value"]) for one in told if one["name"] == "TaskDuration")

        shown.evaluate(MOVE, ["N", MOVES])  # the engine's code becomes warm, as in a reader's first second
        before = busy()
        wall = shown.evaluate(MOVE, ["D", MOVES])
        cpu = 1000 * (busy() - before) / MOVES
        opened.close()
    return (
        f"{MOVES} moves of a slider, until painted: least {min(wall):.0f} ms, median {statistics.median(wall):.0f} ms, "
        f"worst {max(wall):.0f} ms; {cpu:.0f} ms of the page's CPU each"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
