"""The store: what is in it is whole, what is finished stays, and one sweep works on it at a time."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from simulation import make_plan, sweep

from lawdsl import limits
from lawdsl.errors import InputError, OutsideError, TableError
from lawdsl.frames import read_frame
from measure.cells import Failure, Row
from measure.plan import Plan, read_plan
from measure.store import Store, open_store
from measure.tables import write_tables

KEYS = ["a" * 64, "b" * 64, "c" * 64]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return read_plan(make_plan(tmp_path, 2))


@pytest.fixture
def store(plan: Plan) -> Store:
    return open_store(plan.store, plan)


def row(key: str = KEYS[0], **columns: Any) -> Row:
    known: dict[str, Any] = {"checkpoint": "runs/step-0", "format": "rtn-3b", "corpus": "words", "delta_loss": 0.25}
    return Row(key, known | columns, {"nats": np.arange(3.0), "ids": np.array(["x", "y", "z"])})


def leftovers(store: Store) -> list[Path]:
    return list(store.folder.rglob(".*"))


def test_a_row_is_kept_with_its_documents(store: Store) -> None:
    assert store.add(row(seed=None, symmetric=False))
    assert store.index().checkpoints == {KEYS[0]: "runs/step-0"}
    (kept,) = store.rows()
    assert kept["delta_loss"] == 0.25 and kept["seed"] is None and kept["symmetric"] is False
    documents = store.documents(KEYS[0])
    assert (
        documents is not None and documents["nats"].tolist() == [0, 1, 2] and documents["ids"].tolist() == list("xyz")
    )
    assert (store.folder / "rows" / f"{KEYS[0]}.json").read_text().count("\n") == 1
    assert leftovers(store) == []


def test_a_finished_row_is_never_replaced(store: Store) -> None:
    store.add(row())
    before = (store.folder / "rows" / f"{KEYS[0]}.json").stat()
    assert not store.add(row(delta_loss=9.0))
    after = (store.folder / "rows" / f"{KEYS[0]}.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_row_takes_its_failure_away(store: Store) -> None:
    failure = Failure(KEYS[0], "runs/step-0", "rtn-3b", "words", "RuntimeError: too few bits")
    store.fail(failure)
    assert store.failures() == [failure]
    store.add(row())
    assert store.failures() == []


def test_what_is_no_row_is_said_by_name(store: Store) -> None:
    for key in KEYS:
        store.add(row(key))
    folder = store.folder / "rows"
    torn = folder / f"{KEYS[1]}.json"
    torn.write_text(torn.read_text()[:20])
    (folder / f"{KEYS[2]}.json").write_text((folder / f"{KEYS[0]}.json").read_text())  # another cell's row
    (folder / "notes.json").write_text("[]")
    index = store.index()
    assert set(index.checkpoints) == {KEYS[0]}
    assert index.damaged == [torn.name, f"{KEYS[2]}.json"]
    assert index.remarks == ["rows/notes.json is not a row of this sweep, and is left alone"]
    assert torn.name in store.set_aside(index.damaged)[0]
    assert (store.folder / "damaged" / torn.name).exists()
    assert store.add(row(KEYS[1]))


def test_a_damaged_baseline_is_none(store: Store) -> None:
    store.keep_baseline(KEYS[0], {"nats": np.ones(3)})
    assert store.baseline(KEYS[0]) is not None
    path = store.folder / "baselines" / f"{KEYS[0]}.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert store.baseline(KEYS[0]) is None
    path.write_bytes(whole[:80] + bytes(byte ^ 0x55 for byte in whole[80:90]) + whole[90:])  # no zlib stream any more
    assert store.baseline(KEYS[0]) is None
    np.save(path.with_suffix(".npy"), np.ones(3))  # one array, which has no name
    path.with_suffix(".npy").replace(path)
    assert store.baseline(KEYS[0]) is None
    np.savez(path, nats=np.array([{"any": "object"}], dtype=object))  # what only a pickle could hold
    assert store.baseline(KEYS[0]) is None
    assert store.baseline(KEYS[1]) is None


# --- tables ---


def test_rows_as_one_table(store: Store) -> None:
    store.add(row(KEYS[1], checkpoint="runs/step-9", seed=1, symmetric=True, n_tokens=1e9, settings='{"a": 1}'))
    store.add(row(KEYS[0], learning_rate=0.5, n_tokens=2))
    assert write_tables(store) == 2
    lines = (store.folder / "rows.csv").read_text().splitlines()
    assert lines[0] == "checkpoint,learning_rate,seed,n_tokens,format,symmetric,settings,corpus,delta_loss,key"
    table = pyarrow.parquet.read_table(store.folder / "rows.parquet").to_pylist()
    assert [r["checkpoint"] for r in table] == ["runs/step-0", "runs/step-9"]
    assert table[0]["seed"] is None and table[1]["seed"] == 1 and table[1]["symmetric"] is True
    assert table[0]["n_tokens"] == 2.0
    frame = read_frame(store.folder / "rows.csv")
    assert frame.arrow["symmetric"].to_pylist() == ["", "1"]


def test_a_store_is_a_table(store: Store) -> None:
    for key, checkpoint in zip(KEYS, "xyz", strict=True):
        store.add(row(key, checkpoint=checkpoint, seed=None if checkpoint == "x" else 3))
    frame = read_frame(store.folder)
    assert frame.arrow["checkpoint"].to_pylist() == ["x", "y", "z"]
    assert frame.arrow["seed"].to_pylist() == [None, 3.0, 3.0]
    assert frame.name == str(store.folder)
    again = shutil.copytree(store.folder, store.folder.parent / "copy")
    assert read_frame(again).digest == frame.digest
    (again / "rows" / f"{KEYS[0]}.json").unlink()
    assert read_frame(str(again)).digest != frame.digest


def test_a_folder_of_json_rows_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"N": 2, "note": "x"}\n\n{"N": 3.5, "note": 7}\n')
    (tmp_path / "a.json").write_text('{"N": 1, "ok": true}\n')
    (tmp_path / "readme.txt").write_text("not a row")
    arrow = read_frame(tmp_path).arrow
    assert arrow.to_pydict() == {"N": [1, 2, 3.5], "ok": [True, None, None], "note": [None, "x", "7"]}


@pytest.mark.parametrize(
    ("files", "code"),
    [({}, "TAB003"), ({"a.json": "{"}, "TAB004"), ({"a.json": "[1]"}, "TAB004"),
     ({"a.jsonl": '{"N": 1}\n[]\n'}, "TAB004"), ({"a.json": b'{"N": "\xff"}'}, "TAB004"),
     ({"a.json": "[" * 100_000}, "TAB004")],
)  # fmt: skip
def test_a_folder_that_is_no_table(tmp_path: Path, files: dict[str, Any], code: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TableError, match=code):
        read_frame(tmp_path)


def test_a_folder_with_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text('{"N": 1}')
    monkeypatch.setattr(limits, "TABLE_BYTES", 7)
    with pytest.raises(TableError, match="TAB013"):
        read_frame(tmp_path)


def test_a_name_of_the_catalogue_is_the_catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ladder-qid").mkdir()
    (tmp_path / "ladder-qid" / "a.json").write_text('{"N": 1}')
    monkeypatch.chdir(tmp_path)
    assert read_frame("ladder-qid").arrow.num_rows > 100
    assert read_frame("./ladder-qid").arrow.num_rows == 1


# --- one at a time ---


def test_one_sweep_at_a_time(store: Store) -> None:
    with store.locked() as held:
        assert held
        with pytest.raises(InputError, match=f"MEA403.*process {os.getpid()} on"):
            with store.locked():
                pass
    with store.locked():
        pass


def test_shards_of_one_division_work_together(store: Store) -> None:
    with store.locked((1, 2)), store.locked((2, 2)):
        for shard in ((1, 2), (1, 1), (3, 4)):
            with pytest.raises(InputError, match="MEA403"):
                with store.locked(shard):
                    pass
    with store.locked((3, 4)):
        pass


def test_a_killed_sweep_holds_nothing(store: Store) -> None:
    """The lock ends with its process, and half a file that it left is swept up."""
    code = (
        "import os, sys; from measure.store import Store, _temporary; from pathlib import Path\n"
        "store = Store(Path(sys.argv[1]))\n"
        "with store.locked():\n"
        "    _temporary(store.folder / 'rows' / 'x.json').write_text('{')\n"
        "    print('held', flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, store.folder], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (-9, "held\n"), done.stderr
    assert len(leftovers(store)) == 1
    with store.locked():
        assert leftovers(store) == []


# --- folders that are none ---


def test_a_folder_of_other_things(tmp_path: Path, plan: Plan) -> None:
    other = tmp_path / "home"
    other.mkdir()
    (other / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="MEA402.*thesis.tex"):
        open_store(other, plan)
    assert os.listdir(other) == ["thesis.tex"]
    with pytest.raises(InputError, match="MEA402"):
        open_store(tmp_path / "nowhere")


def test_a_store_of_another_form(store: Store, plan: Plan) -> None:
    (store.folder / "sweep.json").write_text(json.dumps({"format": "lawdsl sweep 99"}))
    with pytest.raises(InputError, match="MEA402.*lawdsl sweep 99"):
        open_store(store.folder, plan)


def test_a_file_in_the_stores_place(tmp_path: Path, plan: Plan) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match="MEA401"):
        open_store(tmp_path / "file", plan)


# --- no more room ---


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that is full: writing fails in the midst of a file."""
    plan = read_plan(make_plan(tmp_path, 4))
    store = open_store(plan.store, plan)
    store.add(row())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OutsideError, match="MEA401.*cannot be written") as caught:
            store.add(row(KEYS[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Free some space" in caught.value.faults[0].cure
    assert set(store.index().checkpoints) == {KEYS[0]}
    assert leftovers(store) == []
    assert store.add(row(KEYS[1]))


def test_a_small_disk_fills_up_and_the_sweep_goes_on_elsewhere(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True).returncode
    ):
        pytest.skip("mounting a small disk is not allowed here")
    try:
        path = make_plan(tmp_path, 30)
        path.write_text(path.read_text() + "store: disk/rows\n")
        with pytest.raises(OutsideError, match="MEA401.*No space left"):
            sweep(path)
        store = Store(disk / "rows")
        finished = set(store.index().checkpoints)
        assert finished and not store.index().damaged
        moved = shutil.copytree(disk / "rows", tmp_path / "larger")
    finally:
        subprocess.run(["umount", disk], check=True)
    path.write_text(path.read_text().replace("disk/rows", "larger"))
    _, store, done = sweep(path)
    assert done.before == len(finished) and done.before + done.new == done.cells == 360
    assert moved == store.folder


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written(store: Store) -> None:
    (store.folder / "rows").chmod(0o555)
    try:
        with pytest.raises(OutsideError, match="MEA401.*Permission denied"):
            store.add(row())
    finally:
        (store.folder / "rows").chmod(0o755)
