"""The Parquet files of a table: written aside with bounded memory, then put in their places.

A file holds rows of one account and one month (UTC), and says in the table's log from when to when
they are: so a window finds the files it has to replace without reading any.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .rows import MOMENT, TIME

if TYPE_CHECKING:
    from types import TracebackType

#: Rows of one row group: what is held in memory while writing and reading.
GROUP_ROWS = 1 << 15


@dataclass(frozen=True, slots=True)
class DataFile:
    """A finished file, not yet in its place.

    Attributes
    ----------
    path : Path
    month : str
        ``2026-08``.
    rows : int
    first, last : datetime
        Of their times.
    """

    path: Path
    month: str
    rows: int
    first: datetime
    last: datetime

    @property
    def statistics(self) -> str:
        """What the log says of it, as JSON; Delta's times have milliseconds."""
        ceiling = self.last + timedelta(microseconds=-self.last.microsecond % 1000)
        return json.dumps(
            {
                "numRecords": self.rows,
                "minValues": {TIME: _text(self.first)},
                "maxValues": {TIME: _text(ceiling)},
                "nullCount": {TIME: 0},
            }
        )


class Writer:
    """Writes batches into files, one for each month and each set of columns.

    Parameters
    ----------
    folder : Path
        Where the files go, with names of their own, for their owner only.

    Attributes
    ----------
    files : list of DataFile
        Those that are finished; all of them when the ``with`` block is over.
    """

    def __init__(self, folder: Path) -> None:
        self.files: list[DataFile] = []
        self._folder = folder
        self._open: dict[tuple[str, pa.Schema], _OpenFile] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._stack:
            if error is None:
                self.files += [file.finish() for file in self._open.values()]

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows, which have the column ``td_time``.

        Raises
        ------
        OSError
            The disk is full.
        """
        if not batch.num_rows:
            return
        months = pc.strftime(batch.column(TIME), format="%Y-%m")
        found = months.unique().to_pylist()
        for month in found:
            part = batch if len(found) == 1 else batch.filter(pc.equal(months, month))
            key = (month, part.schema)
            if key not in self._open:
                path = self._folder / f"{uuid.uuid4()}.parquet"
                self._open[key] = _OpenFile(path, month, part.schema, self._stack)
            self._open[key].add(part)


class _OpenFile:
    """A file being written."""

    def __init__(self, path: Path, month: str, schema: pa.Schema, stack: ExitStack) -> None:
        self._path, self._month = path, month
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._sink = stack.enter_context(os.fdopen(handle, "wb"))
        self._writer = stack.enter_context(
            pq.ParquetWriter(self._sink, schema, compression="zstd", write_batch_size=GROUP_ROWS)
        )
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._times: list[datetime] = []

    def add(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        limits = pc.min_max(batch.column(TIME))
        times = [*self._times, limits["min"].as_py(), limits["max"].as_py()]
        self._times = [min(times), max(times)]
        if sum(part.num_rows for part in self._held) >= GROUP_ROWS:
            self._flush()

    def finish(self) -> DataFile:
        self._flush()
        self._writer.close()
        self._sink.flush()
        os.fsync(self._sink.fileno())  # on disk before any log speaks of it
        self._sink.close()
        return DataFile(self._path, self._month, self._rows, *self._times)

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held))
            self._held = []


def outside(batch: pa.RecordBatch, start: datetime, end: datetime) -> pa.RecordBatch:
    """Return the rows whose time lies outside a window."""
    times = batch.column(TIME).cast(MOMENT)
    before = pc.less(times, pa.scalar(start, MOMENT))
    after = pc.greater_equal(times, pa.scalar(end, MOMENT))
    return batch.filter(pc.or_(before, after))


def remove(paths: Iterable[Path]) -> None:
    """Remove files that nobody knows of; those that are gone are gone."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _text(moment: datetime) -> str:
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"


def plain(kind: pa.DataType) -> pa.DataType:
    """Return a type as a table has it: Delta knows one kind of text."""
    return pa.string() if pa.types.is_large_string(kind) or kind == pa.string_view() else kind


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return columns with the types a table has, without metadata."""
    return pa.schema([pa.field(field.name, plain(field.type)) for field in schema])


def as_plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with the types a table has."""
    schema = plain_schema(batch.schema)
    arrays: list[Any] = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
