"""Every bound of `lawdsl.limits` at its edge: what is as large as may be is taken, and one beyond is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, fit, open_fit
from fitting.points import points_of
from lawdsl import limits
from lawdsl.errors import LawdslError
from lawdsl.grammar import Budget, parse_expression
from lawdsl.indexing import expand
from lawdsl.numbers import parse_number
from lawdsl.ranges import read_range
from lawdsl.source import compose
from measure import read_plan
from measure.weights import read_weights

LAW = """law: t
variables: {N: {unit: parameters}}
response: {L: {unit: nats/token}}
parameters: {E: {between: [1, 2]}, s: {prior: HalfNormal(0.1)}}
equation: L = E + 1/N
noise: {family: normal, on: log, scale: s}
"""
ROWS = {"N": [1e9, 2e9], "L": [2.5, 2.4]}
CHUNKS = "perplexity: calculating perplexity over 4 chunks\nFinal estimate: PPL = 5.0 +/- 0.1\n"


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(LawdslError) as found:
        yield
    assert code in {fault.code for fault in found.value.faults}


def padded(text: str, size: int) -> str:
    """A text made longer by a comment of YAML, to so many bytes."""
    return f"{text}# ".ljust(size, "x")


def indexed(index: str, equation: str) -> str:
    return LAW.replace("E + 1/N", equation).replace("parameters: {", "parameters: {'c[i]': {between: [1, 2]}, ") + (
        f"index: {index}\n"
    )


def operations(n: int, _: Path) -> object:
    """A law whose equation has n operations in all: its lets are each twice the one before and one more."""
    lets, sizes = ["z0: N"], [0]
    while 2 * sizes[-1] + 1 < n:
        lets.append(f"z{len(sizes)}: z{len(sizes) - 1} + z{len(sizes) - 1}")
        sizes.append(2 * sizes[-1] + 1)
    terms, left = [], n - 2  # those of E + 1/(...)
    for k, size in reversed(list(enumerate(sizes))):
        while left >= size + 1 and (size or left):
            terms.append(f"z{k}")
            left -= size + 1
    terms.append("N")  # which the last sign leads to
    text = f"E + 1/({' + '.join(terms)})"
    return lawdsl.parse(LAW.replace("E + 1/N", text) + f"let: {{{', '.join(lets)}}}\n")


def written_depth(n: int, _: Path) -> object:
    """An equation n deep once its lets are written out: three of `E + 1/z`, and one more for each sign and each let."""
    chains = [min(90, n - 3 - done) - 1 for done in range(0, n - 3, 90)]
    lets, inner = [], "N"
    for k, length in enumerate(chains):
        lets.append(f"z{k}: {'+'.join([inner] + ['N'] * length)}")
        inner = f"z{k}"
    return lawdsl.parse(LAW.replace("1/N", f"1/{inner}") + f"let: {{{', '.join(lets)}}}\n")


@dataclass(frozen=True)
class Edge:
    """How something of size n is read, and by which code one too large is refused."""

    code: str
    read: Callable[[int, Path], object]
    #: the bound is taken down to this for the test, where the true one would take long; None: it stands
    to: int | None = None


def law_file(n: int, folder: Path) -> object:
    path = folder / "law.yaml"
    path.write_text(padded(LAW, n))
    return lawdsl.load(path)


def nodes(n: int, _: Path) -> object:
    """The mapping, its key, the list and n - 3 items."""
    return compose(f"about: [{', '.join(['x'] * (n - 3))}]\n", "<law>")


def depth_of_yaml(n: int, _: Path) -> object:
    return compose("about: " + "[" * (n - 1) + "]" * (n - 1) + "\n", "<law>")


def table(n_columns: int, folder: Path) -> object:
    path = folder / "t.csv"
    path.write_text(",".join(f"c{k}" for k in range(n_columns)) + "\n" + ",".join(["1"] * n_columns) + "\n")
    return lawdsl.read_table(path)


def table_file(size: int, folder: Path) -> object:
    path = folder / "t.csv"
    path.write_text("N,L\n1,2".ljust(size, "3"))
    return lawdsl.read_table(path)


def header(size: int, folder: Path) -> object:
    path = folder / "t.csv"
    path.write_text("N,".ljust(size - 1, "x") + "\n1,2\n")  # the end of the line is counted
    return lawdsl.read_table(path)


def levels(n: int, _: Path) -> object:
    law = lawdsl.parse(LAW.replace("E: {between: [1, 2]}", "E: {between: [1, 2], by: g}") + "factors: {g: any}\n")
    return lawdsl.bind(law, {"N": [1.0] * n, "L": [1.0] * n, "g": [str(k) for k in range(n)]})


def simulated(n: int, _: Path) -> object:
    grid = f"{{N: {{from: 1, to: 1M, count: {n}}}}}"
    return lawdsl.parse(f"{LAW}published: {{p: {{E: 1, s: 0.1}}}}\nsimulate: {{set: p, grid: {grid}}}\n")


def used(depth: int, folder: Path) -> object:
    """A law that uses a law that uses ..., `depth` of them, itself counted."""
    for k in range(depth):
        uses = f"use: {{b: l{k - 1}.yaml}}\n" if k else ""
        (folder / f"l{k}.yaml").write_text(LAW.replace("E + 1/N", "b + E/N" if k else "E + 1/N") + uses)
    return lawdsl.load(folder / f"l{depth - 1}.yaml")


def index_names(n: int, _: Path) -> object:
    """n names written out, by keys of one and of two indices."""
    whole, rest = divmod(n, 64)
    keys = {f"c{k}[i]": "{fixed: 1}" for k in range(whole)} | {f"d{k}[1]": "{fixed: 1}" for k in range(rest)}
    return expand(compose("index: {i: 64}\nparameters: " + str(keys).replace("'{", "{").replace("}'", "}"), "<law>"))


def index_nodes(n: int, _: Path) -> object:
    """A list of a thousand below a key of 64 copies, and a plain list of as many as are wanting."""
    copied = f"parameters: {{'c[i]': [{', '.join(['x'] * 1000)}]}}"
    rest = n - (2 + 64 * 1001) - 1  # the law, its parameters, the copies and what is in them; the other list
    return expand(compose(f"index: {{i: 64}}\n{copied}\nabout: [{', '.join(['x'] * rest)}]\n", "<law>"))


def results(size: int, folder: Path) -> object:
    path = folder / "results_a.json"
    path.write_text(json.dumps({"results": {"t": {"acc": 0.5}}}).ljust(size))
    return lawdsl.read_table(path)


def sample(size: int, folder: Path) -> object:
    (folder / "results_a.json").write_text(json.dumps({"results": {"t": {"bits_per_byte,none": 0.9}}}))
    (folder / "samples_t_a.jsonl").write_text(json.dumps({"bits_per_byte": [-9.0, 10]}).ljust(size - 1) + "\n")
    return lawdsl.read_table(folder / "results_a.json")


def log(size: int, folder: Path) -> object:
    path = folder / "a.log"
    path.write_text(CHUNKS.ljust(size, "\n"))
    return lawdsl.read_table(path)


def evaluation_files(n: int, folder: Path) -> object:
    for k in range(n):
        (folder / f"results_{k}.json").write_text('{"results": {"t": {"acc": 0.5}}}')
    return lawdsl.read_evaluations([folder])


def evaluation_depth(n: int, folder: Path) -> object:
    deep = folder.joinpath(*["in"] * n)
    deep.mkdir(parents=True)
    (deep / "results_a.json").write_text('{"results": {"t": {"acc": 0.5}}}')
    return lawdsl.read_evaluations([folder])


def long_line(size: int, folder: Path) -> object:
    """A log whose line of the estimate is so long: what stands beyond the bound is another line."""
    path, end = folder / "a.log", "Final estimate: PPL = 5 +/- 1"
    path.write_text(f"perplexity: calculating perplexity over 4 chunks\n{'.' * (size - len(end))}{end}")
    return lawdsl.read_table(path)


def fit_file(draws: int) -> Posterior:
    return posterior(lawdsl.parse(LAW), ROWS, {"E": np.full((1, draws), 1.5), "s": np.full((1, draws), 0.1)})


def ranged(n: int, _: Path) -> object:
    return read_range(lawdsl.parse(LAW), "N", f"1..2:{n}")


def points(n: int, _: Path) -> object:
    return points_of(lawdsl.parse(LAW), {"N": np.ones(n)})


def runs(chains: int = 4, draws: int = 1000) -> None:
    """Settings are held against their bounds before anything is fitted."""
    with pytest.raises(LawdslError) as found:
        fit(lawdsl.parse(LAW), ROWS, chains=chains, draws=draws, seed=-1)
    faults = [fault for fault in found.value.faults if "seed" not in fault.message]
    if faults:
        raise LawdslError(faults)


def workers(n: int, folder: Path) -> object:
    for name in ("e.jsonl", "run/config.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folder / "plan.yaml").write_text(
        f"measure: m\ncheckpoints: run\nformats: none\ncorpora: {{name: e, path: e.jsonl, window: 8}}\nworkers: {n}\n"
    )
    return read_plan(folder / "plan.yaml")


def weights(size: int, folder: Path) -> object:
    """A file of weights whose header has so many bytes."""
    header = json.dumps({"__metadata__": {}}).ljust(size).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return read_weights(folder, "m")


EDGES = {
    "LAW_BYTES": Edge("LAW002", law_file),
    "YAML_DEPTH": Edge("LAW002", depth_of_yaml),
    "YAML_NODES": Edge("LAW002", nodes),
    "EXPRESSION_LENGTH": Edge("LAW014", lambda n, _: parse_expression("x + ".ljust(n, "y"))),
    "EXPRESSION_DEPTH": Edge("LAW014", lambda n, _: parse_expression("(" * n + "x" + ")" * n)),
    "INDEX_VALUES": Edge("LAW041", lambda n, _: lawdsl.parse(indexed(f"{{i: {n}}}", "E + sum(i, c[i])/N"))),
    "USE_DEPTH": Edge("LAW033", used),
    "SIMULATED_ROWS": Edge("LAW043", simulated),
    "TABLE_BYTES": Edge("TAB013", table_file, to=1_000),
    "TABLE_COLUMNS": Edge("TAB013", table),
    "FACTOR_LEVELS": Edge("TAB013", levels),
    "RESULTS_BYTES": Edge("TAB013", results, to=1_000),
    "SAMPLE_BYTES": Edge("TAB013", sample, to=1_000),
    "LOG_BYTES": Edge("TAB013", log, to=1_000),
    "EVALUATION_FILES": Edge("TAB013", evaluation_files, to=3),
    "EVALUATION_DEPTH": Edge("TAB120", evaluation_depth),
    "LOG_LINE": Edge("TAB122", long_line, to=100),
    "LAW_OPERATIONS": Edge("LAW037", operations),
    "WRITTEN_DEPTH": Edge("LAW037", written_depth),
    "INDEX_NAMES": Edge("LAW041", index_names),
    "INDEX_NODES": Edge("LAW041", index_nodes),
    "TABLE_HEADER": Edge("TAB013", header, to=100),
    "RANGE_VALUES": Edge("ASK033", ranged),
    "POINTS": Edge("ASK018", points, to=100),
    "CHAINS": Edge("FIT011", lambda n, _: runs(chains=n)),
    "DRAWS": Edge("FIT011", lambda n, _: runs(draws=n)),
    "WORKERS": Edge("MEA007", workers),
    "WEIGHTS_HEADER": Edge("MEA107", weights, to=200),
}


@pytest.mark.parametrize("name", EDGES)
def test_a_bound_at_its_edge(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = EDGES[name]
    if edge.to is not None:
        monkeypatch.setattr(limits, name, edge.to)
    bound = getattr(limits, name)
    for size in (bound, bound + 1):
        folder = tmp_path / str(size)
        folder.mkdir()
        if size == bound:
            edge.read(size, folder)
        else:
            with refused(edge.code):
                edge.read(size, folder)


@pytest.mark.parametrize("grid", ["{from: 1, to: 2, count: inf}", "{from: 1, to: inf, count: 3}"])
def test_a_grid_without_end(grid: str) -> None:
    with refused("LAW043"):
        lawdsl.parse(f"{LAW}published: {{p: {{E: 1, s: 0.1}}}}\nsimulate: {{set: p, grid: {{N: {grid}}}}}\n")


def test_a_number_at_its_edge() -> None:
    assert parse_number("1e150") == limits.NUMBER_MAGNITUDE and parse_number("1.0000001e150") is None
    assert parse_number("1e-150") == 1 / limits.NUMBER_MAGNITUDE and parse_number("0.999e-150") is None
    with refused("LAW015"):
        parse_expression("1.0000001e150*N")
    assert lawdsl.bind(lawdsl.parse(LAW), ROWS | {"N": [1e150, 1.0]})
    for cells in ([1.0000001e150, 1.0], ["1.0000001e150", "1"]):
        with pytest.raises(LawdslError, match="TAB008: row 1, 'N': 1e.150 is not a number of reasonable size"):
            lawdsl.bind(lawdsl.parse(LAW), ROWS | {"N": cells})


def test_the_expressions_of_a_law_at_their_edge() -> None:
    assert Budget().left == limits.LAW_NODES
    shared = Budget(left=4)
    for text in ("x", "x + y"):  # one node, and three
        parse_expression(text, budget=shared)
    with refused("LAW014"):
        parse_expression("x", budget=shared)


def test_a_fit_file_at_its_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fit_file(10_000).save(tmp_path / "fit.nc")  # 160 kB of numbers, and packed far fewer
    size = path.stat().st_size
    monkeypatch.setattr(limits, "FIT_BYTES", 250_000)
    assert size < 100_000 and open_fit(path)
    monkeypatch.setattr(limits, "FIT_BYTES", 150_000)
    with refused("FIT003"):
        open_fit(path)
    monkeypatch.setattr(limits, "FIT_BYTES", size - 1)
    with refused("FIT003"):
        open_fit(path)


def test_the_variables_of_a_fit_file_at_their_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import h5py

    path = fit_file(4).save(tmp_path / "fit.nc")
    with h5py.File(path) as file:
        count = sum(len(group) for group in file.values())  # dimensions are variables too
    monkeypatch.setattr(limits, "FIT_VARIABLES", count)
    assert open_fit(path)
    monkeypatch.setattr(limits, "FIT_VARIABLES", count - 1)
    with refused("FIT003"):
        open_fit(path)


def test_so_many_faults_of_a_table_are_told_and_the_rest_counted() -> None:
    for count, told in ((limits.TABLE_FAULTS, limits.TABLE_FAULTS), (limits.TABLE_FAULTS + 1, limits.TABLE_FAULTS + 1)):
        with pytest.raises(LawdslError) as found:
            lawdsl.bind(lawdsl.parse(LAW), {"N": ["x"] * count, "L": [1.0] * count})
        faults = [fault for fault in found.value.faults if fault.code == "TAB006"]
        assert len(faults) == told and ("more cells" in faults[-1].message) == (count > limits.TABLE_FAULTS)


def test_every_bound_has_a_test_here() -> None:
    names = {name for name in vars(limits) if name.isupper()}
    text = Path(__file__).read_text()
    assert [name for name in sorted(names) if name not in text] == []
    assert set(EDGES) <= names
