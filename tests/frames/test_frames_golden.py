"""Files written by hand from what is known of each report, and what must come out of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from td_notebooks.frames import read_report

GOLDEN = Path(__file__).parent / "golden"
BOTH = sorted(p.stem for p in GOLDEN.glob("*.csv") if p.with_suffix(".json").exists())


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


@pytest.mark.parametrize("report_type", BOTH)
def test_both_formats_give_the_same_frame(report_type):
    frames = [
        read_report(GOLDEN / f"{report_type}.{suffix}", report_type, timezone="Europe/Lisbon")
        for suffix in ("json", "csv")
    ]
    assert_frame_equal(*frames)
    assert frames[0].attrs == frames[1].attrs


@pytest.mark.parametrize("suffix", ["json", "csv"])
@pytest.mark.parametrize("report_type", BOTH)
def test_gzip_and_every_backend(report_type, suffix, tmp_path):
    path = GOLDEN / f"{report_type}.{suffix}"
    packed = tmp_path / "report"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert_frame_equal(read_report(packed, report_type), read_report(path, report_type))
    for backend in ("numpy_nullable", "pyarrow"):
        frame = read_report(path, report_type, dtype_backend=backend)
        assert len(frame) == len(read_report(path, report_type))


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_calls(suffix):
    calls = read_report(GOLDEN / f"calls.{suffix}", "calls", timezone="America/New_York")
    first, second = calls.iloc[0], calls.iloc[1]
    assert first["contact_phone_number"] == "+18443265295"
    assert first["handling_user_id"] == "007"
    assert first["team_id"] == "12e45678"
    assert first["disposition_code"] == "NA"
    assert first["user_name"] == "null"
    assert first["handling_user_name"] == "=SUM(1)"
    assert first["ivr_options"] == "1"
    assert first["notes"] == 'said "hello, world"\nthen left 👋'
    assert first["start_at"] == utc("2026-03-02 10:22:26")  # the Z wins over the zone asked for
    assert first["csat_survey_time"] == utc("2026-03-02 10:25:00")
    assert first["float_custom_field_n1"] == 1.6087963e-6
    assert first["agent_disconnected"] is False or first["agent_disconnected"] == False  # noqa: E712 -- may be numpy's
    assert second["agent_disconnected"] == True  # noqa: E712 -- may be numpy's
    assert second[["notes", "ivr_options", "csat_survey_time", "csat_score"]].isna().all()
    assert pd.isna(second["is_callback_from_queue"])
    assert calls["mood"].isna().all()
    assert calls.dtypes.astype(str).loc[["call_id", "type", "start_at", "talk_time"]].tolist() == [
        str(calls["call_id"].dtype), "category", "datetime64[us, UTC]", "Int64",
    ]  # fmt: skip
    assert isinstance(calls["call_id"].dtype, pd.StringDtype)
    assert str(calls["is_transfer"].dtype) == "boolean"
    assert str(calls["float_custom_field_n1"].dtype) == "Float64"
    assert list(calls["type"].cat.categories)[:3] == ["abandoned", "inbound", "missed"]
    info = calls.attrs["td"]
    assert info.report_type == "calls"
    assert info.version == "v1"
    assert info.units["talk_time"] == "s"
    assert not info.drift


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_contacts_across_both_clock_changes_in_lisbon(suffix):
    contacts = read_report(GOLDEN / f"contacts.{suffix}", "contacts", timezone="Europe/Lisbon")
    assert contacts["started_at"][0] == utc("2026-03-29 00:59:42")
    assert contacts["answered_at"][0] == utc("2026-03-29 01:00:12")  # an hour was skipped
    assert contacts["started_at"][1] == utc("2026-10-25 00:30:00")  # the first of two
    assert contacts["user_name"].tolist() == ['Hérmes "Nunes"', "NA"]
    assert contacts["team_name"].isna().tolist() == [True, False]
    assert contacts["inside_business_hours"].tolist() == [True, pd.NA]
    assert contacts["wait_time"].tolist() == [29, pd.NA]
    assert contacts["contact_type"].tolist() == ["Answered", "Not Connected"]


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_studio_flow_execution(suffix):
    path = GOLDEN / f"studio_flow_execution.{suffix}"
    steps = read_report(path, "studio_flow_execution")
    assert steps["time_in_step"].tolist() == [0.139, 6.0]
    assert steps["exit"].tolist() == ["ok", "pressed 1"]
    assert steps["exit"].cat.categories[-1] == "pressed 1"
    assert steps["flow_execution_finished_time"][0] == utc("2026-03-02 14:32:15")


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_user_status_and_ring_attempts(suffix):
    status = read_report(GOLDEN / f"user_status.{suffix}", "user_status")
    assert status["is_user_active"].tolist() == [True, False]
    assert status["ring_groups"].tolist() == ["agents+csr+sales", '["nunes","queuea"]']
    assert pd.isna(status["status_end_at"][1])
    rings = read_report(GOLDEN / f"ring_attempts.{suffix}", "ring_attempts")
    assert rings["ring_attempt_id"][1] == "12e45678"
    assert rings["ring_attempt_duration"].sum() == 21


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_durations_and_flags_of_every_encoding(suffix):
    contact = read_report(GOLDEN / f"messaging_contacts.{suffix}", "messaging_contacts").iloc[0]
    assert contact["contact_duration"] == 80
    assert contact["wrap_up_duration"] == 5
    assert contact["contact_handle_time"] == 42
    assert contact["first_response_time"] == 93_784
    assert not contact["is_virtual_agent"]
    call = read_report(GOLDEN / f"explore_calls.{suffix}", "explore_calls").iloc[0]
    assert call["talk_time"] == 6
    assert call["in_business_hours"]
    assert not call["transfer"]
    entry = read_report(GOLDEN / f"audit_logs.{suffix}", "audit_logs").iloc[0]
    assert entry["ip_addresses"] == '["192.0.2.10","192.0.2.11"]'
    assert entry["timestamp"] == utc("2026-02-10 17:07:22.809")


def test_schedules():
    adherence = read_report(GOLDEN / "adherence.csv", "adherence").iloc[0]
    assert adherence["adherence_event_duration"] == 14_400
    assert adherence["agent_name"] == 'Hérmes "Nunes"'
    event = read_report(GOLDEN / "wfm_team_schedule_report.csv", "wfm_team_schedule_report").iloc[0]
    assert event["event_start_time"] == utc("2026-03-28")
    assert event["event_duration"] == 3600


def test_calls_in_the_layout_of_explore_calls():
    calls = read_report(GOLDEN / "explore_calls.json", "calls")
    assert calls.attrs["td"].version == "until 2026-05-11"
    assert calls["talk_time"].tolist() == [6]


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_messages(suffix):
    path = GOLDEN / f"messaging_traffic.{suffix}"
    messages = read_report(path, "messaging_traffic", timezone="Europe/Lisbon")
    assert messages["message_created_at"].tolist() == [
        utc("2026-03-29 00:30:00"),
        utc("2026-03-29 01:30:00"),
    ]
    assert messages["message_id"].tolist() == ["12e45678", "=SUM(1)"]
    assert messages["channel_type"].cat.categories.tolist() == ["EMAIL", "SMS", "CHAT", "FAX"]
    assert messages["user_id"].isna().tolist() == [True, False]
    assert messages["contact_person_name"].isna().tolist() == [True, False]
    assert messages["user_name"][1] == 'Zoë "Z" 👋'
