"""Rows of the simulated centre as Arrow tables, without the code that is to be tested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from td_notebooks.reports.schemas import schema

TYPES = {
    "timestamp": pa.timestamp("us", "UTC"),
    "duration": pa.float64(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


def table_of(report_type: str, rows: Iterable[dict[str, Any]]) -> Any:
    """Return rows under the catalogue's names, in its types: categories as text."""
    columns = [column for column in schema(report_type).columns if column.required]
    types = pa.schema([(c.key, TYPES.get(c.kind, pa.string())) for c in columns])
    return pa.Table.from_pylist(list(rows), schema=types).rename_columns([c.name for c in columns])
