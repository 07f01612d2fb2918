"""Backtests on open tables: one table of coverage and width, written to docs/backtests.md.

    LAWDSL_DATA=... python tests/benchmarks/backtests.py [TABLE ...] [--keep FOLDER] [--out docs/backtests.md]

Each table is fitted below eight cuts of compute and forecast above, by the law of the library that names it, by rivals
of that law, and by Huber with bootstraps. What is learned of laws' errors from other tables (`PRIOR` in
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import lawdsl
from fitting import backtesting as engine
from fitting import discrepancy, outcomes, scores
from fitting.comparing import stacking
from fitting.reliability import BINS, place
from lawdsl.law import Law
from lawdsl.library import folder, parse
from lawdsl.table import bind

ONE_DECADE = (0.5, 1.5)
#: worlds simulated from the forecasts, to say how many tables a right interval would leave below 80 %
WORLDS = 1000
LEVEL = 0.9


@dataclass(frozen=True)
class Rival:
    """Another law for the rows of a case: the case's own, in whose text each text is replaced by another."""

    about: str
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Case:
    """A table, its law, the frontier where it is not the law's compute, and rivals of the law."""

    name: str
    law: str
    table: str
    rivals: tuple[Rival, ...] = ()
    frontier: str | None = None


def bent(terms: str) -> Rival:
    """The sum of what falls, to a power: the rival of every law that is a constant and a sum of powers."""
    constant = "g: {between: [0.4, 1.6], about: bend}\n  sigma:"
    return Rival("a bent sum", ((terms, f"({terms})^g"), ("sigma:", constant)))


def freed(about: str, tied: str) -> Rival:
    """What the law ties to another constant, by itself."""
    return Rival(about, ((f"tied: {tied},", "between: [0.1, 1.0],"),))


SKEWED = Rival(
    "a skewed parabola",
    (
        ("h*log(N/Nopt)^2", "h*log(N/Nopt)^2*(1 + skew*log(N/Nopt))"),
        ("sigma:", 'skew: {prior: "Normal(0, 0.2)", about: skew}\n  sigma:'),
    ),
)
DRIFT = Rival(
    "another power of compute",
    (
        ("E + (a*M^eta + b*M^-eta)*C^-eta", "E + (a*M^eta + b*M^-eta)*C^-eta*(C/1e19)^g"),
        ("sigma:", 'g: {prior: "Normal(0, 0.05)", about: drift}\n  sigma:'),
    ),
)
BEND = Rival(
    "a bend in size",
    (
        ("c*log10(N)*log10(Ehat) + d)", "c*log10(N)*log10(Ehat) + d + g*(log10(N) - 7.5)^2)"),
        ("sigma:", 'g: {prior: "Normal(0, 0.02)", about: bend in size}\n  sigma:'),
    ),
)
SUM = "A/N^alpha + B/D^beta"
CASES = (
    Case("Chinchilla", "chinchilla", "chinchilla-epoch", (bent(SUM),)),
    Case("Gadre", "overtraining", "gadre-overtraining", (DRIFT,)),
    Case("Gemstones", "gemstones", "gemstones", (bent(SUM),)),
    Case("misfitting", "misfitting", "misfitting-fineweb", (bent(SUM),)),
    Case("Porian", "isoflops", "porian-isoflops-refinedweb", (SKEWED,)),
    Case("datablations", "data_constrained", "data-constrained-datablations",
         (freed("two exponents", "alpha"), bent("A/Nworth^alpha + B/Dworth^beta"))),
    Case("vocabulary", "vocabulary", "vocab-tao2024",
         (freed("three exponents", "beta"),
          bent("A1/(Nnv/1e6)^alpha1 + A2/(Nv/1e6)^alpha2 + B/(D/1e9)^beta"))),
    Case("vocabulary, SLDBench", "sldbench/vocab", "sldbench-vocab-train", (), "n_params_non_vocab*n_chars"),
    Case("QuEST", "precision", "quest-qat",
         (freed("two exponents", "alpha"), bent("A/N_eff^alpha + B/D^beta"))),
    Case("Clark", "routed", "moe-routing-clark2022-upto370m", (BEND,), "N"),
    Case("Marin isoFLOPs", "isoflops", "isoflops-llama3-marin-scalefit", (SKEWED,)),
)  # fmt: skip
FORMS = {
    "plain": "plain", "widened": "discrepancy", "averaged": "averaged", "averaged_widened": "averaged + discrepancy",
    "beside": "Huber + bootstrap",
}  # fmt: skip


