"""How many will call: the pattern of the weeks past, interval by interval."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from ..errors import ConfigError
from ..timespan import Timespan, zone
from .cells import added_up, sorted_by
from .clocks import DAY, local_clock, weekdays, zone_of
from .cuts import width_of
from .grouping import keys_of
from .kinds import arrow, codes, epoch, like, moments
from .levels import levels, smooth
from .pattern import History, Pattern, too_short
from .tables import names_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from .grouping import By
    from .kinds import Seconds
    from .pattern import Floats

Method = Literal["seasonal", "ets"]
PURPOSE = "a forecast"
NUMBERS = ("offered", "low", "high", "answered", "handle_time", "aht")
#: Fewest answered calls of which a time of the week has a mean handle time of its own.
ENOUGH = 30


def forecast(
    table: Any,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    by: By = None,
    timezone: str | None = None,
    method: Method = "seasonal",
    weeks: int = 8,
    coverage: float = 0.8,
    without: Collection[date | str] = (),
) -> Any:
    """Expect of the intervals to come what the same times of past weeks had.

    Parameters
    ----------
    table : frame
        As `interval_table` returns it; ``offered`` counts, and ``answered`` and ``handle_time`` if
        they are there. An interval that is not in the table is unknown; one with 0 was empty.
    start, end : date, datetime or str, optional
        Half-open span to forecast. By default a week from the midnight after the table's last
        interval. Only intervals before `start` are looked at, so that a past week can be forecast
        and compared with what came.
    by : str or sequence of str, optional
        The table's columns to keep apart, such as ``ring_group``; otherwise all are added up.
    timezone : str, optional
        IANA name of the zone of the week's pattern, `start` and `end`; by default the table's own.
    method : {"seasonal", "ets"}
        ``seasonal``: the mean of the same weekday and local time. ``ets``: the same pattern, times
        the level of the days to come by exponential smoothing with a damped trend; it follows
        growth, and needs the extra ``forecast``.
    weeks : int
        The latest so many weeks are looked at.
    coverage : float
        Share of the intervals that shall come to lie between ``low`` and ``high``.
    without : collection of date or str
        Days that tell nothing about usual ones, such as holidays.

    Returns
    -------
    frame
        Of the kind given, one row per interval and combination of `by`: ``interval``, the columns
        of `by`, ``offered`` (the number expected), ``low`` and ``high``, and if the table tells,
        ``answered`` (as large a share of them as before) and ``aht`` (of that time of the week, or
        of all if fewer than 30 calls were answered then). `staffing` takes it. A time of the week
        that the table never had, as when it was cut to opening hours, is left out.

    Raises
    ------
    ConfigError
        The history before `start` is shorter than a week, or than three for ``ets``; a parameter
        is out of its range; statsmodels is not installed.
    SchemaError
        The table lacks a column.

    Notes
    -----
    Counts are looked at as √(count + ¼), on which scale calls that come by chance alone scatter by
    ½ whatever their number (Brown et al., "Statistical Analysis of a Telephone Call Center", JASA
    100, 2005). The range is the expected number ± the scatter that the history had, and never
    less than chance. For a week ahead the seasonal mean is hard to beat (Taylor, "A Comparison of
    Univariate Time Series Methods for Forecasting Intraday Arrivals at a Call Center", Management
    Science 54, 2008): compare both on weeks that are over. Where clocks repeat an hour, both of
    its turns are expected to be as that hour always was.
    """
    _check(method, weeks, coverage)
    keys = keys_of(by)
    if own := {*keys} & {"interval", *NUMBERS}:
        raise ConfigError(
            f"A forecast cannot be kept apart by {', '.join(sorted(own))}.",
            hint="`by` takes the table's other columns, such as ring_group.",
        )
    names = names_of(table)
    more = [name for name in ("answered", "handle_time") if name in names]
    rows = arrow(table, ["interval", *keys, "offered", *more], PURPOSE, "contacts")
    rows = rows.filter(rows["interval"].is_valid())
    zone_name = zone_of(rows["interval"].type, timezone)
    begins = epoch(rows["interval"])
    span = _span(begins, start, end, zone_name)
    width = width_of(begins, PURPOSE)
    wanted = np.arange(
        -(-int(span.start.timestamp()) // width) * width, int(span.end.timestamp()), width
    )
    group, examples = _groups(rows, keys)
    parts = []
    for number, example in enumerate(examples):
        here = (group == number) & (begins < int(span.start.timestamp()))
        history = _history(rows.filter(pa.array(here)), begins[here], zone_name)
        history = _recent(history, span, weeks, without)
        values = _expect(history, wanted, zone_name, span, method, coverage)
        if not {"answered", "handle_time"} <= {*more}:
            del values["answered"], values["aht"]
        same = pa.array(np.full(len(values["interval"]), example))
        parts.append(
            pa.table(
                {"interval": moments(values.pop("interval"), zone_name)}
                | {key: rows[key].take(same) for key in keys}
                | {name: pa.array(numbers, from_pandas=True) for name, numbers in values.items()}
            )
        )
    result = pa.concat_tables(parts)
    return like(table, result.take(pa.array(sorted_by(result, ["interval", *keys]))))


def _check(method: str, weeks: int, coverage: float) -> None:
    if method not in Method.__args__:  # type: ignore[attr-defined] # of a Literal
        raise ConfigError(f"There is no forecast {method!r}.", hint="Known: seasonal, ets.")
    if weeks < 1 or not 0 < coverage < 1:
        raise ConfigError(
            f"A forecast from {weeks} weeks with a coverage of {coverage} cannot be made.",
            hint="Look at one week at least, and write 80% as 0.8.",
        )


def _span(
    begins: Seconds, start: date | str | None, end: date | str | None, timezone: str
) -> Timespan:
    """Return the span asked for; by default the week after the last interval's day."""
    if start is None:
        if not len(begins):
            raise too_short(0)
        last = datetime.fromtimestamp(int(begins.max()), UTC).astimezone(zone(timezone))
        start = last.date() + timedelta(days=1)
    if end is None:
        # A week later by the clock, whatever it does meanwhile.
        end = Timespan.of(start, "9000-01-01", timezone).start + timedelta(days=7)
    return Timespan.of(start, end, timezone)


