"""lawdsl: the language for scaling laws. Public names are loaded on first use, so that importing costs nothing.

>>> import lawdsl
>>> law = lawdsl.load("chinchilla")
>>> law.response.name, [variable.name for variable in law.variables]
('L', ['N', 'D', 'C'])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str

    from .errors import AskError as AskError
    from .errors import Fault as Fault
    from .errors import InputError as InputError
    from .errors import LawdslError as LawdslError
    from .errors import LawError as LawError
    from .errors import OutsideError as OutsideError
    from .errors import TableError as TableError
    from .evaluations import read_evaluations as read_evaluations
    from .law import Law as Law
    from .library import load as load
    from .library import parse as parse
    from .table import Table as Table
    from .table import bind as bind
    from .table import read_table as read_table

_HOMES = {
    "AskError": "errors",
    "Fault": "errors",
    "InputError": "errors",
    "Law": "law",
    "LawError": "errors",
    "LawdslError": "errors",
    "OutsideError": "errors",
    "Table": "table",
    "TableError": "errors",
    "bind": "table",
    "load": "library",
    "parse": "library",
    "read_evaluations": "evaluations",
    "read_table": "table",
}

__all__ = sorted([*_HOMES, "__version__"])

if not TYPE_CHECKING:  # type checkers must see only the names above, or a misspelt one would pass

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import PackageNotFoundError, version

            try:
                return version("lawdsl")
            except PackageNotFoundError:  # a checkout that was never installed
                return "0+unknown"
        if name not in _HOMES:
            raise AttributeError(f"module 'lawdsl' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
