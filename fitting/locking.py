"""A lock: what a fit rests on, and its constants, in a small text file that a repository keeps beside its numbers.

`entry` writes down the digests of law, rows and fit file, the versions, seed and settings, and every constant with its
interval; `broken` computes them again from what law, rows and file are now, and fits again if asked; `drifted` holds
constants that a repository has published against the fit's.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lawdsl import atomic, library
from lawdsl.errors import Fault, InputError, LawdslError, OutsideError, Span
from lawdsl.law import Law
from lawdsl.numbers import parse_number
from lawdsl.render import digest
from lawdsl.source import Listing, Node, Scalar, compose, read_text
from lawdsl.table import Table, bind
from lawdsl.units import quantity
from lawdsl.words import plus_minus

from .posterior import Posterior

HEAD = "# Written by `lawdsl lock`. `lawdsl verify` holds law, data and constants against it.\n"
#: how far a published constant may lie from the fit's, in its standard deviations: one that was copied with the two
#: digits of its error that `lawdsl fit` prints is at most 0.05 off; another sampler's draws move it by some 0.03
WITHIN = 0.1
#: the same as a share of the number, where a fit gives no standard deviation
WITHIN_SHARE = 1e-3
SETTINGS = ("chains", "draws", "warmup")

Plain = dict[str, Any]


@dataclass(frozen=True)
class Binding:
    """How rows are bound to a law, in the words of `lawdsl fit`; without a source they are the law's own."""

    source: str | None = None
    map: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    drop_missing: bool | None = None

    def as_plain(self) -> Plain:
        """What of it was said."""
        told: Plain = {"table": self.source, "map": dict(self.map), "where": self.where, "units": dict(self.units)}
        told |= {"drop_missing": "yes" if self.drop_missing else "no" if self.drop_missing is not None else None}
        return {name: value for name, value in told.items() if value not in (None, {})}

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Binding:
        """From what a lock says."""
        drop = plain.get("drop_missing")
        return Binding(
            plain.get("table"), plain.get("map", {}), plain.get("where"), plain.get("units", {}),
            None if drop is None else drop == "yes",
        )  # fmt: skip

    def rows(self, law: Law, folder: Path, seed: int) -> Table:
        """The rows as they are now; paths lead from `folder`. Raises: as `lawdsl.table.bind`."""
        if (self.source or "").startswith("simulated from "):
            from .simulation import simulated

            return simulated(law, seed)
        source = self.source
        if source is not None and (folder / source).exists():
            source = str(folder / source)
        units = {name: found for name, text in self.units.items() if (found := quantity(text)) is not None}
        return bind(law, source, map=self.map, where=self.where, units=units, drop_missing=self.drop_missing)


def entry(posterior: Posterior, fit: Path, lock: Path, law: str | None, binding: Binding) -> Plain:
    """What a lock says of a fit. `law` is the file or library name that it is a fit of, by default the fit's own name;
    `binding` says how its rows are bound, where `lawdsl fit` was told.

    Raises: InputError (FIT071) where law or rows as they are now are not the fit's; as `load` and `bind`.
    """
    provenance = posterior.provenance
    folder = lock.resolve().parent
    named = law or posterior.law.name
    source = binding.source if binding.source is not None else provenance.data
    home = _relative(source, folder) if os.path.exists(source) else source
    bound = Binding(home, binding.map, binding.where, binding.units, binding.drop_missing)
    found = library.load(named)
    rows = bound.rows(found, folder, provenance.seed)
    faults = []
    if digest(found.holding(dict(rows.fixed))) != provenance.law_digest:
        cure = "Name the law file that was fitted: --law FILE. If it has changed since, fit it again."
        faults.append(Fault("FIT071", Span(named), f"this is not the law that {fit} was fitted by", cure))
    if rows.digest != provenance.data_digest:
        message = f"bound so, the {rows.rows} rows of {source} are not the {provenance.rows} that {fit} was fitted to"
        cure = "Say --data, --map, --where and --units as `lawdsl fit` was told. If the rows have changed, fit again."
        faults.append(Fault("FIT071", Span(source), message, cure))
    if faults:
        raise InputError(faults)
    return {
        "fit": {"file": _relative(str(fit), folder), "sha256": _sha256(fit)},
        "law": {"file": _relative(named, folder) if os.path.isfile(named) else named, "digest": provenance.law_digest},
        "data": bound.as_plain() | {"digest": provenance.data_digest, "rows": provenance.rows},
        "method": posterior.method,
        "seed": provenance.seed,
        "settings": dict(provenance.settings),
        "versions": dict(provenance.versions),
        "verdict": "good" if posterior.verdict.ok else "not to be believed",
        "constants": {name: _constant(row) for name, row in posterior.summary().items()},
    }


