"""SLDBench: what the laws of laws/sldbench predict of rows that extrapolate, beside the published scores.

Every law is fitted by `lawdsl fit` to its train split and predicts its test split by `lawdsl predict`; the prediction
is the posterior mean. Four test splits are open, the others are in nobody's hands here. Each law is also fitted to a
part of its train split that leaves out what lies furthest in the way the test does, and predicts that: such folds
chose the forms, the test splits did not.

The score is the benchmark's own: 1 - the mean over targets of MSE / variance of the scored rows, all groups together.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from process import ROOT, Spent, lawdsl, show, spend

OPEN = ("parallel", "vocab", "sft", "data_constrained")


@dataclass(frozen=True)
class Task:
    """A task: R2 of the benchmark's human law and of the best agent (arXiv 2507.21184, as the data's README quotes
    them), and the folds of its train split: name -> the filter of the rows that are held out.

    A fold fits the rest, or, where a second filter is given, the rows of that.
    """

    human: float
    agent: float
    folds: dict[str, tuple[str, ...]]


TASKS = {
    "parallel": Task(1.000, 1.000, {"P = 4": ("parallel_size == 4",)}),
    "vocab": Task(0.966, 0.987, {
        "V = 64512": ("vocab_size == 64512",),
        "V = 48128, from smaller": ("vocab_size == 48128", "vocab_size < 48128"),
        "V = 32768, from smaller": ("vocab_size == 32768", "vocab_size < 32768"),
    }),
    "sft": Task(0.957, 0.993, {
        "D = 409600": ("sft_examples == 409600",),
        "D = 204800, from smaller": ("sft_examples == 204800", "sft_examples < 204800"),
    }),
    "data_constrained": Task(0.911, 0.944, {
        "N >= 2.8B or D >= 250B or U >= 91B": (
            "n_params >= 2.7e9 or n_tokens >= 2.5e11 or unique_tokens >= 9e10",
        ),
        "N >= 1.5B or D >= 174B or U >= 55B": (
            "n_params >= 1.5e9 or n_tokens >= 1.7e11 or unique_tokens >= 5e10",
        ),
    }),
    "domain_mixture": Task(0.671, 0.988, {
        "a quarter of domain 4": ("proportion_domain_4 == 0.25",),
        "an eighth of domain 1": ("proportion_domain_1 == 0.125",),
        "a sixteenth of domain 1": ("proportion_domain_1 == 0.0625",),
        "three eighths of domain 5": ("proportion_domain_5 == 0.375",),
    }),
    "moe": Task(0.703, 0.773, {
        "N = 368M": ("n_params_dense >= 3e8",),
        "N = 132M, from smaller": ("n_params_dense == 132163584", "n_params_dense < 1e8"),
    }),
    "lr_bsz": Task(-0.076, 0.604, {
        "N = 1.07B at D >= 57B": ("n_params_non_embed >= 1e9 and n_tokens >= 5e10",),
        "N >= 429M at D >= 50B": ("n_params_non_embed >= 4e8 and n_tokens >= 4.5e10",),
    }),
    "easy_question": Task(-1.000, -0.305, {
        "above 8e21 FLOP": ("log_flops > 0.9",),
        "above 2.8e22 FLOP": ("log_flops > 1.45",),
    }),
}  # fmt: skip


def main(options: argparse.Namespace) -> None:
    """Fit, predict, score and print."""
    rows, scores = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, task in TASKS.items():
            fit = Path(folder, "fit.nc")
            spent, ok = fitted(name, fit)
            score = None
            if name in OPEN:
                score = scores[name] = scored(name, fit, table(name, "test"))
            rows.append(line(name, score, task, spent, ok))
        show(["test split", "R2", "human", "best agent", "wall s", "CPU s", "verdict"], rows)
        print(f"mean of the open four: {np.mean(list(scores.values())):.3f}\n", flush=True)
        held = []
        for name, task in TASKS.items():
            for fold, (out, *kept) in task.folds.items():
                fit = Path(folder, "fold.nc")
                spent, ok = fitted(name, fit, kept[0] if kept else f"not ({out})")
                score = scored(name, fit, table(name, "train"), out)
                held.append([f"{name}: {fold}", f"{score:.3f}", f"{spent.wall:.0f}", "good" if ok else "bad"])
    show(["held out of the train split", "R2", "wall s", "verdict"], held)


def law(task: str) -> str:
    """The path of a task's law."""
    return str(ROOT / "laws" / "sldbench" / f"{task}.yaml")


def table(task: str, split: str) -> str:
    """The catalogue's name of a split."""
    return f"sldbench-{task.replace('_', '-')}-{split}"


def fitted(task: str, out: Path, where: str = "") -> tuple[Spent, bool]:
    """A law fitted to its train split, or to the rows a filter keeps: what that took, and if its verdict is good."""
    spent = spend(lawdsl("fit", law(task), "--out", str(out), "--json", *(("--where", where) if where else ())))
    return spent, bool(spent.answer["verdict"]["ok"])


def scored(task: str, fit: Path, source: str, where: str = "") -> float:
    """R2 of a fit's posterior means on a table: one minus the mean over targets of MSE / variance."""
    import lawdsl as language

    found = language.load(law(task))
    bound = language.bind(found, source, where=where or None)
    told = spend(
        lawdsl("predict", str(fit), "--table", source, "--json", *(("--where", where) if where else ())), quiet=True
    ).answer["points"]
    errors = []
    for outcome in found.outcomes:
        name = outcome.response.name
        predicted = np.array([one["mean"] for one in told if one["response"] == name])
        observed = bound.columns[name]
        errors.append(np.mean((predicted - observed) ** 2) / np.var(observed))
    return float(1 - np.mean(errors))


def line(name: str, score: float | None, task: Task, spent: Spent, ok: bool) -> list[str]:
    """A row of the table of test splits."""
    shown = "held out" if score is None else f"{score:.3f}"
    human, agent = f"{task.human:.3f}", f"{task.agent:.3f}"
    return [name, shown, human, agent, f"{spent.wall:.0f}", f"{spent.cpu:.0f}", "good" if ok else "bad"]
