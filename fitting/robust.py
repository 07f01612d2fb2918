"""Point fits as papers make them: Huber's loss on the noise's scale, from many starts, and bootstraps of it.

The objective is the sum over rows of Huber's loss with delta = 1e-3 (Hoffmann et al. 2022, arXiv 2203.15556, app.
D.3; summed rather than averaged, which is where their optimiser stopped early: Besiroglu et al. 2024, arXiv
2404.10102). Priors only say where to start. Noise parameters are not estimated; effects that scatter about a centre are
held at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model import Data, Model
from .start import Optimum, descend, refits

Array = NDArray[np.float64]

DELTA = 1e-3
STARTS = 64
RESAMPLES = 1000


@dataclass(frozen=True)
class PointFit:
    """The best optimum, its position (width,) with held entries filled in, resamples (b, width), and for each response
    the residuals (rows,) on its noise's scale, NaN where it was not observed.
    """

    optimum: Optimum
    position: Array
    residuals: dict[str, Array]
    resamples: Array
    arrived: float


class HuberLoss:
    """Huber's loss of a model's location, over the entries of the vector that move it."""

    def __init__(self, model: Model):
        self.model = model
        needed = model.law.needs(*(o.equation for o in model.law.outcomes))
        held = {p.name for p in model.law.parameters if p.center is not None}
        moving = [b for b in model.blocks if b.parameter in needed and b.parameter not in held and b.role != "spread"]
        self.free = np.concatenate([np.arange(b.start, b.start + b.size) for b in moving])
        # a population whose spread is held at one: its levels are free, its centre where the prior is centred
        self.center = np.zeros(model.width)
        self.free = np.array([i for i in self.free if not self._is_center(i)], dtype=int)

    def _is_center(self, index: int) -> bool:
        block = next(b for b in self.model.blocks if b.start <= index < b.start + b.size)
        return block.role == "center"

    def whole(self, v: Any, xp: Any) -> Any:
        """The full vector for the moving entries."""
        if xp is np:
            u = np.broadcast_to(self.center, (*np.shape(v)[:-1], self.model.width)).copy()
            u[..., self.free] = v
            return u
        return xp.asarray(self.center).at[self.free].set(v)

    def objective(self, v: Any, data: Data) -> Any:
        """The summed loss, rows weighted where `data` says so."""
        import jax.numpy as jnp

        residual = jnp.abs(self.residuals(v, data))
        loss = jnp.where(residual <= DELTA, 0.5 * residual**2, DELTA * (residual - 0.5 * DELTA))
        return jnp.sum(loss * data["weights"] if "weights" in data else loss)

    def residuals(self, v: Any, data: Data) -> Any:
        """Observed minus the law, (responses, rows); 0 where there is no observation."""
        import jax.numpy as jnp

        rows = self.model.rows(self.whole(v, jnp), data)
        found = []
        for name, one in data["outcomes"].items():
            residual = one["observed"] - rows[name]["location"]
            found.append(jnp.where(one["seen"] > 0, residual, 0.0) if "seen" in one else residual)
        return jnp.stack(found)

    def curvature(self, v: Any, data: Data) -> Any:
        """J'WJ, half weighted as iteratively reweighted least squares weighs rows, min(1, delta/|residual|), which
        comes near from anywhere, half with the loss's own second derivative, 1 within delta, which then is quick.
        """
        return self._curvature(v, data, 0.5)

    def curvature_near(self, v: Any, data: Data) -> Any:
        """The same for a descent that begins near its end, all but the second derivative alone."""
        return self._curvature(v, data, 0.05)

    def _curvature(self, v: Any, data: Data, share: float) -> Any:
        import jax
        import jax.numpy as jnp

        residual, slope = jax.linearize(lambda v: self.residuals(v, data), v)
        slopes = jax.vmap(slope)(jnp.eye(v.shape[0]))
        distance = jnp.abs(residual)
        weights = share * jnp.minimum(1.0, DELTA / jnp.maximum(distance, 1e-300)) + (1 - share) * (distance <= DELTA)
        if "weights" in data:
            weights = weights * data["weights"]
        return jnp.einsum("ikr,kr,jkr->ij", slopes, weights, slopes)


def fit_huber(model: Model, seed: int, resamples: int = 0) -> PointFit:
    """The best of `STARTS` descents from the prior, and refits to `resamples` tables drawn with replacement."""
    loss = HuberLoss(model)
    starts = model.prior_draws(STARTS, seed)[:, loss.free]
    identity = f"huber:{model.identity}"
    best = descend(loss.objective, starts, model.data, curvature=loss.curvature, max_steps=400, identity=identity)
    position = loss.whole(best.position, np)
    rows = model.at_rows(model.unpack(position, np)[0])
    residuals = {
        name: np.where(np.asarray(one.get("seen", 1.0)) > 0, one["observed"] - rows[name]["location"], np.nan)
        for name, one in model.data["outcomes"].items()
    }
    if not resamples:
        return PointFit(best, position, residuals, position[None], 1.0)
    count = model.table.rows
    random = np.random.default_rng([seed, 3])
    weights = random.multinomial(count, np.full(count, 1 / count), size=resamples).astype(float)
    again = refits(
        loss.objective, best.position, model.data, weights, curvature=loss.curvature_near,
        identity=f"bootstrap:{identity}",
    )  # fmt: skip
    return PointFit(best, position, residuals, loss.whole(again.positions, np), float(again.arrived.mean()))


def different_rows(model: Model) -> int:
    """How many rows differ in anything that the law looks at."""
    table = model.table
    every = [*(table.columns[name] for name in model.law.inputs), *table.codes.values()]
    return len(np.unique(np.stack(every), axis=1).T) if every else 1
