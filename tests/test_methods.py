"""The methods section of a fit: it compiles, its numbers are the fit's, and no stranger's text is ever obeyed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reports
from posteriors import posterior

import lawdsl
from fitting import Posterior, Verdict
from fitting.report.methods import Methods, methods
from lawdsl import library, tex
from lawdsl.cite import citations
from lawdsl.cli import run

WICKED = '\\input{/etc/passwd} $x$ 50 % #1 {a}_b ~^ <i>\u4e2d\u6587 α é "q" `t` @string{x} | \\'
LAW = """
law: wicked
title: wicked
source: {arxiv: "2000.00000", title: TEXT, authors: "A. Uthor, B. {Braces} and others", year: 2020, equation: TEXT}
variables:
  N: {unit: parameters, kind: total, about: TEXT}
response: {L: {unit: nats/token, about: TEXT}}
factors: {run: {levels: any}}
parameters:
  k: {prior: "LogNormal(0, 1)", bounds: [0.1, 9]}
  a: {prior: "Normal(0.3, 0.3)"}
  b: {tied: a/2}
  c: {fixed: 0.25}
  m: {by: run, pool: partial, prior: "LogNormal(0, 1)"}
  u: {by: run, pool: partial, center: 0}
  s: {prior: HalfNormal(0.1)}
equation: L = k*m*exp(u)/(N/1e6)^(a + b*c)
noise: {family: student-t, df: 4, scale: s + 0.1*L, error: L_se}
published:
  paper: {about: TEXT, source: TEXT, k: 2, a: 0.3 ± 0.1}
""".replace("TEXT", json.dumps(WICKED))

#: all that a methods section may say to LaTeX
COMMANDS = frozenset(
    "usepackage cite ref label begin end texttt textbf hline caption centering frac left right text sim mathrm log exp "
    "times hat infty pm cdot leq geq approx to ldots sqrt quad qquad neq wedge vee neg lbrace rbrace widehat "
    "textbackslash textbraceleft textbraceright textasciitilde textasciicircum textless textgreater textbar "
    "Delta alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Theta Lambda Xi Pi Sigma Phi Psi Omega max min tanh operatorname ln".split()
)
ENVIRONMENTS = {"equation", "aligned", "table", "tabular", "cases"}


def wicked() -> Posterior:
    """A fit whose law, table, levels, notes and reasons are all of a stranger's making."""
    random = np.random.default_rng(0)
    z = random.standard_normal((8, 2, 100))
    draws = {
        "k": 2 + 0.1 * z[0], "a": 0.3 + 0.01 * z[1], "m": np.exp(0.1 * random.standard_normal((2, 100, 2))),
        "m.center": np.exp(0.1 * z[2]), "m.spread": np.exp(0.1 * z[3]), "u": random.standard_normal((2, 100, 2)),
        "u.spread": np.exp(0.1 * z[4]), "s": 0.1 * np.exp(0.1 * z[5]),
    }  # fmt: skip
    rows = {"N": [1e6, 1e7, 1e8], "L": [2.0, 1.0, 0.5], "L_se": [0.1] * 3, "run": [WICKED, "b", WICKED]}
    fit = posterior(lawdsl.parse(LAW), rows, draws, verdict=Verdict(False, (WICKED, "two"), (WICKED,)))
    return replace(fit, provenance=replace(fit.provenance, data=WICKED, notes=(WICKED,), versions=(("jax", WICKED),)))


def nuts() -> Posterior:
    """A good fit with the statistics of a sampler."""
    fit = reports.qid()
    random = np.random.default_rng(1)
    shape = next(iter(fit.draws.values())).shape[:2]
    diverging = np.zeros(shape, bool)
    diverging[0, 3] = True
    return replace(fit, stats={"diverging": diverging, "energy": random.standard_normal(shape)})


FITS = {"wicked": wicked, "qid": nuts, "chinchilla": reports.chinchilla}


@pytest.fixture(scope="module", params=FITS)
def made(request: pytest.FixtureRequest) -> tuple[Posterior, Methods]:
    fit = FITS[request.param]()
    return fit, methods(fit)


def balanced(text: str) -> None:
    """Braces and environments close in the order in which they open, and dollars come in pairs on every line."""
    text = re.sub(r"\\[\\{}&%$#_,;! ]", "", text)
    depth = 0
    for mark in re.findall(r"[{}]", text):
        depth += 1 if mark == "{" else -1
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\*?\}", text):
        assert name in ENVIRONMENTS
        if what == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    assert all(line.count("$") % 2 == 0 for line in text.splitlines())


def test_a_methods_section_is_well_formed(made: tuple[Posterior, Methods]) -> None:
    _, found = made
    balanced(found.text)
    balanced(found.bibtex)
    assert set(re.findall(r"\\([A-Za-z]+)", found.text)) <= COMMANDS
    entries = re.sub(r"^%.*$", "", found.bibtex, flags=re.MULTILINE)
    assert "@" not in "".join(re.findall(r"^%.*$", found.bibtex, re.MULTILINE))
    assert all(character.isascii() or character in "éü" for character in found.text + entries)


def test_what_it_cites_is_in_its_bibtex_and_labels_are_there(made: tuple[Posterior, Methods]) -> None:
    _, found = made
    keys = re.findall(r"^@\w+\{([^,]+),$", found.bibtex, re.MULTILINE)
    assert set(re.findall(r"\\cite\{([^}]*)\}", found.text)) == set(keys) and len(keys) == len(set(keys))
    assert set(re.findall(r"\\ref\{([^}]*)\}", found.text)) <= set(re.findall(r"\\label\{([^}]*)\}", found.text))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no LaTeX here")
