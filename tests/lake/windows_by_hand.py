"""Windows put into a table without any Talkdesk."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from td_notebooks.lake import Entry
from td_notebooks.lake.replace import ignore, replace
from td_notebooks.lake.stage import Staged, stage
from td_notebooks.lake.table import Table
from td_notebooks.reports.download import Body, StopSwitch
from td_notebooks.reports.schemas import schema

DAY = timedelta(days=1)
_moments = itertools.count()


def day(number: float, month: int = 8) -> datetime:
    """Return a moment of August 2026, or of another month."""
    return datetime(2026, month, 1, tzinfo=UTC) + (number - 1) * DAY


def filled(report_type: str, **values: Any) -> dict[str, Any]:
    """Return a row with something in every column that must have it."""
    must = [c.key for c in schema(report_type).columns if c.required and not c.nullable]
    return dict.fromkeys(must, "1") | values


def message(number: int, at: datetime | None, **more: Any) -> dict[str, Any]:
    """Return a row of messaging_traffic, whose time may be missing."""
    moment = None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
    key = f"{number:032x}"
    return filled("messaging_traffic", message_id=key, message_created_at=moment, **more)


def file_of(rows: Iterable[Mapping[str, Any]], total: int | None = None) -> bytes:
    """Return a report file."""
    entries = list(rows)
    return json.dumps(
        {"entries": entries, "total": len(entries) if total is None else total}
    ).encode()


def body_of(data: bytes) -> Body:
    return Body(iter([data]), StopSwitch(), "reading a test's file")


def staged(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    start: datetime,
    end: datetime,
    report_type: str = "messaging_traffic",
) -> Staged:
    folder.mkdir(exist_ok=True)
    return stage(body_of(file_of(rows)), folder, report_type, start=start, end=end)


def put(
    table: Table,
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    start: datetime,
    end: datetime,
    *,
    account: str = "acme",
    asked_at: datetime | None = None,
    on_step: Any = ignore,
    report_type: str = "messaging_traffic",
) -> str:
    """Replace a window as if it had been pulled at a moment, later each time by default."""
    found = staged(folder, rows, start, end, report_type)
    asked = asked_at or datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_moments))
    entry = Entry(
        account=account,
        start=start,
        end=end,
        asked_at=asked,
        known_until=min(end, asked),
        rows=found.rows,
        duplicates=found.duplicates,
        conflicts=found.conflicts,
        astray=found.astray,
        untimed=found.untimed,
        sha256=hashlib.sha256(file_of(rows)).hexdigest(),
        payload=found.schema.version,
    )
    return replace(table, found, entry, asked_at=asked, on_step=on_step)
