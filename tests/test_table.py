"""Observations: the same rows from any source, bound in the law's units, and every bad cell by row and column."""

from __future__ import annotations

import doctest
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet
import pytest
from golden import same_as_golden

import lawdsl
import lawdsl.table
from lawdsl import limits
from lawdsl.errors import LawdslError, OutsideError, TableError
from lawdsl.law import Law
from lawdsl.library import parse
from lawdsl.render import canonical
from lawdsl.table import Table, bind
from lawdsl.units import Quantity

#: one multiplication by a factor
ROUNDED = 1e-15

LAW = """law: t
variables:
  N: {unit: parameters, kind: non-embedding}
  C: {unit: FLOP}
  S: {unit: fraction, domain: unit}
response: {L: {unit: nats/token}}
factors: {run: any, method: [gptq, rtn]}
parameters:
  E: {between: [1, 2]}
  k: {between: [1, 2], by: [run, method], pool: partial}
  s: {prior: HalfNormal(0.1)}
equation: L = E + k*(1 + S)*N/C
noise: {family: normal, on: log, scale: s, error: se}
"""

ROWS: dict[str, list] = {
    "N": [1e9, 2.5e9, 7e10],
    "C": [1e20, 3e21, 5.76e23],
    "S": [0.0, 0.5, 1.0],
    "L": [2.5, 2.25, 1.97],
    "se": [0.01, 0.02, 0.0],
    "run": ["b", "a", "10"],
    "method": ["rtn", "gptq", "rtn"],
}


@pytest.fixture(scope="module")
def law() -> Law:
    return parse(LAW)


def rows(**changes: object) -> dict[str, object]:
    return ROWS | changes


def csv(folder: Path, content: dict[str, list] | str, suffix: str = ".csv") -> Path:
    path = folder / f"table{suffix}"
    sign = "\t" if suffix == ".tsv" else ","
    if not isinstance(content, str):
        lines = [sign.join(content)] + [
            sign.join(str(cell) for cell in row) for row in zip(*content.values(), strict=True)
        ]
        content = "\n".join(lines) + "\n"
    path.write_text(content, encoding="utf-8")
    return path


def fault(law: Law, source: object, **words: object) -> str:
    with pytest.raises(TableError) as caught:
        bind(law, source, **words)  # type: ignore[arg-type]
    return str(caught.value)


# The same from anywhere


def test_every_source_gives_the_same_table(law: Law, tmp_path: Path) -> None:
    arrow = pa.table(ROWS)
    pyarrow.parquet.write_table(arrow, tmp_path / "table.parquet")
    lines = [json.dumps(dict(zip(ROWS, row, strict=True))) for row in zip(*ROWS.values(), strict=True)]
    (tmp_path / "table.jsonl").write_text("\n".join(lines))
    bom = tmp_path / "bom.csv"
    bom.write_bytes(b"\xef\xbb\xbf" + csv(tmp_path, ROWS).read_bytes().replace(b"\n", b"\r\n"))
    categories = pandas.DataFrame(ROWS).astype({"run": "category", "method": "category"})
    sources = [
        ROWS, {name: np.array(cells) for name, cells in ROWS.items()}, arrow, csv(tmp_path, ROWS),
        str(csv(tmp_path, ROWS)), csv(tmp_path, ROWS, ".tsv"), tmp_path / "table.parquet", tmp_path / "table.jsonl",
        bom, pandas.DataFrame(ROWS), categories, polars.DataFrame(ROWS),
        polars.DataFrame(ROWS).with_columns(polars.col("run").cast(polars.Categorical)),
        pa.table(ROWS).combine_chunks().slice(0, 3), lawdsl.read_table(arrow),
    ]  # fmt: skip
    tables = [bind(law, source) for source in sources]
    assert {table.digest for table in tables} == {tables[0].digest}
    for table in tables:
        assert table.rows == 3 and table.columns["N"].tolist() == ROWS["N"] and table.columns["N"].dtype == np.float64
        assert table.levels == {"run": ("10", "a", "b"), "method": ("gptq", "rtn")}
        assert table.codes["run"].tolist() == [2, 1, 0]


def test_another_value_is_another_table(law: Law) -> None:
    digests = {bind(law, source).digest for source in (
        ROWS, rows(L=[2.5, 2.25, 1.970001]), rows(run=["b", "a", "11"]), {**ROWS, "x": [1, 2, 3]},
    )}  # fmt: skip
    assert len(digests) == 3  # a column that the law does not use changes nothing


def test_numbers_are_written_as_in_a_law(law: Law, tmp_path: Path) -> None:
    path = csv(tmp_path, rows(N=["1B", "2.5B", "70B"], C=["1e20", "3e21", "576_000e18"]))  # type: ignore[arg-type]
    assert bind(law, path).digest == bind(law, ROWS).digest


