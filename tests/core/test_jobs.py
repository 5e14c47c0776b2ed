"""Report jobs against the sandbox: both APIs, every way of answering, and every wrong input."""

import uuid

import pytest

from td_notebooks.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    DownloadError,
    ForbiddenError,
    JobCanceledError,
    JobFailedError,
    JobTimeoutError,
    NotFoundError,
    QuotaError,
)
from td_notebooks.reports.events import Finished, Polled
from td_notebooks.reports.jobs import poll_delay
from td_notebooks.sandbox.explore import Variants

DAY = ("2026-08-03", "2026-08-04")


def submits(sandbox):
    return sum(request.operation == "submit" for request in sandbox.requests)


@pytest.fixture(params=["/data/reports", "/reports"])
def reports_path(request):
    return request.param


def test_the_life_of_a_job(start_sandbox, open_client, reports_path, tmp_path):
    sandbox = start_sandbox()
    client = open_client(sandbox, reports_path=reports_path)
    seen = []
    job = client.submit("calls", *DAY, name="mine")
    assert job.status == "created" and len(job.id) == (36 if "data" in reports_path else 24)
    assert job.wait(on_update=seen.append) is job
    assert [type(event) for event in seen[-2:]] == [Polled, Finished]
    assert [event.job.status for event in seen][-1] == "done"
    frame = job.frame()
    assert len(frame) == frame.call_id.nunique() > 5
    path = job.download(tmp_path / "calls.json")
    assert path.read_bytes().startswith(b'{"type"')
    again = client.job("calls", job.id)
    assert again.status == "done" and len(again.frame()) == len(frame)
    assert [known.id for known in client.jobs("calls")] == [job.id]
    again.delete()
    assert again.status == "deleted"
    with pytest.raises((NotFoundError, JobCanceledError)):
        client.job("calls", job.id).download(tmp_path / "more.json")
    assert [path.name for path in tmp_path.iterdir()] == ["calls.json"]
    assert all(f"{reports_path}/calls" in r.path for r in sandbox.requests if r.origin == "api")


def test_the_older_api_cancels_a_job_that_is_not_finished(start_sandbox, open_client):
    client = open_client(start_sandbox(), reports_path="/reports")
    job = client.submit("calls", *DAY)
    job.delete()
    assert job.status == "canceled"
    assert client.job("calls", job.id).status in {"canceled", "deleted"}


def test_the_current_api_cannot_delete_what_is_not_finished(start_sandbox, open_client):
    client = open_client(start_sandbox())
    with pytest.raises(ConflictError, match="Wait until the job is finished"):
        client.submit("calls", *DAY).delete()


VARIANTS = {
    "303": {},
    "302": {"done_status": 302},
    "300": {"done_status": 300},
    "inline": {"done_status": "inline"},
    "misspelt list": {"misspell_embedded": True},
    "flat": {"flat_jobs": True},
    "204 while polling": {"poll_204": True},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("format", ["json", "csv", "json_bulk"])
def test_every_way_of_answering_gives_the_same_frame(start_sandbox, open_client, variant, format):
    client = open_client(start_sandbox(variants=Variants(**variant)))
    frame = client.report("calls", *DAY, format=format, progress=False)
    plain = open_client(start_sandbox()).report("calls", *DAY, progress=False)
    assert frame.equals(plain) and len(frame)
    (known,) = client.jobs("calls")
    assert known.frame().equals(plain)


def test_lists_are_paged_and_newest_first(start_sandbox, open_client, monkeypatch):
    monkeypatch.setattr("td_notebooks.reports.api.PAGE", 2)
    sandbox = start_sandbox()
    client = open_client(sandbox)
    made = []
    for _ in range(5):
        made.append(client.submit("calls", *DAY).id)
        sandbox.clock.advance(2)
    assert [job.id for job in client.jobs("calls")] == made[::-1]
    assert [job.id for job in client.jobs("calls", limit=2)] == made[:2:-1]
    assert sum(request.operation == "list" for request in sandbox.requests) == 6
    assert client.jobs("contacts") == []


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("failed-job@1", JobFailedError, "failed. Submit it again"),
        ("canceled-job@1", JobCanceledError, "was canceled"),
    ],
)
def test_a_job_that_ends_badly(start_sandbox, open_client, fault, kind, message):
    job = open_client(start_sandbox(faults=fault)).submit("calls", *DAY)
    with pytest.raises(kind, match=message) as caught:
        job.wait()
    assert caught.value.job == job.state and job.id in str(caught.value)


def test_an_unknown_status_is_waited_out(start_sandbox, open_client):
    seen = []
    job = open_client(start_sandbox(faults="unknown-status@1")).submit("calls", *DAY)
    job.wait(on_update=lambda event: seen.append(event.job.status))
    assert seen[-1] == "done" and not set(seen) <= {"created", "processing", "uploading", "done"}


def test_a_stuck_job_ends_at_the_deadline_and_names_the_way_back(start_sandbox, open_client):
    sandbox = start_sandbox(faults="stuck-job@1")
    job = open_client(sandbox).submit("calls", *DAY)
    began = sandbox.clock.monotonic()
    with pytest.raises(JobTimeoutError, match=f"client.job.'calls', '{job.id}'.") as caught:
        job.wait(timeout=300)
    assert 280 <= sandbox.clock.monotonic() - began <= 300
    assert isinstance(caught.value, TimeoutError)


