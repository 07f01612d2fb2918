"""What a run costs: an expression of the law's variables, in FLOP unless the asker says another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, LawError, Span, suggest
from lawdsl.evaluate import evaluate
from lawdsl.expression import Expression, Name, Number, Operation
from lawdsl.grammar import parse_expression
from lawdsl.law import Law
from lawdsl.source import Scalar

#: FLOP of training a parameter on a token, and of reading or writing one with it (Kaplan et al. 2020, section 2.1)
TRAINING, INFERENCE = 6.0, 2.0


def cost_of(law: Law, text: str | None = None) -> Expression:
    """The cost of a run: `text` if given, else the law's own variable of compute, else 6*N*D.

    Raises: AskError (ASK030) where the law has neither, or the text names what is no variable of the law.
    """
    known = {*law.inputs, *(v.name for v in law.variables if v.formula is not None)}
    if text is not None:
        where = f"--cost {text}"[:120]
        try:
            tree = parse_expression(Scalar(text, Span(where)))
        except LawError as error:
            raise AskError([Fault("ASK030", Span(where), f.message, f.cure) for f in error.faults]) from None
        unknown = sorted(law.needs(tree) - known)
        if unknown:
            message = f"a cost rests on variables alone, and '{unknown[0]}' is none"
            raise AskError(Fault("ASK030", Span(where), message, suggest(unknown[0], known)))
        return tree
    for variable in law.variables:
        if variable.quantity.unit == "FLOP" and variable.formula is not None and law.needs(variable.formula) <= known:
            return Name(variable.name)
    size, tokens = of_unit(law, "parameters"), of_unit(law, "tokens")
    if size is None or tokens is None:
        direct = of_unit(law, "FLOP")
        if direct is not None:
            return Name(direct)
        message = f"{law.name} has no variable of compute, and no N and D to make one of"
        raise AskError(Fault("ASK030", Span(law.name), message, "Say what a run costs: --cost '6*N*D'."))
    return Operation("*", (Operation("*", (Number(TRAINING), Name(size))), Name(tokens)))


def of_unit(law: Law, unit: str) -> str | None:
    """The first variable of that unit that the law is fitted on; tokens that were seen, not different ones."""
    names = [n for n in law.inputs if law.variable[n].quantity.unit == unit]
    return next((n for n in names if law.variable[n].quantity.kind != "unique"), None)


def costs(law: Law, cost: Expression, columns: Mapping[str, Any]) -> NDArray[np.float64]:
    """The cost at every point of `columns` (variable -> numbers)."""
    return np.asarray(evaluate(law, {"cost": cost}, columns)["cost"], dtype=float)
