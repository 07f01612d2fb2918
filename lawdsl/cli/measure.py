"""The command that makes observations: measure."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import limits
from ..errors import Fault, InputError, OutsideError, Span
from . import say
from .command import command
from .options import JSON
from .progress import duration, pace
from .values import Whole

if TYPE_CHECKING:
    from measure.forecast import Forecast
    from measure.plan import Plan
    from measure.sweep import Summary

#: seconds between lines of progress where there is no terminal
BETWEEN = 30.0
#: failures shown; the others are counted, and are in the store
SHOWN = 10


def _formats(as_json: bool) -> None:
    """Print the table of formats."""
    from measure.methods.table import METHODS

    if as_json:
        say.as_json({"formats": [
            {"method": name, "bits": list(m.bits), "groups": list(m.groups), "any_group": m.any_group,
             "extra": m.extra, "about": m.about} for name, m in METHODS.items()
        ]})  # fmt: skip
        return
    rows = []
    for name, method in METHODS.items():
        groups = ["channel" if group is None else str(group) for group in method.groups]
        rows.append((
            name, _listed([f"{bits:g}" for bits in method.bits]), " ".join(groups) + " any" * method.any_group,
            method.extra, method.about,
        ))  # fmt: skip
    say.table(("method", "bits", "group", "extra", "what it is"), rows, left=5)


def _listed(numbers: list[str]) -> str:
    """`2 to 8` for a run of whole numbers, else all of them."""
    run = [str(number) for number in range(int(float(numbers[0])), int(float(numbers[0])) + len(numbers))]
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 2 and numbers == run else " ".join(numbers)


@command("measure")
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option("--store", type=click.Path(path_type=Path), help="The folder of the rows; the plan's unless said.")
@click.option("--dry-run", is_flag=True, help="Say what there is to do, and what it takes, and do nothing.")
@click.option("--on", "where", metavar="ray[:ADDRESS]", help="Measure on Ray: a cluster of this machine, or ADDRESS.")
@click.option("--shard", metavar="I/N", help="The I-th of N shares of the work, for job arrays.")
@click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N, mps; the plan's unless said.")
@click.option("--workers", type=Whole(1, limits.WORKERS), help="Processes; the plan's number unless said.")
@click.option("--formats", is_flag=True, help="List the formats, and measure nothing.")
@JSON
def measure_command(
    plan: Path | None, store: Path | None, dry_run: bool, where: str | None, shard: str | None, device: str | None,
    workers: int | None, formats: bool, as_json: bool,
) -> int:  # fmt: skip
    """Measure checkpoints as a PLAN says: one row a checkpoint, format and corpus, in a store that `fit --data` reads.

    Killed or stopped, the same command goes on where it was. Exit status 1: some cells could not be measured.
    """
    if formats:
        _formats(as_json)
        return 0
    if plan is None:
        cure = "lawdsl measure PLAN.yaml; examples/measure/plan.yaml is one, and `--formats` lists what can be in it."
        raise InputError(Fault("ASK091", Span("lawdsl measure"), "PLAN is missing", cure))
    share, address = _shard(shard), _cluster(where)
    require_extra()
    from measure import plan as plans

    wanted: Plan = plans.read_plan(plan)
    if device is not None and not plans.DEVICE.fullmatch(device):
        cure = "Devices are auto, cpu, cuda, cuda:0, cuda:1, ... and mps."
        raise InputError(Fault("MEA012", Span(f"--device {device}"[:80]), f"'{device[:40]}' is not a device", cure))
    wanted = replace(
        wanted, store=store or wanted.store, device=device or wanted.device, workers=workers or wanted.workers
    )
    if dry_run:
        return _forecast(wanted, share, elsewhere=where is not None, as_json=as_json)
    from measure.store import open_store
    from measure.sweep import run_sweep

    executor = None
    if where is not None:
        from measure.on_ray import on_ray

        executor = on_ray(address, wanted.workers, wanted.gpus)
    opened = open_store(wanted.store, wanted)
    try:
        with _told(not as_json) as progress:
            summary = run_sweep(
                wanted, opened, shard=share, executor=executor, progress=progress, elsewhere=where is not None
            )
    except KeyboardInterrupt as stop:
        stop.add_note(f"the rows that are finished are in {wanted.store}, and the same command goes on from there")
        raise
    return _summary(wanted, summary, as_json)


def require_extra() -> None:
    """Raises: OutsideError (MEA405) where the libraries of the extra are not installed."""
    lacking = [name for name in ("torch", "transformers", "safetensors") if find_spec(name) is None]
    if lacking:
        cure = "pip install 'lawdsl[measure]'"
        raise OutsideError(Fault("MEA405", Span(), f"measuring needs {', '.join(lacking)}, not installed here", cure))


def _shard(text: str | None) -> tuple[int, int]:
    """`2/8` as (2, 8)."""
    if text is None:
        return 1, 1
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        cure = "Write --shard I/N with I from 1 to N: --shard 2/8."
        raise InputError(Fault("MEA012", Span(f"--shard {text}"[:80]), "this is no share of the work", cure))
    return int(match[1]), int(match[2])


def _cluster(text: str | None) -> str | None:
    """The address in `ray:ADDRESS`."""
    if text is None or text == "ray":
        return None
    kind, _, address = text.partition(":")
    if kind != "ray" or not address.strip():
        cure = "Write --on ray for a cluster of this machine alone, or --on ray:HOST:PORT."
        raise InputError(Fault("MEA012", Span(f"--on {text}"[:80]), "sweeps run here or on Ray", cure))
    return address.strip()


def _forecast(plan: Plan, shard: tuple[int, int], elsewhere: bool, as_json: bool) -> int:
    from measure.forecast import forecast_sweep
    from measure.store import open_store

    store = open_store(plan.store) if (plan.store / "sweep.json").exists() else None
    with _told(not as_json) as progress:
        found: Forecast = forecast_sweep(plan, store, shard=shard, progress=progress, elsewhere=elsewhere)
    memory = {label: size for label, size in found.memory}
    if as_json:
        say.as_json({
            "measure": plan.name, "cells": found.cells, "finished": found.finished,
            "to_do": found.cells - found.finished, "not_looked_at": found.unknown, "memory_bytes": memory,
            "seconds": found.seconds, "estimate": found.rule, "store": str(plan.store),
            "faults": [fault.as_json() for fault in found.faults], "notes": list(found.remarks),
        })  # fmt: skip
    else:
        todo = found.cells - found.finished
        say.heading(f"{plan.name}: {found.cells} cells, {found.finished} finished, {todo} to do")
        facts = [("store", str(plan.store))]
        if found.unknown:
            facts.append(("not looked at", f"{found.unknown} units of the hub's checkpoints, downloaded in their turn"))
        for label, size in found.memory[:1]:
            facts.append(("memory", f"{_gigabytes(size)} a worker for {label}: the weights twice, and logits"))
        if found.seconds is not None and todo:
            facts.append(("time", f"about {duration(found.seconds)}; {found.rule}"))
        say.wrapped(facts)
    for remark in found.remarks:
        say.note(remark)
    for fault in found.faults:
        say.fault(fault)
    return found.status


def _summary(plan: Plan, found: Summary, as_json: bool) -> int:
    rows = found.before + found.new
    if as_json:
        say.as_json({
            "measure": plan.name, "cells": found.cells, "rows": rows, "new": found.new, "store": str(found.store),
            "failures": [
                {"checkpoint": f.checkpoint, "format": f.format, "corpus": f.corpus, "reason": f.reason}
                for f in found.failures
            ],
            "notes": list(found.remarks),
        })  # fmt: skip
    else:
        failed = f", {len(found.failures)} failed" if found.failures else ""
        say.heading(f"{plan.name}: {found.cells} cells, {found.new} new rows, {found.before} before{failed}")
        say.wrapped([("store", f"{found.store}: `lawdsl fit LAW --data {found.store}` reads it, as does rows.csv")])
        reasons: dict[str, list[str]] = {}
        for failure in found.failures:
            cell = f"{failure.checkpoint} {failure.format} {failure.corpus}"
            reasons.setdefault(failure.reason, []).append(cell)
        for reason, cells in list(reasons.items())[:SHOWN]:
            more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
            say.wrapped([("failed", f"{cells[0]}{more}: {reason}")])
        if len(reasons) > SHOWN:
            say.wrapped([("", f"{len(reasons) - SHOWN} more reasons are in {found.store / 'failures'}")])
    for remark in found.remarks:
        say.note(remark)
    return 1 if found.failures else 0


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


class _Told:
    """How far a sweep is, on stderr: a bar on a terminal, elsewhere a line now and then, for logs."""

    def __init__(self) -> None:
        self.bar = say.Progress(True)
        self.stage = ""
        self.began = self.last = time.monotonic()

    def __call__(self, stage: str, done: int, failed: int, total: int) -> None:
        now = time.monotonic()
        named = f"{stage}, {failed} failed" if failed else stage
        if self.bar.shown:
            self.bar(named, done, total)
            return
        if stage != self.stage:
            self.stage, self.began, self.last = stage, now, now
        if now - self.last >= BETWEEN:
            self.last = now
            say.note(f"{named}: {pace(done, total, now - self.began)}")

    def close(self) -> None:
        self.bar.close()


@contextmanager
def _told(shown: bool) -> Iterator[Any]:
    if not shown:
        yield None
        return
    told = _Told()
    try:
        yield told
    finally:
        told.close()
