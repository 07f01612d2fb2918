"""The data of a report's explorer: what of a posterior travels in a page, as one object that is plain JSON.

Beside the draws it holds the law as JavaScript (`lawdsl.javascript`), so that the page's engine
(`fitting/report/static/engine.js`) gives the numbers of `lawdsl predict` and `lawdsl ask` without Python.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl import javascript
from lawdsl.law import FIRST, Law, Parameter
from lawdsl.words import WIDENED

from .. import discrepancy, expressions
from ..frontier import frontier_of, ranges_of
from ..outcomes import STUDENT_DF
from ..posterior import Posterior
from ..reliability import Reliability, place
from . import questions
from .questions import as_json
from .sliders import slider

Array = NDArray[np.float64]

FORMAT = "lawdsl explorer 1"
#: bytes of a page that the draws may take, as text
BUDGET = 1_000_000
#: rows that travel; of a longer table as many, evenly over it in its order
ROWS = 2000
STATIC = Path(__file__).parent / "static"
#: the engine's modules in the order in which they rest on each other
MODULES = ("words.js", "counted.js", "draws.js", "ask.js", "astray.js", "engine.js")


def of(posterior: Posterior, budget: int = BUDGET) -> dict[str, Any]:
    """The payload of a posterior: numbers, texts, lists and dictionaries that JSON has, no NaN and no infinity.

    `budget`: bytes of the draws as text. All draws travel as doubles where they fit, else all in single precision, else
    as many as fit, evenly over the chains.
    """
    law = posterior.law
    full = expressions.prediction(law, noise=posterior.residuals is None)
    # a location is its mean on the noise's scale, and slopes serve known errors alone
    wanted = [name for name, _ in full.outputs if not name.startswith(("location of ", "slope "))]
    program = javascript.source(full, outputs=wanted)
    columns, parameters = _parameters(posterior)
    return {
        "format": FORMAT,
        "law": {
            "name": law.name, "title": law.title, "about": law.about, "status": law.status,
            "equations": [f"{one.response.name} = {one.equation}" for one in law.outcomes],
        },
        "inputs": list(law.inputs),
        "first": FIRST,
        "sequence": None if law.sequence is None else {"along": law.sequence.along, "by": law.sequence.by},
        "variables": [slider(law, law.variable[name], posterior.ranges.get(name)) for name in law.inputs],
        "factors": [_factor(posterior, name) for name in law.grouping],
        "responses": [_response(posterior, name, program.outputs) for name in law.outcome],
        "parameters": parameters,
        "draws": _draws(columns, budget),
        "program": as_json(program),
        "questions": questions.of(posterior),
        "published": _published(law),
        "rows": _rows(posterior),
        "words": {"widened": WIDENED},
        "seed": posterior.provenance.seed,
        "method": posterior.method,
        "verdict": posterior.verdict.as_json(),
        "reliability": None if posterior.reliability is None else _reliability(posterior, posterior.reliability),
        "provenance": {
            "data": posterior.provenance.data, "rows": posterior.provenance.rows,
            "data_digest": posterior.provenance.data_digest, "law_digest": posterior.provenance.law_digest,
            "versions": dict(posterior.provenance.versions), "settings": dict(posterior.provenance.settings),
            "notes": list(posterior.provenance.notes),
        },
    }  # fmt: skip


def in_script(payload: Any) -> str:
    """A payload as JSON that may stand inside a <script> element: nothing in it can end the element, open a comment, or
    break a line of JavaScript.
    """
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def engine_source() -> str:
    """The engine as one script, without imports: it defines the constant `lawdslEngine`, an object of `open` and of the
    functions on numbers.
    """
    parts = [javascript.special(), *((STATIC / name).read_text("utf-8") for name in MODULES)]
    lines = [line for part in parts for line in part.splitlines() if not line.startswith("import ")]
    body = "\n".join(line.removeprefix("export ") for line in lines)
    names = (
        "open, parse, exact, fixed, short, interval, middle, plusMinus, describe, quantiles, normals, pairs, thinned, "
        "special"
    )
    return f'const lawdslEngine = (() => {{\n"use strict";\n{body}\nreturn {{{names}}};\n}})();\n'


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _factor(posterior: Posterior, name: str) -> dict[str, Any]:
    factor = posterior.law.factor[name]
    grouped = [p for p in posterior.law.parameters if p.grouped and name in p.by and p.free]
    return {
        "name": name, "about": factor.about, "levels": list(posterior.factors.get(name, ())),
        "allowed": list(factor.levels),
        "needed": any(p.pool != "partial" and p.center is None for p in grouped),
    }  # fmt: skip


def _response(posterior: Posterior, name: str, outputs: tuple[str, ...]) -> dict[str, Any]:
    outcome, tail = posterior.law.outcome[name], f" of {name}"
    seen = None
    if posterior.residuals is not None:
        seen = [float(one) for one in posterior.residuals[name] if math.isfinite(one)]
    return {
        "name": name, "unit": outcome.response.quantity.unit, "kind": outcome.response.quantity.kind,
        "about": outcome.response.about, "family": outcome.noise.family, "on": outcome.noise.on,
        "delta": outcome.noise.delta, "df": STUDENT_DF, "residuals": seen,
        "outputs": {text.removesuffix(tail): i for i, text in enumerate(outputs) if text.endswith(tail)},
    }  # fmt: skip


def _parameters(posterior: Posterior) -> tuple[list[Array], list[dict[str, Any]]]:
    """The columns of draws that travel, (draws,) each, and the law's parameters with their places among them."""
    flat, columns, found = posterior.flat, list[Array](), []

    def put(draws: Array | None) -> int | None:
        if draws is None:
            return None
        columns.append(draws)
        return len(columns) - 1

    for parameter in posterior.law.parameters:
        name = parameter.name
        if not parameter.free or (name not in flat and parameter.center is None):
            continue  # as in predictions.parameter_values
        labels = posterior.levels.get(name, ()) if parameter.grouped else ()
        first = len(columns)
        if name in flat:
            columns += [flat[name][:, i] for i in range(len(labels))] if parameter.grouped else [flat[name]]
        found.append(
            _plain(parameter)
            | {
                "column": first,
                "labels": list(labels),
                "spread": put(flat.get(f"{name}.spread")),
                "centers": put(flat.get(f"{name}.center")) if parameter.center is None else None,
            }  # fmt: skip
        )
    return columns, found


