"""`python -m lawdsl`, and the `lawdsl` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    asked = sys.argv[1:] in ([], ["--help"], ["-h"])
    if asked and "_LAWDSL_COMPLETE" not in os.environ:  # what is asked most needs no command line library
        from .commands import help_page

        _print(help_page())
        return
    try:
        from .cli import run
        from .cli.stopping import deaf

        status = run(sys.argv[1:])
        deaf()
    except KeyboardInterrupt:  # before the command line was there to catch it
        status = 130
    except Exception as error:
        if os.environ.get("LAWDSL_TRACEBACK"):
            raise
        status = _failed(error)
    sys.exit(status)


def _print(page: str) -> None:
    """Print, to a reader who may leave at any line."""
    try:
        print(page, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(error: Exception) -> int:
    """What nobody foresaw: a fault of ours. In one line, with the place; the traceback is there for the asking."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" ({os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno})"
    said = f"lawdsl itself failed{where}: {type(error).__name__}: {str(error)[:300]}"
    cure = "This is a mistake of ours. LAWDSL_TRACEBACK=1 shows the whole of it; please report it."
    print(f"{said}\n    {cure}", file=sys.stderr)
    return 3


if __name__ == "__main__":
    main()
