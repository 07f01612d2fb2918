"""What all tests share: hypothesis without chance, no network, an own cache, and the folder of public tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import offline
import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run and machine; a slow machine is not a failure.
settings.register_profile(
    "house", derandomize=True, deadline=None, max_examples=60, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("house")

offline.watch()

# As the command line has it; else a dozen workers of pytest would share an accelerator's memory through JAX.
os.environ.setdefault("JAX_PLATFORMS", "cpu")


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """A test that asks anything of a network fails, also where the code under test goes on without an answer."""
    before = len(offline.reached)
    yield
    assert not offline.reached[before:]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing of the user's cache is read or written: LAWDSL_CACHE names a folder of this run."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAWDSL_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True, scope="session")
def no_edge() -> Iterator[None]:
    """Output is as into a file, however wide the terminal is in which the tests run, and whoever tells so."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Where torch is in use it takes one thread: with more, and another process beside it, its threads wait in turn."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data_folder() -> Path:
    """The folder of public tables that LAWDSL_DATA names; without it the test is skipped."""
    folder = os.environ.get("LAWDSL_DATA", "")
    if not folder:
        pytest.skip("set LAWDSL_DATA to a folder of the public tables")
    return Path(folder)
