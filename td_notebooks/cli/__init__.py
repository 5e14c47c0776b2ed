"""The command line: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; never return.

    Raises
    ------
    SystemExit
        With one of the codes in `td_notebooks.cli.exits`.
    """
    try:
        from .app import run

        run()
    except KeyboardInterrupt:  # before or after a command: nothing is under way
        sys.exit(130)
