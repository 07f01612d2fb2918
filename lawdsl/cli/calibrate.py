"""The command `calibrate`: whether the engine can be believed of a law, by simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import AskError, Fault, Span
from . import say
from .command import command
from .fits import _engine, _units, pairs
from .jobs import job_options
from .options import JSON, table_options
from .options import seed as seed_option
from .pictures import draw, plot_option
from .values import LawName, TableName, Whole

if TYPE_CHECKING:
    from fitting.calibration import Calibration


@command("calibrate")
@click.argument("law", type=LawName())
@click.option("--replicates", type=Whole(10, 10_000), default=200, show_default=True, help="Fits to simulate.")
@click.option(
    "--data",
    type=TableName(),
    metavar="TABLE",
    help="Simulate at the rows of a table; at the law's own design unless said.",
)
@table_options
@seed_option("ranks")
@job_options
@plot_option("the ranks")
@JSON
def calibrate_command(
    law: str, replicates: int, data: str | None, maps: tuple[str, ...], where: str | None, units: tuple[str, ...],
    drop_missing: bool | None, seed: int, workers: int | None, on: str, store: Path | None, plot: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Simulation-based calibration: draw constants from the law's prior, simulate rows, fit, and rank the constants
    among the posterior's draws. Ranks that are not uniform show an engine, or a law, that says what is not so."""
    from .. import library

    found = library.load(law)
    engine = _engine()
    table = None
    if data is not None:
        from ..table import bind

        table = bind(
            found, data, map=pairs(maps, "--map"), where=where, units=_units(units, found), drop_missing=drop_missing
        )
    elif maps or where or units or drop_missing:
        cure = "Name the table with --data, or leave these out to simulate at the law's own design."
        raise AskError(Fault("ASK013", Span(law), "--map, --where, --units or --drop-missing without a table", cure))
    from fitting.calibration import calibrate

    with say.progress(not as_json) as progress:
        calibration: Calibration = calibrate(
            found, table, replicates=replicates, seed=seed, on=on, workers=workers, store=store, progress=progress
        )
    draw(plot, lambda: engine.plots.ranks(calibration))
    if as_json:
        say.as_json(calibration.as_json())
    else:
        _print(found.title, calibration)
    return 0 if calibration.ok else 1


def _print(title: str, found: Calibration) -> None:
    from fitting.calibration import APART, DRAWS

    say.heading(title)
    say.text(f"{found.replicates} replicates of {found.rows} rows of {found.data}, seed {found.seed}")
    say.line()
    rows = []
    for name, ranks in found.ranks.items():
        verdict = "not uniform" if name in found.rejected else "uniform"
        rows.append((name, _bars(ranks.tolist(), DRAWS), f"{found.p[name]:.3g}", verdict))
    say.table(("quantity", "ranks, low to high", "p", "ranks are"), rows, left=2)
    say.verdict(found.ok, _remarks(found, APART), ("calibrated", "rejected"))


def _bars(ranks: list[int], most: int) -> str:
    """A histogram of ten bins in one line."""
    bins = 10
    counts = [0] * bins
    for rank in ranks:
        counts[rank * bins // (most + 1)] += 1
    top = max(max(counts), 1)
    return "".join(" ▁▂▃▄▅▆▇█"[round(8 * count / top)] for count in counts)


def _remarks(found: Calibration, apart: float) -> list[str]:
    """What the verdict rests on, in words."""
    said = [
        f"a right engine would be rejected with probability {found.rate:.0%}, all {len(found.ranks)} quantities "
        "together (p is adjusted for their number)"
    ]
    if found.rejected:
        said.append(f"the ranks of {', '.join(found.rejected)} are not uniform: their intervals are not what they say")
    if found.failures:
        said.append(f"{len(found.failures)} replicates could not be fitted: {found.failures[0]}")
    if found.redrawn > 0:
        said.append(f"{found.redrawn:.0%} of the prior draws made rows that no table could hold, and were drawn again")
    if found.apart:
        said.append(
            f"in {found.apart} replicates the chains disagree (R-hat above {apart}); they are ranked all the same"
        )
    if found.diverging > 0.001:
        said.append(f"{found.diverging:.1%} of all draws diverged")
    said.append(f"{found.seconds:.2g} CPU seconds a replicate, the median, compilation aside")
    return said
