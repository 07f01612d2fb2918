"""Papers' constants got back from their own rows, with this project's starts and descents; needs the public tables.

Where a paper fits by least squares (Levenberg-Marquardt), so does `least_squares` here: the same many starts and damped
descents as `--method huber`, on the sum of squares. Where it minimises Huber's loss, `--method huber` itself is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from numpy.typing import NDArray

import fitting
import lawdsl
from fitting.model import Data, Model
from fitting.robust import HuberLoss
from fitting.start import descend
from lawdsl import catalogue, library
from lawdsl.evaluate import evaluate
from lawdsl.expression import Name
from lawdsl.published import values_of

pytestmark = pytest.mark.usefixtures("data_folder")

Array = NDArray[np.float64]

STARTS = 64
#: The authors' notebook prints its errors with three digits; ours differ by where a descent is called done.
PRINTED_THREE = 0.006
#: Constants of four digits against those that others found by the same method from the same rows.
REFOUND = 0.002
#: R2 that the catalogue's description of a table gives, with three digits.
R2_PRINTED = 0.0005


def columns(table: str) -> dict[str, NDArray[Any]]:
    """A table of the catalogue as arrays by column."""
    found = catalogue.read(table).table
    return {name: found[name].to_numpy(zero_copy_only=False) for name in found.column_names}


def edited(name: str, *changes: tuple[str, str]) -> lawdsl.Law:
    """A law of the library with some of its text replaced."""
    text = library.find(name).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return lawdsl.parse(text)


def least_squares(law: lawdsl.Law, table: lawdsl.Table) -> dict[str, Array]:
    """Constants with the least sum of squares on the scale of the law's noise, from `STARTS` draws of the prior."""
    model = Model(law, table)
    loss = HuberLoss(model)

    def residuals(v: Any, data: Data) -> Any:
        return loss.residuals(v, data).ravel()

    def objective(v: Any, data: Data) -> Any:
        return jnp.sum(residuals(v, data) ** 2)

    def curvature(v: Any, data: Data) -> Any:
        slopes = jax.jacfwd(residuals)(v, data)
        return 2 * slopes.T @ slopes

    starts = model.prior_draws(STARTS, 0)[:, loss.free]
    best = descend(objective, starts, model.data, curvature=curvature, max_steps=400)
    values, _ = model.unpack(loss.whole(best.position, np), np)
    return {name: np.asarray(value) for name, value in values.items()}


def predicted(law: lawdsl.Law, table: lawdsl.Table, values: Mapping[str, Any]) -> Array:
    """The first response at the rows of a table."""
    response = next(iter(law.outcome))
    inputs = {name: table.columns[name] for name in law.inputs}
    return np.asarray(evaluate(law, {"y": Name(response)}, {**values, **inputs})["y"])


def r_squared(law: lawdsl.Law, table: lawdsl.Table, values: Mapping[str, Any]) -> float:
    observed = table.columns[next(iter(law.outcome))]
    left = observed - predicted(law, table, values)
    return float(1 - np.sum(left**2) / np.sum((observed - observed.mean()) ** 2))


# ---- Gadre et al.: small runs foretell large ones, arXiv 2403.08540

#: Loss on C4 by least squares on the loss itself, as scipy's curve_fit does.
ON_THE_LOSS = (
    ("noise: {family: student-t, on: log, scale: sigma, df: nu}", "noise: {family: normal, scale: sigma}"),
    ('  nu: {prior: "Gamma(2, 0.1)", about: degrees of freedom of the scatter}\n', ""),
    (", nu: 10}", "}"),
)
#: The error by the measured loss: the second of the chain alone.
ERROR = """
law: error
variables: {L: {unit: nats/token}}
response: {err: {unit: fraction}}
parameters:
  eps: {between: [0.7, 0.95], bounds: [0.5, 1]}
  k: {prior: "LogNormal(log(2), 1)"}
  g: {between: [0.3, 2]}
  sigma: {prior: HalfNormal(0.1)}
equation: err = eps - k*exp(-g*L)
noise: {family: normal, scale: sigma}
"""


