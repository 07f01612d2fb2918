"""lawdsl's Huber fit from inside: run as huber_inside.py LAW TABLE RESAMPLES; prints one JSON object."""

from __future__ import annotations

import json
import sys
import time


def main(law: str, table: str, resamples: str) -> None:
    """Fit, and tell where the starts ended and what a fit costs when everything is loaded."""
    from peer_scipy import shares

    import lawdsl
    from fitting.model import Model
    from fitting.robust import fit_huber

    found = lawdsl.load(law)
    fit_huber(Model(found, lawdsl.bind(found, table)), 0, int(resamples))
    began = time.process_time()
    model = Model(found, lawdsl.bind(found, table))
    fit = fit_huber(model, 0, int(resamples))
    seconds = time.process_time() - began
    told = shares(fit.optimum.values) | {"starts": len(fit.optimum.values), "seconds": seconds}
    values = {name: v for name, v in model.unpack(fit.resamples, sys.modules["numpy"])[0].items()}
    told |= {f"{name}_sd": float(values[name].std()) for name in ("alpha", "beta")}
    told |= {"arrived": fit.arrived}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
