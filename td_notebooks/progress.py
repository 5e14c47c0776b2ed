"""One display of progress that works in a notebook, a terminal and a log.

- In a notebook: one HTML display, updated through its display id, so that it survives saving,
  reopening, untrusted copies and exported HTML.
- In a terminal: one line on stderr that rewrites itself.
- Elsewhere (cron, a pipe): a line on stderr for every 10 % or every 30 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any, Protocol, TextIO

from .reports.events import (
    Downloaded,
    Finished,
    JobEvent,
    Loaded,
    OnEvent,
    Polled,
    QuotaFull,
    Submitted,
)

# How much of a window's way each event stands for. Only their order is known, not their shares.
_SHARES: dict[type[JobEvent], float] = {
    Submitted: 0.05,
    Polled: 0.2,
    Finished: 0.6,
    Downloaded: 0.8,
    Loaded: 1.0,
}
_SHORTEST_BETWEEN_UPDATES = 0.1
_LONGEST_BETWEEN_LINES = 30.0


class Tally:
    """What the events so far add up to."""

    def __init__(self) -> None:
        self.report_type = ""
        self.windows = 1
        self.rows = 0
        self.size = 0
        self.elapsed = 0.0
        self.status = ""
        self.job_id = ""
        self._shares: dict[int, float] = {}

    def add(self, event: JobEvent) -> None:
        """Count one event."""
        self.report_type, self.windows = event.job.report_type, event.windows
        self.elapsed = max(self.elapsed, event.elapsed)
        self.job_id = event.job.id or self.job_id
        if isinstance(event, QuotaFull):
            self.status = "waiting for the account's quota"
            return
        self.status = event.job.status
        share = _SHARES.get(type(event), 0.0)
        self._shares[event.window] = max(share, self._shares.get(event.window, 0.0))
        if isinstance(event, Downloaded):
            self.size += event.size
        if isinstance(event, Loaded):
            self.rows += event.rows

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return sum(self._shares.values()) / self.windows

    @property
    def complete(self) -> bool:
        """Whether every window is loaded."""
        return self.share >= 1.0

    def __str__(self) -> str:
        loaded = sum(share >= 1.0 for share in self._shares.values())
        parts = [self.report_type, f"{self.share:4.0%}"]
        if self.windows > 1:
            parts.append(f"{loaded}/{self.windows} windows")
        if self.rows:
            parts.append(f"{self.rows:,} rows")
        if not self.complete:
            parts.append(self.status)
        return " · ".join([*parts, f"{self.elapsed:.0f} s"])


class Display(Protocol):
    """Shows a tally."""

    def show(self, tally: Tally) -> None:
        """Show it now, or not, as the place bears it."""
        ...

    def close(self) -> None:
        """Leave the place tidy."""
        ...


class Progress:
    """Takes events and shows them; a context manager, so that the display ends tidily.

    Parameters
    ----------
    wanted : bool, callable or None
        None or True: where this runs decides how. False: silence. A callable gets every event
        itself.
    """

    def __init__(self, wanted: bool | OnEvent | None = None) -> None:
        self._forward = wanted if callable(wanted) else None
        self._display = None if callable(wanted) or wanted is False else display_here()
        self._tally = Tally()

    def __call__(self, event: JobEvent) -> None:
        """Take one event."""
        if self._forward:
            self._forward(event)
        self._tally.add(event)
        if self._display:
            self._display.show(self._tally)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._display:
            self._display.close()


def display_here(stream: TextIO | None = None) -> Display:
    """Return the display that suits the place this runs in.

    Parameters
    ----------
    stream : text stream, optional
        In place of stderr.
    """
    if in_notebook():
        return NotebookBar()
    stream = stream or sys.stderr
    return TerminalLine(stream) if stream.isatty() else LogLines(stream)


def in_notebook() -> bool:
    """Say whether a Jupyter kernel runs this. IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """An HTML bar in the cell's output."""

    def __init__(self) -> None:
        from IPython.display import display

        show: Any = display  # IPython does not annotate it
        self._handle = show(self._bundle(Tally()), raw=True, display_id=True)
        self._shown_at = 0.0
        self._latest: Tally | None = None

    @staticmethod
    def _bundle(tally: Tally) -> dict[str, str]:
        text = escape(str(tally))
        html = (
            f'<div style="font-family: monospace">'
            f'<progress value="{tally.share:.3f}" max="1"></progress> {text}</div>'
        )
        return {"text/html": html, "text/plain": str(tally)}

    def show(self, tally: Tally) -> None:
        """Update the bar, ten times a second at the most."""
        self._latest = tally
        now = time.monotonic()
        if now - self._shown_at >= _SHORTEST_BETWEEN_UPDATES or tally.complete:
            self._shown_at = now
            self._handle.update(self._bundle(tally), raw=True)

    def close(self) -> None:
        """Show the last state."""
        if self._latest:
            self._handle.update(self._bundle(self._latest), raw=True)


class TerminalLine:
    """One line that rewrites itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def show(self, tally: Tally) -> None:
        """Rewrite the line."""
        filled = round(tally.share * 24)
        line = f"{'━' * filled}{'╌' * (24 - filled)} {tally}"
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        """Go to the next line."""
        if self._width:
            self._stream.write("\n")
            self._stream.flush()


class LogLines:
    """A line for every 10 %, or when half a minute passed without one."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now = now
        self._tenth = -1
        self._written_at = now()

    def show(self, tally: Tally) -> None:
        """Write a line if it is time for one."""
        tenth = int(tally.share * 10)
        if tenth <= self._tenth and self._now() - self._written_at < _LONGEST_BETWEEN_LINES:
            return
        self._tenth, self._written_at = max(tenth, self._tenth), self._now()
        self._stream.write(f"{tally}\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing to tidy: every line stands by itself."""
