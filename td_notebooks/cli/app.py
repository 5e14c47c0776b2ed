"""Commands of ``td-notebooks``.

No option takes a secret: arguments of a process can be read by others on the machine. Secrets come
from the environment or a ``.env`` file.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import TalkdeskError
from . import exits
from .demo import demo
from .jobs import jobs_app
from .options import Account, Format, Region, UseSandbox, Zone, open_client
from .sandbox import sandbox

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(
    help="Talkdesk reports as files and tables.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.add_typer(jobs_app, name="jobs")
app.command()(demo)
app.command()(sandbox)


@app.callback()
def _common(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log what is sent; secrets are masked.")
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )


@app.command()
def report(
    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Such as calls.")],
    start: Annotated[str, typer.Option("--from", help="First day or moment, included.")],
    end: Annotated[str, typer.Option("--to", help="Last day or moment, not included.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A .csv, .parquet, .json or .jsonl file."),
    ] = None,
    zone: Zone = "UTC",
    format: Format = None,
    timeout: Annotated[float, typer.Option(help="Seconds for everything.")] = 3600.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    account: Account = None,
    region: Region = None,
    use_sandbox: UseSandbox = False,
) -> None:
    """Pull a report of any length into one file, or to stdout as CSV."""
    from .exports import check_target, export

    check_target(output)
    with open_client(account, region, use_sandbox) as client:
        table = client.table(
            report_type,
            start,
            end,
            timezone=zone,
            format=format,
            timeout=timeout,
            progress=False if quiet else None,
        )
    export(table, output)
    if output:
        typer.echo(f"{output}: {table.num_rows:,} rows", err=True)


@app.command()
def check(account: Account = None, region: Region = None, use_sandbox: UseSandbox = False) -> None:
    """Try the way in, step by step, and say what is wrong and how to mend it."""
    from .check import run_check

    raise typer.Exit(run_check(account, region, use_sandbox))


@app.command()
def reports() -> None:
    """List the report types."""
    from ..reports.catalog import report_types, schema

    table = _table("type", "one row is", "columns", "format")
    for name in report_types():
        known = schema(name)
        count = str(len(known.columns)) if known.columns else "not published"
        table.add_row(name, known.row, count, known.default_format)
    _print(table)


@app.command("schema")
def show_schema(
    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Such as calls.")],
) -> None:
    """Show the columns of a report type."""
    from ..reports.catalog import schema

    known = schema(report_type)
    table = _table("column", "holds", "unit", "CSV header", "meaning", "known from")
    for column in known.columns:
        table.add_row(
            column.name,
            column.kind,
            column.unit or "",
            column.header,
            column.meaning,
            column.confidence,
        )
    typer.echo(
        f"{known.title}: one row is {known.row}; time column {known.time_column or 'unknown'}; "
        f"key {', '.join(known.primary_key) or 'unknown'}",
        err=True,
    )
    _print(table)


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    # A pipe has no width: nothing is folded for it.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def run() -> None:
    """Run a command; turn errors into one message and an exit code."""
    try:
        app()
    except TalkdeskError as error:
        typer.echo(f"td-notebooks: {error}", err=True)
        for note in getattr(error, "__notes__", []):
            typer.echo(note, err=True)
        sys.exit(exits.exit_code(error))
    except KeyboardInterrupt as interrupt:
        typer.echo("td-notebooks: interrupted", err=True)
        for note in getattr(interrupt, "__notes__", []):
            typer.echo(note, err=True)
        sys.exit(exits.INTERRUPTED)
