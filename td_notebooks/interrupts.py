"""■ in a notebook reaches the calls that its cell began on other threads.

Python interrupts the main thread only. A report in the user's own thread pool would go on, and the
``with`` block of the pool waits for it, perhaps for an hour. So in a kernel the handler of the
signal first stops the calls that are under way on other threads, and then does what it did before.

A kernel sets its handler anew for each cell, and so does this: a call belongs to the cell it began
in, and another cell's ■ leaves it alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from .clock import Clock, StoppableClock


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call under way on a thread that no interrupt reaches.

    Attributes
    ----------
    stop : callable
        Ends it; called on the main thread.
    way_back : callable
        Returns what the person should know about what goes on at Talkdesk, or an empty text.
    process : int
        The process it was begun in: a forked child has its sockets, and would cut them.
    """

    stop: Callable[[], object]
    way_back: Callable[[], str]
    process: int = field(default_factory=os.getpid)


class Relay:
    """A handler of SIGINT that stops calls on other threads before it does what was done before.

    Parameters
    ----------
    before : callable
        The handler in whose place this one comes.
    """

    def __init__(self, before: Callable[[int, FrameType | None], object]) -> None:
        self._before = before
        self._calls: set[Call] = set()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Stop the calls, then go on as before; an interrupt gets their ways back as notes."""
        calls = tuple(call for call in self._calls if call.process == os.getpid())
        for call in calls:
            call.stop()
        try:
            self._before(number, frame)
        except KeyboardInterrupt as interrupt:
            for note in filter(None, (call.way_back() for call in calls)):
                interrupt.add_note(note)
            raise

    @contextlib.contextmanager
    def watching(self, call: Call) -> Iterator[None]:
        """Stop a call if an interrupt comes within the block."""
        self._calls.add(call)
        try:
            yield
        finally:
            self._calls.discard(call)


def relay_interrupts() -> None:
    """In a kernel, have ■ reach other threads, in this cell and those that follow.

    Called on another thread, it begins with the next cell. Anywhere else it does nothing.
    """
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell: Any = get_shell() if get_shell else None
    if getattr(shell, "kernel", None) is not None:
        shell.events.register("pre_run_cell", _install)  # twice does no harm
        _install()


@contextlib.contextmanager
def interruptible(
    clock: Clock,
    *,
    stop: Callable[[], object] = lambda: None,
    way_back: Callable[[], str] = lambda: "",
) -> Iterator[Clock]:
    """Let ■ end a call that waits by a clock, also on another thread.

    Parameters
    ----------
    clock : Clock
    stop : callable, optional
        Ends what does not look at the clock, such as a read from a socket.
    way_back : callable, optional
        See `Call`.

    Yields
    ------
    Clock
        The one to wait by. Where an interrupt comes by itself, or the clock can be stopped by
        somebody already, it is the same one.
    """
    relay = signal.getsignal(signal.SIGINT)
    if _on_main_thread() or not isinstance(relay, Relay) or isinstance(clock, StoppableClock):
        yield clock
        return
    stoppable = StoppableClock(clock)

    def stop_both() -> None:
        stoppable.stop()
        stop()

    with relay.watching(Call(stop_both, way_back)):
        yield stoppable


def _install(info: object = None) -> None:
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread may set a handler.
    if _on_main_thread() and callable(before) and not isinstance(before, Relay):
        signal.signal(signal.SIGINT, Relay(before))


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
