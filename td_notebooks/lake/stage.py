"""One report file, as it arrives, to checked rows in Parquet files of their own.

Nothing but these files touches the disk, after ``transform`` had its say; memory stays bounded.

What is checked: the number of rows is the file's own ``total`` (reading sees to that), the rows
are those of the window (`rows`), and no row is there twice. Rows equal in all columns are kept
once, where the report has a key. Of rows that share a key and differ: if the key is a single
column, an id, the row with the latest time is kept, of several the last in the file; a compound
key is only what the catalogue believes tells rows apart, so all of them are kept. Either way they
are counted (`Staged.duplicates`, `Staged.conflicts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DownloadError
from ..frames import Drift, read_batches
from .needs import needed
from .rows import OWN, OWN_NAMES, ROW, place

if TYPE_CHECKING:
    from ..reports.download import Body
    from ..reports.schemas import Schema

#: Rows of one row group: what is held in memory while writing and reading.
GROUP_ROWS = 1 << 15

Transform = Callable[[str, pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Staged:
    """The rows of one window, on disk.

    Attributes
    ----------
    parts : tuple of Path
        Parquet files; later ones have more columns.
    arrow_schema : pyarrow.Schema
        All columns.
    schema : Schema
        What the catalogue knows of them.
    rows : int
        To be stored.
    duplicates, conflicts, astray, untimed : int
        As in `ledger.Entry`.
    sha256 : str
        Of the file.
    drift : Drift
    drop : numpy.ndarray of bool or None
        For each row of the file, whether it is left out.
    """

    parts: tuple[Path, ...]
    arrow_schema: pa.Schema
    schema: Schema
    rows: int
    duplicates: int
    conflicts: int
    astray: int
    untimed: int
    sha256: str
    drift: Drift
    drop: Any = field(default=None, repr=False)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows to be stored."""
        for part in self.parts:
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches(GROUP_ROWS):
                    if self.drop is not None:
                        keep = ~self.drop[batch.column(ROW).to_numpy()]
                        batch = batch.filter(pa.array(keep))
                    yield batch


def stage(
    body: Body,
    folder: Path,
    report_type: str,
    *,
    account: str,
    start: datetime,
    end: datetime,
    format: str | None = None,
    timezone: str = "UTC",
    transform: Transform | None = None,
) -> Staged:
    """Read a report file, check it, and write its rows to Parquet files.

    Parameters
    ----------
    body : Body
        The file.
    folder : Path
        Where the files go; what a failed attempt left in it is overwritten.
    report_type, account : str
    start, end : datetime
        The window, in UTC.
    format : str, optional
        By default the one the first bytes show.
    timezone : str
        The zone of its times without an offset.
    transform : callable, optional
        Given the report type and each batch, returns the batch to be stored in its place: as many
        rows, with the same columns and types.

    Raises
    ------
    DownloadError, SchemaError
        The file is damaged, not of this report, or not of this window.
    OSError
        The disk is full.
    """
    reader = read_batches(body, report_type, format=format, timezone=timezone)  # type: ignore[arg-type] # anything with read(size)
    astray = untimed = near = 0

    def placed() -> Iterator[pa.RecordBatch]:
        nonlocal astray, untimed, near
        first_row = 0
        for batch in reader:
            found = place(
                transform(report_type, batch) if transform else batch,
                account=account,
                start=start,
                end=end,
                time_column=reader.schema.time_column,
                first_row=first_row,
            )
            astray, untimed, near = (
                astray + found.astray,
                untimed + found.untimed,
                near + found.near,
            )
            first_row += batch.num_rows
            yield found.batch

    parts = tuple(_write(placed(), folder))
    body.drain()
    if astray and not near:
        raise DownloadError(
            f"The {report_type} report for {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC has "
            f"{astray:,} rows and none of that time: it is another window's file.",
            hint="Run it again; if it happens again, the report's time column is not "
            f"{reader.schema.time_column}: tell the maintainers of the catalogue.",
        )
    drop, duplicates, conflicts = _repeated(parts, reader.schema, reader.rows, folder)
    return Staged(
        parts=parts,
        arrow_schema=pa.schema([*OWN, *reader.arrow_schema]),
        schema=reader.schema,
        rows=reader.rows - (int(drop.sum()) if drop is not None else 0),
        duplicates=duplicates,
        conflicts=conflicts,
        astray=astray,
        untimed=untimed,
        sha256=body.sha256,
        drift=reader.drift,
        drop=drop,
    )


