"""A law: the frozen value that a checked law file becomes, and that everything else is made from.

Law = variables + parameters + an outcome (response, equation, noise) or several, and what the literature says of them.
It compares by value, hashes, and prints back as YAML (`lawdsl.render.canonical`). What was checked once is not checked
again below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from .expression import Expression
from .units import Quantity

Pool = Literal["none", "partial", "full"]


@dataclass(frozen=True)
class Variable:
    """A covariate. `formula` gives a derived variable (`C: {is: 6*N*D}`); `domain` is positive, real or unit; `error`
    names a column of known standard errors, in the variable's unit.
    """

    name: str
    quantity: Quantity
    about: str = ""
    formula: Expression | None = None
    domain: str = "positive"
    range: tuple[float, float] | None = None  # where the source fitted it, in the variable's unit
    error: str | None = None


@dataclass(frozen=True)
class Response:
    """What the law predicts."""

    name: str
    quantity: Quantity
    about: str = ""


@dataclass(frozen=True)
class Factor:
    """A discrete column. `levels` lists those allowed; empty where any may come."""

    name: str
    levels: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Prior:
    """A family of `lawdsl.families` with its arguments, or the central 90 % stated by `between`."""

    family: str
    arguments: tuple[float, ...]
    between: tuple[float, float] | None = None

    def __str__(self) -> str:
        from .numbers import exact

        return f"{self.family}({', '.join(exact(a) for a in self.arguments)})"


@dataclass(frozen=True)
class Parameter:
    """An unknown number of the law, or one per level of the factors in `by`.

    `support` is the open interval its values lie in. Exactly one of `prior`, `fixed`, `tied` is given, but for an
    effect with `center`, whose levels scatter about that number. With pool "partial" the levels are normal about a
    common centre, on the scale on which the support is the whole line (the log for positive parameters); `prior` is
    that of the centre, `spread` that of the standard deviation between levels.
    """

    name: str
    prior: Prior | None = None
    support: tuple[float, float] = (-math.inf, math.inf)
    fixed: float | None = None
    tied: Expression | None = None
    by: tuple[str, ...] = ()
    pool: Pool = "none"
    center: float | None = None
    spread: Prior | None = None
    about: str = ""

    @property
    def grouped(self) -> bool:
        """Whether it has a value per level."""
        return bool(self.by) and self.pool != "full"

    @property
    def free(self) -> bool:
        """Whether a fit estimates it."""
        return self.fixed is None and self.tied is None

    @property
    def neutral(self) -> float | None:
        """The value at which it changes nothing: a fixed number, an effect's centre, or 0 for a prior about 0."""
        if self.fixed is not None:
            return self.fixed
        if self.center is not None:
            return self.center
        mean = {"Normal": 0, "Cauchy": 0, "StudentT": 1}
        family = self.prior.family if self.prior is not None else ""
        return 0.0 if self.prior is not None and family in mean and self.prior.arguments[mean[family]] == 0 else None


#: families of noise about a location with a scale, and of shares and counts about a mean; a bound has neither
SCALED = ("normal", "student-t", "laplace", "huber", "lognormal", "logit-normal")
COUNTED = ("beta", "binomial", "beta-binomial", "poisson")


@dataclass(frozen=True)
class Noise:
    """How observations scatter about the law.

    `on`: the scale they scatter on (identity, log, logit); `scale`: the standard deviation there (for student-t and
    huber that of the core), an expression of parameters, variables and the predicted response; `error`: the name of a
    column of known standard errors in the response's unit, added in quadrature; `df`: degrees of freedom of student-t;
    `delta`: where huber turns linear, in scales; `correlation`: of neighbouring rows of a run, between 0 and 1.
    Of shares and counts the law gives the mean m: beta has the shapes m*concentration and (1 - m)*concentration,
    binomial and beta-binomial are shares of `trials`. The family of a bound is "none".
    """

    family: str
    on: str = "identity"
    scale: Expression | None = None
    error: str | None = None
    df: Expression | None = None
    delta: float = 1.345
    concentration: Expression | None = None
    trials: Expression | None = None
    correlation: Expression | None = None

    @property
    def expressions(self) -> dict[str, Expression]:
        """Its expressions by name."""
        named = {name: getattr(self, name) for name in ("scale", "df", "concentration", "trials", "correlation")}
        return {name: tree for name, tree in named.items() if tree is not None}


