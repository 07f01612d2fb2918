"""The pages of the library: in step with its files, made of LaTeX that renders, with links that lead somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from golden import same_as_golden
from hypothesis import given, settings
from matplotlib.mathtext import MathTextParser
from random_laws import laws
from strategies import trees

from lawdsl import figures, library
from lawdsl.curves import Picture, drawn
from lawdsl.law import Law
from lawdsl.library import parse
from lawdsl.markdown import prose
from lawdsl.pages import INDEX, Entry, entry, texts, write
from lawdsl.render import equation_latex, latex

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "laws"
STALE = "run `python -m lawdsl.pages docs/laws`"
#: bytes of a figure and of a page
FIGURE, PAGE = 30_000, 40_000

#: what the equations may use: KaTeX and MathJax both know it, and GitHub, which refuses \operatorname, allows it
COMMANDS = frozenset(
    r"\frac \sqrt \left \right \cdot \times \text \mathrm \begin \end \quad \lbrace \rbrace \log \exp \min \max"
    r" \tanh \sum \prod \leq \geq \neq \neg \wedge \vee \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Phi \Psi \Omega"
    r" \alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \pi \rho"
    r" \sigma \tau \upsilon \phi \chi \psi \omega \, \\".split()
)
ENVIRONMENTS = {"aligned", "cases"}


@cache
def entries() -> dict[str, Entry]:
    return {name: entry(name) for name in library.names()}


def entry_of(law: Law) -> Entry:
    return Entry(law, drawn(law, figures.BEYOND))


# --- in step ---------------------------------------------------------------------------------------------------------


def test_the_pages_are_those_of_the_law_files() -> None:
    wanted = texts(entries())
    found = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.md")}
    assert found.keys() == wanted.keys(), STALE
    for path, text in wanted.items():
        assert found[path] == text, f"{path}: {STALE}"


def test_the_figures_show_what_the_law_files_say() -> None:
    pictures = {name: one.picture for name, one in entries().items()}
    wanted = {f"{name}.svg": figures.stamp(one.plan) for name, one in pictures.items() if isinstance(one, Picture)}
    found = {path.relative_to(FOLDER).as_posix(): figures.stamp_of(path.read_bytes()) for path in FOLDER.rglob("*.svg")}
    assert found == wanted, STALE


def test_pages_and_figures_are_small() -> None:
    assert max(path.stat().st_size for path in FOLDER.rglob("*.svg")) < FIGURE
    assert max(path.stat().st_size for path in FOLDER.rglob("*.md")) < PAGE


def test_links_lead_somewhere() -> None:
    index = (FOLDER / INDEX).read_text("utf-8")
    anchors = {re.sub(r"[^\w-]", "", line[3:].replace(" ", "-")) for line in index.splitlines() if line[:3] == "## "}
    for path in FOLDER.rglob("*.md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
            place, _, fragment = target.partition("#")
            if not target.startswith("https://"):
                assert not place or (path.parent / place).resolve().is_file(), f"{path}: {target}"
                assert not fragment or fragment in anchors, f"{path}: {target}"


# --- equations -------------------------------------------------------------------------------------------------------


def rendered(text: str) -> None:
    """Hold LaTeX against the commands above and matplotlib's parser, which knows all of it but rows and cases."""
    assert set(re.findall(r"\\(?:[A-Za-z]+|.)", text)) <= COMMANDS
    assert set(re.findall(r"\\(?:begin|end)\{(\w+)\}", text)) <= ENVIRONMENTS
    depth = 0
    for brace in re.findall(r"[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    inner = re.sub(r"\\(?:begin|end)\{aligned\}", "", text)
    pieces = []
    while found := re.search(r"\\begin\{cases\}((?:(?!\\begin\{cases\}).)*?)\\end\{cases\}", inner, re.DOTALL):
        pieces += re.split(r"\\\\|&", found[1])
        inner = inner[: found.start()] + "c" + inner[found.end() :]
    pieces += [row.replace("&", "").replace(r"\quad {}", "x") for row in inner.split(r"\\")]
    parser = MathTextParser("path")
    for piece in pieces:
        assert piece.strip()
        parser.parse(f"${piece.strip()}$")


@pytest.mark.parametrize("name", library.names())
def test_the_equation_renders(name: str) -> None:
    rendered(equation_latex(entries()[name].law))


@settings(max_examples=25)
@given(trees(("N", "alpha_N", "lam", "dL", "k_1", "N_eff")))
def test_any_expression_renders(tree: object) -> None:
    text = latex(tree)  # type: ignore[arg-type]
    rendered(text if len(text) < 2000 else "x")


@settings(max_examples=15)
@given(laws())
def test_the_equations_of_any_law_render(text: str) -> None:
    rendered(equation_latex(parse(text)))


# --- what a page says ------------------------------------------------------------------------------------------------

EVERYTHING = """law: everything
title: "Loss | of everything, by N_eff*D"
source: {arxiv: "2203.15556", equation: "10", year: 2022, title: "All of it", authors: "A. Nobody"}
status: recalled
topics: [data, time series]
about: >
  Growth ~ N*D*P of arXiv 2404.10102, ~ $5 <b>; see other_law, the law plain, and plain words.
variables:
  N: {unit: parameters, kind: non-embedding, range: [1M, 70B], about: size | of model}
  D: {unit: tokens}
  C: {unit: FLOP, is: 6*N*D}
response: {L: {unit: nats/token, about: loss}, acc: {unit: fraction}}
factors: {kind: {levels: [a, b]}}
parameters:
  E: {between: [0.5, 2]}
  k: {prior: "LogNormal(log(0.03), 2)", by: kind}
  f: {fixed: 0.5}
  s: {prior: HalfNormal(0.1)}
equation: [L = E + k*(N/1e6)^-f + log(1 + C/1e15), acc = where(N < 1e7, 0.5, 0.6)]
noise: {L: {family: normal, scale: s}, acc: {family: beta, concentration: 30}}
ask:
  size: {solve: L = q, for: N, given: [D, q, kind], about: which size}
published:
  first: {about: of table 2, E: {value: 1.5, status: recalled}, k: {a: 0.5 ± 0.1, b: 2}}
  second: {source: arXiv 2404.10102, E: {value: 1.25, interval: [1, 1.5], level: 0.95}}
checks:
  - {set: first, at: {N: [1M, 4M], D: 1B, kind: a}, L: [2, 1.75], abs: 0.005, from: "2203.15556"}
  - {set: first, at: {N: 1M, D: 1B, kind: b}, L: 4, rel: 0.01, from: figure 3, differs: yes}
data: {table: mine.csv, map: {N: "n - m", D: tokens}, where: split == 'train'}
"""


def test_a_page_says_all_that_the_file_says() -> None:
    law = parse(EVERYTHING)
    pages = texts(dict.fromkeys(("deep/everything", "other_law", "plain", "words"), entry_of(law)))
    same_as_golden("pages_law", pages["deep/everything.md"])
    same_as_golden("pages_index", pages[INDEX])


def test_a_law_without_numbers_says_so() -> None:
    law = parse(EVERYTHING.split("published:")[0])
    page = texts({"everything": entry_of(law)})["everything.md"]
    assert "The file has none." in page
    assert "No figure: the law has no published constants." in page
    half = parse(EVERYTHING.replace("k: {a: 0.5 ± 0.1, b: 2}}", "f: 0.5}").split("checks:")[0])
    assert drawn(half) == "no published set gives a number to every parameter"


def test_prose_keeps_the_marks_of_markdown() -> None:
    assert prose("a*b*c ~ $1 <i> [x] _y_ z_1 `c` |") == r"a\*b\*c \~ \$1 \<i> \[x\] \_y\_ z_1 \`c\` \|"


def test_an_indexed_law_is_shown_as_its_file_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """law: many
index: {i: NUMBER}
variables: {"x[i]": {unit: tokens}}
response: {L: {unit: nats/token}}
parameters: {"w[i]": {between: [0.1, 1]}, s: {prior: HalfNormal(0.1)}}
let:
  S: sum(i, w[i]^2)
equation: L = sum(i, w[i]*x[i])/S
noise: {family: normal, scale: s}
"""
    monkeypatch.setattr(library, "folder", lambda: tmp_path)
    for count, short in ((2, True), (60, False)):
        (tmp_path / "many.yaml").write_text(text.replace("NUMBER", str(count)))
        page = texts({"many": entry("many")})["many.md"]
        assert f"index:\n  i: {count}\nequation: L = sum(i, w[i]*x[i])/S\nlet:\n  S: sum(i, w[i]^2)\n" in page
        assert ("$$" in page) == short
    assert library.as_written(ROOT / "laws" / "qid.yaml") == ""


# --- figures and files -----------------------------------------------------------------------------------------------


def test_a_figure_has_the_same_bytes_each_time() -> None:
    picture = drawn(library.load("qid"), figures.BEYOND)
    assert isinstance(picture, Picture)
    first, second = figures.svg(picture), figures.svg(picture)
    assert first == second and len(first) < FIGURE
    assert figures.stamp_of(first) == figures.stamp(picture.plan)
    assert not re.search(rb"<dc:date>|20\d\d-\d\d-\d\dT", first)


def test_the_stamp_is_of_what_is_drawn() -> None:
    law = library.load("qid")
    text = library.find("qid").read_text("utf-8")

    def stamp(changed: str) -> str:
        picture = drawn(parse(changed), figures.BEYOND)
        assert isinstance(picture, Picture)
        return figures.stamp(picture.plan)

    same = stamp(text)
    assert same == stamp(text.replace(law.about.split()[0], "Other"))
    for old, new in (("k: 0.017", "k: 0.018"), ("range: [160M", "range: [170M"), ("k * exp(u)", "k * exp(2*u)")):
        assert old in text
        assert stamp(text.replace(old, new)) != same


def test_writing_twice_changes_nothing_and_old_pages_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "laws"
    (home / "deep").mkdir(parents=True)
    for name in ("qid", "deep/chinchilla"):
        (home / f"{name}.yaml").write_bytes(library.find(name.rpartition("/")[2]).read_bytes())
    monkeypatch.setattr(library, "folder", lambda: home)
    out = tmp_path / "docs"
    assert write(out) == (5, 5)
    (out / "notes.md").write_text("mine\n")
    assert write(out) == (0, 5)
    (home / "deep" / "chinchilla.yaml").unlink()
    changed, files = write(out)
    assert (changed, files) == (3, 3)
    assert sorted(path.name for path in out.rglob("*.*")) == [INDEX, "notes.md", "qid.md", "qid.svg"]
