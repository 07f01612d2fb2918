"""What to spend a budget on: sizes, tokens, bits, with intervals, the cost of being wrong, and the odds of a target.

Every draw of a posterior has an optimum of its own, and one plan has to be chosen before anybody knows which draw is
the truth. The plan is the one with the least expected loss among the draws' own optima; what it loses against each
draw's optimum is its regret (Raiffa & Schlaifer 1961, section 4.5: the expected value of perfect information), in the
unit of the response and as the share of the budget that would have bought the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, Span, suggest
from lawdsl.evaluate import missing_value
from lawdsl.expression import Expression, Name, Number, Operation
from lawdsl.law import Ask, Law
from lawdsl.numbers import short
from lawdsl.question import answer
from lawdsl.tabular import Tabular
from lawdsl.words import interval

from . import outcomes
from .answers import numbers_of
from .cost import INFERENCE, cost_of, costs, of_unit
from .means import at_points, thinned
from .outcomes import off_by
from .posterior import Posterior
from .predictions import calibration, decades_beyond, law_errors, number_of, parameter_values
from .verdict import Verdict

Array = NDArray[np.float64]
Interval = tuple[float, float, float]

#: draws that are optimised, and how many of their optima stand for election as the plan
DRAWS, ELECTED = 1000, 200
#: shares of the budget at which each draw's best response is computed; between them it is interpolated on the logs
SHARES = (1.0, 0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3, 0.15, 0.05, 0.01)


@dataclass(frozen=True, repr=False)
class Plan(Tabular):
    """A plan for a budget.

    `chosen`: variable -> what to take; `optimum`: variable, or ratio, -> the interval (lower end, median, upper end) of
    the draws' own optima; `response`: of the law's mean at the plan, `best` at the draws' optima, `new` of an
    observation there (None of point fits). `regret`: the mean and the upper end of what the plan loses, in the unit of
    the response; `wasted`: the same as shares of the budget. `below`: the probability that the mean, and that an
    observation, betters the target. `none`: the share of draws without an optimum. `verdict`: of the fit. `widened`:
    whether the law's own error, by backtests, is in the numbers of the response; what to take and what it loses are by
    the law alone, since all ways to spend a budget lie equally far along the frontier (`fitting.astray`). `found`: how
    forecasts of these rows fared as far out as the plan lies, in words.
    """

    law: str
    budget: float
    cost: str
    level: float
    chosen: tuple[tuple[str, float], ...]
    given: tuple[tuple[str, float | str], ...]
    optimum: tuple[tuple[str, Interval], ...]
    ratios: tuple[tuple[str, float], ...]
    response: Interval
    best: Interval
    new: tuple[float, float] | None
    regret: tuple[float, float]
    wasted: tuple[float, float]
    target: float | None
    below: tuple[float, float | None] | None
    greater: bool
    training: float
    inference: float
    beyond: tuple[tuple[str, float], ...]
    none: float
    verdict: Verdict | None = None
    widened: bool = False
    found: str = ""

    def to_columns(self) -> dict[str, list[Any]]:
        """A row a variable and ratio: `name`, `plan` (what to take), and `lo`, `median`, `hi` of the draws' optima."""
        taken = dict(self.chosen) | dict(self.ratios)
        low, middle, high = ([ends[i] for _, ends in self.optimum] for i in range(3))
        names = [name for name, _ in self.optimum]
        return {"name": names, "plan": [taken.get(name) for name in names], "lo": low, "median": middle, "hi": high}

    def __repr__(self) -> str:
        taken = ", ".join(f"{name}={short(value, 3)}" for name, value in self.chosen)
        low, middle, high = self.response
        return f"Plan({self.law}, {short(self.budget)} for {self.cost}: {taken}; {short(middle)} {interval(low, high)})"

    def _repr_html_(self) -> str:
        from .displays import of_plan

        return of_plan(self)

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""

        def interval(ends: Interval) -> dict[str, float]:
            return dict(zip(("lo", "median", "hi"), ends, strict=True))

        target = None
        if self.target is not None and self.below is not None:
            target = {"value": self.target, "probability": self.below[0], "probability_of_new": self.below[1]}
        return {
            "budget": self.budget, "cost": self.cost, "level": self.level, "given": dict(self.given),
            "chosen": dict(self.chosen) | dict(self.ratios),
            "optimum": {name: interval(ends) for name, ends in self.optimum},
            "response": interval(self.response), "best_response": interval(self.best),
            "new": None if self.new is None else {"lo": self.new[0], "hi": self.new[1]},
            "regret": {"mean": self.regret[0], "hi": self.regret[1]},
            "wasted_share_of_budget": {"mean": self.wasted[0], "hi": self.wasted[1]},
            "target": target, "training_cost": self.training, "inference_cost": self.inference,
            "decades_beyond_data": dict(self.beyond), "share_without_answer": self.none,
            "widened": self.widened, "calibration": self.found or None,
        }  # fmt: skip


