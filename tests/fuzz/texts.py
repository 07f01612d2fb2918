"""Law files that nobody would write: number n of a seed is always the same text.

Half of them are laws of the library with some of their text changed: bytes, tokens, lines, pieces of other laws. The
others are written from the language's own pieces, put together without regard to whether they fit, so that they come
past the YAML reader and into the checks behind it.
"""

from __future__ import annotations

import random
import re
from functools import lru_cache

from lawdsl import library

#: what would touch the file that CANARY names, write to a module, or open a door, were it ever run
PAYLOADS = (
    "__import__('os').system('touch $CANARY')", "().__class__.__mro__[1].__subclasses__()", "exec('1')",
    "!!python/object/apply:os.system ['touch $CANARY']", "!!python/name:os.system", "${jndi:ldap://x}", "{{7*7}}",
    "lambda: 0", "[x for x in ()]", "open('/etc/passwd')", "f'{1}'", "N.__class__", "N[0]", "import os",
    "$(touch $CANARY)", "<script>alert(1)</script>", "%s%n", "../../../../etc/passwd", "/dev/zero",
    "file:///dev/random",
)  # fmt: skip
#: numbers at the ends of what there is, and things that look like numbers
NUMBERS = (
    "0", "-0", "1", "-1", "1e150", "1e151", "1e-150", "1e-400", "1e400", "nan", "inf", "-inf", ".5", "5.", "1_000",
    "7B", "100T", "1e24", "0x10", "0o7", "1e", "1e+", "7BB", "9" * 400, "0." + "0" * 400 + "1", "1/0", "½", "٣",
    "1e5000", "2^-1074", "True",
)  # fmt: skip
NAMES = (
    "N", "D", "L", "E", "A", "B", "alpha", "beta", "sigma", "k", "P", "V", "exp", "log", "sum", "cumsum", "where",
    "gamma", "I", "pi", "S", "None", "lambda", "class", "__class__", "_", "é", "ℵ", "ＡＢ", "a" * 300, "on", "no", "y",
    "null", "~", "x y", "",
)  # fmt: skip
FUNCTIONS = (
    "exp", "log", "log2", "log10", "sqrt", "abs", "min", "max", "where", "softplus", "sigmoid", "erf", "gamma",
    "loggamma", "lambertw", "sum", "prod", "cumsum", "previous", "recur", "tanh", "sin", "eval", "Piecewise",
)  # fmt: skip
OPERATORS = (
    "+", "-", "*", "/", "^", "**", "%", "//", "<", "<=", "==", "!=", " and ", " or ", "@", "<<", ":=", ",", " if ", "=",
)  # fmt: skip
PRIORS = (
    "Normal(0, 1)", "LogNormal(log(0.02), 3)", "HalfNormal(0.1)", "Uniform(0, 1)", "Beta(2, 2)", "Gamma(2, 1)",
    "Cauchy(0, 1)", "Normal(1, 0)", "Normal(0, -1)", "Uniform(1, 1)", "LogNormal(1e300, 1)", "Normal(0)",
    "Dirichlet(1, 1)", "TruncatedNormal",
)  # fmt: skip
UNITS = (
    "parameters", "tokens", "bits", "FLOP", "nats/token", "bits/byte", "steps", "fraction", "bananas", "tokens^2", "1",
)  # fmt: skip
KEYS = (
    "law", "title", "source", "status", "about", "variables", "response", "responses", "parameters", "equation", "let",
    "use", "factors", "noise", "ask", "published", "checks", "data", "index", "residual", "solve_for", "simulate",
    "disagreements",
)  # fmt: skip
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@lru_cache(maxsize=1)
def seeds() -> tuple[str, ...]:
    """The texts of the library's laws."""
    home = library.folder()
    return tuple((home / f"{name}.yaml").read_text(encoding="utf-8") for name in library.names())


