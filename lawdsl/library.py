"""Finding laws: a path, or the name of a law of the library; and reading them whole."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from . import limits
from .errors import Fault, InputError, LawError, Span, suggest

if TYPE_CHECKING:
    from .law import Law
    from .source import Node

#: a name of the library: no `..`, no drive, nothing absolute
_PATH = re.compile(r"\w[\w-]*(/\w[\w-]*)*")


@lru_cache(maxsize=1)
def folder() -> Path:
    """The library's folder: inside the installed package, or `laws/` of a checkout."""
    packaged = Path(str(files("lawdsl"))) / "laws"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[1] / "laws"


def names() -> tuple[str, ...]:
    """The names of the library's laws, sorted: the path below its folder, such as `qid` or `sldbench/parallel`."""
    home = folder()
    found = (path.relative_to(home).with_suffix("").as_posix() for path in home.rglob("*.yaml"))
    return tuple(sorted(found, key=lambda name: (name.count("/"), name)))


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
        path = folder() / f"{name}.yaml"
        if _PATH.fullmatch(name) and os.path.isfile(path):
            return path
    message, cure = _none(text)
    raise InputError(Fault("LAW038", Span(text[:200]), message, cure))


#: endings of tables
_TABLES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson")


def _none(text: str) -> tuple[str, str]:
    """Why a text leads to no law, and the cure."""
    written = Path(text)
    if not text.strip():
        return "no law is named", "Give the path of a law file, or a name of the library (`lawdsl list`)."
    if os.path.isdir(written):
        inside = sorted(name for name in os.listdir(written) if name.endswith((".yaml", ".yml")))[:3]
        cure = f"Name a file in it: {written / inside[0]}." if inside else "A law is a file whose name ends in .yaml."
        return "this is a folder, and a law is wanted", cure
    if os.path.isfile(written):
        if written.suffix == ".nc":
            return "this is a fit file, and a law is wanted", "`lawdsl predict` and `lawdsl ask` take fits."
        if written.suffix in _TABLES:
            return "this is a table, and a law is wanted", f"Name the law first: lawdsl fit LAW --data {text[:80]}."
        return "a law file's name ends in .yaml", f"Rename it: {written.with_suffix('.yaml').name[:80]}."
    known = names()
    inside_library = any(name.startswith(f"{written.parent.as_posix()}/") for name in known)
    cure = suggest(text.removesuffix(written.suffix) if inside_library else written.stem, known)
    return "no such law file, and no such law in the library", f"{cure} `lawdsl list` prints the library."


def load(law: str | Path) -> Law:
    """The checked law of a path or library name.

    >>> import lawdsl
    >>> law = lawdsl.load("chinchilla")
    >>> law
    Law('chinchilla': L of N, D; 7 parameters, 5 published sets)
    >>> print(law.equation)
    E + A/N^alpha + B/D^beta

    Raises: InputError where there is none, LawError with every fault of it, OutsideError where it cannot be read.
    """
    return _load(str(law), "", ())


def parse(text: str, file: str = "<law>") -> Law:
    """The checked law of a text; laws it uses are looked for in the library. Raises: LawError with every fault.

    >>> import lawdsl
    >>> try:
    ...     lawdsl.parse("law: mine")
    ... except lawdsl.LawError as error:
    ...     print(error.faults[0])
    <law>:1:1: LAW009: the key 'variables' is missing
        law: mine
        ^ It holds the covariates of the law.
    """
    from .check import check
    from .indexing import expand
    from .source import compose

    return check(expand(compose(text, file)), lambda name, beside: _load(name, "", (file,)))


def as_written(law: str | Path) -> str:
    """The index, equation and lets of a law of indexed families, as its file has them; "" of other laws.

    Checked laws have their sums over an index written out, which may be long.
    Raises: InputError where there is no such file, and what reading it raises.
    """
    from .source import Listing, Mapping, Scalar, compose, read_text

    path = find(law)
    root = compose(read_text(path), str(path))
    if root.get("index") is None:
        return ""
    lines = []
    for block in ("index", "equation", "let"):
        node = root.get(block)
        if isinstance(node, Scalar):
            lines.append(f"{block}: {' '.join(node.text.split())}")
        elif isinstance(node, Listing):
            lines += [f"{block}:", *(f"  - {_flow(item)}" for item in node.items)]
        elif isinstance(node, Mapping):
            lines += [f"{block}:", *(f"  {key.text}: {_flow(value)}" for key, value in node)]
    return "\n".join(lines)


def _flow(node: Node) -> str:
    from .source import Listing, Scalar

    if isinstance(node, Listing):
        return f"[{', '.join(_flow(item) for item in node.items)}]"
    return " ".join(node.text.split()) if isinstance(node, Scalar) else "..."


def _load(law: str, beside: str, above: tuple[str, ...]) -> Law:
    from .check import check
    from .indexing import expand
    from .source import compose, read_text

    path = find(law, beside)
    key = str(path.resolve())
    shown = str(path)
    if key in above or len(above) >= limits.USE_DEPTH:
        why = "it uses itself" if key in above else f"laws use laws more than {limits.USE_DEPTH} deep"
        raise LawError(Fault("LAW033", Span(shown), why, "Write the equation out in one of them."))
    return check(expand(compose(read_text(path), shown)), lambda name, beside: _load(name, beside, (*above, key)))