def small_runs(corpus: str) -> dict[str, NDArray[Any]]:
    """The paper's five: 11M, 79M, 154M and 411M at 20 tokens a parameter, and 11M at 320."""
    rows = columns("gadre-overtraining")
    ratio = np.round(rows["token_multiplier"])
    size = rows["n_params"]
    keep = (rows["train_dataset"] == corpus) & (((ratio == 20) & (size < 5e8)) | ((ratio == 320) & (size < 2e7)))
    assert keep.sum() == 5
    return {name: values[keep] for name, values in rows.items()}


def loss_law(corpus: str) -> tuple[lawdsl.Law, dict[str, float]]:
    rows, law = small_runs(corpus), edited("overtraining", *ON_THE_LOSS)
    frame = {"N": rows["n_params"], "D": rows["n_tokens"], "L": rows["loss_c4_val"], "corpus": rows["train_dataset"]}
    found = least_squares(law, lawdsl.bind(law, frame))
    return law, {name: float(found[name][0]) for name in ("E", "a", "b", "eta")}


def error_law(corpus: str) -> dict[str, float]:
    """From the same five runs and 1.4B at 20 tokens a parameter, by the measured loss."""
    rows, law = columns("gadre-overtraining"), lawdsl.parse(ERROR)
    ratio, size = np.round(rows["token_multiplier"]), rows["n_params"]
    five = ((ratio == 20) & (size < 2e9)) | ((ratio == 320) & (size < 2e7))
    keep = (rows["train_dataset"] == corpus) & five
    assert keep.sum() == 6
    frame = {"L": rows["loss_c4_val"][keep], "err": rows["err_avg_17_tasks"][keep]}
    return {name: float(value) for name, value in least_squares(law, lawdsl.bind(law, frame)).items()}


@pytest.mark.parametrize("corpus", ["c4_original", "rpj", "rw_original"])
def test_the_loss_of_five_small_runs_has_the_published_constants(corpus: str) -> None:
    _, found = loss_law(corpus)
    published = values_of(library.load("overtraining"), "gadre", {"corpus": corpus})
    assert found == pytest.approx({name: published[name] for name in found}, rel=REFOUND)


@pytest.mark.parametrize("corpus", ["c4_original", "rpj", "rw_original"])
def test_the_error_of_six_runs_has_the_published_constants(corpus: str) -> None:
    found = error_law(corpus)
    published = values_of(library.load("downstream_error"), "gadre", {"corpus": corpus})
    for name in ("eps", "k", "g"):
        assert found[name] == pytest.approx(published[name], rel=REFOUND)


@pytest.mark.parametrize(
    ("arch", "ratio", "loss_percent", "error_percent"),
    [("open_lm_1b", 640, 0.710, 3.64), ("open_lm_7b", 20, 0.732, 0.046)],
)
def test_small_runs_foretell_large_ones_as_well_as_the_paper_prints(
    arch: str, ratio: int, loss_percent: float, error_percent: float
) -> None:
    """RedPajama: relative errors of loss and of 17-task error, from five and six small runs, in percent."""
    law, constants = loss_law("rpj")
    error = error_law("rpj")
    rows = columns("gadre-overtraining")
    row = (rows["train_dataset"] == "rpj") & (rows["arch"] == arch) & (np.round(rows["token_multiplier"]) == ratio)
    assert row.sum() == 1
    point = {"N": float(rows["n_params"][row][0]), "D": float(rows["n_tokens"][row][0])}
    loss = float(evaluate(law, {"L": Name("L")}, {**constants, **point})["L"])
    share = error["eps"] - error["k"] * np.exp(-error["g"] * loss)
    assert 100 * abs(loss / rows["loss_c4_val"][row][0] - 1) == pytest.approx(loss_percent, abs=PRINTED_THREE)
    assert 100 * abs(share / rows["err_avg_17_tasks"][row][0] - 1) == pytest.approx(error_percent, abs=PRINTED_THREE)


