"""A report file to record batches of the final types."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from ..errors import ConfigError, DownloadError
from . import csv, json
from .assemble import stack
from .columns import TEXT, arrow_schema, check_zone, convert, is_settled, misfits
from .drift import Drift, Shaped, Watch
from .feed import BLOCK, Feed, layout, other_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from os import PathLike

    from ..reports.schemas import Column, Schema

FORMATS = ("csv", "json", "json_bulk")


def read_batches(
    source: BinaryIO | str | PathLike[str],
    report_type: str,
    *,
    format: str | None = None,
    timezone: str = "UTC",
    version: str | None = None,
    strict: bool = False,
    block: int = BLOCK,
) -> BatchReader:
    """Read a report file as Arrow record batches, with bounded memory.

    Parameters
    ----------
    source : BinaryIO or path
        The file, or anything with ``read(size)``; may be packed with gzip.
    report_type : str
        One of `td_notebooks.reports.schemas.report_types`.
    format : {"csv", "json", "json_bulk"}, optional
        By default, told from the first bytes.
    timezone : str
        IANA name of the zone in which times without a zone are read: the one the job was
        submitted with.
    version : str, optional
        Payload version; by default the one whose columns fit.
    strict : bool
        Raise `SchemaError` at a value that does not fit its type, instead of counting it.
    block : int
        Bytes held at a time.

    Returns
    -------
    BatchReader

    Raises
    ------
    ConfigError
        If the report type, the version, the format or the zone does not exist.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"There is no format {format!r}.", hint=f"Use {', '.join(FORMATS)}.")
    watch = Watch(report_type, version, strict=strict)
    return BatchReader(source, watch, format=format, zone=check_zone(timezone), block=block)


