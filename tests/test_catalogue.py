"""The catalogue is well-formed, its files are found, checked and mapped, and every failure says how to mend it.

Nothing here touches the network or the user's cache. Tests of the public tables need local copies of them, in the
folder that LAWDSL_DATA names when the tests start.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lawdsl import catalogue, origins, units
from lawdsl.errors import InputError, LawdslError, OutsideError, TableError

GOLDEN = Path(__file__).parent / "golden"
LOCAL = os.environ.get("LAWDSL_DATA", "")

#: A power or a logarithm may differ in its last bits from one C library to the next.
LIBM = 1e-12

needs_tables = pytest.mark.skipif(not LOCAL, reason="set LAWDSL_DATA to a folder of the public tables")
every_entry = pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.id)
every_origin = pytest.mark.parametrize("id", sorted(origins.ORIGINS))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No local tables, an empty cache, and no network."""
    import pooch

    monkeypatch.delenv("LAWDSL_DATA", raising=False)
    monkeypatch.setenv("LAWDSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: pytest.fail("a test reached for the network"))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the public tables, also given to the code under test."""
    monkeypatch.setenv("LAWDSL_DATA", LOCAL)
    return Path(LOCAL)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, named by LAWDSL_DATA."""
    path = tmp_path / "tables"
    path.mkdir()
    monkeypatch.setenv("LAWDSL_DATA", str(path))
    return path


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`serve(content)` answers downloads so, `serve(error=e)` breaks them; both give the list of URLs asked for."""
    import pooch

    def install(content: bytes = b"", error: Exception | None = None) -> list[str]:
        asked: list[str] = []

        def downloader(timeout: tuple[float, float]) -> Callable[[str, str, object], None]:
            def download(url: str, output: str, _: object) -> None:
                asked.append(url)
                Path(output).write_bytes(content[: len(content) // 2] if error else content)
                if error:
                    raise error

            return download

        monkeypatch.setattr(pooch, "HTTPDownloader", downloader)
        return asked

    return install


def same_as_golden(name: str, error: LawdslError, tmp_path: Path) -> None:
    """The message is the golden file's, but for the folder of the test."""
    text = str(error).replace(str(tmp_path), "<folder>") + "\n"
    assert text == (GOLDEN / f"catalogue_{name}.txt").read_text(encoding="utf-8")


def origin_file(tables: Path, id: str) -> Path:
    entry = catalogue.entry(id)
    return tables / "origin" / f"{entry.stem}.origin{Path(entry.url).suffix}"


# The entries


def test_ids_are_unique_and_are_file_stems() -> None:
    ids = [entry.id for entry in catalogue.entries()]
    assert len(ids) == len(set(ids)) == 34
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for id in ids)
    assert [entry.stem for entry in catalogue.entries()] == [id.replace("-", "_") for id in ids]


def test_no_key_occurs_twice_in_the_file() -> None:
    lines = catalogue.CATALOGUE.read_text(encoding="utf-8").splitlines()
    tops = [line for line in lines if re.fullmatch(r"[a-z0-9-]+:", line)]
    assert len(tops) == len(set(tops)) == len(catalogue.entries())


@every_entry
def test_an_entry_says_everything(entry: catalogue.Entry) -> None:
    for field in dataclasses.fields(entry):
        kind = {"rows": int, "columns": tuple, "citation": tuple, "not_with": tuple}.get(field.name, str)
        assert isinstance(getattr(entry, field.name), kind), field.name
    assert entry.title and entry.about.endswith(".") and entry.licence and entry.repository and entry.path
    assert entry.rows > 0 and entry.columns and all(entry.citation)
    assert re.fullmatch(r"(\d{4}\.\d{5})?", entry.paper)
    assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    assert entry.source in ("shipped", "origin", "brought")
    assert (entry.source == "origin") == bool(entry.url) == bool(entry.origin_sha256) == (entry.id in origins.ORIGINS)
    if entry.url:
        assert re.fullmatch(r"[0-9a-f]{64}", entry.origin_sha256)
        assert re.fullmatch(r"[0-9a-f]{40}", entry.commit)
        assert entry.url == f"https://raw.githubusercontent.com/{entry.repository}/{entry.commit}/{entry.path}"
    json.dumps(entry.as_json())
    hash(entry)


@every_entry
def test_columns_have_known_quantities(entry: catalogue.Entry) -> None:
    names = [column.name for column in entry.columns]
    assert len(names) == len(set(names))
    for column in entry.columns:
        assert column.about and column.scale > 0
        if column.unit in ("label", "flag"):
            assert not column.kind and column.scale == 1
        else:
            assert units.quantity(f"{column.kind} {column.unit}".strip()), column
        assert column.unit == "parameters" or "param" not in column.quantity
    assert entry.column(names[0]) == entry.columns[0] and entry.column("no such column") is None


def test_a_quantity_is_written_as_in_a_law() -> None:
    quantity = {
        f"{entry.id}.{column.name}": column.quantity for entry in catalogue.entries() for column in entry.columns
    }
    assert quantity["ladder-qid.n_params_non_embed"] == "non-embedding parameters"
    assert quantity["ladder-qid.delta_loss"] == "nats/token"
    assert quantity["sldbench-easy-question-train.flops"] == "1e+21 FLOP"  # no law's unit: it cannot pass unnoticed


def test_tables_of_one_experiment_name_each_other() -> None:
    pairs = {(entry.id, other) for entry in catalogue.entries() for other in entry.not_with}
    assert pairs == {(catalogue.entry(b).id, a) for a, b in pairs}
    assert all(a != b for a, b in pairs)


def test_import_and_listing_load_no_heavy_library() -> None:
    code = (
        "import sys, lawdsl.catalogue as c; c.entries();"
        "print([m for m in ('pyarrow', 'pooch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=with_checkout())
    assert done.stdout.strip() == "[]"


def with_checkout() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}


# The table in the package


def test_the_shipped_table_needs_nothing() -> None:
    loaded = catalogue.read("ladder-qid")
    assert loaded.notes == ()
    assert loaded.digest == loaded.entry.sha256 == hashlib.sha256(loaded.path.read_bytes()).hexdigest()
    assert loaded.table.num_rows == loaded.entry.rows
    assert loaded.table.column_names == [column.name for column in loaded.entry.columns]
    assert set(loaded.table["bits"].to_pylist()) == {2, 3, 4, 5, 6, 8}
    assert loaded.path.parent == catalogue.SHIPPED == catalogue.fetch("ladder-qid").parent


def test_every_shipped_table_is_of_the_catalogue() -> None:
    shipped = {entry.stem for entry in catalogue.entries() if entry.source == "shipped"}
    assert {path.stem for path in catalogue.SHIPPED.glob("*.csv")} == shipped


def test_a_copy_is_written_whole(tmp_path: Path) -> None:
    into = catalogue.get("ladder-qid", tmp_path)
    named = catalogue.get("ladder-qid", tmp_path / "mine.csv")
    assert into == tmp_path / "ladder_qid.csv"
    assert into.read_bytes() == named.read_bytes() == (catalogue.SHIPPED / "ladder_qid.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ladder_qid.csv", "mine.csv"]


# The public tables


@needs_tables
@every_entry
def test_a_local_table_is_the_one_of_the_catalogue(entry: catalogue.Entry, tables: Path) -> None:
    if entry.source != "shipped":
        assert catalogue.locate(entry.id) == catalogue.Located(tables / f"{entry.stem}.csv", "tidy", entry.sha256)
    loaded = catalogue.read(entry.id)
    assert loaded.notes == ()
    assert loaded.table.num_rows == entry.rows
    assert loaded.table.column_names == [column.name for column in entry.columns]
    header = loaded.path.read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",") == loaded.table.column_names


@needs_tables
@every_entry
def test_numbers_are_numbers(entry: catalogue.Entry, tables: Path) -> None:
    for column in entry.columns:
        found = catalogue.read(entry.id).table[column.name]
        if column.unit == "flag":
            assert set(found.to_pylist()) <= {0, 1, None}, column.name
        elif column.unit != "label":
            assert pa.types.is_integer(found.type) or pa.types.is_floating(found.type), column.name


@needs_tables
@every_origin
def test_an_origin_maps_to_the_tidy_table(id: str, tables: Path) -> None:
    entry = catalogue.entry(id)
    content = origin_file(tables, id).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry.origin_sha256
    mapped = origins.tidy(id, content, "origin")
    tidy = origins.read_csv((tables / f"{entry.stem}.csv").read_bytes(), "tidy")
    assert mapped.schema.equals(tidy.schema)
    for name in tidy.column_names:
        if pa.types.is_floating(tidy[name].type):
            for found, expected in zip(mapped[name].to_pylist(), tidy[name].to_pylist(), strict=True):
                assert found == expected or math.isclose(found, expected, rel_tol=LIBM), name
        else:
            assert mapped[name].equals(tidy[name]), name


@needs_tables
@every_origin
def test_a_download_is_checked_kept_and_read(
    id: str, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., list[str]]
) -> None:
    monkeypatch.delenv("LAWDSL_DATA")
    entry = catalogue.entry(id)
    asked = serve(origin_file(tables, id).read_bytes())
    assert catalogue.locate(id) is None
    first = catalogue.read(id)
    assert asked == [entry.url]
    assert first.path.parent == tmp_path / "cache" / "data"
    assert [path.name for path in first.path.parent.iterdir()] == [first.path.name]
    assert first.digest == entry.origin_sha256
    assert len(first.notes) == 1 and entry.url in first.notes[0] and entry.licence in first.notes[0]
    again = catalogue.read(id)
    assert again.notes == () and again.table.equals(first.table)
    assert catalogue.get(id) == catalogue.fetch(id) == first.path
    first.path.write_bytes(b"half a file")
    assert catalogue.locate(id) is None
    assert catalogue.read(id).table.equals(first.table)
    assert asked == [entry.url] * 2
    tidy = catalogue.get(id, tmp_path / "tidy.csv").read_bytes()
    assert origins.read_csv(tidy, "tidy.csv").equals(first.table)


