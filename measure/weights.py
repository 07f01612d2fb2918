"""What the weight files of a checkpoint say without being loaded: which they are, their numbers, their digests.

A safetensors file begins with its header's length (8 bytes, little-endian) and a JSON header: name -> dtype, shape and
place of each tensor. A pickle is opened only where the user allowed it, by torch's reader that runs no code.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from lawdsl import limits
from lawdsl.errors import Fault, InputError, OutsideError, Span

SAFE = "model.safetensors"
PICKLED = "pytorch_model.bin"
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
#: files a tokenizer may be made of; its digest is over those that are there
TOKENIZER_FILES = (
    "added_tokens.json", "merges.txt", "sentencepiece.bpe.model", "special_tokens_map.json", "spiece.model",
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "vocab.txt",
)  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint's files: `shapes` by name, `dtype` of most of the numbers, `bytes` of the files."""

    files: tuple[Path, ...]
    shapes: Mapping[str, tuple[int, ...]]
    dtype: str
    bytes: int
    pickled: bool


def read_weights(folder: Path, name: str, allow_pickle: bool = False) -> Weights:
    """The headers of a checkpoint's weight files; `name` is the checkpoint's in messages.

    Raises: InputError (MEA101 no weights, MEA102 only pickles, MEA107 damaged).
    """
    files = _files(folder, name, SAFE)
    pickled = not files
    if pickled:
        files = _files(folder, name, PICKLED)
        if not files:
            message = "no weights in this folder"
            cure = f"Looked for {SAFE} and {SAFE}.index.json; save the model with save_pretrained."
            raise InputError(Fault("MEA101", Span(name), message, cure))
        if not allow_pickle:
            raise InputError(_only_pickles(name, files))
    shapes: dict[str, tuple[int, ...]] = {}
    numbers: Counter[str] = Counter()
    for path in files:
        for tensor, (dtype, shape) in (_pickled(path) if pickled else _header(path)).items():
            shapes[tensor] = shape
            numbers[dtype] += prod(shape)
    floating = {dtype: n for dtype, n in numbers.items() if dtype.startswith(("float", "bfloat"))}
    dtype = max(floating, key=lambda each: floating[each], default="float32")
    return Weights(files, shapes, dtype, sum(path.stat().st_size for path in files), pickled)


def digest_of(files: tuple[Path, ...]) -> str:
    """sha256 of one file; of several, sha256 of the lines "<sha256>  <name>\\n" in the order of names."""
    each = {path.name: _sha256(path) for path in files}
    if len(each) == 1:
        return next(iter(each.values()))
    return hashlib.sha256("".join(f"{each[name]}  {name}\n" for name in sorted(each)).encode()).hexdigest()


def tokenizer_digest(folder: Path, name: str) -> str:
    """`digest_of` the tokenizer's files. Raises: InputError (MEA106) where there are none."""
    files = tuple(folder / file for file in TOKENIZER_FILES if (folder / file).is_file())
    if not {path.name for path in files} - {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}:
        cure = "Save it beside the weights: tokenizer.save_pretrained(folder)."
        raise InputError(Fault("MEA106", Span(name), "no tokenizer in this folder", cure))
    return digest_of(files)


def count(folder: Path, name: str, weights: Weights) -> tuple[int, int]:
    """(all parameters, those in neither embeddings nor head), each tensor once; a tied head is its embedding.

    Counted on the model that the config describes, built without memory on torch's meta device, so that buffers kept
    beside the parameters (old Pythia files hold attention masks) do not count; the files' shapes must be its shapes.
    Raises: InputError (MEA105, MEA107).
    """
    import torch

    config = read_config(folder, name)
    try:
        with torch.device("meta"):
            model: Any = import_module("transformers").AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except (ValueError, KeyError, TypeError, ImportError, RuntimeError) as error:
        message = f"transformers makes no causal language model of config.json: {_first_line(error)}"
        raise InputError(
            Fault("MEA105", Span(name), message, "It reads decoders only (AutoModelForCausalLM).")
        ) from None
    prefix = f"{model.base_model_prefix}."
    expected = {key: tuple(p.shape) for key, p in model.named_parameters(remove_duplicate=False)}
    faults = []
    for tensor, shape in weights.shapes.items():
        for key in (tensor, prefix + tensor, tensor.removeprefix(prefix)):
            if key in expected and expected[key] != shape:
                found = f"{tensor} is {_by(shape)} in the file and {_by(expected[key])} by config.json"
                faults.append(Fault("MEA107", Span(name), found, "Weights and config.json are of two models."))
                break
    if faults:
        raise InputError(faults[:3])
    outer = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    head = model.get_output_embeddings()
    outside = {id(p) for module in [*outer, *([head] if head is not None else [])] for p in module.parameters()}
    sizes = {id(p): p.numel() for p in model.parameters()}
    return sum(sizes.values()), sum(n for key, n in sizes.items() if key not in outside)


