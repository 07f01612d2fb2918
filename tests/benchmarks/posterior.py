"""The Student-t posterior of the Chinchilla law on 240 points, 4 chains of 1000 draws: lawdsl, PyMC + nutpie, numpyro.

Every run is a process, imports included. Cold: no cache of programs; warm: the second run. The yardstick is the
quickest of PyMC's variants, warm. Effective draws and R-hat come from one estimator (`fitting.convergence`) for all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import chinchilla
import numpy as np
from fit_in_regions import REGIONS
from process import SINGLE, Spent, lawdsl, least, script, show


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = chinchilla.write_rows(folder / "rows.npz")
        runs = _lawdsl(folder, options.repeat) | _peers(folder, rows, options)
        _print_runs(runs)
        print()
        _print_regions(folder)


def _lawdsl(folder: Path, repeat: int) -> dict[str, tuple[Spent, dict[str, np.ndarray]]]:
    from fitting import open_fit

    found = {}
    env = {"LAWDSL_CACHE": str(folder / "lawdsl")}
    for name in ("lawdsl fit, cold", "lawdsl fit, warm"):
        fit = folder / "fit.nc"
        warm = name.endswith("warm")
        command = lawdsl("fit", chinchilla.LAW, "--data", chinchilla.TABLE, "--out", str(fit))
        spent = least(command, env, max(2, repeat) if warm else 1)
        posterior = open_fit(fit)
        draws = {n: posterior.draws[n] for n in chinchilla.PARAMETERS}
        steps = float(posterior.stats["n_steps"].mean())
        spent.answer["steps"] = steps
        found[name] = (spent, draws | {"diverging": posterior.stats["diverging"].sum()})
    return found


def _peers(
    folder: Path, rows: Path, options: argparse.Namespace
) -> dict[str, tuple[Spent, dict[str, np.ndarray]]]:  # fmt: skip
    found = {}
    peers = [
        ("PyMC + nutpie", "peer_pymc.py", "plain"),
        ("PyMC + nutpie, centred by hand", "peer_pymc.py", "centred"),
        ("PyMC + nutpie, low-rank metric", "peer_pymc.py", "low_rank"),
        ("numpyro", "peer_numpyro.py", "plain"),
        ("numpyro, centred by hand", "peer_numpyro.py", "centred"),
    ]
    for label, file, variant in peers:
        caches = {
            "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor-{variant}",
            "NUMBA_CACHE_DIR": f"{folder}/numba-{variant}",
            "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax-{variant}",
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }  # fmt: skip
        for heat in ("cold", "warm"):
            out = folder / f"{variant}.npz"
            spent = least(script(options.peers, file, rows, out, variant), {**SINGLE, **caches})
            draws = {}
            if not spent.missing:
                with np.load(out) as file_of_draws:
                    draws = dict(file_of_draws)
            found[f"{label}, {heat}"] = (spent, draws)
    return found


def _print_runs(runs: dict[str, tuple[Spent, dict[str, np.ndarray]]]) -> None:
    from fitting.convergence import ess_bulk, rhat

    warm = [spent for name, (spent, _) in runs.items() if name.startswith("PyMC") and name.endswith("warm")]
    yardstick = min(warm, key=lambda spent: spent.cpu)
    means = {n: runs["lawdsl fit, warm"][1][n] for n in chinchilla.PARAMETERS}
    rows: list[list[object]] = []
    for label, (spent, draws) in runs.items():
        if spent.missing:
            rows.append([label, *["-"] * 8, spent.missing])
            continue
        together = np.stack([draws[n] for n in chinchilla.PARAMETERS], axis=-1)
        least_ess = ess_bulk(together).min()
        ratio = "-" if yardstick.missing else f"{spent.cpu / yardstick.cpu:.2f}"
        # how far the means lie from lawdsl's, in posterior sds: the same posterior, or not
        apart = max(abs(draws[n].mean() - means[n].mean()) / means[n].std() for n in means)
        phases = ", ".join(f"{k} {v:.1f}" for k, v in spent.answer.items() if k in ("imports", "compile", "sample"))
        rows.append([
            label, f"{spent.wall:.1f}", f"{spent.cpu:.1f}", ratio, f"{least_ess:.0f}", f"{least_ess / spent.cpu:.0f}",
            f"{rhat(together).max():.3f}", int(draws["diverging"]), f"{spent.answer.get('steps', 0):.0f}",
            f"{apart:.2f} {phases}",
        ])  # fmt: skip
    show(
        ["who", "wall s", "CPU s", "ratio", "min ESS", "ESS/CPU s", "max R-hat", "diverged", "steps/draw",
         "apart (sd); CPU s by phase"],
        rows,
    )  # fmt: skip


def _print_regions(folder: Path) -> None:
    env = {"LAWDSL_CACHE": str(folder / "regions")}
    columns = {}
    for heat in ("cold", "warm"):
        arguments = (chinchilla.LAW, chinchilla.TABLE, "nuts", folder / "again.nc")
        spent = least(script(sys.executable, "fit_in_regions.py", *arguments), env)
        columns[heat] = {**spent.answer, "process": spent.cpu}
    print("where lawdsl's CPU seconds go")
    show(["region", *columns], [[r, *(f"{c[r]:.2f}" for c in columns.values())] for r in (*REGIONS, "sum", "process")])
