"""Laws of curves: learning-rate schedules against plain double sums, learning curves and breaks at their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_laws_pretraining import asked, at

from lawdsl import library
from lawdsl.evaluate import evaluate
from lawdsl.grammar import parse_expression
from lawdsl.law import FIRST
from lawdsl.published import values_of

#: The multi-power law's exponentials stand for a power: right to this, in nats, for rates of 1e-6 to 1e-3.
EXPONENTIALS = 1e-4
#: A recurrence against the double sum it replaces, in nats; sums of four hundred terms in another order.
RECURRENCE = 1e-9
#: Local slopes by differences over a factor of 1.01, far from any break.
SLOPE = 1e-6

ROWS = 200
STEPS = np.linspace(100.0, 20_000.0, ROWS)  # a row every hundred steps


def schedule(kind: str, peak: float) -> np.ndarray:
    """Learning rates of `ROWS` rows."""
    part = np.arange(ROWS) / ROWS
    shapes = {
        "constant": np.ones(ROWS),
        "cosine": 0.55 + 0.45 * np.cos(np.pi * part),
        "two steps": np.where(part < 0.5, 1.0, 0.3),
        "late decay": np.where(part < 0.8, 1.0, 1 - 4.5 * (part - 0.8)),
        "up again": np.where(part < 0.3, 1.0, np.where(part < 0.6, 0.2, 0.7)),
    }
    return peak * shapes[kind]


KINDS = ("constant", "cosine", "two steps", "late decay", "up again")


def along(name: str, expression: str, set: str, /, **columns: np.ndarray) -> np.ndarray:
    """An expression at the rows of one run."""
    first = np.zeros(len(columns["s"]))
    first[0] = 1.0
    return at(name, expression, set, **columns, **{FIRST: first})


# ---- schedules


@pytest.mark.parametrize("kind", KINDS)
def test_annealing_is_the_double_sum_over_steps(kind: str) -> None:
    """Step by step: every lowering counts at every later step, less by lam each."""
    c = values_of(library.load("annealing"), "tissue", {})
    eta = schedule(kind, 1e-3)
    lowered = np.concatenate([[0.0], eta[:-1] - eta[1:]])
    later = np.subtract.outer(np.arange(ROWS), np.arange(ROWS))  # of step i after the lowering k
    area = np.cumsum(np.sum(np.tril(lowered * c["lam"] ** np.maximum(later, 0)), axis=1))
    expected = c["L0"] + c["A"] * np.cumsum(eta) ** -c["alpha"] - c["C"] * area
    found = along("annealing", "L", "tissue", s=np.arange(1.0, ROWS + 1), eta=eta)
    np.testing.assert_allclose(found, expected, rtol=0, atol=RECURRENCE * expected.max())


@pytest.mark.parametrize("published", ["m25", "m100", "m400"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("peak", [1e-4, 1e-3])
def test_the_multi_power_law_is_the_sum_over_pairs_of_steps(published: str, kind: str, peak: float) -> None:
    c = values_of(library.load("multi_power"), published, {})
    eta, width = schedule(kind, peak), np.full(ROWS, 100.0)
    area = np.cumsum(eta * width)
    drop = np.concatenate([[0.0], eta[:-1] - eta[1:]])
    since = area[:, None] - (area - eta * width)[None, :]  # from the row k on, with k
    gain = 1 - (1 + c["C"] * eta[None, :] ** -c["gamma"] * np.maximum(since, 0)) ** -c["beta"]
    lowered = c["B"] * np.sum(np.tril(np.broadcast_to(drop, (ROWS, ROWS)) * gain), axis=1)
    expected = c["L0"] + c["A"] * (area + c["SW"]) ** -c["alpha"] - lowered
    found = along("multi_power", "L", published, s=STEPS, eta=eta)
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXPONENTIALS)


@pytest.mark.parametrize(("name", "published"), [("annealing", "tissue"), ("multi_power", "m100")])
def test_rows_that_stand_for_many_steps_are_like_every_step(name: str, published: str) -> None:
    """A row every ten steps against every single step: equal at a constant rate, and near when it is lowered."""
    every, tenth = np.arange(1.0, 2001.0), np.arange(10.0, 2001.0, 10.0)
    # ten lowerings come at once, and those of the first row not at all
    for decay, allowed in [(0.0, 1e-9), (0.9, 0.004)]:
        fine = along(name, "L", published, s=every, eta=3e-3 * (1 - decay * every / 2000))[9::10]
        coarse = along(name, "L", published, s=tenth, eta=3e-3 * (1 - decay * tenth / 2000))
        np.testing.assert_allclose(coarse[20:], fine[20:], atol=allowed)


@pytest.mark.parametrize(("name", "published"), [("annealing", "tissue"), ("multi_power", "m400")])
def test_lowering_the_rate_pays_at_once_and_costs_area(name: str, published: str) -> None:
    """The well-known picture of a decay: below the constant rate soon after, though its area is smaller."""
    constant = along(name, "L", published, s=STEPS, eta=schedule("constant", 3e-4))
    decayed = along(name, "L", published, s=STEPS, eta=schedule("late decay", 3e-4))
    assert decayed[-1] < constant[-1]
    np.testing.assert_allclose(decayed[:160], constant[:160], rtol=1e-9)  # the same until it begins


# ---- learning curves


@pytest.mark.parametrize("x", [1.0, 1e4, 1e8])
def test_the_fourth_form_has_a_closed_form_where_alpha_is_one(x: float) -> None:
    c = values_of(library.load("learning_curve_m4"), "ours", {"curve": "two"})
    lowering = c["b"] * (x / 1e7) ** c["c"]
    closed = (c["einf"] + lowering * c["e0"]) / (1 + lowering)
    assert at("learning_curve_m4", "L", "ours", x=x, curve="two") == pytest.approx(closed, rel=1e-12)


def test_each_form_has_the_one_before_it_as_a_case() -> None:
    """M2 without a floor is M1; M3 without an end is M2 without a floor; M4 with alpha = 0 is M2."""
    x = np.geomspace(1e6, 1e9, 5)
    power = at("learning_curve_m2", "beta*x^c", "ours", x=x, curve="one")
    np.testing.assert_allclose(at("learning_curve_m2", "L - einf", "ours", x=x, curve="one"), power, rtol=1e-12)
    np.testing.assert_allclose(at("learning_curve_m3", "beta*(1/x)^(-c)", "ours", x=x, curve="one"), power, rtol=1e-12)
    law = library.load("learning_curve_m4")
    values = {**values_of(law, "ours", {"curve": "one"}), "alpha": 1e-12}
    expected = values["einf"] + values["b"] * (x / 1e7) ** values["c"]
    inside = expected < values["e0"]
    found = evaluate(law, {"L": parse_expression("L")}, {**values, "x": x})["L"]
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-6)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_examples_to_a_loss_and_back(number: int) -> None:
    name = f"learning_curve_m{number}"
    loss = float(at(name, "L", "ours", x=3e7, curve="three"))
    found = asked(name, "examples_for", "ours", q=loss, curve="three")
    assert found.get("x", found.get("examples_for")) == pytest.approx(3e7, rel=1e-6)


# ---- breaks


def slope(name: str, published: str, x: float) -> float:
    """The slope on logarithmic axes of what is above the floor."""
    above = at(name, "y - a", published, x=x * np.array([1.0, 1.01]))
    return math.log(above[1] / above[0]) / math.log(1.01)


def test_far_from_its_break_a_broken_power_law_is_a_power_law() -> None:
    values = values_of(library.load("broken"), "ours", {})
    assert slope("broken", "ours", 1e3) == pytest.approx(-values["c0"], abs=SLOPE)
    assert slope("broken", "ours", 1e22) == pytest.approx(-values["c0"] - values["c_1"], abs=SLOPE)


def test_a_narrow_break_is_a_corner() -> None:
    values = values_of(library.load("broken"), "sharp", {})
    for x, exponent in [(2.9e10, values["c0"]), (3.2e10, values["c0"] + values["c_1"])]:
        assert slope("broken", "sharp", x) == pytest.approx(-exponent, abs=1e-3)


def test_two_breaks_can_come_down_go_up_and_come_down_again() -> None:
    curve = np.log(at("broken_two", "y", "ours", x=np.geomspace(1e4, 1e13, 300)))
    turns = np.flatnonzero(np.diff(np.sign(np.diff(curve))))
    assert len(turns) == 2
