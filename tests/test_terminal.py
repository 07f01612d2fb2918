"""The command line as a process, in every kind of surroundings: pipes that close, narrow and plain terminals, foreign
locales and file names, full disks, extras that are missing."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_cli import LAW, LOSSES, SIZES

from lawdsl.cli import progress, run, say, terminal
from lawdsl.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
ESCAPE = "\x1b["
#: what may be in a reader's own environment and would change what is tested
SETTINGS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM", "PYTHONIOENCODING")


def surroundings(**more: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in SETTINGS} | {"PYTHONPATH": str(ROOT)} | more


def shell(line: str, folder: Path | None = None, **more: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash; `lawdsl` is this checkout's."""
    script = f'set -o pipefail; lawdsl() {{ "{sys.executable}" -m lawdsl "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], env=surroundings(**more), cwd=folder or ROOT, capture_output=True, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def on_terminal(
    *arguments: str, wide: int = 100, answers: str = "", interrupt: str = "", folder: Path | None = None, **more: str
) -> tuple[int, str]:
    """The status and the screen of a command on a terminal of `wide` columns, to which `answers` are typed; once it
    shows the text `interrupt`, Ctrl-C is pressed."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, wide, 0, 0))
    start = (  # what a shell runs in the background is born deaf to Ctrl-C
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from lawdsl.__main__ import main; main()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", start, *arguments], env=surroundings(**({"TERM": "xterm"} | more)),
        cwd=folder or ROOT, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, answers.encode())
    screen, end = b"", time.monotonic() + 40
    while time.monotonic() < end:
        if not select.select([ours], [], [], 0.5)[0]:
            if interrupt and interrupt.encode() in screen:
                child.send_signal(signal.SIGINT)  # until it is heard: readline misses one that comes as it begins
            continue
        try:
            found = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not found:
            break
        screen += found
    os.close(ours)
    return child.wait(timeout=10), screen.decode().replace("\r\n", "\n")


# --- pipes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["list", "--help", "fit --help", "show chinchilla", "explain --json", "show nobody"])
def test_a_reader_that_leaves_early_is_no_error(line: str) -> None:
    done = shell(f"lawdsl {line} 2>&1 | true; echo ${{PIPESTATUS[0]}}")
    assert done.stderr == b""
    assert done.stdout.split()[-1] in (b"0", b"2")
    assert b"Traceback" not in done.stdout


def test_the_first_line_of_a_pipe() -> None:
    done = shell("lawdsl list | head -1")
    assert (done.stdout.split()[0], done.stderr) == (b"law", b"")


@pytest.mark.parametrize("line", ["lawdsl check qid >&-", "lawdsl check qid 2>&-", "lawdsl check qid <&-",
                                  "lawdsl show nobody 2>&-", "lawdsl show nobody >&- 2>&-"])  # fmt: skip
def test_streams_that_are_closed(line: str) -> None:
    done = shell(line)
    assert done.returncode == (2 if "nobody" in line else 0)
    assert b"Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_something_outside() -> None:
    done = shell("lawdsl list > /dev/full")
    assert done.returncode == 3
    assert b"ASK094: No space left on device" in done.stderr and b"Traceback" not in done.stderr


def test_new_without_a_terminal_says_what_to_give(tmp_path: Path) -> None:
    done = shell("lawdsl new mine", tmp_path)
    assert done.returncode == 2
    assert b"--response" in done.stderr and list(tmp_path.iterdir()) == []


# --- terminals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"CLICOLOR": "0"}, False),
     ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False)],
)  # fmt: skip
def test_colour_on_a_terminal(more: Mapping[str, str], coloured: bool) -> None:
    status, screen = on_terminal("explain", "LAW020", **more)
    assert status == 0 and "LAW020: an unknown name" in re.sub(r"\x1b\[[0-9;]*m", "", screen)
    assert (ESCAPE in screen) == coloured


@pytest.mark.parametrize(
    ("more", "coloured"), [({}, False), ({"FORCE_COLOR": "1"}, True), ({"CLICOLOR_FORCE": "1"}, True)]
)
def test_colour_in_a_pipe(more: Mapping[str, str], coloured: bool) -> None:
    assert (ESCAPE.encode() in shell("lawdsl explain LAW020", **more).stdout) == coloured


def test_messages_fold_on_a_narrow_terminal() -> None:
    status, screen = on_terminal("show", "nobody", wide=50)
    assert status == 2
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in screen.splitlines()) <= 50


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("narrow")
    (here / "small.yaml").write_text(LAW)
    rows = "".join(f"{n},{L},{('gptq', 'rtn')[i % 2]}\n" for i, (n, L) in enumerate(zip(SIZES, LOSSES, strict=True)))
    (here / "rows.csv").write_text("N,L,method\n" + rows)
    fitted = ["fit", here / "small.yaml", "--data", here / "rows.csv", "--method", "map", "-o", here / "small.nc"]
    assert run([str(part) for part in fitted]) == 0
    return here / "small.nc"


@pytest.mark.parametrize(
    "line",
    [
        *(f"{name} --help" for name in COMMANDS), "--help", "data list --help", "list --topic quantization",
        "show qid", "show chinchilla --plot", "data list", "data show ladder-qid", "explain LAW020",
        "predict FIT --at N=70B,method=rtn", "ask FIT size --given q=1.5,method=rtn", "diff FIT FIT",
        "design FIT --at N=70B,method=rtn --candidates N=1B..10B:3,method=rtn --cost N --budget 1e11",
    ],
)  # fmt: skip
def test_nothing_is_wider_than_a_terminal_of_forty_columns(
    line: str, fit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines to be copied (examples, paths) may be; everything else folds."""
    wide = 40
    monkeypatch.setenv("COLUMNS", str(wide))
    monkeypatch.chdir(fit.parent)
    assert run(line.replace("FIT", "small.nc").split()) == 0
    shown = capsys.readouterr().out.partition("\nExamples:")[0]
    assert [text for text in shown.splitlines() if terminal.columns(text) > wide] == []


