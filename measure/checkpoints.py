"""Checkpoints: what is known of one before it is loaded (size, tokens, digests), and the model and tokenizer.

    source = Source("EleutherAI/pythia-160m@step8000")        # or a folder
    describe(source).n_tokens                                 # 16777216000.0
    model, tokenizer = load(source, device="auto", dtype="auto")

No code of a checkpoint is ever run. A folder may hold `training.json`, an object with "tokens" seen so far, "run" and
any plain facts (seed, learning rate), which become columns of the rows measured on it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, util
from logging import CRITICAL
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lawdsl.errors import Fault, InputError, OutsideError, Span

from .devices import free_memory, pick_device, pick_dtype
from .hub import ID, snapshot, tokens_of
from .weights import Weights, count, digest_of, read_config, read_json, read_weights, tokenizer_digest

__all__ = ["Description", "Source", "describe", "load", "pick_device"]

Fact = str | int | float | bool | None
#: the share of the free memory that weights may take; the rest is for logits and rounding
SHARE = 0.8


@dataclass(frozen=True)
class Source:
    """One checkpoint as a plan names it: a folder, a hub id, or hub id@revision. `tokens` and `run` override."""

    name: str
    tokens: float | None = None
    run: str | None = None
    allow_pickle: bool = False


@dataclass(frozen=True)
class Description:
    """What a checkpoint is, without its weights being loaded.

    `n_params` counts each tensor once, a tied head with its embedding; `n_params_non_embed` leaves out token and
    position embeddings and the head. `n_tokens` is None where nothing says it. `digest` is over the weight files,
    `bytes` their size; `dtype` is that of most weights as stored. `facts` are the other fields of training.json.
    """

    name: str
    run: str
    n_params: int
    n_params_non_embed: int
    n_tokens: float | None
    digest: str
    tokenizer_digest: str
    bytes: int
    dtype: str
    facts: Mapping[str, Fact]


def describe(source: Source, offline: bool | None = None) -> Description:
    """Reads headers, config and training.json, and digests the files; a hub id is fetched where the cache lacks it.

    Raises: InputError, OutsideError (MEA101 to MEA107, MEA110).
    """
    _needs("torch", "transformers")
    folder, repository, revision = _folder(source, offline)
    weights = read_weights(folder, source.name, source.allow_pickle)
    trained = _training(folder)
    tokens = source.tokens if source.tokens is not None else trained.pop("tokens", None)
    if tokens is None and repository:
        tokens = tokens_of(repository, revision)
    run = source.run or str(trained.pop("run", repository or folder.resolve().name))
    with _quiet():
        n_params, n_params_non_embed = count(folder, source.name, weights)
    return Description(
        name=source.name, run=run, n_params=n_params, n_params_non_embed=n_params_non_embed, n_tokens=tokens,
        digest=digest_of(weights.files), tokenizer_digest=tokenizer_digest(folder, source.name), bytes=weights.bytes,
        dtype=weights.dtype, facts={key: value for key, value in trained.items() if key not in ("tokens", "run")},
    )  # fmt: skip


def load(source: Source, device: str = "auto", dtype: str = "auto", offline: bool | None = None) -> tuple[Any, Any]:
    """(model, tokenizer): the model in eval mode and without gradients, on `device`, in `dtype` (auto: as stored).

    Weights that the device's free memory does not hold are spread by accelerate over what there is (device_map="auto").
    Raises: InputError, OutsideError (MEA101 to MEA111).
    """
    _needs("torch", "transformers")
    folder, _, _ = _folder(source, offline)
    weights = read_weights(folder, source.name, source.allow_pickle)
    tokenizer_digest(folder, source.name)  # says what is missing before anything large is read
    place = pick_device(device)
    numbers = pick_dtype(dtype, weights.dtype)
    with _quiet():
        model = _model(folder, source.name, weights, place, numbers)
        return model.eval().requires_grad_(False), _tokenizer(folder, source.name)


def _model(folder: Path, name: str, weights: Weights, place: Any, numbers: Any) -> Any:
    import torch
    from safetensors import SafetensorError

    numel = sum(torch.Size(shape).numel() for shape in weights.shapes.values())
    spread = numel * numbers.itemsize > SHARE * free_memory(place)
    if spread:
        _needs("accelerate", why="the weights are larger than the free memory, and accelerate spreads them")
    scratch = TemporaryDirectory(prefix="lawdsl-") if spread else None
    try:
        model, info = _transformers().AutoModelForCausalLM.from_pretrained(
            folder, config=read_config(folder, name), dtype=numbers, use_safetensors=not weights.pickled,
            trust_remote_code=False, local_files_only=True, output_loading_info=True,
            **({"device_map": "auto", "offload_folder": scratch.name} if scratch else {}),
        )  # fmt: skip
        if not spread:
            model = model.to(place)
    except torch.OutOfMemoryError:
        message = f"{place} has no memory for the weights ({weights.bytes / 1e9:.3g} GB stored)"
        raise OutsideError(Fault("MEA111", Span(name), message, "Free the device, or use another.")) from None
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        message = f"transformers cannot load it: {(str(error).strip() or type(error).__name__).splitlines()[0][:200]}"
        raise InputError(Fault("MEA107", Span(name), message, "Copy or save the checkpoint again.")) from None
    missing = sorted(map(str, info["missing_keys"]))
    if missing:  # transformers would fill them with random numbers and go on
        message = f"{len(missing)} tensors of the model are not in its files: {', '.join(missing[:3])}"
        cure = "The files are not whole, or config.json is another model's."
        raise InputError(Fault("MEA107", Span(name), message, cure))
    if scratch:
        weakref.finalize(model, scratch.cleanup)
    return model


def _tokenizer(folder: Path, name: str) -> Any:
    try:
        return _transformers().AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the tokenizers library raises bare Exception for a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        cure = "Save it again with save_pretrained; one written in Python code is never run."
        raise InputError(Fault("MEA106", Span(name), f"its tokenizer cannot be read: {reason}", cure)) from None


def _folder(source: Source, offline: bool | None) -> tuple[Path, str | None, str | None]:
    """(folder, hub id or None, revision or None)."""
    path = Path(source.name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            cure = (
                "A checkpoint is a folder as save_pretrained writes it: config.json, model.safetensors, tokenizer.json."
            )
            raise InputError(Fault("MEA101", Span(source.name), "no checkpoint: no config.json in this folder", cure))
        return path, None, None
    repository, _, revision = source.name.partition("@")
    if path.exists():
        raise InputError(Fault("MEA101", Span(source.name), "a file, not a folder", "Name the folder that holds it."))
    if not ID.fullmatch(repository):
        raise InputError(Fault("MEA101", Span(source.name), "no such folder, and not a hub id", "Check the path."))
    folder = snapshot(repository, revision or None, source.allow_pickle, offline)
    if not (folder / "config.json").is_file():
        raise InputError(Fault("MEA101", Span(source.name), "no checkpoint: it has no config.json", ""))
    return folder, repository, revision or None


def _training(folder: Path) -> dict[str, Any]:
    """training.json, checked. Raises: InputError (MEA104) with every fault."""
    path = folder / "training.json"
    if not path.is_file():
        return {}
    found = read_json(path, str(path), "MEA104")
    faults = []
    for key, value in found.items():
        if isinstance(value, (dict, list)):
            faults.append(f"'{key}' holds a {'mapping' if isinstance(value, dict) else 'list'}, not a plain value")
        elif isinstance(value, float) and not isfinite(value):
            faults.append(f"'{key}' is {value}")
    tokens = found.get("tokens")
    if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, (int, float)) or not tokens >= 0):
        faults.append(f"'tokens' is {tokens!r}, not a number of tokens")
    if not isinstance(found.get("run", ""), str):
        faults.append(f"'run' is {found['run']!r}, not a text")
    if faults:
        cure = 'For instance {"tokens": 1000000, "run": "small-s0", "seed": 0}.'
        raise InputError([Fault("MEA104", Span(str(path)), fault, cure) for fault in faults])
    return found | ({} if tokens is None else {"tokens": float(tokens)})


def _needs(*packages: str, why: str = "checkpoints are read with it") -> None:
    for package in packages:
        if util.find_spec(package) is None:
            cure = "pip install accelerate" if package == "accelerate" else "pip install 'lawdsl[measure]'"
            raise OutsideError(Fault("MEA110", Span(), f"{package} is not installed: {why}", cure))


def _transformers() -> Any:
    """The package, whose own types are partial."""
    return import_module("transformers")


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers without its bars and remarks, which would fall into the sweep's own."""
    logging = _transformers().utils.logging
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
