"""Every grant, over real sockets, proved with a secret and with a signed assertion."""

import base64
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from visitors import (
    PROOFS,
    account_of,
    secret_of,
    token_requests,
    transport_of,
    visit,
    visit_meanwhile,
)

from td_notebooks.auth import LongLivedToken
from td_notebooks.auth.browser import LoginRequest, can_listen
from td_notebooks.auth.grants import AuthorizationCode, OpaqueToken, claim
from td_notebooks.auth.keys import (
    KeySet,
    introspection_request,
    keys_url,
    parse_introspection,
    verify_id_token,
)
from td_notebooks.auth.users import Memory, UserLogin
from td_notebooks.errors import AuthError, ConfigError, NotLoggedInError, TokenError
from td_notebooks.sandbox.identity import SCOPES
from td_notebooks.secret import Secret

SCOPE = "data-reports:read openid"


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox()


@pytest.fixture
def client(sandbox, redirect_uri):
    return sandbox.add_client(scopes=[*SCOPES, "openid"], redirect_uris=[redirect_uri])


@pytest.fixture
def login(sandbox, client, redirect_uri):
    return LoginRequest.begin(
        account_of(sandbox), client.client_id, scope=SCOPE, redirect_uri=redirect_uri
    )


def keys_of(sandbox):
    return KeySet.parse(httpx.get(keys_url(account_of(sandbox))).content)


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_a_user_logs_in_and_stays_logged_in(sandbox, client, login, prove):
    user = UserLogin(prove(client), Memory(), login.code(visit(login.url)))
    transport = transport_of(sandbox, user)
    seen = []
    for _ in range(4):
        token = transport.renew_token()
        assert token.scopes == {"data-reports:read", "openid"}
        seen.append(token.refresh_token.reveal())
        assert user.keeper.read() == token.refresh_token
    assert len(set(seen)) == 4, "the sandbox changes them each time"
    assert [request.status for request in token_requests(sandbox)] == [200] * 4


def test_the_identity_token_answers_the_login(sandbox, client, login):
    user = UserLogin(secret_of(client), Memory(), login.code(visit(login.url)))
    transport = transport_of(sandbox, user)
    token = transport.renew_token()
    facts = {
        "account": account_of(sandbox),
        "client_id": client.client_id,
        "nonce": login.nonce,
        "now": sandbox.clock.time(),
    }
    keys = keys_of(sandbox)
    claims = verify_id_token(token.id_token, keys, **facts)
    assert claims["email"] == "ana@sandbox.invalid"
    for change, said in [
        ({"client_id": "another"}, "for another client"),
        ({"nonce": Secret("another")}, "another login"),
        ({"now": facts["now"] + 700}, "has expired"),
    ]:
        with pytest.raises(AuthError, match=said):
            verify_id_token(token.id_token, keys, **facts | change)
    head, payload, signature = token.id_token.reveal().split(".")
    turned = signature[:9] + ("A" if signature[9] != "A" else "B") + signature[10:]
    for text in (f"{head}.{payload}.{turned}", f"{head}.{payload}.", "no token"):
        with pytest.raises(AuthError, match="no good signature"):
            verify_id_token(Secret(text), keys, **facts)


def test_a_foreign_issuer_is_not_believed(sandbox, client):
    identity = sandbox._identity
    facts = {
        "account": account_of(sandbox),
        "client_id": client.client_id,
        "nonce": Secret("n"),
        "now": 0.0,
    }
    claims = {"aud": [client.client_id], "nonce": "n", "exp": 600}
    for issuer, good in [
        ("https://www.talkdeskid.com", True),
        ("https://acme.talkdeskid.eu", True),
        (sandbox.identity_url, True),
        ("https://talkdeskid.com.evil.example", False),
        ("https://eviltalkdeskid.com", False),
        ("http://www.talkdeskid.com", False),
        ("https://[", False),
    ]:
        token = Secret(identity.sign(claims | {"iss": issuer}))
        if good:
            verify_id_token(token, keys_of(sandbox), **facts)
        else:
            with pytest.raises(AuthError, match="token comes from"):
                verify_id_token(token, keys_of(sandbox), **facts)


