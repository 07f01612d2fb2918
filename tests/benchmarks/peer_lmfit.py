"""lmfit: least squares of the log of the loss from one start, and its confidence intervals by profiles.

Run as: peer_lmfit.py ROWS.npz. The start is Epoch's, near the optimum; another may end elsewhere, and lmfit takes one.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from chinchilla import read_rows
from peer_scipy import START

try:
    import lmfit
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)


def main(rows: str) -> None:
    """Fit, profile and print."""
    log_n, log_d, log_l = read_rows(rows)
    start = lmfit.Parameters()
    for name, value in zip(("a", "b", "e", "alpha", "beta"), START, strict=True):
        start.add(name, value=value)

    def residuals(p: lmfit.Parameters) -> np.ndarray:
        terms = np.exp(p["a"] - p["alpha"] * log_n) + np.exp(p["b"] - p["beta"] * log_d) + np.exp(p["e"])
        return log_l - np.log(terms)

    minimizer = lmfit.Minimizer(residuals, start)
    found = minimizer.minimize()
    intervals = lmfit.conf_interval(minimizer, found, sigmas=[1.0])
    told = {name: float(found.params[name].value) for name in ("alpha", "beta")}
    told |= {f"{name}_sd": (intervals[name][2][1] - intervals[name][0][1]) / 2 for name in ("alpha", "beta")}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
