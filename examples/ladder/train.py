"""Trains one model of the ladder and keeps a checkpoint at every point of the token grid.

    python examples/ladder/train.py WORK RUN     # RUN is a name of `runs.runs()`

A run is a pure function of its description: the seed fixes the initial weights and the order of the windows, and
every window is seen at most once. Stopped at any instant, it goes on from its last checkpoint. Each checkpoint is a
folder that `transformers` loads, with `training.json` beside the weights; `state.pt` holds the optimizer.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from runs import BATCH, CONTEXT, Run, runs
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM, logging

sys.path.insert(0, str(Path(__file__).parents[2]))
from measure.rounding import integers, straight_through

#: torch.compile takes half a minute; up to this width, and from this many tokens, it pays (1.5 times faster)
COMPILED_WIDTH, COMPILED_TOKENS = 64, 3e6


class FakeQuantized(nn.Module):
    """A weight seen through round-to-nearest symmetric integers, one scale a row, gradients straight through."""

    def __init__(self, bits: int):
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        with torch.no_grad():
            rounded = integers(weight, self.bits, None, symmetric=True, scale_dtype=torch.float32).dequantize()
        return straight_through(weight, rounded)


def model_of(run: Run) -> GPTNeoXForCausalLM:
    """The untrained model: GPT-NeoX as Pythia has it, small, with Pythia's initial weights."""
    torch.manual_seed(run.seed)
    config = GPTNeoXConfig(
        vocab_size=run.vocabulary, hidden_size=run.width, num_hidden_layers=run.layers,
        num_attention_heads=run.width // 32, intermediate_size=4 * run.width, max_position_embeddings=CONTEXT,
        rotary_pct=0.25, use_parallel_residual=True, tie_word_embeddings=False, use_cache=False,
        bos_token_id=0, eos_token_id=0, attn_implementation="eager",
    )  # fmt: skip
    model = GPTNeoXForCausalLM(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            inward = name.endswith(("attention.dense.weight", "dense_4h_to_h.weight"))
            deviation = 2 / (run.layers * math.sqrt(run.width)) if inward else math.sqrt(2 / (5 * run.width))
            nn.init.normal_(parameter, std=deviation)
    return model


def optimizer_of(model: nn.Module, run: Run) -> torch.optim.AdamW:
    """AdamW (.9, .95). The blocks' matrices learn at the run's rate; embeddings, head and vectors at the base rate."""
    matrices, ends, vectors = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            vectors.append(parameter)
        else:
            (matrices if ".layers." in name else ends).append(parameter)
    groups = [
        {"params": matrices, "lr": run.learning_rate, "weight_decay": run.weight_decay},
        {"params": ends, "lr": run.base_learning_rate, "weight_decay": run.weight_decay},
        {"params": vectors, "lr": run.base_learning_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)


def train(run: Run, work: Path) -> None:
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = work / "runs" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(work / f"bpe-{run.vocabulary}")
    tokens = np.load(work / f"tokens-{run.vocabulary}.npy", mmap_mode="r")
    windows = np.random.default_rng(run.seed).permutation((len(tokens) - 1) // CONTEXT)

    model = model_of(run)
    if run.bits < 16:
        for layer in model.gpt_neox.layers.modules():
            if isinstance(layer, nn.Linear):
                parametrize.register_parametrization(layer, "weight", FakeQuantized(run.bits))
    optimizer = optimizer_of(model, run)
    rates = [group["lr"] for group in optimizer.param_groups]
    step, seconds = 0, 0.0
    if (folder / "state.pt").is_file():
        state = torch.load(folder / "state.pt", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]

    def loss_of(batch: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(batch[:, :-1]).logits
        return F.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())

    pays = run.width <= COMPILED_WIDTH and run.most >= COMPILED_TOKENS
    compiled = torch.compile(loss_of) if pays else loss_of
    began = time.process_time()
    for checkpoint in run.checkpoints:
        while step * BATCH * CONTEXT < checkpoint:
            starts = windows[step * BATCH : (step + 1) * BATCH].astype(np.int64) * CONTEXT
            batch = torch.from_numpy(tokens[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int64))
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * min(1.0, (step + 1) / run.warmup_steps)
            loss = compiled(batch)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
        kept = folder / f"tokens-{checkpoint}"
        if not kept.is_dir():
            spent = seconds + time.process_time() - began
            _keep(model, tokenizer, run, checkpoint, spent, kept)
            _replace(folder / "state.pt", {
                "model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seconds": spent,
            })  # fmt: skip
            print(f"{run.name} {checkpoint:,} tokens, loss {loss.item():.3f}, {spent:.0f} s", flush=True)


def _keep(model: nn.Module, tokenizer: object, run: Run, tokens: int, seconds: float, kept: Path) -> None:
    """Write the checkpoint beside its place and rename it, so that a folder by that name is whole."""
    partial = kept.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    plain = model_of(run)
    with torch.no_grad():  # a fake-quantized weight is kept as it is seen
        for name, module in model.named_modules():
            if name and not name.endswith("parametrizations") and ".parametrizations" not in name:
                for key in ("weight", "bias"):
                    value = getattr(module, key, None)
                    if isinstance(value, Tensor):
                        getattr(plain.get_submodule(name), key).copy_(value)
    plain.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    (partial / "training.json").write_text(json.dumps(run.facts | {"tokens": tokens, "seconds": round(seconds)}) + "\n")
    partial.rename(kept)


def _replace(path: Path, state: dict[str, object]) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


if __name__ == "__main__":
    work, name = Path(sys.argv[1]), sys.argv[2]
    train(next(run for run in runs() if run.name == name), work)