def test_a_key_set_tolerates_what_talkdesk_sends(sandbox):
    found = []
    for _ in range(6):  # a coordinate's first bit is set in half of the keys
        body = httpx.get(keys_url(account_of(sandbox))).content
        found += KeySet.parse(body).keys
    assert set(found) == {sandbox._identity.key.key_id}
    for body in (b"", b"[]", b'{"keys": 1}', b'{"keys": [{"kid": "x"}, 7]}'):
        with pytest.raises(AuthError, match="no key that can be used"):
            KeySet.parse(body)
    odd = b'{"keys": [{"kid": "x", "kty": "EC", "crv": "P-256", "x": "*", "y": "!"}]}'
    with pytest.raises(AuthError, match="no key that can be used"):
        KeySet.parse(odd)


@pytest.mark.parametrize("size", [31, 32, 33])
@pytest.mark.parametrize("name", ["x", "y"])
def test_a_coordinate_of_any_length(sandbox, client, size, name):
    """Java writes a number whose first bit is set with a zero before it, and drops leading ones."""
    key = sandbox._identity.key
    while _length(key, name) != size:
        key._private = ec.generate_private_key(ec.SECP256R1())
    keys = KeySet.parse(httpx.get(keys_url(account_of(sandbox))).content)
    claims = {"iss": sandbox.identity_url, "aud": client.client_id, "nonce": "n", "exp": 600}
    facts = {"account": account_of(sandbox), "client_id": client.client_id, "nonce": Secret("n")}
    assert verify_id_token(Secret(sandbox._identity.sign(claims)), keys, now=0.0, **facts)


def _length(key, name):
    text = key.jwk(certificate=False)[name]
    return len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
def test_an_identity_token_signed_in_another_way(sandbox, client, algorithm):
    """With no key, with the public key as if it were a secret, with a key of another kind."""
    public = httpx.get(keys_url(account_of(sandbox))).content
    claims = {"iss": sandbox.identity_url, "aud": client.client_id, "nonce": "n", "exp": 600}
    secret = {
        "none": None,
        "HS256": public + bytes(32),
        "RS256": rsa.generate_private_key(65537, 2048),
    }[algorithm]
    head = {"kid": sandbox._identity.key.key_id}
    token = Secret(jwt.encode(claims, secret, algorithm, headers=head))
    with pytest.raises(AuthError, match="no good signature"):
        verify_id_token(
            token,
            KeySet.parse(public),
            account=account_of(sandbox),
            client_id=client.client_id,
            nonce=Secret("n"),
            now=0.0,
        )


def test_a_long_lived_token_goes_without_bearer(sandbox):
    credentials = LongLivedToken(sandbox.client_id, Secret(sandbox.client_secret), seconds=172_800)
    transport = transport_of(sandbox, credentials, scope="data-reports:read")
    with httpx.Client(auth=transport.auth) as http:
        for _ in range(3):
            answer = http.get(f"{sandbox.api_url}/data/reports/calls/jobs")
            assert answer.status_code == 200
            sandbox.clock.advance(40_000)
    assert len(token_requests(sandbox)) == 1
    token = transport.auth.token
    assert token.expires_in == 172_800 and token.secret.reveal().startswith("tdst_")
    question = introspection_request(account_of(sandbox), token.secret, timeout=60)
    with httpx.Client() as http:
        answer = http.send(question)
    state = parse_introspection(answer.status_code, answer.content, keys_of(sandbox))
    assert (state["active"], state["scp"]) == (True, "data-reports:read")
    forged = answer.content.replace(b'"active":true', b'"active":false')
    with pytest.raises(AuthError, match="not signed"):
        parse_introspection(200, forged, keys_of(sandbox))
    unsigned = answer.content.replace(b'"sig":"', b'"sig":"*')
    with pytest.raises(AuthError, match="not signed"):
        parse_introspection(200, unsigned, keys_of(sandbox))
    with pytest.raises(AuthError, match="has no key 'x'"):
        parse_introspection(200, b'{"token_introspection": {}, "kid": "x"}', keys_of(sandbox))
    with pytest.raises(AuthError, match="answered 404: not an introspection"):
        parse_introspection(404, b"", keys_of(sandbox))


