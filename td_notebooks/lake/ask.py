"""Questions to a lake: SQL through DuckDB, frames, Arrow batches.

Every question sees one version of each table, the newest when it was asked: a snapshot is a list
of files that never change. Columns and partitions that a question does not need are not read.
DuckDB reads the snapshot through an Arrow data set, so that it needs no extension of its own and
object stores work as they do for writing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError, LakeError
from ..frames import arrow_schema as catalogue_schema
from ..frames import to_pandas
from ..reports.schemas import Schema, schema, versions
from .needs import needed
from .rows import ACCOUNT, MONTH, OWN_NAMES, ROW, TIME, months
from .table import Table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow.dataset as ds

    from ..frames.table import Backend

_WORD = re.compile(r"[^\W\d]\w*")


def dataset(table: Table) -> ds.Dataset | None:
    """Return the newest snapshot of a table; None if there is none."""
    delta = table.snapshot()
    return None if delta is None else delta.to_pyarrow_dataset()


def connect(tables: Sequence[Table]) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection that has the newest snapshot of each table under its name.

    Raises
    ------
    ConfigError
        DuckDB is not installed.
    """
    base: duckdb.DuckDBPyConnection = needed("duckdb").connect(
        config={"python_enable_replacements": "false"}
    )
    base.execute("SET TimeZone = 'UTC'")
    for table in tables:
        found = dataset(table)
        if found is not None:
            base.register(table.report_type, found)
    return base


def words(query: str) -> set[str]:
    """Return the words of a question, some of which may be tables."""
    return {word.lower() for word in _WORD.findall(query)}


def sql(
    tables: Sequence[Table],
    query: str,
    parameters: object = None,
    *,
    there: Callable[[], Sequence[str]],
) -> pd.DataFrame:
    """Answer a question in SQL; see `Lake.sql`.

    Parameters
    ----------
    tables : sequence of Table
        Those that the question mentions, whether they exist or not.
    query : str
    parameters : sequence, optional
    there : callable
        Returns the names of all tables, for a message.
    """
    base = connect(tables)
    try:
        found = base.sql(query, params=parameters)
        answer = pa.table({}) if found is None else found.to_arrow_table()
    except needed("duckdb").Error as error:
        raise LakeError(
            f"DuckDB: {str(error).strip()}",
            hint=f"The lake has {', '.join(there()) or 'no tables yet'}.",
        ) from None
    finally:
        base.close()
    return _as_frame(answer)


def rows(
    table: Table,
    start: datetime,
    end: datetime,
    *,
    account: str | None,
    columns: Sequence[str] | None,
) -> tuple[pa.Table, Schema]:
    """Return the rows of a span in the order of their time, and what the catalogue says of them.

    Parameters
    ----------
    table : Table
    start, end : datetime
        In UTC, half-open.
    account : str or None
        None for the only one there is.
    columns : sequence of str, optional
        Which of the report's columns; all by default.

    Raises
    ------
    LakeError
        There is no such table, or it has several accounts and none was named.
    ConfigError
        There is no such column.
    """
    found, account, known = _open(table, account)
    wanted = _columns(found.schema, known, columns)
    time = known.time_column if known.time_column in found.schema.names else None
    sorting = [name for name in (TIME, ROW, time) if name and name not in wanted]
    whole = found.to_table(
        columns=[*wanted, *sorting], filter=_within(start, end, account), use_threads=True
    )
    keys = [(time, "ascending")] if time else []
    order = pc.sort_indices(whole, sort_keys=[*keys, (TIME, "ascending"), (ROW, "ascending")])
    return _typed(whole.select(wanted).take(order), known, columns), known


def frame(
    table: Table,
    start: datetime,
    end: datetime,
    *,
    account: str | None,
    columns: Sequence[str] | None,
    dtype_backend: Backend | None,
) -> pd.DataFrame:
    """Return rows as a frame; see `Lake.frame`."""
    found, known = rows(table, start, end, account=account, columns=columns)
    return to_pandas(found, known, dtype_backend=dtype_backend)


