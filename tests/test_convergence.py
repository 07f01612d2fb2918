"""Convergence diagnostics: equal to ArviZ, and right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from fitting import convergence
from fitting.convergence import Array

# The same formulas in another order of summation: only rounding may differ.
SAME = 1e-8


def autoregressive(rng: np.random.Generator, phi: float, chains: int, draws: int) -> Array:
    """Stationary AR(1) chains of unit variance, (chains, draws)."""
    noise = rng.normal(size=(chains, draws)) * np.sqrt(1 - phi**2)
    x = np.empty((chains, draws))
    x[:, 0] = rng.normal(size=chains)
    for t in range(1, draws):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    return x


def chains() -> dict[str, Array]:
    rng = np.random.default_rng(20211)
    stuck = rng.normal(size=(4, 500))
    stuck[2] = 3.0
    return {
        "iid": rng.normal(size=(4, 1000)),
        "odd number of draws": rng.normal(size=(3, 501)),
        "AR(1) 0.9": autoregressive(rng, 0.9, 4, 1000),
        "AR(1) 0.99": autoregressive(rng, 0.99, 4, 400),
        "antithetic": autoregressive(rng, -0.6, 4, 600),
        "heavy tails": rng.standard_cauchy(size=(4, 700)),
        "shifted chain": rng.normal(size=(4, 500)) + np.arange(4)[:, None],
        "one stuck chain": stuck,
        "ties": rng.integers(0, 4, size=(4, 500)).astype(float),
        "constant": np.full((4, 200), 1.5),
        "one chain": rng.normal(size=(1, 300)),
        "twelve draws": rng.normal(size=(2, 12)),
        "with nan": np.where(rng.random((4, 100)) < 0.01, np.nan, 0.0),
    }


@pytest.fixture(scope="module")
def peer() -> dict[str, object]:
    """ArviZ's own functions of one (chains, draws) array, whichever generation is installed."""
    try:
        from arviz_stats.base.diagnostics import _DiagnosticsBase
    except ImportError:
        diagnostics = pytest.importorskip("arviz.stats.diagnostics")
        return {
            "rhat": diagnostics._rhat_rank,
            "ess_bulk": diagnostics._ess_bulk,
            "ess_tail": lambda x: diagnostics._ess_tail(x, prob=(0.05, 0.95)),
            "ess_mean": diagnostics._ess_mean,
            "mcse_mean": diagnostics._mcse_mean,
            "ebfmi": diagnostics._bfmi,
        }
    base = _DiagnosticsBase()
    return {
        "rhat": base._rhat_rank,
        "ess_bulk": base._ess_bulk,
        "ess_tail": lambda x: base._ess_tail(x, prob=(0.05, 0.95)),
        "ess_mean": base._ess_mean,
        "mcse_mean": base._mcse_mean,
        "ebfmi": base._bfmi,
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("statistic", ["rhat", "ess_bulk", "ess_tail", "ess_mean", "mcse_mean"])
@pytest.mark.parametrize("name", chains())
def test_equals_arviz(name: str, statistic: str, peer: dict) -> None:
    x = chains()[name]
    np.testing.assert_allclose(getattr(convergence, statistic)(x), peer[statistic](x), rtol=SAME)


def test_ebfmi_equals_arviz(peer: dict) -> None:
    x = chains()["AR(1) 0.9"]
    np.testing.assert_allclose(convergence.ebfmi(x), peer["ebfmi"](x), rtol=SAME)


def test_all_parameters_at_once() -> None:
    columns = [x for x in chains().values() if x.shape == (4, 500)]
    stacked = np.stack([*columns, np.full((4, 500), np.nan)], axis=-1)
    for statistic in (convergence.rhat, convergence.ess_bulk, convergence.ess_tail, convergence.mcse_mean):
        together = statistic(stacked)
        assert together.shape == (len(columns) + 1,)
        np.testing.assert_allclose(together[:-1], [statistic(x) for x in columns], rtol=1e-12)
        assert np.isnan(together[-1])
    assert convergence.rhat(stacked.reshape(4, 500, -1, 1)).shape == (len(columns) + 1, 1)


def test_autoregressive_chain_has_its_known_size() -> None:
    """ESS of the mean of an AR(1) chain is n (1-phi)/(1+phi). Seeded; the 25 % margin is over 4 standard errors."""
    x = autoregressive(np.random.default_rng(5), 0.8, 4, 10_000)
    assert convergence.ess_mean(x) == pytest.approx(40_000 * 0.2 / 1.8, rel=0.25)


def test_too_little_to_judge_is_nan() -> None:
    assert np.isnan(convergence.rhat(np.zeros((4, 3))))
    assert np.isnan(convergence.rhat(np.random.default_rng(0).normal(size=(1, 100))))
    assert np.isnan(convergence.ebfmi(np.zeros((2, 3)))).all()
    with pytest.raises(ValueError, match="chains, draws"):
        convergence.rhat(np.zeros(7))
