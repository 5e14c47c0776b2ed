"""Frames of one report below one another, without a change of types.

`pandas.concat` keeps every type but one: categories of which one frame has seen a value that the
other has not become text. A report's sets of values are open, so that happens with any two months.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import ConfigError
from .drift import Drift
from .table import Info

if TYPE_CHECKING:
    from collections.abc import Iterable


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
        there. Categories are those of the first frame, then what later ones add.
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
    dtypes: dict[str, Any] = {}
    for frame in given:
        for name, dtype in frame.dtypes.items():
            dtypes[str(name)] = _wider(dtypes.get(str(name)), dtype)
    whole = pd.concat([_with_columns(frame, dtypes) for frame in given], ignore_index=True)
    whole.attrs["td"] = Info(
        infos[-1],
        units={name: unit for info in infos for name, unit in info["units"].items()},
        drift=asdict(sum((Drift.from_dict(info["drift"]) for info in infos), Drift())),
    )
    return whole


def _wider(known: Any, dtype: Any) -> Any:
    """Return the first dtype, with the categories that the second one adds."""
    if known is None or not isinstance(known, pd.CategoricalDtype):
        return dtype if known is None else known
    return pd.CategoricalDtype(known.categories.union(dtype.categories, sort=False))


def _with_columns(frame: pd.DataFrame, dtypes: dict[str, Any]) -> pd.DataFrame:
    """Return a frame with all columns of all frames, in their types."""
    columns = {
        name: frame[name].astype(dtype)
        if name in frame.columns
        else pd.Series(pd.NA, index=frame.index, dtype=dtype)
        for name, dtype in dtypes.items()
    }
    return pd.DataFrame(columns, index=frame.index, copy=False)
