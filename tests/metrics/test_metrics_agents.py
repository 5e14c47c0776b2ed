"""Agents' time: stretches merged, clipped and cut; occupancy and adherence by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from td_notebooks import metrics

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
    assert float(metrics.utilisation(STATUSES, 2)) == 0.5


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
