"""The Student-t posterior of the Chinchilla law, hand-written in PyMC and sampled by nutpie (numba backend).

Run as: peer_pymc.py ROWS.npz OUT.npz VARIANT. Variants: `plain` is the law as written, log A and log B at N = D = 1;
`centred` moves them to the middle of the data by hand, with the same priors; `low_rank` is plain with nutpie's
low-rank metric.
"""

from __future__ import annotations

import json
import sys
import time

from chinchilla import PARAMETERS, PRIORS, read_rows


def main(rows: str, out: str, variant: str) -> None:
    """Sample 4 x (1000 + 1000) and write the draws."""
    try:
        import numpy as np
        import nutpie
        import pymc as pm
    except ImportError as missing:
        print(missing, file=sys.stderr)
        sys.exit(77)
    imported = time.process_time()
    log_n, log_d, log_l = read_rows(rows)
    with pm.Model() as model:
        log_e = pm.Normal("log_e", *PRIORS["E"])
        alpha = pm.LogNormal("alpha", *PRIORS["alpha"])
        beta = pm.LogNormal("beta", *PRIORS["beta"])
        if variant == "centred":
            mid_n, mid_d = float(log_n.mean()), float(log_d.mean())
            at_n, at_d = pm.Flat("at_n"), pm.Flat("at_d")
            log_a = pm.Deterministic("log_a", at_n + alpha * mid_n)
            log_b = pm.Deterministic("log_b", at_d + beta * mid_d)
            pm.Potential("prior_a", pm.logp(pm.Normal.dist(*PRIORS["A"]), log_a))
            pm.Potential("prior_b", pm.logp(pm.Normal.dist(*PRIORS["B"]), log_b))
            falls = pm.math.exp(at_n - alpha * (log_n - mid_n)) + pm.math.exp(at_d - beta * (log_d - mid_d))
        else:
            log_a, log_b = pm.Normal("log_a", *PRIORS["A"]), pm.Normal("log_b", *PRIORS["B"])
            falls = pm.math.exp(log_a - alpha * log_n) + pm.math.exp(log_b - beta * log_d)
        sigma = pm.HalfNormal("sigma", 0.1)
        nu = pm.Gamma("nu", 2, 0.1)
        pm.StudentT("y", nu=nu, mu=pm.math.log(pm.math.exp(log_e) + falls), sigma=sigma, observed=log_l)
    compiled = nutpie.compile_pymc_model(model, backend="numba")
    ready = time.process_time()
    adaptation = "low_rank" if variant == "low_rank" else "diag"
    trace = nutpie.sample(
        compiled, draws=1000, tune=1000, chains=4, cores=2, seed=1, progress_bar=False, adaptation=adaptation
    )
    done = time.process_time()
    draws = {name: trace.posterior[name].values for name in ("alpha", "beta", "sigma", "nu")}
    for name in ("E", "A", "B"):
        draws[name] = np.exp(trace.posterior[f"log_{name.lower()}"].values)
    diverging = int(trace.sample_stats["diverging"].values.sum())
    np.savez(out, **{name: draws[name] for name in PARAMETERS}, diverging=diverging)
    steps = float(trace.sample_stats["n_steps"].values.mean())
    print(json.dumps({"imports": imported, "compile": ready - imported, "sample": done - ready, "steps": steps}))


if __name__ == "__main__":
    main(*sys.argv[1:])
