"""Responses with their equations and noise: one of each, or as many of each."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingOf

from ..errors import Span, suggest
from ..expression import Expression, Name
from ..law import COUNTED, Noise, Outcome, Response
from ..source import Listing, Mapping, Node, Scalar
from ..units import Quantity
from .context import Context, entries, text

#: families that are normal on another scale
_SCALES = {"lognormal": "log", "logit-normal": "logit"}
#: what each family needs, and may have, beside `family`
_NEEDS = {
    "beta": ("concentration",),
    "binomial": ("trials",),
    "beta-binomial": ("trials", "concentration"),
    "poisson": (),
}
_MAY = {"student-t": ("df",), "huber": ("delta",)}
_OF_SCALED = ("on", "scale", "error", "correlation")
#: stands where a faulty declaration left its place
_UNKNOWN = Quantity("ratio")


def read_responses(context: Context, root: Mapping, declared: list[tuple[Scalar, Node]]) -> list[Response]:
    """The responses declared."""
    node = root.get("response")
    if isinstance(node, Mapping) and not entries(node):
        context.report("LAW028", node.span, "no response", "Declare one, such as L: {unit: nats/token}.")
    found = []
    for key, value in declared:
        if not context.sound(value) or not isinstance(value, Mapping):
            found.append(Response(key.text, _UNKNOWN))
        else:
            found.append(Response(key.text, context.quantity(value) or _UNKNOWN, text(value.get("about"))))
    return found


def read_outcomes(
    context: Context, root: Mapping, responses: list[Response], names: set[str], taken: MappingOf[str, Span]
) -> tuple[Outcome, ...] | None:
    """Every response with its equation and noise; None where one of them is at fault."""
    equations = _equations(context, root, responses, names)
    found = []
    for response in responses:
        noise = _noise(context, root, response, len(responses) > 1, names | {r.name for r in responses}, taken)
        equation = equations.get(response.name)
        if noise is not None and equation is not None:
            found.append(Outcome(response, equation, noise))
    return tuple(found) if found and len(found) == len(responses) else None


def _equations(context: Context, root: Mapping, responses: list[Response], names: set[str]) -> dict[str, Expression]:
    """The right sides by response."""
    node = root.get("equation")
    if node is None or not context.sound(node):
        return {}
    written = [item for item in node.items if isinstance(item, Scalar)] if isinstance(node, Listing) else [node]
    answers = {response.name for response in responses}
    left_sides = {item.text.partition("=")[0].strip() for item in written if isinstance(item, Scalar)}
    known = names | answers | (left_sides if not responses else set())
    found: dict[str, Expression] = {}
    for item in written:
        sides = context.equation(item, known, "equation")
        if sides is None or not responses:
            continue
        left, right = sides
        named = left.name if isinstance(left, Name) else ""
        if named not in answers or named in right.names() or named in found:
            one = responses[0].name if len(responses) == 1 else " or ".join(sorted(answers - found.keys()))
            cure = f"Write {one} = an expression of the variables and parameters."
            context.report("LAW028", item.span, f"the equation does not give '{one}'", cure)
            continue
        found[named] = right
    if not context.faults:
        for response in responses:
            if response.name not in found:
                cure = f"Add {response.name} = an expression of the variables and parameters."
                context.report("LAW028", node.span, f"no equation gives '{response.name}'", cure)
    return found


def _noise(
    context: Context, root: Mapping, response: Response, several: bool, scope: set[str], taken: MappingOf[str, Span]
) -> Noise | None:
    """A response's noise: its own, or the one that all share."""
    node = root.get("noise")
    if node is None:
        if text(root.get("status")) == "bound":
            return Noise("none")
        fault = ("LAW009", root.span, "the key 'noise' is missing", "It holds how observations scatter about the law.")
        if fault[2] not in {f.message for f in context.faults}:
            context.report(*fault)
        return None
    if not isinstance(node, Mapping) or not context.sound(node):
        return None
    place = "noise"
    if node.entries and all(isinstance(value, Mapping) for _, value in node):
        own = node.get(response.name)
        for key, _ in node:
            if key.text not in {r.text for r, _ in entries(root.get("response"))}:
                context.report("LAW027", key.span, f"'{key.text}' is no response", suggest(key.text, [response.name]))
        if own is None:
            context.report("LAW027", node.span, f"no noise for '{response.name}'", f"Add {response.name}: {{...}}.")
            return None
        node, place = own, f"noise.{response.name}"
    if not isinstance(node, Mapping) or not context.sound(node):
        return None
    family = text(node.get("family"))
    if not _fits(context, node, family):
        return None
    on = text(node.get("on")) or _SCALES.get(family, "identity")
    if family in _SCALES and on != _SCALES[family]:
        cure = f"{family} is normal on the {_SCALES[family]}; drop `on`."
        context.report("LAW027", node.span, f"{family} noise on: {on}", cure)
    trees = {}
    for word in ("scale", "df", "concentration", "trials", "correlation"):
        if word in node:
            tree = context.expression(node.get(word), scope, f"{place}.{word}")
            if tree is None:
                return None
            trees[word] = tree
    error = text(node.get("error")) or None
    if error is not None and error in taken:
        context.report(
            "LAW021", node.key("error").span, f"the name '{error}' a second time", "Give the column its own."
        )
    if error is not None and several and not place.startswith("noise."):
        context.report(
            "LAW027", node.key("error").span, "one column of errors for several responses", "Name their noises."
        )
    if "correlation" in trees and root.get("sequence") is None:
        cure = "Say which rows follow each other: sequence: {along: run, by: step}."
        context.report("LAW042", node.key("correlation").span, "`correlation` without a sequence", cure)
    delta = context.number(node.get("delta")) if "delta" in node else 1.345
    if delta is None or not 0 < delta < math.inf:
        context.report("LAW027", node.key("delta").span, "delta must be positive", "1.345 keeps 95 % efficiency.")
        return None
    return Noise(family, on, error=error, delta=delta, **trees)


def _fits(context: Context, node: Mapping, family: str) -> bool:
    """LAW027: a word that the family does not know, or lacks."""
    needed = _NEEDS.get(family, ("scale",))
    may = {"family", *needed, *_MAY.get(family, ()), *(() if family in COUNTED else _OF_SCALED)}
    good = True
    for key, _ in node:
        if key.text not in may:
            takers = [name for name, words in {**_NEEDS, **_MAY}.items() if key.text in words]
            cure = (
                f"It goes with {' and '.join(takers)}." if takers else f"Of shares and counts, {family} needs no such."
            )
            context.report("LAW027", key.span, f"`{key.text}` with {family} noise", cure)
            good = False
    for word in needed:
        if word not in node:
            context.report("LAW009", node.span, f"the key '{word}' is missing of `noise`", f"{family} noise needs it.")
            good = False
    return good
