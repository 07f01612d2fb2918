"""What pyproject.toml asks for and what constraints.txt pins agree, on every Python that is supported.

That the lower bounds are true is tried by `.ci/versions lowest`, which installs them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: extras that constraints.txt says it holds; the others cap torch, or are for comparisons by hand
EXTRAS = ("dev", "docs", "measure", "polars", "ray")
PYTHONS = tuple(re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"])))


def asked() -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(text for name in EXTRAS for text in PROJECT["optional-dependencies"][name])]
    return [one for one in map(Requirement, texts) if one.name != PROJECT["name"]]


def pinned(python: str) -> dict[str, str]:
    """The version of each package that constraints.txt has for a Python. Fails where a package has two."""
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"python_version": python}):
                (pin,) = one.specifier
                assert pin.operator == "==", line
                assert canonicalize_name(one.name) not in found, line
                found[canonicalize_name(one.name)] = pin.version
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_pinned_is_what_is_asked_for(python: str) -> None:
    versions = pinned(python)
    for one in asked():
        assert versions[canonicalize_name(one.name)] in one.specifier, one


def test_everything_is_bounded_below() -> None:
    for one in asked():
        assert any(part.operator == ">=" for part in one.specifier), one
        assert one.marker is None, f"{one}: one bound for all Pythons"
