"""What is killed: commands, the folder that they begin with, and what of it must outlive a kill."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

LINE = Path(__file__).parents[1] / "line.yaml"
#: columns of a measured row that decide nothing: measured again they are others
PASSING = ("seconds_quantize", "seconds_evaluate", "measured_at")
#: names that files have while they are being written
HIDDEN = re.compile(r"(^|/)\.[^/]+$")


@dataclass(frozen=True)
class Scene:
    """A command and its folder. `alike` gives what of a file must be the same in every run, of its path and content;
    it raises where the file is torn. `rows` gives the finished rows of a folder, which no kill may take away or change.
    `pooled` commands have workers."""

    name: str
    kind: str
    make: Callable[[Path], None]
    arguments: tuple[str, ...]
    alike: Callable[[str, bytes], Any] = lambda path, content: held(content)
    rows: Callable[[Path], Mapping[str, str]] = lambda folder: {}
    pooled: bool = False
    outdated: Callable[[Path], None] | None = None


def held(content: bytes) -> bytes | str:
    """A file's bytes; of a fit file a digest of what is read of it: HDF5 before 2.0 also notes when it was made.

    Raises: ValueError where a fit file is torn.
    """
    if not content.startswith(b"\x89HDF"):
        return content
    from fitting import fit_file

    with NamedTemporaryFile(suffix=".nc") as file:
        file.write(content)
        file.flush()
        groups = fit_file.read(Path(file.name))
    told = hashlib.sha256()
    for name, group in sorted(groups.items()):
        told.update(repr((name, sorted(group.attributes.items()))).encode())
        for variable, (dims, values) in sorted(group.variables.items()):
            bits = repr(values.tolist()).encode() if values.dtype.kind == "O" else values.tobytes()
            told.update(repr((variable, dims, values.dtype.str, values.shape)).encode() + bits)
    return told.hexdigest()


def files(folder: Path) -> dict[str, bytes]:
    """Every file that is there under a name of its own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file() and not HIDDEN.search(str(path.relative_to(folder)))
    }  # fmt: skip


