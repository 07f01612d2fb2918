"""Indexed families: `index: {i: 3}` lets one line declare three parameters, and `sum(i, ...)` run over them.

What is indexed is written out before anything else looks at the law: `c[i]: {between: [0, 1]}` becomes c_1, c_2 and
c_3, and a text below the key knows that its `i` is 1, 2 or 3. So rules, compiler and fit meet plain names only, and a
column `loss_1` is what `loss[i]` binds to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from . import limits
from .errors import Fault, LawError, suggest
from .source import Listing, Mapping, Node, Scalar

_KEY = re.compile(r"\s*(?P<name>\w+)\s*\[(?P<indices>[\w\s,]*)\]\s*")
_EQUATION = re.compile(r"\s*\w+\s*\[(?P<indices>[\w\s,]*)\]\s*=(?!=)")
_LABEL = re.compile(r"\w+")


@dataclass(frozen=True)
class Indices:
    """What indices a text may use: all with their values, and those that have one value here."""

    values: tuple[tuple[str, tuple[str, ...]], ...]
    bound: tuple[tuple[str, str], ...] = ()

    def bind(self, index: str, value: str) -> Indices:
        """The same, with an index at one of its values."""
        kept = tuple((name, at) for name, at in self.bound if name != index)
        return replace(self, bound=(*kept, (index, value)))

    def at(self, index: str) -> str | None:
        """The value an index has here."""
        return dict(self.bound).get(index)

    def of(self, index: str) -> tuple[str, ...] | None:
        """All values of an index; None where there is no such index."""
        return dict(self.values).get(index)

    def has_value(self, word: str) -> bool:
        """Whether a word stands for itself between brackets: a number, or a value of one of the indices."""
        return word.isdigit() or any(word in several for _, several in self.values)


def indexed_name(name: str, values: tuple[str, ...]) -> str:
    """The plain name of an indexed one: c_1, t_1_web."""
    return "_".join((name, *values))


def expand(root: Mapping) -> Mapping:
    """The law with every indexed key and equation written out. Without `index:`, the law as it is.

    Raises: LawError (LAW041) where the indices, or a key's use of them, are at fault.
    """
    declared = root.get("index")
    if declared is None:
        return root
    faults: list[Fault] = []
    values = _read(declared, faults)
    if faults:
        raise LawError(faults)
    expander = _Expander(faults)
    found = expander.node(root, Indices(values), "")
    if faults:
        raise LawError(faults)
    assert isinstance(found, Mapping)
    return found


def _read(declared: Node, faults: list[Fault]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`{i: 3, part: [web, code]}` as indices and their values."""
    found = []
    for name, value in declared if isinstance(declared, Mapping) else ():
        labels = [item.text for item in value.items if isinstance(item, Scalar)] if isinstance(value, Listing) else []
        if isinstance(value, Scalar) and value.text.isdigit():
            labels = [str(k) for k in range(1, int(value.text[:6]) + 1)]
        good = labels and len(set(labels)) == len(labels) and all(_LABEL.fullmatch(label) for label in labels)
        if not good or len(labels) > limits.INDEX_VALUES or not name.text.isidentifier():
            cure = f"Write i: 3, or i: [web, code]: at most {limits.INDEX_VALUES} different words or numbers."
            faults.append(Fault("LAW041", name.span, f"the index '{name.text[:40]}'", cure))
        found.append((name.text, tuple(labels)))
    if not found:
        faults.append(Fault("LAW041", declared.span, "`index` names no index", "Write index: {i: 3}."))
    return tuple(found)


class _Expander:
    def __init__(self, faults: list[Fault]):
        self.faults = faults
        self.made = 0
        self.nodes = 0

    def node(self, node: Node, indices: Indices, block: str) -> Node:
        """A node with what is below it written out; `block` is the law's key it stands under.

        Raises: LawError (LAW041) where copies of copies become more than a law has place for.
        """
        self.nodes += 1
        if self.nodes > limits.INDEX_NODES:
            cure = f"At most {limits.INDEX_NODES:,} entries are written out."
            raise LawError([*self.faults, Fault("LAW041", node.span, "indexed keys with too much below them", cure)])
        if isinstance(node, Scalar):
            return replace(node, indices=indices)
        if isinstance(node, Listing):
            return Listing(tuple(one for item in node.items for one in self.item(item, indices, block)), node.span)
        entries = []
        for key, value in node:
            below = block or key.text
            if below == "index" and not block:
                continue
            match = _KEY.fullmatch(key.text)
            if match is None:
                entries.append((key, self.node(value, indices, below)))
                continue
            for values, part, bound in self.copies(key, match["indices"], value, indices, below):
                name = indexed_name(match["name"], values)
                entries.append((replace(key, text=name), self.node(part, bound, below)))
        return Mapping(tuple(entries), node.span)

    def item(self, item: Node, indices: Indices, block: str) -> list[Node]:
        """An item of a list; an equation whose left side is indexed becomes one for each value."""
        match = _EQUATION.match(item.text) if isinstance(item, Scalar) and block == "equation" else None
        if match is None or not isinstance(item, Scalar):
            return [self.node(item, indices, block)]
        copies = self.copies(item, match["indices"], item, indices, block)
        return [self.node(part, bound, block) for _, part, bound in copies]

    def copies(
        self, place: Scalar, written: str, value: Node, indices: Indices, block: str
    ) -> list[tuple[tuple[str, ...], Node, Indices]]:
        """The values of a key's indices with the node that each has: an item of a list of that length, or a copy."""
        names = [name.strip() for name in written.split(",")]
        options: list[tuple[str, ...]] = []
        for name in names:
            found = indices.of(name)
            here = indices.at(name)
            if found is None and not indices.has_value(name):
                known = [index for index, _ in indices.values]
                self.faults.append(Fault("LAW041", place.span, f"no index '{name[:40]}'", suggest(name, known)))
                return []
            options.append((here,) if here is not None else found if found is not None else (name,))
        self.made += prod(len(several) for several in options)
        if self.made > limits.INDEX_NAMES:  # before any is made: six indices of 64 would be 68 thousand millions
            cure = f"At most {limits.INDEX_NAMES:,} are written out."
            self.faults.append(Fault("LAW041", place.span, "too many indexed names", cure))
            return []
        copies = []
        for values in product(*options):
            bound = indices
            for name, at in zip(names, values, strict=True):
                bound = bound.bind(name, at) if indices.of(name) is not None else bound
            copies.append((values, self.part(place, value, options, values, block), bound))
        return copies

    def part(
        self, place: Scalar, value: Node, options: list[tuple[str, ...]], values: tuple[str, ...], block: str
    ) -> Node:
        """A published list, one number for each value of the index, taken apart."""
        if block != "published":
            return value
        for several, at in zip(options, values, strict=True):
            if not isinstance(value, Listing):
                break
            if len(value.items) != len(several):
                message = f"{len(value.items)} numbers for the {len(several)} of '{place.text}'"
                self.faults.append(Fault("LAW041", value.span, message, "Give one for each value of the index."))
                break
            value = value.items[several.index(at)]
        return value


def written_out(text: str, indices: Indices | None) -> str:
    """A text that is no expression of the law (a column's name in a map), with `x[i]` as its plain name."""
    if indices is None:
        return text
    bound: MappingOf[str, str] = dict(indices.bound)

    def plain(match: re.Match[str]) -> str:
        values = tuple(bound.get(part.strip(), part.strip()) for part in match["indices"].split(","))
        return indexed_name(match["name"], values)

    return re.sub(r"(?P<name>\w+)\[(?P<indices>[\w\s,]*)\]", plain, text)
