"""The closed table of prior families, with the parametrisation the field knows from numpyro and Stan."""

from __future__ import annotations

import math
from dataclasses import dataclass

INFINITY = math.inf


@dataclass(frozen=True)
class Family:
    """A family of distributions: its arguments in order, those of them that must be positive, and its support."""

    name: str
    arguments: tuple[str, ...]
    positive: tuple[str, ...]
    support: tuple[float, float]
    about: str


_TABLE = (
    Family("Normal", ("mean", "sd"), ("sd",), (-INFINITY, INFINITY), "bell curve"),
    Family("LogNormal", ("mean", "sd"), ("sd",), (0.0, INFINITY), "normal on the natural log; median exp(mean)"),
    Family("HalfNormal", ("sd",), ("sd",), (0.0, INFINITY), "normal folded at zero, for scales"),
    Family("HalfCauchy", ("scale",), ("scale",), (0.0, INFINITY), "heavy-tailed, for scales"),
    Family("Exponential", ("rate",), ("rate",), (0.0, INFINITY), "mean 1/rate"),
    Family("Gamma", ("shape", "rate"), ("shape", "rate"), (0.0, INFINITY), "mean shape/rate"),
    Family("InverseGamma", ("shape", "scale"), ("shape", "scale"), (0.0, INFINITY), "reciprocal of a gamma"),
    Family("Beta", ("a", "b"), ("a", "b"), (0.0, 1.0), "on the unit interval"),
    Family("LogitNormal", ("mean", "sd"), ("sd",), (0.0, 1.0), "normal on the logit"),
    Family("StudentT", ("df", "mean", "scale"), ("df", "scale"), (-INFINITY, INFINITY), "heavy-tailed bell curve"),
    Family("Cauchy", ("location", "scale"), ("scale",), (-INFINITY, INFINITY), "very heavy tails"),
    Family("Uniform", ("low", "high"), (), (-INFINITY, INFINITY), "flat between two numbers"),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _TABLE}

#: half-width of the central 90 % of a standard normal, in standard deviations: what `between` states
CENTRAL_90 = 1.6448536269514722
