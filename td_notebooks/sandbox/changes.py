"""Rows that come late, change, vanish or come twice, and columns that appear: all by the clock.

`Changes` stands between the contact centre and the report files. What it does is a list of edits,
each with the span of rows it is about, the sandbox times at which it holds, and a seed that
chooses the rows. Choosing depends on a row alone, so it does not matter how a span is cut or in
which order it is asked for; what a span holds is a function of the edits and of the time, so that
`Changes.truth` can be asked about any time, past or future.

>>> from datetime import UTC, datetime
>>> from td_notebooks.sandbox import Sandbox, SandboxClock
>>> day = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
>>> with Sandbox(clock=SandboxClock(start=1.78e9, manual=True)) as sandbox:
...     before = len(sandbox.truth("calls", *day))
...     sandbox.changes.delete("calls", *day, share=0.5, seed=3)
...     len(sandbox.truth("calls", *day)) < before
True
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..reports import schemas
from .chance import seeded
from .files import layout, render
from .payloads import in_version
from .source import Row, RowSource

if TYPE_CHECKING:
    from ..clock import Clock

#: From a row to what takes its place: itself or another one; none, or several.
Edit = Callable[[Row], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class _Change:
    """One edit, of some rows of a span, for some time.

    Attributes
    ----------
    report_type : str
    span : tuple of datetime or None
        Of the rows, by their time column, half-open; None for all there are.
    since, until : float
        Sandbox seconds since 1970-01-01 UTC between which it holds.
    edit : callable
        What becomes of a row.
    only_in_files : bool
        A mistake of the files: the truth does not know of it.
    """

    report_type: str
    span: tuple[datetime, datetime] | None
    since: float
    until: float
    edit: Edit
    only_in_files: bool = False


class Changes:
    """The rows of a source as they stand at a moment.

    Parameters
    ----------
    source : RowSource
    clock : Clock

    Notes
    -----
    Safe to use from several threads. In the methods below `start` and `end` bound the rows by
    their time column, half-open; `share` is the share of them that is struck, drawn from `seed`;
    moments are sandbox seconds since 1970-01-01 UTC, now by default.
    """

    def __init__(self, source: RowSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._changes: tuple[_Change, ...] = ()
        self._versions: tuple[tuple[str, float, str], ...] = ()
        self._lock = threading.Lock()

    # -- what can be made to happen ------------------------------------------------------------

    def late(
        self,
        report_type: str,
        start: datetime,
        end: datetime,
        *,
        until: float,
        share: float = 0.2,
        seed: int = 0,
    ) -> None:
        """Hold rows back: nobody sees them before `until`."""
        chosen = _lottery(report_type, share, seed, "late")
        self._add(report_type, (start, end), lambda row: () if chosen(row) else (row,), -inf, until)

    def change(
        self,
        report_type: str,
        start: datetime,
        end: datetime,
        *,
        share: float = 0.2,
        seed: int = 0,
        at: float | None = None,
    ) -> None:
        """Give rows another value in one column, from `at` on; never of the key or the time."""
        chosen, mutable = _lottery(report_type, share, seed, "change"), _mutable(report_type)

        def edit(row: Row) -> Sequence[Row]:
            return (_changed(row, mutable, seed),) if chosen(row) else (row,)

        self._add(report_type, (start, end), edit, at)

    def delete(
        self,
        report_type: str,
        start: datetime,
        end: datetime,
        *,
        share: float = 0.2,
        seed: int = 0,
        at: float | None = None,
    ) -> None:
        """Take rows away, from `at` on."""
        chosen = _lottery(report_type, share, seed, "delete")
        self._add(report_type, (start, end), lambda row: () if chosen(row) else (row,), at)

    def repeat(
        self,
        report_type: str,
        start: datetime,
        end: datetime,
        *,
        share: float = 0.2,
        seed: int = 0,
        since: float | None = None,
        until: float = inf,
    ) -> None:
        """Make files between two moments hold rows twice; the truth does not change."""
        chosen = _lottery(report_type, share, seed, "repeat")
        self._add(
            report_type,
            (start, end),
            lambda row: (row, row) if chosen(row) else (row,),
            since,
            until,
            only_in_files=True,
        )

    def add_column(
        self, report_type: str, key: str, *, seed: int = 0, since: float | None = None
    ) -> None:
        """Give every row a column that nobody documented, from `since` on.

        Its values are ``new 1`` to ``new 9``.

        Raises
        ------
        ConfigError
            If the catalogue knows the column.
        """
        known = layout(report_type)
        if any(key in (column.key, column.name) for column in known.columns):
            raise ConfigError(f"The {report_type} report has a column {key!r} already.")
        identity = _identity(report_type)

        def edit(row: Row) -> Sequence[Row]:
            number = seeded(seed, "column", key, identity(row)).randint(1, 9)
            return ({**row, key: f"new {number}"},)

        self._add(report_type, None, edit, since)

    def serve_version(self, report_type: str, version: str, *, since: float | None = None) -> None:
        """Write files in another version of the report's payload, from `since` on.

        Parameters
        ----------
        report_type : str
        version : str
            One of the catalogue's for this type.
        since : float, optional

        Raises
        ------
        ConfigError
            If the sandbox cannot write it.
        """
        in_version(report_type, version, ())
        moment = self._clock.time() if since is None else since
        with self._lock:
            self._versions += ((report_type, moment, version),)

    def _add(
        self,
        report_type: str,
        span: tuple[datetime, datetime] | None,
        edit: Edit,
        since: float | None = None,
        until: float = inf,
        *,
        only_in_files: bool = False,
    ) -> None:
        layout(report_type)  # complains of an unknown type
        moment = self._clock.time() if since is None else since
        change = _Change(report_type, span, moment, until, edit, only_in_files)
        with self._lock:
            self._changes += (change,)

    # -- what there is ---------------------------------------------------------------------------

    def truth(
        self, report_type: str, start: datetime, end: datetime, at: float | None = None
    ) -> list[Row]:
        """Return the rows of a span that exist at a moment, by JSON key.

        Parameters
        ----------
        report_type : str
        start, end : datetime
            Aware; half-open, by the time column.
        at : float, optional
            Sandbox seconds since 1970-01-01 UTC; now by default.

        Returns
        -------
        list of dict
            As the present version of the report has them, whatever version files are written in.
            The report's delay does not count.
        """
        return self._edited(report_type, start, end, at, files=False)

    def rows(self, report_type: str, start: datetime, end: datetime) -> Sequence[Row]:
        """Return what a file that is made now holds, mistakes included."""
        moment = self._clock.time()
        rows = self._edited(report_type, start, end, moment, files=True)
        version = self.version(report_type, moment)
        return in_version(report_type, version, rows) if version else rows

    def version(self, report_type: str, at: float) -> str | None:
        """Return the version that files made at a moment are written in; None for the usual."""
        served = [
            (since, number, version)
            for number, (kind, since, version) in enumerate(self._versions)
            if kind == report_type and since <= at
        ]
        return max(served)[2] if served else None

    def render(
        self, report_type: str, rows: Sequence[Row], format: str, *, timezone: str
    ) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        version = self.version(report_type, self._clock.time())
        if version:
            return render(report_type, rows, format, timezone=timezone, version=version)
        return self._source.render(report_type, rows, format, timezone=timezone)

    def _edited(
        self, report_type: str, start: datetime, end: datetime, at: float | None, *, files: bool
    ) -> list[Row]:
        moment = self._clock.time() if at is None else at
        rows = list(self._source.rows(report_type, start, end))
        changes = [
            change
            for change in self._changes
            if change.report_type == report_type
            and change.since <= moment < change.until
            and (files or not change.only_in_files)
        ]
        if not changes:
            return rows
        key = time_key(report_type)
        return [
            edited
            for row in rows
            for edited in _through(row, row.get(key) if key else None, changes)
        ]


def _through(row: Row, when: object, changes: Sequence[_Change]) -> list[Row]:
    """Return what the changes make of a row; each one chooses by what the others left."""
    rows = [row]
    for change in changes:
        if change.span is None or (
            isinstance(when, datetime) and change.span[0] <= when < change.span[1]
        ):
            rows = [known for row in rows for known in change.edit(row)]
    return rows


def time_key(report_type: str) -> str | None:
    """Return the JSON key of the column that decides which span a row belongs to."""
    known = layout(report_type)
    return next((c.key for c in known.columns if c.name == known.time_column), None)


def _identity(report_type: str) -> Callable[[Row], str]:
    """Return what names a row: its key and its time, which no change touches."""
    known = layout(report_type)
    names = {*known.primary_key, known.time_column}
    keys = [column.key for column in known.columns if column.name in names]
    if not known.primary_key:
        return lambda row: repr(sorted(row.items()))
    return lambda row: repr([row.get(key) for key in keys])


def _lottery(report_type: str, share: float, seed: int, what: str) -> Callable[[Row], bool]:
    identity = _identity(report_type)
    return lambda row: seeded(seed, what, identity(row)).random() < share


def _mutable(report_type: str) -> tuple[schemas.Column, ...]:
    known = layout(report_type)
    fixed = {*known.primary_key, known.time_column}
    return tuple(
        column
        for column in known.columns
        if column.name not in fixed
        and (
            column.kind in ("duration", "integer", "boolean")
            or (column.kind == "text" and column.encoding is None)
        )
    )


def _changed(row: Row, mutable: Sequence[schemas.Column], seed: int) -> Row:
    columns = [column for column in mutable if row.get(column.key) is not None]
    if not columns:
        return row
    column = seeded(seed, "which", repr(row)).choice(columns)
    value = row[column.key]
    # Whole minutes, which the coarsest encoding of a duration shows.
    more = {"duration": 60, "integer": 1}.get(column.kind)
    if column.kind == "boolean":
        return {**row, column.key: not value}
    return {**row, column.key: f"{value}, mended" if more is None else value + more}
