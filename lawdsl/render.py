"""A law back to text: canonical YAML (which reads as the same law), its equation in plain text, and LaTeX."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from .expression import Call, Comparison, Expression, Local, Name, Number, Operation
from .functions import FUNCTIONS
from .law import SCALED, Ask, Check, Law, Noise, Parameter, Prior, PublishedSet, Simulation, Value, Variable
from .numbers import exact
from .units import Quantity


def canonical(law: Law) -> str:
    """The law as YAML in one fixed form: `parse(canonical(law)) == law`. Laws it uses are written out in it."""
    import yaml

    text: str = yaml.safe_dump(_law(law), sort_keys=False, width=100, allow_unicode=True, default_flow_style=None)
    return text


def digest(law: Law) -> str:
    """sha256 of the canonical text: the identity of a law, comments and layout apart."""
    return hashlib.sha256(canonical(law).encode()).hexdigest()


def _number(value: float) -> Any:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def _numbers(values: tuple[float | str, ...]) -> Any:
    found = [value if isinstance(value, str) else _number(value) for value in values]
    return found[0] if len(found) == 1 else found


def _filled(**entries: Any) -> dict[str, Any]:
    """The entries that say something."""
    return {
        key.rstrip("_"): value for key, value in entries.items() if value is not None and value not in ("", [], {}, ())
    }


def _quantity(quantity: Quantity) -> dict[str, Any]:
    return _filled(unit=quantity.unit, kind=quantity.kind)


def _law(law: Law) -> dict[str, Any]:
    equations = [f"{o.response.name} = {o.equation}" for o in law.outcomes]
    return _filled(
        law=law.name,
        title=law.title,
        source=dict(law.source),
        status=law.status,
        topics=list(law.topics),
        about=law.about,
        variables={v.name: _variable(v) for v in law.variables},
        response={
            o.response.name: _quantity(o.response.quantity) | _filled(about=o.response.about) for o in law.outcomes
        },
        factors={f.name: _filled(levels=list(f.levels) or ["any"], about=f.about) for f in law.factors},
        sequence=None if law.sequence is None else {"along": law.sequence.along, "by": law.sequence.by},
        parameters={p.name: _parameter(p) for p in law.parameters},
        order=[list(group) for group in law.order],
        let={name: str(tree) for name, tree in law.let},
        equation=equations[0] if len(equations) == 1 else equations,
        noise=_noises(law),
        ask={ask.name: _ask(ask) for ask in law.ask},
        published={published.name: _published(published) for published in law.published},
        checks=[_check(check) for check in law.checks],
        data=[
            _filled(
                table=data.table,
                map=dict(data.map),
                where=data.where,
                units={name: str(q) for name, q in data.units},
                fixed={name: _number(value) for name, value in data.fixed},
                missing="drop" if data.drop_missing else None,
            )
            for data in law.data
        ],
        simulate=None if law.simulation is None else _simulation(law.simulation),
    )


def _noises(law: Law) -> dict[str, Any] | None:
    """The noise, of several responses by name; nothing for a bound."""
    found = {o.response.name: _noise(o.noise) for o in law.outcomes if o.noise.family != "none"}
    return next(iter(found.values()), None) if len(law.outcomes) == 1 else found


def _noise(noise: Noise) -> dict[str, Any]:
    trees = {name: str(tree) for name, tree in noise.expressions.items()}
    return (
        _filled(
            family=noise.family,
            on=noise.on if noise.family in SCALED else None,
            error=noise.error,
            delta=_number(noise.delta) if noise.family == "huber" else None,
        )
        | trees
    )


def _simulation(simulation: Simulation) -> dict[str, Any]:
    values = {n: _number(v) if isinstance(v, float) else {k: _number(x) for k, x in v} for n, v in simulation.values}
    return _filled(
        set=simulation.set,
        with_=values,
        grid={name: [v if isinstance(v, str) else _number(v) for v in listed] for name, listed in simulation.grid},
        columns={name: str(tree) for name, tree in simulation.columns},
    )


def _variable(variable: Variable) -> dict[str, Any]:
    return _quantity(variable.quantity) | _filled(
        is_=None if variable.formula is None else str(variable.formula),
        domain=None if variable.domain == "positive" else variable.domain,
        range=None if variable.range is None else [_number(v) for v in variable.range],
        error=variable.error,
        about=variable.about,
    )


def _prior(prior: Prior | None) -> str | None:
    return None if prior is None else str(prior)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    from .check.parameters import DEFAULT_SPREAD, natural_support

    between = parameter.prior.between if parameter.prior else None
    bounded = parameter.support != natural_support(parameter.prior)
    return _filled(
        prior=None if between else _prior(parameter.prior),
        between=None if between is None else [_number(v) for v in between],
        bounds=[_number(v) for v in parameter.support] if bounded and parameter.free else None,
        fixed=None if parameter.fixed is None else _number(parameter.fixed),
        tied=None if parameter.tied is None else str(parameter.tied),
        by=list(parameter.by),
        pool=parameter.pool if parameter.by and parameter.pool != "none" else None,
        center=None if parameter.center is None else _number(parameter.center),
        spread=None if parameter.spread == DEFAULT_SPREAD else _prior(parameter.spread),
        about=parameter.about,
    )


def _ask(ask: Ask) -> Any:
    bare = Ask(ask.name, "value", ask.target)
    if ask == bare:
        return str(ask.target)
    what = f"{ask.target} = {ask.equals}" if ask.kind == "solve" else str(ask.target)
    return {ask.kind: what} | _filled(
        for_=ask.over[0] if ask.kind == "solve" else None,
        over=list(ask.over) if ask.kind in ("minimize", "maximize") else None,
        given=list(ask.given),
        subject_to=[f"{a} = {b}" for a, b in ask.constraints],
        report={name: str(tree) for name, tree in ask.report},
        within=None if ask.within is None else [_number(v) for v in ask.within],
        about=ask.about,
    )


def _value(value: Value) -> Any:
    if value.se is None and value.interval is None and value.status is None:
        return _number(value.value)
    if value.se is not None and value.interval is None and value.status is None:
        return f"{exact(value.value)} ± {exact(value.se)}"
    return _filled(
        value=_number(value.value),
        se=None if value.se is None else _number(value.se),
        interval=None if value.interval is None else [_number(v) for v in value.interval],
        level=value.level,
        status=value.status,
    )


def _published(published: PublishedSet) -> dict[str, Any]:
    values = {
        name: _value(v) if isinstance(v, Value) else {level: _value(one) for level, one in v}
        for name, v in published.values
    }
    return _filled(about=published.about, source=published.source, status=published.status) | values


def _check(check: Check) -> dict[str, Any]:
    expected = {("equals" if name == "value" else name): _numbers(values) for name, values in check.expected}
    return (
        _filled(
            set=check.set,
            ask=check.ask,
            at={name: _numbers(values) for name, values in check.at},
            value=None if check.value is None else str(check.value),
        )
        | expected
        | _filled(rel=check.rel, abs=check.abs, differs="yes" if check.differs else None, from_=check.source)
    )


#: name -> letter; LaTeX knows them by the same names
GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
        " omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(),
        "αβγδϵζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ",
        strict=True,
    )
)
_OWN = {"lam": r"\lambda", "eps": r"\varepsilon"}


#: characters of an expression's plain text that make one line of LaTeX, and that an exponent of e is read with ease
LINE, SHORT = 100, 24


def greek(word: str) -> str:
    """A word as its letter where it names one: alpha as α, dL as ΔL; else as it is."""
    if match := re.fullmatch(r"d([A-Z].*)", word):
        return f"Δ{match[1]}"
    bare = word.rstrip("0123456789")
    return {**GREEK, "lam": "λ", "eps": "ε"}.get(bare, bare) + word[len(bare) :]


def latex_name(name: str) -> str:
    """A name as the field prints it: `alpha_N` as a Greek letter with an index, `dL` as a difference."""
    if name in _OWN:
        return _OWN[name]
    head, _, tail = name.partition("_")
    if not tail and (match := re.fullmatch(r"([A-Za-z]+?)(\d+)", head)):
        head, tail = match.groups()
    if match := re.fullmatch(r"d([A-Z])", head):
        shown = rf"\Delta {match[1]}"
    elif head in GREEK:
        shown = rf"\{head}"
    elif len(head) > 1:
        shown = rf"\mathrm{{{head}}}"
    else:
        shown = head
    if not tail:
        return shown
    return f"{shown}_{{{_index(tail)}}}"


def _index(tail: str) -> str:
    return ",".join(latex_name(part) if part else "" for part in tail.split("_"))


def latex(expression: Expression) -> str:
    """An expression as LaTeX, in the order in which it was written."""
    match expression:
        case Number():
            return _latex_number(expression)
        case Name(name=name) | Local(name=name):
            return latex_name(name)
        case Call(function="root", parts=(unknown, inner, _, _)):
            left, right = zero(unknown, inner)
            return rf"\left\lbrace {latex(unknown)} : {latex(left)} = {latex(right)} \right\rbrace"
        case Call(function=function, parts=parts):
            return _latex_call(function, parts)
        case Comparison(sign=sign, parts=parts):
            signs = {"<=": r"\leq", ">=": r"\geq", "==": "=", "!=": r"\neq", "and": r"\wedge", "or": r"\vee"}
            if sign == "not":
                return rf"\neg({latex(parts[0])})"
            return f" {signs.get(sign, sign)} ".join(latex(part) for part in parts)
        case Operation(sign="/", parts=(top, bottom)):
            return rf"\frac{{{latex(top)}}}{{{latex(bottom)}}}"
        case Operation(sign="^", parts=(base, power)):
            shown = latex(base)
            plain = isinstance(base, (Name, Local, Number)) and not set(shown) & set("_^ -")
            return f"{shown if plain else _bracketed(shown)}^{{{latex(power)}}}"
        case Operation(sign="*", parts=(left, right)):
            between = r" \cdot " if isinstance(right, Number) or _begins_with_number(right) else r" \, "
            return f"{latex(left) if leads_minus(left) else _factor(left)}{between}{_factor(right)}"
        case Operation(sign="-", parts=(inner,)):
            return f"-{_factor(inner)}"
        case Operation(sign=sign, parts=(left, right)):
            return f"{latex(left)} {sign} {_term(right, sign)}"
    return str(expression)


def zero(unknown: Expression, inner: Expression) -> tuple[Expression, Expression]:
    """What a root solves, as two sides: `f - x` as x = f, anything else as f = 0."""
    if isinstance(inner, Operation) and inner.sign == "-" and inner.parts[1:] == (unknown,):
        return unknown, inner.parts[0]
    return inner, Number(0.0)


def _begins_with_number(node: Expression) -> bool:
    while isinstance(node, Operation) and node.sign in "*^":
        node = node.parts[0]
    return isinstance(node, Number)


def _latex_number(number: Number) -> str:
    """In digits, or as a power of ten: a suffix such as the B of 1B would read as a letter of the law."""
    value = number.value
    mantissa, _, exponent = f"{value:.11e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    if value == 0 or 1e-3 <= abs(value) < 1e5 or (1e5 <= abs(value) < 1e9 and len(mantissa) > 5):
        return exact(value)
    times = {"1": "", "-1": "-"}.get(mantissa, rf"{mantissa} \times ")
    return f"{times}10^{{{int(exponent)}}}"


def _latex_call(function: str, parts: tuple[Expression, ...]) -> str:
    if function in CHOOSING:
        rest = r"\text{otherwise}"
        rows = [f"{latex(value)} & {rest if c is None else latex(c)}" for value, c in cases(function, parts)]
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"
    inner = ", ".join(latex(part) for part in parts)
    if function == "exp" and len(str(parts[0])) <= SHORT:
        return f"e^{{{inner}}}"
    if function == "sqrt":
        return rf"\sqrt{{{inner}}}"
    if function == "abs":
        return rf"\left|{inner}\right|"
    return f"{FUNCTIONS[function].latex}{_bracketed(inner)}"


#: functions that choose among values, which print as cases
CHOOSING = frozenset({"where", "steps"})


def cases(function: str, parts: tuple[Expression, ...]) -> list[tuple[Expression, Expression | None]]:
    """The values of `where` or `steps`, each with its condition; None stands for what is left."""
    if function == "steps":
        x, *table = parts
        pairs = zip(table[:-1:2], table[1:-1:2], strict=True)
        return [*((value, Comparison("<=", (x, bound))) for bound, value in pairs), (table[-1], None)]
    condition, value, rest = parts
    if isinstance(rest, Call) and rest.function in CHOOSING:
        return [(value, condition), *cases(rest.function, rest.parts)]
    return [(value, condition), (rest, None)]


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def leads_minus(node: Expression) -> bool:
    """Whether an expression is written with a minus before its first letter."""
    while isinstance(node, Operation) and node.sign == "*":
        node = node.parts[0]
    unary = isinstance(node, Operation) and node.sign == "-" and len(node.parts) == 1
    return unary or (isinstance(node, Number) and node.value < 0)


def _term(node: Expression, sign: str) -> str:
    """A term behind its sign."""
    is_sum = isinstance(node, Operation) and node.sign in "+-" and sign == "-"
    return _bracketed(latex(node)) if is_sum or leads_minus(node) else latex(node)


def _factor(node: Expression) -> str:
    is_sum = isinstance(node, Operation) and node.sign in "+-"
    return _bracketed(latex(node)) if is_sum or leads_minus(node) else latex(node)


def definitions(law: Law) -> list[tuple[str, Expression]]:
    """What the equations print with: the responses', then the lets and derived variables that they rest on."""
    used = law.needs(*(o.equation for o in law.outcomes))
    derived = [(v.name, v.formula) for v in law.variables if v.formula is not None]
    return [
        *((o.response.name, o.equation) for o in law.outcomes),
        *((name, tree) for name, tree in [*law.let, *derived] if name in used),
    ]


