"""``td-notebooks reports`` and ``schema``: what there is to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import ReportType
from .streams import say, show_rows

if TYPE_CHECKING:
    from ..reports.schemas import Column, Schema


def reports() -> None:
    """List the report types: what one row is, how many columns are known, what is downloaded."""
    from ..reports.schemas import report_types, schema

    known = [schema(name) for name in report_types()]
    show_rows(
        ["type", "one row is", "columns", "format"],
        [
            [s.report_type, s.row, str(len(s.columns) or "not published"), s.default_format]
            for s in known
        ],
    )


def schema(
    report_type: ReportType,
    version: Annotated[
        str | None, typer.Option(help="A payload version; by default the present one.")
    ] = None,
) -> None:
    """Show the columns of a report type: what they hold, how the wire writes it, what they mean."""
    from ..reports.schemas import schema, versions

    known = schema(report_type, version)
    say(
        f"{known.title}: one row is {known.row or 'unknown'}; "
        f"time column {known.time_column or 'unknown'}; "
        f"key {', '.join(known.primary_key) or 'unknown'}; "
        f"{len(known.columns) or 'no'} columns published"
    )
    say(
        f"Downloaded as {known.default_format} unless told otherwise; "
        f"{known.freshness_seconds // 60} minutes behind the present; times without a zone are in "
        f"{'UTC' if known.zone == 'UTC' else 'the zone of the request'}; "
        f"version {known.version}, {known.confidence}"
    )
    others = [s.version for s in versions(report_type) if s.version != known.version]
    if others:
        say(f"Other versions, shown with --version: {', '.join(map(repr, others))}")
    if not known.columns:
        say("Its columns are not published: every column arrives as text")
    show_rows(
        [
            "column", "holds", "unit", "CSV header", "meaning", "known from",
            "JSON key", "written as", "values", "notes",
        ],
        [_row(known, column) for column in known.columns],
    )  # fmt: skip


def _row(known: Schema, column: Column) -> list[str]:
    notes = {
        "key": column.name in known.primary_key,
        "time": column.name == known.time_column,
        "never empty": not column.nullable,
        "may be absent": not column.required,
    }
    return [
        column.name,
        column.kind,
        column.unit or "",
        column.header,
        column.meaning,
        column.confidence,
        column.key,
        column.encoding or "",
        ", ".join(column.values),
        ", ".join(note for note, holds in notes.items() if holds),
    ]
