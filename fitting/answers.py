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
from lawdsl.law import Ask, Law
from lawdsl.numbers import level_text, short
from lawdsl.question import answer
from lawdsl.tabular import Tabular
from lawdsl.words import WIDENED, interval

from . import astray
from .posterior import Posterior
from .predictions import NEAR, decades_beyond, number_of, parameter_values
from .verdict import Verdict

#: draws a question is answered for; enough for 90 % intervals to two digits, and a search takes time
DRAWS = 2000


@dataclass(frozen=True, repr=False)
class Answer:
    """One answer: median and interval over the draws that have one, and the share of draws that have none. `widened`:
    whether the law's own error, by backtests, is part of it.
    """

    median: float
    lo: float
    hi: float
    none: float = 0.0
    widened: bool = False

    def __repr__(self) -> str:
        none = f"; {self.none:.1%} of the draws have none" if self.none else ""
        return f"Answer({short(self.median)} {interval(self.lo, self.hi)}{none})"

    def as_json(self) -> dict[str, float | bool]:
        """As the command line prints it."""
        plain: dict[str, float | bool] = {"median": self.median, "lo": self.lo, "hi": self.hi, "widened": self.widened}
        return plain | ({"share_without_answer": self.none} if self.none else {})


@dataclass(frozen=True, eq=False, repr=False)
class Answers(Tabular, Mapping[str, Answer]):
    """The answers to a question by name, what was `given`, the unit of each, the verdict of the fit, and `notes`: how
    forecasts of these rows fared as far out as the answers lie, and in which of them the law's own error is.

    `to_columns()`: answer, median, lo, hi, share_without_answer, widened, unit.
    """

    found: Mapping[str, Answer]
    question: str
    given: tuple[tuple[str, float | str], ...]
    units: Mapping[str, str]
    level: float
    verdict: Verdict
    notes: tuple[str, ...] = ()

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
        widened = [one.widened for one in every]
        return {
            "answer": list(self.found), **numbers, "share_without_answer": none, "widened": widened, "unit": units,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        from .displays import of_answers

        return of_answers(self)


def ask(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None = None, *, level: float = 0.9,
    route: Literal["auto", "closed", "numeric"] = "auto",
) -> Answers:  # fmt: skip
    """The answers to one of the law's questions, by name, in the units of the law's variables.

    `given`: numbers (or texts such as "100T") for what the question is given, and levels of factors. Beyond the rows
    the law's own error is in the answers where backtests widen its intervals (`fitting.astray`).
    Raises: AskError for an unknown question (ASK009) or numbers missing or unknown (ASK001, ASK002, ASK007).
    """
    if not 0 < level < 1:
        raise AskError(Fault("ASK008", Span(posterior.law.name), f"level {level:g}", "It lies between 0 and 1."))
    law = posterior.law
    count = len(next(iter(posterior.flat.values())))
    chosen = np.linspace(0, count - 1, min(count, DRAWS)).astype(int)
    asked, values, numbers, point = _put(posterior, question, given, chosen)
    alone = answer(law, asked, values, numbers, route)
    off = astray.beyond(posterior, asked, values, numbers, alone, chosen, route)
    answers = {}
    for name in answer_names(asked):
        plain, drawn = (np.ravel(found[name]) for found in (alone, alone if off is None else off.found))
        answers[name] = _summed_up(drawn, level, not np.array_equal(plain, drawn, equal_nan=True))
    units = {name: unit_of(law, name) for name in answers}
    notes = tuple(_notes(posterior, asked, numbers, answers, off, level))
    return Answers(answers, question, (*numbers.items(), *point.items()), units, level, posterior.verdict, notes)


def _notes(
    posterior: Posterior, asked: Ask, numbers: Mapping[str, float], answers: Mapping[str, Answer],
    off: astray.Beyond | None, level: float,
) -> Iterator[str]:  # fmt: skip
    """What is to be said beside answers beyond the rows."""
    law, told = posterior.law, posterior.reliability
    names = astray.through(asked, law.outcome)
    if told is None:
        point = {**numbers, **{name: one.median for name, one in answers.items()}}
        far = any(abs(decades) > NEAR for _, decades in decades_beyond(posterior, point))
        if names and far and posterior.residuals is None:
            yield "not backtested: lawdsl backtest FIT tells how forecasts so far beyond these rows fare"
        return
    if off is None:
        if any(told.widens(name) for name in law.outcome) and (asked.over or asked.given):
            why = (
                f"nothing says how far it lies along {told.frontier}"
                if names
                else f"the question does not go through {' or '.join(law.outcome)}"
            )
            yield f"by the law alone, whose own error is not in it: {why}"
        return
    known = off.distance[np.isfinite(off.distance)]
    far_out = float(np.median(known)) if known.size else 0.0
    if far_out > NEAR:
        for name in off.through:
            fared = told.words(name, far_out, level)
            if fared:
                yield f"calibration: {fared}"
    wide = [name for name, one in answers.items() if one.widened]
    if wide:
        yield WIDENED
        left = [name for name in answers if name not in wide]
        if left:
            yield (
                f"{', '.join(left)}: by the law alone. Backtests tell how far the law goes astray along "
                f"{told.frontier}, which is the same for all that the question weighs, and not what is best there."
            )


def unit_of(law: Law, name: str) -> str:
    """The unit of an answer of that name: a variable's, a response's, or none."""
    if name in law.variable:
        return str(law.variable[name].quantity)
    return str(law.outcome[name].response.quantity) if name in law.outcome else ""


def answer_draws(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None, chosen: NDArray[np.int64],
    route: Literal["auto", "closed", "numeric"] = "auto",
) -> dict[str, NDArray[np.float64]]:  # fmt: skip
    """The answers of the draws at the places `chosen`, by the law alone; NaN where one has none. Raises: as `ask`."""
    asked, values, numbers, _ = _put(posterior, question, given, chosen)
    found = answer(posterior.law, asked, values, numbers, route)
    return {name: found[name] for name in answer_names(asked)}


def off_draws(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None, chosen: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]] | None:
    """The same with the law's own error in them, (draws,) each; None where there is none. Raises: as `ask`."""
    asked, values, numbers, _ = _put(posterior, question, given, chosen)
    alone = answer(posterior.law, asked, values, numbers)
    off = astray.beyond(posterior, asked, values, numbers, alone, chosen)
    if off is None or not off.widened:
        return None
    return {name: np.broadcast_to(np.ravel(off.found[name]), chosen.shape) for name in answer_names(asked)}


