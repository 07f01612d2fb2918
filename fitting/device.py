"""Where the engine computes: on the CPU and in doubles, also beside an accelerator.

A law on some hundred rows is a program of kernels of a microsecond each, so an accelerator waits for its next launch
nearly all the time: a fit of 84 rows took an H100 18 s with programs compiled, and the CPU beside it 5.6 s without.
Whoever knows better says so to JAX: where `JAX_PLATFORMS` was set when JAX was imported, JAX's own choice holds.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import jax


@functools.cache
def device() -> Any:
    """The device of every program: a `jax.Device`.

    To give a CPU, JAX wakes whatever else the machine has, and fails if that cannot be woken: an accelerator whose
    memory a training run fills is no reason not to fit, so JAX does without it then.
    """
    if jax.config.jax_platforms:  # type: ignore[attr-defined]
        return jax.devices()[0]
    try:
        return jax.devices("cpu")[0]
    except RuntimeError:
        jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]
        return jax.devices()[0]


@contextlib.contextmanager
def computing() -> Iterator[None]:
    """Programs are compiled and run on `device()` and in doubles within. Both are a thread's own settings."""
    with jax.enable_x64(True), jax.default_device(device()):
        yield
