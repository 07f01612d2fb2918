"""A plan: checkpoints x formats x corpora, as a YAML file whose every fault is reported at its place.

    measure: ladder
    checkpoints:
      - runs/*/tokens-*                                  # folders, from the plan's own folder
      - {path: EleutherAI/pythia-160m@step8000, run: pythia-160m}
    formats:
      - {method: rtn, bits: [2, 3, 4, 8], group: 32, symmetric: false}
    corpora:
      - {name: heldout, path: evaluation.jsonl, window: 256}
    calibration: {path: calibration.jsonl, samples: 128, length: 256}
    workers: 2

The YAML is read as law files are (`lawdsl.source`, `lawdsl.shape`): located, bounded, without anchors or tags. Reading
a plan looks at names only: no checkpoint is opened, nothing is downloaded.
"""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lawdsl import limits
from lawdsl.errors import Fault, InputError, LawdslError, OutsideError, Span
from lawdsl.numbers import parse_number
from lawdsl.shape import NAME, NUMBER, TEXT, Block, Entry, Many, Words, read
from lawdsl.source import Listing, Mapping, Node, Scalar, compose, read_text

from .cells import PlannedCalibration, PlannedCheckpoint, PlannedCorpus, PlannedText
from .checkpoints import Source
from .devices import DTYPES
from .formats import Format, read_formats
from .methods.table import METHODS

YES_NO = Words("true or false", ("true", "false"))
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")
HUB = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?(@[\w./-]{1,128})?")

_TEXT: dict[str, Entry] = {
    "path": Entry(TEXT, "a text file, a table of texts, a folder, or hf:DATASET", required=True),
    "field": Entry(NAME, "which field of a table holds the text; `text` unless said"),
    "documents": Entry(NUMBER, "only the first so many documents"),
    "separator": Entry(TEXT, "what stands between the documents of a plain text; it is one document unless said"),
}
PLAN = Block({
    "measure": Entry(NAME, "the sweep's name: letters, digits, ., - and _", required=True),
    "checkpoints": Entry(Many(Block({
        "path": Entry(TEXT, "a folder or a name on the hub, with @REVISION", required=True),
        "tokens": Entry(NUMBER, "the tokens it was trained on, such as 16.8B"),
        "run": Entry(TEXT, "the training run it belongs to"),
        "allow_pickle": Entry(YES_NO, "also read weights that are only there as a pickle"),
    }, short=TEXT), one=True), "folders, patterns of folders, names on the hub", required=True),
    "formats": Entry(Many(Block({}, rest=Many(TEXT, one=True), short=TEXT), one=True),
                     "number formats by name, or in parts; lists in them multiply out", required=True),
    "corpora": Entry(Many(Block(_TEXT | {
        "name": Entry(NAME, "the name its rows carry", required=True),
        "window": Entry(NUMBER, "tokens the model sees at once", required=True),
        "stride": Entry(NUMBER, "tokens from one window to the next; the window's length unless said"),
    }), one=True), "texts to evaluate on", required=True),
    "calibration": Entry(Block(_TEXT | {
        "samples": Entry(NUMBER, "how many pieces; 128 unless said"),
        "length": Entry(NUMBER, "tokens of a piece; the model's context unless said"),
        "seed": Entry(NUMBER, "draws the pieces; 0 unless said"),
    }), "the text that methods which calibrate are shown"),
    "device": Entry(NAME, "auto, cpu, cuda, cuda:N or mps"),
    "dtype": Entry(Words("a dtype", ("auto", *DTYPES)), "of weights and activations; auto is as stored"),
    "workers": Entry(NUMBER, "processes; 1 unless said"),
    "gpus": Entry(NUMBER, "on Ray: the share of a GPU that a worker takes, such as 0.25"),
    "store": Entry(TEXT, "the folder of the rows, from the plan's own folder; its name unless said"),
})  # fmt: skip

