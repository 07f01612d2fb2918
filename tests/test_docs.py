"""The documentation is true: every block of every page runs and prints what the page says, and the site builds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import MADE_WITH, ROOT, SHARE, Walk, agree, before, blocks

DOCS = ROOT / "docs"
#: pages that are made by code, each held in step by a test of its own; their commands are those of every law
MADE = ("laws/", "reference/")
PAGES = [
    path
    for path in [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
    if not path.relative_to(ROOT).as_posix().startswith(tuple(f"docs/{made}" for made in MADE))
]
#: pages whose fits take minutes of CPU
SLOW = frozenset({"docs/bound.md", "docs/how-to/measure.md"})


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> dict[str, Path]:
    """The folders that pages have left, by page: another page may go on there."""
    return {}


def walk(path: Path, walked: dict[str, Path], folder: Path, compare: bool = True) -> None:
    earlier = before(path.read_text("utf-8"))
    if earlier:
        first = (path.parent / earlier).resolve()
        if str(first) not in walked:
            (folder / "before").mkdir()
            walk(first, walked, folder / "before", compare=False)
        shutil.copytree(walked[str(first)], folder / "here", symlinks=True)
    (folder / "here").mkdir(exist_ok=True)
    Walk(folder / "here").page(path, compare)
    walked[str(path)] = folder / "here"


def marked(path: Path) -> object:
    name = path.relative_to(ROOT).as_posix()
    return pytest.param(path, id=name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("path", [marked(path) for path in PAGES if blocks(path.read_text("utf-8"))])
def test_a_page_runs_as_it_stands(
    path: Path, walked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("LAWDSL_DATA", raising=False)  # a reader has what ships
    walk(path, walked, tmp_path)


def test_the_comparison_sees_what_differs() -> None:
    agree("E  1.815 ± 0.057 ... good", "E 1.82 ± 0.056\nA 3\nverdict: good\n")
    far = f"E {1.82 * (1 + 2 * SHARE):.3f} ± 0.057 ... good"
    for shown in (far, "E 1.815 ± 0.057", "E 1.815 ± 0.057 ... bad", "F 1.815 ... good"):
        with pytest.raises(AssertionError):
            agree(shown, "E 1.815 ± 0.057\nA 3\nverdict: good\n")


def test_the_pages_are_held_tightly_with_the_versions_that_are_pinned() -> None:
    assert f"jax=={MADE_WITH} " in (ROOT / "constraints.txt").read_text("utf-8")


# --- the site --------------------------------------------------------------------------------------------------------


def test_the_pages_of_reference_are_what_the_code_makes() -> None:
    """If this fails: python -m lawdsl.reference docs/reference."""
    from lawdsl.reference import pages

    wrong = [name for name, content in pages().items() if (DOCS / "reference" / name).read_text("utf-8") != content]
    assert not wrong, f"run `python -m lawdsl.reference docs/reference`: {wrong}"


def test_the_site_builds_without_warnings_and_needs_no_network(tmp_path: Path) -> None:
    """Also: equations are set, every law has its page and its file, and nothing is loaded from elsewhere."""
    pytest.importorskip("mkdocs")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # its makers' word about their next project
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    for path in ROOT.glob("laws/**/*.yaml"):
        page = site / path.relative_to(ROOT).with_suffix(".html")
        assert page.is_file() and (site / path.relative_to(ROOT)).is_file()
        assert 'class="arithmatex"' not in page.read_text("utf-8")
    assert "<math" in (site / "laws" / "chinchilla.html").read_text("utf-8")
    for page in site.rglob("*.html"):
        for tag in re.findall(r"<(?:script|img|link|iframe)\b[^>]*>", page.read_text("utf-8")):
            where = re.search(r'(?:src|href)="(https?:)?//', tag)
            assert where is None, f"{page}: {tag}"
