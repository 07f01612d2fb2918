"""Markdown as GitHub reads it: prose in which letters of a law stay letters, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"[\\`*~$<\[\]|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ARXIV = re.compile(r"\barXiv[: ](\d{4}\.\d{4,5})\b")


def prose(text: str) -> str:
    """A text with every mark of Markdown escaped, and its arXiv numbers as links.

    >>> prose("C = 6*N*D of arXiv 2203.15556, in a_b")
    'C = 6\\\\*N\\\\*D of [arXiv 2203.15556](https://arxiv.org/abs/2203.15556), in a_b'
    """
    return _ARXIV.sub(lambda m: f"[{m[0]}]({arxiv_url(m[1])})", _MARKS.sub(lambda m: f"\\{m[0]}", text))


def linked(text: str, pages: dict[str, str]) -> str:
    """Escaped prose in which names of other laws lead to their pages.

    Names that are words as well (precision) count as laws only behind "the law" or "laws".
    """
    for name in sorted(pages, key=len, reverse=True):
        before = "" if "_" in name or "/" in name else r"(?<=\blaw )|(?<=\blaws )"
        whole = rf"(?:{before})(?<![\w/\[(.]){re.escape(name)}(?![\w/\])])"
        text = re.sub(whole, lambda _, name=name: f"[{name}]({pages[name]})", text)  # type: ignore[misc]
    return text


def arxiv_url(number: str) -> str:
    """The page of a preprint."""
    return f"https://arxiv.org/abs/{number}"


def code(text: object) -> str:
    """A text in the letters of the law file; a bar inside would end a cell of a table, and a backtick the code.

    >>> code("a|b"), code("a`b")
    ('`a\\\\|b`', '`` a`b ``')
    """
    shown = " ".join(str(text).split()).replace("|", "\\|")
    longest = max(map(len, re.findall("`+", shown)), default=0)
    if not longest:
        return f"`{shown}`" if shown else ""
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a cell's line breaks become blanks."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(" ".join(cell.split()) for cell in line) + " |" for line in lines)


def block(text: str, language: str) -> str:
    """A fenced block; its fence is longer than any inside."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def anchor(heading: str) -> str:
    """The fragment under which a page has a heading."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))
