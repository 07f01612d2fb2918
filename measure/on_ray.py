"""Doing units of work on Ray: one streaming task a unit, so that rows come back as they are finished.

The first process alone writes to the store; a task whose worker dies is begun again without the cells that are done.
Checkpoints and texts are read where the task runs: folders must be seen from every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lawdsl.cluster import Cluster

from .cells import Executor, MeasureUnit, Message, Unit, guarded
from .workers import Attempt


def on_ray(address: str | None, workers: int, gpus: float = 0.0) -> Executor:
    """Do the units on the cluster at `address`, or on a local one of `workers` cores that is started and ended here."""

    def run(units: Iterator[Unit], measure: MeasureUnit) -> Iterator[tuple[Unit, Message | None]]:
        cluster: Cluster[Attempt] = Cluster(
            address, workers, partial(guarded, measure), gpus=gpus, extra="lawdsl[measure]",
            instead="measure here, without --on",
        )  # fmt: skip
        for attempt, message in cluster.run(map(Attempt, units)):
            yield attempt.unit, message

    return run
