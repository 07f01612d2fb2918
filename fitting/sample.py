"""Draws from a posterior: numpyro's NUTS on the whitened potential, a thread for every chain.

Compiling is most of what a small fit costs, so the sampler is two programs kept on disk (`fitting.programs`): a small
one plants a chain, the other takes a block of its draws. Warm-up and sampling are the same second program called again,
with progress told in between; on a second run neither is traced, and numpyro is not even imported. A program of one
chain compiles in two thirds of the time that one of all chains takes, no chain waits for another's longer path, and as
many run at once as there are processors.

numpyro adapts the step size. The metric is the whitening itself, an argument of both programs: between the phases of
the warm-up it is stretched by the covariance of the draws of all chains, four times as many as each would have for a
metric of its own, and the programs need no code for adapting one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .device import computing
from .programs import Program, stored
from .start import values_and_gradients
from .whiten import Whitening

Array = NDArray[np.float64]
Potential = Callable[[jax.Array, Any], jax.Array]
Progress = Callable[[int, int], None]

BLOCK = 50  # draws of every chain in one call
PHASES = 3  # of the warm-up: find the typical set, learn its shape, tune the step to it
DISPERSION = 1.5  # initial spread, in posterior standard deviations, so that R-hat means something
ATTEMPTS = 20  # halvings of the initial spread in search of a finite potential
STATS = ("diverging", "energy", "lp", "acceptance_rate", "n_steps", "tree_depth", "step_size")


@dataclass(frozen=True)
class Settings:
    """How to sample. `warmup` and `draws` are per chain."""

    chains: int = 4
    warmup: int = 300
    draws: int = 1000
    seed: int = 0
    target_accept: float = 0.9  # at 0.8 populations leave a few divergences in thousands of draws
    max_tree_depth: int = 10


@dataclass(frozen=True)
class Draws:
    """positions (chains, draws, d) in the unconstrained space; stats: (chains, draws) arrays by ArviZ's names."""

    positions: Array
    stats: dict[str, NDArray[Any]]


def sample(
    potential: Potential,
    data: Any,
    whitening: Whitening,
    settings: Settings,
    *,
    identity: str | None = None,
    progress: Progress | None = None,
) -> Draws:
    """Sample exp(-potential(u, data)), u (d,), by NUTS in the whitened space: `settings.draws` of every chain of
    `warmed`, which has the arguments in full.
    """
    return warmed(potential, data, whitening, settings, identity=identity, progress=progress).draw(settings.draws)


def warmed(
    potential: Potential,
    data: Any,
    whitening: Whitening,
    settings: Settings,
    *,
    identity: str | None = None,
    progress: Progress | None = None,
) -> Chains:
    """Chains on exp(-potential(u, data)), u (d,), that have found the typical set and their step size.

    `data` is a pytree of arrays; the compiled programs serve other data of the same shapes. `identity` must change with
    whatever `potential` closes over (`fitting.programs.stored`). `progress(done, total)` counts draws of all chains,
    warm-up included. Equal arguments give equal draws.
    Raises: ValueError if the potential is not finite near the center of the whitening.
    """
    with computing():
        return _warmed(potential, data, whitening, settings, identity, progress)


