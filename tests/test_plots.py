"""Pictures of fits: what they show, read off the figures; drawn without a screen and without pyplot."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import posteriors
import pytest
from matplotlib.figure import Figure
from posteriors import DRAWS, grid, near, posterior

import lawdsl
from fitting import Posterior, plots
from fitting.plots.along import band
from fitting.plots.settings import settings
from lawdsl import look
from lawdsl.cli import run
from lawdsl.errors import AskError


@pytest.fixture(scope="module")
def chinchilla() -> Posterior:
    return posteriors.chinchilla()


@pytest.fixture(scope="module")
def qid() -> Posterior:
    columns = grid(N=[1e6, 1e7], D=[1e8, 1e9, 1e10], P=[2.0, 3.0, 4.0])
    rows = {n: np.array(v) for n, v in columns.items()}
    response = 0.017 * rows["D"] ** 0.525 / rows["N"] ** 0.226 / rows["P"] ** 5.5
    table = {**columns, "dL": response.tolist(), "dL_se": [1e-3] * len(response), "run": ["a", "b"] * 9}
    draws = near(k=0.017, alpha=0.226, beta=0.525, gamma=5.5, s0=0.001, s1=0.1)
    draws |= {"u": np.zeros((*DRAWS, 2)), "u.spread": np.full(DRAWS, 0.1)}
    return posterior(lawdsl.load("qid"), table, draws)


def texts(figure: Figure) -> list[str]:
    """Every text that a figure shows."""
    from matplotlib.text import Text

    return [" ".join(one.get_text().split()) for one in figure.findobj(Text) if one.get_visible() and one.get_text()]  # type: ignore[attr-defined]


def lines(figure: Figure, least: int = 20) -> list[Any]:
    """The curves of the first axes: lines of many points."""
    return [one for one in figure.axes[0].lines if len(one.get_xdata()) >= least and one.get_linestyle() == "-"]


# --- curves ----------------------------------------------------------------------------------------------------------


def test_a_curve_is_what_predict_says_and_lies_in_its_bands(chinchilla: Posterior) -> None:
    points = [{"N": 1e9, "D": x} for x in (2e9, 1e11, 1e12)]
    found = band(chinchilla, [dict(point) for point in points], "D", "L", 0.9)
    for i, point in enumerate(points):
        (alone,) = chinchilla.predict([point])
        shown = (found.median[i], found.lo[i], found.hi[i], found.new_lo[i], found.new_hi[i])
        assert shown == pytest.approx((alone.median, alone.lo, alone.hi, alone.new_lo, alone.new_hi), rel=1e-12)
    assert (found.new_lo <= found.lo).all() and (found.lo <= found.median).all()
    assert (found.median <= found.hi).all() and (found.hi <= found.new_hi).all()
    assert found.beyond.tolist() == [False, False, True]


def test_curves_against_tokens(chinchilla: Posterior) -> None:
    figure = plots.curves(chinchilla, against="D")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("D (tokens)", "L (nats/token)")
    assert axes.get_xscale() == "log"
    assert {"N = 100M", "N = 400M", "N = 1B", "beyond the data"} <= set(texts(figure))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["10B", "100B", "1T"]
    assert len(lines(figure)) == 3
    marked = [one for one in axes.lines if one.get_label() == "_rows"]
    assert [len(one.get_xdata()) for one in marked] == [4, 4, 4]  # every row lies on a curve


def test_a_curve_ends_where_its_point_is_and_is_dashed_beyond_the_rows(chinchilla: Posterior) -> None:
    figure = plots.curves(chinchilla, [{"N": "1B", "D": "10T"}], against="D")
    (solid,) = lines(figure)
    (dashed,) = [one for one in figure.axes[0].lines if one.get_linestyle() == "--"]
    inside, outside = (np.isfinite(np.asarray(one.get_ydata())) for one in (solid, dashed))
    x = np.asarray(solid.get_xdata())
    assert x[-1] == 1e13
    # what lies beyond by no more than a twentieth of a decade is not called an extrapolation
    assert 1e11 <= x[inside].max() == x[outside].min() <= 1e11 * 10**0.06


def test_settings_are_those_on_which_rows_lie(qid: Posterior) -> None:
    assert [point["P"] for point in settings(qid, "D")] == [2.0, 3.0, 4.0]
    assert {point["N"] for point in settings(qid, "D")} <= {1e6, 1e7}
    assert [point["N"] for point in settings(qid, "P")] in ([1e6, 1e7], [1e6]) or len(settings(qid, "P")) == 3


def test_rows_that_the_log_cannot_show_are_counted(qid: Posterior) -> None:
    from dataclasses import replace

    below = {**qid.columns, "dL": np.concatenate([[-0.01], qid.columns["dL"][1:]])}
    figure = plots.curves(replace(qid, columns=below), against="D")
    assert figure.axes[0].get_yscale() == "log"
    assert any("1 row at or below zero cannot be shown" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"against": "Q"}, "ASK002"), ({"response": "Q"}, "ASK002"), ({"level": 1.0}, "ASK008")],
)
def test_wrong_arguments_have_a_code(chinchilla: Posterior, arguments: Mapping[str, Any], code: str) -> None:
    with pytest.raises(AskError) as caught:
        plots.curves(chinchilla, **arguments)
    assert caught.value.faults[0].code == code


def test_axes_that_are_given_are_drawn_into(chinchilla: Posterior) -> None:
    figure = Figure()
    axes = figure.add_subplot(1, 2, 1)
    assert plots.curves(chinchilla, ax=axes) is figure
    assert axes.lines and len(figure.axes) == 1


@pytest.mark.parametrize("rows", [1, 5])
def test_rows_all_alike_are_drawn(rows: int) -> None:
    table = {"N": [1e8] * rows, "D": [1e10] * rows, "L": [2.9] * rows}
    draws = near(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.366, sigma=0.01, nu=5.0)
    fit = posterior(lawdsl.load("chinchilla"), table, draws)
    for draw in (plots.curves, plots.constants, plots.pairs, plots.residuals):
        figure = draw(fit)
        figure.canvas.draw()  # type: ignore[attr-defined]


# --- constants and rows ----------------------------------------------------------------------------------------------


def test_constants_stand_beside_those_of_papers(chinchilla: Posterior) -> None:
    figure = plots.constants(chinchilla, ["alpha", "sigma"])
    alpha, sigma = figure.axes
    names = [text.get_text() for text in alpha.get_yticklabels()]
    assert names == ["this fit", *chinchilla.law.sets]
    shown = [float(one.get_xdata()[0]) for one in alpha.lines if len(one.get_xdata()) == 1]
    assert shown[0] == pytest.approx(np.median(chinchilla.flat["alpha"]))
    assert chinchilla.law.sets["hoffmann"].by_name["alpha"].value in shown  # type: ignore[union-attr]
    assert [text.get_text() for text in sigma.get_yticklabels()] == ["this fit"]


def test_levels_are_lines_of_one_panel(qid: Posterior) -> None:
    figure = plots.constants(qid, ["u"])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["a", "b"]


def test_pairs_are_those_of_the_equation(chinchilla: Posterior) -> None:
    figure = plots.pairs(chinchilla)
    assert len(figure.axes) == 5 * 6 / 2
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()] == ["E", "A", "B", "alpha", "beta"]


def test_residuals_are_in_standard_deviations(chinchilla: Posterior) -> None:
    figure = plots.residuals(chinchilla)
    labels = ["N (total parameters)", "D (tokens)", "L by the law (nats/token)"]
    assert [axes.get_xlabel() for axes in figure.axes] == labels
    (points,) = [one for one in figure.axes[0].lines if one.get_marker() == "o"]
    # rows scatter by one percent; sigma is that, and their tails are those of student-t
    assert 0.3 < np.std(points.get_ydata()) < 3


def test_replicates_are_drawn_beside_the_rows(chinchilla: Posterior) -> None:
    from dataclasses import replace

    observed = chinchilla.columns["L"]
    drawn = observed * np.exp(0.01 * np.random.default_rng(3).standard_normal((100, len(observed))))
    with_replicas = replace(chinchilla, predictive={"posterior": {"L": drawn}})
    figure = plots.predictive(with_replicas)
    assert any("90 % intervals hold" in text for text in texts(figure))
    with pytest.raises(AskError, match="ASK061"):
        plots.predictive(chinchilla)
    with pytest.raises(AskError, match="ASK061"):
        plots.priors(chinchilla)


# --- files and the look ----------------------------------------------------------------------------------------------


def test_pictures_are_files_of_three_kinds_whole_or_not_at_all(chinchilla: Posterior, tmp_path: Path) -> None:
    figure = plots.curves(chinchilla)
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    for ending, first in begins.items():
        path = plots.save(figure, tmp_path / "deep" / f"a{ending}")
        assert path.read_bytes().startswith(first)
    pair = [plots.save(plots.residuals(chinchilla), tmp_path / f"{name}.svg").read_bytes() for name in "bc"]
    assert pair[0] == pair[1]
    with pytest.raises(AskError, match="ASK060"):
        plots.save(figure, tmp_path / "a.gif")
    assert {path.name for path in tmp_path.rglob("*.*")} == {"a.png", "a.svg", "a.pdf", "b.svg", "c.svg"}


def test_strange_names_are_shown_and_never_read(tmp_path: Path) -> None:
    """Levels and titles are of strangers: no mathematics, no line breaks, no letters that stop the drawing."""
    text = """
