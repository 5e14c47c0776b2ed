"""Which windows to ask for: what is wanted, minus what is present. No I/O.

What is wanted is everything from ``since`` until now. What is present and complete is left out,
but for the look-back: those last days are asked for again, because calls are changed and reports
come late. Windows follow the local calendar of the account. History is asked for in months, the
most one job covers; the days of the look-back one by one, so that an unchanged day is recognised
by its file; today in two, the finished hours and the unfinished one.

A window is taken as complete up to `known_until`: what Talkdesk had when it was asked. So the
unfinished hour may be asked for at any time, and is never taken for a whole one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from ..errors import ConfigError
from ..timespan import LONGEST_JOB, Moment, Timespan, zone
from .ledger import Ledger
from .spans import Span, difference, splits, union

#: A longer time back from now is a slip of the finger, and calendars end somewhere.
LONGEST = timedelta(days=36_525)

_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([dhwm]|min)\s*", re.IGNORECASE)
_UNITS = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a table should hold of one account.

    Attributes
    ----------
    since, until : datetime
        Aware; half-open.
    now : datetime
        From which the look-back counts, and whose day is today.
    lookback : timedelta
        How far back complete windows are asked for again.
    full : bool
        Ask for everything again.
    timezone : str
        IANA name of the zone whose days count.
    """

    since: datetime
    until: datetime
    now: datetime
    lookback: timedelta = timedelta(days=3)
    full: bool = False
    timezone: str = "UTC"


def windows(wish: Wish, ledger: Ledger, account: str) -> list[Timespan]:
    """Return the windows to ask for, oldest first.

    Parameters
    ----------
    wish : Wish
    ledger : Ledger
        What the table has.
    account : str

    Returns
    -------
    list of Timespan
        In UTC. They do not overlap; none is longer than one job may be, and none divides a window
        that is there and must not be divided.
    """
    since, until = wish.since.astimezone(UTC), wish.until.astimezone(UTC)
    if since >= until:
        return []
    now = wish.now.astimezone(UTC)
    recent = max(since, min(until, lookback_start(now, wish.lookback, wish.timezone)))
    present = [] if wish.full else ledger.complete(account)
    wanted = difference([(since, until)], [(start, min(end, recent)) for start, end in present])
    wholes = ledger.undividable(account)
    pieces = _whole(_from_full_hours(wanted, now, since, wish.timezone), wholes)
    return [
        Timespan(start, end)
        for piece in pieces
        for start, end in _cut(piece, _cuts(piece, recent, now, wish.timezone), wholes)
    ]


def lookback_start(now: datetime, lookback: timedelta, timezone: str) -> datetime:
    """Return where the look-back begins: at a local midnight, or a full hour if it is short.

    Parameters
    ----------
    now : datetime
        Its end.
    lookback : timedelta
        Of less than a day, it begins at a full hour; of none, it is empty.
    timezone : str
        IANA name.
    """
    if not lookback:
        return now
    local = (now - lookback).astimezone(zone(timezone))
    return (_midnight(local) if lookback >= timedelta(days=1) else _full_hour(local)).astimezone(
        UTC
    )


def start_of(since: Moment | timedelta, now: datetime, timezone: str) -> datetime:
    """Return the moment that ``"400d"``, a timedelta, a date or a time stands for, in UTC.

    Parameters
    ----------
    since : date, datetime, timedelta or str
        A length of time counts back from now, to the local midnight before.
    now : datetime
    timezone : str
        IANA name.

    Raises
    ------
    ConfigError
        It is neither, or in the future.
    """
    if isinstance(since, str) and _LENGTH.fullmatch(since):
        since = length_of(since)
    if isinstance(since, timedelta):
        since = (now - length_of(since)).astimezone(zone(timezone)).date()
    start = Timespan.of(since, "9999-01-01", timezone).start.astimezone(UTC)
    if start > now:
        raise ConfigError(
            f"Everything since {start:%Y-%m-%d %H:%M} UTC is wanted, which is in the future.",
            hint=f"It is {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC now: give an earlier day.",
        )
    return start


def end_of(
    until: Moment | None, now: datetime, timezone: str, start: datetime | None = None
) -> datetime:
    """Return the end that was given, but no later than now, in UTC.

    Parameters
    ----------
    until : date, datetime or str, optional
    now : datetime
    timezone : str
        IANA name.
    start : datetime, optional
        Of what is wanted, where that was given.

    Raises
    ------
    ConfigError
        It is no time, or not after the start.
    """
    if until is None:
        return now
    return min(now, Timespan.of(start or "1970-01-01", until, timezone).end.astimezone(UTC))


