"""The same numbers from every kind of frame, and documented results from odd ones."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cache

import pandas as pd
import pyarrow as pa
import pytest
import what_happened as truth
from metric_frames import KINDS, NATIVE, plain, rows

from td_notebooks import metrics, plots
from td_notebooks.errors import ConfigError, SchemaError
from td_notebooks.frames.table import to_pandas
from td_notebooks.reports.schemas import schema

RATIOS = [
    "abandonment_rate",
    "aht",
    "asa",
    "average_wait",
    "callback_rate",
    "hold_time",
    "longest_wait",
    "missed_rate",
    "repeat_contact_rate",
    "service_level",
    "time_to_abandon",
    "transfer_rate",
    "voicemail_rate",
]
AGENTS = {
    "occupancy": lambda frame, **by: metrics.occupancy(frame, denominator="interval", **by),
    "time_by_status": metrics.time_by_status,
}
SCHEDULE = pa.table(
    {
        "user_id": sorted(set(truth.report("user_status")["user_id"].to_pylist()))[:3],
        "status_label": ["Available", "Away", "available"],
        "start_at": pa.array([datetime(2026, 3, 27, 10, tzinfo=UTC)] * 3),
        "end_at": pa.array([datetime(2026, 3, 28, 10, tzinfo=UTC)] * 3),
    }
)


def both(kind, name="contacts"):
    table = truth.report(name)
    return KINDS[kind](table), table


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RATIOS)
def test_measures_of_every_kind_of_frame(name, kind):
    measure = getattr(metrics, name)
    frame, table = both(kind)
    assert measure(frame) == measure(table)
    for by in ("ring_group", ["weekday", "ring_groups"], "30min"):
        result = measure(frame, by=by, timezone=truth.ZONE)
        assert isinstance(result, NATIVE[kind])
        assert rows(result) == expected(name, tuple(by) if isinstance(by, list) else by)


@cache
def expected(name, by):
    """Return the rows of a measure of an Arrow table; the same for every kind."""
    by = list(by) if isinstance(by, tuple) else by
    return rows(getattr(metrics, name)(truth.report("contacts"), by=by, timezone=truth.ZONE))


@pytest.mark.parametrize("kind", KINDS)
def test_tables_of_every_kind_of_frame(kind):
    frame, table = both(kind)
    statuses, status_table = both(kind, "user_status")
    pairs = [
        (metrics.interval_table, {"by": "ring_group"}, frame, table),
        (metrics.interval_table, {"by": ["ring_group", "direction"]}, frame, table),
        (metrics.interval_table, {"interval": "1h", "booked": "end"}, frame, table),
        (metrics.transfers, {}, frame, table),
        (metrics.reconcile, {"dashboard": 0.8}, frame, table),
        (metrics.merge_statuses, {}, statuses, status_table),
        (metrics.occupancy, {"by": ["day", "user_id"]}, statuses, status_table),
        (metrics.time_by_status, {"by": "30min"}, statuses, status_table),
    ]
    for function, options, given, reference in pairs:
        result = function(given, **options)
        assert isinstance(result, NATIVE[kind]), function
        assert rows(result) == rows(function(reference, **options))
        assert len(rows(result)) > 3
    plan = KINDS[kind](SCHEDULE)
    assert metrics.adherence(statuses, plan) == metrics.adherence(status_table, SCHEDULE)
    assert isinstance(metrics.adherence(statuses, plan, by="user_id"), NATIVE[kind])
    assert metrics.quality(frame) == metrics.quality(table)
    assert metrics.utilisation(statuses, 40) == metrics.utilisation(status_table, 40)
    table = metrics.interval_table(KINDS[kind](truth.report("calls")))
    assert isinstance(metrics.staffing(table), NATIVE[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_journeys_of_every_kind_of_frame(kind):
    frames = [
        KINDS[kind](truth.report(name))
        for name in ("contacts", "ring_attempts", "studio_flow_execution")
    ]
    result = metrics.journeys(*frames)
    assert isinstance(result, NATIVE[kind])
    found = {row["contact_id"]: row for row in rows(result)}
    contacts = truth.report("contacts").to_pylist()
    assert len(found) == len(contacts)
    rung = truth.report("ring_attempts").to_pylist()
    for contact in contacts[::50]:
        its = [ring for ring in rung if ring["contact_id"] == contact["contact_id"]]
        row = found[contact["contact_id"]]
        assert row["rings"] == len(its) == row["rings_answered"] + row["rings_not_answered"]
        assert row["ring_attempt_seconds"] == sum(ring["ring_attempt_duration"] for ring in its)
        assert (row["flow_steps"] > 0) == (contact["direction"] == "IN")
    assert sum(row["rings"] for row in found.values()) == len(rung)
    with pytest.raises(SchemaError, match="attempt_type"):
        metrics.journeys(frames[0], frames[2])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("polars lazy", "duckdb")])
def test_journeys_keep_the_order_of_the_rows(kind):
    contacts = pa.concat_tables([truth.report("contacts")] * 20)
    rings, steps = truth.report("ring_attempts"), truth.report("studio_flow_execution")
    result = metrics.journeys(*map(KINDS[kind], (contacts, rings, steps)))
    assert [str(value) for value in result["contact_id"]] == contacts["contact_id"].to_pylist()


CHANGES = [
    ("Europe/Lisbon", "2026-03-29", 46),
    ("Europe/Lisbon", "2026-10-25", 50),
    ("America/New_York", "2026-03-08", 46),
    ("America/New_York", "2026-11-01", 50),
    ("Australia/Sydney", "2026-10-04", 46),
    ("Australia/Sydney", "2026-04-05", 50),
    # Half an hour of daylight saving.
    ("Australia/Lord_Howe", "2026-10-04", 47),
    ("Australia/Lord_Howe", "2026-04-05", 49),
]


@pytest.mark.parametrize(("zone", "day", "count"), CHANGES)
def test_days_on_which_the_clocks_change(zone, day, count):
    start = pd.Timestamp(day, tz=zone)
    end = start + pd.DateOffset(days=1)
    around = pd.date_range(
        start - pd.DateOffset(days=1),
        end + pd.DateOffset(days=1),
        freq="10min",
        inclusive="left",
        unit="us",
    )
    around = pd.DataFrame(
        {
            "type": "inbound",
            "start_at": around,
            "end_at": around,
            "wait_time": 5,
            "talk_time": 60,
            "hold_time": 0,
            "user_id": "u",
            "is_in_business_hours": True,
        }
    )
    span = {"timezone": zone, "start": start, "end": end}
    calls = around[(around["start_at"] >= start) & (around["start_at"] < end)]
    kinds = ("arrow", "duckdb") if zone == truth.ZONE else ("arrow",)
    for frame in (calls, *(KINDS[kind](pa.Table.from_pandas(calls)) for kind in kinds)):
        here = rows(metrics.service_level(frame, by="30min", timezone=zone))
        utc = rows(metrics.service_level(frame, by="30min"))
        assert len(here) == count
        assert here == utc
        assert all(row["denominator"] == 3 for row in here)
        (whole,) = rows(metrics.service_level(frame, by="day", timezone=zone))
        assert (whole["day"], whole["denominator"]) == (day, 3 * count)
        (week,) = rows(metrics.service_level(frame, by=["week", "weekday"], timezone=zone))
        assert week["weekday"] == 7 and week["denominator"] == 3 * count
        table = rows(metrics.interval_table(frame, timezone=zone))
        assert [row["offered"] for row in table] == [3] * count
    # Of three days the middle one is cut out to the minute; local labels repeat or leave out.
    table = metrics.interval_table(around, **span)
    assert (len(table), table["offered"].sum()) == (count, 3 * count)
    assert str(table["interval"].dtype.tz) == zone
    assert table["interval"].dt.strftime("%H:%M").nunique() == min(count, 48)
    assert table["interval"].dt.date.nunique() == 1
    days = rows(metrics.service_level(around, by="day", timezone=zone))
    assert [row["denominator"] for row in days] == [144, 3 * count, 144]
    # Empty intervals are there, too.
    empty = metrics.interval_table(calls.head(0), **span)
    assert len(empty) == count
    assert empty["offered"].sum() == 0


def test_a_span_that_cuts_intervals_counts_what_lies_in_it():
    calls = truth.report("calls")
    span = {"start": "2026-03-27", "end": "2026-03-28", "timezone": "Asia/Kolkata"}
    for kind in ("arrow", "duckdb"):
        # In India a day begins half an hour into an hour of UTC.
        table = rows(metrics.interval_table(KINDS[kind](calls), "1h", **span))
        assert len(table) == 25
        halves = rows(metrics.interval_table(calls, "30min", **span))
        assert len(halves) == 48
        assert sum(r["offered"] for r in table) == sum(r["offered"] for r in halves) > 0


def test_an_agents_day_on_which_the_clocks_change():
    stretch = {
        "user_id": "u",
        "status_label": "On a Call",
        "status_start_at": datetime(2026, 3, 28, tzinfo=UTC),
        "status_end_at": datetime(2026, 3, 30, 12, tzinfo=UTC),
    }
    table = pa.Table.from_pylist([stretch])
    days = rows(metrics.occupancy(table, denominator="interval", by="day", timezone=truth.ZONE))
    assert [row["denominator"] / 3600 for row in days] == [24, 23, 13]
    assert [row["occupancy"] for row in days] == [1, 1, 1]


def measures(frame):
    return [getattr(metrics, name)(frame) for name in RATIOS]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_frame(kind):
    empty = KINDS[kind](truth.report("contacts").slice(0, 0))
    for result in measures(empty):
        assert math.isnan(result)
    assert repr(metrics.asa(empty)) == "ASA nothing to count (0 s over 0, answered)"
    for name in RATIOS:
        assert rows(getattr(metrics, name)(empty, by=["ring_group"])) == []
    assert rows(metrics.interval_table(empty, by="ring_group")) == []
    assert rows(metrics.transfers(empty)) == []
    assert metrics.quality(empty).clean
    statuses = KINDS[kind](truth.report("user_status").slice(0, 0))
    assert rows(metrics.merge_statuses(statuses)) == []
    assert math.isnan(metrics.occupancy(statuses))
    assert metrics.adherence(statuses, SCHEDULE).value == 0
    assert math.isnan(metrics.adherence(statuses, SCHEDULE.slice(0, 0)))
    assert metrics.quality(statuses).clean


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pandas nullable"])
def test_nothing_but_missing_values(kind):
    typed = truth.report("contacts")
    missing = pa.table(
        {name: pa.nulls(3, typed.schema.field(name).type) for name in typed.column_names}
    )
    frame = KINDS[kind](missing)
    assert all(math.isnan(result) for result in measures(frame))
    (row,) = rows(metrics.service_level(frame, by=["day", "ring_group"], timezone=truth.ZONE))
    assert row == {
        "day": None,
        "ring_group": None,
        "numerator": 0,
        "denominator": 0,
        "service_level": None,
    }
    assert rows(metrics.interval_table(frame)) == []
    assert metrics.quality(frame).rows == 3


def without_types(kind, count=2):
    """Return rows without a single value, in columns that have no type."""
    names = truth.report("contacts").column_names
    if kind == "pandas":
        return pd.DataFrame({name: [None] * count for name in names})
    if kind == "pandas of NaN":
        return pd.DataFrame({name: [math.nan] * count for name in names})
    return KINDS[kind](pa.table({name: pa.nulls(count) for name in names}))


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("kind", ["pandas", "pandas of NaN", "polars", "arrow", "duckdb"])
def test_columns_without_a_type(kind, count):
    frame = without_types(kind, count)
    assert all(math.isnan(result) for result in measures(frame))
    table = rows(metrics.aht(frame, by=["day", "ring_group", "30min"], timezone=truth.ZONE))
    assert [row["denominator"] for row in table] == [0] * min(count, 1)
    assert rows(metrics.interval_table(frame, by="ring_group")) == []
    assert rows(metrics.transfers(frame)) == []
    assert rows(metrics.reconcile(frame, 0.8))[0]["service_level"] is None
    assert metrics.quality(frame, "contacts").rows == count


@pytest.mark.parametrize("kind", ["pandas", "polars", "polars lazy", "arrow", "duckdb"])
def test_seconds_that_are_not_a_number_are_missing(kind):
    table = truth.report("contacts")
    names = ("wait_time", "talk_time", "hold_time", "after_call_work_time")
    odd = pa.array([place % 3 == 0 for place in range(len(table))])
    spoilt = {}
    for value in (None, math.nan):
        columns = {
            name: pa.compute.if_else(odd, pa.scalar(value, pa.float64()), table[name])
            for name in names
        }
        spoilt[value] = pa.table({**{n: table[n] for n in table.column_names}, **columns})
    of_missing, of_nan = spoilt.values()
    frame = KINDS[kind](of_nan)
    for measure in ("asa", "aht", "average_wait", "hold_time", "longest_wait", "service_level"):
        function = getattr(metrics, measure)
        assert function(frame) == function(of_missing), measure
        assert rows(function(frame, by="ring_group")) == rows(function(of_missing, by="ring_group"))
    assert rows(metrics.interval_table(frame)) == rows(metrics.interval_table(of_missing))
    assert rows(plots.waits_data(frame)) == rows(plots.waits_data(of_missing))


def test_a_hold_that_is_missing_is_none_in_every_measure():
    contacts = truth.report("contacts")
    for name, part in (("hold_time", "hold"), ("after_call_work_time", "after_call_work")):
        place = contacts.column_names.index(name)
        some = pa.array([number % 2 == 0 for number in range(len(contacts))])
        values = pa.compute.if_else(some, contacts[name], pa.scalar(None, contacts[name].type))
        frame = contacts.set_column(place, name, values)
        measure = metrics.hold_time if part == "hold" else metrics.after_call_work
        assert measure(frame).value == getattr(metrics.aht(frame), part).value > 0
        assert measure(frame).denominator == metrics.aht(contacts).denominator


@pytest.mark.parametrize("kind", ["pandas arrow", "polars", "arrow"])
def test_lists_are_no_keys(kind):
    calls = truth.report("calls").slice(0, 3)
    frame = KINDS[kind](calls.append_column("lists", pa.array([["a"], ["b"], []])))
    with pytest.raises(SchemaError, match="column lists holds"):
        metrics.asa(frame, by="lists")


def test_one_row_with_a_wrong_time_does_not_eat_the_memory():
    calls = truth.report("calls").to_pandas()
    calls["ring_groups"] = [f"group {number}" for number in range(len(calls))]
    calls.loc[0, "start_at"] = pd.Timestamp(0, tz="UTC")
    with pytest.raises(ConfigError, match=r"from 1970-01-01 00:00 .* rows\. Perhaps a row"):
        metrics.interval_table(calls, "15min", by="ring_group")


@pytest.mark.parametrize(
    "column", ["wait_time", "contact_type", "started_at", "user_id", "transfer_in", "talk_time"]
)
def test_one_column_without_a_value(column):
    table = truth.report("contacts").slice(0, 40)
    place = table.column_names.index(column)
    for values in (pa.nulls(40), pa.nulls(40, table.schema.field(column).type)):
        frame = table.set_column(place, column, values)
        for given in (frame, frame.to_pandas()):
            level = metrics.service_level(given, variant="abandoned_negative")
            assert level.numerator == 0 or column not in ("wait_time", "contact_type")
            table_of = rows(metrics.interval_table(given))
            assert (table_of == []) == (column == "started_at")
            assert rows(metrics.transfers(given)) == [] or column != "transfer_in"
            assert isinstance(metrics.repeat_contact_rate(given).denominator, int)


def arrow_schema_of(table):
    """Return a report's types as the package reads them: text is large."""
    return pa.schema(
        [(f.name, pa.large_string() if f.type == pa.string() else f.type) for f in table.schema]
    )