class Chains:
    """Chains after their warm-up. Each `draw` goes on where the last one ended."""

    def __init__(self, take: Program, states: Sequence[Any], whitening: Whitening, data: Any, tell: _Counter):
        self._take, self._states, self._whitening, self._data, self._tell = take, list(states), whitening, data, tell

    def draw(self, count: int, progress: Progress | None = None) -> Draws:
        """`count` draws of every chain; a new `progress` counts these alone."""
        if progress:
            self._tell = _Counter(progress, len(self._states) * count)
        told = self._run(count)
        joined = {name: np.stack([one[name][:count] for one in told]) for name in told[0]}
        positions = self._whitening.to_position(joined.pop("z"))
        joined["tree_depth"] = np.ceil(np.log2(joined["n_steps"] + 1)).astype(int)
        joined["lp"] = -joined.pop("potential")
        return Draws(positions, {name: joined[name] for name in STATS})

    def whitened(self, count: int) -> Array:
        """`count` draws or somewhat more of every chain, (chains, draws, d), in the coordinates they were made in."""
        return np.stack([one["z"] for one in self._run(count)])

    def _run(self, count: int) -> list[dict[str, NDArray[Any]]]:
        """At least `count` draws of every chain, in whole blocks: a chain at a time in each of a few threads."""
        fixed = (self._whitening.center, self._whitening.factor, self._data)

        def run(state: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
            blocks: list[dict[str, NDArray[Any]]] = []
            with computing():
                for start in range(0, count, BLOCK):
                    state, told = self._take(state, *fixed)
                    blocks.append({name: np.asarray(value) for name, value in told.items()})
                    self._tell(min(BLOCK, count - start))
            return state, {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

        with ThreadPoolExecutor(min(len(self._states), _processors())) as pool:
            states, told = zip(*pool.map(run, self._states), strict=True)
        self._states = list(states)
        return list(told)


def _warmed(
    potential: Potential, data: Any, whitening: Whitening, settings: Settings, identity: str | None,
    progress: Progress | None,
) -> Chains:  # fmt: skip
    random = np.random.default_rng([settings.seed, 6])
    z, values, gradients = _initial(potential, data, whitening, settings.chains, random, identity)
    phase = max(1, settings.warmup // PHASES)
    kernel = _Kernel(potential, settings, phase)
    static = {
        "phase": phase, "target": settings.target_accept, "depth": settings.max_tree_depth, "block": BLOCK,
    }  # fmt: skip
    tell = _Counter(progress, settings.chains * (PHASES * phase + settings.draws))
    keys = _keys(random, settings.chains)
    first = (z[0], values[0], gradients[0], keys[0])
    plant = stored("plant", kernel.plant, first, identity=identity and "any", settings=static)
    fixed = (whitening.center, whitening.factor, data)
    take = stored("take", kernel.take, (plant(*first), *fixed), identity=identity, settings=static)
    for index in range(PHASES):
        states = [plant(z[i], values[i], gradients[i] @ whitening.factor, keys[i]) for i in range(settings.chains)]
        chains = Chains(take, states, whitening, data, tell)
        drawn = chains.whitened(phase)
        if index < PHASES - 1:
            stretched = whitening.stretched(_covariance(drawn[:, drawn.shape[1] // 3 :]))
            positions = whitening.to_position(drawn[:, -1])
            z, whitening = stretched.from_position(positions), stretched
            values, gradients = values_and_gradients(potential, positions, data, identity=identity)
            keys = _keys(random, settings.chains)
    return chains


class _Counter:
    """Counts draws of all chains and tells how many are done."""

    def __init__(self, progress: Progress | None, total: int):
        self.progress, self.total, self.done, self.lock = progress, total, 0, Lock()

    def __call__(self, count: int) -> None:
        with self.lock:
            self.done += count
            if self.progress:
                self.progress(self.done, self.total)


def _keys(random: np.random.Generator, chains: int) -> NDArray[np.uint32]:
    """Raw keys, (chains, 2)."""
    return random.integers(0, 2**32, size=(chains, 2), dtype=np.uint32)


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _covariance(z: Array) -> Array:
    """The covariance of draws (chains, draws, d), shrunk towards that of the whitening they were made in."""
    flat = z.reshape(-1, z.shape[-1])
    width = flat.shape[1]
    trusted = 5 + width
    found = np.cov(flat.T).reshape(width, width)
    return np.asarray((found * len(flat) + trusted * np.eye(width)) / (len(flat) + trusted))


class _Kernel:
    """numpyro's NUTS as two functions of arrays alone. Its own state is a tree of named tuples; here it is a list of
    their leaves, so that a stored program can be called where numpyro was never imported.
    """

    def __init__(self, potential: Potential, settings: Settings, phase: int):
        self.potential = potential
        self.settings = settings
        self.phase = phase

    def build(self, whitened: Callable[[jax.Array], jax.Array]) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """numpyro's init, from a position with its potential and gradient, and its step."""
        from numpyro.infer.hmc import hmc
        from numpyro.infer.util import ParamInfo

        init, step = hmc(potential_fn=whitened, algo="NUTS")
        settings = self.settings

        def plant(z: jax.Array, potential: jax.Array, gradient: jax.Array, key: jax.Array) -> Any:
            return init(
                ParamInfo(z, potential, gradient),
                num_warmup=self.phase,
                step_size=1.0,
                adapt_mass_matrix=False,
                trajectory_length=None,
                target_accept_prob=settings.target_accept,
                max_tree_depth=settings.max_tree_depth,
                rng_key=key,
            )

        return plant, step

    def plant(self, z: jax.Array, value: jax.Array, gradient: jax.Array, key: jax.Array) -> list[jax.Array]:
        """The state of a chain at z (d,), of which potential and gradient are known: the same for any law."""
        plant, _ = self.build(jnp.sum)
        leaves: list[jax.Array] = jax.tree.leaves(plant(z, value, gradient, key))
        return leaves

    def take(
        self, leaves: list[jax.Array], center: jax.Array, factor: jax.Array, data: Any
    ) -> tuple[list[jax.Array], dict[str, jax.Array]]:
        """A block of draws: the state after it, and what each draw was, (BLOCK, ...)."""

        @jax.jit  # numpyro traces the potential several times over; jitted, it is traced once
        def whitened(z: jax.Array) -> jax.Array:
            return self.potential(center + factor @ z, data)

        plant, step = self.build(whitened)
        # numpyro's step is set up by its init: tracing that gives the state's shape as well
        zero = jnp.zeros_like(center)
        like = jax.eval_shape(plant, zero, zero[0], zero, jnp.zeros(2, jnp.uint32))

        def one(state: Any, _: None) -> tuple[Any, dict[str, jax.Array]]:
            state = step(state)
            told = {
                "z": state.z,
                "potential": state.potential_energy,
                "energy": state.energy,
                "diverging": state.diverging,
                "acceptance_rate": state.accept_prob,
                "n_steps": state.num_steps,
                "step_size": state.adapt_state.step_size,
            }
            return state, told

        state, told = jax.lax.scan(one, jax.tree.unflatten(jax.tree.structure(like), leaves), None, length=BLOCK)
        return jax.tree.leaves(state), told


def _initial(
    potential: Potential, data: Any, whitening: Whitening, chains: int, random: np.random.Generator,
    identity: str | None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Overdispersed starts (chains, d), with potential (chains,) and gradient (chains, d) there, all finite."""
    z = random.standard_normal((chains, len(whitening.center)))
    spread = np.full((chains, 1), DISPERSION)
    for _ in range(ATTEMPTS):
        positions = whitening.to_position(spread * z)
        values, gradients = values_and_gradients(potential, positions, data, identity=identity)
        finite = np.isfinite(values) & np.isfinite(gradients).all(axis=1)
        if finite.all():
            return np.asarray(spread * z), values, gradients
        spread[~finite] /= 2
    raise ValueError("the potential is not finite near the center of the whitening")
