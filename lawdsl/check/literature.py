"""What the literature and the user say around a law: published sets, checks, questions, data."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import LawError, suggest
from ..expression import Name
from ..grammar import parse_expression
from ..indexing import written_out
from ..law import Ask, Check, Data, Parameter, PublishedSet, Value
from ..numbers import parse_number
from ..source import Mapping, Node, Scalar
from ..units import UNITS, quantity
from .context import Context, entries, items, text

_WITH_ERROR = re.compile(r"(?P<value>\S+)\s*(?:±|\+-|\+/-)\s*(?P<se>\S+)")


def read_value(context: Context, node: Node) -> Value | None:
    """`0.3478`, `0.3478 ± 0.02`, or a mapping with value and se or interval."""
    if isinstance(node, Scalar):
        match = _WITH_ERROR.fullmatch(node.text.strip())
        number = parse_number(match["value"] if match else node.text)
        error = parse_number(match["se"]) if match else None
        if number is None or (match and (error is None or error <= 0)):
            cure = "Write 0.3478 or, with its standard error, 0.3478 ± 0.0154."
            context.report("LAW017", node.span, f"'{node.text[:60]}' is not a number", cure)
            return None
        return Value(number, error)
    assert isinstance(node, Mapping)  # lists are refused by the form
    number = context.number(node.get("value"))
    if number is None:
        return None
    interval = context.pair(node.get("interval"), "interval")
    status = text(node.get("status")) or None
    return Value(number, context.number(node.get("se")), interval, context.number(node.get("level")), status)


def read_set(context: Context, key: Scalar, node: Mapping, parameters: dict[str, Parameter]) -> PublishedSet:
    """One entry of `published`."""
    values: list[tuple[str, Value | tuple[tuple[str, Value], ...]]] = []
    for name, value in node:
        if name.text in ("about", "source", "status"):
            continue
        parameter = parameters.get(name.text)
        if parameter is None or parameter.tied is not None:
            why = "is tied and follows from the others" if parameter else "is not a parameter"
            context.report("LAW030", name.span, f"'{name.text}' {why}", suggest(name.text, parameters))
        elif isinstance(value, Mapping) and "value" not in value:
            if not parameter.by:
                context.report("LAW030", name.span, f"levels of '{name.text}', which has no `by`", "Give one number.")
                continue
            levels = [(level.text, read_value(context, number)) for level, number in value]
            values.append((name.text, tuple((level, v) for level, v in levels if v is not None)))
        elif (one := read_value(context, value)) is not None:
            values.append((name.text, one))
    for name_, value_ in values:
        low, high = parameters[name_].support
        for number in (value_,) if isinstance(value_, Value) else [v for _, v in value_]:
            if not low <= number.value <= high:
                cure = f"'{name_}' lies between {low:g} and {high:g}."
                context.report("LAW030", node.key(name_).span, f"the value {number.value:g}", cure)
    about, source = text(node.get("about")), text(node.get("source"))
    return PublishedSet(key.text, tuple(values), about, source, text(node.get("status")) or None)


def read_ask(context: Context, key: Scalar, node: Node, scope: Iterable[str], variables: Iterable[str]) -> Ask | None:
    """One entry of `ask`. `scope` are the law's names; what is `given` may be new."""
    known = set(scope)
    if isinstance(node, Scalar):
        target = context.expression(node, known, f"ask.{key.text}")
        return None if target is None else Ask(key.text, "value", target)
    assert isinstance(node, Mapping)
    given = tuple(item.text for item in items(node.get("given")))
    known |= set(given)
    kinds = [kind for kind in ("value", "solve", "minimize", "maximize") if kind in node]
    if len(kinds) != 1:
        cure = "Give one of value, solve, minimize, maximize."
        context.report("LAW029", key.span, f"the question '{key.text}' asks {len(kinds)} things", cure)
        return None
    kind = kinds[0]
    place, about = f"ask.{key.text}", text(node.get("about"))
    report = []
    for name, value in entries(node.get("report")):
        tree = context.expression(value, known, f"{place}.report")
        if tree is not None:
            report.append((name.text, tree))
    within = context.pair(node.get("within"), "within")
    if kind == "value":
        target = context.expression(node.get("value"), known, place)
        if target is None:
            return None
        return Ask(key.text, "value", target, given=given, report=tuple(report), about=about)
    wanted = items(node.get("for" if kind == "solve" else "over"))
    if not wanted:
        word = "for" if kind == "solve" else "over"
        context.report("LAW029", key.span, f"'{key.text}' does not say {word} what", f"Add {word}: and the names.")
        return None
    for item in wanted:
        if item.text not in variables or item.text in given:
            why = "is given" if item.text in given else "is not a variable"
            context.report("LAW029", item.span, f"'{item.text}' {why}", suggest(item.text, set(variables) - set(given)))
            return None
    over = tuple(item.text for item in wanted)
    if kind == "solve":
        sides = context.equation(node.get("solve"), known, place)
        return sides and Ask(
            key.text, "solve", sides[0], sides[1], over, given, report=tuple(report), within=within, about=about
        )
    target = context.expression(node.get(kind), known, place)
    constraints = [context.equation(item, known, f"{place}.subject_to") for item in items(node.get("subject_to"))]
    if target is None or None in constraints:
        return None
    held = tuple(constraint for constraint in constraints if constraint)
    return Ask(key.text, kind, target, None, over, given, held, tuple(report), within, about)  # type: ignore[arg-type]


