"""A command: its help in one form, with examples that run, and its wrong uses as faults.

The help is written here rather than by click, so that it keeps to a narrow terminal, says what a value is instead of
its Python type, and ends with examples (`examples`), each of which a test runs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import click

from ..errors import AskError, Fault, Span, suggest
from .examples import EXAMPLES
from .terminal import width

#: columns of the names of options; longer names stand on a line of their own
NAMES = 26


class Command(click.Command):
    """A click command with the project's help."""

    def get_help(self, ctx: click.Context) -> str:
        return "\n".join([*_head(self, ctx), *_options(self, ctx), *_examples(ctx)])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return parsed(super().parse_args, ctx, args)


class Group(click.Group):
    """A click group with the project's help; without a command it prints it."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def get_help(self, ctx: click.Context) -> str:
        names = self.list_commands(ctx)
        longest = max(map(len, names))
        rows = []
        for name in names:
            command = self.get_command(ctx, name)
            about = command.get_short_help_str(200) if command else ""
            rows += _row(f"  {name:{longest}}", about, longest + 4)
        return "\n".join([*_head(self, ctx), "", "Commands:", *rows, *_options(self, ctx), *_examples(ctx)])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(self.get_help(ctx))
            ctx.exit()
        return parsed(super().parse_args, ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if not ctx.resilient_parsing and args and args[0] not in known:
            if args[0].startswith("-"):
                raise click.NoSuchOption(args[0], ctx=ctx)
            raise AskError(Fault("ASK090", Span(ctx.command_path), f"no command '{args[0]}'", suggest(args[0], known)))
        return super().resolve_command(ctx, args)


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """The decorator of every command."""
    return click.command(name, cls=Command)


def parsed(parse: Callable[[click.Context, list[str]], list[str]], ctx: click.Context, args: list[str]) -> list[str]:
    """The parse of a command's arguments. Raises: AskError (ASK091) for what click cannot read."""
    try:
        return parse(ctx, args)
    except click.UsageError as error:
        raise AskError(wrong_use(error, ctx)) from None


def wrong_use(error: click.UsageError, ctx: click.Context) -> Fault:
    """What click could not read, as a fault: the option or argument, what was found, and the cure."""
    where, more = Span(ctx.command_path), f"`{ctx.command_path} --help` has an example of each use."
    usage = f"Usage: {ctx.command_path} {' '.join(ctx.command.collect_usage_pieces(ctx))}"
    if isinstance(error, click.NoSuchOption):
        cure = f"{_nearest(error.option_name, ctx)}{more}"
        return Fault("ASK091", where, f"no option '{error.option_name}'", cure)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        param = error.param
        if isinstance(param, click.Option):
            return Fault("ASK091", where, f"{param.opts[-1]} is missing", f"Add {_names(param, ctx)}. {more}")
        return Fault("ASK091", where, f"{param.make_metavar(ctx)} is missing", f"{usage}. {more}")
    if isinstance(error, click.BadOptionUsage):
        option = next((p for p in ctx.command.params if error.option_name in p.opts), None)
        if option is None or "requires" not in error.message:
            return Fault("ASK091", where, error.message.rstrip("."), more)
        shown = _names(option, ctx)
        return Fault("ASK091", where, f"{error.option_name} has no value", f"Write {shown}. {more}")
    if isinstance(error, click.BadParameter):
        param = error.param  # type: ignore[assignment]
        name = param.opts[-1] if isinstance(param, click.Option) else param.make_metavar(ctx) if param else ""
        if param is not None and isinstance(param.type, click.Choice):
            found = error.message.partition("'")[2].partition("'")[0]
            return Fault(
                "ASK091", where, f"{name}: '{found}' is none of its values", suggest(found, param.type.choices)
            )
        return Fault("ASK091", where, f"{name}: {error.message.rstrip('.')}", more)
    text = error.message.rstrip(".")
    extra = text.partition("(")[2].rstrip(")")
    if "unexpected extra argument" in text:
        cure = f"{usage}. Quote a value that holds blanks or *."
        return Fault("ASK091", where, f"'{extra[:60]}' is one thing too many", cure)
    return Fault("ASK091", where, text, more)


def _nearest(name: str, ctx: click.Context) -> str:
    from difflib import get_close_matches

    known = [opt for param in ctx.command.get_params(ctx) for opt in param.opts]
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"Did you mean '{near[0]}'? " if near else ""


# --- help ------------------------------------------------------------------------------------------------------------


def _head(command: click.Command, ctx: click.Context) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(ctx))
    lines = textwrap.wrap(f"Usage: {ctx.command_path} {pieces}", width(), subsequent_indent="    ")
    for paragraph in textwrap.dedent(command.help or "").split("\n\n"):
        lines += ["", *textwrap.wrap(" ".join(paragraph.split()), width(), initial_indent="  ", subsequent_indent="  ",
                                     break_on_hyphens=False)]  # fmt: skip
    return lines


def _options(command: click.Command, ctx: click.Context) -> list[str]:
    options = [param for param in command.get_params(ctx) if isinstance(param, click.Option) and not param.hidden]
    names = [_names(option, ctx) for option in options]
    hang = min(max(map(len, names), default=0), NAMES) + 4
    lines = ["", "Options:"]
    for option, name in zip(options, names, strict=True):
        lines += _row(f"  {name}", _about(option, ctx), hang)
    return lines


def _row(name: str, about: str, hang: int) -> list[str]:
    """A name and what it is, the text folded beside it, or below it where there is no room."""
    if width() - hang < 30:
        return [name, *textwrap.wrap(about, max(24, width()), initial_indent=" " * 6, subsequent_indent=" " * 6)]
    lines = textwrap.wrap(about, width() - hang, break_on_hyphens=False) or [""]
    first = [name, " " * hang + lines[0]] if len(name) + 2 > hang else [name.ljust(hang) + lines[0]]
    return [*(text.rstrip() for text in first), *(" " * hang + text for text in lines[1:])]


def _names(option: click.Parameter, ctx: click.Context) -> str:
    """`-o, --out FILE`."""
    opts = ", ".join(sorted(option.opts, key=len))
    if isinstance(option, click.Option) and (option.is_flag or option.count):
        return opts
    shown = option.metavar or (
        option.human_readable_name.upper()
        if isinstance(option.type, click.Choice)
        else option.type.get_metavar(option, ctx)
    )
    return f"{opts} {shown or option.type.name.upper()}"


def _about(option: click.Option, ctx: click.Context) -> str:
    extra = []
    if option.show_default and option.default is not None:
        extra.append(f"default: {option.default}")
    if option.required:
        extra.append("required")
    return (option.help or "") + (f"  [{'; '.join(extra)}]" if extra else "")


def _examples(ctx: click.Context) -> list[str]:
    return ["", "Examples:", *shown_examples(EXAMPLES.get(ctx.command_path.partition(" ")[2], ()))]


def shown_examples(examples: Iterable[tuple[str, str]]) -> list[str]:
    """Each example below what it is for, long ones continued on a further line as a shell reads them."""
    lines: list[str] = []
    for about, text in examples:
        lines += textwrap.wrap(about, width(), initial_indent="  # ", subsequent_indent="  # ")
        parts = textwrap.wrap(text, max(30, width() - 4), break_long_words=False, break_on_hyphens=False)
        joined = (" \\\n" + " " * 6).join(parts) if _whole(parts) else text
        lines += f"  {joined}".split("\n")
    return lines


def _whole(parts: list[str]) -> bool:
    """Whether no quoted text was cut."""
    return all(part.count("'") % 2 == 0 and part.count('"') % 2 == 0 for part in parts)
