"""The engine: a law and a table in, a posterior and its answers out.

>>> import lawdsl, fitting
>>> rows = {"N": [1e9, 2e9, 4e9] * 4, "D": ["20B", "40B", "80B", "160B"] * 3, "L": [2.6, 2.5, 2.4] * 4}
>>> post = fitting.fit(lawdsl.load("chinchilla"), rows, method="map")
>>> post.predict(N="7B", D="140B")[0].response
'L'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import plots as plots
    from .answers import Answer as Answer
    from .answers import Answers as Answers
    from .answers import ask as ask
    from .backtesting import Backtest as Backtest
    from .backtesting import backtest as backtest
    from .calibration import Calibration as Calibration
    from .calibration import calibrate as calibrate
    from .comparing import Comparison as Comparison
    from .comparing import compare as compare
    from .designing import Design as Design
    from .designing import design as design
    from .differences import Difference as Difference
    from .differences import difference as difference
    from .engine import fit as fit
    from .planning import Plan as Plan
    from .planning import plan as plan
    from .posterior import Posterior as Posterior
    from .posterior import open_fit as open_fit
    from .predicted import Predictions as Predictions
    from .predictions import Prediction as Prediction
    from .predictions import predict as predict
    from .rerunning import Rerun as Rerun
    from .rerunning import rerun as rerun
    from .simulation import simulate as simulate
    from .verdict import Verdict as Verdict

_HOMES = {
    "Answer": "answers",
    "Answers": "answers",
    "Backtest": "backtesting",
    "Calibration": "calibration",
    "Comparison": "comparing",
    "Design": "designing",
    "Difference": "differences",
    "Plan": "planning",
    "Posterior": "posterior",
    "Prediction": "predictions",
    "Predictions": "predicted",
    "Rerun": "rerunning",
    "Verdict": "verdict",
    "ask": "answers",
    "backtest": "backtesting",
    "calibrate": "calibration",
    "compare": "comparing",
    "design": "designing",
    "difference": "differences",
    "fit": "engine",
    "open_fit": "posterior",
    "plan": "planning",
    "plots": "plots",
    "predict": "predictions",
    "rerun": "rerunning",
    "simulate": "simulation",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'fitting' has no attribute {name!r}")
        from importlib import import_module

        home = import_module(f".{_HOMES[name]}", __name__)
        return home if name == "plots" else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
