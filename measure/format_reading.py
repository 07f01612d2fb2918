"""Formats as a plan writes them, and as their names say them.

    formats:
      - {method: rtn, bits: [2, 3, 4], group: [32, channel], symmetric: [true, false]}
      - gptq-3b-g128-asym

Lists multiply out: the first entry is twelve formats. A name stands for itself. Faults are all found, with places.
"""

from __future__ import annotations

import re
from itertools import product

from lawdsl.errors import Fault, InputError, Span, suggest
from lawdsl.numbers import exact, parse_number
from lawdsl.source import Listing, Mapping, Node, Scalar

from .methods.table import METHODS, Format, Method, Setting, Value

#: largest number of weights that can share a scale
LARGEST_GROUP = 2**20

_ANY = "any whole number from 2"


class _Wrong(Exception):
    """A value that a method does not take: code, message, cure."""


def read_formats(entries: Node) -> tuple[Format, ...]:
    """The formats of a plan's `formats:`, in its order, each once.

    Raises: InputError with MEA201 (no such method), MEA202 (no such key), MEA203 to MEA205 (a value that the method
    does not take), MEA206 (not a list of mappings or names), MEA207 (a key is missing), MEA208 (a name of no format).
    """
    faults: list[Fault] = []
    found: dict[Format, None] = {}
    if not isinstance(entries, Listing) or not entries.items:
        cure = "Write a list: `formats: [{method: rtn, bits: [2, 3, 4], group: 32}]`."
        raise InputError(Fault("MEA206", entries.span, "formats are a list of mappings", cure))
    for entry in entries.items:
        if isinstance(entry, Mapping):
            found |= dict.fromkeys(_read(entry, faults))
        elif isinstance(entry, Scalar):
            try:
                found[parse_format(entry.text)] = None
            except InputError as error:
                faults += [Fault(fault.code, entry.span, fault.message, fault.cure) for fault in error.faults]
        else:
            cure = "Write {method: rtn, bits: 4, group: 32}, or a name such as rtn-4b-g32-asym."
            faults.append(Fault("MEA206", entry.span, "a format is a mapping or a name", cure))
    if faults:
        raise InputError(faults)
    return tuple(found)


def parse_format(text: str) -> Format:
    """The format of a name: the inverse of `Format.name`.

    Raises: InputError with MEA201, MEA203 to MEA205, MEA207 or MEA208.
    """
    where = Span()
    methods = [name for name in METHODS if text == name or text.startswith(f"{name}-")]
    if not methods:
        cure = suggest(re.split(r"-\d|-g\d|-channel", text)[0], METHODS)
        raise InputError(Fault("MEA201", where, f"unknown method in the format '{text}'", cure))
    name = max(methods, key=len)
    method = METHODS[name]
    given = {}
    for part in text[len(name) + 1 :].split("-") if len(text) > len(name) else []:
        key, value = _part(method, part)
        if key in given or not key:
            cure = f"A name of this method reads, for example, {_example(name)}."
            raise InputError(Fault("MEA208", where, f"'{part}' in the format '{text}' cannot be read", cure))
        given[key] = value
    try:
        found = _format(name, {key: _value(name, key, value) for key, value in given.items()})
    except _Wrong as wrong:
        code, message, cure = wrong.args
        raise InputError(Fault(code, where, f"{message} (in '{text}')", cure)) from None
    if found.name != text:
        raise InputError(Fault("MEA208", where, f"'{text}' is not a format's name", f"Write {found.name}."))
    return found


def _read(entry: Mapping, faults: list[Fault]) -> list[Format]:
    """Every format of one mapping; what is wrong joins `faults`."""
    before = len(faults)
    if "method" not in entry:
        cure = f"Name one: {{method: rtn, ...}}. {suggest('', METHODS)}"
        faults.append(Fault("MEA207", entry.span, "a format without a method", cure))
        return []
    methods: list[str] = []
    for scalar in _scalars(entry, "method", faults):
        if scalar.text in METHODS:
            methods.append(scalar.text)
        else:
            faults.append(
                Fault("MEA201", scalar.span, f"unknown method '{scalar.text}'", suggest(scalar.text, METHODS))
            )
    formats = []
    for name in methods:
        known = _keys(METHODS[name])
        choices: dict[str, list[Value | None]] = {}
        for key, _ in entry:
            if key.text == "method":
                continue
            if key.text not in known:
                message = f"'{name}' has no key '{key.text}'"
                faults.append(Fault("MEA202", key.span, message, suggest(key.text, known)))
                continue
            choices[key.text] = []
            for scalar in _scalars(entry, key.text, faults):
                try:
                    choices[key.text].append(_value(name, key.text, scalar.text))
                except _Wrong as wrong:
                    faults.append(Fault(wrong.args[0], scalar.span, *wrong.args[1:]))
        if len(faults) > before:
            continue
        for values in product(*choices.values()):
            try:
                formats.append(_format(name, dict(zip(choices, values, strict=True))))
            except _Wrong as wrong:
                faults.append(Fault(wrong.args[0], entry.span, *wrong.args[1:]))
                break  # the other combinations would mostly say the same
    return formats


