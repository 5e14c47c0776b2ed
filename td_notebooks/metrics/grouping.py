"""What ``by=`` means: one mechanism for every measure and every kind of frame.

A time key is a number while rows are grouped, and becomes a time afterwards: numbers are what all
engines cut alike. Intervals are cut in UTC, where every half-hour exists once, and labelled in the
zone asked for; a day on which the clocks change then has 46 or 50 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from ..errors import ConfigError, SchemaError
from ..timespan import zone
from .ratio import Ratio
from .wording import lacking, wording_of
from .zones import EPOCH, changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .wording import Wording

By = str | Sequence[str] | None

#: Seconds of each interval one can group by.
INTERVALS = {"15min": 900, "30min": 1800, "1h": 3600}
DAYS = ("day", "week", "weekday")
#: 1970-01-01 was a Thursday: so many days after a Monday.
THURSDAY = 3


@dataclass(frozen=True, slots=True)
class Key:
    """A column of the result to group by.

    Attributes
    ----------
    name : str
    cut : nw.Expr
        Its value for each row.
    label : nw.Expr
        What becomes of the grouped value.
    """

    name: str
    cut: nw.Expr
    label: nw.Expr


class Groups:
    """A frame with its keys.

    Parameters
    ----------
    native : frame
        Of any kind narwhals knows.
    purpose : str
        What is computed, for messages.
    by : str or sequence of str, optional
    timezone : str
        IANA name.
    report : str
        The report type that the frame should hold, for messages.
    time : str
        The column that time keys are cut from.
    ring_groups : str
        The column that ``ring_group`` stands for.

    Raises
    ------
    SchemaError
        The frame lacks a column, or its times are not times.
    ConfigError
        There is no such time zone, or two keys would be called the same.
    """

    def __init__(
        self,
        native: Any,
        purpose: str,
        *,
        by: By,
        timezone: str,
        report: str,
        time: str,
        ring_groups: str = "ring_groups",
    ) -> None:
        given = nw.from_native(native)
        self.was_lazy = isinstance(given, nw.LazyFrame)
        self.frame: nw.LazyFrame[Any] = given.lazy()
        self.schema = self.frame.collect_schema()
        self.purpose, self.report, self.time = purpose, report, time
        self.tz = zone(timezone)
        asked = [by] if isinstance(by, str) else list(by or ())
        # A word the frame has no column for is a friendly name, or a mistake.
        columns = {
            word: ring_groups if word == "ring_group" and word not in self.schema else word
            for word in asked
            if word not in (*INTERVALS, *DAYS)
        }
        self.need(*columns.values(), *([time] if len(columns) < len(asked) else ()))
        self.keys = [
            Key(word, nw.col(columns[word]), nw.col(word))
            if word in columns
            else time_key(self, word)
            for word in asked
        ]
        names = [key.name for key in self.keys]
        if len(set(names)) < len(names):
            raise ConfigError(
                f"Computing {purpose}: two keys of by={asked} would both be called "
                f"{next(name for name in names if names.count(name) > 1)}.",
                hint="Name each key, and one interval, once.",
            )

    def need(self, *columns: str) -> None:
        """Complain of columns that the frame does not have.

        Raises
        ------
        SchemaError
        """
        if missing := [name for name in dict.fromkeys(columns) if name not in self.schema]:
            raise lacking(self.purpose, missing, self.report)

    def seconds(self) -> nw.Expr:
        """Return each row's moment in whole epoch seconds."""
        dtype = self.schema[self.time]
        if not isinstance(dtype, nw.Datetime):
            raise SchemaError(
                f"Grouping by time: the column {self.time} holds {dtype}, not times.",
                hint="Convert it to UTC times first.",
            )
        # A time without a zone is taken for UTC.
        epoch = EPOCH if dtype.time_zone else EPOCH.replace(tzinfo=None)
        number = (nw.col(self.time) - nw.lit(epoch)).dt.total_seconds()
        # NumPy's integers have no missing values; they stay floats there.
        native = self.frame.to_native()
        plain = self.frame.implementation.is_pandas_like() and not hasattr(
            native[self.time].dtype, "pyarrow_dtype"
        )
        return number if plain else number.cast(nw.Int64)

    def offset(self) -> nw.Expr | int:
        """Return by how many seconds local clocks were ahead at each row's moment."""
        moment = self.seconds()
        ends = self.frame.select(first=moment.min(), last=moment.max()).collect()
        first, last = (ends[name].drop_nulls().to_list() for name in ("first", "last"))
        if not first or first[0] != first[0]:  # no rows, or none with a time
            return 0
        total, steps = changes(first[0], last[0], self.tz)
        ahead: nw.Expr | int = total
        for at, step in steps:
            ahead = nw.when(moment >= at).then(nw.lit(step)).otherwise(nw.lit(0)) + ahead
        return ahead

    def tally(
        self, values: Mapping[str, nw.Expr], how: Literal["sum", "max"] = "sum"
    ) -> nw.LazyFrame[Any]:
        """Add up, or find the largest of, some values in each group.

        Parameters
        ----------
        values : mapping of str to nw.Expr
            By the name of the column in the result.
        how : {"sum", "max"}

        Returns
        -------
        nw.LazyFrame
            One row per group with the keys, still as numbers, and the values; one row in all when
            there are no keys.
        """
        every = nw.col(*values)
        result = every.sum() if how == "sum" else every.max()
        narrow = self.frame.select(**{key.name: key.cut for key in self.keys}, **values)
        if not self.keys:
            return narrow.select(result)
        return narrow.group_by(*(key.name for key in self.keys)).agg(result)

    def finish(self, table: nw.LazyFrame[Any]) -> Any:
        """Label the keys, sort by them and return a frame of the kind that was given."""
        names = [key.name for key in self.keys]
        table = table.sort(*names, nulls_last=True)
        table = table.with_columns(**{key.name: key.label for key in self.keys})
        return (table if self.was_lazy else nw.maybe_reset_index(table.collect())).to_native()


