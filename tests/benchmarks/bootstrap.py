"""A thousand bootstrap refits of the Huber fit, against Epoch's way: BFGS from one start, exact gradients. Of these a
hundred are timed, and multiplied.

Beside them two peers with another objective: simple-scaling-laws' fit with 1,000 draws of its bootstrap, and lmfit's
least squares with intervals by profiles.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import chinchilla
from process import SINGLE, lawdsl, least, script, show

REFITS = 1000
#: of the peer, timed and multiplied
TIMED = 100


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = chinchilla.write_rows(folder / "rows.npz")
        env = {"LAWDSL_CACHE": str(folder / "lawdsl")}
        rows_of = ("--data", chinchilla.TABLE, "--out", str(folder / "fit.nc"))
        command = lawdsl("fit", chinchilla.LAW, *rows_of, "--method", "bootstrap", "--json")
        cold, warm = least(command, env), least(command, env, max(2, options.repeat))
        inside = least(script(sys.executable, "huber_inside.py", chinchilla.LAW, chinchilla.TABLE, REFITS), env).answer
        peer = least(script(options.peers, "peer_scipy.py", rows, "bootstrap", TIMED), SINGLE)
        others = {
            "simple-scaling-laws, fit and 1000 draws": script(options.peers, "peer_simple.py", rows, REFITS),
            "lmfit, least squares and profiles": script(options.peers, "peer_lmfit.py", rows),
        }
        beside = {label: least(command, SINGLE, max(2, options.repeat)) for label, command in others.items()}
    if peer.missing:
        table = [["scipy BFGS, one start", "-", "-", "-", "-", peer.missing]]
        whole = 0.0
    else:
        told = peer.answer
        whole = told["seconds"] * REFITS / TIMED
        spread = [f"{told['alpha_sd']:.4f}", f"{told['beta_sd']:.4f}"]
        table = [[f"scipy BFGS, one start, {TIMED} refits x {REFITS // TIMED}", "-", f"{whole:.1f}", "1.0", *spread]]
    ours = []
    for label, spent in (("lawdsl fit --method bootstrap, cold", cold), ("lawdsl fit --method bootstrap, warm", warm)):
        of = spent.answer["parameters"]
        spread = [f"{of[n]['sd']:.4f}" for n in ("alpha", "beta")]
        ours.append([label, f"{spent.wall:.1f}", f"{spent.cpu:.2f}", _times(whole, spent.cpu), *spread])
    seconds, spread = inside["seconds"], [f"{inside[f'{n}_sd']:.4f}" for n in ("alpha", "beta")]
    ours.append(["  the same in a running process", "-", f"{seconds:.2f}", _times(whole, seconds), *spread])
    for label, spent in beside.items():
        told = spent.answer
        spread = [f"{told[f'{n}_sd']:.4f}" if f"{n}_sd" in told else "-" for n in ("alpha", "beta")]
        row = ["-", "-", "-", "-", spent.missing]
        table.append([label, *(row if spent.missing else [f"{spent.wall:.1f}", f"{spent.cpu:.2f}", "-", *spread])])
    show([f"{REFITS} refits", "wall s", "CPU s", "x less", "sd of alpha", "sd of beta"], [*ours, *table])
    simple = next(iter(beside.values()))
    if not simple.missing:
        print(f"warm against simple-scaling-laws: {warm.cpu / simple.cpu:.2f}")
    print(f"share of lawdsl's refits that came to rest: {inside['arrived']:.1%}")


def _times(whole: float, seconds: float) -> str:
    """How many times less than the peer's, where there is one."""
    return f"{whole / seconds:.1f}" if whole else "-"
