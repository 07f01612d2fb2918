"""Work on Ray: one streaming task an attempt, so that what is done comes back as it is done.

Each task takes one core, and a share of a GPU where it is asked for. As many run as the cluster has room for; one whose
worker dies is begun again, as often as the attempt (`lawdsl.processes`) asks for.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Generic

from .errors import Fault, OutsideError, Span
from .processes import A, Work


class Cluster(Generic[A]):
    """The cluster at `address`, or a local one of `workers` cores that is started and ended here.

    `environment`: variables that the tasks have. `extra` is what every machine of it must have installed, and `instead`
    what to do without Ray: for messages.
    Raises: OutsideError (MEA404) where there is no Ray, no cluster, or no room in it.
    """

    def __init__(
        self, address: str | None, workers: int, work: Work, *, gpus: float = 0.0,
        environment: Mapping[str, str] | None = None, extra: str = "lawdsl", instead: str = "run here, without --on",
    ):  # fmt: skip
        self.address = address
        self.workers = workers
        self.work = work
        self.gpus = gpus
        self.environment = dict(environment or {})
        self.extra = extra
        self.instead = instead

    def run(self, attempts: Iterator[A]) -> Iterator[tuple[A, Any]]:
        """Every message as it comes, and None at the end of each attempt."""
        ray = self._ray()
        own = not ray.is_initialized()
        if own:
            connect(ray, self.address, self.workers)
        try:
            yield from self._stream(ray, attempts)
        finally:
            if own:
                ray.shutdown()

    def _ray(self) -> Any:
        try:
            import ray
        except ImportError:
            cure = f"Install it: pip install 'lawdsl[ray]'; or {self.instead}."
            raise OutsideError(Fault("MEA404", Span("--on ray"), "Ray is not installed", cure)) from None
        return ray

    def _stream(self, ray: Any, attempts: Iterator[A]) -> Iterator[tuple[A, Any]]:
        own = {"runtime_env": {"env_vars": self.environment}} if self.environment else {}
        task = ray.remote(num_cpus=1, num_gpus=self.gpus, num_returns="streaming", max_retries=0, **own)(_do)
        at_work: dict[Any, A] = {}

        def begin(attempt: A | None) -> None:
            if attempt is not None:
                # Ray shows a task the GPUs that are its own, so every worker is the first of its machine
                at_work[task.remote(attempt.begin(0), self.work)] = attempt

        for _ in range(_room(ray, self.gpus)):
            begin(next(attempts, None))
        while at_work:
            ready, _ = ray.wait(list(at_work), num_returns=1)
            stream = ready[0]
            attempt = at_work[stream]
            try:
                message = ray.get(next(stream))
            except StopIteration:
                yield attempt, None
                del at_work[stream]
                begin(next(attempts, None))
                continue
            except ray.exceptions.RayTaskError as error:  # what the work can do is caught: this is of the machine
                cause = str(error.cause or error).strip().splitlines() or [""]
                found = f"a worker of this cluster cannot do it: {cause[-1].strip()[:200]}"
                cure = f"Install {self.extra}, the same release, on every machine of the cluster."
                raise OutsideError(Fault("MEA404", Span("--on ray"), found, cure)) from None
            except ray.exceptions.RayError as error:
                del at_work[stream]
                last = attempt.died(f"the worker died ({type(error).__name__})")
                if last is None:
                    begin(attempt)
                    continue
                for message in last:
                    yield attempt, message
                yield attempt, None
                begin(next(attempts, None))
                continue
            attempt.saw(message)
            yield attempt, message


def connect(ray: Any, address: str | None, workers: int) -> None:
    """Start or join a cluster. Raises: OutsideError (MEA404) where there is none to be had."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's coming default, and it warns of it
    try:
        with warnings.catch_warnings():
            # Ray forks to start its programs at once in what is forked; JAX warns of any fork
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            if address is None:
                paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}  # they import what we can
                ray.init(
                    address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False,
                    logging_level="ERROR", runtime_env={"env_vars": paths},
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


def _do(given: Any, work: Work) -> Iterator[Any]:
    yield from work(given)
