"""Sweeps whose cells are simulated: checkpoints without weights, rows by a formula, and a log of what was measured.

Run as a program it does such a sweep, to be killed: `python simulation.py FOLDER WORKERS`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from measure.cells import Baseline, Failure, Message, Row, Unit, baseline_key
from measure.checkpoints import Description, Source
from measure.plan import Plan, read_plan
from measure.store import Store, open_store
from measure.sweep import Summary, run_sweep

DOCUMENTS = 50


def make_plan(folder: Path, checkpoints: int, formats: str = "[2, 3, 4, 5, 6, 8]", workers: int = 1) -> Path:
    """A plan over so many checkpoints, each a folder with nothing but a number in it."""
    for number in range(checkpoints):
        place = folder / "runs" / f"step-{number}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "number").write_text(str(number))
    (folder / "text.jsonl").write_text('{"text": "some words to evaluate on"}\n')
    path = folder / "plan.yaml"
    path.write_text(
        f"measure: simulated\ncheckpoints: runs/*\nformats: {{method: rtn, bits: {formats}, group: [32, 64]}}\n"
        f"corpora: {{name: words, path: text.jsonl, window: 8}}\nworkers: {workers}\n"
    )
    return path


def describe(source: Source) -> Description:
    """A checkpoint of a number."""
    number = int((Path(source.name) / "number").read_text())
    digest = sha256(f"weights {number}".encode()).hexdigest()
    return Description(
        name=source.name, run="simulated", n_params=1000 + number, n_params_non_embed=900, n_tokens=1e6 * (number + 1),
        digest=digest, tokenizer_digest="t", bytes=4000, dtype="float32", facts={"seed": number % 2},
    )  # fmt: skip


def columns(unit: Unit, bits: float, key: str) -> dict[str, Any]:
    """A row by a formula of its key: the same whoever computes it."""
    assert unit.description is not None
    noise = np.random.default_rng(int(key[:8], 16)).normal() * 1e-3
    return {
        "run": unit.description.run, **unit.description.facts, "n_params": unit.description.n_params,
        "n_tokens": unit.description.n_tokens, "method": "rtn", "bits": bits, "loss_16bit": 3.0,
        "delta_loss": float(bits**-4.5 * (1 + noise)), "delta_loss_se": 1e-3, "seconds_quantize": 0.001,
        "seconds_evaluate": 0.002, "eval_tokens": 5000, "corpus_digest": unit.corpus.text.digest,
    }  # fmt: skip


def simulated(unit: Unit) -> Iterator[Message]:
    """Cells that take SIMULATED_SECONDS each; every one begun is noted in the file that SIMULATED_LOG names."""
    assert unit.description is not None
    log, seconds = os.environ.get("SIMULATED_LOG"), float(os.environ.get("SIMULATED_SECONDS", "0"))
    rng = np.random.default_rng(0)
    losses = rng.normal(size=DOCUMENTS)
    if unit.baseline is None:
        yield Baseline(baseline_key(unit.description, unit.corpus, unit.dtype), {"nats": losses})
    for format in unit.formats:
        key = unit.key(format)
        if log:
            with open(log, "a") as file:
                file.write(f"{key}\n")
        time.sleep(seconds)
        named = {"checkpoint": unit.checkpoint.label, "format": format.name, "corpus": unit.corpus.text.name}
        yield Row(key, named | columns(unit, format.bits, key), {"nats": losses * format.bits})


def fragile(unit: Unit) -> Iterator[Message]:
    """As `simulated`, but 3 bits cannot be done, and nothing of the checkpoint number 1."""
    if unit.checkpoint.label == "runs/step-1":
        raise ValueError("this checkpoint is broken")
    for message in simulated(unit):
        if isinstance(message, Row) and message.columns["bits"] == 3:
            format = next(f for f in unit.formats if unit.key(f) == message.key)
            yield Failure.of(unit, format, "RuntimeError: 3 bits are too few")
        else:
            yield message


def deadly_once(unit: Unit) -> Iterator[Message]:
    """As `simulated`, but the first worker that comes to the second cell of checkpoint number 0 is killed there."""
    mark = Path(os.environ["SIMULATED_MARK"])
    for count, message in enumerate(simulated(unit)):
        if count == 2 and unit.checkpoint.label == "runs/step-0" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
        yield message


def deadly(unit: Unit) -> Iterator[Message]:
    """As `simulated`, but 3 bits in groups of 32 of checkpoint number 0 kill every worker that tries them."""
    for message in simulated(unit):
        if isinstance(message, Row) and message.columns["format"] == "rtn-3b-g32-asym":
            if unit.checkpoint.label == "runs/step-0":
                time.sleep(0.2)  # what came before is on its way
                os.kill(os.getpid(), 9)
        yield message


def sweep(path: Path, **words: Any) -> tuple[Plan, Store, Summary]:
    """Run a simulated plan to its end."""
    plan = read_plan(path)
    store = open_store(plan.store, plan)
    measure = words.pop("measure_unit", simulated)
    return plan, store, run_sweep(plan, store, measure_unit=measure, describe=describe, **words)


def rows(store: Store) -> dict[str, str]:
    """key -> the row as it is on the disk."""
    return {path.stem: path.read_text() for path in (store.folder / "rows").glob("*.json")}


if __name__ == "__main__":
    done = sweep(Path(sys.argv[1]) / "plan.yaml")[2]
    print(json.dumps({"new": done.new, "before": done.before}))
