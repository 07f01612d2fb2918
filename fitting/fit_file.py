"""The fit file: groups of named arrays as netCDF-4, sealed.

Written and read with h5netcdf alone, as xarray would write and read the same groups: its import, with pandas behind it,
costs a second that a small fit takes for everything else. Behind the last byte that HDF5 reads stands a sha256 of all
before it: HDF5 may read a damaged file forever, or read it wrongly. It is made in memory, since on a disk that is full
HDF5 ends the process.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lawdsl import atomic, limits

from .fit_schema import admit

SEAL = b"lawdsl sha256 "
#: bytes that are hashed at once
PIECE = 2**20
#: values above which an array is worth compressing
SMALL = 64


@dataclass(frozen=True)
class Group:
    """variables: name -> (names of its dimensions, values). labels: dimension -> what its entries are called."""

    variables: Mapping[str, tuple[tuple[str, ...], NDArray[Any]]]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


def write(groups: Mapping[str, Group], path: Path) -> Path:
    """Write groups by path ("/" is the file itself), whole or not at all.

    Raises: OutsideError (FIT001) where the file cannot be written.
    """
    made = io.BytesIO()
    _write(groups, made)
    atomic.answer(path, sealed(made.getvalue()), "the fit", "Choose another place with --out.")
    return path


def sealed(content: bytes) -> bytes:
    """What HDF5 reads, with its seal behind it."""
    return content + SEAL + hashlib.sha256(content).digest()


def _write(groups: Mapping[str, Group], content: io.BytesIO) -> None:
    import h5netcdf
    import h5py

    with h5netcdf.File(content, "w") as file:
        for name, group in groups.items():
            home = file if name == "/" else file.create_group(name)
            for key, text in group.attributes.items():
                home.attrs[key] = text
            for dims, values in group.variables.values():
                for dim, size in zip(dims, values.shape, strict=True):
                    if dim not in home.dimensions:
                        home.dimensions[dim] = size
            for dim, labels in group.labels.items():
                texts = np.array(labels, dtype=object)
                home.create_variable(dim, (dim,), dtype=h5py.string_dtype(), data=texts)
            for variable, (dims, values) in group.variables.items():
                plain = values.astype(np.int8) if values.dtype == bool else values
                packed = {"compression": "gzip", "compression_opts": 4} if values.size > SMALL else {}
                made = home.create_variable(variable, dims, data=plain, **packed)
                if values.dtype == bool:
                    made.attrs["dtype"] = "bool"  # as xarray marks what it stores as int8


def read(path: Path) -> dict[str, Group]:
    """The groups of a sealed file, which is opened once: another may take its place at any instant.

    Raises: ValueError where the seal is broken or the contents are no fit's, and what h5netcdf raises.
    """
    import h5netcdf

    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > limits.FIT_BYTES:  # before all of it is hashed
            raise ValueError(f"it is larger than {limits.FIT_BYTES >> 30} GiB")
        if not _whole(file):
            raise ValueError("it is cut short, damaged, or was written by another program")
        admit(file)
        with h5netcdf.File(file, "r") as home:
            return {"/": _read(home), **{f"/{name}": _read(group) for name, group in home.groups.items()}}


def _read(home: Any) -> Group:
    variables = {}
    for name, variable in home.variables.items():
        if name in home.dimensions:
            continue
        values = np.asarray(variable[...])
        variables[name] = (tuple(variable.dimensions), values.astype(bool) if "dtype" in variable.attrs else values)
    return Group(variables, {}, {key: str(text) for key, text in home.attrs.items()})


def _whole(file: BinaryIO) -> bool:
    """Whether the file ends with the sha256 of all before it."""
    end = max(0, os.fstat(file.fileno()).st_size - len(SEAL) - hashlib.sha256().digest_size)
    told = hashlib.sha256()
    for start in range(0, end, PIECE):
        told.update(file.read(min(PIECE, end - start)))
    return file.read() == SEAL + told.digest()
