"""The table of jobs that keeps itself up to date, without a browser."""

from __future__ import annotations

import html
import re
import threading
import time

import pytest

import td_notebooks as td
from td_notebooks.widgets import JobsView
from td_notebooks.widgets.jobs_view import ROWS, file_name

SPAN = ("calls", "2026-08-03", "2026-08-05")


def text_of(widget):
    return html.unescape(re.sub("<[^>]*>", " ", widget.value))


def until(condition):
    end = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def message(view):
    """Return what the view says when it is done with what it does."""
    until(lambda: view.stop.disabled)
    return text_of(view.message)


def threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("td-")]


@pytest.fixture
def client(start_sandbox, open_client):
    return open_client(start_sandbox())


@pytest.fixture
def slow(live_sandbox):
    """Connect to a Talkdesk whose jobs take an hour."""
    with td.connect(sandbox=live_sandbox(job_seconds=3600)) as client:
        yield client


def test_jobs_are_followed_until_they_are_finished(live_sandbox):
    with td.connect(sandbox=live_sandbox(job_seconds=1.0)) as client:
        job = client.submit(*SPAN)
        view = client.jobs("calls").watch()
        (row,) = view.rows
        assert "created" in text_of(row.text) and not row.wait.disabled
        assert row.download.disabled and row.delete.disabled
        until(lambda: "✔ done" in text_of(row.text))
        until(lambda: not threads())
        assert f"client.job('calls', '{job.id}')" in text_of(row.text)
        assert not row.download.disabled and row.wait.disabled
        assert text_of(view.heading).strip() == "calls: 1 report jobs"


def test_wait_download_and_delete(client, tmp_path):
    job = client.submit(*SPAN)
    view = JobsView(lambda: client.jobs("calls"), [job], folder=tmp_path)
    (row,) = view.rows
    row.wait.click()
    assert message(view).strip().endswith("is done.")
    row.download.click()
    said = message(view)
    saved = tmp_path / file_name(job)
    size = f"{saved.stat().st_size / 1000:.1f} kB"
    assert f"Saved {saved} ({size})" in said and size in text_of(row.text)
    view.refresh.click()
    message(view)
    assert view.jobs[0].size is None and size in text_of(row.text)

    row.delete.click()
    assert row.delete.description == "Sure?" and client.job("calls", job.id).status == "done"
    row.delete.click()
    assert "deleted at Talkdesk" in message(view)
    assert row.delete.disabled and row.download.disabled and row.wait.disabled
    assert row.delete.description == "Delete"
    assert not threads()


def test_asking_back_is_forgotten_when_something_else_happens(client):
    view = client.submit(*SPAN).wait().watch()
    (row,) = view.rows
    row.delete.click()
    view.refresh.click()
    message(view)
    row.delete.click()
    assert row.delete.description == "Sure?"
    assert [job.status for job in client.jobs("calls")] == ["done"]


def test_stop_ends_a_wait_at_once_and_the_job_goes_on(slow):
    job = slow.submit(*SPAN)
    view = job.watch()
    view.rows[0].wait.click()
    assert not view.stop.disabled and view.refresh.disabled and view.rows[0].wait.disabled
    until(lambda: "processing" in text_of(view.message) or "created" in text_of(view.message))
    began = time.monotonic()
    view.stop.click()
    said = message(view)
    assert time.monotonic() - began < 0.5
    assert "Stopped. It goes on at Talkdesk" in said and job.id in said
    assert said.count("client.job") == 1
    view.close()
    until(lambda: not threads())


def test_stop_ends_a_download_and_leaves_no_file(live_sandbox, tmp_path):
    sandbox = live_sandbox(faults="slow:storage@*")
    with td.connect(sandbox=sandbox) as client:
        job = client.submit(*SPAN).wait()
        view = JobsView(lambda: client.jobs("calls"), [job], folder=tmp_path)
        view.rows[0].download.click()
        until(lambda: any(request.origin == "storage" for request in sandbox.requests))
        view.stop.click()
        assert "Stopped. Its file stays at Talkdesk" in message(view)
        assert list(tmp_path.iterdir()) == [] and not threads()


def test_what_goes_wrong_is_said(start_sandbox, open_client):
    client = open_client(start_sandbox(faults="failed-job@1"))
    view = client.submit(*SPAN).watch()
    view.rows[0].wait.click()
    assert "Talkdesk could not make the report" in message(view)
    assert 'role="alert"' in view.message.value


def test_a_table_of_a_closed_connection_says_so(slow):
    view = slow.submit(*SPAN).watch()
    slow.close()
    until(lambda: "Not kept up to date any more" in view.message.value)
    until(lambda: not threads())


def test_only_the_newest_jobs_have_a_row(client):
    for _ in range(ROWS + 2):
        client.submit("calls", "2026-08-03", "2026-08-04").wait()
    view = client.jobs("calls").watch()
    assert len(view.rows) == ROWS and len(view.jobs) == ROWS + 2
    assert "2 older ones are not shown" in text_of(view.heading)
    shown = [row.job.id for row in view.rows]
    assert shown == [job.id for job in client.jobs("calls")[:ROWS]]


def test_a_table_without_jobs(client):
    view = client.jobs("calls").watch()
    assert "No report jobs" in text_of(view.heading)
    assert view.rows[0].box.layout.display == "none"
    client.submit(*SPAN).wait()
    view.refresh.click()
    message(view)
    assert view.rows[0].box.layout.display is None and "1 jobs" in repr(view)
