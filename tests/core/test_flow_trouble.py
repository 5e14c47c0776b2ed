"""The token when its host is slow, silent or busy, or refuses new credentials."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted import JOB, NO_JOBS, TOKEN, connected

from td_notebooks.auth import ClientSecret, flow
from td_notebooks.errors import NetworkError, RateLimitError, TalkdeskError, TokenError
from td_notebooks.secret import Secret
from td_notebooks.transport import ATTEMPTS

THREADS = 40  # twice as many as there are connections


class Host:
    """Both hosts in one; `token` answers token requests, and hears how many came before."""

    tokens = False

    def __init__(self, token, job=NO_JOBS):
        self.token, self.job = token, job
        self.asked, self.submits = 0, 0
        self._lock = threading.Lock()

    def __call__(self, request):
        if not request.path.startswith("/oauth/"):
            self.submits += request.command == "POST"
            return self.job
        with self._lock:
            self.asked += 1
            count = self.asked
        return self.token(request, count)


def in_threads(client, count):
    def ask(_):
        try:
            return client.jobs("calls")
        except TalkdeskError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def test_more_threads_than_connections_survive_a_revoked_token():
    together = threading.Barrier(20)  # as many as there are connections

    def answer(request):
        if request.path.startswith("/oauth/"):
            request.say(body={**TOKEN, "access_token": f"t-{len(tokens)}"})
            tokens.append(request)
        elif request.headers["Authorization"] == "Bearer t-0":
            together.wait(10)
            request.say(401, b"x" * 100_000)
        else:
            request.say(body=NO_JOBS)

    answer.tokens, tokens = False, []
    with connected(answer) as client:
        client.renew_token()
        began = time.monotonic()
        assert in_threads(client, THREADS) == [[]] * THREADS
    assert time.monotonic() - began < 10
    assert len(tokens) == 2


def test_a_token_answer_that_only_trickles_in_is_given_up():
    def trickle(request, count):
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        for _ in range(1000):
            client.transport.clock.now += 7
            request.wfile.write(b" ")

    with (
        connected(Host(trickle)) as client,
        pytest.raises(NetworkError, match=r"asking for an access token.*trickles in"),
    ):
        client.jobs("calls")


def test_threads_that_waited_for_a_silent_host_do_not_ask_again(monkeypatch):
    monkeypatch.setattr(flow, "TOKEN_TIMEOUT", 0.3)
    together = threading.Barrier(8)
    host = Host(lambda request, count: time.sleep(1))
    with connected(host) as client:
        real = client.transport.clock.sleep

        def all_at_once(seconds, *, wake=None):
            real(seconds)
            together.wait(10)

        client.transport.clock.sleep = all_at_once
        outcomes = in_threads(client, 8)
        for error in outcomes:
            assert isinstance(error, NetworkError) and not error.sent
            assert "While asking for an access token, 127.0.0.1 gave no answer" in str(error)
    assert host.asked < 2 * ATTEMPTS  # and not 8 times that


def test_the_host_that_gave_no_answer_is_the_one_that_is_named():
    with (
        connected(
            Host(lambda request, count: None), token_url="https://acme.talkdesk.invalid/oauth/token"
        ) as client,
        pytest.raises(NetworkError, match=r"asking for an access token, acme\.talkdesk\.invalid"),
    ):
        client.jobs("calls")


def test_a_submit_that_waits_for_a_token_has_not_left(monkeypatch):
    monkeypatch.setattr(flow, "TOKEN_TIMEOUT", 0.05)
    host = Host(lambda request, count: time.sleep(0.2), job=JOB)
    with connected(host) as client, pytest.raises(NetworkError) as caught:
        client.submit("calls", "2026-08-03", "2026-08-04")
    assert not caught.value.sent
    assert (host.asked, host.submits) == (ATTEMPTS, 0)  # nor is it looked for


@pytest.mark.parametrize(("seconds", "attempts"), [(90, 2), (3600, 1)])
def test_what_the_identity_host_asks_to_wait_is_waited(seconds, attempts):
    def busy(request, count):
        if count < attempts or attempts == 1:
            request.say(429, b"{}", Retry_After=str(seconds))
            return None
        return TOKEN

    host = Host(busy)
    with connected(host) as client:
        if attempts == 1:
            with pytest.raises(TokenError, match="try again in 3600 s"):
                client.jobs("calls")
        else:
            assert client.jobs("calls") == []
        assert sum(client.transport.clock.pauses) >= (90 if attempts == 2 else 0)
    assert host.asked == attempts


def test_a_long_wait_is_named():
    def busy(request):
        request.say(429, b"{}", Retry_After="3600")

    with connected(busy) as client, pytest.raises(RateLimitError, match="try again in 3600 s"):
        client.jobs("calls")


def test_a_token_is_used_while_it_lives_and_its_host_is_busy():
    host = Host(lambda request, count: TOKEN if count == 1 else request.say(503))
    with connected(host) as client:
        client.jobs("calls")
        clock = client.transport.clock
        clock.now += 560  # its last minute has begun
        assert client.jobs("calls") == []
        assert client.jobs("calls") == []
        assert host.asked == 2
        clock.now += flow.RENEWAL_PAUSE
        assert client.jobs("calls") == []
        assert host.asked == 3
        clock.now += 30
        with pytest.raises(TokenError):
            client.jobs("calls")


def test_new_credentials_that_lack_a_scope_leave_the_old_ones_in_use():
    def by_client(request, count):
        new = request.headers["Authorization"] != old
        return {**TOKEN, "scope": "data-reports:read"} if new else TOKEN

    import base64

    old = "Basic " + base64.b64encode(b"abc:s3cret").decode()
    with connected(Host(by_client)) as client:
        client.transport.auth.rotate(ClientSecret("new", Secret("s")))
        assert client.jobs("calls") == []
        assert client.transport.auth.credentials.client_id == "abc"