def test_some_rows_of_a_table_keep_their_codes(law: Law) -> None:
    table = bind(law, ROWS)
    part = table.take(np.array([True, False, True]))
    assert part.rows == 2 and part.levels == table.levels and part.codes["run"].tolist() == [2, 0]
    assert part.digest != table.digest and table.take(np.arange(3)).digest == table.digest


def test_points_to_predict_need_no_response(law: Law) -> None:
    points = {name: ROWS[name] for name in ("N", "C", "S")}
    table = bind(law, points, response=False)
    assert set(table.columns) == {"N", "C", "S"} and table.codes == {}


# Maps, filters, units


def test_a_map_names_columns_or_computes_from_them(law: Law) -> None:
    source = {"all params": ROWS["N"], "n": [x * 2 for x in ROWS["N"]], "m": ROWS["N"], **{k: ROWS[k] for k in "CSL"},
              "se": ROWS["se"], "model": ROWS["run"], "method": ROWS["method"]}  # fmt: skip
    expected = bind(law, ROWS).digest
    assert bind(law, source, map={"N": "all params", "run": "model"}).digest == expected
    assert bind(law, source, map={"N": "n - m", "run": "model"}).digest == expected
    assert bind(law, source, map={"N": "where(n > 2*m, 0, m)", "run": "model"}).digest == expected


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("N < 3e9", [0, 1]), ("N <= 2.5B and L < 2.3", [1]), ("run == 'a' or run == 'b'", [0, 1]),
        ("not run == 'a'", [0, 2]), ("run != 'a'", [0, 2]), ("run == '10'", [2]), ("method == \"rtn\" and S == 0", [0]),
        ("0 < S < 1", [1]), ("log10(C) > 20.5", [1, 2]), ("C/N > 2e12", [2]), ("log2(N) < 30", [0]),
    ],
)  # fmt: skip
def test_a_filter_keeps_its_rows_and_says_so(law: Law, where: str, kept: list[int]) -> None:
    table = bind(law, ROWS, where=where)
    assert table.columns["N"].tolist() == [ROWS["N"][i] for i in kept]
    assert table.notes == (f"{len(kept)} of 3 rows kept by where: {where}",)


@pytest.mark.parametrize(
    ("where", "kept"), [("x == 1", 1), ("x != 1", 1), ("x < 9", 2), ("t != 'p'", 1), ("t == 'p'", 1)]
)
def test_a_comparison_with_a_missing_value_is_false(law: Law, where: str, kept: int) -> None:
    assert bind(law, rows(x=[1.0, None, 2.0], t=["p", "q", None]), where=where).rows == kept


def test_units_convert_where_a_conversion_is_known(law: Law) -> None:
    table = bind(
        law, rows(C=[1.0, 2.0, 3.0], L=[3.0, 2.9, 2.8]),
        units={"C": Quantity("PF-days"), "L": Quantity("bits/token")},
    )  # fmt: skip
    assert np.allclose(table.columns["C"], 8.64e19 * np.array([1, 2, 3]), rtol=ROUNDED, atol=0)
    assert np.allclose(table.columns["L"], math.log(2) * np.array([3.0, 2.9, 2.8]), rtol=ROUNDED, atol=0)
    assert "C: C converted from PF-days to FLOP" in table.notes


def test_units_hold_for_what_a_map_computes(law: Law) -> None:
    table = bind(law, rows(days=[1.0, 2.0, 3.0]), map={"C": "days*2"}, units={"C": Quantity("PF-days")})
    assert np.allclose(table.columns["C"], 8.64e19 * np.array([2, 4, 6]), rtol=ROUNDED, atol=0)


def test_kinds_do_not_convert(law: Law) -> None:
    message = fault(law, ROWS, units={"N": Quantity("parameters", "total"), "L": Quantity("nats/byte")})
    assert "TAB009: column 'N' holds total parameters, and 'N' is in non-embedding parameters" in message
    assert "TAB009: column 'L' holds nats/byte, and 'L' is in nats/token" in message


def test_what_the_catalogue_knows_of_its_columns_is_used() -> None:
    table = bind(lawdsl.load("qid"))
    assert table.rows == len(table.columns["dL"]) > 80 and table.columns["dL_se"].min() > 0
    columns = {"N": "n_params_non_embed", "C": "bits", "S": "symmetric", "L": "delta_loss", "se": "delta_loss_se"}
    message = fault(parse(LAW.replace("[gptq, rtn]", "any")), "ladder-qid", map=columns)
    assert "TAB009: column 'bits' holds bits, and 'C' is in FLOP" in message


