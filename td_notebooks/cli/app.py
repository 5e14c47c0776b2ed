"""The commands of ``td-notebooks``, put together; errors become a message and an exit code.

No option takes a secret: arguments of a process can be read by others on the machine. Secrets come
from the environment or a ``.env`` file.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import TalkdeskError
from . import exits
from .appconnect import appconnect_app
from .catalog import reports, schema
from .check import check
from .demo import demo
from .jobs import jobs_app
from .lake import export_lake, lake_app
from .login import login
from .report import report
from .sandbox import sandbox
from .streams import abandon_stdout, prepare, tell
from .sync import sync
from .week import week

_log = logging.getLogger("td_notebooks")


class Commands(TyperGroup):
    """The commands; what they raise on purpose becomes a message and an exit code."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Read the options that come before a command; some of them print, and end the program."""
        with _exit_codes():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with _exit_codes():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


@contextlib.contextmanager
def _exit_codes() -> Iterator[None]:
    """Turn what is raised on purpose into a message and an exit code.

    Bugs pass, and Python shows their traceback (without local variables).
    """
    try:
        yield
        return
    except TalkdeskError as error:
        tell(error)
        code = exits.exit_code(error)
    except KeyboardInterrupt as interrupt:
        code = exits.exit_code(interrupt)
        tell("told to end" if code == exits.TERMINATED else "interrupted")
        for note in getattr(interrupt, "__notes__", ()):
            tell(note)
    except OSError as error:
        code = exits.exit_code(error)
        if code != exits.NO_READER:
            tell(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
            _log.debug("where it happened:", exc_info=True)
        abandon_stdout()
    except EOFError:
        tell("there is nobody to ask. A secret can stand in TALKDESK_CLIENT_SECRET or in a file.")
        code = exits.USAGE
    except SystemExit as leaving:  # rich leaves with 1 when nobody reads the help it writes
        if not isinstance(leaving.__context__, BrokenPipeError):
            raise
        code = exits.NO_READER
    raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    help="Talkdesk reports as files and tables.",
    epilog=exits.SUMMARY,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(jobs_app, name="jobs")
app.add_typer(lake_app, name="lake")
app.add_typer(appconnect_app, name="appconnect")
for command in (report, sync, week, check, login, reports, schema, demo, sandbox):
    app.command()(command)
app.command("export")(export_lake)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"td-notebooks {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log what is sent; secrets are masked.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and stop.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )


def run() -> None:
    """Run the command that the process's arguments ask for."""
    prepare()
    for name in ("SIGTERM", "SIGHUP"):
        ending = getattr(signal, name, None)
        # Under nohup a signal is ignored already, and stays so.
        if ending and signal.getsignal(ending) == signal.SIG_DFL:
            signal.signal(ending, _end)
    app(prog_name="td-notebooks")


def _end(*signal_and_frame: object) -> NoReturn:
    # As an interrupt: files are tidied up, and the jobs under way are named.
    raise exits.Terminated
