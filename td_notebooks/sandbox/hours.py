"""When the simulated contact centre is open, and when it is busy."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import exp
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from .settings import CentreSettings, Hours

#: Inbound calls of Monday to Friday against their average.
WEEKDAYS = (1.18, 1.04, 0.98, 0.93, 0.87)


def midnight(day: date, zone: ZoneInfo) -> int:
    """Return a local midnight in seconds since 1970-01-01 UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def clock_time(day: date, hours: float, zone: ZoneInfo) -> int:
    """Return a moment of the local clock in seconds since that day's midnight.

    The clock may have been put forward or back since: 09:00 is 8 or 10 hours after midnight then.
    """
    if hours >= 24:
        return midnight(day + timedelta(1), zone) - midnight(day, zone)
    whole = int(hours)
    moment = datetime(day.year, day.month, day.day, whole, int((hours - whole) * 60), tzinfo=zone)
    return int(moment.timestamp()) - midnight(day, zone)


def opening(settings: CentreSettings, day: date, zone: ZoneInfo) -> tuple[int, int] | None:
    """Return opening and closing in seconds since local midnight, or None when closed."""
    hours: Hours | None = settings.weekday_hours
    if day.weekday() >= 5:
        hours = settings.saturday_hours if day.weekday() == 5 else settings.sunday_hours
    return hours and (clock_time(day, hours[0], zone), clock_time(day, hours[1], zone))


def busy(part: float) -> float:
    """Return how busy a part of the opening hours is: a peak before noon, a lower one after."""
    return 0.5 + exp(-(((part - 0.25) / 0.12) ** 2)) + 0.7 * exp(-(((part - 0.65) / 0.15) ** 2))
