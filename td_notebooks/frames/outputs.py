"""Batches and tables to polars, DuckDB and Parquet, without copies that are not needed.

Polars and DuckDB are imported when asked for: ``pip install 'td_notebooks[polars,duckdb]'``.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from ..beside import beside
from ..extras import needed
from .assemble import fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

    import duckdb
    import polars

    from .reader import BatchReader

GROUP = 32 << 20  # bytes gathered for one row group of Parquet
ROWS = 1 << 14  # rows held when a file is written again


def to_polars(table: pa.Table) -> polars.DataFrame:
    """Turn a finished Arrow table into a polars frame; text and numbers are not copied.

    Parameters
    ----------
    table : pyarrow.Table

    Returns
    -------
    polars.DataFrame
        Times are aware, in UTC; durations are seconds.

    Raises
    ------
    ConfigError
        If polars is not installed.
    """
    frame: polars.DataFrame = needed("polars", extra="polars", purpose="A polars frame").from_arrow(
        table, rechunk=False
    )
    return frame


def to_duckdb(
    table: pa.Table, connection: duckdb.DuckDBPyConnection | None = None
) -> duckdb.DuckDBPyRelation:
    """Turn a finished Arrow table into a DuckDB relation, which reads it where it is.

    Parameters
    ----------
    table : pyarrow.Table
    connection : duckdb.DuckDBPyConnection, optional
        By default a new one, in memory.

    Returns
    -------
    duckdb.DuckDBPyRelation

    Raises
    ------
    ConfigError
        If DuckDB is not installed.
    """
    package = needed("duckdb", extra="duckdb", purpose="A DuckDB relation")
    relation: duckdb.DuckDBPyRelation = (connection or package.connect()).from_arrow(table)
    return relation


def write_parquet(reader: BatchReader, path: str | PathLike[str]) -> int:
    """Write a report to a Parquet file batch by batch: memory stays the same whatever its size.

    Parameters
    ----------
    reader : BatchReader
    path : path
        Written beside it first, then renamed, so that the name stands for a whole file.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    DownloadError, SchemaError
        As reading raises them; nothing is left behind.
    TalkdeskError
        It cannot be written there.
    """
    import pyarrow.parquet as pq

    with (
        beside(Path(path)) as whole,
        TemporaryDirectory(prefix=".td_notebooks-", dir=whole.parent) as folder,
    ):
        parts = list(_write_parts(reader, Path(folder)))
        final = reader.arrow_schema
        if len(parts) == 1:
            parts[0].replace(whole)
            return reader.rows
        # There was no row at all, or columns turned up after the first rows were written.
        with pq.ParquetWriter(whole, final) as writer:
            for part in parts:
                for batch in pq.ParquetFile(part).iter_batches(ROWS):
                    writer.write_table(fit(pa.Table.from_batches([batch]), final))
    return reader.rows


def _write_parts(reader: BatchReader, folder: Path) -> Iterator[Path]:
    """Write a file for each run of batches with the same columns."""
    import pyarrow.parquet as pq

    for number, (schema, run) in enumerate(groupby(reader, key=lambda batch: batch.schema)):
        path = folder / str(number)
        with pq.ParquetWriter(path, schema) as writer:
            for group in _groups(run):
                writer.write_table(group)
        yield path


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather batches to row groups."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.nbytes for part in held) >= GROUP:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
