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
    from .ask import Answer as Answer
    from .ask import ask as ask
    from .fit import fit as fit
    from .posterior import Posterior as Posterior
    from .posterior import open_fit as open_fit
    from .predict import Prediction as Prediction
    from .predict import predict as predict
    from .simulate import simulate as simulate
    from .verdict import Verdict as Verdict

_HOMES = {
    "Answer": "ask",
    "Posterior": "posterior",
    "Prediction": "predict",
    "Verdict": "verdict",
    "ask": "ask",
    "fit": "fit",
    "open_fit": "posterior",
    "predict": "predict",
    "simulate": "simulate",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'fitting' has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = found  # a function may share its module's name; the function is the public one
        return found


def __dir__() -> list[str]:
    return __all__
