"""Windows below one another, files read again, and clocks: what an analyst puts together."""

from __future__ import annotations

import io
import json
import warnings
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import td_notebooks as td
from td_notebooks.errors import ConfigError
from td_notebooks.frames import DriftWarning, read_report
from td_notebooks.reports.schemas import report_types, schema

BACKENDS = [None, "numpy_nullable", "pyarrow"]


def status(start: str, **other) -> dict:
    row = {
        "user_id": "u", "user_name": "n", "user_email": "e", "status_label": "Away",
        "status_start_at": start, "status_end_at": None, "status_time": 14,
        "is_user_active": True, "team_id": None, "team_name": None, "ring_groups": None,
    }  # fmt: skip
    return row | other


def frame_of(rows, backend=None, report_type="user_status"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DriftWarning)
        data = io.BytesIO(json.dumps({"entries": rows}).encode())
        return read_report(data, report_type, dtype_backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_windows_put_together_keep_every_dtype(backend):
    windows = [
        frame_of([status("2026-03-01 10:00:00", status_label="Lunch")], backend),
        frame_of([], backend),
        frame_of([status("2026-03-02 10:00:00", status_label="Café", new="x")], backend),
        frame_of([status("2026-03-03 10:00:00", status_time="?", team_id="007")], backend),
    ]
    whole = td.concat(windows)
    assert whole.index.tolist() == [0, 1, 2]
    assert whole["status_label"].tolist() == ["Lunch", "Café", "Away"]
    assert whole["new"].isna().tolist() == [True, False, True]
    expected = windows[0].dtypes.astype(str).to_dict() | {"new": str(windows[2]["new"].dtype)}
    assert whole.dtypes.astype(str).to_dict() == expected
    if backend != "pyarrow":
        known = list(schema("user_status").columns[3].values)
        assert whole["status_label"].cat.categories.tolist() == [*known, "Lunch", "Café"]
    drift = whole.attrs["td"].drift
    assert drift.unexpected == ("new",) and drift.unparsed == {"status_time": (1, ("?",))}
    assert whole.attrs["td"].units == windows[0].attrs["td"].units
    for window in windows:
        assert "new" not in window or len(window) == 1  # what was given is as it was


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("report_type", [t for t in report_types() if schema(t).columns])
def test_empty_and_all_null_reports_have_the_dtypes_of_full_ones(report_type, backend, start_rows):
    full = frame_of(start_rows(report_type), backend, report_type)
    blank = [{c.key: None for c in schema(report_type).columns}] * 2
    empty, nulls = frame_of([], backend, report_type), frame_of(blank, backend, report_type)
    assert len(full) and full.notna().all().all()
    for other in (empty, nulls):
        assert other.dtypes.astype(str).to_dict() == full.dtypes.astype(str).to_dict()
        joined = td.concat([full, other])
        assert joined.dtypes.astype(str).to_dict() == full.dtypes.astype(str).to_dict()
        # So does pandas itself, as long as the values are those that the catalogue knows.
        plain = pd.concat([full, other], ignore_index=True).dtypes.astype(str)
        new = {c.name for c in schema(report_type).columns if c.kind == "category" and not c.values}
        assert plain.drop(new).to_dict() == full.dtypes.drop(new).astype(str).to_dict()


@pytest.fixture
def start_rows():
    """Return a row of each report without a missing value."""
    examples = {
        "rfc3339z": "2026-03-02T10:00:00Z", "naive": "2026-03-02 10:00:00",
        "naive millis": "2026-03-02 10:00:00.809", "day fraction": 0.5, "fine day fraction": 0.5,
        "0d 0h 0m 0s": "0d 0h 0m 42s", "seconds": 5, "minutes": 5, "true/false": True,
        "Yes/No": "Yes", "YES/NO": "NO", "TRUE/FALSE": "TRUE", "json array": ["a"],
    }  # fmt: skip
    kinds = {"integer": 4, "number": 0.5}

    def rows(report_type):
        return [
            {
                c.key: examples.get(c.encoding, kinds.get(c.kind, (*c.values, "x")[0]))
                for c in schema(report_type).columns
            }
        ]

    return rows


def test_only_frames_of_one_report_are_put_together(start_rows):
    score = frame_of(start_rows("csat_score"), report_type="csat_score")
    mine = pd.DataFrame({"a": [1]})
    for frames in ([], [mine], [score, mine], [score, frame_of([])]):
        with pytest.raises(ConfigError, match="frames of one report together"):
            td.concat(frames)
    assert_frame_equal(td.concat([score]), score)


def test_a_kept_file_read_again_gives_the_same_frame(start_sandbox, open_client, tmp_path):
    client = open_client(start_sandbox())
    for format in ("json", "csv", "json_bulk"):
        folder = tmp_path / format
        frame = client.report(
            "contacts", "2026-03-02", "2026-03-03", timezone="America/New_York", format=format,
            keep=folder, progress=False,
        )  # fmt: skip
        (kept,) = folder.iterdir()
        again = td.read_report(kept, "contacts")  # whatever the zone of the dates, it asks in UTC
        assert len(frame) > 0
        assert_frame_equal(again, frame)
        assert again.attrs == frame.attrs


def test_a_job_asked_for_in_another_zone_has_the_same_times(start_sandbox, open_client, tmp_path):
    client = open_client(start_sandbox())
    span = ("2026-03-02", "2026-03-03")
    frame = client.report("contacts", *span, timezone="America/New_York", progress=False)
    job = client.submit("contacts", *span, timezone="America/New_York")
    assert_frame_equal(job.frame(), frame)
    path = job.download(tmp_path / "contacts")
    assert_frame_equal(td.read_report(path, "contacts", timezone="America/New_York"), frame)


# Wall clock, zone, UTC: before the change, within the hour that is skipped or repeated, after it.
CLOCKS = [
    ("2026-03-08 01:59:59", "America/New_York", "2026-03-08 06:59:59"),
    ("2026-03-08 02:30:00", "America/New_York", "2026-03-08 07:00:00"),  # skipped: what follows
    ("2026-03-08 03:00:00", "America/New_York", "2026-03-08 07:00:00"),
    ("2026-11-01 00:59:59", "America/New_York", "2026-11-01 04:59:59"),
    ("2026-11-01 01:30:00", "America/New_York", "2026-11-01 05:30:00"),  # twice: the first
    ("2026-11-01 02:00:00", "America/New_York", "2026-11-01 07:00:00"),
    ("2026-03-29 00:59:59", "Europe/Lisbon", "2026-03-29 00:59:59"),
    ("2026-03-29 01:30:00", "Europe/Lisbon", "2026-03-29 01:00:00"),
    ("2026-03-29 02:00:00", "Europe/Lisbon", "2026-03-29 01:00:00"),
    ("2026-10-25 01:30:00", "Europe/Lisbon", "2026-10-25 00:30:00"),
    ("2026-10-25 02:00:00", "Europe/Lisbon", "2026-10-25 02:00:00"),
    ("2026-04-05 01:59:59", "Australia/Sydney", "2026-04-04 14:59:59"),
    ("2026-04-05 02:30:00", "Australia/Sydney", "2026-04-04 15:30:00"),
    ("2026-04-05 03:00:00", "Australia/Sydney", "2026-04-04 17:00:00"),
    ("2026-10-04 02:30:00", "Australia/Sydney", "2026-10-03 16:00:00"),
    ("2026-10-04 03:00:00", "Australia/Sydney", "2026-10-03 16:00:00"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("wall", "zone", "utc"), CLOCKS)
def test_times_across_clock_changes_in_utc_and_on_the_wall(wall, zone, utc, backend):
    row = status(wall, status_end_at=wall.replace("59:59", "59:59.000"))
    fields = [str(value or "") for value in row.values()]
    as_csv, as_json = f"{','.join(row)}\n{','.join(fields)}", json.dumps({"entries": [row]})
    expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    for text in (as_csv, as_json):
        data = io.BytesIO(text.encode())
        frame = read_report(data, "user_status", timezone=zone, dtype_backend=backend)
        at = frame["status_start_at"]
        assert at[0] == frame["status_end_at"][0] == expected
        local = at.dt.tz_convert(zone)[0].strftime("%Y-%m-%d %H:%M:%S %z")
        assert local == expected.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %z")