@needs_tables
@every_origin
@pytest.mark.parametrize("below", [".", "origin"])
@pytest.mark.parametrize("served", [True, False])
def test_an_origin_file_is_found_under_either_name(id: str, below: str, served: bool, folder: Path) -> None:
    entry = catalogue.entry(id)
    file = origin_file(Path(LOCAL), id)
    (folder / below).mkdir(exist_ok=True)
    path = folder / below / (entry.url.rsplit("/", 1)[-1] if served else file.name)
    path.write_bytes(file.read_bytes())
    found = catalogue.locate(id)
    assert found is not None and found.path.samefile(path)
    assert (found.kind, found.digest, found.note) == ("origin", entry.origin_sha256, "")
    assert catalogue.read(id).table.num_rows == entry.rows


# Local copies


def small(id: str, rows: int = 2) -> str:
    columns = catalogue.entry(id).columns
    return "\n".join([",".join(column.name for column in columns)] + [",".join("1" * len(columns))] * rows) + "\n"


def test_another_file_is_used_and_noted(folder: Path) -> None:
    (folder / "sae_gpt4.csv").write_text(small("sae-gpt4"))
    found = catalogue.locate("sae-gpt4")
    assert found is not None and found.kind == "tidy" and "not the catalogue's file" in found.note
    loaded = catalogue.read("sae-gpt4")
    assert loaded.table.num_rows == 2
    assert loaded.notes[0] == found.note
    assert loaded.notes[1].endswith("gives 2 rows of sae-gpt4; the catalogue's table has 45.")


