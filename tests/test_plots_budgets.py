"""Pictures of budgets: profiles at equal compute, contours and the frontier, read off the figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import posteriors
import pytest
from posteriors import ALONE, DRAWS, posterior

import fitting
import lawdsl
from fitting import Posterior, plots
from lawdsl.errors import AskError


@pytest.fixture(scope="module")
def chinchilla() -> Posterior:
    return posteriors.chinchilla()


def test_profiles_at_equal_compute_are_least_at_the_optimum(chinchilla: Posterior) -> None:
    figure = plots.isoflops(chinchilla, ["1e20"])
    (ring,) = [one for one in figure.axes[0].lines if len(one.get_xdata()) == 1]
    answer = chinchilla_optimum(chinchilla, 1e20)
    assert float(ring.get_xdata()[0]) == pytest.approx(answer, rel=0.1)  # sizes of the profile are 5 % apart
    assert "1e20 FLOP" in [text.get_text() for text in figure.axes[0].texts]


def chinchilla_optimum(fit: Posterior, budget: float) -> float:
    return fitting.ask(fit, "optimum", {"C": budget})["N"].median


def test_the_frontier_is_that_of_the_questions_of_the_law(chinchilla: Posterior) -> None:
    figure = plots.frontier(chinchilla, [1e21])
    labels = ["N (total parameters)", "D (tokens)", "tokens per parameter", "L (nats/token)"]
    assert [axes.get_ylabel() for axes in figure.axes] == labels
    (line, marked) = figure.axes[0].lines
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert set(marked.get_xdata()) == {1e21}
    assert y[x == 1e21][0] == pytest.approx(chinchilla_optimum(chinchilla, 1e21), rel=0.02)


def test_contours_have_the_rows_and_the_frontier(chinchilla: Posterior) -> None:
    figure = plots.isoloss(chinchilla)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("N (total parameters)", "D (tokens)")
    rows, best = (one for one in axes.lines if not one.get_label().startswith("_"))  # type: ignore[union-attr]
    assert len(rows.get_xdata()) == 12
    assert (np.diff(np.asarray(best.get_ydata())) > 0).all()


def test_budgets_that_nobody_names_are_those_of_the_rows_and_ten_times_the_largest(chinchilla: Posterior) -> None:
    (axes,) = plots.isoflops(chinchilla).axes
    labels = [text.get_text() for text in axes.texts if text.get_text().endswith("FLOP")]
    budgets = sorted(float(label.split()[0]) for label in labels)
    spent = 6 * chinchilla.columns["N"] * chinchilla.columns["D"]
    assert 2 <= len(budgets) <= 5 and budgets[0] >= 0.9 * spent.min()
    assert budgets[-1] == pytest.approx(10 * spent.max(), rel=0.1)  # one digit


@pytest.mark.parametrize(
    ("budgets", "code"), [(["1e40"], "ASK061"), (["much"], "ASK007"), ([-1.0], "ASK007"), ([], "ASK007")]
)
def test_budgets_at_fault(chinchilla: Posterior, budgets: list[float | str], code: str) -> None:
    with pytest.raises(AskError, match=code):
        plots.isoflops(chinchilla, budgets)


def test_of_several_budgets_those_out_of_reach_are_left_out(chinchilla: Posterior) -> None:
    (axes,) = plots.isoflops(chinchilla, ["1e20", "1e40"]).axes
    assert [text.get_text() for text in axes.texts if "FLOP" in text.get_text()] == ["1e20 FLOP"]


def test_a_plan_is_marked_where_it_lies(chinchilla: Posterior) -> None:
    plan = fitting.plan(chinchilla, 1e21)
    figure = plots.frontier(chinchilla, plan=plan)
    for axes, (name, chosen) in zip(figure.axes, plan.chosen, strict=False):
        (mark,) = (one for one in axes.lines if one.get_marker() == "D")
        assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([plan.budget], [chosen]), name


def test_contours_are_even_in_the_logarithm_where_the_response_spans_decades(chinchilla: Posterior) -> None:
    steep = replace(
        chinchilla, draws={**chinchilla.draws, "E": 0.01 * chinchilla.draws["E"], "B": 1e3 * chinchilla.draws["B"]}
    )
    (axes,) = plots.isoloss(steep).axes
    levels = axes.collections[0].levels
    assert levels[-1] / levels[0] > 8 and len(levels) > 2


def test_without_an_optimum_there_is_no_frontier(chinchilla: Posterior) -> None:
    """Loss that no token lowers: the fewest are best at any budget, as far as one looks."""
    flat = replace(chinchilla, draws={**chinchilla.draws, "beta": -chinchilla.draws["beta"]})
    with pytest.raises(AskError, match="ASK061"):
        plots.frontier(flat, [1e21])
    (axes,) = plots.isoloss(flat).axes
    assert [one.get_label() for one in axes.lines if not str(one.get_label()).startswith("_")] == ["rows"]


def test_a_law_of_sizes_alone_has_nothing_to_spend_compute_on() -> None:
    draws = {"a": np.full(DRAWS, 0.2), "s": np.full(DRAWS, 0.05)}
    fit = posterior(lawdsl.parse(ALONE), {"N": [1e8, 1e9, 1e10], "L": [6.3, 4.0, 2.5]}, draws)
    with pytest.raises(AskError, match="ASK061"):
        plots.isoflops(fit, ["1e20"])
    with pytest.raises(AskError, match="ASK034"):
        plots.frontier(fit, ["1e20"])
