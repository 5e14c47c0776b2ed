"""One display of progress that works in a notebook, a terminal and a log.

- In a notebook: one HTML display, updated through its display id, so that it survives saving,
  reopening, untrusted copies and exported HTML.
- In a terminal: one line on stderr that rewrites itself.
- Elsewhere (cron, a pipe): a line on stderr for every 10 % or every 30 s.

A display that fails (stderr was closed, say) is given up with one warning; the report goes on. A
callback of the user's own is the user's: what it raises ends the report and comes out of it
unchanged, so raising is also a way to stop.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
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
_WIDEST_BAR, _NARROWEST_BAR = 24, 4
_IN_ASCII = str.maketrans("━╌·", "#.-")


class Tally:
    """What the events so far add up to.

    Parameters
    ----------
    until : type of JobEvent
        The event that ends a window's way: `Loaded` for a report.

    Attributes
    ----------
    report_type : str
    windows, rows, size : int
        How many windows there are; rows and bytes so far.
    elapsed : float
        Seconds.
    status : str
        Of the job heard of last, or how the whole ended.
    """

    def __init__(self, until: type[JobEvent] = Loaded) -> None:
        self.report_type = ""
        self.windows = 1
        self.rows = 0
        self.size = 0
        self.elapsed = 0.0
        self.status = ""
        self._whole = _SHARES[until]
        self._shares: dict[int, float] = {}

    def add(self, event: JobEvent) -> None:
        """Count one event."""
        self.report_type, self.windows = event.job.report_type, event.windows
        self.elapsed = max(self.elapsed, event.elapsed)
        if isinstance(event, QuotaFull):
            self.status = "waiting for the account's quota"
            return
        self.status = event.job.status
        share = _SHARES.get(type(event), 0.0) / self._whole
        self._shares[event.window] = max(share, self._shares.get(event.window, 0.0))
        if isinstance(event, Downloaded):
            self.size += event.size
        if isinstance(event, Loaded):
            self.rows += event.rows

    @property
    def begun(self) -> bool:
        """Whether anything was counted."""
        return bool(self.report_type)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return sum(self._shares.values()) / self.windows

    @property
    def complete(self) -> bool:
        """Whether every window has come to its end."""
        return self.share >= 1.0

    def __str__(self) -> str:
        ended = sum(share >= 1.0 for share in self._shares.values())
        parts = [self.report_type, f"{self.share:4.0%}"]
        if self.windows > 1:
            parts.append(f"{ended}/{self.windows} windows")
        if self.rows:
            parts.append(f"{self.rows:,} rows")
        elif self.size:
            parts.append(f"{self.size / 1e3:,.0f} kB")
        if not self.complete:
            parts.append(self.status)
        return " · ".join([*parts, f"{self.elapsed:.0f} s"])


class Display(Protocol):
    """Shows a tally."""

    def show(self, tally: Tally) -> None:
        """Show it now, or not, as the place bears it."""
        ...

    def close(self, tally: Tally) -> None:
        """Show the final state and leave the place tidy."""
        ...


class Progress:
    """Takes events and shows them; a context manager, so that the display ends tidily.

    Parameters
    ----------
    wanted : bool, callable or None
        None or True: where this runs decides how. False: silence. A callable gets every event
        itself; what it raises is not caught.
    until : type of JobEvent
        The event that ends a window's way.

    Warns
    -----
    RuntimeWarning
        The display failed; nothing more is shown.
    """

    def __init__(
        self, wanted: bool | OnEvent | None = None, *, until: type[JobEvent] = Loaded
    ) -> None:
        self._forward = wanted if callable(wanted) else None
        self._display = None if callable(wanted) or wanted is False else display_here()
        self._tally = Tally(until)

    def __call__(self, event: JobEvent) -> None:
        """Take one event."""
        if self._forward:
            self._forward(event)
        self._tally.add(event)
        self._try(lambda display: display.show(self._tally))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if not self._tally.begun:
            return
        if kind is not None:
            interrupted = issubclass(kind, KeyboardInterrupt)
            self._tally.status = "interrupted" if interrupted else "failed"
        self._try(lambda display: display.close(self._tally))

    def _try(self, use: Callable[[Display], None]) -> None:
        if self._display is None:
            return
        try:
            use(self._display)
        except Exception as error:
            self._display = None
            warnings.warn(f"Progress is not shown any more: {error!r}.", RuntimeWarning, 3)


def display_here(stream: TextIO | None = None) -> Display | None:
    """Return the display that suits the place this runs in.

    Parameters
    ----------
    stream : text stream, optional
        In place of stderr.

    Returns
    -------
    Display or None
        None where there is no stderr at all.
    """
    if stream is None and in_notebook():
        return NotebookBar()
    stream = stream or sys.stderr
    if stream is None or stream.closed:
        return None
    rewritable = stream.isatty() and os.environ.get("TERM") != "dumb"
    return TerminalLine(stream) if rewritable else LogLines(stream)


def in_notebook() -> bool:
    """Say whether a Jupyter kernel runs this. IPython is not imported to find out."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return getattr(get_shell() if get_shell else None, "kernel", None) is not None


