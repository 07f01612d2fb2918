"""Backtests on open tables: one table of coverage and width, written to docs/backtests.md.

    LAWDSL_DATA=... python tests/benchmarks/backtests.py [TABLE ...] [--keep FOLDER] [--out docs/backtests.md]

Each table is fitted below eight cuts of compute and forecast above, by the law of the library that names it, by one
rival of that law, and by Huber with bootstraps. What is learned of laws' errors from other tables (`PRIOR` in
`fitting.discrepancy`) is learned again here without the table that it is used on. Raw forecasts are kept in FOLDER, so
that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lawdsl
from fitting import backtesting as engine
from fitting import discrepancy, outcomes, scores
from fitting.reliability import BINS, place
from lawdsl.law import Law
from lawdsl.library import folder, parse
from lawdsl.table import bind

ONE_DECADE = (0.5, 1.5)
#: worlds simulated from the forecasts, to say how many tables a right interval would leave below 80 %
WORLDS = 1000
LEVEL = 0.9


@dataclass(frozen=True)
class Case:
    """A table, its law, the frontier where it is not the law's compute, and a rival of the law: texts to replace."""

    name: str
    law: str
    table: str
    frontier: str | None = None
    rival: tuple[tuple[str, str], ...] = ()
    about: str = ""


BENT = "g: {between: [0.4, 1.6], about: bend}\n  sigma:"
CASES = (
    Case("Chinchilla", "chinchilla", "chinchilla-epoch",
         rival=(("E + A/N^alpha + B/D^beta", "E + (A/N^alpha + B/D^beta)^g"), ("sigma:", BENT)), about="a bent sum"),
    Case("Gadre", "overtraining", "gadre-overtraining",
         rival=(("E + (a*M^eta + b*M^-eta)*C^-eta", "E + (a*M^eta + b*M^-eta)*C^-eta*(C/1e19)^g"),
                ("sigma:", 'g: {prior: "Normal(0, 0.05)", about: drift}\n  sigma:')), about="another power of compute"),
    Case("Gemstones", "gemstones", "gemstones",
         rival=(("(E + A/N^alpha + B/D^beta)", "(E + (A/N^alpha + B/D^beta)^g)"), ("sigma:", BENT)),
         about="a bent sum"),
    Case("misfitting", "misfitting", "misfitting-fineweb",
         rival=(("E + A/N^alpha + B/D^beta", "E + (A/N^alpha + B/D^beta)^g"), ("sigma:", BENT)), about="a bent sum"),
    Case("Porian", "isoflops", "porian-isoflops-refinedweb",
         rival=(("h*log(N/Nopt)^2", "h*log(N/Nopt)^2*(1 + skew*log(N/Nopt))"),
                ("sigma:", 'skew: {prior: "Normal(0, 0.2)", about: skew}\n  sigma:')), about="a skewed parabola"),
    Case("datablations", "data_constrained", "data-constrained-datablations",
         rival=(("{tied: alpha, about:", "{between: [0.1, 1.0], about:"),), about="two exponents"),
    Case("vocabulary", "vocabulary", "vocab-tao2024",
         rival=(("{tied: beta, about:", "{between: [0.1, 1.0], about:"),), about="three exponents"),
    Case("vocabulary, SLDBench", "sldbench/vocab", "sldbench-vocab-train", "n_params_non_vocab*n_chars",
         about="none"),
    Case("QuEST", "precision", "quest-qat",
         rival=(("beta: {tied: alpha,", "beta: {between: [0.1, 1.0],"),), about="two exponents"),
    Case("Clark", "routed", "moe-routing-clark2022-upto370m", "N",
         rival=(("c*log10(N)*log10(Ehat) + d)", "c*log10(N)*log10(Ehat) + d + g*(log10(N) - 7.5)^2)"),
                ("sigma:", 'g: {prior: "Normal(0, 0.02)", about: bend in size}\n  sigma:')), about="a bend in size"),
    Case("Marin isoFLOPs", "isoflops", "isoflops-llama3-marin-scalefit",
         rival=(("h*log(N/Nopt)^2", "h*log(N/Nopt)^2*(1 + skew*log(N/Nopt))"),
                ("sigma:", 'skew: {prior: "Normal(0, 0.2)", about: skew}\n  sigma:')), about="a skewed parabola"),
)  # fmt: skip
FORMS = {
    "plain": "plain", "widened": "discrepancy", "averaged": "averaged", "averaged_widened": "averaged + discrepancy",
    "beside": "Huber + bootstrap",
}  # fmt: skip


