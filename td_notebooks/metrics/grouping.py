"""What ``by=`` means: one mechanism for every measure and every kind of frame.

A time key is a number while rows are grouped, and becomes a time afterwards. Rows that are in
memory are grouped here; engines that keep them elsewhere group by themselves, and from there on
all kinds of frames are one: a small Arrow table is labelled, sorted and given back as the kind
that came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from ..errors import ConfigError, SchemaError
from ..timespan import zone
from .cells import sorted_by, tallied_here, tallied_there
from .cuts import DAYS, INTERVALS, TIMES, calendar_seconds, cut, label
from .kinds import collected, columns_of, epoch, frame_of, like
from .ratio import Ratio
from .typed import fits, typed
from .wording import lacking, wording_of
from .zones import EPOCH, changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .cells import How
    from .kinds import Seconds
    from .typed import Holds
    from .wording import Wording

By = str | Sequence[str] | None


def keys_of(by: By) -> list[str]:
    """Return the keys that ``by=`` names."""
    return [by] if isinstance(by, str) else list(by or ())


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
    later : str, optional
        A column of seconds to add to it.
    ring_groups : str
        The column that ``ring_group`` stands for.
    holds : mapping of str to str, optional
        What columns should hold.

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
        later: str = "",
        ring_groups: str = "ring_groups",
        holds: Mapping[str, Holds] | None = None,
    ) -> None:
        self.native, self.purpose, self.report = native, purpose, report
        self.time, self.later, self.holds = time, later, holds or {}
        self.frame = typed(frame_of(native), self.holds)
        self.schema = self.frame.collect_schema()
        self.tz = zone(timezone)
        asked = keys_of(by)
        #: The column of each key that is one, and the word of each that is a time.
        self.columns: dict[str, str] = {}
        self.times: dict[str, str] = {}
        for word in asked:
            if word in TIMES:
                self.times["interval" if word in INTERVALS else word] = word
            else:
                # A word the frame has no column for is a friendly name, or a mistake.
                friendly = word == "ring_group" and word not in self.schema
                self.columns[word] = ring_groups if friendly else word
        self.names = ["interval" if word in INTERVALS else word for word in asked]
        if len(set(self.names)) < len(self.names):
            raise ConfigError(
                f"Computing {purpose}: two keys of by={asked} would both be called "
                f"{next(name for name in self.names if self.names.count(name) > 1)}.",
                hint="Name each key, and one interval, once.",
            )
        if missing := [name for name in self.columns.values() if name not in self.schema]:
            raise lacking(purpose, missing, report, [*self.schema, *TIMES, "ring_group"])
        for name in self.columns.values():
            if self.schema[name].is_nested():
                raise self._wrong(name, "text")
        if self.times:
            self.need(time, *([later] if later else ()))
            if not fits(self.schema[time], "times"):
                raise self._wrong(time, "times")

    def need(self, *columns: str) -> None:
        """Complain of columns that the frame does not have, or that hold something else.

        Raises
        ------
        SchemaError
        """
        if missing := [name for name in dict.fromkeys(columns) if name not in self.schema]:
            raise lacking(self.purpose, missing, self.report, self.schema)
        for name in columns:
            holds = self.holds.get(name, "text")
            if holds != "text" and not fits(self.schema[name], holds):
                raise self._wrong(name, holds)

    def _wrong(self, column: str, holds: Holds) -> SchemaError:
        return SchemaError(
            f"Computing {self.purpose}: the column {column} holds {self.schema[column]}, "
            f"not {holds}.",
            hint="td.read_report() and client.report() give it its type; or convert it yourself.",
            report_type=self.report,
        )

    def moment(self) -> nw.Expr:
        """Return each row's moment in whole epoch seconds, for an engine to compute."""
        column, kind = nw.col(self.time), self.frame.implementation
        dtype = self.schema[self.time]
        aware = isinstance(dtype, nw.Datetime) and dtype.time_zone
        if kind.is_spark_like():
            number = column.cast(nw.Int64) if aware else calendar_seconds(column)
        else:
            # A time without a zone is taken for UTC.
            number = column - nw.lit(EPOCH if aware else EPOCH.replace(tzinfo=None))
            number = number.dt.total_seconds()
            # NumPy's integers, which Dask may use, have no missing values.
            number = number if kind.is_dask() else number.cast(nw.Int64)
        return number + nw.col(self.later).fill_null(0).cast(nw.Int64) if self.later else number

    def tally(self, values: Mapping[str, nw.Expr], how: How = "sum") -> pa.Table:
        """Add up, or find the largest of, some values in each group.

        Parameters
        ----------
        values : mapping of str to nw.Expr
            By the name of the column in the result.
        how : {"sum", "max"}

        Returns
        -------
        pyarrow.Table
            One row per group with the keys, still as numbers, and the values; one row in all when
            there are no keys.
        """
        every = nw.col(*values)
        columns = {name: nw.col(column) for name, column in self.columns.items()}
        frame = self.frame
        if not self.names:
            one = every.sum() if how == "sum" else every.max()
            return collected(frame.select(**values).select(one))
        if isinstance(frame, nw.LazyFrame):
            narrow = frame.select(**columns, **self.cut_there(frame), **values)
            return tallied_there(narrow, self.names, list(values), how)
        if self.times:
            columns["_time"] = nw.col(self.time)
        rows = collected(frame.select(**columns, **values))
        keys = {name: rows[name] for name in self.columns}
        if self.times:
            keys |= self.cut_here(rows["_time"])
        table = pa.table({name: keys[name] for name in self.names})
        return tallied_here(table, rows.select(list(values)), how)

    def cut_there(self, frame: nw.LazyFrame[Any]) -> dict[str, nw.Expr]:
        """Return the number of each time key as an expression for the frame's engine."""
        if not self.times:
            return {}
        moment = self.moment()
        ahead: Any = 0
        if {*self.times} & {*DAYS}:
            ends = collected(frame.select(first=moment.min(), last=moment.max()))
            ahead, steps = self._changes(*ends.to_pylist()[0].values())
            for at, step in steps:
                ahead = nw.when(moment >= at).then(nw.lit(step)).otherwise(nw.lit(0)) + ahead
        return {name: cut(word, moment, ahead) for name, word in self.times.items()}

    def moment_here(
        self, times: pa.ChunkedArray, later: pa.ChunkedArray | None = None
    ) -> tuple[Seconds, NDArray[np.bool_]]:
        """Return the same of rows that are here, 0 if missing, and of which rows it is known."""
        known = np.asarray(times.is_valid())
        moment = epoch(times)
        if times.null_count:
            moment = np.where(known, moment, 0)
        if later is not None:
            seconds = later.cast(pa.float64()).fill_null(0).to_numpy()
            moment = moment + seconds.astype(np.int64)
        return moment, known

    def cut_here(self, times: pa.ChunkedArray) -> dict[str, pa.Array]:
        """Return the number of each time key for rows that are here, missing without a time."""
        moment, known = self.moment_here(times)
        ahead: Any = 0
        if {*self.times} & {*DAYS} and known.any():
            ahead, steps = self._changes(moment[known].min(), moment[known].max())
            totals = np.cumsum([ahead, *(step for _, step in steps)])
            ahead = totals[np.searchsorted([at for at, _ in steps], moment, side="right")]
        missing = None if known.all() else ~known
        return {
            name: pa.array(cut(word, moment, ahead), mask=missing)
            for name, word in self.times.items()
        }

    def _changes(self, first: Any, last: Any) -> tuple[int, list[tuple[int, int]]]:
        if first is None or first != first:  # no rows, or none with a time
            return 0, []
        return changes(int(first), int(last), self.tz)

    def finish(self, table: pa.Table) -> Any:
        """Label the keys, sort by them and return a frame of the kind that was given."""
        table = table.take(pa.array(sorted_by(table, self.names)))
        for name, word in self.times.items():
            place = table.column_names.index(name)
            table = table.set_column(place, name, label(word, table[name], str(self.tz)))
        return like(self.native, table)


