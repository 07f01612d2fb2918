"""Doing units of work on Ray: one streaming task a unit, so that rows come back as they are finished.

Each task takes one core, and the share of a GPU that the plan says. As many run as the cluster has room for. The first
process alone writes to the store; a task whose worker dies is begun again without the cells that are done. Checkpoints
and texts are read where the task runs: folders must be seen from every machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lawdsl.errors import Fault, OutsideError, Span

from .cells import Executor, MeasureUnit, Message, Unit, guarded
from .workers import Attempt


def on_ray(address: str | None, workers: int, gpus: float = 0.0) -> Executor:
    """Do the units on the cluster at `address`, or on a local one of `workers` cores that is started and ended here."""

    def run(units: Iterator[Unit], measure: MeasureUnit) -> Iterator[tuple[Unit, Message | None]]:
        ray = _ray()
        own = not ray.is_initialized()
        if own:
            _connect(ray, address, workers)
        try:
            yield from _Tasks(ray, measure, gpus, _room(ray, gpus)).run(units)
        finally:
            if own:
                ray.shutdown()

    return run


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        cure = "Install it: pip install 'lawdsl[ray]'; or measure here, without --on."
        raise OutsideError(Fault("MEA404", Span("--on ray"), "Ray is not installed", cure)) from None
    return ray


def _connect(ray: Any, address: str | None, workers: int) -> None:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's coming default, and it warns of it
    try:
        if address is None:
            paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}  # they import what we can
            ray.init(
                address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
                runtime_env={"env_vars": paths},
            )  # fmt: skip
        else:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # among them bare ones, where a cluster takes too long to start
        ray.shutdown()  # whatever part of it has started
        where = f"--on ray:{address}" if address else "--on ray"
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        cure = "Check the address (`ray status` on that machine), or leave it out for a cluster of this machine alone."
        raise OutsideError(Fault("MEA404", Span(where), f"Ray cannot be reached: {reason}", cure)) from None


def _room(ray: Any, gpus: float) -> int:
    """How many tasks run at once."""
    has = ray.cluster_resources()
    room = int(has.get("CPU", 0))
    if gpus:
        room = min(room, int(has.get("GPU", 0) / gpus + 1e-9))
    if room < 1:
        found = f"this cluster has {has.get('CPU', 0):g} cores and {has.get('GPU', 0):g} GPUs"
        cure = "A worker takes one core and `gpus` of the plan: lower `gpus`, or name another cluster."
        raise OutsideError(Fault("MEA404", Span("--on ray"), f"{found}, too few for one worker", cure))
    return room


class _Tasks:
    """Streams of messages, at most `room` at once."""

    def __init__(self, ray: Any, measure: MeasureUnit, gpus: float, room: int):
        self.ray = ray
        self.measure = measure
        self.room = room
        self.task = ray.remote(num_cpus=1, num_gpus=gpus, num_returns="streaming", max_retries=0)(_do)
        self.at_work: dict[Any, Attempt] = {}

    def run(self, units: Iterator[Unit]) -> Iterator[tuple[Unit, Message | None]]:
        for _ in range(self.room):
            self.start(next(units, None))
        while self.at_work:
            ready, _ = self.ray.wait(list(self.at_work), num_returns=1)
            stream = ready[0]
            attempt = self.at_work[stream]
            try:
                message: Message = self.ray.get(next(stream))
            except StopIteration:
                yield attempt.unit, None
                del self.at_work[stream]
                self.start(next(units, None))
                continue
            except self.ray.exceptions.RayTaskError as error:  # what a cell can do is caught: this is of the machine
                cause = str(error.cause or error).strip().splitlines() or [""]
                found = f"a worker of this cluster cannot do it: {cause[-1].strip()[:200]}"
                cure = "Install lawdsl[measure], the same release, on every machine of the cluster."
                raise OutsideError(Fault("MEA404", Span("--on ray"), found, cure)) from None
            except self.ray.exceptions.RayError as error:
                del self.at_work[stream]
                failures = attempt.died(f"the worker died ({type(error).__name__})")
                if failures or not attempt.unit.left(frozenset(attempt.done)).formats:
                    for failure in failures:
                        yield attempt.unit, failure
                    yield attempt.unit, None
                    self.start(next(units, None))
                else:
                    self.begin(attempt)
                continue
            attempt.saw(message)
            yield attempt.unit, message

    def start(self, unit: Unit | None) -> None:
        if unit is not None:
            self.begin(Attempt(unit))

    def begin(self, attempt: Attempt) -> None:
        # Ray shows a task the GPUs that are its own, so every worker is the first of its machine
        self.at_work[self.task.remote(replace(attempt.begin(), worker=0), self.measure)] = attempt


def _do(unit: Unit, measure: MeasureUnit) -> Iterator[Message]:
    yield from guarded(measure, unit)