def plan(
    posterior: Posterior, budget: float | str, *, over: tuple[str, ...] = (), at: Mapping[str, Any] | None = None,
    cost: str | None = None, inference: float = 0.0, unique: float | None = None, target: float | None = None,
    level: float = 0.9,
) -> Plan:  # fmt: skip
    """The plan for a budget (FLOP, or the unit of `cost`), a number or a text such as "1e24".

    `over`: the variables to choose; unless said those of the law's own question for a budget, else N and D. `at`: the
    other variables and levels of factors. `inference`: tokens to be served, each at 2*N FLOP beside the training.
    `unique`: different tokens to be had, for laws that know repetition.
    Raises: AskError (ASK034) where the law has no such variables, and as questions raise.
    """
    law = posterior.law
    setting = _Setting.of(law, over, dict(at or {}), cost, inference, unique)
    number = number_of(budget)
    if number is None or not (np.isfinite(number) and number > 0):
        raise AskError(Fault("ASK007", Span(law.name), f"a budget of {budget!s:.40}", "A budget is positive: 1e24."))
    budget = number
    chosen = thinned(posterior, DRAWS)
    if len(chosen) < 2:
        cure = "Fit by --method nuts, map or bootstrap."
        raise AskError(Fault("ASK034", Span(law.name), "a point fit has no draws to weigh plans with", cure))
    drawn = setting.optima(posterior, chosen, budget)
    fine = np.isfinite(np.stack([drawn[name] for name in setting.over])).all(axis=0)
    if fine.sum() < 2:
        message = "hardly any draw has an optimum within the range searched"
        cure = "The budget may be out of proportion, or the law's optimum lies at an end: give some variables by --at."
        raise AskError(Fault("ASK034", Span(law.name), message, cure))
    places = np.flatnonzero(fine)
    elected = places[np.linspace(0, len(places) - 1, min(ELECTED, len(places))).astype(int)]
    points = [setting.point({name: float(drawn[name][i]) for name in setting.over}) for i in elected]
    sign = -1.0 if setting.greater else 1.0
    name = law.response.name
    means = sign * at_points(posterior, points, chosen, noise=False)[name]["mean"]
    means = np.where(np.isfinite(means), means, np.inf)
    place = int(np.argmin(means[fine].mean(axis=0)))
    point, taken = points[place], {n: float(drawn[n][elected[place]]) for n in setting.over}
    here, best = means[:, place][fine], sign * drawn[name][fine]
    lost = np.maximum(here - best, 0.0)
    wasted = 1 - _worth(setting, posterior, chosen[fine], budget, best + lost, best, sign)
    top = (1 + level) / 2
    observed = _observed(posterior, point, chosen)
    there = {name: np.array([float(point[name])]) for name in law.inputs}
    value, optimal, error = sign * here, sign * best, _own_error(posterior, there)
    if error is not None:
        value, optimal = (off_by(law.outcomes[0].noise, one, error[chosen][fine]) for one in (value, optimal))
        observed = None if observed is None else off_by(law.outcomes[0].noise, observed, error[chosen])
    below: tuple[float, float | None] | None = None
    if target is not None:
        below = (
            float((sign * value < sign * target).mean()),
            None if observed is None else float((sign * observed < sign * target).mean()),
        )
    ratios = setting.ratios(setting.numbers | taken)
    moving = {n: drawn[n][fine] for n in setting.over}
    every = moving | setting.ratios(setting.numbers | moving)
    columns = setting.numbers | taken
    serving = INFERENCE * columns[setting.size] * inference if inference else 0.0
    return Plan(
        law.name, budget, str(setting.total), level,
        tuple(taken.items()), tuple(setting.given.items()),
        tuple((n, _interval(draws, level)) for n, draws in every.items()),
        tuple((n, float(v)) for n, v in ratios.items()),
        _interval(value, level), _interval(optimal, level),
        None if observed is None else _interval(observed, level)[::2],
        (float(lost.mean()), float(np.quantile(lost, top))), (float(wasted.mean()), float(np.quantile(wasted, top))),
        target, below, setting.greater, _training(law, setting, columns, budget - serving), serving,
        decades_beyond(posterior, point), float(1 - fine.mean()), posterior.verdict, error is not None,
        calibration(posterior, name, {n: v[None] for n, v in there.items()}, level)[0],
    )  # fmt: skip


