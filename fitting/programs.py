"""Compiled programs, kept on disk, so that the second run of a law neither traces nor compiles.

`stored` compiles a function for arguments of given shapes and keeps the machine code. On a hit the function itself is
never called: whatever only its body imports (numpyro) is not imported. A stored program depends on everything that
shaped it: the caller's identity (the law and what else is baked into the function), shapes and dtypes, the engine's own
sources, versions, processor. Any of these differing, it is another entry. Where they are kept: `fitting.cache`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from . import cache
from .device import device

SUFFIX = ".program"

# Measured on the fits of a few hundred rows this engine is for: the older emitters compile twice as fast and run no
# slower, LLVM's first level of optimisation saves a fifth more (its zeroth runs four times slower), and more than one
# thread only spins between kernels of a microsecond each.
COMPILER_OPTIONS: dict[str, Any] = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_multi_thread_eigen": False,
    "xla_backend_optimization_level": 1,
}

Program = Callable[..., Any]
_loaded: dict[str, Program] = {}


def stored(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    *,
    identity: str | None,
    settings: Mapping[str, object] | None = None,
) -> Program:
    """`function` compiled for arguments shaped like `args` (pytrees of arrays), from the cache where it is there.

    `identity` must change with everything that `function` closes over; None keeps nothing, neither on disk nor in
    memory. `settings` are static choices made by the calling module. Call inside `device.computing()` both here and
    when running the result, which takes the same pytrees as `args`; PRNG keys go as raw uint32 key data.
    """
    if identity is None:
        return _compile(function, args)
    key = _key(name, identity, dict(settings or {}), args)
    if key not in _loaded:
        path = _path(key)
        program = _read(path) if path else None
        if program is None:
            program = _compile(function, args)
            if path:
                _write(path, program)
        _loaded[key] = program
    return _loaded[key]


def forget() -> None:
    """Drop the programs held in memory (not those on disk)."""
    _loaded.clear()


def _path(key: str) -> Path | None:
    folder = cache.folder()
    return folder / f"{key}{SUFFIX}" if folder else None


def _compile(function: Callable[..., Any], args: tuple[Any, ...]) -> Program:
    lowered = jax.jit(function).lower(*args)
    options = dict(COMPILER_OPTIONS)
    while options:
        try:
            return lowered.compile(compiler_options=options)
        except Exception as refused:  # an option this jaxlib does not know: go on without it
            unknown = [name for name in options if name in str(refused)]
            if not unknown:
                raise
            for name in unknown:
                del options[name]
    return lowered.compile()


def _read(path: Path) -> Program | None:
    """The stored program, or None if there is none that works."""
    from jax.experimental import serialize_executable

    try:
        if not cache.private(path):
            return None
        blob = path.read_bytes()
        digest, body = blob[:32], blob[32:]
        if hashlib.sha256(body).digest() != digest:
            path.unlink(missing_ok=True)
            return None
        if b"lapack" in body:
            _initialize_lapack()
        program: Program = serialize_executable.deserialize_and_load(*pickle.loads(body))
    except Exception:  # whatever is wrong with an entry, compiling is the cure
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the age that pruning goes by
    return program


def _write(path: Path, program: Any) -> None:
    """Store a program atomically; on any failure there is simply no entry."""
    from jax.experimental import serialize_executable

    with contextlib.suppress(Exception):  # a backend that cannot serialise: the fit goes on
        body = pickle.dumps(serialize_executable.serialize(program))
        cache.keep(path, hashlib.sha256(body).digest() + body)


def _initialize_lapack() -> None:
    """Fill in jaxlib's table of LAPACK routines, which JAX does only when it lowers a program that calls one."""
    with contextlib.suppress(ImportError, AttributeError):
        from jaxlib.lapack import _lapack  # type: ignore[attr-defined]

        _lapack.initialize()


def _key(name: str, identity: str, settings: dict[str, object], args: tuple[Any, ...]) -> str:
    leaves, tree = jax.tree.flatten(args)
    shapes = [(np.shape(leaf), str((leaf if hasattr(leaf, "dtype") else np.asarray(leaf)).dtype)) for leaf in leaves]
    parts = [name, identity, sorted(settings.items()), shapes, str(tree), COMPILER_OPTIONS, _surroundings()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@functools.cache
def _surroundings() -> tuple[str, ...]:
    """What a program depends on beyond its law: versions, our own sources, backend and processor."""
    found = device()
    return (
        *(cache.version(name) for name in ("lawdsl", "jax", "jaxlib", "numpyro")),
        platform.python_version(),
        cache.sources(),
        f"{found.platform} {found.device_kind} x{jax.device_count(found.platform)}",
        f"{platform.system()} {platform.machine()} {_processor()}",
        os.environ.get("XLA_FLAGS", ""),
    )


def _processor() -> str:
    """The processor's feature flags where the system tells them: machine code must not travel to a lesser one."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith(("flags", "Features")):
                return hashlib.sha256(" ".join(sorted(line.split(":", 1)[1].split())).encode()).hexdigest()
    return platform.processor()
