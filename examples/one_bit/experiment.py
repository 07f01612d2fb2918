"""Train two-layer networks whose hidden weights are one bit, beside twins in full precision; write what they did.

    python examples/one_bit/experiment.py [runs.csv]

f(x) = kappa/sqrt(m) * sum over the m hidden units of a_r * max(0, q(w_r) . x), with x on the unit sphere, q(w) =
sign(w) in a 1-bit network and w itself in its twin. a_r is +1 or -1 and stays; the second half of the units begins as
the first with a_r reversed, so that every network begins at f = 0. Full-batch gradient descent on half the mean squared
error; the gradient goes through the sign as if it were not there (straight-through), to weights kept in full precision.
Twins begin from the same weights. The task is fixed: 64 points and the values of a small teacher network there, of mean
0 and variance 1; 256 more points to test on.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
SEEDS = (0, 1, 2, 3, 4)
#: steps that are written down: 0, and from 1 on evenly in the logarithm
STEPS = tuple(sorted({0, *np.geomspace(1, 2000, 24).round().astype(int).tolist()}))
KAPPA = 1.0
#: the learning rate, in units of 1 over the largest eigenvalue of the kernel on the training points
RATE = 0.05
COLUMNS = (
    "run", "weights", "width", "hidden_weights", "seed", "step", "learning_rate", "train_loss", "test_loss",
    "difference",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """Points (n, dimensions) on the unit sphere and values (n,) to learn, and others to test on."""

    x: Floats
    y: Floats
    test_x: Floats
    test_y: Floats


def make_task(points: int = 64, test_points: int = 256, dimensions: int = 16, teacher: int = 8, seed: int = 0) -> Task:
    """A teacher of `teacher` units with normal weights; its values have mean 0 and variance 1 on the training set."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(points + test_points, dimensions))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.maximum(x @ random.normal(size=(dimensions, teacher)), 0) @ random.choice([-1.0, 1.0], teacher)
    y = (y - y[:points].mean()) / y[:points].std()
    x, y = x.astype(np.float32), y.astype(np.float32)
    return Task(x[:points], y[:points], x[points:], y[points:])


def kernel_eigenvalues(x: Floats) -> NDArray[np.float64]:
    """Of the neural tangent kernel on n points over n, ascending, for hidden weights in full precision and m infinite:
    kappa^2 * x . x' * (pi - angle)/(2*pi). Residuals along eigenvector i shrink by 1 - rate * eigenvalue i a step.
    """
    cosine = np.clip(x.astype(float) @ x.T.astype(float), -1, 1)
    return np.linalg.eigvalsh(KAPPA**2 * cosine * (np.pi - np.arccos(cosine)) / (2 * np.pi)) / len(x)


@dataclass
class Network:
    """Hidden weights (m, dimensions) that are trained, signs and scale of the output (m,), and whether it is 1-bit."""

    weights: Floats
    output: Floats
    one_bit: bool

    def hidden(self, x: Floats) -> Floats:
        """What the units see, (n, m)."""
        return x @ (np.sign(self.weights) if self.one_bit else self.weights).T

    def __call__(self, x: Floats) -> Floats:
        return np.maximum(self.hidden(x), 0) @ self.output

    def step(self, task: Task, rate: float) -> None:
        """One step of gradient descent on all of the training set."""
        seen = self.hidden(task.x)
        residual = np.maximum(seen, 0) @ self.output - task.y
        slopes = np.where(seen > 0, residual[:, None] * self.output, np.float32(0))
        self.weights -= np.float32(rate / len(task.y)) * (slopes.T @ task.x)


def twins(width: int, dimensions: int, seed: int) -> tuple[Network, Network]:
    """A 1-bit network and one in full precision, which begin from the same weights."""
    half = np.random.default_rng([seed, width]).normal(size=(width // 2, dimensions)).astype(np.float32)
    output = (KAPPA / np.sqrt(width) * np.repeat([1, -1], width // 2)).astype(np.float32)
    return Network(np.vstack([half, half]), output, True), Network(np.vstack([half, half]), output, False)


def train(task: Task, width: int, seed: int, rate: float, steps: Sequence[int]) -> Iterator[dict[str, object]]:
    """Rows of a pair of twins, at each of `steps`."""
    pair = twins(width, task.x.shape[1], seed)
    for step in range(max(steps) + 1):
        if step in steps:
            one, full = (network(task.test_x) for network in pair)
            difference = float(np.sqrt(np.mean((one - full) ** 2)))
            for network, tested in zip(pair, (one, full), strict=True):
                kind = "one-bit" if network.one_bit else "full"
                yield {
                    "run": f"{kind}-m{width}-s{seed}", "weights": kind, "width": width,
                    "hidden_weights": network.weights.size, "seed": seed, "step": step,
                    "learning_rate": f"{rate:.6g}",
                    "train_loss": f"{np.mean((network(task.x) - task.y) ** 2) / 2:.5g}",
                    "test_loss": f"{np.mean((tested - task.test_y) ** 2) / 2:.5g}", "difference": f"{difference:.5g}",
                }  # fmt: skip
        for network in pair:
            network.step(task, rate)


def run(
    path: Path, widths: Sequence[int] = WIDTHS, seeds: Sequence[int] = SEEDS, steps: Sequence[int] = STEPS,
    task: Task | None = None,
) -> None:  # fmt: skip
    """Every width and seed, to a CSV file: a row a network and step."""
    task = task or make_task()
    rate = RATE / float(kernel_eigenvalues(task.x)[-1])
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for width in widths:
            for seed in seeds:
                writer.writerows(train(task, width, seed, rate, steps))
            print(f"width {width}: {len(seeds)} pairs", file=sys.stderr)


if __name__ == "__main__":
    run(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("runs.csv"))
