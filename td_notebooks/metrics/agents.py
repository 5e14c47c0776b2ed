"""What agents did with their time."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from .cuts import TIMES
from .grouping import By, Groups, keys_of, ratio, share
from .kinds import arrow, like
from .ratio import Ratio
from .statuses import edges, read_statuses, span_of
from .wording import unknown

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

#: Statuses in which an agent has a contact, or would take one.
BUSY = ("On a Call", "After Call Work")
READY = ("Available",)
Denominator = Literal["ready", "staffed", "interval"]
DENOMINATORS: tuple[Denominator, ...] = ("ready", "staffed", "interval")


def time_by_status(
    statuses: Any,
    *,
    by: By = "user_id",
    timezone: str = "UTC",
    start: date | str | None = None,
    end: date | str | None = None,
) -> Any:
    """Add up the time spent in each status.

    Parameters
    ----------
    statuses : frame
        One row per stretch of a status: the ``user_status`` report.
    by : str or sequence of str, optional
        As for `service_level`; a stretch is divided among the intervals and days it touches.
    timezone : str
        IANA name of the zone of the days, the labels, `start` and `end`.
    start, end : date, datetime or str, optional
        Half-open span to clip to; give both or none.

    Returns
    -------
    frame
        Of the kind given, one row per group and status: keys, ``status_label``, ``status_time``
        (seconds).

    Raises
    ------
    SchemaError
        The frame lacks a column.
    """
    keys = keys_of(by)
    pieces = _pieces(statuses, "time by status", keys, timezone, start, end)
    groups = _groups(pieces, "time by status", [*keys, "status_label"], timezone)
    return like(statuses, groups.finish(groups.tally({"status_time": nw.col("status_time")})))


def occupancy(
    statuses: Any,
    *,
    denominator: Denominator = "ready",
    by: By = None,
    timezone: str = "UTC",
    start: date | str | None = None,
    end: date | str | None = None,
    busy: Collection[str] = BUSY,
    ready: Collection[str] = READY,
) -> Any:
    """Share of their time in which agents had a contact: talk, hold and after-call work.

    Parameters
    ----------
    statuses : frame
        One row per stretch of a status: the ``user_status`` report.
    denominator : {"ready", "staffed", "interval"}
        Busy or ready for a contact; everything but offline; or the full length of every interval
        (day, or span, whichever `by` divides into) in which an agent was not offline throughout.
    by : str or sequence of str, optional
        As for `service_level`; a stretch is divided among the intervals and days it touches.
    timezone : str
        IANA name of the zone of the days, the labels, `start` and `end`.
    start, end : date, datetime or str, optional
        Half-open span to clip to; give both or none.
    busy, ready : collection of str
        The account's own names of such statuses; case does not count.

    Returns
    -------
    Ratio or frame
        Of seconds. With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``occupancy``.

    Raises
    ------
    SchemaError
        The frame lacks a column.
    ConfigError
        There is no such denominator.

    Notes
    -----
    Sources: COPC as quoted by Call Centre Helper (220060) for ``ready``; ICMI 2012. There is no
    agreed definition, hence three by name.
    """
    if denominator not in DENOMINATORS:
        raise unknown("occupancy of", denominator, DENOMINATORS)
    pieces = _pieces(statuses, "an occupancy", keys_of(by), timezone, start, end)
    groups = _groups(pieces, "an occupancy", by, timezone)
    seconds = nw.col("status_time")
    at_work = _status(busy)
    below = {
        "ready": _only(_status([*busy, *ready]), seconds),
        "staffed": _only(~_status(["Offline"]), seconds),
        "interval": nw.col("_length"),
    }
    result = ratio(groups, "occupancy", denominator, _only(at_work, seconds), below[denominator])
    return result if not groups.names else like(statuses, result)


def utilisation(
    statuses: Any,
    paid_hours: Any,
    *,
    by: By = None,
    timezone: str = "UTC",
    start: date | str | None = None,
    end: date | str | None = None,
    busy: Collection[str] = BUSY,
    ready: Collection[str] = READY,
) -> Any:
    """Share of the paid time in which agents had a contact or were ready for one.

    Parameters
    ----------
    statuses : frame
        One row per stretch of a status: the ``user_status`` report.
    paid_hours : float or frame
        Paid hours of all the agents together, in the span. With `by` a frame of any kind, one row
        per group: the keys, as `time_by_status` returns them, and ``paid_hours``.
    by : str or sequence of str, optional
        As for `service_level`; a stretch is divided among the intervals and days it touches.
    timezone : str
        IANA name of the zone of the days, the labels, `start` and `end`.
    start, end : date, datetime or str, optional
        Half-open span to clip to; give both or none.
    busy, ready : collection of str
        The account's own names of such statuses; case does not count.

    Returns
    -------
    Ratio or frame
        Of seconds. With ``by`` a frame of the kind of `statuses`, one row per row of `paid_hours`:
        keys, ``numerator``, ``denominator``, ``utilisation``.

    Raises
    ------
    SchemaError
        A frame lacks a column.
    ConfigError
        `by` goes with a frame of paid hours, and a number without.

    Notes
    -----
    (talk + hold + after-call work + available) ÷ paid time. Source: COPC as quoted; a weak one.
    """
    keys = keys_of(by)
    if bool(keys) == isinstance(paid_hours, Real):
        raise ConfigError(
            "A utilisation takes paid hours as a number, or with `by` as a frame.",
            hint="The frame has the keys and a column paid_hours.",
        )
    pieces = _pieces(statuses, "a utilisation", keys, timezone, start, end)
    groups = _groups(pieces, "a utilisation", by, timezone)
    worked = _only(_status([*busy, *ready]), nw.col("status_time"))
    if not keys:
        found = ratio(groups, "", "", worked, nw.lit(0))
        return Ratio("utilisation", "paid hours", found.numerator, paid_hours * 3600)
    table = groups.finish(groups.tally({"numerator": worked}))
    paid = arrow(paid_hours, [*groups.names, "paid_hours"], "a utilisation", "user_status")
    # Keys meet as the types that the statuses' have; categories as what they stand for.
    table = table.cast(pa.schema([(field.name, _plain(field.type)) for field in table.schema]))
    paid = paid.cast(pa.schema([*table.select(groups.names).schema, ("paid_hours", pa.float64())]))
    result = paid.join(table, groups.names, join_type="left outer")
    result = result.set_column(
        result.column_names.index("numerator"), "numerator", result["numerator"].fill_null(0)
    )
    seconds = pc.multiply(result["paid_hours"], 3600.0)
    result = result.append_column("denominator", seconds)
    result = result.append_column("utilisation", share(result, "numerator"))
    columns = [*groups.names, "numerator", "denominator", "utilisation"]
    order = [(name, "ascending") for name in groups.names]
    return like(statuses, result.select(columns).sort_by(order))


def _plain(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


def _groups(pieces: pa.Table, purpose: str, by: By, timezone: str) -> Groups:
    return Groups(
        pieces, purpose, by=by, timezone=timezone, report="user_status", time="status_start_at"
    )


def _pieces(
    statuses: Any,
    purpose: str,
    keys: list[str],
    timezone: str,
    start: date | str | None,
    end: date | str | None,
) -> pa.Table:
    """Return the stretches in pieces that lie in one group each.

    ``_folded`` is the status without regard to case; ``_length`` the seconds of the interval, at
    an agent's first piece in it that is not offline.
    """
    columns = ["ring_groups" if key == "ring_group" else key for key in keys]
    more = [name for name in columns if name not in TIMES]
    stretches = read_statuses(statuses, purpose, more)
    first, last = span_of(stretches, start, end, timezone)
    marks = edges(keys, first, last, timezone)
    pieces = stretches.clipped(first, last).cut(marks)
    table = pieces.table()
    folded = pc.utf8_lower(table["status_label"].cast(pa.string()))
    window = np.searchsorted(marks, pieces.begin, side="right") - 1
    here = np.flatnonzero(~np.asarray(pc.equal(folded, "offline").fill_null(False)))
    _, firsts = np.unique(pieces.user[here] * (len(marks) + 1) + window[here], return_index=True)
    length = np.zeros(len(table), np.int64)
    length[here[firsts]] = np.diff(marks)[window[here[firsts]]]
    return table.append_column("_folded", folded).append_column("_length", pa.array(length))


def _status(labels: Collection[str]) -> nw.Expr:
    return nw.col("_folded").is_in([label.lower() for label in labels]).fill_null(False)


def _only(rows: nw.Expr, seconds: nw.Expr) -> nw.Expr:
    return nw.when(rows).then(seconds).otherwise(nw.lit(0))
