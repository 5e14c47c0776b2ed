"""Frames of one report below one another, without a change of types.

`pandas.concat` keeps every type but one: categories of which one frame has seen a value that the
other has not become text. A report's sets of values are open, so that happens with any two months.
And a payload version whose columns nobody has published is read as text, beside frames of the
version before, which have types.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ..errors import ConfigError
from ..reports import schemas
from .assemble import typed
from .columns import TEXT, arrow_type
from .drift import Drift
from .table import Info, to_pandas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of one report below one another; every column keeps its dtype.

    Parameters
    ----------
    frames : iterable of pandas.DataFrame
        As `Talkdesk.report` or `read_report` returned them, with one ``dtype_backend``.

    Returns
    -------
    pandas.DataFrame
        The rows in the order given, numbered anew. A column that a frame does not have is empty
        there. Categories are those of the first frame, then what later ones add. Text in a column
        that only the payload version of another frame knows gets the type it has there, times
        without a zone in UTC.
        ``attrs["td"]`` tells the drift of all of them.

    Raises
    ------
    ConfigError
        If there is no frame, or they are not of one report.

    Examples
    --------
    >>> both = td.concat([td.read_report("may.csv", "calls"),
    ...                   td.read_report("june.csv", "calls")])  # doctest: +SKIP
    """
    given = list(frames)
    infos: list[Any] = [frame.attrs.get("td") for frame in given]
    types = {info["report_type"] for info in infos if info is not None}
    if len(types) != 1 or None in infos:
        found = ", ".join(sorted(types)) or "no frame of a report"
        raise ConfigError(
            f"concat puts frames of one report together; it was given {found}"
            + (" and a frame of something else." if types and None in infos else "."),
            hint="Give a list of frames that client.report or read_report returned.",
        )
    drift = sum((Drift.from_dict(info["drift"]) for info in infos), Drift())
    of = [schemas.schema(info["report_type"], info["version"]) for info in infos]
    columns = {column.name: column for version in reversed(of) for column in version.columns}
    for at, own in enumerate(of):
        given[at], misfits = _as_known(given[at], own, columns)
        drift += misfits
    dtypes: dict[str, Any] = {}
    for frame in given:
        for name, dtype in frame.dtypes.items():
            dtypes[str(name)] = _common(dtypes.get(str(name), dtype), dtype)
    whole = pd.concat([_with_columns(frame, dtypes) for frame in given], ignore_index=True)
    whole.attrs["td"] = Info(
        infos[-1],
        units={name: unit for info in infos for name, unit in info["units"].items()},
        drift=asdict(drift),
    )
    return whole


def _as_known(
    frame: pd.DataFrame, own: schemas.Schema, columns: Mapping[str, schemas.Column]
) -> tuple[pd.DataFrame, Drift]:
    """Return a frame whose text has the types that another payload version knows."""
    names = {column.name for column in own.columns}
    known = {
        name: column
        for name, column in columns.items()
        if name in frame.columns
        and name not in names
        and pd.api.types.is_string_dtype(frame[name].dtype)
        and (arrow_type(column) != TEXT or column.kind == "category")
    }
    if not known:
        return frame, Drift()
    text = {name: pa.array(frame[name], TEXT, from_pandas=True) for name in known}
    table, misfits = typed(pa.table(text), known)
    arrow = any(isinstance(frame[name].dtype, pd.ArrowDtype) for name in known)
    version = replace(own, columns=tuple(known.values()))
    new = to_pandas(table, version, dtype_backend="pyarrow" if arrow else None)
    return frame.assign(**{name: new[name].array for name in known}), misfits


def _common(one: Any, other: Any) -> Any:
    """Return the dtype of a column that has both: for categories, with those of both."""
    if one == other:
        return one
    if isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
        return pd.CategoricalDtype(one.categories.union(other.categories, sort=False))
    return pd.concat([pd.Series(dtype=one), pd.Series(dtype=other)]).dtype


def _with_columns(frame: pd.DataFrame, dtypes: dict[str, Any]) -> pd.DataFrame:
    """Return a frame with all columns of all frames, in their types."""
    columns = {
        name: frame[name].astype(dtype)
        if name in frame.columns
        else pd.Series(pd.NA, index=frame.index, dtype=dtype)
        for name, dtype in dtypes.items()
    }
    return pd.DataFrame(columns, index=frame.index, copy=False)
