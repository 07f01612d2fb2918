"""The engine computes on the CPU, also beside an accelerator, unless JAX was told otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from fitting import device as placing

FIT = """
import fitting, lawdsl
rows = {"N": [1e9, 2e9, 4e9] * 4, "D": ["20B", "40B", "80B", "160B"] * 3, "L": [2.6, 2.5, 2.4] * 4}
fitting.fit(lawdsl.load("chinchilla"), rows, method="map")
from fitting.device import device
print(device().platform)
"""


class Jax:
    """What `device` asks of JAX: platforms, as JAX was told them, and the devices that can be woken."""

    def __init__(self, told: str | None, woken: dict[str, str]):
        self.config = SimpleNamespace(jax_platforms=told, update=self.update)
        self.woken = woken

    def update(self, name: str, value: str) -> None:
        setattr(self.config, name, value)

    def devices(self, platform: str | None = None) -> list[str]:
        if self.config.jax_platforms == "cpu":
            return [self.woken["cpu"]]
        if "cuda" not in self.woken:
            raise RuntimeError("Unable to initialize backend 'cuda'")
        return [self.woken[platform or "cuda"]]


@pytest.mark.parametrize(
    ("told", "woken", "chosen"),
    [
        (None, {"cpu": "a CPU", "cuda": "a GPU"}, "a CPU"),
        ("cuda", {"cpu": "a CPU", "cuda": "a GPU"}, "a GPU"),
        ("cpu", {"cpu": "a CPU"}, "a CPU"),
        (None, {"cpu": "a CPU"}, "a CPU"),  # there is an accelerator, and it cannot be woken
    ],
)
def test_the_device(monkeypatch: pytest.MonkeyPatch, told: str | None, woken: dict[str, str], chosen: str) -> None:
    monkeypatch.setattr(placing, "jax", Jax(told, woken))
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")  # too late: JAX reads it when it is imported
    assert placing.device.__wrapped__() == chosen


@pytest.mark.gpu
def test_a_fit_beside_an_accelerator() -> None:
    torch: Any = pytest.importorskip("torch", reason="needs the measure extra")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    done = subprocess.run([sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("cpu\n", 0), done.stderr
