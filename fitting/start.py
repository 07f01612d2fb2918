"""Where a fit starts: damped Newton descents from many starts, in the unconstrained space.

Compiling is what a small fit pays for, so only one thing is compiled, a batch of values, gradients and curvatures; the
steps themselves are a few lines of numpy. The Hessian, where the caller gives no curvature, comes from central
differences of the gradient, so that one gradient is all the program holds: half the compilation of `jax.hessian`, and
right to about nine digits. The same descents from one start under many row weights are the bootstrap.

Method: Levenberg-Marquardt damping by the gain ratio (Nielsen 1999), on the curvature's absolute eigenvalues, so that
saddles repel (Dauphin et al. 2014, arXiv 1406.2572), in coordinates scaled by the curvature's diagonal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .device import computing
from .programs import Program, stored

Array = NDArray[np.float64]
Objective = Callable[[jax.Array, Any], jax.Array]

# A start has arrived when the Newton model promises at most this much, relative to the objective (and absolute, scaled
# down, for objectives near zero). It agrees with the best if its objective is within SAME of it.
PROMISE = 1e-10
SMALLEST_SCALE = 1e-3
SAME = 1e-5
# Rounding of a central difference of gradients is least at the cube root of the precision.
SHIFT = float(np.finfo(float).eps ** (1 / 3))
FLATTEST = 1e-13  # eigenvalues under this share of the largest count as this
#: in one call of the compiled program: as starts come to rest, few points fill the last batch up; refits are many
BATCH_POINTS, BATCH_REFITS = 64, 32
#: a refit has arrived earlier: a bootstrap's spread is some 1e-3 of the objective, and needs no more digits of each
REFIT_PROMISE = 1e-7
APPROACH_STEPS = 1000
HOPELESS = 1e300  # the objective where it is not finite, to a method that must be told a number
STUCK = 1e12  # damping at which no step can change the position any more
ENOUGH = 0.5  # share of the starts at rest in the best optimum at which the stragglers are let go


@dataclass(frozen=True)
class Optimum:
    """The best of many descents.

    position (d,); value of the objective there; gradient (d,) and hessian (d, d) of the objective there; values (k,)
    where each start ended (inf: nowhere finite); arrived (k,) whether it came to rest; agreement: share of starts
    within 1e-5 (relative) of the best; steps: the most any start took; converged: whether the best came to rest;
    ends (k, d) and curvatures (k, d, d): where each start ended, and what steered it there.
    """

    position: Array
    value: float
    gradient: Array
    hessian: Array
    values: Array
    arrived: NDArray[np.bool_]
    agreement: float
    steps: int
    ends: Array = field(default_factory=lambda: np.zeros((0, 0)))
    curvatures: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))

    @property
    def converged(self) -> bool:
        """Whether the best start came to rest: what is left to gain is below 1e-10 of the objective."""
        return bool(self.arrived[np.argmin(self.values)])


@dataclass(frozen=True)
class Refits:
    """Descents from one start under many weights: positions (b, d), values (b,), arrived (b,)."""

    positions: Array
    values: Array
    arrived: NDArray[np.bool_]


def descend(
    objective: Objective,
    starts: ArrayLike,
    data: Any,
    *,
    curvature: Objective | None = None,
    max_steps: int = 200,
    identity: str | None = None,
) -> Optimum:
    """Minimise `objective(u, data)`, u (d,), from each row of `starts` (k, d); keep the best.

    `curvature(u, data)` -> (d, d) steers the descent in place of the Hessian, such as the reweighted J'WJ of a Huber
    loss. The Hessian of the result is always the objective's own. Where the objective or its gradient is not finite no
    step goes; a start may lie there, if others do not. `identity` names objective and curvature for the cache of
    programs (`fitting.programs.stored`); None keeps nothing.
    Raises: ValueError if the objective is finite at none of the starts.
    """
    positions = np.array(starts, dtype=float)
    with computing():
        evaluate = _evaluator(objective, curvature, positions.shape, data, None, identity)
        ended = _descend(evaluate, positions, max_steps, alike=True)
        if not np.isfinite(ended.values).any():
            raise ValueError("the objective is finite at none of the starts")
        best = int(np.argmin(ended.values))
        position = ended.positions[best]
        gradient, hessian = ended.gradients[best], ended.curvatures[best]
        if curvature is not None:
            exact = _evaluator(objective, None, (1, len(position)), data, None, identity)
            _, (gradient,), (hessian,) = exact(position[None], np.zeros(1, int))
    value = float(ended.values[best])
    agreeing = ended.values - value <= SAME * max(abs(value), SMALLEST_SCALE)
    return Optimum(
        position, value, gradient, hessian, ended.values, ended.arrived, float(agreeing.mean()), ended.steps,
        ended.positions, ended.curvatures,
    )  # fmt: skip


def approach(
    objective: Objective, starts: ArrayLike, data: Any, *, scale: ArrayLike, identity: str | None = None
) -> Array:
    """Where L-BFGS (scipy's) comes from each row of `starts` (k, d), sorted by the objective, the least first: (k, d).

    For wide vectors: a step costs one gradient, where a Newton step by differences costs twice as many as there are
    unknowns. It comes near; `descend` goes on from there. `scale` (d,) is a typical size of each unknown's moves.
    """
    from scipy.optimize import minimize

    unit = np.asarray(scale, dtype=float)
    positions = np.array(starts, dtype=float)
    with computing():
        known = jax.device_put(data)
        slopes = jax.value_and_grad(objective)
        run = stored("slope", slopes, (positions[0], known), identity=identity)

        def scaled(x: Array) -> tuple[float, Array]:
            value, gradient = run(x * unit, known)
            gradient = np.asarray(gradient) * unit
            usable = bool(np.isfinite(value)) and bool(np.isfinite(gradient).all())
            return (float(value), gradient) if usable else (HOPELESS, np.zeros_like(x))

        options = {"maxiter": APPROACH_STEPS, "maxfun": 2 * APPROACH_STEPS}
        ends = [minimize(scaled, start / unit, jac=True, method="L-BFGS-B", options=options) for start in positions]
    ends.sort(key=lambda end: float(end.fun))
    return np.stack([end.x * unit for end in ends])


def refits(
    objective: Objective,
    start: ArrayLike,
    data: dict[str, Any],
    weights: ArrayLike,
    *,
    curvature: Objective | None = None,
    max_steps: int = 100,
    identity: str | None = None,
) -> Refits:
    """Minimise `objective(u, {**data, "weights": w})` from `start` (d,) for every row w of `weights` (b, n).

    A bootstrap: rows of `weights` count how often each observation was drawn.
    """
    rows = np.array(weights, dtype=float)
    positions = np.tile(np.array(start, dtype=float), (len(rows), 1))
    with computing():
        evaluate = _evaluator(objective, curvature, positions.shape, data, rows, identity)
        ended = _descend(evaluate, positions, max_steps, alike=False, promise=REFIT_PROMISE)
    return Refits(ended.positions, ended.values, ended.arrived)


def values_and_gradients(
    objective: Objective, positions: ArrayLike, data: Any, *, identity: str | None = None
) -> tuple[Array, Array]:
    """Objective (k,) and gradient (k, d) at each row of `positions` (k, d)."""
    points = np.array(positions, dtype=float)
    with computing():
        evaluate = _evaluator(objective, None, points.shape, data, None, identity)
        values, gradients, _ = evaluate(points, np.arange(len(points)))
    return values, gradients


@dataclass
class _Ended:
    positions: Array
    values: Array
    gradients: Array
    curvatures: Array
    arrived: NDArray[np.bool_]
    steps: int


Evaluate = Callable[[Array, NDArray[np.int_]], tuple[Array, Array, Array]]


def _evaluator(
    objective: Objective,
    curvature: Objective | None,
    shape: tuple[int, ...],
    data: Any,
    weights: Array | None,
    identity: str | None,
) -> Evaluate:
    """Compile `objective` for batches; the result maps points (m, d) and their rows of `weights` to v, g, H."""
    count, width = shape
    # One batch size for all counts, so that one program serves any number of starts and the final Hessian.
    batch = max(1, BATCH_POINTS // (2 * width + 1)) if weights is None else BATCH_REFITS
    slopes = jax.value_and_grad(objective)

    def one(u: jax.Array, rows: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
        if curvature is not None:
            value, gradient = slopes(u, rows)
            return value, gradient, curvature(u, rows)
        shift = SHIFT * jnp.maximum(1.0, jnp.abs(u))
        moves = jnp.diag(shift)
        points = u + jnp.concatenate([jnp.zeros((1, width)), moves, -moves])
        values, gradients = jax.vmap(slopes, (0, None))(points, rows)
        hessian = (gradients[1 : width + 1] - gradients[width + 1 :]) / (2 * shift[:, None])
        return values[0], gradients[0], (hessian + hessian.T) / 2

    def program(points: jax.Array, rows: Any, weight: jax.Array | None) -> Any:
        if weight is None:
            return jax.vmap(one, (0, None))(points, rows)
        return jax.vmap(lambda u, w: one(u, {**rows, "weights": w}))(points, weight)

    data = jax.device_put(data)
    shaped = (np.zeros((batch, width)), data, None if weights is None else np.zeros((batch, weights.shape[1])))
    settings = {"curvature": curvature is not None}
    run: Program = stored("start", program, shaped, identity=identity, settings=settings)

    def evaluate(points: Array, rows: NDArray[np.int_]) -> tuple[Array, Array, Array]:
        parts = []
        for first in range(0, len(points), batch):
            chosen = np.resize(np.arange(first, min(first + batch, len(points))), batch)
            weight = None if weights is None else weights[rows[chosen]]
            parts.append([np.asarray(part) for part in run(points[chosen], data, weight)])
        values, gradients, curvatures = (np.concatenate(part)[: len(points)] for part in zip(*parts, strict=True))
        return values, gradients, curvatures

    return evaluate


def _descend(evaluate: Evaluate, positions: Array, max_steps: int, alike: bool, promise: float = PROMISE) -> _Ended:
    """Damped Newton descent of every row of `positions` (k, d) until each has arrived, is stuck, or out of steps.

    Where all have `alike` one objective, it is enough that half of them have come to rest in its best optimum.
    """
    count, width = positions.shape
    end = _Ended(
        positions.copy(),
        np.full(count, np.inf),
        np.zeros((count, width)),
        np.tile(np.eye(width), (count, 1, 1)),
        np.zeros(count, dtype=bool),
        0,
    )
    damping, growth = np.full(count, 1e-2), np.full(count, 2.0)
    step, promised = np.zeros((count, width)), np.ones(count)
    active = np.arange(count)
    while len(active) and end.steps <= max_steps and not (alike and _settled(end, active)):
        trial = end.positions[active] + step[active]
        values, gradients, curvatures = evaluate(trial, active)
        finite = np.isfinite(values) & np.isfinite(gradients).all(1) & np.isfinite(curvatures).all((1, 2))
        better = finite & (values < end.values[active])
        won, lost = active[better], active[~better]
        if end.steps:
            gain = (end.values[won] - values[better]) / promised[won]
            damping[won] = np.maximum(damping[won] * np.maximum(1 / 9, 1 - (2 * gain - 1) ** 3), 1e-15)
        growth[won] = 2.0
        damping[lost] *= growth[lost]
        growth[lost] *= 2
        end.positions[won], end.values[won] = trial[better], values[better]
        end.gradients[won], end.curvatures[won] = gradients[better], curvatures[better]
        usable = active[np.isfinite(end.values[active])]
        step[usable], promised[usable], newton = _steps(end.gradients[usable], end.curvatures[usable], damping[usable])
        resting = newton <= promise * np.maximum(np.abs(end.values[usable]), SMALLEST_SCALE)
        # The step that promised too little to go on is still taken: it gives the position its last digits.
        active = usable[~(resting & end.arrived[usable]) & (damping[usable] < STUCK)]
        end.arrived[usable] = resting
        end.steps += 1
    return end


def _settled(end: _Ended, active: NDArray[np.int_]) -> bool:
    """Whether so many starts are done in the best optimum that those still active will not find a better one."""
    best = end.values.min(initial=np.inf)
    if len(end.values) == 1 or not np.isfinite(best):
        return False
    there = end.arrived & (end.values - best <= SAME * max(abs(best), SMALLEST_SCALE))
    there[active] = False
    return bool(there.mean() >= ENOUGH)


def _steps(gradients: Array, curvatures: Array, damping: Array) -> tuple[Array, Array, Array]:
    """Damped steps (m, d), the decrease each promises (m,), and what the undamped step would promise (m,)."""
    diagonal = np.abs(np.diagonal(curvatures, axis1=1, axis2=2))
    largest = diagonal.max(axis=1, keepdims=True, initial=0.0)
    scale = 1 / np.sqrt(np.maximum(diagonal, np.where(largest > 0, FLATTEST * largest, 1.0)))
    eigenvalues, vectors = np.linalg.eigh(curvatures * scale[:, :, None] * scale[:, None, :])
    sizes = np.abs(eigenvalues)
    sizes = np.maximum(sizes, np.maximum(FLATTEST * sizes.max(axis=1, keepdims=True, initial=0.0), 1e-300))
    slopes = np.einsum("mij,mi->mj", vectors, scale * gradients)
    along = -slopes / (sizes + damping[:, None])
    promised = -(slopes * along).sum(1) - 0.5 * (sizes * along**2).sum(1)
    newton = 0.5 * (slopes**2 / sizes).sum(1)
    return scale * np.einsum("mij,mj->mi", vectors, along), promised, newton