def test_an_interrupt_ends_a_wait_at_once_and_names_the_way_back(start_sandbox, open_client):
    job = open_client(start_sandbox(job_seconds=100)).submit("calls", *DAY)

    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        job.wait(on_update=interrupt)
    assert f"client.job('calls', '{job.id}')" in caught.value.__notes__[0]
    assert job.wait().status == "done"


def test_polling_is_calm():
    assert [poll_delay(t) for t in (0, 1, 10, 60, 3600)] == [0.5, 0.5, 1.0, 6.0, 10.0]


@pytest.mark.parametrize(
    "fault", ["lost-answer:submit@1", "html:submit@1", "empty-body:submit@1", "502:submit@1"]
)
def test_a_submit_whose_answer_was_lost_is_not_submitted_twice(start_sandbox, open_client, fault):
    sandbox = start_sandbox(faults=fault)
    client = open_client(sandbox)
    job = client.submit("calls", *DAY)
    handled = fault.startswith(("lost", "empty"))
    assert submits(sandbox) == (1 if handled else 2)
    assert [known.id for known in client.jobs("calls")] == [job.id]


@pytest.mark.parametrize("fault", ["429", "429-retry-after", "503", "503-audit", "reset", "quota"])
def test_a_submit_that_was_not_handled_is_repeated(start_sandbox, open_client, fault):
    sandbox = start_sandbox(faults=f"{fault}:submit@1")
    client = open_client(sandbox)
    client.submit("calls", *DAY)
    assert submits(sandbox) == 2
    assert len(client.jobs("calls")) == 1


def test_a_full_quota_is_an_error_of_its_own(start_sandbox, open_client):
    sandbox = start_sandbox(quota=1, job_seconds=10_000)
    client = open_client(sandbox)
    client.submit("calls", *DAY)
    with pytest.raises(QuotaError, match=r"1020017.*wait for some to finish"):
        client.submit("calls", *DAY)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.submit("cals", *DAY), "cals.*calls"),
        (lambda c: c.report("cals", *DAY), "cals.*calls"),
        (lambda c: c.jobs("cals"), "cals.*calls"),
        (lambda c: c.job("cals", "1"), "cals.*calls"),
        (lambda c: c.job("calls", " "), "job id is empty"),
        (lambda c: c.submit("calls", "2026-08-01", "2026-09-02"), "client.report.*cuts"),
        (lambda c: c.submit("calls", *DAY, format="xlsx"), "cannot be had as 'xlsx'"),
        (lambda c: c.submit("calls", *DAY, timezone="Lisbon"), "Unknown time zone 'Lisbon'"),
        (lambda c: c.report("calls", *DAY[::-1]), "before it has begun"),
        (lambda c: c.report("calls", *DAY, format="xlsx"), "cannot be had as 'xlsx'"),
    ],
)
def test_wrong_input_is_named_before_any_request(start_sandbox, open_client, call, message):
    sandbox = start_sandbox()
    with pytest.raises(ConfigError, match=message):
        call(open_client(sandbox))
    assert not sandbox.requests


def test_an_id_that_is_not_there(start_sandbox, open_client):
    client = open_client(start_sandbox())
    for job_id in (str(uuid.uuid4()), "../../account", "a/b?c#d"):
        with pytest.raises(NotFoundError, match="status of calls job"):
            client.job("calls", job_id)


@pytest.mark.parametrize("told", [True, False])
def test_a_missing_scope_is_named(start_sandbox, told):
    """Before anything is submitted, if the token's answer tells what it allows."""
    from td_notebooks.auth import ClientSecret
    from td_notebooks.client import Talkdesk
    from td_notebooks.regions import Account
    from td_notebooks.secret import Secret
    from td_notebooks.settings import Settings

    sandbox = start_sandbox()
    answer = sandbox._identity.answer
    if not told:
        sandbox._identity.answer = lambda token: answer(token) | {"scope": ""}
    reader = sandbox.add_client(scopes=["data-reports:read"])
    settings = Settings(
        Account(sandbox.account, "x", token_url=sandbox.token_url, api_url=sandbox.api_url),
        ClientSecret(reader.client_id, Secret(reader.client_secret)),
        scope="",
    )
    error, said = (
        (AuthError, r"^Not sent, while submitting .*the token of client .* has data-reports:read\.")
        if told
        else (ForbiddenError, r"1020004.*the token has none known")
    )
    with (
        Talkdesk(settings, clock=sandbox.clock) as client,
        pytest.raises(error, match=said) as caught,
    ):
        client.submit("calls", *DAY)
    assert "needs data-reports:write" in str(caught.value)
    assert [request.status for request in sandbox.requests if request.operation == "submit"] == (
        [] if told else [403]
    )


def test_a_full_disk_leaves_nothing_behind(start_sandbox, open_client, tmp_path):
    job = open_client(start_sandbox()).submit("calls", *DAY)
    with pytest.raises(DownloadError, match=r"could not be written in .*missing"):
        job.download(tmp_path / "missing" / "calls.json")
    assert not list(tmp_path.iterdir())
