"""The same numbers from engines that keep their rows elsewhere: Dask and PySpark."""

from __future__ import annotations

from datetime import UTC, datetime

import dask.dataframe as dd
import pyarrow as pa
import pytest
import what_happened as truth
from metric_frames import JAVA, dask, dask_numpy, pyspark, rows, spark

from td_notebooks import metrics
from td_notebooks.metrics.service_level import VARIANTS

MAKE = {"dask": dask, "dask of numpy": dask_numpy, "pyspark": pyspark}
NO_JAVA = pytest.mark.skipif(JAVA is None, reason="PySpark needs Java")
ENGINES = [
    pytest.param(name, marks=NO_JAVA) if name == "pyspark" else name for name in ("dask", "pyspark")
]
RATIOS = [
    metrics.abandonment_rate,
    metrics.after_call_work,
    metrics.aht,
    metrics.asa,
    metrics.average_wait,
    metrics.callback_rate,
    metrics.hold_time,
    metrics.longest_wait,
    metrics.missed_rate,
    metrics.repeat_contact_rate,
    metrics.service_level,
    metrics.time_to_abandon,
    metrics.transfer_rate,
    metrics.voicemail_rate,
]
#: Every key once, in few passes.
BYS = [["weekday", "ring_group"], ["week", "15min"], ["day", "1h"], "30min"]
SCHEDULE = pa.table(
    {
        "user_id": sorted(set(truth.report("user_status")["user_id"].to_pylist()))[:2],
        "status_label": ["Available", "Away"],
        "start_at": pa.array([datetime(2026, 3, 27, 10, tzinfo=UTC)] * 2),
        "end_at": pa.array([datetime(2026, 3, 28, 10, tzinfo=UTC)] * 2),
    }
)
#: Spark says of itself that it is behind pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully support pandas:FutureWarning"
)


@pytest.fixture(scope="module", autouse=True)
def _stop_spark():
    yield
    if spark.cache_info().currsize:
        spark().stop()


def kind_of(frame):
    return dd.DataFrame if isinstance(frame, dd.DataFrame) else type(frame)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    """Return what makes frames of an engine; the clocks change within the contacts."""
    return MAKE[request.param]


@pytest.fixture(scope="module")
def contacts(engine):
    table = truth.report("contacts")
    return engine(table), table


def test_every_measure_overall(contacts):
    frame, table = contacts
    for measure in RATIOS:
        assert measure(frame) == measure(table), measure.__name__


def test_every_service_level(contacts):
    frame, table = contacts
    for variant in VARIANTS:
        given = {"variant": variant, "within": 30, "missed_within": False}
        given |= {"leave_out_short": False, "business_hours": True}
        assert metrics.service_level(frame, **given) == metrics.service_level(table, **given)


def test_measures_by_every_key(contacts):
    frame, table = contacts
    for by in BYS:
        result = metrics.service_level(frame, by=by, timezone=truth.ZONE)
        assert kind_of(result) is kind_of(frame)
        assert rows(result) == rows(metrics.service_level(table, by=by, timezone=truth.ZONE))
    for measure in (metrics.aht, metrics.longest_wait, metrics.repeat_contact_rate):
        result = measure(frame, by="day", timezone=truth.ZONE)
        assert rows(result) == rows(measure(table, by="day", timezone=truth.ZONE))


def test_tables(contacts, engine):
    frame, table = contacts
    statuses = truth.report("user_status")
    given = engine(statuses)
    pairs = [
        (metrics.interval_table, {"by": "ring_group", "booked": "answer"}, frame, table),
        (metrics.interval_table, {"start": "2026-03-28", "end": "2026-03-30"}, frame, table),
        (metrics.transfers, {}, frame, table),
        (metrics.reconcile, {"dashboard": 0.8}, frame, table),
        (metrics.merge_statuses, {}, given, statuses),
        (metrics.occupancy, {"by": ["day", "user_id"]}, given, statuses),
        (metrics.time_by_status, {"by": "30min"}, given, statuses),
    ]
    for function, options, ours, reference in pairs:
        result = function(ours, **options)
        assert kind_of(result) is kind_of(frame), function
        assert rows(result) == rows(function(reference, **options)), function
    plan = engine(SCHEDULE)
    assert metrics.adherence(given, plan) == metrics.adherence(statuses, SCHEDULE)
    assert metrics.utilisation(given, 40) == metrics.utilisation(statuses, 40)
    assert metrics.quality(frame) == metrics.quality(table)
    staffed = metrics.staffing(metrics.interval_table(frame, "1h"), interval=3600)
    assert rows(staffed) == rows(
        metrics.staffing(metrics.interval_table(table, "1h"), interval=3600)
    )


def test_journeys(engine):
    tables = [truth.report(n) for n in ("contacts", "ring_attempts", "studio_flow_execution")]
    result = metrics.journeys(*map(engine, tables))
    assert by_contact(result) == by_contact(metrics.journeys(*tables))


def by_contact(frame):
    return sorted(rows(frame), key=lambda row: row["contact_id"])


def test_nothing_in_it(engine):
    table = truth.report("contacts").slice(0, 4)
    missing = pa.table(
        {name: pa.nulls(4, table.schema.field(name).type) for name in table.column_names}
    )
    for given in (table.slice(0, 0), missing):
        frame = engine(given)
        for measure in (metrics.service_level, metrics.asa, metrics.longest_wait):
            assert str(float(measure(frame))) == "nan"
        result = metrics.service_level(frame, by=["day", "ring_group"])
        assert rows(result) == rows(metrics.service_level(given, by=["day", "ring_group"]))
        assert rows(metrics.interval_table(frame, by="ring_group")) == []


def test_dask_with_types_of_numpy():
    table = truth.report("contacts")
    frame = dask_numpy(table)
    # A zone with an underscore in its name.
    frame["started_at"] = frame["started_at"].dt.tz_convert("America/New_York")
    by = {"by": ["30min", "ring_group"], "timezone": truth.ZONE}
    for measure in (metrics.service_level, metrics.aht):
        assert rows(measure(frame, **by)) == rows(measure(table, **by))
    assert rows(metrics.interval_table(frame)) == rows(metrics.interval_table(table))


@NO_JAVA
def test_spark_times_without_a_zone_are_utc():
    table = truth.report("calls").select(["type", "start_at", "wait_time", "is_in_business_hours"])
    naive = table.set_column(1, "start_at", table["start_at"].cast(pa.timestamp("us")))
    by = {"by": ["1h", "day"], "timezone": "Asia/Kolkata"}
    found = metrics.service_level(pyspark(naive), **by)
    assert rows(found) == rows(metrics.service_level(table, **by))