def test_a_table_wider_than_its_terminal_becomes_blocks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    header, rows = ("law", "rows", "title"), [("qid", "2100", "what quantization costs"), ("a", "1", "b")]
    for wide, expected in (
        ("80", "law  rows  title\nqid  2100  what quantization costs\na    1     b\n"),
        ("30", "law  rows  title\nqid  2100  what quantization\n           costs\na    1     b\n"),
        ("20", "qid\n  rows   2100\n  title  what\n         quantization\n         costs\na\n  rows   1\n  title  b\n"),
    ):
        monkeypatch.setenv("COLUMNS", wide)
        say.table(header, rows, left=3)
        assert capsys.readouterr().out == expected, wide


def test_a_strangers_text_cannot_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Levels, titles and names come from files of strangers: an escape code would repaint, or retitle, the terminal."""
    say.table(("level",), [("\x1b]0;owned\x07",)])
    say.text("a\x1b[2Jb")
    say.note("c\rd\u202e")
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and "\u202e" not in err and "\\x1b[2J" in out


def test_progress_has_a_rate_and_the_time_left() -> None:
    assert progress.pace(12, 40, 0.5) == "12/40"
    assert progress.pace(12, 40, 6.0) == "12/40, 2/s, 14 s left"
    assert progress.pace(3, 40, 60.0) == "3/40, 3/min, 12 min left"
    assert progress.pace(40, 40, 6.0) == "40/40, 6.67/s"


def test_progress_is_for_terminals_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.progress(True) as bar:
        for done in range(3):
            bar("fits", done, 3)
    assert capfd.readouterr().err == ""


def test_a_bar_on_a_terminal_says_what_is_done_and_is_taken_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "is_terminal", lambda stream: True)
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich the captured stream is a terminal, too
    with progress.progress(True) as bar:
        bar("fits", 0, 3)
        bar("fits", 2, 3)
        bar("forecasts", 1, 9)
        assert bar.bar is not None
        bar.bar.refresh()
    assert bar.bar is None
    out, err = capsys.readouterr()
    assert out == "" and "forecasts" in err and "1/9" in err
    monkeypatch.setenv("TERM", "dumb")
    with progress.progress(True) as bar:
        bar("fits", 0, 3)
    assert capsys.readouterr().err == ""


# --- locales and names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_output_that_lacks_characters(encoding: str) -> None:
    done = shell("lawdsl show chinchilla", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, b"")
    as_utf8 = "0.348 ± 0.015".encode()  # what click makes of an encoding that is plainly a mistake
    assert as_utf8 in done.stdout or b"0.348 \xb1 0.015" in done.stdout
    said = shell("lawdsl show chinchilla --json", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert json.loads(said.stdout)["law"] == "chinchilla"


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"law-\xff.yaml")
    try:
        (tmp_path / name).write_text(LAW)
    except OSError:
        pytest.skip("this file system takes text alone")
    for line in ("lawdsl check law-*.yaml", "lawdsl check law-*.yaml --json", "lawdsl show law-*.yaml"):
        done = shell(line, tmp_path)
        assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    (tmp_path / name).write_text("law: [")
    for line in ("lawdsl check law-*.yaml", "lawdsl check law-*.yaml --json"):
        done = shell(line, tmp_path)
        assert done.returncode == 2 and b"LAW004" in done.stdout + done.stderr and b"Traceback" not in done.stderr
        assert "--json" not in line or json.loads(done.stdout)["faults"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_paths_that_may_not_be_used(tmp_path: Path) -> None:
    (tmp_path / "law.yaml").write_text(LAW)
    (tmp_path / "law.yaml").chmod(0)
    (tmp_path / "shut").mkdir(mode=0o500)
    for line, code in (("lawdsl check law.yaml", b"LAW001"), ("lawdsl fit qid --method map -o shut/x.nc", b"FIT001"),
                       ("lawdsl new mine --from qid -o shut/mine.yaml", b"FIT001")):  # fmt: skip
        done = shell(line, tmp_path)
        assert done.returncode == 3 and code in done.stderr and b"Traceback" not in done.stderr


# --- what is missing, and what nobody foresaw ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "lacking", "code", "cure"),
    [
        ("sweep SMALL --data ROWS --method map --on ray", "ray", "MEA404", "pip install 'lawdsl[ray]'"),
        ("calibrate qid --on ray --replicates 10", "ray", "MEA404", "pip install 'lawdsl[ray]'"),
        ("bound x --corpus a=b.jsonl --format nf4-g64", "torch", "MEA405", "pip install 'lawdsl[measure]'"),
        ("measure plan.yaml", "transformers", "MEA405", "pip install 'lawdsl[measure]'"),
    ],
)
def test_an_extra_that_is_missing(
    line: str, lacking: str, code: str, cure: str, fit: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from lawdsl.cli import measure

    monkeypatch.setitem(sys.modules, lacking, None)
    monkeypatch.setattr(measure, "find_spec", lambda name: None if name == lacking else object())
    text = line.replace("SMALL", str(fit.with_suffix(".yaml"))).replace("ROWS", str(fit.with_name("rows.csv")))
    assert run(text.split()) == 3
    err = capsys.readouterr().err
    assert code in err and cure in err


def test_a_mistake_of_ours_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from lawdsl import __main__, cli

    def broken(_: list[str]) -> int:
        raise KeyError("gone")

    monkeypatch.setattr(cli, "run", broken)
    monkeypatch.setattr(sys, "argv", ["lawdsl", "list"])
    monkeypatch.delenv("LAWDSL_TRACEBACK", raising=False)
    with pytest.raises(SystemExit) as left:
        __main__.main()
    assert left.value.code == 3
    assert "lawdsl itself failed (test_terminal.py:" in capsys.readouterr().err
    monkeypatch.setenv("LAWDSL_TRACEBACK", "1")
    with pytest.raises(KeyError):
        __main__.main()
