from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from plain_client import MakeTalker, Talker

from td_notebooks.sandbox import SandboxClock
from td_notebooks.sandbox.clients import SandboxClient
from td_notebooks.sandbox.identity import SCOPES

BACK = "http://127.0.0.1:1/callback"


@pytest.fixture
def talker(talk: MakeTalker) -> Talker:
    return talk(login=False)


@pytest.fixture
def client(talker: Talker) -> SandboxClient:
    return talker.sandbox.add_client(
        scopes=[*SCOPES, "openid"], redirect_uris=[BACK, BACK + "?a=b"]
    )


def authorize(talker: Talker, client: SandboxClient, **changes: str) -> dict[str, str]:
    """Log in as a browser would: read the page, fill its form, press a button."""
    decision = changes.pop("decision", "allow")
    asked = {"client_id": client.client_id, "redirect_uri": BACK, "response_type": "code"}
    asked |= {"state": '"<ä>&', "nonce": "n1"} | changes
    page = talker.http.get(f"{talker.sandbox.identity_url}/oauth/authorize", params=asked)
    assert page.status_code == 200, page.text
    hidden = dict(re.findall('type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
    assert set(hidden) == set(asked)
    assert '"<' not in hidden["state"]
    form = asked | {"user": "ana@sandbox.invalid", "decision": decision}
    answer = talker.http.post(f"{talker.sandbox.identity_url}/oauth/authorize", data=form)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(asked["redirect_uri"])
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query.pop("state") == ['"<ä>&']
    return {name: values[0] for name, values in query.items()}


def ask(talker: Talker, client: SandboxClient, grant: str, **form: str) -> httpx.Response:
    return talker.http.post(
        talker.sandbox.token_url,
        data={"grant_type": grant} | form,
        auth=(client.client_id, client.client_secret),
    )


def claims_of(text: str) -> dict[str, Any]:
    return dict(jwt.decode(text, options={"verify_signature": False}))


def test_the_authorization_code_flow(talker: Talker, client: SandboxClient) -> None:
    code = authorize(talker, client, redirect_uri=BACK + "?a=b")["code"]
    body = ask(talker, client, "authorization_code", code=code, redirect_uri=BACK + "?a=b").json()
    assert body["expires_in"] == 599
    claims, identity = claims_of(body["access_token"]), claims_of(body["id_token"])
    assert (claims["gty"], claims["usr"], claims["psn"]) == (
        "authorization_code",
        "ana@sandbox.invalid",
        "INTERNAL",
    )
    assert claims["sid"] == body["sid"]
    assert (identity["aud"], identity["nonce"]) == (client.client_id, "n1")
    talker.headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert talker.submit().status_code == 202
    secrets = talker.sandbox.secrets
    assert {code, body["refresh_token"], body["id_token"], body["access_token"]} <= set(secrets)


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_code_is_good_once_for_its_client_and_a_while(
    talker: Talker, client: SandboxClient, clock: SandboxClock
) -> None:
    grant = "authorization_code"
    code = authorize(talker, client)["code"]
    assert refused(ask(talker, talker.sandbox.client, grant, code=code)) == (400, "invalid_grant")
    assert refused(ask(talker, client, grant, code=code)) == (400, "invalid_grant")
    code = authorize(talker, client)["code"]
    wrong = ask(talker, client, grant, code=code, redirect_uri=BACK + "/x")
    assert refused(wrong) == (400, "invalid_grant")
    code = authorize(talker, client)["code"]
    clock.advance(300)
    assert refused(ask(talker, client, grant, code=code)) == (400, "invalid_grant")
    assert refused(ask(talker, client, grant)) == (400, "invalid_grant")


def test_without_openid_there_is_no_identity_token(talker: Talker, client: SandboxClient) -> None:
    code = authorize(talker, client, scope="account:read")["code"]
    body = ask(talker, client, "authorization_code", code=code).json()
    assert "id_token" not in body
    assert body["scope"] == "account:read"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"decision": "deny"}, "access_denied"),
        ({"scope": "x:y"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_refusals_go_back_to_the_application(
    talker: Talker, client: SandboxClient, changes: dict[str, str], error: str
) -> None:
    assert authorize(talker, client, **changes) == {"error": error}


def test_a_login_without_state(talker: Talker, client: SandboxClient) -> None:
    asked = {"client_id": client.client_id, "redirect_uri": BACK, "decision": "deny"}
    url = f"{talker.sandbox.identity_url}/oauth/authorize"
    answer = talker.http.post(url, data=asked | {"response_type": "code"})
    assert answer.headers["Location"] == BACK + "?error=access_denied"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "0"}, 401, "invalid_client"),
        ({"redirect_uri": "http://evil.invalid"}, 400, "invalid_grant"),
        ({"redirect_uri": ""}, 400, "invalid_grant"),
    ],
)
def test_nobody_is_sent_to_an_unknown_place(
    talker: Talker,
    client: SandboxClient,
    method: str,
    changes: dict[str, str],
    status: int,
    error: str,
) -> None:
    asked = {"client_id": client.client_id, "redirect_uri": BACK, "response_type": "code"}
    url = f"{talker.sandbox.identity_url}/oauth/authorize"
    answer = talker.http.request(method, url, params=asked | changes)
    assert refused(answer) == (status, error)
    assert set(answer.json()) == {"header", "error", "error_description"}


