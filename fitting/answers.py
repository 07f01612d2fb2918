"""Questions to a posterior: the answer for every draw, summed up as a median and an interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lawdsl.check.literature import answer_names
from lawdsl.errors import AskError, Fault, Span, suggest
from lawdsl.expression import Name
from lawdsl.law import Law
from lawdsl.numbers import level_text, short
from lawdsl.question import answer
from lawdsl.tabular import Tabular
from lawdsl.words import interval

from .posterior import Posterior
from .predictions import number_of, parameter_values
from .verdict import Verdict

#: draws a question is answered for; enough for 90 % intervals to two digits, and a search takes time
DRAWS = 2000


@dataclass(frozen=True, repr=False)
class Answer:
    """One answer: median and interval over the draws that have one, and the share of draws that have none."""

    median: float
    lo: float
    hi: float
    none: float = 0.0

    def __repr__(self) -> str:
        none = f"; {self.none:.1%} of the draws have none" if self.none else ""
        return f"Answer({short(self.median)} {interval(self.lo, self.hi)}{none})"

    def as_json(self) -> dict[str, float]:
        """As the command line prints it."""
        plain = {"median": self.median, "lo": self.lo, "hi": self.hi}
        return plain | ({"share_without_answer": self.none} if self.none else {})


@dataclass(frozen=True, eq=False, repr=False)
class Answers(Tabular, Mapping[str, Answer]):
    """The answers to a question by name, what was `given`, the unit of each, and the verdict of the fit.

    `to_columns()`: answer, median, lo, hi, share_without_answer, unit.
    """

    found: Mapping[str, Answer]
    question: str
    given: tuple[tuple[str, float | str], ...]
    units: Mapping[str, str]
    level: float
    verdict: Verdict

    def __getitem__(self, name: str) -> Answer:
        return self.found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        told = ", ".join(
            f"{n} {short(a.median)} {interval(a.lo, a.hi)} {self.units[n]}".strip() for n, a in self.items()
        )
        return f"Answers({self.question}: {told})"

    def to_columns(self) -> dict[str, list[Any]]:
        every = list(self.found.values())
        numbers = {name: [getattr(one, name) for one in every] for name in ("median", "lo", "hi")}
        none = [one.none for one in every]
        units = [self.units[name] for name in self.found]
        return {"answer": list(self.found), **numbers, "share_without_answer": none, "unit": units}

    def _repr_html_(self) -> str:
        from .displays import of_answers

        return of_answers(self)


def ask(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None = None, *, level: float = 0.9,
    route: Literal["auto", "closed", "numeric"] = "auto",
) -> Answers:  # fmt: skip
    """The answers to one of the law's questions, by name, in the units of the law's variables.

    `given`: numbers (or texts such as "100T") for what the question is given, and levels of factors.
    Raises: AskError for an unknown question (ASK009) or numbers missing or unknown (ASK001, ASK002, ASK007).
    """
    if not 0 < level < 1:
        raise AskError(Fault("ASK008", Span(posterior.law.name), f"level {level:g}", "It lies between 0 and 1."))
    count = len(next(iter(posterior.flat.values())))
    chosen = np.linspace(0, count - 1, min(count, DRAWS)).astype(int)
    found = answer_draws(posterior, question, given, chosen, route)
    law = posterior.law
    numbers, point = numbers_of(law, given or {})
    answers = {name: _summed_up(np.ravel(draws), level) for name, draws in found.items()}
    units = {name: unit_of(law, name) for name in answers}
    return Answers(answers, question, (*numbers.items(), *point.items()), units, level, posterior.verdict)


def unit_of(law: Law, name: str) -> str:
    """The unit of an answer of that name: a variable's, a response's, or none."""
    if name in law.variable:
        return str(law.variable[name].quantity)
    return str(law.outcome[name].response.quantity) if name in law.outcome else ""


def answer_draws(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None, chosen: NDArray[np.int64],
    route: Literal["auto", "closed", "numeric"] = "auto",
) -> dict[str, NDArray[np.float64]]:  # fmt: skip
    """The answers of the draws at the places `chosen`, NaN where one has none. Raises: as `ask`."""
    law = posterior.law
    if question not in law.questions:
        cure = suggest(question, law.questions)
        raise AskError(Fault("ASK009", Span(law.name), f"{law.name} has no question '{question}'", cure))
    asked = law.questions[question]
    numbers, point = numbers_of(law, given or {})
    trees = [asked.target, *(side for pair in asked.constraints for side in pair), *(tree for _, tree in asked.report)]
    needed = law.needs(*trees, *([asked.equals] if asked.equals is not None else []), *map(Name, numbers))
    values = {n: x[:, 0] for n, x in parameter_values(posterior, [point], typical=True, needed=needed).items()}
    values = {name: x[chosen] for name, x in values.items()}
    found = answer(law, asked, values, numbers, route)
    return {name: found[name] for name in answer_names(asked)}


def numbers_of(law: Law, given: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float | str]]:
    """What was given as numbers by name, and levels of factors as a point. Raises: AskError (ASK007)."""
    numbers: dict[str, float] = {}
    point: dict[str, float | str] = {}
    faults = []
    for name, value in given.items():
        if name in law.factor:
            point[name] = level_text(value)
            continue
        number = number_of(value)
        if number is None or not np.isfinite(number):
            cure = "Numbers are written 0.5, 1e24, 7B or 100T."
            faults.append(Fault("ASK007", Span(law.name), f"{name}={str(value)[:40]} is not a number", cure))
        elif name in law.variable and law.variable[name].domain == "positive" and number <= 0:
            faults.append(Fault("ASK007", Span(law.name), f"{name}={number:g}", f"{name} is positive."))
        else:
            numbers[name] = number
    if faults:
        raise AskError(faults)
    return numbers, point


def _summed_up(draws: np.ndarray, level: float) -> Answer:
    finite = draws[np.isfinite(draws)]
    none = 1.0 - finite.size / draws.size
    if finite.size == 0:
        return Answer(float("nan"), float("nan"), float("nan"), 1.0)
    lo, median, hi = np.quantile(finite, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return Answer(float(median), float(lo), float(hi), none)
