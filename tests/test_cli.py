"""The command line: every command, its JSON, its exit status, and nothing but answers on stdout."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from lawdsl import catalogue, cli, library
from lawdsl.cli import COMMANDS, run
from lawdsl.cli.stopping import Terminated
from lawdsl.codes import CODES

ROOT = Path(__file__).resolve().parents[1]
# The rows below scatter by a few percent about k = 2 and 3, a = 0.3.
NEAR = 0.1

LAW = """
law: small
title: loss by size and method
variables:
  N: {unit: parameters, kind: total, about: model size}
response: {L: {unit: nats/token, about: test loss}}
factors: {method: {levels: [gptq, rtn]}}
parameters:
  k: {prior: "LogNormal(0, 3)", by: method}
  a: {prior: "Normal(0.3, 0.3)"}
  s: {prior: HalfNormal(0.1)}
equation: L = k/(N/1e6)^a
noise: {family: normal, on: log, scale: s}
ask:
  size: {solve: L = q, for: N, given: [q], about: size at which the loss is q}
  fall: {value: 10^-a}
"""
SIZES = np.geomspace(1e6, 1e9, 12)
LOSSES = [(2.0, 3.0)[i % 2] * (n / 1e6) ** -0.3 * (1 + 0.03 * math.sin(7 * i)) for i, n in enumerate(SIZES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A law, rows that it fits, and the same rows under other names, in other units, and with gaps."""
    here = tmp_path_factory.mktemp("cli")
    (here / "small.yaml").write_text(LAW)
    rows = [(n, L, ("gptq", "rtn")[i % 2]) for i, (n, L) in enumerate(zip(SIZES, LOSSES, strict=True))]
    (here / "rows.csv").write_text("N,L,method\n" + "".join(f"{n},{L},{m}\n" for n, L, m in rows))
    other = "".join(f"{n / 1e6 - 1},1,{L / math.log(2)},{m},{i}\n" for i, (n, L, m) in enumerate(rows))
    (here / "other.csv").write_text("millions,embedding,bits_per_token,method,row\n" + other + "1,1,,gptq,12\n")
    (here / "points.csv").write_text("size,method\n1e8,rtn\n1e7,gptq\n")
    (here / "flat.csv").write_text("N,L,method\n" + "".join(f"1e7,{L},{m}\n" for _, L, m in rows))
    return here


@pytest.fixture(scope="module")
def fit(folder: Path) -> Path:
    path = folder / "fits" / "small.nc"
    arguments = ["fit", folder / "small.yaml", "--data", folder / "rows.csv", "--method", "map", "--out", path]
    assert run([str(argument) for argument in arguments]) == 0
    return path