def batches(
    table: Table,
    start: datetime,
    end: datetime,
    *,
    account: str | None,
    columns: Sequence[str] | None,
    batch_size: int,
) -> pa.RecordBatchReader:
    """Return rows batch by batch; see `Lake.arrow`."""
    found, account, known = _open(table, account)
    wanted = _columns(found.schema, known, columns)
    scanner = found.scanner(
        columns=wanted,
        filter=_within(start, end, account),
        batch_size=batch_size,
        batch_readahead=2,
        fragment_readahead=1,
    )
    target = _typed(scanner.projected_schema.empty_table(), known, wanted).schema
    return pa.RecordBatchReader.from_batches(
        target,
        (
            fitted
            for batch in scanner.to_batches()
            if batch.num_rows
            for fitted in pa.Table.from_batches([batch]).cast(target).to_batches()
        ),
    )


def _open(table: Table, account: str | None) -> tuple[ds.Dataset, str | None, Schema]:
    found = dataset(table)
    if found is None:
        raise LakeError(
            f"There is no {table.report_type} in {table.place.path}.",
            hint=f"Pull it: lake.sync({table.report_type!r}, since='2026-01-01').",
        )
    ledger = table.ledger()
    if account is None and len(ledger.accounts) > 1:
        raise LakeError(
            f"The lake has {table.report_type} of {len(ledger.accounts)} accounts.",
            hint=f"Say which: account={ledger.accounts[0]!r}, or ask with sql.",
        )
    entries = [e for e in ledger.entries if account in (None, e.account) and e.payload]
    payload = entries[-1].payload if entries else ""
    known = {s.version: s for s in versions(table.report_type)}
    return found, account, known.get(payload, schema(table.report_type))


def _within(start: datetime, end: datetime, account: str | None) -> pc.Expression:
    first, last = months(start, end)
    condition = (
        (pc.field(MONTH) >= first)
        & (pc.field(MONTH) <= last)
        & (pc.field(TIME) >= pa.scalar(start.astimezone(UTC), pa.timestamp("us", tz="UTC")))
        & (pc.field(TIME) < pa.scalar(end.astimezone(UTC), pa.timestamp("us", tz="UTC")))
    )
    return condition if account is None else condition & (pc.field(ACCOUNT) == account)


def _columns(there: pa.Schema, known: Schema, columns: Sequence[str] | None) -> list[str]:
    """Return the columns to read, the catalogue's first; what the table lacks is left to `_typed`.

    Raises
    ------
    ConfigError
        Neither the table nor the catalogue has a column that was asked for.
    """
    expected = [column.name for column in known.columns]
    own = [name for name in there.names if name not in OWN_NAMES]
    if columns is None:
        return [name for name in [*expected, *(n for n in own if n not in expected)] if name in own]
    strangers = [name for name in columns if name not in {*expected, *there.names}]
    if strangers:
        raise ConfigError(
            f"{known.report_type} has no column {strangers[0]!r}.",
            hint=f"It has {', '.join(own)}.",
        )
    return [name for name in columns if name in there.names]


def _typed(table: pa.Table, known: Schema, columns: Sequence[str] | None) -> pa.Table:
    """Give a table the types and the metadata that a pulled report has.

    Columns of the catalogue that the table lacks are null; unknown ones without any value are left
    out when no columns were asked for, as they came with other rows.
    """
    expected = catalogue_schema(known)
    if columns is None:
        extra = [
            name
            for name in table.column_names
            if name not in expected.names and table.column(name).null_count < table.num_rows
        ]
        names = [*expected.names, *extra]
    else:
        names = list(columns)
    fields, arrays = [], []
    for name in names:
        there = table.column(name) if name in table.column_names else None
        if name in expected.names:
            field = expected.field(name)
        else:
            assert there is not None
            kind = pa.large_string() if pa.types.is_string(there.type) else there.type
            field = pa.field(name, kind)
        fields.append(field)
        arrays.append(
            pa.chunked_array([pa.nulls(table.num_rows, field.type)])
            if there is None
            else there.cast(field.type)
        )
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=expected.metadata))


def _as_frame(table: pa.Table) -> pd.DataFrame:
    """Turn an answer into a frame; missing values stay missing, whole sums stay whole."""
    import pandas as pd

    kinds = {
        pa.bool_(): pd.BooleanDtype(),
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.float32(): pd.Float32Dtype(),
    }
    fields = [
        pa.field(field.name, pa.int64() if field.type.scale == 0 else pa.float64())
        if pa.types.is_decimal(field.type)
        else field
        for field in table.schema
    ]
    with contextlib.suppress(pa.ArrowInvalid):  # a sum beyond 64 bits
        table = table.cast(pa.schema(fields))
    frame: pd.DataFrame = table.to_pandas(types_mapper=kinds.get)
    return frame
