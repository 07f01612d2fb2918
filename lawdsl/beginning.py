"""Law files to begin from: a copy of another law, or one made from its parts, each block with what it is for.

    copied(text_of_qid, "mine", "qid")            # another law under a new name
    begun("mine", response=..., variables=...)    # a sum of power laws over a floor, with priors to be changed

Both are texts that `lawdsl check` finds good; comments come from the declaration of the form (`lawdsl.shape`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .shape import LAW
from .units import Quantity
from .words import listed

#: where a variable's scale is stated, by its unit: a size at which one has a feeling for the number
REFERENCE = {"parameters": "1B", "tokens": "10B", "FLOP": "1e21", "bits": "4", "steps": "10K", "images": "1M"}
#: blocks whose contents are another law's own, and the line that says so
_TAKEN = {
    "source": "of the law this one began as; name your own, or take it out",
    "status": "yours is a hypothesis until it has been held against observations",
    "published": "constants of the law this one began as; they go when the equation changes",
    "checks": "numbers that those constants give back; they go with them",
}
_TOP = re.compile(r"^([A-Za-z_]+):(.*)$")


@dataclass(frozen=True)
class Part:
    """A variable or the response: its name and what it counts; `grows` where the response grows with it."""

    name: str
    quantity: Quantity
    grows: bool = False


def copied(text: str, name: str, origin: str) -> str:
    """Another law's text as the beginning of `name`: its comments and values stay, each block is told apart."""
    lines = [f"# {name}: begun as a copy of {origin}. `lawdsl check` says what is wrong with it, and where."]
    header = True
    for line in text.splitlines():
        found = _TOP.match(line)
        if header and (not line.strip() or line.startswith("#")):
            continue  # the library's own first lines: where its schema lies, which is not beside the copy
        header = False
        if found is None:
            lines.append(line)
            continue
        key, rest = found.groups()
        if key == "law":
            lines.append(f"law: {name}")
            continue
        if key in LAW.entries:
            lines.append(f"# {key}: {_TAKEN.get(key, LAW.entries[key].about)}")
        lines.append("status: hypothesis" if key == "status" and not rest.strip().startswith("bound") else line)
    return "\n".join(lines) + "\n"


def begun(
    name: str, response: Part, variables: Sequence[Part], *, title: str = "", floor: bool = True, table: str = "",
) -> str:  # fmt: skip
    """A law of the form `response = floor + a power of each variable`, commented, with wide priors."""
    falls = [part.name for part in variables if not part.grows]
    title = title or f"{response.name} by {listed(part.name for part in variables) or 'nothing'}"
    terms = [_term(part) for part in variables]
    equation = " + ".join([*([f"{_floor(response)}"] if floor else []), *terms])
    lines = [
        f"# {name}: `lawdsl check {name}.yaml` says what is wrong with it, and where; `lawdsl explain CODE` why.",
        f"law: {name}",
        f"title: {_text(title)}",
        "# published | recalled | form-only | hypothesis | bound: how far the law and its constants can be relied on",
        "status: hypothesis",
        "about: >",
        "  What the law says, where it is from, and what a user should know first.",
        "",
        "# The columns that the response is predicted from. `unit` is one of a closed list; parameters also a kind:",
        "# total, non-embedding, active, non-zero. One that follows from others says how: C: {unit: FLOP, is: 6*N*D}",
        "variables:",
        *(
            f"  {part.name}: {{{_quantity(part.quantity)}, about: {_text(f'what {part.name} is')}}}"
            for part in variables
        ),
        "",
        "# What is predicted.",
        "response:",
        f"  {response.name}: {{{_quantity(response.quantity)}, about: {_text(f'what {response.name} is')}}}",
        "",
        "# The unknown numbers. `between` holds the central 90 % of the prior; `prior` names a distribution instead:",
        "# LogNormal(log(0.3), 0.5), Normal(0, 1), HalfNormal(0.1), ... `fixed: 0.5` holds a number.",
        "parameters:",
    ]
    if floor:
        lines.append(
            f'  {_floor(response)}: {{prior: "LogNormal(0, 1)", about: what is left of {response.name} at best}}'
        )
    for part in variables:
        at = REFERENCE.get(part.quantity.unit, "1")
        what = "grows" if part.grows else "falls"
        lines.append(
            f'  b_{part.name}: {{prior: "LogNormal(0, 2)", about: the part of {part.name} at {part.name} = {at}}}'
        )
        lines.append(f"  c_{part.name}: {{between: [0.05, 1.5], about: how fast it {what} with {part.name}}}")
    lines += [
        '  sigma: {prior: "HalfNormal(0.2)", about: scatter of the log}',
        "",
        "# One line in these names; ^ is power, and numbers may have suffixes (7B). Long ones take names under `let`.",
        f"equation: {response.name} = {equation}",
        "",
        "# How observations scatter about the law: normal, student-t, lognormal, ... on the identity, log or logit.",
        "noise: {family: student-t, on: log, scale: sigma}",
    ]
    if falls or variables:
        first = variables[0].name
        others = ", ".join([*(part.name for part in variables[1:]), "q"])
        lines += [
            "",
            f"# Questions that `lawdsl ask FIT` answers: here, the {first} at which {response.name} is q.",
            "ask:",
            f"  {first}_at: {{solve: {response.name} = q, for: {first}, given: [{others}]}}",
        ]
    if table:
        lines += ["", "# The table it is fitted to; `map` names its columns where they differ.", "data:",
                  f"  table: {_text(table)}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _floor(response: Part) -> str:
    return f"{response.name}_min"


def _term(part: Part) -> str:
    at = REFERENCE.get(part.quantity.unit)
    of = part.name if at is None else f"({part.name}/{at})"
    return f"b_{part.name}*{of}^c_{part.name}" if part.grows else f"b_{part.name}/{of}^c_{part.name}"


def _quantity(quantity: Quantity) -> str:
    return f"unit: {quantity.unit}" + (f", kind: {quantity.kind}" if quantity.kind else "")


def _text(text: str) -> str:
    """A text as YAML: as it is where that is safe, in quotes elsewhere."""
    return text if re.fullmatch(r"[A-Za-z][\w ./()-]*", text) else json.dumps(text, ensure_ascii=False)