class Said:
    """What a command left: its status, its answer, its messages."""

    def __init__(self, status: int, out: str, err: str):
        self.status, self.out, self.err = status, out, err

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1, self.out
        answer = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def lawdsl(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Said:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        said = Said(status, *capsys.readouterr())
        assert "Traceback" not in said.out + said.err
        return said

    return call


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lawdsl", *map(str, arguments)]
    return subprocess.run(command, env=environment, text=True, timeout=120, **{"capture_output": True} | options)


# --- a process of its own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["check", "chinchilla", "--json"], 0, ""),
        (["show", "chinchila", "--json"], 2, "LAW038"),
        (["predict", "none.nc", "--at", "N=1", "--json"], 3, "FIT002"),
    ],
)
def test_the_status_of_the_process(arguments: list[str], status: int, code: str) -> None:
    done = process(*arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert code in done.stderr
    if status == 0:
        assert isinstance(json.loads(done.stdout), dict)
        assert done.stderr == ""
    else:
        said = json.loads(done.stdout)
        assert (said["ok"], said["status"], said["faults"][0]["code"]) == (False, status, code)


def test_a_fit_not_to_be_believed_answers_with_status_1(lawdsl: Any, folder: Path) -> None:
    """Where size does not vary, nothing is learnt about the fall with size."""
    said = lawdsl("fit", folder / "small.yaml", "--data", folder / "flat.csv", "--method", "map", "--out",
                  folder / "flat.nc", "--json")  # fmt: skip
    assert said.status == 1
    verdict = said.answer["verdict"]
    assert verdict["ok"] is False
    assert any("next to nothing about a " in reason for reason in verdict["reasons"])
    for command in (["predict", "--at", "N=1M,method=rtn"], ["ask", "fall"]):
        later = lawdsl(command[0], folder / "flat.nc", *command[1:], "--json")
        assert later.status == 1
        assert later.answer["verdict"]["ok"] is False


def test_a_reader_that_leaves_is_no_error() -> None:
    """`lawdsl list | head -1`, with the pipe already closed."""
    out, into = os.pipe()
    os.close(out)
    done = process("list", capture_output=False, stdout=into, stderr=subprocess.PIPE)
    os.close(into)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_an_interrupted_fit_leaves_nothing(tmp_path: Path) -> None:
    """Interrupted once its first message is out, so long before its end."""
    environment = {k: v for k, v in os.environ.items() if k != "LAWDSL_DATA"}
    environment |= {"PYTHONPATH": str(ROOT), "LAWDSL_CACHE": "off"}
    start = (  # what a shell runs in the background is born deaf to SIGINT
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "runpy.run_module('lawdsl', run_name='__main__')"
    )
    fitting = subprocess.Popen(
        [sys.executable, "-c", start, "fit", "qid", "--draws", "100000"], cwd=tmp_path, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert fitting.stderr is not None
    assert "rows kept" in fitting.stderr.readline()
    fitting.send_signal(signal.SIGINT)
    out, err = fitting.communicate(timeout=60)
    assert fitting.returncode == 130
    assert "stopped; nothing was written" in err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_what_was_half_made_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], stop: type[BaseException], status: int
) -> None:
    """A file that was being opened when the stop came complained, with a traceback, of what it had not become."""

    class HalfMade:
        def __init__(self) -> None:
            raise stop

        def __del__(self) -> None:
            self.file.close()  # type: ignore[attr-defined]

    monkeypatch.setattr(cli.group, "main", lambda *_, **__: HalfMade())
    assert cli.run(["fit"]) == status
    assert capfd.readouterr().err == "stopped; nothing was written\n"


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [[], *([name] for name in COMMANDS), ["data", "list"], ["data", "show"], ["data", "get"]]
)
def test_every_command_has_help(lawdsl: Any, command: list[str]) -> None:
    said = lawdsl(*command, "--help")
    assert said.status == 0
    assert said.err == ""
    assert said.out.startswith(f"Usage: lawdsl {' '.join(command)}".strip())
    if command and command != ["data"]:
        assert "--json" in said.out


def test_the_commands_help_is_the_groups(lawdsl: Any) -> None:
    out = lawdsl("--help").out
    for name, (_, about) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(about)}$", out, re.MULTILINE), name


def test_the_version(lawdsl: Any) -> None:
    assert re.fullmatch(r"lawdsl \S+\n", lawdsl("--version").out)


@pytest.mark.parametrize(("typed", "meant"), [("fitt", "fit"), ("predikt", "predict"), ("exlain", "explain")])
def test_a_misspelt_command(lawdsl: Any, typed: str, meant: str) -> None:
    said = lawdsl(typed, "qid")
    assert said.status == 2
    assert said.out == ""
    assert f"Did you mean '{meant}'?" in said.err


@pytest.mark.parametrize(
    "arguments",
    [["fit"], ["fit", "qid", "--method", "magic"], ["fit", "qid", "--sed", "1"], ["check"], ["data", "shw"]],
)
def test_wrong_usage_is_status_2(lawdsl: Any, arguments: list[str]) -> None:
    said = lawdsl(*arguments)
    assert (said.status, said.out) == (2, "")
    assert "ASK09" in said.err