def laws(case: Case) -> list[Law]:
    """The law of a case and its rivals."""
    text = (folder() / f"{case.law}.yaml").read_text()
    bare = text[: text.index("\npublished:")] + "\n" if "\npublished:" in text else text
    data = text.partition("\ndata:")[2]
    bare = bare.partition("\nask:")[0].partition("\nsimulate:")[0] + "\n"
    bare += "data:" + data.partition("\nchecks:")[0].partition("\nsimulate:")[0] if data else ""
    found = [lawdsl.load(case.law)]
    for number, rival in enumerate(case.rivals, 1):
        text = bare.replace(f"law: {case.law}", f"law: {case.law}_rival_{number}", 1)
        for old, new in rival.texts:
            assert old in text, (case.name, old)
            text = text.replace(old, new, 1)
        found.append(parse(text, f"{case.law}_rival_{number}"))
    return found


def raw_of(case: Case, which: int, keep: Path, seconds: float, cuts: Sequence[float] | None) -> dict[str, Any]:
    """The raw forecasts of a case by its law (0) or one of its rivals (1, 2), made or read."""
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


def scored(case: Case, found: Sequence[Mapping[str, Any]]) -> dict[str, list[engine.Forecast]]:
    """Forecasts of a case in every form."""
    at = np.asarray(found[0]["at"])
    of_case = laws(case)[: len(found)]
    every = [engine.assemble(law, at, one["raw"])[0] for law, one in zip(of_case, found, strict=True)]
    forms: dict[str, list[engine.Forecast]] = {form: list(every[0]) for form in ("plain", "widened", "beside")}
    if len(found) > 1:
        forms["averaged"] = forms["averaged_widened"] = averaged(of_case[0], every, found, at)
    return forms


def averaged(
    law: Law, every: Sequence[Sequence[engine.Forecast]], found: Sequence[Mapping[str, Any]], at: np.ndarray
) -> list[engine.Forecast]:
    """Forecasts of all laws at each cut of the first, mixed as `lawdsl compare` mixes fits that were backtested: each
    law widened by its own error, with the weights of stacking (here over what lower cuts forecast of rows up to the
    cut). A law whose fit is refused at a cut forecasts nothing there; of the cuts below those count where none was.
    """
    name = next(iter(law.outcome))
    told = [{round(one.cut, 9): one for one in forecasts} for forecasts in every]
    good = [[one for one in each["raw"] if not one["reasons"]] for each in found]
    raws = [{round(one["cut"], 9): one["responses"][name] for one in each} for each in good]

    def restore(values: np.ndarray) -> np.ndarray:
        return np.asarray(outcomes.restore(law.outcome[name].noise, values), dtype=float)

    mixed = []
    for cut, one in told[0].items():
        mates = [m for m, by_cut in enumerate(told) if cut in by_cut]
        densities, counts = [], []
        for lower in sorted(set.intersection(*(set(told[m]) for m in mates))):
            known = at[raws[0][lower]["row"]] <= one.edge
            if lower < cut and known.any():
                densities.append(np.stack([np.asarray(raws[m][lower]["densities"])[0, known] for m in mates], axis=1))
                counts.append(np.full(known.sum(), min(discrepancy.ROWS_A_CUT, known.sum()) / known.sum()))
        weights = np.full(len(mates), 1 / len(mates))
        if densities:
            weights = stacking(np.concatenate(densities), np.concatenate(counts))
        marks = {}
        for form in ("plain", "widened"):
            parts = [forecast_of(raws[m][cut], told[m][cut].told if form == "widened" else None) for m in mates]
            shares = np.maximum(1, np.round(400 * weights)).astype(int)
            cloud = np.concatenate([
                part[np.linspace(0, len(part) - 1, share).astype(int)]
                for (part, _), share, weight in zip(parts, shares, weights, strict=True) if weight > 0.002
            ])  # fmt: skip
            density = np.logaddexp.reduce([np.log(w + 1e-300) + d for (_, d), w in zip(parts, weights, strict=True)])
            marks[form] = scores.mark(cloud, np.asarray(raws[0][cut]["observed"]), density, restore)
        mixed.append(replace(one, marks=marks))
    return mixed


