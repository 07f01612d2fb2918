"""The Student-t posterior of the Chinchilla law, hand-written in plain numpyro: 4 vectorized chains, 1000 + 1000 draws.

Run as: peer_numpyro.py ROWS.npz OUT.npz VARIANT. Variants: `plain` is the law as written, log A and log B at N = D = 1;
`centred` moves them to the middle of the data by hand, with the same priors.
"""

from __future__ import annotations

import json
import sys
import time

from chinchilla import PARAMETERS, PRIORS, read_rows


def main(rows: str, out: str, variant: str) -> None:
    """Sample and write the draws."""
    try:
        import jax
        import jax.numpy as jnp
        import numpy as np
        import numpyro
        import numpyro.distributions as dist
        from numpyro.infer import MCMC, NUTS
    except ImportError as missing:
        print(missing, file=sys.stderr)
        sys.exit(77)
    jax.config.update("jax_enable_x64", True)
    imported = time.process_time()
    log_n, log_d, log_l = read_rows(rows)
    mid_n, mid_d = (float(log_n.mean()), float(log_d.mean())) if variant == "centred" else (0.0, 0.0)

    def model(log_l: jax.Array) -> None:
        log_e = numpyro.sample("log_e", dist.Normal(*PRIORS["E"]))
        alpha = numpyro.sample("alpha", dist.LogNormal(*PRIORS["alpha"]))
        beta = numpyro.sample("beta", dist.LogNormal(*PRIORS["beta"]))
        flat = dist.ImproperUniform(dist.constraints.real, (), ())
        at_n = numpyro.sample("at_n", flat if variant == "centred" else dist.Normal(*PRIORS["A"]))
        at_d = numpyro.sample("at_d", flat if variant == "centred" else dist.Normal(*PRIORS["B"]))
        log_a = numpyro.deterministic("log_a", at_n + alpha * mid_n)
        log_b = numpyro.deterministic("log_b", at_d + beta * mid_d)
        if variant == "centred":
            numpyro.factor("prior_a", dist.Normal(*PRIORS["A"]).log_prob(log_a))
            numpyro.factor("prior_b", dist.Normal(*PRIORS["B"]).log_prob(log_b))
        sigma = numpyro.sample("sigma", dist.HalfNormal(0.1))
        nu = numpyro.sample("nu", dist.Gamma(2.0, 0.1))
        falls = jnp.exp(at_n - alpha * (log_n - mid_n)) + jnp.exp(at_d - beta * (log_d - mid_d))
        numpyro.sample("y", dist.StudentT(nu, jnp.log(jnp.exp(log_e) + falls), sigma), obs=log_l)

    mcmc = MCMC(NUTS(model), num_warmup=1000, num_samples=1000, num_chains=4, chain_method="vectorized",
                progress_bar=False)  # fmt: skip
    mcmc.run(jax.random.PRNGKey(1), log_l, extra_fields=("num_steps",))
    found = {name: np.asarray(values) for name, values in mcmc.get_samples(group_by_chain=True).items()}
    fields = mcmc.get_extra_fields(group_by_chain=True)
    done = time.process_time()
    for name in ("E", "A", "B"):
        found[name] = np.exp(found[f"log_{name.lower()}"])
    np.savez(out, **{name: found[name] for name in PARAMETERS}, diverging=int(np.asarray(fields["diverging"]).sum()))
    steps = float(np.asarray(fields["num_steps"]).mean())
    print(json.dumps({"imports": imported, "compile and sample": done - imported, "steps": steps}))


if __name__ == "__main__":
    main(*sys.argv[1:])
