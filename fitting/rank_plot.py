"""The picture of a calibration: how far the ranks of every quantity stray from uniform, and how far they may."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lawdsl.figures import unframed

from . import ranks as test
from .calibration import DRAWS, Calibration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4


def ranks(calibration: Calibration) -> Figure:
    """For every quantity the empirical distribution of its ranks minus the uniform one, within the band that ranks of a
    right engine keep to (arXiv 2103.10522, figure 4), at the false-alarm rate of all quantities together: a line that
    leaves its band is a quantity that is rejected by itself at that rate over their number.
    """
    from matplotlib.figure import Figure as Canvas

    names = list(calibration.ranks)
    across = min(COLUMNS, len(names))
    down = math.ceil(len(names) / across)
    figure = Canvas(figsize=(2.4 * across, 1.8 * down + 0.5), layout="constrained")
    size = calibration.replicates
    low, high = test.band(size, DRAWS, calibration.rate / len(names))
    places = np.arange(1, DRAWS + 1) / (DRAWS + 1)
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(down, across, number)
        found = calibration.ranks[name]
        below = np.array([np.count_nonzero(found < rank) for rank in range(1, DRAWS + 1)])
        bad = name in calibration.rejected
        axes.fill_between(places, low / size - places, high / size - places, step="mid", color="0.88", lw=0)
        axes.step(places, below / size - places, where="mid", color="#D55E00" if bad else "#0072B2", lw=1.2)
        axes.axhline(0, color="0.6", lw=0.6)
        axes.set_title(f"{name}  p {calibration.p[name]:.2g}", fontsize=8, color="#D55E00" if bad else "black")
        axes.tick_params(labelsize=6)
        axes.set_xlim(0, 1)
        unframed(axes)
    figure.supxlabel("rank of the truth among the draws, as a share", fontsize=8)
    figure.supylabel("share of ranks below it, minus its own", fontsize=8)
    word = "calibrated" if calibration.ok else "rejected"
    title = f"{calibration.law}: {size} replicates, {word} at a false-alarm rate of {calibration.rate:.0%}"
    figure.suptitle(title, fontsize=9)
    return figure
