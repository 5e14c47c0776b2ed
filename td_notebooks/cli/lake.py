"""``td-notebooks lake`` and ``export``: ask a lake, look after it, hand parts of it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exports import check_excel_safe, check_suffix, check_target, export
from .options import ExcelSafe, ReportType, StorageOptions, storage_options
from .streams import say, show_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..lake import Lake

lake_app = typer.Typer(
    help="Ask a lake that `sync` filled, and look after it.", no_args_is_help=True
)

LakePath = Annotated[
    str, typer.Argument(metavar="LAKE", help="A folder, or an address such as s3://bucket/lake.")
]
Types = Annotated[
    list[str] | None,
    typer.Argument(metavar="TYPE...", help="By default those that are there.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="A .csv, .parquet, .json, .jsonl or .xlsx file."),
]


@lake_app.command("sql")
def ask(
    path: LakePath,
    query: Annotated[str, typer.Argument(help="SQL of DuckDB; tables are called as the reports.")],
    output: Output = None,
    storage_option: StorageOptions = None,
) -> None:
    """Answer a question in SQL."""
    _check(output)
    _give(_open(path, storage_option).sql(query), output)


@lake_app.command()
def gaps(
    path: LakePath,
    report_types: Types = None,
    since: Annotated[
        str | None, typer.Option(help="From when on everything should be there; else its start.")
    ] = None,
    zone: Annotated[str, typer.Option(help="IANA zone that --since is meant in.")] = "UTC",
    output: Output = None,
    storage_option: StorageOptions = None,
) -> None:
    """List what is missing, or was not complete when it was pulled."""
    _check(output)
    lake = _open(path, storage_option)
    _give(lake.gaps(*report_types or (), since=since, timezone=zone), output)


@lake_app.command()
def history(
    path: LakePath,
    report_types: Types = None,
    output: Output = None,
    storage_option: StorageOptions = None,
) -> None:
    """List the windows that were stored, newest first."""
    _check(output)
    _give(_open(path, storage_option).history(*report_types or ()), output)


@lake_app.command()
def compact(
    path: LakePath,
    report_types: Types = None,
    keep: Annotated[
        str,
        typer.Option(help="How long files stay that only older versions need, an hour at least."),
    ] = "7d",
    storage_option: StorageOptions = None,
) -> None:
    """Put small files together, and remove those that nobody needs any more."""
    tended = _open(path, storage_option).tend(*report_types or (), keep=keep)
    show_rows(
        ["report", "months put together", "files removed"],
        [[done.report_type, str(done.compacted), str(done.removed)] for done in tended],
    )


def export_lake(
    report_type: ReportType,
    source: Annotated[
        str, typer.Option("--from", help="The lake: a folder, or an address such as s3://bucket/x.")
    ],
    since: Annotated[str, typer.Option(help="First day, or moment.")] = "1970-01-01",
    until: Annotated[str, typer.Option(help="Last day or moment, not included.")] = "9999-01-01",
    output: Output = None,
    columns: Annotated[
        str | None, typer.Option(help="Only these, separated by commas.", show_default=False)
    ] = None,
    zone: Annotated[str, typer.Option(help="IANA zone the dates are meant in.")] = "UTC",
    account: Annotated[
        str | None, typer.Option("--account", help="Needed if the lake has several.")
    ] = None,
    storage_option: StorageOptions = None,
    excel_safe: ExcelSafe = False,
) -> None:
    """Write a report out of a lake into one file, or to stdout as CSV; Talkdesk is not asked.

    Times are written in UTC, durations in seconds.
    """
    check_excel_safe(output, excel_safe=excel_safe)
    _check(output)
    lake = _open(source, storage_option)
    wanted = [name.strip() for name in columns.split(",")] if columns else None
    table = _in_order(lake, report_type, since, until, zone, account, wanted)
    export(table, output, excel_safe=excel_safe)
    if output:
        say(f"{output}: {table.num_rows:,} rows")


def _in_order(
    lake: Lake,
    report_type: str,
    since: str,
    until: str,
    zone: str,
    account: str | None,
    columns: list[str] | None,
) -> pa.Table:
    """Return rows as `report` writes them: in the order of the time column and the key."""
    from ..reports.schemas import schema

    known = schema(report_type)
    names = [name for name in (known.time_column, *known.primary_key) if name]
    asked = columns and [*columns, *(name for name in names if name not in columns)]
    rows: Any = lake.arrow(report_type, since, until, timezone=zone, account=account, columns=asked)
    table = rows.read_all()
    keys = [(name, "ascending") for name in names if name in table.column_names]
    table = table.sort_by(keys) if keys else table
    return table.select(columns) if columns else table


def _open(path: str, given: list[str] | None) -> Lake:
    from ..errors import ConfigError
    from ..lake import Lake

    lake = Lake(path, storage_options=storage_options(given))
    if not lake.tables:
        raise ConfigError(
            f"There is no lake in {path}, or nothing in it yet.",
            hint=f"Fill it: td-notebooks sync calls --into {path} --since 400d",
        )
    return lake


def _check(output: Path | None) -> None:
    if output:
        check_suffix(output)
        check_target(output)


def _give(frame: pd.DataFrame, output: Path | None) -> None:
    """Write an answer to a file, or show it: a table in a terminal, lines elsewhere."""
    import pyarrow as pa

    if output:
        export(pa.Table.from_pandas(frame, preserve_index=False), output)
        say(f"{output}: {len(frame):,} rows")
        return
    shown = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
    show_rows(list(map(str, frame.columns)), [[_text(cell) for cell in row] for row in shown])


def _text(cell: object) -> str:
    import pandas as pd

    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, pd.Timestamp) else str(cell)