class NotebookBar:
    """An HTML bar in the cell's output; it appears with the first event."""

    def __init__(self) -> None:
        self._handle: Any = None  # IPython does not annotate it
        self._shown_at = 0.0

    def show(self, tally: Tally) -> None:
        """Update the bar, ten times a second at the most."""
        now = time.monotonic()
        if now - self._shown_at >= _SHORTEST_BETWEEN_UPDATES:
            self._shown_at = now
            self.close(tally)

    def close(self, tally: Tally) -> None:
        """Show the state now."""
        text = str(tally)
        html = (
            '<div style="font-family: monospace">'
            f'<progress value="{tally.share:.3f}" max="1"></progress> {escape(text)}</div>'
        )
        bundle = {"text/html": html, "text/plain": text}
        if self._handle:
            self._handle.update(bundle, raw=True)
        else:
            from IPython.display import display

            show: Any = display
            self._handle = show(bundle, raw=True, display_id=True)


class TerminalLine:
    """One line that rewrites itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def show(self, tally: Tally) -> None:
        """Rewrite the line."""
        columns = _columns(self._stream)
        line = one_line(tally, columns)
        blanks = " " * (min(self._width, columns - 1) - len(line))
        _write(self._stream, f"\r{line}{blanks}")
        self._width = len(line)

    def close(self, tally: Tally) -> None:
        """Show the final state; go to the next line."""
        self.show(tally)
        _write(self._stream, "\n")


class LogLines:
    """A line for every 10 %, or when half a minute passed without one."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now = now
        self._tenth = -1
        self._written_at = now()

    def show(self, tally: Tally) -> None:
        """Write a line if it is time for one."""
        tenth = int(tally.share * 10 + 1e-9)
        if tenth > self._tenth or self._now() - self._written_at >= _LONGEST_BETWEEN_LINES:
            self._tenth, self._written_at = max(tenth, self._tenth), self._now()
            _write(self._stream, f"{tally}\n")

    def close(self, tally: Tally) -> None:
        """Write how it ended, if the lines so far do not say it."""
        if not tally.complete:
            _write(self._stream, f"{tally}\n")


def one_line(tally: Tally, columns: int) -> str:
    """Return a bar and the tally, or what of it fits.

    Parameters
    ----------
    tally : Tally
    columns : int
        Of the terminal. The last one stays free: many terminals go on to the next line there.
    """
    text = str(tally)
    width = min(_WIDEST_BAR, columns - len(text) - 2)
    filled = round(tally.share * width)
    bar = f"{'━' * filled}{'╌' * (width - filled)} " if width >= _NARROWEST_BAR else ""
    return (bar + text)[: max(0, columns - 1)]


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def _write(stream: TextIO, text: str) -> None:
    try:
        text.encode(stream.encoding or "utf-8")  # text in memory has none: it takes anything
    except UnicodeEncodeError:
        text = text.translate(_IN_ASCII)
    stream.write(text)
    stream.flush()
