"""Work beside the cells: on a thread that never holds up a kernel's end, and can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ..clock import Clock

Result = TypeVar("Result")


def in_background(work: Callable[[], Result], *, name: str) -> Future[Result]:
    """Do something on a thread of its own.

    Parameters
    ----------
    work : callable
    name : str
        Of the thread.

    Returns
    -------
    Future
        What came of it; what was raised is raised by its ``result``.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # a stop is one too, and belongs to whoever asks
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


class StoppableClock:
    """A clock whose waits end as an interrupt does.

    A report asks its clock for the time in each of its turns, so this ends one wherever it is, in
    the way that ■ ends it in a cell.

    Parameters
    ----------
    clock : Clock
        The one that keeps the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stopped = threading.Event()

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
