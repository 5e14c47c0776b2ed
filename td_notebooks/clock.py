"""Time as a parameter: what waits or measures takes a clock, so that tests can move it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where seconds come from and go to."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from any origin."""
        ...

    def time(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float, *, wake: threading.Event | None = None) -> None:
        """Wait; setting ``wake`` ends it."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    def time(self) -> float:
        """Return the machine's seconds since 1970-01-01 UTC."""
        return time.time()

    def sleep(self, seconds: float, *, wake: threading.Event | None = None) -> None:
        """Wait; an interrupt ends it at once, and so does setting ``wake``."""
        if wake:
            wake.wait(seconds)
        else:
            time.sleep(seconds)


class StoppableClock:
    """A clock whose waits end as an interrupt does.

    A report asks its clock for the time in each of its turns, so this ends one wherever it is, in
    the way that ■ ends it in a cell.

    Parameters
    ----------
    clock : Clock
        The one that keeps the time.
    stopped : threading.Event, optional
        What stops it, to stop several clocks at once; by default its own.
    """

    def __init__(self, clock: Clock, stopped: threading.Event | None = None) -> None:
        self._clock = clock
        self._stopped = stopped or threading.Event()

    def stop(self) -> None:
        """End every wait, now and from now on."""
        self._stopped.set()

    def monotonic(self) -> float:
        """Return the clock's monotonic seconds.

        Raises
        ------
        KeyboardInterrupt
            It was stopped.
        """
        self._check()
        return self._clock.monotonic()

    def time(self) -> float:
        """Return the clock's seconds since 1970-01-01 UTC."""
        return self._clock.time()

    def sleep(self, seconds: float, *, wake: threading.Event | None = None) -> None:
        """Wait.

        Raises
        ------
        KeyboardInterrupt
            It was stopped.
        """
        self._clock.sleep(seconds, wake=wake or self._stopped)
        self._check()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise KeyboardInterrupt
