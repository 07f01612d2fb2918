"""The bytes of a public repository -> the tidy table of the catalogue.

Each origin has its own column names, labels and quirks. One function per table takes the file as its repository serves
it and gives the tidy columns, in the order of the origin's rows; `ORIGINS` is the closed list of them.

    table = tidy("chinchilla-epoch", Path("svg_extracted_data.csv").read_bytes(), "svg_extracted_data.csv")

A file that is not what its function was written for (a column gone or renamed, text among numbers, a label nobody has
seen) is a `TableError` TAB105, so that a changed origin can never become a quietly wrong table.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from lawdsl.errors import Fault, Span, TableError

TYPES = {"number": pa.float64(), "count": pa.int64(), "label": pa.string(), "truth": pa.bool_()}


def tidy(id: str, content: bytes, file: str) -> pa.Table:
    """The tidy table `id` from its origin's bytes; `file` is the name that errors show.

    Raises: TableError (TAB105) if the bytes are not the table that its function knows.
    """
    try:
        return ORIGINS[id](content, file)
    except pa.ArrowInvalid as error:
        raise fault(file, f"the values do not fit this table: {str(error).splitlines()[0]}") from None


def read_csv(content: bytes, file: str, types: Mapping[str, pa.DataType] | None = None) -> pa.Table:
    """A CSV table; with `types`, only those columns, in that order and of those types.

    A blank is null in every column; no other text is, for a level may be called 'none' or 'NA'.
    Raises: TableError (TAB105).
    """
    try:
        text = content.decode("utf-8-sig")
        header = next(csv.reader(io.StringIO(text)), [])
    except (UnicodeDecodeError, csv.Error):
        raise fault(file, "the file is not CSV text in UTF-8") from None
    if types is not None:
        require(types, header, file)
    options = pacsv.ConvertOptions(null_values=[""], strings_can_be_null=True)
    if types is not None:
        options.column_types = dict(types)
        options.include_columns = list(types)
    try:
        table = pacsv.read_csv(io.BytesIO(text.encode()), convert_options=options)
    except pa.ArrowInvalid as error:
        raise fault(file, f"the file cannot be read as this table: {str(error).splitlines()[0]}") from None
    if not table.num_rows:
        raise fault(file, "the file has a header and no rows")
    return table


def require(wanted: Sequence[str] | Mapping[str, Any], present: Sequence[str], file: str) -> None:
    """Raises TableError (TAB105), naming every column that is wanted and not present."""
    missing = [name for name in wanted if name not in present]
    if missing:
        plural = "columns are" if len(missing) > 1 else "column is"
        here = ", ".join(present) if present else "none"
        raise fault(file, f"{len(missing)} {plural} missing: {', '.join(missing)}", f"Columns here: {here}.")


def fault(file: str, message: str, seen: str = "") -> TableError:
    """The one error of this module: TAB105, with what to do about it."""
    cure = "This is not the table that the catalogue describes: replace the file, or take it out of the folder."
    return TableError(Fault("TAB105", Span(file), message, f"{seen} {cure}".strip()))


def _chinchilla_epoch(content: bytes, file: str) -> pa.Table:
    """Tokens follow from compute as C/(6N). Besiroglu et al. keep the losses below the fifth largest."""
    raw = _columns(content, file, {"Model Size": "number", "Training FLOP": "number", "loss": "number"})
    params, flop, loss = raw["Model Size"], raw["Training FLOP"], raw["loss"]
    fifth = sorted(loss.to_pylist(), reverse=True)[:5][-1]
    return pa.table(
        {
            "n_params": params,
            "n_tokens": pc.divide(flop, pc.multiply(params, 6.0)),
            "train_flop": flop,
            "loss": loss,
            "excluded_by_epoch": _count(pc.greater_equal(loss, fifth)),
        }
    )


def _vocab_tao2024(content: bytes, file: str) -> pa.Table:
    """Whole numbers are written as floats in the origin; embedding parameters are vocabulary times width."""
    names = ["vocab_size", "embed_dim", "num_characters", "Non_vocab_parameters", "FLOPs", "Lossu"]
    raw = _columns(content, file, dict.fromkeys(names, "number"))
    vocab, width = _whole(raw, "vocab_size", file), _whole(raw, "embed_dim", file)
    return pa.table(
        {
            "vocab_size": vocab,
            "embed_dim": width,
            "n_params_non_vocab": _whole(raw, "Non_vocab_parameters", file),
            "n_params_vocab": pc.multiply(vocab, width),
            "n_chars": raw["num_characters"],
            "train_flop": raw["FLOPs"],
            "unigram_normalized_loss": raw["Lossu"],
        }
    )


def _misfitting_fineweb(content: bytes, file: str) -> pa.Table:
    """Names only. `C`, the compute, passes the range of 64-bit integers, hence a float."""
    names = {
        "model": ("arch", "label"),
        "N": ("n_params", "count"),
        "N_no_emb": ("n_params_no_embed", "count"),
        "D": ("n_tokens", "count"),
        "C": ("train_flop", "number"),
        "current_steps": ("steps", "count"),
        "peak_lr": ("peak_lr", "number"),
        "portion_steps_elapsed": ("portion_steps_elapsed", "number"),
        "sweep": ("sweep", "label"),
        "loss": ("loss", "number"),
    }
    return _renamed(content, file, names)


def _isoflops(content: bytes, file: str) -> pa.Table:
    """Three of the five sources: the others are tables of their own here. Llama 3's `exp_loss` is exp(`raw_loss`)."""
    names = {
        "source": ("source", "label"),
        "experiment": ("experiment", "label"),
        "dataset": ("dataset", "label"),
        "model": ("model", "label"),
        "condition": ("condition", "label"),
        "budget": ("flop_budget", "number"),
        "params": ("n_params", "number"),
        "tokens": ("n_tokens", "number"),
        "loss": ("loss", "number"),
        "outlier": ("outlier", "truth"),
        "reason": ("reason", "label"),
    }
    raw = _renamed(content, file, names)
    known = {"ml_scalefit", "llama_3", "marin_202603", "epochai_chinchilla", "misfitting"}
    _closed(raw["source"].to_pylist(), known, "source", file)
    elsewhere = pc.is_in(raw["source"], pa.array(["epochai_chinchilla", "misfitting"]))
    repeated = pc.fill_null(pc.equal(raw["condition"], "exp_loss"), False)
    kept = raw.filter(pc.invert(pc.or_(elsewhere, repeated)))
    place = kept.column_names.index("outlier")
    return kept.set_column(place, "outlier", _count(kept["outlier"]))


