"""What goes wrong, said so that the reader can mend it.

Every error a user can cause is a `LawdslError` carrying one or more `Fault`s. A fault has a stable code, a place,
what was found, and the cure:

    laws/mine.yaml:14:21: LAW020: unknown name 'Q'
        equation: L = E + A/N^alpha + Q/D^beta
                                      ^ known here: A, B, D, E, N, alpha, beta. Did you mean 'B'?

The tree (exit statuses of the command line in brackets):

    LawdslError
      InputError     the user's input is at fault: a law, a table, a question [2]
        LawError       ... a law file
        TableError     ... a table of observations, or its map
        AskError       ... a point, a question or an option
      OutsideError   something outside failed: a file, the network, a missing extra [3]

A fit that is not to be believed is not an error: it is a value whose verdict says so (`fitting.verdict`) [1].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """A place in a text or a table. `line` and `column` count from 1; 0 means 'the whole file'."""

    file: str = ""
    line: int = 0
    column: int = 0
    text: str = ""  # the source line, for the caret

    def __str__(self) -> str:
        parts = [self.file] + [str(n) for n in (self.line, self.column) if n]
        return ":".join(part for part in parts if part)

    def shifted(self, columns: int) -> Span:
        """The same line, `columns` further right."""
        return Span(self.file, self.line, self.column + columns, self.text)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: a stable `code` (see `lawdsl.codes`), where, what was found, and the cure."""

    code: str
    where: Span
    message: str
    cure: str = ""

    def __str__(self) -> str:
        place = str(self.where)
        lines = [f"{place}: {self.code}: {self.message}" if place else f"{self.code}: {self.message}"]
        if self.where.text and self.where.column:
            source, caret = excerpt(self.where.text, self.where.column)
            lines += [f"    {source}", f"    {caret}^ {self.cure}".rstrip()]
        elif self.cure:
            lines.append(f"    {self.cure}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """The fault as the command line's `--json` prints it."""
        return {
            "code": self.code,
            "file": self.where.file,
            "line": self.where.line,
            "column": self.where.column,
            "message": self.message,
            "cure": self.cure,
        }


def excerpt(text: str, column: int, width: int = 100) -> tuple[str, str]:
    """The part of a source line around `column` (from 1), and the blanks that put a caret under it."""
    start = max(0, column - 1 - width // 2) if len(text) > width else 0
    shown = "".join(c if c.isprintable() else " " for c in text[start : start + width])
    return shown, " " * (column - 1 - start)


#: names listed in a cure; of more, only the nearest are
LISTED = 24


def suggest(found: str, known: Iterable[str]) -> str:
    """What is known here, and the nearest name: the cure of most misspellings. Of many names, those that are near."""
    from difflib import get_close_matches  # only a misspelling pays for it

    names = sorted(set(known))
    near = get_close_matches(found, names, n=3, cutoff=0.5)
    if not near:
        near = [name for name in names if name.casefold() == found.casefold()][:1]
    if len(names) > LISTED:
        likely = [*near, *(name for name in names if found and found.casefold() in name.casefold())]
        likely = list(dict.fromkeys(likely))[:8] or names[:4]
        shown = f"known here: {', '.join(likely)}, ..."
    else:
        shown = f"known here: {', '.join(names)}." if names else "nothing is known here."
    return f"{shown} Did you mean '{near[0]}'?" if near else shown


class LawdslError(Exception):
    """Any failure lawdsl foresees. `faults` holds every one that was found, in the order of their places."""

    status = 2

    def __init__(self, faults: Fault | Iterable[Fault]):
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(self.faults)  # args hold the faults, so the error survives pickling

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class InputError(LawdslError):
    """The user's input is at fault."""


class LawError(InputError):
    """A law file is at fault."""


class TableError(InputError):
    """A table of observations, its map or its filter is at fault."""


class AskError(InputError):
    """A point, a question or an option is at fault."""


class OutsideError(LawdslError):
    """Something outside failed: a file, the network, a missing extra."""

    status = 3
