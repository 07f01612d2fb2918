"""Calibration: how far the ranks of every quantity stray from uniform, and how far they may."""

from __future__ import annotations

from matplotlib.figure import Figure

from lawdsl import look
from lawdsl.numbers import percent

from ..calibration import DRAWS, Calibration
from . import sheet
from .rows import rank_panel

ACROSS = 4


def ranks(calibration: Calibration) -> Figure:
    """For every quantity the empirical distribution of its ranks minus the uniform one, within the band that ranks of a
    right engine keep to (arXiv 2103.10522, figure 4), at the false-alarm rate of all quantities together: a line that
    leaves its band is a quantity that is rejected by itself at that rate over their number. Rejected ones are red.
    """
    names = list(calibration.ranks)
    figure, every = sheet.many(len(names), ACROSS, (2.2, 1.8))
    for name, axes in zip(names, every, strict=True):
        bad = name in calibration.rejected
        rank_panel(axes, calibration.ranks[name], DRAWS, calibration.rate / len(names), look.colour(int(bad)))
        words = f"{name}  p {calibration.p[name]:.2g}"
        axes.set_title(look.label(words, 34), fontsize=look.SMALL, loc="left", pad=4,
                       color=look.colour(1) if bad else look.grey(1))  # fmt: skip
        axes.tick_params(labelsize=look.SMALL - 1.5)
    figure.supxlabel("rank of the truth among the draws, as a share", fontsize=look.SMALL)
    figure.supylabel("share of ranks below it, less its own", fontsize=look.SMALL)
    word = "calibrated" if calibration.ok else "rejected"
    told = f"{calibration.replicates} replicates, {word} at a false-alarm rate of {percent(calibration.rate)}"
    sheet.title(figure, f"{calibration.law}: ranks of the truth", told)
    return figure
