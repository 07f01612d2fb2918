"""A sweep of fits: many laws by many tables, each fit a job of `fitting.jobs`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lawdsl import __version__
from lawdsl.errors import Fault, InputError, LawdslError, Span
from lawdsl.law import Law
from lawdsl.table import Table, bind

from . import engine, jobs
from .posterior import Posterior


def fits(
    laws: Sequence[Law], data: Sequence[str] = (), *, method: str = "nuts", seeds: Sequence[int] = (0,),
    chains: int = 4, draws: int = 1000, out: str | Path | None = None, on: str = "local", workers: int | None = None,
    store: str | Path | None = None, progress: jobs.Progress | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Every law fitted to every table (by default each law to the tables that it names), with every seed.

    Tables are paths, which must be seen wherever the jobs run, or ids of the catalogue. `out`: a folder for the fit
    files, named as `lawdsl fit` names them. For `on`, `workers`, `store` see `fitting.jobs.run`. A fit is done again
    where its law, its table or the release has changed.
    Each answer: law, data, rows, method, seed, parameters (`Posterior.summary`), verdict, and fit, its file.
    Raises: LawdslError with the faults of all pairs that cannot be bound, before anything is fitted.
    """
    from lawdsl.render import canonical

    made: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for law in laws:
        tables = list(data) or [one.table for one in law.data]
        try:
            engine._refuse(law, method, min(seeds), chains, draws)
            if not tables:
                cure = "Give one with --data, or a `data:` block in the law."
                raise InputError(Fault("TAB016", Span(law.name), "this law names no table", cure))
        except LawdslError as error:
            faults += error.faults
            continue
        for name in tables:
            try:
                digest = bind(law, name).digest
            except LawdslError as error:
                faults += [Fault(f.code, f.where, f"{law.name} on {name}: {f.message}", f.cure) for f in error.faults]
                continue
            place = str(Path(name).resolve()) if Path(name).is_file() and not _names(law, name) else name
            made += [
                {
                    "lawdsl": __version__, "law": canonical(law), "data": place, "rows": digest, "method": method,
                    "seed": seed, "chains": chains, "draws": draws, "out": None if out is None else str(out),
                }
                for seed in seeds
            ]  # fmt: skip
    if faults:
        raise InputError(faults)
    return jobs.run(fit_one, made, on=on, workers=workers, store=store, progress=progress)


def file_name(posterior: Posterior) -> str:
    """Names a fit by what decides it: law, rows, method, seed, settings."""
    one = posterior.provenance
    parts = (one.law_digest, one.data_digest, posterior.method, one.seed, one.settings)
    return f"{posterior.law.name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}.nc"


def _names(law: Law, table: str) -> bool:
    """Whether the law's own `data` has this table, under this very name."""
    return any(one.table == table for one in law.data)


def fit_one(job: Mapping[str, Any]) -> dict[str, Any]:
    """One fit: a task of `fitting.jobs`."""
    from lawdsl.library import parse

    law = parse(job["law"], "the law")
    table: Table = bind(law, job["data"])
    post = engine.fit(law, table, method=job["method"], seed=job["seed"], chains=job["chains"], draws=job["draws"])
    saved = None if job["out"] is None else str(post.save(Path(job["out"]) / file_name(post)))
    summary = {
        name: {what: number if math.isfinite(number) else None for what, number in row.items()}
        for name, row in post.summary().items()
    }
    return {
        "law": law.name, "data": table.source, "rows": table.rows, "method": job["method"], "seed": job["seed"],
        "parameters": summary, "verdict": post.verdict.as_json(), "fit": saved,
    }  # fmt: skip