def laws(case: Case) -> list[Law]:
    """The law of a case and its rival."""
    text = (folder() / f"{case.law}.yaml").read_text()
    rival = text[: text.index("\npublished:")] + "\n" if "\npublished:" in text else text
    head, _, data = text.partition("\ndata:")
    rival = rival.partition("\nask:")[0].partition("\nsimulate:")[0] + "\n"
    rival += "data:" + data.partition("\nchecks:")[0].partition("\nsimulate:")[0] if data and head else ""
    for old, new in case.rival:
        assert old in rival, (case.name, old)
        rival = rival.replace(old, new, 1)
    rival = rival.replace(f"law: {case.law}", f"law: {case.law}_rival", 1)
    return [lawdsl.load(case.law), *([parse(rival, f"{case.law}_rival")] if case.rival else [])]


def raw_of(case: Case, which: int, keep: Path, seconds: float, cuts: Sequence[float] | None) -> dict[str, Any]:
    """The raw forecasts of a case by its law (0) or rival (1), made or read."""
    path = keep / f"{case.table}-{which}.json"
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    law = laws(case)[which]
    table = bind(law, case.table)
    keep.mkdir(parents=True, exist_ok=True)
    cpu = time.process_time()

    def tell(stage: str, done: int, total: int) -> None:
        spent = time.process_time() - cpu
        print(f"{law.name} {done}/{total} {spent:.0f} s", file=sys.stderr, flush=True)
        if done < total and spent > seconds:
            sys.exit(3)

    told = engine.backtest(
        law,
        table,
        frontier=case.frontier,
        cuts=cuts,
        beside=which == 0,
        store=keep / f"{case.table}-{which}.jsonl",
        progress=tell,
    )
    at = engine.frontier_of(law, told.frontier).at(table.columns)
    found = {
        "rows": table.rows, "frontier": told.frontier, "at": at.tolist(), "raw": list(told.raw),
        "notes": list(told.notes), "cpu": time.process_time() - cpu,
    }  # fmt: skip
    path.write_text(json.dumps(found))
    return found


def curve(found: Mapping[str, Any]) -> np.ndarray:
    """What all cuts of a table say of the share, as a log likelihood over `SHARES`: of one table, so of few errors."""
    total = np.zeros(len(discrepancy.SHARES))
    for one in found["raw"]:
        for here in one["responses"].values():
            total += discrepancy.ROWS_A_CUT * np.asarray(here["densities"]).mean(axis=1) / len(found["raw"])
    return total * 3.0


def runs(name: str) -> str:
    """The runs of a case: the vocabulary table stands twice."""
    return name.partition(",")[0]


def learned(curves: Mapping[str, np.ndarray], without: str = "") -> tuple[float, float]:
    """Centre and standard deviation of log share among tables, without one's runs: the most likely of a grid."""
    logs = np.log(discrepancy.SHARES[1:])
    best = (-math.inf, 0.0, 0.0)
    for center in np.linspace(math.log(0.02), math.log(1.0), 40):
        for sd in (0.75, 1.0):  # eight or ten tables do not tell a narrower spread
            prior = -0.5 * ((logs - center) / sd) ** 2
            prior -= np.logaddexp.reduce(prior)
            value = sum(
                float(np.logaddexp.reduce(prior + c[1:])) for n, c in curves.items() if runs(n) != runs(without)
            )
            best = max(best, (value, float(center), float(sd)))
    return best[1], best[2]