def test_frames_of_the_package_itself_and_with_an_index_of_their_own():
    table = truth.report("contacts")
    frame = to_pandas(table.cast(arrow_schema_of(table)), schema("contacts"))
    assert frame["contact_type"].dtype == "category"
    frame["ring_groups"] = frame["ring_groups"].astype("category")
    frame.index = range(500, 500 + len(frame))
    some = frame[frame["direction"] == "IN"]
    reference = table.filter(pa.compute.equal(table["direction"], "IN"))
    for measure in RATIOS:
        function = getattr(metrics, measure)
        assert function(some) == function(reference), measure
    by = {"by": ["ring_group", "day", "1h"], "timezone": truth.ZONE}
    for function in (metrics.service_level, metrics.aht, metrics.longest_wait):
        result = function(some, **by)
        assert rows(result) == rows(function(reference, **by))
        assert result["ring_group"].dtype == "category"
        assert list(result.index) == list(range(len(result)))
    for function in (metrics.interval_table, metrics.transfers):
        assert rows(function(some)) == rows(function(reference))


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_and_unknown_types(kind):
    one = truth.report("calls").slice(0, 1).to_pylist()[0] | {"type": "inbound", "wait_time": 3.0}
    one |= {"is_in_business_hours": True, "ring_groups": None}
    strange = [one | {"type": "carrier pigeon"}, one | {"type": None}]
    frame = KINDS[kind](pa.Table.from_pylist([one, *strange], truth.report("calls").schema))
    level = metrics.service_level(frame)
    assert (level.numerator, level.denominator, level.value) == (1, 1, 1.0)
    (row,) = rows(metrics.service_level(frame, by="ring_group"))
    assert row["ring_group"] is None and row["denominator"] == 1
    (row,) = rows(metrics.interval_table(frame))
    assert (row["offered"], row["agents"]) == (1, 1 if one["user_id"] else 0)


