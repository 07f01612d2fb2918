"""The commands by name, and the page that lists them: all that `lawdsl --help` loads, so that it is there at once."""

from __future__ import annotations

import os
import sys

#: command -> (module of `lawdsl.cli`, one line of help); the module has a click command of the same name
COMMANDS = {
    "list": ("laws", "The laws of the library."),
    "show": ("laws", "A law: equation, parameters, published constants, questions."),
    "cite": ("laws", "BibTeX of the papers that laws are from."),
    "new": ("new", "Begin a law file: asks, or copies another law."),
    "check": ("laws", "Check law files, and with --published their numbers."),
    "explain": ("laws", "What an error code means, and how to mend it."),
    "schema": ("laws", "The JSON Schema of law files, for editors."),
    "fit": ("fits", "Fit a law to observations."),
    "sweep": ("sweep", "Fit many laws to many tables, on all cores or on Ray."),
    "predict": ("fits", "The response at new points, with intervals."),
    "ask": ("fits", "A law's named question, answered with intervals."),
    "report": ("report", "A fit as one page to pass around, with an explorer."),
    "design": ("design", "Which runs would teach most about a question, per FLOP."),
    "plan": ("plan", "What to spend a budget on, and what it may cost to be wrong."),
    "diff": ("keep", "What changed between two fits, and which predictions moved."),
    "rerun": ("keep", "Fit again from a fit file, and say whether it comes out the same."),
    "lock": ("keep", "Write down what a fit rests on, and its constants."),
    "verify": ("keep", "Hold a lock against law, data and constants as they are now."),
    "backtest": ("backtest", "Fit below a frontier of compute, score the forecasts above it."),
    "calibrate": ("calibrate", "Whether fits of a law can be believed: simulation-based calibration."),
    "identify": ("identify", "What a table's rows can tell of a law, before any fit."),
    "compare": ("compare", "Laws against each other on the same rows, and their average."),
    "measure": ("measure", "Measure checkpoints as a plan says: the rows that laws are fitted to."),
    "bound": ("bound", "A generalization bound of a checkpoint, its terms measured."),
    "data": ("data", "Public and shipped tables: list, show, get."),
    "completion": ("completion", "Complete commands, laws, tables and fits in your shell."),
}

_PAGE = """\
Usage: lawdsl [OPTIONS] COMMAND [ARGS]...

  Scaling laws as data: write a law in YAML, fit it with honest uncertainty, ask it questions.

  lawdsl fit laws/qid.yaml
  lawdsl predict fits/qid-*.nc --at N=70B,D=100T,P=4

Options:
  --version   The version.
  -h, --help  Show this message and exit.

Commands:
{commands}

`lawdsl COMMAND --help` says more of each."""


def help_page() -> str:
    """The page of `lawdsl --help`, folded to a narrow terminal."""
    wide = max(map(len, COMMANDS))
    page = _PAGE.format(commands="\n".join(f"  {name:{wide}}  {about}" for name, (_, about) in COMMANDS.items()))
    columns = _columns()
    if columns >= max(map(len, page.splitlines())):
        return page
    from textwrap import wrap  # only a narrow terminal pays for it

    folded = []
    for text in page.splitlines():
        indent = " " * (wide + 4 if text[2:].split(" ")[0] in COMMANDS else len(text) - len(text.lstrip()) + 2)
        folded += wrap(text, columns, subsequent_indent=indent, drop_whitespace=True) or [""]
    return "\n".join(folded)


def _columns() -> int:
    """Columns of the terminal, or as many as any line may take."""
    try:
        return max(40, int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns))
    except (OSError, ValueError, AttributeError):
        return 1000
