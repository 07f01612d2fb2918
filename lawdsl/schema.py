"""The JSON Schema of law files, made from the one declaration of their form (`lawdsl.shape`).

Editors complete, check and explain with it: the description of a key is what `lawdsl.shape` says of it, and where a
value is one of a closed table (units, kinds, families, functions) what that table says. Its file lies beside the laws
of the library, who name it in their first line; `python -m lawdsl.schema laws` writes both, and a test holds them in
step.

Editors read YAML by its own rules: numbers may come as numbers or as texts (`7B`), a key `on` and a `yes` as true.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import shape, words
from .families import FAMILIES, Family
from .functions import FUNCTIONS
from .units import KINDS, UNITS

NUMBER = r"^[+-]?((\d+(_\d+)*)(\.\d*)?|\.\d+)([eE][+-]?\d+|[kKMBT])?$"

#: the schema's file, beside the laws that name it
FILE = "law.schema.json"

_LINE = re.compile(r"\A# yaml-language-server: \$schema=.*\n")


def first_line(schema: str = FILE) -> str:
    """The line by which an editor finds the schema: a path seen from the law's file, or a URL.

    >>> first_line()
    '# yaml-language-server: $schema=law.schema.json'
    """
    return f"# yaml-language-server: $schema={schema}"


def text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lawdsl law file",
        **_shape(shape.LAW),
    }


def _shape(one: shape.Shape) -> dict[str, Any]:
    if isinstance(one, shape.Words):
        return _words(one)
    if isinstance(one, shape.Many):
        several = {"type": "array", "items": _shape(one.item)}
        return {"anyOf": [_shape(one.item), several]} if one.one else several
    if isinstance(one, shape.Named):
        return {"type": "object", "additionalProperties": _shape(one.value)}
    if isinstance(one, shape.OneOrNamed):
        return {"anyOf": [_shape(one.block), _shape(shape.Named(one.block, one.names))]}
    properties = {key: _shape(entry.shape) | {"description": _about(entry)} for key, entry in one.entries.items()}
    if "on" in properties:
        properties["true"] = properties["on"]
    block: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False if one.rest is None else _shape(one.rest),
    }
    required = [key for key, entry in one.entries.items() if entry.required]
    if required:
        block["required"] = required
    return block if one.short is None else {"anyOf": [_shape(one.short), block]}


def _about(entry: shape.Entry) -> str:
    """What a key is for, and what its closed table has."""
    more = _TABLES.get(entry.shape, "") if isinstance(entry.shape, shape.Words) else ""
    return f"{entry.about}\n\n{more}" if more else entry.about


def _listed(table: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {about}" for name, about in table.items())


#: what an editor shows of a value of each of these forms
_TABLES: dict[shape.Words, str] = {
    shape.STATUS: _listed({name: text.partition(": ")[2] for name, text in words.STATUS.items()}),
    shape.FAMILY: _listed(words.NOISES),
    shape.PRIOR: _listed({f"{f.name}({', '.join(f.arguments)})": f.about for f in FAMILIES.values()}),
    shape.KIND: _listed({unit: ", ".join(kinds) for unit, kinds in KINDS.items()}),
    shape.EXPRESSION: f"Operators are + - * / ^. Functions: {', '.join(FUNCTIONS)}.",
}


def _words(one: shape.Words) -> dict[str, Any]:
    if one.choices:
        return {"enum": [*one.choices, *([True] if one is shape.YES else [])]}
    if one is shape.NUMBER:
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": NUMBER}, {"enum": ["inf", "-inf"]}]}
    if one is shape.UNIT:
        kinds = [f"{kind} {unit}" for unit, names in KINDS.items() for kind in names]
        return {"enum": [*UNITS, *kinds]}
    if one is shape.KIND:
        return {"enum": [kind for names in KINDS.values() for kind in names]}
    if one is shape.PRIOR:
        pattern = rf"^\s*({'|'.join(FAMILIES)})\s*\(.*\)\s*$"
        return {"type": "string", "pattern": pattern, "defaultSnippets": [_call(one) for one in FAMILIES.values()]}
    if one is shape.VALUE:
        return {"type": ["number", "string", "array"]}  # a list where the parameter is a family
    return {"type": ["string", "number", "boolean"]}


def _call(family: Family) -> dict[str, str]:
    """A family as an editor offers it, its arguments to be typed over (by a word of theirs, not of JSON Schema)."""
    slots = ", ".join(f"${{{i}:{argument}}}" for i, argument in enumerate(family.arguments, 1))
    return {"label": f"{family.name}({', '.join(family.arguments)})", "body": f"{family.name}({slots})"}


def write(folder: Path) -> int:
    """Write the schema's file into `folder`, and its path into the first line of every law below; how many changed."""
    changed = {path: content for path, content in files(folder).items() if not _is(path, content)}
    for path, content in changed.items():
        path.write_text(content, encoding="utf-8")
    return len(changed)


def files(folder: Path) -> dict[Path, str]:
    """The schema's file in `folder` and the laws below it, as they should stand."""
    found = {folder / FILE: text()}
    for path in folder.rglob("*.yaml"):
        up = "../" * (len(path.relative_to(folder).parts) - 1)
        found[path] = f"{first_line(up + FILE)}\n{_LINE.sub('', path.read_text('utf-8'))}"
    return found


def _is(path: Path, content: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == content


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lawdsl.schema FOLDER")
    print(f"{write(Path(sys.argv[1]))} files changed")
