"""The form that pulls reports, without a browser."""

from __future__ import annotations

import html
import re
import threading
import time
from datetime import date

import pytest

from td_notebooks.clock import StoppableClock, SystemClock
from td_notebooks.errors import ConfigError, JobFailedError
from td_notebooks.sandbox import SandboxClock
from td_notebooks.widgets import ReportForm
from td_notebooks.widgets.background import in_background
from td_notebooks.widgets.report_form import (
    PRESETS,
    matching_types,
    preset_dates,
    report_code,
    zone_names,
)


def text_of(widget):
    return html.unescape(re.sub("<[^>]*>", "", widget.value))


def settled(form):
    end = time.monotonic() + 60
    while form.run.disabled:
        assert time.monotonic() < end
        time.sleep(0.01)
    return text_of(form.message)


@pytest.fixture
def form(start_sandbox, open_client):
    return ReportForm(open_client(start_sandbox()))


def choose(form, start, end):
    form.start.value, form.end.value = date.fromisoformat(start), date.fromisoformat(end)


@pytest.mark.parametrize("today", ["2026-01-01", "2026-03-31", "2024-03-01", "2026-12-31"])
def test_presets_are_spans_that_end_today_or_before(today):
    today = date.fromisoformat(today)
    for preset in PRESETS:
        start, end = preset_dates(preset, today)
        assert start < end
        assert (end > today) == (preset == "This month")


def test_presets_by_example():
    assert preset_dates("Last month", date(2024, 3, 15)) == (date(2024, 2, 1), date(2024, 3, 1))
    assert preset_dates("Last 7 days", date(2026, 3, 3)) == (date(2026, 2, 24), date(2026, 3, 3))
    assert preset_dates("Yesterday", date(2026, 3, 1)) == (date(2026, 2, 28), date(2026, 3, 1))


def test_zones_are_those_people_use():
    assert zone_names()[0] == "UTC" and "Europe/Lisbon" in zone_names()
    assert not {"Etc/GMT+3", "localtime", "Factory"} & set(zone_names())


def test_a_report_lands_in_the_frame_with_a_preview(form):
    with pytest.raises(ConfigError, match="Press Run"):
        form.frame  # noqa: B018 - asking for it is the point
    choose(form, "2026-08-03", "2026-08-05")
    assert form.preset.value == "Own dates"
    form.run.click()
    form.run.click()  # does nothing
    assert form.run.disabled and not form.cancel.disabled and form.start.disabled
    frame = form.frame
    assert settled(form).startswith("✔") and form.cancel.disabled
    assert f"{len(frame)} rows, {frame.shape[1]} columns. Drift: none." in text_of(form.preview)
    assert "Quality: 9 checks passed." in text_of(form.preview)
    assert "calls · 100%" in text_of(form.progress)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("td-")]


def test_columns_can_be_chosen(form):
    choose(form, "2026-08-03", "2026-08-04")
    form.columns.value = ("call_id", "wait_time")
    form.run.click()
    assert list(form.frame.columns) == ["call_id", "wait_time"]
    assert form.frame.attrs["td"].units["wait_time"] == "s"


def test_the_code_does_the_same(form):
    form.show_code.value = True
    choose(form, "2026-08-03", "2026-08-04")
    form.timezone.value = "Europe/Lisbon"
    form.columns.value = ("type",)
    form.run.click()
    code = text_of(form.code)
    assert code == (
        'client.report("calls", "2026-08-03", "2026-08-04", timezone="Europe/Lisbon")[["type"]]'
    )
    client = form._client
    assert form.frame.equals(eval(code, {"client": client}))
    form.show_code.value = False
    assert form.code.value == ""
    assert report_code("calls", None, None, "UTC") == 'client.report("calls", "None", "None")'


def test_a_report_type_says_what_it_is(form):
    assert text_of(form.about) == "Calls: one row is one call."
    form.report_type.value = "user_status"
    assert "call_id" not in form.columns.options and form.columns.options
    form.report_type.value = "user_statsu"
    assert "Did you mean user_status" in text_of(form.about)
    form.run.click()
    assert "Did you mean user_status" in settled(form)


