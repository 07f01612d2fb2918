"""The command line: arguments in, one call, an answer out.

Answers go to stdout, everything else to stderr; `--json` makes the answer one JSON object. Exit status: 0 good; 1 the
answer exists but is not to be believed (its verdict says why); 2 the input is at fault; 3 something outside failed.
Commands are imported when they are called, so that `--help` costs nothing.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from ..commands import COMMANDS, help_page


class _Lazy(click.Group):
    """A group whose commands are imported when they are run; its help needs only their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f".{module}", __name__), f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from ..errors import suggest

            raise click.UsageError(f"no command '{args[0]}'; {suggest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return help_page()


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import lawdsl

        click.echo(f"lawdsl {lawdsl.__version__}")
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version.")
def group() -> None:
    """Scaling laws as data."""


def run(arguments: list[str]) -> int:
    """Run the command line; the exit status."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # else JAX wakes an accelerator that the engine has no use for
    try:
        result = group.main(arguments, prog_name="lawdsl", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; nothing was written", err=True)
        return 130
    except (BrokenPipeError, SystemExit):
        # whoever read our output has closed it (click says so by SystemExit): leave without a word, and without
        # Python's own at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        click.echo("not enough memory for this; take fewer rows, points or draws", err=True)
        return 3
    except Exception as error:
        from ..errors import LawdslError  # here, so that help does not wait for it

        if not isinstance(error, LawdslError):
            raise
        for fault in error.faults:
            click.echo(_coloured(str(fault), fault.code), err=True)
        return error.status


def _coloured(text: str, code: str) -> str:
    return text.replace(code, click.style(code, fg="red", bold=True), 1)
