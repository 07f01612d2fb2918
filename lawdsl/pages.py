"""The library as pages of Markdown, one a law and an index: `python -m lawdsl.pages docs/laws`.

Everything on a page is from the law's file. Pages and figures that no law has any more are removed; a figure whose
stamp (`lawdsl.figures`) is what it would be now is left as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import catalogue, library, words
from .cite import ARXIV, citations
from .curves import Picture, drawn
from .errors import LawdslError
from .figures import BEYOND, stamp, stamp_of, svg
from .law import Check, Law, Value
from .markdown import anchor, arxiv_url, block, code, linked, prose, table
from .numbers import short
from .render import equation_latex
from .shape import STATUS, TOPIC

MADE = "<!-- made by `python -m lawdsl.pages`: edit the law's file, not this one -->"
INDEX = "README.md"


@dataclass(frozen=True)
class Entry:
    """What a page is made of: a law, its picture (or why there is none), and an indexed equation as the file has it."""

    law: Law
    picture: Picture | str
    written: str = ""


def entry(name: str) -> Entry:
    """That of a law of the library. Raises: LawError with every fault of the law."""
    law = library.load(name)
    return Entry(law, drawn(law, BEYOND), library.as_written(name))


def texts(entries: Mapping[str, Entry]) -> dict[str, str]:
    """The pages by their path below the folder."""
    pages = {f"{name}.md": page(name, one, entries) for name, one in entries.items()}
    return {INDEX: index({name: one.law for name, one in entries.items()}), **pages}


def index(laws: Mapping[str, Law]) -> str:
    """All laws by topic."""
    counts = {status: sum(law.status == status for law in laws.values()) for status in STATUS.choices}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    parts = [
        MADE,
        "# The laws of the library",
        f"{len(laws)} laws: {said}. `lawdsl list --topic TOPIC --variable NAME` filters them, `lawdsl show LAW` prints"
        " one.",
        "\n".join(f"- {prose(words.STATUS[status])}." for status, count in counts.items() if count),
    ]
    for topic in (*TOPIC.choices, ""):
        rows = [_row(name, law) for name, law in laws.items() if (law.topics or ("",))[0] == topic]
        also = [f"[{name}]({name}.md)" for name, law in laws.items() if topic in law.topics[1:]]
        if rows or also:
            parts += [f"## {topic or 'other'}", table(_COLUMNS, rows) if rows else ""]
            parts += [f"{'Also' if rows else 'See'} {', '.join(also)}."] if also else []
    return _page(parts)


_COLUMNS = ("law", "status", "response", "variables", "arXiv", "data", "also")


def _row(name: str, law: Law) -> tuple[str, ...]:
    arxiv = dict(law.source).get("arxiv", "")
    return (
        f"[{name}]({name}.md): {prose(law.title)}", law.status, ", ".join(map(code, law.outcome)),
        ", ".join(code(one) for one in law.inputs), f"[{arxiv}]({arxiv_url(arxiv)})" if arxiv else "",
        ", ".join(dict.fromkeys(data.table for data in law.data)),
        ", ".join(f"[{topic}](#{anchor(topic)})" for topic in law.topics[1:]),
    )  # fmt: skip


def page(name: str, one: Entry, names: Iterable[str]) -> str:
    """One law; `names` are those that may be linked to."""
    law = one.law
    up = "../" * name.count("/")
    others = {other: f"{up}{other}.md" for other in names if other != name}
    arxiv = dict(law.source).get("arxiv", "")
    facts = [
        f"[laws/{name}.yaml]({up}../../laws/{name}.yaml)",
        *([f"[arXiv {arxiv}]({arxiv_url(arxiv)})"] if arxiv else []),
        *(f"[{topic}]({up}{INDEX}#{anchor(topic)})" for topic in law.topics),
    ]
    parts = [
        MADE,
        f"# {prose(law.title)}",
        f"{code(name)} · {' · '.join(facts)}",
        f"Status: {prose(words.STATUS.get(law.status, law.status))}.",
        linked(prose(law.about), others),
        "## Equation",
        *_equation(one),
        _variables(law),
        _parameters(law),
        "## Published constants",
        _published(law),
        _figure(name, one.picture),
        *_questions(law),
        *_checks(name, law),
        *_data(law),
        "## Command line",
        block(_commands(name, law), "sh"),
        "## Cite",
        _cite(name, law),
    ]
    return _page(parts)


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


#: characters of LaTeX beyond which nobody reads a family that is written out
LONG = 1500


def _equation(one: Entry) -> list[str]:
    typeset = equation_latex(one.law)
    indexed = [block(one.written, "yaml")] if one.written else []
    return [*indexed, f"$$\n{typeset}\n$$"] if not indexed or len(typeset) <= LONG else indexed


def _variables(law: Law) -> str:
    rows = []
    for one in law.variables:
        what = f"{code(f'= {one.formula}')} {prose(one.about)}" if one.formula is not None else prose(one.about)
        regime = "" if one.range is None else " to ".join(short(end) for end in one.range)
        rows.append((code(one.name), str(one.quantity), what, regime))
    for response in (outcome.response for outcome in law.outcomes):
        rows.append((f"{code(response.name)}, the response", str(response.quantity), prose(response.about), ""))
    for factor in law.factors:
        levels = ", ".join(map(code, factor.levels)) or "any"
        rows.append((f"{code(factor.name)}, a factor", f"levels: {levels}", prose(factor.about), ""))
    return "## Variables\n\n" + table(("name", "unit", "about", "regime"), rows)


def _parameters(law: Law) -> str:
    rows = [(code(one.name), prose(words.origin(one)), prose(one.about)) for one in law.parameters]
    several = len(law.outcomes) > 1
    noises = [
        f"Noise{f' of {code(o.response.name)}' if several else ''}: {prose(words.noise(o.noise))}."
        for o in law.outcomes
    ]
    order = [f"In ascending order: {', '.join(map(code, group))}." for group in law.order]
    heading = ["## Parameters", table(("name", "prior or value", "about"), rows)] if rows else ["## Noise"]
    return "\n\n".join([*heading, *order, *noises])


def _published(law: Law) -> str:
    if not law.published:
        return "The file has none."
    names = list(dict.fromkeys(name for one in law.published for name, _ in one.values))
    rows = [["", *(code(one.name) for one in law.published)]]
    rows += [[code(name), *(prose(words.constant(one.by_name.get(name))) for one in law.published)] for name in names]
    if len(law.published) > len(names):
        rows = [list(row) for row in zip(*rows, strict=True)]
    notes = []
    for one in law.published:
        said = [
            prose(one.about),
            f"from {prose(one.source)}" if one.source else "",
            f"status: {one.status}" if one.status not in (None, law.status) else "",
        ]
        if any(said):
            notes.append(f"- {code(one.name)}: {'; '.join(text for text in said if text)}")
    recalled = any(_is_recalled(value) for one in law.published for _, value in one.values)
    mark = "Numbers marked (recalled) are from memory and have not been compared with the source." if recalled else ""
    return "\n\n".join(part for part in (table(rows[0], rows[1:]), "\n".join(notes), mark) if part)


def _is_recalled(value: Value | tuple[tuple[str, Value], ...]) -> bool:
    every = (value,) if isinstance(value, Value) else tuple(one for _, one in value)
    return any(one.status == "recalled" for one in every)


def _figure(name: str, picture: Picture | str) -> str:
    if isinstance(picture, str):
        return f"No figure: {prose(picture)}."
    caption = picture.plan.caption
    shaded = " The regime of the source is shaded." if picture.plan.variable.range is not None else ""
    return f"![{prose(caption)}]({name.rpartition('/')[2]}.svg)\n\n*{prose(caption)}.{shaded}*"


def _questions(law: Law) -> list[str]:
    if not law.ask:
        return []
    rows = [(code(ask.name), code(words.question(ask)), prose(ask.about)) for ask in law.ask]
    return ["## Questions", table(("question", "computes", "about"), rows)]


def _checks(name: str, law: Law) -> list[str]:
    if not law.checks:
        return []
    count = sum(max(len(v) for _, v in [*one.at, *one.expected]) * len(one.expected) for one in law.checks)
    rows = [_check(one) for one in law.checks]
    header = ("constants", "at", "expected", "within", "source")
    intro = f"{count} numbers that the law gives back (`lawdsl check --published {name}`)."
    if any(one.differs for one in law.checks):
        intro += " Where it says `is not`, the source prints a number that these constants do not give."
    return ["## Checks", intro, table(header, rows)]


def _check(one: Check) -> tuple[str, ...]:
    point = words.point(one)
    source = f"[{one.source}]({arxiv_url(one.source)})" if ARXIV.fullmatch(one.source) else prose(one.source)
    asked = f"{one.ask}: " if one.ask else ""
    found = "; ".join(
        f"{one.value if name == 'value' else name} {'is not' if one.differs else '='} {words.numbers(values)}"
        for name, values in one.expected
    )
    return (code(one.set or ""), code(asked + point), code(found), words.tolerance(one), source)


def _data(law: Law) -> list[str]:
    if not law.data:
        return []
    lines = []
    for one in law.data:
        try:
            found = catalogue.entry(one.table)
            about = f": {prose(found.title)}, {found.rows} rows, {prose(found.licence)}"
        except LawdslError:
            about = ""
        columns = ", ".join(f"{code(name)} = {code(column)}" for name, column in one.map)
        kept = f"; rows where {code(one.where)}" if one.where else ""
        lines.append(f"- {code(one.table)}{about}. {columns}{kept}".rstrip(". "))
    return ["## Data", "\n".join(lines)]


def _commands(name: str, law: Law) -> str:
    lines = [f"lawdsl show {name} --plot", f"lawdsl check --published {name}"]
    if law.status == "bound":
        return "\n".join(lines)
    fit = f"fits/{law.name}-*.nc"
    needed = [*law.inputs, *law.outcome, *law.grouping]
    if law.data:
        lines.append(f"lawdsl fit {name}" + "".join(f"  # to {data.table}" for data in law.data[:1]))
    if law.simulation is not None:
        lines.append(f"lawdsl fit {name} --simulate --seed 1  # to rows simulated by the file's design")
    lines.append(f"lawdsl fit {name} --data runs.csv  # columns {', '.join(needed)}, or --map {needed[0]}=COLUMN")
    levels = [p.by for p in law.parameters if p.grouped and p.pool == "none"]
    at = [*law.inputs, *dict.fromkeys(factor for by in levels for factor in by)]
    if law.sequence is None:  # whose points are rows of a run, too many for a line
        lines.append(f"lawdsl predict {fit} --at " + ",".join(f"{one}={words.example(law, one)}" for one in at))
    for ask in law.ask[:1]:
        given = ",".join(f"{one}={words.example(law, one)}" for one in ask.given)
        lines.append(f"lawdsl ask {fit} {ask.name}" + (f" --given {given}" if given else ""))
    return "\n".join(lines)


def _cite(name: str, law: Law) -> str:
    try:
        return block("\n\n".join(one.bibtex for one in citations([(name, law)])), "bibtex")
    except LawdslError:
        return "The law's file names no source."


def write(folder: Path) -> tuple[int, int]:
    """Write every page and figure of the library below `folder`; how many files changed, and how many there are.

    Raises: LawError, with every fault, where a law of the library is not good.
    """
    entries = {name: entry(name) for name in library.names()}
    files = {path: text.encode() for path, text in texts(entries).items()}
    for name, one in entries.items():
        path = folder / f"{name}.svg"
        if not isinstance(one.picture, str):
            kept = path.read_bytes() if path.is_file() else b""
            files[f"{name}.svg"] = kept if stamp_of(kept) == stamp(one.picture.plan) else svg(one.picture)
    changed = 0
    for below, content in files.items():
        path = folder / below
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            changed += 1
    for path in [*folder.rglob("*.md"), *folder.rglob("*.svg")]:
        if path.relative_to(folder).as_posix() not in files and is_ours(path):
            path.unlink()
            changed += 1
    return changed, len(files)


def is_ours(path: Path) -> bool:
    """Whether a file was made here."""
    content = path.read_bytes()
    return content.startswith(MADE.encode()) or stamp_of(content) is not None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lawdsl.pages FOLDER")
    try:
        changed, every = write(Path(sys.argv[1]))
    except LawdslError as error:
        sys.exit(str(error))
    print(f"{every} files, {changed} changed")
