"""What the site needs beyond the pages: equations as MathML, the laws' own files, links that lead into the repository.

Pages are written to be read in the repository too, so they link to files outside `docs/`. Law files and their schema
come along into the site; every other such link leads to the repository's home.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from lawdsl import library
from lawdsl.mathml import law_mathml

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_MATH = re.compile(r'<div class="arithmatex">.*?</div>', re.DOTALL)


def on_config(config: Any) -> Any:
    """The laws' pages in the navigation, under the topics of their index."""
    index = (ROOT / "docs" / "laws" / "README.md").read_text("utf-8")
    listed: list[Any] = [{"All laws": "laws/README.md"}]
    for line in index.splitlines():
        if line.startswith("## "):
            listed.append({line[3:]: []})
        elif row := re.match(r"\| \[(\S+)\]\((\S+\.md)\)", line):
            ((_, pages),) = listed[-1].items()
            pages.append({row[1]: f"laws/{row[2]}"})
    laws = [one for one in listed if [*one.values()] != [[]]]
    config.nav = [{"Laws": laws} if one == {"Laws": "laws"} else one for one in config.nav]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The laws and their schema, beside the laws' pages."""
    for path in [*sorted((ROOT / "laws").rglob("*.yaml")), ROOT / "laws" / "law.schema.json"]:
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links out of `docs/`, as they hold in the repository, to where they hold in the site."""
    here = posixpath.dirname(f"docs/{page.file.src_uri}")

    def mended(match: re.Match[str]) -> str:
        target, sign, fragment = match[1].partition("#")
        if not target or ":" in target:
            return match[1]
        path = posixpath.normpath(posixpath.join(here, target))
        if path.startswith("docs/") or not (ROOT / path).exists():
            return match[1]
        if path in files.src_uris:
            return posixpath.relpath(f"docs/{path}", here)
        return f"{config.repo_url}/blob/main/{path}{sign}{fragment}"

    return _LINK.sub(mended, markdown)


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """The equation of a law's page as MathML, which browsers set by themselves and without a network."""
    name = page.file.src_uri.removeprefix("laws/").removesuffix(".md")
    if page.file.src_uri == f"laws/{name}.md" and _MATH.search(content):
        return _MATH.sub(lambda _: law_mathml(library.load(name)), content)
    return content
