"""The page: one HTML file that holds law, fit, figures and explorer, and asks nothing of any network.

What comes from a law file, a table or a paper reaches it in three ways only: through the template, which escapes it; as
MathML of the law's expression tree; and as JSON in which no character can end a script. The page's own policy lets run
and apply what it was made with alone, each by its sha256.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lawdsl import words
from lawdsl.errors import AskError, Fault, Span
from lawdsl.typeset import letter

from ..posterior import Posterior
from . import controls, payload
from .changes import changes
from .facts import facts
from .figures import figures
from .vendored import VENDORED

FOLDER = Path(__file__).parent / "template"
#: the page's own scripts, in the order in which they rest on each other
SCRIPTS = ("dom.js", "charts.js", "state.js", "figures.js", "explorer.js", "boot.js")
LEVELS = (50, 80, 90, 95)
#: constants of single levels that stand in the table; more of them are folded away
FEW_LEVELS = 4
MEANING = (
    "The fit weighs every set of constants by how well it explains the rows and by the law's priors. An interval of "
    "90 % for the mean holds the law's value for nine tenths of that weight; that for a new observation adds the "
    "scatter of single runs, and of levels not named. Both take the law as given: its form, its noise, its priors. "
    "Where backtests were run, forecasts beyond the rows are widened by the law's own error as they found it, and the "
    "page says so; where none were run, intervals grow far from the rows only as the constants' uncertainty makes them."
)


@dataclass(frozen=True)
class Page:
    """The page as text, and its sections by their anchors."""

    html: str
    sections: tuple[str, ...]


def page(fits: Sequence[Posterior], made: str = "") -> Page:
    """The page of one fit, or of two beside each other. `made`: the date it is to bear.

    Raises: AskError (ASK080) where two fits have no response in common.
    """
    import jinja2

    responses = [name for name in fits[0].law.outcome if all(name in fit.law.outcome for fit in fits)]
    if not responses:
        message = f"{' and '.join(fit.law.name for fit in fits)} have no response in common"
        raise AskError(Fault("ASK080", Span(), message, "Write a report of each."))
    labels = _labels(fits)
    told = [facts(fit, label) for fit, label in zip(fits, labels, strict=True)]
    carried = [payload.of(fit) for fit in fits]
    programs = _programs(carried)
    drawn = {
        "fits": [_drawn(fit, label) for fit, label in zip(fits, labels, strict=True)],
        "sliders": [_plain_slider(one) for one in controls.sliders(fits)],
        "choices": [{"name": c.name, "levels": c.levels, "required": c.required} for c in controls.choices(fits)],
        "responses": responses, "levels": [level / 100 for level in LEVELS],
        "words": {"far": words.FAR, "widened": words.WIDENED, "noLoss": words.NO_LOSS,
                  "guess": words.WORSE_THAN_A_GUESS},
    }  # fmt: skip
    scripts = [
        *(one.file.read_text("utf-8").strip() for one in VENDORED), payload.engine_source(), programs,
        "\n".join(['"use strict";', *((FOLDER / name).read_text("utf-8") for name in SCRIPTS)]),
    ]  # fmt: skip
    style = (FOLDER / "style.css").read_text("utf-8")
    change = changes(fits[0], fits[1]) if len(fits) == 2 else None
    backtested = any(fit.reliability is not None for fit in fits)
    parts = _parts(len(fits), backtested)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["sentence"] = sentence
    html = environment.get_template("page.html.jinja").render(
        title=" and ".join(dict.fromkeys(one.title for one in told)), fits=told, parts=parts,
        laws=told[: 1 if len({one.equation + one.about for one in told}) == 1 else 2],
        policy=_policy(scripts, style),
        names=" and ".join(dict.fromkeys(fit.law.name for fit in fits)),
        style=style, scripts=scripts, payload=payload.in_script(carried), drawn=payload.in_script(drawn),
        sliders=controls.sliders(fits), choices=controls.choices(fits), responses=responses, levels=LEVELS,
        questions=controls.questions(fits), change=change, backtested=backtested,
        meaning=MEANING, few_levels=FEW_LEVELS, version=_version(), made=made,
        vendored={one.package.rpartition("/")[2]: one.version for one in VENDORED},
    )  # fmt: skip
    return Page(html, tuple(id for id, _ in parts))


def _labels(fits: Sequence[Posterior]) -> list[str]:
    """What tells two fits of a page apart: the law, else the table, else a letter."""
    if len(fits) == 1:
        return [""]
    for names in ([fit.law.name for fit in fits], [fit.provenance.data for fit in fits]):
        if len(set(names)) == len(names):
            return names
    return ["first", "second"]


def _parts(count: int, backtested: bool) -> tuple[tuple[str, str], ...]:
    every = (
        ("law", "The law" if count == 1 else "The laws"), ("verdict", "Verdict"), ("rows", "The rows"),
        ("explorer", "Explorer"), ("difference", "What differs"), ("constants", "Constants"),
        ("data", "Data and curves"), ("residuals", "Residuals"), ("posterior", "Posterior"),
        ("checks", "Predictive checks"), ("backtests", "Backtests"), ("provenance", "Provenance"),
    )  # fmt: skip
    absent = {"difference" if count == 1 else "", "" if backtested else "backtests"}
    return tuple((id, heading) for id, heading in every if id not in absent)


def _drawn(fit: Posterior, label: str) -> dict[str, Any]:
    law = fit.law
    quantities = {n: str(v.quantity) for n, v in law.variable.items()}
    quantities |= {n: str(o.response.quantity) for n, o in law.outcome.items()}
    return {
        "label": label, "law": law.name, "ok": fit.verdict.ok, "inputs": list(law.inputs),
        "factors": list(law.grouping), "responses": list(law.outcome), "units": quantities,
        "letters": {parameter.name: letter(parameter.name) for parameter in law.parameters}, "drawn": figures(fit),
    }  # fmt: skip


def _plain_slider(one: controls.Slider) -> dict[str, Any]:
    names = ("name", "unit", "log", "low", "high", "value", "first", "last", "domain")
    return {name: getattr(one, name) for name in names}


def _programs(carried: Sequence[dict[str, Any]]) -> str:
    """A script of the functions that the laws are, taken out of the payloads, which keep their places in it: so the
    page needs no right to make code from text.
    """
    codes: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("code"), str):
                codes.append(value["code"])
                value["code"] = len(codes) - 1
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for one in carried:
        one.pop("rows", None)  # the page's figures have their own
        walk(one)
    script = "const lawdslPrograms = [\n" + ",\n".join(codes) + "\n];\n"
    if "</" in script or "<!--" in script:  # a program is made of operations and numbers alone
        raise ValueError("a law's program would end its script")
    return script


def _policy(scripts: Sequence[str], style: str) -> str:
    """The content security policy: nothing is loaded, nothing runs and nothing applies but what was put here."""
    allowed = " ".join(_digest(one) for one in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def sentence(text: str) -> str:
    """A text with a capital and a full stop, but for a name of the law that it begins with.

    >>> sentence("the chains agree"), sentence("N bends."), sentence("k_2 is free")
    ('The chains agree.', 'N bends.', 'k_2 is free.')
    """
    text = text.strip()
    first = text.partition(" ")[0]
    begun = text[:1].upper() + text[1:] if first.isalpha() and len(first) > 1 and first.islower() else text
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def _version() -> str:
    try:
        return version("lawdsl")
    except PackageNotFoundError:
        return "of a checkout"