def test_the_older_calls_report():
    old = pa.table(
        {
            "call_type": ["inbound", "missed", "abandoned"],
            "waiting_time": [10, 30, 5],
            "in_business_hours": [True, True, True],
            "tags": ["a", "a", "b"],
        }
    )
    assert repr(metrics.service_level(old)) == "service level 50.0% (1 of 2, talkdesk_calls)"
    assert [row["ring_group"] for row in rows(metrics.service_level(old, by="ring_group"))] == [
        "a",
        "b",
    ]


def test_times_without_a_zone_are_utc():
    table = truth.report("calls")
    naive = table.set_column(
        table.column_names.index("start_at"), "start_at", table["start_at"].cast(pa.timestamp("us"))
    )
    by = {"by": ["1h", "weekday"], "timezone": "Asia/Kolkata"}
    assert rows(metrics.service_level(naive, **by)) == rows(metrics.service_level(table, **by))


def test_mistakes_are_explained():
    calls = truth.report("calls")
    with pytest.raises(SchemaError, match="no column team"):
        metrics.service_level(calls, by="team")
    with pytest.raises(SchemaError, match="no column type"):
        metrics.asa(calls.select(["wait_time"]))
    with pytest.raises(SchemaError, match="no column wait_time"):
        metrics.asa(calls.select(["type"]))
    with pytest.raises(SchemaError, match="not times"):
        metrics.asa(calls.set_column(3, "start_at", pa.array(["soon"] * len(calls))), by="30min")
    with pytest.raises(SchemaError, match="when a call left the queue"):
        metrics.interval_table(calls, booked="answer")
    with pytest.raises(SchemaError, match="end_at"):
        metrics.interval_table(calls.drop_columns(["end_at"]), booked="end")
    with pytest.raises(SchemaError, match="user_status"):
        metrics.occupancy(calls)
    for wrong in (
        lambda: metrics.service_level(calls, variant="best"),
        lambda: metrics.service_level(calls, by="30min", timezone="Mars/Olympus"),
        lambda: metrics.service_level(calls, by=["30min", "1h"]),
        lambda: metrics.aht(calls, direction="sideways"),
        lambda: metrics.interval_table(calls, "5min"),
        lambda: metrics.interval_table(calls, by="day"),
        lambda: metrics.interval_table(calls, booked="later"),
        lambda: metrics.interval_table(calls, start="2026-03-26"),
        lambda: metrics.reconcile(calls, 84),
        lambda: metrics.occupancy(truth.report("user_status"), denominator="all"),
    ):
        with pytest.raises(ConfigError):
            wrong()


