"""Times that no calendar shows: before the year 1, or after 9999, in UTC."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import pandas as pd
import pytest

from td_notebooks.errors import SchemaError
from td_notebooks.frames import DriftWarning, read_batches, read_report

SCORE = ["agent_id", "ring_groups_name", "team_id", "sent_at", "score"]
LAST = pd.Timestamp("9999-12-31 23:59:59", tz="UTC")
FIRST = pd.Timestamp("0001-01-01", tz="UTC")


def scores(times: list[str], format: str) -> io.BytesIO:
    rows = [["A", "g", "t", time, 4] for time in times]
    if format == "csv":
        return io.BytesIO("\n".join(",".join(map(str, row)) for row in [SCORE, *rows]).encode())
    return io.BytesIO(json.dumps([dict(zip(SCORE, row, strict=True)) for row in rows]).encode())


@pytest.mark.parametrize("format", ["csv", "json"])
@pytest.mark.parametrize("other", ["2026-03-02 00:00:00", "2026-03-02T00:00:00Z", "soon"])
@pytest.mark.parametrize(
    ("time", "zone", "moment"),
    [
        ("9999-12-31 23:59:59", "UTC", LAST),
        ("9999-12-31 23:59:59", "Asia/Tokyo", pd.Timestamp("9999-12-31 14:59:59", tz="UTC")),
        ("9999-12-31 23:59:59", "America/New_York", pd.NaT),
        ("9999-12-31T23:59:59-14:00", "UTC", pd.NaT),
        ("9999-12-31T23:59:59Z", "America/New_York", LAST),
        ("0001-01-01 00:00:00", "UTC", FIRST),
        ("0001-01-01 00:00:00", "Asia/Tokyo", pd.NaT),
        ("0001-01-01T00:00:00+14:00", "UTC", pd.NaT),
        ("0000-01-01 00:00:00", "America/New_York", pd.NaT),
        ("0000-12-31T23:59:59Z", "UTC", pd.NaT),
    ],
)
def test_times_that_no_calendar_shows_are_missing(time, zone, moment, other, format):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DriftWarning)
        frame = read_report(scores([time, other], format), "csat_score", timezone=zone)
    found = set(frame["sent_at"]) - {pd.NaT}
    assert (moment in found) == (moment is not pd.NaT)
    assert repr(frame)
    count, examples = frame.attrs["td"].drift.unparsed.get("sent_at", (0, ()))
    assert count == (moment is pd.NaT) + (other == "soon")
    if moment is pd.NaT:
        assert time in examples


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_they_are_missing_where_times_have_a_zone(suffix):
    data = (Path(__file__).parent / "golden" / f"calls.{suffix}").read_bytes()
    usual = read_report(io.BytesIO(data), "calls")["start_at"]
    first = usual.min().strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    assert first in data
    far = io.BytesIO(data.replace(first, b"9999-12-31T23:59:59-14:00"))
    with pytest.warns(DriftWarning, match="values of start_at do not fit"):
        frame = read_report(far, "calls")
    assert set(frame["start_at"]) == {pd.NaT, *usual} - {usual.min()}
    assert repr(frame["start_at"])


def test_they_are_refused_in_strict_mode():
    for format in ("csv", "json"):
        far = scores(["0000-01-01 00:00:00"], format)
        with pytest.raises(SchemaError, match="sent_at do not fit"):
            read_batches(far, "csat_score", strict=True).read()
