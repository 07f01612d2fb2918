"""BibTeX from the `source` of laws: arxiv, title, authors, year, venue.

Laws of one paper share its entry. What a source does not say is left out, and `Citation.missing` names it; where a
published set is from another paper, `Citation.also` says which.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .errors import Fault, InputError, Span
from .law import Law
from .tex import escape

#: words of venues that are journals; the others are conferences
JOURNALS = frozenset("TMLR JMLR TACL Nature Science PNAS Transactions Journal Letters Review Communications".split())
ARXIV = re.compile(r"(?:[a-z-]+(?:\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?")
#: keys of a source that BibTeX takes, and what the entry lacks without them
WANTED = ("title", "authors", "year")
_SMALL = frozenset(
    "a an and are at by can do for from how in is of on or the to toward towards via what when with".split()
)


@dataclass(frozen=True)
class Citation:
    """A paper's entry, the laws that rest on it, and what their files do not say of it."""

    key: str
    laws: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    kind: str
    missing: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def bibtex(self) -> str:
        """The entry as BibTeX."""
        width = max(len(name) for name, _ in self.fields)
        lines = [f"  {name:{width}} = {{{value}}}," for name, value in self.fields]
        # what stands outside an entry is a comment to BibTeX
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}", *(f"% {line}" for line in self.also)])


def citations(laws: Iterable[tuple[str, Law]]) -> list[Citation]:
    """One entry a paper, in the order of the laws (name, law).

    Raises: InputError (ASK017) that names every law whose file has no source.
    """
    found: dict[object, Citation] = {}
    faults = []
    for name, law in laws:
        source = dict(law.source)
        if not source.keys() & {"arxiv", "title"}:
            cure = "Add it: source: {arxiv: ..., title: ..., authors: ..., year: ..., venue: ...}."
            faults.append(Fault("ASK017", Span(name), "this law has no source to cite", cure))
            continue
        identity = source.get("arxiv") or source["title"]
        one = found.get(identity)
        # of two files with one paper, that which says more of it
        new = replace(_citation(name, source), also=_also(name, law))
        if one is not None:
            fuller = min(one, new, key=lambda c: len(c.missing))
            new = replace(fuller, laws=(*one.laws, name), also=(*one.also, *new.also))
        found[identity] = new
    if faults:
        raise InputError(faults)
    return _told_apart(list(found.values()))


def _citation(name: str, source: dict[str, str]) -> Citation:
    arxiv, year, venue = source.get("arxiv", ""), source.get("year", ""), source.get("venue", "")
    authors = people(source.get("authors", ""))
    journal = bool(venue) and bool(JOURNALS & set(re.findall(r"\w+", venue)))
    on_arxiv = not venue or venue.lower().startswith("arxiv")
    kind = "misc" if on_arxiv else "article" if journal else "inproceedings"
    printed = re.search(r"\b(?:19|20)\d\d\b", "" if on_arxiv else venue)  # years after the preprint's, often
    year = printed[0] if printed else year
    fields = {
        "title": f"{{{escape(source['title'])}}}" if "title" in source else "",
        "author": " and ".join(map(_person, authors)),
        "year": year,
        "journal": escape(re.sub(r"[\s,]*\b(19|20)\d\d\b$", "", venue)) if journal else "",
        "booktitle": escape(venue) if kind == "inproceedings" else "",
        "eprint": arxiv if ARXIV.fullmatch(arxiv) else "",
        "archivePrefix": "arXiv" if ARXIV.fullmatch(arxiv) else "",
        "doi": _bare(source.get("doi", "")),
        "url": _bare(source.get("url", "")) or (f"https://arxiv.org/abs/{arxiv}" if ARXIV.fullmatch(arxiv) else ""),
    }
    missing = tuple(word for word in WANTED if not source.get(word) and not (word == "year" and year))
    kept = tuple((field, value) for field, value in fields.items() if value)
    return Citation(_key(name, authors, year, source.get("title", "")), (name,), kept, kind, missing)


def _also(name: str, law: Law) -> tuple[str, ...]:
    """The other papers that a law's constants are from."""
    sets: dict[str, list[str]] = {}
    for one in law.published:
        if one.source:
            sets.setdefault(one.source, []).append(one.name)
    # a line outside entries is a comment to BibTeX, but for its @
    papers = {paper: " ".join(paper.split()).replace("@", "(at)") for paper in sets}
    return tuple(f"constants {', '.join(found)} of {name}: {papers[paper]}" for paper, found in sets.items())


def people(authors: str) -> list[str]:
    """The names of an `authors` text, `others` for those it leaves out.

    >>> people("J. Hoffmann, S. Borgeaud and others"), people("DeepSeek-AI"), people("Llama Team, AI @ Meta")
    (['J. Hoffmann', 'S. Borgeaud', 'others'], ['{DeepSeek-AI}'], ['{Llama Team, AI @ Meta}'])
    """
    text = re.sub(r",?\s*\bet al\b\.?", " and others", authors.strip())
    if re.search(r"\bTeam\b|@", text):  # a name of many words, commas and all
        return [f"{{{text}}}"]
    names = [name.strip() for name in re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", text) if name.strip()]
    return [name if " " in name or name == "others" else f"{{{name}}}" for name in names]


def _bare(address: str) -> str:
    """An address, which BibTeX styles print as it stands: without what would end its field."""
    return re.sub(r"[\\{}\s]", "", address)


def _person(name: str) -> str:
    """A name, in its braces where `people` gave it some."""
    return f"{{{escape(name[1:-1])}}}" if name.startswith("{") and name.endswith("}") else escape(name)


def _key(law: str, authors: list[str], year: str, title: str) -> str:
    """`hoffmann2022training`; without authors or title, by the law."""
    words = [word for word in re.findall(r"\w+", _ascii(title).lower()) if word not in _SMALL]
    last = _ascii(authors[0].split()[-1]).lower() if authors else ""
    head = re.sub(r"[^a-z]", "", last) or re.sub(r"\W", "", law.rpartition("/")[2])
    return f"{head}{year}{words[0] if words and authors else ''}"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _told_apart(found: list[Citation]) -> list[Citation]:
    """No key twice: the second gets a b."""
    seen: dict[str, int] = {}
    told = []
    for one in found:
        seen[one.key] = seen.get(one.key, 0) + 1
        told.append(one if seen[one.key] == 1 else replace(one, key=f"{one.key}{chr(96 + seen[one.key])}"))
    return told
