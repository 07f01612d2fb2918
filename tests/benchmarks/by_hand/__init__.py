"""Every law of the library written by hand in JAX, as one writes it from its paper: to hold ours against, in value and
in speed.

A function gives a law's mean from its parameters `p` and columns `x`; `Hand.density` is the log density of a row. No
tricks: powers are powers, levels are looked up (`p.k[x.method]`), tied parameters are written as the ones they equal.
Columns of laws with runs are (runs, steps).
"""

from __future__ import annotations

from .form import Hand
from .hidden import HANDS as _hidden
from .others import HANDS as _others
from .pretraining import HANDS as _pretraining
from .runs import HANDS as _runs
from .shares import HANDS as _shares
from .sldbench import HANDS as _sldbench

#: name of a law -> it by hand
HANDS: dict[str, Hand] = {**_pretraining, **_others, **_shares, **_hidden, **_runs, **_sldbench}