def test_near_misses_are_suggested():
    calls = truth.report("calls")
    for call, suggestion in (
        (lambda: metrics.service_level(calls, by="ring_grops"), "Did you mean ring_groups?"),
        (lambda: metrics.service_level(calls, by="30mins"), "Did you mean 30min?"),
        (lambda: metrics.service_level(calls, variant="talkdesk_call"), "talkdesk_calls?"),
        (lambda: metrics.aht(calls, direction="inbond"), "Did you mean inbound?"),
        (lambda: metrics.interval_table(calls, "30 min"), "Did you mean 30min?"),
        (lambda: metrics.interval_table(calls, booked="started"), "Did you mean start?"),
        (
            lambda: metrics.occupancy(truth.report("user_status"), denominator="readys"),
            "Did you mean ready?",
        ),
        (lambda: metrics.asa([1, 2]), "pandas, polars, Arrow"),
    ):
        with pytest.raises((ConfigError, SchemaError)) as caught:
            call()
        assert suggestion in str(caught.value)
    text = calls.set_column(
        calls.column_names.index("wait_time"), "wait_time", calls["wait_time"].cast(pa.string())
    )
    for frame in (text, text.to_pandas(), KINDS["polars lazy"](text)):
        with pytest.raises(SchemaError, match="wait_time holds String, not seconds"):
            metrics.service_level(frame)
    with pytest.raises(ConfigError, match="give both or none"):
        metrics.merge_statuses(truth.report("user_status"), start="2026-03-26")
    with pytest.raises(SchemaError, match="status_start_at holds"):
        metrics.merge_statuses(
            pa.table(
                {
                    "user_id": ["u"],
                    "status_label": ["Away"],
                    "status_start_at": ["noon"],
                    "status_end_at": ["noon"],
                }
            )
        )


def test_reconciling_finds_the_formula():
    frame = truth.report("contacts")
    shown = metrics.service_level(frame, variant="ignore_abandoned", within=45)
    best = rows(metrics.reconcile(frame, float(shown)))[0]
    assert (best["variant"], best["within"], best["business_hours"]) == (
        "ignore_abandoned",
        45,
        True,
    )
    table = metrics.reconcile(frame, 0.8).to_pylist()
    assert len(table) == 8 * 2 * (2 + 2 + 5)
    distances = [abs(row["difference"]) for row in table]
    assert distances == sorted(distances)
    for row in table[::7]:
        options = {
            name: row[name]
            for name in ("missed_within", "leave_out_short", "business_hours")
            if row[name] is not None
        }
        level = metrics.service_level(
            frame, variant=row["variant"], within=row["within"], **options
        )
        assert (level.numerator, level.denominator) == (row["numerator"], row["denominator"])
        assert row["numerator"] + row["calls"] == pytest.approx(0.8 * row["denominator"])
        assert row["numerator_moved"] == row["numerator"] - table[0]["numerator"]


def test_plain_values():
    assert plain(float("nan")) is None
