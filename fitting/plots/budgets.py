"""Compute and what it buys: profiles at equal compute, contours of equal response, and the frontier of optima."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lawdsl import look
from lawdsl.curves import brief
from lawdsl.errors import AskError, Fault, Span
from lawdsl.numbers import parse_number, percent

from ..cost import cost_of, costs, of_unit
from ..means import at_points, thinned
from ..planning import Plan, optima
from ..posterior import Posterior
from . import sheet
from .along import band, draw_band, ground, level_of, limits
from .settings import settings

Array = NDArray[np.float64]

#: points of a profile, of a side of contours' grid, and of a frontier
STEPS, SIDE, FRONTIER = 90, 48, 13
#: a profile goes so far from its best size, as a factor
AROUND = 12.0
#: rows whose compute is within this factor of a budget are drawn with it
SAME = 1.15
#: draws whose mean contours are drawn
DRAWS = 200


def isoflops(
    posterior: Posterior, budgets: Sequence[float | str] | None = None, *, level: float = 0.9, ax: Axes | None = None,
    at: Mapping[str, Any] | None = None,
) -> Figure:  # fmt: skip
    """The response against model size at equal compute, a curve a budget (FLOP), its least value marked.

    budgets: by default up to four on which many rows lie, and ten times the largest. at: other variables and factors.
    Dark band: the law's mean at `level`. Raises: AskError (ASK061) for a law without sizes and tokens.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.isoflops(fitting.fit("chinchilla", rows, method="map"), ["1e20", "1e21"])
    >>> figure.axes[0].get_xlabel()
    'N (total parameters)'
    """
    level = level_of(posterior, level)
    law, (size, tokens) = posterior.law, _sides(posterior)
    spent = _spent(posterior)
    wanted = _numbers(posterior, budgets) if budgets is not None else _budgets(spent)
    base = _base(posterior, size, tokens, at)
    figure, axes = sheet.one(ax)
    bands, labels, every = [], [], [posterior.ranges[size][0], posterior.ranges[size][1]]
    name = law.response.name
    observed, taken = posterior.columns[name], np.zeros(posterior.provenance.rows, bool)
    for i, budget in enumerate(wanted):
        points = _profile(posterior, base, size, tokens, budget)
        if not points:
            continue
        best = float(_lowest(posterior, points, size))
        one = band(posterior, [p for p in points if best / AROUND < float(p[size]) < best * AROUND], size, name, level)
        bands.append(one)
        every += [float(one.grid[0]), float(one.grid[-1])]
        draw_band(axes, one, look.colour(i), new=False)
        lowest = int(np.nanargmin(one.median))
        if 0 < lowest < len(one.grid) - 1:
            axes.plot(one.grid[lowest], one.median[lowest], "o", color=look.grey(0), mec=look.colour(i), mew=1.4, ms=6,
                      zorder=6)  # fmt: skip
        near = (spent < budget * SAME) & (spent > budget / SAME) & np.isfinite(observed)
        taken |= near
        axes.plot(posterior.columns[size][near], observed[near], look.MARKS[i % len(look.MARKS)], color=look.colour(i),
                  ms=3.6, mec=look.grey(0), mew=0.4, zorder=4, label="_rows")  # fmt: skip
        labels.append((float(one.median[-1]), f"{brief(budget)} FLOP", look.colour(i)))
    if not bands:
        message = "no budget lies within the reach of the rows"
        raise AskError(Fault("ASK061", Span(law.name), message, "Name budgets of the rows' order: 1e20."))
    rows = observed[taken] if taken.any() else observed[np.isfinite(observed)][:0]
    axes.set_xlim(min(every) / 1.1, max(every) * 1.1)
    limits(axes, np.concatenate([v for one in bands for v in (one.median, one.lo, one.hi)]), rows, np.array([]))
    look.scale(axes, "x", True)
    ground(axes, *posterior.ranges[size])
    axes.set_xlabel(look.axis_label(law.variable[size]))
    axes.set_ylabel(look.axis_label(law.response))
    look.beside(axes, labels)
    look.heading(axes, look.label(law.title, 200), f"at equal compute; {percent(level)} bands of the law's mean; "
                 "rings: the best size of a budget, by the median")  # fmt: skip
    return figure


def _lowest(posterior: Posterior, points: list[dict[str, float | str]], size: str) -> float | str:
    """The size of the least response by the median draw."""
    means = at_points(posterior, points, thinned(posterior, DRAWS), noise=False)[posterior.law.response.name]["mean"]
    middle = np.median(means, axis=0)
    return points[int(np.nanargmin(middle)) if np.isfinite(middle).any() else 0][size]


def _sides(posterior: Posterior) -> tuple[str, str]:
    size, tokens = of_unit(posterior.law, "parameters"), of_unit(posterior.law, "tokens")
    if size is None or tokens is None:
        message = f"{posterior.law.name} has no variables of model size and tokens to spend compute on"
        raise AskError(Fault("ASK061", Span(posterior.law.name), message, "`lawdsl list --variable N --variable D`."))
    return size, tokens


def _spent(posterior: Posterior) -> Array:
    law = posterior.law
    return costs(law, cost_of(law), {n: posterior.columns[n] for n in law.inputs})


def _numbers(posterior: Posterior, budgets: Sequence[float | str]) -> list[float]:
    found = [parse_number(one) if isinstance(one, str) else float(one) for one in budgets]
    good = [one for one in found if one is not None and np.isfinite(one) and one > 0]
    if len(good) < len(found) or not good:
        cure = "Numbers are written 0.5, 1e24, 7B or 100T."
        raise AskError(Fault("ASK007", Span(posterior.law.name), "a budget is no positive number", cure))
    return good


def _budgets(spent: Array) -> list[float]:
    """Up to four budgets on which many rows lie, over all of the range, and ten times the largest row's."""
    logs = np.log10(spent[spent > 0])
    keys, counts = np.unique(np.round(logs / 0.12), return_counts=True)
    edges = np.linspace(keys[0], keys[-1] + 1e-9, 5)
    slices = np.clip(np.searchsorted(edges, keys, side="right") - 1, 0, 3)
    best = [max(np.flatnonzero(slices == i), key=lambda k: counts[k]) for i in np.unique(slices)]
    middles = [10 ** float(np.median(logs[np.round(logs / 0.12) == keys[k]])) for k in best]
    return [*(float(f"{m:.2g}") for m in middles), float(f"{10 * 10 ** logs.max():.1g}")]


