"""Arrow tables to pandas frames."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from .assemble import assemble
from .drift import Drift, DriftWarning
from .reader import read_batches

if TYPE_CHECKING:
    from os import PathLike

    from ..reports.schemas import Schema

Backend = Literal["numpy_nullable", "pyarrow"]
_PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3


class Info(dict[str, Any]):
    """What a frame is, in ``frame.attrs["td"]``: a dict that JSON can hold, read as attributes.

    Attributes
    ----------
    report_type, version : str
    units : dict of str to str
        ``"s"`` (seconds) for each duration.
    drift : Drift
        How the file differed from the catalogue.
    """

    @property
    def report_type(self) -> str:
        """The report type."""
        return str(self["report_type"])

    @property
    def version(self) -> str:
        """The payload version."""
        return str(self["version"])

    @property
    def units(self) -> dict[str, str]:
        """Unit of each duration, by column."""
        return dict(self["units"])

    @property
    def drift(self) -> Drift:
        """How the file differed from the catalogue."""
        return Drift.from_dict(self["drift"])


def to_pandas(
    table: pa.Table,
    schema: Schema,
    *,
    dtype_backend: Backend | None = None,
    drift: Drift | None = None,
) -> pd.DataFrame:
    """Turn a finished Arrow table into a frame.

    Parameters
    ----------
    table : pyarrow.Table
        As `assemble` or `BatchReader.read` return it.
    schema : Schema
        What the catalogue knows of the report.
    dtype_backend : {"numpy_nullable", "pyarrow"}, optional
        By default text is pandas' own ``str`` (``string[pyarrow]`` before pandas 3), numbers are
        ``Int64`` and ``Float64``, flags ``boolean``, categories ``category``, times
        ``datetime64[us, UTC]``. ``"numpy_nullable"`` has ``string`` for text. ``"pyarrow"`` has
        Arrow types throughout, and text for categories.
    drift : Drift, optional
        Kept in the frame; a `DriftWarning` repeats it once.

    Returns
    -------
    pandas.DataFrame
        One row per row of the table. Durations are in seconds. ``frame.attrs["td"]`` is an `Info`.

    Raises
    ------
    ConfigError
        If there is no such `dtype_backend`.
    """
    check_backend(dtype_backend)
    drift = drift or Drift()
    if dtype_backend == "pyarrow":
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    else:
        known = {c.name: c.values for c in schema.columns if c.kind == "category"}
        text = _text_dtype(dtype_backend)
        with ThreadPoolExecutor(pa.cpu_count()) as pool:
            arrays = pool.map(
                lambda name: _pandas_array(table.column(name), text, known.get(name)),
                table.column_names,
            )
        frame = pd.DataFrame(
            dict(zip(table.column_names, arrays, strict=True)),
            index=pd.RangeIndex(table.num_rows),
            copy=False,
        )
    frame.attrs["td"] = Info(
        report_type=schema.report_type,
        version=schema.version,
        units={column.name: column.unit for column in schema.columns if column.unit},
        drift=asdict(drift),
    )
    if drift:
        warnings.warn(f"The {schema.report_type} report: {drift}.", DriftWarning, stacklevel=2)
    return frame


def check_backend(dtype_backend: object) -> None:
    """Raise `ConfigError` if a frame cannot have such types."""
    if dtype_backend not in (None, "numpy_nullable", "pyarrow"):
        raise ConfigError(
            f"There is no dtype_backend {dtype_backend!r}.",
            hint='Use "numpy_nullable" or "pyarrow", or leave it out. '
            "client.table(...) gives an Arrow table, which polars.from_arrow takes.",
        )


def read_report(
    source: BinaryIO | str | PathLike[str],
    report_type: str,
    *,
    format: str | None = None,
    timezone: str = "UTC",
    dtype_backend: Backend | None = None,
    strict: bool = False,
) -> pd.DataFrame:
    """Read a report file that was downloaded before.

    Parameters
    ----------
    source : path or BinaryIO
        CSV, JSON or bulk JSON, packed with gzip or not.
    report_type : str
        What the file holds, such as ``"calls"``.
    format : {"csv", "json", "json_bulk"}, optional
        By default, told from the first bytes.
    timezone : str
        IANA name of the zone the report was asked in; times without a zone are read in it. Where
        clocks repeat an hour, the first is meant; an hour they skip becomes the moment after it.
    dtype_backend : {"numpy_nullable", "pyarrow"}, optional
        See `to_pandas`.
    strict : bool
        Raise `SchemaError` at a value that does not fit, instead of leaving it empty.

    Returns
    -------
    pandas.DataFrame
        One row per row of the report, in the order of its time column.

    Raises
    ------
    DownloadError
        If the file is damaged, cut short, or not a report.
    SchemaError
        If a column is missing that the report type must have.
    ConfigError
        If there is no such report type, format, zone or `dtype_backend`.

    Examples
    --------
    >>> calls = read_report("calls.csv", "calls")  # doctest: +SKIP
    """
    check_backend(dtype_backend)
    reader = read_batches(source, report_type, format=format, timezone=timezone, strict=strict)
    table = reader.read()
    return to_pandas(
        assemble([table], reader.schema),
        reader.schema,
        dtype_backend=dtype_backend,
        drift=reader.drift,
    )


def _text_dtype(dtype_backend: Backend | None) -> Any:
    if dtype_backend is None and _PANDAS_3:
        return pd.StringDtype("pyarrow", na_value=float("nan"))
    return pd.StringDtype("pyarrow")


def _pandas_array(
    values: pa.ChunkedArray, text: pd.StringDtype, known: tuple[str, ...] | None
) -> Any:
    """Turn a column into what pandas holds; text is not copied, the rest is copied once.

    By hand, because pandas would copy numbers three times over.
    """
    if known is not None:
        return _categories(values, known)
    if pa.types.is_large_string(values.type):
        return values.to_pandas(types_mapper={values.type: text}.get).array
    if pa.types.is_timestamp(values.type):
        return values.to_pandas().array
    if pa.types.is_boolean(values.type):
        return pd.arrays.BooleanArray(_own(values.fill_null(False)), _missing(values))
    if pa.types.is_integer(values.type):
        return pd.arrays.IntegerArray(_numbers(values, np.dtype("int64")), _missing(values))
    return pd.arrays.FloatingArray(_numbers(values, np.dtype("float64")), _missing(values))


def _numbers(values: pa.ChunkedArray, kind: np.dtype[Any]) -> Any:
    """Return numbers one after the other; where one is missing, any may stand."""
    parts = [
        np.frombuffer(part.buffers()[1], kind, len(part), part.offset * kind.itemsize)
        for part in values.chunks
        if len(part)
    ]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _missing(values: pa.ChunkedArray) -> Any:
    return _own(values.is_null()) if values.null_count else np.zeros(len(values), bool)


def _own(values: pa.ChunkedArray) -> Any:
    """Return an array of numpy that may be written to."""
    array = values.to_numpy(zero_copy_only=False)
    return array if array.flags.writeable else array.copy()


def _categories(values: pa.ChunkedArray, known: tuple[str, ...]) -> pd.Categorical:
    """Encode text with the known values first, then others in the order they appear."""
    words = pa.array(known, values.type)
    codes = pc.index_in(values, value_set=words)
    if codes.null_count > values.null_count:
        seen = values.unique().drop_null().to_pylist()
        words = pa.array(dict.fromkeys([*known, *seen]), values.type)
        codes = pc.index_in(values, value_set=words)
    return pd.Categorical.from_codes(
        _own(codes.fill_null(-1)), pd.Index(words.to_pandas(), dtype=_text_dtype(None))
    )
