"""``td-notebooks reports`` and ``schema``: what there is to ask for."""

from __future__ import annotations

from .options import ReportType
from .streams import say, show_rows


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


def schema(report_type: ReportType) -> None:
    """Show the columns of a report type: what they hold, in which unit, what they mean."""
    from ..reports.schemas import schema

    known = schema(report_type)
    say(
        f"{known.title}: one row is {known.row or 'unknown'}; "
        f"time column {known.time_column or 'unknown'}; "
        f"key {', '.join(known.primary_key) or 'unknown'}; "
        f"{len(known.columns) or 'no'} columns published"
    )
    show_rows(
        ["column", "holds", "unit", "CSV header", "meaning", "known from"],
        [[c.name, c.kind, c.unit or "", c.header, c.meaning, c.confidence] for c in known.columns],
    )
