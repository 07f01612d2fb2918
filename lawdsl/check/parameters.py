"""Parameters: priors, bounds, ties, levels and their pooling."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..errors import LawError, Span, suggest
from ..expression import Call, evaluate
from ..families import CENTRAL_90, FAMILIES
from ..functions import FUNCTIONS
from ..grammar import parse_expression
from ..law import Factor, Parameter, Prior
from ..source import Mapping, Node, Scalar
from .context import Context, items, text

#: what `spread` is when a law does not say: e^0.5 between levels is a lot for an exponent, little for a scale
DEFAULT_SPREAD = Prior("HalfNormal", (0.5,))

_CALLS = {
    **{name: (len(f.arguments), len(f.arguments)) for name, f in FAMILIES.items()},
    **{name: f.arity for name, f in FUNCTIONS.items()},
}


def read_prior(context: Context, node: Node | None) -> Prior | None:
    """A family with numbers for arguments; the numbers may be written as expressions such as log(0.02)."""
    if not isinstance(node, Scalar):
        return None
    try:
        tree = parse_expression(node, calls=_CALLS)
        if not isinstance(tree, Call) or tree.function not in FAMILIES:
            found = tree.function if isinstance(tree, Call) else node.text
            context.report("LAW025", node.span, f"'{found[:60]}' is not a distribution", suggest(found, FAMILIES))
            return None
        arguments = tuple(evaluate(part, {}) for part in tree.parts)
    except LawError as error:
        context.faults.extend(error.faults)
        return None
    except (KeyError, ValueError, OverflowError, ZeroDivisionError) as error:
        cure = "Its arguments are numbers, or functions of numbers such as log(0.02)."
        context.report("LAW025", node.span, f"this prior's arguments have no value ({error})", cure)
        return None
    family = FAMILIES[tree.function]
    for name, value in zip(family.arguments, arguments, strict=True):
        if not math.isfinite(value) or (name in family.positive and value <= 0):
            wanted = "positive and finite" if name in family.positive else "finite"
            context.report("LAW025", node.span, f"{name} = {value:g} in {node.text[:60]}", f"It must be {wanted}.")
            return None
    if family.name == "Uniform" and not arguments[0] < arguments[1]:
        context.report("LAW025", node.span, f"Uniform from {arguments[0]:g} to {arguments[1]:g}", "Low comes first.")
        return None
    return Prior(family.name, arguments)


def natural_support(prior: Prior | None) -> tuple[float, float]:
    """The support a prior has without bounds."""
    if prior is not None and prior.between is not None:
        return (0.0, math.inf) if prior.between[0] > 0 else (-math.inf, math.inf)
    if prior is None:
        return (-math.inf, math.inf)
    if prior.family == "Uniform":
        return (prior.arguments[0], prior.arguments[1])
    return FAMILIES[prior.family].support


def unconstrained(value: float, support: tuple[float, float]) -> float:
    """A parameter's value on the scale on which its support is the whole line: identity, log or logit."""
    low, high = support
    if math.isfinite(low) and math.isfinite(high):
        return math.log((value - low) / (high - value))
    if math.isfinite(low):
        return math.log(value - low)
    return -math.log(high - value) if math.isfinite(high) else value


def _between(pair: tuple[float, float], bounds: tuple[float, float] | None) -> tuple[Prior, tuple[float, float]]:
    """The prior whose central 90 % is `pair`: normal on the unconstrained scale of its support."""
    support = bounds or ((0.0, math.inf) if pair[0] > 0 else (-math.inf, math.inf))
    low, high = (unconstrained(value, support) for value in pair)
    mean, sd = (low + high) / 2, (high - low) / 2 / CENTRAL_90
    family = "Normal" if support == (-math.inf, math.inf) else "LogNormal" if support[1] == math.inf else "LogitNormal"
    return Prior(family, (mean, sd), between=pair), support


