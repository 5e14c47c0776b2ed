"""When the customers of a simulated day call, who they are and which ring group they want."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import TYPE_CHECKING

from .hours import WEEKDAYS, busy

if TYPE_CHECKING:
    from .people import People
    from .settings import CentreSettings

#: Seconds before midnight of the last arrival.
LAST_ARRIVAL = 900


class Demand:
    """The calls that a local day brings; what it yields is drawn when it is asked for.

    Parameters
    ----------
    settings : CentreSettings
    people : People
    day : date
    length : int
        Seconds of the day.
    hours : (int, int) or None
        Opening and closing in seconds since local midnight; None when closed.
    rng : Random
        The day's own, shared with all else that happens in it.
    """

    def __init__(
        self,
        settings: CentreSettings,
        people: People,
        day: date,
        length: int,
        hours: tuple[int, int] | None,
        rng: Random,
    ) -> None:
        self._settings, self._people, self._day = settings, people, day
        self._last = length - LAST_ARRIVAL
        self._hours = hours
        self._rng = rng

    def inbound(self) -> Iterator[float]:
        """Yield the moments of inbound calls while the centre is open."""
        return self._arrivals(1.0)

    def outbound(self) -> Iterator[float]:
        """Yield the moments at which agents want to call somebody."""
        share = self._settings.outbound_share
        return self._arrivals(share / (1 - share))

    def while_closed(self) -> Iterator[float]:
        """Yield the moments of inbound calls outside the opening hours."""
        opens, closes = self._hours or (0, 0)
        rate = self._settings.closed_share * self._settings.calls_per_day / 86400
        at = 0.0
        while rate and (at := at + self._rng.expovariate(rate)) < self._last:
            if not opens <= at < closes:
                yield at

    def group(self) -> int:
        """Return a ring group, by the shares."""
        last = len(self._settings.ring_groups) - 1
        return bisect(self._people.cumulated, self._rng.random(), hi=last)

    def customer(self) -> int:
        """Return a customer: one of everybody, or one of the few with a problem this week."""
        chance = self._rng.random
        everybody = 40 * max(1, int(self._settings.calls_per_day))
        if chance() >= self._settings.returning_share:
            return int(chance() * everybody)
        few = max(5, everybody // 80)
        week = self._day.toordinal() // 7
        return (week * 7919 + int(chance() * few)) % everybody

    def _arrivals(self, ratio: float) -> Iterator[float]:
        """Yield the moments of a Poisson process whose rate has the shape of a day."""
        if self._hours is None or not ratio:
            return
        opens, closes = self._hours
        settings, weekday = self._settings, self._day.weekday()
        calls = settings.calls_per_day * ratio
        if not settings.steady:
            calls *= WEEKDAYS[weekday] if weekday < 5 else settings.weekend_share
        slots = max(1, round((closes - opens) / 1800))
        width = (closes - opens) / slots
        shape = [1.0 if settings.steady else busy((i + 0.5) / slots) for i in range(slots)]
        last = min(closes, self._last)
        for slot, weight in enumerate(shape):
            rate = calls * weight / sum(shape) / width
            at, end = opens + slot * width, min(opens + (slot + 1) * width, last)
            while rate and (at := at + self._rng.expovariate(rate)) < end:
                yield at
