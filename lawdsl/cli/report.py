"""The command that makes a page of a fit: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import atomic
from ..errors import AskError, Fault, Span
from . import say
from .command import command
from .fits import _engine
from .options import JSON
from .options import out as out_option
from .values import FitFile, OutFile

if TYPE_CHECKING:
    from fitting import Posterior

#: what to do where it cannot be written
ELSEWHERE = "Choose another place with --out."


@command("report")
@click.argument("fits", nargs=-1, metavar="FIT [FIT2]", type=FitFile())
@out_option("The page; LAW.html in this folder unless said.", metavar="PAGE.html")
@click.option("--pdf", type=OutFile(".pdf"), metavar="PAGE.pdf",
              help="Also print it, by the Chromium, Chrome or Edge on PATH or that LAWDSL_BROWSER names.")  # fmt: skip
@click.option("--md", type=OutFile(".md", code="ASK082"), metavar="REPORT.md",
              help="Instead: the report as Markdown, its figures as files beside it.")  # fmt: skip
@click.option("--methods", is_flag=True,
              help="Instead: a paper's methods section, LaTeX and BibTeX; --out METHODS.tex writes both.")  # fmt: skip
@JSON
def report_command(
    fits: tuple[Path, ...], out: Path | None, pdf: Path | None, md: Path | None, methods: bool, as_json: bool
) -> int:
    """A fit as one page to pass around: law, verdict, explorer, figures, provenance. With two fits, both side by side.

    The page is one file that asks nothing of any network. Its explorer answers as `lawdsl predict` and `lawdsl ask` do,
    and its link keeps what a reader has set. A page that is there is replaced.
    """
    if not 1 <= len(fits) <= 2:
        message = f"{len(fits)} fits are given" if fits else "no fit is given"
        cure = "Name one fit file, or two to see side by side: lawdsl report fits/qid-1a2b3c.nc -o qid.html."
        raise AskError(Fault("ASK081", Span("report"), message, cure))
    engine = _engine()
    posteriors: list[Posterior] = [engine.open_fit(fit) for fit in fits]
    if md is not None or methods:
        _alone(posteriors, {"--methods": methods, "--md": md, "--pdf": pdf, "--out": out if md is not None else None})
        return _methods(posteriors[0], out, as_json) if md is None else _markdown(posteriors[0], md, as_json)
    from datetime import date

    from fitting.report.page import page

    if pdf is not None:
        from fitting.report.pdf import browser

        browser()  # before the work: where there is none, nothing is written
    made = page(posteriors, date.today().isoformat())
    path = out or Path("-".join(dict.fromkeys(one.law.name.replace("/", "-") for one in posteriors)) + ".html")
    atomic.answer(path, made.html, "the report", ELSEWHERE)
    printed: dict[str, Any] | None = None
    if pdf is not None:
        from fitting.report.pdf import print_pdf

        printed = {"path": str(pdf), "bytes": print_pdf(made.html, pdf).stat().st_size}
    good = all(one.verdict.ok for one in posteriors)
    size = path.stat().st_size
    if as_json:
        say.as_json({
            "path": str(path), "bytes": size, "sections": list(made.sections), "pdf": printed,
            "verdicts": [one.verdict.as_json() for one in posteriors],
        })  # fmt: skip
        return 0 if good else 1
    say.line(f"{path}  ({size / 1e6:.2f} MB; opens in any browser, by itself)")
    if printed is not None:
        say.line(f"{printed['path']}  ({printed['bytes'] / 1e6:.2f} MB)")
    for fit, one in zip(fits, posteriors, strict=True):
        if not one.verdict.ok:
            say.note(f"{fit}: the page says first that this fit is not to be believed, and why")
    return 0 if good else 1


def _alone(posteriors: list[Posterior], forms: dict[str, Any]) -> None:
    """Raises: AskError (ASK082) for two fits, or another form beside."""
    given = [name for name, value in forms.items() if value]
    if len(given) > 1 or len(posteriors) > 1:
        message = f"{' together with '.join(given[:2])}" if len(given) > 1 else f"{given[0]} of two fits"
        raise AskError(Fault("ASK082", Span("report"), message, "Ask for one form of one fit at a time."))


def _markdown(posterior: Posterior, path: Path, as_json: bool) -> int:
    """The report as Markdown, with its figures beside."""
    from fitting.report.markdown import write

    if path.suffix not in (".md", ".markdown"):
        cure = f"Write it as {path.with_suffix('.md').name}."
        raise AskError(Fault("ASK082", Span(str(path)), f"'{path.name}' is not a name for Markdown", cure))
    report, *figures = write(posterior, path)
    if as_json:
        told = {"path": str(report), "figures": list(map(str, figures)), "verdict": posterior.verdict.as_json()}
        say.as_json(told)
    else:
        say.line(f"{report}  ({len(figures)} figures beside it)")
    return 0 if posterior.verdict.ok else 1


def _methods(posterior: Posterior, out: Path | None, as_json: bool) -> int:
    """The methods section on stdout, or as .tex with its .bib beside."""
    from fitting.report.methods import methods

    if out is not None and out.suffix != ".tex":
        cure = f"Write it as {out.with_suffix('.tex').name}; the BibTeX comes beside it as .bib."
        raise AskError(Fault("ASK082", Span(str(out)), f"'{out.name}' is not a name for LaTeX", cure))
    made, verdict = methods(posterior), posterior.verdict
    paths = [] if out is None else [out, out.with_suffix(".bib")]
    for path, text in zip(paths, (made.text, made.bibtex), strict=False):
        atomic.answer(path, text, "the report", ELSEWHERE)
    if as_json:
        say.as_json({**made.as_json(), "paths": list(map(str, paths)), "verdict": verdict.as_json()})
    elif paths:
        say.line(f"{paths[0]}, {paths[1]}  (needs amsmath)")
    else:
        click.echo(f"{made.text}\n% BibTeX\n\n{made.bibtex}", nl=False)
    return 0 if verdict.ok else 1
