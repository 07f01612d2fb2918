"""Where a process's CPU time goes: regions that exclude each other, drawn around functions from outside."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Clock:
    """CPU seconds by region. A region inside another takes its time from it; what no region holds is `rest`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.stack = ["rest"]
        self.last = 0.0  # the process's start: what the interpreter took is `rest` until the clock is told

    def turn(self) -> None:
        """Book the time since the last turn on the region that is open."""
        now = time.process_time()
        self.seconds[self.stack[-1]] += now - self.last
        self.last = now

    def mark(self, region: str) -> None:
        """Book all time so far since the last turn on `region`."""
        self.stack.append(region)
        self.turn()
        self.stack.pop()

    def call(self, region: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call inside a region."""
        self.turn()
        self.stack.append(region)
        try:
            return function(*args, **kwargs)
        finally:
            self.turn()
            self.stack.pop()

    def wrap(self, home: Any, name: str, region: str | Callable[..., str]) -> None:
        """Have `home.name` run inside a region from now on, or in the one that a function of its arguments names."""
        function = getattr(home, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            where = region if isinstance(region, str) else region(*args, **kwargs)
            return self.call(where, function, *args, **kwargs)

        setattr(home, name, wrapped)

    def imports(self) -> None:
        """Book imports of modules not yet loaded, wherever they happen."""
        self.wrap(sys.modules["_frozen_importlib"], "_find_and_load", "imports")
