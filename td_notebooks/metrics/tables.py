"""Reading the tables that measures give: which column is what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ..errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Measures that are a share of something; the others are means of seconds.
SHARES = ("service_level", "occupancy", "adherence", "utilisation")


def names_of(native: Any) -> list[str]:
    """Return the columns of a frame of any kind."""
    return list(nw.from_native(native).lazy().collect_schema().names())


def measure_of(names: Sequence[str], purpose: str) -> str:
    """Return the column of the measure in a measure's table: the one after its denominator.

    Parameters
    ----------
    names : sequence of str
        The table's columns.
    purpose : str
        What is done, for the message.

    Raises
    ------
    SchemaError
        If it is not a measure's table.
    """
    after = [*names, ""][[*names, "denominator"].index("denominator") + 1 :]
    if "numerator" not in names or not after or not after[0]:
        raise SchemaError(
            f"Drawing {purpose}: the frame is no table of a measure.",
            hint='It takes a measure by time, such as td.metrics.service_level(calls, by="day").',
            missing=[name for name in ("numerator", "denominator") if name not in names],
        )
    return after[0]


def is_share(measure: str) -> bool:
    """Return whether a measure is a share, by its name."""
    return measure in SHARES or measure.endswith("_rate")
