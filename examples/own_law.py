"""Write a law, fit it to your own runs, ask it for the best model of a budget.

    python examples/own_law.py [--method nuts]

The runs are simulated here, so that the answer is known: the printed constants of Besiroglu et al. (arXiv 2404.10102).
"""

from __future__ import annotations

import argparse

import numpy as np

import fitting
import lawdsl

LAW = """
law: mine
variables:
  N: {unit: parameters, kind: total}
  D: {unit: tokens}
  C: {unit: FLOP, is: 6*N*D}
response:
  L: {unit: nats/token}
parameters:
  E: {between: [1.0, 2.5]}
  A: {prior: "LogNormal(6, 2)"}
  B: {prior: "LogNormal(6, 2)"}
  alpha: {between: [0.1, 1.0]}
  beta: {between: [0.1, 1.0]}
  sigma: {prior: HalfNormal(0.1)}
equation: L = E + A/N^alpha + B/D^beta
noise: {family: student-t, on: log, scale: sigma}
ask:
  optimum: {minimize: L, over: [N, D], given: [C], report: {tokens_per_parameter: D/N}}
"""


def runs() -> dict[str, np.ndarray]:
    """Sixty runs: six sizes, ten lengths, 1 % scatter."""
    random = np.random.default_rng(1)
    size, tokens = (x.ravel() for x in np.meshgrid(np.geomspace(5e7, 5e9, 6), np.geomspace(1e9, 3e11, 10)))
    loss = 1.8172 + 482.01 / size**0.3478 + 2085.43 / tokens**0.3658
    return {"n_params": size, "n_tokens": tokens, "loss": loss * np.exp(random.normal(0, 0.01, loss.size))}


def main() -> None:
    """Fit, predict, ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", choices=("nuts", "map", "huber", "bootstrap"), default="nuts")
    method = parser.parse_args().method
    law = lawdsl.parse(LAW, "own_law.py")
    posterior = fitting.fit(law, runs(), map={"N": "n_params", "D": "n_tokens", "L": "loss"}, method=method)
    print("believed" if posterior.verdict.ok else "not believed", *posterior.verdict.reasons)
    (point,) = posterior.predict(N="70B", D="1.4T")
    print(f"loss at 70B and 1.4T: {point.median:.3f} [{point.lo:.3f}, {point.hi:.3f}], truth 1.974")
    ratio = fitting.ask(posterior, "optimum", {"C": 5.76e23})["tokens_per_parameter"]
    print(f"tokens a parameter at 5.76e23 FLOP: {ratio.median:.1f} [{ratio.lo:.1f}, {ratio.hi:.1f}], truth 18.4")


if __name__ == "__main__":
    main()