@pytest.mark.parametrize("seconds", [0, 86_399, 31_556_953])
def test_a_long_life_is_a_day_to_a_year(seconds):
    with pytest.raises(ConfigError, match=f"cannot live {seconds} s"):
        OpaqueToken(seconds=seconds)


def test_the_browser_comes_back_to_this_machine(login, redirect_uri):
    visitors = []
    code = login.wait(timeout=60, show=lambda url: visitors.append(visit_meanwhile(url)))
    visitors[0].join()
    assert code.redirect_uri == redirect_uri and code.scope == "data-reports:read"
    with httpx.Client() as http, pytest.raises(httpx.ConnectError):
        http.get(redirect_uri)


def test_only_the_answer_to_this_login_ends_the_wait(login, redirect_uri):
    answers = []

    def show(url):
        other = {"Host": "evil.example:1"}
        address = visit(url)
        query = address.partition("?")[2]
        answers.append(httpx.get(redirect_uri).status_code)
        answers.append(httpx.get(redirect_uri.replace("callback", "favicon.ico")).status_code)
        answers.append(httpx.get(f"{redirect_uri}?code=x&state=wrong").status_code)
        answers.append(httpx.get(f"{redirect_uri}?error=x&state=wrong").status_code)
        answers.append(httpx.get(address, headers=other).status_code)
        page = httpx.get(f"{redirect_uri}?{query}")
        answers.append(page.status_code)
        assert "It is done" in page.text and query not in page.text

    threads = []

    def start(url):
        threads.append(threading.Thread(target=show, args=(url,)))
        threads[0].start()

    assert isinstance(login.wait(timeout=60, show=start), AuthorizationCode)
    threads[0].join()
    assert answers == [400, 404, 400, 400, 404, 200]


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_the_page_says_nothing_of_a_code_that_comes_by_another_way(
    login, redirect_uri, capfd, method
):
    def show(url):
        httpx.request(method, f"{redirect_uri}?code=c0de&state=5tate")

    threads = []

    def start(url):
        threads.append(threading.Thread(target=show, args=(url,)))
        threads[0].start()

    with pytest.raises(NotLoggedInError):
        login.wait(timeout=1, show=start)
    threads[0].join()
    assert "c0de" not in "".join(capfd.readouterr())


def test_a_refusal_in_the_browser_is_told(login):
    visitors = []
    with pytest.raises(AuthError, match=r"refused: access_denied\. Press Allow"):
        login.wait(
            timeout=60, show=lambda url: visitors.append(visit_meanwhile(url, decision="deny"))
        )
    visitors[0].join()


def test_nobody_comes(login):
    began = time.monotonic()
    with pytest.raises(NotLoggedInError, match=r"within 0 s.*paste=True"):
        login.wait(timeout=0.3, show=lambda url: None)
    assert time.monotonic() - began < 3


def test_a_port_in_use_and_an_address_elsewhere(sandbox, client, login):
    with (
        _taken(login),
        pytest.raises(ConfigError, match="cannot be listened at"),
    ):
        login.wait(timeout=1, show=lambda url: None)
    elsewhere = LoginRequest.begin(
        account_of(sandbox), client.client_id, scope="", redirect_uri="https://app.example/back"
    )
    with pytest.raises(ConfigError, match="not one of this machine"):
        elsewhere.wait(timeout=1, show=lambda url: None)
    assert not can_listen("http://[")


def _taken(login):
    taken = socket.socket()
    taken.bind(("127.0.0.1", urlsplit(login.redirect_uri).port))
    taken.listen()
    return taken


def test_a_code_is_good_once_and_not_quoted(sandbox, client, login):
    code = login.code(visit(login.url))
    first, second = (UserLogin(secret_of(client), Memory(), code) for _ in range(2))
    transport_of(sandbox, first).renew_token()
    with pytest.raises(TokenError, match="good once") as caught:
        transport_of(sandbox, second).renew_token()
    assert code.code.reveal() not in str(caught.value)
    assert "•••" in caught.value.error_description


