"""Results of other people's evaluations as rows: folders of lm-eval, logs of llama.cpp's perplexity.

    frame = lawdsl.read_table("results/")            # or: lawdsl data import results/ logs/ -o rows.csv

Every row says where it is from (`source`, `evaluator`), which model, revision and quantization it is of, and carries
the standard error of each number in a column `..._se`. Units are never guessed: llama.cpp's loss is per token of the
model's own tokenizer (`loss`, nats/token); lm-eval's is per byte (`bits_per_byte`) and per word (`nats_per_word`), and
nothing in its files turns those into losses per token.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import limits
from ..errors import Fault, InputError, OutsideError, Span, TableError
from ..units import Quantity, quantity

if TYPE_CHECKING:
    from ..frames import Frame

#: what the columns hold; a perplexity is no loss, so that it cannot be bound to one unlogged
QUANTITIES = {
    "n_params": "total parameters", "bits": "bits", "bits_per_weight": "bits", "loss": "nats/token",
    "loss_se": "nats/token", "delta_loss": "nats/token", "delta_loss_se": "nats/token", "bits_per_byte": "bits/byte",
    "bits_per_byte_se": "bits/byte", "nats_per_word": "nats/word", "nats_per_word_se": "nats/word",
    "token_perplexity": "ratio", "word_perplexity": "ratio", "byte_perplexity": "ratio", "perplexity": "ratio",
    "acc": "fraction", "acc_norm": "fraction", "acc_se": "fraction", "acc_norm_se": "fraction",
}  # fmt: skip
#: the columns that come first, as far as rows have them
LEADING = (
    "source", "evaluator", "model", "revision", "step", "n_params", "quantization", "bits", "bits_per_weight", "task",
    "n_shot", "loss", "loss_se", "delta_loss", "delta_loss_se", "bits_per_byte", "bits_per_byte_se", "nats_per_word",
    "nats_per_word_se", "acc", "acc_se", "acc_norm", "acc_norm_se",
)  # fmt: skip
LOGS = frozenset({".log"})

Row = Mapping[str, Any]


@dataclass
class Found:
    """What the files gave so far."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def is_results(path: Path) -> bool:
    """Whether a file's name is one that lm-eval gives its results: results.json, results_2024-07-10T12-34-56.json."""
    return path.suffix == ".json" and (path.stem == "results" or path.stem.startswith("results_"))


def is_evaluation(path: Path) -> bool:
    """Whether a file's name says that it holds results of an evaluation."""
    return is_results(path) or path.suffix.lower() in LOGS


def files_in(folder: Path) -> list[Path]:
    """The results and logs in a folder and the folders below it, in the order of their names.

    Raises: TableError (TAB013) for folders too deep or full to be such.
    """
    found: list[Path] = []
    seen = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if len(here.relative_to(folder).parts) >= limits.EVALUATION_DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen += len(names)
        if seen > limits.EVALUATION_FILES:
            message, cure = f"more than {limits.EVALUATION_FILES:,} files", "Name the folder of the results itself."
            raise TableError(Fault("TAB013", Span(str(folder)), message, cure))
        found += [here / name for name in sorted(names) if is_evaluation(Path(name)) and not name.startswith(".")]
    return found


def read_evaluations(paths: Iterable[str | Path]) -> Frame:
    """The rows of lm-eval results and llama.cpp logs: files, or folders of them.

    Raises: TableError with every fault of every file: TAB120 for a path without results, TAB121 for lm-eval's files,
    TAB122 for llama.cpp's; OutsideError (TAB001) for one that cannot be read.
    """
    import pyarrow as pa

    from ..frames import Frame, json_column

    found, digest = Found(), hashlib.sha256()
    named = [Path(path) for path in paths]
    for path in named:
        inside = path.is_dir()
        files = files_in(path) if inside else [path]
        before = len(found.rows) + len(found.faults)
        for file in files:
            _read(file, found, digest, alone=not inside)
        if len(found.rows) + len(found.faults) == before:
            cure = "Give lm-eval's output folder (results_*.json), or logs of llama-perplexity (*.log)."
            found.faults.append(Fault("TAB120", Span(str(path)), "no results of an evaluation are here", cure))
    if found.faults:
        raise TableError(_some(found.faults))
    present = dict.fromkeys(name for row in found.rows for name in row)
    order = [name for name in LEADING if name in present] + [name for name in present if name not in LEADING]
    if len(order) > limits.TABLE_COLUMNS:
        message = f"{len(order)} columns: every metric has its own"
        cure = f"At most {limits.TABLE_COLUMNS}; import fewer tasks at once."
        raise TableError(Fault("TAB013", Span(str(named[0])), message, cure))
    arrow = pa.table({name: json_column([row.get(name) for row in found.rows]) for name in order})
    known: dict[str, tuple[Quantity, float]] = {}
    for name, text in QUANTITIES.items():
        unit = quantity(text)
        if name in present and unit is not None:
            known[name] = (unit, 1.0)
    label = str(named[0]) if len(named) == 1 else f"{named[0]} and {len(named) - 1} more"
    return Frame(arrow, label, digest.hexdigest(), known, tuple(dict.fromkeys(found.notes)))


def _some(faults: list[Fault]) -> list[Fault]:
    shown = faults[: limits.TABLE_FAULTS]
    if len(faults) > len(shown):
        shown.append(Fault(faults[0].code, Span(), f"{len(faults) - len(shown)} more faults of this kind"))
    return shown


def _read(file: Path, found: Found, digest: Any, *, alone: bool) -> None:
    """One file's rows into `found`. A log of something else counts only where it was named by itself."""
    from . import harness, llama

    try:
        if file.suffix == ".json":
            rows, notes, content = harness.read(file)
        else:
            rows, notes, content = llama.read(file, alone)
    except TableError as error:
        found.faults += error.faults
    except OSError as error:
        cure = "Check the path and its rights."
        message = f"cannot be read: {error.strerror or type(error).__name__}"
        raise OutsideError(Fault("TAB001", Span(str(file)), message, cure)) from None
    else:
        found.rows += rows
        found.notes += notes
        digest.update(content)


def write(frame: Frame, path: Path) -> None:
    """The rows as .csv or .parquet, whole or not at all.

    Raises: InputError (TAB107) for a name with another ending, OutsideError (TAB107) where it cannot be written.
    """
    from ..atomic import replacing

    if path.suffix not in (".csv", ".parquet"):
        cure = f"Write it as {path.with_suffix('.csv').name} or {path.with_suffix('.parquet').name}."
        raise InputError(Fault("TAB107", Span(str(path)), f"'{path.name}' is not a name for a table", cure))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            if path.suffix == ".csv":
                import pyarrow.csv

                pyarrow.csv.write_csv(frame.arrow, partial)
            else:
                import pyarrow.parquet

                pyarrow.parquet.write_table(frame.arrow, partial)
    except OSError as error:
        message = f"cannot be written: {error.strerror or type(error).__name__}"
        raise OutsideError(Fault("TAB107", Span(str(path)), message, "Check the folder and its rights.")) from None
