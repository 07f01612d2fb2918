"""Frontiers: what they are by default, how far points lie beyond, and what is no frontier."""

from __future__ import annotations

import numpy as np
import pytest

import lawdsl
from fitting.frontier import frontier_of, ranges_of, reach
from lawdsl.errors import AskError


@pytest.mark.parametrize(
    ("law", "text"),
    [
        ("chinchilla", "C"),
        ("isoflops", "C"),
        ("vocabulary", "C"),
        ("precision", "6*N*D"),  # its own C takes a precision P that its rows do not have
        ("kaplan_d", "D"),
    ],
)
def test_the_default_is_compute_or_the_only_variable(law: str, text: str) -> None:
    assert frontier_of(lawdsl.load(law)).text == text


def test_a_derived_variable_is_computed_from_the_columns() -> None:
    found = frontier_of(lawdsl.load("chinchilla"), "C").at({"N": np.array([1e9, 1e10]), "D": np.array([1e10, 1e12])})
    assert found == pytest.approx(np.log10([6e19, 6e22]))


@pytest.mark.parametrize(
    ("law", "text", "said"),
    [
        ("routed", None, "no compute"),
        ("chinchilla", "A*N", "takes A"),
        ("chinchilla", "3", "takes no variable"),
        ("chinchilla", "N*", "frontier"),
        ("chinchilla", "L", "takes A"),
    ],
)
def test_what_is_no_frontier(law: str, text: str | None, said: str) -> None:
    with pytest.raises(AskError, match=said) as found:
        frontier_of(lawdsl.load(law), text)
    assert [fault.code for fault in found.value.faults] == ["ASK015"]


def test_a_frontier_is_positive() -> None:
    along = frontier_of(lawdsl.load("chinchilla"), "N - D")
    with pytest.raises(AskError, match="1 of 2 points"):
        along.at({"N": np.array([2.0, 1.0]), "D": np.array([1.0, 2.0])})


def test_reach_is_the_farthest_of_frontier_and_inputs() -> None:
    law = lawdsl.load("chinchilla")
    rows = {"N": np.array([1e8, 1e9]), "D": np.array([1e10, 1e11])}
    points = {"N": np.array([1e9, 1e10, 1e7, 1e8]), "D": np.array([1e12, 1e10, 1e10, 1e10])}
    at = frontier_of(law).at(points)
    found = reach(at, float(frontier_of(law).at(rows).max()), points, ranges_of(law, rows))
    assert found == pytest.approx([1.0, 1.0, 1.0, 0.0])