def test_a_used_refresh_token_is_not_quoted(sandbox, client, login):
    user = UserLogin(secret_of(client), Memory(), login.code(visit(login.url)))
    transport = transport_of(sandbox, user)
    old = transport.renew_token().refresh_token
    transport.renew_token()
    other = transport_of(sandbox, UserLogin(secret_of(client), Memory(old)))
    with pytest.raises(TokenError, match="log in again") as caught:
        other.renew_token()
    assert old.reveal() not in str(caught.value)


def test_programs_share_a_login_through_its_keeper(sandbox, client, login):
    keeper = Memory()
    first = transport_of(
        sandbox, UserLogin(secret_of(client), keeper, login.code(visit(login.url)))
    )
    second = transport_of(sandbox, UserLogin(secret_of(client), keeper))
    for transport in (first, second, first, second):
        transport.renew_token()
    assert [request.status for request in token_requests(sandbox)] == [200] * 4


def test_a_refresh_token_that_another_program_was_quicker_to_use(sandbox, client, login):
    """Between reading it and sending it: the next one is there by then."""
    first = UserLogin(secret_of(client), Memory(), login.code(visit(login.url)))
    other = transport_of(sandbox, first)
    old = other.renew_token().refresh_token

    class Late(Memory):
        reads = 0

        def read(self):
            self.reads += 1
            if self.reads > 1:
                return super().read()
            other.renew_token()
            self.write(first.keeper.read())
            return old

    slow = transport_of(sandbox, UserLogin(secret_of(client), Late()))
    assert slow.renew_token().scopes == {"data-reports:read", "openid"}
    assert [request.status for request in token_requests(sandbox)] == [200, 200, 400, 200]
    # One that nobody renewed is refused once, and not asked for again.
    with pytest.raises(TokenError, match="log in again"):
        transport_of(sandbox, UserLogin(secret_of(client), Memory(old))).renew_token()
    assert len(token_requests(sandbox)) == 5


def test_without_a_refresh_token_the_login_ends(sandbox, client):
    with pytest.raises(NotLoggedInError, match="Nobody is logged in"):
        transport_of(sandbox, UserLogin(secret_of(client), Memory())).renew_token()
    assert "UserLogin(client=ClientSecret" in repr(UserLogin(secret_of(client), Memory()))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "no code"),
        ("http://127.0.0.1:8400/callback", "no code"),
        ("?code=abc", "another login"),
        ("?code=abc&state=other", "another login"),
        ("?error=invalid_scope&state=other", "another login"),
    ],
)
def test_a_pasted_address_that_is_no_answer(login, address, said):
    with pytest.raises(AuthError, match=said):
        login.code(address)


@pytest.mark.parametrize("comma", ["a:read b:write", "a:read,b:write", "a:read, b:write"])
@pytest.mark.parametrize("spelt", [str, lambda text: text.replace(",", " ").split()])
def test_scopes_in_every_spelling(sandbox, comma, spelt):
    sandbox._identity.answer = lambda token: {"access_token": "t", "scope": spelt(comma)}
    client = sandbox.add_client(scopes=["a:read", "b:write"])
    transport = transport_of(sandbox, secret_of(client), scope="a:read b:write")
    assert transport.renew_token().scopes == {"a:read", "b:write"}


@pytest.mark.parametrize("value", [None, 7, {}, "", []])
def test_scopes_that_the_answer_does_not_tell(sandbox, value):
    sandbox._identity.answer = lambda token: {"access_token": "t", "scope": value}
    client = sandbox.add_client(scopes=["a:read", "b:write"])
    transport = transport_of(sandbox, secret_of(client), scope="a:read b:write")
    assert transport.renew_token().scopes == frozenset()


def test_the_audience_of_what_is_no_jwt():
    for text in ("opaque", "a.b.c", "a.bm8.c", "a.W10.c"):
        assert claim(text, "aud") == ""