def hidden(folder: Path) -> list[str]:
    """Files that were being written."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*") if path.is_file()]


# --- measuring ---

PLAN = """measure: tiny
checkpoints: runs/*
formats:
  - none
  - {method: rtn, bits: [2, 3, 4, 5, 6, 8], group: 32}
  - {method: gptq, bits: 3, group: 32}
corpora: {name: heldout, path: heldout.jsonl, window: 48}
calibration: {path: shown.jsonl, samples: 2, length: 48}
device: cpu
"""


def checkpoints(folder: Path, number: int = 3) -> None:
    """Tiny checkpoints of a run, texts and a plan."""
    from tests import checkpoints as made

    for seed in range(number):
        place = made.tiny_neox(folder / "runs" / f"tokens-{seed + 1}M", seed=seed)
        facts = {"tokens": 1e6 * (seed + 1), "run": "tiny", "seed": 3, "learning_rate": 4e-3}
        (place / "training.json").write_text(json.dumps(facts))
    made.write_jsonl(folder / "heldout.jsonl", made.text_documents(3, seed=1))
    made.write_jsonl(folder / "shown.jsonl", made.text_documents(6, seed=2))
    (folder / "plan.yaml").write_text(PLAN)


def measured(path: str, content: bytes) -> Any:
    """Of a store's files: rows and tables without their times, arrays by their bits."""
    name = path.rpartition("/")[2]
    if path.startswith("tiny/locks/"):
        return None
    if path.startswith("tiny/rows/"):
        row = json.loads(content)
        assert row["key"] == name.removesuffix(".json")
        return {column: value for column, value in row.items() if column not in PASSING}
    if path.startswith("tiny/checkpoints/"):
        note = json.loads(content)
        note.pop("stamps", None)
        return sorted(note)
    if name.endswith(".npz"):
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {key: (file[key].dtype.str, file[key].tobytes()) for key in file.files if key != "seconds"}
    if name == "rows.csv":
        lines = list(csv.DictReader(io.StringIO(content.decode())))
        return [{column: text for column, text in line.items() if column not in PASSING} for line in lines]
    if name == "rows.parquet":
        import pyarrow.parquet

        found = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
        return [{column: value for column, value in row.items() if column not in PASSING} for row in found]
    return content


def measured_rows(folder: Path) -> dict[str, str]:
    """The rows of a store and the arrays that they rest on, to the last byte."""
    store = folder / "tiny"
    return {
        path.stem: _digest(path.read_bytes() + (store / "documents" / f"{path.stem}.npz").read_bytes())
        for path in (store / "rows").glob("*.json")
    }


# --- fits ---


def tables(folder: Path, number: int = 4) -> None:
    """Rows about a line, with other slopes and noise."""
    for slope in range(1, number + 1):
        chance = random.Random(slope)
        rows = "".join(f"{x},{slope * x + chance.gauss(0, 0.3)}\n" for x in range(1, 13))
        (folder / f"slope-{slope}.csv").write_text(f"x,y\n{rows}")
    (folder / "line.yaml").write_text(LINE.read_text())


def swept(path: str, content: bytes) -> Any:
    """A store of fits by its lines, whose order is that of finishing; a line without an end is not there yet."""
    if not path.endswith("store.jsonl"):
        return held(content)
    lines = [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
    keys = [line["key"] for line in lines]
    assert len(set(keys)) == len(keys), "a job is there twice"
    return {line["key"]: line["result"] for line in lines}


def swept_rows(folder: Path) -> dict[str, str]:
    """The finished jobs of a store of fits, each with its fit file to the last byte."""
    store = folder / "store.jsonl"
    content = store.read_bytes() if store.exists() else b""
    found = {}
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        fit = (folder / json.loads(line)["result"]["fit"]).read_bytes()
        found[json.loads(line)["key"]] = _digest(line + fit)
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _old(*names: str) -> Callable[[Path], None]:
    """Other files under the names of the answers: what was there before."""

    def write(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"what {name} was before\n")

    return write


def scenes(fit: Callable[[Path], None]) -> list[Scene]:
    """All that is killed. `fit` puts a fit of a line, fit.nc, into a folder, beside its table."""
    sweep = ("sweep", "line.yaml", "--method", "map", "--seeds", "3", "--store", "store.jsonl", "--out", "fits",
             *(word for slope in range(1, 5) for word in ("--data", f"slope-{slope}.csv")))  # fmt: skip
    one = ("fit", "line.yaml", "--data", "slope-1.csv", "--out", "new.nc")

    def single(name: str, *arguments: str, make: Callable[[Path], None], old: tuple[str, ...]) -> Scene:
        return Scene(name, "single", make, arguments, outdated=_old(*old))

    return [
        Scene("measure", "sweep", checkpoints, ("measure", "plan.yaml"), measured, measured_rows),
        Scene("sweep", "sweep", tables, (*sweep, "--on", "here"), swept, swept_rows),
        Scene("measure, workers", "sweep", checkpoints, ("measure", "plan.yaml", "--workers", "2"), measured,
              measured_rows, pooled=True),
        Scene("sweep, workers", "sweep", tables, (*sweep, "--workers", "2"), swept, swept_rows, pooled=True),
        single("fit map", *one, "--method", "map", make=tables, old=("new.nc",)),
        single("fit nuts", *one, make=tables, old=("new.nc",)),
        single("fit and picture", *one, "--method", "map", "--plot", "new.png", make=tables, old=("new.nc", "new.png")),
        single("report", "report", "fit.nc", "--out", "new.html", make=fit, old=("new.html",)),
        single("report as Markdown", "report", "fit.nc", "--md", "md/new.md", make=fit, old=("md/new.md",)),
        single("methods", "report", "fit.nc", "--methods", "--out", "new.tex", make=fit, old=("new.tex", "new.bib")),
        single("lock", "lock", "fit.nc", "--law", "line.yaml", "--out", "new.lock", make=fit, old=()),
    ]  # fmt: skip