# ---- Porian et al.: one exponent by setup, arXiv 2406.19146

#: setup -> exponent as printed
PORIAN = {
    "base_long_kaplan_kaplan_train": 0.835,
    "base_long_kaplan_standard_val": 0.706,
    "base_short_kaplan_standard_val": 0.602,
    "base_short_chinchilla_standard_val": 0.571,
    "tuned_short_const_standard_val": 0.497,
}


@pytest.fixture
def minima(data_folder: object) -> dict[str, NDArray[Any]]:
    """The minimum of each IsoFLOP curve, once."""
    rows = columns("porian-isoflops-refinedweb")
    seen: set[tuple[str, float]] = set()
    keep = np.zeros(len(rows["n_star"]), bool)
    for i, key in enumerate(zip(rows["experiment"], rows["flop_budget"], strict=True)):
        keep[i] = key not in seen and np.isfinite(rows["n_star"][i]) and key[0] in PORIAN
        seen.add(key)
    return {
        "C": rows["flop_budget"][keep], "Nopt": rows["n_star"][keep], "setup": rows["experiment"][keep],
        "Nopt_se": (rows["n_star"] * rows["n_star_log_std"])[keep],
    }  # fmt: skip


def test_each_setup_has_its_printed_exponent(minima: dict[str, NDArray[Any]]) -> None:
    """By the mode of the posterior, weighted by the bootstrap's errors as the paper weights its regression."""
    law = library.load("compute_optimal")
    found = fitting.fit(law, lawdsl.bind(law, minima), method="map")
    published = law.sets["porian"].by_name["a"]
    assert isinstance(published, dict)
    exponents = dict(zip(found.levels["a"], found.flat["a"].mean(axis=0), strict=True))
    for setup, printed in PORIAN.items():
        se = published[setup].se
        assert se is not None and published[setup].value == printed
        assert abs(exponents[setup] - printed) < 2 * se, setup


# ---- Muennighoff et al.: repeated data, arXiv 2305.16264


def test_published_constants_of_repeated_data_score_on_the_benchmarks_split_as_printed() -> None:
    law = library.load("data_constrained")
    names = {"N": "n_params", "D": "n_tokens", "U": "unique_tokens", "L": "loss"}
    table = lawdsl.bind(law, "sldbench-data-constrained-test", map=names, where="n_params > 0")
    rounded = {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.353, "RDs": 15.4, "RNs": 5.3, "rho": 0.051}
    assert r_squared(law, table, rounded) == pytest.approx(0.911, abs=R2_PRINTED)
    assert r_squared(law, table, values_of(law, "muennighoff", {})) > 0.911


#: The base law's constants held, as in the second stage of the paper's fit.
BASE_HELD = (
    ('  A: {prior: "LogNormal(6, 2)"', "  A: {fixed: 520.82495"),
    ('  B: {prior: "LogNormal(6, 2)"', "  B: {fixed: 1487.71609"),
    ("  E: {between: [1.0, 2.8]", "  E: {fixed: 1.8691437"),
    ("  alpha: {between: [0.1, 1.0]", "  alpha: {fixed: 0.3526596"),
)


@pytest.mark.slow
def test_the_worth_of_repetition_lies_within_the_posterior_of_the_larger_runs() -> None:
    """Runs of 100M parameters and more: both constants in their 90 % intervals, [6, 42] and [1.5, 5.9]. With the small
    ones, which lie above the held base whatever is repeated, RNs is drawn down and its interval misses the paper's.
    """
    law = edited("data_constrained", *BASE_HELD)
    parts = "(sldbench_split == 'train' or sldbench_split == 'test') and epochs <= 500"
    large = fitting.fit(law, lawdsl.bind(law, where=f"{parts} and n_params >= 1e8"), seed=1).summary()
    assert large["RDs"]["q05"] < 15.387756 < large["RDs"]["q95"]
    assert large["RNs"]["q05"] < 5.309743 < large["RNs"]["q95"]
    every = fitting.fit(law, lawdsl.bind(law, where=parts), seed=1).summary()
    assert every["RNs"]["q95"] < 5.309743


