"""The libraries that travel in the page, unchanged from the npm packages of their authors.

To renew one, put the package's file into `vendor/` and its version and digest here; a test holds the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "vendor"


@dataclass(frozen=True)
class Vendored:
    """A file of an npm package: its path there, and its sha256. `inside`: packages that the file itself bundles."""

    package: str
    version: str
    path: str
    licence: str
    sha256: str
    inside: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """Where it lies."""
        return FOLDER / Path(self.path).name

    @property
    def licences(self) -> tuple[Path, ...]:
        """The files of its licence and of what it bundles."""
        names = (self.package.rpartition("/")[2], *(one.partition(" ")[0] for one in self.inside))
        return tuple(FOLDER / f"{name}.LICENSE" for name in names)


#: in the order in which they are loaded
VENDORED = (
    Vendored(
        "d3", "7.9.2", "dist/d3.min.js", "ISC",
        "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1",
    ),
    Vendored(
        "@observablehq/plot", "0.6.17", "dist/plot.umd.min.js", "ISC",
        "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb",
        ("isoformat 0.2.1 (ISC)", "interval-tree-1d 1.0.4 (MIT)", "binary-search-bounds 2.0.5 (MIT)"),
    ),
)  # fmt: skip
