"""Hoffmann's point fit: lawdsl from 64 starts against scipy from Epoch's 4500, the same objective and rows."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import chinchilla
from process import SINGLE, lawdsl, least, script, show


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = chinchilla.write_rows(folder / "rows.npz")
        env = {"LAWDSL_CACHE": str(folder / "lawdsl")}
        rows_of = ("--data", chinchilla.TABLE, "--out", str(folder / "fit.nc"))
        command = lawdsl("fit", chinchilla.LAW, *rows_of, "--method", "huber", "--json")
        cold, warm = least(command, env), least(command, env, max(2, options.repeat))
        inside = least(script(sys.executable, "huber_inside.py", chinchilla.LAW, chinchilla.TABLE, 0), env).answer
        peers = {
            "scipy L-BFGS-B, numeric gradient": least(script(options.peers, "peer_scipy.py", rows, "numeric"), SINGLE),
            "scipy L-BFGS-B, exact gradient": least(script(options.peers, "peer_scipy.py", rows, "exact"), SINGLE),
        }
    yardstick = next(iter(peers.values()))

    def row(label: str, wall: float, cpu: float, best: float, told: dict[str, float]) -> list[object]:
        found = "yes" if best <= chinchilla.OPTIMUM * (1 + 1e-5) else "no"
        times = "-" if yardstick.missing else f"{yardstick.cpu / cpu:.1f}"
        shares = [f"{told['same']:.1%}", f"{told['near']:.1%}"]
        return [label, told["starts"], f"{wall:.1f}", f"{cpu:.2f}", times, f"{best:.9g}", found, *shares]

    table = []
    for label, spent in (("lawdsl fit --method huber, cold", cold), ("lawdsl fit --method huber, warm", warm)):
        table.append(row(label, spent.wall, spent.cpu, float(spent.answer["settings"]["objective"]), inside))
    seconds = inside["seconds"]
    table.append(row("  the same in a running process", seconds, seconds, inside["best"], inside))
    for label, spent in peers.items():
        if spent.missing:
            table.append([label, *["-"] * 7, spent.missing])
        else:
            table.append(row(label, spent.wall, spent.cpu, spent.answer["best"], spent.answer))
    show(["who", "starts", "wall s", "CPU s", "x less", "best", "found", "within 1e-5", "within 1 %"], table)