def _plain(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name, "about": parameter.about, "by": list(parameter.by) if parameter.grouped else [],
        "pool": parameter.pool, "center": parameter.center, "support": [_finite(end) for end in parameter.support],
    }  # fmt: skip


def _draws(columns: list[Array], budget: int) -> dict[str, Any]:
    """Draws as base64 of little-endian numbers, one column after the other."""
    stacked = np.stack(columns) if columns else np.zeros((0, 1))
    total, room = stacked.shape[1], budget * 3 // 4
    kind = "f8" if 8 * stacked.size <= room else "f4"
    count = min(total, max(1, room // (4 * max(len(columns), 1))))
    chosen = np.linspace(0, total - 1, count).astype(int)
    numbers = np.ascontiguousarray(stacked[:, chosen], dtype=f"<{kind}")
    text = base64.b64encode(numbers.tobytes()).decode("ascii")
    return {"count": count, "of": total, "type": kind, "base64": text}


def _published(law: Law) -> list[dict[str, Any]]:
    """Published sets: parameter -> number, or -> level -> number."""
    found = []
    for one in law.published:
        values = {
            name: {label: each.value for label, each in value.items()} if isinstance(value, dict) else value.value
            for name, value in one.by_name.items()
        }
        found.append({"name": one.name, "about": one.about, "source": one.source, "values": values})
    return found


def _rows(posterior: Posterior) -> dict[str, Any]:
    """The rows fitted to, for pictures: of a long table `ROWS` of them, evenly over it in its order."""
    law, count = posterior.law, posterior.provenance.rows
    chosen = np.linspace(0, count - 1, min(count, ROWS)).astype(int)
    names = [name for name in (*law.inputs, *law.outcome) if name in posterior.columns]
    columns = {name: [_finite(float(x)) for x in posterior.columns[name][chosen]] for name in names}
    levels = {name: [int(code) for code in codes[chosen]] for name, codes in posterior.codes.items()}
    return {"count": len(chosen), "of": count, "columns": columns, "codes": levels}


def _reliability(posterior: Posterior, told: Reliability) -> dict[str, Any]:
    law, plain = posterior.law, told.as_json()
    found = [
        {
            "response": one["response"], "decades": [one["from_decades"], one["to_decades"]], "rows": one["rows"],
            "cuts": one["cuts"], "plain": one["plain"], "widened": one["widened"], "place": place(each.decades),
        }
        for one, each in zip(plain["found"], told.found, strict=True)
    ]  # fmt: skip
    frontier = frontier_of(law, told.frontier)
    ranges: Mapping[str, tuple[float, float]] = ranges_of(law, posterior.columns)
    return {
        "frontier": told.frontier, "edge": told.edge, "method": told.method, "found": found,
        "discrepancy": plain["discrepancy"], "at_once": discrepancy.AT_ONCE,
        "ranges": {name: list(ends) for name, ends in ranges.items()},
        "program": as_json(javascript.source(frontier.program())),
    }  # fmt: skip