def averaged(law: Law, raws: Sequence[Sequence[Mapping[str, Any]]], at: np.ndarray) -> list[tuple[int, dict[str, Any]]]:
    """Forecasts of all laws at each cut of the first, mixed by the log scores they had at the cuts below, on rows up to
    the cut; each cut counts as four rows, as for the law's own error. The quantiles of the mixture, and its densities.
    """
    name = next(iter(law.outcome))
    found = []
    for i, one in enumerate(raws[0]):
        mates = [next((r for r in raw if abs(r["cut"] - one["cut"]) < 1e-9), None) for raw in raws]
        if any(m is None for m in mates):
            continue
        totals = np.zeros(len(raws))
        for m, raw in enumerate(raws):
            for lower in raw:
                if lower["cut"] < one["cut"] - 1e-9:
                    known = at[lower["responses"][name]["row"]] <= one["edge"]
                    if known.any():
                        density = np.asarray(lower["responses"][name]["densities"])[0, known]
                        totals[m] += min(discrepancy.ROWS_A_CUT, known.sum()) * density.mean()
        weights = np.exp(totals - np.logaddexp.reduce(totals))
        parts = [np.asarray(m["responses"][name]["quantiles"]) for m in mates if m]
        densities = np.stack([np.asarray(m["responses"][name]["densities"]) for m in mates if m])
        each = [
            np.linspace(0, len(p) - 1, max(1, round(400 * w))).astype(int) for p, w in zip(parts, weights, strict=True)
        ]
        cloud = np.concatenate([p[e] for p, e, w in zip(parts, each, weights, strict=True) if w > 0.002])
        here = dict(one["responses"][name])
        here["quantiles"] = np.quantile(cloud, (np.arange(199) + 0.5) / 199, axis=0).tolist()
        here["densities"] = np.logaddexp.reduce(np.log(weights + 1e-300)[:, None, None] + densities, axis=0).tolist()
        here.pop("beside", None)
        found.append((i, {**one, "responses": {name: here}, "weights": weights.tolist()}))
    return found


def scored(case: Case, found: Sequence[Mapping[str, Any]]) -> dict[str, list[engine.Forecast]]:
    """Forecasts of a case in every form."""
    law, at = lawdsl.load(case.law), np.asarray(found[0]["at"])
    forecasts, _ = engine.assemble(law, at, found[0]["raw"])
    forms: dict[str, list[engine.Forecast]] = {form: [f for f in forecasts] for form in ("plain", "widened", "beside")}
    if len(found) > 1:
        mixed = [one for _, one in averaged(law, [f["raw"] for f in found], at)]
        again, _ = engine.assemble(law, at, mixed)
        forms["averaged"], forms["averaged_widened"] = list(again), list(again)
    return forms


MARKS = {"plain": "plain", "widened": "widened", "beside": "beside", "averaged": "plain", "averaged_widened": "widened"}


def within(forecasts: Sequence[engine.Forecast], form: str, bin: tuple[float, float]) -> list[scores.Marks]:
    """The marks of a form's rows in a bin of distance, of every cut."""
    found = []
    for one in forecasts:
        inside = (bin[0] <= one.distance) & (one.distance < bin[1])
        if inside.any() and MARKS[form] in one.marks:
            found.append(one.marks[MARKS[form]].take(inside))
    return found


