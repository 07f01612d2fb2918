"""Programs: flat lists of operations that numpy and JAX run alike, made of expressions by `lawdsl.compile`.

They are plain values without a trace of sympy: kept as JSON, they are run where sympy was never imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .backends import Operations


@dataclass(frozen=True)
class Step:
    """One operation: `out = operation(*arguments)`; arguments are slots of earlier steps, inputs or constants."""

    operation: str
    arguments: tuple[int, ...]
    out: int


@dataclass(frozen=True)
class Program:
    """A compiled expression set.

    `inputs` are (slot, name, whether its log is wanted); `constants` (slot, value). `early` steps rest on `data` names
    alone. Outputs are slots by name. The operation `root 0` finds the zero of the output `f` of the program `roots[0]`
    in its input `x`. Programs are values: equal expressions compile to equal programs.
    """

    inputs: tuple[tuple[int, str, bool], ...]
    constants: tuple[tuple[int, float], ...]
    early: tuple[Step, ...]
    late: tuple[Step, ...]
    outputs: tuple[tuple[str, int], ...]
    data: frozenset[str]
    roots: tuple[Program, ...] = ()

    def as_json(self) -> list[Any]:
        """As lists, texts and numbers."""
        early, late = ([[s.operation, list(s.arguments), s.out] for s in steps] for steps in (self.early, self.late))
        inputs, constants, outputs = map(list, (self.inputs, self.constants, self.outputs))
        return [inputs, constants, early, late, outputs, sorted(self.data), [one.as_json() for one in self.roots]]

    @classmethod
    def from_json(cls, plain: list[Any]) -> Program:
        """The inverse of `as_json`. Raises: ValueError or TypeError for lists that are no program."""
        inputs, constants, early, late, outputs, data, roots = plain

        def steps(part: list[Any]) -> tuple[Step, ...]:
            return tuple(Step(str(name), tuple(map(int, read)), int(out)) for name, read, out in part)

        return cls(
            tuple((int(slot), str(name), bool(log)) for slot, name, log in inputs),
            tuple((int(slot), float(value)) for slot, value in constants),
            steps(early),
            steps(late),
            tuple((str(name), int(slot)) for name, slot in outputs),
            frozenset(map(str, data)),
            tuple(map(cls.from_json, roots)),
        )

    @property
    def prepared(self) -> tuple[int, ...]:
        """The slots that `prepare` fills: data inputs and early results which later steps, or the outputs, read."""
        made = {step.out for step in self.early} | {slot for slot, name, _ in self.inputs if name in self.data}
        read = {slot for step in self.late for slot in step.arguments} | {slot for _, slot in self.outputs}
        return tuple(sorted(made & read))

    def prepare(self, columns: Mapping[str, Any], operations: Operations) -> tuple[Any, ...]:
        """What rests on data alone, once per table, in the order of `prepared`."""
        slots: dict[int, Any] = dict(self.constants)
        for slot, name, wants_log in self.inputs:
            if name in self.data:
                slots[slot] = operations["log"](columns[name]) if wants_log else columns[name]
        self._run(self.early, slots, operations)
        return tuple(slots[slot] for slot in self.prepared)

    def finish(
        self, prepared: tuple[Any, ...], values: Mapping[str, Any], operations: Operations,
        logs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The outputs for parameter `values` (and, where known without rounding, their `logs`)."""
        slots: dict[int, Any] = dict(self.constants)
        slots.update(zip(self.prepared, prepared, strict=True))
        for slot, name, wants_log in self.inputs:
            if name not in self.data:
                known = logs.get(name) if wants_log and logs else None
                value = known if known is not None else values[name]
                slots[slot] = operations["log"](value) if wants_log and known is None else value
        self._run(self.late, slots, operations)
        return {name: slots[slot] for name, slot in self.outputs}

    def __call__(self, values: Mapping[str, Any], operations: Operations) -> dict[str, Any]:
        """The outputs for values of every input, data and parameters alike."""
        return self.finish(self.prepare(values, operations), values, operations)

    def _run(self, steps: tuple[Step, ...], slots: dict[int, Any], operations: Operations) -> None:
        for step in steps:
            arguments = [slots[slot] for slot in step.arguments]
            if step.operation.startswith(ROOT):
                inner = self.roots[int(step.operation.removeprefix(ROOT))]
                slots[step.out] = operations["root"](_function(inner, operations), *arguments)
            else:
                slots[step.out] = operations[step.operation](*arguments)


ROOT = "root "


def _function(program: Program, operations: Operations) -> Callable[..., Any]:
    """A root's program as f(x, the values it takes from outside)."""

    def f(x: Any, *outside: Any) -> Any:
        return program({"x": x, **{f"a{i}": value for i, value in enumerate(outside)}}, operations)["f"]

    return f
