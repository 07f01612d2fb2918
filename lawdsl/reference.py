"""The pages of reference, made from the code: `python -m lawdsl.reference docs/reference`.

The language from its closed tables (`lawdsl.shape`, `functions`, `units`, `families`, `words`, `limits`), the commands
from what their `--help` is made of, the error codes from `lawdsl.codes`. A test holds the pages in step.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from . import limits, shape, words
from .cli.examples import EXAMPLES
from .codes import CODES
from .commands import COMMANDS
from .families import FAMILIES
from .functions import FUNCTIONS, SEQUENTIAL
from .markdown import code, prose, table
from .numbers import SUFFIXES, short
from .units import KINDS, UNITS

MADE = "<!-- made by `python -m lawdsl.reference`: edit the code, not this page -->"


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {"language.md": language(), "commands.md": commands(), "codes.md": codes()}


# --- the language ----------------------------------------------------------------------------------------------------

_FORMS = """\
A law file is YAML, read with places and without its traps: scalars stay text until the language reads them, so `7B`
is a number and `no` is not a boolean; a key twice, anchors, aliases and tags are faults. In `{prior: Normal(0, 1)}`
the open parenthesis holds its comma. Nothing in a file is ever evaluated as code.

Keys in bold are required. A name is made of letters (Greek too), digits and `_`, begins with a letter, and has at
most 64 characters."""

_GRAMMAR = """\
One line, in Python's grammar, with `^` for power. It has numbers, names of the law, the operators below and calls of
the functions below, and nothing else: no attributes, no strings but as levels of a factor inside `where`.

| written | is |
| --- | --- |
| `a + b`, `a - b`, `a * b`, `a / b` | arithmetic |
| `a ^ b`, `a ** b` | power; `-a^2` is `-(a^2)`, and `a^b^c` is `a^(b^c)` |
| `a < b`, `<=`, `>`, `>=`, `==`, `!=`, `and`, `or`, `not` | comparisons, inside `where(c, a, b)` |
| `c[i]` | an element of a family, under `index` |
| `sum(i, ...)`, `prod(i, ...)` | a sum or product over an index, written out as it is read |
| `root(x, f, low, high)` | the x between low and high at which f is zero, differentiated through |"""

_BETWEEN = """\
`between: [low, high]` says the same in the field's own words: the central 90 % of the prior. It is log-normal where
both ends are positive, normal where they are not, and keeps to `bounds`."""

_POOLING = """\
A parameter with `by: factor` has a value for each level. `pool` says how they relate: `none`, each has the prior for
itself; `full`, they are one; `partial`, they scatter about a common value by a spread that the rows tell
(log-normally where the prior is of positive numbers)."""

_RULES = """\
A number of one unit becomes one of another where both measure the same thing. Kinds never convert: no factor turns
non-embedding parameters into total ones. Losses per token, per byte and per character differ by the text, so they do
not convert either; nats and bits do."""


def language() -> str:
    """The language: the keys of a law file, expressions, and the closed tables."""
    functions = [(code(f.name), _marked(f.about), prose(f.domain), _arity(f.arity)) for f in FUNCTIONS.values()]
    units = [(code(name), measure, short(size, 6)) for name, (measure, size) in UNITS.items()]
    families = [
        (code(f"{f.name}({', '.join(f.arguments)})"), prose(f.about), f"{short(f.support[0])} to {short(f.support[1])}")
        for f in FAMILIES.values()
    ]
    noises = [(code(name), _marked(about)) for name, about in words.NOISES.items()]
    statuses = [(code(name), text.partition(": ")[2]) for name, text in words.STATUS.items()]
    parts = [
        MADE,
        "# The language",
        _FORMS,
        "## A law file",
        *_block(shape.LAW, ""),
        "## Expressions",
        _GRAMMAR,
        "## Numbers",
        "Written `0.5`, `1e24`, `1_000`, or with a suffix: "
        + ", ".join(f"`{name}` {short(factor)}" for name, factor in SUFFIXES.items() if name != "k")
        + ". `inf` and `-inf` are allowed in bounds.",
        "## Functions",
        f"{len(FUNCTIONS)} functions; {', '.join(map(code, sorted(SEQUENTIAL)))} look along a run, by `sequence`.",
        table(("function", "is", "domain", "arguments"), functions),
        "## Units",
        _RULES,
        table(("unit", "measures", "in base units"), units),
        "## Kinds",
        table(("unit", "kinds"), [(code(unit), ", ".join(map(code, kinds))) for unit, kinds in KINDS.items()]),
        "## Priors",
        _BETWEEN,
        table(("prior", "is", "support"), families),
        _POOLING,
        "## Noise",
        "The law gives the mean; the family says how observations scatter about it.",
        table(("family", "is"), noises),
        "## Status",
        table(("status", "means"), statuses),
        "## Topics",
        ", ".join(map(code, shape.TOPIC.choices)) + ".",
        "## Limits",
        "Laws and tables come from strangers. What is larger is refused, with its place.",
        table(("limit", "of"), [(f"{value:,}" if value < 1e12 else f"{value:g}", about) for about, value in _limits()]),
    ]
    return _page(parts)


def _arity(arity: tuple[int, int | None]) -> str:
    fewest, most = arity
    return f"{fewest}" if fewest == most else f"{fewest} or more" if most is None else f"{fewest} to {most}"


def _marked(text: str) -> str:
    """A text whose backticks are Markdown's, all else escaped."""
    return "`".join(prose(part) if i % 2 == 0 else part for i, part in enumerate(text.split("`")))


