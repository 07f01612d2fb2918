"""Does degradation fall with model size? Asked window by window of training tokens, and with a term for the change.

    python examples/ladder/size.py

The law `qid` is fitted to the rows of the ladder in each window of tokens by itself, and `qid_interaction`, whose
exponent of size moves with log tokens, to all of them. Where a window holds few sizes the prior of alpha, 0.2 ± 0.4,
shows through: the number of runs stands beside each.
"""

from __future__ import annotations

import numpy as np

import fitting
import lawdsl

ROWS = "method == 'rtn' and group == 32 and symmetric == 0 and bits <= 4"
#: tokens: from the first to the last checkpoint that several sizes share
EDGES = (0.45e6, 0.9e6, 1.8e6, 3.6e6, 7.2e6, 14.4e6)


def main() -> None:
    law = lawdsl.load("qid")
    print(f"{'tokens':>16}  runs  rows  {'alpha':>14}  {'P(alpha > 0)':>12}  verdict")
    for low, high in zip(EDGES, EDGES[1:], strict=False):
        table = lawdsl.bind(law, where=f"{ROWS} and n_tokens >= {low:g} and n_tokens < {high:g}")
        post = fitting.fit(law, table)
        told = f"{len(table.levels['run']):4}  {table.rows:4}  {summary(post.flat['alpha'])}"
        print(
            f"{low / 1e6:6.2f}M to {high / 1e6:5.2f}M  {told}  {'good' if post.verdict.ok else post.verdict.reasons[0]}"
        )
    post = fitting.fit("qid_interaction")
    print(f"\nall tokens, alpha + delta log(D/2M): alpha {summary(post.flat['alpha'])}")
    print(f"{'':37}delta {summary(post.flat['delta'])}")


def summary(draws: np.ndarray) -> str:
    """Mean, standard deviation, and the share of draws above 0."""
    return f"{draws.mean():6.3f} ± {draws.std():.3f}  {np.mean(draws > 0):12.4f}"


if __name__ == "__main__":
    main()
