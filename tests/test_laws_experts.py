"""Laws of experts, sparsity and distillation: limits, best shares, and what the papers say of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_laws import ROUND_TRIP
from test_laws_pretraining import asked, at

from lawdsl import library
from lawdsl.published import values_of

ROUTERS = ("s_base", "rl_r", "hash")
#: An optimum by search: where the function is flat to float64, its place is known to about 1e-7; steps of 1 % differ.
BESIDE = 1.01


# ---- routed


@pytest.mark.parametrize("router", ROUTERS)
def test_effective_experts_run_from_a_dense_model_to_the_most(router: str) -> None:
    values = values_of(library.load("routed"), router, {})
    found = at("routed", "Ehat", router, E=np.array([1.0, 1e12]))
    assert found == pytest.approx([values["Estart"], values["Emax"]], rel=1e-9)
    curve = at("routed", "Ehat", router, E=np.geomspace(1, 1e4, 50))
    assert np.all(np.diff(curve) > 0)


@pytest.mark.parametrize("router", ROUTERS)
def test_experts_pay_below_the_cutoff_and_cost_above_it(router: str) -> None:
    cutoff = asked("routed", "cutoff", router)["cutoff"]
    for size, sign in [(cutoff / 10, -1), (cutoff, 0), (cutoff * 10, 1)]:
        loss = at("routed", "L", router, N=size, E=np.array([8.0, 64.0]))
        assert np.sign(round(math.log(loss[1] / loss[0]), 12)) == sign


@pytest.mark.parametrize("router", ROUTERS)
def test_a_routed_model_is_as_good_as_its_dense_equal(router: str) -> None:
    equal = asked("routed", "dense_equal", router, N=1e8, E=64.0)["dense_equal"]
    assert equal > 1e8
    dense = at("routed", "L", router, N=equal, E=1.0)
    assert dense == pytest.approx(float(at("routed", "L", router, N=1e8, E=64.0)), rel=ROUND_TRIP)


# ---- granularity


def test_finer_experts_are_better_until_routing_is_paid_for() -> None:
    fine = at("fine_grained_moe", "L", "moe", N=1e10, D=1e11, G=np.geomspace(1, 64, 20))
    assert np.all(np.diff(fine) < 0)
    small, large = (
        asked("fine_grained_moe", "granularity", "moe", C=c, N=3.65e9, width=768.0, layers=12.0)["G"]
        for c in (1e18, 1e20)
    )
    assert 1 < small < large  # routing's share of the cost weighs less where tokens gain less


def test_saved_parameters_give_the_same_loss() -> None:
    saving = asked("fine_grained_moe", "saving", "moe", r=16.0)["saving"]
    coarse = at("fine_grained_moe", "L", "moe", N=1e10, D=1e11, G=1.0)
    finer = at("fine_grained_moe", "L", "moe", N=1e10 * (1 - saving), D=1e11, G=16.0)
    assert finer == pytest.approx(float(coarse), rel=ROUND_TRIP)


# ---- sparsity


@pytest.mark.parametrize("published", ["t5_c4", "vit_jft"])
@pytest.mark.parametrize("share", [0.25, 0.75])
def test_a_sparse_model_is_as_good_as_its_dense_equal(published: str, share: float) -> None:
    equal = asked("sparsity", "dense_equal", published, N=1e7, S=share)["dense_equal"]
    assert equal > 1e7
    dense = at("sparsity", "L", published, N=equal, S=0.0, D=1e10)
    assert dense == pytest.approx(float(at("sparsity", "L", published, N=1e7, S=share, D=1e10)), rel=ROUND_TRIP)


@pytest.mark.parametrize(
    ("name", "published", "given", "price"),
    [
        ("sparsity", "t5_c4", {"N": 1e7, "C": 1e18, "r": 0.5}, lambda left: 0.5 / left + 0.5),
        ("moe_sparsity", "abnar", {"N": 1e10, "C": 1e21}, lambda left: left),
    ],
)
def test_the_best_share_has_the_least_loss_on_its_budget(
    name: str, published: str, given: dict[str, float], price: Callable[[Any], Any]
) -> None:
    """The budget is spent, and a little more or less of either costs. `price`: of a token, by what is left in use."""
    best = asked(name, "sparsity", published, **given)
    left = (1 - best["S"]) * np.array([1 / BESIDE, 1.0, BESIDE])
    tokens = given["C"] / (6 * given["N"] * price(left))
    assert best["D"] == pytest.approx(tokens[1], rel=1e-9)
    loss = at(name, "L", published, N=given["N"], S=1 - left, D=tokens)
    assert loss[1] < loss[0] and loss[1] < loss[2]


def test_a_larger_budget_wants_more_pruning_but_fewer_sleeping_experts() -> None:
    """Pruning is paid in advance; experts are there already, and tokens run out of worth."""
    pruned = [asked("sparsity", "sparsity", "t5_c4", N=1e7, C=c, r=0.5)["S"] for c in (1e17, 1e19)]
    asleep = [asked("moe_sparsity", "sparsity", "abnar", N=1e10, C=c)["S"] for c in (1e20, 1e22)]
    assert pruned[0] < pruned[1] and asleep[0] > asleep[1]


# ---- distillation


def test_the_law_of_students_holds_the_law_without_teachers() -> None:
    alone = at("distillation", "Lsup", "busbridge", NS=1e9, DS=1e11, LT=2.0)
    assert alone == pytest.approx(float(at("supervised", "L", "busbridge", N=1e9, D=1e11)), rel=1e-12)


def test_a_better_teacher_helps_until_the_gap_is_too_wide() -> None:
    """The capacity gap: the loss has one least place in the teacher's loss, below the student's own."""
    best = asked("distillation", "teacher", "busbridge", NS=3e8, DS=1e11)
    curve = at("distillation", "L", "busbridge", NS=3e8, DS=1e11, LT=np.linspace(1.3, 2.8, 60))
    assert np.count_nonzero(np.diff(np.sign(np.diff(curve)))) == 1
    assert best["LT"] < best["alone"] and best["L"] < best["alone"]


def test_a_student_of_a_poor_teacher_is_its_teacher() -> None:
    assert at("distillation", "L", "busbridge", NS=7e9, DS=1e11, LT=3.0) == pytest.approx(3.0, abs=1e-6)


@pytest.mark.parametrize("size", [3e8, 1e9, 3e9])
def test_with_tokens_without_end_a_teacher_no_longer_helps(size: float) -> None:
    """The paper's limit: the best student's loss is the supervised floor. Rounded constants hold it to 0.02 nats."""
    best = asked("distillation", "teacher", "busbridge", NS=size, DS=1e16)["L"]
    assert best == pytest.approx(asked("supervised", "floor", "busbridge", N=size)["floor"], abs=0.02)
