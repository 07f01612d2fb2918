"""What a value and gradient of the Chinchilla law costs: as lawdsl compiles it, and written by hand in JAX.

All take the same vector (log E, log A, log B, alpha, beta, log sigma, log nu), the same rows and jax.jit. They run in
turn, many rounds, and the ratios are medians over rounds, so that a noisy machine is noisy for all; microseconds are of
CPU, all threads together. A `call` is what an optimiser sees from outside; a `loop` is a compiled loop, where no call's
overhead dilutes the ratio. `apart` is how far a gradient lies from lawdsl's, relative to its largest entry.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from chinchilla import LAW, TABLE
from process import show

ROUNDS = 41
ROUND_SECONDS = 0.01  # of each contender, each round
LOOP = 50
SIZES = (240, 100_000)
START = (0.6, 6.1, 7.5, 0.35, 0.36, -5.5, 1.0)
DELTA = 1e-3

Density = Callable[[Any, Any], Any]


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    import jax

    jax.config.update("jax_enable_x64", True)
    table = []
    for rows in SIZES:
        model, raw = _model(rows)
        for objective, contenders in _contenders(model).items():
            for form in ("call", "loop"):
                timed, apart = _time(contenders, model.data, raw, form)
                ours = timed["lawdsl"]
                others = {name: values for name, values in timed.items() if not name.startswith("lawdsl")}
                best = min(others, key=lambda name: statistics.median(others[name]))
                for name, values in timed.items():
                    ratio = statistics.median(a / b for a, b in zip(ours, values, strict=True))
                    table.append([
                        f"{objective}, {rows} rows, {form}", name + (" (best)" if name == best else ""),
                        f"{statistics.median(values) * 1e6:.1f}", f"{ratio:.3f}", f"{apart[name]:.0e}",
                    ])  # fmt: skip
    show(["value and gradient", "by", "median CPU us", "lawdsl / this", "apart"], table)


def _model(rows: int) -> tuple[Any, dict[str, Any]]:
    """lawdsl's model of the points, repeated with scatter to `rows`, and the columns as a writer by hand has them."""
    import lawdsl
    from fitting.model import Model

    law = lawdsl.load(LAW)
    columns = lawdsl.bind(law, TABLE).columns
    random = np.random.default_rng(0)
    chosen = np.resize(np.arange(len(columns["N"])), rows)
    scatter = np.exp(random.normal(0, 0.01, (3, rows)) * (rows > len(columns["N"])))
    bound = {name: columns[name][chosen] * s for name, s in zip(("N", "D", "L"), scatter, strict=True)}
    model = Model(law, lawdsl.bind(law, bound))
    logs = {f"log_{name}": np.log(values) for name, values in bound.items()}
    return model, bound | logs


