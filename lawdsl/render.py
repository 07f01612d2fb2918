"""A law back to text: canonical YAML (which reads as the same law), its equation in plain text, and LaTeX."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from .expression import Call, Comparison, Expression, Name, Number, Operation
from .functions import FUNCTIONS
from .law import Ask, Check, Law, Parameter, Prior, PublishedSet, Value, Variable
from .numbers import exact, short
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
    noise = law.noise
    return _filled(
        law=law.name,
        title=law.title,
        source=dict(law.source),
        status=law.status,
        about=law.about,
        variables={v.name: _variable(v) for v in law.variables},
        response={law.response.name: _quantity(law.response.quantity) | _filled(about=law.response.about)},
        factors={f.name: _filled(levels=list(f.levels) or ["any"], about=f.about) for f in law.factors},
        parameters={p.name: _parameter(p) for p in law.parameters},
        order=[list(group) for group in law.order],
        let={name: str(tree) for name, tree in law.let},
        equation=f"{law.response.name} = {law.equation}",
        noise=_filled(
            family=noise.family,
            on=noise.on,
            scale=str(noise.scale),
            error=noise.error,
            df=None if noise.df is None else str(noise.df),
            delta=_number(noise.delta) if noise.family == "huber" else None,
        ),
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
    )


def _variable(variable: Variable) -> dict[str, Any]:
    return _quantity(variable.quantity) | _filled(
        is_=None if variable.formula is None else str(variable.formula),
        domain=None if variable.domain == "positive" else variable.domain,
        range=None if variable.range is None else [_number(v) for v in variable.range],
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
    if value.se is not None and value.interval is None and value.status is None:  # the one form that a level may have
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
        | _filled(rel=check.rel, abs=check.abs, from_=check.source)
    )


GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
    " omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split()
)
_OWN = {"lam": r"\lambda", "eps": r"\varepsilon"}


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
        case Name(name=name):
            return latex_name(name)
        case Call(function=function, parts=parts):
            return _latex_call(function, parts)
        case Comparison(sign=sign, parts=parts):
            signs = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne", "and": r"\wedge", "or": r"\vee"}
            if sign == "not":
                return rf"\neg({latex(parts[0])})"
            return f" {signs.get(sign, sign)} ".join(latex(part) for part in parts)
        case Operation(sign="/", parts=(top, bottom)):
            return rf"\frac{{{latex(top)}}}{{{latex(bottom)}}}"
        case Operation(sign="^", parts=(base, power)):
            shown = latex(base)
            plain = isinstance(base, Name) and "_" not in shown or isinstance(base, Number) and base.value >= 0
            return f"{shown if plain else _bracketed(shown)}^{{{latex(power)}}}"
        case Operation(sign="*", parts=(left, right)):
            between = r" \cdot " if isinstance(right, Number) or _begins_with_number(right) else r" \, "
            return f"{_factor(left)}{between}{_factor(right)}"
        case Operation(sign="-", parts=(inner,)):
            return f"-{_factor(inner)}"
        case Operation(sign=sign, parts=(left, right)):
            tail = latex(right)
            minus = isinstance(right, Operation) and right.sign in "+-"
            return f"{latex(left)} {sign} {_bracketed(tail) if minus and sign == '-' else tail}"
    return str(expression)


def _begins_with_number(node: Expression) -> bool:
    while isinstance(node, Operation) and node.sign in "*^":
        node = node.parts[0]
    return isinstance(node, Number)


def _latex_number(number: Number) -> str:
    mantissa, _, exponent = short(number.value, 12).partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa


def _latex_call(function: str, parts: tuple[Expression, ...]) -> str:
    inner = ", ".join(latex(part) for part in parts)
    if function == "exp":
        return f"e^{{{inner}}}"
    if function == "sqrt":
        return rf"\sqrt{{{inner}}}"
    return f"{FUNCTIONS[function].latex}{_bracketed(inner)}"


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _factor(node: Expression) -> str:
    is_sum = isinstance(node, Operation) and node.sign in "+-"
    return _bracketed(latex(node)) if is_sum or (isinstance(node, Number) and node.value < 0) else latex(node)


def equation_text(law: Law) -> str:
    """The equation and its lets as lines of plain text."""
    lines = [f"{law.response.name} = {law.equation}"]
    used = law.needs(law.equation)
    lines += [f"  {name} = {tree}" for name, tree in law.let if name in used]
    return "\n".join(lines)


def equation_latex(law: Law) -> str:
    """The equation and its lets as a LaTeX `aligned` block."""
    used = law.needs(law.equation)
    rows = [f"{latex_name(law.response.name)} &= {latex(law.equation)}"]
    rows += [f"{latex_name(name)} &= {latex(tree)}" for name, tree in law.let if name in used]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