def _scalars(entry: Mapping, key: str, faults: list[Fault]) -> list[Scalar]:
    """The value under a key as a list of texts: lists multiply out, one text is a list of one."""
    value = entry.get(key)
    items = value.items if isinstance(value, Listing) else (value,)
    scalars = [item for item in items if isinstance(item, Scalar)]
    if len(scalars) < len(items) or not items:
        where = value.span if value is not None else entry.span
        fault = Fault("MEA206", where, f"'{key}' is neither a value nor a list of values", "Write 4 or [2, 3, 4].")
        if fault not in faults:
            faults.append(fault)
    return scalars


def _keys(method: Method) -> list[str]:
    """The keys that make sense for a method, besides `method`."""
    offered = {
        "bits": bool(method.bits) and not method.bits_from,
        "group": bool(method.groups),
        "symmetric": bool(method.symmetric),
        "embeddings": method.embeddings and method.bits != (16,),
    }
    return [key for key, there in offered.items() if there] + list(method.settings)


def _value(name: str, key: str, text: str) -> Value | None:
    """A key's value as the method takes it. Raises: _Wrong."""
    method = METHODS[name]
    if key == "bits":
        number = parse_number(text)
        if number in method.bits and not method.bits_from:
            return number
        raise _Wrong("MEA203", f"'{name}' has no {text} bits", f"It has {_listed(method.bits)}.")
    if key == "group":
        size = None if text == "channel" else parse_number(text)
        whole = size is not None and size == int(size) and 2 <= size <= LARGEST_GROUP
        if size is None and text == "channel" and None in method.groups:
            return None
        if size is not None and (size in method.groups or method.any_group and whole):
            return int(size)
        groups = _listed(tuple("channel" if group is None else group for group in method.groups))
        cure = f"It has {_ANY} to {LARGEST_GROUP}, or channel." if method.any_group else f"It has {groups}."
        raise _Wrong("MEA204", f"'{name}' has no groups of '{text}'", cure)
    if key in ("symmetric", "embeddings"):
        if text in ("true", "false"):
            return text == "true"
        raise _Wrong("MEA205", f"'{key}' is '{text}'", "It is true or false.")
    return _setting(method.settings[key], key, text)


def _setting(setting: Setting, key: str, text: str) -> Value:
    number = parse_number(text)
    if setting.between is not None:
        low, high = setting.between
        if number is not None and low <= number <= high:
            return number
        raise _Wrong(
            "MEA205", f"'{key}' is '{text}'", f"It lies between {exact(low)} and {exact(high)}: {setting.about}."
        )
    for value in setting.allowed:
        if text == (str(value).lower() if isinstance(value, bool) else str(value)):
            return value
    raise _Wrong("MEA205", f"'{key}' is '{text}'", f"It is one of {_listed(setting.allowed)}: {setting.about}.")


def _format(name: str, given: dict[str, Value | None]) -> Format:
    """A format from values that are each good; what is not given has its default. Raises: _Wrong."""
    method = METHODS[name]
    settings: dict[str, Value] = {}
    for key, setting in method.settings.items():
        value = given.get(key, setting.default)
        if value is None:
            cure = f"Add `{key}:`, {setting.about}: one of {_listed(setting.allowed)}."
            raise _Wrong("MEA207", f"'{name}' needs '{key}'", cure)
        settings[key] = value
    if method.bits_from:
        bits: Value | None = 1.0 + sum(float(settings[key]) for key in method.bits_from)
        if bits not in method.bits:
            parts = ", ".join(f"{key} {settings[key]}" for key in method.bits_from)
            raise _Wrong("MEA205", f"'{name}' with {parts} has {bits:g} bits", f"It has {_listed(method.bits)} in all.")
    else:
        bits = given.get("bits", method.bits[0] if len(method.bits) == 1 else None)
        if bits is None:
            raise _Wrong("MEA207", f"'{name}' needs 'bits'", f"Add `bits:`, of {_listed(method.bits)}.")
    group = given["group"] if "group" in given else method.groups[0] if method.groups else None
    symmetric = given["symmetric"] if "symmetric" in given else method.symmetric[0] if method.symmetric else None
    return Format(
        name, float(bits), None if group is None else int(group), None if symmetric is None else bool(symmetric),
        tuple(sorted(settings.items())), bool(given.get("embeddings", False)),
    )  # fmt: skip


def _part(method: Method, part: str) -> tuple[str, str]:
    """Key and value of one part of a name, or two empty texts."""
    if re.fullmatch(r"[\d.]+b", part):
        return "bits", part[:-1]
    if part == "channel" or re.fullmatch(r"g\d+", part):
        return "group", part if part == "channel" else part[1:]
    if part in ("sym", "asym"):
        return "symmetric", "true" if part == "sym" else "false"
    if part == "embeddings":
        return "embeddings", "true"
    for key, setting in method.settings.items():
        if True in setting.allowed and part == setting.tag:
            return key, "true"
        rest = part.removeprefix(setting.tag)
        if setting.between is not None and part.startswith(setting.tag) or rest in map(str, setting.allowed):
            return key, rest
    return "", ""


def _example(name: str) -> str:
    method = METHODS[name]
    values: dict[str, Value | None] = {key: s.allowed[-1] for key, s in method.settings.items() if s.default is None}
    if method.bits_from:
        values |= {"exponent": 2, "mantissa": 1}
    return _format(name, values | ({} if method.bits_from else {"bits": method.bits[-1]})).name


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(
        exact(v) if isinstance(v, float) else str(v).lower() if isinstance(v, bool) else str(v) for v in values
    )
