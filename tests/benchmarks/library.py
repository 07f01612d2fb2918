"""The whole library: seconds to load and check it, and each law's gradient beside the same law by hand.

Loading is of a fresh process. Gradients are value and gradient of the log likelihood of 10,000 rows simulated from the
law's own design, with respect to its unconstrained vector, compiled by `jax.jit`: as lawdsl compiles it, and as
`by_hand` writes it; both take the same vector, and from it to parameters the same way. Every law has a process of its
own; in it the two run in turn, many rounds, and the ratio is that of the fastest rounds. Milliseconds are of CPU.
`apart` is how far the two gradients lie from each other, relative to their largest entry. Bounds have no likelihood:
theirs is the gradient of the sum of their rows with respect to all that they take.

`python tests/benchmarks/library.py [LAW ...]` measures these laws in this process, and prints a line of JSON for each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from process import ROOT, lawdsl, script, show, spend

ROWS = 10_000
ROUNDS = 60
ROUND_SECONDS = 0.008  # of each, each round
RUNS = 5
#: the aim, of each law's ratio
AIM = 1.2
#: of all laws together in seconds of wall time
WHOLE = 5.0


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    from lawdsl import library

    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "laws").rglob("*.yaml"))
    table = []
    for label, words in (("load and check", ["check"]), ("and their published numbers", ["check", "--published"])):
        runs = [spend(lawdsl(*words, *files), quiet=True) for _ in range(RUNS if len(words) == 1 else 1)]
        walls = [run.wall for run in runs]
        cpu = statistics.median(run.cpu for run in runs)
        table.append([label, f"{statistics.median(walls):.2f}", f"{min(walls):.2f}", f"{cpu:.2f}"])
    print(f"{len(files)} laws, aim {WHOLE:g} s; wall is the median of {RUNS} processes, and of one with the numbers")
    show(["the library", "wall s", "least", "CPU s"], table)

    found = []
    for name in library.names():
        told = subprocess.run(
            script(sys.executable, "library.py", name), cwd=ROOT, capture_output=True, text=True, check=False
        )
        found += [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
        if told.returncode:
            print(f"{name}: {told.stderr.strip().splitlines()[-1:]}", flush=True)
    found.sort(key=lambda one: -one["ratio"])
    ratios = [one["ratio"] for one in found]
    print(
        f"\n{len(found)} laws, {ROWS:,} rows: ratio {min(ratios):.2f} to {max(ratios):.2f}, median"
        f" {statistics.median(ratios):.2f}; over {AIM:g}: {sum(ratio > AIM for ratio in ratios)}"
    )
    rows = [
        [one["law"], f"{one['ours']:.3f}", f"{one['theirs']:.3f}", f"{one['ratio']:.2f}", f"{one['apart']:.0e}"]
        for one in found
    ]
    show(["value and gradient", "lawdsl CPU ms", "by hand", "ratio", "apart"], rows)


def measured(name: str) -> dict[str, Any]:
    """One law's two programs, timed in turn."""
    import jax
    from by_hand import HANDS
    from subject import subject

    from lawdsl import library

    jax.config.update("jax_enable_x64", True)
    law, hand = library.load(name), HANDS[name]
    programs: list[tuple[Callable[..., Any], Any, Any]]
    if law.status == "bound":
        programs = _bound(law, hand)
    else:
        of = subject(law, ROWS)
        programs = [
            (of.ours, of.u, of.model.data),
            (lambda u, d: of.theirs(hand, u, d), of.u, (of.columns, of.observed)),
        ]
    ready, gradients = [], []
    for function, point, data in programs:
        placed = jax.device_put((point, data))
        compiled = jax.jit(jax.value_and_grad(function)).lower(*placed).compile()
        gradients.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(compiled(*placed)[1])]))
        ready.append(lambda compiled=compiled, placed=placed: jax.block_until_ready(compiled(*placed)))
    ours, theirs = _in_turn(ready)
    apart = np.abs(gradients[0] - gradients[1]).max() / np.abs(gradients[1]).max()
    return {"law": name, "ours": ours * 1e3, "theirs": theirs * 1e3, "ratio": ours / theirs, "apart": float(apart)}


def _in_turn(programs: list[Callable[[], Any]]) -> list[float]:
    """CPU seconds of one call of each: of the fastest of many rounds, which the programs take by turns."""
    counts, best = [], [float("inf")] * len(programs)
    for program in programs:
        program()
        began = time.process_time()
        program()
        counts.append(max(1, int(ROUND_SECONDS / max(time.process_time() - began, 1e-6))))
    for turn in range(ROUNDS):
        order = range(len(programs)) if turn % 2 else range(len(programs))[::-1]
        for k in order:
            began = time.process_time()
            for _ in range(counts[k]):
                programs[k]()
            best[k] = min(best[k], (time.process_time() - began) / counts[k])
    return best


def _bound(law: Any, hand: Any) -> list[tuple[Callable[..., Any], Any, Any]]:
    """The sum of a bound's rows over all it takes: (function, point, nothing)."""
    from jax import numpy as jnp

    from lawdsl.backends import jax_operations
    from lawdsl.compile import compile_expressions
    from lawdsl.symbolic import Algebra

    random = np.random.default_rng(0)
    middle = {"R0": 2.0, "N": 1e9, "D": 1e12, "b": 4.0, "V": 5e4, "dQ": 0.1}
    values = {n: value * np.exp(random.normal(0, 0.5, ROWS)) for n, value in middle.items()}
    values |= {p.name: np.float64(0.3) for p in law.parameters if p.free}
    program = compile_expressions({"R": Algebra(law).expression(law.equation)}, frozenset())

    def ours(v: Any, _: Any) -> Any:
        return jnp.sum(program(v, jax_operations())["R"])

    def theirs(v: Any, _: Any) -> Any:
        everything = SimpleNamespace(**v)
        return jnp.sum(hand.mean(everything, everything))

    return [(ours, values, ()), (theirs, values, ())]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for law in sys.argv[1:]:
        print(json.dumps(measured(law)), flush=True)
