"""One page of the essentials of a fit."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..posterior import Posterior
from . import sheet
from .along import curves
from .forest import constants
from .rows import residuals

#: constants that the page has room for, with their levels
MOST = 9


def summary(posterior: Posterior, *, level: float = 0.9) -> Figure:
    """A page: the rows with the law's curves, the constants beside those that papers have (those of the equation, and
    without values per level; nine at most), and the residuals against every variable.

    >>> import fitting
    >>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
    >>> figure = fitting.plots.summary(fitting.fit("chinchilla", rows, method="map"))
    >>> len(figure.subfigs)
    3
    """
    law = posterior.law
    needed = law.needs(*(outcome.equation for outcome in law.outcomes))
    single = [name for name, draws in posterior.draws.items() if draws.ndim == 2]
    names = ([name for name in single if name in needed] or single or list(posterior.draws))[:MOST]
    moving = sum(low < high for low, high in posterior.ranges.values()) + 1
    lines = 1 + len(law.published)
    down = [-(-count // (2 if count == 4 else 3)) for count in (len(names), moving)]
    heights = [4.3, 0.45 + down[0] * (0.62 + 0.19 * lines), 0.45 + 2.2 * down[1]]
    figure = sheet.sheet((8.6, sum(heights)))
    top, middle, bottom = np.ravel(np.array(figure.subfigures(3, 1, height_ratios=heights)))
    curves(posterior, level=level, ax=top.add_subplot())
    constants(posterior, names, level=level, into=middle)
    residuals(posterior, into=bottom)
    return figure
