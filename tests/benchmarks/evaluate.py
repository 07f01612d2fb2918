"""Tokens per second of measuring a loss: as lawdsl does it, in a bare loop, and in lm-eval; and the memory it takes.

The bare loop is the least that gives a loss: batches cut beforehand, forward, cross entropy, one sum. It gets the same
windows and tokens a batch. lm-eval reads texts, so it is compared with cutting and evaluating together; both take
windows of 256 tokens. All run on one thread, in turn, and ratios are medians over rounds of CPU time. Memory is of a
process of its own: what it held at most beyond its imports and a pass through a small model, against the bytes of the
weights.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from process import ROOT, script, show, spend

WINDOW = 256
VOCABULARY = 1024
ROUNDS = 5
#: architecture, width, layers, and tokens a pass
MODELS = (("neox", 64, 2, 60_000), ("neox", 256, 4, 8_000), ("llama", 256, 4, 8_000))
#: width and layers of the models whose memory is taken
LARGE = ((512, 6), (1024, 6))
MEGABYTE = 1e6


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    try:
        import torch
        import transformers
    except ImportError as error:
        print(f"  missing: {error}")
        return
    sys.path.insert(0, str(ROOT / "tests"))
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    rows = []
    for kind, width, layers, tokens in MODELS:
        rows += _speeds(kind, width, layers, tokens)
    show(["evaluation", "by", "tokens / CPU s", "lawdsl / this"], rows)
    print()
    show(["memory", "weights, MB", "loading, MB", "loading and evaluating, MB", "most / weights"], _memory())


def _speeds(kind: str, width: int, layers: int, tokens: int) -> list[list[object]]:
    import torch
    from checkpoints import text_documents, tiny_model

    from measure.corpora import Corpus
    from measure.evaluate import batch_size, evaluate, windows

    model, tokenizer = tiny_model(kind, width=width, layers=layers, vocabulary=VOCABULARY, context=WINDOW)
    texts, count = [], 0
    for text in text_documents(1000, seed=9, words=(500, 2000)):
        texts.append(text)
        count += len(tokenizer(text, verbose=False)["input_ids"])
        if count > tokens:
            break
    corpus = Corpus("made up", tuple(map(str, range(len(texts)))), tuple(texts), "")
    cut = windows(corpus, tokenizer, WINDOW)
    many = max(1, batch_size(model, WINDOW) // WINDOW)
    stream = torch.from_numpy(cut.stream).long()
    pieces = torch.stack([stream[start : start + WINDOW + 1] for start in cut.starts.tolist()])
    batches = [(piece[:, :-1].contiguous(), piece[:, 1:].contiguous()) for piece in pieces.split(many)]

    def bare() -> float:
        total = 0.0
        with torch.inference_mode():
            for given, wanted in batches:
                logits = model(input_ids=given, use_cache=False).logits
                total += float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten()))
        return total

    whole = "lawdsl, text to loss"
    passes: dict[str, Callable[[], Any]] = {
        "lawdsl": lambda: evaluate(model, cut),
        "bare loop": bare,
        whole: lambda: evaluate(model, windows(corpus, tokenizer, WINDOW)),
    }
    judge = _judge(model, tokenizer, texts, many)
    if judge is not None:
        passes["lm-eval, text to loss"] = judge
    taken = _in_turn(passes)
    rows: list[list[object]] = []
    for name, seconds in taken.items():
        ours = taken[whole if "text" in name else "lawdsl"]
        ratio = statistics.median(theirs / mine for theirs, mine in zip(seconds, ours, strict=True))
        speed = int(cut.tokens.sum()) / statistics.median(seconds)
        rows.append([f"{kind}, width {width}, {layers} layers", name, f"{speed:,.0f}", f"{ratio:.3f}"])
    if judge is None:
        rows.append([f"{kind}, width {width}, {layers} layers", "lm-eval", "missing", ""])
    else:
        found, told = evaluate(model, cut).nats.sum(), -sum(judge())
        print(f"  {kind}, width {width}: nats of the text differ from lm-eval's by {abs(found / told - 1):.0e}")
    return rows


def _judge(model: Any, tokenizer: Any, texts: list[str], batch: int) -> Callable[[], list[float]] | None:
    """lm-eval's log-likelihoods of the texts, or None without lm-eval."""
    import contextlib
    import io
    import logging

    try:
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM
    except ImportError:
        return None
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    judge = HFLM(pretrained=model, tokenizer=tokenizer, max_length=WINDOW, batch_size=batch)
    asked = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(texts)]

    def told() -> list[float]:
        with contextlib.redirect_stderr(io.StringIO()):  # its bars
            return list(judge.loglikelihood_rolling(asked, disable_tqdm=True))

    return told


def _in_turn(passes: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """CPU seconds of each pass, round by round, in an order that turns."""
    taken: dict[str, list[float]] = {name: [] for name in passes}
    for run in passes.values():
        run()
    for turn in range(ROUNDS):
        for name in list(passes) if turn % 2 else list(passes)[::-1]:
            began = time.process_time()
            passes[name]()
            taken[name].append(time.process_time() - began)
    return taken


def _memory() -> list[list[object]]:
    from checkpoints import save, tiny_model

    rows: list[list[object]] = []
    for width, layers in LARGE:
        with TemporaryDirectory() as folder:
            model, tokenizer = tiny_model(
                "neox", width=width, layers=layers, vocabulary=VOCABULARY, context=WINDOW, spread=0.02
            )
            save(Path(folder), model, tokenizer)
            del model
            found = spend(script(sys.executable, "evaluate.py", folder), quiet=True).answer
        weights, most = found["weights"] / MEGABYTE, (found["evaluated"] - found["imported"]) / MEGABYTE
        loading = (found["loaded"] - found["imported"]) / MEGABYTE
        rows.append(
            [f"neox, width {width}", f"{weights:.0f}", f"{loading:.0f}", f"{most:.0f}", f"{most / weights:.2f}"]
        )
    return rows


def _most() -> int:
    """The most bytes this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _child(folder: str) -> None:
    """Load and evaluate the checkpoint, and say what that held."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import torch
    from checkpoints import text_documents, tiny_model

    from measure.checkpoints import Source, describe, load
    from measure.corpora import Corpus
    from measure.evaluate import evaluate, windows

    torch.set_num_threads(1)
    small, tokenizer = tiny_model("neox", vocabulary=VOCABULARY)
    corpus = Corpus("made up", ("0",), (text_documents(1, seed=9, words=(8000, 8000))[0],), "")
    evaluate(small, windows(corpus, tokenizer, 64))  # what the first pass of all imports
    known = describe(Source(folder))
    imported = _most()
    model, tokenizer = load(Source(folder), "cpu")
    loaded = _most()
    evaluate(model, windows(corpus, tokenizer, WINDOW))
    print(json.dumps({"weights": known.bytes, "imported": imported, "loaded": loaded, "evaluated": _most()}))


if __name__ == "__main__":
    _child(sys.argv[1])
