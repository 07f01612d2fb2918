"""Pictures of fits and of what is made of them: each function returns a matplotlib figure.

Functions of one axes draw into `ax` where it is given (then its figure is returned), else into a figure of their own,
which shows itself in a notebook; pyplot's state is never touched. `save(figure, "name.png")` writes a file. A dark
picture: `with matplotlib.rc_context(fitting.plots.DARK): ...`.

>>> import fitting
>>> rows = {"N": [1e8, 1e9] * 6, "D": [1e10, 2e10, 4e10] * 4, "L": [3.1, 2.8, 2.9, 2.6, 2.7, 2.5] * 2}
>>> figure = fitting.plots.curves(fitting.fit("chinchilla", rows, method="map"), against="N")
>>> figure.axes[0].get_ylabel()
'L (nats/token)'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lawdsl.look import DARK as DARK

    from .along import curves as curves
    from .budgets import frontier as frontier
    from .budgets import isoflops as isoflops
    from .budgets import isoloss as isoloss
    from .candidate_runs import candidates as candidates
    from .essentials import summary as summary
    from .forecasts import backtests as backtests
    from .forest import constants as constants
    from .forest import pairs as pairs
    from .forest import priors as priors
    from .panels import degradation as degradation
    from .rows import predictive as predictive
    from .rows import residuals as residuals
    from .several import answers as answers
    from .several import comparison as comparison
    from .several import moves as moves
    from .sheet import save as save
    from .simulated import ranks as ranks

_HOMES = {
    "DARK": "lawdsl.look",
    "answers": ".several",
    "backtests": ".forecasts",
    "candidates": ".candidate_runs",
    "comparison": ".several",
    "constants": ".forest",
    "curves": ".along",
    "degradation": ".panels",
    "frontier": ".budgets",
    "isoflops": ".budgets",
    "isoloss": ".budgets",
    "moves": ".several",
    "pairs": ".forest",
    "predictive": ".rows",
    "priors": ".forest",
    "ranks": ".simulated",
    "residuals": ".rows",
    "save": ".sheet",
    "summary": ".essentials",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'fitting.plots' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