OPT_SIZES = {
    "125m": 125_000_000,
    "350m": 350_000_000,
    "1.3b": 1_300_000_000,
    "2.7b": 2_700_000_000,
    "6.7b": 6_700_000_000,
    "13b": 13_000_000_000,
    "30b": 30_000_000_000,
    "66b": 66_000_000_000,
    "175b": 175_000_000_000,
}


def _opt_trajectories(content: bytes, file: str) -> pa.Table:
    """Tokens are stored as log10, of whole numbers: rounded back. Loss is ln(perplexity)."""
    kinds = {"model_size": "label", "steps": "count", "num_token": "number", "ppl": "number"}
    raw = _columns(content, file, kinds)
    sizes = raw["model_size"].to_pylist()
    _closed(sizes, OPT_SIZES, "model size", file)
    return pa.table(
        {
            "model": raw["model_size"],
            "n_params": pa.array([OPT_SIZES[size] for size in sizes], pa.int64()),
            "steps": raw["steps"],
            "n_tokens": _count(pc.round(pc.power(10.0, raw["num_token"]))),
            "ppl": raw["ppl"],
            "loss": pc.ln(raw["ppl"]),
        }
    )


def _learning_curves_lang(content: bytes, file: str) -> pa.Table:
    """Exact repeats are dropped, the first is kept: the origin holds its language-model block more than once."""
    names = {
        "Domain": ("domain", "label"),
        "Task": ("task", "label"),
        "Model": ("model", "label"),
        "Seen Examples": ("seen_examples", "number"),
        "Loss": ("loss", "number"),
        "Training": ("is_train", "count"),
    }
    raw = _renamed(content, file, names)
    whole = raw.set_column(3, "seen_examples", _whole(raw, "seen_examples", file))
    rows = dict.fromkeys(zip(*(column.to_pylist() for column in whole.columns), strict=True))
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=whole.schema)


