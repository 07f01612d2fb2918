"""Whatever is typed wrongly ends in one clear message with a cure and the right exit status, never in a traceback."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from golden import same_as_golden
from test_cli import LAW, LOSSES, SIZES
from wrong_uses import WRONG_USES

from lawdsl.cli import run
from lawdsl.codes import CODES

#: the messages that a reader is shown, word for word
SHOWN = """
fit small.yaml --sed 1
fit small.yaml --method MAP
fit
predict small.nc huber.nc --at N=1B,method=rtn
design small.nc
fit small.yaml --data rows.csv --draws 10M
predict small.nc --at N=1B,method=rtn --level 90
predict small.nc --at N=1b,method=rtn
predict small.nc --at N=1,5B,method=rtn
predict small.nc --at N=1B,methd=rtn
predict small.nc --at N=1B,method=RTN
predict small.nc
ask small.nc sise
show folder
show rows.csv
show small.nc
show law.txt
show broken.yaml
fit small.yaml
fit small.yaml --data none.csv
fit small.yaml --data other.csv
fit small.yaml --data rows.csv --where "method = rtn"
fit small.yaml --data rows.csv --units M=tokens
predict smal.nc --at N=1B,method=rtn
predict small.yaml --at N=1B,method=rtn
predict qid --at N=1B
predict small.nc --at N=1B,method=rtn --plot curve.bmp
lock small.nc --data rows.csv
verify none.lock
fit small.yaml --data rows.csv -o folder
new small --from qid
new mine --response L
""".strip().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Good files, and files of every wrong kind."""
    here = tmp_path_factory.mktemp("wrong")
    rows = [(n, L, ("gptq", "rtn")[i % 2]) for i, (n, L) in enumerate(zip(SIZES, LOSSES, strict=True))]
    texts = {
        "small.yaml": LAW,
        "rows.csv": "N,L,method\n" + "".join(f"{n},{L},{m}\n" for n, L, m in rows),
        "broken.yaml": LAW.replace("k/(", "K/("),
        "noyaml.yaml": "law: [unclosed\n",
        "empty.yaml": "",
        "empty.csv": "",
        "header.csv": "N,L,method\n",
        "ragged.csv": "N,L,method\n1,2\n",
        "words.csv": "N,L,method\nmany,2,rtn\n",
        "negative.csv": "N,L,method\n-1,2,rtn\n",
        "gaps.csv": "N,L,method\n1e7,,rtn\n1e8,2,gptq\n",
        "level.csv": "N,L,method\n1e7,2,awq\n",
        "other.csv": "size,loss,quantizer\n1e7,2,rtn\n",
        "empty.nc": "",
        "text.nc": "not a fit",
        "law.txt": LAW,
        "plan.yaml": "measure: two\ncheckpoints: [nowhere]\nformats: [rtn-4b-g32-asym]\n"
        "corpora: [{name: t, path: t.jsonl, window: 16}]\n",
        "badplan.yaml": "measure: two\ncheckpoint: [x]\n",
        "not.lock": "just text",
        "values.yaml": "E: 1\n",
        "list.yaml": "[1, 2]\n",
    }
    for name, text in texts.items():
        (here / name).write_text(text)
    for name in ("binary.yaml", "binary.csv"):
        (here / name).write_bytes(bytes(range(256)) * 4)
    (here / "binary.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    (here / "table.xlsx").write_bytes(b"PK\x03\x04")
    for name in ("folder", "folder.yaml", "folder.nc", "folder.csv"):
        (here / name).mkdir()
    before = Path.cwd()
    os.chdir(here)
    try:
        for method, name in (("map", "small.nc"), ("huber", "huber.nc")):
            assert run(["fit", "small.yaml", "--data", "rows.csv", "--method", method, "-o", name]) == 0
        assert run(["lock", "small.nc", "--law", "small.yaml", "--data", "rows.csv"]) == 0
        yield here
    finally:
        os.chdir(before)


@pytest.mark.parametrize(("status", "code", "line"), WRONG_USES, ids=[line for _, _, line in WRONG_USES])
def test_a_wrong_use_ends_in_a_message_with_a_cure(
    folder: Path, capsys: pytest.CaptureFixture[str], status: int, code: str, line: str
) -> None:
    if line.startswith("measure ") and "--" not in line:
        pytest.importorskip("torch", reason="needs the measure extra")
    before = sorted(folder.iterdir())
    found = run(shlex.split(line))
    out, err = capsys.readouterr()
    assert found == status, err
    assert out == ""
    first, *rest = err.splitlines()
    assert code in CODES and re.search(rf"(^|: ){code}: ", err), err
    assert re.search(r"[A-Z]{3}\d{3}: \S", first), first
    assert rest and rest[0].startswith("    ") and max(len(line.strip(" ^")) for line in rest) > 5, f"no cure:\n{err}"
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before, "a wrong use leaves no file"


def test_there_are_over_two_hundred() -> None:
    assert len({line for _, _, line in WRONG_USES}) == len(WRONG_USES) >= 250


def test_the_messages_word_for_word(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for line in SHOWN:
        run(shlex.split(line))
        said.append(f"$ lawdsl {line}\n{capsys.readouterr().err}")
    same_as_golden("wrong_uses", "\n".join(said))


def test_every_command_has_its_wrong_uses() -> None:
    from lawdsl.commands import COMMANDS

    used = {line.split()[0] for _, _, line in WRONG_USES}
    assert set(COMMANDS) - used == set()
