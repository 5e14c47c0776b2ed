"""When an agent of a simulated day works, and when it wants a break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .people import Agent
    from .settings import CentreSettings

#: Seconds of an agent's shift, and its breaks: begin in the shift, status, length.
SHIFT = 8.5 * 3600
BREAKS = ((2.0 * 3600, "Away", 600.0), (4.0 * 3600, "Lunch", 2700.0), (6.5 * 3600, "Away", 900.0))


@dataclass(frozen=True, slots=True)
class Shift:
    """An agent's plan of a day; moments are seconds since local midnight.

    Attributes
    ----------
    begin, end : float
    breaks : tuple of (float, str, float)
        When each is wanted, its status, and how many seconds it takes.
    """

    begin: float
    end: float
    breaks: tuple[tuple[float, str, float], ...] = ()


def shift(
    settings: CentreSettings,
    day: date,
    hours: tuple[int, int],
    agent: Agent,
    chance: Callable[[], float],
) -> Shift | None:
    """Return an agent's shift, or None when it has the day off.

    Parameters
    ----------
    settings : CentreSettings
    day : date
    hours : (int, int)
        Opening and closing in seconds since local midnight.
    agent : Agent
    chance : callable
        Returns numbers from 0 to 1.
    """
    opens, closes = hours
    if settings.steady:
        return Shift(opens, closes)
    weekend, week = day.weekday() >= 5, day.toordinal() // 7
    late = 180 * chance()
    if chance() < 0.04 or (weekend and (agent.turn + week) % 2):
        return None
    spare = max(0.0, closes - opens - SHIFT)
    # The first of a group opens, the second closes, the others come in between.
    begin = opens + spare * (0.0, 1.0, 0.5, 0.25, 0.75)[agent.turn % 5]
    end = min(begin + SHIFT, closes)
    wanted = [
        (begin + (after + 3600 * (chance() - 0.5)), status, length)
        for after, status, length in BREAKS
    ]
    kept = tuple(rest for rest in wanted if rest[0] + rest[2] < end)
    return Shift(begin + late, end, kept)