law: line
title: "a $\\\\frac{$ title of 量子 <b>& $x^2$"
variables: {x: {unit: tokens}}
response: {y: {unit: nats/token}}
factors: {run: any}
parameters: {a: {prior: "Normal(0, 1)", by: run, pool: none}, s: {prior: HalfNormal(1)}}
equation: y = a*x
noise: {family: normal, scale: s}
"""
    levels = ["$\\frac{", "a\nb" + "c" * 300, "$_$_$"]
    rows = {"x": [1.0, 2.0, 3.0] * 2, "y": [1.0, 2.0, 3.0] * 2, "run": levels * 2}
    law = lawdsl.parse(text)
    fit = posterior(law, rows, {"a": np.ones((*DRAWS, 3)), "s": np.full(DRAWS, 0.1)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("curves", "constants", "residuals"):
            assert plots.save(getattr(plots, name)(fit), tmp_path / f"{name}.png").stat().st_size > 1000


def test_a_dark_picture_has_light_ink(chinchilla: Posterior) -> None:
    import matplotlib

    with matplotlib.rc_context(plots.DARK):
        figure = plots.curves(chinchilla)
    assert max(figure.get_facecolor()[:3]) < 0.2
    assert look.grey(0) == "#ffffff" and look.grey(1) == "#000000"  # and nothing stays so


def test_a_figure_shows_itself_in_a_notebook_without_pyplot(chinchilla: Posterior) -> None:
    assert plots.curves(chinchilla)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_labels_beside_curves_do_not_overlap() -> None:
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    axes.set_ylim(0, 1)
    look.beside(axes, [(0.5, f"curve {i}", "k") for i in range(5)])
    figure.canvas.draw()  # type: ignore[attr-defined]
    boxes = sorted((text.get_window_extent().y0, text.get_window_extent().y1) for text in axes.texts)
    assert all(above[0] >= below[1] - 1 for below, above in zip(boxes, boxes[1:], strict=False))


def test_public_names_resolve() -> None:
    assert plots.__all__ == sorted(plots.__all__) == dir(plots)
    for name in plots.__all__:
        assert getattr(plots, name) is not None
    with pytest.raises(AttributeError, match="nope"):
        plots.nope  # type: ignore[attr-defined]  # noqa: B018


def test_an_ending_is_looked_at_before_anything_is_computed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "no-such-fit.nc", "--at", "N=1", "--plot", "a.gif"]) == 2
    assert "ASK060" in capsys.readouterr().err


# --- panels, several fits ---------------------------------------------------------------------------------------------


def test_degradation_has_a_panel_for_every_number_of_bits(qid: Posterior) -> None:
    figure = plots.degradation(qid)
    assert [axes.get_title("left") for axes in figure.axes] == ["P = 2", "P = 3", "P = 4"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    by_size = plots.degradation(qid, panels="size")
    assert [axes.get_title("left") for axes in by_size.axes] == ["N = 1M", "N = 10M"]


def test_laws_without_budgets_or_bits_say_so(qid: Posterior, chinchilla: Posterior) -> None:
    with pytest.raises(AskError, match="ASK061"):
        plots.degradation(chinchilla)
    with pytest.raises(AskError, match="ASK061"):
        plots.backtests(chinchilla)
    with pytest.raises(AskError, match="ASK061"):
        plots.constants(chinchilla, ["gamma"])


def test_laws_are_drawn_with_their_average(chinchilla: Posterior) -> None:
    from dataclasses import replace

    other = replace(chinchilla, draws={**chinchilla.draws, "E": chinchilla.draws["E"] + 0.1})
    figure = plots.comparison([chinchilla, other], [0.25, 0.75], at={"N": 1e9, "D": 1e12}, against="D")
    first, second = lines(figure)
    ends = [float(np.asarray(one.get_ydata())[0]) for one in (first, second)]
    assert ends[1] == pytest.approx(ends[0] + 0.1)
    assert {"chinchilla (0.25)", "chinchilla #2 (0.75)", "their average"} <= set(texts(figure))


def test_answers_and_moves(chinchilla: Posterior) -> None:
    from fitting import difference

    figure = plots.answers(chinchilla, "optimum", {"C": 1e21})
    assert "N (total parameters)" in [axes.get_xlabel() for axes in figure.axes]
    moved = plots.moves(difference(chinchilla, chinchilla))
    points = [one for one in moved.axes[0].lines if one.get_label() in ("parameter", "prediction", "answer")]
    assert all((np.asarray(one.get_xdata()) == 0).all() for one in points) and points


def test_a_page_has_the_essentials(chinchilla: Posterior) -> None:
    figure = plots.summary(chinchilla)
    curves, constants, residuals = figure.subfigs  # type: ignore[attr-defined]
    assert len(curves.axes) == 1
    assert [axes.get_title("left") for axes in constants.axes] == ["E", "A", "B", "alpha", "beta"]
    assert len(residuals.axes) == 3


def test_commands_draw(chinchilla: Posterior, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = str(chinchilla.save(tmp_path / "a.nc"))
    commands = {
        "ask": ["ask", fit, "optimum", "--given", "C=1e21"],
        "plan": ["plan", fit, "--budget", "1e21"],
        "diff": ["diff", fit, fit],
        "compare": ["compare", fit, fit, "--at", "N=1B,D=1T"],
        "predict": ["predict", fit, "--at", "N=1B,D=1T", "--against", "D"],
    }
    for name, arguments in commands.items():
        path = tmp_path / f"{name}.svg"
        assert run([*arguments, "--plot", str(path)]) == 0, capsys.readouterr().err
        assert path.read_bytes().startswith(b"<?xml")


def test_the_picture_of_the_readme(tmp_path: Path) -> None:
    """Made anew as examples/readme_picture.py makes it, but by the quicker fit: what it shows is what predict says."""
    import importlib.util

    import fitting

    root = Path(__file__).resolve().parents[1]
    spec = importlib.util.spec_from_file_location("readme_picture", root / "examples" / "readme_picture.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    post = fitting.fit("qid", method="map")
    figure = script.picture(post)
    curves = [one for one in figure.axes[0].lines if one.get_linestyle() == "--"]
    assert {float(np.asarray(one.get_xdata())[-1]) for one in curves} == {1e9}
    ends = [float(np.asarray(one.get_ydata())[-1]) for one in curves]
    told = [post.predict(N=script.SIZE, D=script.TOKENS, P=bits)[0].median for bits in script.BITS]
    assert ends == pytest.approx(told)
    assert (root / "docs" / "qid.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_drawn_at_its_own_rows() -> None:
    text = """
