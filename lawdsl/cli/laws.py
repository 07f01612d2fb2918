"""Commands about laws: list, show, check, explain, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Fault, InputError, LawdslError, OutsideError, Span, suggest
from . import say
from .command import command
from .options import JSON as JSON
from .options import out as out_option
from .values import LawName

if TYPE_CHECKING:
    from ..law import Law


@command("list")
@click.option("--topic", "topics", multiple=True, help="Only laws on this topic; again for several, all of them.")
@click.option("--status", "statuses", multiple=True, help="Only laws of this status; again for any of several.")
@click.option("--variable", "variables", multiple=True,
              help="Only laws with a variable of this name or unit (N, bits); again for several, all.")  # fmt: skip
@JSON
def list_command(topics: tuple[str, ...], statuses: tuple[str, ...], variables: tuple[str, ...], as_json: bool) -> None:
    """The laws of the library, one line each."""
    from ..shape import STATUS, TOPIC

    laws, wrong = _library()
    asked = (
        ("topic", topics, {*TOPIC.choices}), ("status", statuses, {*STATUS.choices}),
        ("variable", variables, {word for law in laws.values() for word in _words(law)}),
    )  # fmt: skip
    faults = [
        Fault("ASK016", Span(f"--{what}"), f"no {what} '{one}'", suggest(one, known))
        for what, given, known in asked
        for one in given
        if one not in known
    ]
    if faults:
        raise InputError(faults)
    kept = {
        name: law
        for name, law in laws.items()
        if {*topics} <= {*law.topics} and (not statuses or law.status in statuses) and {*variables} <= _words(law)
    }
    if as_json:
        say.as_json({"laws": [_brief(name, law) for name, law in kept.items()], "wrong": wrong})
    elif kept:
        rows = [
            (name, law.status, ", ".join(law.inputs), dict(law.source).get("arxiv", ""), law.title)
            for name, law in kept.items()
        ]
        say.table(("law", "status", "variables", "arXiv", "title"), rows, left=5)
    else:
        say.note("no law of the library is all of this; `lawdsl list` prints them all")
    for one in wrong:
        count = len(one["faults"])
        left_out = f"{one['law']} is left out: {count} fault{'s' if count > 1 else ''} in its file"
        say.note(f"{left_out}; `lawdsl check {one['law']}` prints {'them' if count > 1 else 'it'}")


def _library() -> tuple[dict[str, Law], list[dict[str, Any]]]:
    """The good laws by name, and the faults of the others."""
    from .. import library

    laws: dict[str, Law] = {}
    wrong: list[dict[str, Any]] = []
    for name in library.names():
        try:
            laws[name] = library.load(name)
        except LawdslError as error:
            wrong.append({"law": name, "faults": [fault.as_json() for fault in error.faults]})
    return laws, wrong


def _words(law: Law) -> set[str]:
    """What `--variable` may say of a law: names of its variables, and their units."""
    return {word for variable in law.variables for word in (variable.name, variable.quantity.unit)}


def _brief(name: str, law: Law) -> dict[str, Any]:
    return {
        "law": name, "title": law.title, "status": law.status, "topics": list(law.topics),
        "variables": list(law.inputs), "responses": list(law.outcome), "source": dict(law.source),
        "published": list(law.sets), "questions": list(law.questions), "data": [data.table for data in law.data],
    }  # fmt: skip


@command("show")
@click.argument("law", type=LawName())
@click.option("--latex", "form", flag_value="latex", help="Print the equation as LaTeX.")
@click.option("--yaml", "form", flag_value="yaml", help="Print the law as canonical YAML.")
@click.option("--plot", is_flag=True, help="Draw the response too, with the first published constants.")
@JSON
def show_command(law: str, form: str | None, plot: bool, as_json: bool) -> None:
    """A law of the library, or of a file: equation, parameters, published constants, questions."""
    from .. import library, words
    from ..render import canonical, equation_latex

    found = library.load(law)
    if as_json:
        detail = {
            "equations": [f"{o.response.name} = {o.equation}" for o in found.outcomes],
            "latex": equation_latex(found),
            "parameters": {p.name: words.origin(p) for p in found.parameters},
            "about": found.about,
        }
        say.as_json(_brief(law, found) | detail)
    elif form == "latex":
        say.line(equation_latex(found))
    elif form == "yaml":
        click.echo(canonical(found), nl=False)
    else:
        _show(law, found)
        if plot:
            say.line()
            _plot(found)


#: characters of a law whose indices are written out, beyond which it is shown as its file has it
LONG = 600


def _show(name: str, found: Law) -> None:
    from .. import library, words
    from ..render import equation_text
    from ..typeset import law_text

    source = ", ".join(f"{key} {value}" for key, value in found.source)
    say.heading(f"{found.title}  ({found.name}, {found.status})")
    if source:
        say.text(source)
    if found.about:
        say.line()
        say.text(found.about)
    say.line()
    written = library.as_written(name) if len(equation_text(found)) > LONG else ""
    say.line(written or law_text(found, say.width()))
    say.line()
    say.heading("variables")
    quantities = [(v.name, v.quantity, v.about or (f"= {v.formula}" if v.formula else "")) for v in found.variables]
    quantities += [(o.response.name, o.response.quantity, o.response.about) for o in found.outcomes]
    say.wrapped([(name, f"{quantity}; {about}" if about else str(quantity)) for name, quantity, about in quantities])
    say.heading("parameters")
    say.wrapped([(p.name, words.origin(p) + (f"; {p.about}" if p.about else "")) for p in found.parameters])
    for outcome in found.outcomes:
        label = "noise" if len(found.outcomes) == 1 else f"noise of {outcome.response.name}"
        say.wrapped([(label, words.noise(outcome.noise))])
    if found.published:
        say.heading("published")
        _published(found)
    if found.ask:
        say.heading("questions")
        say.wrapped([(a.name, a.about or words.question(a)) for a in found.ask])
    if found.data:
        say.heading("data")
        say.wrapped([(d.table, words.rows(d)) for d in found.data])


def _published(found: Law) -> None:
    """The sets in lines, or, where that is too wide, in columns."""
    from .. import words

    names = list(dict.fromkeys(name for one in found.published for name, _ in one.values))
    rows = [[one.name, *(words.constant(one.by_name.get(name)) for name in names)] for one in found.published]
    header = ["set", *names]
    wide = sum(2 + max(len(row[i]) for row in [header, *rows]) for i in range(len(header))) > say.width()
    lines = [list(line) for line in zip(header, *rows, strict=True)] if wide else [header, *rows]
    (top, *below) = [["  " + line[0], *line[1:]] for line in lines]
    say.table(top, below)


#: lines of a plot
PLOT_LINES = 13


def _plot(found: Law) -> None:
    """The response against the first variable over its range, with the first published set that is whole."""
    from ..curves import drawn
    from .canvas import draw

    picture = drawn(found)
    if isinstance(picture, str):
        say.note(f"no plot: {picture}")
        return
    planned, curves = picture.plan, picture.curves
    say.heading(f"{planned.caption} ({found.response.quantity} against {planned.variable.quantity})")
    labels = [label and f"{planned.varied}={label}" for label, _ in planned.points]
    for line in draw(planned.grid, curves, labels, log_x=planned.log, log_y=picture.log, width=min(say.width(), 90),
                     height=PLOT_LINES):  # fmt: skip
        say.line(line)


@command("cite")
@click.argument("laws", nargs=-1, required=True, type=LawName(), metavar="LAW...")
@JSON
def cite_command(laws: tuple[str, ...], as_json: bool) -> None:
    """BibTeX of the papers that laws are from; laws of one paper share an entry."""
    from .. import library
    from ..cite import citations

    found = citations([(law, library.load(law)) for law in dict.fromkeys(laws)])
    if as_json:
        say.as_json({"entries": [{"key": one.key, "laws": list(one.laws), "bibtex": one.bibtex,
                                  "missing": list(one.missing), "also": list(one.also)} for one in found]})  # fmt: skip
        return
    say.line("\n\n".join(one.bibtex for one in found))
    for one in found:
        if one.missing:
            say.note(f"{one.key}: the source of {', '.join(one.laws)} does not say its {', '.join(one.missing)}")


@command("check")
@click.argument("files", nargs=-1, required=True, type=LawName(), metavar="LAW...")
@click.option("--published", is_flag=True, help="Also compute the numbers under `checks` and compare them.")
@JSON
def check_command(files: tuple[str, ...], published: bool, as_json: bool) -> int:
    """Check law files (or laws of the library): every fault, with its place and cure."""
    from .. import library

    faults: list[Fault] = []
    lines: list[str] = []
    status = 0
    for file in files:
        try:
            path = library.find(file)
            law = library.load(path)
        except LawdslError as error:
            faults += error.faults
            status = max(status, error.status)
            continue
        line = f"{file}: good"
        if published:
            from ..published import run_checks

            results, wrong = run_checks(law, str(path))
            faults += wrong
            status = max(status, 2 if wrong else 0)
            held = sum(result.good for result in results)
            line = f"{file}: {held} of {len(results)} numbers hold" + (", good" if not wrong else "")
        lines.append(line)
    if as_json:
        say.as_json({"ok": not faults, "faults": [fault.as_json() for fault in faults]})
        return status
    for line in lines:
        say.line(line)
    for fault in faults:
        say.fault(fault)
    if faults:
        codes = sorted({fault.code for fault in faults})
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        say.note(f"{count}; `lawdsl explain {codes[0]}` says more")
    return status


@command("explain")
@click.argument("code", required=False)
@JSON
def explain_command(code: str | None, as_json: bool) -> None:
    """What an error code such as LAW012 means, and how to mend it; without a code, all of them."""
    from ..codes import CODES

    if code is None:
        if as_json:
            say.as_json({"codes": {name: {"title": t, "text": x} for name, (t, x) in CODES.items()}})
            return
        say.wrapped([(name, title) for name, (title, _) in CODES.items()], indent=0)
        return
    wanted = code.upper()
    if wanted not in CODES:
        raise InputError(Fault("ASK010", Span(code), f"there is no code '{code}'", suggest(wanted, CODES)))
    title, text = CODES[wanted]
    if as_json:
        say.as_json({"code": wanted, "title": title, "text": text})
        return
    say.heading(f"{wanted}: {title}")
    say.text(text)


@command("schema")
@out_option("Write it into this file, such as law.schema.json.")
@JSON
def schema_command(out: Path | None, as_json: bool) -> None:
    """The JSON Schema of law files, generated from the code that reads them: with it editors complete and check."""
    import json

    from .. import atomic, schema

    if out is None:
        click.echo(json.dumps(schema.schema(), ensure_ascii=False) if as_json else schema.text(), nl=as_json)
        return
    try:
        atomic.write(out, schema.text())
    except OSError as error:
        message = f"cannot write {out}: {error.strerror or error}"
        raise OutsideError(Fault("FIT001", Span(str(out)), message, "Check the folder and its rights.")) from None
    if as_json:
        say.as_json({"schema": str(out), "line": schema.first_line(out.name)})
        return
    say.note(f"{out} is written; the first line of a law file beside it: {schema.first_line(out.name)}")
