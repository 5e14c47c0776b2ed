"""``td-notebooks report``: a report of any length into one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exports import check_excel_safe, check_folder, check_suffix, check_target, export
from .options import Account, ExcelSafe, Profile, Quiet, Region, ReportType, UseSandbox, open_client
from .streams import say


def report(
    report_type: ReportType,
    start: Annotated[
        str, typer.Option("--from", help="First day, 2026-08-01, or moment, 2026-08-01T09:30.")
    ],
    end: Annotated[str, typer.Option("--to", help="Last day or moment, not included.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A .csv, .parquet, .json, .jsonl or .xlsx file."),
    ] = None,
    zone: Annotated[str, typer.Option(help="IANA zone the dates are meant in.")] = "UTC",
    format: Annotated[
        str | None,
        typer.Option(help="json, csv or json_bulk: what is downloaded, not what is written."),
    ] = None,
    excel_safe: ExcelSafe = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail at a value that does not fit its column.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="A folder in which the downloaded files stay as they came.", show_default=False
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds for everything.")] = 3600.0,
    quiet: Quiet = False,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
    use_sandbox: UseSandbox = False,
) -> None:
    """Pull a report of any length into one file, or to stdout as CSV.

    Times are written in UTC, durations in seconds. The file appears when it is whole; one that
    was there before stays as it is until then.

    An .xlsx file has text as text, whatever it looks like. So has a .csv file, but a spreadsheet
    that opens one guesses again: --excel-safe keeps it from running formulas, not from turning
    007 into 7.
    """
    check_excel_safe(output, excel_safe=excel_safe)
    if output:
        check_suffix(output)
        check_target(output)
    if keep:
        check_folder(keep)
    with open_client(account, region, use_sandbox, profile) as client:
        table = client.table(
            report_type,
            start,
            end,
            timezone=zone,
            format=format,
            timeout=timeout,
            strict=strict,
            keep=keep,
            progress=False if quiet else None,
        )
    export(table, output, excel_safe=excel_safe)
    if output and not quiet:
        say(f"{output}: {table.num_rows:,} rows")
