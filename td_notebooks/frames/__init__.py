"""Report files to typed tables: bytes, Arrow record batches, pandas."""

from __future__ import annotations

from .assemble import assemble, stack
from .columns import arrow_schema
from .concat import concat
from .drift import Drift, DriftWarning
from .outputs import to_duckdb, to_polars, write_parquet
from .reader import BatchReader, read_batches
from .spreadsheet import neutralise, write_xlsx
from .table import Backend, Info, read_report, to_pandas

__all__ = [
    "Backend",
    "BatchReader",
    "Drift",
    "DriftWarning",
    "Info",
    "arrow_schema",
    "assemble",
    "concat",
    "neutralise",
    "read_batches",
    "read_report",
    "stack",
    "to_duckdb",
    "to_pandas",
    "to_polars",
    "write_parquet",
    "write_xlsx",
]
