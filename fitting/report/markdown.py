"""A report of a fit as Markdown, for repositories, wikis and notebooks, with its figures as files beside it.

It says what the page says (`fitting.report.facts`), without its explorer. Every text is escaped: those of laws, tables
and levels are strangers'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lawdsl.errors import AskError
from lawdsl.markdown import block, code, prose, table
from lawdsl.render import equation_latex
from lawdsl.words import percent, question

from ..posterior import Posterior
from ..reliability import place
from .facts import Facts, facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: a figure's function in `fitting.plots`, its heading, and what it shows
FIGURES = (
    ("curves", "Curves", "The law with its 90 % bands (dark: its mean; light: a new observation), and the rows"),
    ("constants", "Constants beside published ones", "The posterior of every constant, and what papers have of it"),
    ("residuals", "Residuals", "What the law leaves of every row, in standard deviations, against every variable"),
    ("predictive", "Predictive checks", "The observations beside replicates of them by the fit"),
)


def markdown(posterior: Posterior, pictures: Mapping[str, str]) -> str:
    """The report of a fit. `pictures`: figure -> the name of its file, as far as there are some."""
    told = facts(posterior)
    shown = [
        f"## {title}\n\n![{prose(what)}](<{quote(pictures[name])}>)\n\n{what}."
        for name, title, what in FIGURES
        if name in pictures
    ]
    parts = [
        f"# {prose(told.title)}",
        _verdict(told),
        f"$$\n{equation_latex(posterior.law)}\n$$",
        _listed(told.rows),
        _listed(f"noise: {text}" for text in told.noise),
        _variables(told),
        "## Constants",
        _constants(told),
        *shown,
        _backtests(posterior),
        _questions(posterior),
        "## Where it is from",
        *(prose(text) for text in (told.paper, f"Status of the law: {told.status}.") if text),
        table(("", ""), [(prose(name), code(value)) for name, value in (*told.provenance, *told.versions)]),
        block(told.bibtex, "bibtex") if told.bibtex else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(posterior: Posterior, path: Path) -> list[Path]:
    """Write the report, and its figures as STEM-NAME.png beside it; the names of the files. A figure that the fit has
    nothing for (a point fit has no replicates of its rows) is left out.

    Raises: OutsideError (FIT001) where a file cannot be written.
    """
    from lawdsl import atomic

    from .. import plots

    drawn: dict[str, Path] = {}
    for name, *_ in FIGURES:
        draw: Callable[[Posterior], Figure] = getattr(plots, name)
        try:
            figure = draw(posterior)
        except AskError:
            continue
        drawn[name] = plots.save(figure, path.with_name(f"{path.stem}-{name}.png"))
    text = markdown(posterior, {name: file.name for name, file in drawn.items()})
    atomic.answer(path, text, "the report", "Choose another place.")
    return [path, *drawn.values()]


def _verdict(told: Facts) -> str:
    said = told.good if told.ok else _listed(told.reasons)
    word = "good" if told.ok else "not to be believed"
    return "\n\n".join(
        part for part in (f"**Verdict: {word}.**", prose(said) if told.ok else said, _listed(told.notes)) if part
    )


def _listed(texts: Iterable[str]) -> str:
    return "\n".join(f"- {prose(' '.join(text.split()))}" for text in texts)


def _variables(told: Facts) -> str:
    rows = [
        (code(one.name), prose(one.unit), prose(one.seen), prose(one.regime), prose(one.about))
        for one in told.variables
    ]
    return table(("name", "unit", "among the rows", "in the source", "about"), rows)


def _constants(told: Facts) -> str:
    sampled = ("R-hat", "effective draws") if told.sampled else ()
    header = ("constant", "estimate", "90 % interval", *sampled, *(code(name) for name, _ in told.sets), "about")
    rows = []
    for one in told.constants:
        diagnosed = (one.rhat, one.ess) if told.sampled else ()
        cells = (code(one.name), one.estimate, one.interval, *diagnosed, *one.published, one.about)
        rows.append([cells[0], *map(prose, cells[1:])])
    sets = _listed(f"{name}: {about}" for name, about in told.sets if about)
    return "\n\n".join(part for part in (table(header, rows), sets) if part)


def _backtests(posterior: Posterior) -> str:
    told = posterior.reliability
    if told is None:
        return ""
    header = ("response", "distance", "forecasts", "cuts", "in plain 90 %", "in widened 90 %")
    rows = [
        (code(one.response), place(one.decades), str(one.rows), str(one.cuts), _share(one.plain), _share(one.widened))
        for one in told.found
    ]
    said = f"Fitted ({prose(told.method)}) below cuts of {code(told.frontier)}, forecast above them."
    return f"## Backtests\n\n{said}\n\n{table(header, rows)}"


def _share(coverage: Mapping[float, float]) -> str:
    found = {round(level, 3): share for level, share in coverage.items()}
    return percent(round(found[0.9], 3)) if 0.9 in found else ""


def _questions(posterior: Posterior) -> str:
    asks = posterior.law.ask
    if not asks:
        return ""
    lines = "\n".join(f"- {code(ask.name)}: {prose(ask.about or question(ask))}" for ask in asks)
    return f"## What can be asked of it\n\n{lines}"