def _block(block: shape.Block, path: str) -> list[str]:
    """A table of a block's keys, and the blocks below it, each under its own heading."""
    rows = []
    below: list[str] = []
    for key, entry in block.entries.items():
        inner, names = _inside(entry.shape)
        shown = f"**{code(key)}**" if entry.required else code(key)
        rows.append((shown, _form(entry.shape), _marked(entry.about)))
        if inner is not None and inner.entries:
            here = f"{path}.{key}".lstrip(".")
            lead = f"Under each name ({prose(names)})" if names else "Its keys"
            also = "" if inner.short is None else f"; in their place may stand {_form(inner.short)}"
            below += [f"### {code(here)}", f"{lead}{also}:", *_block(inner, here)]
    return [table(("key", "holds", "for"), rows), *below]


def _inside(one: shape.Shape) -> tuple[shape.Block | None, str]:
    """The block that a shape leads to, and what the names on the way are."""
    if isinstance(one, shape.Block):
        return one, ""
    if isinstance(one, shape.Many):
        return _inside(one.item)
    if isinstance(one, shape.Named):
        return _inside(one.value)[0], one.names
    if isinstance(one, shape.OneOrNamed):
        return one.block, ""
    return None, ""


def _form(one: shape.Shape) -> str:
    if isinstance(one, shape.Words):
        return ", ".join(map(code, one.choices)) if 0 < len(one.choices) <= 6 else prose(one.what)
    if isinstance(one, shape.Many):
        item = _form(one.item)
        return f"{item}, or a list" if one.one else f"a list: {item}"
    if isinstance(one, shape.Named):
        return f"by {prose(one.names)}: {_form(one.value)}"
    return "keys" if isinstance(one, shape.Block) else "keys, or several by name"


def _limits() -> Iterator[tuple[str, float]]:
    """What each limit is of, as the comment above it says, and its number."""
    about = ""
    for line in inspect.getsource(limits).splitlines():
        comment, name = re.match(r"#: (.*)", line), re.match(r"([A-Z_]+) = ", line)
        if comment is not None:
            about = comment[1]
        elif name is not None:
            yield about, getattr(limits, name[1])


# --- commands --------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command, from what its `--help` is made of."""
    intro = (
        "`lawdsl COMMAND --help` prints the same. Every command takes `--json`: one object on stdout, messages on"
        " stderr. Exit status: 0 good; 1 there is an answer, and it is not to be believed; 2 your input is at fault; 3"
        " something outside failed."
    )
    rows = [(f"[`{name}`](#{name})", prose(about)) for name, (_, about) in COMMANDS.items()]
    parts = [MADE, "# Commands", intro, table(("command", "does"), rows)]
    for name, (home, _) in COMMANDS.items():
        command: click.Command = getattr(import_module(f".cli.{home}", __package__), f"{name}_command")
        parts += _command(f"lawdsl {name}", command, 2)
    return _page(parts)


def _command(name: str, command: click.Command, level: int) -> list[str]:
    arguments = [p.human_readable_name.upper() for p in command.params if isinstance(p, click.Argument)]
    subcommands = sorted(command.commands.items()) if isinstance(command, click.Group) else []
    usage = " ".join([name, *arguments, *(["COMMAND"] if subcommands else []), "[OPTIONS]"])
    heading = name.removeprefix("lawdsl ")
    options = [
        (", ".join(map(code, [*p.opts, *p.secondary_opts])), _value(p), _marked(p.help or ""), _default(p))
        for p in command.params
        if isinstance(p, click.Option) and not p.hidden
    ]
    texts = [" ".join(part.split()) for part in inspect.cleandoc(command.help or "").split("\n\n")]
    epilog = inspect.cleandoc(command.epilog or "").replace("\b\n", "")
    examples = "\n".join(f"# {about}\n{text}" for about, text in EXAMPLES.get(heading, ()))
    return [
        f"{'#' * level} {heading}",
        *(_marked(part) for part in texts),
        f"```text\n{usage}\n```",
        *([table(("option", "takes", "for", "default"), options)] if options else []),
        *([f"```text\n{epilog}\n```"] if epilog else []),
        *([f"```sh\n{examples}\n```"] if examples else []),
        *(text for below, one in subcommands for text in _command(f"{name} {below}", one, level + 1)),
    ]


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return ", ".join(code(one) for one in option.type.choices)
    return code(option.metavar or option.type.name)


def _default(option: click.Option) -> str:
    shown = option.show_default and not option.is_flag and isinstance(option.default, str | int | float | Path)
    return code(option.default) if shown else ""


# --- codes -----------------------------------------------------------------------------------------------------------

_FAMILIES = {
    "LAW": "Law files",
    "TAB": "Tables and the catalogue",
    "ASK": "Points, questions, options",
    "FIT": "Fits and their files",
    "MEA": "Measuring",
    "ENV": "The surroundings",
}


def codes() -> str:
    """Every error code."""
    parts = [MADE, "# Error codes", "A code keeps its meaning for good. `lawdsl explain CODE` prints the same."]
    for prefix, title in _FAMILIES.items():
        own = {name: text for name, text in CODES.items() if name.startswith(prefix)}
        if own:
            parts.append(f"## {title}")
        parts += [f"### {name}: {_marked(about)}\n\n{_marked(text)}" for name, (about, text) in own.items()]
    return _page(parts)


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def write(folder: Path) -> int:
    """Write the pages into `folder`; how many changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = 0
    for name, content in pages().items():
        path = folder / name
        if not path.is_file() or path.read_text("utf-8") != content:
            path.write_text(content, encoding="utf-8")
            changed += 1
    return changed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lawdsl.reference FOLDER")
    print(f"{write(Path(sys.argv[1]))} pages changed")
