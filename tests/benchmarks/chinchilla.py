"""The 240 points of Besiroglu et al. (arXiv 2404.10102), and laws/chinchilla.yaml's priors by hand, for the peers.

No file here imports lawdsl but those that measure it: peers run in interpreters which may not have it.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

LAW, TABLE = "laws/chinchilla.yaml", "chinchilla-epoch"
#: Huber's loss summed over the 240 points at its least (delta 1e-3, log loss)
OPTIMUM = 1.018274e-3
PARAMETERS = ("E", "A", "B", "alpha", "beta", "sigma", "nu")


def _between(low: float, high: float) -> tuple[float, float]:
    """Mean and sd of the log of a log-normal with 90 % of its mass between two values: lawdsl's `between`."""
    return (math.log(low) + math.log(high)) / 2, math.log(high / low) / 2 / 1.6448536269514722


#: of log E, log A, log B, log alpha, log beta: mean and sd; sigma is HalfNormal(0.1), nu is Gamma(2, 0.1)
PRIORS = {
    "E": _between(1.0, 2.5), "A": (6.0, 2.0), "B": (6.0, 2.0),
    "alpha": _between(0.1, 1.0), "beta": _between(0.1, 1.0),
}  # fmt: skip


def write_rows(path: Path) -> Path:
    """The points as an .npz of N, D, L, read by way of the law file."""
    import lawdsl

    columns = lawdsl.bind(lawdsl.load(LAW), TABLE).columns
    np.savez(path, **{name: columns[name] for name in ("N", "D", "L")})
    return path


def read_rows(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log N, log D, log L."""
    with np.load(path) as rows:
        return np.log(rows["N"]), np.log(rows["D"]), np.log(rows["L"])
