"""Users who log in, and long-lived tokens: what the identity host does beyond reports.

The authorization code flow with its page, refresh tokens, and STS tokens with introspection.
Lives of codes and the rotation of refresh tokens are not documented; the strict reading is taken.
"""

from __future__ import annotations

import base64
import html
import json
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .clients import Refused
from .identity import STS_PREFIX, IssuedToken, granted
from .server import Response, json_response

if TYPE_CHECKING:
    from .clients import SandboxClient
    from .identity import Identity
    from .server import Request

#: Life of an authorization code, in seconds.
CODE_SECONDS = 300
#: What an STS token may be asked to live, in seconds: a day to a year.
STS_SECONDS = (86400, 31556952)

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Log in to the sandbox</title></head>
<body><h1>Log in to {account}</h1><p>The application {client} asks for: {scopes}</p>
<form method="post" action="/oauth/authorize">{fields}
<label>E-mail <input name="user" type="email" value="agent@{account}.invalid" required></label>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny" formnovalidate>Deny</button></form></body></html>
"""


@dataclass(frozen=True, slots=True)
class _Session:
    """A user's login to a client, carried by a code first and by refresh tokens later."""

    client_id: str
    scopes: tuple[str, ...]
    user: str
    user_id: str
    subject: str
    sid: str
    nonce: str
    redirect_uri: str
    expires_at: float