def read_parameter(
    context: Context, key: Scalar, node: Mapping, factors: dict[str, Factor], scope: Iterable[str]
) -> Parameter | None:
    """One entry of `parameters`; `scope` are the parameters it may be tied to."""
    name, given = key.text, {entry.text: entry.span for entry, _ in node}
    sources = [word for word in ("prior", "between", "fixed", "tied") if word in given]
    center = context.number(node.get("center"))
    if len(sources) > 1 or (not sources and center is None):
        found = " and ".join(f"`{word}`" for word in sources) or "neither prior nor number"
        cure = "Give one of prior, between, fixed, tied (or, for an effect that scatters about a number, center)."
        context.report("LAW025", key.span, f"parameter '{name}' has {found}", cure)
        return None
    bounds = context.pair(node.get("bounds"), "bounds")
    if "bounds" in given and bounds is None:
        return None
    about = text(node.get("about"))
    if "fixed" in given:
        value = context.number(node.get("fixed"))
        return None if value is None else Parameter(name, fixed=value, about=about)
    if "tied" in given:
        tied = context.expression(node.get("tied"), set(scope) - {name}, f"{name}.tied")
        return None if tied is None else Parameter(name, tied=tied, about=about)

    prior, support = None, bounds or (-math.inf, math.inf)
    if "between" in given:
        pair = context.pair(node.get("between"), "between")
        if pair is None:
            return None
        if bounds and not bounds[0] < pair[0] < pair[1] < bounds[1]:
            cure = f"Both numbers must lie inside the bounds, {bounds[0]:g} to {bounds[1]:g}."
            context.report("LAW026", given["between"], f"between {pair[0]:g} and {pair[1]:g}", cure)
            return None
        prior, support = _between(pair, bounds)
    elif "prior" in given:
        prior = read_prior(context, node.get("prior"))
        if prior is None:
            return None
        low, high = natural_support(prior)
        support = (max(low, support[0]), min(high, support[1]))
        if not support[0] < support[1]:
            cure = f"{prior.family} lies between {low:g} and {high:g}."
            context.report("LAW026", given["bounds"], "bounds that leave nothing of the prior", cure)
            return None
    grouping = _read_grouping(context, key, node, factors, given, center)
    if grouping is None:
        return None
    by, pool, spread = grouping
    if center is not None and not support[0] < center < support[1]:
        cure = f"Its values lie between {support[0]:g} and {support[1]:g}."
        context.report("LAW026", given["center"], f"center {center:g} of '{name}'", cure)
        return None
    return Parameter(name, prior, support, by=by, pool=pool, center=center, spread=spread, about=about)  # type: ignore[arg-type]


def _read_grouping(
    context: Context, key: Scalar, node: Mapping, factors: dict[str, Factor], given: dict[str, Span],
    center: float | None,
) -> tuple[tuple[str, ...], str, Prior | None] | None:  # fmt: skip
    by = tuple(item.text for item in items(node.get("by")))
    pool = text(node.get("pool")) or "none"
    for item in items(node.get("by")):
        if item.text not in factors:
            context.report("LAW034", item.span, f"'{item.text}' is not a factor", suggest(item.text, factors))
            return None
    for word in ("pool", "center", "spread"):
        if word in given and not by:
            cure = "Name the factor: by: quantizer."
            context.report("LAW034", key.span, f"parameter '{key.text}' has `{word}` but no `by`", cure)
            return None
    for word in ("center", "spread"):
        if word in given and pool != "partial":
            context.report("LAW034", key.span, f"parameter '{key.text}' has `{word}`", "It goes with pool: partial.")
            return None
    if center is not None and "prior" in given:
        context.report(
            "LAW034", key.span, f"'{key.text}' has both `prior` and `center`", "Keep one: the prior is the center's."
        )
        return None
    spread = read_prior(context, node.get("spread")) if "spread" in given else DEFAULT_SPREAD
    if spread is None:
        return None
    if natural_support(spread)[0] < 0:
        context.report(
            "LAW025", key.span, f"the spread of '{key.text}' could be negative", "Use HalfNormal(0.5) or such."
        )
        return None
    return by, pool, spread if pool == "partial" else None