def _contenders(model: Any) -> dict[str, dict[str, Density]]:
    """Objective -> who -> density of (vector, data)."""
    import jax.numpy as jnp
    from jax.scipy import stats
    from jax.scipy.special import gammaln, logsumexp

    from fitting.outcomes import log_likelihood, of
    from lawdsl.backends import jax_operations

    def compiled(p: Any, data: Any) -> dict[str, Any]:
        names = ("E", "A", "B", "alpha", "beta", "sigma", "nu")
        logs = {name: p[i] for i, name in enumerate(names) if name not in ("alpha", "beta")}
        values = {name: jnp.exp(logs[name]) if name in logs else p[i] for i, name in enumerate(names)}
        return model.program.finish(data["prepared"], values, jax_operations(), logs)

    def powers(p: Any, raw: Any) -> Any:
        return jnp.log(jnp.exp(p[0]) + jnp.exp(p[1]) / raw["N"] ** p[3] + jnp.exp(p[2]) / raw["D"] ** p[4])

    def stacked(p: Any, raw: Any) -> Any:
        parts = [p[1] - p[3] * raw["log_N"], p[2] - p[4] * raw["log_D"], jnp.broadcast_to(p[0], raw["log_N"].shape)]
        return logsumexp(jnp.stack(parts), axis=0)

    def sums(p: Any, raw: Any) -> Any:
        return jnp.log(jnp.exp(p[0]) + jnp.exp(p[1] - p[3] * raw["log_N"]) + jnp.exp(p[2] - p[4] * raw["log_D"]))

    def student_of_scipy(p: Any, location: Any, log_l: Any) -> Any:
        return -jnp.sum(stats.t.logpdf(log_l, jnp.exp(p[6]), location, jnp.exp(p[5])))

    def student(p: Any, location: Any, log_l: Any) -> Any:
        nu, z = jnp.exp(p[6]), (log_l - location) * jnp.exp(-p[5])
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * (p[6] + jnp.log(jnp.pi)) - p[5]
        return (nu + 1) / 2 * jnp.sum(jnp.log1p(z * z / nu)) - log_l.size * constant

    def huber(p: Any, location: Any, log_l: Any) -> Any:
        size = jnp.abs(log_l - location)
        return jnp.sum(jnp.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA)))

    def ours(p: Any, data: Any) -> Any:
        rows = of("L", compiled(p, data))
        return -jnp.sum(log_likelihood(model.law.outcome["L"], rows, data["outcomes"]["L"]))

    def our_huber(p: Any, data: Any) -> Any:
        return huber(p, of("L", compiled(p, data))["location"], data["outcomes"]["L"]["observed"])

    def by_hand(location: Callable[..., Any], density: Callable[..., Any]) -> Density:
        return lambda p, raw: density(p, location(p, raw), raw["log_L"])

    hands = {
        "powers as printed": (powers, student_of_scipy), "logsumexp of precomputed logs": (stacked, student),
        "exponentials of precomputed logs": (sums, student),
    }  # fmt: skip
    return {
        "Student-t": {"lawdsl": ours} | {name: by_hand(*both) for name, both in hands.items()},
        "Huber": {"lawdsl": our_huber} | {name: by_hand(location, huber) for name, (location, _) in hands.items()},
    }


def _time(
    contenders: dict[str, Density], data: Any, raw: Any, form: str
) -> tuple[dict[str, list[float]], dict[str, float]]:  # fmt: skip
    """Seconds of one evaluation, round by round, and how far gradients lie from lawdsl's (relative to the largest)."""
    import jax

    device = {True: jax.device_put(data), False: jax.device_put(raw)}
    start = jax.device_put(np.array(START))
    programs: dict[str, Callable[[], Any]] = {}
    gradients = {}
    for name, density in contenders.items():
        slopes = jax.value_and_grad(density)
        columns = device[name == "lawdsl"]
        gradients[name] = np.asarray(jax.jit(slopes)(start, columns)[1])

        def loop(p: Any, columns: Any, slopes: Callable[..., Any] = slopes) -> Any:
            def step(_: int, p: Any) -> Any:
                value, gradient = slopes(p, columns)
                return p - 1e-15 * gradient - 1e-15 * value

            return jax.lax.fori_loop(0, LOOP, step, p)

        program = jax.jit(slopes if form == "call" else loop).lower(start, columns).compile()
        programs[name] = lambda program=program, columns=columns: jax.block_until_ready(program(start, columns))
    share = LOOP if form == "loop" else 1
    times: dict[str, list[float]] = {name: [] for name in programs}
    counts = {}
    for name, program in programs.items():
        program()
        began = time.process_time()
        program()
        counts[name] = max(1, int(ROUND_SECONDS / (time.process_time() - began)))
    for turn in range(ROUNDS):
        order = list(programs) if turn % 2 else list(programs)[::-1]
        for name in order:
            began = time.process_time()
            for _ in range(counts[name]):
                programs[name]()
            times[name].append((time.process_time() - began) / counts[name] / share)
    largest = np.abs(gradients["lawdsl"]).max()
    return times, {name: float(np.abs(g - gradients["lawdsl"]).max() / largest) for name, g in gradients.items()}