def _base(posterior: Posterior, size: str, tokens: str, at: Mapping[str, Any] | None) -> dict[str, float | str]:
    from ..predictions import read_points

    held = {**settings(posterior, tokens, 1)[0], **(at or {})}
    held.update({size: posterior.ranges[size][1], tokens: posterior.ranges[tokens][1]})
    return read_points(posterior.law, [held])[0]


def _profile(
    posterior: Posterior, base: dict[str, float | str], size: str, tokens: str, budget: float
) -> list[dict[str, float | str]]:
    """Points of equal cost over sizes; those whose tokens lie more than 30-fold outside the rows are left out."""
    law = posterior.law
    low, high = posterior.ranges[size]
    sizes = np.geomspace(low / 3, high * 10, 4 * STEPS)
    columns = {n: np.full(len(sizes), v) for n, v in base.items() if not isinstance(v, str)} | {size: sizes}
    left, right = np.full(len(sizes), 0.0), np.full(len(sizes), 25.0)
    for _ in range(50):  # the cost rises with tokens, so their number is found by halves
        middle = (left + right) / 2
        dear = costs(law, cost_of(law), {**columns, tokens: 10**middle}) > budget
        left, right = np.where(dear, left, middle), np.where(dear, middle, right)
    found = 10 ** ((left + right) / 2)
    fewest, most = posterior.ranges[tokens]
    kept = np.flatnonzero((found > fewest / 30) & (found < most * 30))
    some = kept[np.linspace(0, len(kept) - 1, min(STEPS, len(kept))).astype(int)] if len(kept) else kept
    return [{**base, size: float(sizes[i]), tokens: float(found[i])} for i in some]