def _write(batches: Iterator[pa.RecordBatch], folder: Path) -> Iterator[Path]:
    """Write a file for each run of batches with the same columns."""
    for number, (schema, run) in enumerate(groupby(batches, key=lambda batch: batch.schema)):
        path = folder / f"{number}.parquet"
        with pq.ParquetWriter(path, schema) as writer:
            held: list[pa.RecordBatch] = []
            for batch in run:
                held.append(batch)
                if sum(part.num_rows for part in held) >= GROUP_ROWS:
                    writer.write_table(pa.Table.from_batches(held))
                    held = []
            if held:
                writer.write_table(pa.Table.from_batches(held))
        yield path


def _repeated(
    parts: tuple[Path, ...], schema: Schema, rows: int, folder: Path
) -> tuple[Any, int, int]:
    """Find the rows to leave out: which, how many are copies, how many differ from another."""
    if not parts or not schema.primary_key:
        return None, 0, 0
    with _duckdb(folder) as base:
        files = ", ".join("'" + str(part).replace("'", "''") + "'" for part in parts)
        base.execute(
            f"CREATE VIEW staged AS SELECT * FROM read_parquet([{files}], union_by_name = true)"  # noqa: S608 - quoted
        )
        keys = [_quoted(name) for name in schema.primary_key]
        known = " AND ".join(f"{key} IS NOT NULL" for key in keys)
        found = base.execute(
            f"SELECT {ROW}, hash({', '.join(keys)}) AS code FROM staged WHERE {known}"  # noqa: S608 - names of columns, quoted
        ).fetchnumpy()
        code, row = np.asarray(found["code"]), np.asarray(found[ROW])
        order = np.argsort(code, kind="stable")
        same = code[order][1:] == code[order][:-1]
        if not same.any():
            return None, 0, 0
        suspects = np.zeros(len(code), bool)
        suspects[1:] |= same
        suspects[:-1] |= same
        base.register("suspects", pa.table({ROW: row[order][suspects]}))
        time = schema.time_column
        latest = f"{_quoted(time)} DESC NULLS LAST, " if time else ""
        columns = [
            _quoted(name)
            for name, *_ in base.execute("SELECT * FROM staged LIMIT 0").description
            if name not in OWN_NAMES
        ]
        found = base.execute(
            f"""
            SELECT {ROW},
                row_number() OVER (PARTITION BY {", ".join(columns)} ORDER BY {ROW} DESC) AS copy,
                row_number() OVER (PARTITION BY {", ".join(keys)} ORDER BY {latest}{ROW} DESC)
                    AS rival
            FROM staged SEMI JOIN suspects USING ({ROW})
            """  # noqa: S608 - names of columns, quoted
        ).fetchnumpy()
    row, copy, rival = (np.asarray(found[name]) for name in (ROW, "copy", "rival"))
    copies = copy > 1
    rivals = (rival > 1) & ~copies
    drop = np.zeros(rows, bool)
    drop[row[copies]] = True
    if len(schema.primary_key) == 1:
        drop[row[rivals]] = True
    return drop, int(copies.sum()), int(rivals.sum())


def _duckdb(folder: Path) -> Any:
    return needed("duckdb").connect(
        config={"memory_limit": "128MB", "threads": 2, "temp_directory": str(folder / "spill")}
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
