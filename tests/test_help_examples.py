"""The examples that end every command's help, run as they stand there; and what every command's `--json` holds."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import same_as_golden
from test_terminal import ROOT, shell

from lawdsl import catalogue
from lawdsl.cli import run
from lawdsl.cli.examples import EXAMPLES

#: minutes, or torch: the sampler, calibration, measuring itself, and a Chromium
SLOW = {
    "lawdsl fit chinchilla --draws 300 -o posterior.nc",
    "lawdsl sweep chinchilla qid --method map --on here --out fits",
    "lawdsl backtest chinchilla --cuts 1e13 --alone",
    "lawdsl calibrate chinchilla --replicates 200 --store ranks.jsonl",
    "lawdsl measure plan.yaml",
    "lawdsl bound checkpoint --corpus sample=corpus.jsonl --format rtn-4b-g32-asym --tokens 2M",
}


def shown(command: str) -> list[str]:
    """The examples of a command's help, read off the help itself."""
    from contextlib import redirect_stdout
    from io import StringIO

    page = StringIO()
    with redirect_stdout(page):
        assert run([*command.split(), "--help"]) == 0
    below = page.getvalue().partition("\nExamples:\n")[2].replace(" \\\n", " ")
    return [re.sub(r"\s+", " ", line.strip()) for line in below.splitlines() if not line.strip().startswith("#")]


COMMANDS = list(EXAMPLES)
LINES = [
    pytest.param(line, marks=[pytest.mark.slow] if line in SLOW else []) for name in COMMANDS for line in shown(name)
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the examples speak of: two fits, a law, a table with names of its own, a plan, results of lm-eval."""
    folder = tmp_path_factory.mktemp("examples")
    found = catalogue.locate("ladder-loss")
    assert found is not None
    shutil.copy(found.path, folder / "runs.csv")
    (folder / "plan.yaml").write_text(
        "measure: two\ncheckpoints: [checkpoint]\nformats: [rtn-4b-g32-asym]\n"
        "corpora: [{name: sample, path: corpus.jsonl, window: 64}]\n"
    )
    checkpoint = ROOT / "examples" / "measure" / "checkpoints"
    if checkpoint.is_dir():
        shutil.copytree(next(path for path in sorted(checkpoint.iterdir()) if path.is_dir()), folder / "checkpoint")
    shutil.copytree(ROOT / "tests" / "evaluations", folder / "lm-eval-output")
    text = (ROOT / "README.md").read_text("utf-8")
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"text": text[i : i + 4000]}) + "\n" for i in (0, 4000)))
    (folder / ".config" / "fish" / "completions").mkdir(parents=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for line in ("fit chinchilla --method map -o chinchilla.nc", "new mine --from qid -o begun.yaml"):
            assert run(line.split()) == 0
        (folder / "begun.yaml").rename(folder / "mine.yaml")
        own = ["--data", "runs.csv", "--map", "N=n_params,D=n_tokens,L=loss"]
        assert run(["fit", "chinchilla", *own, "--method", "map", "-o", "mine.nc"]) == 0
        assert run(["lock", "chinchilla.nc"]) == 0
        yield folder
    finally:
        os.chdir(before)


def test_every_command_has_examples() -> None:
    from lawdsl.cli.data import data_command
    from lawdsl.commands import COMMANDS as KNOWN

    assert set(EXAMPLES) == {*KNOWN, *(f"data {name}" for name in data_command.commands)}
    for name in EXAMPLES:
        assert shown(name) == [re.sub(r"\s+", " ", text) for _, text in EXAMPLES[name]], name
        assert all(f"lawdsl {name}" in text or f"lawdsl {name.split()[0]}" in text for text in shown(name))


def test_the_help_of_every_command_loads_nothing_heavy() -> None:
    from test_house import loaded_by

    lines = "; ".join(f"run({[*name.split(), '--help']!r})" for name in EXAMPLES)
    assert loaded_by(f"from lawdsl.cli import run; {lines}") == set()


@pytest.mark.parametrize("line", LINES)
def test_an_example_runs(line: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if line.startswith("lawdsl new"):
        (here / f"{line.split()[2]}.yaml").unlink(missing_ok=True)
    if "zsh" in line:
        pytest.skip("a line of zsh")
    if "lawdsl measure" in line:
        pytest.importorskip("torch", reason="needs the measure extra")
    if re.search(r"[$>|]", line):
        done = shell(line, here, HOME=str(here))
        assert done.returncode == 0, done.stderr
        return
    status = run(shlex.split(line)[1:])
    said = capsys.readouterr()
    assert status in (0, 1), said.err
    assert not re.search(r"[A-Z]{3}\d{3}: ", said.err), said.err
    assert said.out


#: what is asked of each command for its object, of a fit of its own that no example has backtested
ASKED = """
list --topic quantization
show qid
cite qid
new other --from qid
check qid
check chinchilla --published
explain LAW020
explain
schema
fit chinchilla --method map -o keys.nc
predict keys.nc --at N=70B,D=1.4T
ask keys.nc
ask keys.nc optimum --given C=5.76e23
design keys.nc --at N=70B,D=1.4T --candidates N=1B..10B:3,D=20B..300B:3 --budget 1e22
plan keys.nc --budget 1e21 --target 2.7
diff keys.nc mine.nc
rerun keys.nc
lock keys.nc
verify
backtest keys.nc --cuts 1e13 --alone
identify chinchilla
compare keys.nc mine.nc
report keys.nc -o page.html
measure --formats
data list
data show ladder-qid
data get ladder-loss
data import lm-eval-output
completion bash
show nobody
fit --nonsense
""".strip().splitlines()


def outline(value: Any, depth: int = 3) -> Any:
    """The keys of an object and of what it holds, three deep; of a list, its first item's."""
    if isinstance(value, dict) and depth:
        return {key: outline(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list):
        return [outline(value[0], depth - 1)] if value and isinstance(value[0], dict) and depth else "list"
    return {dict: "object", str: "text", bool: "yes or no", type(None): "null"}.get(type(value), "number")


def test_the_keys_of_every_answer(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read these: a key may come, and none goes or changes its meaning."""
    told = []
    for line in ASKED:
        capsys.readouterr()
        status = run([*shlex.split(line), "--json"])
        out = capsys.readouterr().out
        assert out.count("\n") == 1, line
        answer = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        lines = [f"  {key}: {json.dumps(one)}" for key, one in outline(answer).items()]
        if line in ("schema", "explain"):
            lines = [f"  {key}" for key in answer]
        told.append("\n".join([f"$ lawdsl {line} --json   [{status}]", *lines]))
    assert {line.split()[0] for line in ASKED} >= {*(name.split()[0] for name in EXAMPLES)} - {
        "sweep",
        "calibrate",
        "bound",
    }  # slow: their own tests hold their keys
    same_as_golden("json_keys", "\n\n".join(told))
