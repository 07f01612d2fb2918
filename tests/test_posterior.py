"""The fit file: what was saved comes back, ArviZ reads it too, and no damaged or hostile file does harm."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posteriors import posterior

import lawdsl
from fitting import Posterior, Verdict, open_fit
from fitting.fit_file import sealed
from fitting.fit_schema import complete
from lawdsl.errors import InputError, OutsideError

# ArviZ computes the same formulas in another order.
SAME = 1e-8

GROUPED = """
law: grouped
title: a law with levels
variables: {x: {unit: tokens}}
response: {y: {unit: nats/token}}
factors: {g: {levels: any}}
parameters:
  a: {prior: HalfNormal(1), by: g, pool: partial}
  b: {between: [0.1, 1]}
  s: {prior: HalfNormal(1)}
equation: y = a/x^b
noise: {family: normal, scale: s, error: y_se}
"""
ROWS = {
    "x": [1.0, 2.0, 4.0, 8.0],
    "y": [2.0, 1.5, 1.1, 0.9],
    "y_se": [0.1, 0.1, 0.2, 0.1],
    "g": ["gptq", "rtn", "gptq", "größer"],
}


@pytest.fixture(scope="module")
def kept() -> Posterior:
    """A posterior with everything that one can hold."""
    random = np.random.default_rng(0)
    shape = (4, 100)
    draws = {
        "a": np.exp(random.normal(size=(*shape, 3))), "a.center": np.exp(random.normal(size=shape)),
        "a.spread": np.exp(random.normal(size=shape)), "b": random.uniform(0.1, 1, shape),
        "s": np.exp(random.normal(size=shape)),
    }  # fmt: skip
    return posterior(
        lawdsl.parse(GROUPED), ROWS, draws, seed=7,
        verdict=Verdict(False, ("the chains disagree",), ("a note", "another – with a dash")),
        stats={"diverging": random.random(shape) < 0.1, "energy": random.normal(size=shape),
               "tree_depth": random.integers(1, 9, shape)},
        prior={"b": random.uniform(0.1, 1, (1, 50)), "a": random.uniform(0, 1, (1, 50, 3))},
        predictive={"prior": {"y": random.normal(size=(20, 4))}, "posterior": {"y": random.normal(size=(30, 4))}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def saved(kept: Posterior, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept.save(tmp_path_factory.mktemp("fit") / "folder" / "a fit.nc")


def equal(one: Posterior, other: Posterior) -> None:
    for field in ("law", "method", "levels", "factors", "verdict", "provenance"):
        assert getattr(one, field) == getattr(other, field), field
    for field in ("draws", "columns", "codes", "stats", "prior", "predictive"):
        before, after = getattr(one, field), getattr(other, field)
        assert set(before) == set(after), field
        for name in before:
            np.testing.assert_equal(before[name], after[name], err_msg=f"{field} {name}")
            if field != "predictive":
                assert np.asarray(before[name]).dtype == after[name].dtype, name
    np.testing.assert_equal(one.residuals, other.residuals)


def test_there_and_back(kept: Posterior, saved: Path) -> None:
    equal(kept, open_fit(saved))


def test_a_point_fit_keeps_its_residuals(tmp_path: Path) -> None:
    one = posterior(
        lawdsl.parse(GROUPED), ROWS, {"b": [[0.5]], "a": [[[1.0, 2.0, 3.0]]]}, method="huber",
        residuals={"y": np.array([0.1, -0.1, 0.0, 0.2])},
    )  # fmt: skip
    equal(one, open_fit(one.save(tmp_path / "huber.nc")))


def test_saving_again_replaces(kept: Posterior, tmp_path: Path) -> None:
    path = tmp_path / "fit.nc"
    kept.save(path)
    other = posterior(kept.law, ROWS, {"b": np.full((2, 5), 0.5), "a": np.ones((2, 5, 3)), "s": np.full((2, 5), 0.1)})
    other.save(path)
    equal(other, open_fit(path))
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]


def test_others_may_read_what_the_mask_allows(kept: Posterior, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        mode = stat.S_IMODE(kept.save(tmp_path / "fit.nc").stat().st_mode)
    finally:
        os.umask(before)
    assert mode == 0o640


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("HDF5")])
def test_a_failure_in_the_middle_leaves_what_was_there(
    kept: Posterior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = kept.save(tmp_path / "fit.nc")
    before = path.read_bytes()

    def replace(*_: object) -> None:
        raise failure

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OutsideError if isinstance(failure, OSError) else type(failure)) as found:
        kept.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]
    if isinstance(found.value, OutsideError):
        assert [fault.code for fault in found.value.faults] == ["FIT001"]
        assert "No space left" in str(found.value)


def test_a_place_that_cannot_be_written(kept: Posterior, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutsideError, match="FIT001"):
        kept.save(tmp_path / "file" / "fit.nc")


@pytest.mark.filterwarnings("ignore")
def test_arviz_opens_it_and_agrees(kept: Posterior, saved: Path) -> None:
    """Both lines of ArviZ: 0.23 gives its own InferenceData, 1.x an xarray tree."""
    import arviz as az

    opened = az.from_netcdf(str(saved))
    groups = {"posterior", "sample_stats", "prior", "observed_data", "constant_data", "posterior_predictive"}
    names = set(opened.groups()) if callable(opened.groups) else {path.strip("/") for path in opened.groups}
    assert groups <= names
    posterior = opened["posterior"]
    assert posterior["a"].dims == ("chain", "draw", "a_level")
    assert [str(level) for level in posterior["a_level"].values] == ["gptq", "größer", "rtn"]
    dataset = posterior.to_dataset() if hasattr(posterior, "to_dataset") else posterior
    rhat, bulk, tail = (
        az.rhat(dataset),
        az.ess(dataset, method="bulk"),
        az.ess(dataset, method="tail", prob=(0.05, 0.95)),
    )
    for name, row in kept.summary().items():
        base, _, level = name.rstrip("]").partition("[")
        for ours, theirs in (("rhat", rhat), ("ess_bulk", bulk), ("ess_tail", tail)):
            value = theirs[base].sel(a_level=level) if level else theirs[base]
            assert row[ours] == pytest.approx(float(value), rel=SAME), (name, ours)


def test_the_summary_is_of_all_chains(kept: Posterior) -> None:
    summary = kept.summary()
    assert list(summary) == ["a[gptq]", "a[größer]", "a[rtn]", "a.center", "a.spread", "b", "s"]
    draws = kept.draws["b"].ravel()
    row = summary["b"]
    assert list(row) == ["mean", "median", "sd", "q05", "q95", "rhat", "ess_bulk", "ess_tail"]
    assert row["mean"] == pytest.approx(draws.mean())
    assert (row["q05"], row["q95"]) == pytest.approx(tuple(np.quantile(draws, [0.05, 0.95])))
    point = posterior(kept.law, ROWS, {"b": [[0.5]]}, method="huber").summary()["b"]
    assert point["median"] == 0.5
    assert all(np.isnan(point[name]) for name in ("sd", "rhat", "ess_bulk", "ess_tail"))


# --- files that are no fits ------------------------------------------------------------------------------------------


def refused(path: Path, code: str, error: type[lawdsl.LawdslError] = InputError) -> str:
    with pytest.raises(error) as found:
        open_fit(path)
    assert {fault.code for fault in found.value.faults} == {code}
    assert found.value.faults[0].where.file == str(path)
    return str(found.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "lawdsl fit" in refused(tmp_path / "none.nc", "FIT002", OutsideError)
    assert "lawdsl fit" in refused(tmp_path, "FIT002", OutsideError)


@pytest.mark.parametrize("content", [b"", b"not a fit\n" * 100, b"\x89HDF\r\n\x1a\n" + b"\0" * 600])
def test_what_is_no_fit(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.nc"
    path.write_bytes(content)
    refused(path, "FIT003")


def test_a_truncated_file(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    path = tmp_path / "short.nc"
    for length in (0, 8, 100, len(whole) // 2, len(whole) - 40, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "FIT003")


def test_a_flipped_bit_is_found_before_hdf5_sees_it(saved: Path, tmp_path: Path) -> None:
    """HDF5 has no checksum of its own here: it may loop for ever, or read other numbers."""
    whole = saved.read_bytes()
    path = tmp_path / "flipped.nc"
    random = np.random.default_rng(1)
    for place in random.integers(0, len(whole), 200):
        harmed = bytearray(whole)
        harmed[place] ^= 1 << int(random.integers(8))
        path.write_bytes(harmed)
        refused(path, "FIT003")


def forged(saved: Path, path: Path, **attributes: str) -> Path:
    """A copy of a fit with other attributes, and a seal that fits them."""
    return changed(saved, path, lambda file: file.attrs.update(attributes))


def changed(saved: Path, path: Path, change: Callable[[Any], None]) -> Path:
    """A copy of a fit with its contents changed, and a seal that fits them."""
    import h5py

    path.write_bytes(saved.read_bytes()[: -len(sealed(b""))])
    with h5py.File(path, "r+") as file:
        change(file)
    path.write_bytes(sealed(path.read_bytes()))
    return path


HOSTILE = (
    "law: [", "", "{}", "law: !!python/object/apply:os.system ['touch owned']",
    GROUPED.replace("a/x^b", "__import__('os').system('touch owned')"),
    GROUPED.replace("a/x^b", "a/x^b" + "^b" * 2000),
    GROUPED.replace("y = a/x^b", "y = ().__class__.__base__.__subclasses__()"),
    "a: &a [x,x]\n" + "\n".join(f"b{i}: &b{i} [*a, *a]" for i in range(99)),
)  # fmt: skip


@pytest.mark.parametrize("law", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_law_is_refused_and_nothing_is_run(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, law: str
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(forged(saved, tmp_path / "forged.nc", law=law), "FIT003")
    assert [p.name for p in tmp_path.iterdir()] == ["forged.nc"]


@pytest.mark.parametrize(
    "attributes",
    [{"format": "lawdsl fit 99"}, {"verdict": "[]"}, {"verdict": "{"}, {"provenance": "{}"}, {"levels": "3"}],
    ids=str,
)
def test_attributes_of_another_form(saved: Path, tmp_path: Path, attributes: dict[str, str]) -> None:
    refused(forged(saved, tmp_path / "forged.nc", **attributes), "FIT003")


def test_a_newer_fit_asks_for_a_newer_lawdsl(saved: Path, tmp_path: Path) -> None:
    said = refused(forged(saved, tmp_path / "newer.nc", format="lawdsl fit 99"), "FIT003")
    assert "'lawdsl fit 99'" in said and "Update lawdsl" in said
    assert "lawdsl fit." in refused(forged(saved, tmp_path / "older.nc", format="lawdsl fit 1"), "FIT003")


def _outside(file: Any) -> None:
    file["posterior"].create_dataset("e", (4,), "f8", external=[("/etc/hostname", 0, 32)])


def _link(file: Any) -> None:
    import h5py

    file["posterior"]["e"] = h5py.ExternalLink("/etc/hostname", "/b")


def _bomb(file: Any) -> None:
    file["posterior"].create_dataset("e", (10**6, 10**6), "f8", chunks=(1000, 1000), compression="gzip")


FORGERIES: dict[str, tuple[Callable[[Any], None], str]] = {
    "bytes of another file": (_outside, "kept in another file"),
    "a link to another file": (_link, "points to another place"),
    "a link within": (lambda f: f["posterior"].__setitem__("e", __import__("h5py").SoftLink("/b")), "another place"),
    "terabytes of nothing": (_bomb, "unpacks to more than 4 GiB"),
    "a folder in a folder": (lambda f: f["posterior"].create_group("deep"), "neither a variable"),
    "a packing of its own": (
        lambda f: f["posterior"].create_dataset("e", (99,), "f8", compression="lzf"), "packed in a way"),
    "no draws": (lambda f: f.__delitem__("posterior"), "draws"),
    "a parameter without draws": (lambda f: f["posterior"].__delitem__("b"), "draws of b are missing"),
    "no method": (lambda f: f.attrs.__setitem__("method", "guess"), "no method 'guess'"),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGERIES)
def test_what_a_sealed_file_may_not_hold(saved: Path, tmp_path: Path, what: str) -> None:
    """A seal is no proof: whoever makes a file can seal it."""
    change, said = FORGERIES[what]
    assert said in refused(changed(saved, tmp_path / "forged.nc", change), "FIT003")


@pytest.mark.parametrize(
    ("field", "name", "values", "said"),
    [
        ("draws", "z", np.ones((4, 100)), "z is no parameter of the law"),
        ("draws", "b", np.full((4, 100), b"x"), "the draws of b"),
        ("draws", "a", np.ones((4, 100, 2)), "the draws of a: 4x100x2 of float64, where 4x100x3 numbers belong"),
        ("columns", "y", np.ones(3), "the column y: 3 of float64, where 4 numbers belong"),
        ("codes", "g", np.array([0, 1, 2, 3]), "the codes of g are not of its 3 levels"),
        ("codes", "g", np.array([0.5, 1, 2, 2]), "the codes of g are not of its 3 levels"),
        ("stats", "energy", np.ones(100), "the statistic energy"),
    ],
)
def test_arrays_that_do_not_fit_the_law(
    kept: Posterior, tmp_path: Path, field: str, name: str, values: Any, said: str
) -> None:
    other = replace(kept, predictive={}, numbers=None, **{field: {**getattr(kept, field), name: values}})
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        complete(other)


def test_a_forged_copy_without_a_change_opens(saved: Path, tmp_path: Path, kept: Posterior) -> None:
    equal(kept, open_fit(forged(saved, tmp_path / "same.nc")))