# --- laws ------------------------------------------------------------------------------------------------------------


def test_list(lawdsl: Any) -> None:
    answer = lawdsl("list", "--json").answer
    assert [law["law"] for law in answer["laws"]] == list(library.names())
    keys = {"title", "status", "variables", "responses", "topics", "source", "published", "questions", "data"}
    assert all(keys <= set(law) for law in answer["laws"])
    lines = lawdsl("list").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(library.names())


@pytest.mark.parametrize("name", library.names())
def test_show(lawdsl: Any, name: str) -> None:
    law = library.load(name)
    answer = lawdsl("show", name, "--json").answer
    assert [line.partition(" = ")[0] for line in answer["equations"]] == list(law.outcome)
    assert set(answer["parameters"]) == set(law.parameter)
    out = lawdsl("show", name).out
    blocks = {"published": law.published, "questions": law.ask, "data": law.data}
    for word in ("variables", "parameters", *(name for name, entries in blocks.items() if entries)):
        assert f"\n{word}\n" in out
    assert law.title in out
    assert lawdsl("show", name, "--latex").out.strip() == answer["latex"]
    assert library.parse(lawdsl("show", name, "--yaml").out) == law


def test_check(lawdsl: Any, folder: Path) -> None:
    assert lawdsl("check", *library.names(), "--published", "--json").answer == {"ok": True, "faults": []}
    assert re.search(r"chinchilla: \d+ of \d+ numbers hold, good", lawdsl("check", "chinchilla", "--published").out)
    (folder / "wrong.yaml").write_text(LAW.replace("k/(", "K/(").replace("tokens", "tokns"))
    said = lawdsl("check", "chinchilla", folder / "wrong.yaml", "--json")
    assert said.status == 2
    assert said.answer["ok"] is False
    (first, *_) = said.answer["faults"]
    assert set(first) == {"code", "file", "line", "column", "message", "cure"}
    assert (first["code"], first["file"], first["line"]) == ("LAW020", str(folder / "wrong.yaml"), 12)
    told = lawdsl("check", "chinchilla", folder / "wrong.yaml")
    assert told.out == "chinchilla: good\n"
    assert "lawdsl explain LAW020" in told.err


def test_check_of_published_numbers_that_do_not_hold(lawdsl: Any, folder: Path) -> None:
    published = "published: {paper: {k: {gptq: 2, rtn: 3}, a: 0.3}}\n"
    checks = "checks: [{set: paper, at: {N: 1M, method: rtn}, L: 4, rel: 0.01}]\n"
    (folder / "off.yaml").write_text(LAW + published + checks)
    assert lawdsl("check", folder / "off.yaml").status == 0
    said = lawdsl("check", folder / "off.yaml", "--published", "--json")
    assert said.status == 2
    assert [fault["code"] for fault in said.answer["faults"]] == ["LAW039"]


def test_explain(lawdsl: Any) -> None:
    answer = lawdsl("explain", "law020", "--json").answer
    assert answer["code"] == "LAW020" and answer["title"] and answer["text"]
    assert set(lawdsl("explain", "--json").answer["codes"]) == set(CODES)
    assert lawdsl("explain", "LAW020").out.startswith("LAW020: ")
    unknown = lawdsl("explain", "LAW999")
    assert unknown.status == 2
    assert "ASK010" in unknown.err


def as_json(text: str) -> Any:
    """YAML as an editor hands it to a validator: by YAML 1.1 a key `on` is true, and in JSON "true"."""
    return json.loads(json.dumps(yaml.safe_load(text)))


def test_schema_holds_every_law(lawdsl: Any) -> None:
    schema = lawdsl("schema", "--json").answer
    assert json.loads(lawdsl("schema").out) == schema
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in library.names():
        document = as_json(library.find(name).read_text())
        validator.validate(document)
        misspelt = {("parametres" if key == "parameters" else key): value for key, value in document.items()}
        assert any("parametres" in error.message for error in validator.iter_errors(misspelt)), name
    validator.validate(as_json(LAW))


