"""The sandbox's time: the machine's, faster, or moved by hand."""

from __future__ import annotations

import threading
import time

from ..errors import ConfigError

#: With two things to wait for, one is looked at so often, in machine seconds.
_LOOK = 0.05


class SandboxClock:
    """A clock that tests and demonstrations can move. It satisfies `td_notebooks.clock.Clock`.

    Give the same clock to a client and it waits in the sandbox's time: with ``manual=True`` a
    wait of minutes ends at once.

    Parameters
    ----------
    start : float, optional
        The first `time()`: seconds since 1970-01-01 UTC. The machine's present time by default.
    speed : float
        Sandbox seconds per machine second.
    manual : bool
        Time stands still except for `advance` and `sleep`.

    Raises
    ------
    ConfigError
        If `speed` is not positive.
    """

    def __init__(
        self, *, start: float | None = None, speed: float = 1.0, manual: bool = False
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"A clock cannot run at speed {speed!r}.", hint="Give more than 0.")
        self.manual = manual
        self._start = time.time() if start is None else start
        self._speed = 0.0 if manual else speed
        self._origin = time.monotonic()
        self._moved = 0.0
        self._change = threading.Condition()

    def __repr__(self) -> str:
        return f"SandboxClock(time={self.time():.3f}, manual={self.manual})"

    def monotonic(self) -> float:
        """Return the sandbox seconds since this clock was made."""
        return (time.monotonic() - self._origin) * self._speed + self._moved

    def time(self) -> float:
        """Return the sandbox's seconds since 1970-01-01 UTC."""
        return self._start + self.monotonic()

    def advance(self, seconds: float) -> None:
        """Move time forward by sandbox seconds and wake whoever slept until then.

        Raises
        ------
        ConfigError
            If `seconds` is negative: this clock is monotonic.
        """
        if seconds < 0:
            raise ConfigError(f"A clock cannot go back by {-seconds} s.")
        with self._change:
            self._moved += seconds
            self._change.notify_all()

    def sleep(self, seconds: float, *, wake: threading.Event | None = None) -> None:
        """Wait for sandbox seconds; on a manual clock, advance by them instead.

        Parameters
        ----------
        seconds : float
        wake : threading.Event, optional
            Setting it ends the wait.
        """
        if wake is not None and wake.is_set():
            return
        if self.manual:
            self.advance(max(seconds, 0.0))
            return
        end = self.monotonic() + seconds
        while (left := (end - self.monotonic()) / self._speed) > 0:
            if wake is None:
                with self._change:
                    self._change.wait_for(lambda: self.monotonic() >= end, left)
            elif wake.wait(min(left, _LOOK)):
                return