#: what the reader of law files finds, as faults of plans
_CODES = {
    "LAW001": "MEA001", "LAW002": "MEA002", "LAW003": "MEA003", "LAW004": "MEA003", "LAW005": "MEA003",
    "LAW006": "MEA003", "LAW007": "MEA003", "LAW008": "MEA004", "LAW009": "MEA005", "LAW016": "MEA006",
    "LAW017": "MEA007", "LAW018": "MEA008",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A plan that was read and found good. `text` is the file's own, kept with the rows."""

    name: str
    checkpoints: tuple[PlannedCheckpoint, ...]
    formats: tuple[Format, ...]
    corpora: tuple[PlannedCorpus, ...]
    calibration: PlannedCalibration | None
    device: str
    dtype: str
    workers: int
    gpus: float
    store: Path
    text: str

    @property
    def cells(self) -> int:
        """How many rows the plan asks for."""
        return len(self.checkpoints) * len(self.formats) * len(self.corpora)


def read_plan(path: str | Path) -> Plan:
    """Read a plan file.

    Raises: InputError with every fault (MEA002 to MEA013, and those of formats, MEA2xx); OutsideError (MEA001) where
    the file cannot be read.
    """
    file = str(path)
    try:
        text = read_text(Path(path))
        root = compose(text, file)
    except LawdslError as error:
        kind = OutsideError if isinstance(error, OutsideError) else InputError
        raise kind([_recoded(fault) for fault in error.faults]) from None
    return _Reading(text, file).plan(root)


def _recoded(fault: Fault) -> Fault:
    cure = re.sub(r"\blaw( file)?\b", "plan", fault.cure)
    if fault.code == "LAW007":
        cure = "A plan begins with 'measure: name', and lists checkpoints, formats and corpora."
    return Fault(_CODES[fault.code], fault.where, fault.message, cure)


class _Reading:
    """One reading at work; it collects faults and is thrown away."""

    def __init__(self, text: str, file: str):
        self.text = text
        self.folder = Path(os.path.abspath(file)).parent
        self.faults: list[Fault] = []

    def report(self, code: str, where: Span, message: str, cure: str) -> None:
        self.faults.append(Fault(code, where, message, cure))

    def plan(self, root: Mapping) -> Plan:
        # the other blocks are read even where one is at fault, so that all faults come at once
        good = self.shaped(root)
        name = self.text_of(root, "measure", "sweep")
        if "measure" in good and not re.fullmatch(r"[\w.-]{1,100}", name):
            cure = "Letters, digits, ., - and _: the store is named after it."
            self.report("MEA006", self.place(root, "measure"), f"'{name[:60]}' cannot name a sweep", cure)
        checkpoints = self.checkpoints(root) if "checkpoints" in good else ()
        formats = self.formats(root) if "formats" in good else ()
        corpora = self.corpora(root) if "corpora" in good else ()
        calibration = self.calibration(root) if "calibration" in good else None
        calibrated = sorted({f.method for f in formats if METHODS[f.method].needs_calibration})
        if calibrated and "calibration" not in root:
            cure = "Add calibration: {path: TEXT, samples: 128, length: 256}; the text must not be evaluated on."
            methods = ", ".join(calibrated)
            self.report("MEA011", self.place(root, "formats"), f"{methods} calibrate, and no text is given", cure)
        device = self.text_of(root, "device", "auto")
        if not DEVICE.fullmatch(device):
            cure = "Devices are auto, cpu, cuda, cuda:0, cuda:1, ... and mps."
            self.report("MEA008", self.place(root, "device"), f"'{device[:40]}' is not a device", cure)
        workers = self.whole(root, "workers", 1, most=limits.WORKERS) if "workers" in good else 1
        gpus = self.share(root) if "gpus" in good else 0.0
        store = self.folder / Path(self.text_of(root, "store", name)).expanduser()
        if self.faults:
            raise InputError(sorted(self.faults, key=lambda fault: (fault.where.line, fault.where.column)))
        return Plan(
            name, checkpoints, formats, corpora, calibration, device, self.text_of(root, "dtype", "auto"), workers,
            gpus, store, self.text,
        )  # fmt: skip

    def shaped(self, root: Mapping) -> set[str]:
        """The keys whose values have the form they should; what deviates is reported."""
        tainted: set[Span] = set()
        read(root, PLAN, lambda fault: self.faults.append(_recoded(fault)), tainted)
        bad = {fault.where for fault in self.faults}
        return {
            key.text for key, value in root
            if key.text in PLAN.entries and value.span not in tainted and value.span not in bad
        }  # fmt: skip

    def place(self, root: Mapping, key: str) -> Span:
        found = root.get(key)
        return root.span if found is None else found.span

    def text_of(self, block: Mapping, key: str, default: str) -> str:
        node = block.get(key)
        return node.text.strip() if isinstance(node, Scalar) and node.text.strip() else default

    def whole(self, block: Mapping, key: str, default: int, least: int = 1, most: int = 2**53) -> int:
        node = block.get(key)
        if not isinstance(node, Scalar):
            return default
        value = parse_number(node.text)
        if value is None or value != int(value) or not least <= value <= most:
            upper = f" to {most:,}" if most < 2**53 else " or more"
            self.report("MEA007", node.span, f"`{key}` is '{node.text[:40]}'", f"A whole number, {least}{upper}.")
            return default
        return int(value)

    def share(self, root: Mapping) -> float:
        node = root.get("gpus")
        value = parse_number(node.text) if isinstance(node, Scalar) else 0.0
        if value is None or not 0 <= value <= 64 or (value > 1 and value != int(value)):
            cure = "A share of one GPU, such as 0.25, or a whole number of them."
            self.report("MEA007", self.place(root, "gpus"), "`gpus` is no share", cure)
            return 0.0
        return value

    def formats(self, root: Mapping) -> tuple[Format, ...]:
        node = root.get("formats")
        assert node is not None
        entries = node if isinstance(node, Listing) else Listing((node,), node.span)
        try:
            found = read_formats(entries)
        except InputError as error:
            self.faults += error.faults
            return ()
        if not found:
            self.report("MEA006", node.span, "no format is given", "The 16-bit losses alone: {method: none}.")
        return tuple(dict.fromkeys(found))

    # --- texts ---

    def located(self, block: Mapping, name: str) -> PlannedText:
        node = block.get("path")
        assert isinstance(node, Scalar)
        path = node.text.strip()
        if not path.startswith("hf:"):
            path = str(self.folder / Path(path).expanduser())
            if not os.path.exists(path):
                cure = f"Paths lead from the plan's own folder, {self.folder}; a dataset of the hub is hf:NAME."
                self.report("MEA013", node.span, f"there is no text '{node.text[:120]}'", cure)
        documents = self.whole(block, "documents", 0) or None
        between = block.get("separator")
        separator = between.text or None if isinstance(between, Scalar) else None
        return PlannedText(name, path, self.text_of(block, "field", "text"), documents, separator)

    def corpora(self, root: Mapping) -> tuple[PlannedCorpus, ...]:
        found: dict[str, PlannedCorpus] = {}
        for block in _items(root.get("corpora")):
            assert isinstance(block, Mapping)
            name = self.text_of(block, "name", "")
            if name in found:
                self.report("MEA010", self.place(block, "name"), f"a second corpus '{name}'", "Give each its own name.")
                continue
            window = self.whole(block, "window", 2**53, least=2)  # at fault: no stride is too long
            stride = self.whole(block, "stride", window)
            if stride > window:
                cure = f"At most the window, {window}: a longer stride would skip tokens."
                self.report("MEA007", self.place(block, "stride"), f"`stride` is {stride}", cure)
            found[name] = PlannedCorpus(self.located(block, name), window, stride)
        if not found:
            self.report("MEA006", self.place(root, "corpora"), "no corpus is given", "Give one to evaluate on.")
        return tuple(found.values())

    def calibration(self, root: Mapping) -> PlannedCalibration:
        block = root.get("calibration")
        assert isinstance(block, Mapping)
        length = self.whole(block, "length", 0, least=2) or None
        seed = self.whole(block, "seed", 0, least=0, most=2**32 - 1)
        samples = self.whole(block, "samples", 128, most=1_000_000)
        return PlannedCalibration(self.located(block, "calibration"), samples, length, seed)

    # --- checkpoints ---

    def checkpoints(self, root: Mapping) -> tuple[PlannedCheckpoint, ...]:
        found: dict[str, PlannedCheckpoint] = {}
        told: set[str] = set()  # those with a mapping of their own, which goes before a pattern
        for node in _items(root.get("checkpoints")):
            own = isinstance(node, Mapping)
            place = node.get("path") if isinstance(node, Mapping) else node
            assert isinstance(place, Scalar)
            tokens = self.tokens(node) if isinstance(node, Mapping) else None
            run = self.text_of(node, "run", "") or None if isinstance(node, Mapping) else None
            pickles = isinstance(node, Mapping) and self.text_of(node, "allow_pickle", "false") == "true"
            for label, name, local in self.named(place):
                if own and name in told:
                    cure = "Each checkpoint is described once; delete one of the two."
                    self.report("MEA010", place.span, f"'{label}' is described a second time", cure)
                elif own or name not in found:
                    found[name] = PlannedCheckpoint(label, Source(name, tokens, run, pickles), local)
                if own:
                    told.add(name)
        if not found and not self.faults:
            self.report("MEA006", self.place(root, "checkpoints"), "no checkpoint is given", "Give one or more.")
        return tuple(found.values())

    def tokens(self, block: Mapping) -> float | None:
        node = block.get("tokens")
        if not isinstance(node, Scalar):
            return None
        value = parse_number(node.text)
        if value is None or value <= 0:
            self.report("MEA007", node.span, f"`tokens` is '{node.text[:40]}'", "A positive number, such as 16.8B.")
            return None
        return value

    def named(self, place: Scalar) -> list[tuple[str, str, bool]]:
        """(label, name to load, whether it is a folder) of what one entry names."""
        text = place.text.strip()
        path = self.folder / Path(text).expanduser()
        if glob.has_magic(text):
            folders = sorted((p for p in map(Path, glob.glob(str(path))) if p.is_dir()), key=_numbered)
            if not folders:
                cure = f"Patterns lead from the plan's own folder, {self.folder}."
                self.report("MEA009", place.span, f"no folder fits '{text[:120]}'", cure)
            return [(self.label(folder), str(folder), True) for folder in folders]
        if path.is_dir():
            return [(self.label(path), os.path.normpath(path), True)]
        if not HUB.fullmatch(text) or text.startswith(".") or path.exists():
            found = "is a file" if path.exists() else "is neither a folder nor a name on the hub"
            cure = "A checkpoint is a folder with config.json and weights, or OWNER/NAME@REVISION on the hub."
            self.report("MEA009", place.span, f"'{text[:120]}' {found}", cure)
            return []
        return [(text, text, False)]

    def label(self, folder: Path) -> str:
        """A folder's path from the plan's own, so that rows say the same wherever both lie."""
        try:
            return Path(os.path.normpath(folder)).relative_to(self.folder).as_posix()
        except ValueError:
            return Path(os.path.relpath(folder, self.folder)).as_posix()


def _items(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, Listing) else (node,)


def _numbered(path: Path) -> list[tuple[int, int, str]]:
    """Numbers within names in their own order: tokens-900 before tokens-1000."""
    parts = re.split(r"(\d+)", str(path))
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
