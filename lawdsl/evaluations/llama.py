"""Logs of llama.cpp's perplexity (`llama-perplexity`, before July 2024 `perplexity`): builds of 2023-08 and later.

What is read, wherever in a line it stands (so that time stamps before it do no harm):

    llama_model_loader: loaded meta data with ... from models/x-Q4_K_M.gguf (version GGUF V3 (latest))
    llm_load_print_meta: model ftype      = Q4_K - Medium             (print_info: file type    = ... since 2025)
    llm_load_print_meta: model params     = 8.03 B
    llm_load_print_meta: model size       = 4.58 GiB (4.89 BPW)       (print_info: file size    = ...)
    perplexity: calculating perplexity over 564 chunks, n_ctx=512, batch_size=2048, n_seq=4
    Final estimate: PPL = 6.2332 +/- 0.03781

and with --kl-divergence, instead of the last line, the mean PPL(Q), ln(PPL(Q)/PPL(base)) and KLD. The perplexity is per
token of the model's own tokenizer, over the second half of each chunk; its error takes tokens for independent. The loss
is its logarithm, and the error of that the perplexity's error over the perplexity. ln(PPL(Q)/PPL(base)) is the
degradation, paired token by token.
"""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path
from typing import Any

from .. import limits
from ..errors import Fault, Span, TableError

_NUMBER = r"(-?(?:\d[\d.]*(?:e[+-]?\d+)?|nan|inf))"
_ERROR = rf"\s*(?:±|\+/-|\ufffd+)\s*{_NUMBER}"
_LOADED = re.compile(r"loaded meta data with .*? from (.+?) \(version ")
_BUILD = re.compile(r"(?:main: build = |\bbuild: )(\d{1,9})\b")
_FACT = re.compile(
    r"(?:llm_load_print_meta|print_info):\s*"
    r"(model ftype|file type|model params|model size|file size|general\.name)\s*=\s*(.*)"
)
_OVER = re.compile(r"calculating perplexity over (\d{1,9}) chunks(?:, n_ctx=(\d{1,9}))?")
_CONTEXT = re.compile(r"(?:llama_new_context_with_model|llama_context): n_ctx\s*=\s*(\d{1,9})")
_FINAL = re.compile(rf"Final estimate: PPL = {_NUMBER}{_ERROR}")
_MEAN = re.compile(rf"^\s*Mean\s+(PPL\(Q\)|PPL\(base\)|ln\(PPL\(Q\)/PPL\(base\)\)|KLD)\s*:\s*{_NUMBER}{_ERROR}")
_BITS = re.compile(r"^(?:I?Q|TQ|MXFP|NVFP|B?F)(\d{1,2})(?:[_ ]|$)")
_SIZE = re.compile(r"([\d.]+)\s*(B|KiB|MiB|GiB|TiB)\b")
_BPW = re.compile(r"\(([\d.]+) BPW\)")
_PARAMS = re.compile(r"([\d.]+)\s*([KMBT])\b")
_BYTES = {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_COUNTS = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}
_MEANS = {"PPL(base)": ("base_perplexity", "base_perplexity_se"), "KLD": ("kl", "kl_se"),
          "ln(PPL(Q)/PPL(base))": ("delta_loss", "delta_loss_se")}  # fmt: skip


def read(file: Path, alone: bool) -> tuple[list[dict[str, Any]], list[str], bytes]:
    """The rows of a log, one a run that came to its end; notes; and a digest. A log in which llama.cpp says nothing is
    passed over unless it was named `alone`.

    Raises: TableError (TAB122) for a log without an estimate, TAB013 for one too large.
    """
    if file.stat().st_size > limits.LOG_BYTES:
        cure = f"Logs have at most {limits.LOG_BYTES:,}: keep the lines that llama.cpp itself writes."
        raise TableError(Fault("TAB013", Span(str(file)), f"{file.stat().st_size:,} bytes", cure))
    log = _Log(file)
    digest = hashlib.sha256()
    with open(file, "rb") as opened:
        number, ended = 0, True
        while line := opened.readline(limits.LOG_LINE):
            number += ended  # a line longer than any that is read comes in pieces
            ended = line.endswith(b"\n")
            digest.update(line)
            log.take(line.decode("utf-8", "replace"), number)
    log.close(number)
    if log.faults:
        raise TableError(log.faults)
    if not log.rows and alone:
        cure = "A log is all that `llama-perplexity -m MODEL.gguf -f TEXT` prints, on both outputs: 2>&1 | tee x.log."
        raise TableError(Fault("TAB122", Span(str(file)), "llama.cpp's perplexity says nothing here", cure))
    notes = [] if log.rows else [f"{file}: passed over, since no perplexity of llama.cpp is in it"]
    if any("loss_se" in row for row in log.rows):
        notes.append(
            "llama.cpp's standard errors take tokens for independent; losses are per token of each model's own"
        )
    return log.rows, notes, digest.digest()


