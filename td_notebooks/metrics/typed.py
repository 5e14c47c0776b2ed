"""Columns whose type does not show: a report without a value in them, or pandas' ``object``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import pyarrow as pa

from .kinds import collected, frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Holds = Literal["seconds", "yes or no", "text", "times"]
#: What stands for each kind of column when it has no value at all.
ARROW: Mapping[Holds, pa.DataType] = {
    "seconds": pa.float64(),
    "yes or no": pa.bool_(),
    "text": pa.string(),
    "times": pa.timestamp("us", "UTC"),
}
NARWHALS: Mapping[Holds, Any] = {
    "seconds": nw.Float64(),
    "yes or no": nw.Boolean(),
    "text": nw.String(),
    "times": nw.Datetime("us"),
}


def fits(dtype: Any, holds: Holds) -> bool:
    """Return whether a column of a type holds what it should."""
    if holds == "seconds":
        return bool(dtype.is_numeric())
    if holds == "yes or no":
        return bool(dtype == nw.Boolean)
    if holds == "times":
        return bool(dtype == nw.Datetime)
    return dtype in (nw.String, nw.Categorical, nw.Enum)


def _zoned(dtype: object) -> bool:
    """Return whether pandas' dtype is one of times with a zone; narwhals reads not all names."""
    return str(dtype).startswith("datetime64[") and "," in str(dtype)


def typed(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], wanted: Mapping[str, Holds]
) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Give columns the type that their values have, or should have if there is no value.

    Those that hold something else are left as they are. Seconds that are not a number become
    missing: pandas means that by it, other kinds of frames know both.

    Parameters
    ----------
    frame : nw.DataFrame or nw.LazyFrame
    wanted : mapping of str to str
        What columns should hold; the frame need not have all of them.
    """
    schema = frame.collect_schema()
    if not (frame.implementation.is_pandas() or frame.implementation.is_dask()):
        frame = frame.with_columns(
            nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name)
            for name, holds in wanted.items()
            if holds == "seconds" and name in schema and schema[name].is_float()
        )
    odd = {
        name: holds
        for name, holds in wanted.items()
        if name in schema and not fits(schema[name], holds)
    }
    if not odd:
        return frame
    if isinstance(frame, nw.LazyFrame):
        (filled,) = collected(frame.select(nw.col(*odd).count())).to_pylist()
        empty = [name for name in odd if not filled[name]]
        frame = frame.with_columns(nw.lit(None, NARWHALS[odd[name]]).alias(name) for name in empty)
        if not frame.implementation.is_dask():
            return frame
        native = frame.to_native()
        zoned = [name for name in odd if filled[name] and _zoned(native[name].dtype)]
        return frame_of(
            native.assign(**{name: native[name].dt.tz_convert("UTC") for name in zoned})
        )
    # On the way to Arrow a column of objects gets the type of its values.
    table = collected(frame.select(*odd))
    found = {}
    for name, holds in odd.items():
        values = table[name]
        if values.null_count == len(values):
            values = pa.chunked_array([pa.nulls(len(values), ARROW[holds])])
        if pa.types.is_timestamp(values.type) and holds == "times":
            values = values.cast(pa.timestamp("us", values.type.tz and "UTC"))
            found[name] = values
        elif values.type == ARROW[holds]:
            # pandas' own flags have no missing ones; a missing flag counts as no anyhow.
            found[name] = values.fill_null(False) if holds == "yes or no" else values
    if not found:
        return frame
    columns = nw.from_arrow(pa.table(found), backend=frame.implementation)
    return frame.with_columns(*(columns[name] for name in found))
