"""Kill, look, go on, kill again: until so many kills are done, each store to its end."""

from __future__ import annotations

import random
import shutil
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import apart, instants
from .scenes import Scene, files, hidden

#: kills in one folder before the command is let alone
IN_A_ROW = 12


@dataclass
class Counts:
    """What was done and what was found; `faults` say what was wrong, in words."""

    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    rows_checked: int = 0
    files_checked: int = 0
    rows_lost: int = 0
    torn: int = 0
    resumes: int = 0
    resumes_unequal: int = 0
    unfinished_files: int = 0
    faults: list[str] = field(default_factory=list)

    def tell(self) -> None:
        """A line for the log: a run that is cut off has told what it did."""
        told = (f"{self.kills.total()} kills, {self.rows_checked} rows and {self.files_checked} files looked at, "
                f"{self.rows_lost} rows lost, {self.torn} torn, {self.resumes} resumed to the end, "
                f"{self.resumes_unequal} unequal")  # fmt: skip
        print(told, file=sys.stderr, flush=True)

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON has them."""
        return vars(self) | {"kills": {"all": self.kills.total(), **self.kills}}


@dataclass(frozen=True)
class Whole:
    """An undisturbed run: its status, calls, seconds, and its files by what must be the same."""

    status: int
    calls: int
    seconds: float
    alike: dict[str, Any]


@dataclass(frozen=True)
class _Seen:
    """A folder as it is: rows, files that are torn, what must be the same of the others, unfinished files."""

    rows: dict[str, str]
    torn: list[str]
    alike: dict[str, Any]
    hidden: int


def undisturbed(scene: Scene, work: Path) -> Whole:
    """The scene, run twice (so that its programs are kept), and looked at."""
    folder = _fresh(scene, work)
    apart.warm(scene.arguments, folder)
    folder = _fresh(scene, work)
    if scene.pooled:
        apart.command(scene.arguments, folder)
        folder = _fresh(scene, work)
    ended = apart.command(scene.arguments, folder)
    seen: _Seen = apart.call(_look, scene, folder)
    assert not seen.torn and not seen.hidden and ended.status in (0, 1), (seen.torn, seen.hidden, ended)
    return Whole(ended.status, ended.calls, ended.seconds, seen.alike)


def killed(scene: Scene, work: Path, kills: int, chance: random.Random, counts: Counts) -> None:
    """So many kills of a scene."""
    whole = undisturbed(scene, work)
    done = said = 0
    while done < kills:
        folder = _fresh(scene, work)
        if scene.outdated is not None and chance.random() < 0.5:
            scene.outdated(folder)
        row = 0
        while True:
            before: _Seen = apart.call(_look, scene, folder)
            row += 1
            last = row > IN_A_ROW or done >= kills
            ended, kind = (apart.command(scene.arguments, folder), "") if last else _one(scene, folder, whole, chance)
            after: _Seen = apart.call(_look, scene, folder)
            _compare(scene, whole, before, after, counts)
            if "Traceback" in ended.said or "lawdsl itself failed" in ended.said:
                counts.faults.append(f"{scene.name}: {ended.said[-2000:]}")
            seen = len(counts.faults)
            if seen > said:
                print(*counts.faults[said:], sep="\n", file=sys.stderr, flush=True)
                said = seen
            if kind and (ended.status == 137 or ended.workers_killed):
                done += 1
                counts.kills[f"{scene.name}: {kind}"] += 1
            if ended.status != 137:
                _finished(scene, whole, ended, after, counts, resumed=row > 1)
                break
        counts.tell()


def stopped(scene: Scene, work: Path, stops: int, chance: random.Random, counts: Counts) -> None:
    """So many SIGINTs and SIGTERMs: one line that says what is kept, the status, no file that was being written."""
    whole = undisturbed(scene, work)
    done = 0
    while done < stops:
        folder = _fresh(scene, work)
        for _ in range(IN_A_ROW):
            before: _Seen = apart.call(_look, scene, folder)
            sent = chance.choice((signal.SIGINT, signal.SIGTERM))
            ended = apart.command(scene.arguments, folder, after=chance.uniform(0, whole.seconds), with_signal=sent)
            after: _Seen = apart.call(_look, scene, folder)
            _compare(scene, whole, before, after, counts)
            if ended.status == whole.status:
                break
            done += 1
            counts.stops[f"{scene.name}: {sent.name}"] += 1
            lines = [line for line in ended.said.splitlines() if line.startswith("stopped; ")]
            quiet = ended.status == 128 + sent and not ended.said and after.alike == before.alike  # before it had begun
            if not quiet and (
                ended.status != 128 + sent or len(lines) != 1 or "Traceback" in ended.said or after.hidden
            ):
                counts.faults.append(
                    f"{scene.name}: {sent.name}: status {ended.status}, {after.hidden} unfinished: {ended.said[-1500:]}"
                )
                print(counts.faults[-1], file=sys.stderr, flush=True)


def _one(scene: Scene, folder: Path, whole: Whole, chance: random.Random) -> tuple[apart.Ended, str]:
    """A run that is killed, at a call or at a time; and how."""
    if scene.pooled and chance.random() < 0.3:
        after = chance.uniform(0, whole.seconds)
        return apart.command(scene.arguments, folder, after=after, worker=True, chance=chance), "one worker"
    if instants.there() and chance.random() < 0.6:
        at = 1 + chance.randrange(max(1, whole.calls))
        return apart.command(scene.arguments, folder, at_call=at), "at a call"
    return apart.command(scene.arguments, folder, after=chance.uniform(0, whole.seconds)), "at a time"


def _compare(scene: Scene, whole: Whole, before: _Seen, after: _Seen, counts: Counts) -> None:
    """Hold what is there against what was there before and what an undisturbed run leaves."""
    counts.rows_checked += len(before.rows)
    counts.files_checked += len(after.alike)
    counts.unfinished_files = max(counts.unfinished_files, after.hidden)
    for key, digest in before.rows.items():
        if after.rows.get(key) != digest:
            counts.rows_lost += 1
            counts.faults.append(
                f"{scene.name}: row {key} was there and is {'changed' if key in after.rows else 'gone'}"
            )
    torn = list(after.torn)
    for path, content in before.alike.items():
        if path not in after.alike and path not in after.torn:
            torn.append(f"{path} is gone")
        elif not scene.rows(Path("/nowhere")) and scene.kind == "single" and after.alike.get(path) != content:
            if after.alike.get(path) != whole.alike.get(path):
                torn.append(f"{path} is neither the old one nor the new")
    for path in after.alike.keys() - before.alike.keys():
        if path not in whole.alike or (not path.endswith("store.jsonl") and after.alike[path] != whole.alike[path]):
            if not path.endswith(("rows.csv", "rows.parquet")):
                torn.append(f"{path} is not the new one")
    counts.torn += len(torn)
    counts.faults += [f"{scene.name}: {one}" for one in torn]


def _finished(
    scene: Scene, whole: Whole, ended: apart.Ended, after: _Seen, counts: Counts, resumed: bool
) -> None:  # fmt: skip
    """Hold the end against an undisturbed run's."""
    counts.resumes += resumed
    if ended.status != whole.status:
        counts.resumes_unequal += 1
        counts.faults.append(f"{scene.name}: status {ended.status} and not {whole.status}: {ended.said[-1500:]}")
    elif after.alike != whole.alike:
        counts.resumes_unequal += 1
        names = after.alike.keys() | whole.alike.keys()
        differ = sorted(name for name in names if after.alike.get(name) != whole.alike.get(name))
        counts.faults.append(f"{scene.name}: another end: {', '.join(differ)[:400]}")


def _fresh(scene: Scene, work: Path) -> Path:
    """The scene's folder as it begins; always at the same place, since jobs know their tables by it."""
    kept, folder = work / f"kept-{scene.make.__name__}", work / "folder"
    if not kept.exists():
        kept.mkdir(parents=True)
        apart.call(scene.make, kept)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder)
    return folder


def _look(scene: Scene, folder: Path) -> _Seen:
    alike, torn = {}, []
    for path, content in files(folder).items():
        try:
            alike[path] = scene.alike(path, content)
        except Exception as error:
            torn.append(f"{path} is torn: {error!r}")
    try:
        rows = dict(scene.rows(folder))
    except Exception as error:
        rows, torn = {}, [*torn, f"a row's files are not all there: {error!r}"]
    return _Seen(rows, torn, alike, len(hidden(folder)))
