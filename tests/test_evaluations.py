"""Results of lm-eval and logs of llama.cpp as rows: units never guessed, errors carried, faults with a place."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest

import lawdsl
from lawdsl import limits
from lawdsl.cli import run
from lawdsl.errors import TableError
from lawdsl.evaluations import QUANTITIES, llama
from lawdsl.units import quantity

HERE = Path(__file__).parent / "evaluations"
HARNESS = HERE / "lm-eval" / "EleutherAI__pythia-160m"
RESULTS = "results_2024-08-07T10-21-33.123456.json"
# The same arithmetic by another order of operations.
SAME = 1e-12

BY_BYTE = """
law: by_byte
variables: {n: {unit: parameters, kind: total}}
response: {L: {unit: UNIT}}
parameters: {k: {prior: "LogNormal(0, 1)"}, s: {prior: HalfNormal(1)}}
equation: L = k*n^0
noise: {family: normal, scale: s}
"""


def rows(*paths: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lawdsl.read_evaluations(paths).arrow.to_pylist()
    return found


def of_task(task: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in found if row["task"] == task)


# --- lm-eval ---------------------------------------------------------------------------------------------------------


def test_a_folder_of_results_is_a_row_a_task_and_filter() -> None:
    found = rows(HERE / "lm-eval")
    assert [(row["task"], row["filter"], row["n_shot"]) for row in found if row["revision"]] == [
        ("hellaswag", None, 0), ("gsm8k", "strict-match", 5), ("gsm8k", "flexible-extract", 5), ("wikitext", None, 0),
    ]  # fmt: skip
    one = of_task("hellaswag", found[2:])
    assert (one["model"], one["revision"], one["step"], one["n_params"]) == (
        "EleutherAI/pythia-160m", "step100000", 100000, 162322944,
    )  # fmt: skip
    assert (one["acc"], one["acc_se"]) == (0.284106751643099, 0.0045006)
    assert one["source"].endswith(RESULTS) and one["evaluator"] == "lm-eval 543617fe"


def test_losses_are_per_word_and_per_byte_and_never_per_token() -> None:
    found = of_task("wikitext", rows(HARNESS))
    assert found["nats_per_word"] == pytest.approx(math.log(found["word_perplexity"]), rel=SAME)
    assert found["bits_per_byte"] == pytest.approx(math.log2(found["byte_perplexity"]), rel=SAME)
    assert "loss" not in found and "token_perplexity" not in found


@pytest.mark.parametrize(("column", "per"), [("nats_per_word", 1), ("bits_per_byte", math.log(2))])
def test_errors_come_from_the_scatter_of_documents(column: str, per: float) -> None:
    """The standard error of a ratio of sums, by leaving out one document at a time."""
    name = {"nats_per_word": "word_perplexity", "bits_per_byte": "bits_per_byte"}[column]
    lines = (HARNESS / "samples_wikitext_2024-08-07T10-21-33.123456.jsonl").read_text().splitlines()
    nats, count = np.array([json.loads(line)[name] for line in lines]).T
    n = len(nats)
    left_out = np.array([-np.delete(nats, i).sum() / np.delete(count, i).sum() for i in range(n)])
    jackknife = math.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)) / per
    found = of_task("wikitext", rows(HARNESS))
    assert found[f"{column}_se"] == pytest.approx(jackknife, rel=0.2)  # of six documents; both go as 1/sqrt(n)
    assert found["eval_documents"] == n


def test_samples_of_another_run_give_no_error(tmp_path: Path) -> None:
    shutil.copytree(HARNESS, tmp_path / "here")
    path = tmp_path / "here" / RESULTS
    whole = json.loads(path.read_text())
    whole["results"]["wikitext"]["bits_per_byte,none"] *= 1.1
    path.write_text(json.dumps(whole))
    frame = lawdsl.read_evaluations([tmp_path])
    assert "bits_per_byte_se" not in frame.arrow.column_names
    assert any("another run" in note for note in frame.notes)


def test_results_of_0_3_are_read() -> None:
    found = rows(HERE / "lm-eval" / "results_of_0_3.json")
    assert of_task("piqa", found)["acc_norm_se"] == 0.011333 and of_task("piqa", found)["n_shot"] == 0
    assert of_task("wikitext", found)["bits_per_byte"] == 0.94539 and found[0]["step"] == 143000


@pytest.mark.parametrize("unit", ["nats/token", "bits/byte", "nats/word"])
def test_a_loss_binds_only_to_a_law_of_its_unit(unit: str) -> None:
    law = lawdsl.parse(BY_BYTE.replace("UNIT", unit))
    columns = {"nats/token": "loss", "bits/byte": "bits_per_byte", "nats/word": "nats_per_word"}
    for source, column in columns.items():
        file = HERE / "llama.cpp" if source == "nats/token" else HARNESS
        bound = {"n": "n_params", "L": column}
        where = f"{column} > 0"
        if source.split("/")[1] == unit.split("/")[1]:
            assert lawdsl.bind(law, file, map=bound, where=where).rows > 0
        else:
            with pytest.raises(TableError, match=f"holds {source}"):
                lawdsl.bind(law, file, map=bound, where=where)
    with pytest.raises(TableError, match="holds ratio"):  # a perplexity is no loss
        lawdsl.bind(law, HARNESS, map={"n": "n_params", "L": "word_perplexity"}, where="word_perplexity > 0")


# --- llama.cpp -------------------------------------------------------------------------------------------------------


def test_a_log_is_a_row_a_run() -> None:
    found = rows(HERE / "llama.cpp" / "two-runs.log")
    assert [(row["quantization"], row["bits"], row["bits_per_weight"]) for row in found] == [
        ("Q4_K - Medium", 4, 4.89), ("IQ2_XXS - 2.0625 bpw", 2, 2.39),
    ]  # fmt: skip
    first = found[0]
    assert (first["model"], first["model_file"], first["n_params"], first["n_ctx"]) == (
        "Meta-Llama-3-8B", "ggml-model-Q4_K_M.gguf", 8.03e9, 512,
    )  # fmt: skip
    assert first["eval_tokens"] == 564 * 255
    assert first["evaluator"] == "llama.cpp b2789" and first["source"].endswith("two-runs.log:25")


def test_a_perplexity_becomes_a_loss_and_carries_its_error() -> None:
    one = rows(HERE / "llama.cpp" / "two-runs.log")[0]
    assert one["loss"] == pytest.approx(math.log(6.3830), rel=SAME)
    step = 1e-4 * 0.03873  # the logarithm's slope, by a difference
    slope = (math.log(6.3830 + step) - math.log(6.3830 - step)) / (2 * step)
    assert one["loss_se"] == pytest.approx(0.03873 * slope, rel=1e-6)


def test_kl_divergence_gives_the_paired_degradation() -> None:
    (one,) = rows(HERE / "llama.cpp" / "kl-divergence.log")
    assert (one["delta_loss"], one["delta_loss_se"], one["kl"]) == (0.225942, 0.004123, 0.231273)
    assert one["delta_loss"] == pytest.approx(math.log(one["token_perplexity"] / one["base_perplexity"]), abs=1e-5)
    assert (one["bits"], one["n_params"], one["evaluator"]) == (3, 134.52e6, "llama.cpp b4568")


def test_bits_follow_from_size_where_the_log_has_none(tmp_path: Path) -> None:
    text = (HERE / "llama.cpp" / "two-runs.log").read_text().replace(" (4.89 BPW)", "")
    (tmp_path / "a.log").write_text(text)
    assert rows(tmp_path)[0]["bits_per_weight"] == pytest.approx(4.89, abs=0.02)  # sizes have three digits


# --- wrong files -----------------------------------------------------------------------------------------------------

RUN = "perplexity: calculating perplexity over 9 chunks, n_ctx=512, batch_size=512\n"


@pytest.mark.parametrize(
    ("name", "content", "place", "message"),
    [
        ("results_a.json", "{", "results_a.json:1", "not JSON"),
        ("results_a.json", "[" * 100_000, "results_a.json", "not JSON"),
        ("results_a.json", "[]", "results_a.json", "no `results`"),
        ("results_a.json", '{"results": {"t": 3}}', "results_a.json", r"results\.t holds no scores"),
        ("results_a.json", '{"results": {"t": {"acc,none": "x"}}}', "results_a.json", r"results\.t\.acc is no number"),
        ("results_a.json", '{"results": {"t": {"acc,none": [1]}}}', "results_a.json", r"results\.t\.acc is no number"),
        ("results_a.json", '{"results": {"t": {"<b>,none": 1}}}', "results_a.json", "has a metric"),
        ("results_a.json", '{"results": {"t": {"word_perplexity,none": -1}}}', "results_a.json", "is -1"),
        ("results_a.json", '{"results": {"t": {"acc,none": 1' + "0" * 5000 + "}}}", "results_a.json", "not JSON"),
        ("a.log", "", "a.log", "says nothing"), ("a.log", "hello\n" * 9, "a.log", "says nothing"),
        ("a.log", "x\n" + RUN + "[1]4.1,", "a.log:2", "no final estimate"),
        ("a.log", RUN + RUN + "Final estimate: PPL = 5 +/- 1\n", "a.log:1", "no final estimate"),
        ("a.log", RUN + "Final estimate: PPL = nan +/- nan\n", "a.log:2", "perplexity is nan"),
        ("a.log", RUN + "Unexpected negative standard deviation of log(prob)\n", "a.log:2", "no standard error"),
    ],
)  # fmt: skip
def test_files_at_fault_are_named_with_their_place(
    tmp_path: Path, name: str, content: str, place: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TableError, match=message) as found:
        lawdsl.read_table(tmp_path / name)
    fault = found.value.faults[0]
    assert str(fault.where).endswith(place) and fault.cure and fault.code in ("TAB121", "TAB122")


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "results_a.json").write_text('{"results": {"t": 3, "u": 4}}')
    (tmp_path / "b.log").write_text(RUN)
    with pytest.raises(TableError) as found:
        lawdsl.read_evaluations([tmp_path, tmp_path / "nothing.log"][:1])
    assert [fault.code for fault in found.value.faults] == ["TAB122", "TAB121", "TAB121"]


def test_files_have_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESULTS_BYTES", 100)
    monkeypatch.setattr(limits, "LOG_BYTES", 100)
    monkeypatch.setattr(limits, "SAMPLE_BYTES", 100)
    with pytest.raises(TableError, match="At most|at most") as found:
        lawdsl.read_evaluations([HERE])
    assert {fault.code for fault in found.value.faults} == {"TAB013"}
    monkeypatch.setattr(limits, "RESULTS_BYTES", 10**6)
    with pytest.raises(TableError, match="a line of more than 100 bytes"):
        lawdsl.read_evaluations([HARNESS])
    monkeypatch.setattr(limits, "EVALUATION_FILES", 1)
    with pytest.raises(TableError, match="more than 1 files"):
        lawdsl.read_evaluations([HERE])


def test_a_line_may_be_long_and_in_another_alphabet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOG_LINE", 64)
    long = ",".join(f"[{i}]4.1" for i in range(1000))
    (tmp_path / "a.log").write_bytes(RUN.encode() + long.encode() + b"\nFinal estimate: PPL = 5.0 \xb1 0.1\n")
    (one,), _, _ = llama.read(tmp_path / "a.log", alone=True)
    assert one["token_perplexity_se"] == 0.1 and one["source"].endswith(":3")


def test_other_logs_beside_rows_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"N": 1e9, "D": 1e9, "L": 2.5}')
    (tmp_path / "train.log").write_text("step 1\n")
    assert lawdsl.read_table(tmp_path).arrow.column_names == ["N", "D", "L"]


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_what_a_fit_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("rows.csv", "rows.parquet"):
        assert run(["data", "import", str(HERE), "-o", str(tmp_path / name), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["rows"] == 9 and told["units"]["nats_per_word"] == "nats/word" and told["path"]
        again = lawdsl.read_table(tmp_path / name).arrow
        assert again.num_rows == 9 and set(told["columns"]) == set(again.column_names)
    text = pyarrow.csv.read_csv(tmp_path / "rows.csv").to_pylist()
    assert text[1]["loss"] == pytest.approx(math.log(6.3830), rel=SAME)
    assert run(["data", "import", str(HERE)]) == 0
    shown = capsys.readouterr()
    assert "Q4_K - Medium" in shown.out and "per word" in shown.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["{}"], "TAB120"), (["{}/none.log"], "TAB001"), (["{}/x.json"], "TAB001"),
     ([str(HERE), "-o", "{}/rows.txt"], "TAB107"), ([str(HERE), "-o", "/proc/no/rows.csv"], "TAB107")],
)  # fmt: skip
def test_wrong_uses_have_a_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: str
) -> None:
    assert run(["data", "import", *(text.format(tmp_path) for text in arguments)]) in (2, 3)
    shown = capsys.readouterr()
    assert code in shown.err and not shown.out


def test_every_column_with_a_unit_has_one_that_is_known() -> None:
    assert all(quantity(text) for text in QUANTITIES.values())