def isoloss(
    posterior: Posterior, *, at: Mapping[str, Any] | None = None, level: float = 0.9, ax: Axes | None = None
) -> Figure:
    """Contours of equal response over model size and tokens (the law's mean, by the median draw), the rows, and the
    sizes and tokens that are best for their compute, with the band in which `level` of the draws have theirs.

    at: other variables and factors. Raises: AskError (ASK061) for a law without sizes and tokens.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.isoloss(fitting.fit("chinchilla", rows, method="map"))
    >>> figure.axes[0].get_ylabel()
    'D (tokens)'
    """
    level = level_of(posterior, level)
    law, (size, tokens) = posterior.law, _sides(posterior)
    base = _base(posterior, size, tokens, at)
    (n0, n1), (d0, d1) = posterior.ranges[size], posterior.ranges[tokens]
    x, y = np.geomspace(n0 / 2, n1 * 10, SIDE), np.geomspace(d0 / 2, d1 * 10, SIDE)
    points = [{**base, size: float(a), tokens: float(b)} for b in y for a in x]
    values = at_points(posterior, points, thinned(posterior, DRAWS), noise=False)[law.response.name]["mean"]
    surface = np.median(values, axis=0).reshape(SIDE, SIDE)
    figure, axes = sheet.one(ax, (6.4, 5.2))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    finite = surface[np.isfinite(surface)]
    log = bool(finite.min() > 0 and finite.max() > 8 * finite.min())
    places = _levels(finite, log)
    lines = axes.contour(x, y, surface, levels=places, colors=[look.grey(0.55)], linewidths=0.9)
    axes.clabel(lines, fontsize=look.SMALL - 0.5, fmt=brief, inline_spacing=3)
    axes.add_patch(_box(n0, n1, d0, d1))
    axes.plot(posterior.columns[size], posterior.columns[tokens], "o", color=look.colour(0), ms=3, mew=0, alpha=0.7,
              label="rows", zorder=3)  # fmt: skip
    _optimal(axes, posterior, base, size, tokens, level)
    look.scale(axes, "x", True)
    look.scale(axes, "y", True)
    axes.grid(False)
    axes.set_xlabel(look.axis_label(law.variable[size]))
    axes.set_ylabel(look.axis_label(law.variable[tokens]))
    axes.legend(frameon=True, framealpha=0.85, edgecolor="none", facecolor=look.grey(0), fontsize=look.SMALL,
                loc="upper left")  # fmt: skip
    what = look.label(f"{law.response.name} ({law.response.quantity}) along each line; dashed box: the rows", 200)
    look.heading(axes, look.label(law.title, 200), what)
    return figure


def _levels(values: Array, log: bool) -> list[float]:
    """Round numbers for contours, closer where the surface is flat."""
    low, high = float(values.min()), float(values.max())
    if log:
        return look.ticks(low, high, True)
    return sorted({
        float(f"{v:.2g}") if abs(v) < 10 else float(f"{v:.3g}") for v in np.quantile(values, np.linspace(0.04, 0.96, 9))
    })  # fmt: skip


