"""The token: one for any number of threads, renewed in time, seen by nobody else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from td_notebooks.auth import AccessToken, ClientAssertion, ClientSecret, TalkdeskAuth
from td_notebooks.errors import NetworkError, TokenError, UnauthorizedError
from td_notebooks.regions import Account
from td_notebooks.secret import Secret
from td_notebooks.transport import Transport


def account_of(sandbox):
    return Account(sandbox.account, "x", token_url=sandbox.token_url, api_url=sandbox.api_url)


def auth_of(sandbox, secret=None, **settings):
    credentials = ClientSecret(sandbox.client_id, Secret(secret or sandbox.client_secret))
    return TalkdeskAuth(account_of(sandbox), credentials, clock=sandbox.clock, **settings)


def count(sandbox, operation="token"):
    return sum(request.operation == operation for request in sandbox.requests)


def listing(http, sandbox):
    return http.get(f"{sandbox.api_url}/data/reports/calls/jobs")


def test_a_job_of_35_minutes_needs_four_tokens(start_sandbox, open_client):
    sandbox = start_sandbox(job_seconds=35 * 60)
    client = open_client(sandbox)
    client.submit("calls", "2026-08-01", "2026-08-02").wait(timeout=3600)
    assert count(sandbox) == 4
    assert all(request.status != 401 for request in sandbox.requests)


@pytest.mark.parametrize("revoke", [False, True])
def test_sixteen_threads_need_one_token(start_sandbox, revoke):
    sandbox = start_sandbox()
    auth, together = auth_of(sandbox), threading.Barrier(16)
    with httpx.Client(auth=auth) as http, ThreadPoolExecutor(16) as pool:
        if revoke:
            listing(http, sandbox)
            sandbox.revoke_tokens()

        def ask(_):
            together.wait()
            return listing(http, sandbox).status_code

        assert set(pool.map(ask, range(16))) == {200}
    assert count(sandbox) == 1 + revoke


def test_sixteen_threads_are_refused_together(start_sandbox):
    sandbox = start_sandbox()
    auth, together = auth_of(sandbox, secret="wrong"), threading.Barrier(16)
    with httpx.Client(auth=auth) as http, ThreadPoolExecutor(16) as pool:

        def ask(_):
            together.wait()
            with pytest.raises(TokenError) as caught:
                listing(http, sandbox)
            return caught.value.error

        assert set(pool.map(ask, range(16))) == {"invalid_client"}
        assert count(sandbox) < 16
        with pytest.raises(TokenError):  # later, somebody else tries for themselves
            listing(http, sandbox)


@pytest.mark.parametrize("moment", range(1, 6))
def test_a_token_revoked_at_any_moment_costs_one_repeat(start_sandbox, open_client, moment):
    sandbox = start_sandbox(faults=f"revoked@{moment}")
    frame = open_client(sandbox).table("calls", "2026-08-03", "2026-08-05", progress=False)
    assert frame.num_rows
    assert count(sandbox) == 2
    assert sum(request.status == 401 for request in sandbox.requests) == 1


def test_it_is_renewed_before_its_end(start_sandbox):
    sandbox = start_sandbox()
    with httpx.Client(auth=auth_of(sandbox)) as http:
        for moment, tokens in [(0, 1), (538, 1), (2, 2), (538, 2), (2, 3)]:
            sandbox.clock.advance(moment)
            assert listing(http, sandbox).status_code == 200
            assert count(sandbox) == tokens


def test_a_short_life_is_used_by_half():
    assert AccessToken(Secret("t"), expires_in=100, asked_at=1000).renew_at == 1050
    assert AccessToken(Secret("t"), expires_in=599, asked_at=1000).renew_at == 1539


def test_a_second_401_names_host_account_and_scopes(start_sandbox, open_client):
    sandbox = start_sandbox(faults="401-once@*")
    with pytest.raises(UnauthorizedError) as caught:
        open_client(sandbox).jobs("calls")
    for said in ("127.0.0.1", "'sandbox'", "data-reports:read", "1020018"):
        assert said in str(caught.value)
    assert count(sandbox) == 2


def test_other_origins_never_see_the_token(start_sandbox):
    sandbox, stranger = start_sandbox(), start_sandbox()
    with httpx.Client(auth=auth_of(sandbox)) as http:
        listing(http, sandbox)
        answer = listing(http, stranger)
    assert answer.status_code == 401
    assert [request.had_authorization for request in stranger.requests] == [False]


def test_nothing_is_buffered_that_the_caller_streams(start_sandbox):
    sandbox = start_sandbox()
    with httpx.Client(auth=auth_of(sandbox)) as http:
        url = f"{sandbox.api_url}/data/reports/calls/jobs"
        with http.stream("GET", url) as answer:
            assert not answer.is_stream_consumed
            assert answer.read()


@pytest.mark.parametrize("kind", ["secret", "assertion"])
def test_the_history_holds_neither_token_nor_proof(start_sandbox, kind):
    sandbox = start_sandbox(faults="401-once@1")
    auth = auth_of(sandbox)
    if kind == "assertion":
        key = Secret(sandbox.private_key)
        credentials = ClientAssertion(sandbox.client_id, key, sandbox.key_id)
        auth = TalkdeskAuth(account_of(sandbox), credentials, clock=sandbox.clock)
    with httpx.Client(auth=auth) as http:
        answer = listing(http, sandbox)
    assert [past.status_code for past in answer.history] == [200, 401, 200]
    for past in [*answer.history, answer]:
        assert "authorization" not in past.request.headers
        assert "access_token" not in past.text
        assert not past.request.read() or past.request.method == "GET"


def test_the_token_request_has_a_timeout_of_its_own(start_sandbox):
    flow = auth_of(start_sandbox()).sync_auth_flow(httpx.Request("GET", "http://127.0.0.1:9"))
    assert next(flow).url.port == 9  # not the API: unsigned, no token asked for
    sandbox = start_sandbox()
    flow = auth_of(sandbox).sync_auth_flow(httpx.Request("GET", sandbox.api_url))
    request = next(flow)
    assert str(request.url) == sandbox.token_url
    assert request.extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), 20)
    flow.close()


def test_a_renewal_that_breaks_off_frees_the_lock(start_sandbox):
    sandbox = start_sandbox()
    auth = auth_of(sandbox)
    flow = auth.sync_auth_flow(httpx.Request("GET", sandbox.api_url))
    next(flow)
    flow.close()
    with httpx.Client(auth=auth) as http:
        assert listing(http, sandbox).status_code == 200


def test_an_async_client_is_told_so():
    auth = TalkdeskAuth(Account("acme"), ClientSecret("c", Secret("s")))
    with pytest.raises(TypeError, match="synchronous"):
        auth.async_auth_flow(httpx.Request("GET", "https://api.talkdeskapp.com"))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512"])
def test_assertions_of_all_algorithms_open_the_door(start_sandbox, algorithm):
    sandbox = start_sandbox()
    client = sandbox.add_client(algorithm=algorithm)
    credentials = ClientAssertion(
        client.client_id, Secret(client.private_key), client.key_id, algorithm
    )
    transport = Transport(TalkdeskAuth(account_of(sandbox), credentials, clock=sandbox.clock))
    assert "data-reports:read" in transport.renew_token().scopes
    transport.close()


def test_a_clock_that_is_off_is_said_to_be(start_sandbox):
    sandbox = start_sandbox()

    class Late:
        monotonic = sandbox.clock.monotonic
        sleep = sandbox.clock.sleep

        def time(self):
            return sandbox.clock.time() - 900

    credentials = ClientAssertion(sandbox.client_id, Secret(sandbox.private_key), sandbox.key_id)
    auth = TalkdeskAuth(account_of(sandbox), credentials, clock=Late())
    with httpx.Client(auth=auth) as http, pytest.raises(TokenError, match="900 s behind the host"):
        listing(http, sandbox)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"secret": "wrong"}, "invalid_client.*Check client id"),
        ({"scope": "moon:read"}, "invalid_scope.*add it to the OAuth client"),
    ],
)
def test_a_refusal_explains_itself(start_sandbox, change, message):
    sandbox = start_sandbox()
    with (
        httpx.Client(auth=auth_of(sandbox, **change)) as http,
        pytest.raises(TokenError, match=message) as caught,
    ):
        listing(http, sandbox)
    assert caught.value.status_code in {400, 401}
    assert not caught.value.retryable


@pytest.mark.parametrize("fault", ["token-500", "token-429", "html:token", "reset:token"])
def test_a_busy_identity_host_is_asked_again(start_sandbox, open_client, fault):
    sandbox = start_sandbox(faults=f"{fault}@1")
    client = open_client(sandbox)
    if fault == "html:token":
        with pytest.raises(TokenError, match="does not look like Talkdesk's token endpoint"):
            client.renew_token()
    assert client.renew_token().expires_in == 599
    assert count(sandbox) == 2


def test_no_identity_host_at_all():
    account = Account(
        "acme", "x", token_url="http://127.0.0.1:9/oauth/token", api_url="http://127.0.0.1:9"
    )
    auth = TalkdeskAuth(account, ClientSecret("c", Secret("s")))
    transport = Transport(auth, seed=1)
    transport.clock = Impatient()
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1 gave no answer") as caught:
        transport.renew_token()
    assert not caught.value.sent
    transport.close()


class Impatient:
    """A clock on which every pause is over at once."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    time = monotonic

    def sleep(self, seconds, *, wake=None):
        self.now += seconds