def test_columns_come_in_the_order_of_the_catalogue(folder: Path) -> None:
    (folder / "sae_gpt4.csv").write_text("extra,normalized_mse,k_active,n_latents\nx,0.5,32,2048\n")
    assert catalogue.read("sae-gpt4").table.to_pylist() == [{"n_latents": 2048, "k_active": 32, "normalized_mse": 0.5}]


def test_parquet_and_json_lines_are_read(folder: Path) -> None:
    import pyarrow.parquet

    table = pa.table({"n_latents": [2048], "k_active": [32], "normalized_mse": [0.5]})
    (folder / "sae_gpt4.jsonl").write_text('{"n_latents": 2048, "k_active": 32, "normalized_mse": 0.5}\n')
    assert catalogue.read("sae-gpt4").table.equals(table)
    pyarrow.parquet.write_table(table, folder / "sae_gpt4.parquet")
    loaded = catalogue.read("sae-gpt4")
    assert loaded.table.equals(table) and loaded.path.suffix == ".parquet"
    assert "was not checked" in loaded.notes[0]


def test_blanks_are_null_and_words_are_words() -> None:
    table = origins.read_csv(b"a,b,c\nnone,,1\nNA,x,\n", "f.csv")
    assert table.to_pylist() == [{"a": "none", "b": None, "c": 1}, {"a": "NA", "b": "x", "c": None}]
    assert catalogue.csv_bytes(table) == b"a,b,c\nnone,,1\nNA,x,\n"


