"""`python -m lawdsl`, and the `lawdsl` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    if sys.argv[1:] in (["--help"], ["-h"]):  # what is asked most needs no command line library
        from .commands import help_page

        print(help_page())
        return
    from .cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