def _groups(rows: pa.Table, keys: list[str]) -> tuple[Seconds, Seconds]:
    """Return a number for each row's combination of keys, and a row that has it."""
    group = np.zeros(len(rows), np.int64)
    for key in keys:
        code = codes(rows[key])
        group = group * (code.max(initial=0) + 1) + code
    if not keys:
        return group, np.zeros(1, np.int64)
    _, examples, group = np.unique(group, return_index=True, return_inverse=True)
    if not len(examples):
        raise too_short(0)
    return group, examples


def _history(rows: pa.Table, begins: Seconds, timezone: str) -> History:
    """Add up what is counted in each interval, and place it in the local week."""
    unique, at = np.unique(begins, return_inverse=True)

    def total(name: str) -> Floats:
        if name not in rows.column_names:
            return np.zeros(len(unique))
        return added_up(rows[name], at, len(unique))

    clock = local_clock(unique, timezone)
    return History(
        clock // DAY,
        (weekdays(clock) - 1) * DAY + clock % DAY,
        total("offered"),
        total("answered"),
        total("handle_time"),
    )


def _recent(
    history: History, span: Timespan, weeks: int, without: Collection[date | str]
) -> History:
    """Return the latest weeks without the days that tell nothing."""
    left_out = [
        (day if isinstance(day, date) else _day(day)).toordinal() - date(1970, 1, 1).toordinal()
        for day in without
    ]
    first = span.start.date().toordinal() - date(1970, 1, 1).toordinal() - 7 * weeks
    latest = history.only(history.day >= first)
    kept = latest.only(~np.isin(latest.day, left_out))
    days = int(np.ptp(latest.day)) + 1 if len(kept.day) else 0
    if days < 7:
        raise too_short(days)
    return kept


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"A forecast without {text!r}: that is no day.", hint="Write it as 2026-12-25."
        ) from None


def _expect(
    history: History,
    wanted: Seconds,
    timezone: str,
    span: Timespan,
    method: Method,
    coverage: float,
) -> dict[str, Any]:
    """Return the columns of one group's forecast."""
    pattern = Pattern.of(history)
    clock = local_clock(wanted, timezone)
    slot = (weekdays(clock) - 1) * DAY + clock % DAY
    known = np.isin(slot, pattern.slots)
    wanted, day, slot = wanted[known], clock[known] // DAY, slot[known]
    place = np.searchsorted(pattern.slots, slot)
    root = np.sqrt(history.offered + 0.25)
    fitted = np.sqrt(pattern.mean + 0.25)[pattern.at]
    level, doubt = np.ones(len(wanted)), np.zeros(len(wanted))
    if method == "ets":
        past = levels(history.day, np.sqrt(history.offered), np.sqrt(pattern.mean)[pattern.at])
        # What is left of a day that has begun is as the next one.
        nth = np.maximum(day - int(history.day.max()) - 1, 0)
        coming, scatter = smooth(past, int(nth.max(initial=0)) + 1)
        level, doubt = coming[nth], scatter[nth]
        own = past[history.day - history.day.min()]
        fitted = np.sqrt(pattern.mean[pattern.at] * own**2 + 0.25)
    expected = pattern.mean[place] * level**2
    noise = _scatter(root - fitted, pattern) ** 2 * (1 + 1 / pattern.seen[place])
    quantile = NormalDist().inv_cdf(0.5 + coverage / 2)
    reach = quantile * np.sqrt(noise + pattern.mean[place] * doubt**2)
    middle = np.sqrt(expected + 0.25)
    answered, aht = _handled(history, pattern)
    return {
        "interval": wanted,
        "offered": expected,
        "low": np.maximum(np.maximum(middle - reach, 0) ** 2 - 0.25, 0),
        "high": (middle + reach) ** 2 - 0.25,
        "answered": expected * answered[place],
        "aht": aht[place],
    }


def _scatter(residuals: Floats, pattern: Pattern) -> float:
    """Return the standard deviation of roots, where counts are not mostly 0; ½ is chance alone."""
    busy = pattern.mean >= 1
    rows = busy[pattern.at]
    freedom = rows.sum() - busy.sum()
    return max(0.5, math.sqrt((residuals[rows] ** 2).sum() / freedom)) if freedom > 0 else 0.5


def _handled(history: History, pattern: Pattern) -> tuple[Floats, Floats]:
    """Return for each time of the week the share answered, and their mean handle time."""

    def total(values: Floats) -> Floats:
        return np.bincount(pattern.at, values, len(pattern.slots)).astype(float)

    def over(above: Floats, below: Floats, few: float) -> Floats:
        overall = above.sum() / below.sum() if below.sum() else np.nan
        return np.where(below >= few, above / np.where(below, below, 1), overall)

    answered = total(history.answered)
    share = np.nan_to_num(over(answered, total(history.offered), 1))
    return share, over(total(history.handle_time), answered, ENOUGH)
