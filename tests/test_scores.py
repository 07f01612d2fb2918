"""Scores of forecasts against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fitting import scores

DRAWS, ROWS = 4000, 50
# The CRPS of 4,000 normal draws has a standard error below 0.01; of the mean of 50 rows below 0.002. At five of them
# the false-alarm rate is 6e-7.
NEAR = 5 * 0.002


def normal_crps(z: np.ndarray) -> np.ndarray:
    """Of a standard normal forecast (Gneiting & Raftery 2007, 10.1198/016214506000001437, eq. 21)."""
    return z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)


def test_crps_of_a_normal_forecast() -> None:
    random = np.random.default_rng(1)
    observed = np.linspace(-3, 3, ROWS)
    found = scores.crps(random.standard_normal((DRAWS, ROWS)), observed)
    assert abs(np.mean(found - normal_crps(observed))) < NEAR


def test_crps_does_not_depend_on_the_number_of_draws() -> None:
    """The fair estimator is unbiased: few draws scatter about what many give."""
    random = np.random.default_rng(2)
    observed = np.zeros(20_000)
    few = scores.crps(random.standard_normal((3, 20_000)), observed)
    # its standard error is about 0.004
    assert abs(few.mean() - normal_crps(np.zeros(1))[0]) < 5 * 0.004


def test_one_draw_scores_its_distance() -> None:
    assert scores.crps(np.array([[1.0, 2.0]]), np.array([3.0, 2.0])).tolist() == [2.0, 0.0]


def test_a_calibrated_forecast_covers_what_it_says() -> None:
    random = np.random.default_rng(3)
    rows = 10_000
    marks = scores.mark(np.tile(stats.norm.ppf((np.arange(999) + 0.5) / 999)[:, None], rows), random.normal(size=rows))
    found = scores.score(marks)
    for level, share in found.coverage.items():
        assert abs(share - level) < 5 * math.sqrt(level * (1 - level) / rows), level
        assert found.width[level] == pytest.approx(2 * stats.norm.ppf((1 + level) / 2), rel=0.01)
    assert abs(found.r2) < 0.01 and abs(found.rmse - 1) < 5 * 0.008


def test_the_scale_of_the_noise_and_the_unit_of_the_response() -> None:
    draws = np.log(np.array([[1.0, 2.0], [2.0, 4.0], [4.0, 8.0]]))
    marks = scores.mark(draws, np.log(np.array([2.0, 2.0])), np.array([-1.0, -3.0]), np.exp)
    found = scores.score(marks)
    assert found.rmse == pytest.approx(math.sqrt(2)) and found.rmse_scale == pytest.approx(math.log(2) / math.sqrt(2))
    assert found.bias == pytest.approx(1.0) and found.log_score == -2.0
    assert found.relative[0.5] == pytest.approx(np.mean(marks.hi[0] - marks.lo[0]) / 3, rel=0.2)


def test_rows_are_taken_and_joined() -> None:
    random = np.random.default_rng(4)
    marks = scores.mark(random.normal(size=(100, 6)), random.normal(size=6))
    first = np.array([True, False, True, True, False, False])
    again = scores.joined([marks.take(first), marks.take(~first)])
    assert scores.score(again).rmse == pytest.approx(scores.score(marks).rmse)
    assert scores.score(again).coverage == pytest.approx(scores.score(marks).coverage)
    assert scores.score(marks).as_json()["log_score"] is None
    with pytest.raises(ValueError, match="no row"):
        scores.score(marks.take(np.zeros(6, bool)))
