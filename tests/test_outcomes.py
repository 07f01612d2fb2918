"""Several responses, shares and counts, covariates with known errors, and rows simulated by a law's own design."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import stats

import fitting
import lawdsl
from fitting import counted
from fitting.model import Model
from fitting.simulation import simulated
from lawdsl.errors import InputError, LawError, TableError
from lawdsl.expression import Number
from lawdsl.law import Noise
from lawdsl.render import canonical

# float64's rounding times the few dozen operations of the series of loggamma.
SAME = 1e-10
# A posterior mean within this many of its sds of the truth: false alarm 6e-5 for one of the eight checked, seeded.
SDS = 4.0
# Kolmogorov-Smirnov, or chi-squared on means: the false-alarm rate of one comparison; all are seeded.
ALARM = 1e-4
DRAWS = 4000

CHAIN = """
law: chain
variables: {N: {unit: parameters}, D: {unit: tokens}}
response:
  L: {unit: nats/token}
  err: {unit: fraction}
parameters:
  E: {between: [1, 2.5]}
  A: {prior: "LogNormal(6, 1)"}
  alpha: {between: [0.1, 1.0]}
  g: {between: [0.2, 2]}
  s: {prior: HalfNormal(0.05)}
  kappa: {prior: "LogNormal(5, 1)"}
equation:
  - L = E + A/N^alpha + A/D^alpha
  - err = 1 - exp(-g*(L - 1))
noise:
  L: {family: normal, on: log, scale: s}
  err: {family: beta, concentration: kappa}
published:
  ours: {E: 1.8, A: 400, alpha: 0.34, g: 0.7}
simulate:
  set: ours
  with: {s: 0.01, kappa: 500}
  grid: {N: [10M, 100M, 1B, 10B], D: {from: 1B, to: 1T, count: 12, spacing: log}}
"""
TRUTH = {"E": 1.8, "A": 400.0, "alpha": 0.34, "g": 0.7, "s": 0.01, "kappa": 500.0}

SMALL = """
law: small
variables: {x: {unit: tokens}, n: {unit: count}}
response: {y: {unit: fraction}}
parameters:
  a: {prior: "Normal(0, 1)"}
  kappa: {prior: "LogNormal(3, 1)"}