def test_the_first_table_of_a_law_is_its_default() -> None:
    table = bind(lawdsl.load("chinchilla"))
    assert table.source == "ladder-loss" and table.rows > 20


def test_another_table_that_a_law_names_comes_with_its_filter(data_folder: Path) -> None:
    law = lawdsl.load("chinchilla")
    # the points left after the paper's exclusions: arXiv 2404.10102, section 2
    assert bind(law, "chinchilla-epoch").rows == 240
    assert bind(law, "chinchilla-epoch", where="n_tokens > 0").rows == 245


# Missing values


def test_missing_values_are_refused_or_dropped_and_counted(law: Law, tmp_path: Path) -> None:
    for gap in ([2.5, None, 1.97], [2.5, float("nan"), 1.97]):
        assert "TAB007: 'L' has no finite value in 1 rows: 2" in fault(law, rows(L=gap))
        table = bind(law, rows(L=gap), drop_missing=True)
        assert table.rows == 2 and table.notes == ("1 of 3 rows dropped: a value is missing",)
    for word in ("", "NA", "n/a", "nan", "null", "None", " "):
        assert bind(law, csv(tmp_path, rows(L=["2.5", word, "1.97"])), drop_missing=True).rows == 2  # type: ignore[arg-type]
    assert bind(law, rows(run=["a", None, "c"]), drop_missing=True).rows == 2
    assert "TAB007: the factor 'run' is empty in 1 rows" in fault(law, rows(run=["a", None, "c"]))


def test_a_filter_may_take_the_gaps_away(law: Law) -> None:
    assert bind(law, rows(L=[2.5, None, 1.97]), where="L > 0").rows == 2
    assert bind(law, rows(L=["2.5", "bad", "1.97"]), where="run != 'a'").rows == 2


# Messages


def said(law: Law, source: object, folder: Path, **words: object) -> str:
    with pytest.raises(LawdslError) as caught:
        bind(law, source, **words)  # type: ignore[arg-type]
    return str(caught.value).replace(str(folder), "<folder>")


def test_messages_of_cells(law: Law, tmp_path: Path) -> None:
    bad = csv(tmp_path, rows(N=["1B", "7Q", "seven"], S=["0.5", "50%", "1"]))  # type: ignore[arg-type]
    outside = csv(tmp_path, rows(N=[-1, 0, 1e9], S=[0, 50, 1], L=[-2.5, 2, 2], se=[-1, 0, 0]), ".tsv")  # type: ignore[arg-type]
    texts = {name: ["one", "two"] for name in ROWS}
    shown = [
        "# bad cells", said(law, bad, tmp_path), "", "# outside their domain", said(law, outside, tmp_path), "",
        "# a table of text", said(law, texts | {"method": ["rtn", "gptq"]}, tmp_path), "",
        "# gaps", said(law, rows(L=[None, 2.0, None], run=[None, "a", "b"]), tmp_path), "",
        "# levels", said(law, rows(method=["rtn", "gptqq", "awq"]), tmp_path),
    ]  # fmt: skip
    same_as_golden("table_cells", "\n".join(shown))


def test_messages_of_files(law: Law, tmp_path: Path) -> None:
    contents = {
        "ragged": "N,C,S\n1,2\n1,2,3\n1,2,3,4\n", "a column twice": "N,N,C\n1,2,3\n", "a header alone": "N,C,S\n",
        "an empty file": "", "other columns": "n,compute,sparsity,l\n1,2,3,4\n",
    }  # fmt: skip
    shown = [
        line for name, text in contents.items() for line in (f"# {name}", said(law, csv(tmp_path, text), tmp_path), "")
    ]
    shown += ["# another form", said(law, csv(tmp_path, "N\n1\n", ".xls"), tmp_path), ""]
    shown += ["# nowhere", re.sub("known here: .*", "known here: ...", said(law, tmp_path / "none.csv", tmp_path))]
    same_as_golden("table_files", "\n".join(shown))


def test_messages_of_words(law: Law, tmp_path: Path) -> None:
    asked: dict[str, dict[str, object]] = {
        "a map of nothing": {"map": {"Z": "N"}},
        "a map to nothing": {"map": {"N": "n_params"}},
        "a map that computes with a text": {"map": {"N": "where(run == 'a', 1, 2)"}},
        "a filter of nothing": {"where": "size < 3"},
        "a filter that compares nothing": {"where": "N + 1"},
        "a filter that orders texts": {"where": "run < 'b'"},
        "a filter that keeps nothing": {"where": "N < 0"},
        "a filter outside the language": {"where": "N.real < 0"},
    }
    shown = [line for name, words in asked.items() for line in (f"# {name}", said(law, ROWS, tmp_path, **words), "")]
    same_as_golden("table_words", "\n".join(shown))