#: (weight quantizer, activation quantizer) -> (scheme, the key under which the authors fit it; {w} is the weight bits)
QUEST_SCHEMES: dict[tuple[str, str], tuple[str, str]] = {
    ("NoQuantizer", "NoQuantizer"): ("bf16", "{w}"),
    ("TrustQuantizer", "TrustQuantizer"): ("no_hadamard", "{w}NOH"),
    ("ClipQuantizer", "ClipQuantizer"): ("no_hadamard", "{w}NOH"),
    ("HadamardTrustQuantizer", "HadamardTrustQuantizer"): ("quest", "{w}"),
    ("HadamardClipQuantizer", "HadamardClipQuantizer"): ("quest", "{w}"),
    ("HalfHadamardTrustQuantizer", "HalfHadamardTrustQuantizer"): ("quest", "{w}"),
    ("HalfHadamardTrustQuantizer", "NoQuantizer"): ("quest_weight_only", "{w}WO"),
    ("HalfHadamardClipQuantizer", "NoQuantizer"): ("quest_weight_only", "{w}WO"),
    ("HadamardFourEightTrustQuantizer", "HadamardTrustQuantizer"): ("quest_sparse_2to4_int4", "2.5"),
    ("HalfHadamardFourEightTrustQuantizer", "HalfHadamardTrustQuantizer"): ("quest_sparse_2to4_int4", "2.5"),
    ("HalfHadamardFP4TrustQuantizer", "HalfHadamardFP4TrustQuantizer"): ("quest_fp4", "fp4"),
}


def _quest_qat(content: bytes, file: str) -> pa.Table:
    """Scheme and label follow from the two quantizers. The origin records FP4 runs as 16 bits; here they are 4."""
    try:
        runs = json.loads(content)
    except ValueError:
        raise fault(file, "the file is not JSON") from None
    if not (isinstance(runs, list) and runs and all(isinstance(run, dict) for run in runs)):
        raise fault(file, "the file is not a list of runs")
    try:
        return pa.Table.from_pylist([_quest_run(run, file) for run in runs])
    except KeyError as error:
        raise fault(file, f"a run lacks the field {error}") from None
    except (TypeError, ZeroDivisionError, pa.ArrowInvalid):
        raise fault(file, "a run has a field of another kind than expected") from None


def _quest_run(run: Mapping[str, Any], file: str) -> dict[str, Any]:
    quantizers = (run["w_quant"], run["a_quant"])
    if quantizers not in QUEST_SCHEMES:
        raise fault(file, f"unknown pair of quantizers: {' and '.join(map(str, quantizers))}")
    scheme, label = QUEST_SCHEMES[quantizers]
    fp4 = scheme == "quest_fp4"
    return {
        "scheme": scheme,
        "precision_label": label.format(w=run["w_bits"]),
        "w_bits": 4 if fp4 else run["w_bits"],
        "a_bits": 4 if fp4 else run["a_bits"],
        "n_params_non_embed": run["non_embedding_parameters"],
        "model_size_label": f"{run['model_size']}M",
        "n_tokens": run["tokens"],
        "tokens_per_param": run["tokens"] / run["non_embedding_parameters"],
        "lr": run["args"]["lr"],
        "steps": run["args"]["iterations"],
        "w_quantizer": run["w_quant"],
        "a_quantizer": run["a_quant"],
        "loss": run["loss"],
    }


def _columns(content: bytes, file: str, kinds: Mapping[str, str]) -> pa.Table:
    """The origin's columns by name and kind; only a label may be blank."""
    table = read_csv(content, file, {name: TYPES[kind] for name, kind in kinds.items()})
    blank = [name for name, kind in kinds.items() if kind != "label" and table[name].null_count]
    if blank:
        raise fault(file, f"blanks among the numbers of column '{blank[0]}'")
    return table


def _renamed(content: bytes, file: str, names: Mapping[str, tuple[str, str]]) -> pa.Table:
    """`names`: the origin's column -> (tidy name, kind), in tidy order."""
    raw = _columns(content, file, {origin: kind for origin, (_, kind) in names.items()})
    return raw.rename_columns([name for name, _ in names.values()])


def _count(column: Any) -> Any:
    return pc.cast(column, pa.int64())


def _whole(table: pa.Table, name: str, file: str) -> Any:
    try:
        return _count(table[name])
    except pa.ArrowInvalid:
        raise fault(file, f"column '{name}' holds numbers that are not whole") from None


def _closed(found: Iterable[Any], known: Container[Any], what: str, file: str) -> None:
    strange = sorted({str(value) for value in found if value not in known})
    if strange:
        raise fault(file, f"unknown {what}: {', '.join(strange[:5])}")


#: Every table of the catalogue that has an origin, and the function that reads it.
ORIGINS: dict[str, Callable[[bytes, str], pa.Table]] = {
    "chinchilla-epoch": _chinchilla_epoch,
    "isoflops-llama3-marin-scalefit": _isoflops,
    "learning-curves-lang": _learning_curves_lang,
    "misfitting-fineweb": _misfitting_fineweb,
    "opt-trajectories": _opt_trajectories,
    "quest-qat": _quest_qat,
    "vocab-tao2024": _vocab_tao2024,
}