equation: y = sigmoid(a*log(x))
noise: NOISE
"""


@pytest.fixture(scope="module")
def chain() -> lawdsl.Law:
    return lawdsl.parse(CHAIN)


@pytest.fixture(scope="module")
def rows(chain: lawdsl.Law) -> lawdsl.Table:
    return simulated(chain, 1)


def test_several_responses_read_back(chain: lawdsl.Law) -> None:
    assert list(chain.outcome) == ["L", "err"]
    assert lawdsl.parse(canonical(chain)) == chain


def test_the_likelihood_is_the_product_over_responses(chain: lawdsl.Law, rows: lawdsl.Table) -> None:
    """Less the prior, against scipy, with a fifth of each response missing."""
    gaps = np.arange(rows.rows) % 5
    frame = {name: values.copy() for name, values in rows.columns.items()}
    frame["L"][gaps == 0] = np.nan
    frame["err"][gaps == 1] = np.nan
    model = Model(chain, lawdsl.bind(chain, frame))
    u = np.array([np.log(v) for v in TRUTH.values()])
    u[2] = 0.5  # the exponent's scale is bent: near its own value
    with jax.enable_x64(True):
        values = {n: float(v) for n, v in model.unpack(jnp.asarray(u), jnp)[0].items()}
        found = -float(model.potential()(jnp.asarray(u), model.data)) - float(model.log_prior()(jnp.asarray(u)))
    mean = values["E"] + values["A"] * (frame["N"] ** -values["alpha"] + frame["D"] ** -values["alpha"])
    share, kappa = 1 - np.exp(-values["g"] * (mean - 1)), values["kappa"]
    expected = stats.norm.logpdf(np.log(frame["L"]), np.log(mean), values["s"])[gaps != 0].sum()
    expected += stats.beta.logpdf(frame["err"], share * kappa, (1 - share) * kappa)[gaps != 1].sum()
    assert found == pytest.approx(expected, rel=SAME)


def test_a_fit_of_both_recovers_the_truth(chain: lawdsl.Law, rows: lawdsl.Table) -> None:
    post = fitting.fit(chain, rows, method="map", seed=1)
    for name, row in post.summary().items():
        assert abs(row["mean"] - TRUTH[name]) < SDS * row["sd"], name
    both = post.predict([{"N": "1B", "D": "20B"}, {"N": "7B", "D": "1T"}])
    assert [one.response for one in both] == ["L", "err", "L", "err"]
    for loss, share in zip(both[::2], both[1::2], strict=True):
        assert share.new_lo < 1 - np.exp(-0.7 * (loss.median - 1)) < share.new_hi


def test_a_fit_of_several_responses_is_kept(chain: lawdsl.Law, rows: lawdsl.Table, tmp_path: Any) -> None:
    for method in ("map", "huber"):
        post = fitting.fit(chain, rows, method=method, seed=1)
        again = fitting.open_fit(post.save(tmp_path / f"{method}.nc"))
        assert again.law == chain
        np.testing.assert_equal(again.residuals, post.residuals)
        np.testing.assert_equal(dict(again.predictive), dict(post.predictive))
        assert again.predict(N="1B", D="20B") == post.predict(N="1B", D="20B")


def test_a_row_needs_no_response_in_particular_but_some_must_be_there(chain: lawdsl.Law) -> None:
    table = lawdsl.bind(chain, {"N": [1e8, 1e9], "D": [1e9, 2e10], "L": [3.2, None], "err": [None, 0.7]})
    assert np.isnan(table.columns["L"]).tolist() == [False, True]
    with pytest.raises(TableError, match="no row has a response"):
        lawdsl.bind(chain, {"N": [1e8], "D": [1e9], "L": [None], "err": [None]})


# Shares and counts

MEAN, TRIALS, KAPPA = 0.3, 20.0, 8.0
COUNTED = {
    "beta": (Noise("beta", concentration=Number(KAPPA)), stats.beta(MEAN * KAPPA, (1 - MEAN) * KAPPA), 1.0),
    "binomial": (Noise("binomial", trials=Number(TRIALS)), stats.binom(int(TRIALS), MEAN), TRIALS),
    "beta-binomial": (
        Noise("beta-binomial", trials=Number(TRIALS), concentration=Number(KAPPA)),
        stats.betabinom(int(TRIALS), MEAN * KAPPA, (1 - MEAN) * KAPPA),
        TRIALS,
    ),
    "poisson": (Noise("poisson"), stats.poisson(7 * MEAN), 1.0),
}
every_family = pytest.mark.parametrize("family", COUNTED)


def numbers(family: str) -> dict[str, float]:
    return {"location": 7 * MEAN if family == "poisson" else MEAN, "trials": TRIALS, "concentration": KAPPA}


@every_family
def test_densities_are_scipys(family: str) -> None:
    noise, same, size = COUNTED[family]
    values = np.linspace(0.02, 0.98, 25) if family == "beta" else np.arange(0.0, 21.0)
    expected = same.logpdf(values) if family == "beta" else same.logpmf(values)
    with jax.enable_x64(True):
        rows = {name: jnp.float64(value) for name, value in numbers(family).items()}
        found = counted.log_density(noise, jnp.asarray(values / size), rows)
    np.testing.assert_allclose(found, expected, rtol=SAME, atol=SAME)


@every_family
def test_draws_have_the_familys_mean_and_deviation(family: str) -> None:
    noise, same, size = COUNTED[family]
    rows = {name: np.full(DRAWS, value) for name, value in numbers(family).items()}
    drawn = counted.draw(noise, rows, np.random.default_rng(1)) * size
    deviation = counted.deviation(noise, rows)[0] * size
    assert deviation == pytest.approx(float(same.std()), rel=SAME)
    z = (drawn.mean() - float(same.mean())) / (deviation / np.sqrt(DRAWS))
    assert 2 * stats.norm.sf(abs(z)) > ALARM
    assert drawn.std() == pytest.approx(deviation, rel=0.1)


@every_family
def test_a_mean_outside_its_range_has_no_density(family: str) -> None:
    """Where a shape of the beta is a negative integer, its gamma function is infinite; a search must not end there."""
    outside = np.array([-0.1, -1 / KAPPA] if family == "poisson" else [-0.1, -1 / KAPPA, 1 + 1 / KAPPA, 1.1])
    with jax.enable_x64(True):
        rows = {**numbers(family), "location": jnp.asarray(outside)}
        found = np.asarray(counted.log_density(COUNTED[family][0], jnp.full(outside.shape, 0.25), rows))
        slope = jax.grad(lambda m: counted.log_density(COUNTED[family][0], 0.25, {**rows, "location": m}))(-0.1)
    assert np.all(found == -np.inf)
    assert np.isfinite(slope)


def test_a_share_may_be_sure() -> None:
    """A probability that rounds to 1 is one, where every trial succeeded."""
    with jax.enable_x64(True):
        rows = {"location": jnp.asarray([1.0, 0.0]), "trials": TRIALS}
        found = np.asarray(counted.log_density(COUNTED["binomial"][0], jnp.asarray([1.0, 0.0]), rows))
    assert found == pytest.approx([0, 0], abs=SAME)


def test_a_mean_outside_its_range_draws_nothing() -> None:
    rows = {"location": np.array([-0.1, 0.5, 1.2]), "concentration": np.full(3, 8.0)}
    drawn = counted.draw(COUNTED["beta"][0], rows, np.random.default_rng(0))
    assert np.isnan(drawn).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ("{family: beta, scale: 0.1}", "`scale` with beta noise"),
        ("{family: beta}", "'concentration' is missing"),
        ("{family: binomial, concentration: kappa}", "`concentration` with binomial noise"),
        ("{family: binomial}", "'trials' is missing"),
        ("{family: normal, scale: 0.1, trials: n}", "`trials` with normal noise"),
        ("{family: normal}", "'scale' is missing"),
        ("{family: normal, scale: 0.1, correlation: 0.5}", "without a sequence"),
    ],
)
def test_noise_has_what_its_family_needs(noise: str, said: str) -> None:
    with pytest.raises(LawError) as caught:
        lawdsl.parse(SMALL.replace("NOISE", noise))
    assert any(said in fault.message for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("noise", "good", "bad"),
    [
        ("{family: beta, concentration: kappa}", 0.5, 1.0),
        ("{family: beta-binomial, trials: n, concentration: kappa}", 1.0, 1.1),
        ("{family: poisson}", 3.0, 2.5),
    ],
)
def test_observations_lie_where_their_family_has_them(noise: str, good: float, bad: float) -> None:
    text = SMALL.replace("NOISE", noise)
    text = text if "kappa" in noise else text.replace('  kappa: {prior: "LogNormal(3, 1)"}\n', "")
    law = lawdsl.parse(text)
    assert lawdsl.bind(law, {"x": [2.0], "n": [10], "y": [good]}).rows == 1
    with pytest.raises(TableError, match="TAB008"):
        lawdsl.bind(law, {"x": [2.0], "n": [10], "y": [bad]})


# Covariates with known errors

MEASURED = """
law: measured
variables: {x: {unit: nats/token, error: x_se}}
response: {y: {unit: nats/token}}
parameters:
  b: {between: [0.5, 4]}
  s: {prior: HalfNormal(0.1)}