def test_many_faults_are_counted_not_listed(law: Law) -> None:
    many = {name: cells * 40 for name, cells in ROWS.items()}
    message = fault(law, many | {"N": ["x"] * 120})
    assert message.count("is not a number") == limits.TABLE_FAULTS
    assert f"{120 - limits.TABLE_FAULTS} more cells of 'N' are not numbers" in message


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("N" * 2_000_000 + "\n1\n", "TAB004"), ("c," * 600_000 + "\n1\n", "TAB013"),
        (",".join(f"c{i}" for i in range(limits.TABLE_COLUMNS + 1)) + "\n1\n", "TAB013"),
        ('"N\n', "TAB004"), ("\n\n", "TAB003"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table(law: Law, source: str, code: str, tmp_path: Path) -> None:
    assert code in fault(law, csv(tmp_path, source))


def test_a_file_that_is_not_utf8(law: Law, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content in (b"N,\xff\n1,2\n", b"N,C,S,L\n1,2,3,\xff\n"):
        path.write_bytes(content)
        assert "TAB004" in fault(law, path)


def test_a_column_twice_in_memory(law: Law) -> None:
    twice = pa.Table.from_arrays([pa.array([1.0])] * 2, names=["N", "N"])
    assert "TAB004: the column 'N' a second time" in fault(law, twice)


def test_levels_are_bounded(law: Law) -> None:
    count = limits.FACTOR_LEVELS + 1
    many: dict[str, object] = {name: [ROWS[name][0]] * count for name in ROWS}
    assert "TAB013: 'run' has" in fault(law, many | {"run": [f"r{i}" for i in range(count)]})
    assert bind(law, rows(run=[1.0, float("inf"), 2.0]), drop_missing=True).rows == 2


def test_a_law_without_a_table_needs_one(law: Law) -> None:
    assert "TAB016" in fault(law, None)


def test_a_table_that_cannot_be_found_is_nobodys_fault(law: Law, tmp_path: Path) -> None:
    for source in (tmp_path / "none.csv", tmp_path / "nul\0.csv"):
        with pytest.raises(OutsideError, match="TAB001") as caught:
            bind(law, source)
        assert caught.value.status == 3


def test_the_example_of_the_module() -> None:
    assert doctest.testmod(lawdsl.table).failed == 0 and Table.__doc__


def test_a_table_may_hold_what_its_rows_cannot_tell() -> None:
    """The law as fitted to that table has the parameter fixed; to another table it is free."""
    text = """
law: held
variables: {x: {unit: tokens}}
response: {y: {unit: nats/token}}
parameters:
  a: {between: [0.5, 4]}
  b: {between: [0.5, 4]}
equation: y = a*x^-b
noise: {family: normal, scale: 0.1}
data:
  - {table: ours.csv, fixed: {b: 1.5}}
"""
    law = lawdsl.parse(text)
    assert parse(canonical(law)) == law
    assert law.data[0].fixed == (("b", 1.5),)
    held = law.holding(dict(law.data[0].fixed))
    assert held.parameter["b"].fixed == 1.5 and not held.parameter["b"].free and law.parameter["b"].free
    for wrong, said in (("{b: 9}", None), ("{b: -1}", "held at -1"), ("{q: 1}", "'q' cannot be held")):
        changed = text.replace("{b: 1.5}", wrong)
        if said is None:
            lawdsl.parse(changed)
            continue
        with pytest.raises(lawdsl.LawError, match=said):
            lawdsl.parse(changed)


def test_a_fit_holds_what_its_table_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ours.csv").write_text("x,y\n1,2\n2,0.7\n4,0.25\n8,0.09\n")
    law = lawdsl.parse(
        "{law: held, variables: {x: {unit: tokens}}, response: {y: {unit: nats/token}}, parameters: {a: {between: [0.5,"
        " 4]}, b: {between: [0.5, 4]}}, equation: y = a*x^-b, noise: {family: normal, scale: 0.1},"
        " data: [{table: ours.csv, fixed: {b: 1.5}}]}"
    )
    table = lawdsl.bind(law)
    assert dict(table.fixed) == {"b": 1.5} and "b is held at 1.5 for this table" in table.notes
    assert table.take(np.array([0, 1])).fixed == table.fixed
    assert lawdsl.bind(law, {"x": [1.0, 2.0], "y": [2.0, 1.0]}).fixed == ()
    import fitting

    post = fitting.fit(law, table, method="map")
    assert set(post.draws) == {"a"} and post.law.parameter["b"].fixed == 1.5
    assert post.predict(x=4)[0].median == pytest.approx(2 / 8, rel=0.05)
