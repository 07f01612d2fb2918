"""Plans: what they say, and every fault at its place, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lawdsl import limits
from lawdsl.codes import CODES
from lawdsl.errors import InputError, OutsideError
from measure.plan import Plan, read_plan

GOOD = """measure: ladder
checkpoints:
  - runs/a/tokens-*
  - runs/b
  - {path: EleutherAI/pythia-160m@step8000, tokens: 16.8B, run: pythia-160m}
formats:
  - {method: rtn, bits: [2, 3, 4], group: [32, channel], symmetric: [true, false]}
  - {method: none}
  - {method: gptq, bits: 3, group: 32}
corpora:
  - {name: heldout, path: evaluation.jsonl, window: 256, stride: 128}
  - {name: prose, path: texts, window: 64, documents: 20}
calibration: {path: calibration.jsonl, samples: 16, length: 64, seed: 7}
device: cpu
workers: 2
gpus: 0.25
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("runs/a/tokens-900", "runs/a/tokens-1000", "runs/b", "texts"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("evaluation.jsonl", "calibration.jsonl", "texts/one.txt", "runs/a/tokens-notes.txt"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def plan(folder: Path, text: str = GOOD) -> Plan:
    path = folder / "plan.yaml"
    path.write_text(text)
    return read_plan(path)


def faults(folder: Path, text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of every fault."""
    with pytest.raises(InputError) as caught:
        plan(folder, text)
    assert all(fault.code in CODES and fault.where.file.endswith("plan.yaml") for fault in caught.value.faults)
    return [(fault.code, fault.where.line, fault.where.column) for fault in caught.value.faults]


def test_a_plan_is_checkpoints_times_formats_times_corpora(folder: Path) -> None:
    read = plan(folder)
    labels = [one.label for one in read.checkpoints]
    assert labels == ["runs/a/tokens-900", "runs/a/tokens-1000", "runs/b", "EleutherAI/pythia-160m@step8000"]
    assert [one.local for one in read.checkpoints] == [True, True, True, False]
    assert len(read.formats) == 3 * 2 * 2 + 2
    assert read.cells == 4 * 14 * 2
    hub = read.checkpoints[-1].source
    assert (hub.name, hub.tokens, hub.run) == ("EleutherAI/pythia-160m@step8000", 16.8e9, "pythia-160m")
    heldout, prose = read.corpora
    assert (heldout.window, heldout.stride, heldout.text.path) == (256, 128, str(folder / "evaluation.jsonl"))
    assert (prose.window, prose.stride, prose.text.documents) == (64, 64, 20)
    assert read.calibration is not None
    assert (read.calibration.samples, read.calibration.length, read.calibration.seed) == (16, 64, 7)
    assert (read.device, read.dtype, read.workers, read.gpus) == ("cpu", "auto", 2, 0.25)
    assert read.store == folder / "ladder"
    assert read.text == GOOD


def test_what_a_plan_need_not_say(folder: Path) -> None:
    short = "measure: m\ncheckpoints: runs/b\nformats: {method: none}\ncorpora: {name: c, path: texts, window: 8}\n"
    read = plan(folder, short)
    assert (read.cells, read.workers, read.device, read.dtype, read.calibration) == (1, 1, "auto", "auto", None)
    assert [f.name for f in plan(folder, short.replace("{method: none}", "[none, rtn-3b-g32-asym]")).formats] == [
        "none", "rtn-3b-g32-asym"
    ]  # fmt: skip
    assert plan(folder, short + "store: elsewhere/rows\n").store == folder / "elsewhere" / "rows"


def test_labels_are_seen_from_the_plan_wherever_it_is_read_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "plan.yaml").write_text(GOOD)
    assert read_plan("plan.yaml") == plan(folder)


def test_a_mapping_goes_before_a_pattern(folder: Path) -> None:
    text = GOOD.replace("  - runs/b\n", "  - {path: runs/b, tokens: 5M}\n  - runs/*\n")
    read = {one.label: one.source.tokens for one in plan(folder, text).checkpoints}
    assert read["runs/b"] == 5e6 and "runs/a" in read


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("measure: ladder", "measure: a/b", [("MEA006", 1, 10)]),
        ("measure: ladder\n", "", [("MEA005", 1, 1)]),
        ("device: cpu", "devise: cpu", [("MEA004", 14, 1)]),
        ("device: cpu", "device: gpu", [("MEA008", 14, 9)]),
        ("device: cpu", "dtype: float8", [("MEA008", 14, 8)]),
        ("workers: 2", "workers: 0", [("MEA007", 15, 10)]),
        ("workers: 2", "workers: 2.5", [("MEA007", 15, 10)]),
        ("workers: 2", "workers: many", [("MEA007", 15, 10)]),
        ("gpus: 0.25", "gpus: 1.5", [("MEA007", 16, 7)]),
        ("window: 256, stride: 128", "window: 256, stride: 300", [("MEA007", 11, 66)]),
        ("window: 256, ", "", [("MEA005", 11, 5)]),
        ("window: 256", "window: 1", [("MEA007", 11, 53)]),
        ("name: prose", "name: heldout", [("MEA010", 12, 12)]),
        ("path: texts", "path: text", [("MEA013", 12, 25)]),
        ("seed: 7", "seed: -1", [("MEA007", 13, 71)]),
        ("calibration: {path: calibration.jsonl, samples: 16, length: 64, seed: 7}\n", "", [("MEA011", 7, 3)]),
        ("tokens: 16.8B", "tokens: 0", [("MEA007", 5, 53)]),
        ("tokens: 16.8B", "tokens: lots", [("MEA007", 5, 53)]),
        ("run: pythia-160m", "allow_pickle: maybe", [("MEA008", 5, 74)]),
        ("  - runs/b\n", "  - runs/c*\n", [("MEA009", 4, 5)]),
        ("  - runs/b\n", "  - ./runs/c\n", [("MEA009", 4, 5)]),
        ("  - runs/b\n", "  - evaluation.jsonl\n", [("MEA009", 4, 5)]),
        ("  - runs/b\n", "  - {path: runs/b}\n  - {path: runs/b}\n", [("MEA010", 5, 12)]),
        ("  - {method: none}\n", "  - {method: rtm, bits: 3}\n", [("MEA201", 8, 14)]),
        ("formats:", "formats: rtn\nformat:", [("MEA207", 6, 10), ("MEA004", 7, 1)]),
        ("checkpoints:", "checkpoints: {a: {b: c}}\nx:", [("MEA005", 2, 14), ("MEA004", 2, 15), ("MEA004", 3, 1)]),
        ("measure: ladder", "measure: &x ladder", [("MEA003", 1, 10)]),
        ("device: cpu", "device: cpu\ndevice: cpu", [("MEA003", 15, 1)]),
        ("device: cpu", "device: [cpu", [("MEA003", 15, 8)]),
    ],
)  # fmt: skip
def test_every_fault_has_its_place(folder: Path, was: str, now: str, expected: list[tuple[str, int, int]]) -> None:
    assert was in GOOD
    assert faults(folder, GOOD.replace(was, now, 1)) == expected


def test_all_faults_come_at_once_in_the_order_of_the_file(folder: Path) -> None:
    text = GOOD.replace("runs/b", "./none").replace("rtn", "rtm").replace("path: texts", "path: no")
    text = text.replace("workers: 2", "workers: 0").replace("device:", "devise:")
    assert [code for code, _, _ in faults(folder, text)] == ["MEA009", "MEA201", "MEA013", "MEA004", "MEA007"]


def test_misspellings_are_told_what_was_meant(folder: Path) -> None:
    for was, now, meant in (("device", "devise", "device"), ("method: rtn", "method: rtnn", "rtn")):
        with pytest.raises(InputError, match=f"Did you mean '{meant}'"):
            plan(folder, GOOD.replace(was, now))


def test_a_plan_that_is_none(folder: Path) -> None:
    assert [code for code, _, _ in faults(folder, "- a\n- b\n")] == ["MEA003"]
    assert [code for code, _, _ in faults(folder, "")] == ["MEA003"]
    assert [code for code, _, _ in faults(folder, "x" * (limits.LAW_BYTES + 1))] == ["MEA002"]
    (folder / "binary.yaml").write_bytes(b"measure: \xff\n")
    with pytest.raises(InputError, match="MEA003"):
        read_plan(folder / "binary.yaml")
    with pytest.raises(OutsideError, match="MEA001"):
        read_plan(folder / "none.yaml")


@pytest.mark.parametrize("words", ["law file", "One file holds one law", "lawdsl schema"])
def test_messages_speak_of_plans(folder: Path, words: str) -> None:
    for text in ("- a\n", "a: 1\n---\nb: 2\n", "x" * (limits.LAW_BYTES + 1)):
        with pytest.raises(InputError) as caught:
            plan(folder, text)
        assert words not in str(caught.value)
