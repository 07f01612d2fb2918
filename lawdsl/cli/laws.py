"""Commands about laws: list, show, check, explain, schema."""

from __future__ import annotations

import json
from typing import Any

import click

from .. import library
from ..errors import Fault, InputError, LawdslError, Span, suggest
from ..law import Law, Parameter, Value
from ..numbers import short
from . import say

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


@click.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """The laws of the library, one line each."""
    laws = [library.load(name) for name in library.names()]
    if as_json:
        say.as_json({"laws": [_brief(law) for law in laws]})
        return
    rows = [(law.name, law.status, ", ".join(law.inputs), dict(law.source).get("arxiv", ""), law.title) for law in laws]
    say.table(("law", "status", "variables", "arXiv", "title"), rows, left=5)


def _brief(law: Law) -> dict[str, Any]:
    return {
        "law": law.name, "title": law.title, "status": law.status, "variables": list(law.inputs),
        "response": law.response.name, "source": dict(law.source), "published": list(law.sets),
        "questions": list(law.questions), "data": [data.table for data in law.data],
    }  # fmt: skip


@click.command("show")
@click.argument("law")
@click.option("--latex", "form", flag_value="latex", help="Print the equation as LaTeX.")
@click.option("--yaml", "form", flag_value="yaml", help="Print the law as canonical YAML.")
@JSON
def show_command(law: str, form: str | None, as_json: bool) -> None:
    """A law of the library, or of a file: equation, parameters, published constants, questions."""
    from ..render import canonical, equation_latex, equation_text

    found = library.load(law)
    if as_json:
        detail = {
            "equation": f"{found.response.name} = {found.equation}",
            "latex": equation_latex(found),
            "parameters": {p.name: _origin(p) for p in found.parameters},
            "about": found.about,
        }
        say.as_json(_brief(found) | detail)
        return
    if form == "latex":
        click.echo(equation_latex(found))
        return
    if form == "yaml":
        click.echo(canonical(found), nl=False)
        return
    source = ", ".join(f"{key} {value}" for key, value in found.source)
    say.heading(f"{found.title}  ({found.name}, {found.status})")
    if source:
        click.echo(source)
    if found.about:
        click.echo()
        say.wrapped([("", found.about)], indent=0)
    click.echo()
    click.echo(equation_text(found))
    click.echo()
    say.heading("variables")
    quantities = [(v.name, v.quantity, v.about or (f"= {v.formula}" if v.formula else "")) for v in found.variables]
    quantities.append((found.response.name, found.response.quantity, found.response.about))
    say.wrapped([(name, f"{quantity}; {about}" if about else str(quantity)) for name, quantity, about in quantities])
    say.heading("parameters")
    say.wrapped([(p.name, _origin(p) + (f"; {p.about}" if p.about else "")) for p in found.parameters])
    noise = found.noise
    error = f", plus the known errors in {noise.error}" if noise.error else ""
    say.wrapped([("noise", f"{noise.family} on the {noise.on}, scale {noise.scale}{error}")])
    if found.published:
        say.heading("published")
        names = list(dict.fromkeys(name for one in found.published for name, _ in one.values))
        rows = [(one.name, *(_constant(one.by_name.get(name)) for name in names)) for one in found.published]
        say.table(("  set", *names), [("  " + row[0], *row[1:]) for row in rows])
    if found.ask:
        say.heading("questions")
        say.wrapped([(a.name, a.about or _asked(a)) for a in found.ask])
    if found.data:
        say.heading("data")
        say.wrapped([(d.table, f"where {d.where}" if d.where else "all rows") for d in found.data])


def _asked(ask: Any) -> str:
    if ask.kind == "solve":
        return f"{ask.target} = {ask.equals}, for {ask.over[0]}, given {', '.join(ask.given)}"
    if ask.kind == "value":
        return str(ask.target)
    return f"{ask.kind} {ask.target} over {', '.join(ask.over)}" + (
        f", given {', '.join(ask.given)}" if ask.given else ""
    )


def _origin(parameter: Parameter) -> str:
    """Where a parameter's value comes from, in words."""
    if parameter.fixed is not None:
        return f"fixed at {short(parameter.fixed)}"
    if parameter.tied is not None:
        return f"= {parameter.tied}"
    prior = parameter.prior
    if prior is not None and prior.between is not None:
        low, high = prior.between
        text = f"between {short(low)} and {short(high)} (90 %)"
    else:
        text = str(prior) if prior is not None else f"about {short(parameter.center or 0.0)}"
    if parameter.by:
        text += f", by {' and '.join(parameter.by)}, pool {parameter.pool}"
    return text


def _constant(value: Value | dict[str, Value] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return " ".join(f"{level}: {short(one.value)}" for level, one in value.items())
    return say.plus_minus(value.value, value.se) if value.se else short(value.value)


@click.command("check")
@click.argument("files", nargs=-1, required=True)
@click.option("--published", is_flag=True, help="Also compute the numbers under `checks` and compare them.")
@JSON
def check_command(files: tuple[str, ...], published: bool, as_json: bool) -> int:
    """Check law files (or laws of the library): every fault, with its place and cure."""
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
        click.echo(line)
    for fault in faults:
        say.note(str(fault))
    if faults:
        codes = sorted({fault.code for fault in faults})
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        say.note(f"{count}; `lawdsl explain {codes[0]}` says more")
    return status


@click.command("explain")
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
    say.wrapped([("", text)], indent=0)


@click.command("schema")
@click.option("--json", "as_json", is_flag=True, help="Accepted for symmetry: the schema is JSON in any case.")
def schema_command(as_json: bool) -> None:
    """The JSON Schema of law files, generated from the code that reads them."""
    from ..schema import schema

    click.echo(json.dumps(schema(), indent=None if as_json else 2))
