"""Local time by arithmetic: which offset a zone has when, the same on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def offset(moment: float, tz: ZoneInfo) -> int:
    """Return by how many seconds local clocks are ahead of UTC at a moment in epoch seconds."""
    at = EPOCH + timedelta(seconds=moment)
    return int((at.astimezone(tz).utcoffset() or timedelta()).total_seconds())


def changes(first: float, last: float, tz: ZoneInfo) -> tuple[int, list[tuple[int, int]]]:
    """Find a zone's offset at a moment, and its changes up to another.

    Parameters
    ----------
    first, last : float
        Epoch seconds.
    tz : ZoneInfo

    Returns
    -------
    int
        Seconds ahead of UTC at `first`.
    list of (int, int)
        Epoch seconds of each change, and by how many seconds the offset grows there.
    """
    # No zone changes twice in a week; each change is then found by halving.
    marks = [*range(int(first), int(last), 7 * 86400), int(last)]
    found = []
    for before, after in pairwise(marks):
        if step := offset(after, tz) - offset(before, tz):
            low, high = before, after
            while high - low > 1:
                middle = (low + high) // 2
                if offset(middle, tz) == offset(before, tz):
                    low = middle
                else:
                    high = middle
            found.append((high, step))
    return offset(first, tz), found


def midnights(first: float, last: float, tz: ZoneInfo) -> list[int]:
    """Return the local midnights in epoch seconds, from the last one up to `first` on.

    The list ends with the first midnight that is not before `last`.
    """
    day = (EPOCH + timedelta(seconds=first)).astimezone(tz).date()
    found: list[int] = []
    while not found or found[-1] < last:
        found.append(int(datetime.combine(day, time(), tz).timestamp()))
        day += timedelta(days=1)
    return found