def text(number: int, seed: int = 0) -> str:
    """Text `number` of a seed."""
    chance = random.Random(f"{seed} {number}")
    return _altered(chance) if chance.random() < 0.5 else _written(chance)


# --- laws of the library, altered ------------------------------------------------------------------------------------


def _altered(chance: random.Random) -> str:
    text = chance.choice(seeds())
    if chance.random() < 0.7:  # most of a long law is read for nothing: keep the head of its lists
        text = _without_lists(text)
    for _ in range(min(8, 1 + int(chance.expovariate(0.7)))):
        text = chance.choice((_characters, _tokens, _tokens, _lines, _spliced))(text, chance)
    return text


def _without_lists(text: str) -> str:
    for key in ("published", "checks", "data", "simulate"):
        text = re.sub(rf"^{key}:.*\n(?:[ \t-].*\n|\n)*", "", text, flags=re.MULTILINE)
    return text


def _characters(text: str, chance: random.Random) -> str:
    if not text:
        return text
    at = chance.randrange(len(text))
    new = chance.choice("\x00\t\n\r \"'{}[]()#&*!|>%@`,:?-=^~\\<é\ufeff\u2028𝔸" + chr(chance.randrange(1, 0x3000)))
    new = chance.choice(("", new, new * chance.choice((1, 2, 300))))
    return text[:at] + new + text[at + chance.choice((0, 1, 1, 9)) :]


def _tokens(text: str, chance: random.Random) -> str:
    words = _WORDS.findall(text)
    if not words:
        return text
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(words))
        words[at] = chance.choice((_number, _name, _payload, _operator, _expression, _unit))(chance)
    return "".join(words)