@dataclass(frozen=True)
class Outcome:
    """A response with the equation that gives its mean, and its noise."""

    response: Response
    equation: Expression
    noise: Noise


#: 1 in the first row of every run of a law with a sequence, else 0: a column that binding adds
FIRST = "first row of the run"


@dataclass(frozen=True)
class Sequence:
    """Rows that follow each other: those of one level of the factor `along`, in the order of the variable `by`."""

    along: str
    by: str


@dataclass(frozen=True)
class Simulation:
    """A design to simulate rows at: the product of the lists in `grid`, further `columns` as expressions of them.

    Constants are those of the published set `set`, and `values` (parameter -> number, or -> level -> number).
    """

    set: str | None
    grid: tuple[tuple[str, tuple[float | str, ...]], ...]
    columns: tuple[tuple[str, Expression], ...] = ()
    values: tuple[tuple[str, float | tuple[tuple[str, float], ...]], ...] = ()


@dataclass(frozen=True)
class Ask:
    """A named question.

    kind "value": `target` is an expression; "solve": `target` = `equals` for the one name of `over`;
    "minimize" and "maximize": `target` over the names of `over` subject to `constraints` (pairs of equal expressions).
    `given` are the names whose numbers the asker supplies; `report` names further expressions of the answer;
    `within` bounds the search, in the unit of the name sought.
    """

    name: str
    kind: Literal["value", "solve", "minimize", "maximize"]
    target: Expression
    equals: Expression | None = None
    over: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    constraints: tuple[tuple[Expression, Expression], ...] = ()
    report: tuple[tuple[str, Expression], ...] = ()
    within: tuple[float, float] | None = None
    about: str = ""


@dataclass(frozen=True)
class Value:
    """A published number: with its standard error, or an interval and that interval's level."""

    value: float
    se: float | None = None
    interval: tuple[float, float] | None = None
    level: float | None = None
    status: str | None = None


@dataclass(frozen=True)
class PublishedSet:
    """One paper's constants: parameter -> Value, or -> level -> Value for a grouped one."""

    name: str
    values: tuple[tuple[str, Value | tuple[tuple[str, Value], ...]], ...]
    about: str = ""
    source: str = ""
    status: str | None = None

    @cached_property
    def by_name(self) -> dict[str, Value | dict[str, Value]]:
        """The values as a dictionary."""
        return {name: v if isinstance(v, Value) else dict(v) for name, v in self.values}


@dataclass(frozen=True)
class Check:
    """A number the law must give back: with the constants of `set`, at a point, within `rel` or `abs` of it.

    `at` holds the point (numbers for variables, texts for factors); entries with several values go together, so that
    one check holds a whole row of a table. `ask` names a question whose answers are `expected`; else the names in
    `expected` are the response, a `let`, a derived variable, or `value`, which stands for the expression `value`.
    `differs` turns it round: the number is one that the literature prints beside these constants and that does not
    follow from them, so that it must be out of the tolerance.
    """

    set: str | None
    at: tuple[tuple[str, tuple[float | str, ...]], ...]
    expected: tuple[tuple[str, tuple[float, ...]], ...]
    ask: str | None = None
    value: Expression | None = None
    rel: float | None = None
    abs: float | None = None
    source: str = ""
    differs: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Data:
    """A table the law is fitted to: a catalogue id or a path, with its map, filter and units.

    `fixed`: parameters that a fit to this table holds, since its rows cannot tell them.
    """

    table: str
    map: tuple[tuple[str, str], ...] = ()
    where: str | None = None
    units: tuple[tuple[str, Quantity], ...] = ()
    drop_missing: bool = False
    fixed: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, repr=False)
