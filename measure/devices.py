"""Where a model runs and in which numbers: devices, number types, and the memory that is free there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lawdsl.errors import Fault, InputError, OutsideError, Span, suggest

if TYPE_CHECKING:
    import torch

#: number types a model may run in; "auto" is the type most of its weights are stored in
DTYPES = ("float32", "bfloat16", "float16")


def pick_device(text: str) -> torch.device:
    """The device of `auto | cpu | cuda | cuda:n | mps`; auto is the first CUDA device, or else the CPU.

    Raises: InputError (MEA108) for another name, OutsideError (MEA108) for a device that is not there.
    """
    import torch

    if text == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, number = text.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and not (kind == "cuda" and number.isdecimal())):
        cure = suggest(text, ["auto", "cpu", "cuda", "cuda:0", "mps"])
        raise InputError(Fault("MEA108", Span(), f"no device is called '{text}'", cure))
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        there = torch.cuda.device_count()
        found = f"{there} CUDA device{'s' * (there != 1)} here" if there else "no CUDA device here"
        built = "" if torch.version.cuda or torch.version.hip else " This torch is built without CUDA."
        cure = f"device: auto takes what is there.{built}"
        raise OutsideError(Fault("MEA108", Span(), f"'{text}' cannot be used: {found}", cure))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise OutsideError(Fault("MEA108", Span(), "'mps' cannot be used: no Metal device here", "Use device: auto."))
    return torch.device(text)


def pick_dtype(text: str, stored: str) -> torch.dtype:
    """The number type of `auto | float32 | bfloat16 | float16`; auto is `stored` if that is one of them, else float32.

    Raises: InputError (MEA109).
    """
    import torch

    if text not in ("auto", *DTYPES):
        raise InputError(Fault("MEA109", Span(), f"no number type '{text}'", suggest(text, ("auto", *DTYPES))))
    name = stored if text == "auto" else text
    dtype: torch.dtype = getattr(torch, name if name in DTYPES else "float32")
    return dtype


def free_memory(device: torch.device) -> int:
    """Bytes that a model could take on the device now; what other processes may give back is not counted."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    try:
        with open("/proc/meminfo") as file:
            known = dict(line.split(":", 1) for line in file)
        return int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):  # a system without sysconf: no limit that we could know of
        return 2**62
