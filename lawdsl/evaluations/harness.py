"""Results of EleutherAI's lm-evaluation-harness: results_*.json of 0.4.x, results of 0.3, and per-document samples.

A results file holds `results` (task -> "metric,filter" -> number, in 0.3 task -> metric), `config` with the model's
arguments, and beside it 0.4.3 and later put samples_TASK_DATE.jsonl, a line a document, where --log_samples was given.
For tasks of whole texts (wikitext) a document has its log likelihood in nats and its count of words and bytes; their
sums are the scores, and their scatter the standard errors that the results file does not give ("N/A").

A word is what stands between blanks, a byte one of UTF-8. lm-eval counts no tokens: bits per byte and nats per word do
not become nats per token without the tokenizer.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import limits
from ..errors import Fault, Span, TableError

#: how a metric of whole texts is called, the count that it is per, and what it becomes: a column of loss
_ROLLING = {"bits_per_byte": "bits_per_byte", "word_perplexity": "nats_per_word"}
#: how near the samples' score must come to that of the results, relative
SAME = 1e-3
_METRIC = re.compile(r"[A-Za-z_][\w@.\-]{0,63}")
_STEP = re.compile(r"(?:^|[^a-z])step[_-]?(\d{1,12})$", re.IGNORECASE)
_RUN = "lm_eval --model hf --model_args pretrained=MODEL --tasks wikitext --output_path OUT --log_samples"


def read(file: Path) -> tuple[list[dict[str, Any]], list[str], bytes]:
    """The rows of a results file (a row a task and filter), notes, and a digest of what was read.

    Raises: TableError (TAB121) for what is not such a file, TAB013 for one too large.
    """
    if file.stat().st_size > limits.RESULTS_BYTES:
        message = f"{file.stat().st_size:,} bytes"
        raise _fault(file, message, f"Results have at most {limits.RESULTS_BYTES:,}.", "TAB013")
    content = file.read_bytes()
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise _fault(file, f"not JSON: {str(error).splitlines()[0][:120]}", "Copy the file again.", line=line) from None
    results = whole.get("results") if isinstance(whole, dict) else None
    if not isinstance(results, dict) or not results:
        raise _fault(file, "no `results` in it", f"lm-eval writes it: {_RUN}.")
    common = _model(whole, file)
    digest, rows, notes = hashlib.sha256(content), [], []
    faults: list[Fault] = []
    for task, scores in results.items():
        if not isinstance(scores, dict):
            faults.append(Fault("TAB121", Span(str(file)), f"results.{task[:60]} holds no scores", "Copy it again."))
            continue
        for filtered, metrics in _by_filter(scores).items():
            row = common | _task(whole, task, filtered) | _numbers(metrics, f"results.{task[:60]}", file, faults)
            rows.append(row)
            if "bits_per_byte" in row and "bits_per_byte_se" not in row:
                told, read_there = _from_samples(file, task, row)
                notes += told
                digest.update(read_there)
    if faults:
        raise TableError(faults)
    if any("nats_per_word" in row for row in rows):
        notes.append("lm-eval's losses are per word and per byte: nothing in its files makes them per token")
    return rows, notes, digest.digest()


def _fault(file: Path, message: str, cure: str, code: str = "TAB121", line: int = 0) -> TableError:
    return TableError(Fault(code, Span(str(file), line), message, cure))


def _model(whole: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """What the row is of: model, revision, size, and where it is from."""
    config = whole.get("config")
    config = config if isinstance(config, dict) else {}
    arguments = _arguments(config.get("model_args"))
    version = _text(whole.get("lm_eval_version")) or _text(whole.get("git_hash"))
    name = _text(whole.get("model_name")) or arguments.get("pretrained", arguments.get("model", ""))
    revision = _text(config.get("model_revision")) or arguments.get("revision", "")
    step = _STEP.search(revision) or _STEP.search(name)
    size, limit, date = (
        _number(x) for x in (config.get("model_num_parameters"), config.get("limit"), whole.get("date"))
    )
    found: dict[str, Any] = {
        "source": str(file), "evaluator": f"lm-eval {version}".strip(), "model": name, "revision": revision,
        "step": float(step[1]) if step else None, "n_params": size if size is not None and size > 0 else None,
        "dtype": (_text(config.get("model_dtype")) or arguments.get("dtype", "")).removeprefix("torch."),
        "model_args": _text(config.get("model_args")) or json.dumps(config.get("model_args"), default=str)[:500],
        "limit": limit, "max_length": _number(whole.get("max_length")),
    }  # fmt: skip
    if date is not None and 0 < date < 4e9:
        found["measured_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(date))
    return {name: value for name, value in found.items() if value not in (None, "", "null")}


def _arguments(given: object) -> dict[str, str]:
    """`pretrained=x,revision=y`, or a mapping as later releases write it."""
    if isinstance(given, dict):
        return {str(name): _text(value) for name, value in given.items() if _text(value)}
    pairs = (part.partition("=") for part in _text(given).split(","))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def _task(whole: Mapping[str, Any], task: str, filtered: str) -> dict[str, Any]:
    def of(table: str) -> Any:
        held = whole.get(table)
        return held.get(task) if isinstance(held, dict) else None

    config, counts = of("configs"), of("n-samples")
    shots = _number(of("n-shot"))
    if shots is None and isinstance(config, dict):
        shots = _number(config.get("num_fewshot"))
    if shots is None and isinstance(whole.get("config"), dict):
        shots = _number(whole["config"].get("num_fewshot"))  # where 0.3 has it
    groups = whole.get("groups")
    found = {
        "task": task[:200], "filter": filtered if filtered != "none" else None, "n_shot": shots,
        "task_version": _text(of("versions")) or None,
        "eval_documents": _number(counts.get("effective")) if isinstance(counts, dict) else None,
        "is_group": True if isinstance(groups, dict) and task in groups else None,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _by_filter(scores: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Filter -> metric -> value. Names have the filter behind a comma since 0.4; a file of 0.3 has none anywhere."""
    found: dict[str, dict[str, Any]] = {}
    filters = any("," in name for name in scores)
    for name, value in scores.items():
        metric, comma, behind = name.partition(",")
        if bool(comma) == filters and metric not in ("alias", "name", "sample_len"):
            found.setdefault(behind or "none", {})[metric] = value
    return found


