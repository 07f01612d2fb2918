"""What is done where the first draws are not to be believed: short chains go on, lost ones begin anew."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitting import convergence, repair
from fitting.sample import Settings, sample, warmed
from fitting.whiten import Whitening

DATA = {"scale": np.array([1.0, 30.0])}
SETTINGS = Settings(warmup=60, draws=100, seed=4, max_tree_depth=6)


def stretched(u: jax.Array, data: Any) -> jax.Array:
    return 0.5 * jnp.sum((u / data["scale"]) ** 2)


def found_of(draws: np.ndarray) -> dict[str, np.ndarray]:
    return {str(i): draws[..., i] for i in range(draws.shape[-1])}


def stats(draws: np.ndarray, diverging: bool = False) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shape = draws.shape[:2]
    return {"diverging": np.full(shape, diverging), "tree_depth": np.ones(shape, int),
            "energy": random.standard_normal(shape)}  # fmt: skip


def test_chains_go_on_where_they_ended() -> None:
    """Drawn in two goes of whole blocks they are the chains drawn in one."""
    whole = sample(stretched, DATA, Whitening(np.zeros(2), np.eye(2)), SETTINGS)
    chains = warmed(stretched, DATA, Whitening(np.zeros(2), np.eye(2)), SETTINGS)
    parts = [chains.draw(50), chains.draw(50)]
    np.testing.assert_array_equal(np.concatenate([p.positions for p in parts], axis=1), whole.positions)


def test_correlated_draws_are_short_and_go_on() -> None:
    """An AR(1) process of correlation .9 has a nineteenth of its draws: 1000 of a chain are some fifty."""
    random = np.random.default_rng(1)
    draws = np.zeros((4, 1000, 1))
    for i in range(1, 1000):
        draws[:, i] = 0.9 * draws[:, i - 1] + random.standard_normal((4, 1))
    what = repair.trouble(found_of(draws), stats(draws), 10)
    assert what.few and what.short
    assert what.times == repair.LONGEST
    assert "too few" in what.words() or "disagreed" in what.words()


def test_what_more_draws_do_not_mend_begins_anew() -> None:
    random = np.random.default_rng(2)
    draws = random.standard_normal((4, 1000, 1))
    assert not repair.trouble(found_of(draws), stats(draws), 10)
    assert not repair.trouble(found_of(draws), stats(draws, diverging=True), 10).short
    apart = draws + np.arange(4)[:, None, None]
    what = repair.trouble(found_of(apart), stats(apart), 10)
    assert what.apart and not what.short


def test_longer_chains_keep_as_many_draws() -> None:
    settings = Settings(warmup=60, draws=100, seed=4)
    chains = warmed(stretched, DATA, Whitening(np.zeros(2), np.eye(2)), settings)
    first = chains.draw(settings.draws)
    what = repair.Trouble(False, True, False, False, 1.0, 100.0)
    told: list[tuple[int, int]] = []
    found, said = repair.longer(first, chains, what, lambda *n: told.append(n))
    assert found.positions.shape == first.positions.shape == found.stats["lp"].shape + (2,)
    np.testing.assert_array_equal(found.positions[:, 0], first.positions[:, 0])
    np.testing.assert_array_equal(found.positions[:, 1], first.positions[:, what.times])
    assert told[-1] == (4 * 100 * (what.times - 1),) * 2
    assert said == "effective draws were too few at first: sampled on, one of 3 draws kept"


def test_a_new_try_is_whitened_by_the_draws() -> None:
    """The first draws' covariance is that of the target, and paths that diverged take smaller steps."""
    first = sample(stretched, DATA, Whitening(np.zeros(2), np.eye(2)), Settings(seed=1))
    what = repair.Trouble(True, False, True, False, 1.2, 20.0)
    whitening, after, said = repair.anew(first, what, SETTINGS)
    np.testing.assert_allclose(np.abs(np.diag(whitening.factor)), DATA["scale"], rtol=0.15)
    assert (after.draws, after.target_accept) == (repair.ANEW * SETTINGS.draws, repair.CAREFUL)
    assert said.endswith("with smaller steps")
    again = sample(stretched, DATA, whitening, Settings(seed=2))
    assert (convergence.rhat(again.positions) < 1.02).all()