def _put(
    posterior: Posterior, question: str, given: Mapping[str, Any] | None, chosen: NDArray[np.int64]
) -> tuple[Ask, dict[str, NDArray[np.float64]], dict[str, float], dict[str, float | str]]:
    """A question, the draws of what it needs, and what it is given: numbers, and levels of factors."""
    law = posterior.law
    if question not in law.questions:
        cure = suggest(question, law.questions)
        raise AskError(Fault("ASK009", Span(law.name), f"{law.name} has no question '{question}'", cure))
    asked = law.questions[question]
    numbers, point = numbers_of(law, given or {})
    trees = [asked.target, *(side for pair in asked.constraints for side in pair), *(tree for _, tree in asked.report)]
    needed = law.needs(*trees, *([asked.equals] if asked.equals is not None else []), *map(Name, numbers))
    values = {n: x[:, 0] for n, x in parameter_values(posterior, [point], typical=True, needed=needed).items()}
    return asked, {name: x[chosen] for name, x in values.items()}, numbers, point


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


def _summed_up(draws: np.ndarray, level: float, widened: bool) -> Answer:
    finite = draws[np.isfinite(draws)]
    none = 1.0 - finite.size / draws.size
    if finite.size == 0:
        return Answer(float("nan"), float("nan"), float("nan"), 1.0, widened)
    lo, median, hi = np.quantile(finite, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return Answer(float(median), float(lo), float(hi), none, widened)
