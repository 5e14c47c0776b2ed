from __future__ import annotations

import base64
import threading
import uuid
import warnings
from typing import Any

import httpx
import jwt
import pytest
from cryptography.x509 import load_der_x509_certificate
from plain_client import NOW, MakeTalker, Talker

from td_notebooks.errors import ConfigError
from td_notebooks.sandbox import Sandbox, SandboxClock
from td_notebooks.sandbox.clients import ASSERTION_TYPE, SandboxClient
from td_notebooks.sandbox.identity import SCOPES
from td_notebooks.sandbox.keys import ALGORITHMS


def assertion(
    talker: Talker,
    client: SandboxClient | None = None,
    *,
    algorithm: str | None = None,
    key: str | None = None,
    kid: str | None = None,
    **changes: Any,
) -> str:
    client = client or talker.sandbox.client
    now = talker.sandbox.clock.time()
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": talker.sandbox.token_url,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 300,
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(
        claims,
        key or client.private_key,
        algorithm or client.key.algorithm,
        headers={"kid": kid or client.key_id},
    )


def by_assertion(talker: Talker, text: str, **form: str) -> httpx.Response:
    fields = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    return talker.http.post(
        talker.sandbox.token_url, data=fields | {"client_assertion": text} | form
    )


def error(answer: httpx.Response) -> tuple[int, str, str]:
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


BAD_CLIENT = (401, "invalid_client", "Bad client credentials")


def test_a_token_by_secret(talk: MakeTalker) -> None:
    talker = talk(login=False)
    answer = talker.token()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 599
    assert body["scope"].split() == list(SCOPES)
    header = jwt.get_unverified_header(body["access_token"])
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert set(header) == {"alg", "kid"}
    assert claims["aud"] == talker.sandbox.api_url
    assert claims["exp"] - claims["iat"] == 600
    assert claims["nbf"] == claims["iat"] == int(NOW)
    assert claims["scp"] == list(SCOPES)
    assert claims["cid"] == claims["sub"] == talker.sandbox.client_id
    assert (claims["acc"], claims["gty"], claims["rlm"], claims["psn"]) == (
        "sandbox",
        "client_credentials",
        "MAIN",
        "CUSTOMER",
    )
    assert len(claims["aid"]) == 24
    assert talker.sandbox.tokens == (body["access_token"],)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_by_assertion(talk: MakeTalker, algorithm: str) -> None:
    talker = talk(login=False)
    client = talker.sandbox.add_client(algorithm=algorithm)
    answer = by_assertion(talker, assertion(talker, client), client_id=client.client_id)
    assert answer.status_code == 200
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["cid"] == client.client_id


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://sandbox.talkdeskid.com/oauth/token"},
        {"aud": None},
        {"iss": "0" * 32},
        {"sub": "0" * 32},
        {"exp": None},
        {"exp": NOW - 1},
        {"exp": NOW + 601},
        {"exp": "soon"},
        {"iat": NOW + 301},
        {"iat": "now"},
        {"jti": None},
        {"jti": ""},
        {"kid": "0" * 32},
    ],
    ids=str,
)
def test_a_wrong_assertion_is_refused(talk: MakeTalker, changes: dict[str, Any]) -> None:
    talker = talk(login=False)
    text = assertion(talker, **changes)
    assert error(by_assertion(talker, text)) == BAD_CLIENT
    assert by_assertion(talker, assertion(talker, iat=None)).status_code == 200


def test_the_audience_is_one_text(talk: MakeTalker) -> None:
    talker = talk(login=False)
    text = assertion(talker, aud=[talker.sandbox.token_url])
    assert error(by_assertion(talker, text)) == BAD_CLIENT


def test_a_foreign_key_or_algorithm_is_refused(talk: MakeTalker) -> None:
    talker = talk(login=False)
    other = talker.sandbox.add_client()
    assert error(by_assertion(talker, assertion(talker, key=other.private_key))) == BAD_CLIENT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyJWT on the short key
        forged = assertion(talker, key="public", algorithm="HS256")
    assert error(by_assertion(talker, forged)) == BAD_CLIENT
    assert error(by_assertion(talker, "not.a.jwt")) == BAD_CLIENT
    good = assertion(talker)
    assert error(by_assertion(talker, good, client_assertion_type="other")) == BAD_CLIENT


def test_an_assertion_works_once(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk(login=False)
    text = assertion(talker)
    assert by_assertion(talker, text).status_code == 200
    assert error(by_assertion(talker, text)) == BAD_CLIENT
    clock.advance(301)
    assert error(by_assertion(talker, text)) == BAD_CLIENT
    assert by_assertion(talker, assertion(talker)).status_code == 200


def test_basic_may_be_percent_encoded(talk: MakeTalker) -> None:
    talker = talk(login=False)
    odd = talker.sandbox.add_client("a:b c")
    auth = ("a%3Ab%20c", odd.client_secret)
    form = {"grant_type": "client_credentials"}
    answer = talker.http.post(talker.sandbox.token_url, data=form, auth=auth)
    assert answer.status_code == 200


def test_the_grant_may_stand_in_the_query(talk: MakeTalker) -> None:
    talker = talk(login=False)
    auth = (talker.sandbox.client_id, talker.sandbox.client_secret)
    url = f"{talker.sandbox.token_url}?grant_type=client_credentials"
    assert talker.http.post(url, auth=auth).status_code == 200
    # A JSON body holds no form fields.
    assert talker.http.post(url, auth=auth, json={"grant_type": "x"}).status_code == 200


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text).decode()}


