"""What changed between two fits: law, rows, versions, parameters, and which predictions moved by how much."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import LawdslError
from lawdsl.law import Ask, Law
from lawdsl.render import canonical
from lawdsl.tabular import Tabular

from .answers import answer_draws
from .means import at_points, thinned
from .posterior import Posterior
from .predictions import describe, read_points

Array = NDArray[np.float64]

#: draws of each fit that are compared
DRAWS = 2000
#: variables whose corners are all looked at; with more, only the ends of each range together
CORNERS = 3
#: units that a decade beyond the rows makes sense of
GROWING = frozenset({"parameters", "tokens", "FLOP", "characters", "bytes", "examples", "images", "steps", "PF-days"})


@dataclass(frozen=True)
class Shift:
    """A number in both fits: means and standard deviations, and the move in pooled standard deviations,
    (second - first)/sqrt((sd1^2 + sd2^2)/2); infinite where neither fit has a spread and the numbers differ."""

    name: str
    first: tuple[float, float]
    second: tuple[float, float]

    @property
    def sds(self) -> float:
        """The move; NaN where a fit has no such number."""
        (a, sd_a), (b, sd_b) = self.first, self.second
        if not (math.isfinite(a) and math.isfinite(b)):
            return math.nan
        spread = math.sqrt((np.nan_to_num(sd_a) ** 2 + np.nan_to_num(sd_b) ** 2) / 2)
        return (b - a) / spread if spread > 0 else (0.0 if a == b else math.copysign(math.inf, b - a))

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        pair = {key: {"mean": m, "sd": s} for key, (m, s) in (("first", self.first), ("second", self.second))}
        return {"name": self.name, **pair, "sds": self.sds}


@dataclass(frozen=True, repr=False)
class Difference(Tabular):
    """What changed. `law`: lines of the canonical text that are gone (-) or new (+); `facts`: data, rows, method, seed,
    settings and versions that differ, as (what, first, second); `gone` and `new`: parameters of one fit alone.
    Parameters, predictions and answers are in the order of the laws.
    """

    law: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    parameters: tuple[Shift, ...]
    predictions: tuple[Shift, ...]
    answers: tuple[Shift, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_columns(self) -> dict[str, list[Any]]:
        """A row a number in both fits: `kind`, `name`, means and standard deviations of either, and `sds` moved."""
        kinds = {"parameter": self.parameters, "prediction": self.predictions, "answer": self.answers}
        every = [(kind, one) for kind, shifts in kinds.items() for one in shifts]
        return {
            "kind": [kind for kind, _ in every], "name": [one.name for _, one in every],
            "first": [one.first[0] for _, one in every], "first_sd": [one.first[1] for _, one in every],
            "second": [one.second[0] for _, one in every], "second_sd": [one.second[1] for _, one in every],
            "sds": [one.sds for _, one in every],
        }  # fmt: skip

    def __repr__(self) -> str:
        changed = ", ".join(what for what, _, _ in self.facts) or "nothing"
        return f"Difference(changed: {changed}; a prediction or answer moved by {self.most:.2g} sd at most)"

    def _repr_html_(self) -> str:
        from .displays import of_difference

        return of_difference(self)

    @property
    def most(self) -> float:
        """The largest move of a prediction or an answer, in sd."""
        moves = [abs(one.sds) for one in (*self.predictions, *self.answers) if not math.isnan(one.sds)]
        return max(moves, default=0.0)

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "law": list(self.law),
            "changed": [{"what": w, "first": a, "second": b} for w, a, b in self.facts],
            "parameters": [one.as_json() for one in self.parameters],
            "predictions": [one.as_json() for one in self.predictions],
            "answers": [one.as_json() for one in self.answers],
            "only_in_first": list(self.gone), "only_in_second": list(self.new),
            "largest_move_sds": self.most, "notes": list(self.notes),
        }  # fmt: skip


def difference(
    first: Posterior,
    second: Posterior,
    points: Sequence[Mapping[str, Any]] = (),
    given: Mapping[str, Any] | None = None,
) -> Difference:
    """What changed from the first fit to the second.

    `points` to compare predictions at; unless said the corners of both fits' rows and a decade beyond them. `given`:
    numbers for the laws' questions; a question is compared where it needs none, or where these or a check of the law
    give them.
    Raises: AskError for points that do not fit both laws.
    """
    notes: list[str] = []
    a, b = first.summary(), second.summary()
    parameters = tuple(Shift(n, _pair(a[n]), _pair(b[n])) for n in a if n in b)
    chosen = thinned(first, DRAWS), thinned(second, DRAWS)
    predictions = _predictions(first, second, points, chosen, notes)
    answers = _answers(first, second, dict(given or {}), chosen)
    return Difference(
        _law_lines(first.law, second.law), _facts(first, second), parameters, predictions, answers,
        tuple(n for n in a if n not in b), tuple(n for n in b if n not in a), tuple(notes),
    )  # fmt: skip


def _pair(row: Mapping[str, float]) -> tuple[float, float]:
    return row["mean"], row["sd"]


def _law_lines(first: Law, second: Law) -> tuple[str, ...]:
    lines = difflib.unified_diff(canonical(first).splitlines(), canonical(second).splitlines(), lineterm="", n=0)
    return tuple(line for line in list(lines)[2:] if not line.startswith("@@"))


def _facts(first: Posterior, second: Posterior) -> tuple[tuple[str, str, str], ...]:
    a, b = first.provenance, second.provenance
    told: list[tuple[str, str, str]] = [
        ("law", first.law.name, second.law.name), ("law digest", a.law_digest[:12], b.law_digest[:12]),
        ("data", a.data, b.data), ("data digest", a.data_digest[:12], b.data_digest[:12]),
        ("rows", str(a.rows), str(b.rows)), ("method", first.method, second.method), ("seed", str(a.seed), str(b.seed)),
        ("notes", "; ".join(a.notes), "; ".join(b.notes)),
    ]  # fmt: skip
    for what, one, other in (
        ("", dict(a.settings), dict(b.settings)),
        ("version of ", dict(a.versions), dict(b.versions)),
    ):
        told += [(f"{what}{n}", one.get(n, "-"), other.get(n, "-")) for n in {**one, **other}]
    words = ["good" if p.verdict.ok else "not to be believed" for p in (first, second)]
    told.append(("verdict", words[0], words[1]))
    return tuple(line for line in told if line[1] != line[2])


def _predictions(
    first: Posterior, second: Posterior, points: Sequence[Mapping[str, Any]],
    chosen: tuple[NDArray[np.int64], NDArray[np.int64]], notes: list[str],
) -> tuple[Shift, ...]:  # fmt: skip
    if first.law.sequence is not None or second.law.sequence is not None:
        notes.append("predictions of whole runs are not compared: give their rows to `lawdsl predict`")
        return ()
    shared = [name for name in first.law.outcome if name in second.law.outcome]
    if not points:
        if set(first.law.inputs) != set(second.law.inputs):
            notes.append("the laws differ in their variables, so no prediction is compared")
            return ()
        points = corners(first, second)
    read = read_points(first.law, points), read_points(second.law, points)
    means = [at_points(p, r, c, noise=False) for p, r, c in zip((first, second), read, chosen, strict=True)]
    return tuple(
        Shift(
            f"{name} at {describe(point)}", _spread(means[0][name]["mean"][:, i]), _spread(means[1][name]["mean"][:, i])
        )
        for i, point in enumerate(read[0])
        for name in shared
    )


def corners(first: Posterior, second: Posterior) -> list[dict[str, Any]]:
    """The corners of the rows of both fits, and the far one moved a decade out in whatever grows. Where a parameter
    has a value per level without a population, the level that both fits have seen first."""
    ends = {}
    for name in first.law.inputs:
        both = [p.ranges[name] for p in (first, second)]
        ends[name] = (min(low for low, _ in both), max(high for _, high in both))
    if len(ends) <= CORNERS:
        found = [dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values())]
    else:
        found = [{n: e[i] for n, e in ends.items()} for i in (0, 1)]
    grows = {n for n in ends if first.law.variable[n].quantity.unit in GROWING}
    if grows:
        found.append({n: high * (10 if n in grows else 1) for n, (_, high) in ends.items()})
    levels: dict[str, Any] = {}
    for law in (first.law, second.law):
        for parameter in law.parameters:
            for factor in parameter.by if parameter.grouped and parameter.pool == "none" else ():
                seen = [n for n in first.factors.get(factor, ()) if n in second.factors.get(factor, ())]
                levels |= {factor: seen[0]} if seen else {}
    return [{**point, **levels} for point in found]


def _spread(draws: Array) -> tuple[float, float]:
    kept = draws[np.isfinite(draws)]
    if kept.size < max(1, draws.size / 2):
        return math.nan, math.nan
    return float(kept.mean()), float(kept.std(ddof=1)) if kept.size > 1 else math.nan


def _answers(
    first: Posterior, second: Posterior, given: dict[str, Any], chosen: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> tuple[Shift, ...]:
    found: list[Shift] = []
    for ask in first.law.ask:
        other = second.law.questions.get(ask.name)
        numbers = _given(first.law, ask, given)
        if other is None or set(other.given) != set(ask.given) or numbers is None:
            continue
        try:
            both = [answer_draws(p, ask.name, numbers, c) for p, c in zip((first, second), chosen, strict=True)]
        except LawdslError:  # a level that one fit has not seen, say: a question that cannot be put to both
            continue
        told = ", ".join(f"{n}={v}" if isinstance(v, str) else describe({n: v}) for n, v in numbers.items())
        for name, draws in both[0].items():
            if name in both[1]:
                label = (ask.name if name == ask.name else f"{ask.name}.{name}") + (f" at {told}" if told else "")
                found.append(Shift(label, _spread(np.ravel(draws)), _spread(np.ravel(both[1][name]))))
    return tuple(found)


def _given(law: Law, ask: Ask, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Numbers for what a question needs: said, or those of the law's first check of it; None where there are none."""
    if set(ask.given) <= set(given):
        return {name: given[name] for name in ask.given}
    for check in law.checks:
        at = {name: values[0] for name, values in check.at}
        if check.ask == ask.name and set(ask.given) <= set(at):
            return at
    return None
