"""From a frame of any kind to Arrow, and back to that kind.

For measures that need more than sums: small tables, and those whose rows must be looked at in
order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .wording import lacking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Seconds = NDArray[np.int64]


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
    frame = nw.from_native(native).lazy()
    known = frame.collect_schema().names()
    if missing := [name for name in columns if name not in known]:
        raise lacking(purpose, missing, report)
    table: pa.Table = frame.select(*columns).collect("pyarrow").to_native()
    return table


def like(native: Any, table: pa.Table) -> Any:
    """Return an Arrow table as a frame of the kind another one is.

    Parameters
    ----------
    native : frame
        The other one.
    table : pyarrow.Table
    """
    given = nw.from_native(native)
    kind = given.implementation
    if isinstance(given, nw.LazyFrame):
        session = {"session": native.sparkSession} if kind.is_spark_like() else {}
        return nw.from_native(table, eager_only=True).lazy(kind, **session).to_native()
    if kind.is_pandas():
        import pandas as pd

        if any(isinstance(dtype, pd.ArrowDtype) for dtype in native.dtypes):
            return table.to_pandas(types_mapper=pd.ArrowDtype)
    return nw.from_arrow(table, backend=kind).to_native()


def epoch(times: pa.ChunkedArray) -> Seconds:
    """Return times as whole epoch seconds; a time without a zone is taken for UTC.

    Missing ones become the earliest number there is.
    """
    if pa.types.is_null(times.type):  # no value, no type
        times = times.cast(pa.timestamp("s"))
    # In UTC: rounding local times fails in the hour that clocks repeat.
    times = times.cast(pa.timestamp(times.type.unit))
    if times.type.unit != "s":
        times = pc.floor_temporal(times, unit="second")
    whole = times.cast(pa.timestamp("s"))
    numbers = whole.cast(pa.int64()).fill_null(np.iinfo(np.int64).min)
    return np.asarray(numbers.to_numpy(), np.int64)


def moments(seconds: Seconds, timezone: str | None) -> pa.Array:
    """Return epoch seconds as Arrow times, microseconds, in a zone; None for times without one."""
    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us", timezone))


def codes(values: pa.ChunkedArray) -> Seconds:
    """Return a number for each distinct value; missing is a value like another."""
    encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    indices = (
        encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    ).indices
    return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)