def main() -> None:
    """Run the cases and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", help="names of cases; all unless said")
    parser.add_argument("--keep", type=Path, default=Path("backtests"))
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="stop between cuts after so much CPU; go on later"
    )
    parser.add_argument("--rivals", action="store_true", help="the rivals too, for averages")
    parser.add_argument("--made", action="store_true", help="only read what was made before")
    arguments = parser.parse_args()
    cases = [c for c in CASES if not arguments.tables or c.name in arguments.tables or c.table in arguments.tables]
    found: dict[str, list[dict[str, Any]]] = {}
    for case in cases:
        here: list[dict[str, Any]] = []
        for which in (0, 1) if arguments.rivals and case.rival else (0,):
            if arguments.made and not (arguments.keep / f"{case.table}-{which}.json").is_file():
                continue
            cuts = [10 ** r["cut"] * (1 + 1e-12) for r in here[0]["raw"]] if which else None
            here.append(raw_of(case, which, arguments.keep, arguments.seconds, cuts))
        if here:
            found[case.name] = here
    page = report([c for c in cases if c.name in found], found)
    print(page)
    if arguments.out:
        arguments.out.write_text(page)


HEAD = """\
# Backtests on open tables

How often 90 % intervals held what they say, beyond the rows. Each table is cut at eight values of compute (of model
size for Clark); the law is fitted to the rows up to the cut and forecasts every row above it. A cell is the share of
forecasts inside the 90 % interval of a new observation, and in parentheses the mean width of that interval, as a share
of the forecast. Made by `tests/benchmarks/backtests.py`.

