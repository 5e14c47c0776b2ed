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
