"""What options and arguments take: laws, fits, tables, whole numbers, levels, files to write.

Each says what is wrong before anything heavy is loaded, and completes itself in a shell. It raises faults, not click's
errors, so that every wrong use has a code, a place and a cure.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..errors import AskError, Fault, InputError, OutsideError, Span, suggest
from ..numbers import parse_number

if TYPE_CHECKING:
    Kind = click.ParamType[Any]  # generic for type checkers, and in the latest click alone
else:
    Kind = click.ParamType

#: endings of files that are tables
TABLES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson")


def _option(param: click.Parameter | None) -> str:
    """The option as messages name it: its long form."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return "" if param is None else str(param.human_readable_name)


class Whole(Kind):
    """A whole number in a range; `10K` and `1e3` are numbers too."""

    name = "N"

    def __init__(self, least: int = 0, most: int | None = None):
        self.least, self.most = least, most

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = float(value) if isinstance(value, int) else parse_number(str(value))
        if found is None or found != int(found) or found < self.least or (self.most and found > self.most):
            option = _option(param)
            bounds = f"from {self.least} to {self.most}" if self.most else f"from {self.least} on"
            message = f"'{str(value)[:40]}' is not a whole number {bounds}"
            raise AskError(
                Fault("ASK092", Span(f"{option} {value}"[:80]), message, f"Such as {option} {self.example(param)}.")
            )
        return int(found)

    def example(self, param: click.Parameter | None) -> int:
        """A number that is one: the option's default."""
        default = getattr(param, "default", None)
        return default if isinstance(default, int) else max(self.least, 4)


class Positive(Kind):
    """A positive number; `7B` is one too."""

    name = "number"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(value) if isinstance(value, float) else parse_number(str(value))
        if found is None or not found > 0:
            where = Span(f"{_option(param)} {value}"[:80])
            cure = "Numbers are written 0.5, 1e24, 7B or 100T."
            raise AskError(Fault("ASK007", where, f"'{str(value)[:40]}' is not a positive number", cure))
        return found


class OutFolder(Kind):
    """A folder to write files into."""

    name = "folder"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "FOLDER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(value))
        if os.path.lexists(path) and not os.path.isdir(path):
            where = Span(f"{_option(param)} {value}"[:120])
            raise InputError(
                Fault("ASK093", where, "this is a file, and a folder is wanted", "Name a folder, or a new one.")
            )
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="dir")]


class Level(Kind):
    """The probability of an interval: 0.9, or 90%."""

    name = "level"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "P"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        found = parse_number(text.removesuffix("%"))
        if found is not None and text.endswith("%"):
            found /= 100
        if found is None or not 0 < found < 1:
            cure = "It lies between 0 and 1: write --level 0.9 or --level 90%."
            raise AskError(Fault("ASK008", Span(f"--level {text}"[:80]), f"'{text[:40]}' is not a probability", cure))
        return found


class LawName(Kind):
    """A law of the library by name, or the path of a law file."""

    name = "law"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from ..library import names

        found = [CompletionItem(name) for name in names() if name.startswith(incomplete)]
        return found + paths(incomplete, (".yaml", ".yml"))