def test_it_compiles(made: tuple[Posterior, Methods], tmp_path: Path) -> None:
    _, found = made
    (tmp_path / "m.tex").write_text(found.text)
    (tmp_path / "m.bib").write_text(found.bibtex)
    (tmp_path / "d.tex").write_text(
        "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n\\input{m}\n"
        "\\bibliographystyle{plain}\\bibliography{m}\\end{document}\n"
    )
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "d"]
    for command in (latex, ["bibtex", "d"], latex, latex):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert done.returncode == 0, done.stdout[-2000:]
    assert not re.search(r"(Reference|Citation) `[^']*' .*undefined", done.stdout.replace("\n", ""))


# --- what it says ----------------------------------------------------------------------------------------------------


def test_every_number_is_the_fits() -> None:
    fit = nuts()
    text = methods(fit).text
    rows = fit.summary()
    worst = max(row["rhat"] for row in rows.values())
    assert f"${worst:.3f}$" in text and f"${min(row['ess_bulk'] for row in rows.values()):.0f}$ in the bulk" in text
    assert f"fitted to ${fit.provenance.rows}$ observations" in text and "Of $600$ kept draws $1$ diverged" in text
    assert fit.provenance.data_digest[:12] in text and reports.NOTE in text
    assert "law of Ouyang et al." in text and "(its equation 8)" in text
    lines = re.findall(r"^(\$.*?) & \$(.*?)\$ & \$\[(.*?),\\, (.*?)\]\$ & (.*?) \\\\$", text, re.MULTILINE)
    shown = {name: tuple(map(float, cells)) for name, *cells, _ in lines if "times" not in "".join(cells)}
    low, middle, high = np.quantile(fit.flat["gamma"], [0.05, 0.5, 0.95])
    assert shown[r"$\gamma$"] == (round(middle, 3), round(low, 3), round(high, 3))
    assert {cells[0]: cells[4] for cells in lines}[r"$\beta$"] == "0.5251"  # what the paper has
    assert r"P^{4.7" in text and r"\frac{k \, e^{u} \, D^{\beta}}" in text  # the equation in letters and in numbers


def test_priors_bounds_ties_and_held_constants_are_stated() -> None:
    text = methods(wicked()).text
    for said in (
        r"$k \sim \mathrm{LogNormal}(\log 1, 1)$ within $(0.1,\, 9)$", r"$a \sim \mathrm{Normal}(0.3, 0.3)$",
        r"Held fixed were $c = 0.25$", r"$b = \frac{a}{2}$", 
        "for the levels of $u$ a normal population about $0$ whose standard deviation has the prior",
        "for the levels of $m$ a normal population on the logarithmic scale, whose centre has the prior",
        "known standard errors of the observations were added in quadrature", r"degrees of freedom $4$",
    ):  # fmt: skip
        assert said in text


def test_a_bad_fit_says_so() -> None:
    assert "\\textbf{The fit did not pass the checks of lawdsl" in methods(wicked()).text
    assert "In backtests, fits (map) to the rows below cuts of $C$" in methods(reports.chinchilla()).text


@pytest.mark.parametrize(
    ("method", "said"),
    [("map", "the normal distribution there"), ("huber", "A point fit has no intervals"),
     ("bootstrap", "repeated on $600$ resamples")],
)  # fmt: skip
def test_every_method_has_its_words(method: str, said: str) -> None:
    fit = reports.qid()
    settings = (("delta", "0.001"),)
    fit = replace(fit, method=method, provenance=replace(fit.provenance, settings=settings))
    if method == "huber":
        fit = replace(fit, draws={name: draws[:1, :1] for name, draws in fit.draws.items()})
    text = methods(fit).text
    balanced(text)
    assert said in text and "No-U-Turn" not in text
    assert ("priors were" in text) == (method == "map")


def test_a_law_of_ones_own_needs_no_source() -> None:
    fit = wicked()
    found = methods(replace(fit, law=replace(fit.law, source=())))
    assert r"by the law \texttt{wicked}, Eq." in found.text and "2000.00000" not in found.bibtex


def test_equations_of_every_law_are_well_formed() -> None:
    for name in library.names():
        law = lawdsl.load(name)
        text = tex.filled(law.equation, {p.name: -0.5 for p in law.parameters})
        balanced(text)
        assert set(re.findall(r"\\([A-Za-z]+)", text)) <= COMMANDS | {"Gamma", "mathrm", "erf"}, name
        if law.source and {"arxiv", "title"} & dict(law.source).keys():
            balanced(citations([(name, law)])[0].bibtex.partition("\n}")[0] + "\n}")


def test_a_strangers_text_is_printed_and_not_obeyed() -> None:
    shown = tex.escape(WICKED)
    assert not re.search(r"(?<!\\)[%#&_]", shown) and "\\input" not in shown
    assert set(re.findall(r"\\([A-Za-z]+)", shown)) <= COMMANDS
    assert shown.isascii() or "é" in shown
    assert "[U+4E2D]" in shown and r"$\alpha$" in shown


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_or_writes_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = nuts().save(tmp_path / "qid.nc")
    wanted = methods(nuts())
    assert run(["report", str(fit), "--methods"]) == 0
    assert capsys.readouterr().out == f"{wanted.text}\n% BibTeX\n\n{wanted.bibtex}"
    assert run(["report", str(fit), "--methods", "-o", str(tmp_path / "m.tex"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["latex"], told["bibtex"]) == (wanted.text, wanted.bibtex)
    assert (tmp_path / "m.tex").read_text() == wanted.text and (tmp_path / "m.bib").read_text() == wanted.bibtex
    assert (
        run(["report", str(fit), str(fit), "--methods"]) == run(["report", str(fit), "--methods", "-o", "m.txt"]) == 2
    )
    assert capsys.readouterr().err.count("ASK082") == 2
