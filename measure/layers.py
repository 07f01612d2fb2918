"""Where a model keeps the weights that a format rounds: the blocks of a decoder, its embeddings, its head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from lawdsl.errors import Fault, InputError, Span

#: what has a weight that can be rounded
Layer = nn.Linear | nn.Embedding
#: share of the blocks' matrices that must lie in `nn.Linear` layers for a format to mean what its name says
LINEAR_SHARE = 0.99


def blocks(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """The list of the decoder's blocks and its name: of all lists that lie in no other, the one with most numbers.

    Raises: InputError (MEA212) where the model has no list of layers.
    """
    found: list[tuple[str, nn.ModuleList]] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer, _ in found)
        if isinstance(module, nn.ModuleList) and len(module) and not inside:
            found.append((name, module))
    if not found:
        cure = "Formats are offered for decoders whose blocks are a torch.nn.ModuleList, as in transformers."
        raise InputError(Fault("MEA212", Span(), f"{type(model).__name__} has no list of blocks", cure))
    return max(found, key=lambda item: sum(p.numel() for p in item[1].parameters()))


def targets(model: nn.Module, embeddings: bool = False) -> dict[str, Layer]:
    """Name -> layer, for the layers whose `weight` a format rounds.

    These are the Linear layers of the blocks; with `embeddings` also every embedding and the head. A weight that two
    layers share stands under the first of them.

    Raises: InputError (MEA212) where matrices of the blocks are no Linear layers (GPT-2's Conv1D, fused experts): to
    leave them at 16 bits would give a format's name to what it is not.
    """
    prefix, layers = blocks(model)
    linear = {f"{prefix}.{name}": part for name, part in layers.named_modules() if isinstance(part, nn.Linear)}
    held = {id(layer.weight): layer.weight.numel() for layer in linear.values()}
    matrices = {name: p for name, p in layers.named_parameters() if p.ndim >= 2}
    total = sum(p.numel() for p in matrices.values())
    if not held or sum(held.values()) < LINEAR_SHARE * total:
        other = next((name for name, p in matrices.items() if id(p) not in held), "")
        message = f"the blocks of {type(model).__name__} hold matrices that are not torch.nn.Linear"
        cure = "Measure a model whose blocks are made of Linear layers; only those can be rounded."
        raise InputError(Fault("MEA212", Span(), f"{message}: {prefix}.{other}" if other else message, cure))
    chosen: dict[str, Layer] = {}
    if embeddings:
        head = output_layer(model)
        for name, part in model.named_modules():
            if isinstance(part, nn.Embedding) or part is head:
                assert isinstance(part, (nn.Linear, nn.Embedding))
                chosen[name] = part
    chosen |= linear
    first: dict[int, str] = {}
    for name, part in chosen.items():
        first.setdefault(id(part.weight), name)
    return {name: chosen[name] for name in first.values()}


def output_layer(model: nn.Module) -> nn.Linear | None:
    """The head: the Linear layer from hidden states to logits, or None."""
    asked = getattr(model, "get_output_embeddings", None)  # its attribute's name differs from version to version
    head = asked() if asked is not None else None
    return head if isinstance(head, nn.Linear) else None


@contextmanager
def swapped(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Have the model hold other values under these names, and its very own tensors again on leaving, come what may.

    A weight that several layers share is replaced in all of them.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    places = _places(model)
    undo: list[tuple[nn.Module, str, nn.Parameter]] = []
    try:
        for name, values in weights.items():
            new = nn.Parameter(values, requires_grad=False)
            for module, attribute in places[id(parameters[name])]:
                undo.append((module, attribute, parameters[name]))
                setattr(module, attribute, new)
        yield
    finally:
        for module, attribute, parameter in undo:
            setattr(module, attribute, parameter)


def _places(model: nn.Module) -> dict[int, list[tuple[nn.Module, str]]]:
    """A parameter's identity -> every (module, attribute) that holds it."""
    places: dict[int, list[tuple[nn.Module, str]]] = {}
    for module in model.modules():
        for attribute, parameter in module.named_parameters(recurse=False):
            places.setdefault(id(parameter), []).append((module, attribute))
    return places