def _numbers(metrics: Mapping[str, Any], place: str, file: Path, faults: list[Fault]) -> dict[str, Any]:
    """The metrics as columns with their errors, and losses in the units that they have."""
    row: dict[str, Any] = {}
    for metric, value in metrics.items():
        base = metric.removesuffix("_stderr")
        number = _number(value)
        if not _METRIC.fullmatch(base):
            cure = "Names of metrics have letters, digits and _."
            faults.append(Fault("TAB121", Span(str(file)), f"{place} has a metric '{metric[:40]}'", cure))
        elif number is not None:
            row[base if base == metric else f"{base}_se"] = number
        elif not _is_missing(value):
            message = f"{place}.{metric} is no number: {json.dumps(value, default=str)[:40]}"
            faults.append(
                Fault("TAB121", Span(str(file)), message, "Copy the file again; lm-eval writes numbers there.")
            )
    for metric in ("word_perplexity", "byte_perplexity", "perplexity"):
        if row.get(metric, 1.0) <= 0:
            message = f"{place}.{metric} is {row[metric]:g}"
            faults.append(Fault("TAB121", Span(str(file)), message, "A perplexity is positive."))
            return row
    if "byte_perplexity" in row and "bits_per_byte" not in row:
        row["bits_per_byte"] = math.log2(row["byte_perplexity"])
        if "byte_perplexity_se" in row:  # of a logarithm: relative, in bits
            row["bits_per_byte_se"] = row["byte_perplexity_se"] / row["byte_perplexity"] / math.log(2)
    if "word_perplexity" in row:
        row["nats_per_word"] = math.log(row["word_perplexity"])
        if "word_perplexity_se" in row:
            row["nats_per_word_se"] = row["word_perplexity_se"] / row["word_perplexity"]
    return row


def _from_samples(file: Path, task: str, row: dict[str, Any]) -> tuple[list[str], bytes]:
    """Standard errors from the documents of a task of whole texts, into the row; notes, and a digest of the samples."""
    stamp = file.stem.removeprefix("results").removeprefix("_")
    samples = file.with_name(f"samples_{task}_{stamp}.jsonl")
    if not stamp or "/" in task or "\\" in task or not samples.is_file():
        return [f"{task}: no standard errors; run lm-eval with --log_samples, whose documents give them"], b""
    sums: dict[str, list[tuple[float, float]]] = {metric: [] for metric in _ROLLING}
    digest = hashlib.sha256()
    for number, line in enumerate(_lines(samples), 1):
        digest.update(line)
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            raise _fault(samples, "not JSON", "Copy the file again, or leave it out.", line=number) from None
        for metric, pairs in sums.items():
            pair = document.get(metric) if isinstance(document, dict) else None
            if isinstance(pair, list) and len(pair) == 2:
                nats, count = _number(pair[0]), _number(pair[1])
                if nats is not None and count is not None and count > 0:
                    pairs.append((-nats, count))
    notes: list[str] = []
    for metric, column in _ROLLING.items():
        if column not in row or len(sums[metric]) < 2:
            continue
        score, error = _ratio(sums[metric])
        unit = math.log(2) if metric == "bits_per_byte" else 1.0
        if not math.isclose(score / unit, row[column], rel_tol=SAME):
            notes.append(f"{task}: the samples beside {file.name} are of another run, and give no standard error")
            return notes, digest.digest()
        row[f"{column}_se"] = error / unit
    row["eval_documents"] = float(len(sums["bits_per_byte"]))
    row["eval_bytes"] = sum(count for _, count in sums["bits_per_byte"])
    return [f"{task}: standard errors are from the scatter of its documents"], digest.digest()


def _ratio(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """A ratio of sums over documents and its standard error, by linearization: documents are drawn, not words."""
    total = sum(count for _, count in pairs)
    ratio = sum(nats for nats, _ in pairs) / total
    n = len(pairs)
    square = sum((nats - ratio * count) ** 2 for nats, count in pairs)
    return ratio, math.sqrt(n / (n - 1) * square) / total


def _lines(file: Path) -> Iterator[bytes]:
    """The lines of a file of samples. Raises: TableError (TAB013) for a line that no document could be."""
    with open(file, "rb") as opened:
        while line := opened.readline(limits.SAMPLE_BYTES + 1):
            if len(line) > limits.SAMPLE_BYTES:
                raise _fault(
                    file, f"a line of more than {limits.SAMPLE_BYTES:,} bytes", "Leave the file out.", "TAB013"
                )
            if line.strip():
                yield line


def _text(value: object) -> str:
    return value[:500] if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""


def _number(value: object) -> float | None:
    """A finite number; None of everything else, so of NaN and texts."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) <= limits.NUMBER_MAGNITUDE else None


def _is_missing(value: object) -> bool:
    """What lm-eval writes where it has no number; whatever is no score (a list of files, a text) is passed over too."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or isinstance(value, bool) or (isinstance(value, str) and value in ("N/A", "", "nan", " "))