def _own_error(posterior: Posterior, columns: Mapping[str, Array]) -> Array | None:
    """The law's own error of the response at a point, on the noise's scale, one a draw of the posterior; None where
    nothing widens it, or among the rows.
    """
    errors = law_errors(posterior, columns, len(next(iter(posterior.flat.values()))))
    found = errors.get(posterior.law.response.name)
    return None if found is None or not found.any() else found[:, 0]


def _interval(draws: Array, level: float) -> Interval:
    low, middle, high = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return float(low), float(middle), float(high)


def _training(law: Law, setting: _Setting, columns: Mapping[str, Any], otherwise: float) -> float:
    """What the plan's training costs; where the law's question has a formula of its own, the budget less serving."""
    return otherwise if setting.own else float(costs(law, setting.cost, columns))


def _worth(
    setting: _Setting, posterior: Posterior, chosen: NDArray[np.int64], budget: float, here: Array, best: Array,
    sign: float,
) -> Array:  # fmt: skip
    """For every draw the share of the budget with which its own optimum is as good as the plan is for it."""
    name = posterior.law.response.name
    curve = [best]
    curve += [sign * setting.optima(posterior, chosen, share * budget)[name] for share in SHARES[1:]]
    found = np.ones(len(here))
    shares = np.log(SHARES)
    for i, values in enumerate(np.stack(curve, axis=1)):
        good = np.isfinite(values)
        rising = np.maximum.accumulate(values[good])
        if good.sum() > 1 and here[i] > rising[0]:
            found[i] = float(np.exp(np.interp(here[i], rising, shares[good])))
    return found


def _observed(posterior: Posterior, point: dict[str, float | str], chosen: NDArray[np.int64]) -> Array | None:
    """Draws of an observation at the plan; None where the fit knows no noise."""
    if posterior.residuals is not None:
        return None
    law = posterior.law
    rows = at_points(posterior, [point], chosen, typical=False)[law.response.name]
    exact = {what: value for what, value in rows.items() if not what.startswith("slope ")}
    random = np.random.default_rng([posterior.provenance.seed, 8])
    return np.asarray(outcomes.replicate(law.outcomes[0], exact, {}, random))[:, 0]


