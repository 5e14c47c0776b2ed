"""The interval table: what a queue was offered and what became of it, interval by interval."""

from __future__ import annotations

import operator
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa

from ..errors import ConfigError, SchemaError
from ..timespan import Timespan
from .cells import Cells, distinct_in, sorted_by
from .cuts import INTERVALS, TIMES, cut
from .grouping import By, Groups, keys_of, outcome_groups, share, whole
from .handling import parts_of
from .kinds import collected, columns_of, encoded, in_dictionaries, like, moments
from .wording import CONTACTS, Wording, unknown, wording_of

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from .kinds import Seconds

    Span = tuple[int, int]

Booked = Literal["start", "answer", "end"]
#: What may come of a customer in the queue: attributes of `Wording`.
OUTCOMES = ("answered", "abandoned", "short_abandoned", "missed", "voicemail")
#: Columns of the table after its keys.
COUNTS = ("offered", "answered", "abandoned", "missed", "voicemail", "within")
RESULT = (*COUNTS, "handle_time", "aht", "agents")
#: Rows that a table may have: 15 minutes of ten years for 28 ring groups.
MOST_ROWS = 10_000_000


def interval_table(
    contacts: Any,
    interval: str = "30min",
    *,
    by: By = None,
    timezone: str = "UTC",
    within: float = 20.0,
    booked: Booked = "start",
    start: date | str | None = None,
    end: date | str | None = None,
) -> Any:
    """Count calls or contacts per interval; intervals in which nothing happened are there too.

    Parameters
    ----------
    contacts : frame
        One row per contact or call: the ``contacts`` or ``calls`` report.
    interval : {"15min", "30min", "1h"}
    by : str or sequence of str, optional
        Columns to divide each interval by; ``ring_group`` for the report's ring groups.
    timezone : str
        IANA name of the zone of the labels, and of `start` and `end`. Intervals are cut in UTC.
    within : float
        Threshold in seconds, included.
    booked : {"start", "answer", "end"}
        The interval a row belongs to: in which it started; in which it left the queue (answered,
        abandoned, given up); or in which it was over. Contacts know all three, calls do not know
        when they left the queue.
    start, end : date, datetime or str, optional
        Half-open span of the table; by default from the first interval with a row to the last.

    Returns
    -------
    frame
        Of the kind given, one row per interval and combination of `by`: ``interval`` (when it
        begins), the columns of `by`, the counts ``offered`` (everything inbound), ``answered``,
        ``abandoned`` (the short ones too), ``missed``, ``voicemail`` and ``within`` (answered
        within the threshold), ``handle_time`` (seconds of the answered), ``aht`` (their mean,
        missing if none), ``agents`` (how many different users answered). Rows without a time are
        in no interval.

    Raises
    ------
    SchemaError
        The frame lacks a column.
    ConfigError
        There is no such interval, booking rule or zone, or the table would have more than ten
        million rows.

    Notes
    -----
    Source of the booking rules: Cisco's ICM manual books a contact where it becomes an event of
    the service level. The handle time of calls lacks the after-call work, see `aht`.
    """
    keys = keys_of(by)
    if interval not in INTERVALS:
        raise unknown("interval", interval, INTERVALS)
    if times := [key for key in keys if key in (*TIMES, "interval")]:
        raise ConfigError(
            f"An interval table is divided by its interval and by columns, not by {times[0]!r}.",
            hint='Name columns in `by`, such as "ring_group".',
        )
    words = wording_of(columns_of(contacts), "an interval table")
    time, later = _booking(words, columns_of(contacts), booked)
    groups, words = outcome_groups(
        contacts, "an interval table", [interval, *keys], timezone, booked=time, later=later
    )
    groups.need(words.wait, words.user, *parts_of(words).values())
    span = _asked(start, end, timezone)
    read = _grouped if isinstance(groups.frame, nw.LazyFrame) else _rows
    return like(contacts, _dense(read(groups, words, within, span), groups, words, span))