def test_refresh_tokens_rotate_and_narrow(talker: Talker, client: SandboxClient) -> None:
    code = authorize(talker, client)["code"]
    first = ask(talker, client, "authorization_code", code=code).json()
    old = first["refresh_token"]

    def refresh(text: str, **form: str) -> httpx.Response:
        return ask(talker, client, "refresh_token", refresh_token=text, **form)

    assert refused(refresh(old, scope="x:y")) == (400, "invalid_scope")
    second = refresh(old, scope="account:read").json()
    assert second["scope"] == "account:read"
    assert second["sid"] == first["sid"]
    assert claims_of(second["access_token"])["gty"] == "refresh_token"
    assert refused(refresh(old)) == (400, "invalid_grant")
    third = refresh(second["refresh_token"]).json()
    assert third["scope"] == first["scope"]
    other = talker.sandbox.client
    stolen = ask(talker, other, "refresh_token", refresh_token=third["refresh_token"])
    assert refused(stolen) == (400, "invalid_grant")
    assert refused(ask(talker, client, "refresh_token")) == (401, "unauthorized")


# -- long-lived tokens -----------------------------------------------------------------------------


def introspect(talker: Talker, **form: str) -> httpx.Response:
    return talker.http.post(f"{talker.sandbox.identity_url}/oauth/introspect", data=form)


def test_a_long_lived_token(talker: Talker, clock: SandboxClock) -> None:
    body = talker.token(token_type="opaque", scope="account:read", expires_in="172800").json()
    token = body["access_token"]
    assert body["expires_in"] == 172800
    assert re.fullmatch(r"tdst_[\w-]+", token)
    clock.advance(172799)
    talker.headers = {"Authorization": token}
    assert talker.call("GET", "/account").status_code == 200
    talker.headers = {"Authorization": f"Bearer {token}"}
    assert talker.call("GET", "/account").status_code == 401
    state = introspect(talker, token=token).json()["token_introspection"]
    assert state["active"] is True
    assert (state["scp"], state["cid"]) == ("account:read", talker.sandbox.client_id)
    clock.advance(1)
    assert introspect(talker, token=token).json()["token_introspection"] == {"active": False}
    talker.headers = {"Authorization": token}
    assert talker.call("GET", "/account").status_code == 401


def test_an_introspection_is_signed(talker: Talker) -> None:
    answer = introspect(talker, token=talker.token(token_type="opaque").json()["access_token"])
    body = answer.json()
    text = json.dumps(body["token_introspection"], separators=(",", ":")).encode()
    public: Any = talker.sandbox._identity.key.private.public_key()
    signature = base64.urlsafe_b64decode(body["sig"])
    public.verify(signature, base64.urlsafe_b64encode(text), ECDSA(SHA256()))
    missing = introspect(talker)
    assert (missing.status_code, missing.json()["code"]) == (400, "0070201")
    ordinary = talker.token().json()["access_token"]
    assert introspect(talker, token=ordinary).json()["token_introspection"] == {"active": False}


@pytest.mark.parametrize("seconds", ["86399", "31556953", "soon", "-1"])
def test_lives_of_long_lived_tokens_are_limited(talker: Talker, seconds: str) -> None:
    answer = talker.token(token_type="opaque", expires_in=seconds)
    assert refused(answer) == (400, "invalid_request")


def test_long_lived_tokens_need_a_secret(talker: Talker) -> None:
    sandbox = talker.sandbox
    now = sandbox.clock.time()
    claims = {"iss": sandbox.client_id, "sub": sandbox.client_id, "aud": sandbox.token_url}
    text = jwt.encode(
        claims | {"jti": "1", "exp": now + 300},
        sandbox.private_key,
        "ES256",
        headers={"kid": sandbox.key_id},
    )
    answer = talker.http.post(
        sandbox.token_url,
        data={
            "grant_type": "client_credentials",
            "token_type": "opaque",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": text,
        },
    )
    assert refused(answer) == (400, "invalid_request")
