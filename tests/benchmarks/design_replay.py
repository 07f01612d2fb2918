"""A replay of experimental design on the 240 Chinchilla points: does choosing runs pay?

    LAWDSL_DATA=FOLDER python tests/benchmarks/design_replay.py [--start cheap|any] [--seeds 10]

For every seed a laboratory has 30 runs, drawn without replacement from the cheaper half of the table by compute
(`cheap`) or from all of it (`any`). Law: `chinchilla` with its own Student-t noise on the log. Question: the loss (the
law's mean) at N = 70B, D = 1.4T. Of the 210 other runs, whatever they cost, ten are added: those that `fitting.design`
chooses from the posterior of the 30 (one batch, no look at their losses), ten drawn at random, and the ten most
expensive (6*N*D). Each set of 40 is fitted again by NUTS, and the width of the 90 % interval of the answer is printed,
with the width that the design expected.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

import fitting
import lawdsl
from fitting.cost import cost_of
from fitting.design import design
from fitting.predictions import read_points
from fitting.question_draws import asked
from lawdsl.table import Table, bind

START, ADDED = 30, 10
AT = {"N": 70e9, "D": 1.4e12}
DRAWS = 1000


def width(posterior: fitting.Posterior) -> float:
    """The width of the 90 % interval of the loss at the question's point, nats/token."""
    (found,) = posterior.predict([AT])
    return float(found.hi - found.lo)


def replay(table: Table, seed: int, start: str) -> dict[str, object]:
    """One laboratory: widths before and after each way to choose ten runs."""
    law = lawdsl.load("chinchilla")
    compute = 6 * table.columns["N"] * table.columns["D"]
    random = np.random.default_rng([seed, 20])
    by_cost = np.argsort(compute, kind="stable")
    pool = by_cost[: table.rows // 2] if start == "cheap" else by_cost
    first = random.choice(pool, START, replace=False)
    rest = np.setdiff1d(np.arange(table.rows), first)
    before = fitting.fit(law, table.take(first), seed=seed, draws=DRAWS)
    points = read_points(law, [
        {"N": table.columns["N"][i], "D": table.columns["D"][i]} for i in rest
    ])  # fmt: skip
    found = design(before, asked(before, None, at=AT), points, cost_of(law), runs=ADDED)
    ways = {
        "design": rest[list(found.batch)],
        "random": random.choice(rest, ADDED, replace=False),
        "expensive": rest[np.argsort(compute[rest], kind="stable")[-ADDED:]],
    }
    after, verdicts = {}, [before.verdict.ok]
    for way, rows in ways.items():
        fit = fitting.fit(law, table.take(np.concatenate([first, rows])), seed=seed, draws=DRAWS)
        after[way] = width(fit)
        verdicts.append(fit.verdict.ok)
    return {
        "seed": seed, "before": width(before), **after, "expected": found.after[2] - found.after[0],
        "effective": found.effective, "checked": found.checked, "good": sum(verdicts),
        "batch": [int(i) for i in ways["design"]],
        "first": [int(i) for i in first], "random_rows": [int(i) for i in ways["random"]],
        "cost": {w: compute[r].sum() for w, r in ways.items()},
    }  # fmt: skip


def wins(rows: list[dict[str, object]]) -> int:
    """Seeds at which design narrows the interval more than both other ways."""
    return sum(row["design"] < row["random"] and row["design"] < row["expensive"] for row in rows)  # type: ignore[operator]


def main() -> None:
    """Print a line a seed, and the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", choices=("cheap", "any"), default="cheap")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    table = bind(lawdsl.load("chinchilla"), "chinchilla-epoch")
    rows = []
    for seed in range(options.first, options.first + options.seeds):
        rows.append(replay(table, seed, options.start))
        print(json.dumps(rows[-1]), flush=True)
    medians = {way: float(np.median([row[way] for row in rows])) for way in ("before", "design", "random", "expensive")}  # type: ignore[misc]
    print(json.dumps({"start": options.start, "seeds": len(rows), "wins": wins(rows), "median_width": medians}))


if __name__ == "__main__":
    main()
