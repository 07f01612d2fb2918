"""A law's own error: planted in forecasts, and learned from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fitting import discrepancy
from fitting.discrepancy import Discrepancy

NOISE, UNIT = 0.01, 0.2


def forecasts(share: float, cuts: int, rows: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Log densities and hits of forecasts whose law is exact but for one planted deviation a cut."""
    random = np.random.default_rng(seed)
    curves, held = [], []
    for _ in range(cuts):
        distance = random.uniform(0.1, 2.0, rows)
        distance = discrepancy.growth(distance)
        observed = share * UNIT * distance * random.standard_normal() + NOISE * random.standard_normal(rows)
        wide = np.hypot(NOISE, discrepancy.SHARES[:, None] * UNIT * distance)
        curves.append(stats.norm.logpdf(observed, scale=wide))
        held.append(np.abs(observed) < 1.645 * NOISE)
    return curves, held


@pytest.mark.parametrize("share", [0.05, 0.2, 0.8])
def test_a_planted_error_is_found(share: float) -> None:
    """Forty independent cuts tell it to about a tenth; a factor of 1.6 is more than four standard errors (6e-5)."""
    told = discrepancy.settle(UNIT, *forecasts(share, 40, 10, 1))
    assert abs(math.log(told.share / share)) < math.log(1.6)
    assert told.widen and (told.cuts, told.rows) == (40, 400)


def test_an_exact_law_stays_plain() -> None:
    # of 300 rows less than 85 % inside, where 90 % are: three standard errors, five times: 1 in 150 seeds
    told = discrepancy.settle(UNIT, *forecasts(0.0, 6, 300, 2))
    assert not told.widen
    assert told.share < 0.1


def test_plain_intervals_must_hold_at_every_late_cut() -> None:
    curves, held = forecasts(0.0, 6, 300, 2)
    assert discrepancy.settle(UNIT, curves[:4], held[:4]).widen  # too few cuts
    held[3] = held[3] & (np.arange(300) > 60)
    assert discrepancy.settle(UNIT, curves, held).widen


def test_without_forecasts_other_tables_speak() -> None:
    told = discrepancy.settle(UNIT, [], [])
    assert told.widen and told.rows == 0
    # the grid of shares cuts the prior's tails a little
    assert told.log_share == pytest.approx(discrepancy.PRIOR[0], abs=0.02)
    assert told.log_share_sd == pytest.approx(discrepancy.PRIOR[1], rel=0.05)


def test_the_unit_is_the_fall_per_decade() -> None:
    at = np.linspace(18, 21, 50)
    assert discrepancy.unit_of(at, 3 - 0.07 * at) == pytest.approx(0.07)
    assert discrepancy.unit_of(np.full(50, 18.0), at) == pytest.approx(at.std())


def test_without_a_trend_the_unit_is_what_the_rows_cannot_exclude() -> None:
    at = np.tile([18.0, 18.1], 25)
    scatter = np.repeat([0.3, -0.3], 25) + np.tile([0.0, 1e-6], 25)
    error = 0.3 * math.sqrt(50 / 48) / (at.std() * math.sqrt(50))  # of the slope, by the textbook
    assert discrepancy.unit_of(at, scatter) == pytest.approx(error, rel=1e-3)


def test_deviations_are_one_error_that_grows() -> None:
    told = Discrepancy(UNIT, math.log(0.2), 0.3, True, 3, 30)
    found = told.deviations(np.array([0.0, 1.0, 3.0]), 5000, 7)
    assert not found[:, 0].any()
    assert found[:, 2] == pytest.approx(found[:, 1] * 3.1 / 1.1)
    assert told.deviations(np.array([1.0]), 5000, 7)[:, 0] == pytest.approx(found[:, 1])  # whatever else is asked
    expected = 1.1 * 0.2 * UNIT * math.exp(0.3**2)  # the standard deviation of a normal with a lognormal scale
    assert found[:, 1].std() == pytest.approx(expected, rel=0.1)  # five standard errors


def test_quantiles_of_a_normal_mixed_over_its_scale() -> None:
    sharp = discrepancy.quantiles(math.log(0.2), 1e-6, 99)
    assert sharp == pytest.approx(0.2 * stats.norm.ppf((np.arange(99) + 0.5) / 99), abs=1e-6)
    mixed = discrepancy.quantiles(math.log(0.2), 0.8, 99)
    assert mixed == pytest.approx(-mixed[::-1], abs=1e-9) and mixed[-1] > 1.5 * sharp[-1]


def test_it_is_read_as_written() -> None:
    told = Discrepancy(UNIT, -1.5, 0.3, False, 3, 30)
    assert Discrepancy.from_json(told.as_json()) == told
