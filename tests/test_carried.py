"""The random numbers that draws carry: even, independent of each other, the same wherever they are asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fitting import carried, counted, noise
from lawdsl.law import Noise

DRAWS = 4000
#: independent numbers of 4,000 draws leave .033 sd at a 5 % quantile; the lattice must do three times better
EVEN = 0.011
#: a correlation of 4,000 independent pairs has a standard error of 1/sqrt(4000); at five of them 6e-7 fail by chance
APART = 5 / math.sqrt(DRAWS)


def test_the_same_thing_is_the_same_numbers_and_another_thing_other_ones() -> None:
    """Written down, because a page that was mailed draws them again."""
    u, v = carried.pairs(3, "level u[\u00e9]", 6)
    assert (u * 6 - 0.5).round(9).tolist() == [5.0, 3.0, 4.0, 2.0, 0.0, 1.0]
    np.testing.assert_allclose(v, u * 6 * carried.GOLDEN % 1)
    assert (carried.pairs(7, "a", DRAWS)[0] == carried.pairs(7, "a", DRAWS)[0]).all()
    one = carried.normals(7, "a", DRAWS)
    for other in (carried.normals(8, "a", DRAWS), carried.normals(7, "b", DRAWS), np.roll(one, 1), np.arange(DRAWS)):
        assert abs(np.corrcoef(one, other)[0, 1]) < APART


@pytest.mark.parametrize(
    ("family", "df", "same"),
    [
        ("normal", 4.0, stats.norm),
        ("student-t", 4.0, stats.t(4)),
        ("student-t", 1.5, stats.t(1.5)),
        ("laplace", 4.0, stats.laplace(scale=math.sqrt(0.5))),
    ],
)
def test_noise_of_pairs_is_of_its_family(family: str, df: float, same: stats.rv_continuous) -> None:
    for seed in range(3):
        z = noise.standard(Noise(family), df, *carried.pairs(seed, "L", DRAWS))
        at = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
        slope = 1 / same.pdf(same.ppf(at))
        np.testing.assert_array_less(np.abs(np.quantile(z, at) - same.ppf(at)), EVEN * slope / 9.7 + EVEN)


def test_hubers_noise_of_pairs_is_as_far_out_as_its_tail_says() -> None:
    family = Noise("huber", delta=0.8)
    z = noise.standard(family, 4.0, *carried.pairs(0, "L", DRAWS))
    for far in (0.5, 1.0, 2.5):
        assert (np.abs(z) > far).mean() == pytest.approx(float(noise.tail(family, np.array(far), 4.0)), abs=2e-3)


@pytest.mark.parametrize(
    ("law_noise", "rows", "same"),
    [
        (Noise("binomial"), {"location": 0.3, "trials": 40.0}, stats.binom(40, 0.3)),
        (Noise("binomial"), {"location": 1e-4, "trials": 100.0}, stats.binom(100, 1e-4)),
        (Noise("binomial"), {"location": 0.999, "trials": 1e6}, stats.binom(10**6, 0.999)),
        (Noise("poisson"), {"location": 7.5}, stats.poisson(7.5)),
        (Noise("poisson"), {"location": 2e5}, stats.poisson(2e5)),
        (Noise("beta"), {"location": 0.1, "concentration": 5.0}, stats.beta(0.5, 4.5)),
    ],
)  # fmt: skip
def test_shares_and_counts_of_pairs_are_quantiles(law_noise: Noise, rows: dict[str, float], same: object) -> None:
    """To a count where the variance is large and the normal's expansion stands for the law."""
    u, v = carried.pairs(1, "k", 500)
    found = counted.quantile(law_noise, {name: np.full(500, value) for name, value in rows.items()}, u, v)
    expected = same.ppf(u) / rows.get("trials", 1.0)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1.01 / rows["trials"] if "trials" in rows else 0.0
                               if rows["location"] < 1e4 else 1.01)  # fmt: skip


def test_a_beta_binomial_of_pairs_has_its_distribution() -> None:
    u, v = carried.pairs(1, "k", DRAWS)
    rows = {"location": np.full(DRAWS, 0.3), "trials": np.full(DRAWS, 50.0), "concentration": np.full(DRAWS, 8.0)}
    found = counted.quantile(Noise("beta-binomial"), rows, u, v) * 50
    for k in (5, 12, 20, 30):
        assert (found <= k + 0.5).mean() == pytest.approx(stats.betabinom(50, 2.4, 5.6).cdf(k), abs=3e-3)


def test_a_mean_that_is_none_of_its_family_has_no_observation() -> None:
    u, v = carried.pairs(0, "k", 3)
    rows = {"location": np.array([-0.1, 0.5, 1.2]), "trials": np.full(3, 10.0)}
    assert np.isnan(counted.quantile(Noise("binomial"), rows, u, v)).tolist() == [True, False, True]