# What goes wrong


def test_a_misspelt_table(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        catalogue.read("chinchila-epoch")
    same_as_golden("unknown", caught.value, tmp_path)


def test_offline(serve: Callable[..., list[str]], tmp_path: Path) -> None:
    from requests.exceptions import ConnectionError

    serve(error=ConnectionError("Max retries exceeded"))
    with pytest.raises(OutsideError) as caught:
        catalogue.read("chinchilla-epoch")
    same_as_golden("offline", caught.value, tmp_path)
    assert list((tmp_path / "cache" / "data").iterdir()) == []


def test_every_way_of_being_offline(serve: Callable[..., list[str]]) -> None:
    from requests import Response
    from requests import exceptions as failed

    refused = Response()
    refused.status_code = 404
    ways = {
        "the server answered 404": failed.HTTPError(response=refused),
        "the server answered an error": failed.HTTPError(),
        "the server's certificate is not trusted here": failed.SSLError(),
        "no answer in time": failed.ReadTimeout(),
        "the server cannot be reached": failed.ProxyError(),
        "the download broke off (ChunkedEncodingError)": failed.ChunkedEncodingError(),
    }
    for reason, error in ways.items():
        serve(error=error)
        with pytest.raises(OutsideError, match=f"TAB102: .*: {re.escape(reason)}\n"):
            catalogue.fetch("quest-qat")


def test_another_file_is_served(serve: Callable[..., list[str]], tmp_path: Path) -> None:
    serve(b"<html>please log in</html>")
    with pytest.raises(OutsideError) as caught:
        catalogue.fetch("vocab-tao2024")
    same_as_golden("digest", caught.value, tmp_path)
    assert list((tmp_path / "cache" / "data").iterdir()) == []


def test_a_table_to_be_brought(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        catalogue.read("gemstones")
    same_as_golden("brought", caught.value, tmp_path)


def test_the_commit_is_cited_where_it_is_known() -> None:
    for entry in catalogue.entries():
        if entry.source == "brought":
            with pytest.raises(OutsideError, match="TAB104") as caught:
                catalogue.get(entry.id)
            for said in (entry.path, entry.repository, entry.commit, "LAWDSL_DATA", f"{entry.stem}.csv"):
                assert said in str(caught.value)


def test_a_changed_origin(folder: Path, tmp_path: Path) -> None:
    (folder / "chinchilla_epoch.origin.csv").write_text("Model Size,FLOP,loss\n1,2,3\n")
    with pytest.raises(TableError) as caught:
        catalogue.read("chinchilla-epoch")
    same_as_golden("changed", caught.value, tmp_path)


def test_a_tidy_file_without_its_columns(folder: Path, tmp_path: Path) -> None:
    (folder / "sae_gpt4.csv").write_text("n_latents,k,mse\n1,2,3\n")
    with pytest.raises(TableError) as caught:
        catalogue.read("sae-gpt4")
    same_as_golden("columns", caught.value, tmp_path)


QUEST_RUN = (
    '{"w_quant": "NoQuantizer", "a_quant": "NoQuantizer", "w_bits": 16, "a_bits": 16, "non_embedding_parameters": 10,'
    ' "model_size": 30, "tokens": 20, "args": {"lr": 0.1, "iterations": 3}, "loss": 3.0}'
)
OPT_HEADER = b"model_size,steps,num_token,ppl\n"
CHINCHILLA_HEADER = b"Model Size,Training FLOP,loss\n"
VOCAB_HEADER = b"vocab_size,embed_dim,num_characters,Non_vocab_parameters,FLOPs,Lossu\n"
ISOFLOPS_HEADER = b"source,dataset,model,condition,experiment,tokens,params,budget,loss,outlier,reason\n"


@pytest.mark.parametrize(
    ("id", "content", "message"),
    [
        ("chinchilla-epoch", b"", "3 columns are missing: Model Size, Training FLOP, loss"),
        ("chinchilla-epoch", b"\xff\xfe\x00", "not CSV text in UTF-8"),
        ("chinchilla-epoch", CHINCHILLA_HEADER, "a header and no rows"),
        ("chinchilla-epoch", CHINCHILLA_HEADER + b"1,2,three\n", "cannot be read as this table"),
        ("chinchilla-epoch", CHINCHILLA_HEADER + b"1,2\n", "cannot be read as this table"),
        ("chinchilla-epoch", CHINCHILLA_HEADER + b"1,2,\n", "blanks among the numbers of column 'loss'"),
        ("opt-trajectories", OPT_HEADER + b"9b,1,9.0,20\n", "unknown model size: 9b"),
        ("opt-trajectories", OPT_HEADER + b",1,9.0,20\n", "unknown model size: None"),
        ("opt-trajectories", OPT_HEADER + b"125m,1,900,20\n", "the values do not fit this table"),
        (
            "vocab-tao2024",
            VOCAB_HEADER + b"4096.5,512,1,1,1,1\n",
            "column 'vocab_size' holds numbers that are not",
        ),
        ("isoflops-llama3-marin-scalefit", ISOFLOPS_HEADER + b"new,a,b,,c,1,1,1,1,True,x\n", "unknown source: new"),
        ("quest-qat", b"<html>", "the file is not JSON"),
        ("quest-qat", b"{}", "not a list of runs"),
        ("quest-qat", b"[]", "not a list of runs"),
        ("quest-qat", b"[{}]", "a run lacks the field 'w_quant'"),
        ("quest-qat", f"[{QUEST_RUN}]".replace("NoQ", "NewQ").encode(), "unknown pair of quantizers: NewQuantizer and"),
        ("quest-qat", f"[{QUEST_RUN}]".replace('{"lr": 0.1, "iterations": 3}', "3").encode(), "of another kind"),
        ("quest-qat", f"[{QUEST_RUN}]".replace("20", '"20"').encode(), "of another kind"),
    ],
)
def test_an_origin_that_is_not_the_known_one(id: str, content: bytes, message: str) -> None:
    with pytest.raises(TableError, match=re.escape(message)) as caught:
        origins.tidy(id, content, "origin.csv")
    assert [fault.code for fault in caught.value.faults] == ["TAB105"]
    assert "This is not the table that the catalogue describes" in str(caught.value)


def test_a_run_of_quest_as_it_should_be() -> None:
    row = origins.tidy("quest-qat", f"[{QUEST_RUN}]".encode(), "f.json").to_pylist()[0]
    assert (row["scheme"], row["precision_label"], row["tokens_per_param"]) == ("bf16", "16", 2.0)


@pytest.mark.parametrize(("suffix", "content"), [(".parquet", b"no"), (".jsonl", b"no"), (".csv", b'a,b\n"')])
def test_a_broken_local_file(suffix: str, content: bytes, folder: Path) -> None:
    (folder / f"sae_gpt4{suffix}").write_bytes(content)
    with pytest.raises(TableError, match="TAB105"):
        catalogue.read("sae-gpt4")


def test_a_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAWDSL_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError) as caught:
        catalogue.locate("ladder-qid")
    same_as_golden("folder", caught.value, tmp_path)


def test_a_copy_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        catalogue.get("ladder-qid", tmp_path / "nowhere" / "mine.csv")
    same_as_golden("unwritable", caught.value, tmp_path)
    with pytest.raises(InputError, match="TAB107: 'mine.parquet' is not a name for a CSV file"):
        catalogue.get("ladder-qid", tmp_path / "mine.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written(
    serve: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LAWDSL_CACHE", str(tmp_path / "file"))
    asked = serve(b"")
    with pytest.raises(OutsideError, match="TAB107: cannot write here"):
        catalogue.fetch("quest-qat")
    assert asked == []
