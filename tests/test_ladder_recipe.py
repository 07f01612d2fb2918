"""The recipe of the ladder: a run that is stopped goes on to the very weights it would have reached undisturbed."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
transformers = pytest.importorskip("transformers", reason="needs the measure extra")

RECIPE = Path(__file__).resolve().parents[1] / "examples" / "ladder"
WORDS = 257


@pytest.fixture(scope="module")
def recipe() -> Any:
    """The modules of the recipe, which lie beside each other as scripts do."""
    sys.path.insert(0, str(RECIPE))
    try:
        import runs
        import train
    finally:
        sys.path.remove(str(RECIPE))
    return runs, train


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder as `corpus.py` leaves it, with a small text."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {"<|endoftext|>": 0} | {letter: i + 1 for i, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(tmp_path / f"bpe-{WORDS}")
    tokens = np.random.default_rng(0).integers(1, 40, 40 * 256).astype(np.uint16)
    np.save(tmp_path / f"tokens-{WORDS}.npy", tokens)
    return tmp_path


def small_run(runs: Any, name: str, most: int, bits: int = 16) -> Any:
    """A run of two windows a batch, kept after every third step; its width is above those that are compiled."""

    @dataclass(frozen=True)
    class Small(runs.Run):  # type: ignore[misc]
        @property
        def checkpoints(self) -> tuple[int, ...]:
            return tuple(step * 2 * runs.CONTEXT for step in range(3, int(self.most) + 1, 3))

    return Small(name, "447k", most, vocabulary=WORDS, bits=bits, warmup_steps=2)


def weights(folder: Path) -> dict[str, Any]:
    return dict(transformers.AutoModelForCausalLM.from_pretrained(folder).state_dict())


def test_a_stopped_run_goes_on_as_if_it_had_not_been(recipe: Any, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, train = recipe
    monkeypatch.setattr(train, "BATCH", 2)
    train.train(small_run(runs, "whole", 6), work)
    train.train(small_run(runs, "stopped", 3), work)
    train.train(small_run(runs, "stopped", 6), work)
    last = f"tokens-{6 * 2 * runs.CONTEXT}"
    whole, stopped = weights(work / "runs/whole" / last), weights(work / "runs/stopped" / last)
    assert whole.keys() == stopped.keys()
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    first = weights(work / "runs/whole" / f"tokens-{3 * 2 * runs.CONTEXT}")
    assert not all(torch.equal(whole[name], first[name]) for name in whole)
    assert not list((work / "runs").rglob("*.partial"))


def test_training_json_says_how_a_checkpoint_was_made(recipe: Any, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, train = recipe
    monkeypatch.setattr(train, "BATCH", 2)
    train.train(small_run(runs, "said", 3), work)
    (kept,) = (work / "runs/said").glob("tokens-*")
    told = json.loads((kept / "training.json").read_text())
    assert told["tokens"] == 3 * 2 * runs.CONTEXT
    assert {"run", "seed", "learning_rate", "schedule", "warmup_tokens", "weight_decay"} <= set(told)


def test_a_model_trained_at_few_bits_is_kept_as_it_was_trained(
    recipe: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row of a block's matrix holds at most 2^bits values; embeddings and head are not rounded."""
    runs, train = recipe
    monkeypatch.setattr(train, "BATCH", 2)
    train.train(small_run(runs, "rounded", 3, bits=2), work)
    (kept,) = (work / "runs/rounded").glob("tokens-*")
    for name, weight in weights(kept).items():
        if weight.ndim == 2:
            most = max(len(row.unique()) for row in weight)
            assert most <= 4 if ".layers." in name else most > 4, name


def test_the_runs_cover_what_the_tables_promise(recipe: Any) -> None:
    runs, _ = recipe
    made = runs.runs()
    assert len({run.name for run in made}) == len(made)
    main = [run for run in made if run.name.endswith(("-s0", "-s1"))]
    sizes = {run.size: 12 * run.width**2 * run.layers for run in main}
    assert len(sizes) >= 6
    assert max(sizes.values()) / min(sizes.values()) >= 100
    ratios = [tokens / sizes[run.size] for run in main for tokens in run.checkpoints]
    assert min(ratios) < 5 and max(ratios) > 1000
    twice = {run.size for run in main if run.seed == 1}
    assert len(twice) >= len(sizes) / 2
    assert {run.bits for run in made} == {2, 3, 4, 6, 8, 16}
    assert len({run.vocabulary for run in made}) >= 5