def _booking(words: Wording, columns: list[str], booked: Booked) -> tuple[str, str]:
    """Return the column of the time a row is booked at, and of the seconds to add to it."""
    needed = {"start": [words.start], "answer": [words.start, words.wait], "end": [words.end]}
    if booked not in needed:
        raise unknown("booking rule", booked, needed)
    if missing := [name for name in needed[booked] if name not in columns]:
        raise SchemaError(
            f"An interval table booked at the {booked} needs the column {', '.join(missing)}.",
            report_type=words.report,
            missing=missing,
        )
    if booked == "answer" and words is not CONTACTS:
        raise SchemaError(
            "The calls report does not say when a call left the queue.",
            hint='Give the contacts report, or book at "start" or "end".',
            report_type="contacts",
        )
    time, later = [*needed[booked], ""][:2]
    return time, later


def _asked(start: date | str | None, end: date | str | None, timezone: str) -> Span | None:
    """Return the span asked for in epoch seconds."""
    if (start is None) != (end is None):
        raise ConfigError("An interval table's span has a start and an end: give both or none.")
    if start is None or end is None:
        return None
    span = Timespan.of(start, end, timezone)
    return int(span.start.timestamp()), int(span.end.timestamp())


def _rows(groups: Groups, words: Wording, within: float, span: Span | None) -> pa.Table:
    """Return the rows of a frame in memory, as far as they have a time in the span.

    Columns are the keys; ``_interval``, its number; ``_outcome``, its word;
    ``_within``; ``_handle``; and ``_user``.
    """
    columns = {name: nw.col(column) for name, column in groups.columns.items()}
    columns["_time"] = nw.col(groups.time)
    columns |= {"_later": nw.col(groups.later)} if groups.later else {}
    rows = collected(groups.frame.select(**columns, **_values(words, within)))
    moment, known = groups.moment_here(rows["_time"], rows["_later"] if groups.later else None)
    if span:
        known &= (span[0] <= moment) & (moment < span[1])
    (word,) = groups.times.values()
    rows = rows.append_column("_interval", pa.array(cut(word, moment, 0)))
    return rows if known.all() else rows.filter(pa.array(known))


def _grouped(groups: Groups, words: Wording, within: float, span: Span | None) -> pa.Table:
    """Return the same added up by an engine, with ``_rows`` and, instead of users, ``_agents``."""
    (word,) = groups.times.values()
    keys = {name: nw.col(column) for name, column in groups.columns.items()}
    moment = groups.moment()
    frame = groups.frame.select(**keys, **_values(words, within), _interval=moment)
    frame = frame.filter(~nw.col("_interval").is_null())
    if span:
        moment = nw.col("_interval")
        frame = frame.filter((moment >= span[0]) & (moment < span[1]))
    frame = frame.with_columns(
        _interval=cut(word, nw.col("_interval"), 0),
        _within=nw.col("_within").cast(nw.Int64),
        _somebody=(~nw.col("_user").is_null()).cast(nw.Int64),
        _rows=nw.lit(1),
    )
    sums = nw.col("_rows", "_within", "_handle").sum()
    # Different users are counted by one row for each, which every engine does alike.
    each = frame.group_by(*keys, "_interval", "_outcome", "_user", "_somebody").agg(sums)
    each = each.with_columns(_agents=nw.col("_somebody"))
    grouped = each.group_by(*keys, "_interval", "_outcome").agg(sums, nw.col("_agents").sum())
    # Some engines add integers up to wider ones.
    return whole(collected(grouped), "_interval", "_rows", "_within", "_agents")


def _values(words: Wording, within: float) -> dict[str, nw.Expr]:
    parts = [nw.col(part).fill_null(0) for part in parts_of(words).values()]
    return {
        "_outcome": nw.col(words.outcome),
        "_within": words.within(within),
        "_handle": reduce(operator.add, parts).cast(nw.Float64),
        "_user": nw.col(words.user),
    }


