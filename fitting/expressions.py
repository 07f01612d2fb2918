"""What a law computes for every row, as programs, kept on disk beside those of the engine.

Writing the expressions out and compiling them to lists of operations takes sympy, whose import alone costs a small fit
a fifth of its time. The lists are plain values: a law that was seen before needs none of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from lawdsl.law import FIRST, Law
from lawdsl.program import Program

from . import cache
from .outcomes import measured

if TYPE_CHECKING:
    import sympy

Outputs = Callable[[], "dict[str, sympy.Expr]"]


@lru_cache(maxsize=64)
def likelihood(law: Law) -> Program:
    """What the likelihood computes per row, for each response under `what of response`: its location on the noise's
    scale, the noise's own numbers, and the slope against every variable whose standard error is known.
    """
    return _kept("likelihood", law, lambda: _noise(law))


@lru_cache(maxsize=64)
def prediction(law: Law, noise: bool) -> Program:
    """The mean of each response, `mean of response`, beside what the likelihood computes; without `noise`, which point
    fits do not know, beside the locations alone.
    """

    def outputs() -> dict[str, sympy.Expr]:
        from lawdsl.symbolic import Algebra

        algebra = Algebra(law)
        found = {name: tree for name, tree in _noise(law).items() if noise or name.startswith("location of ")}
        return found | {f"mean of {name}": algebra.name(name) for name in law.outcome}

    return _kept(f"prediction {noise}", law, outputs)


def identity(law: Law) -> str:
    """Names everything of a law that its expressions rest on."""
    parts = (law.variables, law.outcomes, law.parameters, law.let, law.order, law.sequence)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def columns_of(law: Law) -> frozenset[str]:
    """The names whose values are data: variables, and where a run begins."""
    return frozenset(law.inputs) | (frozenset({FIRST}) if law.sequence is not None else frozenset())


def _noise(law: Law) -> dict[str, sympy.Expr]:
    import sympy

    from lawdsl.symbolic import Algebra, slope

    algebra = Algebra(law)
    outputs: dict[str, sympy.Expr] = {}
    for outcome in law.outcomes:
        name, on = outcome.response.name, outcome.noise.on
        mean = algebra.name(name)
        location = {"identity": mean, "log": sympy.log(mean), "logit": sympy.log(mean) - sympy.log(1 - mean)}[on]
        outputs[f"location of {name}"] = location
        for what, tree in outcome.noise.expressions.items():
            outputs[f"{what} of {name}"] = algebra.expression(tree)
        for variable in measured(law, outcome):
            outputs[f"slope {variable} of {name}"] = slope(location, algebra.symbol(variable))
    return outputs


def _kept(what: str, law: Law, outputs: Outputs) -> Program:
    """The program of these outputs, from the cache where it is there."""
    parts = [what, identity(law), cache.version("sympy"), cache.sources()]
    folder = cache.folder()
    path = folder / f"{hashlib.sha256(repr(parts).encode()).hexdigest()}.expressions" if folder else None
    if path is not None:
        with contextlib.suppress(OSError, ValueError, TypeError):  # whatever is wrong with it, compiling is the cure
            if cache.private(path):
                found = Program.from_json(json.loads(path.read_text("utf-8")))
                os.utime(path)
                return found
    from lawdsl.compile import compile_expressions

    program = compile_expressions(outputs(), columns_of(law))
    if path is not None:
        cache.keep(path, json.dumps(program.as_json()).encode())
    return program