@dataclass(frozen=True)
class _Setting:
    """What is chosen, what is given, and what binds them."""

    law: Law
    ask: Ask
    over: tuple[str, ...]
    numbers: dict[str, float]
    levels: dict[str, float | str]
    cost: Expression
    total: Expression
    own: str  # the name of the budget in the law's own question, which then binds; else empty
    size: str

    @property
    def greater(self) -> bool:
        """Whether the response is the better the greater it is."""
        return self.ask.kind == "maximize"

    @property
    def given(self) -> dict[str, float | str]:
        """Numbers and levels that are not chosen."""
        return {**self.numbers, **self.levels}

    @staticmethod
    def of(
        law: Law, over: tuple[str, ...], at: dict[str, Any], cost: str | None, inference: float, unique: float | None
    ) -> _Setting:
        """Raises: AskError for what cannot be chosen or is missing."""
        faults = []
        if unique is not None:
            names = [v.name for v in law.variables if v.quantity.kind == "unique"]
            if names:
                at = {names[0]: unique, **at}
            else:
                message = f"{law.name} has no variable of unique tokens"
                faults.append(Fault("ASK034", Span("--unique"), message, "`data_constrained` is a law that has."))
        numbers, levels = numbers_of(law, at)
        known = _known(law)
        wanted = over or (tuple(n for n in known.over if n not in numbers) if known else ())
        size = next((n for n in wanted if n in law.variable and law.variable[n].quantity.unit == "parameters"), "")
        size = size or of_unit(law, "parameters") or ""
        if not wanted:
            free = [of_unit(law, unit) for unit in ("parameters", "tokens")]
            wanted = tuple(n for n in free if n is not None and n not in numbers)
        for name in wanted:
            if name not in law.variable or law.variable[name].formula is not None:
                message = f"'{name}' is no variable of {law.name} that can be chosen"
                faults.append(Fault("ASK034", Span(f"--over {','.join(wanted)}"), message, suggest(name, law.inputs)))
        if inference < 0 or not np.isfinite(inference):
            faults.append(Fault("ASK034", Span("--inference"), f"{inference:g} tokens", "Tokens served are positive."))
        if inference and not size:
            message = f"{law.name} has no variable of model size, on which serving a token costs"
            faults.append(
                Fault("ASK034", Span("--inference"), message, "Say the whole cost yourself: --cost EXPRESSION.")
            )
        if len(wanted) < 2:
            message = f"a budget leaves nothing to choose over {', '.join(wanted) or 'no variable'}"
            cure = f"Name two or more: --over {','.join(law.inputs[:2]) or 'N,D'}."
            faults.append(Fault("ASK034", Span(law.name), message, cure))
        budget = next((n for n in known.given if _is_compute(law, n)), "") if known else ""
        own = budget if known and set(wanted) == set(known.over) and cost is None and not inference else ""
        asked = set(known.given) - {own} if own and known else set(law.inputs) - set(wanted)
        missing = [n for n in (*law.inputs, *sorted(asked)) if n not in (*wanted, *numbers, *law.factor)]
        missing = [n for n in missing if not (known and n in known.over)]
        faults += [missing_value(law, name, numbers) for name in dict.fromkeys(missing)]
        if faults:
            raise AskError(faults)
        price = Name(own) if own else cost_of(law, cost)
        total: Expression = price
        if inference:
            serving = Operation("*", (Number(INFERENCE * inference), Name(size)))
            total = Operation("+", (price, serving))
        base = known or Ask("plan", "minimize", Name(law.response.name), over=wanted)
        held = () if known is None or not set(wanted) == set(known.over) else known.constraints
        if not own:
            held = tuple(pair for pair in held if budget not in pair[0].names() | pair[1].names())
        ask = replace(base, name="plan", over=wanted, given=tuple(numbers), constraints=held, report=())
        return _Setting(law, ask, wanted, numbers, levels, price, total, own, size)

    def point(self, chosen: Mapping[str, float]) -> dict[str, float | str]:
        """A point of the law with what is chosen and what is given."""
        numbers = {**self.numbers, **chosen}
        return {**{n: numbers[n] for n in self.law.inputs if n in numbers}, **self.levels}

    def ratios(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens a parameter and epochs, as far as the law has what they are of."""
        tokens = of_unit(self.law, "tokens")
        unique = next((n for n in self.law.inputs if self.law.variable[n].quantity.kind == "unique"), None)
        found = {}
        if tokens is not None and tokens in columns and self.size in columns:
            found["tokens_per_parameter"] = columns[tokens] / columns[self.size]
        if tokens is not None and unique is not None and tokens in columns and unique in columns:
            found["epochs"] = columns[tokens] / columns[unique]
        return found

    def optima(self, posterior: Posterior, chosen: NDArray[np.int64], budget: float) -> dict[str, Array]:
        """Every draw's optimum within a budget, and the response there: name -> (draws,), NaN where there is none."""
        law = self.law
        numbers = dict(self.numbers)
        constraints = self.ask.constraints
        if self.own:
            numbers[self.own] = budget
        else:
            constraints = (*constraints, (self.total, Number(budget)))
        ask = replace(self.ask, given=tuple(numbers), constraints=constraints)
        trees = [ask.target, *(side for pair in constraints for side in pair)]
        values = parameter_values(posterior, [self.levels], typical=True, needed=law.needs(*trees))
        known = {name: draws[chosen, 0] for name, draws in values.items()}
        with np.errstate(all="ignore"):
            found = answer(law, ask, known, numbers)
        shape = (len(chosen),)
        names = {**{n: n for n in self.over}, law.response.name: law.response.name}
        return {name: np.array(np.broadcast_to(np.ravel(found[name]), shape)) for name in names}


def _is_compute(law: Law, name: str) -> bool:
    return name in law.variable and law.variable[name].quantity.unit == "FLOP"


def _known(law: Law) -> Ask | None:
    """The law's own question for the best response that a budget of compute buys."""
    target = Name(law.response.name)
    for ask in law.ask:
        if (
            ask.kind in ("minimize", "maximize")
            and ask.target == target
            and any(_is_compute(law, n) for n in ask.given)
        ):
            return ask
    return None


def optima(
    posterior: Posterior, budgets: Sequence[float], *, over: tuple[str, ...] = (), at: Mapping[str, Any] | None = None,
    cost: str | None = None, most: int = 300,
) -> dict[str, Array]:  # fmt: skip
    """Every draw's own optimum at each budget, of at most so many draws: name -> (budgets, draws), NaN where a draw has
    none. Names are the variables chosen, tokens per parameter where there are such, and the response.

    Raises: AskError (ASK034) as `plan`.
    """
    setting = _Setting.of(posterior.law, over, dict(at or {}), cost, 0.0, None)
    chosen = thinned(posterior, most)
    found = [setting.optima(posterior, chosen, budget) for budget in budgets]
    each = {name: np.stack([one[name] for one in found]) for name in found[0]}
    moving = {name: each[name] for name in setting.over}
    return {**moving, **setting.ratios({**setting.numbers, **moving}), posterior.law.response.name: each.popitem()[1]}
