"""Generalization bounds of a language model, from its losses on training text: Freedman's kind, and Azuma's beside it.

After Finzi et al., "Compute-Optimal LLMs Provably Generalize Better with Scale" (arXiv 2504.15208). What is bounded is
the mean over the D training tokens of the expected loss of each token given the text before it, of the quantized and
smoothed model, in nats per token, with probability 1 - delta over the text.

What was seen and what was not: the paper itself was not at hand. Its closed form with its worked example, its table of
seven sizes, and the outer form of Theorem 3.1 (risk <= mean loss + Delta*C + Sigma*sqrt(C), Sigma minimised over a
finite grid of scales, 1,000 of them) were seen in reviews and notes on it. The function that is minimised is recalled:
its exact shape in Theorems 3.1 and 3.4 is to be verified. It is therefore proved here (`freedman`), and nothing below
rests on memory but the claim that the paper's theorem says the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: the scales s of Freedman's bound, |K| = 1000 of them as in the paper; their places are ours: even in log(s/(1 - s))
SCALES: Floats = 1 / (1 + np.exp(-np.linspace(-10, 10, 1000)))
#: the shares of a uniform guess that a prediction may be mixed with; fixed before any text is seen, and ours
SHARES: Floats = np.geomspace(1e-5, 0.5, 100)
#: what the figures rest on, for those who print them
STATUS = {
    "closed form": "Finzi et al. 2025, the sum of terms of Theorem 3.4: seen in notes on the paper, not in the paper",
    "Freedman bound": "proved in measure/bounds.py; that Theorem 3.1 of the paper is the same is recalled, not seen",
    "Azuma bound": "Azuma's and Hoeffding's inequality, proved in textbooks; Lotfi et al. 2024 use it on tokens",
}


@dataclass(frozen=True)
class Slack:
    """What concentration adds to the mean of smoothed losses, in nats per token: `spread` * C + `sigma` * sqrt(C)."""

    spread: float  # Delta: how far a smoothed loss can lie above what was predicted of it
    complexity: float  # C
    sigma: float  # Sigma, the loss variation
    scale: float  # the s of the grid that gave it

    @property
    def ranged(self) -> float:
        """Delta*C."""
        return self.spread * self.complexity

    @property
    def varied(self) -> float:
        """Sigma*sqrt(C)."""
        return self.sigma * math.sqrt(self.complexity)

    @property
    def total(self) -> float:
        """Both."""
        return self.ranged + self.varied


@dataclass(frozen=True)
class Bound:
    """A bound and its parts, nats per token: `loss` + `smoothing` + `slack`."""

    loss: float  # mean loss of the quantized model, before smoothing
    share: float  # alpha, of a uniform guess in the smoothed prediction
    smoothing: float  # mean loss after smoothing - before
    slack: float
    complexity: float  # C, with the cost of what was chosen over grids
    freedman: Slack | None = None  # the parts of the slack; None for Azuma's

    @property
    def total(self) -> float:
        """The bound."""
        return self.loss + self.smoothing + self.slack


def complexity(bits: float, tokens: float, choices: int, failure: float) -> float:
    """C = (bits*ln 2 + ln(choices/failure)) / tokens, nats per token.

    `bits`: of a file that holds the model, given the code that reads it; N*b for N parameters of b bits. `tokens`: D,
    of training. `choices`: how many bounds the one reported was chosen from (scales, shares, formats), a union.
    By a prior of 2^-bits for every model (Kraft's inequality). Seen: (N/D)*b*ln 2 + ln(|K|/delta)/D.
    """
    return (bits * math.log(2) + math.log(choices / failure)) / tokens


def smoothed(losses: Floats, share: float, vocabulary: int) -> Floats:
    """Losses of (1 - share)*p + share/vocabulary, from those of p, nats. At most ln(vocabulary/share) each."""
    return np.asarray(-np.logaddexp(np.log1p(-share) - losses, math.log(share / vocabulary)))


def spread(share: float, vocabulary: int) -> float:
    """Delta = ln(1 + (1 - share)*vocabulary/share): between the largest and the smallest smoothed loss, nats.

    Derived: p of a token lies in [0, 1]. Lotfi et al. 2024 have the same, as recalled.
    """
    return math.log1p((1 - share) * vocabulary / share)


def expected(entropies: Floats, share: float, vocabulary: int) -> Floats:
    """Y: what is predicted of each token's smoothed loss before the token is seen, nats.

    The entropy of the model's own prediction (seen: the paper takes the mean loss under the model), but no less than
    the smallest smoothed loss, so that no loss lies more than `spread` above it. Any function of the text before the
    token would do.
    """
    return np.maximum(entropies, -math.log(1 - share + share / vocabulary))


def freedman(above: Floats, spread: float, complexity: float, scales: Floats = SCALES) -> Slack:
    """Freedman's empirical slack, for losses X and predictions Y: `above` is (Y - X), which is >= -spread throughout.

    Claim: mean(E[X | past]) <= mean(X) + min over s of (Delta/s)*(C + mean(v(s*(Y - X)/Delta))), v(x) = x - ln(1 + x),
    with C = ln(|K|/delta)/n, with probability 1 - delta.
    Proof. Let A = (Y - X)/Delta >= -1, and 0 < s < 1. Since E[1 + s*A | past] <= exp(s*E[A | past]), the product over
    tokens of (1 + s*A)*exp(-s*E[A | past]) is a supermartingale that begins at 1, and is above |K|/delta with
    probability delta/|K| at most (Markov). Take logarithms, write ln(1 + s*A) as s*A - v(s*A): Y falls out, and
    s*sum(E[X | past] - X)/Delta <= ln(|K|/delta) + sum(v(s*A)). Divide by n*s/Delta; the union over K is the claim.

    It is written Delta*C + Sigma*sqrt(C) as in Theorem 3.1 (outer form seen; Sigma's own shape recalled:
    Sigma = min over s of Delta*sqrt(C)*(1 - s)/s + Delta/(s*sqrt(C))*mean(v(s*A))). The least of the grid is found by
    bisection: v is convex, so (C + mean(v(s*A)))/s falls and then rises.
    """
    if above.min(initial=0.0) < -spread * (1 + 1e-9):
        raise ValueError("a loss lies more than `spread` above what was predicted of it")
    ratio = np.maximum(above / spread, -1.0)

    def at(index: int) -> float:
        s = float(scales[index])
        return spread / s * (complexity + float(np.mean(_v(s * ratio))))

    index = _least(at, len(scales))
    sigma = (at(index) - spread * complexity) / math.sqrt(complexity)
    return Slack(spread, complexity, sigma, float(scales[index]))


def azuma(spread: float, complexity: float) -> float:
    """Delta*sqrt(C/2): Azuma's and Hoeffding's slack for losses in an interval of length Delta, nats per token.

    exp(-2*n*t^2/Delta^2) <= delta at that t. Seen: the paper's baseline goes as ln(V)*sqrt(C); its factor was not seen.
    """
    return spread * math.sqrt(complexity / 2)


def freedman_bound(
    losses: Floats, entropies: Floats, vocabulary: int, bits: float, tokens: float, failure: float,
    formats: int = 1, scales: Floats = SCALES, shares: Floats = SHARES,
) -> Bound:  # fmt: skip
    """The least of Freedman's bounds over the grid of shares; losses and entropies are the model's by token, in nats.

    `formats`: how many the model's format was chosen from. Means are taken over the tokens given, a sample of all D.
    """
    c = complexity(bits, tokens, len(scales) * len(shares) * formats, failure)

    def at(share: float) -> Bound:
        width, mixed = spread(share, vocabulary), smoothed(losses, share, vocabulary)
        slack = freedman(expected(entropies, share, vocabulary) - mixed, width, c, scales)
        return _of(losses, mixed, share, slack.total, c, slack)

    return min((at(float(share)) for share in shares), key=lambda bound: bound.total)


def azuma_bound(
    losses: Floats, vocabulary: int, bits: float, tokens: float, failure: float, formats: int = 1,
    shares: Floats = SHARES,
) -> Bound:  # fmt: skip
    """The least of Azuma's bounds over the grid of shares; it needs no entropies and no scales."""
    c = complexity(bits, tokens, len(shares) * formats, failure)

    def at(share: float) -> Bound:
        return _of(losses, smoothed(losses, share, vocabulary), share, azuma(spread(share, vocabulary), c), c)

    return min((at(float(share)) for share in shares), key=lambda bound: bound.total)


def closed_form(loss: float, complexity: float, vocabulary: float, sigma: float, gap: float = 0.0) -> float:
    """loss + C*ln V + Sigma*sqrt(C) + sqrt(2*C) + gap, nats per token: the sum of terms of Theorem 3.4.

    Seen, with its worked example. sqrt(2*C) stands for smoothing, and is more than the best share costs: with
    share = C/(1 + C), `smoothing_cost` (derived; checked over all C in the tests).
    """
    return loss + complexity * math.log(vocabulary) + sigma * math.sqrt(complexity) + math.sqrt(2 * complexity) + gap


def smoothing_cost(complexity: float) -> float:
    """(1 + C)*ln(1 + C) - C*ln C, nats per token: the least over shares of -ln(1 - share) + C*ln(1/share). Derived."""
    return (1 + complexity) * math.log1p(complexity) - complexity * math.log(complexity)


def _of(
    losses: Floats, mixed: Floats, share: float, slack: float, complexity: float, freedman: Slack | None = None
) -> Bound:
    loss = float(np.mean(losses))
    return Bound(loss, share, float(np.mean(mixed)) - loss, slack, complexity, freedman)


def _v(x: Floats) -> Floats:
    """x - ln(1 + x), which is 0 at 0, convex, and about x^2/2."""
    return np.asarray(x - np.log1p(x))


def _least(value: Callable[[int], float], count: int) -> int:
    """The index of the least of values that fall and then rise."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        if value(middle) <= value(middle + 1):
            high = middle
        else:
            low = middle + 1
    return low
