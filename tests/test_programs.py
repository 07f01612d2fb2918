"""The cache of compiled programs: hits skip the function, faults cost only a compilation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitting import cache as kept
from fitting import programs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAWDSL_CACHE", str(tmp_path / "cache"))
    programs.forget()
    return tmp_path / "cache" / "programs"


class Counted:
    """A program that counts how often it is traced; LAPACK and a random key are in it on purpose."""

    def __init__(self) -> None:
        self.traced = 0

    def __call__(self, x: dict[str, Any], key: Any) -> Any:
        self.traced += 1
        return jnp.linalg.cholesky(x["a"]), jax.random.normal(jax.random.wrap_key_data(key), (2,), dtype=float)


ARGS = ({"a": np.array([[4.0, 0.0], [2.0, 3.0]])}, np.array([0, 7], dtype=np.uint32))


def run(function: Any, args: Any = ARGS, identity: str | None = "law 1", **settings: Any) -> Any:
    """Fetch and call. The function goes in afresh, or JAX's own memory of traced functions would hide a trace."""
    with jax.enable_x64(True):
        program = programs.stored("test", lambda *a: function(*a), args, identity=identity, **settings)
        return jax.tree.map(np.asarray, program(*args))


def test_a_hit_does_not_trace(cache: Path) -> None:
    function = Counted()
    first = run(function)
    assert first[0].dtype == np.float64
    run(function)
    programs.forget()
    again = run(function)
    assert function.traced == 1
    assert len(list(cache.iterdir())) == 1
    jax.tree.map(np.testing.assert_array_equal, first, again)


def test_another_process_hits(cache: Path) -> None:
    script = (
        "import jax, numpy as np\nfrom fitting import programs\n"
        "def f(x):\n    print('traced')\n    return jax.numpy.linalg.eigh(x)[0]\n"
        "with jax.enable_x64(True):\n"
        "    a = np.diag([1.0, 2.0])\n"
        "    print(programs.stored('t', f, (a,), identity='x')(a))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(programs.__file__).parents[1])}
    outputs = [
        subprocess.run([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True).stdout
        for _ in range(2)
    ]
    assert outputs == ["traced\n[1. 2.]\n", "[1. 2.]\n"]


def test_what_differs_is_another_entry(cache: Path) -> None:
    function = Counted()
    run(function)
    run(function, identity="law 2")
    run(function, settings={"depth": 3})
    run(function, ({"a": np.eye(3)}, ARGS[1]))
    run(function, ({"a": np.eye(2, dtype=np.float32)}, ARGS[1]))
    assert function.traced == 5
    assert len(list(cache.iterdir())) == 5


def test_no_identity_keeps_nothing(cache: Path) -> None:
    function = Counted()
    run(function, identity=None)
    run(function, identity=None)
    assert function.traced == 2
    assert not cache.exists()


def test_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAWDSL_CACHE", "off")
    assert kept.folder() is None
    programs.forget()
    function = Counted()
    run(function)
    run(function)
    assert function.traced == 1  # still held in memory


@pytest.mark.parametrize("harm", [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:40] + b"\xff" + b[41:]])
def test_a_corrupt_entry_is_built_again(cache: Path, harm: Any) -> None:
    function = Counted()
    first = run(function)
    (entry,) = cache.iterdir()
    sound = entry.read_bytes()
    entry.write_bytes(harm(sound))
    programs.forget()
    jax.tree.map(np.testing.assert_array_equal, first, run(function))
    assert function.traced == 2
    programs.forget()
    run(function)
    assert function.traced == 2


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LAWDSL_CACHE", str(tmp_path / "file"))
    programs.forget()
    assert kept.folder() is None
    assert run(Counted())[0].shape == (2, 2)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no POSIX permissions")
def test_only_private_machine_code_is_run(cache: Path) -> None:
    function = Counted()
    run(function)
    assert cache.stat().st_mode & 0o777 == 0o700
    (entry,) = cache.iterdir()
    assert entry.stat().st_mode & 0o077 == 0
    entry.chmod(0o666)
    programs.forget()
    run(function)
    assert function.traced == 2
    cache.chmod(0o777)
    assert kept.folder() is None


def test_pruning_drops_what_was_used_longest_ago(tmp_path: Path) -> None:
    for age in range(5):
        path = tmp_path / f"{age}{programs.SUFFIX}"
        path.write_bytes(b"x" * 10)
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "other").write_bytes(b"x" * 100)
    kept.prune(tmp_path, 25)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"0{programs.SUFFIX}", f"1{programs.SUFFIX}", "other"]


def test_the_error_of_a_program_is_its_own(cache: Path) -> None:
    def wrong(x: Any) -> Any:
        raise ZeroDivisionError("the caller's own")

    with pytest.raises(ZeroDivisionError, match="own"):
        run(wrong, (np.zeros(2),))
