"""Programs to JavaScript: the source of functions that give the numbers `Program` gives, for a page without Python.

What is written is made of operations and numbers alone. Names of a law, and its texts, never get into it: inputs and
outputs are places in arrays, and results are v0, v1, ... So no law file can put code into a page.

    source(program, rows)  ->  a function body `(f) => {"use strict"; ...; return {row, draw, value, ...}}`

`f` is the table `special` of `lawdsl/special.js`. A program's steps fall into three stages, each computed as rarely as
it can be: what rests on a row of data (`row(x, p)`), what rests on a draw of the parameters (`draw(a, d, k)`), and what
rests on both (`value(p, d, k, y, n)`, for n draws at once); x and a hold inputs in the order of `Source`, p and d what
was prepared, in d from place k on, so that one array holds many draws; y the outputs in their order, n numbers each.

A law of sequences remembers: `value` of one draw must be called for the rows of a run in their order, with n = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import AskError, Fault, Span
from .program import ROOT, Program, Step

#: operation -> JavaScript; with what `_Writer.step` writes, the keys are those of `lawdsl.backends`
_TEXTS: dict[str, Callable[..., str]] = {
    "add": lambda *a: " + ".join(a),
    "mul": lambda *a: "*".join(a),
    "neg": lambda a: f"-{a}",
    "reciprocal": lambda a: f"1/{a}",
    "square": lambda a: f"{a}*{a}",
    "pow": lambda a, b: f"f.pow({a}, {b})",
    "sqrt": lambda a: f"Math.sqrt({a})",
    "exp": lambda a: f"Math.exp({a})",
    "expm1": lambda a: f"Math.expm1({a})",
    "log": lambda a: f"Math.log({a})",
    "abs": lambda a: f"Math.abs({a})",
    "tanh": lambda a: f"Math.tanh({a})",
    "min": lambda *a: f"Math.min({', '.join(a)})",
    "max": lambda *a: f"Math.max({', '.join(a)})",
    "where": lambda c, a, b: f"{c} ? {a} : {b}",
    "<": lambda a, b: f"{a} < {b}",
    "<=": lambda a, b: f"{a} <= {b}",
    ">": lambda a, b: f"{a} > {b}",
    ">=": lambda a, b: f"{a} >= {b}",
    "==": lambda a, b: f"{a} == {b}",
    "!=": lambda a, b: f"{a} != {b}",
    "and": lambda *a: " && ".join(a),
    "or": lambda *a: " || ".join(a),
    "not": lambda a: f"!{a}",
    **{
        name: (lambda a, name=name: f"f.{name}({a})")
        for name in ("softplus", "sigmoid", "erf", "gamma", "loggamma", "digamma", "lambertw")
    },
}
#: operations that remember the row before, as {memory}
_REMEMBERED: dict[str, str] = {
    "recur": "{memory} = {2} > 0 ? {1} : {0}*{memory} + {1}",
    "previous": "{1} > 0 ? {0} : {memory}",
}


@dataclass(frozen=True)
class Source:
    """JavaScript of a program: `text`, and the names whose values stand in x (`rows`), a (`draws`), y (`outputs`)."""

    text: str
    rows: tuple[str, ...]
    draws: tuple[str, ...]
    outputs: tuple[str, ...]


def special() -> str:
    """The functions that sources call, as an ECMAScript module (`lawdsl/special.js`)."""
    return (Path(__file__).parent / "special.js").read_text("utf-8")


def source(program: Program, rows: Iterable[str] | None = None, outputs: Iterable[str] | None = None) -> Source:
    """A program in JavaScript; `rows` are the inputs that change from row to row, the program's data unless said, and
    `outputs` those of its outputs that are wanted, all unless said.

    Raises: AskError (ASK035) for a root of what looks along a run, which is not written.
    """
    data = program.data if rows is None else frozenset(rows)
    program = program if outputs is None else _without_the_rest(program, frozenset(outputs))
    names = list(dict.fromkeys(name for _, name, _ in program.inputs))
    row_names, draw_names = [n for n in names if n in data], [n for n in names if n not in data]
    stage = _stages(program, data)
    writer = _Writer(program, "v")
    kept: dict[str, list[int]] = {"row": [], "draw": []}
    reads: dict[str, list[str]] = {"row": [], "draw": []}
    lines: dict[str, list[str]] = {"": writer.constants(), "row": [], "draw": [], "both": []}
    for slot, name, log in program.inputs:
        array, place = ("x", row_names.index(name)) if name in data else ("a", draw_names.index(name))
        read = f"{array}[{place}]"
        lines[stage[slot]].append(writer.line(slot, f"Math.log({read})" if log else read))
    for step in (*program.early, *program.late):
        lines[stage[step.out]].append(writer.step(step))
    wanted = {a for step in program.late + program.early if stage[step.out] == "both" for a in step.arguments}
    wanted |= {slot for _, slot in program.outputs}
    for slot, of in sorted(stage.items()):
        if of in kept and slot in wanted:
            place = len(kept[of])
            array, offset = ("p", "") if of == "row" else ("d", "k + ")
            reads[of].append(writer.line(slot, f"{array}[{offset}{place}]"))
            lines[of].append(f"{array}[{offset}{place}] = {writer.name(slot)};")
            kept[of].append(slot)
    at = ["y[i]", "y[n + i]", *(f"y[{place}*n + i]" for place in range(2, len(program.outputs)))]
    each = [f"{array} = {writer.name(slot)};" for array, (_, slot) in zip(at, program.outputs, strict=False)]
    loop = f"for (let i = 0; i < n; i++, k += {len(kept['draw'])}) {{"
    lines["both"] = [*reads["row"], loop, *reads["draw"], *lines["both"], *each, "}"]
    functions = {"row": "row(x, p)", "draw": "draw(a, d, k)", "both": "value(p, d, k, y, n)"}
    body = [*writer.memories(), *lines[""], "return {", f"prepared: {len(kept['row'])}, drawn: {len(kept['draw'])},"]
    body += [f"{functions[of]} {{\n{_joined(lines[of])}}}," for of in functions]
    text = '(f) => {\n"use strict";\n' + _joined(body) + "};\n}"
    return Source(text, tuple(row_names), tuple(draw_names), tuple(name for name, _ in program.outputs))


def _without_the_rest(program: Program, outputs: frozenset[str]) -> Program:
    """The program of some of the outputs, without steps that they do not rest on."""
    kept = tuple(pair for pair in program.outputs if pair[0] in outputs)
    needed = {slot for _, slot in kept}
    steps = []
    for step in reversed((*program.early, *program.late)):
        if step.out in needed:
            needed.update(step.arguments)
            steps.append(step)
    inputs = tuple(one for one in program.inputs if one[0] in needed)
    constants = tuple(one for one in program.constants if one[0] in needed)
    return replace(program, inputs=inputs, constants=constants, early=(), late=tuple(reversed(steps)), outputs=kept)


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _stages(program: Program, data: frozenset[str]) -> dict[int, str]:
    """The stage of every slot: "row", "draw" or "both", and "" for what is constant."""
    found = {slot: "" for slot, _ in program.constants}
    found |= {slot: "row" if name in data else "draw" for slot, name, _ in program.inputs}
    for step in (*program.early, *program.late):
        below = {found[slot] for slot in step.arguments} - {""}
        found[step.out] = below.pop() if len(below) == 1 else "both" if below else ""
    return found


def number(value: float) -> str:
    """A double as JavaScript reads it back."""
    if math.isnan(value):
        return "NaN"
    return repr(float(value)) if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"


class _Writer:
    """Lines of JavaScript; roots inside roots have their own prefixes, so that no result hides another."""

    def __init__(self, program: Program, prefix: str, outer: tuple[str, ...] = ()):
        self.program, self.prefix, self.outer = program, prefix, outer
        self.remembered: list[str] = []
        self.inner = 0

    def constants(self) -> list[str]:
        return [self.line(slot, number(value)) for slot, value in self.program.constants]

    def memories(self) -> list[str]:
        return [f"let {name} = 0;" for name in self.remembered]

    def name(self, slot: int) -> str:
        return f"{self.prefix}{slot}"

    def line(self, slot: int, value: str) -> str:
        return f"const {self.name(slot)} = {value};"

    def step(self, step: Step) -> str:
        arguments = [self.name(slot) for slot in step.arguments]
        if step.operation in _REMEMBERED:
            memory = f"m{len(self.remembered)}"
            self.remembered.append(memory)
            line = self.line(step.out, _REMEMBERED[step.operation].format(*arguments, memory=memory))
            return line if step.operation == "recur" else f"{line} {memory} = {arguments[0]};"
        if step.operation.startswith(ROOT):
            return self.line(step.out, self.root(int(step.operation.removeprefix(ROOT)), arguments))
        if step.operation == "logsumexp":
            top = f"{self.name(step.out)}t"
            parts = " + ".join(f"Math.exp({one} - {top})" for one in arguments)
            largest = f"const {top} = f.finite(Math.max({', '.join(arguments)}));"
            return f"{largest} {self.line(step.out, f'{top} + Math.log({parts})')}"
        return self.line(step.out, _TEXTS[step.operation](*arguments))

    def root(self, number: int, arguments: list[str]) -> str:
        """A call that seeks the root of an inner program, which takes x and what it needs from outside."""
        low, high, *outside = arguments
        inner = _Writer(self.program.roots[number], f"{self.prefix}{self.inner}_")
        self.inner += 1
        if any(step.operation in _REMEMBERED for step in inner.program.early + inner.program.late):
            message = "a root is sought of what looks along a run"
            raise AskError(Fault("ASK035", Span(), message, "Such a law is computed by Python alone."))
        unknown = f"{inner.prefix}x"
        lines = inner.constants()
        for slot, name, log in inner.program.inputs:
            value = unknown if name == "x" else outside[int(name.removeprefix("a"))]
            lines.append(inner.line(slot, f"Math.log({value})" if log else value))
        lines += [inner.step(step) for step in (*inner.program.early, *inner.program.late)]
        result = inner.name(inner.program.outputs[0][1])
        return f"f.root(({unknown}) => {{\n{_joined(lines)}return {result};\n}}, {low}, {high})"
