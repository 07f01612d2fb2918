r"""The methods section of a paper about a fit: LaTeX that states what was done and what came out, and its BibTeX.

Every number is the fit's own or follows from its draws. The text needs amsmath and nothing else; labels are
eq:LAW, eq:LAW-fitted and tab:LAW, keys are those of the BibTeX beside.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from lawdsl import words
from lawdsl.cite import people
from lawdsl.law import Law, Noise, Parameter, Prior, Value
from lawdsl.render import definitions, equation_latex, latex, latex_name
from lawdsl.tex import escape, estimate, filled, plain, rounded

from .. import convergence, verdict
from ..posterior import Posterior
from . import references

#: levels of a grouped parameter that the table has room for
LEVELS = 12
FAMILIES = {
    "normal": "normally distributed", "student-t": "Student-$t$ distributed", "laplace": "Laplace distributed",
    "huber": "distributed as Huber's loss has it", "lognormal": "lognormally distributed",
    "logit-normal": "logit-normally distributed", "beta": "beta distributed", "binomial": "binomial",
    "beta-binomial": "beta-binomial", "poisson": "Poisson distributed",
}  # fmt: skip
SCALES = {"identity": "", "log": " on the logarithmic scale", "logit": " on the logit scale"}


@dataclass(frozen=True)
class Methods:
    """A methods section: `text`, LaTeX of paragraphs, equations and the table of constants; `bibtex`, what it cites."""

    text: str
    bibtex: str

    def as_json(self) -> dict[str, str]:
        """As the command line prints it."""
        return {"latex": self.text, "bibtex": self.bibtex}


def methods(posterior: Posterior) -> Methods:
    """The methods section of a fit."""
    law, label = posterior.law, _label(posterior.law)
    cited = references.references(posterior)
    parts = [
        f"% Methods of the fit of {escape(law.name)}; needs \\usepackage{{amsmath}}",
        _law(posterior, cited),
        f"\\begin{{equation}}\\label{{eq:{label}}}\n{equation_latex(law)}\n\\end{{equation}}",
        " ".join([*_where(law), *_data(posterior, cited), *_noise(law)]),
        " ".join([*_priors(posterior), *_fitted(posterior, cited), *_convergence(posterior), *_verdict(posterior)]),
        " ".join([*_intervals(posterior), *_backtests(posterior)]),
        _equation(posterior),
        _table(posterior),
        _versions(posterior, cited),
    ]
    return Methods("\n\n".join(part for part in parts if part) + "\n", cited.bibtex)


def _label(law: Law) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", law.name)


def _law(posterior: Posterior, cited: references.References) -> str:
    law, source = posterior.law, dict(posterior.law.source)
    responses = words.listed(
        _quantity(o.response.name, o.response.about, str(o.response.quantity)) for o in law.outcomes
    )
    inputs = [law.variable[name] for name in law.inputs]
    given = words.listed(_quantity(v.name, v.about, str(v.quantity)) for v in inputs)
    names = [name for name in people(source.get("authors", "")) if name != "others"]
    if cited.law:
        several = len(people(source.get("authors", ""))) > 1
        last = names[0] if names and names[0].startswith("{") else names[0].split()[-1] if names else ""
        who = f" of {escape(last.strip('{}'))}{' et al.' if several else ''}" if last else ""
        where = f" (its equation {escape(source['equation'])})" if "equation" in source else ""
        origin = f"the law{who}~\\cite{{{cited.law}}}{where}"
    else:
        origin = f"the law \\texttt{{{escape(law.name)}}}"
    return f"We modelled {responses} as a function of {given} by {origin}, Eq.~\\ref{{eq:{_label(law)}}}:"


def _quantity(name: str, about: str, unit: str) -> str:
    what = f"{escape(about)}, " if about else ""
    return f"${latex_name(name)}$ ({what}in {escape(unit)})"


def _where(law: Law) -> list[str]:
    """What the factors are, if a parameter has a value per level of one."""
    grouped = [p for p in law.parameters if p.grouped]
    said = []
    for p in grouped:
        factors = words.listed(escape(f.replace("_", " ")) for f in p.by)
        pooled = ", partially pooled" if p.pool == "partial" else ""
        said.append(f"${latex_name(p.name)}$ has a value per {factors}{pooled}")
    return [f"Here {words.listed(said)}."] if said else []


def _data(posterior: Posterior, cited: references.References) -> list[str]:
    told = posterior.provenance
    table = f"{cited.table_title} (table \\texttt{{{escape(told.data)}}})" if cited.table_title else (
        f"the table \\texttt{{{escape(told.data)}}}"
    )  # fmt: skip
    cite = f"~\\cite{{{cited.table}}}" if cited.table else ""
    ranges = [
        f"${latex_name(name)}$ from ${plain(low)}$ to ${plain(high)}$"
        for name, (low, high) in posterior.ranges.items()
        if low < high
    ]
    across = f", with {words.listed(ranges)}" if ranges else ""
    said = [f"The law was fitted to ${told.rows}$ observations of {table}{cite}{across}."]
    if told.notes:
        said.append(f"How the rows were prepared: {escape('; '.join(told.notes))}.")
    factors = [f"{len(levels)} levels of {escape(name)}" for name, levels in posterior.factors.items() if levels]
    if factors:
        said.append(f"There are {words.listed(factors)}.")
    said.append(f"(The bound rows have the SHA-256 digest \\texttt{{{told.data_digest[:12]}}}.)")
    return said


def _noise(law: Law) -> list[str]:
    said = []
    for outcome in law.outcomes:
        noise, name = outcome.noise, f"${latex_name(outcome.response.name)}$"
        if noise.family not in FAMILIES:
            continue
        scale = SCALES[noise.on] if noise.family in ("normal", "student-t", "laplace", "huber") else ""
        text = f"Observations of {name} were taken to be {FAMILIES[noise.family]} about the law{scale}"
        parts = [f"{what} ${latex(tree)}$" for what, tree in _expressions(noise)]
        text += f", with {words.listed(parts)}" if parts else ""
        if noise.error:
            text += "; known standard errors of the observations were added in quadrature"
        said.append(text + ".")
    return said


def _expressions(noise: Noise) -> list[tuple[str, Any]]:
    called = {
        "scale": "scale", "df": "degrees of freedom", "concentration": "concentration", "trials": "number of trials",
        "correlation": "a correlation of neighbouring rows of",
    }  # fmt: skip
    return [(called[name], tree) for name, tree in noise.expressions.items()]


def _priors(posterior: Posterior) -> list[str]:
    if posterior.method not in ("nuts", "map"):
        return []
    priors, held, tied = [], [], []
    for p in posterior.law.parameters:
        if p.fixed is not None:
            held.append(f"${latex_name(p.name)} = {plain(p.fixed, 6)}$")
        elif p.tied is not None:
            tied.append(f"${latex_name(p.name)} = {latex(p.tied)}$")
        else:
            priors += _prior_of(p)
    said = [f"The priors were {words.listed(priors)}."] if priors else []
    if held:
        said.append(f"Held fixed were {words.listed(held)}.")
    if tied:
        said.append(f"By definition {words.listed(tied)}.")
    return said


def _prior_of(p: Parameter) -> list[str]:
    name, bounds = latex_name(p.name), _bounds(p)
    if not (p.grouped and p.pool == "partial"):
        return [f"${name} \\sim {_family(p.prior)}${bounds}"] if p.prior is not None else []
    scale = ""
    if p.support != (-math.inf, math.inf):
        scale = " on the logarithmic scale" if p.support == (0, math.inf) else " on the unbounded scale"
    if p.center is not None:
        centre, joined = f" about ${plain(p.center)}$", ""
    else:
        centre, joined = f", whose centre has the prior ${_family(p.prior)}$", " and"
    spread = f"{joined} whose standard deviation has the prior ${_family(p.spread)}$" if p.spread is not None else ""
    return [f"for the levels of ${name}$ a normal population{scale}{centre}{spread}{bounds}"]


def _bounds(p: Parameter) -> str:
    low, high = p.support
    positive = low == 0 and math.isinf(high)
    if positive or (math.isinf(low) and math.isinf(high)):
        return ""
    return f" within $({plain(low)},\\, {plain(high)})$"


def _family(prior: Prior | None) -> str:
    if prior is None:
        return ""
    if prior.family == "LogNormal":
        first = rf"\log {plain(math.exp(prior.arguments[0]))}"
    else:
        first = plain(prior.arguments[0])
    rest = [plain(argument) for argument in prior.arguments[1:]]
    return rf"\mathrm{{{escape(prior.family)}}}({', '.join([first, *rest])})"


def _fitted(posterior: Posterior, cited: references.References) -> list[str]:
    settings, seed = dict(posterior.provenance.settings), posterior.provenance.seed
    count = next(iter(posterior.flat.values())).shape[0]
    if posterior.method == "nuts":
        chains, draws = next(iter(posterior.draws.values())).shape[:2]
        warmup = f"${escape(settings['warmup'])}$ warm-up and " if "warmup" in settings else ""
        return [
            f"The posterior was sampled by the No-U-Turn sampler~\\cite{{{references.NUTS}}} of "
            f"NumPyro~\\cite{{{references.NUMPYRO}}}, in coordinates that the normal approximation at the posterior's "
            f"mode makes round: ${chains}$ chains of {warmup}${draws}$ kept draws each (seed ${seed}$)."
        ]
    if posterior.method == "map":
        return [
            "The mode of the posterior was found from many starts drawn from the prior, and the posterior approximated "
            "by the normal distribution there, on the scale on which every parameter is unbounded "
            f"(${count}$ draws, seed ${seed}$)."
        ]
    delta = f" ($\\delta = {plain(float(settings['delta']))}$)" if "delta" in settings else ""
    text = f"The constants minimize Huber's loss{delta} of the residuals, from many starts drawn from the priors"
    if posterior.method == "bootstrap":
        return [f"{text}; the fit was repeated on ${count}$ resamples of the rows (seed ${seed}$)."]
    return [f"{text} (seed ${seed}$)."]


def _convergence(posterior: Posterior) -> list[str]:
    if posterior.method != "nuts":
        return []
    rows = posterior.summary()
    worst = max(rows, key=lambda name: rows[name]["rhat"] if rows[name]["rhat"] == rows[name]["rhat"] else -1.0)
    bulk, tail = (min(row[which] for row in rows.values()) for which in ("ess_bulk", "ess_tail"))
    said = [
        f"The largest $\\hat R$~\\cite{{{references.RHAT}}} over all ${len(rows)}$ quantities is "
        f"${rows[worst]['rhat']:.3f}$ ({_named(worst)}), the smallest effective number of draws ${bulk:.0f}$ in the "
        f"bulk and ${tail:.0f}$ in the tails."
    ]
    stats = posterior.stats
    if {"diverging", "energy"} <= stats.keys():
        diverging = np.asarray(stats["diverging"])
        energy = float(np.min(convergence.ebfmi(np.asarray(stats["energy"], dtype=float))))
        said.append(
            f"Of ${diverging.size}$ kept draws ${int(diverging.sum())}$ diverged; the smallest "
            f"E-BFMI~\\cite{{{references.EBFMI}}} is ${energy:.2f}$."
        )
    return said


def _named(name: str) -> str:
    base, _, level = name.rstrip("]").partition("[")
    base, _, part = base.partition(".")
    shown = f"${latex_name(base)}$" + (f" {part}" if part else "")
    return f"{shown} of {escape(level)}" if level else shown


def _verdict(posterior: Posterior) -> list[str]:
    told = posterior.verdict
    if told.ok and posterior.method == "nuts":
        said = [
            f"The fit passed every check of lawdsl (each $\\hat R$ at most ${verdict.MAX_RHAT}$, at least "
            f"${verdict.MIN_ESS_PER_CHAIN}$ effective draws a chain, at most ${100 * verdict.MAX_DIVERGENT:g}\\,\\%$ "
            f"of draws diverging, E-BFMI at least ${verdict.MIN_EBFMI}$, and no direction of the constants left to the "
            "prior)."
        ]
    elif told.ok:
        said = ["The fit passed the checks that lawdsl makes of fits of this kind."]
    else:
        reasons = "; ".join(escape(reason) for reason in told.reasons)
        bad = "The fit did not pass the checks of lawdsl, and its numbers are not to be relied on"
        said = [f"\\textbf{{{bad}}}: {reasons}."]
    return said + ([f"Notes on the fit: {escape('; '.join(told.notes))}."] if told.notes else [])


def _intervals(posterior: Posterior) -> list[str]:
    if posterior.method == "huber":
        return ["A point fit has no intervals: the table gives its constants alone."]
    if posterior.method == "bootstrap":
        return [
            "Estimates are medians over the resamples, and brackets hold the central $90\\,\\%$ of them: how far the "
            "constants would move with other rows like these, if the law holds."
        ]
    return [
        "Estimates are medians of the posterior, and brackets central $90\\,\\%$ intervals: given the law, the noise, "
        "the priors and the rows, each holds its constant with that probability. They say nothing of how far the law "
        "itself may be wrong."
    ]


def _backtests(posterior: Posterior) -> list[str]:
    told = posterior.reliability
    if told is None:
        return ["Forecasts beyond the rows were not scored."]
    said = [
        f"In backtests, fits ({escape(told.method)}) to the rows below cuts of ${_frontier(told.frontier)}$ forecast "
        "the rows above them:"
    ]
    for name in posterior.law.outcome:
        found = [escape(one.words(0.9, told.widens(name))) for one in told.found if one.response == name]
        if found:
            said.append(f"of ${latex_name(name)}$, {'; '.join(found)}.")
        if told.widens(name):
            said.append("Intervals of predictions beyond the rows are widened by the law's own error as found there.")
    return said


def _frontier(text: str) -> str:
    from lawdsl.grammar import parse_expression

    return latex(parse_expression(text))


def _scalars(posterior: Posterior) -> dict[str, tuple[float, float, float]]:
    """Every scalar constant: its median and the ends of its interval; NaN ends where there is none."""
    found = {}
    for name, draws in posterior.scalars().items():
        flat = draws.reshape(-1)
        low, middle, high = np.quantile(flat, [0.05, 0.5, 0.95])
        ends = (float(low), float(high)) if flat.size > 1 else (math.nan, math.nan)
        found[name] = (float(middle), *ends)
    return found


def _equation(posterior: Posterior) -> str:
    """The equation with the estimates in the places of its constants; those with a value per level stay letters."""
    law, label = posterior.law, _label(posterior.law)
    known = {n: rounded(m, lo, hi) for n, (m, lo, hi) in _scalars(posterior).items() if n in law.parameter}
    known |= {p.name: p.fixed for p in law.parameters if p.fixed is not None}
    if not known.keys() & law.needs(*(outcome.equation for outcome in law.outcomes)):
        return ""
    rows = " \\\\\n".join(f"{latex_name(name)} &= {filled(tree, known)}" for name, tree in definitions(law))
    body = f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"
    text = (
        f"With the estimates of Table~\\ref{{tab:{label}}}, each rounded by itself and so for reading alone "
        f"(predictions are made from the joint draws), Eq.~\\ref{{eq:{label}}} reads"
    )
    return f"{text}\n\\begin{{equation}}\\label{{eq:{label}-fitted}}\n{body}.\n\\end{{equation}}"


def _table(posterior: Posterior) -> str:
    law, label = posterior.law, _label(posterior.law)
    first = law.published[0] if law.published else None
    rows, left_out = [], []
    for name, (middle, low, high) in _scalars(posterior).items():
        base = name.partition("[")[0]
        if name != base and len(posterior.levels.get(base, ())) > LEVELS:
            left_out.append(base)
            continue
        value, ends = estimate(middle, low, high)
        cells = [_named(name), f"${value}$", f"${ends}$" if math.isfinite(low) else "--"]
        rows.append(" & ".join([*cells, *([_published(first.by_name, name)] if first else [])]) + r" \\")
    more = [
        f"${latex_name(n)}$ has ${len(posterior.levels[n])}$ levels, which are in the fit file"
        for n in dict.fromkeys(left_out)
    ]
    paper = f"; the last column has those published as \\texttt{{{escape(first.name)}}}" if first else ""
    if first and first.source:
        paper += f" ({escape(first.source)})"
    caption = (
        f"Constants of Eq.~\\ref{{eq:{label}}}: estimates and $90\\,\\%$ intervals{paper}. {'. '.join(more)}".strip()
    )
    header = ["constant", "estimate", r"$90\,\%$ interval", *(["published"] if first else [])]
    return "\n".join([
        r"\begin{table}", r"\centering", f"\\caption{{{caption}}}\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\hline", " & ".join(header) + r" \\", r"\hline", *rows,
        r"\hline", r"\end{tabular}", r"\end{table}",
    ])  # fmt: skip


def _published(values: dict[str, Any], name: str) -> str:
    base, _, level = name.rstrip("]").partition("[")
    found = values.get(base)
    found = found.get(level) if isinstance(found, dict) else found
    return escape(words.constant(found)) if isinstance(found, Value) else ""


def _versions(posterior: Posterior, cited: references.References) -> str:
    versions = dict(posterior.provenance.versions)
    own = versions.pop("lawdsl", "")
    own = f" {escape(own)}" if own and own != "not installed" else ""
    used = ", ".join(
        f"{escape(name)} {escape(version)}" for name, version in versions.items() if version != "not installed"
    )
    return (
        f"Computations were made with lawdsl{own}~\\cite{{{cited.lawdsl}}}"
        + (f" ({used})" if used else "")
        + "; the law's "
        f"text has the SHA-256 digest \\texttt{{{posterior.provenance.law_digest[:12]}}}."
    )
