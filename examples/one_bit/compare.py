"""Which law says better what was not shown to it? Fits ntk.yaml and power.yaml to part of the runs, scores the rest.

    python examples/one_bit/compare.py [--method nuts] [--data examples/one_bit/runs.csv]

Two parts are held out in turn: the wider networks, and the later steps. Scored are the root mean square error of the
logarithm of the loss (0.1 is about 10 %), and the share of held-out rows inside the 90 % interval of a new observation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import fitting
import lawdsl
from fitting.predictions import table_points
from lawdsl.table import bind

HERE = Path(__file__).parent
LAWS = ("ntk", "power")
#: what is held out -> (rows to fit, rows to score)
SPLITS = {
    "wider networks": ("width <= 256", "width > 256"),
    "later steps": ("step <= 300", "step > 300"),
}


def score(law: str, data: str, weights: str, split: str, method: str) -> dict[str, object]:
    """One law fitted to the shown rows of one kind of network, scored on those held out."""
    found = lawdsl.load(str(HERE / f"{law}.yaml"))
    shown, hidden = (f"weights == '{weights}' and step > 0 and {part}" for part in SPLITS[split])
    posterior = fitting.fit(found, data, where=shown, method=method)
    observed = bind(found, data, where=hidden).columns["L"]
    predicted = fitting.predict(posterior, table_points(bind(found, data, where=hidden, response=False)))
    errors = np.log([one.median for one in predicted]) - np.log(observed)
    inside = [one.new_lo <= seen <= one.new_hi for one, seen in zip(predicted, observed, strict=True)]
    return {
        "weights": weights, "held out": split, "law": law, "rows": f"{posterior.provenance.rows} + {len(observed)}",
        "RMSE of log": f"{np.sqrt(np.mean(errors**2)):.3f}", "bias of log": f"{np.mean(errors):+.3f}",
        "in 90 %": f"{np.mean(inside):.2f}", "believed": "yes" if posterior.verdict.ok else "no",
        "parameters": ", ".join(f"{name} {row['mean']:.3g}" for name, row in posterior.summary().items()),
    }  # fmt: skip


def main() -> None:
    """Every kind of network, split and law: a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", choices=("nuts", "map"), default="nuts")
    parser.add_argument("--data", default=str(HERE / "runs.csv"))
    given = parser.parse_args()
    for weights in ("one-bit", "full"):
        for split in SPLITS:
            for law in LAWS:
                found = score(law, given.data, weights, split, given.method)
                if (weights, split, law) == ("one-bit", next(iter(SPLITS)), LAWS[0]):
                    print("\t".join(found))
                print("\t".join(map(str, found.values())), flush=True)


if __name__ == "__main__":
    main()
