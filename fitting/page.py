"""The page of all fits: Markdown made of records (`fitting.record`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lawdsl import catalogue
from lawdsl.markdown import code, prose, table

from .record import SIMULATED

MADE = "<!-- made by `python -m fitting.records docs/fits.md`: do not edit -->"
#: how a reader gets a table, by what the catalogue says of its source
OPEN = {
    "shipped": "in the package",
    "origin": "downloaded on request",
    "brought": "not downloadable by lawdsl: the reader makes it from its repository",
}

Record = Mapping[str, Any]


def page(records: Iterable[Record], missing: Iterable[tuple[str, str]] = ()) -> str:
    """The whole page, in the order of the records; `missing` are (law, table) of fits that have none yet."""
    records, missing = list(records), list(missing)
    own = [one for one in records if one["table"] != SIMULATED]
    made = [one for one in records if one["table"] == SIMULATED]
    parts = [
        MADE,
        "# Every law fitted",
        "Each law of the library that can be fitted, fitted by the defaults of `lawdsl fit` (NUTS, 4 chains of 300"
        " warm-up and 1000 further draws): to every table that its file names, and to rows simulated by its own design."
        " A verdict is that of the command; where it is not good, its first reason stands here, and the answer is not"
        " to be believed as it is. Seconds are those that the processor of a shared virtual machine spent on the fit,"
        " compiling included, on one thread, measured once: they tell long fits from short ones.",
        "## Tables",
        _said(own)
        + " R2 is the share of the responses' variance that the law's posterior mean explains, on the scale of the"
        " noise: of logarithms where the law's noise is on them.",
        table(("law", "table", "rows", "R2", "verdict", "seconds"), map(_own, own)),
        _sources(own),
        "## Simulated rows",
        _said(made) + _coverage(made),
        table(("law", "rows", "R2", "verdict", "held", "farthest", "seconds"), map(_made, made)),
        f"## Not on record\n\n{len(missing)} fits, in hand: {prose(', '.join(map(_named, missing)))}."
        if missing
        else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _named(fit: tuple[str, str]) -> str:
    law, table = fit
    return f"{law} ({'simulated rows' if table == SIMULATED else table})"


def _said(records: list[Record]) -> str:
    laws = {one["law"] for one in records}
    good = sum(_good(one) for one in records)
    return f"{len(records)} fits of {len(laws)} laws, {good} of them good."


def _good(one: Record) -> bool:
    return "verdict" in one and bool(one["verdict"]["ok"])


def _verdict(one: Record) -> str:
    if "verdict" not in one:
        return f"no fit: {prose(one['fault'])}"
    return "good" if _good(one) else prose(one["verdict"]["reasons"][0])


def _r2(one: Record) -> str:
    found = one.get("r2", {})
    several = len(found) > 1
    return ", ".join((f"{code(name)} " if several else "") + f"{value:.4f}" for name, value in found.items())


def _law(one: Record) -> str:
    return f"[{one['law']}](laws/{one['law']}.md)"


def _seconds(one: Record) -> str:
    return f"{one['cpu_seconds']:.0f}" if "cpu_seconds" in one else ""


def _own(one: Record) -> tuple[str, ...]:
    return (_law(one), one["table"], str(one.get("rows", "")), _r2(one), _verdict(one), _seconds(one))


def _made(one: Record) -> tuple[str, ...]:
    held = f"{one['held']} of {one['of']}" if "held" in one else ""
    far = ""
    if "z" in one:
        name = max(one["z"], key=lambda name: abs(one["z"][name]))
        far = f"{code(name)} {one['z'][name]:+.1f}"
    return (_law(one), str(one.get("rows", "")), _r2(one), _verdict(one), held, far, _seconds(one))


def _coverage(made: list[Record]) -> str:
    told = [one for one in made if "held" in one]
    held, every = sum(one["held"] for one in told), sum(one["of"] for one in told)
    share = f" ({held / every:.1%})".replace("%", " %") if every else ""
    return (
        f" Their 90 % intervals hold {held} of the {every} true values{share}; `held` counts them law by law."
        " `farthest` is the true value farthest from its posterior mean, in standard deviations of the posterior, on"
        " the scale on which the parameter may be any number."
    )


def _sources(own: list[Record]) -> str:
    """How a reader gets each table."""
    lines = []
    for id in dict.fromkeys(one["table"] for one in own):
        known = catalogue.entry(id)
        lines.append(f"- {code(id)}: {prose(known.title)}; {OPEN[known.source]}; licence: {prose(known.licence)}.")
    return "\n".join(lines)