_OF_CHECK = {"set", "at", "ask", "given", "value", "equals", "rel", "abs", "differs", "from"}


def read_check(
    context: Context, node: Mapping, sets: dict[str, PublishedSet], questions: dict[str, Ask | None], names: set[str],
    points: set[str], factors: Iterable[str],
) -> Check | None:  # fmt: skip
    """One entry of `checks`; `names` can be expected, `points` are variables and factors."""
    where = node.span
    question = text(node.get("ask")) or None
    if question is not None and question not in questions:
        span = node.get("ask").span  # type: ignore[union-attr]
        context.report("LAW031", span, f"no question '{question}'", suggest(question, questions))
        return None
    asked = questions[question] if question else None
    if question and asked is None:
        return None
    chosen = text(node.get("set")) or None
    if chosen is not None and chosen not in sets:
        span = node.get("set").span  # type: ignore[union-attr]
        context.report("LAW031", span, f"no published set '{chosen}'", suggest(chosen, sets))
        return None
    at: list[tuple[str, tuple[float | str, ...]]] = []
    may = points | set(asked.given if asked else ())
    for block in ("at", "given"):
        for name, value in entries(node.get(block)):
            if name.text not in may:
                context.report("LAW031", name.span, f"'{name.text}' cannot be given here", suggest(name.text, may))
                return None
            words = [item.text for item in items(value)]
            numbers = [None if name.text in factors else parse_number(word) for word in words]  # a level stays a text
            at.append((name.text, tuple(w if n is None else n for w, n in zip(words, numbers, strict=True))))
    value_ = context.expression(node.get("value"), names | points, "checks.value") if "value" in node else None
    expected: list[tuple[str, tuple[float, ...]]] = []
    answers = set(answer_names(asked)) if asked else names
    for name, value in node:
        if name.text in _OF_CHECK - {"equals"}:
            continue
        if name.text != "equals" and name.text not in answers:
            context.report("LAW031", name.span, f"'{name.text}' is not an answer here", suggest(name.text, answers))
            return None
        numbers = [context.number(item) for item in items(value)]
        expected.append(("value" if name.text == "equals" else name.text, tuple(n for n in numbers if n is not None)))
    rel, absolute = context.number(node.get("rel")), context.number(node.get("abs"))
    if not expected or (rel is None and absolute is None):
        lacks = "a number to expect" if not expected else "a tolerance"
        context.report("LAW031", where, f"a check without {lacks}", "Write L: 1.974, rel: 0.001.")
        return None
    lengths = {len(v) for _, v in [*at, *expected]} - {1}
    if len(lengths) > 1:
        context.report("LAW031", where, f"lists of {sorted(lengths)} numbers in one check", "Lists go together.")
        return None
    source = text(node.get("from"))
    return Check(
        chosen, tuple(at), tuple(expected), question, value_, rel, absolute, source, "differs" in node, where.line
    )


def answer_names(ask: Ask) -> tuple[str, ...]:
    """The names of a question's answers, in order."""
    reported = tuple(name for name, _ in ask.report)
    if ask.kind == "value":
        return (ask.name, *reported)
    if ask.kind == "solve":
        return (*ask.over, *reported)
    objective = ask.target.name if isinstance(ask.target, Name) else ask.name
    return (*ask.over, objective, *reported)


def read_data(context: Context, node: Mapping, names: set[str], parameters: dict[str, Parameter]) -> Data | None:
    """One entry of `data`; `names` can be mapped: variables, the response, factors, the error column."""
    mapped, units = [], []
    for name, value in entries(node.get("map")):
        if name.text not in names:
            context.report("LAW032", name.span, f"'{name.text}' takes no column", suggest(name.text, names))
        column = text(value)
        mapped.append((name.text, written_out(column, value.indices) if isinstance(value, Scalar) else column))
    for name, value in entries(node.get("units")):
        found = quantity(text(value))
        if name.text not in names or found is None:
            wrong, known = (name, names) if name.text not in names else (value, set(UNITS))
            context.report("LAW032", wrong.span, f"'{text(wrong)}' is not known here", suggest(text(wrong), known))
        else:
            units.append((name.text, found))
    where = node.get("where")
    if isinstance(where, Scalar):
        try:
            parse_expression(where)
        except LawError as error:
            context.faults.extend(error.faults)
    drop = text(node.get("missing")) == "drop"
    fixed = [(name.text, held) for name, held in _held(context, node, parameters)]
    return Data(text(node.get("table")), tuple(mapped), text(where) or None, tuple(units), drop, tuple(fixed))


def _held(context: Context, node: Mapping, parameters: dict[str, Parameter]) -> list[tuple[Scalar, float]]:
    """The parameters that a table's fit holds."""
    found = []
    for name, value in entries(node.get("fixed")):
        parameter = parameters.get(name.text)
        if parameter is None or not parameter.free or parameter.grouped:
            known = [p.name for p in parameters.values() if p.free and not p.grouped]
            context.report("LAW032", name.span, f"'{name.text}' cannot be held", suggest(name.text, known))
        elif (number := context.number(value)) is not None:
            low, high = parameter.support
            if not low < number < high:
                message = f"'{name.text}' held at {number:g}"
                context.report("LAW032", value.span, message, f"It lies between {low:g} and {high:g}.")
            found.append((name, number))
    return found
