"""A page printed to PDF by a browser that is installed, in the page's own print style."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lawdsl import atomic
from lawdsl.errors import Fault, OutsideError, Span

#: names a browser of Chromium's family, where none of these is on the path
VARIABLE = "LAWDSL_BROWSER"
NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
    "microsoft-edge-stable", "msedge",
)  # fmt: skip
#: where systems that keep programs off the path put them
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
#: seconds for a browser to start, draw and print; and milliseconds of the page's own time in which it draws
PATIENCE, DRAWING = 120, 8000


def browser() -> str:
    """The program that prints. Raises: OutsideError (FIT090) where there is none."""
    named = os.environ.get(VARIABLE, "")
    if named:
        found = shutil.which(named)
        if found is None:
            message = f"{VARIABLE} names {named[:80]}, and there is no such program"
            raise OutsideError(Fault("FIT090", Span(VARIABLE), message, "Name Chromium, Chrome or Edge."))
        return found
    for name in (*NAMES, *PLACES):
        found = shutil.which(name)
        if found is not None:
            return found
    message = "no browser that prints was found: Chromium, Chrome or Edge"
    cure = f"Install one, or name it: {VARIABLE}=/path/to/chrome. Or open the page and print it by hand."
    raise OutsideError(Fault("FIT090", Span(), message, cure))


def print_pdf(html: str, path: Path) -> Path:
    """Print a page into `path`, whole or not at all.

    The browser runs headless in a profile of its own that is thrown away, and reaches no network: the page asks for
    none. Its sandbox is left off only for root, for whom it does not start with one.
    Raises: OutsideError (FIT090) without a browser, (FIT091) where it fails, (FIT001) where the file cannot be written.
    """
    program = browser()
    with tempfile.TemporaryDirectory(prefix="lawdsl-") as folder:
        page, made = Path(folder) / "page.html", Path(folder) / "page.pdf"
        page.write_text(html, "utf-8")
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [
            program, "--headless", *root, f"--user-data-dir={folder}/profile", "--disable-background-networking",
            "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync",
            "--no-first-run", "--no-pdf-header-footer", f"--virtual-time-budget={DRAWING}",
            f"--print-to-pdf={made}", page.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = "it took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
            raise _failed(program, reason) from None
        if not made.is_file() or not made.stat().st_size:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise _failed(program, said[-1][:200] if said else f"exit status {done.returncode}")
        atomic.answer(path, made.read_bytes(), "the PDF", "Choose another place with --pdf.")
    return path


def _failed(program: str, reason: str) -> OutsideError:
    message = f"{program} printed nothing: {reason}"
    cure = f"Name another browser ({VARIABLE}=...), or open the page and print it by hand."
    return OutsideError(Fault("FIT091", Span(), message, cure))
