"""The house rules: what importing costs, who imports whom, public names, codes explained, files that stay readable."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fitting
import lawdsl
import measure
from lawdsl.codes import CODES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("lawdsl", "fitting", "measure")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES = 420
#: names that say nothing of what is inside
NAMELESS = {"utils", "util", "helpers", "helper", "misc", "common", "tools", "base", "core"}
HEAVY = (
    "sympy", "numpy", "jax", "torch", "transformers", "ray", "scipy", "pyarrow", "numpyro", "arviz", "xarray",
    "matplotlib", "fitting", "measure",
)  # fmt: skip


def module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def every(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=module)


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


# --- what importing costs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import lawdsl",
        "import fitting",
        "import measure",
        "import lawdsl; dir(lawdsl)",
        "from lawdsl.cli import run; run(['--help'])",
        "from lawdsl.cli import run; run(['fit', '--help'])",
        "from lawdsl.cli import run; run(['measure', '--help'])",
        "from lawdsl.cli import run; run(['bound', '--help'])",
        "from lawdsl.cli import run; run(['explain', 'LAW020'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    assert loaded_by(code) - {code.removeprefix("import ")} == set()


def test_reading_a_plan_needs_no_torch() -> None:
    assert not loaded_by("import measure; measure.read_plan; measure.open_store; measure.run_sweep") & {
        "torch", "transformers", "ray", "jax", "fitting"
    }  # fmt: skip


def test_checking_a_law_needs_no_engine() -> None:
    assert not loaded_by("import lawdsl; lawdsl.load('chinchilla')") & {"jax", "torch", "numpyro", "arviz", "fitting"}


# --- who imports whom ------------------------------------------------------------------------------------------------


def imported(path: Path) -> set[str]:
    """The absolute names of all modules that a file imports, anywhere in it."""
    found = set()
    package = module(path).split(".") if path.name == "__init__.py" else module(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*above, *([node.module] if node.module else [])]))
    return found


@every([path for path in SOURCES if path.is_relative_to(ROOT / "lawdsl")])
def test_the_language_knows_no_sampler(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"torch", "transformers", "numpyro", "arviz"}
    if not path.is_relative_to(ROOT / "lawdsl" / "cli"):
        assert not roots & {"fitting", "measure"}


@every([path for path in SOURCES if path.is_relative_to(ROOT / "fitting")])
def test_the_engine_knows_neither_measuring_nor_the_command_line(path: Path) -> None:
    names = imported(path)
    assert not {name.split(".")[0] for name in names} & {"torch", "transformers", "measure", "arviz"}
    assert not any(name.startswith(("lawdsl.cli", "lawdsl.__main__")) for name in names)


@every([path for path in SOURCES if path.is_relative_to(ROOT / "measure")])
def test_measuring_knows_neither_the_engine_nor_the_command_line(path: Path) -> None:
    names = imported(path)
    assert not {name.split(".")[0] for name in names} & {"fitting", "numpyro", "arviz", "jax"}
    assert not any(name.startswith(("lawdsl.cli", "lawdsl.__main__")) for name in names)


# --- public names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", [lawdsl, fitting, measure], ids=lambda package: package.__name__)
def test_public_names_are_those_that_resolve(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert names == sorted(names) == dir(package)
    for name in names:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="nope"):
        package.nope  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_same_names(package: str) -> None:
    """The imports under TYPE_CHECKING are the names that are loaded on first use."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    seen = {
        alias.asname
        for block in tree.body
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(importlib.import_module(package).__all__) - {"__version__"}


def test_the_version_is_written_once() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.+?)"', text, re.MULTILINE)
    assert not [path for path in SOURCES if f'"{version}"' in path.read_text()]


# --- files -----------------------------------------------------------------------------------------------------------


@every(SOURCES)
def test_a_file_stays_readable(path: Path) -> None:
    if module(path) != "lawdsl.codes":  # a list
        assert len(path.read_text().splitlines()) <= MOST_LINES


def test_every_file_is_named_after_its_job() -> None:
    for folder in (*PACKAGES, "tests", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            assert path.stem.strip("_") not in NAMELESS, path


@every(SOURCES)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_code_is_explained_and_every_explanation_has_a_code() -> None:
    raised: dict[str, Path] = {}
    for path in SOURCES:
        if module(path) == "lawdsl.codes":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(r"(LAW|TAB|ASK|FIT|MEA|ENV)\d{3}", node.value):
                    raised[node.value] = path
    assert set(raised) == set(CODES)
    for code, (title, text) in CODES.items():
        assert title and text and not title.endswith("."), code
        assert text.endswith((".", ")", ":")), code


def tracked_folders() -> set[str]:
    """The top-level folders that git holds, hidden ones aside."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return {line.split("/")[0] for line in done.stdout.splitlines() if "/" in line and not line.startswith(".")}


def test_the_tree_of_the_readme_is_that_of_the_checkout() -> None:
    tree = re.search(r"```\n(lawdsl/ .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert tree is not None
    assert {line.split("/")[0] for line in tree[1].splitlines()} == tracked_folders()


def test_the_law_of_the_readme_is_good() -> None:
    (text,) = re.findall(r"```yaml[^\n]*\n(law: .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    law = lawdsl.parse(text)
    assert law.name == "chinchilla"
    assert law.equation == lawdsl.load("chinchilla").equation


def test_commands_and_files_that_the_readme_names_exist() -> None:
    from lawdsl.cli import COMMANDS

    readme = (ROOT / "README.md").read_text()
    assert set(re.findall(r"`lawdsl (\w+)", readme)) == set(COMMANDS)
    for name in re.findall(r"\b(?:docs|laws|examples|tests)/[\w./]*\w", readme):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", [module(path) for path in SOURCES if ">>> " in path.read_text()])
def test_examples_in_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
