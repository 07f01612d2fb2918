"""The test of ranks: its false-alarm rate is exact, by enumeration and by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from fitting.ranks import band, holm, p_value


@pytest.mark.parametrize(("size", "most"), [(3, 4), (4, 3), (2, 9)])
def test_the_p_value_is_that_of_all_ranks_there_are(size: int, most: int) -> None:
    """P(p <= alpha) <= alpha with equality at every value that p takes: over all equally likely ranks."""
    values = np.array([p_value(ranks, most) for ranks in product(range(most + 1), repeat=size)])
    for level in np.unique(values):
        assert np.mean(values <= level + 1e-12) == pytest.approx(level, abs=1e-9)


def test_uniform_ranks_leave_the_band_as_often_as_it_says() -> None:
    """At 5 % of 4000 sets: within 3.7 sd, a false alarm in one of 5000; the steps of whole counts lower it a little."""
    ranks = np.random.default_rng(1).integers(0, 100, (4000, 60))
    low, high = band(60, 99, 0.05)
    below = np.stack([(ranks < place).sum(axis=1) for place in range(1, 100)], axis=1)
    left = np.mean(((below < low) | (below > high)).any(axis=1))
    assert 0.05 - 0.013 - 0.01 < left < 0.05 + 0.013
    assert (low <= high).all() and low[0] == 0 and high[-1] == 60


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.normal(60, 25, 200),  # a biased posterior
        lambda random: 99 * random.beta(0.5, 0.5, 200),  # one too narrow
        lambda random: 99 * random.beta(2, 2, 200),  # one too wide
        lambda random: random.choice([20, 70], 200),  # stuck
    ],
)
def test_ranks_that_are_not_uniform_are_found(draw: object) -> None:
    ranks = np.clip(np.round(draw(np.random.default_rng(2))), 0, 99)  # type: ignore[operator]
    assert p_value(ranks, 99) < 0.001


def test_no_ranks_say_nothing() -> None:
    assert p_value([], 99) == 1.0


def test_holm() -> None:
    """The example of Holm 1979 in the form of R's p.adjust."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
