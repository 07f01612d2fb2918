"""Shell completion: the scripts for bash, zsh and fish, and what they ask for while a line is typed.

The shell calls `lawdsl` with the words typed so far; the command line's own declarations answer (`values` says what
each argument can be). Nothing heavy is loaded: the questions of a fit are read from the law's text in its file.
"""

from __future__ import annotations

import os
import re
from typing import Any

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete, add_completion_class

from . import say
from .command import command
from .options import JSON

#: click's, but folders are completed without a blank after them, and bash itself is not run to learn its version
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete $1 2>/dev/null)
    COMPREPLY=()
    for completion in $response; do
        local type="${completion%%%%,*}" value="${completion#*,}"
        if [[ $type == dir ]]; then
            compopt -o dirnames
        elif [[ $type == file ]]; then
            compopt -o default
        else
            [[ $value == */ ]] && compopt -o nospace
            COMPREPLY+=("$value")
        fi
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """bash 4.4 and later."""

    source_template = _BASH

    @staticmethod
    def _check_version() -> None:
        return None


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": ZshComplete, "fish": FishComplete}
add_completion_class(Bash, "bash")


@command("completion")
@click.argument("shell", required=False, type=click.Choice(tuple(SHELLS)), metavar="bash|zsh|fish")
@JSON
def completion_command(shell: str | None, as_json: bool) -> None:
    """Print the script that completes commands, options, laws, tables, fit files and questions in your shell.

    Without the name of a shell, the one that SHELL names.
    """
    from ..errors import AskError, Fault, Span

    name = shell or os.path.basename(os.environ.get("SHELL", ""))
    if name not in SHELLS:
        found = f"the shell '{name[:40]}' is none that is known" if name else "which shell is not said"
        raise AskError(Fault("ASK091", Span("lawdsl completion"), found, f"Name one: {', '.join(SHELLS)}."))
    root = click.get_current_context().find_root()
    script = SHELLS[name](root.command, {}, "lawdsl", "_LAWDSL_COMPLETE").source()
    if as_json:
        say.as_json({"shell": name, "script": script})
    else:
        click.echo(script.strip())


def questions(source: str) -> list[tuple[str, str]]:
    """The questions of a law, or of the law inside a fit file, with what each is; none where it cannot be read."""
    from ..errors import LawdslError

    try:
        text = _of_fit(source) if source.endswith(".nc") else _of_law(source)
        return _asked(text)
    except (LawdslError, OSError, KeyError, ValueError):
        return []


def _of_law(source: str) -> str:
    from ..library import find

    return find(source).read_text(encoding="utf-8")


def _of_fit(source: str) -> str:
    import h5py

    with h5py.File(source, "r") as file:
        found: Any = file.attrs["law"]
    return found.decode() if isinstance(found, bytes) else str(found)


def _asked(text: str) -> list[tuple[str, str]]:
    from ..source import Mapping, Scalar, compose

    block = compose(text, "law").get("ask")
    if not isinstance(block, Mapping):
        return []
    found = []
    for key, node in block:
        about = node.get("about") if isinstance(node, Mapping) else None
        found.append((key.text, re.sub(r"\s+", " ", about.text) if isinstance(about, Scalar) else ""))
    return found
