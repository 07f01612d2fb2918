"""A sweep: every cell of a plan that has no row yet is measured, and its row is kept the moment it is there.

What was finished before is found in the store by key, so a sweep that was stopped, however it was, goes on where it
was. A cell that cannot be measured leaves its reason, and is tried again by the next run. Where units are done is the
executor's business (`workers`, `on_ray`); this process alone writes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lawdsl.errors import Fault, InputError, LawdslError, OutsideError

from .cells import (
    Baseline,
    Executor,
    Failure,
    Found,
    MeasureUnit,
    PlannedCalibration,
    PlannedCheckpoint,
    PlannedText,
    Row,
    Unit,
    baseline_key,
)
from .methods.table import METHODS
from .store import Store
from .tables import write_tables
from .workers import in_processes, in_this_process

if TYPE_CHECKING:
    from .checkpoints import Description, Source
    from .plan import Plan

Describe = Callable[["Source"], "Description"]
#: called with what is being done, how many are done, how many failed, how many there are
Progress = Callable[[str, int, int, int], None]


@dataclass(frozen=True)
class Summary:
    """What a sweep left. `before`: rows that were there; `failures`: cells without a row, with the reason."""

    cells: int
    before: int
    new: int
    failures: tuple[Failure, ...]
    remarks: tuple[str, ...]
    store: Path


@dataclass(frozen=True)
class Survey:
    """A plan held against a store: the units to do, and how much is done. `unknown`: hub checkpoints not looked at."""

    units: tuple[Unit, ...]
    cells: int
    finished: int
    unknown: int
    faults: tuple[Fault, ...]
    status: int  # of the worst of the faults


def run_sweep(
    plan: Plan,
    store: Store,
    *,
    shard: tuple[int, int] = (1, 1),
    executor: Executor | None = None,
    progress: Progress | None = None,
    measure_unit: MeasureUnit | None = None,
    describe: Describe | None = None,
    elsewhere: bool = False,
) -> Summary:
    """Measure what is left of a plan (of its share `shard`, i of n), into a store.

    `executor` is by default this process, or the plan's number of workers; `elsewhere` says that it works on other
    machines, whose devices and libraries are not looked at here. `measure_unit` and `describe` are those of this
    package; a simulation brings its own.

    Raises: InputError for checkpoints, texts and formats that are at fault, all at once, before anything is measured,
    and where another sweep holds the store; OutsideError where the store takes no more. Finished rows stay.
    """
    tell = progress or (lambda stage, done, failed, total: None)
    simulated = measure_unit is not None
    if measure_unit is None:
        from .unit import measure_unit
    assert measure_unit is not None
    if executor is None:
        executor = in_processes(plan.workers) if plan.workers > 1 else in_this_process
    with store.locked(shard) as locked:
        index = store.index()
        remarks = [*index.remarks, *store.set_aside(index.damaged)]
        if not locked:
            remarks.append("this system has no locks: see to it that no second sweep works on this store")
        found = survey(plan, store, shard, index.checkpoints, describe, tell)
        faults, status = found.faults, found.status
        if not (simulated or elsewhere) and (lacking := unavailable(plan, found)):
            faults, status = (*faults, *lacking), OutsideError.status
        if faults:
            raise (OutsideError if status == OutsideError.status else InputError)(faults)
        new, failures = _measure(found, store, executor, measure_unit, tell)
        write_tables(store)
    return Summary(found.cells, found.finished, new, tuple(failures), tuple(remarks), store.folder)


def _measure(
    found: Survey, store: Store, executor: Executor, measure_unit: MeasureUnit, tell: Progress
) -> tuple[int, list[Failure]]:
    """Do the units; the number of new rows, and the failures."""
    new, passed, total = 0, 0, found.cells - found.finished
    asked = {(u.checkpoint.label, u.corpus.text.name): len(u.formats) for u in found.units}
    failures: list[Failure] = []
    reported: Counter[tuple[str, str]] = Counter()
    running = executor(_with_baselines(found.units, store), measure_unit)
    try:
        tell("cells", 0, 0, total)
        for unit, message in running:
            which = (unit.checkpoint.label, unit.corpus.text.name)
            if isinstance(message, Row):
                new += store.add(message)
                reported[which] += 1
            elif isinstance(message, Failure):
                store.fail(message)
                failures.append(message)
                reported[which] += 1
            elif isinstance(message, Baseline):
                store.keep_baseline(message.key, message.documents)
            elif isinstance(message, Found):
                note_checkpoint(store, unit.checkpoint, message.description)
            else:  # the unit's end; cells that it found finished were not reported
                passed += asked[which] - reported.pop(which, 0)
            tell("cells", new + len(failures) + passed, len(failures), total)
    finally:
        close = getattr(running, "close", None)
        if close is not None:
            close()  # ends the workers, whatever happened
    return new, failures


def _with_baselines(units: tuple[Unit, ...], store: Store) -> Iterator[Unit]:
    """The units, each with the 16-bit pass that an earlier run has left, read when its turn comes."""
    for unit in units:
        if unit.description is not None:
            unit = replace(unit, baseline=store.baseline(baseline_key(unit.description, unit.corpus, unit.dtype)))
        yield unit


def survey(
    plan: Plan,
    store: Store,
    shard: tuple[int, int],
    finished: dict[str, str],
    describe: Describe | None = None,
    tell: Progress | None = None,
) -> Survey:
    """Hold a plan's share against what is `finished` (key -> checkpoint): folders are digested, texts are read once.

    A checkpoint of the hub is left to the unit that measures it, unless an earlier run has kept its digests.
    """
    if describe is None:
        from .checkpoints import describe
    assert describe is not None
    faults: list[Fault] = []
    status = 0
    units: list[Unit] = []
    cells = done = unknown = 0

    def at_fault(error: LawdslError) -> None:
        nonlocal status
        status = max(status, error.status)
        faults.extend(fault for fault in error.faults if fault not in faults)

    corpora = []
    for corpus in plan.corpora:
        try:
            corpora.append(replace(corpus, text=digested(corpus.text)))
        except LawdslError as error:
            at_fault(error)
    calibration: PlannedCalibration | None = None
    if plan.calibration is not None and any(METHODS[f.method].needs_calibration for f in plan.formats):
        try:
            calibration = replace(plan.calibration, text=digested(plan.calibration.text))
        except LawdslError as error:
            at_fault(error)

    pairs = [(checkpoint, corpus) for checkpoint in plan.checkpoints for corpus in corpora]
    mine = pairs[shard[0] - 1 :: shard[1]]
    labels = list(dict.fromkeys(checkpoint.label for checkpoint, _ in mine))
    known: dict[str, Description | None] = {}
    for checkpoint, corpus in mine:
        if checkpoint.label not in known:
            try:
                known[checkpoint.label] = described(store, checkpoint, describe)
            except LawdslError as error:
                known[checkpoint.label] = None
                at_fault(error)
            if tell is not None:
                tell("checkpoints", len(known), 0, len(labels))
        description = known[checkpoint.label]
        cells += len(plan.formats)
        unit = Unit(checkpoint, description, corpus, plan.formats, calibration, plan.device, plan.dtype)
        if description is None:
            unknown += 1
            unit = replace(unit, finished=frozenset(k for k, label in finished.items() if label == checkpoint.label))
        else:
            unit = unit.left(frozenset(key for f in plan.formats if (key := unit.key(f)) in finished))
            unit = replace(unit, finished=frozenset())
            done += len(plan.formats) - len(unit.formats)
        if unit.formats:
            units.append(unit)
    return Survey(tuple(units), cells, done, unknown, tuple(faults), status)


def unavailable(plan: Plan, found: Survey) -> list[Fault]:
    """The formats still to do that this machine cannot: a library or a device is missing.

    Raises: InputError or OutsideError where the plan's device is not there.
    """
    from .checkpoints import pick_device
    from .formats import missing

    device = pick_device(plan.device)
    formats = dict.fromkeys(format for unit in found.units for format in unit.formats)
    lacking = (missing(format, device) for format in formats)
    return list(dict.fromkeys(fault for fault in lacking if fault is not None))


def digested(text: PlannedText) -> PlannedText:
    """The text with its digest."""
    from .corpora import read_corpus

    corpus = read_corpus(text.path, text.name, field=text.field, documents=text.documents, separator=text.separator)
    return replace(text, digest=corpus.digest)


# --- what is known of checkpoints ---


def described(store: Store, checkpoint: PlannedCheckpoint, describe: Describe) -> Description | None:
    """A folder's description, kept in the store for as long as its files' sizes and times stay; of a hub's checkpoint,
    what was kept, or None.
    """
    from .checkpoints import Description

    kept = store.noted(_note_name(checkpoint))
    if kept is not None and kept.get("stamps") == _stamps(checkpoint):
        try:
            return Description(**kept["description"])
        except (KeyError, TypeError):  # another version's
            pass
    if not checkpoint.local:
        return None
    description = describe(checkpoint.source)
    note_checkpoint(store, checkpoint, description)
    return description


def note_checkpoint(store: Store, checkpoint: PlannedCheckpoint, description: Description) -> None:
    """Keep a description, unless the hub's name says no revision: then tomorrow's checkpoint may be another."""
    if not store.folder.is_dir() or not (checkpoint.local or "@" in checkpoint.source.name):
        return
    content = asdict(description) | {"facts": dict(description.facts)}
    with suppress(OutsideError):  # it only saves time; a disk that is full is told by the first row
        store.note(_note_name(checkpoint), {"stamps": _stamps(checkpoint), "description": content})


def _note_name(checkpoint: PlannedCheckpoint) -> str:
    return sha256(checkpoint.label.encode()).hexdigest()[:32]


def _stamps(checkpoint: PlannedCheckpoint) -> list[object]:
    """What a description rests on: what the plan says, and each file's size and time."""
    source = checkpoint.source
    said: list[object] = [source.name, source.tokens, source.run, source.allow_pickle]
    if checkpoint.local:
        files = sorted((e.name, e.stat()) for e in os.scandir(source.name) if e.is_file())
        said += [[name, stat.st_size, stat.st_mtime_ns] for name, stat in files]
    return said