def forecast_of(here: Mapping[str, Any], told: discrepancy.Discrepancy | None) -> tuple[np.ndarray, np.ndarray]:
    """Equally likely values (199, rows) of a forecast, with the law's own error where told, and log densities."""
    values, densities = np.asarray(here["quantiles"]), np.asarray(here["densities"])
    if told is None or not told.widen:
        return values, densities[0]
    sizes = told.likely(engine.DEVIATES)
    cloud = values[::2, None] + sizes[None, :, None] * discrepancy.growth(np.asarray(here["reach"]))
    wide = np.quantile(cloud.reshape(-1, values.shape[1]), (np.arange(len(values)) + 0.5) / len(values), axis=0)
    return wide, discrepancy.log_mean(densities, told.log_weights)


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
        for which in range(1 + len(case.rivals) * arguments.rivals):
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
- **averaged**: the law and its rivals, with the weights of stacking over the forecasts of lower cuts, on rows below the
  cut; plain, and with each law widened by its own error: what `lawdsl compare` gives of fits that were backtested;
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
    lines = []
    if any("averaged_widened" in one for one in forms.values()):
        pooled, share, count = held(forms, "averaged_widened")
        least = min(share, key=lambda name: share[name])
        lines.append(
            f"One decade out the 90 % intervals of averages of backtested laws hold {pooled * 100:.0f} % of "
            f"their {count} forecasts, {np.mean(list(share.values())) * 100:.0f} % as the mean of tables, and "
            f"{share[least] * 100:.0f} % on the table where they hold least ({least})."
        )
    pooled, share, count = held(forms, "widened")
    low = ", ".join(f"{name} {value * 100:.0f} %" for name, value in share.items() if value < 0.8) or "none"
    every, below = expected(forms, found)
    lines.append(
        f"Those of one law alone, widened by its own error, hold {pooled * 100:.0f} % of {count} forecasts and "
        f"{np.mean(list(share.values())) * 100:.0f} % as the mean of tables; tables below 80 %: {low}. A law that is "
        "wrong is told by its rival rather than by its own record: the rows of one cut share one error of the law, and "
        f"a table is a few cuts. In {WORLDS} worlds drawn from these forecasts themselves, each cut with an error of "
        f"its own, all tables hold 80 % or more in {every * 100:.0f} % of worlds, and {below:.1f} tables do not on "
        "average."
    )
    return "\n\n".join(textwrap.fill(line, 120, break_on_hyphens=False) for line in lines)


def held(
    forms: Mapping[str, Mapping[str, Sequence[engine.Forecast]]], form: str
) -> tuple[float, dict[str, float], int]:
    """The share of forecasts that a form's intervals hold one decade out, of all and by table, and their number."""
    tables = {name: within(one.get(form, []), form, ONE_DECADE) for name, one in forms.items()}
    level = scores.LEVELS.index(LEVEL)
    share = {n: float(scores.joined(parts).inside[level].mean()) for n, parts in tables.items() if parts}
    pooled = scores.joined([mark for parts in tables.values() for mark in parts])
    return float(pooled.inside[level].mean()), share, len(pooled.observed)


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
              "| table | law | rivals | frontier | rows | share | CPU s | prior from the others |",
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
        rival = ", ".join(one.about for one in case.rivals) if len(here) > 1 else "-"
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
    lines += ["", f"{machine}; CPU seconds are of the law and of its rivals, compilation included."]
    return lines


if __name__ == "__main__":
    main()
