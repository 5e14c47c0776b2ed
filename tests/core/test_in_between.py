"""What is not Talkdesk's is not believed, and odd values end in an error of this package."""

import pytest
from scripted import JOB, NO_JOBS, connected, scripted

from td_notebooks.errors import (
    ApiError,
    ConfigError,
    DownloadError,
    NetworkError,
    NotFoundError,
)

PAGE = b"<html>Log in</html>"
LOGIN = "https://login.corp.example/?back=1"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [(302, PAGE, {"Location": LOGIN}), (200, PAGE, {"Content-Type": "text/html"})],
)
def test_a_login_page_deletes_nothing(status, body, headers):
    def answer(asked):
        if asked.command == "DELETE":
            asked.say(status, body, **headers)
            return None
        return JOB

    with connected(answer) as client:
        job = client.job("calls", "j1")
        with pytest.raises(DownloadError, match=r"j1 may not be deleted.*login page"):
            job.delete()
        assert job.status == "processing"


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b"{}"), (200, JOB)])
def test_what_talkdesk_says_to_a_delete(status, body):
    def answer(asked):
        return asked.say(status, body) if asked.command == "DELETE" else JOB

    with connected(answer) as client:
        job = client.job("calls", "j1")
        job.delete()
        assert job.status == "deleted"


@pytest.mark.parametrize(
    "location",
    [
        "/data/reports/calls/files/j1",
        "/data/reports/calls/elsewhere/j1",
        "https://s3.amazonaws.com/bucket/calls.json",
        "https://bucket.s3.amazonaws.com/f?X-Amz-Date=1&X-Amz-Signature=1",
    ],
)
@pytest.mark.parametrize("status", [300, 302, 303])
def test_a_redirect_without_the_job_says_that_it_is_done(status, location):
    told = []

    def answer(asked):
        told.append(asked.path)
        return JOB if len(told) == 1 else asked.say(status, PAGE, Location=location)

    with connected(answer) as client:
        assert client.job("calls", "j1").refresh().status == "done"


def test_a_listing_that_says_next_for_ever_ends_when_nothing_new_comes():
    asked = []
    page = {
        "total": 10**9,
        "_embedded": {"jobs": [{"id": "a", "name": "n"}, {"id": "b"}, {"id": "a"}]},
        "_links": {"next": {"href": "x"}},
    }

    def answer(request):
        asked.append(request.path)
        return page

    with connected(answer) as client:
        assert len(client.jobs("calls")) == 3
    assert len(asked) == 2


@pytest.mark.parametrize("embedded", [{"jobs": 5}, {"jobs": True}, {"jobs": "a"}, 5, None])
def test_what_is_no_list_is_said_to_be_none(embedded):
    with (
        connected(lambda asked: {"total": 1, "_embedded": embedded}) as client,
        pytest.raises(DownloadError, match="not a list of calls jobs"),
    ):
        client.jobs("calls")


def test_no_cookie_is_kept():
    seen = []

    def answer(asked):
        seen.append(asked.headers.get("Cookie"))
        asked.say(200, NO_JOBS, Set_Cookie="session=1; Path=/")

    with connected(answer) as client:
        client.jobs("calls")
        client.jobs("calls")
        assert not list(client.transport._downloads.cookies.jar)
    assert seen == [None, None]


def test_times_that_no_calendar_has_are_unknown():
    odd = {"id": "j1", "created_at": "0001-01-01T00:00:00+14:00", "timespan": {"from": "9999"}}
    with connected(lambda asked: {"job": odd}) as client:
        assert client.job("calls", "j1").state.created_at is None


@pytest.mark.parametrize("told", ["Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "1e999", "nan"])
def test_an_absurd_retry_after_is_no_wish(told):
    def answer(asked):
        asked.say(429, b"{}", Retry_After=told)

    with connected(answer) as client, pytest.raises(ApiError) as caught:
        client.jobs("calls")
    assert caught.value.retry_after is None


def test_half_characters_are_replaced():
    def answer(asked):
        if asked.command == "GET" and "no" in asked.path:
            asked.say(404, b"{}")
            return None
        return {"job": {"id": "a\ud800", "name": "\ud800"}}

    with connected(answer) as client:
        with pytest.raises(NotFoundError):
            client.job("calls", "no\ud800")
        job = client.submit("calls", "2026-08-03", "2026-08-04", name="mine \ud800")
        assert job.refresh().id == "a?"
        str(job).encode()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client, job: job.download(""), "cannot be saved as ''"),
        (lambda client, job: job.download("a\0b"), "cannot be saved as"),
        (lambda client, job: client.jobs(["calls"]), "is a text, not a list"),
        (lambda client, job: client.report(["calls"], "2026-08-03", "2026-08-04"), "not a list"),
        (lambda client, job: client.jobs("calls", limit=-1), "no -1 jobs"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with connected(lambda asked: JOB) as client:
        job = client.job("calls", "j1")
        with pytest.raises(ConfigError, match=message):
            call(client, job)


def test_loopback_is_never_asked_through_a_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with connected(lambda asked: NO_JOBS) as client:
        assert client.renew_token().expires_in == 599
        assert client.jobs("calls") == []


@pytest.mark.parametrize(
    ("name", "proxy", "hint"),
    [
        ("ALL_PROXY", "socks5://me:pa55@127.0.0.1:9", "httpx.socks"),
        ("HTTPS_PROXY", "ftp://me:pa55@x:1", "http://host:port"),
        ("HTTPS_PROXY", "http://me:pa55@x:port", "http://host:port"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch, name, proxy, hint):
    import traceback

    monkeypatch.setenv(name, proxy)
    with pytest.raises(ConfigError, match=hint) as caught, connected(lambda asked: NO_JOBS):
        pass
    assert "pa55" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_that_wants_a_password_is_asked_once_and_the_way_out_told(monkeypatch):
    asked = []

    def proxy(request):
        asked.append(request.command)
        request.say(407)

    with scripted(proxy) as address:
        monkeypatch.setenv("HTTPS_PROXY", address)
        away = {"api_url": "https://api.example", "token_url": "https://id.example/oauth/token"}
        with (
            connected(lambda asked: NO_JOBS, **away) as client,
            pytest.raises(NetworkError, match="The proxy wants a user and a password") as caught,
        ):
            client.jobs("calls")
    assert asked == ["CONNECT"]
    assert not caught.value.retryable
