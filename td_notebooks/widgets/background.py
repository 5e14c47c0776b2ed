"""Work beside the cells: on a thread that never holds up a kernel's end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

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