def _lines(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    deed = chance.randrange(5)
    if deed == 0:
        del lines[at]
    elif deed == 1:
        lines.insert(other, lines[at])
    elif deed == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif deed == 3:
        lines[at] = chance.choice((" ", "    ", "\t", "- ")) + lines[at]
    else:
        lines[at:] = lines[at : at + 1] * chance.choice((2, 40, 400))
    return "".join(lines)


def _spliced(text: str, chance: random.Random) -> str:
    other = chance.choice(seeds())
    return text[: chance.randrange(len(text) + 1)] + other[chance.randrange(len(other)) :]


# --- laws from pieces ------------------------------------------------------------------------------------------------


def _number(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return chance.choice(NUMBERS)
    return f"{10 ** chance.uniform(-12, 24):.{chance.randrange(1, 17)}g}"


def _name(chance: random.Random) -> str:
    return chance.choice(NAMES)


def _payload(chance: random.Random) -> str:
    return chance.choice(PAYLOADS)


def _operator(chance: random.Random) -> str:
    return chance.choice(OPERATORS)


def _unit(chance: random.Random) -> str:
    return chance.choice(UNITS)


def _expression(chance: random.Random, depth: int = 0) -> str:
    kind = chance.random()
    if depth > 7 or kind < 0.35:
        return chance.choice((_name, _name, _number))(chance) if chance.random() < 0.97 else _payload(chance)
    if kind < 0.75:
        return f"{_expression(chance, depth + 1)} {_operator(chance)} {_expression(chance, depth + 1)}"
    if kind < 0.85:
        return f"({_expression(chance, depth + 1)})"
    if kind < 0.97:
        parts = ", ".join(_expression(chance, depth + 1) for _ in range(chance.choice((1, 1, 2, 3, 0))))
        return f"{chance.choice(FUNCTIONS)}({parts})"
    return "(" * (many := chance.choice((3, 90, 110, 2000))) + "N" + ")" * many


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _flow(chance: random.Random, entries: dict[str, str]) -> str:
    pairs = (f"{_quoted(key) if chance.random() < 0.1 else key}: {value}" for key, value in entries.items())
    return "{" + ", ".join(pairs) + "}"


def _parameter(chance: random.Random) -> str:
    kinds = {
        "prior": _quoted(chance.choice(PRIORS)),
        "between": f"[{_number(chance)}, {_number(chance)}]",
        "bounds": f"[{_number(chance)}, {_number(chance)}]",
        "tied": _quoted(_expression(chance, 5)),
        "fixed": _number(chance),
        "by": chance.choice(("run", "k", "N")),
        "pool": chance.choice(("none", "partial", "full", "x")),
        "index": chance.choice(("n", "i", "3")),
        "order": "[A, B]",
    }
    return _flow(chance, {key: kinds[key] for key in chance.sample(sorted(kinds), chance.choice((1, 1, 1, 2, 3)))})


def _equation(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return "L = E + A/N^alpha + B/D^beta"
    return _quoted(f"L = {_expression(chance)}")


def _noise(chance: random.Random) -> str:
    return _flow(chance, {
        "family": chance.choice(("normal", "student-t", "laplace", "beta", "poisson", "binomial", "x")),
        "on": chance.choice(("log", "identity", "logit", "x")),
        "scale": _quoted(_expression(chance, 5)),
        "error": chance.choice(("se", "L", "7")),
    })  # fmt: skip


def _question(chance: random.Random) -> str:
    return chance.choice((
        _quoted(_expression(chance, 4)),
        "{solve: L = q, for: D, given: [N, q]}",
        "{minimize: L, over: [N, D], given: [C]}",
        f"{{solve: {_quoted(_expression(chance, 5))}, for: {chance.choice(NAMES[:9])}}}",
    ))  # fmt: skip


def _check(chance: random.Random) -> str:
    at, response = f"{{N: {_number(chance)}, D: {_number(chance)}}}", _number(chance)
    return f"[{{set: paper, at: {at}, L: {response}, rel: 0.1}}]"


def _written(chance: random.Random) -> str:
    """A law with the names that most laws have, each of its blocks sound four times in five."""

    def sound() -> bool:
        return chance.random() < 0.8

    names = ("N", "D") if sound() else tuple(chance.choice(NAMES) for _ in range(3))
    letters = ("E", "A", "B", "alpha", "beta", "sigma") if sound() else tuple(chance.choice(NAMES) for _ in range(6))
    units = zip(names, ("parameters", "tokens", "1"), strict=False)
    blocks = {
        "law": "t" if sound() else _payload(chance),
        "variables": _flow(chance, {name: _flow(chance, {"unit": unit}) for name, unit in units}),
        "response": _flow(chance, {"L": _flow(chance, {"unit": "nats/token" if sound() else _unit(chance)})}),
        "parameters": _flow(chance, {n: "{between: [0.1, 2]}" if sound() else _parameter(chance) for n in letters}),
        "equation": _equation(chance),
        "noise": "{family: normal, on: log, scale: sigma}" if sound() else _noise(chance),
    }
    more = {
        "let": _flow(chance, {chance.choice(NAMES[:12]): _quoted(_expression(chance, 3)) for _ in range(3)}),
        "factors": _flow(chance, {"run": "any", "k": "[a, b]"}),
        "index": _flow(chance, {"i": chance.choice(("3", "[web, code]", "64", "65", "0", "1e9"))}),
        "use": _flow(chance, {"x": chance.choice(("chinchilla", "t", "/dev/zero", "../../x", "qid"))}),
        "ask": _flow(chance, {"q": _question(chance)}),
        "published": _flow(chance, {"paper": _flow(chance, {n: _number(chance) for n in letters})}),
        "checks": _check(chance),
        "data": _flow(chance, {"table": "t.csv", "where": _quoted(_expression(chance, 5)), "map": "{N: n}"}),
        "status": chance.choice(("published", "recalled", "bound", "x")),
        chance.choice(KEYS): chance.choice((_number, _name, _payload, _expression))(chance),
    }
    blocks |= {key: more[key] for key in chance.sample(list(more), chance.choice((0, 1, 2, 4)))}
    if not sound():
        blocks.pop(chance.choice(list(blocks)))
    return "".join(f"{key}: {value}\n" for key, value in blocks.items())
