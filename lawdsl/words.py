"""What the parts of a law say, each in a line of plain text: for `lawdsl show` and for the pages of the library."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .law import SCALED, Ask, Check, Data, Law, Noise, Parameter, Prior, Value
from .numbers import interval as interval
from .numbers import level_text, short
from .numbers import percent as percent
from .numbers import plus_minus as plus_minus

STATUS = {
    "published": "published: equation and constants were read in the source",
    "recalled": "recalled: the constants are from memory and have not been compared with the source",
    "form-only": "form only: the source has an equation or a shape, and no constants were read in it",
    "hypothesis": "hypothesis: a form of ours, or of an idea nobody has fitted",
    "bound": "bound: an inequality, which is evaluated and not fitted",
}

#: the families of noise: how observations scatter about the law's mean
NOISES = {
    "normal": "bell curve; `scale` is its standard deviation",
    "student-t": "bell curve with heavy tails, by `df`; a few wild rows do not move the law",
    "laplace": "two exponentials; `scale` is its standard deviation",
    "huber": "square near the law, linear beyond `delta` scales: the loss that papers minimize",
    "lognormal": "normal on the natural log of the response",
    "logit-normal": "normal on the logit of a share",
    "beta": "shares between 0 and 1, by `concentration`",
    "binomial": "shares of `trials`",
    "beta-binomial": "shares of `trials` that scatter more than a binomial's, by `concentration`",
    "poisson": "counts",
}
#: names told of many that a message is about
NAMED = 6
#: nats/token of a uniform guess over a vocabulary of a million
WORSE_THAN_A_GUESS = 13.8
#: what is to be said beside forecasts: of losses that no model has, of widened intervals, and of plain ones far out
NO_LOSS = (
    "A loss above 13.8 nats/token is worse than a uniform guess over a million tokens: no model has it. Read such a "
    "number as: unusable, and the law does not hold there."
)
WIDENED = (
    "Beyond the rows the intervals are widened by the law's own error, as backtests on these rows and on other tables "
    "found it."
)
WIDENED_PLAN = (
    "The response's intervals and odds are widened by the law's own error, as backtests found it; what to take, and "
    "the cost of being wrong, are by the law alone, since all ways to spend the budget lie equally far beyond the rows."
)
FAR = (
    "More than a decade beyond the rows, the intervals hold only if the law itself holds there; nothing in the data "
    "tests that."
)


def origin(parameter: Parameter) -> str:
    """Where a parameter's value comes from: its prior, number or tie, and its levels."""
    if parameter.fixed is not None:
        return f"fixed at {short(parameter.fixed)}"
    if parameter.tied is not None:
        return f"= {parameter.tied}"
    prior = parameter.prior
    if prior is not None and prior.between is not None:
        low, high = prior.between
        text = f"between {short(low)} and {short(high)} (90 %)"
    else:
        text = _prior(prior) if prior is not None else f"about {short(parameter.center or 0.0)}"
    if parameter.by:
        text += f", by {' and '.join(parameter.by)}, pool {parameter.pool}"
    return text


def _prior(prior: Prior) -> str:
    """A prior with its numbers as a person would write them: LogNormal(log(0.02), 5)."""
    numbers = [short(argument, 6) for argument in prior.arguments]
    if prior.family == "LogNormal" and abs(prior.arguments[0]) < 50:
        median = math.exp(prior.arguments[0])
        if len(short(median, 3)) < len(numbers[0]) and math.isclose(float(f"{median:.2e}"), median, rel_tol=1e-9):
            numbers[0] = f"log({short(median, 3)})"
    return f"{prior.family}({', '.join(numbers)})"


def constant(value: Value | dict[str, Value] | None) -> str:
    """A published number with its error or interval, and its status where that is its own; of levels, each one's."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{level}: {constant(one)}" for level, one in value.items())
    text = plus_minus(value.value, value.se) if value.se else short(value.value, 6)
    if value.interval is not None:
        text += f" [{', '.join(short(end, 6) for end in value.interval)}]" + (
            "" if value.level is None else f" ({value.level:.0%})"
        )
    return text + (f" ({value.status})" if value.status else "")


def question(ask: Ask) -> str:
    """What a question computes, and from what."""
    if ask.kind == "solve":
        text = f"{ask.target} = {ask.equals}, for {ask.over[0]}"
    elif ask.kind == "value":
        text = str(ask.target)
    else:
        text = f"{ask.kind} {ask.target} over {', '.join(ask.over)}"
        if ask.constraints:
            text += " with " + ", ".join(f"{a} = {b}" for a, b in ask.constraints)
    return text + (f", given {', '.join(ask.given)}" if ask.given else "")


def noise(found: Noise) -> str:
    """How observations scatter."""
    if found.family == "none":
        return "none: the law is a bound"
    parts = [f"{name} {tree}" for name, tree in found.expressions.items()]
    if found.error:
        parts.append(f"plus the known errors in {found.error}")
    return ", ".join([found.family + (f" on the {found.on}" if found.family in SCALED else ""), *parts])


def rows(data: Data) -> str:
    """Which rows of its table a law is fitted to."""
    return f"where {data.where}" if data.where else "all rows"


def numbers(values: tuple[float | str, ...]) -> str:
    """The numbers or levels of one entry of a check."""
    return ", ".join(value if isinstance(value, str) else short(value, 6) for value in values)


def point(check: Check) -> str:
    """Where a check looks: `N = 7B, 70B; P = 2`."""
    return "; ".join(f"{name} = {numbers(values)}" for name, values in check.at)


def tolerance(check: Check) -> str:
    """How near a check's number must come: `0.5 %`, `± 0.0005`."""
    found = [f"{100 * check.rel:.3g} %"] if check.rel is not None else []
    found += [f"± {short(check.abs)}"] if check.abs is not None else []
    return " and ".join(found)


def listed(names: Iterable[str], most: int | None = None) -> str:
    """Names in words: a; a and b; a, b and c; and where there are many more than `most`, how many others there are.

    >>> listed(["A", "B"]), listed("abcdefgh", most=3)
    ('A and B', 'a, b, c and 5 others')
    """
    shown = list(names)
    if most is not None and len(shown) > most + 1:
        shown[most:] = [f"{len(shown) - most} others"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def example(law: Law, name: str) -> str:
    """A number, or a level, that a name of the law may take: from its checks, the middle of its range, or its unit."""
    if name in law.factor:
        levels = law.factor[name].levels
        return levels[0] if levels else "LEVEL"
    for check in law.checks:
        values = dict(check.at).get(name)
        if values and not isinstance(values[0], str):
            return level_text(values[0]) if values[0] < 1e6 else short(values[0], 3)
    variable = law.variable.get(name)
    if variable is not None and variable.range is not None:
        low, high = variable.range
        middle = math.sqrt(low * high) if low > 0 else (low + high) / 2
        return short(middle, 2)
    return "..."
