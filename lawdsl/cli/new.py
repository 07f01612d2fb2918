"""The command that begins a law file: it asks on a terminal, is told by options elsewhere, or copies another law."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AskError, Fault, OutsideError, Span, suggest
from . import say
from .command import command
from .options import JSON
from .options import out as out_option
from .terminal import is_terminal
from .values import LawName, TableName

if TYPE_CHECKING:
    from ..beginning import Part

#: names of laws, as the reader of law files has them
_NAME = re.compile(r"[A-Za-z][\w-]{0,63}")


@command("new")
@click.argument("name", required=False)
@click.option("--from", "origin", type=LawName(), metavar="LAW", help="Begin as a copy of this law.")
@click.option("--title", metavar="TEXT", help="One line for lists and headings.")
@click.option("--response", metavar="NAME=UNIT", help="What is predicted: L=nats/token.")
@click.option("--variable", "variables", multiple=True, metavar="NAME=UNIT",
              help="What it is predicted from: 'N=total parameters'. May be repeated.")  # fmt: skip
@click.option(
    "--grows", multiple=True, metavar="NAME", help="The response grows with this variable; it falls unless said."
)
@click.option("--no-floor", is_flag=True, help="The response falls to zero, not to a floor.")
@click.option("--data", type=TableName(), metavar="TABLE", help="The table it is to be fitted to.")
@out_option("The law file; NAME.yaml unless said.")
@JSON
def new_command(
    name: str | None, origin: str | None, title: str | None, response: str | None, variables: tuple[str, ...],
    grows: tuple[str, ...], no_floor: bool, data: str | None, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Begin a law file, commented, that `lawdsl check` finds good: as a copy of another law, from its parts, or, on a
    terminal, by asking a few questions."""
    told = origin or response or variables
    if not told and not as_json and is_terminal(sys.stdin):
        name, text, origin = _asked(name, out)
    else:
        if name is None:
            raise AskError(_fault("the law has no name", "lawdsl new NAME --from qid, or --response and --variable."))
        _free(_named(name), out)
        text = _copied(name, origin) if origin else _made(name, title, response, variables, grows, not no_floor, data)
    path = out or Path(f"{name}.yaml")
    from ..schema import FILE, first_line

    if (path.parent / FILE).is_file():  # then an editor completes and checks this file as well
        text = f"{first_line()}\n{text}"
    _write(path, text)
    from .. import library

    library.load(path)  # what was written is good, or the command says what is not
    if as_json:
        say.as_json({"law": name, "file": str(path), "from": origin})
        return
    say.text(f"{path}: written, and good")
    shown = str(path)
    say.wrapped([
        ("change it", f"then `lawdsl check {shown}`, until it has nothing to say"),
        ("look at it", f"`lawdsl show {shown}`"),
        ("edit it", "`lawdsl schema -o law.schema.json` beside it makes editors complete and check it"),
        ("fit it", f"`lawdsl fit {shown} --data TABLE`; `lawdsl data list` has tables to try it on"),
    ])  # fmt: skip


def _fault(message: str, cure: str, where: str = "lawdsl new") -> Fault:
    return Fault("ASK096", Span(where), message, cure)


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        cure = "Letters, digits, - and _, the first a letter: my-law."
        raise AskError(_fault(f"'{name[:64]}' cannot be a law's name", cure))
    return name


def _free(name: str, out: Path | None) -> None:
    path = out or Path(f"{name}.yaml")
    if path.suffix not in (".yaml", ".yml"):
        raise AskError(
            _fault(f"a law file's name ends in .yaml, not '{path.suffix}'", f"-o {path.stem}.yaml.", str(path))
        )
    if path.exists():
        raise AskError(_fault("this file is there already", "Take another name, or -o ANOTHER.yaml.", str(path)))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise AskError(_fault("this file is there already", "Take another name.", str(path))) from None
    except OSError as error:
        raise OutsideError(
            _fault(f"it cannot be written: {error.strerror}", "Choose another place.", str(path))
        ) from None


def _copied(name: str, origin: str) -> str:
    from .. import library
    from ..beginning import copied
    from ..source import read_text

    path = library.find(origin)
    library.load(path)  # a law that is not good is no beginning
    return copied(read_text(path), name, origin)


def _made(
    name: str, title: str | None, response: str | None, variables: tuple[str, ...], grows: tuple[str, ...],
    floor: bool, table: str | None,
) -> str:  # fmt: skip
    """The law of the parts that options name. Raises: AskError (ASK096, LAW024) with every fault of them."""
    from ..beginning import Part, begun

    faults: list[Fault] = []
    if response is None:
        faults.append(_fault("what is predicted is not said", "Add --response L=nats/token, or begin --from qid."))
    if not variables:
        faults.append(_fault("no variable is given", "Add --variable 'N=total parameters', one for each."))
    predicted = _part("--response", response, faults) if response is not None else None
    parts: list[Part] = [part for text in variables if (part := _part("--variable", text, faults))]
    names = [part.name for part in parts] + ([predicted.name] if predicted else [])
    faults += [
        _fault(f"two things are called '{one}'", "Give each a name of its own.")
        for one in dict.fromkeys(names) if names.count(one) > 1
    ]  # fmt: skip
    known = [part.name for part in parts]
    faults += [_fault(f"--grows {one}: no variable '{one}'", suggest(one, known)) for one in grows if one not in known]
    if faults or predicted is None:
        raise AskError(faults)
    parts = [Part(part.name, part.quantity, part.name in grows) for part in parts]
    return begun(name, predicted, parts, title=title or "", floor=floor, table=table or "")


