"""The library's calibration on record: every law that can be fitted, and the page that shows it.

    python -m fitting.calibrated docs/calibration.jsonl docs/calibration.md --replicates 50 --store calibrations

A law that is on record with these replicates is left alone unless it has changed; one that was begun goes on from its
store. The record is one line a law, the page is written from it.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lawdsl import library
from lawdsl.errors import LawdslError
from lawdsl.law import Law
from lawdsl.render import digest

from .calibration import CHAINS, DRAWS, KEPT, RATE, WARMUP, calibrate

#: what is known of laws whose line on the page needs a word
TROUBLE: dict[str, str] = {
    "broken_two": (
        "in half the replicates the two short chains disagree (two breaks leave several modes), and what is ranked "
        "are draws of chains that have not converged, which a fit's own R-hat refuses. With chains of four times the "
        "length six of 50 replicates disagree, and nothing is rejected (smallest p 0.04)."
    ),
    "denoiser_saving": (
        "the level, the height and the fall of a curve of three sizes trade against each other, and where the error is "
        "at its ceiling nothing is known of them: in a third of the replicates the two short chains "
        "disagree, and are ranked as they are. With chains of four times the length three of 50 replicates disagree, "
        "and nothing is rejected (smallest p 0.34)."
    ),
    "data_filtering": (
        "not rejected, but a quarter of all draws diverge: constants from all over their priors often put the error at "
        "the law's ceiling of .999. Of 12 replicates looked at the four with a third or more of their rows there had "
        "44 to 75 % of draws diverge, the other eight none. A fit of rows that published constants give is good "
        "(docs/fits.md)."
    ),
    "data_filtering_code": (
        "not rejected, but half of all draws diverge: in 13 of 16 replicates looked at every row lies at the law's "
        "ceiling of .999, so that the posterior is the prior with an edge in it, and uniform ranks say little. "
        "data_filtering_mixture has the same ceiling, and was not looked into."
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Calibrate what is not on record, and write record and page."""
    parser = argparse.ArgumentParser(prog="python -m fitting.calibrated", description=__doc__.split("\n")[0])
    parser.add_argument("record", type=Path, help="lines of JSON, one a law")
    parser.add_argument("page", type=Path, help="the page in Markdown")
    parser.add_argument("laws", nargs="*", help="laws; all of the library unless said")
    parser.add_argument("--replicates", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, help="a folder for what is begun")
    parser.add_argument("--on", default="here", help="here, local, ray[:ADDRESS]")
    given = parser.parse_args(arguments)
    laws = fittable()
    for name in given.laws or library.names():
        law = library.load(name)
        known = read(given.record).get(law.name)
        if law.status == "bound" or (known and _current(known, law, given.replicates, given.seed)):
            continue
        store = given.store / f"{name}.jsonl" if given.store else None
        entry = _entry(law, given.replicates, given.seed, given.on, store)
        entries = {**read(given.record), name: entry}
        given.record.write_text("".join(json.dumps(entries[n], ensure_ascii=False) + "\n" for n in sorted(entries)))
        given.page.write_text(page(entries, laws))
        print(_line(entry), flush=True)


def fittable() -> list[str]:
    """The names of the laws that can be fitted, as records have them."""
    found = (library.load(name) for name in library.names())
    return sorted(law.name for law in found if law.status != "bound")


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The record, by law."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {entry["law"]: entry for entry in map(json.loads, lines)}


def _current(known: Mapping[str, Any], law: Law, replicates: int, seed: int) -> bool:
    asked = known["asked"] >= replicates and known["seed"] == seed
    return bool(asked and known["digest"] == digest(law))


def _entry(law: Law, replicates: int, seed: int, on: str, store: Path | None) -> dict[str, Any]:
    head = {"law": law.name, "digest": digest(law), "asked": replicates, "seed": seed}
    try:
        found = calibrate(law, replicates=replicates, seed=seed, on=on, store=store)
    except LawdslError as error:
        return head | {"fault": error.faults[0].message}
    worst = min(found.p, key=lambda name: found.p[name]) if found.p else ""
    return head | {
        "rows": found.rows, "quantities": len(found.ranks), "replicates": found.replicates,
        "seconds": round(found.seconds, 2), "worst": worst, "p": round(found.p.get(worst, 1.0), 4),
        "rejected": list(found.rejected), "ok": found.ok, "redrawn": round(found.redrawn, 3),
        "diverging": round(found.diverging, 4), "apart": found.apart, "failures": sorted(set(found.failures)),
        "failed": len(found.failures),
    }  # fmt: skip


_HEAD = f"""\
# Calibration of the library

Constants drawn from each law's prior, rows simulated from them at the law's own design, a fit by NUTS, and the rank of
each true constant, and of the log posterior density, among {DRAWS} posterior draws (`lawdsl calibrate`, and
`fitting/calibration.py` for the method and its sources). A law is rejected where the ranks of any quantity are not
uniform: by an exact test of the empirical distribution at every rank, adjusted for the number of quantities, so that a
law whose fits are right is rejected with a probability of at most {RATE:.0%}. Of a hundred right laws one may be.

Every fit is {CHAINS} chains of {WARMUP} draws of warm-up and {KEPT} kept. *Redrawn*: the share of prior draws whose
rows no table could hold (not finite, or outside what the noise can give); they are drawn again. *Apart*: the replicates
whose two short chains disagree (R-hat above 1.1); they are ranked like the others. *Diverging*: share of draws.
*Seconds* are of CPU, the median replicate, compilation aside. By the command in `fitting/calibrated.py`.

"""


def page(entries: Mapping[str, Mapping[str, Any]], laws: Sequence[str]) -> str:
    """The record as a page; `laws` are those that should be on it."""
    rows = ["| law | quantities | replicates | smallest p | rejected | redrawn | diverging | apart | seconds |"]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for name in sorted(entries):
        one = entries[name]
        if "fault" in one:
            rows.append(f"| {name} | | 0 | | {one['fault']} | | | | |")
            continue
        said = ", ".join(one["rejected"]) or ("no" if one["ok"] else f"not fitted: {one['failed']}")
        rows.append(
            f"| {name} | {one['quantities']} | {one['replicates']} | {one['p']:.3g} ({one['worst']}) | {said} "
            f"| {one['redrawn']:.1%} | {one['diverging']:.2%} | {one['apart']} | {one['seconds']:.2f} |"
        )
    bad = [name for name, one in entries.items() if "fault" in one or not one["ok"]]
    done = f"{len(entries)} of {len(laws)} laws are on record; {len(bad)} of them rejected or not fitted.\n\n"
    missing = [name for name in laws if name not in entries]
    if missing:
        done += textwrap.fill(f"Not yet on record: {', '.join(missing)}.", 120, break_on_hyphens=False) + "\n\n"
    told = [f"- {name}: {TROUBLE[name]}" for name in sorted(entries) if name in TROUBLE]
    return _HEAD + done + "\n".join(rows) + "\n" + ("\n## Trouble\n\n" + "\n".join(told) + "\n" if told else "")


def _line(entry: Mapping[str, Any]) -> str:
    if "fault" in entry:
        return f"{entry['law']}: {entry['fault']}"
    verdict = "ok" if entry["ok"] else f"REJECTED {entry['rejected']} failed {entry['failed']} {entry['failures']}"
    return (
        f"{entry['law']}: {entry['replicates']} replicates of {entry['seconds']} s, p {entry['p']} ({entry['worst']}), "
        f"redrawn {entry['redrawn']}, diverging {entry['diverging']}, apart {entry['apart']}: {verdict}"
    )


if __name__ == "__main__":
    main()