def outcome_groups(
    native: Any, purpose: str, by: By, timezone: str, *, booked: str = "", later: str = ""
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
    later : str
        A column of seconds to add to it.
    """
    words = wording_of(columns_of(native), purpose)
    groups = Groups(
        native,
        purpose,
        by=by,
        timezone=timezone,
        report=words.report,
        time=booked or words.start,
        later=later,
        ring_groups=words.ring_groups,
        holds=words.holds(),
    )
    groups.need(words.outcome)
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
    table = groups.tally(
        {"numerator": numerator.cast(number), "denominator": denominator.cast(nw.Int64)}
    )
    if not groups.names:
        above, below = totals(table, float if unit else int)
        return Ratio(title(name), variant, above, below, unit)
    # Engines add integers up to wider ones.
    table = whole(table, "denominator", *([] if unit else ["numerator"]))
    return groups.finish(table.append_column(name, share(table, "numerator")))


def whole(table: pa.Table, *columns: str) -> pa.Table:
    """Return a table with some columns as 64-bit integers."""
    for name in columns:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(pa.int64()))
    return table


def totals(table: pa.Table, kind: type[int] | type[float] = int) -> list[float]:
    """Return the values of a table's only row as Python numbers; nothing counts as 0."""
    (row,) = table.to_pylist()
    return [kind(value) if value is not None and value == value else 0 for value in row.values()]


def share(table: pa.Table, numerator: str, denominator: str = "denominator") -> pa.Array:
    """Return one column ÷ another, missing where there is nothing to divide by."""
    above, below = (
        np.asarray(table[name].cast(pa.float64()).to_numpy()) for name in (numerator, denominator)
    )
    return pa.array(above / np.where(below > 0, below, 1), mask=~(below > 0))


def counted(value: str, where: nw.Expr) -> tuple[nw.Expr, nw.Expr]:
    """Return what a mean is made of: a column's seconds of some rows, and their number.

    Rows in which the value is missing do not count.
    """
    known = where & ~nw.col(value).is_null()
    return nw.when(known).then(nw.col(value)).otherwise(nw.lit(0)), known


def title(name: str) -> str:
    """Return a measure's name as people write it."""
    return {"asa": "ASA", "aht": "AHT"}.get(name, name.replace("_", " "))