def equation_text(law: Law) -> str:
    """The equation and its lets as lines of plain text."""
    return "\n".join(f"{'' if name in law.outcome else '  '}{name} = {tree}" for name, tree in definitions(law))


def terms(tree: Expression) -> list[tuple[str, Expression]]:
    """The terms of a sum with their signs, in order."""
    found: list[tuple[str, Expression]] = []
    pending = [("+", tree)]
    while pending:
        sign, node = pending.pop()
        if sign == "+" and isinstance(node, Operation) and node.sign in "+-" and len(node.parts) == 2:
            pending += [(node.sign, node.parts[1]), ("+", node.parts[0])]
        else:
            found.append((sign, node))
    return found


def _in_lines(tree: Expression) -> str:
    """An expression as LaTeX; a long sum goes on in further lines of the block."""
    if len(str(tree)) <= LINE:
        return latex(tree)
    text, length = "", 0
    for sign, term in terms(tree):
        length += len(str(term)) + 3
        if text and length > LINE:
            text, length = text + " \\\\\n&\\quad {}", len(str(term))
        text += f" {sign} {_term(term, sign)}" if text else latex(term)
    return text


def equation_latex(law: Law) -> str:
    """The equation and its lets as a LaTeX `aligned` block."""
    rows = [f"{latex_name(name)} &= {_in_lines(tree)}" for name, tree in definitions(law)]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