def _part(option: str, text: str, faults: list[Fault]) -> Part | None:
    """`N=total parameters` as a part of a law."""
    from ..beginning import Part

    name, sign, unit = (piece.strip() for piece in text.partition("="))
    if not sign or not name or not unit:
        cure = f"Write {option} NAME=UNIT: {option} 'N=total parameters'."
        faults.append(Fault("ASK011", Span(f"{option} {text}"[:120]), f"'{text[:60]}' is no NAME=UNIT", cure))
        return None
    wrong = _wrong_name(name)
    if wrong:
        faults.append(Fault("LAW019", Span(f"{option} {text}"[:120]), *wrong))
    found = _quantity(unit)
    if isinstance(found, str):
        faults.append(Fault("LAW024", Span(f"{option} {text}"[:120]), f"unknown unit '{unit[:40]}'", found))
    return None if wrong or isinstance(found, str) else Part(name, found)


def _wrong_name(name: str) -> tuple[str, str] | None:
    from ..functions import FUNCTIONS
    from ..shape import is_name

    if not is_name(name) or name in FUNCTIONS:
        return f"'{name[:64]}' cannot be a name", "Letters, digits and _, the first a letter, and no function's name."
    return None


def _quantity(text: str) -> Any:
    """The quantity of a text, or the cure."""
    from ..units import KINDS, UNITS, Quantity, quantity

    found = quantity(text)
    if found is None:
        kinds = [f"{kind} {unit}" for unit, kinds in KINDS.items() for kind in kinds]
        return suggest(text, [*UNITS, *kinds])
    needs = found.unit == "parameters" and found.kind is None
    return Quantity("parameters", "total") if needs else found


# --- on a terminal ---------------------------------------------------------------------------------------------------


def _asked(name: str | None, out: Path | None) -> tuple[str, str, str | None]:
    """The law's name, its text, and the law it began as, from the answers of a person."""
    from ..beginning import Part, begun
    from ..errors import LawdslError

    say.text("A few questions; Enter takes what stands in brackets, Ctrl-C leaves without a file.")
    while name is None or not _good(name, out):
        name = _prompt("name of the law")
    origin = _prompt("copy a law of the library (its name), or leave empty", "")
    while origin:
        try:
            return name, _copied(name, origin), origin
        except LawdslError as error:
            say.note(f"{error.faults[0].message}. {error.faults[0].cure}")
            origin = _prompt("copy a law of the library (its name), or leave empty", "")
    title = _prompt("title, one line", "")
    response = _prompt_part("what is predicted: its name", "L", "nats/token", set())
    taken = {response.name}
    parts: list[Part] = []
    usual = [("N", "total parameters"), ("D", "tokens")]
    while True:
        default, unit = usual[len(parts)] if len(parts) < len(usual) else ("", "")
        ask = "a variable it depends on" if not parts else "a further variable, or - for none"
        given = _prompt(f"{ask}: its name", default or "-")
        if given == "-" and parts:
            break
        part = _prompt_part("", given, unit or "tokens", taken)
        falls = click.confirm(f"  does {response.name} fall as {part.name} grows?", default=True, err=True)
        parts.append(Part(part.name, part.quantity, not falls))
        taken.add(part.name)
    floor = click.confirm(f"is there a floor that {response.name} does not fall below?", default=True, err=True)
    table = _prompt("table to fit it to (a file, or one of `lawdsl data list`), or leave empty", "")
    return name, begun(name, response, parts, title=title, floor=floor, table=table), None


def _prompt(text: str, default: str | None = None) -> str:
    shown = default not in (None, "")
    return str(click.prompt(text, default=default, show_default=shown, err=True)).strip()


def _good(name: str, out: Path | None) -> bool:
    try:
        _free(_named(name), out)
    except AskError as error:
        say.note(f"{error.faults[0].message}. {error.faults[0].cure}")
        return False
    return True


def _prompt_part(text: str, name: str, unit: str, taken: set[str]) -> Part:
    """A name that is free, and a unit that is known; asked again until they are."""
    from ..beginning import Part

    found = _prompt(text, name) if text else name
    while (wrong := _wrong_name(found)) or found in taken:
        say.note(f"{wrong[0]}. {wrong[1]}" if wrong else f"'{found}' is taken")
        found = _prompt("another name")
    counted = _quantity(_prompt(f"  the unit of {found}", unit))
    while isinstance(counted, str):
        say.note(f"no such unit; {counted}")
        counted = _quantity(_prompt(f"  the unit of {found}", unit))
    return Part(found, counted)