class LawOrFit(LawName):
    """A law, or a fit file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        return str(fit_path(text, ctx.command_path if ctx else "lawdsl")) if text.endswith(".nc") else text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return fits(incomplete) + super().shell_complete(ctx, param, incomplete)


class TableName(Kind):
    """A table of the catalogue, or the path of one."""

    name = "table"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from ..catalogue import entries

        found = [CompletionItem(entry.id) for entry in entries() if entry.id.startswith(incomplete)]
        return found + ([] if isinstance(param, click.Argument) else paths(incomplete, TABLES))


class FitFile(Kind):
    """A fit file that is there."""

    name = "fit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return fit_path(str(value), ctx.command_path if ctx else "lawdsl")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return fits(incomplete)


class OutFile(Kind):
    """A file to write: its folder can be made or written to, which is seen to before any work is done."""

    name = "file"

    def __init__(self, *endings: str, code: str = "ASK093", place: str = "FIT001"):
        self.endings, self.code, self.place = endings, code, place

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path, option = Path(str(value)), _option(param)
        where = Span(f"{option} {value}"[:120])
        if self.endings and path.suffix.lower() not in self.endings:
            raise InputError(Fault(
                self.code, where, f"its name ends in '{path.suffix[:20]}'" if path.suffix else "its name has no ending",
                f"What can be written ends in {', '.join(self.endings)}.",
            ))  # fmt: skip
        if not str(value) or os.path.isdir(path):
            cure = f"Name the file in it: {option} {path / 'NAME'}."
            raise InputError(Fault("ASK093", where, "this is a folder, and a file is to be written", cure))
        above = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
        if not os.path.isdir(above) or not os.access(above, os.W_OK):
            why = f"{above} is not a folder" if not os.path.isdir(above) else f"{above} may not be written to"
            raise OutsideError(Fault(self.place, where, why, "Choose another place."))
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


class Question(Kind):
    """A named question of the fit's, or the law's, that stands before it."""

    name = "question"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from .completion import questions

        source = ctx.params.get("fit") or ctx.params.get("law")
        asked = questions(str(source)) if source else []
        return [CompletionItem(name, help=about) for name, about in asked if name.startswith(incomplete)]


def fit_path(text: str, command: str) -> Path:
    """The path of a fit file. Raises: InputError (FIT003) for what is something else, OutsideError (FIT002) for
    nothing."""
    path, where = Path(text), Span(text[:200])
    if os.path.isfile(path):
        if path.suffix in (".yaml", ".yml"):
            cure = f"Fit it first: `lawdsl fit {text}` prints the path of its fit file, which {command} takes."
            raise InputError(Fault("FIT003", where, "this is a law file, and a fit of it is wanted", cure))
        if path.suffix in TABLES:
            cure = f"Fit a law to it first: `lawdsl fit LAW --data {text[:80]}`."
            raise InputError(Fault("FIT003", where, "this is a table, and a fit is wanted", cure))
        return path
    if os.path.isdir(path):
        inside = sorted(entry for entry in os.listdir(path) if entry.endswith(".nc"))[:3]
        cure = f"Name a file in it: {path / inside[0]}." if inside else "`lawdsl fit LAW` makes fit files."
        raise InputError(Fault("FIT003", where, "this is a folder, and a fit file is wanted", cure))
    from ..library import names

    if text in names():
        cure = f"Fit it first: `lawdsl fit {text}` prints the path of its fit file, which {command} takes."
        raise InputError(Fault("FIT003", where, f"{text} is a law, and a fit of it is wanted", cure))
    here = [item.value for item in fits(path.parent.as_posix() + "/" if path.parent.name else "")
            if item.value.endswith(".nc")]  # fmt: skip
    near = suggest(text, here) if here else ""
    cure = f"{near} `lawdsl fit LAW -o {path.with_suffix('.nc').name[:40]}` makes one.".strip()
    raise OutsideError(Fault("FIT002", where, "there is no such fit file", cure))


def fits(incomplete: str) -> list[CompletionItem]:
    """Fit files that begin so: here and in fits/, or below the folder that is typed."""
    found = paths(incomplete, (".nc",))
    if not os.path.dirname(incomplete) and os.path.isdir("fits"):
        inside = sorted(f"fits/{entry}" for entry in os.listdir("fits") if entry.endswith(".nc"))
        found = [item for item in found if item.value != "fits/"] + [
            CompletionItem(name) for name in inside if name.startswith(incomplete)
        ]
    return found


def paths(incomplete: str, endings: tuple[str, ...]) -> list[CompletionItem]:
    """Files with these endings, and folders, that begin so."""
    above = os.path.dirname(incomplete)
    try:
        entries = sorted(os.scandir(above or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    found = []
    for entry in entries:
        name = os.path.join(above, entry.name) if above else entry.name
        if not name.startswith(incomplete) or (entry.name.startswith(".") and not os.path.basename(incomplete)):
            continue
        if entry.is_dir():
            found.append(CompletionItem(f"{name}/"))
        elif entry.name.endswith(endings):
            found.append(CompletionItem(name))
    return found
