"""Small checkpoints made on the spot: folders as `save_pretrained` writes them, with a tokenizer and a training.json.

The models are random unless `steps` of training are asked for, with weights wide enough for rounding to matter.
"""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

END = "<|endoftext|>"
CONTEXT = 64
WORDS = (
    "the a of and to in is that for on with as by model loss token weight bit scale law data train compute small large "
    "grows falls under over when more fewer parameters tokens layers each error standard curve fit point line range"
).split()


def text_documents(n: int, seed: int = 0, words: tuple[int, int] = (8, 90)) -> list[str]:
    """`n` texts of sentences with a grammar of sorts: each word leans on the one before it."""
    rng = random.Random(seed)
    texts = []
    for _ in range(n):
        at, said = rng.randrange(len(WORDS)), []
        for place in range(rng.randint(*words)):
            at = (at * 7 + rng.choice((1, 1, 1, 2, 5))) % len(WORDS)
            said.append(WORDS[at] + (".\n" if place % 11 == 10 else ""))
        texts.append(" ".join(said))
    return texts


def write_jsonl(path: Path, texts: list[str]) -> Path:
    """The texts as JSON lines with an id and a text each."""
    path.write_text("".join(json.dumps({"id": f"doc-{i}", "text": text}) + "\n" for i, text in enumerate(texts)))
    return path


@cache
def _byte_pairs(vocabulary: int) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(text_documents(40, seed=1000), trainer)
    return str(tokenizer.to_str())


def tiny_tokenizer(vocabulary: int = 300) -> Any:
    """A byte-level BPE tokenizer of at most `vocabulary` tokens (at least 257), whose end token is its begin token."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_byte_pairs(vocabulary)), bos_token=END, eos_token=END
    )


def tiny_neox(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """A GPT-NeoX checkpoint; `settings` are those of `tiny_model`."""
    return save(folder, *tiny_model("neox", seed, **settings), seed)


def tiny_llama(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """A Llama checkpoint with two query heads to a key's; `settings` are those of `tiny_model`."""
    return save(folder, *tiny_model("llama", seed, **settings), seed)


def tiny_model(
    kind: str, seed: int = 0, *, width: int = 32, layers: int = 2, vocabulary: int = 300, tied: bool = False,
    context: int = CONTEXT, spread: float = 0.15, steps: int = 0,
) -> tuple[Any, Any]:  # fmt: skip
    """(model, tokenizer); `spread` is the standard deviation of fresh weights, `steps` are of training."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    shared: dict[str, Any] = {
        "vocab_size": vocabulary, "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 4,
        "max_position_embeddings": context, "bos_token_id": 0, "eos_token_id": 0, "tie_word_embeddings": tied,
        "initializer_range": 0.02 if steps else spread,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "neox":
            model: Any = GPTNeoXForCausalLM(GPTNeoXConfig(intermediate_size=4 * width, **shared))
        else:
            model = LlamaForCausalLM(LlamaConfig(intermediate_size=2 * width, num_key_value_heads=2, **shared))
    tokenizer = tiny_tokenizer(vocabulary)
    if steps:
        train(model, tokenizer, steps, seed)
    return model.eval(), tokenizer


def train(model: Any, tokenizer: Any, steps: int, seed: int = 0) -> None:
    """A few steps of AdamW on texts that no test evaluates: 8 windows of the context each, a second per 100 steps."""
    import torch

    ids = [token for text in text_documents(400, seed=2000) for token in [0, *tokenizer(text)["input_ids"]]]
    stream = torch.tensor(ids)
    places = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    model.train()
    for _ in range(steps):
        starts = torch.randint(len(stream) - CONTEXT, (8,), generator=places)
        batch = stream[starts[:, None] + torch.arange(CONTEXT)]
        model(batch, labels=batch, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def save(folder: Path, model: Any, tokenizer: Any, seed: int = 0, **facts: Any) -> Path:
    """Writes weights, config, tokenizer and training.json (tokens, run, seed, learning_rate; more by `facts`)."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    known = {"tokens": 1_000_000, "run": f"tiny-s{seed}", "seed": seed, "learning_rate": 4e-3} | facts
    (folder / "training.json").write_text(json.dumps(known))
    return folder
