"""Many windows: within the quota, near the ideal time, in order, and stopped at once."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from scripted import JOB, connected

from td_notebooks import errors
from td_notebooks.reports.events import Downloaded, Finished, Loaded, Polled, QuotaFull, Submitted
from td_notebooks.sandbox import CentreSettings

YEARS = ("2024-08-01", "2026-08-01")  # 24 months; two of them are cut for their hour twice


class CountedRows:
    """A few rows for each window, and what asked for them."""

    def __init__(self):
        from td_notebooks.sandbox.centre import Centre

        self.centre = Centre(CentreSettings(calls_per_day=1, agents=1))
        self.spans = []

    def rows(self, report_type, start, end):
        self.spans.append((start, end))
        return self.centre.rows(report_type, start, min(end, start + (end - start) / 10))

    def render(self, *arguments, **more):
        from td_notebooks.sandbox.files import render

        return render(*arguments, **more)


def test_fifteen_at_once_and_near_the_ideal_time(start_sandbox, open_client):
    sandbox = start_sandbox(source=CountedRows(), job_seconds=60)
    events = []
    began = sandbox.clock.monotonic()
    frame = open_client(sandbox).report(
        "calls", *YEARS, timezone="Europe/Lisbon", progress=events.append
    )
    waited = sandbox.clock.monotonic() - began
    windows = sum(isinstance(event, Submitted) for event in events)
    assert windows == 26
    assert not any(request.status == 429 for request in sandbox.requests)
    running = most = 0
    for event in events:
        running += isinstance(event, Submitted) - isinstance(event, Finished)
        most = max(most, running)
    assert most == 15
    ideal = -(-windows // 15) * 60
    assert waited <= 1.3 * ideal
    assert frame.end_at.is_monotonic_increasing and frame.call_id.is_unique
    assert sum(event.rows for event in events if isinstance(event, Loaded)) == len(frame)


def test_events_tell_the_story_of_each_window(start_sandbox, open_client):
    events = []
    open_client(start_sandbox()).report("calls", "2026-05-20", "2026-07-05", progress=events.append)
    assert {event.windows for event in events} == {3}
    for window in (1, 2, 3):
        story = [type(event) for event in events if event.window == window]
        steps = [Submitted, Polled, Finished, Downloaded, Loaded]
        assert list(dict.fromkeys(story)) == steps
    assert all(str(event).startswith("calls: window") for event in events)
    assert all(a.elapsed <= b.elapsed for a, b in itertools.pairwise(events))


def test_others_may_be_using_the_quota(start_sandbox, open_client):
    sandbox = start_sandbox(quota=3, job_seconds=30, source=CountedRows())
    other, mine = open_client(sandbox), open_client(sandbox)
    for _ in range(2):
        other.submit("contacts", "2026-08-01", "2026-08-02")
    events = []
    frame = mine.report("calls", "2026-01-01", "2026-07-01", progress=events.append)
    assert len(frame)
    assert any(isinstance(event, QuotaFull) for event in events)
    assert sum(request.operation == "submit" for request in sandbox.requests) < 2 + 6 + 40


def test_two_reports_at_once_share_the_quota(start_sandbox, open_client):
    sandbox = start_sandbox(quota=5, job_seconds=20, source=CountedRows())
    client, frames = open_client(sandbox), {}

    def pull(report_type):
        frames[report_type] = client.report(report_type, "2026-01-01", "2026-08-01", progress=False)

    threads = [threading.Thread(target=pull, args=(name,)) for name in ("calls", "contacts")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(frames["calls"]) and len(frames["contacts"])


def test_a_quota_that_never_frees_ends_at_the_deadline(start_sandbox, open_client):
    sandbox = start_sandbox(quota=1, job_seconds=100_000)
    client = open_client(sandbox)
    client.submit("contacts", "2026-08-01", "2026-08-02")
    with pytest.raises(errors.JobTimeoutError, match="quota of simultaneous jobs left no place"):
        client.report("calls", "2026-08-01", "2026-08-02", timeout=120, progress=False)


def test_one_bad_window_ends_the_report_and_names_the_jobs_that_go_on(start_sandbox, open_client):
    client = open_client(start_sandbox(faults="failed-job@1", job_seconds=5))
    with pytest.raises(errors.JobFailedError) as caught:
        client.report("calls", "2026-05-01", "2026-08-01", progress=False)
    assert caught.value.__notes__[0].count("client.job('calls'") == 2


def test_a_callback_that_raises_is_heard(start_sandbox, open_client):
    def broken(event):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        open_client(start_sandbox()).report("calls", "2026-08-01", "2026-08-02", progress=broken)


@pytest.mark.parametrize(
    ("moment", "after"),
    [("Polled", 0.0), ("Finished", 0.3), ("Finished", 2.0)],
    ids=["waiting", "asking for the file", "in the midst of a download that hangs"],
)
def test_an_interrupt_ends_everything_at_once(moment, after, tmp_path):
    """In a process of its own, with real time and a storage that hangs: SIGINT, then silence."""
    program = textwrap.dedent(
        f"""
        import sys, threading, time
        import td_notebooks as td
        from td_notebooks.sandbox import CentreSettings, Sandbox
        from td_notebooks.sandbox.faults import FaultSettings

        place = Sandbox(
            centre=CentreSettings(calls_per_day=3, agents=1),
            faults="stall:storage@1,stall:storage@2",
            fault_settings=FaultSettings(stall_seconds=20),
            job_seconds=1,
        ).start()
        client = td.connect(sandbox=place)
        import td_notebooks.frames  # the interrupt must not wait for an import

        def tell(event):
            if type(event).__name__ == "{moment}":
                print("now", flush=True)

        try:
            client.report("calls", "2026-05-01", "2026-08-01", progress=tell)
        except KeyboardInterrupt as interrupt:
            print("interrupted", getattr(interrupt, "__notes__", ""))
            print([t.name for t in threading.enumerate() if "td-" in t.name], flush=True)
        """
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "now\n", process.stderr.read()
        time.sleep(after)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=60)
        took = time.monotonic() - began
    assert "interrupted" in said, complaints
    assert "[]" in said, said  # no thread of ours is left
    if moment == "Polled":
        assert "client.job('calls'" in said
    assert took < 2.0  # half a second, and the end of the process
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("td_notebooks-")]


@pytest.mark.parametrize("fault", ["503:status@2*40", "reset:status@2*40", "429:status@2*40"])
def test_an_outage_while_jobs_run_is_waited_out(start_sandbox, open_client, fault):
    client = open_client(start_sandbox(faults=fault, job_seconds=5))
    began = client._clock.monotonic()
    frame = client.report("calls", "2026-06-01", "2026-08-01", progress=False)
    assert len(frame)
    assert client._clock.monotonic() - began > 60  # longer than the repeats of one request
    job = open_client(start_sandbox(faults=fault)).submit("calls", "2026-08-01", "2026-08-02")
    assert job.wait().status == "done"


def test_an_outage_that_does_not_end_is_named_at_the_deadline(start_sandbox, open_client):
    client = open_client(start_sandbox(faults="503:status@2*1000", job_seconds=5))
    with pytest.raises(errors.JobTimeoutError) as caught:
        client.report("calls", "2026-06-01", "2026-08-01", timeout=300, progress=False)
    said = str(caught.value)
    assert "The last question had no answer: While asking for the status" in said
    assert said.count("It goes on at Talkdesk") == 1
    assert caught.value.__notes__[0].count("It goes on at Talkdesk") == 1  # of the other window
    job = client.submit("calls", "2026-08-01", "2026-08-02")
    with pytest.raises(errors.JobTimeoutError, match="no answer: While asking for the status"):
        job.wait(timeout=100)


@pytest.mark.parametrize("fault", ["503:submit@2*40", "429:submit@2*40"])
def test_an_outage_while_jobs_are_submitted_is_waited_out(start_sandbox, open_client, fault):
    sandbox = start_sandbox(faults=fault, job_seconds=5)
    client = open_client(sandbox)
    began = client._clock.monotonic()
    assert len(client.report("calls", "2026-06-01", "2026-08-01", progress=False))
    assert client._clock.monotonic() - began > 60
    assert sum(r.operation == "submit" and r.status < 300 for r in sandbox.requests) == 2


def test_the_deadline_of_an_outage_while_jobs_are_submitted(start_sandbox, open_client):
    client = open_client(start_sandbox(faults="503:submit@2*1000", job_seconds=5))
    with pytest.raises(
        errors.JobTimeoutError, match="not be submitted: While submitting"
    ) as caught:
        client.report("calls", "2026-06-01", "2026-08-01", timeout=300, progress=False)
    assert "longer timeout" in caught.value.hint
    # A host that never took a job may be the wrong one.
    client = open_client(start_sandbox(faults="503:submit@1*1000"))
    with pytest.raises(errors.ServerError):
        client.report("calls", "2026-06-01", "2026-08-01", timeout=300, progress=False)


def test_at_the_deadline_the_quota_is_named_and_not_an_outage_before(start_sandbox, open_client):
    faults = ["503:submit@2*40", "quota@42*1000"]
    client = open_client(start_sandbox(faults=faults, job_seconds=5))
    with pytest.raises(errors.JobTimeoutError, match="quota of simultaneous jobs"):
        client.report("calls", "2026-06-01", "2026-08-01", timeout=600, progress=False)


def test_a_job_that_may_be_there_is_not_submitted_once_more(start_sandbox, open_client):
    sandbox = start_sandbox(faults=["lost-answer:submit@2", "503:list@1*1000"], job_seconds=5)
    with pytest.raises(errors.NetworkError, match="submitting"):
        open_client(sandbox).report("calls", "2026-06-01", "2026-08-01", progress=False)
    assert sum(r.operation == "submit" for r in sandbox.requests) == 2


def test_during_an_outage_jobs_are_not_asked_for_one_by_one(start_sandbox, open_client):
    sandbox = start_sandbox(faults="503:status@1*1000", source=CountedRows())
    client = open_client(sandbox)
    began = client._clock.monotonic()
    with pytest.raises(errors.JobTimeoutError):
        client.report("calls", *YEARS, timeout=60, progress=False)
    assert client._clock.monotonic() - began < 120


def answering(script):
    """Return a host with one job of no rows, whose status is asked for in vain at first."""
    asked = []

    def answer(request):
        if request.command == "POST":
            return script.pop(0)(request) if script else JOB
        if "/files/" in request.path:
            return {"entries": [], "total": 0}
        asked.append(request.path)
        if len(asked) <= 2:
            request.say(404, b"{}")
        else:
            request.say(303, JOB, Location="/data/reports/calls/files/j1")
        return None

    return answer


def test_a_job_may_not_be_found_just_after_it_was_submitted():
    with connected(answering([])) as client:
        assert client.submit("calls", "2026-08-01", "2026-08-02").wait().status == "done"
    with connected(answering([])) as client:
        assert len(client.report("calls", "2026-08-01", "2026-08-02", progress=False)) == 0


@pytest.mark.parametrize("told", ["0", "0.001", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_full_quota_is_not_hammered_whatever_it_says(told):
    def full(request):
        request.say(
            429, {"code": "1020017"}, Retry_After=told, Date="Thu, 01 Jan 2026 00:00:00 GMT"
        )

    with connected(answering([full] * 20)) as client:
        client.report("calls", "2026-08-01", "2026-08-02", progress=False)
        assert client.transport.clock.now - 1000 >= 20  # no more than one in a second
    with connected(answering([full] * 10)) as client:
        assert client.submit("calls", "2026-08-01", "2026-08-02").id == "j1"
        assert (
            30 < client.transport.clock.now - 1000 < 180
        )  # more than 6 attempts, within 3 minutes
