"""What we speak to: whether it is a terminal, how wide, whether it wants colour, and which characters it can show."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import Any

#: characters of a line where nobody says how wide it is
USUAL = 100
#: the longest line of running text, however wide the terminal
WIDEST = 110
#: what stands for a character that the encoding of the output lacks
PLAIN = {"±": "+/-", "…": "...", "─": "-", "│": "|", "┤": "|", "└": "+", "┬": "+", "·": "*", "×": "x", "–": "-"}


def colour() -> bool | None:
    """Whether to colour: True, False, or None for "on a terminal alone".

    NO_COLOR (https://no-color.org) wins, then FORCE_COLOR and CLICOLOR_FORCE; CLICOLOR=0 and TERM=dumb say no.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return False if os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb" else None


def is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal; one that is closed is none."""
    try:
        return bool(stream is not None and stream.isatty())
    except ValueError:
        return False


def limit() -> int | None:
    """Characters that a line of stdout has room for: a terminal's, or COLUMNS; None where there is no edge."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if not is_terminal(sys.stdout):
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL
    except (OSError, ValueError):
        return USUAL


def width() -> int:
    """Characters of a line of running text: the terminal's, 110 at most."""
    return max(20, min(limit() or USUAL, WIDEST))


def prepare() -> None:
    """Make the streams able to say anything: a locale without `±`, or a file name that is no text, is no reason to
    fail."""
    codecs.register_error("lawdsl", _instead)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="lawdsl")


def _instead(error: UnicodeError) -> tuple[str, int]:
    """What is written in place of characters that the encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(PLAIN.get(c) or c.encode("unicode_escape").decode() for c in found), error.end


def clean(text: str) -> str:
    """A text of a stranger, safe to print: escape codes, overwriting and other invisible characters are spelt out.

    >>> clean("N\\x1b[31m = 7B\\u202e")
    'N\\\\x1b[31m = 7B\\\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()


def columns(text: str) -> int:
    """The columns that a text takes in a terminal: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )
