"""A contact centre that never was, and what Talkdesk would report about it.

>>> from datetime import UTC, datetime
>>> centre = Centre(CentreSettings(seed=7))
>>> rows = centre.rows("calls", datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
>>> rows[0]["type"] in {"inbound", "voicemail", "missed"}
True

Days are simulated one by one and each from its own random numbers: rows do not depend on how a
span is cut, on what was asked before, or on the thread that asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from threading import Lock
from zoneinfo import ZoneInfo

from .day import simulate
from .files import layout
from .generic import generic_rows
from .names import Names
from .people import People
from .record import Day
from .rows import WRITERS, Placed, Report, Row
from .settings import CentreSettings

__all__ = ["Centre", "CentreSettings", "Event"]

#: Days are kept until they hold more calls than this (about 40 MB).
CACHED_CALLS = 20_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, by the simulation's own account.

    Attributes
    ----------
    at : datetime
        In UTC, with microseconds; the reports show whole seconds, cut off.
    kind : str
        ``arrived``, ``queued``, ``rang``, ``answered``, ``ignored``, ``rejected``,
        ``device unavailable``, ``canceled``, ``callback``, ``abandoned``, ``short abandoned``,
        ``missed``, ``voicemail``, ``transferred``, ``hung up``, ``finished`` (after-call work
        too), ``dialled``, ``connected``.
    call_id : str
    contact_id, ring_group, user_id : str or None
    """

    at: datetime
    kind: str
    call_id: str
    contact_id: str | None = None
    ring_group: str | None = None
    user_id: str | None = None


class Centre:
    """A simulated contact centre.

    Parameters
    ----------
    settings : CentreSettings, optional

    Notes
    -----
    Safe to use from several threads.
    """

    def __init__(self, settings: CentreSettings | None = None) -> None:
        self.settings = settings or CentreSettings()
        self.people = People(self.settings)
        self.zone = ZoneInfo(self.settings.timezone)
        self._days: OrderedDict[date, Day] = OrderedDict()
        self._lock = Lock()

    def rows(self, report_type: str, start: datetime, end: datetime) -> list[Row]:
        """Return a report's rows of a timespan.

        Parameters
        ----------
        report_type : str
            One of the catalogue's.
        start, end : datetime
            Aware; half-open. A row belongs to the span in which its time column lies.

        Returns
        -------
        list of dict
            One per row, by JSON key in the catalogue's order, sorted by the time column and the
            primary key. Times are in UTC, durations in seconds.

        Raises
        ------
        ConfigError
            If there is no such report type.
        """
        if report_type not in WRITERS:
            layout(report_type)  # complains of an unknown type
        first, last = start.timestamp(), end.timestamp()
        rows: list[Row] = []
        for day in self._between(start, end, before=report_type == "user_status"):
            placed = self._placed(report_type, day)
            rows += [row for moment, _, row in placed if first <= moment < last]
        return rows

    def events(self, start: datetime, end: datetime) -> list[Event]:
        """Return the simulation's own log of a timespan, in order.

        It is what the reports are made from, kept apart from them so that measures computed from
        reports can be checked against what happened.

        Parameters
        ----------
        start, end : datetime
            Aware; half-open.

        Returns
        -------
        list of Event
        """
        events: list[Event] = []
        groups = self.settings.ring_groups
        for day in self._between(start, end):
            names = Names(self.settings, day.day)
            midnight = datetime.fromtimestamp(day.start, UTC)
            for moment, kind, call, contact, agent in day.log:
                at = midnight + timedelta(seconds=moment)
                if start <= at < end:
                    event = Event(at, kind, names.call(call))
                    if contact is not None:
                        event = Event(
                            at,
                            kind,
                            event.call_id,
                            names.contact(contact),
                            groups[contact.group],
                            agent.id if agent else None,
                        )
                    events.append(event)
        return events

    def _placed(self, report_type: str, day: Day) -> list[Placed]:
        write = WRITERS.get(report_type)
        if write is None:
            return generic_rows(self.settings, self.people, day, report_type, layout(report_type))
        placed = list(write(Report(self.settings, self.people, day)))
        placed.sort(key=itemgetter(0, 1))
        return placed

    def _between(self, start: datetime, end: datetime, *, before: bool = False) -> Iterator[Day]:
        """Yield the local days that a span touches; with `before`, the one that ends at its start.

        An agent's last status of a day ends at midnight, which is the next day's first moment.
        """
        if start >= end:
            return
        first = start - timedelta(seconds=1) if before else start
        day = first.astimezone(self.zone).date()
        last = (end - timedelta(microseconds=1)).astimezone(self.zone).date()
        while day <= last:
            yield self._day(day)
            day += timedelta(1)

    def _day(self, day: date) -> Day:
        # Simulating under the lock: two threads that want the same day do the work once.
        with self._lock:
            known = self._days.pop(day, None) or simulate(self.settings, self.people, day)
            self._days[day] = known
            held = sum(len(kept.calls) for kept in self._days.values())
            while held > CACHED_CALLS and len(self._days) > 1:
                _, oldest = self._days.popitem(last=False)
                held -= len(oldest.calls)
        return known
