"""The JSON Schema of law files, made from the one declaration of their form (`lawdsl.shape`).

Editors read YAML by its own rules: numbers may come as numbers or as texts (`7B`), a key `on` and a `yes` as true.
"""

from __future__ import annotations

from typing import Any

from . import shape
from .families import FAMILIES
from .units import KINDS, UNITS

NUMBER = r"^[+-]?((\d+(_\d+)*)(\.\d*)?|\.\d+)([eE][+-]?\d+|[kKMBT])?$"


def schema() -> dict[str, Any]:
    """The schema as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a lawdsl law file",
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
    properties = {key: _shape(entry.shape) | {"description": entry.about} for key, entry in one.entries.items()}
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


def _words(one: shape.Words) -> dict[str, Any]:
    if one.choices:
        return {"enum": [*one.choices, *([True] if one is shape.YES else [])]}
    if one is shape.NUMBER:
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": NUMBER}, {"enum": ["inf", "-inf"]}]}
    if one is shape.UNIT:
        kinds = [f"{kind} {unit}" for unit, names in KINDS.items() for kind in names]
        return {"enum": [*UNITS, *kinds]}
    if one is shape.PRIOR:
        return {"type": "string", "pattern": rf"^\s*({'|'.join(FAMILIES)})\s*\(.*\)\s*$"}
    if one is shape.VALUE:
        return {"type": ["number", "string", "array"]}  # a list where the parameter is a family
    return {"type": ["string", "number", "boolean"]}
