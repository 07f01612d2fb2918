"""Run benchmarks and print their tables: `python tests/benchmarks/run.py [NAME ...] [--peers PYTHON]`.

Every measured thing is a process of its own, one at a time; CPU seconds are user + system of the whole process.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from process import ROOT, machine, shown

NAMES = (
    "command", "library", "gradient", "posterior", "multistart", "bootstrap", "rows", "evaluate", "quantize", "sweep",
    "sldbench",
)  # fmt: skip

HEAD = """\
Made by `python tests/benchmarks/run.py NAME ... --out docs/benchmarks.md` (see `tests/benchmarks/README.md`). Every
peer ran in the same run as what it is compared with, one process at a time; CPU seconds are of whole processes, user
and system. The machine may have had other work: compare ratios, not seconds.\
"""


def main(arguments: list[str]) -> None:
    """Run the named benchmarks, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all unless said")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="the interpreter that has the peers")
    parser.add_argument(
        "--repeat", type=int, default=1, help="how often each long measurement is made; the best counts"
    )
    parser.add_argument("--out", type=Path, help="a page (Markdown) of the tables")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    sys.path.insert(0, str(ROOT))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.chdir(ROOT)
    from lawdsl import LawdslError

    page = ["# Benchmarks", "", HEAD, "", machine(), ""]
    print(machine())
    for name in options.names or NAMES:
        began = time.perf_counter()
        print(f"\n== {name}", flush=True)
        try:
            import_module(name).main(options)
        except LawdslError as error:  # no table of points: the folder of tables is named by LAWDSL_DATA
            print(error)
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
        page += [f"## {name}", "", str(import_module(name).__doc__).strip(), "", shown()]
    if options.out:
        options.out.write_text("\n".join(page).rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