def read_config(folder: Path, name: str) -> Any:
    """The config as transformers reads it, which runs no code of the folder's. Raises: InputError (MEA101, MEA105)."""
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    plain = read_json(folder / "config.json", name, "MEA101")
    kind = plain.get("model_type")
    if kind not in CONFIG_MAPPING:
        if "auto_map" in plain:
            message = f"the architecture '{kind}' comes as Python code in the folder, which is never run"
            cure = "Convert the checkpoint to an architecture that transformers has."
        else:
            message = f"this transformers has no architecture '{kind}'"
            cure = "Upgrade transformers, or check model_type in config.json."
        raise InputError(Fault("MEA105", Span(name), message, cure))
    if "quantization_config" in plain:
        message = "the checkpoint is quantized already, so it has no 16-bit loss to compare with"
        raise InputError(Fault("MEA105", Span(name), message, "Name the checkpoint it was made from."))
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"transformers cannot read config.json: {_first_line(error)}"
        raise InputError(
            Fault("MEA105", Span(name), message, "Compare it with one that save_pretrained wrote.")
        ) from None


def read_json(path: Path, name: str, code: str) -> dict[str, Any]:
    """A JSON object in a file. Raises: InputError (`code`), OutsideError (MEA101) where it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise OutsideError(Fault("MEA101", Span(str(path)), f"cannot be read: {error.strerror}", "")) from None
    except (ValueError, RecursionError) as error:
        where = Span(str(path), getattr(error, "lineno", 0), getattr(error, "colno", 0))
        raise InputError(Fault(code, where, f"not JSON: {_first_line(error)}", "")) from None
    if not isinstance(found, dict):
        raise InputError(Fault(code, Span(str(path)), "not a JSON object", 'It is written {"key": value, ...}.'))
    return found


def _files(folder: Path, name: str, whole: str) -> tuple[Path, ...]:
    """The file, or the shards that its index names. Raises: InputError (MEA107)."""
    if (folder / whole).is_file():
        return (folder / whole,)
    index = folder / f"{whole}.index.json"
    if not index.is_file():
        return ()
    shards = read_json(index, name, "MEA107").get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(shard, str) for shard in shards.values()):
        raise InputError(
            Fault("MEA107", Span(str(index)), "no weight_map of tensors to files", "Save the model again.")
        )
    found = tuple(folder / shard for shard in sorted(set(shards.values())))
    odd = [path.name for path in found if path.parent != folder or not path.is_file()]
    if odd:
        message = f"the index names files that are not in the folder: {', '.join(odd[:3])}"
        raise InputError(Fault("MEA107", Span(name), message, f"{len(odd)} of {len(found)} shards; copy them too."))
    return found


def _header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Tensor -> (dtype, shape). Raises: InputError (MEA107)."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(limits.WEIGHTS_HEADER, size - 8):
                raise ValueError("no header")
            entries = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        read = {
            name: (TYPES.get(entry["dtype"], entry["dtype"]), tuple(int(n) for n in entry["shape"]))
            for name, entry in entries.items()
        }
        end = 8 + length + max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except OSError as error:
        raise OutsideError(Fault("MEA107", Span(str(path)), f"cannot be read: {error.strerror}", "")) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        cure = "It may be a git-lfs pointer, or cut short: copy it again."
        raise InputError(Fault("MEA107", Span(str(path)), "not a safetensors file", cure)) from None
    if end != size:
        message = f"{size:,} bytes, where its header asks for {end:,}"
        raise InputError(Fault("MEA107", Span(str(path)), message, "It was cut short: copy it again."))
    return read


def _pickled(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Tensor -> (dtype, shape) of a pickle, by a reader that refuses everything but tensors. Raises: InputError."""
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="meta", weights_only=True)
        tensors = {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)}
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, AttributeError, KeyError) as error:
        message = f"not a pickle of tensors alone: {_first_line(error)}"
        cure = "It is not opened, since a pickle can run any code. Convert it to safetensors where you trust it."
        raise InputError(Fault("MEA102", Span(str(path)), message, cure)) from None
    return {name: (str(value.dtype).removeprefix("torch."), tuple(value.shape)) for name, value in tensors.items()}


def _only_pickles(name: str, files: tuple[Path, ...]) -> Fault:
    message = f"its weights are pickles ({files[0].name}), which can run any code when they are opened"
    cure = (
        "Convert them to safetensors (load where you trust them, then save_pretrained), or write allow_pickle: true"
        " beside the checkpoint; even then they are read by torch's reader that takes nothing but tensors."
    )
    return Fault("MEA102", Span(name), message, cure)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OutsideError(Fault("MEA101", Span(str(path)), f"cannot be read: {error.strerror}", "")) from None


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
