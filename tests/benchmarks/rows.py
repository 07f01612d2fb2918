"""What rows cost: a Chinchilla fit of a thousand to a million of them, and the gradient of its posterior.

Each fit is a process of its own with nothing cached: seconds of CPU (of the fit: rows made and packages imported
before), and the most memory that the whole process held; nuts is a short run, one chain of 100 draws of warm-up and 50
kept. The gradient is of the log posterior as the sampler calls it, which sums many rows a chunk at a time; beside it a
log-sum-exp over all rows at once by hand, in turn, the median of rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from process import script, show, spend

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SEED = 3
START = np.array([0.6, 6.1, 7.5, -1.0, -1.0, -4.6, 1.0])
ROUNDS = 9
CHAINS, WARMUP, DRAWS = 1, 100, 50  # one chain is not repaired: a repair of many rows would take most of the time
GIBIBYTE = 2**30


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    table = []
    for method, sizes in (("map", SIZES), ("nuts", SIZES[2:])):
        for rows in sizes:
            told = spend(script(sys.executable, "rows.py", method, rows), {"LAWDSL_CACHE": "off"}).answer
            table.append([
                f"{method}, {rows:,} rows", f"{told['seconds']:.1f}", f"{1e6 * told['seconds'] / rows:.0f}",
                f"{told['memory'] / GIBIBYTE:.2f}", "yes" if told["found"] else "no",
            ])  # fmt: skip
    show(["fit", "CPU s", "us a row", "most memory, GiB", "alpha, beta within 4 sd"], table)
    print()
    found = [spend(script(sys.executable, "rows.py", "gradient", rows)).answer for rows in SIZES]
    show(
        ["gradient", "lawdsl, ms", "ns a row", "by hand, ms", "lawdsl / by hand"],
        [
            [
                f"{rows:,} rows",
                f"{1e3 * told['ours']:.3f}",
                f"{1e9 * told['ours'] / rows:.0f}",
                f"{1e3 * told['hand']:.3f}",
                f"{told['ratio']:.2f}",
            ]  # fmt: skip
            for rows, told in zip(SIZES, found, strict=True)
        ],
    )


def columns(rows: int) -> dict[str, np.ndarray]:
    """Simulated runs: exponents .34 and .37, a scatter of a percent with tails."""
    random = np.random.default_rng(SEED)
    n, d = np.exp(random.uniform(18, 24, rows)), np.exp(random.uniform(20, 27, rows))
    loss = (1.8 + 480 / n**0.34 + 2100 / d**0.37) * np.exp(0.01 * random.standard_t(4, rows))
    return {"N": n, "D": d, "L": loss}


def fit(method: Any, rows: int) -> dict[str, Any]:
    """A fit in this process."""
    import fitting

    made = columns(rows)
    began = time.process_time()
    settings: dict[str, Any] = {"chains": CHAINS, "warmup": WARMUP, "draws": DRAWS} if method == "nuts" else {}
    post = fitting.fit("chinchilla", made, method=method, **settings)
    seconds = time.process_time() - began
    truth = {"alpha": 0.34, "beta": 0.37}
    found = all(abs(post.flat[n].mean() - true) < 4 * post.flat[n].std() for n, true in truth.items())
    return {"seconds": seconds, "memory": memory(), "found": bool(found)}


def gradient(rows: int) -> dict[str, float]:
    """Seconds of one value and gradient, ours and by hand, and the median ratio of rounds."""
    import jax

    import lawdsl
    from fitting.device import computing
    from fitting.model import Model

    made = columns(rows)
    law = lawdsl.load("chinchilla")
    model = Model(law, lawdsl.bind(law, made))
    logs = {name: np.log(values) for name, values in made.items()}
    with computing():
        contenders = {"ours": (model.potential(), model.data), "hand": (by_hand, logs)}
        programs: dict[str, Callable[[], Any]] = {}
        for who, (density, data) in contenders.items():
            held = jax.device_put(data)
            program = jax.jit(jax.value_and_grad(density)).lower(START, held).compile()
            programs[who] = lambda program=program, held=held: jax.block_until_ready(program(START, held))
            programs[who]()
        repeat = max(1, 100_000 // rows)
        times: dict[str, list[float]] = {who: [] for who in programs}
        for turn in range(ROUNDS):
            for who in list(programs)[:: -1 if turn % 2 else 1]:
                began = time.process_time()
                for _ in range(repeat):
                    programs[who]()
                times[who].append((time.process_time() - began) / repeat)
    ratio = statistics.median(a / b for a, b in zip(times["ours"], times["hand"], strict=True))
    return {who: statistics.median(each) for who, each in times.items()} | {"ratio": ratio}


def by_hand(p: Any, logs: Any) -> Any:
    """Minus the log likelihood of a Student-t about a log-sum-exp, at log E, A, B, alpha, beta, sigma and nu."""
    import jax.numpy as jnp
    from jax.scipy.special import gammaln, logsumexp

    parts = [
        p[1] - jnp.exp(p[3]) * logs["N"],
        p[2] - jnp.exp(p[4]) * logs["D"],
        jnp.broadcast_to(p[0], logs["N"].shape),
    ]
    z = (logs["L"] - logsumexp(jnp.stack(parts), axis=0)) * jnp.exp(-p[5])
    nu = jnp.exp(p[6])
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * (p[6] + jnp.log(jnp.pi)) - p[5]
    return (nu + 1) / 2 * jnp.sum(jnp.log1p(z * z / nu)) - z.size * constant


def memory() -> int:
    """The most bytes that this process held: of Linux itself, since `getrusage` begins with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    what, size = sys.argv[1], int(sys.argv[2])
    print(json.dumps(gradient(size) if what == "gradient" else fit(what, size)))