def _dense(table: pa.Table, groups: Groups, words: Wording, span: Span | None) -> pa.Table:
    """Put rows, or counts of them, on a full grid of intervals and combinations of keys."""
    (word,) = groups.times.values()
    width = INTERVALS[word]
    interval = table["_interval"].to_numpy()
    if span:
        first, last = span[0] // width, -(-span[1] // width)
    else:
        first, last = (interval.min(), interval.max() + 1) if len(interval) else (0, 0)
    steps = int(last - first)
    types = table.select(list(groups.columns)).schema
    table = in_dictionaries(table)
    keys, group = _combinations(table.select(types.names))
    keys = keys.cast(types)
    many = len(keys) if groups.columns else 1
    if steps * many > MOST_ROWS:
        ends = [datetime.fromtimestamp(int(at) * width, groups.tz) for at in (first, last)]
        raise ConfigError(
            f"An interval table from {ends[0]:%Y-%m-%d %H:%M} to {ends[1]:%Y-%m-%d %H:%M}, {word} "
            f"each, for {many:,} combinations of {', '.join(groups.columns) or 'nothing'} would "
            f"have {steps * many:,} rows.",
            hint="Perhaps a row has a wrong time: give start and end.",
        )
    place = (interval - first) * many + group
    grid = _counts(table, place, steps * many, words)
    begins = np.repeat(first + np.arange(steps), many) * width
    repeated = keys.take(pa.array(np.tile(np.arange(many), steps))) if groups.columns else keys
    columns = {"interval": moments(begins, str(groups.tz))}
    columns |= {name: repeated[name] for name in groups.columns} | grid
    columns["aht"] = share(pa.table(grid), "handle_time", "answered")
    return pa.table({name: columns[name] for name in ["interval", *groups.columns, *RESULT]})


def _combinations(keys: pa.Table) -> tuple[pa.Table, Seconds]:
    """Return the keys that occur, sorted, and which of them each row has."""
    if not keys.num_columns:
        return keys, np.zeros(1, np.int64)
    cells = Cells.of(keys)
    order = sorted_by(cells.keys, keys.column_names)
    rank = np.zeros(cells.many, np.int64)
    rank[cells.taken[order]] = np.arange(len(order))
    return cells.keys.take(pa.array(order)), rank[cells.number]


def _counts(table: pa.Table, place: Seconds, cells: int, words: Wording) -> dict[str, Any]:
    """Add up what came of the rows in each cell of the grid."""
    outcomes = [getattr(words, outcome) for outcome in OUTCOMES]
    said, distinct = encoded(table["_outcome"])
    # One place more than there are outcomes, for all that is none of them.
    many = len(outcomes)
    known = [outcomes.index(word) if word in outcomes else many for word in distinct.to_pylist()]
    outcome = np.array(known, np.int8)[said]
    single = "_rows" not in table.column_names
    rows = None if single else table["_rows"].to_numpy()
    counted = np.bincount(place * (many + 1) + outcome, rows, cells * (many + 1))
    answered, abandoned, short, missed, voicemail, _ = (
        counted.astype(np.int64).reshape(cells, many + 1).T
    )
    mine = np.flatnonzero(outcome == OUTCOMES.index("answered"))
    place = place[mine]

    def total(name: str) -> NDArray[np.float64]:
        numbers = table[name].cast(pa.float64()).to_numpy()
        return np.bincount(place, numbers[mine], cells).astype(np.float64)

    if single:
        user, users = encoded(table["_user"])
        user, place_of = user[mine], place
        if users.null_count:
            somebody = np.flatnonzero(np.asarray(users.is_valid())[user])
            place_of, user = place[somebody], user[somebody]
        agents = distinct_in(place_of, cells, user)
    else:
        agents = total("_agents").astype(np.int64)
    return {
        "offered": answered + abandoned + short + missed + voicemail,
        "answered": answered,
        "abandoned": abandoned + short,
        "missed": missed,
        "voicemail": voicemail,
        "within": total("_within").astype(np.int64),
        "handle_time": total("_handle"),
        "agents": agents,
    }
