"""Time cut into intervals, days, weeks and weekdays: by numbers, the same on every engine.

Intervals are cut in UTC, where every half-hour exists once, and labelled in the zone asked for; a
day on which the clocks change then has 46 or 50 of them. In zones that are not whole hours ahead
an hour of ``"1h"`` begins at a half or a quarter by local clocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError

if TYPE_CHECKING:
    from .kinds import Seconds

#: Seconds of each interval one can group by.
INTERVALS = {"15min": 900, "30min": 1800, "1h": 3600}
DAYS = ("day", "week", "weekday")
TIMES = (*INTERVALS, *DAYS)
#: 1970-01-01 was a Thursday: so many days after a Monday.
THURSDAY = 3


def cut(word: str, moment: Any, ahead: Any) -> Any:
    """Return the number of the interval, day, week or weekday that moments lie in.

    Parameters
    ----------
    word : str
        ``15min``, ``30min``, ``1h``: how many such intervals have begun since 1970. ``day`` and
        ``week``: the local day, or its week's Monday, in days since 1970. ``weekday``: 1 for
        Monday to 7 for Sunday.
    moment : nw.Expr or ndarray
        Epoch seconds.
    ahead : nw.Expr, ndarray or int
        By how many seconds local clocks were ahead; intervals are cut without.
    """
    if width := INTERVALS.get(word):
        return moment // width
    days = (moment + ahead) // 86400
    if word == "day":
        return days
    past = days + THURSDAY  # since a Monday; not every engine has a remainder
    return past // 7 * 7 - THURSDAY if word == "week" else past - past // 7 * 7 + 1


def label(word: str, numbers: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    """Return what becomes of the numbers of `cut`.

    An interval becomes the aware time, in a zone, at which it begins; DuckDB and PySpark keep no
    zone with a column and show it in that of their session. A day or week becomes its midnight by
    local clocks, without a zone.
    """
    numbers = numbers.cast(pa.int64())
    if word == "weekday":
        return numbers
    if width := INTERVALS.get(word):
        return pc.multiply(numbers, width * 1_000_000).cast(pa.timestamp("us", timezone))
    return pc.multiply(numbers, 86_400_000_000).cast(pa.timestamp("us"))


def width_of(begins: Seconds, purpose: str) -> int:
    """Return the seconds of a table's intervals: the shortest step from one to another.

    A lone one does not tell, and is taken for half an hour.

    Parameters
    ----------
    begins : ndarray
        Epoch seconds, in any order.
    purpose : str
        What is computed, for the message.

    Raises
    ------
    ConfigError
        No interval is that long.
    """
    steps = np.diff(np.unique(begins))
    width = int(steps.min()) if len(steps) else INTERVALS["30min"]
    if width not in INTERVALS.values():
        raise ConfigError(
            f"Computing {purpose}: the table's intervals are {width} s apart.",
            hint=f"It takes a table of intervals: {', '.join(INTERVALS)}.",
        )
    return width


def calendar_seconds(column: nw.Expr) -> nw.Expr:
    """Return epoch seconds of times without a zone from what calendar and clock show."""
    year = column.dt.year().cast(nw.Int64)
    leap_days = (year - 1969) // 4 - (year - 1901) // 100 + (year - 1601) // 400
    days = 365 * (year - 1970) + leap_days + column.dt.ordinal_day().cast(nw.Int64) - 1
    hours = days * 24 + column.dt.hour().cast(nw.Int64)
    return (hours * 60 + column.dt.minute().cast(nw.Int64)) * 60 + column.dt.second().cast(nw.Int64)