def test_the_open_rows_do_not_settle_the_worth_of_repetition() -> None:
    """With the base held, as the paper does it: Huber's loss at the published RDs and RNs is all but the least there
    is, and the least lies at three times the one and half the other.
    """
    law = edited("data_constrained", *BASE_HELD)
    table = lawdsl.bind(law, where="sldbench_split == 'train' or sldbench_split == 'test'")
    found = fitting.fit(law, table, method="huber")
    model = Model(law, table)
    loss = HuberLoss(model)
    with jax.enable_x64(True):
        at_published = float(loss.objective(jnp.log(jnp.array([15.387756, 5.309743])), model.data))
    least = float(dict(found.provenance.settings)["objective"])
    assert least <= at_published < 1.001 * least
    assert found.flat["RDs"][0] > 30 and found.flat["RNs"][0] < 4


# ---- Clark et al.: routed models, arXiv 2202.01169

#: Ehat as SLDBench writes it, with one taken from either end.
OTHER_EXPERTS = (
    "1/(1/(E - 1 + 1/(1/Estart - 1/Emax)) + 1/Emax)",
    "1/(1/(E - 1 + 1/(1/(Estart - 1) - 1/(Emax - 1))) + 1/Emax)",
)


@pytest.mark.parametrize(
    ("router", "published", "score"), [("S-Base", "s_base", 0.974), ("RL-R", "rl_r", 0.951), ("Hash", "hash", 0.989)]
)
def test_the_papers_effective_experts_fit_better_than_the_benchmarks(router: str, published: str, score: float) -> None:
    """The scores are those of the table's description, which are the benchmark's formula's."""
    kept = f"(router_type == '{router}' or router_type == 'Dense') and routing_frequency == 0.5"
    law, other = library.load("routed"), edited("routed", OTHER_EXPERTS)
    table = lawdsl.bind(law, "moe-routing-clark2022-upto370m", where=f"{kept} and k == 1 and seed == 42")
    values = values_of(law, published, {})
    assert r_squared(other, table, values) == pytest.approx(score, abs=R2_PRINTED)
    assert r_squared(law, table, values) > r_squared(other, table, values)


# ---- constants that fit their rows


@pytest.mark.parametrize(("name", "published", "score"), [("sae", "gao", 0.996), ("distillation", "busbridge", 0.926)])
def test_constants_that_were_read_or_recalled_fit_their_rows(name: str, published: str, score: float) -> None:
    law = library.load(name)
    assert r_squared(law, lawdsl.bind(law), values_of(law, published, {})) == pytest.approx(score, abs=R2_PRINTED)


def test_students_of_strong_teachers_lie_above_the_published_law() -> None:
    """What the law file says: 0.06 above where the teacher is best, nothing where it is poor."""
    law = library.load("distillation")
    table = lawdsl.bind(law)
    left = table.columns["L"] - predicted(law, table, values_of(law, "busbridge", {}))
    teacher = table.columns["LT"]
    assert np.mean(left[teacher < 2.04]) == pytest.approx(0.056, abs=0.002)
    assert np.mean(left[teacher > 2.47]) == pytest.approx(0.0, abs=0.002)


@pytest.mark.parametrize(("subset", "published"), [("hot", "hot"), ("cool_end", "cool_end")])
def test_gemstones_leave_the_published_scatter(subset: str, published: str) -> None:
    """0.048 and 0.049 nats, as the table's description has them."""
    law = library.load("gemstones")
    table = lawdsl.bind(law, where=f"subset == '{subset}'")
    left = table.columns["L"] - predicted(law, table, {**values_of(law, published, {}), "u": 0.0})
    assert np.sqrt(np.mean(left**2)) == pytest.approx({"hot": 0.048, "cool_end": 0.049}[subset], abs=0.0005)
