"""Mutation testing: is there a test that sees each small change of the code?

    python -m tests.mutants units numbers --sample 200 --seed 1

mutmut (`pip install mutmut==3.8.1`; it is no dependency) makes the mutants: all functions of a module get their changed
twins in one copy of the sources. Its own run starts pytest anew for each; here the quick tests that TESTS names for the
module are collected once, and each mutant is a fork in which those tests run that reach the changed function, until
one fails. What stands outside functions (tables, patterns) is changed in the file itself, and pytest started on it.

A mutant is killed by a failing test, or by taking more time or memory than a sound run ever would. Survivors are
printed with their difference. The tests of a fork are those of the house, but hypothesis does not shrink.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_READER = ("expression", "source", "indexing", "check", "messages", "laws_read")
_CHECKER = ("check", "messages", "laws_read", "indexing")
#: module below lawdsl -> the files of quick tests that hold it
TESTS: dict[str, tuple[str, ...]] = {
    "units": ("units",),
    "numbers": ("numbers", "check", "expression"),
    "expression": ("expression", "check", "indexing"),
    "grammar": _READER,
    "source": _READER,
    "indexing": _READER,
    "shape": _CHECKER,
    **{f"check.{name}": _CHECKER for name in (
        "__init__", "context", "definitions", "literature", "outcomes", "parameters", "simulation", "use",
    )},
}  # fmt: skip

#: what a mutant may take beyond its tests' own time: seconds of CPU, and bytes of memory
SECONDS, BYTES = 5, 4 * 1024**3


@dataclass
class Outcome:
    """How the mutants of a module fared: of `made`, `tried` were tested."""

    made: int = 0
    tried: int = 0
    ends: Counter[str] = field(default_factory=Counter)


def copy(folder: Path) -> None:
    """The sources and tests, in a folder of their own."""
    for name in ("lawdsl", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("laws", "fitting", "measure", "docs", "examples"):
        os.symlink(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "setup.cfg").write_text("[mutmut]\nsource_paths=lawdsl\n")  # it asks, though nothing is looked for there


class Mutants:
    """Some mutants of a file: of its functions, all in `code` by the names in `inside`, and of its `tables`.

    Drawn before they are made, since mutmut copies the whole function for each.
    """

    def __init__(self, file: Path, sample: int, tables: int, chance: random.Random):
        from mutmut.mutation.file_mutation import combine_mutations_to_source, create_mutations
        from mutmut.mutation.trampoline_templates import mangle_function_name

        self.source = file.read_text(encoding="utf-8")
        self.module, made, *_ = create_mutations(str(file), self.source)
        names = {}
        for statement in self.module.body:
            if type(statement).__name__ == "FunctionDef":
                names[statement] = mangle_function_name(name=statement.name.value, class_name=None)
            elif type(statement).__name__ == "ClassDef":
                for function in statement.body.body:
                    if type(function).__name__ == "FunctionDef":
                        owner = statement.name.value
                        names[function] = mangle_function_name(name=function.name.value, class_name=owner)
        inner = [k for k, one in enumerate(made) if one.contained_by_top_level_function in names]
        outer = [k for k, one in enumerate(made) if one.contained_by_top_level_function not in names]
        self.made = len(inner) + (len(outer) if tables else 0)
        self.tables = [made[k] for k in chance.sample(outer, min(tables, len(outer)))]
        drawn = [made[k] for k in sorted(chance.sample(inner, min(sample, len(inner))))]
        self.code = combine_mutations_to_source(self.module, drawn).code
        self.inside: dict[str, object] = {}
        counts: Counter[str] = Counter()
        for mutation in drawn:
            name = names[mutation.contained_by_top_level_function]
            counts[name] += 1  # as mutmut numbers them
            self.inside[f"{name}__mutmut_{counts[name]}"] = mutation
        assert all(name in self.code for name in self.inside)

    def changed(self, mutation: object) -> str:
        """The whole source with one change."""
        from mutmut.mutation.file_mutation import deep_replace

        return deep_replace(self.module, mutation.original_node, mutation.mutated_node).code  # type: ignore

    def difference(self, mutation: object) -> str:
        both = difflib.unified_diff(self.source.splitlines(), self.changed(mutation).splitlines(), n=0, lineterm="")
        return "\n".join(line for line in both if not line.startswith(("---", "+++")))


class Forks:
    """A plugin of pytest: the tests run once to learn which functions each reaches, then once a mutant, in a fork."""

    def __init__(self, chosen: list[tuple[str, str]], mutants: dict[str, Mutants], outcomes: dict[str, Outcome]):
        self.chosen, self.mutants, self.outcomes = chosen, mutants, outcomes

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from hypothesis import Phase, settings

        unshrunk = settings(settings.get_profile("house"), phases=(Phase.explicit, Phase.generate))
        settings.register_profile("mutants", unshrunk)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        reached: dict[str, list[tuple[float, int]]] = {}
        set_mutant_under_test("stats")
        for i, item in enumerate(session.items):
            state()._stats.clear()
            began = time.process_time()
            if not self.passes(session, [i]):
                raise pytest.UsageError(f"{item.nodeid} fails without a mutant")
            spent = time.process_time() - began
            print(f"{spent:.2f} {item.nodeid}") if spent > 1 else None
            for function in state()._stats:
                reached.setdefault(function, []).append((spent, i))
        for module, name in self.chosen:
            full = f"lawdsl.{module}.{name}".replace(".__init__.", ".")
            tests = sorted(reached.get(full.partition("__mutmut_")[0], []))
            end = self.fork(session, full, tests) if tests else "no test"
            mutants = self.mutants[module]
            note(self.outcomes[module], end, f"{module} {name}: {end}", mutants, mutants.inside[name])
        return True

    def passes(self, session: pytest.Session, tests: list[int]) -> bool:
        from _pytest.runner import runtestprotocol

        for k, i in enumerate(tests):
            following = session.items[tests[k + 1]] if k + 1 < len(tests) else None
            if any(report.failed for report in runtestprotocol(session.items[i], log=False, nextitem=following)):
                return False
        return True

    def fork(self, session: pytest.Session, name: str, tests: list[tuple[float, int]]) -> str:
        from mutmut.mutation.trampoline import set_mutant_under_test

        child = os.fork()
        if child == 0:
            allowed = int(SECONDS + 4 * sum(spent for spent, _ in tests))
            resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
            resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
            set_mutant_under_test(name)
            try:
                os._exit(0 if self.passes(session, [i for _, i in tests]) else 1)
            except BaseException:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return "survived" if status == 0 else "killed" if status > 0 else "too long"


def note(outcome: Outcome, end: str, said: str, mutants: Mutants, mutation: object) -> None:
    outcome.tried += 1
    outcome.ends[end] += 1
    if end in ("survived", "no test"):
        print(f"{said}\n{mutants.difference(mutation)}", flush=True)


def try_tables(folder: Path, file: Path, module: str, mutants: Mutants, outcome: Outcome) -> None:
    """Changes outside functions, each in a pytest of its own."""
    for mutation in mutants.tables:
        file.write_text(mutants.changed(mutation), encoding="utf-8")
        command = [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            *tests_of(folder, module),
        ]
        try:
            ended = subprocess.run(command, cwd=folder, capture_output=True, timeout=300).returncode
        except subprocess.TimeoutExpired:
            ended = -1
        note(outcome, "survived" if ended == 0 else "killed", "outside functions", mutants, mutation)


def tests_of(folder: Path, *modules: str) -> list[str]:
    names = dict.fromkeys(name for module in modules for name in TESTS[module])
    return [str(folder / "tests" / f"test_{name}.py") for name in names]


def test(modules: list[str], sample: int, tables: int, seed: int) -> dict[str, Outcome]:
    """The mutants of some modules: of each at most `sample` of its functions, at most `tables` outside of them."""
    outcomes = {module: Outcome() for module in modules}
    found: dict[str, Mutants] = {}
    chosen = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        os.chdir(folder)
        for module in modules:
            file = folder / "lawdsl" / f"{module.replace('.', '/')}.py"
            mutants = found[module] = Mutants(file, sample, tables, random.Random(f"{module} {seed}"))
            outcomes[module].made = mutants.made
            try_tables(folder, file, module, mutants, outcomes[module])
            chosen += [(k / len(mutants.inside), module, name) for k, name in enumerate(mutants.inside)]
        for module in modules:
            (folder / "lawdsl" / f"{module.replace('.', '/')}.py").write_text(found[module].code, encoding="utf-8")
        sys.path[:0] = [str(folder), str(folder / "tests")]
        plugin = Forks([(module, name) for _, module, name in sorted(chosen)], found, outcomes)
        ended = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests_of(folder, *modules)], [plugin])
        os.chdir(ROOT)
        assert ended in (0, 2, 5), "the tests do not pass without a mutant"  # 2: interrupted, and counted so far
    return outcomes


def main() -> None:
    reading = argparse.ArgumentParser(description="Mutation testing of modules of lawdsl.")
    reading.add_argument("modules", nargs="+", choices=sorted(TESTS))
    reading.add_argument("--sample", type=int, default=10_000, help="mutants of a module's functions, drawn at random")
    reading.add_argument("--tables", type=int, default=0, help="mutants outside functions; each takes a second")
    reading.add_argument("--seed", type=int, default=1)
    asked = reading.parse_args()
    for module, outcome in test(asked.modules, asked.sample, asked.tables, asked.seed).items():
        dead = outcome.ends["killed"] + outcome.ends["too long"]
        ends = ", ".join(f"{count} {end}" for end, count in sorted(outcome.ends.items()))
        print(f"{module}: {outcome.tried} of {outcome.made} tried: {ends}; {dead / max(outcome.tried, 1):.1%} dead")


if __name__ == "__main__":
    main()
