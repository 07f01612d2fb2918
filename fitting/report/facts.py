"""What the page says of a fit in words and tables: law, verdict, rows, constants, provenance. Plain text everywhere;
the template escapes it, and only MathML of `lawdsl.mathml` goes in as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lawdsl import catalogue, words
from lawdsl.cite import ARXIV, citations
from lawdsl.errors import LawdslError
from lawdsl.law import Law, Value
from lawdsl.markdown import arxiv_url
from lawdsl.mathml import inline, law_mathml
from lawdsl.numbers import short

from ..posterior import Posterior

#: method -> how it fits, and what a good verdict on it says
METHODS = {
    "nuts": ("NUTS", "The chains agree, the draws are enough, and the rows say something about every constant."),
    "map": (
        "the mode of the posterior and the normal approximation about it",
        "The mode was found, and the rows say something about every constant.",
    ),
    "huber": ("a point fit of Huber's loss", "The least loss was found."),
    "bootstrap": ("refits by Huber's loss to rows drawn anew", "The least loss was found."),
}
FORECASTS = (
    "That speaks for the computation. Whether the law holds where nobody has measured, only forecasts that were scored "
    "can tell."
)


@dataclass(frozen=True)
class Variable:
    """A row of the glossary. `math` is MathML; `seen` the range among the rows, `regime` the one of the source."""

    name: str
    math: str
    unit: str
    about: str
    seen: str = ""
    regime: str = ""


@dataclass(frozen=True)
class Constant:
    """A row of the table of constants; `published` has one cell for every set, `level` is that of a grouped one."""

    name: str
    math: str
    about: str
    estimate: str
    interval: str
    rhat: str
    ess: str
    published: tuple[str, ...]
    level: str = ""


@dataclass(frozen=True)
class Facts:
    """A fit in words. `label` tells two fits of a page apart, and is empty on a page of one."""

    label: str
    law: Law
    title: str
    equation: str
    about: str
    status: str
    paper: str
    link: str
    noise: tuple[str, ...]
    variables: tuple[Variable, ...]
    ok: bool
    good: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    rows: tuple[str, ...]
    sets: tuple[tuple[str, str], ...]
    constants: tuple[Constant, ...]
    sampled: bool
    provenance: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    bibtex: str


def facts(posterior: Posterior, label: str = "") -> Facts:
    """Everything that the page says of a fit."""
    law = posterior.law
    source = dict(law.source)
    arxiv = source.get("arxiv", "")
    several = len(law.outcomes) > 1
    good = METHODS.get(posterior.method, ("", ""))[1]
    verdict = posterior.verdict
    return Facts(
        label, law, law.title, law_mathml(law), law.about, words.STATUS.get(law.status, law.status), _paper(source),
        arxiv_url(arxiv) if ARXIV.fullmatch(arxiv) else "",
        tuple((f"{o.response.name}: " if several else "") + words.noise(o.noise) for o in law.outcomes),
        _variables(posterior), verdict.ok, f"{good} {FORECASTS}".strip(), verdict.reasons, verdict.notes,
        _rows(posterior), tuple((one.name, _about_set(one)) for one in law.published), _constants(posterior),
        posterior.method == "nuts", _provenance(posterior), posterior.provenance.versions, _bibtex(law),
    )  # fmt: skip


def _paper(source: Mapping[str, str]) -> str:
    """The paper in a line: authors, title, venue or arXiv number and year, equation."""
    parts = [source.get("authors", ""), source.get("title", "")]
    venue = source.get("venue", "")
    year = source.get("year", "")
    dated = any(word.isdigit() and len(word) == 4 for word in venue.split())  # the preprint's year may be another
    parts.append(venue if dated else ", ".join(part for part in (venue, year) if part))
    arxiv = source.get("arxiv", "")
    parts.append(f"arXiv {arxiv}" if arxiv else "")
    parts.append(f"equation {source['equation']}" if "equation" in source else "")
    return ". ".join(part.rstrip(".") for part in parts if part)


def _variables(posterior: Posterior) -> tuple[Variable, ...]:
    law = posterior.law
    found = []
    for one in law.variables:
        if one.formula is None and one.name not in law.inputs:
            continue
        seen = "" if one.formula is not None else span(*posterior.ranges[one.name])
        regime = span(*one.range) if one.range is not None else ""
        about = f"{one.about} (= {one.formula})" if one.formula is not None else one.about
        found.append(Variable(one.name, inline(one.name), str(one.quantity), about, seen, regime))
    for response in (outcome.response for outcome in law.outcomes):
        column = posterior.columns[response.name]
        column = column[column == column]  # a row may lack some of several responses
        about = f"{response.about} (the response)".lstrip()
        seen = span(float(column.min()), float(column.max()))
        found.append(Variable(response.name, inline(response.name), str(response.quantity), about, seen))
    for factor in law.factors:
        if factor.name in posterior.factors:
            levels = posterior.factors[factor.name]
            found.append(Variable(factor.name, "", f"{len(levels)} levels", factor.about, ", ".join(levels[:12])))
    return tuple(found)


def span(low: float, high: float) -> str:
    """A range in words."""
    return short(low) if low == high else f"{short(low)} to {short(high)}"


def _rows(posterior: Posterior) -> tuple[str, ...]:
    """Where the rows are from, how they were fitted, and what a forecast of them found."""
    told = posterior.provenance
    try:
        entry = catalogue.entry(told.data)
        origin = f": {entry.title}. {entry.paper}".rstrip(". ") + f". Licence: {entry.licence}"
    except LawdslError:
        origin = ""
    method = METHODS.get(posterior.method, (posterior.method, ""))[0]
    chains, draws = next(iter(posterior.draws.values())).shape[:2]
    warmup = dict(told.settings).get("warmup", "")
    drawn = f"{draws} draws" if chains == 1 else f"{chains} chains of {draws} draws"
    how = [drawn + (f" after {warmup} of warm-up" if warmup else "")] if chains * draws > 1 else []
    found = [
        f"{told.rows} rows of {told.data}{origin}.",
        f"Fitted by {method}: {', '.join([*how, f'seed {told.seed}'])}.",
    ]
    if posterior.reliability is None and posterior.residuals is None:
        found.append("Its forecasts have not been backtested: lawdsl backtest tells how they fare on these rows.")
    return (*found, *(f"{note[:1].upper()}{note[1:]}." for note in told.notes))


def _about_set(one: Any) -> str:
    said = [one.about.rstrip(". "), f"from {one.source}" if one.source else ""]
    return "; ".join(part for part in said if part)


def _constants(posterior: Posterior) -> tuple[Constant, ...]:
    law = posterior.law
    found = []
    for name, row in posterior.summary().items():
        base = name.partition("[")[0].removesuffix(".center").removesuffix(".spread")
        parameter = law.parameter.get(base)
        about = parameter.about if parameter is not None else ""
        if name.endswith(".spread"):
            about = f"scatter of {base} between levels" + (f": {about}" if about else "")
        found.append(Constant(
            name, inline(base) if name == base and parameter is not None else "", about,
            words.plus_minus(row["mean"], row["sd"]), words.interval(row["q05"], row["q95"]) if row["sd"] >= 0 else "",
            f"{row['rhat']:.3f}" if math.isfinite(row["rhat"]) else "",
            f"{min(row['ess_bulk'], row['ess_tail']):.0f}" if math.isfinite(row["ess_bulk"]) else "",
            tuple(_published(one.by_name, name) for one in law.published),
            name.rstrip("]").partition("[")[2],
        ))  # fmt: skip
    return tuple(found)


def _published(values: Mapping[str, Any], name: str) -> str:
    base, _, level = name.rstrip("]").partition("[")
    value = values.get(base)
    if isinstance(value, dict):
        value = value.get(level)
    return words.constant(value) if isinstance(value, Value) else ""


def _provenance(posterior: Posterior) -> tuple[tuple[str, str], ...]:
    told = posterior.provenance
    return (
        ("law", posterior.law.name), ("digest of the law", told.law_digest), ("table", told.data),
        ("digest of the bound rows", told.data_digest), ("rows", str(told.rows)), ("method", posterior.method),
        ("seed", str(told.seed)), *told.settings,
    )  # fmt: skip


def _bibtex(law: Law) -> str:
    try:
        return "\n\n".join(one.bibtex for one in citations([(law.name, law)]))
    except LawdslError:
        return ""