def time_key(groups: Groups, word: str) -> Key:
    """Return the key of an interval, day, week or weekday.

    Parameters
    ----------
    groups : Groups
    word : str
        ``15min``, ``30min``, ``1h``: the key is called ``interval``, an aware time. ``day`` and
        ``week``: midnight (of Monday) by local clocks, without a zone. ``weekday``: 1 for Monday
        to 7 for Sunday.
    """
    if word in INTERVALS:
        width = INTERVALS[word]
        return Key("interval", groups.seconds() // width * width, interval_label(groups))
    days = (groups.seconds() + groups.offset()) // 86400
    midnight = nw.lit(EPOCH.replace(tzinfo=None)) + nw.lit(timedelta(days=1)) * nw.col(word)
    if word == "day":
        return Key(word, days, midnight)
    if word == "week":
        return Key(word, (days + THURSDAY) // 7 * 7 - THURSDAY, midnight)
    past = days + THURSDAY  # since a Monday; not every engine has a remainder
    return Key(word, past - past // 7 * 7 + 1, nw.col(word))


def interval_label(groups: Groups) -> nw.Expr:
    """Return the moment an interval begins, in the zone asked for.

    DuckDB keeps no zone with a column: it shows every moment in the zone of its session.
    """
    moment = nw.lit(EPOCH) + nw.lit(timedelta(seconds=1)) * nw.col("interval")
    if groups.frame.implementation.is_duckdb():
        return moment
    return moment.dt.convert_time_zone(str(groups.tz))


def outcome_groups(
    native: Any, purpose: str, by: By, timezone: str, *, booked: str = ""
) -> tuple[Groups, Wording]:
    """Return the groups of a frame of calls or contacts, and how it says things.

    Parameters
    ----------
    native : frame
    purpose : str
    by : str or sequence of str, optional
    timezone : str
    booked : str
        The column of times; by default when a row started.
    """
    words = wording_of(nw.from_native(native).lazy().collect_schema().names(), purpose)
    groups = Groups(
        native,
        purpose,
        by=by,
        timezone=timezone,
        report=words.report,
        time=booked or words.start,
        ring_groups=words.ring_groups,
    )
    return groups, words


def ratio(
    groups: Groups,
    name: str,
    variant: str,
    numerator: nw.Expr,
    denominator: nw.Expr,
    unit: str = "",
) -> Any:
    """Compute a share or a mean for each group, or overall.

    Parameters
    ----------
    groups : Groups
    name : str
        Of the measure, and of its column.
    variant : str
    numerator, denominator : nw.Expr
        What each row adds.
    unit : str
        ``"s"`` when the numerator is seconds.

    Returns
    -------
    Ratio or frame
        With keys a frame of the kind that was given: the keys, ``numerator``, ``denominator`` and
        the measure, which is missing where there was nothing to count.
    """
    number = nw.Float64 if unit else nw.Int64
    values = {"numerator": numerator.cast(number), "denominator": denominator.cast(nw.Int64)}
    table = groups.tally(values)
    if not groups.keys:
        above, below = totals(table, number)
        return Ratio(title(name), variant, above, below, unit)
    # DuckDB adds integers up to wider ones.
    table = table.with_columns(
        nw.col("numerator").cast(number), nw.col("denominator").cast(nw.Int64)
    )
    return groups.finish(table.with_columns(share("numerator", "denominator").alias(name)))


def totals(table: nw.LazyFrame[Any], number: Any = nw.Int64) -> list[float]:
    """Return the values of a table's only row as Python numbers; nothing counts as 0."""
    # Arrow has one word for what is missing.
    (row,) = table.collect("pyarrow").to_native().to_pylist()
    kind = float if number == nw.Float64 else int
    return [kind(value) if value is not None and value == value else 0 for value in row.values()]


def share(numerator: str, denominator: str) -> nw.Expr:
    """Return one column ÷ another, missing where there is nothing to divide by."""
    return nw.when(nw.col(denominator) > 0).then(nw.col(numerator) / nw.col(denominator))


def counted(value: str, where: nw.Expr) -> tuple[nw.Expr, nw.Expr]:
    """Return what a mean is made of: a column's seconds of some rows, and their number.

    Rows in which the value is missing do not count.
    """
    known = where & ~nw.col(value).is_null()
    return nw.when(known).then(nw.col(value)).otherwise(nw.lit(0)), known


def title(name: str) -> str:
    """Return a measure's name as people write it."""
    return {"asa": "ASA", "aht": "AHT"}.get(name, name.replace("_", " "))