def _constant(row: Mapping[str, float]) -> Plain:
    """Mean, standard deviation and 90 % interval to six digits, and as people print it."""
    told: Plain = {"value": f"{row['mean']:.6g}"}
    if math.isfinite(row["sd"]) and row["sd"] > 0:
        told |= {"sd": f"{row['sd']:.6g}", "interval": [f"{row[q]:.6g}" for q in ("q05", "q95")]}
        told["printed"] = plus_minus(row["mean"], row["sd"])
    return told


def _relative(path: str, folder: Path) -> str:
    """A path as it is found from the lock's folder."""
    return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the file --------------------------------------------------------------------------------------------------------


def read(lock: Path) -> dict[str, Plain]:
    """The entries of a lock by name. Raises: OutsideError where there is no such file, InputError (FIT070) for what is
    no lock."""
    plain = read_plain(lock, "FIT070")
    if plain.get("lock") != "1" or not isinstance(plain.get("fits"), dict):
        cure = "`lawdsl lock FIT` writes one."
        raise InputError(Fault("FIT070", Span(str(lock)), "this is not a lock of lawdsl's form 1", cure))
    for name, one in plain["fits"].items():
        parts = {"fit": ("file", "sha256"), "law": ("file", "digest"), "data": ("digest",), "constants": ()}
        for part, keys in parts.items():
            held = one.get(part) if isinstance(one, dict) else None
            if not isinstance(held, dict) or any(not isinstance(held.get(key), str) for key in keys):
                message = f"the entry '{name}' lacks '{part}', or its {' and '.join(keys) or 'form'}"
                raise InputError(Fault("FIT070", Span(str(lock)), message, "Write it again: lawdsl lock FIT."))
    found: dict[str, Plain] = plain["fits"]
    return found


def read_plain(path: Path, code: str) -> Plain:
    """A YAML or JSON file as plain mappings, lists and texts. Raises: OutsideError, InputError with `code`."""
    try:
        root = compose(read_text(path), str(path))
    except LawdslError as error:
        cure = "`lawdsl lock` writes locks; constants are YAML or JSON, such as E: 1.807."
        faults = [Fault(code, f.where, f.message.replace("this law", "this file"), cure) for f in error.faults]
        raise (OutsideError if isinstance(error, OutsideError) else InputError)(faults) from None
    found = _plain(root)
    assert isinstance(found, dict)
    return found


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    return {key.text: _plain(value) for key, value in node}


def write(lock: Path, entries: Mapping[str, Plain]) -> None:
    """Write a lock, whole or not at all. Raises: OutsideError (FIT001) where it cannot be written."""
    import yaml

    text = HEAD + yaml.safe_dump({"lock": 1, "fits": dict(entries)}, sort_keys=False, width=10_000, allow_unicode=True)
    atomic.answer(lock, text, "the lock", "Choose another place with --out.")


# --- holding against it ----------------------------------------------------------------------------------------------


