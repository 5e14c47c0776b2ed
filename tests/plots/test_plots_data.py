"""What is drawn, as numbers: pooled as documented, in the zone's clocks, in any kind of frame."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import plot_cases as cases
import polars as pl
import pyarrow as pa
import pytest
from plot_cases import ZONE

from td_notebooks import metrics, plots

LISBON = ZoneInfo(ZONE)


def rows(frame):
    return frame.to_pylist()


def test_a_heat_map_pools_counts_as_means_and_measures_by_their_parts():

    table = cases.table(14)
    found = {(r["weekday"], r["time"]): r for r in rows(plots.heatmap_data(table, "offered"))}
    for weekday in range(1, 8):
        for half in range(48):
            row = found[weekday, f"{half // 2:02d}:{half % 2 * 30:02d}"]
            assert row["offered"] == cases.volume(weekday - 1, half)
            assert row["intervals"] == 2
    half = table.to_pandas().assign(interval=lambda f: f["interval"].dt.tz_convert(ZONE))
    half["weekday"], half["time"] = half["interval"].dt.day_of_week + 1, half["interval"].dt.time
    sums = half.groupby(["weekday", "time"])[["numerator", "denominator"]].sum()
    levels = plots.heatmap_data(half, "service_level")
    for row in levels.itertuples():
        above, below = sums.loc[row.weekday, pd.Timestamp(row.time).time()]
        assert math.isnan(row.service_level) if not below else row.service_level == above / below


def test_a_heat_map_goes_by_the_clocks_of_the_zone_asked_for():
    noon = pd.DataFrame(
        {
            "interval": pd.to_datetime(["2026-03-28T12:00Z", "2026-03-30T12:00Z"]),
            "offered": [3, 4],
        }
    )
    data = plots.heatmap_data(noon, timezone=ZONE)
    assert data["time"].tolist() == ["13:00", "12:00"]  # Monday in summer time, Saturday not
    assert data["weekday"].tolist() == [1, 6]
    assert plots.heatmap_data(noon)["time"].tolist() == ["12:00", "12:00"]


def test_the_hour_that_clocks_repeat_is_pooled_by_interval():
    begins = datetime(2026, 10, 25, tzinfo=LISBON).timestamp() + 1800 * pd.Series(range(50))
    table = pd.DataFrame(
        {"interval": pd.to_datetime(begins, unit="s", utc=True), "offered": range(50)}
    )
    data = plots.heatmap_data(table, timezone=ZONE).set_index("time")
    assert len(data) == 48
    assert data.loc["01:00", "intervals"] == 2 and data.loc["01:00", "offered"] == (2 + 4) / 2
    assert data.loc["02:00", "offered"] == 6


def test_the_mean_handle_time_is_weighted():
    table = pd.DataFrame(
        {
            "interval": pd.to_datetime(["2026-08-03T09:00Z", "2026-08-10T09:00Z"]),
            "offered": [10, 10],
            "answered": [9, 1],
            "handle_time": [900.0, 500.0],
            "aht": [100.0, 500.0],
        }
    )
    assert plots.heatmap_data(table, "aht")["aht"].tolist() == [140]


def test_service_level_against_a_target():
    data = rows(plots.service_level_data(cases.by_day(), 0.8))
    assert [row["short"] for row in data] == [0, 0, 22, 0, 0, 3, 0]
    assert data[2]["service_level"] == data[2]["numerator"] / 371
    assert data[6]["service_level"] is None
    groups = pa.concat_tables([cases.by_day(), cases.by_day()])
    pooled = rows(plots.service_level_data(groups, 0.8))
    assert [row["denominator"] for row in pooled[:2]] == [800, 760] and len(pooled) == 7


def test_waits_are_counted_up_to_the_threshold_included():
    calls = pa.table(
        {
            "type": ["inbound"] * 5 + ["abandoned", "short_abandoned", "voicemail", "outbound"],
            "wait_time": [0.0, 5.0, 20.0, 20.5, 900.0, 7.0, 3.0, 4.0, 2.0],
        }
    )
    data = plots.waits_data(calls, 20)
    assert data["up_to"].to_pylist()[:4] == [5, 10, 15, 20]
    assert data["answered"].to_pylist()[:5] == [2, 0, 0, 1, 1]
    assert data["abandoned"].to_pylist()[:2] == [1, 1]
    assert data["share"][3].as_py() == 3 / 5
    assert data["up_to"].to_pylist()[-1] is None and data["answered"].to_pylist()[-1] == 1
    assert sum(data["answered"].to_pylist()) == 5 and sum(data["abandoned"].to_pylist()) == 2
    nobody = plots.waits_data(calls.slice(0, 0), 20)
    assert nobody["share"].null_count == nobody.num_rows


def test_a_timeline_is_merged_clipped_and_names_people_apart():
    noon = datetime(2026, 8, 3, 12, tzinfo=LISBON)
    frame = pd.DataFrame(
        {
            "user_id": ["a", "a", "b", "b"],
            "user_name": ["Kim", "Kim", "Kim", "Kim"],
            "status_label": ["Available", "Available", "Available", "Away"],
            "status_start_at": [noon, noon + timedelta(hours=1), noon, noon + timedelta(hours=3)],
            "status_end_at": [
                noon + timedelta(hours=1),
                noon + timedelta(hours=2),
                noon + timedelta(hours=1),
                noon + timedelta(hours=9),
            ],
        }
    )
    data = plots.timeline_data(
        frame, start="2026-08-03T12:30", end="2026-08-03T16:00", timezone=ZONE
    )
    assert data["agent"].tolist() == ["Kim (a)", "Kim (b)", "Kim (b)"]
    assert data["status_time"].tolist() == [5400, 1800, 3600]
    ids = plots.timeline_data(frame.drop(columns="user_name"))
    assert ids["agent"].tolist() == ["a", "b", "b"]


def test_agents_at_work_are_counted_in_each_interval():
    data = rows(plots.staffing_data(cases.one_day(), cases.statuses()))
    ready = {"On a Call", "After Call Work", "Available"}
    for row in data:
        begins = row["interval"]
        ends = begins + timedelta(minutes=30)
        seconds = sum(
            max(
                0,
                (min(ends, r["status_end_at"]) - max(begins, r["status_start_at"])).total_seconds(),
            )
            for r in rows(cases.statuses())
            if r["status_label"] in ready
        )
        assert row["at_work"] == pytest.approx(seconds / 1800)
        assert row["missing"] == pytest.approx(max(0, row["required"] - seconds / 1800))
    alone = plots.staffing_data(cases.one_day())
    assert alone["at_work"].null_count == alone["missing"].null_count == len(alone)


KINDS = {
    "pandas": (lambda table: table.to_pandas(), pd.DataFrame),
    "polars": (pl.from_arrow, pl.DataFrame),
    "polars lazy": (lambda table: pl.from_arrow(table).lazy(), pl.LazyFrame),
    "duckdb": (duckdb.from_arrow, duckdb.DuckDBPyRelation),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_its_kind_and_the_same_picture(kind):
    make, native = KINDS[kind]
    day, statuses = make(cases.one_day()), make(cases.statuses())
    found = [
        plots.heatmap_data(day, timezone=ZONE),
        plots.service_level_data(make(cases.by_day())),
        plots.waits_data(make(cases.calls())),
        plots.timeline_data(statuses),
        plots.staffing_data(day, statuses),
    ]
    assert all(isinstance(frame, native) for frame in found)
    png, words = cases.drawn(lambda ax: plots.staffing(day, statuses, timezone=ZONE, ax=ax))
    assert (
        words == cases.drawn(lambda ax: plots.staffing(cases.one_day(), cases.statuses(), ax=ax))[1]
    )
    reference = (cases.REFERENCES / "staffing.png").read_bytes()
    assert cases.difference(png, reference) < 0.008


def test_the_measures_of_a_report_can_be_drawn():
    """From rows to pictures, with the zone named once."""
    begins = pd.date_range("2026-03-27", "2026-03-31", freq="7min", tz="UTC")
    calls = pd.DataFrame(
        {
            "call_id": [str(n) for n in range(len(begins))],
            "type": "inbound",
            "start_at": begins,
            "wait_time": 15.0,
            "talk_time": 60.0,
            "hold_time": 0.0,
            "user_id": "a",
            "is_in_business_hours": True,
        }
    )
    table = metrics.interval_table(calls, timezone=ZONE)
    for measure in (
        table,
        metrics.service_level(calls, by="30min", timezone=ZONE),
        metrics.asa(calls, by="1h", timezone=ZONE),
    ):
        assert "Europe/Lisbon" in plots.heatmap(measure).get_xlabel()
    day = metrics.service_level(calls, by="day", timezone=ZONE)
    assert plots.service_level_data(day)["day"].dt.date.tolist() == day["day"].dt.date.tolist()
    assert plots.staffing_data(metrics.staffing(table))["required"].min() >= 1
