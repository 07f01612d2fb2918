"""The explorer's controls: a field and slider for every variable, a choice for every factor, a form for every question.

They are made here and not in the page, so that what comes from a law file goes through the template's escaping alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lawdsl import words
from lawdsl.law import Law
from lawdsl.mathml import inline
from lawdsl.numbers import short

from ..posterior import Posterior
from .sliders import slider_range

#: slider steps of a decade: a step multiplies by 1.12, and 1, 10 and 100 are among the values
STEPS = 20
#: a step of a slider that is even, in units of its variable: a hundredth of the way or so, as a round number
BITS = 0.25


@dataclass(frozen=True)
class Slider:
    """A variable's control. `log`: whether `low`, `high` and `step` are logarithms to base ten; `first` and `last`
    are the smallest and largest value among the rows of all fits.
    """

    name: str
    math: str
    unit: str
    about: str
    log: bool
    low: float
    high: float
    step: float
    value: float
    shown: str
    first: float
    last: float
    domain: str


@dataclass(frozen=True)
class Choice:
    """A factor's control; without a level that is required, the first choice is a level not seen."""

    name: str
    about: str
    levels: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class Field:
    """A number that a question is given."""

    name: str
    math: str
    unit: str
    value: str


@dataclass(frozen=True)
class Question:
    """A named question, its fields, and the places of the fits whose laws have it so."""

    fits: tuple[int, ...]
    name: str
    about: str
    computes: str
    fields: tuple[Field, ...]


def sliders(fits: Sequence[Posterior]) -> tuple[Slider, ...]:
    """A slider for every variable of any of the fits."""
    names = dict.fromkeys(name for fit in fits for name in fit.law.inputs)
    return tuple(_slider(name, [fit for fit in fits if name in fit.law.inputs]) for name in names)


def _slider(name: str, fits: Sequence[Posterior]) -> Slider:
    law = fits[0].law
    variable = law.variable[name]
    first = min(fit.ranges[name][0] for fit in fits)
    last = max(fit.ranges[name][1] for fit in fits)
    (low, high), log = slider_range(law, variable, (first, last))
    values = np.concatenate([fit.columns[name] for fit in fits])
    if log:
        low, high = (place(math.log10(end) * STEPS) / STEPS for place, end in ((math.floor, low), (math.ceil, high)))
        step, value = 1 / STEPS, float(f"{np.exp(np.log(values).mean()):.2g}")
    else:
        step = BITS if variable.quantity.unit == "bits" else 10.0 ** math.floor(math.log10((high - low) / 20))
        low, high = math.ceil(low / step - 1e-9) * step, math.floor(high / step + 1e-9) * step
        value = float(f"{round(float(np.median(values)) / step) * step:.6g}")
    return Slider(
        name, inline(name), str(variable.quantity), variable.about, log, low, high, step, value, short(value), first,
        last, variable.domain,
    )  # fmt: skip


def choices(fits: Sequence[Posterior]) -> tuple[Choice, ...]:
    """A choice for every factor that a parameter of any fit depends on."""
    found = []
    for name in dict.fromkeys(name for fit in fits for name in fit.law.grouping):
        having = [fit for fit in fits if name in fit.law.grouping]
        levels = dict.fromkeys(level for fit in having for level in fit.factors.get(name, ()))
        required = any(name in p.by and p.grouped and p.pool == "none" for fit in having for p in fit.law.parameters)
        about = having[0].law.factor[name].about
        found.append(Choice(name, about, tuple(levels), required))
    return tuple(found)


def questions(fits: Sequence[Posterior]) -> tuple[Question, ...]:
    """The laws' questions, with numbers to begin with where checks or ranges have some."""
    asked: dict[tuple[str, str], list[int]] = {}
    for place, fit in enumerate(fits):
        for ask in fit.law.ask:
            asked.setdefault((ask.name, words.question(ask)), []).append(place)
    found = []
    for (name, computes), places in asked.items():
        law = fits[places[0]].law
        ask = law.questions[name]
        fields = tuple(_field(law, name, given) for given in ask.given)
        found.append(Question(tuple(places), name, ask.about, computes, fields))
    return tuple(found)


def _field(law: Law, question: str, name: str) -> Field:
    unit = str(law.variable[name].quantity) if name in law.variable else ""
    for check in law.checks:
        values = dict(check.at).get(name)
        if check.ask == question and values and not isinstance(values[0], str):
            return Field(name, inline(name), unit, short(values[0]))
    begin = words.example(law, name)
    return Field(name, inline(name), unit, "" if begin == "..." else begin)