- **plain**: the law's posterior (normal approximation at the mode), as if the law were true;
- **discrepancy**: widened by the law's own error, whose size at each cut is learned from the forecasts of lower cuts of
  the same table, on rows below the cut, with a prior from the other tables (this one's runs left out); plain where the
  last five lower cuts all showed the plain interval to hold. What `lawdsl predict` gives after `lawdsl backtest`;
- **averaged**: the law and a rival of it, weighted by their log scores at lower cuts;
- **Huber + bootstrap**: Huber's point fit, 200 bootstraps, and residuals drawn again.

Rows of one table are forecast from several cuts, and rows of one cut go wrong together: the count of forecasts is not a
count of independent ones. Rows whose level (a corpus, a sweep) no row below the cut has are left out,
and cuts at which the search for the mode did not come to rest: `lawdsl` refuses their fits. The runs of the vocabulary
table are forecast twice, by their paper's law and by the form that SLDBench's train split preferred.

{found}\
"""


def report(cases: Sequence[Case], found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page."""
    curves = {c.name: curve(found[c.name][0]) for c in cases}
    shipped = discrepancy.PRIOR
    forms: dict[str, dict[str, list[engine.Forecast]]] = {}
    priors = {}
    for case in cases:
        priors[case.name] = learned(curves, case.name) if len(curves) > 1 else shipped
        discrepancy.PRIOR = priors[case.name]  # leave one table out
        forms[case.name] = scored(case, found[case.name])
    discrepancy.PRIOR = shipped
    together = learned(curves)
    lines: list[str] = [HEAD.replace("{found}", summary(forms, found))]
    for bin in BINS:
        lines += ["", f"## {place(bin).capitalize()} ({bin[0]:g} to {bin[1]:g} decades beyond the rows)", ""]
        shown = [f for f in FORMS if any(f in forms[c.name] for c in cases)]
        lines.append("| table | cuts | forecasts | " + " | ".join(FORMS[f] for f in shown) + " |")
        lines.append("|---|---:|---:|" + "---:|" * len(shown))
        pools: dict[str, list[scores.Marks]] = {f: [] for f in shown}
        tables: dict[str, list[scores.Scores]] = {f: [] for f in shown}
        for case in cases:
            parts = {f: within(forms[case.name].get(f, []), f, bin) for f in shown}
            if not parts["plain"]:
                continue
            cells = []
            for f in shown:
                if not parts[f]:
                    cells.append("-")
                    continue
                s = scores.score(scores.joined(parts[f]))
                pools[f] += parts[f]
                tables[f].append(s)
                cells.append(f"{s.coverage[LEVEL] * 100:.0f} % ({s.relative[LEVEL] * 100:.1f} %)")
            count = sum(len(p.observed) for p in parts["plain"])
            lines.append(f"| {case.name} | {len(parts['plain'])} | {count} | " + " | ".join(cells) + " |")
        for label, per in (("all forecasts", True), ("mean of tables", False)):
            cells = []
            for f in shown:
                if not pools[f]:
                    cells.append("-")
                elif per:
                    s = scores.score(scores.joined(pools[f]))
                    cells.append(f"**{s.coverage[LEVEL] * 100:.0f} %** ({s.relative[LEVEL] * 100:.1f} %)")
                else:
                    share = np.mean([s.coverage[LEVEL] for s in tables[f]])
                    width = np.mean([s.relative[LEVEL] for s in tables[f]])
                    cells.append(f"{share * 100:.0f} % ({width * 100:.1f} %)")
            count = sum(len(p.observed) for p in pools["plain"])
            lines.append(f"| {label} | | {count if per else ''} | " + " | ".join(cells) + " |")
    lines += detail(cases, forms, found, priors, together)
    return "\n".join(lines) + "\n"


def row_of(form: str, by: str, found: Sequence[scores.Scores]) -> str:
    """A row of levels and scores: the mean of some scores."""
    shares = " | ".join(f"{np.mean([s.coverage[level] for s in found]) * 100:.0f} %" for level in scores.LEVELS)
    width = f"{np.mean([s.relative[LEVEL] for s in found]) * 100:.1f} %"
    mean = f"{np.mean([s.log_score for s in found]):.2f} | {np.mean([s.crps_scale for s in found]):.4f}"
    return f"| {FORMS[form]} | {by} | {shares} | {width} | {mean} |"


def expected(
    forms: Mapping[str, Mapping[str, Sequence[engine.Forecast]]], found: Mapping[str, Any]
) -> tuple[float, float]:
    """In worlds drawn from the widened forecasts themselves, each cut with one error of its own: how often every table
    has a coverage of 80 % or more one decade out, and how many tables have less.
    """
    random = np.random.default_rng(0)
    tables = []
    for name, forecasts in forms.items():
        held, count = np.zeros(WORLDS), 0
        for one, raw in zip(forecasts["widened"], [r for r in found[name][0]["raw"] if not r["reasons"]], strict=True):
            inside = (ONE_DECADE[0] <= one.distance) & (one.distance < ONE_DECADE[1])
            if one.told is None or not inside.any():
                continue
            here = next(iter(raw["responses"].values()))
            plain = np.asarray(here["quantiles"])[:, inside]
            size = one.told.sizes(WORLDS, int(random.integers(2**31))) if one.told.widen else np.zeros(WORLDS)
            rows = np.arange(plain.shape[1])
            drawn = plain[random.integers(len(plain), size=(WORLDS, len(rows))), rows]
            drawn = drawn + size[:, None] * discrepancy.growth(np.asarray(here["reach"])[inside])
            noise = lawdsl.load(next(c.law for c in CASES if c.name == name)).outcomes[0].noise
            world = outcomes.restore(noise, drawn)
            marks, level = one.marks["widened"].take(inside), scores.LEVELS.index(LEVEL)
            held += ((marks.lo[level] <= world) & (world <= marks.hi[level])).sum(axis=1)
            count += len(rows)
        if count:
            tables.append(held / count)
    short = np.stack(tables) < 0.8
    return float((~short.any(axis=0)).mean()), float(short.sum(axis=0).mean())


def summary(forms: Mapping[str, Mapping[str, Sequence[engine.Forecast]]], found: Mapping[str, Any]) -> str:
    """What the tables below come to, one decade out."""
    tables = {name: within(one["widened"], "widened", ONE_DECADE) for name, one in forms.items()}
    share = {
        n: float(scores.joined(parts).inside[scores.LEVELS.index(LEVEL)].mean()) for n, parts in tables.items() if parts
    }
    pooled = scores.score(scores.joined([m for parts in tables.values() for m in parts])).coverage[LEVEL]
    low = ", ".join(f"{name} {value * 100:.0f} %" for name, value in share.items() if value < 0.8) or "none"
    every, below = expected(forms, found)
    return textwrap.fill(
        f"One decade out the widened 90 % intervals hold {pooled * 100:.0f} % of all forecasts and "
        f"{np.mean(list(share.values())) * 100:.0f} % as the mean of tables. Tables below 80 %: {low}. That much is to "
        "be expected of intervals that are right: a table is a few cuts, and the rows of one cut share one error of "
        f"the law. In {WORLDS} worlds drawn from these forecasts themselves, each cut with an error of its own, "
        f"all tables hold 80 % or more in {every * 100:.0f} % of worlds, and {below:.1f} tables do not on average.",
        120, break_on_hyphens=False,
    )  # fmt: skip


def detail(
    cases: Sequence[Case], forms: Mapping[str, Any], found: Mapping[str, Any], priors: Mapping[str, Any],
    together: tuple[float, float],
) -> list[str]:  # fmt: skip
    """Other levels and scores one decade out, the law's error by table, and every cut."""
    lines = []
    for bin in (ONE_DECADE, (1.5, 2.5)):
        lines += ["", f"## {place(bin).capitalize()}: every level, and scores", ""]
        lines += ["| forecast | pooled by | 50 % | 80 % | 90 % | 95 % | width | log score | CRPS |"]
        lines += ["|---|---|---:|---:|---:|---:|---:|---:|---:|"]
        for f in FORMS:
            tables = [within(forms[c.name].get(f, []), f, bin) for c in cases]
            each = [scores.score(scores.joined(parts)) for parts in tables if parts]
            if each:
                pooled = scores.score(scores.joined([m for parts in tables for m in parts]))
                lines += [row_of(f, "rows", [pooled]), row_of(f, "tables", each)]
    lines += ["", "## The law's own error by table", "",
              f"All tables together: a share of {math.exp(together[0]):.2f} a decade, times or divided by "
              f"{math.exp(together[1]):.1f} between tables.", "",
              "| table | law | rival | frontier | rows | share | CPU s | prior from the others |",
              "|---|---|---|---|---:|---:|---:|---|"]  # fmt: skip
    for case in cases:
        here = found[case.name]
        raw = here[0]["raw"]
        name = next(iter(raw[0]["responses"]))
        curves = [np.asarray(one["responses"][name]["densities"]) for one in raw]
        weights = np.exp(discrepancy.learn(curves))[1:]
        share = math.exp(float(weights @ np.log(discrepancy.SHARES[1:])))
        center, sd = priors[case.name]
        cpu = " + ".join(f"{one['cpu']:.0f}" for one in here)
        rival = case.about if len(here) > 1 else "-"
        lines.append(
            f"| {case.name} | {case.law} | {rival} | {here[0]['frontier']} | {here[0]['rows']} | {share:.2f} | {cpu} | "
            f"{math.exp(center):.2f}, x{math.exp(sd):.1f} |"
        )
    lines += ["", "## Every cut", ""]
    lines.append("| table | cut | rows below | forecasts | share | plain | discrepancy | Huber + bootstrap |")
    lines.append("|---|---:|---:|---:|---:|---:|---:|---:|")
    for case in cases:
        for one in forms[case.name]["plain"]:
            cells = []
            for f in ("plain", "widened", "beside"):
                if f not in one.marks:
                    cells.append("-")
                    continue
                s = scores.score(one.marks[f])
                cells.append(f"{s.coverage[LEVEL] * 100:.0f} % ({s.relative[LEVEL] * 100:.1f} %)")
            told = one.told
            share = "-" if told is None else f"{told.share:.2f}" if told.widen else "0"
            lines.append(
                f"| {case.name} | {10**one.cut:.2g} | {one.below} | {len(one.row)} | {share} | "
                + " | ".join(cells)
                + " |"
            )
    machine = f"Python {platform.python_version()}, {platform.machine()}, one thread"
    lines += ["", f"{machine}; CPU seconds are of the law and of its rival, compilation included."]
    return lines


if __name__ == "__main__":
    _ = outcomes
    main()
