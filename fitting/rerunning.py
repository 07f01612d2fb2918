"""A fit done again from its own file: the same law, rows, method, seed and settings, by what is installed now.

Where the packages and the machine are the same, so are the draws, bit for bit. Elsewhere NUTS walks another way, and
its numbers differ by the Monte Carlo error of two runs; a mode or an optimum differs by rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .differences import Difference, Shift, difference
from .engine import fit
from .locking import settings
from .posterior import Posterior, table_of

Progress = Callable[[str, int, int], None]

#: how far a mean may move, in Monte Carlo errors of the difference of two right runs: of a thousand independent numbers
#: one lies further away in 6 of 10,000 reruns
ERRORS = 5.0
#: relative difference of a number without a spread, or of one that rounding explains
CLOSE = 1e-6


@dataclass(frozen=True, repr=False)
class Rerun:
    """A fit and its repetition. `identical`: all draws are the same, bit for bit. `bound`: how far a mean may move, in
    posterior standard deviations. `difference`: versions that differ, and every number that moved.
    """

    again: Posterior
    identical: bool
    bound: float
    difference: Difference

    @property
    def _shifts(self) -> list[Shift]:
        """The parameters, predictions and answers that moved by more than rounding."""
        found = self.difference
        return [one for one in (*found.parameters, *found.predictions, *found.answers) if not _rounded(one)]

    @property
    def moved(self) -> tuple[Shift, ...]:
        """The parameters, predictions and answers that moved further than the bound."""
        return tuple(one for one in self._shifts if not abs(one.sds) <= self.bound)

    @property
    def most(self) -> float:
        """The largest move of any of them, in posterior standard deviations; 0 where rounding explains all."""
        return max((abs(one.sds) for one in self._shifts if not math.isnan(one.sds)), default=0.0)

    @property
    def ok(self) -> bool:
        """It came out the same: nothing moved beyond the bound, nothing is missing or new, the verdict is as it was."""
        found = self.difference
        changed = {what for what, _, _ in found.facts}
        return not (self.moved or found.gone or found.new or "verdict" in changed)

    def __repr__(self) -> str:
        same = "the same draws" if self.identical else f"moved by {self.most:.2g} sd at most, {self.bound:.2g} allowed"
        return f"Rerun({self.again.law.name}: {same})"

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "ok": self.ok, "identical": self.identical, "bound_sds": self.bound, "most_sds": self.most,
            "moved": [one.as_json() for one in self.moved], "difference": self.difference.as_json(),
        }  # fmt: skip


def rerun(posterior: Posterior, *, within: float | None = None, progress: Progress | None = None) -> Rerun:
    """Fit again what a posterior was fitted to, as it was fitted, and compare.

    `within`: the bound in posterior standard deviations; unless said, five Monte Carlo errors of the difference of the
    two runs, by their smallest effective sample sizes.
    Raises: InputError as `fitting.fit` does.
    """
    told = posterior.provenance
    as_it_was = settings(posterior.method, told.seed, dict(told.settings))
    again = fit(posterior.law, table_of(posterior), progress=progress, **as_it_was)
    same = posterior.draws.keys() == again.draws.keys() and all(
        np.array_equal(draws, again.draws[name], equal_nan=True) for name, draws in posterior.draws.items()
    )
    bound = within if within is not None else monte_carlo(posterior, again)
    return Rerun(again, same, bound, difference(posterior, again))


def monte_carlo(*posteriors: Posterior) -> float:
    """`ERRORS` Monte Carlo errors of the difference of means of two posteriors, in posterior standard deviations."""
    return ERRORS * math.sqrt(sum(1 / _effective(one) for one in posteriors))


def _effective(posterior: Posterior) -> float:
    """The smallest effective sample size of a parameter; of independent draws their number."""
    if posterior.method != "nuts":
        chains, draws = next(iter(posterior.draws.values())).shape[:2]
        return float(chains * draws)
    return max(1.0, min(float(row["ess_bulk"]) for row in posterior.summary().values()))


def _rounded(shift: Shift) -> bool:
    """Whether both numbers are one, to rounding."""
    (a, _), (b, _) = shift.first, shift.second
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= CLOSE * max(abs(a), abs(b))