def test_what_is_wrong_with_a_frame_is_in_sight(start_sandbox, open_client):
    form = ReportForm(open_client(start_sandbox(faults="new-column@1")))
    choose(form, "2026-08-03", "2026-08-05")
    form.columns.value = ("type",)  # the whole frame is checked all the same
    with pytest.warns(UserWarning, match="unknown columns"):
        form.run.click()
        assert settled(form).startswith("✔")
    assert "1 of 9 checks found something" in text_of(form.preview)
    assert list(form.frame.columns) == ["type"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("agent status", ["user_status"]),
        ("STATUS", ["user_status"]),
        ("ring one agent", True),
        ("wfm_dce_h", ["wfm_dce_history", "wfm_dce_history_v3"]),
        ("", []),
        ("nothing of the kind", []),
    ],
)
def test_reports_are_found_by_words(words, found):
    names = matching_types(words)
    assert names == found if found is not True else "ring_attempts" in names


def test_a_search_shows_what_it_found(form):
    form.report_type.value = "dialer"
    assert text_of(form.about) == (
        "Reports about that: advanced_dialer_calls_report, outbound_dialer_calls."
    )
    form.report_type.value = ""
    assert text_of(form.about).startswith("Type a report's name")


def test_presets_follow_the_zone(form):
    form.preset.value = "Yesterday"
    in_utc = form.start.value
    form.timezone.value = "Pacific/Kiritimati"  # 14 hours ahead
    assert form.preset.value == "Yesterday" and form.start.value >= in_utc
    form.timezone.value = "Nowhere/Land"
    form.run.click()
    assert "Unknown time zone 'Nowhere/Land'" in settled(form)


def test_dates_are_needed(form):
    form.start.value = None
    form.run.click()
    assert settled(form) == "✘ Please give both dates."


def test_a_failure_is_said_and_raised(start_sandbox, open_client):
    form = ReportForm(open_client(start_sandbox(faults="failed-job@1")))
    form.run.click()
    assert "Talkdesk could not make the report" in settled(form)
    with pytest.raises(JobFailedError):
        form.frame  # noqa: B018 - asking for it is the point
    form.run.click()
    assert len(form.frame) >= 0


@pytest.mark.parametrize("faults", ["", "slow:storage@*"], ids=["waiting", "downloading"])
def test_cancel_ends_a_run_at_once(live_sandbox, faults):
    import td_notebooks as td

    sandbox = live_sandbox(faults=faults, job_seconds=0.2 if faults else 3600)
    with td.connect(sandbox=sandbox) as client:
        form = ReportForm(client)
        form.run.click()
        wanted = "download" if faults else "status"
        end = time.monotonic() + 60
        while wanted == "status" and not form.progress.value and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(1.2)
        if not form.run.disabled:
            pytest.fail(text_of(form.message))
        began = time.monotonic()
        form.cancel.click()
        assert text_of(form.message) == "Cancelling…"
        said = settled(form)
        assert time.monotonic() - began < 0.5
        assert said.startswith("Cancelled.")
        assert faults or "client.job('calls', '" in said
        with pytest.raises(ConfigError, match="was cancelled"):
            form.frame  # noqa: B018 - asking for it is the point
        assert not [t.name for t in threading.enumerate() if t.name.startswith("td-")]
        assert client.jobs("calls"), "the connection is as before"


def test_explore_shows_a_form(form):
    shown = form._client.explore()
    assert isinstance(shown, ReportForm) and "account 'sandbox'" in repr(shown)


@pytest.mark.parametrize("inner", [SystemClock(), SandboxClock(), SandboxClock(manual=True)])
def test_a_stoppable_clock_is_the_other_one_until_it_is_stopped(inner):
    clock = StoppableClock(inner)
    began = clock.monotonic()
    clock.sleep(0.02)
    assert clock.monotonic() - began >= 0.02
    assert abs(clock.time() - inner.time()) < 1
    clock.stop()
    with pytest.raises(KeyboardInterrupt):
        clock.monotonic()
    with pytest.raises(KeyboardInterrupt):
        clock.sleep(30)


def test_what_work_beside_the_cells_raises_is_kept():
    assert in_background(lambda: 7, name="td-test").result() == 7
    with pytest.raises(SystemExit):
        in_background(lambda: exit(3), name="td-test").result()