# --- fits ------------------------------------------------------------------------------------------------------------

ROW_KEYS = {"mean", "median", "sd", "q05", "q95", "rhat", "ess_bulk", "ess_tail"}


def test_fit(lawdsl: Any, folder: Path) -> None:
    out = folder / "new" / "one.nc"
    said = lawdsl("fit", folder / "small.yaml", "--data", folder / "rows.csv", "--method", "map", "--seed", 3,
                  "--out", out, "--json")  # fmt: skip
    assert (said.status, said.err) == (0, "")
    answer = said.answer
    keys = {"law", "data", "rows", "method", "parameters", "verdict", "cpu_seconds", "wall_seconds", "fit"}
    assert keys <= set(answer)
    assert (answer["law"], answer["rows"], answer["method"], answer["fit"]) == ("small", 12, "map", str(out))
    assert list(answer["parameters"]) == ["k[gptq]", "k[rtn]", "a", "s"]
    assert all(set(row) == ROW_KEYS for row in answer["parameters"].values())
    assert answer["parameters"]["k[rtn]"]["median"] == pytest.approx(3, rel=NEAR)
    assert answer["parameters"]["a"]["median"] == pytest.approx(0.3, rel=NEAR)
    assert answer["parameters"]["a"]["rhat"] is None  # JSON has no NaN
    assert set(answer["verdict"]) >= {"ok", "reasons"}
    assert answer["cpu_seconds"] > 0 and answer["wall_seconds"] > 0
    assert out.is_file()


def test_a_sampled_fit_has_diagnostics(lawdsl: Any, folder: Path) -> None:
    said = lawdsl("fit", folder / "small.yaml", "--data", folder / "rows.csv", "--draws", 200, "--out", folder / "s.nc",
                  "--json")  # fmt: skip
    row = said.answer["parameters"]["a"]
    assert row["rhat"] == pytest.approx(1, abs=0.05)
    assert row["ess_bulk"] > 100 and row["ess_tail"] > 100
    assert said.answer["method"] == "nuts"


