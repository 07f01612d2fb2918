"""What a posterior says of one number, draw by draw: an answer to a question of the law, or its response at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.check.literature import answer_names
from lawdsl.errors import AskError, Fault, Span, suggest

from .answers import answer_draws, off_draws
from .means import at_points, thinned
from .outcomes import off_by
from .posterior import Posterior
from .predictions import describe, law_errors, read_points

Array = NDArray[np.float64]

#: draws used; the share of a variance that they find explained has an error of about 1/DRAWS where there is none
DRAWS = 4000
#: where the ends of a positive answer's interval are this far apart, its logarithm is what is nearly normal
WIDE = 1.5
#: fewer draws with an answer than this say nothing of an interval
FEWEST = 100


@dataclass(frozen=True)
class Asked:
    """One number of a posterior: in words, its unit, its draws (NaN where a draw has no answer), which draws of the
    posterior these are, and the way to it: the numbers of every draw of another posterior of the law. `off`: the draws
    with the law's own error in them, None where backtests widen nothing of it."""

    text: str
    unit: str
    draws: Array
    chosen: NDArray[np.int64]
    again: Callable[[Posterior], Array]
    off: Array | None = None

    @property
    def good(self) -> NDArray[np.bool_]:
        """The draws that have an answer."""
        return np.isfinite(self.draws)

    @property
    def log(self) -> bool:
        """Whether the number is looked at on a logarithmic scale: it is positive and known to a factor."""
        found = self.draws[self.good]
        low, high = np.quantile(found, [0.05, 0.95])
        return bool(found.min() > 0 and high / low > WIDE)

    def interval(self, level: float, weights: Array | None = None) -> tuple[float, float, float]:
        """Lower end, median and upper end over the draws that have an answer, `weights` (their own length) theirs."""
        at = [(1 - level) / 2, 0.5, (1 + level) / 2]
        found = self.draws[self.good]
        if weights is None:
            low, middle, high = np.quantile(found, at)
        else:
            order = np.argsort(found)
            mass = np.cumsum(weights[order]) - 0.5 * weights[order]
            low, middle, high = np.interp(at, mass / weights.sum(), found[order])
        return float(low), float(middle), float(high)


def asked(
    posterior: Posterior, question: str | None, given: Mapping[str, Any] | None = None,
    at: Mapping[str, Any] | None = None,
) -> Asked:  # fmt: skip
    """The draws of one number: of a question of the law (`optimum`, or `optimum.N` for one of its answers) with what
    it is `given`, or of the law's mean `at` a point, where `question` may name the response.

    Raises: AskError (ASK032) where it is neither or both, or has too few answers; as `ask` and `predict` raise.
    """
    law = posterior.law
    chosen = thinned(posterior, DRAWS)
    if len(chosen) < FEWEST:
        message = f"this fit has {len(chosen)} draws, and an interval is asked for"
        cure = "Fit by --method nuts or map, which have a posterior."
        raise AskError(Fault("ASK032", Span(law.name), message, cure))
    if at is not None:
        response = question or law.response.name
        if response not in law.outcome:
            message = f"'{response}' is no response of {law.name}, and --at asks for one"
            raise AskError(Fault("ASK032", Span(law.name), message, suggest(response, law.outcome)))
        (point,) = read_points(law, [at])

        def mean(of: Posterior) -> Array:
            return at_points(of, [point], noise=False)[response]["mean"][:, 0]

        unit, every = str(law.outcome[response].response.quantity), mean(posterior)
        error = law_errors(posterior, {n: np.array([float(point[n])]) for n in law.inputs}, len(every)).get(response)
        off = None
        if error is not None and error.any():
            off = off_by(law.outcome[response].noise, every[chosen], error[chosen, 0])
        found = Asked(f"{response} at {describe(point)}", unit, every[chosen], chosen, mean, off)
    else:
        if question is None:
            names = ",".join(f"{name}=..." for name in law.inputs)
            cure = f"Ask for the response at a point (--at {names}), or for one of: {', '.join(law.questions) or '-'}."
            raise AskError(Fault("ASK032", Span(law.name), "no question was asked", cure))
        found = _answer(posterior, question, given or {}, chosen)
    count = int(found.good.sum())
    if count < FEWEST:
        message = f"{found.text} has an answer in {count} of {len(chosen)} draws"
        cure = "Ask where the law has an answer, or fit with more draws."
        raise AskError(Fault("ASK032", Span(law.name), message, cure))
    return found


def _answer(posterior: Posterior, question: str, given: Mapping[str, Any], chosen: NDArray[np.int64]) -> Asked:
    law = posterior.law
    name, _, wanted = question.partition(".")
    drawn = answer_draws(posterior, name, given, chosen)
    names = answer_names(law.questions[name])

    def answers(of: Posterior) -> Array:
        every = np.arange(len(next(iter(of.flat.values()))))
        return np.broadcast_to(np.ravel(answer_draws(of, name, given, every)[wanted]), every.shape)

    wanted = wanted or names[0]
    if wanted not in names:
        message = f"'{name}' answers no '{wanted}'"
        raise AskError(Fault("ASK032", Span(law.name), message, suggest(wanted, names)))
    if wanted in law.variable:
        unit = str(law.variable[wanted].quantity)
    else:
        unit = str(law.outcome[wanted].response.quantity) if wanted in law.outcome else ""
    told = ", ".join(f"{n}={v}" for n, v in given.items())
    text = (name if wanted == name else f"{wanted} of {name}") + (f" at {told}" if told else "")
    draws = np.broadcast_to(np.ravel(drawn[wanted]), chosen.shape)  # an answer without parameters is one number
    off = off_draws(posterior, name, given, chosen)
    moved = None if off is None or np.array_equal(off[wanted], draws, equal_nan=True) else off[wanted]
    return Asked(text, unit, draws, chosen, answers, moved)


def shrunk(found: Asked, level: float, share: float) -> tuple[float, float, float]:
    """The interval with both its arms `share` as long, on the scale on which it is looked at: ends and median."""
    low, middle, high = found.interval(level)
    if found.log:
        return middle * (low / middle) ** share, middle, middle * (high / middle) ** share
    return middle + (low - middle) * share, middle, middle + (high - middle) * share


def width(found: Asked, ends: tuple[float, float, float]) -> float:
    """The width of an interval: a difference, or of a number known to a factor the factor's logarithm (base 10)."""
    return math.log10(ends[2] / ends[0]) if found.log else ends[2] - ends[0]
