"""Are there several optima of comparable probability? The starts that a mode was sought from tell.

A chain stays in the optimum it starts in if the way to another leads through improbable land, and four chains that were
all planted at the best optimum agree with each other whatever else there is. So it is the starts, not the chains, that
show a second mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lawdsl.numbers import short

from .model import Model
from .start import Optimum

Array = NDArray[np.float64]

#: optima this far below the best (nats of log density) do not count, whatever their width
LOWEST = 12.0
#: two ends are one optimum within this many standard deviations of each other
APART = 2.0
#: shares of the probability below this are not told
SMALLEST = 0.01
#: a mode counts as sampled if at least this share of its probability is among the draws
VISITED = 0.25


@dataclass(frozen=True)
class Mode:
    """An optimum: its position (width,), and its share of the probability by the normal approximation."""

    position: Array
    precision: Array
    share: float


def modes(optimum: Optimum) -> tuple[Mode, ...]:
    """The distinct optima that the starts ended in, the most probable first."""
    near = optimum.arrived & (optimum.values <= optimum.values.min() + LOWEST)
    kept: list[tuple[float, Array, Array]] = []
    for index in np.flatnonzero(near)[np.argsort(optimum.values[near], kind="stable")]:
        position, precision = optimum.ends[index], optimum.curvatures[index]
        if not np.isfinite(precision).all() or np.linalg.eigvalsh(precision).min() <= 0:
            continue  # a saddle, or flat
        if all(_apart(position, precision, p, h) for _, p, h in kept):
            evidence = -float(optimum.values[index]) - 0.5 * float(np.linalg.slogdet(precision)[1])
            kept.append((evidence, position, precision))
    if not kept:
        return ()
    shares = np.exp(np.array([evidence for evidence, _, _ in kept]) - max(evidence for evidence, _, _ in kept))
    shares /= shares.sum()
    found = [Mode(p, h, float(share)) for (_, p, h), share in zip(kept, shares, strict=True) if share >= SMALLEST]
    return tuple(sorted(found, key=lambda one: -one.share))


def _apart(a: Array, precision_a: Array, b: Array, precision_b: Array) -> bool:
    """Whether neither optimum lies within the other."""
    gap = a - b
    return bool(min(gap @ precision_a @ gap, gap @ precision_b @ gap) > APART**2)


def unsampled(found: tuple[Mode, ...], positions: Array) -> tuple[Mode, ...]:
    """The modes that draws (n, width) have not visited as their share of the probability asks."""
    if len(found) < 2:
        return ()
    distance = np.stack([np.einsum("nd,de,ne->n", positions - m.position, m.precision, positions - m.position)
                         for m in found])  # fmt: skip
    nearest = np.bincount(np.argmin(distance, axis=0), minlength=len(found)) / len(positions)
    return tuple(m for m, share in zip(found, nearest, strict=True) if share < VISITED * m.share)


def reason(model: Model, found: tuple[Mode, ...], missed: tuple[Mode, ...]) -> str:
    """In words: where the optima lie, by the parameters that tell them apart most, and what to do."""
    values = [model.unpack(mode.position, np)[0] for mode in found]
    telling = _telling(model, found)
    told = "; ".join(
        f"{', '.join(f'{name} = {short(_at(model, one, name), 3)}' for name in telling)} ({mode.share:.0%})".replace(
            "%", " %"
        )
        for mode, one in zip(found, values, strict=True)
    )
    what = "another" if len(missed) == 1 else f"{len(missed)} others"
    return (
        f"the posterior has {len(found)} modes, and the draws leave out {what}: {told}, by shares of probability; "
        "narrower priors, bounds, or an `order` of the parameters that change places choose one"
    )


def _telling(model: Model, found: tuple[Mode, ...]) -> list[str]:
    """The two parameters in which the first two modes lie furthest apart, in their standard deviations."""
    gap = np.abs(found[0].position - found[1].position) * np.sqrt(np.diag(found[0].precision))
    names: list[str] = []
    for index in np.argsort(-gap):
        block = next(b for b in model.blocks if b.start <= index < b.start + b.size)
        label = block.parameter
        if block.role in ("center", "spread"):
            label = f"{block.parameter}.{block.role}"
        elif block.parameter in model.groupings:
            label = f"{block.parameter}[{model.groupings[block.parameter].labels[index - block.start]}]"
        if label not in names:
            names.append(label)
    return names[:2]


def _at(model: Model, values: Mapping[str, Array], label: str) -> float:
    name, _, level = label.partition("[")
    if level:
        return float(values[name][model.groupings[name].labels.index(level.removesuffix("]"))])
    return float(values[label])