def test_a_fit_for_people(lawdsl: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --out the file is named by law and content: the same fit twice is one file."""
    monkeypatch.chdir(folder)
    for _ in range(2):
        said = lawdsl("fit", "small.yaml", "--data", "rows.csv", "--method", "huber")
        assert said.status == 0
        for word in ("loss by size and method", "12 rows of", "method huber, seed 0", "k[gptq]", "verdict: good"):
            assert word in said.out, word
    assert len(list((folder / "fits").glob("small-????????.nc"))) == 1


def test_columns_of_other_names_units_and_gaps(lawdsl: Any, folder: Path) -> None:
    """N from an expression of columns, L in bits, one row filtered out and one dropped: the same law as before."""
    arguments = [
        "fit", folder / "small.yaml", "--data", folder / "other.csv",
        "--map", "N=1e6*(millions+embedding),L=bits_per_token",
        "--units", "L=bits/token", "--method", "huber", "--out", folder / "other.nc",
    ]  # fmt: skip
    gaps = lawdsl(*arguments)
    assert gaps.status == 2 and "TAB007" in gaps.err and "--drop-missing" in gaps.err
    said = lawdsl(*arguments, "--drop-missing", "--where", "row != 0", "--json")
    assert said.status == 0
    assert said.answer["rows"] == 11
    assert any("1 of 12 rows dropped" in note for note in said.answer["notes"])
    assert said.answer["parameters"]["k[rtn]"]["median"] == pytest.approx(3, rel=NEAR)
    noted = lawdsl(*arguments, "--drop-missing")
    assert "rows dropped" in noted.err and "rows dropped" not in noted.out


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--data", "none.csv"], "TAB"),
        (["--map", "N"], "ASK011"),
        (["--map", "N=milions"], "TAB010"),
        (["--map", "M=N"], "TAB010"),
        (["--where", "row <"], "TAB011"),
        (["--units", "L=bots"], "LAW024"),
    ],
)
def test_faults_of_a_fit(lawdsl: Any, folder: Path, more: list[str], code: str) -> None:
    data = [] if "--data" in more else ["--data", folder / "other.csv"]
    said = lawdsl("fit", folder / "small.yaml", *data, *more, "--json")
    assert said.status in (2, 3)
    assert code in said.err and code in said.answer["faults"][0]["code"]


def test_an_unwritable_place(lawdsl: Any, folder: Path) -> None:
    said = lawdsl("fit", folder / "small.yaml", "--data", folder / "rows.csv", "--method", "huber", "--out",
                  folder / "rows.csv" / "fit.nc")  # fmt: skip
    assert (said.status, said.out) == (3, "")
    assert "FIT001" in said.err


# --- predictions and answers -----------------------------------------------------------------------------------------

POINT_KEYS = {"at", "mean", "median", "lo", "hi", "new_lo", "new_hi", "level"}


def test_predict_points(lawdsl: Any, fit: Path) -> None:
    said = lawdsl("predict", fit, "--at", "N=70B, method=rtn", "--at", "N=1M,method=gptq", "--level", 0.8, "--json")
    assert (said.status, said.err) == (0, "")
    far, near = said.answer["points"]
    assert POINT_KEYS <= set(far)
    assert far["at"] == {"N": 7e10, "method": "rtn"}
    assert near["median"] == pytest.approx(2, rel=NEAR)
    assert far["median"] == pytest.approx(3 * 7e4**-0.3, rel=2 * NEAR)
    assert all(p["level"] == 0.8 and p["new_lo"] < p["lo"] < p["median"] < p["hi"] < p["new_hi"] for p in (far, near))
    assert far["decades_beyond_data"]["N"] == pytest.approx(math.log10(70))


def test_predict_for_people(lawdsl: Any, fit: Path) -> None:
    out = " ".join(lawdsl("predict", fit, "--at", "N=70B,method=rtn").out.split())  # however wide the terminal is
    for word in ("L in nats/token: test loss", "N=70B, method=rtn", "90 % of the mean",
                 "1.8 decades above the data in N", "only if the law itself holds there", "verdict: good"):  # fmt: skip
        assert word in out, word


def test_predict_a_table_in_its_order(lawdsl: Any, fit: Path, folder: Path) -> None:
    said = lawdsl("predict", fit, "--table", folder / "points.csv", "--map", "N=size", "--json")
    assert [point["at"] for point in said.answer["points"]] == [
        {"N": 1e8, "method": "rtn"},
        {"N": 1e7, "method": "gptq"},
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "ASK012"),
        (["--at", "N=1B,method=rtn", "--table", "x.csv"], "ASK012"),
        (["--at", "N"], "ASK011"),
        (["--at", "N=1B,N=2B"], "ASK011"),
        (["--at", "method=rtn"], "ASK001"),
        (["--at", "N=1B,M=2,method=rtn"], "ASK002"),
        (["--at", "N=1B"], "ASK004"),
        (["--at", "N=1B,method=awq"], "ASK004"),
        (["--at", "N=-1,method=rtn"], "ASK007"),
        (["--at", "N=1B,method=rtn", "--level", "2"], "ASK008"),
    ],
)
def test_faults_of_a_prediction(lawdsl: Any, fit: Path, arguments: list[str], code: str) -> None:
    said = lawdsl("predict", fit, *arguments, "--json")
    assert said.status == 2
    assert code in said.err and code in {fault["code"] for fault in said.answer["faults"]}


def test_ask(lawdsl: Any, fit: Path) -> None:
    said = lawdsl("ask", fit, "size", "--given", "q=1.5,method=rtn", "--json")
    assert (said.status, said.err) == (0, "")
    answer = said.answer
    assert {"question", "given", "answers", "level"} <= set(answer)
    assert answer["question"] == "size"
    assert answer["given"] == {"q": 1.5, "method": "rtn"}
    assert set(answer["answers"]["N"]) >= {"median", "lo", "hi"}
    assert answer["answers"]["N"]["median"] == pytest.approx(1e6 * 2 ** (1 / 0.3), rel=0.5)
    assert answer["level"] == 0.9
    out = lawdsl("ask", fit, "fall", "--given", "method=rtn").out
    assert "fall" in out and "90 % interval" in out


def test_ask_what_can_be_asked(lawdsl: Any, fit: Path) -> None:
    assert set(lawdsl("ask", fit, "--json").answer["questions"]) == {"size", "fall"}
    assert "size at which the loss is q" in lawdsl("ask", fit).out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["sise"], "ASK009"), (["size", "--given", "method=rtn"], "ASK001"), (["size", "--given", "q"], "ASK011"),
     (["size", "--given", "q=1.5"], "ASK004"), (["size", "--given", "q=x,method=rtn"], "ASK007")],
)  # fmt: skip
def test_faults_of_a_question(lawdsl: Any, fit: Path, arguments: list[str], code: str) -> None:
    said = lawdsl("ask", fit, *arguments, "--json")
    assert said.status == 2
    assert code in said.err and code in {fault["code"] for fault in said.answer["faults"]}


@pytest.mark.parametrize("command", [["predict", "--at", "N=1"], ["ask", "size"]])
def test_a_file_that_is_no_fit(lawdsl: Any, folder: Path, command: list[str]) -> None:
    said = lawdsl(command[0], folder / "rows.csv", *command[1:])
    assert (said.status, said.out) == (2, "")
    assert "FIT003" in said.err


# --- data ------------------------------------------------------------------------------------------------------------


def test_data_list(lawdsl: Any) -> None:
    tables = lawdsl("data", "list", "--json").answer["tables"]
    assert [table["id"] for table in tables] == [entry.id for entry in catalogue.entries()]
    assert next(table for table in tables if table["id"] == "ladder-qid")["at_hand"] is True
    assert "ladder-qid" in lawdsl("data", "list").out


def test_data_show(lawdsl: Any) -> None:
    answer = lawdsl("data", "show", "ladder-qid", "--json").answer
    assert answer["id"] == "ladder-qid" and answer["at_hand"] is True and Path(answer["path"]).is_file()
    assert "delta_loss_se" in lawdsl("data", "show", "ladder-qid").out
    unknown = lawdsl("data", "show", "ladder-qd")
    assert unknown.status == 2 and "Did you mean 'ladder-qid'?" in unknown.err


def test_data_get(lawdsl: Any, tmp_path: Path) -> None:
    said = lawdsl("data", "get", "ladder-qid", "--out", tmp_path / "copy.csv", "--json")
    assert said.status == 0
    assert said.answer["table"] == "ladder-qid"
    assert (tmp_path / "copy.csv").read_bytes() == (ROOT / "lawdsl" / "data" / "ladder_qid.csv").read_bytes()


# --- measure, without what measuring needs ---------------------------------------------------------------------------


def test_the_formats_of_measuring_need_no_torch(lawdsl: Any) -> None:
    said = lawdsl("measure", "--formats")
    assert said.status == 0
    assert {"rtn", "gptq", "nf4", "minifloat", "hqq"} <= {line.split()[0] for line in said.out.splitlines()}


def test_measuring_without_its_extra_says_how_to_get_it(lawdsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lawdsl.cli import measure

    monkeypatch.setattr(measure, "find_spec", lambda name: None)
    said = lawdsl("measure", ROOT / "examples" / "measure" / "plan.yaml")
    assert said.status == 3
    assert "MEA405" in said.err and "pip install 'lawdsl[measure]'" in said.err
