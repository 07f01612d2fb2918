"""What a fit file may hold: looked at in the file before an array is read, and in the posterior before it is used.

A seal tells accidents from whole files, but whoever makes a fit file can seal what they like. HDF5 can point a variable
at any file of the machine, say that a kilobyte unpacks to a terabyte, or hold arrays that belong to no law.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from numpy.typing import NDArray

from lawdsl import limits

if TYPE_CHECKING:
    from .posterior import Posterior

#: kinds of numpy arrays that a fit is made of
NUMBERS = "iufb"
#: ways of packing that every HDF5 brings; others are code that a file could name
PACKED = (None, "gzip")


def admit(content: BinaryIO) -> None:
    """Look at the file's table of contents. Raises: ValueError with what in it is no fit's, OSError."""
    import h5py

    size, count = 0, 0
    with h5py.File(content, "r") as file:
        for name, variable in _variables(file, h5py):
            size, count = size + variable.nbytes, count + 1
            if variable.external or variable.is_virtual:
                raise ValueError(f"{name} is kept in another file")
            if variable.compression not in PACKED or variable.scaleoffset is not None:
                raise ValueError(f"{name} is packed in a way that a fit file is not")
            if variable.dtype.kind not in NUMBERS and h5py.check_string_dtype(variable.dtype) is None:
                raise ValueError(f"{name} holds neither numbers nor labels")
            if size > limits.FIT_BYTES or count > limits.FIT_VARIABLES:
                raise ValueError(
                    f"it unpacks to more than {limits.FIT_BYTES >> 30} GiB or {limits.FIT_VARIABLES:,} variables"
                )


def _variables(file: Any, h5py: Any) -> Iterator[tuple[str, Any]]:
    """The variables of the file and of its groups, which have no groups themselves."""
    for home in (file, *(file[name] for name in _names(file, h5py) if isinstance(file[name], h5py.Group))):
        for name in _names(home, h5py):
            entry = home[name]
            if isinstance(entry, h5py.Dataset):
                yield name, entry
            elif home is not file or not isinstance(entry, h5py.Group):
                raise ValueError(f"{name} is neither a variable nor a group of variables")


def _names(home: Any, h5py: Any) -> list[str]:
    """The names of a group, all of which are its own."""
    if len(home) > limits.FIT_VARIABLES:
        raise ValueError(f"it has more than {limits.FIT_VARIABLES:,} variables")
    for name in home:
        if type(home.get(name, getlink=True)) is not h5py.HardLink:
            raise ValueError(f"{name} points to another place")
    return list(home)


def complete(posterior: Posterior) -> None:
    """Hold the arrays of a posterior against its law. Raises: ValueError with the first that does not fit."""
    from .posterior import METHODS

    law, rows = posterior.law, posterior.provenance.rows
    if posterior.method not in METHODS:
        raise ValueError(f"there is no method {posterior.method!r}")
    _rows(posterior, rows)
    for factor in law.factors:
        if factor.name not in posterior.codes or factor.name not in posterior.factors:
            raise ValueError(f"the levels of {factor.name} are missing")
    first = next(iter(posterior.draws.values()), None)
    shape = first.shape[:2] if first is not None else (0, 0)
    if not all(shape):
        raise ValueError("it has no draws")
    own = tuple(outcome.equation for outcome in law.outcomes)
    needed = law.needs(*(own if posterior.method in ("huber", "bootstrap") else law.trees))  # these estimate no noise
    for parameter in law.parameters:
        if parameter.free and parameter.name in needed and parameter.name not in posterior.draws:
            raise ValueError(f"draws of {parameter.name} are missing")
        if parameter.grouped and parameter.name in posterior.draws and parameter.name not in posterior.levels:
            raise ValueError(f"the levels of {parameter.name} are missing")
    _draws(posterior, posterior.draws, shape, "draws")
    for name, values in posterior.stats.items():
        _is(values, shape, f"the statistic {name}")
    for kind, found in posterior.predictive.items():
        for name, values in found.items():
            _is(values, (len(values), rows), f"the {kind} predictive draws of {name}")
    if posterior.prior:
        _draws(posterior, posterior.prior, next(iter(posterior.prior.values())).shape[:2], "prior draws")


def _draws(posterior: Posterior, draws: Mapping[str, NDArray[Any]], shape: tuple[int, ...], what: str) -> None:
    names = {name for p in posterior.law.parameters for name in (p.name, f"{p.name}.center", f"{p.name}.spread")}
    for name, values in draws.items():
        if name not in names:
            raise ValueError(f"{name} is no parameter of the law")
        levels = posterior.levels.get(name)
        _is(values, (*shape, *(() if levels is None else (len(levels),))), f"the {what} of {name}")


def _rows(posterior: Posterior, rows: int) -> None:
    law = posterior.law
    for name in (*law.inputs, *law.outcome):
        if name not in posterior.columns:
            raise ValueError(f"the column {name} is missing")
    residuals = posterior.residuals or {}
    numbers = {} if posterior.numbers is None else {"the rows' numbers": posterior.numbers}
    for name, values in {**posterior.columns, **posterior.codes, **residuals, **numbers}.items():
        _is(values, (rows,), f"the column {name}")
    for name, codes in posterior.codes.items():
        levels = posterior.factors.get(name, ())
        if codes.dtype.kind not in "iu" or (codes < 0).any() or (codes >= len(levels)).any():
            raise ValueError(f"the codes of {name} are not of its {len(levels)} levels")


def _is(values: NDArray[Any], shape: tuple[int, ...], what: str) -> None:
    if values.shape != shape or values.dtype.kind not in NUMBERS:
        said = "x".join(map(str, values.shape)) or "one value"
        raise ValueError(f"{what}: {said} of {values.dtype.name}, where {'x'.join(map(str, shape))} numbers belong")
