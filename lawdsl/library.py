"""Finding laws: a path, or the name of a law of the library; and reading them whole."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from . import limits
from .check import check
from .errors import Fault, InputError, LawError, Span, suggest
from .law import Law
from .source import compose, read_text


@lru_cache(maxsize=1)
def folder() -> Path:
    """The library's folder: inside the installed package, or `laws/` of a checkout."""
    packaged = Path(str(files("lawdsl"))) / "laws"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[1] / "laws"


def names() -> tuple[str, ...]:
    """The names of the library's laws, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.yaml")))


def find(law: str | Path, beside: str = "") -> Path:
    """The file of a law given as a path, or by its name in the library. `beside` is the file that names it.

    Raises: InputError (LAW038) that lists the library and the nearest name.
    """
    text = str(law)
    written = Path(text)
    for path in [written, *([Path(beside).parent / written] if beside and not written.is_absolute() else [])]:
        if path.suffix in (".yaml", ".yml") and os.path.isfile(path):  # which takes any text; Path.is_file may raise
            return path
    for name in (text, text.replace("_", "-"), text.replace("-", "_")):
        if name in names():
            return folder() / f"{name}.yaml"
    raise InputError(Fault("LAW038", Span(text[:200]), "no such law file, and no such law in the library",
                           suggest(written.stem, names())))  # fmt: skip


def load(law: str | Path) -> Law:
    """The checked law of a path or library name.

    Raises: InputError where there is none, LawError with every fault of it, OutsideError where it cannot be read.
    """
    return _load(str(law), "", ())


def parse(text: str, file: str = "<law>") -> Law:
    """The checked law of a text; laws it uses are looked for in the library. Raises: LawError with every fault."""
    return check(compose(text, file), lambda name, beside: _load(name, "", (file,)))


def _load(law: str, beside: str, above: tuple[str, ...]) -> Law:
    path = find(law, beside)
    key = str(path.resolve())
    shown = str(path)
    if key in above or len(above) >= limits.USE_DEPTH:
        why = "it uses itself" if key in above else f"laws use laws more than {limits.USE_DEPTH} deep"
        raise LawError(Fault("LAW033", Span(shown), why, "Write the equation out in one of them."))
    return check(compose(read_text(path), shown), lambda name, beside: _load(name, beside, (*above, key)))
