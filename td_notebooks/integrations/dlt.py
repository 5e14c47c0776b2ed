"""Reports as a source of dlt, for any destination that dlt can fill.

::

    import dlt, td_notebooks as td
    from td_notebooks.integrations.dlt import talkdesk

    pipeline = dlt.pipeline("talkdesk", destination="postgres", dataset_name="talkdesk")
    pipeline.run(talkdesk(td.connect(), ["calls", "user_status"], since="2026-01-01"))

The unit is a local day of an account. A run asks Talkdesk for the days it has not seen whole, and
again for those of the look-back, or takes from a lake what has been stored there since the last
run: all of it, if the lake's table was made anew. The destination replaces exactly these days
(dlt's ``merge`` with ``delete-insert`` on ``td_account`` and ``td_day``), so that late, changed and
deleted rows are followed and running twice changes nothing. How far a run came is kept in dlt's own
state, which lives in the destination beside the rows it speaks of.

One thing cannot be expressed that way: a day that has lost all its rows keeps the old ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from ..extras import needed
from ..lake import Lake
from ..lake.rows import TIME, beside_own
from ..lake.spans import Span, union
from ..reports.schemas import schema
from ..timespan import Moment, Timespan, zone

dlt = needed("dlt", extra="dlt", purpose="This")

if TYPE_CHECKING:
    from dlt.extract import DltResource, DltSource

    from ..client import Talkdesk

ACCOUNT, DAY = "td_account", "td_day"
_DAYS = re.compile(r"\s*(\d{1,4})\s*d\s*")


def talkdesk(
    origin: Talkdesk | Lake,
    reports: Sequence[str],
    *,
    since: Moment,
    lookback: str = "3d",
    timezone: str = "UTC",
) -> DltSource:
    """Return report types as a dlt source: one resource, and so one table, for each.

    Parameters
    ----------
    origin : Talkdesk or Lake
        A client pulls, one report after the other, a month of history or a day at a time. A lake
        is only read, for all of its accounts: the days of the windows that were stored since the
        last run, whatever their age.
    reports : sequence of str
        Report types, such as ``["calls", "user_status"]``.
    since : date, datetime or str
        The first day wanted.
    lookback : str
        Whole days that a client asks for again, such as ``"3d"``; of no meaning for a lake.
    timezone : str
        IANA name of the zone whose days count. It cannot be changed for tables that have rows.

    Returns
    -------
    dlt.sources.DltSource
        Its tables have the columns of the reports, and first ``td_account`` and ``td_day``.

    Raises
    ------
    ConfigError
        A report type, a date, a length or a zone that is none.
    """
    first = Timespan.of(since, "9999-01-01", timezone).start
    again = _days(lookback)

    def pull(report_type: str) -> Callable[[], Iterator[pa.Table]]:
        if isinstance(origin, Lake):
            return lambda: _from_lake(origin, report_type, first)
        return lambda: _from_client(origin, report_type, first, again)

    resources = [_resource(schema(kind).report_type, pull(kind)) for kind in reports]
    source: DltSource = dlt.source(lambda: resources, name="talkdesk")()
    return source


def _days(text: str) -> timedelta:
    found = _DAYS.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"The look-back {text!r} is no number of days.",
            hint="Write it as 3d: a day is the unit.",
        )
    return timedelta(days=int(found[1]))


def _resource(report_type: str, pull: Callable[[], Iterator[pa.Table]]) -> DltResource:
    resource: DltResource = dlt.resource(
        pull,
        name=report_type,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        merge_key=[ACCOUNT, DAY],
    )
    return resource


def _state(of: str, report_type: str, first: datetime) -> tuple[dict[str, Any], bool]:
    """Return what is remembered, and whether history is wanted from further back than last time.

    Raises
    ------
    ConfigError
        The days in the destination are those of another zone.
    """
    timezone = str(first.tzinfo)
    state: dict[str, Any] = dlt.current.resource_state().setdefault(of, {})
    if state.setdefault("timezone", timezone) != timezone:
        raise ConfigError(
            f"The days of {report_type} in the destination are those of {state['timezone']}, "
            f"and not of {timezone}.",
            hint="Use the same zone, or another dataset.",
        )
    return state, "since" not in state or first < datetime.fromisoformat(state["since"])


def _from_client(
    client: Talkdesk, report_type: str, first: datetime, lookback: timedelta
) -> Iterator[pa.Table]:
    account, timezone = client.account.name, str(first.tzinfo)
    state, further = _state(account, report_type, first)
    now = datetime.fromtimestamp(client.transport.clock.time(), UTC)
    seen = None if further else datetime.fromisoformat(state["seen"])
    for span in spans(report_type, first, now, seen, lookback):
        table = client.table(report_type, span.start, span.end, timezone=timezone, progress=False)
        yield with_days(table, account, span, schema(report_type).time_column)
    known = now - timedelta(seconds=schema(report_type).freshness_seconds)
    state["seen"] = max(known, seen or known).isoformat()
    if further:
        state["since"] = first.isoformat()


def _from_lake(lake: Lake, report_type: str, first: datetime) -> Iterator[pa.Table]:
    state, further = _state(lake.place.path, report_type, first)
    table = lake.table(report_type)
    identity, commits = table.identity(), table.history()
    # The versions of a table that was made anew begin again.
    further = further or state.get("table") != identity
    loaded = -1 if further else int(state["version"])
    fresh = [commit["entry"] for commit in commits if commit["version"] > loaded]
    for account in sorted({entry.account for entry in fresh}):
        touched = (entry.span for entry in fresh if entry.account == account)
        for span in _whole_days(touched, first):
            columns = lake.arrow(report_type, span.start, span.end, account=account).schema.names
            rows = lake.arrow(
                report_type, span.start, span.end, account=account, columns=[*columns, TIME]
            )
            yield with_days(rows.read_all(), account, span, TIME).drop_columns([TIME])
    state["table"] = identity
    state["version"] = max([loaded, *(int(commit["version"]) for commit in commits)])
    if further:
        state["since"] = first.isoformat()


def _whole_days(touched: Iterable[Span], first: datetime) -> list[Timespan]:
    """Return the local days that some windows touch, put together up to a month at a time."""
    tz = zone(str(first.tzinfo))
    days = union(
        (
            max(first, _midnight(start.astimezone(tz))).astimezone(UTC),
            _midnight(end.astimezone(tz) + timedelta(days=1, microseconds=-1)).astimezone(UTC),
        )
        for start, end in touched
    )
    return [
        month
        for start, end in days
        for month in Timespan(start.astimezone(tz), end.astimezone(tz), str(tz)).months()
    ]


def spans(
    report_type: str, first: datetime, now: datetime, seen: datetime | None, lookback: timedelta
) -> list[Timespan]:
    """Return what to ask for: whole local days, oldest first.

    Parameters
    ----------
    report_type : str
        One without a time column is asked for day by day, as nothing else tells its days apart.
    first : datetime
        The first moment wanted, in the zone whose days count.
    now : datetime
    seen : datetime or None
        Up to where everything has been pulled.
    lookback : timedelta
        Days before the present one that are asked for again.
    """
    tz = zone(str(first.tzinfo))
    today = _midnight(now.astimezone(tz))
    recent = _midnight(today - lookback)
    begin = first if seen is None else max(first, min(recent, _midnight(seen.astimezone(tz))))
    if begin >= now:
        return []
    whole = Timespan(begin, now.astimezone(tz), str(tz))
    if schema(report_type).time_column is None:
        return list(whole.days())
    history = [Timespan(begin, recent, str(tz))] if begin < recent else []
    days = Timespan(max(begin, recent), whole.end, str(tz)).days()
    return [month for span in history for month in span.months()] + list(days)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def with_days(table: pa.Table, account: str, span: Timespan, time_column: str | None) -> pa.Table:
    """Return rows with the account and the local day that they are replaced by.

    Parameters
    ----------
    table : pyarrow.Table
    account : str
    span : Timespan
        The window the rows were reported in. Rows without a time in it belong to its first day.
    time_column : str or None
    """
    moment = pa.timestamp("us", tz=span.timezone)
    start = pa.scalar(span.start, moment)
    if time_column in table.column_names:
        times = table.column(time_column).cast(moment)
        inside = pc.and_(
            pc.greater_equal(times, start), pc.less(times, pa.scalar(span.end, moment))
        )
        times = pc.if_else(pc.fill_null(inside, False), times, start)
    else:
        times = pa.repeat(start, table.num_rows)
    days = pc.strftime(times, format="%Y-%m-%d").cast(pa.string())
    accounts = pa.repeat(pa.scalar(account, pa.string()), table.num_rows)
    names = [field.name for field in beside_own(table.schema, (ACCOUNT, DAY))]
    return table.rename_columns(names).add_column(0, DAY, days).add_column(0, ACCOUNT, accounts)
