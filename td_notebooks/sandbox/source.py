"""Where report rows come from: the simulated contact centre, or elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .centre import Centre, CentreSettings

Row = Mapping[str, Any]


class RowSource(Protocol):
    """Where report rows come from, and how they become a file."""

    def rows(self, report_type: str, start: datetime, end: datetime) -> Sequence[Row]:
        """Return the rows whose time is in ``[start, end)``, by JSON key."""
        ...

    def render(
        self, report_type: str, rows: Sequence[Row], format: str, *, timezone: str
    ) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        ...


class CentreSource:
    """The simulated contact centre, imported when the first file is asked for."""

    def __init__(self, settings: CentreSettings | None, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._centre: Centre | None = None
        self._lock = threading.Lock()

    def rows(self, report_type: str, start: datetime, end: datetime) -> Sequence[Row]:
        """Return what the centre reports."""
        with self._lock:
            if self._centre is None:
                from .centre import Centre, CentreSettings

                self._centre = Centre(self._settings or CentreSettings(seed=self._seed))
        return self._centre.rows(report_type, start, end)

    def render(
        self, report_type: str, rows: Sequence[Row], format: str, *, timezone: str
    ) -> Iterator[bytes]:
        """Yield the bytes of a file as Talkdesk writes it."""
        from .files import render

        return render(report_type, rows, format, timezone=timezone)