class _Log:
    """What a log has said so far of the run that it is in."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.build = ""
        self.facts: dict[str, Any] = {}
        self.means: dict[str, float] = {}
        self.begun = 0
        self.rows: list[dict[str, Any]] = []
        self.faults: list[Fault] = []

    def take(self, line: str, number: int) -> None:
        """One line."""
        if match := _BUILD.search(line):
            self.build = match[1]
        elif match := _LOADED.search(line):
            self.close(number)
            self.facts = {"model_file": Path(match[1].strip().replace("\\", "/")).name[:200]}
        elif match := _FACT.search(line):
            self._fact(match[1], match[2].strip())
        elif match := _OVER.search(line):
            self.close(number)
            self.begun = number
            self.facts["chunks"] = float(match[1])
            if match[2]:
                self.facts["n_ctx"] = float(match[2])
        elif match := _CONTEXT.search(line):
            self.facts.setdefault("n_ctx", float(match[1]))
        elif match := _FINAL.search(line):
            self._row(match[1], match[2], number)
        elif match := _MEAN.search(line):
            if match[1] == "PPL(Q)":
                self._row(match[2], match[3], number)
            elif self.rows:
                for name, text in zip(_MEANS[match[1]], (match[2], match[3]), strict=True):
                    value = _number(text)
                    if value is not None:
                        self.rows[-1][name] = value
        elif "Unexpected negative standard deviation" in line:
            self._fault(
                number, "llama.cpp has no standard error: too few tokens", "Give it a longer text, or fewer -c."
            )
            self.begun = 0

    def close(self, number: int) -> None:
        """The end of a run: one that began must have come to an estimate."""
        if self.begun:
            message = "a perplexity was begun here, and has no final estimate"
            self._fault(
                self.begun, message, "The run was stopped, or is by --ppl-stride, which has none: run it again."
            )
        self.begun = 0

    def _fault(self, line: int, message: str, cure: str) -> None:
        self.faults.append(Fault("TAB122", Span(str(self.file), line), message, cure))

    def _fact(self, name: str, text: str) -> None:
        if name in ("model ftype", "file type"):
            self.facts["quantization"] = text.removeprefix("mostly ").removesuffix(", some F16").strip()[:80]
        elif name == "general.name":
            self.facts["model"] = text[:200]
        elif name == "model params" and (match := _PARAMS.search(text)):
            self.facts["n_params"] = _number(f"{match[1]}{_COUNTS[match[2]]}")
        elif name in ("model size", "file size"):
            if match := _BPW.search(text):
                self.facts["bits_per_weight"] = _number(match[1])
            if match := _SIZE.search(text):
                size = _number(match[1])
                self.facts["model_bytes"] = None if size is None else size * _BYTES[match[2]]

    def _row(self, estimate: str, error: str, number: int) -> None:
        self.begun = 0
        perplexity, spread = _number(estimate), _number(error)
        if perplexity is None or perplexity <= 0:
            self._fault(
                number, f"the perplexity is {estimate}", "The model or its quantization is broken; run it again."
            )
            return
        facts = {name: value for name, value in self.facts.items() if value is not None}
        told: dict[str, Any] = {
            "source": f"{self.file}:{number}", "evaluator": f"llama.cpp b{self.build}" if self.build else "llama.cpp",
            "model": facts.get("model") or facts.get("model_file", ""), **facts,
            "token_perplexity": perplexity, "loss": math.log(perplexity),
        }  # fmt: skip
        if spread is not None and spread >= 0:
            told |= {"token_perplexity_se": spread, "loss_se": spread / perplexity}
        if match := _BITS.match(str(facts.get("quantization", ""))):
            told["bits"] = float(match[1])
        if "bits_per_weight" not in told and facts.get("model_bytes") and facts.get("n_params"):
            told["bits_per_weight"] = facts["model_bytes"] * 8 / facts["n_params"]
        if "chunks" in facts and "n_ctx" in facts:  # the second half of each chunk is scored, but for its first token
            told["eval_tokens"] = facts["chunks"] * (facts["n_ctx"] - facts["n_ctx"] // 2 - 1)
        self.rows.append(told)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= limits.NUMBER_MAGNITUDE else None
