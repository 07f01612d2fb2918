"""What is fuzzed: each target takes bytes for input that a stranger sent, and raises only where lawdsl is at fault.

Whatever lawdsl reads must be taken, and then be usable, or refused by a `LawdslError` with a code and a message.
`tests.fuzz.guided` gives the bytes by coverage, `tests/test_fuzz.py` by grammars, and both those of `corpus`.
"""

from __future__ import annotations

import atexit
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from lawdsl import library
from lawdsl.errors import LawdslError

CORPUS = Path(__file__).with_name("corpus")

#: a law with a factor, a column of errors, a share and a count
LAW = """law: t
variables: {N: {unit: parameters}, x: {unit: ratio, domain: real}}
response: {L: {unit: nats/token}}
factors: {g: any}
parameters: {E: {between: [1, 2], by: g}, s: {prior: HalfNormal(0.1)}}
equation: L = E + 1/N + x
noise: {family: normal, on: log, scale: s, error: se}
"""
ROWS = {"N": [1e9, 2e9, 3e9], "x": [0.5, -1.0, 0.0], "L": [2.5, 2.4, 2.0], "se": [0.1, 0.0, 0.2], "g": ["a", "b", "a"],
        "n": [1.0, 2.0, 4.0], "word": ["7B", "x y", "1"], "gap": [1.0, None, 3.0]}  # fmt: skip


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@lru_cache(maxsize=1)
def folder() -> Path:
    """Where this process puts the files that it reads."""
    place = Path(tempfile.mkdtemp(prefix="lawdsl-fuzz-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def _file(name: str, data: bytes) -> Path:
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@lru_cache(maxsize=1)
def _law() -> Any:
    return library.parse(LAW)


# --- the language ----------------------------------------------------------------------------------------------------


def law(data: bytes) -> None:
    """A law file."""
    from lawdsl.render import canonical

    read = library.load(_file("law.yaml", data))
    again = library.parse(canonical(read))
    assert canonical(again) == canonical(read), "written out and read again it is another law"


def expression(data: bytes) -> None:
    """An expression: read, printed, typeset, and evaluated."""
    from lawdsl.expression import evaluate
    from lawdsl.grammar import parse_expression
    from lawdsl.mathml import mathml
    from lawdsl.typeset import typeset

    tree = parse_expression(_text(data))
    assert parse_expression(str(tree)) == tree, "printed and read again it is another expression"
    typeset(tree), mathml(tree)
    with suppress(ValueError, OverflowError, ZeroDivisionError):  # outside of its domain
        evaluate(tree, dict.fromkeys(tree.names(), 1.5))


def prior(data: bytes) -> None:
    """A parameter's prior, in a law."""
    quoted = "'" + _text(data).replace("'", "''").replace("\n", " ").replace("\r", " ") + "'"
    read = library.parse(LAW.replace("HalfNormal(0.1)", quoted))
    found = read.parameter["s"].prior
    assert found is not None and all(map(math.isfinite, found.arguments))


def number(data: bytes) -> None:
    """A number with or without a suffix, and a factor's level."""
    from lawdsl.limits import NUMBER_MAGNITUDE
    from lawdsl.numbers import exact, level_text, parse_number, short

    text = _text(data)
    assert level_text(level_text(text)) == level_text(text)
    value = parse_number(text)
    if value is not None:
        assert abs(value) <= NUMBER_MAGNITUDE
        assert parse_number(exact(value)) == value
        assert math.isclose(parse_number(short(value, 17)) or 0.0, value, rel_tol=1e-12)


# --- tables ----------------------------------------------------------------------------------------------------------


def _bound(source: Any, **words: Any) -> None:
    """Bind rows to `LAW`, and hold what comes of it against what every bound table is."""
    import numpy as np

    from lawdsl.table import bind

    table = bind(_law(), source, **words)
    assert table.rows > 0 and {len(values) for values in table.columns.values()} == {table.rows}
    assert all(np.isfinite(values).all() for values in table.columns.values())
    assert (table.columns["N"] > 0).all() and (table.columns["L"] > 0).all() and (table.columns["se"] >= 0).all()
    assert (table.codes["g"] < len(table.levels["g"])).all()
    table.to_columns()


def _table(name: str) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        path = _file(name, data)
        try:
            _bound(path)
        except LawdslError as error:
            refused(error)
        _bound(path, drop_missing=True)

    target.__doc__ = f"A table, as {name}."
    return target


def mapped(data: bytes) -> None:
    """What a table's columns become: lines of `name=expression` as after --map, and a last one as after --where."""
    *lines, where = _text(data).split("\n")
    pairs = dict(line.partition("=")[::2] for line in lines)
    _bound(ROWS, map=pairs, where=where or None)


# --- fits ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def groups() -> Mapping[str, Any]:
    """What a small fit file holds."""
    import numpy as np

    from fitting.posterior import Posterior, Provenance
    from fitting.verdict import Verdict
    from lawdsl.table import bind

    random, rows = np.random.default_rng(0), bind(_law(), ROWS)
    draws = {"E": random.uniform(1, 2, (2, 5, 2)), "s": random.uniform(0.1, 0.2, (2, 5))}
    told = Provenance("t.csv", rows.digest, "", 3, 0, (("lawdsl", "0"),), (("draws", "5"),), ("a note",))
    one = Posterior(
        _law(), "nuts", draws, {"E": ("a", "b")}, {"g": ("a", "b")}, rows.columns, rows.codes,
        Verdict(True, (), ("a note",)), told, {"diverging": np.zeros((2, 5), bool)}, {"s": draws["s"][:1]},
        {"posterior": {"L": random.uniform(1, 2, (4, 3))}}, None, np.arange(1, 4),
    )  # fmt: skip
    return one.groups()


def whole_fit() -> bytes:
    """The bytes of that file, without its seal."""
    from fitting import fit_file

    written = fit_file.write(groups(), folder() / "whole.nc").read_bytes()
    return written[: -len(fit_file.sealed(b""))]


def _used(post: Any) -> None:
    """Do with a fit what commands do first."""
    from fitting.posterior import table_of

    repr(post), str(post.verdict.as_json()), post.to_columns(), post.summary(), table_of(post).to_columns()
    post.predict(N="1B", x=0.5, g="a")


def fit(data: bytes) -> None:
    """A fit file as it comes, which its seal must refuse, and the same bytes sealed anew."""
    from fitting import open_fit
    from fitting.fit_file import sealed

    try:
        open_fit(_file("given.nc", data))
    except LawdslError as error:
        refused(error)
    else:
        raise AssertionError("a file without a seal was opened")
    _used(open_fit(_file("sealed.nc", sealed(data))))


def fit_parts(data: bytes) -> None:
    """What a well-formed fit file holds, with other contents: lines of `group<TAB>name<TAB>value`, a text for an
    attribute and JSON for an array; nothing takes the attribute or array away.
    """
    from dataclasses import replace

    import numpy as np

    from fitting.posterior import from_groups
    from lawdsl.errors import Span

    variables = {path: dict(one.variables) for path, one in groups().items()}
    attributes = {path: dict(one.attributes) for path, one in groups().items()}
    for line in _text(data).split("\n"):
        path, _, rest = line.partition("\t")
        name, tab, value = rest.partition("\t")
        if path not in variables:
            continue
        if not tab:
            variables[path].pop(name, None)
            attributes[path].pop(name, None)
        elif path == "/":
            attributes[path][name] = value
        else:
            with suppress(ValueError, TypeError, RecursionError, OverflowError):
                array = np.asarray(json.loads(value))
                if array.dtype.kind in "biuf" and array.size < 1000:
                    dims = variables[path][name][0] if name in variables[path] else ()
                    dims = dims if len(dims) == array.ndim else tuple(f"dim {name} {k}" for k in range(array.ndim))
                    variables[path][name] = (dims, array)
    held = {
        path: replace(one, variables=variables[path], attributes=attributes[path]) for path, one in groups().items()
    }
    _used(from_groups(held, Span("a fit")))


# --- JSON, logs, stores ----------------------------------------------------------------------------------------------


def results(data: bytes) -> None:
    """A results file of lm-eval; what follows a line of `---` are its samples."""
    from lawdsl.evaluations import read_evaluations

    whole, _, samples = data.partition(b"\n---\n")
    _file("lm-eval/samples_wikitext_x.jsonl", samples)
    read_evaluations([_file("lm-eval/results_x.json", whole)])


def log(data: bytes) -> None:
    """A log of llama.cpp's perplexity."""
    from lawdsl.evaluations import read_evaluations

    read_evaluations([_file("x.log", data)])


def store(data: bytes) -> None:
    """The files of a store of measurements: its note, a row, a failure, arrays; and its folder as a table."""
    from lawdsl.table import read_table
    from measure.store import open_store

    key, home = "0" * 64, folder() / "store"
    for place in ("sweep.json", f"rows/{key}.json", f"failures/{key}.json", f"documents/{key}.npz"):
        _file(f"store/{place}", b'{"format": "lawdsl sweep 1"}' if place == "sweep.json" else data)
    opened = open_store(home)
    opened.index(), list(opened.rows()), opened.failures(), opened.documents(key)
    _file("store/sweep.json", data)
    for read in (open_store, read_table):
        try:
            read(home)
        except LawdslError as error:
            refused(error)


def job_store(data: bytes) -> None:
    """A store of a sweep of fits: lines of JSON."""
    from fitting import jobs

    jobs.run(print, [], on="here", store=_file("jobs.jsonl", data))  # type: ignore[arg-type]


def lock(data: bytes) -> None:
    """A lock, held against what is there; and the same text as published constants."""
    from fitting import locking

    path = _file("x.lock", data)
    try:
        locking.flat(locking.read_plain(path, "FIT070"))
    except LawdslError as error:
        refused(error)
    for name, one in locking.read(path).items():
        locking.broken(path, name, one)


def plan(data: bytes) -> None:
    """A plan of measuring."""
    from measure import read_plan

    _file("plan/runs/tokens-1/config.json", b"{}")
    _file("plan/evaluation.jsonl", b'{"text": "a"}')
    _file("plan/calibration.jsonl", b'{"text": "a"}')
    read_plan(_file("plan/sweep.yaml", data))


#: by the name that the command line takes
TARGETS: dict[str, Callable[[bytes], None]] = {
    "law": law, "expression": expression, "prior": prior, "number": number,
    "csv": _table("t.csv"), "jsonl": _table("t.jsonl"), "parquet": _table("t.parquet"), "map": mapped,
    "fit": fit, "fit-parts": fit_parts, "results": results, "log": log, "store": store, "job-store": job_store,
    "lock": lock, "plan": plan,
}  # fmt: skip


def refused(error: LawdslError) -> None:
    """An error is one that a reader can act on: a code, a place or a message, and no essay."""
    assert error.faults and str(error)
    for fault in error.faults:
        assert fault.code and fault.message and len(str(fault)) < 3_000, fault


def one(target: str, data: bytes) -> bool:
    """Give a target its bytes. Returns whether they were taken; what is lawdsl's fault is raised."""
    try:
        TARGETS[target](data)
    except LawdslError as error:
        refused(error)
        return False
    return True


def seeds(target: str) -> list[bytes]:
    """The corpus of a target: the files whose names begin with it, and what takes no place in the tree."""
    found = [path.read_bytes() for path in sorted(CORPUS.glob(f"{target}.*"))]
    if target == "law":
        laws = ((library.folder() / f"{name}.yaml").read_bytes() for name in library.names())
        return [*found, LAW.encode(), *(text for text in laws if len(text) < 4_096)]
    if target == "fit":
        return found + [whole_fit()]
    if target == "parquet":
        import io

        import pyarrow as pa
        import pyarrow.parquet

        sink = io.BytesIO()
        pyarrow.parquet.write_table(pa.table(ROWS), sink)
        return [*found, sink.getvalue()]
    return found
