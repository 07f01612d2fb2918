"""A fit by the command line, its CPU time told by region. Run as: fit_in_regions.py LAW TABLE METHOD OUT."""

from __future__ import annotations

import json
import sys
import time

from clock import Clock

#: in the order in which a fit goes through them
REGIONS = (
    "interpreter", "imports", "law and table", "model", "search: compile", "search: run", "sampler: compile",
    "sampler: run", "verdict", "predictive draws", "writing", "printing", "rest",
)  # fmt: skip


def main(law: str, rows: str, method: str, out: str) -> None:
    """Fit as the command line does and print one JSON object of seconds."""
    clock = Clock()
    clock.mark("interpreter")
    clock.imports()
    import lawdsl.cli.fits as command
    from lawdsl import library, table

    clock.wrap(library, "load", "law and table")
    clock.wrap(table, "bind", "law and table")
    from fitting import engine, pattern, posterior, programs, robust, sample, start, verdict, whiten

    def stored(name: str, *_: object, **__: object) -> str:
        return "sampler: compile" if name in ("plant", "take") else "search: compile"

    clock.wrap(programs, "stored", stored)
    start.stored = sample.stored = programs.stored
    clock.wrap(start, "descend", "search: run")
    clock.wrap(start, "refits", "search: run")
    robust.descend, robust.refits = start.descend, start.refits
    clock.wrap(sample, "sample", "sampler: run")
    clock.wrap(whiten, "laplace", "search: run")
    clock.wrap(verdict, "of_sample", "verdict")
    clock.wrap(pattern, "patterns", "verdict")
    clock.wrap(engine, "_predictive", "predictive draws")
    clock.wrap(engine.Model, "__init__", "model")
    clock.wrap(engine.Model, "prior_draws", "model")
    program = engine.Model.program.func  # type: ignore[attr-defined]
    engine.Model.program.func = lambda model: clock.call("model", program, model)  # type: ignore[attr-defined]
    clock.wrap(posterior.Posterior, "save", "writing")
    clock.wrap(command, "_print_fit", "printing")
    command.fit_command.main([law, "--data", rows, "--method", method, "--out", out], standalone_mode=False)
    clock.turn()
    answer = {name: clock.seconds[name] for name in REGIONS}
    print(json.dumps({**answer, "sum": time.process_time()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
