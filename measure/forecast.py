"""What a sweep will take, before it is run: cells, memory of a worker, and time.

Times are scaled from the rows that the store holds already, by parameters and tokens. A store without rows gives a
guess from a rule that is printed with it: an evaluation is 2 operations a parameter and token, and a method that
calibrates does three passes over its text; a core is taken to do 2e10 operations a second, an accelerator 2e13.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from lawdsl.errors import Fault, LawdslError, OutsideError

from .cells import PlannedText, Unit
from .methods.table import METHODS
from .plan import Plan
from .store import Index, Store
from .sweep import Describe, Progress, Survey, survey, unavailable

#: operations a second where no row tells better
CORE, ACCELERATOR = 2e10, 2e13
#: bytes of text to a token, where no row tells better
TOKEN_BYTES = 4.0
#: bytes that logits of a batch, and what belongs to them, may take beside the weights
LOGITS = 2**30
_WIDTHS = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Forecast:
    """`memory`: (checkpoint, bytes) of the largest ones, for one worker. `seconds` for all workers together, or None
    where nothing is known; `rule` says what they rest on. `status` is the worst fault's, 0 where there is none.
    """

    cells: int
    finished: int
    units: int
    unknown: int
    memory: tuple[tuple[str, int], ...]
    seconds: float | None
    rule: str
    faults: tuple[Fault, ...]
    status: int
    remarks: tuple[str, ...]


def forecast_sweep(
    plan: Plan, store: Store | None, *, shard: tuple[int, int] = (1, 1), progress: Progress | None = None,
    describe: Describe | None = None, elsewhere: bool = False,
) -> Forecast:  # fmt: skip
    """What is left of a plan's share, and what it takes. Nothing is measured, downloaded or written but digests of
    folders into a store that is there already; what stands in the way is returned in `faults`.
    """
    index = store.index() if store is not None else Index()
    shelf = store if store is not None else Store(plan.store)
    found = survey(plan, shelf, shard, index.checkpoints, describe, progress)
    faults, status = list(found.faults), found.status
    accelerated = plan.device.startswith(("cuda", "mps")) or plan.gpus > 0
    if not elsewhere:
        try:
            if lacking := unavailable(plan, found):
                faults, status = [*faults, *lacking], OutsideError.status
            from .checkpoints import pick_device

            accelerated = pick_device(plan.device).type != "cpu"
        except LawdslError as error:
            faults, status = [*faults, *error.faults], max(status, error.status)
    seconds, rule = _seconds(plan, found, shelf, accelerated)
    remarks = [*index.remarks, *(f"rows/{name} is no whole row, and will be measured again" for name in index.damaged)]
    return Forecast(
        found.cells, found.finished, len(found.units), found.unknown, _memory(plan, found), seconds, rule,
        tuple(faults), status, tuple(remarks),
    )  # fmt: skip


def _memory(plan: Plan, found: Survey) -> tuple[tuple[str, int], ...]:
    """The weights twice (as they are, and quantized), and the logits."""
    needs = {}
    for unit in found.units:
        if unit.description is not None:
            dtype = unit.description.dtype if plan.dtype == "auto" else plan.dtype
            needs[unit.checkpoint.label] = 2 * unit.description.n_params * _WIDTHS.get(dtype, 4) + LOGITS
    return tuple(sorted(needs.items(), key=lambda pair: -pair[1])[:5])


def _seconds(plan: Plan, found: Survey, store: Store, accelerated: bool) -> tuple[float | None, str]:
    # the sums over rows: seconds, and what they are scaled by
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    tokens: dict[str, float] = {}
    for row in store.rows():
        try:
            size, read = float(row["n_params"]), float(row["eval_tokens"])
            sums = spent[row["method"]]
            for place, value in enumerate((row["seconds_evaluate"], size * read, row["seconds_quantize"], size)):
                sums[place] += float(value)
            tokens[row["corpus_digest"]] = read
        except (KeyError, TypeError, ValueError):
            continue
    known = [unit for unit in found.units if unit.description is not None]
    if not known and found.units:
        return None, "nothing is known of the checkpoints yet"
    speed = ACCELERATOR if accelerated else CORE
    total = sum(_of_unit(unit, spent, tokens, speed) for unit in known) * len(found.units) / max(1, len(known))
    measured = {format.method for unit in known for format in unit.formats} <= set(spent)
    if measured and spent:
        rule = "scaled from the rows in the store"
    else:
        rule = f"a guess: {speed:.0e} operations a second a worker, {TOKEN_BYTES:g} bytes a token"
    return total / (plan.workers if not accelerated else 1), rule


def _of_unit(unit: Unit, spent: dict[str, list[float]], tokens: dict[str, float], speed: float) -> float:
    description = unit.description
    assert description is not None
    size = description.n_params
    read = tokens.get(unit.corpus.text.digest) or _bytes(unit.corpus.text) / TOKEN_BYTES
    read *= unit.corpus.window / unit.corpus.stride
    one = 2 * size * read / speed
    total = one  # the 16-bit pass
    shown = 0 if unit.calibration is None else unit.calibration.samples * (unit.calibration.length or 2048)
    for format in unit.formats:
        evaluate, work, quantize, weights = spent.get(format.method, (0.0, 0.0, 0.0, 0.0))
        if work and weights:
            total += evaluate / work * size * read + quantize / weights * size
        else:
            total += one + (6 * size * shown / speed if METHODS[format.method].needs_calibration else 0.0)
    return total


def _bytes(text: PlannedText) -> float:
    path = Path(text.path)
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0.0