class Law:
    """A checked law. See the module's text; `digest` in `lawdsl.render` identifies it.

    A notebook shows it as mathematics; `print` sets its equation in characters. `repr` is a line.
    """

    name: str
    title: str
    status: str
    variables: tuple[Variable, ...]
    parameters: tuple[Parameter, ...]
    outcomes: tuple[Outcome, ...]
    about: str = ""
    source: tuple[tuple[str, str], ...] = ()
    topics: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()
    sequence: Sequence | None = None
    order: tuple[tuple[str, ...], ...] = ()
    let: tuple[tuple[str, Expression], ...] = ()
    ask: tuple[Ask, ...] = ()
    published: tuple[PublishedSet, ...] = ()
    checks: tuple[Check, ...] = ()
    data: tuple[Data, ...] = ()
    simulation: Simulation | None = None

    def __repr__(self) -> str:
        from .shown import one_line

        return one_line(self)

    def __str__(self) -> str:
        from .typeset import law_text

        return law_text(self, 100)

    def _repr_markdown_(self) -> str:
        from .shown import page

        return page(self)

    def _repr_latex_(self) -> str:
        from .render import equation_latex

        return f"$$\n{equation_latex(self)}\n$$"

    @property
    def response(self) -> Response:
        """The response; of several the first."""
        return self.outcomes[0].response

    @property
    def equation(self) -> Expression:
        """The equation of the first response."""
        return self.outcomes[0].equation

    @cached_property
    def outcome(self) -> dict[str, Outcome]:
        """Outcomes by the name of their response."""
        return {outcome.response.name: outcome for outcome in self.outcomes}

    @cached_property
    def errors(self) -> dict[str, str]:
        """Columns of known standard errors: column -> the variable or response whose error it holds."""
        found = {o.noise.error: o.response.name for o in self.outcomes if o.noise.error is not None}
        return found | {v.error: v.name for v in self.variables if v.error is not None and v.name in self.inputs}

    @cached_property
    def variable(self) -> dict[str, Variable]:
        """Variables by name."""
        return {variable.name: variable for variable in self.variables}

    @cached_property
    def parameter(self) -> dict[str, Parameter]:
        """Parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def lets(self) -> dict[str, Expression]:
        """Named intermediate expressions, each after those it uses."""
        return dict(self.let)

    @cached_property
    def factor(self) -> dict[str, Factor]:
        """Factors by name."""
        return {factor.name: factor for factor in self.factors}

    @cached_property
    def sets(self) -> dict[str, PublishedSet]:
        """Published sets by name."""
        return {published.name: published for published in self.published}

    @cached_property
    def questions(self) -> dict[str, Ask]:
        """Questions by name."""
        return {ask.name: ask for ask in self.ask}

    @cached_property
    def definitions(self) -> dict[str, Expression]:
        """What a name of an expression stands for: lets, derived variables, tied parameters."""
        derived = {v.name: v.formula for v in self.variables if v.formula is not None}
        tied = {p.name: p.tied for p in self.parameters if p.tied is not None}
        return {**self.lets, **derived, **tied}

    def holding(self, fixed: Mapping[str, float]) -> Law:
        """The same law with parameters fixed at numbers."""
        parameters = tuple(
            Parameter(p.name, fixed=fixed[p.name], about=p.about) if p.name in fixed else p for p in self.parameters
        )
        data = tuple(replace(d, fixed=tuple(pair for pair in d.fixed if pair[0] not in fixed)) for d in self.data)
        return replace(self, parameters=parameters, data=data)

    def needs(self, *expressions: Expression) -> frozenset[str]:
        """Every name the expressions rest on, definitions followed to the end: variables, parameters."""
        found: set[str] = set()
        pending = [name for expression in expressions for name in expression.names()]
        while pending:
            name = pending.pop()
            if name in found:
                continue
            found.add(name)
            if name in self.outcome:
                pending.extend(self.outcome[name].equation.names())
            elif name in self.definitions:
                pending.extend(self.definitions[name].names())
        return frozenset(found)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The variables, not derived, that the equations and the noise rest on, in the order of the file."""
        needed = self.needs(*self.trees)
        if self.sequence is not None:
            needed |= {self.sequence.by}
        return tuple(v.name for v in self.variables if v.formula is None and v.name in needed)

    @property
    def trees(self) -> tuple[Expression, ...]:
        """The expressions that a fit computes: equations and noise."""
        return tuple(tree for o in self.outcomes for tree in (o.equation, *o.noise.expressions.values()))

    @cached_property
    def grouping(self) -> tuple[str, ...]:
        """The factors some grouped parameter depends on, or rows follow each other along, in the order of the file."""
        used = {name for p in self.parameters if p.grouped for name in p.by}
        if self.sequence is not None:
            used.add(self.sequence.along)
        return tuple(f.name for f in self.factors if f.name in used)
