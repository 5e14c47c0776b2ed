"""What agents' statuses were, stretch by stretch: merged, clipped and cut at interval ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError, SchemaError
from ..timespan import Timespan, zone
from .cuts import INTERVALS
from .kinds import arrow, codes, epoch, like, moments
from .zones import midnights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from .kinds import Seconds

COLUMNS = ("user_id", "status_label", "status_start_at", "status_end_at")


@dataclass(frozen=True, slots=True)
class Stretches:
    """Stretches of statuses, sorted by agent and begin.

    Attributes
    ----------
    rows : pyarrow.Table
        What goes with each stretch: ``user_id``, ``status_label`` and more.
    user, label : ndarray
        A number for each agent, and for each status.
    begin, end : ndarray
        Epoch seconds.
    """

    rows: pa.Table
    user: Seconds
    label: Seconds
    begin: Seconds
    end: Seconds

    def pick(self, which: Any, begin: Seconds, end: Seconds) -> Stretches:
        """Return some stretches, or parts of them, with their own begins and ends."""
        rows = self.rows.take(pa.array(which))
        return Stretches(rows, self.user[which], self.label[which], begin, end)

    def clipped(self, first: int, last: int) -> Stretches:
        """Return what lies in a span of epoch seconds."""
        begin, end = np.maximum(self.begin, first), np.minimum(self.end, last)
        which = np.flatnonzero(begin < end)
        return self.pick(which, begin[which], end[which])

    def cut(self, edges: Seconds) -> Stretches:
        """Return the stretches cut at each of some sorted moments in epoch seconds."""
        low = np.searchsorted(edges, self.begin, side="right")
        pieces = np.searchsorted(edges, self.end, side="left") - low + 1
        which = np.repeat(np.arange(len(self.begin)), pieces)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        begin, end = self.begin[which].copy(), self.end[which].copy()
        later, sooner = nth > 0, nth < pieces[which] - 1
        begin[later] = edges[(low[which] + nth - 1)[later]]
        end[sooner] = edges[(low[which] + nth)[sooner]]
        return self.pick(which, begin, end)

    def table(self) -> pa.Table:
        """Return the stretches as a table, with times in UTC and ``status_time`` in seconds."""
        return (
            self.rows.append_column("status_start_at", moments(self.begin, "UTC"))
            .append_column("status_end_at", moments(self.end, "UTC"))
            .append_column("status_time", pa.array(self.end - self.begin))
        )


def read_statuses(statuses: Any, purpose: str, more: Sequence[str] = ()) -> Stretches:
    """Read a `user_status` frame, and merge what Talkdesk splits.

    Two stretches become one where an agent's status goes on without a gap. Rows without a begin or
    an end, or with an end that does not come after the begin, are left out; of equal rows, all but
    one.

    Parameters
    ----------
    statuses : frame
        One row per stretch: the ``user_status`` report.
    purpose : str
        What is computed, for messages.
    more : sequence of str
        Further columns to keep; their changes keep stretches apart.
    """
    more = [name for name in dict.fromkeys(more) if name not in COLUMNS]
    rows = arrow(statuses, [*COLUMNS, *more], purpose, "user_status")
    rows = with_times(rows, ("status_start_at", "status_end_at"), purpose)
    known = pc.and_(
        pc.is_valid(rows["status_start_at"]), pc.is_valid(rows["status_end_at"])
    ).combine_chunks()
    rows = rows.filter(known)
    begin, end = epoch(rows["status_start_at"]), epoch(rows["status_end_at"])
    user, *others = (codes(rows[name]) for name in ("user_id", "status_label", *more))
    order = np.lexsort((*others, end, begin, user))
    order = order[(begin < end)[order]]
    columns = [column[order] for column in (user, begin, end, *others)]
    once = _differs(columns)
    user, begin, end, *others = (column[once] for column in columns)
    rows, label = rows.take(pa.array(order[once])), others[0]
    starts = _differs([user, *others])
    starts[1:] |= begin[1:] != end[:-1]
    first = np.flatnonzero(starts)
    last = np.append(first[1:] - 1, len(begin) - 1) if len(first) else first
    kept = rows.select(["user_id", "status_label", *more]).take(pa.array(first))
    return Stretches(kept, user[first], label[first], begin[first], end[last])


def _differs(columns: Sequence[Seconds]) -> NDArray[np.bool_]:
    """Return which rows differ from the one before."""
    differs = np.ones(len(columns[0]), bool)
    differs[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return differs


def with_times(rows: pa.Table, columns: Sequence[str], purpose: str) -> pa.Table:
    """Return rows with columns of times; one without any value may have come as something else.

    Raises
    ------
    SchemaError
        If a column holds something else.
    """
    for name in columns:
        dtype = rows[name].type
        if pa.types.is_timestamp(dtype):
            continue
        if rows[name].null_count < len(rows):
            raise SchemaError(
                f"Computing {purpose}: the column {name} holds {dtype}, not times.",
                hint="td.read_report() and client.report() give it its type; or convert it "
                "yourself.",
            )
        missing = pa.nulls(len(rows), pa.timestamp("us", "UTC"))
        rows = rows.set_column(rows.column_names.index(name), name, missing)
    return rows


def edges(words: Sequence[str], first: int, last: int, timezone: str) -> Seconds:
    """Return where stretches must be cut so that each lies in one group of ``by``.

    Parameters
    ----------
    words : sequence of str
        The keys; of the times among them, the intervals are cut in UTC, days by local clocks.
    first, last : int
        Epoch seconds of the span.
    timezone : str
    """
    found: set[int] = {first, last}
    for word in words:
        if width := INTERVALS.get(word):
            found.update(range(first // width * width, last + width, width))
        elif word in ("day", "week", "weekday"):
            found.update(midnights(first, last, zone(timezone)))
    inside = sorted(moment for moment in found if first <= moment <= last)
    return np.array(inside, np.int64)


def span_of(
    stretches: Stretches, start: date | str | None, end: date | str | None, timezone: str
) -> tuple[int, int]:
    """Return the span asked for in epoch seconds; by default that of the stretches."""
    if (start is None) != (end is None):
        raise ConfigError("A span has a start and an end: give both or none.")
    if start is not None and end is not None:
        span = Timespan.of(start, end, timezone)
        return int(span.start.timestamp()), int(span.end.timestamp())
    if not len(stretches.begin):
        return 0, 0
    return int(stretches.begin.min()), int(stretches.end.max())


def merge_statuses(
    statuses: Any,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    timezone: str = "UTC",
) -> Any:
    """Merge the stretches that Talkdesk splits, and clip them to a span.

    Parameters
    ----------
    statuses : frame
        One row per stretch of a status: the ``user_status`` report.
    start, end : date, datetime or str, optional
        Half-open span to clip to; give both or none.
    timezone : str
        IANA name of the zone of `start` and `end`.

    Returns
    -------
    frame
        Of the kind given, one row per stretch, sorted by agent and begin: ``user_id``,
        ``status_label``, ``status_start_at``, ``status_end_at``, ``status_time`` (seconds).

    Raises
    ------
    SchemaError
        The frame lacks a column.
    """
    stretches = read_statuses(statuses, "merged statuses")
    stretches = stretches.clipped(*span_of(stretches, start, end, timezone))
    return like(statuses, stretches.table())
