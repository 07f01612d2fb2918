"""Commands that keep fits: diff, rerun, lock, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AskError, Fault, InputError, Span, suggest
from . import say
from .command import command
from .fits import _engine, pairs
from .options import JSON, table_options
from .options import out as out_option
from .pictures import draw, plot_option
from .values import FitFile, LawName, Positive, TableName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitting import Posterior
    from fitting.differences import Difference, Shift

    from ..law import Law
    from ..table import Table


@command("diff")
@click.argument("first", type=FitFile(), metavar="FIT")
@click.argument("second", type=FitFile(), metavar="FIT")
@click.option("--at", "points", multiple=True, metavar="N=70B,D=1.4T",
              help="Compare predictions here; at the corners of the rows and a decade beyond unless said.")  # fmt: skip
@click.option("--given", multiple=True, metavar="C=5.76e23", help="Numbers for the laws' questions.")
@plot_option("what moved")
@JSON
def diff_command(
    first: Path, second: Path, points: tuple[str, ...], given: tuple[str, ...], plot: Path | None, as_json: bool
) -> int:
    """What changed between two fits: law, rows, versions, parameters, and which predictions moved by how many sd."""
    engine = _engine()
    fits: list[Posterior] = [engine.open_fit(first), engine.open_fit(second)]
    from fitting.differences import difference

    found = difference(fits[0], fits[1], [pairs((point,), "--at") for point in points], pairs(given, "--given"))
    draw(plot, lambda: engine.plots.moves(found))
    good = all(fit.verdict.ok for fit in fits)
    if as_json:
        verdicts = {"first": fits[0].verdict.as_json(), "second": fits[1].verdict.as_json()}
        say.as_json({"first": str(first), "second": str(second), **found.as_json(), "verdicts": verdicts})
        return 0 if good else 1
    _print_diff(found)
    for path, fit in zip((first, second), fits, strict=True):
        if not fit.verdict.ok:
            say.line(f"{path}")
            say.verdict_of(fit)
    return 0 if good else 1


def _print_diff(found: Difference) -> None:
    if found.law:
        say.heading("law")
        for line in found.law:
            say.line(f"  {line}", fg="red" if line.startswith("-") else "green")
    if found.facts:
        say.table(("changed", "first", "second"), [(w, _cut(a), _cut(b)) for w, a, b in found.facts], left=3)
    else:
        say.text("law, rows, method, seed, settings and versions are the same")
    say.line()
    for name, only in (("first", found.gone), ("second", found.new)):
        if only:
            say.text(f"parameters of the {name} alone: {', '.join(only)}")
    for title, shifts in (
        ("parameter", found.parameters),
        ("prediction", found.predictions),
        ("answer", found.answers),
    ):
        if shifts:
            say.table((title, "first", "second", "sd moved"), [_shift(one) for one in shifts])
            say.line()
    say.text(f"largest move of a prediction or answer: {found.most:.2g} sd")
    for text in found.notes:
        say.note(text)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _shift(one: Shift) -> tuple[str, str, str, str]:
    moved = "-" if one.sds != one.sds else f"{one.sds:+.2f}"
    return one.name, say.plus_minus(*one.first), say.plus_minus(*one.second), moved


@command("rerun")
@click.argument("fit", type=FitFile())
@click.option("--within", type=Positive(), metavar="SD",
              help="How many sd a number may move; unless said, what two runs of so many draws differ by.")  # fmt: skip
@out_option("Write the new fit here; unless said it is only compared.")
@JSON
def rerun_command(fit: Path, within: float | None, out: Path | None, as_json: bool) -> int:
    """Fit again from a fit file alone: its law, rows, method, seed and settings, by what is installed here.

    With the same packages on the same machine the draws are the same, bit for bit. Exit status 1 where a parameter, a
    prediction or an answer moved further than two runs may differ.
    """
    engine = _engine()
    posterior: Posterior = engine.open_fit(fit)
    from fitting.rerunning import rerun

    with say.progress(not as_json) as progress:
        found = rerun(posterior, within=within, progress=progress)
    if out is not None:
        found.again.save(out)
    good = found.ok and found.again.verdict.ok
    if as_json:
        written = None if out is None else str(out)
        say.as_json({"fit": str(fit), "out": written, **found.as_json(), "verdict": found.again.verdict.as_json()})
        return 0 if good else 1
    if found.identical:
        say.text(f"{fit}: fitted again, the same draws bit for bit")
    else:
        _print_diff(found.difference)
        same = "the same" if found.ok else "not the same"
        may = f"{within:g} allowed" if within else f"two runs of so many draws differ by up to {found.bound:.2g}"
        say.text(f"{fit}: fitted again, {same}; moved by {found.most:.2g} sd at most, where {may}")
        for one in found.moved:
            before, after = (say.plus_minus(*pair) for pair in (one.first, one.second))
            say.note(f"{one.name} moved too far: {before} -> {after}")
    if out is not None:
        say.text(f"wrote {out}")
    say.verdict_of(found.again)
    return 0 if good else 1


@command("lock")
@click.argument("fit", type=FitFile())
@out_option("The lock; an entry is added to one that is there.", default="lawdsl.lock", show_default=True)
@click.option("--name", help="The entry's name; the law's unless said. One of that name is replaced.")
@click.option(
    "--law", type=LawName(), metavar="LAW", help="The law's file, where it is not the library's of the fit's name."
)
@click.option(
    "--data", type=TableName(), metavar="TABLE", help="The table as it was given to `lawdsl fit`, with what binds it."
)
@table_options
@JSON
def lock_command(
    fit: Path, out: Path, name: str | None, law: str | None, data: str | None, maps: tuple[str, ...],
    where: str | None, units: tuple[str, ...], drop_missing: bool | None, as_json: bool,
) -> int:  # fmt: skip
    """Write down what a fit rests on, and its constants, in a small file for a repository.

    Digests of law, rows and fit, versions, seed, settings, and every constant with its interval. Rows are bound again
    to see that they are the fit's: what `lawdsl fit` was told (--map, --where, --units) is told here too.
    """
    engine = _engine()
    posterior: Posterior = engine.open_fit(fit)
    from fitting.locking import Binding, entry, read, write

    from .fits import _units

    _units(units)  # for its faults
    binding = Binding(data, pairs(maps, "--map"), where, pairs(units, "--units"), drop_missing)
    entries = read(out) if out.is_file() else {}
    called = name or posterior.law.name
    try:
        found = entry(posterior, fit, out, law, binding)
    except InputError as error:
        if law is not None or error.faults[0].code != "LAW038":
            raise
        cure = "Name the law file that was fitted: --law FILE.yaml."
        raise InputError(Fault("LAW038", Span(called), f"no law of the library is called {called}", cure)) from None
    write(out, entries | {called: found})
    if as_json:
        say.as_json({"lock": str(out), "name": called, "entry": found, "verdict": posterior.verdict.as_json()})
    else:
        say.text(f"{out}: {called}, {len(found['constants'])} constants, law {found['law']['digest'][:12]}, "
                   f"{found['data']['rows']} rows {found['data']['digest'][:12]}")  # fmt: skip
        say.verdict_of(posterior)
    return 0 if posterior.verdict.ok else 1


@command("verify")
@click.argument("lock", type=click.Path(path_type=Path), default=Path("lawdsl.lock"))
@click.option("--constants", multiple=True, metavar="[NAME=]FILE[#KEY.KEY]",
              help="Published constants, YAML or JSON; NAME is the lock's entry, KEY where in the file.")  # fmt: skip
@click.option("--within", type=Positive(), default=0.1, show_default=True,
              help="How many sd a constant may be off.")  # fmt: skip
@click.option("--refit", is_flag=True, help="Also fit again, by the same settings, and compare the constants.")
@JSON
def verify_command(lock: Path, constants: tuple[str, ...], within: float, refit: bool, as_json: bool) -> int:
    """Hold a lock against law, data and constants as they are now; exit status 1 and a fault for each that differs."""
    engine = _engine()
    from fitting.locking import broken, drifted, flat, read

    entries = read(lock)
    published = [_published(text, lock, entries) for text in constants]
    faults: list[Fault] = []
    notes: list[str] = []
    with say.progress(refit and not as_json) as progress:

        def again(law: Law, rows: Table, settings: dict[str, Any]) -> Posterior:
            fitted: Posterior = engine.fit(law, rows, progress=progress, **settings)
            return fitted

        for name, one in entries.items():
            found, said = broken(lock, name, one, again if refit else None, within)
            faults += found
            notes += said
    for name, place, values in published:
        found, unknown = drifted(Span(place), entries[name]["constants"], flat(values), within)
        faults += found
        if len(unknown) == len(flat(values)):
            cure = suggest(unknown[0] if unknown else "", entries[name]["constants"])
            faults.append(Fault("FIT075", Span(place), f"none of these is a constant of {name}", cure))
        elif unknown:
            notes.append(f"{place}: not constants of {name}, and not looked at: {', '.join(unknown)}")
    if as_json:
        say.as_json({"lock": str(lock), "ok": not faults, "faults": [f.as_json() for f in faults], "notes": notes})
    else:
        for text in notes:
            say.note(text)
        for fault in faults:
            say.fault(fault)
        held = "all holds" if not faults else f"{len(faults)} do{'es' if len(faults) == 1 else ''} not hold"
        say.text(f"{lock}: {len(entries)} fit{'s' if len(entries) != 1 else ''}, {held}")
    return 1 if faults else 0


def _published(text: str, lock: Path, entries: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The entry, the place and the constants of one --constants. Raises: InputError, AskError (FIT070)."""
    from fitting.locking import read_plain

    name, sign, rest = text.partition("=")
    if not sign:
        name, rest = next(iter(entries)) if len(entries) == 1 else "", text
    if name not in entries:
        message = f"'{name}' is no entry of {lock}" if name else f"{lock} has several entries"
        cure = f"Say whose constants these are: --constants NAME=FILE. {suggest(name, entries)}"
        raise AskError(Fault("FIT070", Span(f"--constants {text}"[:120]), message, cure))
    file, _, key = rest.partition("#")
    values: Any = read_plain(Path(file), "FIT070")
    for part in key.split(".") if key else ():
        if not isinstance(values, dict) or part not in values:
            known: Sequence[str] = list(values) if isinstance(values, dict) else ()
            raise InputError(Fault("FIT070", Span(rest[:120]), f"there is no '{part}' here", suggest(part, known)))
        values = values[part]
    if not isinstance(values, dict):
        raise InputError(Fault("FIT070", Span(rest[:120]), "constants are a mapping of names to numbers", "E: 1.807"))
    return name, rest, values
