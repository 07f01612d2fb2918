"""The runs of the ladder: every model that is trained, and the grid of tokens at which it is kept.

Learning rate: one base rate for embeddings, head and vectors; the blocks' matrices learn at base x 32 / width, the
rule of maximal-update parametrization for hidden weights (arXiv 2203.03466), so that size and learning rate are tied by
a stated rule rather than by taste. `tune-*` runs show how well the base rate suits the narrow and the wide model.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTEXT, BATCH = 256, 16
BASE_LEARNING_RATE = 4e-3

#: tokens: half a million, then factors of sqrt(2), in whole steps of BATCH x CONTEXT
GRID = tuple(round(2 ** (k / 2) * 1e6 / (BATCH * CONTEXT)) * BATCH * CONTEXT for k in range(-2, 11))

#: tokens to which runs of other precisions go, and of other vocabularies: those fall behind and catch up, so that only
#: after a million tokens or so their order is that of the law
PRECISIONS, VOCABULARIES = 1.42e6, 4e6

#: (width, layers): 25 thousand to 2.7 million parameters without embeddings. Widths are multiples of 32, the
#: quantization group, and heads are 32 wide throughout.
SIZES = {"25k": (32, 2), "100k": (64, 2), "200k": (64, 4), "447k": (96, 4), "991k": (128, 5), "2.7M": (192, 6)}


@dataclass(frozen=True)
class Run:
    """One training run. `most` is the last point of the grid in tokens; `bits` below 16 trains with rounded weights."""

    name: str
    size: str
    most: float
    seed: int = 0
    vocabulary: int = 1024
    bits: int = 16
    base_learning_rate: float = BASE_LEARNING_RATE
    weight_decay: float = 0.1
    warmup_steps: int = 100

    @property
    def width(self) -> int:
        return SIZES[self.size][0]

    @property
    def layers(self) -> int:
        return SIZES[self.size][1]

    @property
    def learning_rate(self) -> float:
        """The rate of the blocks' matrices."""
        return self.base_learning_rate * 32 / self.width

    @property
    def checkpoints(self) -> tuple[int, ...]:
        return tuple(tokens for tokens in GRID if tokens <= 1.001 * self.most)

    @property
    def facts(self) -> dict[str, object]:
        """What `training.json` says beside every checkpoint."""
        return {
            "run": self.name, "seed": self.seed, "width": self.width, "layers": self.layers,
            "vocabulary": self.vocabulary, "trained_bits": self.bits, "context": CONTEXT,
            "batch_tokens": BATCH * CONTEXT, "learning_rate": self.learning_rate,
            "base_learning_rate": self.base_learning_rate, "schedule": "constant",
            "warmup_tokens": self.warmup_steps * BATCH * CONTEXT, "weight_decay": self.weight_decay,
        }  # fmt: skip


def runs() -> list[Run]:
    """Every run, in the order in which they are best made: the tables fill evenly."""
    first = [
        Run("25k-s0", "25k", 32e6), Run("100k-s0", "100k", 16e6), Run("200k-s0", "200k", 11.32e6),
        Run("447k-s0", "447k", 8e6), Run("991k-s0", "991k", 5.66e6), Run("2.7M-s0", "2.7M", 2.83e6),
    ]  # fmt: skip
    seconds = [Run("25k-s1", "25k", 11.32e6, 1), Run("100k-s1", "100k", 8e6, 1), Run("200k-s1", "200k", 5.66e6, 1)]
    precision = [
        Run(f"{size}-p{bits}", size, PRECISIONS, bits=bits)
        for size in ("25k", "100k", "200k")
        for bits in (2, 3, 4, 6, 8)
    ]
    vocabulary = [
        Run(f"{size}-v{words}", size, VOCABULARIES, vocabulary=words)
        for size in ("25k", "100k", "200k")
        for words in (257, 512, 2048, 4096)
    ]
    tuning = [
        Run(f"tune-{size}-{factor:g}", size, 1e6, base_learning_rate=factor * BASE_LEARNING_RATE)
        for size in ("25k", "200k")
        for factor in (0.5, 2.0)
    ]
    return first + seconds + tuning + precision + vocabulary
