"""The same rows as frames of every kind, and what stands in a frame of any kind."""

from __future__ import annotations

import shutil
import warnings
from functools import cache

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
JAVA = shutil.which("java")


def dask(table):
    """Return an Arrow table as a Dask frame of several pieces."""
    import dask.dataframe as dd

    return dd.from_pandas(table.to_pandas(types_mapper=pd.ArrowDtype), npartitions=2)


def dask_numpy(table):
    """Return the same with NumPy's types."""
    import dask.dataframe as dd

    return dd.from_pandas(table.to_pandas(), npartitions=2)


@cache
def spark():
    """Start a small Spark; its session's zone is not one that any test groups by."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.memory": "512m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def pyspark(table):
    """Return an Arrow table as a frame of Spark; times without a zone stay so."""
    from pyspark.sql.pandas.types import from_arrow_schema

    schema = from_arrow_schema(table.schema, prefer_timestamp_ntz=True)
    return spark().createDataFrame(table, schema=schema)


def rows(frame):
    """Return a frame's rows as dicts of plain values; aware times as epoch seconds."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
        lazy = nw.from_native(frame).lazy()
    names = lazy.collect_schema().names()
    table = lazy.collect("pyarrow").to_native().select(names)
    return [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]


def plain(value):
    if value is None or value != value:
        return None
    if getattr(value, "tzinfo", None):
        return value.timestamp()
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return round(value, 9) if isinstance(value, float) else value
