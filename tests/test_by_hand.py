"""Every law of the library equals its formula as written by hand from the paper (tests/benchmarks/by_hand)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from fitting.outcomes import log_likelihood
from lawdsl import library
from lawdsl.evaluate import evaluate

sys.path.append(str(Path(__file__).parent / "benchmarks"))

from by_hand import HANDS  # noqa: E402
from subject import subject  # noqa: E402

#: relative; sums and powers in another order, and a root to the rounding of its function
VALUE = 1e-9
#: of the density of a row, which the residual's square and gamma functions of large counts take digits from
DENSITY = 1e-8
ROWS = 64
#: unconstrained steps away from the constants that the rows were simulated with
STEPS = 0.02


def test_every_law_is_there() -> None:
    assert HANDS.keys() == set(library.names())


@pytest.mark.parametrize("name", [name for name in library.names() if library.load(name).status != "bound"])
def test_a_law_is_what_one_writes_by_hand(name: str) -> None:
    law, hand = library.load(name), HANDS[name]
    of = subject(law, ROWS if law.sequence is None else 400)
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        for scale in (0.0, STEPS):
            u = of.u + scale * random.standard_normal(len(of.u))
            p = of.parameters(u, np)
            mean = hand.mean(p, SimpleNamespace(**of.columns))
            means = mean if isinstance(mean, tuple) else (mean,)
            values, _ = of.model.unpack(u, np)
            rows = of.model.at_rows({n: np.asarray(v)[None] for n, v in values.items() if "." not in n})
            for (response, outcome), found in zip(law.outcome.items(), means, strict=True):
                on = {"log": np.log, "logit": lambda m: np.log(m) - np.log1p(-m)}.get(outcome.noise.on, np.asarray)
                expected = rows[response]["location"][0]
                assert np.all(np.isfinite(expected))
                assert on(np.ravel(found)) == pytest.approx(expected, rel=VALUE, abs=VALUE)
            ours = sum(
                float(
                    log_likelihood(o, {what: v[0] for what, v in rows[r].items()}, of.model.data["outcomes"][r]).sum()
                )
                for r, o in law.outcome.items()
            )
            assert float(of.theirs(hand, u, (of.columns, of.observed))) == pytest.approx(ours, rel=DENSITY)


@pytest.mark.parametrize("name", [name for name in library.names() if library.load(name).status == "bound"])
def test_a_bound_is_what_one_writes_by_hand(name: str) -> None:
    law = library.load(name)
    random = np.random.default_rng(0)
    x = {"R0": 2.0, "N": 1e9, "D": 1e12, "b": 4.0, "V": 5e4, "dQ": 0.1}
    x = {name: value * np.exp(random.normal(0, 0.5, ROWS)) for name, value in x.items()}
    p = {"s0": 0.1, "s1": 10.0, "s2": 0.3} if "s0" in law.parameter else {}
    expected = evaluate(law, {"R": law.equation}, {**x, **p})["R"]
    with jax.enable_x64(True):
        found = np.asarray(HANDS[name].mean(SimpleNamespace(**p), SimpleNamespace(**x)))
    assert found == pytest.approx(expected, rel=VALUE)
