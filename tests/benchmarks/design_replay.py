"""A replay of experimental design on the 240 Chinchilla points: does choosing runs pay?

    LAWDSL_DATA=FOLDER python tests/benchmarks/design_replay.py [--start cheap|any] [--round 2] [--first 0] [--seeds 10]

For every seed a laboratory has 30 runs, drawn without replacement from all of the table (`any`) or from its cheaper
half by compute (`cheap`). Law: `chinchilla` with its own Student-t noise on the log. Question: the loss (the law's
mean) at N = 70B, D = 1.4T. Of the 210 other runs, whatever they cost, ten are added: those that `fitting.design`
chooses, `round` at a time, with a fit of all runs so far between rounds (`--round 10`: all at once); ten drawn at
random; the ten most expensive (6*N*D). Losses are seen only once a run is chosen. Each set of 40 is fitted by NUTS,
and the width of the 90 % interval of the answer is printed.

Rows that are not there yet stand in the table with weight 0, so that one program serves every fit.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lawdsl
from fitting import Posterior, engine
from fitting.cost import cost_of
from fitting.designing import design
from fitting.model import Model
from fitting.predictions import read_points
from fitting.question_draws import asked
from lawdsl.law import Law
from lawdsl.table import Table, bind

START, ADDED = 30, 10
AT = {"N": 70e9, "D": 1.4e12}
#: draws a chain of the fits that are compared, and of those between rounds
DRAWS, BETWEEN = 1000, 250

Rows = NDArray[np.int64]


def fitted(law: Law, table: Table, rows: Rows, seed: int, draws: int) -> Posterior:
    """The posterior of these rows, by NUTS."""
    filled = np.concatenate([rows, np.repeat(rows[:1], START + ADDED - len(rows))])
    model = Model(law, table.take(filled))
    model.data["weights"] = (np.arange(len(filled)) < len(rows)).astype(float)
    found = engine._nuts(model, seed, 4, None, draws, lambda stage, done, total: None)
    columns = {name: values[: len(rows)] for name, values in found.columns.items()}
    return replace(found, columns=columns, provenance=replace(found.provenance, rows=len(rows)))


def width(posterior: Posterior) -> float:
    """The width of the 90 % interval of the loss at the question's point, nats/token."""
    (found,) = posterior.predict([AT])
    return float(found.hi - found.lo)


def chosen(law: Law, table: Table, first: Rows, before: Posterior, seed: int, at_once: int) -> Rows:
    """The rows that design adds, in the order of their choice."""
    have, posterior = first, before
    while len(have) < START + ADDED:
        rest = np.setdiff1d(np.arange(table.rows), have)
        points = read_points(law, [{name: float(table.columns[name][i]) for name in law.inputs} for i in rest])
        count = min(at_once, START + ADDED - len(have))
        found = design(posterior, asked(posterior, None, at=AT), points, cost_of(law), runs=count, check=False)
        have = np.concatenate([have, rest[list(found.batch)]])
        if len(have) < START + ADDED:
            posterior = fitted(law, table, have, seed, BETWEEN)
    return have[START:]


def replay(table: Table, seed: int, start: str, at_once: int) -> dict[str, Any]:
    """One laboratory: widths before and after each way to choose ten runs."""
    law = lawdsl.load("chinchilla")
    compute = 6 * table.columns["N"] * table.columns["D"]
    random = np.random.default_rng([seed, 20])
    by_cost = np.argsort(compute, kind="stable")
    first = random.choice(by_cost[: table.rows // 2] if start == "cheap" else by_cost, START, replace=False)
    rest = np.setdiff1d(np.arange(table.rows), first)
    before = fitted(law, table, first, seed, BETWEEN)
    ways = {
        "random": random.choice(rest, ADDED, replace=False),
        "expensive": rest[np.argsort(compute[rest], kind="stable")[-ADDED:]],
        "design": chosen(law, table, first, before, seed, at_once),
    }
    fits = {way: fitted(law, table, np.concatenate([first, rows]), seed, DRAWS) for way, rows in ways.items()}
    return {
        "seed": seed, "before": width(before), **{way: width(fit) for way, fit in fits.items()},
        "good": {way: fit.verdict.ok for way, fit in fits.items()},
        "cost": {way: float(compute[rows].sum()) for way, rows in ways.items()},
        "rows": {way: [int(i) for i in rows] for way, rows in ways.items()},
    }  # fmt: skip


def wins(rows: list[dict[str, Any]]) -> int:
    """Seeds at which design narrows the interval more than both other ways."""
    return sum(row["design"] < row["random"] and row["design"] < row["expensive"] for row in rows)


def main() -> None:
    """Print a line a seed, and the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", choices=("cheap", "any"), default="cheap")
    parser.add_argument("--round", type=int, default=2, dest="at_once")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    table = bind(lawdsl.load("chinchilla"), "chinchilla-epoch")
    rows = []
    for seed in range(options.first, options.first + options.seeds):
        rows.append(replay(table, seed, options.start, options.at_once))
        print(json.dumps(rows[-1]), flush=True)
    medians = {way: float(np.median([row[way] for row in rows])) for way in ("before", "design", "random", "expensive")}
    told = {"start": options.start, "round": options.at_once, "seeds": len(rows)}
    print(json.dumps({**told, "wins": wins(rows), "median_width": medians}))


if __name__ == "__main__":
    main()
