"""simple-scaling-laws (PyPI, Python 3.12 and up): its separable power law with its own bootstrap, by its API.

Run as: peer_simple.py ROWS.npz DRAWS. Its objective is the mean square of the loss, not Huber's of its log.
"""

from __future__ import annotations

import json
import sys

import numpy as np

try:
    import polars as pl
    from simple_scaling_laws import fit
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

TARGET = "test_loss__L"


def main(rows: str, draws: str) -> None:
    """Fit and print exponents with their spread."""
    with np.load(rows) as known:
        frame = pl.DataFrame({
            "training_run_id": [f"run {i}" for i in range(len(known["L"]))],
            "model_size__N": known["N"], "dataset_size__D": known["D"], TARGET: known["L"],
        })  # fmt: skip
    model = fit(frame, law="separable-power", n_draws=int(draws), seed=0)
    told = {name: float(value) for name, value in model.params(TARGET).items()}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