law: run
variables: {s: {unit: steps}, eta: {unit: ratio}}
response: {L: {unit: nats/token}}
factors: {run: any}
sequence: {along: run, by: s}
parameters: {a: {prior: "Normal(3, 1)"}, b: {prior: "HalfNormal(1)"}, t: {prior: HalfNormal(1)}}
equation: L = a - b*log(cumsum(eta))
noise: {family: normal, scale: t}
"""
    steps = [1.0, 2.0, 4.0, 8.0]
    rows = {"s": steps * 2, "eta": [0.1, 0.2, 0.4, 0.8] + [0.3] * 4, "run": ["a"] * 4 + ["b"] * 4, "L": [3.0] * 8}
    fit = posterior(lawdsl.parse(text), rows, near(a=3.0, b=0.1, t=0.05))
    figure = plots.curves(fit)
    marked = [one for one in figure.axes[0].lines if one.get_label() == "_rows"]
    assert [list(one.get_xdata()) for one in marked] == [steps, steps]
    assert {"run = a", "run = b"} <= set(texts(figure))
    (a, b) = [one for one in figure.axes[0].lines if one.get_linestyle() == "-"]
    assert list(a.get_ydata()) == pytest.approx([3 - 0.1 * np.log(x) for x in (0.1, 0.3, 0.7, 1.5)], rel=0.01)
