"""From a frame of any kind to Arrow, and back to that kind.

For measures that need more than sums: small tables, and those whose rows must be looked at in
order.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SchemaError
from .wording import lacking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Seconds = NDArray[np.int64]


def frame_of(native: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Return a frame as narwhals sees it.

    Raises
    ------
    SchemaError
        If it is no frame.
    """
    try:
        with _quiet() if nw.dependencies.is_dask_dataframe(native) else nullcontext():
            frame: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(native)
            return frame
    except TypeError as error:
        raise SchemaError(
            f"A measure was given a {type(native).__name__}, which is no frame.",
            hint="It takes a report as a pandas, polars, Arrow, DuckDB, Dask or PySpark frame.",
        ) from error


def columns_of(native: Any) -> list[str]:
    """Return the names of a frame's columns."""
    return list(frame_of(native).collect_schema().names())


def collected(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> pa.Table:
    """Return a frame's rows as an Arrow table, with its columns and no others."""
    names = frame.collect_schema().names()
    if isinstance(frame, nw.LazyFrame):
        table = frame.collect("pyarrow").to_native()
    else:
        table = frame.to_arrow()
    # The index of a pandas frame becomes a column, too.
    return table.select(names).replace_schema_metadata(None)


def arrow(native: Any, columns: Sequence[str], purpose: str, report: str) -> pa.Table:
    """Return some columns of a frame as an Arrow table.

    Parameters
    ----------
    native : frame
    columns : sequence of str
    purpose : str
        What is computed, for messages.
    report : str
        The report type that has the columns.

    Raises
    ------
    SchemaError
        If there is no such column.
    """
    frame = frame_of(native)
    known = frame.collect_schema().names()
    if missing := [name for name in columns if name not in known]:
        raise lacking(purpose, missing, report, known)
    return collected(frame.select(*columns))


def like(native: Any, table: pa.Table) -> Any:
    """Return an Arrow table as a frame of the kind another one is.

    Parameters
    ----------
    native : frame
        The other one.
    table : pyarrow.Table
    """
    given = frame_of(native)
    kind = given.implementation
    if kind.is_spark_like():
        return _spark(native, table)
    if kind.is_pandas():
        return _pandas(native, table)
    if kind.is_dask():
        import dask.dataframe as dd

        whole: Any = dd  # Dask annotates some of its functions only
        return whole.from_pandas(_pandas(native, table), npartitions=1)
    if isinstance(given, nw.LazyFrame):
        return nw.from_native(table, eager_only=True).lazy(kind).to_native()
    return nw.from_arrow(table, backend=kind).to_native()


def _pandas(native: Any, table: pa.Table) -> Any:
    """Return a table as a pandas frame, of Arrow's types if the other one has such."""
    import pandas as pd

    if any(isinstance(dtype, pd.ArrowDtype) for dtype in native.dtypes):
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    # NumPy's flags have no missing ones.
    return table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)


def _quiet() -> warnings.catch_warnings[None]:
    """Leave out what narwhals says of its plans for Dask; nobody here can act on it."""
    return warnings.catch_warnings(action="ignore", category=FutureWarning)


def _spark(native: Any, table: pa.Table) -> Any:
    """Return a table as a frame of a Spark session; times without a zone stay without one."""
    from pyspark.sql.pandas.types import from_arrow_schema

    schema = from_arrow_schema(table.schema, prefer_timestamp_ntz=True)
    return native.sparkSession.createDataFrame(table, schema=schema)


def epoch(times: pa.ChunkedArray) -> Seconds:
    """Return times as whole epoch seconds; a time without a zone is taken for UTC.

    Missing ones become the earliest number there is.
    """
    if pa.types.is_null(times.type):  # no value, no type
        times = times.cast(pa.timestamp("s"))
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[times.type.unit]
    missing = np.iinfo(np.int64).min
    numbers = np.asarray(times.cast(pa.int64()).fill_null(missing).to_numpy(), np.int64)
    if per_second == 1:
        return numbers
    whole: Seconds = numbers // per_second
    if times.null_count:
        whole[numbers == missing] = missing
    return whole


def moments(seconds: Seconds, timezone: str | None) -> pa.Array:
    """Return epoch seconds as Arrow times, microseconds, in a zone; None for times without one."""
    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us", timezone))


def flags(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return yes or no for each value; missing is no, even in a column without a type."""
    return values.cast(pa.bool_()).fill_null(False)


def codes(values: pa.ChunkedArray) -> Seconds:
    """Return a number for each distinct value; missing is a value like another."""
    return encoded(values)[0].astype(np.int64)


def encoded(values: pa.ChunkedArray) -> tuple[NDArray[np.integer[Any]], pa.Array]:
    """Return each value's place in the list of distinct ones, and that list, None among them."""
    whole = values.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # too much text for one array of its type
        whole = values.cast(pa.large_string()).combine_chunks()
    if pa.types.is_dictionary(whole.type):
        if not whole.null_count:
            return whole.indices.to_numpy(), whole.dictionary
        whole = whole.dictionary_decode()
    found = pc.dictionary_encode(whole, null_encoding="encode")
    return found.indices.to_numpy(), found.dictionary


def in_dictionaries(table: pa.Table) -> pa.Table:
    """Return a table whose text is encoded, as `encoded` does: all columns side by side."""
    text = [
        name
        for name, dtype in zip(table.column_names, table.schema.types, strict=True)
        if pa.types.is_string(dtype) or pa.types.is_large_string(dtype)
    ]
    if len(text) < 2 or not len(table):
        return table
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        found = list(pool.map(encoded, [table[name] for name in text]))
    for name, (indices, distinct) in zip(text, found, strict=True):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.DictionaryArray.from_arrays(indices, distinct))
    return table
