"""What is said on stdout and stderr, whatever the shell made of them.

They may be unable to show more than ASCII, be a pipe that nobody reads any more, or a full disk.
"""

from __future__ import annotations

import codecs
import functools
import io
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

_IN_ASCII = {
    "✓": "ok",
    "✗": "!!",
    "→": "->",
    "…": "...",
    "•": "*",
    "·": "-",
}  # fmt: skip

# The library's messages speak to somebody at a Python prompt.
_SHELL_WORDS = (
    (r"client\.job\('([^']+)', '([^']+)'\)", ("jobs", "wait")),
    (r"client\.jobs\('([^']+)'\)", ("jobs", "list")),
    (r"report_types\(\)", ("reports",)),
    (r"lake\.sync\('([^']+)', (--since) ([^)]+)\)", ("sync",)),
)
_SHELL_OPTIONS = r"\b(since|account)='([^']+)'"


def prepare() -> None:
    """Make printing safe in any locale, and warnings one line on stderr."""
    _open_what_is_closed()
    codecs.register_error("td_notebooks", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="td_notebooks", line_buffering=True)
    warnings.showwarning = lambda message, *where: tell(message)


def _open_what_is_closed() -> None:
    """Put nothing in the place of a stream that the shell closed (``>&-``).

    Its number would else go to the next file that is opened, which would get what is printed.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nothing)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    spelt = (_IN_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in text)
    return "".join(spelt), error.end


def say(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def tell(what: object) -> None:
    """Say one thing on stderr; an exception with its notes, each on a line of its own."""
    lines = [str(what) or type(what).__name__, *getattr(what, "__notes__", ())]
    say("td-notebooks: " + in_shell_words("\n".join(lines)))


def in_shell_words(text: str) -> str:
    """Put the commands of the shell where a message names methods of the client.

    Examples
    --------
    >>> in_shell_words("client.job('calls', '7f') comes back to it.")
    '`td-notebooks jobs wait calls 7f` comes back to it.'
    """
    text = re.sub(_SHELL_OPTIONS, lambda said: f"--{said[1]} {shlex.quote(said[2])}", text)
    for pattern, command in _SHELL_WORDS:
        text = re.sub(pattern, functools.partial(_command, command), text)
    return text.replace("td.connect(sandbox=True)", "--sandbox").replace(
        "Give them to td.connect(...), or set", "Set"
    )


def _command(words: Sequence[str], found: re.Match[str]) -> str:
    return f"`{shlex.join(['td-notebooks', *words, *found.groups()])}`"


def abandon_stdout() -> None:
    """Drop what stdout cannot take, so that leaving the interpreter does not complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: a table in a terminal, tab-separated lines without headings elsewhere."""
    printable = [[_one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in printable:
            print("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in printable:
        table.add_row(*map(Text, row))  # as text: brackets are no markup
    Console().print(table)


def _one_line(cell: str) -> str:
    """Keep names that people chose from breaking lines or commanding the terminal."""
    return "".join(c if c.isprintable() else " " for c in cell)
