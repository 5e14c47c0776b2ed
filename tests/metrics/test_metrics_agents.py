"""Agents' time: stretches merged, clipped and cut; occupancy and adherence by hand."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from metric_frames import rows

from td_notebooks import metrics
from td_notebooks.errors import ConfigError, SchemaError
from td_notebooks.metrics import Ratio

MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)


def at(minutes):
    return MIDNIGHT + timedelta(minutes=minutes)


def stretch(begin, end, label, user="ana"):
    return {
        "user_id": user,
        "status_label": label,
        "status_start_at": at(begin),
        "status_end_at": at(end),
    }


STATUSES = pa.Table.from_pylist(
    [
        stretch(50, 60, "After Call Work"),
        stretch(0, 20, "available"),
        stretch(20, 30, "available"),  # split by Talkdesk
        stretch(30, 50, "On a Call"),
        stretch(60, 90, "Lunch"),
        stretch(90, 120, "Offline"),
        stretch(0, 120, "Offline", "ben"),
        stretch(130, 140, "Offline", "ben"),  # after a gap
        {**stretch(0, 1, "Away", "cleo"), "status_end_at": None},
    ]
)


def test_a_split_stretch_is_merged_and_clipped():
    merged = metrics.merge_statuses(STATUSES).to_pylist()
    assert [(row["status_label"], row["status_time"] / 60) for row in merged] == [
        ("available", 30),
        ("On a Call", 20),
        ("After Call Work", 10),
        ("Lunch", 30),
        ("Offline", 30),
        ("Offline", 120),
        ("Offline", 10),
    ]
    clipped = metrics.merge_statuses(STATUSES, start=at(25), end=at(65)).to_pylist()
    assert [row["status_time"] / 60 for row in clipped] == [5, 20, 10, 5, 40]
    assert clipped[0]["status_start_at"] == at(25)


def test_time_by_status_and_interval():
    table = metrics.time_by_status(STATUSES, by=["user_id", "1h"]).to_pylist()
    first = {
        (row["user_id"], row["status_label"]): row["status_time"] / 60
        for row in table
        if row["interval"] == MIDNIGHT
    }
    assert first == {
        ("ana", "available"): 30,
        ("ana", "On a Call"): 20,
        ("ana", "After Call Work"): 10,
        ("ben", "Offline"): 60,
    }


@pytest.mark.parametrize(
    ("denominator", "minutes"),
    [("ready", 60), ("staffed", 90), ("interval", 140)],
)
def test_occupancy_has_three_denominators(denominator, minutes):
    occupancy = metrics.occupancy(STATUSES, denominator=denominator)
    assert (occupancy.numerator, occupancy.denominator) == (30 * 60, minutes * 60)
    assert occupancy.variant == denominator


def test_occupancy_by_interval_and_own_statuses():
    (first, second, third) = metrics.occupancy(
        STATUSES, denominator="interval", by="1h"
    ).to_pylist()
    assert (first["numerator"], first["denominator"]) == (1800, 3600)
    # The second hour is clipped to what is known of it; in the third all are offline.
    assert (second["numerator"], second["denominator"]) == (0, 3600)
    assert (third["denominator"], third["occupancy"]) == (0, None)
    lunch = metrics.occupancy(STATUSES, busy=["LUNCH"])
    assert (lunch.numerator, lunch.denominator) == (1800, 3600)


def test_utilisation():
    assert metrics.utilisation(STATUSES, 2) == 0.5
    paid = pa.table(
        {
            "user_id": ["ben", "ana", "eve"],
            "day": pa.array([datetime(2026, 6, 1)] * 3),
            "paid_hours": [2, 1.5, 0.0],
        }
    )
    for frame, statuses in ((paid, STATUSES), (paid.to_pandas(), STATUSES.to_pandas())):
        result = metrics.utilisation(statuses, frame, by=["user_id", "day"])
        assert isinstance(result, type(statuses))
        assert [
            (row["user_id"], row["numerator"], row["denominator"], row["utilisation"])
            for row in rows(result)
        ] == [
            ("ana", 3600, 5400, pytest.approx(2 / 3)),
            ("ben", 0, 7200, 0),
            ("eve", 0, 0, None),
        ]
    for hours, by in ((2, "user_id"), (paid, None)):
        with pytest.raises(ConfigError, match="paid hours as a number"):
            metrics.utilisation(STATUSES, hours, by=by)
    with pytest.raises(SchemaError, match="no column paid_hours"):
        metrics.utilisation(STATUSES, paid.drop_columns(["paid_hours"]), by="user_id")


def test_a_measure_works_as_a_float():
    level = Ratio("service level", "talkdesk_calls", 84, 100)
    assert level > 0.8 and level == 0.84 and round(level, 1) == 0.8 and f"{level:.1%}" == "84.0%"
    assert (level.value, type(level.value), level * 2) == (0.84, float, 1.68)
    assert json.dumps({"level": level}) == '{"level": 0.84}'
    assert str(level) == "service level 84.0% (84 of 100, talkdesk_calls)"
    assert level != Ratio("service level", "talkdesk_calls", 42, 50)
    assert {level: 1}[0.84] == 1
    aht = metrics.HandleTime("AHT", "all", 10, 4, talk=Ratio("talk", "", 6, 4, "s"))
    for one in (level, aht):
        assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
        with pytest.raises(AttributeError, match="cannot be changed"):
            one.variant = "other"
        with pytest.raises(AttributeError, match="cannot be deleted"):
            del one.variant
    assert pickle.loads(pickle.dumps(aht)).talk.value == 1.5


def test_categories_are_keys_as_text_is():
    statuses = STATUSES.to_pandas().astype({"user_id": "category", "status_label": "category"})
    paid = pa.table({"user_id": ["ana", "ben"], "paid_hours": [1.5, 2.0]}).to_pandas()
    result = metrics.utilisation(statuses, paid.astype({"user_id": "category"}), by="user_id")
    assert [(row["user_id"], row["numerator"]) for row in rows(result)] == [
        ("ana", 3600),
        ("ben", 0),
    ]


def test_rows_that_are_there_twice_or_end_before_they_begin_count_once_or_not_at_all():
    spoilt = pa.concat_tables(
        [STATUSES, STATUSES, pa.Table.from_pylist([stretch(40, 10, "Available")])]
    )
    for measure in (
        metrics.time_by_status,
        metrics.merge_statuses,
        lambda frame: metrics.occupancy(frame, denominator="interval", by=["user_id", "1h"]),
    ):
        assert rows(measure(spoilt)) == rows(measure(STATUSES))


def test_statuses_that_overlap_cover_a_time_once():
    overlapping = pa.Table.from_pylist(
        [
            stretch(0, 60, "Available"),
            stretch(10, 20, "On a Call"),
            stretch(30, 80, "On a Call"),
            stretch(100, 110, "Available"),
        ]
    )
    schedule = pa.Table.from_pylist(
        [{"user_id": "ana", "status_label": "Available", "start_at": at(15), "end_at": at(115)}]
    )
    kept = metrics.adherence(overlapping, schedule)
    assert (kept.numerator / 60, kept.denominator / 60) == (65 + 10, 100)


def test_adherence():
    schedule = pa.Table.from_pylist(
        [
            {"user_id": "ana", "status_label": "Available", "start_at": at(-10), "end_at": at(70)},
            {"user_id": "ana", "status_label": "Lunch", "start_at": at(70), "end_at": at(100)},
            {"user_id": "dan", "status_label": "Lunch", "start_at": at(70), "end_at": at(80)},
            {"user_id": "dan", "status_label": "Lunch", "start_at": at(80), "end_at": at(80)},
        ]
    )
    overall = metrics.adherence(STATUSES, schedule)
    assert (overall.numerator / 60, overall.denominator / 60) == (60 + 20, 120)
    table = metrics.adherence(STATUSES, schedule, by=["user_id", "day"]).to_pylist()
    assert [(row["user_id"], row["numerator"] / 60, row["denominator"] / 60) for row in table] == [
        ("ana", 0, 10),
        ("ana", 80, 100),
        ("dan", 0, 10),
    ]
    strict = metrics.adherence(STATUSES, schedule, counts_as={})
    assert strict.numerator / 60 == 30 + 20
