"""A half-open span of time, and how it is cut into windows that one report job may cover.

Talkdesk includes ``from`` and excludes ``to``, so consecutive windows neither overlap nor leave
a gap. A job covers at most one month; whether that is a calendar month or 31 days is not known,
so no window is longer than either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import ConfigError

LONGEST_JOB = timedelta(days=31)

Moment = date | datetime | str
_NextCut = Callable[[date], date]


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    ConfigError
        No zone has this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise ConfigError(
            f"Unknown time zone {name!r}.",
            hint="Give an IANA name such as 'Europe/Lisbon', 'America/New_York' or 'UTC'.",
        ) from error


def _moment(value: Moment, zone: tzinfo, side: str) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ConfigError(
                f"The {side} of the time span is {value!r}, which is no date.",
                hint="Write it as 2026-08-01, 2026-08-01T09:30 or 2026-08-01T09:30:00+01:00.",
            ) from None
    if not isinstance(value, date):
        raise ConfigError(
            f"The {side} of the time span is a {type(value).__name__}.",
            hint="Give a date, a datetime or text such as '2026-08-01'.",
        )
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    elif value != value:  # pandas.NaT is a datetime that equals nothing
        raise ConfigError(f"The {side} of the time span is missing (NaT).")
    try:
        moment = (value.replace(tzinfo=zone) if value.tzinfo is None else value).astimezone(zone)
        moment.astimezone(UTC)
    except OverflowError:
        raise ConfigError(
            f"The {side} of the time span is {value.isoformat()}, which no calendar here reaches.",
            hint="Give a time between the years 1 and 9999, in UTC too.",
        ) from None
    return moment


@dataclass(frozen=True, slots=True)
class Timespan:
    """``[start, end)``, aware, seen in a time zone.

    Use `Timespan.of`, which accepts dates and text.

    Attributes
    ----------
    start, end : datetime
        Aware, in ``timezone``; ``start`` belongs to the span, ``end`` does not.
    timezone : str
        IANA name of the zone whose days and months count.
    """

    start: datetime
    end: datetime
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ConfigError("A time span needs aware times: use Timespan.of(start, end, zone).")
        if self.start.astimezone(UTC) >= self.end.astimezone(UTC):
            raise ConfigError(
                f"The time span ends ({self.end.isoformat()}) before it has begun "
                f"({self.start.isoformat()}).",
                hint="The end is not part of the span: for one day give the next day as its end.",
            )

    @classmethod
    def of(cls, start: Moment, end: Moment, timezone: str = "UTC") -> Timespan:
        """Read a span from dates, datetimes or ISO 8601 text.

        Parameters
        ----------
        start, end : date, datetime or str
            A date is its local midnight; a time without an offset is local to ``timezone``.
        timezone : str
            IANA name.

        Raises
        ------
        ConfigError
            Not a time, unknown zone, or ``end`` not after ``start``.
        """
        tz = zone(timezone)
        return cls(_moment(start, tz, "start"), _moment(end, tz, "end"), timezone)

    @property
    def length(self) -> timedelta:
        """Elapsed time, counting the hour that a clock change adds or drops."""
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)

    def days(self) -> Iterator[Timespan]:
        """Cut at each local midnight."""
        return self._cut(lambda day: day + timedelta(days=1))

    def months(self) -> Iterator[Timespan]:
        """Cut at the first of each local month.

        A month that is longer than 31 days of elapsed time (an autumn month of 31 days with one
        hour twice) is cut in two, so that every window is short enough for one job.
        """
        for month in self._cut(_next_month):
            if month.length <= LONGEST_JOB:
                yield month
            else:
                yield from month._cut(_next_half_month)

    def _cut(self, next_cut: _NextCut) -> Iterator[Timespan]:
        tz, start = zone(self.timezone), self.start
        while True:
            midnight = datetime.combine(next_cut(start.date()), time(), tz)
            if midnight.astimezone(UTC) >= self.end.astimezone(UTC):
                yield Timespan(start, self.end, self.timezone)
                return
            yield Timespan(start, midnight, self.timezone)
            start = midnight

    def __str__(self) -> str:
        return f"{_short(self.start)} to {_short(self.end)}"


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _next_half_month(day: date) -> date:
    return day.replace(day=16) if day.day < 16 else _next_month(day)


def _short(moment: datetime) -> str:
    return moment.date().isoformat() if moment.time() == time() else moment.isoformat()
