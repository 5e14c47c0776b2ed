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

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DownloadError
from ..frames import Drift, read_batches
from .files import GROUP_ROWS, DataFile, Writer, as_plain, plain_schema
from .needs import needed
from .rows import OWN, OWN_NAMES, ROW, beside_own, place

if TYPE_CHECKING:
    from ..reports.download import Body
    from ..reports.schemas import Schema

Transform = Callable[[str, pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Staged:
    """The rows of one window, on disk.

    Attributes
    ----------
    folder : Path
        A place for more files.
    files : tuple of DataFile
        The rows to be stored.
    arrow_schema : pyarrow.Schema
        All columns that the table needs for them.
    schema : Schema
        What the catalogue knows of them.
    rows : int
        To be stored.
    duplicates, conflicts, astray, untimed : int
        As in `ledger.Entry`.
    sha256 : str
        Of the report file.
    drift : Drift
    """

    folder: Path
    files: tuple[DataFile, ...]
    arrow_schema: pa.Schema
    schema: Schema
    rows: int
    duplicates: int
    conflicts: int
    astray: int
    untimed: int
    sha256: str
    drift: Drift


def stage(
    body: Body,
    folder: Path,
    report_type: str,
    *,
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
    report_type : str
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
    hashed = _Hashed(body)
    reader = read_batches(hashed, report_type, format=format, timezone=timezone)  # type: ignore[arg-type] # anything with read(size)
    astray = untimed = near = 0

    first_row = 0
    with Writer(folder) as writer:
        for batch in reader:
            found = place(
                transform(report_type, batch) if transform else batch,
                start=start,
                end=end,
                time_column=reader.schema.time_column,
                first_row=first_row,
            )
            first_row += batch.num_rows
            astray += found.astray
            untimed += found.untimed
            near += found.near
            writer.write(as_plain(found.batch))
    hashed.drain()
    if astray and not near:
        raise DownloadError(
            f"The {report_type} report for {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC has "
            f"{astray:,} rows and none of that time: it is another window's file.",
            hint="Run it again; if it happens again, the report's time column is not "
            f"{reader.schema.time_column}: tell the maintainers of the catalogue.",
        )
    files = tuple(writer.files)
    drop, duplicates, conflicts = _repeated(files, reader.schema, reader.rows, folder)
    if drop is not None:
        files = _without(files, drop, folder)
    return Staged(
        folder=folder,
        files=files,
        arrow_schema=plain_schema(pa.schema([*OWN, *beside_own(reader.arrow_schema)])),
        schema=reader.schema,
        rows=sum(file.rows for file in files),
        duplicates=duplicates,
        conflicts=conflicts,
        astray=astray,
        untimed=untimed,
        sha256=hashed.sha256,
        drift=reader.drift,
    )


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of what was read, in hexadecimal."""
        return self._hash.hexdigest()

    def read(self, size: int) -> bytes:
        data = self._body.read(size)
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read what is left, so that the hash is that of the whole file."""
        while self.read(1 << 16):
            pass


def _without(files: tuple[DataFile, ...], drop: Any, folder: Path) -> tuple[DataFile, ...]:
    """Write the files again without some rows."""
    with Writer(folder) as writer:
        for file in files:
            with pq.ParquetFile(file.path) as source:
                for batch in source.iter_batches(GROUP_ROWS):
                    keep = ~drop[batch.column(ROW).to_numpy()]
                    writer.write(batch.filter(pa.array(keep)))
            file.path.unlink()
    return tuple(writer.files)


def _repeated(
    files: tuple[DataFile, ...], schema: Schema, rows: int, folder: Path
) -> tuple[Any, int, int]:
    """Find the rows to leave out: which, how many are copies, how many differ from another."""
    if not files or not schema.primary_key:
        return None, 0, 0
    if rows <= GROUP_ROWS and _all_different(files, schema.primary_key, rows):
        return None, 0, 0
    with _duckdb(folder) as base:
        paths = ", ".join("'" + str(file.path).replace("'", "''") + "'" for file in files)
        base.execute(
            f"CREATE VIEW staged AS SELECT * FROM read_parquet([{paths}], union_by_name = true)"  # noqa: S608 - quoted
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


def _all_different(files: tuple[DataFile, ...], keys: tuple[str, ...], rows: int) -> bool:
    """Say whether no key of a small window is there twice: in less time than DuckDB needs to start.

    Rows without a key, or with a part of one, are left to DuckDB.
    """
    parts = []
    for file in files:
        with pq.ParquetFile(file.path) as source:
            parts.append(source.read(columns=list(keys)))
    if any(set(part.column_names) != set(keys) for part in parts):
        return False
    whole = pa.concat_tables(parts, promote_options="permissive")
    return bool(whole.group_by(list(keys)).aggregate([]).num_rows == rows)


def _duckdb(folder: Path) -> Any:
    return needed("duckdb").connect(
        config={"memory_limit": "128MB", "threads": 2, "temp_directory": str(folder / "spill")}
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
