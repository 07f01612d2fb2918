"""Published constants at work: a set's values, neutral where it says nothing, and a law file's checks of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .errors import AskError, Fault, LawdslError, Span, suggest
from .evaluate import evaluate
from .expression import Expression, Name
from .law import FIRST, Check, Law, Value
from .numbers import level_text, short
from .question import answer


@dataclass(frozen=True)
class Result:
    """One number of one check: what was expected, what came out, and whether it is within the tolerance."""

    check: Check
    point: tuple[tuple[str, float | str], ...]
    name: str
    expected: float
    found: float
    good: bool

    def __str__(self) -> str:
        at = ", ".join(f"{n}={v if isinstance(v, str) else short(v)}" for n, v in self.point)
        allowed = f"{self.check.rel:g} relative" if self.check.rel is not None else f"{self.check.abs:g}"
        wanted = "expected a number other than" if self.check.differs else "expected"
        return f"{self.name} at {at}: {wanted} {self.expected:.6g}, found {self.found:.6g} (tolerance {allowed})"


def values_of(law: Law, name: str, point: dict[str, float | str]) -> dict[str, float]:
    """A published set's numbers as plain values: grouped ones at the levels in `point`, what is left out neutral.

    Raises: AskError where there is no such set (ASK003) or a level is not in it (ASK004).
    """
    if name not in law.sets:
        cure = suggest(name, law.sets)
        raise AskError(Fault("ASK003", Span(law.name), f"{law.name} has no published set '{name}'", cure))
    published, values = law.sets[name].by_name, {}
    for parameter in law.parameters:
        found = published.get(parameter.name)
        if isinstance(found, Value):
            values[parameter.name] = found.value
        elif found is not None:
            level = point.get(parameter.by[0])
            text = "" if level is None else level_text(level)
            if text not in found:
                message = f"the set '{name}' has no '{parameter.name}' for {parameter.by[0]} = {text or 'nothing'}"
                raise AskError(Fault("ASK004", Span(law.name), message, suggest(text, found)))
            values[parameter.name] = found[text].value
        elif (value := parameter.neutral) is not None:
            values[parameter.name] = value
    return values


def run_check(law: Law, check: Check) -> list[Result]:
    """Every number of one check. Lists are points one by one; of a law with a sequence they are the rows of a run, and
    a single number is the last row's.
    """
    length = max(len(v) for _, v in [*check.at, *check.expected])
    if law.sequence is not None and check.ask is None:
        return _run_along(law, check, length)
    results = []
    for i in range(length):
        point = {name: values[i] if len(values) > 1 else values[0] for name, values in check.at}
        values = values_of(law, check.set, point) if check.set else {}
        numbers = {n: v for n, v in point.items() if isinstance(v, float)}
        if check.ask is not None:
            given = {n: v for n, v in numbers.items() if n not in law.factor}
            found = answer(law, law.questions[check.ask], values, given)
        else:
            found = evaluate(law, _outputs(check), {**values, **numbers})
        for name, expected in check.expected:
            want = expected[i] if len(expected) > 1 else expected[0]
            results.append(_held(check, point, name, want, float(np.ravel(found[name])[0])))
    return results


def _run_along(law: Law, check: Check, length: int) -> list[Result]:
    """A check whose lists are the rows of one run."""
    last = {name: values[-1] for name, values in check.at}
    values = values_of(law, check.set, last) if check.set else {}
    columns = {
        name: np.broadcast_to(np.array(listed, float), (length,))
        for name, listed in check.at
        if not any(isinstance(one, str) for one in listed)
    }
    first = np.zeros(length)
    first[0] = 1.0
    found = evaluate(law, _outputs(check), {**values, **columns, FIRST: first})
    results = []
    for name, expected in check.expected:
        rows = np.broadcast_to(found[name], (length,))
        start = length - len(expected)
        for i, want in enumerate(expected, start=start):
            at = {n: listed[i] if len(listed) > 1 else listed[0] for n, listed in check.at}
            results.append(_held(check, at, name, want, float(rows[i])))
    return results


def _outputs(check: Check) -> dict[str, Expression]:
    outputs: dict[str, Expression] = {name: Name(name) for name, _ in check.expected if name != "value"}
    return outputs | ({"value": check.value} if check.value is not None else {})


def _held(check: Check, point: dict[str, float | str], name: str, want: float, have: float) -> Result:
    """One number against what it must be."""
    allowed = (check.rel * abs(want) if check.rel is not None else 0.0) + (check.abs or 0.0)
    good = math.isfinite(have) and (abs(have - want) <= allowed) != check.differs
    return Result(check, tuple(point.items()), name, want, have, good)


def run_checks(law: Law, file: str) -> tuple[list[Result], list[Fault]]:
    """All of a law's checks, and a fault (LAW039) for each that does not hold."""
    results: list[Result] = []
    faults: list[Fault] = []
    for check in law.checks:
        where = Span(file, check.line)
        try:
            found = run_check(law, check)
        except LawdslError as error:
            faults += [Fault("LAW039", where, f"this check cannot run: {f.message}", f.cure) for f in error.faults]
            continue
        results += found
        cure = "Mend the constant, the equation or the expected number; say `from:` which paper it is in."
        faults += [Fault("LAW039", where, str(result), cure) for result in found if not result.good]
    return results, faults
