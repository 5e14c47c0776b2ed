"""Which week it is, and the rows that lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from ..metrics.kinds import arrow, epoch
from ..metrics.tables import names_of
from ..metrics.wording import wording_of
from ..timespan import Timespan, zone

PURPOSE = "a page of the week"
#: Reports a page is made of; it can do without all but the first.
REPORTS = ("calls", "contacts", "user_status")


def week_of(day: date | str | None, timezone: str, *, now: datetime | None = None) -> Timespan:
    """Return the week that a day lies in, Monday to Sunday by local clocks.

    Parameters
    ----------
    day : date or str, optional
        Such as ``2026-08-05``; by default the last week that is over.
    timezone : str
        IANA name.
    now : datetime, optional
        Aware; what the default goes by.

    Raises
    ------
    ConfigError
        No such day, or no such zone.
    """
    if day is None:
        local = (now or datetime.now(UTC)).astimezone(zone(timezone)).date()
        day = local - timedelta(days=7)
    if isinstance(day, str):
        day = Timespan.of(day, "9000-01-01", timezone).start
    if isinstance(day, datetime):
        day = day.date()
    monday = day - timedelta(days=day.weekday())
    return Timespan.of(monday, monday + timedelta(days=7), timezone)


def week_before(week: Timespan) -> Timespan:
    """Return the week before a week."""
    monday = week.start.date() - timedelta(days=7)
    return Timespan.of(monday, week.start, week.timezone)


@dataclass(frozen=True, slots=True)
class Reports:
    """The rows of one week.

    Attributes
    ----------
    week : Timespan
    calls, contacts, statuses : pyarrow.Table or None
        Statuses are those that ended in the week.
    given : dict
        The reports as they were given, by type.
    """

    week: Timespan
    calls: pa.Table
    contacts: pa.Table | None
    statuses: pa.Table | None
    given: dict[str, Any]

    @classmethod
    def of(cls, week: Timespan, calls: Any, contacts: Any, statuses: Any) -> Reports:
        """Cut a week out of reports of any kind."""
        given = {"calls": calls, "contacts": contacts, "user_status": statuses}
        cut = {
            name: None if frame is None else _cut(frame, name, week)
            for name, frame in given.items()
        }
        assert cut["calls"] is not None
        return cls(week, cut["calls"], cut["contacts"], cut["user_status"], given)


def _cut(frame: Any, report_type: str, week: Timespan) -> pa.Table:
    names = names_of(frame)
    time = "status_end_at" if report_type == "user_status" else wording_of(names, PURPOSE).start
    table = arrow(frame, [*dict.fromkeys([*names, time])], PURPOSE, report_type)
    moments = epoch(table[time])
    first, last = week.start.timestamp(), week.end.timestamp()
    return table.filter(pa.array((first <= moments) & (moments < last)))
