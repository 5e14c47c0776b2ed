"""The columns that a table has besides those of its report, and which window a row belongs to.

A row belongs to the window it was reported in. Its place in time, ``td_time``, is the report's
time column where that lies within the window. Some rows have none, and which column decides
Talkdesk's choice is documented nowhere: such rows count at the start of their window, so that
replacing the window replaces them too, and are counted (`Placed.untimed`, `Placed.astray`).
A file in which no row comes within a day of the window is not the window's file.

A report may get a column that is called like one of the table's own: it has a number behind its
name then, as where two names of a report become one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ACCOUNT, MONTH, TIME, ROW = "td_account", "td_month", "td_time", "td_row"
MOMENT = pa.timestamp("us", tz="UTC")
#: The first columns of every table. Partitions: account, and the UTC month of the time.
OWN = (
    pa.field(ACCOUNT, pa.string()),
    pa.field(MONTH, pa.string()),
    pa.field(TIME, MOMENT),
    pa.field(ROW, pa.int64()),
)
OWN_NAMES = tuple(field.name for field in OWN)
#: Those of them that stand in the files; the others are in their paths.
IN_FILES = OWN[2:]
NEAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows with their place in time.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The columns `IN_FILES`, then those of the report.
    astray : int
        Rows whose own time lies outside the window.
    untimed : int
        Rows without a time.
    near : int
        Rows with a time within a day of the window.
    """

    batch: pa.RecordBatch
    astray: int
    untimed: int
    near: int


def place(
    batch: pa.RecordBatch,
    *,
    start: datetime,
    end: datetime,
    time_column: str | None,
    first_row: int,
) -> Placed:
    """Give rows the columns `IN_FILES`.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Rows of one report file.
    start, end : datetime
        The window, in UTC.
    time_column : str or None
        The column that decides, if the report has one.
    first_row : int
        How many rows of the file came before.
    """
    rows = batch.num_rows
    low, high = pa.scalar(start, MOMENT), pa.scalar(end, MOMENT)
    if time_column is not None and time_column in batch.schema.names:
        times = batch.column(time_column)
    else:
        times = pa.nulls(rows, MOMENT)
    inside = pc.and_(pc.greater_equal(times, low), pc.less(times, high))
    near = pc.and_(
        pc.greater_equal(times, pa.scalar(start - NEAR, MOMENT)),
        pc.less(times, pa.scalar(end + NEAR, MOMENT)),
    )
    moments = pc.if_else(pc.fill_null(inside, False), times, low)
    own = [
        moments,
        pa.array(np.arange(first_row, first_row + rows), pa.int64()),
    ]
    schema = pa.schema([*IN_FILES, *beside_own(batch.schema)])
    return Placed(
        pa.RecordBatch.from_arrays([*own, *batch.columns], schema=schema),
        astray=rows - times.null_count - (pc.sum(inside).as_py() or 0),
        untimed=times.null_count,
        near=pc.sum(near).as_py() or 0,
    )


def beside_own(report: pa.Schema, own: Collection[str] = OWN_NAMES) -> list[pa.Field]:
    """Return the columns of a report under names that a table's own ones leave free."""
    from ..frames.drift import unused  # loads pandas, which only those with rows need

    taken = {*own, *report.names}
    return [
        field.with_name(unused(field.name, taken)) if field.name in own else field
        for field in report
    ]


def months(start: datetime, end: datetime) -> tuple[str, str]:
    """Return the first and the last month (UTC) that a window touches."""
    return f"{start:%Y-%m}", f"{end - timedelta(microseconds=1):%Y-%m}"
