"""Posteriors of draws that are given: what uses a posterior is tested without fitting one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fitting import Posterior, Verdict
from fitting.model import Model
from fitting.posterior import Provenance
from lawdsl.law import Law
from lawdsl.render import digest
from lawdsl.table import bind

GOOD = Verdict(True, (), ("made of given draws",))


def posterior(
    law: Law, rows: object, draws: Mapping[str, Any], *, seed: int = 0, method: str = "nuts", verdict: Verdict = GOOD,
    **more: Any,
) -> Posterior:  # fmt: skip
    """A posterior of `law` on `rows` with these draws: (chains, draws), or (chains, draws, levels) where grouped."""
    table = bind(law, rows)
    levels = {name: grouping.labels for name, grouping in Model(law, table).groupings.items() if name in draws}
    provenance = Provenance(
        table.source, table.digest, digest(law), table.rows, seed, (("lawdsl", "0"),), (("draws", "given"),),
        table.notes,
    )  # fmt: skip
    held = {name: np.asarray(values, dtype=float) for name, values in draws.items()}
    return Posterior(law, method, held, levels, table.levels, table.columns, table.codes, verdict, provenance, **more)
