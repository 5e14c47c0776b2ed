"""Whether agents were in the status their schedule says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .agents import BUSY, READY
from .cuts import TIMES
from .grouping import By, Groups, keys_of, ratio
from .kinds import arrow, codes, epoch, like
from .statuses import Stretches, edges, read_statuses, with_times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .kinds import Seconds

SCHEDULE = ("user_id", "status_label", "start_at", "end_at")
#: Who is scheduled for calls keeps to it while having one, too.
COUNTS_AS: Mapping[str, Collection[str]] = {"Available": (*READY, *BUSY)}


def adherence(
    statuses: Any,
    schedule: Any,
    *,
    by: By = None,
    timezone: str = "UTC",
    counts_as: Mapping[str, Collection[str]] = COUNTS_AS,
) -> Any:
    """Time in the scheduled status ÷ scheduled time.

    Parameters
    ----------
    statuses : frame
        One row per stretch of a status: the ``user_status`` report.
    schedule : frame
        One row per scheduled stretch of an agent, of any kind: ``user_id``, ``status_label`` (the
        status to be in), ``start_at``, ``end_at``.
    by : str or sequence of str, optional
        Columns of the schedule, intervals, ``day``, ``week``, ``weekday``; a scheduled stretch is
        divided among the times it touches.
    timezone : str
        IANA name of the zone of the days and labels.
    counts_as : mapping of str to collection of str
        The statuses that fulfil a scheduled one; others are fulfilled by themselves alone. Case
        does not count.

    Returns
    -------
    Ratio or frame
        Of seconds. With ``by`` a frame of the kind of `schedule`: keys, ``numerator``,
        ``denominator``, ``adherence``. Time of which no status is known does not adhere.

    Raises
    ------
    SchemaError
        A frame lacks a column.

    Notes
    -----
    Source: the workforce-management adherence report of Talkdesk.
    """
    keys = keys_of(by)
    columns = [key for key in keys if key not in TIMES]
    planned = _planned(schedule, columns)
    if len(planned.begin):
        marks = edges(keys, int(planned.begin.min()), int(planned.end.max()), timezone)
        planned = planned.cut(marks)
    kept = _kept(read_statuses(statuses, "an adherence"), planned, counts_as)
    table = planned.table().append_column("_kept", pa.array(kept))
    groups = Groups(
        table,
        "an adherence",
        by=by,
        timezone=timezone,
        report="user_status",
        time="status_start_at",
    )
    result = ratio(groups, "adherence", "scheduled time", nw.col("_kept"), nw.col("status_time"))
    return result if not groups.names else like(schedule, result)


def _planned(schedule: Any, columns: list[str]) -> Stretches:
    more = [name for name in dict.fromkeys(columns) if name not in SCHEDULE]
    rows = arrow(schedule, [*SCHEDULE, *more], "an adherence", "wfm_team_schedule_report")
    rows = with_times(rows, ("start_at", "end_at"), "an adherence")
    rows = rows.filter(pc.and_(pc.is_valid(rows["start_at"]), pc.is_valid(rows["end_at"])))
    begin, end = epoch(rows["start_at"]), epoch(rows["end_at"])
    which = np.flatnonzero(begin < end)
    kept = rows.drop_columns(["start_at", "end_at"])
    plan = Stretches(kept, codes(rows["user_id"]), codes(rows["status_label"]), begin, end)
    return plan.pick(which, begin[which], end[which])


def _kept(
    actual: Stretches, planned: Stretches, counts_as: Mapping[str, Collection[str]]
) -> Seconds:
    """Return of each planned stretch the seconds in which the agent was in the status."""
    fulfils = {
        label.lower(): {status.lower() for status in statuses}
        for label, statuses in counts_as.items()
    }
    labels = [_lower(label) for label in actual.rows["status_label"].to_pylist()]
    of_user: dict[Any, list[int]] = {}
    for place, user in enumerate(actual.rows["user_id"].to_pylist()):
        of_user.setdefault(user, []).append(place)
    wanted: dict[tuple[Any, str], list[int]] = {}
    users, plans = planned.rows["user_id"].to_pylist(), planned.rows["status_label"].to_pylist()
    for place, (user, label) in enumerate(zip(users, plans, strict=True)):
        wanted.setdefault((user, _lower(label)), []).append(place)
    kept = np.zeros(len(planned.begin), np.int64)
    for (user, label), places in wanted.items():
        good = fulfils.get(label, {label})
        mine = [place for place in of_user.get(user, ()) if labels[place] in good]
        kept[places] = _covered(actual, mine, planned.end[places]) - _covered(
            actual, mine, planned.begin[places]
        )
    return kept


def _covered(actual: Stretches, places: list[int], moments: Seconds) -> Seconds:
    """Return how many seconds of some stretches of an agent lie before each moment."""
    if not places:
        return np.zeros(len(moments), np.int64)
    # Sorted by begin; of what overlaps, the time that the earlier ones have is left to them.
    end = np.maximum.accumulate(actual.end[places])
    begin = np.maximum(actual.begin[places], np.append(0, end[:-1]))
    before = np.concatenate([[0], np.cumsum(end - begin)])
    nth = np.searchsorted(begin, moments, side="right")
    running = np.minimum(moments, end[nth - 1]) - begin[nth - 1]
    covered: Seconds = np.where(nth > 0, before[nth - 1] + running, 0)
    return covered


def _lower(label: str | None) -> str:
    return (label or "").lower()
