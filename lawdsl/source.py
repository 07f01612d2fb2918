"""Text with places: a law file's YAML as located nodes, read without ever trusting it.

YAML's own conveniences are what bites here: `no` is false, `1e-3` is a string, the last of two equal keys wins in
silence, an alias can unfold into a billion nodes, and in `{prior: Normal(0, 1)}` the comma ends the value. So scalars
stay text, duplicates are faults, anchors, aliases and tags are refused, and an open parenthesis holds its commas.
Size, depth and number of nodes are bounded (`lawdsl.limits`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import limits
from .errors import Fault, LawError, OutsideError, Span

if TYPE_CHECKING:
    from .indexing import Indices


@dataclass(frozen=True)
class Scalar:
    """A text and where it starts. Of block and folded scalars only the line is known: `offset_known` is False."""

    text: str
    span: Span
    offset_known: bool = True
    quoted: bool = False
    indices: Indices | None = None  # those that its expression may use (`lawdsl.indexing`)

    def at(self, offset: int) -> Span:
        """The place of the text's character `offset` (from 0)."""
        return self.span.shifted(offset) if self.offset_known else self.span


@dataclass(frozen=True)
class Listing:
    """A YAML sequence."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True)
class Mapping:
    """A YAML mapping in the order of the file; keys are scalars and occur once."""

    entries: tuple[tuple[Scalar, Node], ...]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None."""
        return next((value for name, value in self.entries if name.text == key), None)

    def key(self, key: str) -> Scalar:
        """The key itself, for its place."""
        return next(name for name, _ in self.entries if name.text == key)

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None


Node = Scalar | Listing | Mapping