class BatchReader:
    """Iterates over the rows of one report file, once.

    Every batch has the catalogue's columns in the catalogue's order, then the unexpected ones seen
    so far, as text. `read` puts batches together when the latter differ.

    Attributes
    ----------
    rows : int
        Rows read so far.
    total : int or None
        The number of rows the file itself claims.
    """

    def __init__(
        self,
        source: BinaryIO | str | PathLike[str],
        watch: Watch,
        *,
        format: str | None,
        zone: str,
        block: int,
    ) -> None:
        self.rows = 0
        self.total: int | None = None
        self._source = source
        self._watch = watch
        self._format = format
        self._zone = zone
        self._block = block
        self._plan: _Plan | None = None

    @property
    def schema(self) -> Schema:
        """What the catalogue says of the file: final once the first batch is out."""
        return self._watch.schema

    @property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema: the catalogue's columns and the unexpected ones seen so far."""
        expected = arrow_schema(self.schema)
        names = self._watch.names.values()
        extra = [pa.field(name, TEXT) for name in names if name not in expected.names]
        return pa.schema([*expected, *extra], metadata=expected.metadata)

    @property
    def drift(self) -> Drift:
        """How the file differs from the catalogue, as far as it was read."""
        return self._watch.drift

    def read(self, check: Callable[[], None] = lambda: None) -> pa.Table:
        """Read all rows into one table, in the order of the file.

        Parameters
        ----------
        check : callable
            Called now and then; what it raises ends the reading.

        Raises
        ------
        DownloadError, SchemaError, ConfigError
            As iterating raises them.
        """
        parts = []
        for rows in self._pieces():
            check()
            parts.append(rows)
        # The columns of a header without rows are columns.
        return stack(parts or [self.arrow_schema.empty_table()], self.schema)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches.

        Raises
        ------
        DownloadError
            If the file is damaged, cut short, or not a report.
        SchemaError
            If a column that must be there is not; in strict mode, if a value does not fit.
        ConfigError
            If the source is no file that can be read.
        """
        for rows in self._pieces():
            yield from rows.to_batches()
        if not self.rows:
            yield pa.RecordBatch.from_pylist([], schema=self.arrow_schema)

    def _pieces(self) -> Iterator[pa.Table]:
        """Yield the rows, some megabytes at a time."""
        with ExitStack() as stack:
            stream = _opened(self._source, stack)
            pool = stack.enter_context(ThreadPoolExecutor(pa.cpu_count()))
            feed = Feed(stream, block=self._block)
            for rows, lost in self._shaped(feed, pool):
                for name, values in lost.items():
                    self._watch.lose(name, values)
                self._watch.fits(rows)
                self.rows += rows.num_rows
                yield rows

    def _shaped(self, feed: Feed, pool: Executor) -> Iterator[Shaped]:
        found = self._format or layout(feed.fill())
        if found == "neither":
            raise DownloadError(
                f"This is not a report: it is {other_kind(feed.held)}.",
                hint="Give the file as it was downloaded, or download it again.",
            )
        if found == "csv":
            yield from csv.read(feed, self._watch, self._shape, pool)
            return
        wrapped = self._format == "json"
        entries = json.Entries(feed, self._watch, self._shape, pool, wrapped=wrapped)
        for shaped in entries:
            self.total = entries.total
            yield shaped
        self.total = entries.total

    def _shape(self, rows: pa.Table) -> Shaped:
        """Convert rows with columns by wire name; runs in any thread."""
        plan = self._plan_for(rows.schema)
        final, columns, lost = plan.final, [], {}
        for field, (at, column, settled) in zip(final, plan.ways, strict=True):
            if at is None:
                columns.append(pa.nulls(rows.num_rows, field.type))
                continue
            before = rows.column(at)
            if settled:
                columns.append(before)
                continue
            parts = [convert(part, column, self._zone) for part in before.chunks]
            after = pa.chunked_array(parts, field.type)
            columns.append(after)
            if (values := misfits(before, after)) is not None:
                lost[field.name] = values
        if not columns:  # rows without a single column are rows
            return rows, {}
        return pa.Table.from_arrays(columns, schema=final), lost

    def _plan_for(self, wire: pa.Schema) -> _Plan:
        """Return the plan for rows with these columns; pieces nearly always have the same."""
        names, plan = self._watch.names, self._plan
        if plan is None or plan.names is not names or not plan.wire.equals(wire):
            columns, final = self._watch.columns, self.arrow_schema
            wire_of = {name: wire_name for wire_name, name in names.items()}
            place_of = {wire_name: at for at, wire_name in enumerate(wire.names)}
            ways: list[tuple[int | None, Column | None, bool]] = []
            for name in final.names:
                wire_name = wire_of.get(name)
                at = place_of.get(wire_name) if wire_name is not None else None
                column = None if at is None else columns[wire.names[at]]
                ways.append((at, column, at is not None and is_settled(wire.types[at], column)))
            self._plan = plan = _Plan(names, wire, final, ways)
        return plan


def _opened(source: Any, stack: ExitStack) -> BinaryIO:
    """Open a path; what has bytes to read is open already."""
    if isinstance(source, str | os.PathLike):
        try:
            return stack.enter_context(Path(source).open("rb"))
        except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
            why = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(
                f"The report file {os.fspath(source)!r} cannot be read: {why}.",
                hint="Give the path of one file, or a file opened with mode 'rb'.",
            ) from error
    if not hasattr(source, "read") or isinstance(source, io.TextIOBase):
        raise ConfigError(
            f"A report cannot be read from a {type(source).__name__}.",
            hint="Give the path of a file, a file opened with mode 'rb', or io.BytesIO(bytes).",
        )
    opened: BinaryIO = source
    return opened


@dataclass(frozen=True)
class _Plan:
    """Where the columns of finished rows come from."""

    names: dict[str, str]
    wire: pa.Schema
    final: pa.Schema
    # For each final column: its place among the wire's, if it is there, and whether it is final.
    ways: Sequence[tuple[int | None, Column | None, bool]]
