"""The same rows as frames of every kind, and what stands in a frame of any kind."""

from __future__ import annotations

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa

KINDS = {
    "pandas": lambda table: table.to_pandas(),
    "pandas nullable": lambda table: table.to_pandas().convert_dtypes(),
    "pandas arrow": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.from_arrow,
    "polars lazy": lambda table: pl.from_arrow(table).lazy(),
    "arrow": lambda table: table,
    "duckdb": duckdb.from_arrow,
}
NATIVE = {
    "pandas": pd.DataFrame,
    "pandas nullable": pd.DataFrame,
    "pandas arrow": pd.DataFrame,
    "polars": pl.DataFrame,
    "polars lazy": pl.LazyFrame,
    "arrow": pa.Table,
    "duckdb": duckdb.DuckDBPyRelation,
}


def rows(frame):
    """Return a frame's rows as dicts of plain values; aware times as epoch seconds."""
    table = nw.from_native(frame).lazy().collect("pyarrow").to_native()
    return [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]


def plain(value):
    if value is None or value != value:
        return None
    if getattr(value, "tzinfo", None):
        return value.timestamp()
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return round(value, 9) if isinstance(value, float) else value