def length_of(text: str | timedelta) -> timedelta:
    """Read a length of time: ``"3d"``, ``"36h"``, ``"2w"``, ``"90min"``.

    Raises
    ------
    ConfigError
        It is none, negative, or longer than a century.
    """
    if isinstance(text, timedelta):
        length = text
    else:
        found = _LENGTH.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ConfigError(
                f"{text!r} is no length of time.", hint="Write it as 3d, 36h, 2w or 90min."
            )
        try:
            length = float(found[1]) * _UNITS[found[2].lower()]
        except OverflowError:
            length = timedelta.max
    if length < timedelta(0):
        raise ConfigError(f"The length of time {text!r} is negative.")
    if length > LONGEST:
        raise ConfigError(
            f"The length of time {text!r} is more than a century.", hint="Give a shorter one."
        )
    return length


def known_until(end: datetime, asked_at: datetime, delay: timedelta) -> datetime:
    """Return up to where a window is complete that was asked for at a moment.

    Parameters
    ----------
    end : datetime
        Of the window.
    asked_at : datetime
    delay : timedelta
        How far the report lags behind.
    """
    return min(end, asked_at - delay)


def _from_full_hours(
    spans: Iterable[Span], now: datetime, since: datetime, timezone: str
) -> list[Span]:
    """Let the spans that reach into the last two days begin at full hours.

    The hour that was unfinished last time is asked for as a whole: its windows then have the same
    start each time, and an unchanged one is recognised.
    """
    tz = zone(timezone)
    return union(
        (max(since, _full_hour(start.astimezone(tz)).astimezone(UTC)), end)
        if end > now - timedelta(days=2)
        else (start, end)
        for start, end in spans
    )


def _whole(spans: Iterable[Span], wholes: Sequence[Span]) -> list[Span]:
    """Stretch the spans until none of their ends lies inside one that must not be divided."""
    spans = union(spans)
    while True:
        touched = [whole for whole in wholes if any(_divides(span, whole) for span in spans)]
        if not touched:
            return spans
        spans = union([*spans, *touched])


def _divides(span: Span, whole: Span) -> bool:
    return splits(span[0], whole) or splits(span[1], whole)


def _cuts(piece: Span, recent: datetime, now: datetime, timezone: str) -> list[datetime]:
    """Return where a piece is cut: at months in history, then at days, then at the full hour."""
    tz = zone(timezone)
    today = _midnight(now.astimezone(tz)).astimezone(UTC)
    border = min(recent, today)
    history = (piece[0], min(piece[1], border))
    days = (max(piece[0], border), piece[1])
    cuts = [border]
    if history[0] < history[1]:
        cuts += [month.start for month in _seen(history, timezone).months()]
    if days[0] < days[1]:
        cuts += [day.start for day in _seen(days, timezone).days()]
    cuts.append(_full_hour(now.astimezone(tz)))
    return sorted({moment.astimezone(UTC) for moment in cuts})


def _cut(piece: Span, cuts: Iterable[datetime], wholes: Sequence[Span]) -> list[Span]:
    """Cut a piece, but for the cuts that would divide a whole; too long a part is cut at wholes."""
    inside = [cut for cut in cuts if splits(cut, piece)]
    allowed = [cut for cut in inside if not any(splits(cut, whole) for whole in wholes)]
    parts = _parts(piece, allowed)
    edges = sorted(edge for whole in wholes for edge in whole)
    return [
        short
        for part in parts
        for short in (
            [part]
            if part[1] - part[0] <= LONGEST_JOB
            else _parts(part, [edge for edge in edges if splits(edge, part)])
        )
    ]


def _parts(piece: Span, cuts: Iterable[datetime]) -> list[Span]:
    edges = [piece[0], *cuts, piece[1]]
    return [(start, end) for start, end in itertools.pairwise(edges) if start < end]


def _seen(span: Span, timezone: str) -> Timespan:
    tz = zone(timezone)
    return Timespan(span[0].astimezone(tz), span[1].astimezone(tz), timezone)


def _midnight(local: datetime) -> datetime:
    return datetime.combine(local.date(), time(), local.tzinfo)


def _full_hour(local: datetime) -> datetime:
    """Return the start of the local hour; the second of two equal ones stays the second."""
    return local.replace(minute=0, second=0, microsecond=0)
