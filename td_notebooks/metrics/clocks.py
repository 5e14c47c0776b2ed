"""What local clocks showed at many moments, by arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..timespan import zone
from .cuts import THURSDAY
from .zones import changes

if TYPE_CHECKING:
    from .kinds import Seconds

DAY = 86400


def local_clock(moments: Seconds, timezone: str) -> Seconds:
    """Return by local clocks what epoch seconds are by UTC's.

    Whole days and seconds of the day can be cut from the result. The hour that clocks repeat in
    autumn is there twice, the one they leave out in spring is not.

    Parameters
    ----------
    moments : ndarray
        Epoch seconds.
    timezone : str
        IANA name.

    Raises
    ------
    ConfigError
        There is no such zone.
    """
    tz = zone(timezone)
    if not len(moments):
        return moments
    ahead, steps = changes(int(moments.min()), int(moments.max()), tz)
    shown = moments + ahead
    for at, step in steps:
        shown += np.where(moments >= at, step, 0)
    return shown


def weekdays(clock: Seconds) -> Seconds:
    """Return the weekdays of local clock times: 1 for Monday to 7 for Sunday."""
    return (clock // DAY + THURSDAY) % 7 + 1


def zone_of(times: pa.DataType, timezone: str | None) -> str:
    """Return the zone asked for, else that of a column of times, else UTC."""
    return timezone or getattr(times, "tz", None) or "UTC"
