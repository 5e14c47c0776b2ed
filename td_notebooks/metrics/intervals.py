"""The interval table: what a queue was offered and what became of it, interval by interval."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError, SchemaError
from ..timespan import Timespan
from .grouping import INTERVALS, By, Groups
from .handling import parts_of
from .kinds import codes, like, moments
from .wording import CONTACTS, Wording, wording_of

if TYPE_CHECKING:
    from datetime import date

Booked = Literal["start", "answer", "end"]
COUNTS = ("offered", "answered", "abandoned", "missed", "voicemail", "within")
#: Column of the moment a row is booked at, while the table is made.
BOOKED = "_booked_at"


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
        There is no such interval, booking rule or zone.

    Notes
    -----
    Source of the booking rules: Cisco's ICM manual books a contact where it becomes an event of
    the service level. The handle time of calls lacks the after-call work, see `aht`.
    """
    keys = [by] if isinstance(by, str) else list(by or ())
    if interval not in INTERVALS or {*keys} & {*INTERVALS, "interval", "day", "week", "weekday"}:
        raise ConfigError(
            f"No interval table can be made of {interval!r} by {keys}.",
            hint=f"Intervals are {', '.join(INTERVALS)}; `by` takes columns, no times.",
        )
    given = nw.from_native(contacts).lazy()
    columns = given.collect_schema().names()
    words = wording_of(columns, "an interval table")
    # One column tells where a row is booked, whatever the rule.
    placed = given.with_columns(_moment(words, columns, booked).alias(BOOKED))
    groups = Groups(
        placed.to_native(),
        "an interval table",
        by=[interval, *keys],
        timezone=timezone,
        report=words.report,
        time=BOOKED,
        ring_groups=words.ring_groups,
    )
    counts = _count(groups, words, within)
    width = INTERVALS[interval]
    first, last = _span(counts, width, timezone, start, end)
    return like(
        contacts, _dense(counts, [key.name for key in groups.keys], first, last, width, timezone)
    )


def _moment(words: Wording, columns: list[str], booked: Booked) -> nw.Expr:
    needed = {"start": [words.start], "end": [words.end], "answer": [words.start, words.wait]}
    if booked not in needed:
        raise ConfigError(
            f"There is no booking rule {booked!r}.", hint=f"Known: {', '.join(needed)}."
        )
    if missing := [name for name in needed[booked] if name not in columns]:
        raise SchemaError(
            f"An interval table booked at the {booked} needs the column {', '.join(missing)}.",
            report_type=words.report,
            missing=missing,
        )
    if booked != "answer":
        return nw.col(needed[booked][0])
    if words is not CONTACTS:
        raise SchemaError(
            "The calls report does not say when a call left the queue.",
            hint='Give the contacts report, or book at "start" or "end".',
            report_type="contacts",
        )
    wait = nw.col(words.wait).fill_null(0).cast(nw.Int64)
    return nw.col(words.start) + nw.lit(timedelta(seconds=1)) * wait


def _count(groups: Groups, words: Wording, within: float) -> pa.Table:
    """Add up per interval and combination; the interval still in epoch seconds."""
    parts = parts_of(words).values()
    groups.need(words.wait, words.user, *parts)
    answered = words.is_("answered")
    handle = nw.sum_horizontal(*(nw.col(part).fill_null(0) for part in parts))
    values = {
        "offered": words.offered(),
        "answered": answered,
        "abandoned": words.is_("abandoned", "short_abandoned"),
        "missed": words.is_("missed"),
        "voicemail": words.is_("voicemail"),
        "within": answered & words.within(within),
    }
    sums = {name: value.cast(nw.Int64) for name, value in values.items()}
    sums["handle_time"] = nw.when(answered).then(handle).otherwise(nw.lit(0)).cast(nw.Float64)
    user = nw.when(answered).then(nw.col(words.user))
    cuts = {key.name: key.cut for key in groups.keys}
    narrow = groups.frame.select(**cuts, **sums, agents=user).filter(~nw.col("interval").is_null())
    narrow = narrow.with_columns(_nobody=nw.col("agents").is_null().cast(nw.Int64))
    table = narrow.group_by(*cuts).agg(
        nw.col(*sums).sum(),
        nw.col("agents").n_unique(),
        nw.col("_nobody").max(),  # nobody is one of the unique values
    )
    table = table.with_columns(
        nw.col(*COUNTS).cast(nw.Int64),
        agents=nw.col("agents").cast(nw.Int64) - nw.col("_nobody"),
        interval=nw.col("interval").cast(nw.Int64),
    )
    counted: pa.Table = table.drop("_nobody").collect("pyarrow").to_native()
    return counted


def _span(
    counts: pa.Table, width: int, timezone: str, start: date | str | None, end: date | str | None
) -> tuple[int, int]:
    """Return the first interval of the table and the end of the last, in epoch seconds."""
    seen = counts["interval"].to_numpy()
    first, last = (int(seen.min()), int(seen.max()) + width) if len(seen) else (0, 0)
    if start is not None and end is not None:
        span = Timespan.of(start, end, timezone)
        first, last = int(span.start.timestamp()), int(span.end.timestamp())
    elif start is not None or end is not None:
        raise ConfigError("An interval table's span has a start and an end: give both or none.")
    return first // width * width, -(-last // width) * width


def _dense(
    counts: pa.Table, names: list[str], first: int, last: int, width: int, timezone: str
) -> pa.Table:
    """Put the counts on a full grid of intervals and combinations of keys."""
    keys = [name for name in names if name != "interval"]
    moment = counts["interval"].to_numpy()
    inside = (first <= moment) & (moment < last)
    group = np.zeros(len(counts), np.int64)
    for key in keys:
        code = codes(counts[key])
        group = group * (code.max(initial=0) + 1) + code
    _, examples, group = np.unique(group, return_index=True, return_inverse=True)
    if not keys:
        examples, group = np.zeros(1, np.int64), np.zeros(len(counts), np.int64)
    combinations = counts.select(keys).take(pa.array(examples))
    if keys:
        order = np.asarray(pc.sort_indices(combinations, [(key, "ascending") for key in keys]))
        combinations = combinations.take(pa.array(order))
        group = np.argsort(order)[group]
    many = len(examples)
    steps = max(0, (last - first) // width)
    place = ((moment - first) // width * many + group)[inside]

    def spread(name: str) -> Any:
        values = counts[name].to_numpy()
        grid = np.zeros(steps * many, values.dtype)
        grid[place] = values[inside]
        return grid

    grids = {name: spread(name) for name in (*COUNTS, "handle_time", "agents")}
    answered = grids["answered"]
    aht = grids["handle_time"] / np.maximum(answered, 1)
    begins = np.repeat(first + width * np.arange(steps), many)
    repeated = combinations.take(pa.array(np.tile(np.arange(many), steps))) if keys else None
    return pa.table(
        {
            "interval": moments(begins, timezone),
            **{key: repeated[key] for key in keys if repeated is not None},
            **{name: grids[name] for name in (*COUNTS, "handle_time")},
            "aht": pa.array(aht, mask=answered == 0),
            "agents": grids["agents"],
        }
    )