@pytest.mark.parametrize(
    ("headers", "form", "expected"),
    [
        ({}, {}, (401, "unauthorized", "Full authentication is required")),
        ({"Authorization": "Bearer x"}, {}, (401, "unauthorized", "Full authentication")),
        ({"Authorization": "Basic ä!".encode()}, {}, BAD_CLIENT),
        (basic(b"\xff"), {}, BAD_CLIENT),
        (basic(b"who:what"), {}, BAD_CLIENT),
        (basic(b"no colon"), {}, BAD_CLIENT),
        (None, {"grant_type": ""}, (400, "invalid_request", "Missing grant type")),
        (None, {"grant_type": "password"}, (400, "unsupported_grant_type", "Unsupported grant")),
        (None, {"scope": "data-reports:read x:y"}, (400, "invalid_scope", "Invalid scope: x:y")),
        (None, {"client_id": "0"}, (401, "invalid_client", "Given client ID does not match")),
        (None, {"client_assertion": "x"}, (400, "invalid_request", "Multiple client")),
    ],
)
def test_refusals(
    talk: MakeTalker, headers: Any, form: dict[str, str], expected: tuple[int, str, str]
) -> None:
    talker = talk(login=False)
    secret = f"{talker.sandbox.client_id}:{talker.sandbox.client_secret}".encode()
    headers = basic(secret) if headers is None else headers
    form = {"grant_type": "client_credentials"} | form
    answer = talker.http.post(talker.sandbox.token_url, data=form, headers=headers)
    status, code, description = error(answer)
    assert (status, code) == expected[:2]
    assert description.startswith(expected[2])
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)
    assert talker.sandbox.tokens == ()


def test_other_methods_and_paths(talk: MakeTalker) -> None:
    talker = talk(login=False)
    answer = talker.http.get(talker.sandbox.token_url)
    assert error(answer)[:2] == (405, "method_not_allowed")
    assert talker.http.get(talker.sandbox.identity_url + "/else").status_code == 404


def test_scopes_asked_for_are_granted_in_order_and_once(talk: MakeTalker) -> None:
    talker = talk(login=False)
    answer = talker.token(scope="reports:read  data-reports:read reports:read")
    assert answer.json()["scope"] == "reports:read data-reports:read"


@pytest.mark.parametrize("path", ["/oauth/certs", "/oauth/2023-10/certs"])
def test_the_key_set_verifies_tokens(talk: MakeTalker, path: str) -> None:
    talker = talk(login=False)
    token = talker.token().json()["access_token"]
    (key,) = talker.http.get(talker.sandbox.identity_url + path).json()["keys"]
    assert key["kid"] == jwt.get_unverified_header(token)["kid"]

    def number(text: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    der = base64.b64decode(key["x5c"][0])
    if "2023" in path:
        point = load_der_x509_certificate(der).public_key().public_numbers()  # type: ignore[union-attr]  # an EC key
        assert (point.x, point.y) == (number(key["x"]), number(key["y"]))  # type: ignore[union-attr]  # an EC key
    strict = {
        name: base64.urlsafe_b64encode(number(key[name]).to_bytes(32)).rstrip(b"=").decode()
        for name in ("x", "y")
    }
    public = jwt.PyJWK.from_dict(key | strict)
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    claims = jwt.decode(
        token, public.key, ["ES256"], audience=talker.sandbox.api_url, options=options
    )
    assert claims["acc"] == "sandbox"


def test_a_token_ends_on_the_sandbox_clock(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk()
    clock.advance(599)
    assert talker.call("GET", "/account").status_code == 200
    clock.advance(1)
    assert talker.call("GET", "/account").status_code == 401


def test_revoked_tokens_are_useless_and_new_ones_work(talk: MakeTalker) -> None:
    talker = talk()
    talker.sandbox.revoke_tokens()
    assert talker.call("GET", "/account").status_code == 401
    assert talker.login().call("GET", "/account").status_code == 200


def test_a_token_of_another_sandbox_is_refused(talk: MakeTalker) -> None:
    one, other = talk(), talk()
    one.headers = other.headers
    assert one.call("GET", "/account").status_code == 401


def test_secrets_look_like_talkdesks_and_are_not_shown(talk: MakeTalker) -> None:
    sandbox = talk().sandbox
    assert len(sandbox.client_id) == len(sandbox.key_id) == 32
    assert int(sandbox.client_id, 16)
    assert len(sandbox.client_secret) == 86
    assert sandbox.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert sandbox.private_key == sandbox.private_key
    assert {sandbox.client_secret, sandbox.private_key, *sandbox.tokens} < set(sandbox.secrets)
    assert any(secret.startswith("MIG") for secret in sandbox.secrets)
    pair = f"{sandbox.client_id}:{sandbox.client_secret}".encode()
    assert base64.b64encode(pair).decode() in sandbox.secrets
    shown = repr((sandbox, sandbox.client, vars(sandbox), sandbox._identity.tokens.values()))
    shown += repr(sandbox.requests)
    assert not [secret for secret in sandbox.secrets if secret in shown.replace("\\n", "\n")]


def test_an_unknown_algorithm_is_a_mistake() -> None:
    sandbox = Sandbox()
    with pytest.raises(ConfigError, match="RS256"):
        sandbox.add_client(algorithm="RS256")
    sandbox.close()


def test_threads_get_their_own_tokens(talk: MakeTalker) -> None:
    talker = talk(login=False)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(talker.token().status_code))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert len(set(talker.sandbox.tokens)) == 16
