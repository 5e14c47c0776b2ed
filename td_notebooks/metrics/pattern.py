"""The week that a history of intervals has in the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .kinds import Seconds

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """What was counted, interval by interval.

    Attributes
    ----------
    day : ndarray
        Local days since 1970-01-01.
    slot : ndarray
        Seconds since Monday's midnight by local clocks: the time of the week.
    offered, answered, handle_time : ndarray
    """

    day: Seconds
    slot: Seconds
    offered: Floats
    answered: Floats
    handle_time: Floats

    def only(self, rows: Any) -> History:
        """Return some of the intervals."""
        return History(
            self.day[rows],
            self.slot[rows],
            self.offered[rows],
            self.answered[rows],
            self.handle_time[rows],
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """The mean week.

    Attributes
    ----------
    slots : ndarray
        Times of the week that the history has, sorted.
    at : ndarray
        The place of each interval of the history in `slots`.
    seen : ndarray
        How often each was seen.
    mean : ndarray
        Its mean count.
    """

    slots: Seconds
    at: Seconds
    seen: Floats
    mean: Floats

    @classmethod
    def of(cls, history: History) -> Pattern:
        """Return the means of a history."""
        slots, at = np.unique(history.slot, return_inverse=True)
        seen = np.bincount(at, minlength=len(slots)).astype(float)
        return cls(slots, at, seen, np.bincount(at, history.offered, len(slots)) / seen)


def too_short(days: int, needed: str = "a whole week") -> ConfigError:
    """Return the error for a history that tells too little.

    Parameters
    ----------
    days : int
        How long it is.
    needed : str
    """
    return ConfigError(
        f"A forecast needs {needed} of history: before the span asked for there are {days} days.",
        hint="Give an interval table of more days.",
    )
