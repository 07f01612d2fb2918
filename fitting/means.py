"""The law and its noise at any points, draw by draw: what designs, plans and comparisons of fits compute with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lawdsl.backends import numpy_operations
from lawdsl.errors import AskError, Fault, Span

from . import expressions
from .outcomes import of
from .posterior import Posterior
from .predictions import Point, parameter_values

Array = NDArray[np.float64]


def thinned(posterior: Posterior, most: int) -> NDArray[np.int64]:
    """The places of at most so many draws, evenly over all chains."""
    count = len(next(iter(posterior.flat.values())))
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def at_points(
    posterior: Posterior, points: Sequence[Point], chosen: NDArray[np.int64] | None = None, *, typical: bool = True,
    noise: bool = True,
) -> dict[str, dict[str, Array]]:  # fmt: skip
    """Response -> `mean` in its unit, `location` and, with `noise`, `scale`, ... on the noise's scale: (draws, points).

    `points` are read ones (`predictions.read_points`), `chosen` places of draws; of point fits, which know no noise,
    only `mean` and `location`. Levels are as in `predictions.parameter_values`.
    Raises: AskError (ASK031) for a law of sequences, whose points are not apart from each other.
    """
    law = posterior.law
    if law.sequence is not None:
        message = f"{law.name} is a law of runs over their steps, and its points do not stand alone"
        raise AskError(Fault("ASK031", Span(law.name), message, "Use `lawdsl predict` with the rows of whole runs."))
    columns = {name: np.array([float(p[name]) for p in points])[None, :] for name in law.inputs}
    values = parameter_values(posterior, [dict(point) for point in points], typical=typical)
    if chosen is not None:
        values = {name: draws[chosen] for name, draws in values.items()}
    program = expressions.prediction(law, noise=noise and posterior.residuals is None)
    operations = numpy_operations()
    with np.errstate(all="ignore"):
        rows = program.finish(program.prepare(columns, operations), values, operations)
    shape = (len(next(iter(values.values()))), len(points))
    return {
        name: {what: np.asarray(np.broadcast_to(value, shape), dtype=float) for what, value in of(name, rows).items()}
        for name in law.outcome
    }
