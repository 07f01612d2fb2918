"""The fenced blocks of a page, run in order in one folder and one namespace, as a reader would who types them.

What a block is follows from its language:

- `sh`: lines of a shell. `lawdsl ...` runs here and now; anything else goes to bash. A line must leave with status 0,
  or with the one that a comment at its end says: `lawdsl check mine.yaml  # exit status 2`.
- `python`: runs in the page's one namespace.
- `text` below one of these: what it prints, all of it but where the page has `...`. Blanks and line ends do not count.
- any language with `title="FILE"`: the file is written.
- `yaml` without a title: a part of a file of this page, of a law of the library or of an example, in the same letters.
- a block under a line `Not run here: REASON.`, which the reader sees, is not run, nor the README's two commands of the
  CI (`.ci/run` runs them) and what has no language. Nothing else is left out.

A page that begins with `<!-- after: OTHER.md -->` goes on in the folder that the other page leaves.
"""

from __future__ import annotations

import contextlib
import glob
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lawdsl.cli import run

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```\s*$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')
_SKIPPED = re.compile(r"Not run here: .+[.:]\Z|\A<!-- ci:\w+ -->\Z")
_STATUS = re.compile(r"\s*#\s*exit status (\d+)\s*\Z")
_AFTER = re.compile(r"\A<!-- after: (\S+) -->")
_DIGEST = re.compile(r"-[0-9a-f]{8}\b")
_NUMBER = re.compile(r"(?<![A-Za-z_\d])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?:[kKMBT](?![A-Za-z]))?")
_SUFFIX = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}

# The release of jax that the pages' outputs were made with. Another one rounds otherwise, its chains part from these,
# and a posterior differs by the Monte Carlo error of two runs: some percent of a deviation or of an interval's end.
MADE_WITH = "0.10.2"
SAME_JAX = version("jax") == MADE_WITH
UNITS_OF_THE_LAST_DIGIT, SHARE = (2, 0.03) if SAME_JAX else (4, 0.15)
# Effective sample sizes and the like scatter far more; whole numbers below this are counts that must be equal.
COUNT, FACTOR = (400, 2) if SAME_JAX else (3, 3)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is to be, the line it begins on, and why it is not run, if so."""

    language: str
    title: str
    text: str
    line: int
    skipped: bool


def blocks(page: str) -> list[Block]:
    """The blocks of a page in order."""
    found = []
    for match in _FENCE.finditer(page):
        info = match["info"].strip()
        before = page[: match.start()].rstrip().rsplit("\n", 1)[-1].strip().strip("*")
        title = _TITLE.search(info)
        language = info.split(" ")[0] if info else ""
        text = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        line = page.count("\n", 0, match.start()) + 1
        found.append(Block(language, title[1] if title else "", text, line, bool(_SKIPPED.search(before))))
    return found


def before(page: str) -> str:
    """The page that this one goes on from, or ""."""
    match = _AFTER.match(page)
    return match[1] if match else ""


class Walk:
    """A reader at work: a folder, a namespace, and what the last block printed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "__main__"}
        self.printed: str | None = None
        self.files: list[str] = []

    def page(self, path: Path, compare: bool = True) -> None:
        """Run a page. Raises: AssertionError, with the place, where it does not do what it says."""
        for name in ("examples", "fitting"):  # what pages of the repository point at
            if not (self.folder / name).exists():
                (self.folder / name).symlink_to(ROOT / name)
        with contextlib.chdir(self.folder):
            for block in blocks(path.read_text("utf-8")):
                try:
                    self.block(block, compare)
                except Exception as error:
                    raise AssertionError(f"{path.relative_to(ROOT)}:{block.line}: {error}") from error

    def block(self, block: Block, compare: bool) -> None:
        """Run one block."""
        if block.skipped or not block.language:
            return
        if block.title:
            path = Path(block.title)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            self.files.append(block.text)
        elif block.language == "sh":
            with said() as out:
                for line in commands(block.text):
                    shell(line, out)
            self.printed = out.getvalue()
        elif block.language == "python":
            with said() as out:
                exec(compile(block.text, f"line {block.line}", "exec"), self.names)
            self.printed = out.getvalue()
        elif block.language == "text":
            assert self.printed is not None, "an output below no command"
            if compare:
                agree(block.text, self.printed)
            self.printed = None
        elif block.language == "yaml":
            kept = [path.read_text("utf-8") for home in ("laws", "examples") for path in (ROOT / home).rglob("*.yaml")]
            assert any(block.text.strip() in text for text in [*self.files, *kept]), "this stands in no file"
        else:
            raise AssertionError(f"a block of '{block.language}' that is neither run nor marked as not run")


@contextlib.contextmanager
def said() -> Iterator[io.StringIO]:
    """What is printed, on stdout and stderr together."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield out


def commands(text: str) -> list[str]:
    """The lines of a shell block, continued ones joined, comments of whole lines left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def shell(line: str, out: io.StringIO) -> None:
    """Run one line."""
    status = _STATUS.search(line)
    wanted = int(status[1]) if status else 0
    plain = _STATUS.sub("", line)
    words = shlex.split(plain)
    words = words[: next((i for i, word in enumerate(words) if word.startswith("#")), None)]
    if words[0] == "lawdsl" and not {"|", ">", ">>", "&&", ";", "||"} & set(words):
        found = run([word for written in words[1:] for word in expanded(written)])
    else:
        here = Path("bin").absolute()
        if not here.exists():
            here.mkdir()
            (here / "lawdsl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lawdsl "$@"\n')
            (here / "lawdsl").chmod(0o755)
            (here / "python").symlink_to(sys.executable)
        path = {"PATH": f"{here}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(["bash", "-ec", plain], env={**os.environ, **path}, capture_output=True, text=True)
        out.write(done.stdout + done.stderr)
        found = done.returncode
    assert found == wanted, f"`{plain}` left with {found}:\n{out.getvalue()[-3000:]}"


def expanded(word: str) -> list[str]:
    """The files that a pattern stands for, as a shell gives them; anything else is itself."""
    found = sorted(glob.glob(word)) if re.search(r"[*?]", word) else []
    return found or [word]


def agree(shown: str, printed: str) -> None:
    """Hold an output against the page's. Raises: AssertionError at the first word that differs."""
    words = [_DIGEST.sub("-DIGEST", word) for word in printed.split()]
    parts = [
        [_DIGEST.sub("-DIGEST", word) for word in part.split()] for part in re.split(r"(?<!\S)\.\.\.(?!\S)", shown)
    ]
    at = 0
    for i, part in enumerate(parts):
        places = range(at, len(words) - len(part) + 1) if i else [0]
        if i and i == len(parts) - 1 and part:
            places = range(len(words) - len(part), len(words) - len(part) + 1)
        place = next((k for k in places if all(map(same, part, words[k : k + len(part)])) and len(words) >= k), None)
        fits = place is not None and len(words) - place >= len(part)
        assert fits, f"not printed: {' '.join(part)[:600]}\n\nprinted was:\n{printed[-4000:]}"
        at = (place or 0) + len(part)
    assert at == len(words) or not parts[-1], f"printed too: {' '.join(words[at:])[:600]}"


def same(shown: str, found: str) -> bool:
    """Whether two words are the same, their numbers within what is said above."""
    return _NUMBER.sub("#", shown) == _NUMBER.sub("#", found) and all(
        map(close, _NUMBER.findall(shown), _NUMBER.findall(found))
    )


def close(shown: str, found: str) -> bool:
    """Whether two numbers are the same to the digits that are shown."""
    x, y = number(shown), number(found)
    if re.fullmatch(r"[\d,]+", shown):
        return x == y if x < COUNT else x / FACTOR <= y <= x * FACTOR
    head = shown.rstrip("kKMBT").partition("e")[0]
    unit = 10.0 ** -len(head.partition(".")[2]) * x / float(head.replace(",", "") or 1) if x else 1e-9
    return abs(x - y) <= max(UNITS_OF_THE_LAST_DIGIT * unit, SHARE * abs(x))


def number(text: str) -> float:
    """1,376 and 13.4B as numbers."""
    plain = text.replace(",", "")
    return float(plain[:-1]) * _SUFFIX[plain[-1]] if plain[-1] in _SUFFIX else float(plain)