def broken(
    lock: Path, name: str, one: Mapping[str, Any], refit: Callable[[Law, Table, Plain], Posterior] | None = None,
    within: float = WITHIN,
) -> tuple[list[Fault], list[str]]:  # fmt: skip
    """What of an entry no longer holds, and notes: the fit file, the law, the rows; with `refit`, which fits a law to
    rows by the settings given, also the constants."""
    faults: list[Fault] = []
    notes: list[str] = []
    folder = lock.resolve().parent
    place = Span(f"{lock}: {name}")
    fit = folder / one["fit"]["file"]
    if not fit.is_file():
        notes.append(f"{name}: {one['fit']['file']} is not here, so the fit file was not looked at")
    elif _sha256(fit) != one["fit"]["sha256"]:
        message = f"{one['fit']['file']} is not the fit that was locked"
        faults.append(Fault("FIT072", place, message, "Lock the new fit, or bring back the old."))
    different = [f"{n} {_version(n)} (was {was})" for n, was in one.get("versions", {}).items() if _version(n) != was]
    if different:
        notes.append(f"{name}: other versions than when it was fitted: {', '.join(different)}")
    seed = int(parse_number(str(one.get("seed", 0))) or 0)
    try:
        file = folder / one["law"]["file"]
        law = library.load(str(file) if file.is_file() else one["law"]["file"])
    except LawdslError as error:
        message = f"the law cannot be read: {error.faults[0].message}"
        return [*faults, Fault("FIT073", place, message, error.faults[0].cure)], notes
    rows: Table | None = None
    try:
        rows = Binding.of(one["data"]).rows(law, folder, seed)
    except LawdslError as error:
        message = f"the rows cannot be bound as they were: {error.faults[0].message}"
        faults.append(Fault("FIT074", place, message, error.faults[0].cure))
    held = law if rows is None else law.holding(dict(rows.fixed))
    same = digest(held) == one["law"]["digest"]
    if not same and rows is not None:
        message = f"{one['law']['file']} is not the law that was fitted (digest {digest(held)[:12]})"
        faults.append(Fault("FIT073", place, message, "See what changed with `lawdsl diff`, fit again and lock."))
    if rows is not None and rows.digest != one["data"]["digest"]:
        message = f"the rows are not those that were fitted: {rows.rows}, and were {one['data'].get('rows', '?')}"
        faults.append(Fault("FIT074", place, message, "Fit again and lock, or bring back the rows."))
    if refit is not None and rows is not None and not faults:
        again = refit(law, rows, settings(one.get("method", "nuts"), seed, one.get("settings", {}))).summary()
        found = {n: row["mean"] for n, row in again.items()}
        for constant in one["constants"]:
            if constant not in found:
                faults.append(Fault("FIT075", place, f"fitted again, there is no {constant}", "Lock the new fit."))
        faults += drifted(place, one["constants"], found, within, "fitted again, ")[0]
    return faults, notes


def settings(method: str, seed: int, told: Mapping[str, Any]) -> Plain:
    """What `fitting.fit` is called with to fit as a fit was fitted; `told` are the settings that it kept."""
    kept = {n: int(parse_number(str(v)) or 0) for n, v in told.items() if n in SETTINGS and method == "nuts"}
    return {"method": method, "seed": seed, **kept}


def _version(package: str) -> str:
    import platform

    if package == "python":
        return platform.python_version()
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def drifted(
    place: Span, constants: Mapping[str, Any], published: Mapping[str, Any], within: float = WITHIN, said: str = ""
) -> tuple[list[Fault], list[str]]:
    """The published constants (name -> number, or a text such as `0.3478 ± 0.0154`) that lie further from the locked
    ones than `within` standard deviations, and the names that are no constants of the fit."""
    faults, unknown = [], []
    for name, value in published.items():
        if name not in constants:
            unknown.append(name)
            continue
        text = value if isinstance(value, str) else f"{value:.6g}"
        number = parse_number(text.split("±")[0].split("+-")[0])
        row = constants[name]
        held, sd = (parse_number(str(row.get(key, ""))) for key in ("value", "sd"))
        if number is None or held is None:
            message = f"{said}{name} is {text[:40]!r}, which is no number"
            faults.append(Fault("FIT075", place, message, "Write 0.348, or 0.348 ± 0.015."))
            continue
        off = abs(number - held) / sd if sd else abs(number - held) / (WITHIN_SHARE * abs(held) or 1.0) * within
        if off <= within:
            continue
        rounded = abs(number - held) <= _half_unit(text) * (1 + 1e-9)
        why = f"rounded so far that it lies {off:.2g} sd from it" if rounded and sd else (
            f"{off:.3g} sd away" if sd else "which is another number")  # fmt: skip
        message = f"{said}{name} is {text[:40]}, and the fit says {row.get('printed', row['value'])}: {why}"
        faults.append(Fault("FIT075", place, message, f"Write {row['value']}, or fit again and lock."))
    return faults, unknown


def _half_unit(text: str) -> float:
    """Half a unit of the last digit written."""
    digits = text.split("±")[0].split("+-")[0].strip()
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    with contextlib.suppress(ValueError):
        return 0.5 * 10.0 ** (int(exponent or 0) - decimals)
    return 0.0


def flat(published: Mapping[str, Any]) -> Plain:
    """Constants with levels as `k[gptq]`; a mapping with `value` is that value."""
    found: Plain = {}
    for name, value in published.items():
        if not isinstance(value, dict):
            found[name] = value
        elif "value" in value:
            found[name] = value["value"]
        else:
            inner = {level: v["value"] if isinstance(v, dict) and "value" in v else v for level, v in value.items()}
            found |= {f"{name}[{level}]": v for level, v in inner.items()}
    return found
