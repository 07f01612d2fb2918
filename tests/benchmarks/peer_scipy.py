"""Epoch's way to fit the Chinchilla law (arXiv 2404.10102), written again: scipy on the sum of Huber's losses.

Run as: peer_scipy.py ROWS.npz WHAT. `numeric` and `exact`: L-BFGS-B from their grid of 4500 starts, gradients by finite
differences or exact. `bootstrap COUNT`: BFGS with exact gradients from their one start, on COUNT resamples.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import product

import numpy as np
from chinchilla import OPTIMUM, read_rows

try:
    from scipy.optimize import minimize
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

DELTA = 1e-3
#: log A, log B, log E, alpha, beta
GRID = (
    np.arange(0, 30, 5.0),
    np.arange(0, 30, 5.0),
    np.arange(-1, 1.5, 0.5),
    np.arange(0, 2.5, 0.5),
    np.arange(0, 2.5, 0.5),
)
START = (6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083)


class Loss:
    """Huber's loss of log L, summed, at log A, log B, log E, alpha, beta."""

    def __init__(self, log_n: np.ndarray, log_d: np.ndarray, log_l: np.ndarray):
        self.log_n, self.log_d, self.log_l = log_n, log_d, log_l

    def terms(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """The three terms of the law."""
        return np.exp(p[0] - p[3] * self.log_n), np.exp(p[1] - p[4] * self.log_d), np.exp(p[2])

    def value(self, p: np.ndarray) -> float:
        """The loss."""
        n, d, e = self.terms(p)
        residual = np.abs(self.log_l - np.log(n + d + e))
        return float(np.where(residual <= DELTA, 0.5 * residual**2, DELTA * (residual - 0.5 * DELTA)).sum())

    def both(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient."""
        n, d, e = self.terms(p)
        total = n + d + e
        residual = self.log_l - np.log(total)
        size = np.abs(residual)
        loss = np.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA)).sum()
        slope = -np.clip(residual, -DELTA, DELTA) / total
        along_n, along_d = slope * n, slope * d
        gradient = [along_n.sum(), along_d.sum(), slope.sum() * e, -along_n @ self.log_n, -along_d @ self.log_d]
        return float(loss), np.array(gradient)


def multistart(loss: Loss, exact: bool) -> dict[str, float]:
    """All 4500 starts: the least loss and how many came to it."""
    ends = []
    for start in product(*GRID):
        found = minimize(loss.both if exact else loss.value, start, jac=exact, method="L-BFGS-B")
        ends.append(found.fun if np.isfinite(found.fun) else np.inf)
    return shares(ends) | {"starts": len(ends)}


def shares(ends: list[float]) -> dict[str, float]:
    """The least, and the shares of starts within 1e-5 and 1 % of the optimum."""
    values = np.array(ends)
    return {
        "best": float(values.min()), "same": float((values <= OPTIMUM * (1 + 1e-5)).mean()),
        "near": float((values <= OPTIMUM * 1.01).mean()),
    }  # fmt: skip


def bootstrap(rows: tuple[np.ndarray, ...], count: int) -> dict[str, float]:
    """Refits of resamples: the sd of alpha."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        chosen = random.integers(0, len(rows[0]), len(rows[0]))
        loss = Loss(*(row[chosen] for row in rows))
        found.append(minimize(loss.both, START, jac=True, method="BFGS").x)
    ends = np.array(found)
    return {
        "alpha": float(np.median(ends[:, 3])),
        "alpha_sd": float(ends[:, 3].std()),
        "beta_sd": float(ends[:, 4].std()),
    }


def main(rows: str, what: str, count: str = "100") -> None:
    """Run and print one JSON object; `seconds` are CPU seconds without imports."""
    np.seterr(all="ignore")
    table = read_rows(rows)
    began = time.process_time()
    found = bootstrap(table, int(count)) if what == "bootstrap" else multistart(Loss(*table), what == "exact")
    print(json.dumps({**found, "seconds": time.process_time() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