def _box(n0: float, n1: float, d0: float, d1: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((n0, d0), n1 - n0, d1 - d0, fill=False, ec=look.grey(0.35), lw=0.8, ls=(0, (3, 2)), zorder=1)


def _optimal(
    axes: Axes, posterior: Posterior, base: dict[str, float | str], size: str, tokens: str, level: float
) -> None:
    """The frontier with its band, where the law has one."""
    spent = _spent(posterior)
    budgets = np.geomspace(spent.min() / 10, spent.max() * 1000, FRONTIER)
    try:
        found = optima(posterior, budgets.tolist(), over=(size, tokens), at=_others(base, size, tokens))
    except AskError:
        return
    ratio = found[tokens] / found[size]
    good = np.isfinite(ratio).mean(axis=1) > 0.5
    if not good.any():
        return
    product = np.nanmedian(found[tokens] * found[size], axis=1)[good]
    edges = np.nanquantile(ratio[good], [(1 - level) / 2, 0.5, (1 + level) / 2], axis=1)
    (x0, x, x1), (y0, y, y1) = np.sqrt(product / edges), np.sqrt(product * edges)
    axes.fill(np.concatenate([x0, x1[::-1]]), np.concatenate([y0, y1[::-1]]), color=look.colour(1), alpha=0.25, lw=0,
              zorder=2)  # fmt: skip
    axes.plot(x, y, color=look.colour(1), lw=1.8, zorder=3, label=f"best for their compute, {percent(level)}")


def _others(base: Mapping[str, float | str], *chosen: str) -> dict[str, float | str]:
    return {n: v for n, v in base.items() if n not in chosen}


def frontier(
    posterior: Posterior, budgets: Sequence[float | str] | None = None, *, at: Mapping[str, Any] | None = None,
    over: tuple[str, ...] = (), cost: str | None = None, level: float = 0.9, plan: Plan | None = None,
) -> Figure:  # fmt: skip
    """What is best at each budget of compute: a panel for every variable that is chosen, tokens per parameter, and the
    response there; medians of the draws' own optima with intervals at `level`.

    budgets: marked by a line; the panels go from the rows' compute to a hundred times that, or to the largest named.
    plan: its choices are marked. at, over, cost: as of `fitting.plan`.
    Raises: AskError (ASK034) where the law has nothing to spend compute on.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.frontier(fitting.fit("chinchilla", rows, method="map"), ["1e22"])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['N (total parameters)', 'D (tokens)', 'tokens per parameter', 'L (nats/token)']
    """
    level, law = level_of(posterior, level), posterior.law
    named = _numbers(posterior, budgets) if budgets is not None else []
    if plan is not None:
        named, at = [plan.budget], {**dict(plan.given), **(at or {})}
        over = over or tuple(name for name, _ in plan.chosen)
        cost = plan.cost if plan.inference else cost
    if not over:
        sides = (of_unit(law, "parameters"), of_unit(law, "tokens"))
        over = tuple(n for n in sides if n is not None) if None not in sides else ()
    spent = _compute(posterior)
    known = [*named, *([float(spent.min()), float(spent.max())] if spent is not None else [])] or [1e18, 1e24]
    beyond = 10 if named else 100
    places = np.geomspace(min(known), max(known) * beyond, FRONTIER)
    places = np.unique(np.concatenate([places, named]))
    held = {**_unsaid(posterior, over), **(at or {})}
    found = optima(posterior, places.tolist(), over=over, at=held, cost=cost)
    if not any((np.isfinite(draws).mean(axis=1) > 0.5).any() for draws in found.values()):
        message = "at no budget do the draws have an optimum within the range searched"
        cure = "Give some of the variables: lawdsl plan FIT --budget 1e22 --over N,D --at P=4."
        raise AskError(Fault("ASK061", Span(law.name), message, cure))
    figure, every = sheet.many(len(found), 3, (3.3, 2.3))
    for (name, draws), axes in zip(found.items(), every, strict=True):
        good = np.isfinite(draws).mean(axis=1) > 0.5
        lo, middle, hi = np.nanquantile(draws[good], [(1 - level) / 2, 0.5, (1 + level) / 2], axis=1)
        ink = look.colour(0)
        axes.fill_between(places[good], lo, hi, color=ink, alpha=0.25, lw=0)
        axes.plot(places[good], middle, color=ink, lw=1.6)
        axes.set_xlim(places[0], places[-1])
        axes.set_xscale("log")
        limits(axes, np.concatenate([lo, middle, hi]), np.array([]), np.array([]))
        look.scale(axes, "x", True)
        if spent is not None:
            ground(axes, float(spent.min()), float(spent.max()))
        for budget in named:
            axes.axvline(budget, color=look.colour(1), lw=0.9)
        if plan is not None:
            _planned(axes, plan, name, law.response.name)
        axes.set_xlabel("compute (FLOP)", fontsize=look.SMALL)
        words = look.axis_label(law.variable[name]) if name in law.variable else name.replace("_", " ")
        axes.set_ylabel(look.axis_label(law.response) if name == law.response.name else words, fontsize=look.SMALL)
    told = f"best at each budget, with {percent(level)} intervals"
    sheet.title(figure, law.title, told + ("; the mark is the plan" if plan is not None else ""))
    return figure


def _planned(axes: Axes, plan: Plan, name: str, response: str) -> None:
    chosen = dict(plan.chosen) | dict(plan.ratios) | {response: plan.response[1]}
    if name in chosen:
        axes.plot(plan.budget, chosen[name], "D", color=look.colour(1), ms=6, mec=look.grey(0), mew=0.8, zorder=6)


def _compute(posterior: Posterior) -> Array | None:
    try:
        return _spent(posterior)
    except AskError:
        return None


def _unsaid(posterior: Posterior, over: tuple[str, ...]) -> dict[str, float | str]:
    """The other variables where most rows lie, for a question that does not say them."""
    law = posterior.law
    chosen = over or tuple(n for n in (of_unit(law, "parameters"), of_unit(law, "tokens")) if n is not None)
    if not chosen or chosen[0] not in posterior.ranges:
        return {}
    base = settings(posterior, chosen[0], 1)[0]
    return {n: v for n, v in base.items() if n not in chosen}
