"""Readers that do what none may do, each in its own way: `run` must tell of every one.

python -m tests.fuzz.careless       what it told, as JSON: reader -> deeds
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import count

from . import laws
from .texts import PAYLOADS, text

#: the limits of `laws` for this: the same, but sooner reached
SECONDS, PATIENCE, BYTES = 0.5, 1.0, 40 * 2**20


def evaluates(content: str, again: bool) -> str:
    """As a reader by Python's or sympy's `eval` would: what stands between quotes, brackets or nothing."""
    for piece in re.findall(r"__import__\('os'\)\.system\('touch \$CANARY'\)", content):
        eval(piece)
    return "law"


def commands(content: str, again: bool) -> str:
    os.system("true")
    return "law"


def starts(content: str, again: bool) -> str:
    subprocess.run(["true"], check=True)
    return "law"


def writes(content: str, again: bool) -> str:
    with open(os.devnull, "w"):
        return "law"


def removes(content: str, again: bool) -> str:
    with contextlib.suppress(OSError):
        os.remove("/nonexistent/file")
    return "law"


def connects(content: str, again: bool) -> str:
    with socket.socket() as made, contextlib.suppress(OSError):
        made.connect(("127.0.0.1", 9))
    return "law"


def unpickles(content: str, again: bool) -> str:
    pickle.loads(b"cbuiltins\nlen\n.")
    return "law"


def warns(content: str, again: bool) -> str:
    warnings.warn("an odd number", SyntaxWarning, stacklevel=1)
    return "law"


def fails(content: str, again: bool) -> str:
    raise KeyError("mean")


def leaves(content: str, again: bool) -> str:
    sys.exit(0)


def recurses(content: str, again: bool) -> str:
    return recurses(content, again)


def idles(content: str, again: bool) -> str:
    end = time.process_time() + 1.2 * SECONDS
    while time.process_time() < end:
        pass
    return "law"


def hangs(content: str, again: bool) -> str:
    return next("law" for number in count() if number < 0)


def hoards(content: str, again: bool) -> str:
    return "law" if len(bytearray(b"x") * (2 * BYTES)) else ""


#: each reader, and how what is told of it begins or ends
TOLD = {
    evaluates: ("did exec <code object <module>", "did os.system", "the canary is there"),
    commands: ("did os.system",),
    starts: ("did subprocess.Popen",),
    writes: ("did open",),
    removes: ("did os.remove",),
    connects: ("did socket.connect",),
    unpickles: ("did pickle.find_class",),
    warns: ("warned: an odd number",),
    fails: ("KeyError: 'mean'",),
    leaves: ("SystemExit: 0",),
    recurses: ("RecursionError",),
    idles: (" s",),
    hangs: ("Endless: not read after",),
    hoards: (" MiB",),
}


def main() -> None:
    """The command."""
    laws.SECONDS, laws.PATIENCE, laws.BYTES = SECONDS, PATIENCE, BYTES
    laws.warm = laws.peak
    number = next(n for n in count() if PAYLOADS[0] in text(n))
    laws.read(text(number))  # which imports what reading needs
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CANARY"] = os.path.join(folder, "canary")
        found = {reader.__name__: laws.run(number, 1, reader=reader)["bad"] for reader in (laws.read, *TOLD)}
    print(json.dumps({name: [what for _, what in bad] for name, bad in found.items()}))


if __name__ == "__main__":
    main()
