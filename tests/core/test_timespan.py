from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from td_notebooks.errors import ConfigError
from td_notebooks.timespan import LONGEST_JOB, Timespan

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Australia/Sydney", "America/Sao_Paulo"]
moments = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(start=moments, length=st.integers(1, 3 * 365 * 86400), zone=st.sampled_from(ZONES))
@pytest.mark.parametrize("cut", ["days", "months"])
def test_windows_cover_the_span_without_gap_or_overlap(cut, start, length, zone):
    start = start.replace(tzinfo=UTC)
    span = Timespan.of(start, start + timedelta(seconds=length % (90 * 86400) + 1), zone)
    windows = list(getattr(span, cut)())
    edges = [window.start.astimezone(UTC) for window in windows]
    assert edges[0] == span.start and windows[-1].end == span.end
    assert edges[1:] == [window.end.astimezone(UTC) for window in windows[:-1]]
    assert all(window.length <= LONGEST_JOB for window in windows)
    assert all(window.start.time().isoformat()[:5] == "00:00" for window in windows[1:]) or (
        zone == "America/Sao_Paulo"  # where midnight itself was skipped
    )


def test_months_are_calendar_months_and_a_longer_one_is_cut_in_two():
    windows = [
        str(window) for window in Timespan.of("2026-09-10", "2026-12-01", "Europe/Lisbon").months()
    ]
    assert windows == [
        "2026-09-10 to 2026-10-01",
        "2026-10-01 to 2026-10-16",  # October has 31 days and one hour twice
        "2026-10-16 to 2026-11-01",
        "2026-11-01 to 2026-12-01",
    ]


def test_days_on_clock_changes_have_23_and_25_hours():
    spring = list(Timespan.of("2026-03-28", "2026-03-31", "Europe/Lisbon").days())
    autumn = list(Timespan.of("2026-10-24", "2026-10-27", "Europe/Lisbon").days())
    assert [day.length / timedelta(hours=1) for day in spring] == [24, 23, 24]
    assert [day.length / timedelta(hours=1) for day in autumn] == [24, 25, 24]


@pytest.mark.parametrize(
    "start",
    [
        "2026-08-01",
        date(2026, 8, 1),
        datetime(2026, 8, 1),
        datetime(2026, 8, 1, tzinfo=ZoneInfo("Europe/Lisbon")),
        datetime(2026, 7, 31, 23, tzinfo=UTC),
        pd.Timestamp("2026-08-01"),
        " 2026-08-01T00:00:00+01:00 ",
    ],
)
def test_a_moment_may_be_spelled_in_many_ways(start):
    assert Timespan.of(start, "2026-08-02", "Europe/Lisbon").start == datetime(
        2026, 7, 31, 23, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("start", "end", "zone", "message"),
    [
        ("2026-08-02", "2026-08-02", "UTC", "ends .* before it has begun"),
        ("2026-08-02", "2026-08-01", "UTC", "for one day give the next day"),
        ("yesterday", "2026-08-01", "UTC", "start of the time span is 'yesterday'"),
        ("2026-08-01", 20260802, "UTC", "end of the time span is a int"),
        ("2026-08-01", pd.NaT, "UTC", "is missing"),
        ("2026-08-01", "2026-08-02", "Lisbon", "Unknown time zone 'Lisbon'"),
        ("2026-08-01", "2026-08-02", "", "Unknown time zone ''"),
        ("2026-08-01", "2026-08-02", "../etc/passwd", "Unknown time zone"),
    ],
)
def test_wrong_input_is_named(start, end, zone, message):
    with pytest.raises(ConfigError, match=message):
        Timespan.of(start, end, zone)


def test_naive_times_are_refused_by_the_class_itself():
    with pytest.raises(ConfigError, match="aware"):
        Timespan(datetime(2026, 8, 1), datetime(2026, 8, 2))


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("0001-01-01", "2026-08-01", "Asia/Tokyo"),
        (datetime(1, 1, 1, tzinfo=UTC), "2026-08-01", "America/New_York"),
        ("2026-08-01", "9999-12-31T23:00", "America/New_York"),
    ],
)
def test_a_time_beyond_the_calendar_is_an_error(start, end, zone):
    with pytest.raises(ConfigError, match="years 1 and 9999"):
        Timespan.of(start, end, zone)
