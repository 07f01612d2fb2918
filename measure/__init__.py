"""Supplies observations: the rows that a law is fitted to.

A checkpoint, a number format and a text go in; losses come out, in nats per token and bits per byte, each with its
standard error and its provenance, as rows of the table that `lawdsl` binds to a law. The rows may also come from
anywhere else, so the language and the engine never import this package, and it imports neither the engine nor its
samplers. It needs the `measure` extra: `pip install 'lawdsl[measure]'`.

    plan = measure.read_plan("plan.yaml")
    store = measure.open_store(plan.store, plan)
    measure.run_sweep(plan, store)                  # then: lawdsl fit qid --data STORE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checkpoints import Description as Description
    from .checkpoints import Source as Source
    from .forecast import Forecast as Forecast
    from .forecast import forecast_sweep as forecast_sweep
    from .formats import Format as Format
    from .plan import Plan as Plan
    from .plan import read_plan as read_plan
    from .store import Store as Store
    from .store import open_store as open_store
    from .sweep import Summary as Summary
    from .sweep import run_sweep as run_sweep

_HOMES = {
    "Description": "checkpoints",
    "Forecast": "forecast",
    "Format": "formats",
    "Plan": "plan",
    "Source": "checkpoints",
    "Store": "store",
    "Summary": "sweep",
    "forecast_sweep": "forecast",
    "open_store": "store",
    "read_plan": "plan",
    "run_sweep": "sweep",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'measure' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
