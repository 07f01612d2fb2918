"""`lawdsl measure` from plan to fit, in miniature: two tiny checkpoints, real methods, and what is said of faults."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import text_documents, tiny_neox, write_jsonl  # noqa: E402

from lawdsl.cli import run  # noqa: E402
from measure.store import Store  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"  # torch 2.13's own use of it, at an import
)
PLAN = """measure: tiny
checkpoints: runs/*
formats:
  - none
  - {method: rtn, bits: [2, 3, 4, 8], group: 32}
  - {method: gptq, bits: [2, 3], group: 32}
corpora: {name: heldout, path: heldout.jsonl, window: 48}
calibration: {path: shown.jsonl, samples: 16, length: 48}
device: cpu
"""
CELLS = 14
#: what decides no number: measuring again gives other ones
PASSING = ("seconds_quantize", "seconds_evaluate", "measured_at")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints of a run, and texts."""
    folder = tmp_path_factory.mktemp("made")
    for seed in range(2):
        place = tiny_neox(folder / "runs" / f"tokens-{seed + 1}M", seed=seed, steps=80)
        facts = {"tokens": 1e6 * (seed + 1), "run": "tiny", "seed": 3, "learning_rate": 4e-3}
        (place / "training.json").write_text(json.dumps(facts))
    write_jsonl(folder / "heldout.jsonl", text_documents(12, seed=1))
    write_jsonl(folder / "shown.jsonl", text_documents(30, seed=2))
    (folder / "plan.yaml").write_text(PLAN)
    return folder


@pytest.fixture(scope="module")
def measured(made: Path) -> Path:
    """The plan, measured once."""
    torch.set_num_threads(1)
    assert run(["measure", str(made / "plan.yaml"), "--json"]) == 0
    return made / "tiny"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil, with nothing measured."""
    for name in ("runs", "heldout.jsonl", "shown.jsonl", "plan.yaml"):
        copy: Any = shutil.copytree if (made / name).is_dir() else shutil.copy
        copy(made / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def lawdsl(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def rows(store: Path) -> dict[str, dict[str, Any]]:
    """key -> what must be the same in every run."""
    return {row["key"]: {k: v for k, v in row.items() if k not in PASSING} for row in Store(store).rows()}


# --- what comes out ---


def test_rows_say_what_they_are(measured: Path) -> None:
    found = list(Store(measured).rows())
    assert len(found) == CELLS
    for row in found:
        assert row["run"] == "tiny" and row["seed"] == 3 and row["learning_rate"] == 4e-3
        assert row["checkpoint"] == f"runs/tokens-{row['n_tokens'] / 1e6:.0f}M"
        assert 0 < row["n_params_non_embed"] < row["n_params"]
        assert row["loss"] == pytest.approx(row["loss_16bit"] + row["delta_loss"])
        assert 0 < row["delta_loss_se"] < row["loss_se"] or row["method"] == "none"
        assert (row["eval_documents"], row["window"], row["stride"]) == (12, 48, 48)
        assert row["bits_per_weight"] > row["bits"] or row["method"] == "none"
        assert (row["calibration_digest"] is not None) == (row["method"] == "gptq")
        assert row["device"] == "cpu" and row["dtype"] == "float32" and row["version_torch"] == version("torch")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["measured_at"])
    none = [row for row in found if row["method"] == "none"]
    assert [(row["bits"], row["delta_loss"], row["delta_loss_se"]) for row in none] == [(16, 0, 0)] * 2


def test_fewer_bits_lose_more(measured: Path) -> None:
    for tokens in (1e6, 2e6):
        lost = {
            (row["method"], row["bits"]): row["delta_loss"]
            for row in Store(measured).rows()
            if row["n_tokens"] == tokens
        }
        assert lost["rtn", 2] > lost["rtn", 3] > lost["rtn", 4] > abs(lost["rtn", 8])
        assert lost["gptq", 2] < lost["rtn", 2]
        assert abs(lost["rtn", 8]) < 1e-3


def test_documents_add_up_to_the_row(measured: Path) -> None:
    store = Store(measured)
    for row in store.rows():
        documents = store.documents(row["key"])
        assert documents is not None
        assert documents["nats"].sum() / documents["tokens"].sum() == pytest.approx(row["loss"], rel=1e-12)


def test_a_store_is_what_a_law_is_fitted_to(measured: Path, tmp_path: Path, lawdsl: Any) -> None:
    columns = "dL=delta_loss,dL_se=delta_loss_se,N=n_params_non_embed,D=n_tokens,P=bits"
    status, out, err = lawdsl(
        "fit", "qid", "--data", measured, "--map", columns, "--where", "bits < 8", "--method", "map", "--out",
        tmp_path / "fit.nc", "--json",
    )  # fmt: skip
    assert status in (0, 1), err
    assert json.loads(out)["rows"] == 2 * 5


def test_the_same_command_again_has_nothing_to_do(made: Path, measured: Path, lawdsl: Any) -> None:
    before = rows(measured)
    status, out, _ = lawdsl("measure", made / "plan.yaml", "--json")
    answer = json.loads(out)
    assert (status, answer["cells"], answer["rows"], answer["new"], answer["failures"]) == (0, CELLS, CELLS, 0, [])
    assert rows(measured) == before
    status, out, _ = lawdsl("measure", made / "plan.yaml")
    told = " ".join(out.split())  # a long path wraps
    assert "14 cells, 0 new rows, 14 before" in told and "lawdsl fit LAW --data" in told


@pytest.mark.slow
def test_workers_and_threads_give_the_same_rows(folder: Path, measured: Path, lawdsl: Any) -> None:
    status, _, err = lawdsl("measure", folder / "plan.yaml", "--workers", 2, "--store", folder / "elsewhere")
    assert status == 0, err
    assert rows(folder / "elsewhere") == rows(measured)


def test_shards_together_are_the_whole(folder: Path, measured: Path, lawdsl: Any) -> None:
    for share in ("1/2", "2/2"):
        status, out, err = lawdsl("measure", folder / "plan.yaml", "--shard", share, "--json")
        assert (status, json.loads(out)["new"]) == (0, 7), err
    assert rows(folder / "tiny") == rows(measured)


# --- before it is run ---


def test_a_dry_run_does_nothing(folder: Path, lawdsl: Any) -> None:
    status, out, err = lawdsl("measure", folder / "plan.yaml", "--dry-run", "--json")
    answer = json.loads(out)
    assert (status, err) == (0, "")
    assert (answer["cells"], answer["finished"], answer["to_do"], answer["faults"]) == (CELLS, 0, CELLS, [])
    assert set(answer["memory_bytes"]) == {"runs/tokens-1M", "runs/tokens-2M"}
    assert answer["seconds"] > 0 and answer["estimate"].startswith("a guess: 2e+10 operations a second")
    assert not (folder / "tiny").exists()
    status, out, _ = lawdsl("measure", folder / "plan.yaml", "--dry-run")
    assert "14 cells, 0 finished, 14 to do" in out and "memory" in out and "time" in out


def test_a_dry_run_learns_from_rows(made: Path, measured: Path, folder: Path, lawdsl: Any) -> None:
    shutil.copytree(measured, folder / "tiny")
    (folder / "runs" / "tokens-2M" / "training.json").write_text('{"tokens": 9e6}')
    status, out, _ = lawdsl("measure", folder / "plan.yaml", "--dry-run", "--json")
    answer = json.loads(out)
    assert (status, answer["finished"], answer["to_do"]) == (0, 7, 7)
    assert answer["estimate"] == "scaled from the rows in the store" and answer["seconds"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_a_device_that_is_not_there(folder: Path, lawdsl: Any) -> None:
    status, out, err = lawdsl("measure", folder / "plan.yaml", "--device", "cuda", "--dry-run")
    assert status == 3 and "MEA108" in err and "14 to do" in out
    status, _, err = lawdsl("measure", folder / "plan.yaml", "--device", "cuda")
    assert status == 3 and "MEA108" in err
    assert not list((folder / "tiny" / "rows").iterdir())


def test_a_library_that_is_not_there(folder: Path, lawdsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from measure import formats

    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    (folder / "plan.yaml").write_text(PLAN.replace("- none", "- {method: hqq, bits: 4, group: 32}"))
    for more in (["--dry-run"], []):
        status, _, err = lawdsl("measure", folder / "plan.yaml", *more)
        assert status == 3 and "MEA210" in err and "lawdsl[hqq]" in err
    assert not list((folder / "tiny" / "rows").iterdir())


# --- faults ---


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--shard", "3/2"], "MEA012"), (["--shard", "0/2"], "MEA012"), (["--shard", "half"], "MEA012"),
        (["--on", "slurm"], "MEA012"), (["--on", "ray:"], "MEA012"), (["--device", "tpu"], "MEA012"),
        (["--workers", "0"], "ASK092"),
    ],
)  # fmt: skip
def test_options_at_fault(made: Path, lawdsl: Any, arguments: list[str], code: str) -> None:
    status, out, err = lawdsl("measure", made / "plan.yaml", *arguments)
    assert (status, out) == (2, "")
    assert code in err


def test_a_plan_at_fault(folder: Path, lawdsl: Any) -> None:
    (folder / "plan.yaml").write_text(PLAN.replace("heldout.jsonl", "heldout.json").replace("rtn", "rtm"))
    status, out, err = lawdsl("measure", folder / "plan.yaml", "--json")
    assert status == 2
    assert {fault["code"] for fault in json.loads(out)["faults"]} == {"MEA201", "MEA013"}
    assert "plan.yaml:5:" in err and "MEA201" in err and "plan.yaml:7:" in err and "MEA013" in err
    assert lawdsl("measure", folder / "none.yaml")[0] == 3


def test_checkpoints_at_fault_are_told_together(folder: Path, lawdsl: Any) -> None:
    (folder / "runs" / "empty").mkdir()
    weights = folder / "runs" / "tokens-2M" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    status, _, err = lawdsl("measure", folder / "plan.yaml")
    assert status == 2
    assert "MEA101" in err and "MEA102" in err and "allow_pickle" in err
    assert not list((folder / "tiny" / "rows").iterdir())


def test_an_unknown_name_on_the_hub_offline(folder: Path, lawdsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # the environment was read at its import, for all tests
    text = PLAN.replace("checkpoints: runs/*", "checkpoints: [runs/tokens-1M, nobody/nothing@step1]")
    (folder / "plan.yaml").write_text(text)
    status, out, _ = lawdsl("measure", folder / "plan.yaml", "--json")
    answer = json.loads(out)
    assert (status, answer["new"], len(answer["failures"])) == (1, 7, 7)
    assert all("MEA103" in failure["reason"] for failure in answer["failures"])


def test_a_text_shorter_than_a_window(folder: Path, lawdsl: Any) -> None:
    (folder / "heldout.jsonl").write_text('{"text": "few words"}\n')
    status, out, _ = lawdsl("measure", folder / "plan.yaml")
    assert status == 1
    assert "14 cells, 0 new rows, 0 before, 14 failed" in out and "MEA304" in out


def test_a_fault_of_one_format_is_that_formats(folder: Path, lawdsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from measure import unit

    def quantize(model: Any, format: Any, calibration: Any) -> Any:
        if format.name == "rtn-3b-g32-asym":
            raise RuntimeError("no kernel\nfor this")
        return real(model, format, calibration)

    real = unit.quantize
    monkeypatch.setattr(unit, "quantize", quantize)
    status, out, _ = lawdsl("measure", folder / "plan.yaml")
    assert status == 1
    assert "12 new rows" in out and "2 failed" in out
    assert "runs/tokens-1M rtn-3b-g32-asym heldout and 1 more: RuntimeError: no kernel for this" in " ".join(
        out.split()
    )
    assert len(list((folder / "tiny" / "failures").iterdir())) == 2
    monkeypatch.setattr(unit, "quantize", real)
    assert lawdsl("measure", folder / "plan.yaml")[0] == 0
    assert not list((folder / "tiny" / "failures").iterdir())


# --- stopped and killed ---


def started(folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "lawdsl", "measure", "plan.yaml"]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def count(folder: Path) -> int:
    return len(list((folder / "tiny" / "rows").glob("*.json"))) if (folder / "tiny" / "rows").exists() else 0


def test_sigterm_stops_politely(folder: Path, measured: Path, lawdsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedulers send SIGTERM before they kill."""
    from measure import unit

    def quantize(model: Any, format: Any, calibration: Any) -> Any:
        if format.name == "rtn-4b-g32-asym":
            os.kill(os.getpid(), signal.SIGTERM)
        return real(model, format, calibration)

    real, handler = unit.quantize, signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(unit, "quantize", quantize)
    status, out, err = lawdsl("measure", folder / "plan.yaml")
    assert (status, out) == (143, "")
    assert "stopped" in err and "the same command goes on from there" in err
    assert count(folder) == 3 and signal.getsignal(signal.SIGTERM) is handler
    monkeypatch.setattr(unit, "quantize", real)
    assert lawdsl("measure", folder / "plan.yaml")[0] == 0
    assert rows(folder / "tiny") == rows(measured)


@pytest.mark.slow
def test_killed_at_random_with_real_models(folder: Path, measured: Path, lawdsl: Any) -> None:
    import random

    chance = random.Random(0)
    for _ in range(3):
        before, running = count(folder), started(folder)
        end = time.monotonic() + 120
        while count(folder) == before and running.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        running.kill()
        running.communicate()
    assert lawdsl("measure", folder / "plan.yaml")[0] == 0
    assert rows(folder / "tiny") == rows(measured)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_a_gpu(folder: Path, measured: Path, lawdsl: Any) -> None:
    (folder / "plan.yaml").write_text(PLAN.replace("device: cpu", "device: cuda"))
    status, _, err = lawdsl("measure", folder / "plan.yaml", "--workers", 2)
    assert status == 0, err
    there, here = rows(folder / "tiny"), rows(measured)
    assert set(there) == set(here)  # the device is no part of what a cell is
    for key, row in there.items():
        assert row["device"] != "cpu"
        assert row["loss"] == pytest.approx(here[key]["loss"], rel=1e-3 if row["method"] != "gptq" else 1e-2)
