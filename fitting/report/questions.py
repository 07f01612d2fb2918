"""A law's questions for a page: what each is given and answers, and its programs in JavaScript."""

from __future__ import annotations

from typing import Any

import numpy as np

from lawdsl import javascript, words
from lawdsl.check.literature import answer_names
from lawdsl.errors import LawdslError
from lawdsl.evaluate import evaluate
from lawdsl.expression import Name
from lawdsl.law import Ask, Law
from lawdsl.numbers import parse_number
from lawdsl.program import Program
from lawdsl.question import parts

from .. import astray
from ..posterior import Posterior
from .sliders import slider


def of(posterior: Posterior) -> list[dict[str, Any]]:
    """Every question of the law; one that a page cannot answer with the `reason` why, and no programs."""
    return [_question(posterior, ask) for ask in posterior.law.ask]


def as_json(source: javascript.Source) -> dict[str, Any]:
    """A program's source for the engine's `compiled`."""
    return {
        "code": source.text, "rows": list(source.rows), "draws": list(source.draws), "outputs": list(source.outputs),
    }  # fmt: skip


def _question(posterior: Posterior, ask: Ask) -> dict[str, Any]:
    law = posterior.law
    numbers = [name for name in ask.given if name not in law.factor]
    found: dict[str, Any] = {
        "name": ask.name, "kind": ask.kind, "about": ask.about, "text": words.question(ask), "reason": "",
        "given": numbers, "inputs": [_given(posterior, ask, name) for name in numbers], "factors": _factors(law, ask),
        "answers": [{"name": name, "unit": _unit(law, name)} for name in answer_names(ask)],
        "over": list(ask.over),
    }  # fmt: skip
    names, told = astray.through(ask, law.outcome), posterior.reliability
    wide = {name: law.outcome[name].noise for name in names if told is not None and told.widens(name)}
    best = ask.target.name if isinstance(ask.target, Name) and ask.kind in astray.BEST else ""
    found |= {"through": list(names), "best": best, "takes": len(ask.given)}
    try:
        moved = _parts(law, astray.shifted(ask, wide)) if told is not None and names else None
        return found | _parts(law, ask) | {"moved": moved}
    except LawdslError as error:
        return found | {"reason": "; ".join(fault.message for fault in error.faults)}


def _parts(law: Law, ask: Ask) -> dict[str, Any]:
    """A question's programs, and where its unknowns are sought."""
    told = parts(law, ask)

    def plain(program: Program | None, rows: tuple[str, ...] = ()) -> dict[str, Any] | None:
        return None if program is None or not program.outputs else as_json(javascript.source(program, rows))

    return {
        "report": as_json(javascript.source(told.report, ())), "closed": plain(told.closed), "free": list(told.free),
        "ranges": [list(ends) for ends in told.ranges], "objective": plain(told.objective, told.free),
        "follows": plain(told.follows),
    }  # fmt: skip


def _factors(law: Law, ask: Ask) -> list[str]:
    """The factors whose levels change the answer."""
    trees = [ask.target, *(side for pair in ask.constraints for side in pair), *(tree for _, tree in ask.report)]
    needed = law.needs(*trees, *([ask.equals] if ask.equals is not None else []))
    used = {name for p in law.parameters if p.grouped and p.name in needed for name in p.by}
    return [factor.name for factor in law.factors if factor.name in used or factor.name in ask.given]


def _unit(law: Law, name: str) -> str:
    if name in law.variable:
        return str(law.variable[name].quantity)
    return str(law.outcome[name].response.quantity) if name in law.outcome else ""


def _given(posterior: Posterior, ask: Ask, name: str) -> dict[str, Any]:
    """A number that a question is given: as a variable of the payload, as far as it is known what it is."""
    law = posterior.law
    variable = law.variable.get(name)
    if variable is not None:
        rows = posterior.ranges.get(name)
        if rows is None:
            columns = {n: values for n, values in posterior.columns.items() if n in law.inputs}
            try:
                values = evaluate(law, {name: Name(name)}, columns)[name]
                good = values[np.isfinite(values)]
                rows = (float(good.min()), float(good.max())) if good.size else None
            except LawdslError:
                rows = None
        return slider(law, variable, rows)
    start = parse_number(words.example(law, name))
    if start is None:
        given = [dict(check.at).get(name) for check in law.checks if check.ask == ask.name]
        numbers = [one[0] for one in given if one and not isinstance(one[0], str)]
        start = numbers[0] if numbers else None
    return {"name": name, "unit": _unit(law, name), "kind": None, "about": "", "domain": "real", "start": start}