class Logins:
    """Adds its grants and pages to an identity host.

    Parameters
    ----------
    identity : Identity

    Attributes
    ----------
    secrets : list of str
        Codes, refresh tokens and identity tokens handed out, for tests that look for leaks.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._codes: dict[str, _Session] = {}
        self._refresh_tokens: dict[str, _Session] = {}
        self._lock = threading.Lock()
        self.secrets: list[str] = []
        self._account_token = identity.grants["client_credentials"]
        identity.grants |= {
            "client_credentials": self._client_credentials,
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
        }
        identity.pages |= {
            ("GET", "/oauth/authorize"): self._login_page,
            ("POST", "/oauth/authorize"): self._decided,
            ("POST", "/oauth/introspect"): self._introspect,
        }

    # -- the user's side ---------------------------------------------------------------------

    def _login_page(self, request: Request) -> Response:
        asked = dict(request.query)
        client = self._asking_client(asked)
        if isinstance(client, Response):
            return client
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
        )
        page = _PAGE.format(
            account=html.escape(self._identity.account),
            client=client.client_id,
            scopes=html.escape(asked.get("scope") or " ".join(client.scopes)),
            fields=fields,
        )
        return Response(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _decided(self, request: Request) -> Response:
        asked = request.form()
        client = self._asking_client(asked)
        if isinstance(client, Response):
            return client
        if asked.get("response_type") != "code":
            return _sent_back(asked, error="unsupported_response_type")
        if asked.get("decision") != "allow":
            return _sent_back(asked, error="access_denied")
        try:
            scopes = granted(client.scopes, asked.get("scope", ""))
        except Refused:
            return _sent_back(asked, error="invalid_scope")
        code = self._secret(secrets.token_urlsafe(15))
        self._codes[code] = _Session(
            client.client_id,
            scopes,
            user=asked.get("user", ""),
            user_id=secrets.token_hex(12),
            subject=secrets.token_hex(16),
            sid=secrets.token_hex(16),
            nonce=asked.get("nonce", ""),
            redirect_uri=asked["redirect_uri"],
            expires_at=self._identity.clock.time() + CODE_SECONDS,
        )
        return _sent_back(asked, code=code)

    def _asking_client(self, asked: dict[str, str]) -> SandboxClient | Response:
        """Return the client, or the answer when nobody may be sent back to it."""
        client = self._identity.clients.by_id.get(asked.get("client_id", ""))
        if client is None:
            return _oauth_error(401, "invalid_client", "Bad client credentials")
        if asked.get("redirect_uri") not in client.redirect_uris:
            known = ", ".join(client.redirect_uris)
            return _oauth_error(
                400,
                "invalid_grant",
                f"Invalid redirect: {asked.get('redirect_uri', 'null')} does not match one of "
                f"the registered values: [{known}]",
            )
        return client

    # -- grants ------------------------------------------------------------------------------

    def _authorization_code(self, client: SandboxClient, form: dict[str, str]) -> dict[str, object]:
        code = form.get("code", "")
        with self._lock:
            session = self._codes.pop(code, None)  # it works once, whatever comes of it
        now = self._identity.clock.time()
        if session is None or session.client_id != client.client_id or now >= session.expires_at:
            raise Refused(400, "invalid_grant", f"Invalid authorization code: {code}")
        if form.get("redirect_uri", session.redirect_uri) != session.redirect_uri:
            raise Refused(400, "invalid_grant", "Redirect URI mismatch.")
        return self._user_token(client, session, session.scopes, "authorization_code")

    def _refresh_token(self, client: SandboxClient, form: dict[str, str]) -> dict[str, object]:
        text = form.get("refresh_token", "")
        if not text:
            raise Refused(401, "unauthorized", "No refresh token specified")
        with self._lock:
            session = self._refresh_tokens.get(text)
            if session is None:
                raise Refused(400, "invalid_grant", f"Invalid refresh token: {text}")
            if session.client_id != client.client_id:
                description = f"Wrong client for this refresh token: {text}"
                raise Refused(400, "invalid_grant", description)
            scopes = granted(session.scopes, form.get("scope", ""))
            del self._refresh_tokens[text]
        return self._user_token(client, session, scopes, "refresh_token")

    def _user_token(
        self, client: SandboxClient, session: _Session, scopes: tuple[str, ...], grant_type: str
    ) -> dict[str, object]:
        token = self._identity.issue(
            client,
            scopes,
            grant_type,
            psn="INTERNAL",
            sub=session.subject,
            usr=session.user,
            uid=session.user_id,
            sid=session.sid,
        )
        refresh = self._secret(secrets.token_urlsafe(32))
        self._refresh_tokens[refresh] = session
        more: dict[str, object] = {"refresh_token": refresh, "sid": session.sid}
        if grant_type == "authorization_code" and "openid" in scopes:
            claims = {name: token.claims[name] for name in ("iss", "sub", "iat", "exp")}
            claims |= {"aud": client.client_id, "nonce": session.nonce, "email": session.user}
            more["id_token"] = self._secret(self._identity.sign(claims))
        return self._identity.answer(token, **more)

    def _client_credentials(self, client: SandboxClient, form: dict[str, str]) -> dict[str, object]:
        if form.get("token_type") != "opaque":
            return self._account_token(client, form)
        if "client_assertion" in form:
            raise Refused(400, "invalid_request", "An opaque token needs Basic authentication")
        shortest, longest = STS_SECONDS
        asked = form.get("expires_in", str(shortest))
        if not asked.isdecimal() or not shortest <= int(asked) <= longest:
            raise Refused(400, "invalid_request", "Invalid expires_in")
        scopes = granted(client.scopes, form.get("scope", ""))
        now = int(self._identity.clock.time())
        opaque = f"{secrets.token_hex(16)}|{secrets.token_urlsafe(24)}".encode()
        text = STS_PREFIX + base64.urlsafe_b64encode(opaque).rstrip(b"=").decode()
        claims: dict[str, object] = {
            "iss": "https://www.talkdeskid.com",
            "aud": self._identity.api_url,
            "exp": now + int(asked),
            "nbf": now,
            "iat": now,
            "cid": client.client_id,
            "aid": self._identity.account_id,
            "scp": " ".join(scopes),
            "reg": "us-east-1",
            "psn": "CUSTOMER",
        }
        token = self._identity.remember(IssuedToken(text, claims, scopes, now + int(asked)))
        return self._identity.answer(token) | {"token_type": "opaque", "expires_in": int(asked)}

    # -- introspection -----------------------------------------------------------------------

    def _introspect(self, request: Request) -> Response:
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256

        text = request.form().get("token")
        if not text:
            missing = {"code": "0070201", "message": "Missing request parameter token"}
            return json_response(400, missing)
        token = self._identity.valid(text) if text.startswith(STS_PREFIX) else None
        state = {"active": True, **token.claims} if token else {"active": False}
        written = base64.urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode())
        key = self._identity.key.private
        assert isinstance(key, EllipticCurvePrivateKey)
        signature = base64.urlsafe_b64encode(key.sign(written, ECDSA(SHA256()))).decode()
        body = {"kid": self._identity.key.key_id, "sig": signature, "token_introspection": state}
        return json_response(200, body)

    def _secret(self, text: str) -> str:
        self.secrets.append(text)
        return text


def _oauth_error(status: int, error: str, description: str) -> Response:
    body = {"header": "OAuth Error", "error": error, "error_description": description}
    return json_response(status, body)


def _sent_back(asked: dict[str, str], **result: str) -> Response:
    if "state" in asked:
        result["state"] = asked["state"]
    uri = asked["redirect_uri"]
    joint = "&" if "?" in uri else "?"
    return Response(302, headers={"Location": f"{uri}{joint}{urlencode(result)}"})