equation: y = b*x
noise: {family: normal, scale: s}
published: {ours: {b: 2}}
simulate:
  set: ours
  with: {s: 0.02}
  grid: {x: {from: 1, to: 4, count: 60}}
  columns: {x_se: "0.1 + 0*x"}
"""


def test_a_covariates_error_widens_the_noise_by_its_slope() -> None:
    """sd of y given the observed x is hypot(s, b*x_se) to first order; a fit that ignored it would find s near 0.2."""
    law = lawdsl.parse(MEASURED)
    assert lawdsl.parse(canonical(law)) == law
    table = simulated(law, 2)
    model = Model(law, table)
    with jax.enable_x64(True):
        u = jnp.log(jnp.array([2.0, 0.02]))
        found = -float(model.potential()(u, model.data)) - float(model.log_prior()(u))
        b, s = (float(v) for v in model.unpack(u, jnp)[0].values())
    expected = stats.norm.logpdf(table.columns["y"], b * table.columns["x"], np.hypot(s, b * 0.1)).sum()
    assert found == pytest.approx(expected, rel=SAME)


# Designs to simulate


def test_a_design_is_the_product_of_its_lists(rows: lawdsl.Table, chain: lawdsl.Law) -> None:
    assert rows.rows == 48
    assert rows.columns["D"][:12] == pytest.approx(np.geomspace(1e9, 1e12, 12))
    assert set(rows.columns["N"]) == {1e7, 1e8, 1e9, 1e10}
    assert (
        simulated(chain, 1).columns["L"].tolist()
        == rows.columns["L"].tolist()
        != simulated(chain, 2).columns["L"].tolist()
    )


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("  set: ours\n", "  set: theirs\n", "no published set 'theirs'"),
        ("  with: {s: 0.01, kappa: 500}", "  with: {s: 0.01}", "no number for the parameter 'kappa'"),
        ("  with: {s: 0.01, kappa: 500}", "  with: {s: -1, kappa: 500}", "s = -1"),
        ("grid: {N: [10M, 100M, 1B, 10B], ", "grid: {", "nothing gives 'N'"),
        ("count: 12", "count: 1", "the numbers of 'D'"),
        ("count: 12", "count: 100000", "a grid of 400,000 rows"),
        ("grid: {N: [10M", "grid: {Q: [1], N: [10M", "'Q' takes no column"),
    ],
)
def test_designs_at_fault(line: str, instead: str, said: str) -> None:
    assert line in CHAIN
    with pytest.raises(LawError) as caught:
        lawdsl.parse(CHAIN.replace(line, instead))
    assert {fault.code for fault in caught.value.faults} == {"LAW043"}
    assert any(said in fault.message for fault in caught.value.faults)


def test_a_law_without_a_design_says_so() -> None:
    text = CHAIN[: CHAIN.index("simulate:")]
    with pytest.raises(InputError, match="FIT015"):
        simulated(lawdsl.parse(text), 1)


def test_a_bound_needs_no_noise() -> None:
    text = SMALL.replace("noise: NOISE\n", "status: bound\n").replace('  kappa: {prior: "LogNormal(3, 1)"}\n', "")
    law = lawdsl.parse(text)
    assert lawdsl.parse(canonical(law)) == law
    with pytest.raises(LawError, match="'noise' is missing"):
        lawdsl.parse(text.replace("status: bound\n", ""))
    with pytest.raises(InputError, match="FIT012"):
        fitting.fit(law, {"x": [2.0], "y": [0.5]})
