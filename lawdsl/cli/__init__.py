"""The command line: arguments in, one call, an answer out.

Answers go to stdout, everything else to stderr; `--json` makes the answer one JSON object, and what went wrong one
too. Exit status: 0 good; 1 the answer exists but is not to be believed (its verdict says why); 2 the input is at fault;
3 something outside failed; 130 stopped by Ctrl-C, 143 by SIGTERM. Commands are imported when they are called, so that
`--help` costs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

import click

from ..commands import COMMANDS, help_page
from .command import Group
from .stopping import let_go, stoppable, stopped
from .terminal import colour, prepare

if TYPE_CHECKING:
    from ..errors import Fault


class _Lazy(Group):
    """A group whose commands are imported when they are run; its help needs only their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f".{module}", __name__), f"{cmd_name}_command")
        return command

    def get_help(self, ctx: click.Context) -> str:
        return help_page()


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import lawdsl

        click.echo(f"lawdsl {lawdsl.__version__}")
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version.")
def group() -> None:
    """Scaling laws as data."""


def run(arguments: list[str]) -> int:
    """Run the command line; the exit status."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # else JAX wakes an accelerator that the engine has no use for
    from .. import atomic
    from ..errors import Fault, LawdslError, Span

    prepare()
    before = len(atomic.answered)
    try:
        with stoppable():
            result = group.main(arguments, prog_name="lawdsl", standalone_mode=False, color=colour())
            _tell_of_cache()
            if sys.stdout is not None:
                sys.stdout.flush()
            return result if isinstance(result, int) else 0
    except LawdslError as error:
        return _failed(arguments, error.faults, error.status)
    except click.UsageError as error:
        from .command import wrong_use

        return _failed(arguments, [wrong_use(error, error.ctx or click.Context(group, info_name="lawdsl"))], 2)
    except (click.Abort, KeyboardInterrupt) as error:
        status, told = stopped(error, atomic.answered[before:])
        let_go(error)
        click.echo(told, err=True)
        return status
    except (BrokenPipeError, SystemExit):
        leave_quietly()
        return 0
    except MemoryError:
        fault = Fault("ASK095", Span(), "not enough memory for this", "Take fewer rows, points or draws.")
        return _failed(arguments, [fault], 3)
    except (OSError, click.FileError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fault = Fault(
            "ASK094", Span(str(error.filename or "")), reason, "Check the path, its rights, and the space there."
        )
        return _failed(arguments, [fault], 3)


def _tell_of_cache() -> None:
    """Say that the cache could not be used, if it was wanted."""
    cache = sys.modules.get("fitting.cache")  # not imported for this
    if cache is not None and (notes := cache.told()):
        from . import say

        for note in notes:
            say.note(note)


def _failed(arguments: list[str], faults: Iterable[Fault], status: int) -> int:
    """Say what went wrong: for people on stderr, and with --json as an object on stdout too."""
    from . import say

    faults = list(faults)
    try:
        if "--json" in arguments:
            say.as_json({"ok": False, "status": status, "faults": [fault.as_json() for fault in faults]})
        for fault in faults:
            say.fault(fault)
    except BrokenPipeError:
        leave_quietly()
    return status


def leave_quietly() -> None:
    """Whoever read our output has closed it (click says so by SystemExit): leave without a word, and without Python's
    own at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            try:
                os.dup2(nowhere, stream.fileno())
            except (OSError, ValueError, AttributeError):
                continue