def read_text(path: Path, shown: str | None = None) -> str:
    """The text of a law file.

    Raises: OutsideError where the file cannot be read (LAW001); LawError where it is too large (LAW002) or not
    UTF-8 text (LAW003).
    """
    where = Span(shown or str(path))
    try:
        with open(path, "rb") as file:
            data = file.read(limits.LAW_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutsideError(Fault("LAW001", where, f"cannot read this file: {reason}", "Check the path.")) from None
    if len(data) > limits.LAW_BYTES:
        cure = f"A law file has at most {limits.LAW_BYTES // 1024} KiB; put observations in a table instead."
        raise LawError(Fault("LAW002", where, f"this file has more than {limits.LAW_BYTES // 1024} KiB", cure))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise LawError(Fault("LAW003", Span(where.file, line), found, "Save the file as UTF-8 text.")) from None


def compose(text: str, file: str) -> Mapping:
    """A law's text as located nodes.

    Raises: LawError with LAW002 (too large, too deep), LAW003 (not text), LAW004 (not YAML), LAW005 (a key twice),
    LAW006 (anchors, aliases, tags), LAW007 (not a mapping).
    """
    text = text.removeprefix("\ufeff")
    if len(text) > limits.LAW_BYTES:
        cure = f"A law file has at most {limits.LAW_BYTES // 1024} KiB."
        raise LawError(Fault("LAW002", Span(file), f"this law has {len(text)} characters", cure))
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, from a damaged file name or command line
        line = text.count("\n", 0, error.start) + 1
        cure = "Save the law as UTF-8 text."
        raise LawError(Fault("LAW003", Span(file, line), f"{text[error.start]!r} is no character", cure)) from None
    return _Composer(text, file).compose()


class _Composer:
    """Builds located nodes from YAML's flat stream of events, with a stack of its own: no recursion to exhaust."""

    def __init__(self, text: str, file: str):
        self.text = text
        self.file = file
        self.lines = text.splitlines()
        self.faults: list[Fault] = []

    def span(self, line: int, column: int) -> Span:
        text = self.lines[line] if line < len(self.lines) else ""
        return Span(self.file, line + 1, column + 1, text)

    def compose(self) -> Mapping:
        import yaml

        root: Node | None = None
        stack: list[tuple[type, Span, list[Node]]] = []
        count = 0
        try:
            for event in yaml.parse(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                node: Node | None = None
                if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                    self.refuse("LAW004", event, "a second YAML document begins", "One file holds one law.")
                if isinstance(event, yaml.NodeEvent):
                    count += 1
                    if count > limits.YAML_NODES:
                        self.refuse("LAW002", event, f"more than {limits.YAML_NODES} entries", "Split the law.")
                    if getattr(event, "anchor", None) or getattr(event, "tag", None):
                        cure = "Anchors, aliases and tags are not part of the language: write the value out."
                        self.refuse("LAW006", event, "an anchor, alias or tag", cure)
                if isinstance(event, yaml.ScalarEvent):
                    node = self.scalar(event)
                elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    if len(stack) >= limits.YAML_DEPTH:
                        self.refuse("LAW002", event, f"nested deeper than {limits.YAML_DEPTH}", "Flatten the law.")
                    kind = Mapping if isinstance(event, yaml.MappingStartEvent) else Listing
                    stack.append((kind, self.place(event), []))
                elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                    closed, span, items = stack.pop()
                    if closed is Mapping:
                        node = self.mapping(span, items)
                    else:
                        node = Listing(tuple(_joined(items, step=1)), span)
                if node is not None and stack:
                    stack[-1][2].append(node)
                elif node is not None:
                    root = node
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = self.span(mark.line, mark.column) if mark else Span(self.file)
            problem = " ".join(part for part in (error.problem, error.context) if part)
            cure = "A text with ': ' or ' #' in it, or one that begins with a sign such as @, needs quotes."
            self.faults.append(Fault("LAW004", where, f"not YAML: {problem}", cure))
        except yaml.YAMLError as error:  # a character YAML does not allow
            self.faults.append(Fault("LAW004", Span(self.file), f"not YAML: {str(error).splitlines()[0]}", ""))
        if self.faults:
            raise LawError(self.faults)
        if not isinstance(root, Mapping):
            cure = "A law file begins with 'law: name'; `lawdsl schema` prints its form."
            raise LawError(Fault("LAW007", Span(self.file, 1), "this is not a mapping of keys to values", cure))
        return root

    def place(self, event: Any) -> Span:
        """Where an event of YAML starts."""
        return self.span(event.start_mark.line, event.start_mark.column)

    def refuse(self, code: str, event: Any, message: str, cure: str) -> None:
        raise LawError([*self.faults, Fault(code, self.place(event), message, cure)])

    def scalar(self, event: Any) -> Scalar:
        value: str = event.value
        start, end = event.start_mark, event.end_mark
        quoted = event.style in ("'", '"')
        span = self.span(start.line, start.column + (1 if quoted else 0))
        # a folded or escaped text does not lie in the file as it reads: then only its beginning is known
        known = span.text.startswith(value, span.column - 1) and start.line == end.line
        return Scalar(value, span, known, quoted or event.style in ("|", ">"))

    def mapping(self, span: Span, items: list[Node]) -> Mapping:
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Scalar] = {}
        items = _joined(items, step=2)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.faults.append(Fault("LAW004", key.span, "a key that is not a text", "Keys are plain names."))
            elif key.text in seen:
                first = seen[key.text].span
                cure = f"It stands at line {first.line} already; YAML would keep the last in silence. Delete one."
                self.faults.append(Fault("LAW005", key.span, f"the key '{key.text}' a second time", cure))
            else:
                seen[key.text] = key
                entries.append((key, value))
        return Mapping(tuple(entries), span)


def _joined(items: list[Node], step: int) -> list[Node]:
    """The parts of a flow mapping (step 2) or list (step 1), with texts put together that a comma inside parentheses
    has split: `{prior: Normal(0, 1)}` reaches us as `prior: Normal(0` and the key `1)` with nothing behind it.
    """
    done: list[Node] = []
    rest = items[::-1]
    while rest:
        node = rest.pop()
        at_value = step == 1 or len(done) % 2 == 1
        while at_value and isinstance(node, Scalar) and _open(node) and len(rest) >= step:
            more, empty = rest[-1], rest[-2] if step == 2 else None
            on_line = isinstance(more, Scalar) and not more.quoted and more.span.line == node.span.line
            if not (on_line and (empty is None or (isinstance(empty, Scalar) and not empty.text))):
                break
            assert isinstance(more, Scalar)
            end = more.span.column - 1 + len(more.text)
            node = Scalar(node.span.text[node.span.column - 1 : end], node.span)
            del rest[-step:]
        done.append(node)
    return done


def _open(scalar: Scalar) -> bool:
    return not scalar.quoted and scalar.offset_known and scalar.text.count("(") > scalar.text.count(")")
