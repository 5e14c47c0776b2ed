"""The identity host: the token endpoint, access tokens, the JWK set.

What is documented of Talkdesk's token endpoint is followed: its fields, ``expires_in`` one second
short, errors of two fields. Grants and further pages stand in two tables, to which
`td_notebooks.sandbox.login` adds those that concern users.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from .clients import Clients, Refused
from .keys import KeyPair
from .server import json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from .clients import SandboxClient
    from .server import Request, Response

SCOPES = (
    "account:read",
    "data-reports:read",
    "data-reports:write",
    "reports:read",
    "reports:write",
)
#: Prefix of a long-lived token, which goes into Authorization without a scheme.
STS_PREFIX = "tdst_"


@dataclass(slots=True)
class IssuedToken:
    """An access token that was handed out.

    Attributes
    ----------
    text : str
    claims : dict
        What it says; the times in sandbox seconds since 1970-01-01 UTC.
    scopes : tuple of str
    expires_at : float
        Sandbox seconds since 1970-01-01 UTC.
    revoked : bool
    """

    text: str = field(repr=False)
    claims: dict[str, object] = field(repr=False)
    scopes: tuple[str, ...]
    expires_at: float
    revoked: bool = False


class Identity:
    """The identity host's application.

    Parameters
    ----------
    account : str
        Name of the account.
    token_url, api_url : str
        The audiences of assertions and of access tokens.
    clock : Clock
    token_seconds : int
        Life of an access token.

    Attributes
    ----------
    clients : Clients
    tokens : dict
        All access tokens issued, by their text.
    grants : dict
        Grant type -> what it answers to a client's form.
    pages : dict
        Method and path -> what it answers, apart from the token endpoint.
    """

    def __init__(
        self, account: str, token_url: str, api_url: str, clock: Clock, *, token_seconds: int = 600
    ) -> None:
        self.account = account
        self.account_id = secrets.token_hex(12)
        self.api_url = api_url
        self.clock = clock
        self.token_seconds = token_seconds
        self.key = KeyPair("ES256")
        self.clients = Clients(token_url, clock)
        self.tokens: dict[str, IssuedToken] = {}
        self.grants: dict[str, Callable[[SandboxClient, dict[str, str]], dict[str, object]]] = {
            "client_credentials": self._client_credentials
        }
        self.pages: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/oauth/certs"): partial(self._certs, certificate=False),
            ("GET", "/oauth/2023-10/certs"): partial(self._certs, certificate=True),
        }

    def revoke_tokens(self) -> None:
        """Make every token issued so far useless."""
        for token in list(self.tokens.values()):
            token.revoked = True

    def token_of(self, authorization: str | None) -> IssuedToken | None:
        """Return the valid access token of an Authorization header, if it holds one.

        The token itself is looked up: only this identity issues them, each for the one API it
        serves, so that a known text has a good signature and audience.
        """
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.startswith(STS_PREFIX):
            text = scheme
        elif scheme.lower() != "bearer" or text.startswith(STS_PREFIX):
            return None
        return self.valid(text.strip())

    def valid(self, text: str) -> IssuedToken | None:
        """Return the token of a text, if it may still be used."""
        token = self.tokens.get(text)
        if token is None or token.revoked or self.clock.time() >= token.expires_at:
            return None
        return token

    def operation(self, method: str, path: str) -> str:
        """Name what a request asks for."""
        return "token" if path == "/oauth/token" else ""

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if page := self.pages.get((request.method, request.path)):
            return page(request)
        if request.operation != "token":
            return json_response(404, {"error": "not_found", "error_description": "Not Found"})
        try:
            response = json_response(200, self._token(request))
        except Refused as refused:
            response = refused.response
        response.headers |= {"Cache-Control": "no-store", "Pragma": "no-cache"}
        return response

    def _certs(self, request: Request, *, certificate: bool) -> Response:
        return json_response(200, {"keys": [self.key.jwk(certificate=certificate)]})

    def _token(self, request: Request) -> dict[str, object]:
        if request.method != "POST":
            raise Refused(
                405, "method_not_allowed", f"Request method '{request.method}' not supported"
            )
        form = request.form()
        client = self.clients.authenticate(request.headers.get("Authorization"), form)
        if form.get("client_id", client.client_id) != client.client_id:
            raise Refused(
                401, "invalid_client", "Given client ID does not match authenticated client"
            )
        grant_type = form.get("grant_type")
        if not grant_type:
            raise Refused(400, "invalid_request", "Missing grant type")
        if grant_type not in self.grants:
            raise Refused(400, "unsupported_grant_type", f"Unsupported grant type: {grant_type}")
        return self.grants[grant_type](client, form)

    def _client_credentials(self, client: SandboxClient, form: dict[str, str]) -> dict[str, object]:
        scopes = granted(client.scopes, form.get("scope", ""))
        return self.answer(self.issue(client, scopes, "client_credentials"))

    def answer(self, token: IssuedToken, **more: object) -> dict[str, object]:
        """Return the token endpoint's answer for a token."""
        return {
            "access_token": token.text,
            "token_type": "Bearer",
            "expires_in": self.token_seconds - 1,
            "scope": " ".join(token.scopes),
            **more,
        }

    def issue(
        self, client: SandboxClient, scopes: tuple[str, ...], grant_type: str, **claims: object
    ) -> IssuedToken:
        """Sign an access token with the claims seen in Talkdesk's, and remember it."""
        now = int(self.clock.time())
        payload = {
            "iss": "https://www.talkdeskid.com",
            "aud": self.api_url,
            "exp": now + self.token_seconds,
            "nbf": now,
            "iat": now,
            "jti": secrets.token_hex(16),
            "cid": client.client_id,
            "gty": grant_type,
            "scp": list(scopes),
            "rlm": "MAIN",
            "aid": self.account_id,
            "acc": self.account,
            "psn": "CUSTOMER",
            "reg": "us-east-1",
            "sub": client.client_id,
            **claims,
        }
        return self.remember(
            IssuedToken(self.sign(payload), payload, scopes, now + self.token_seconds)
        )

    def remember(self, token: IssuedToken) -> IssuedToken:
        """Make a token valid, and return it."""
        self.tokens[token.text] = token
        return token

    def sign(self, claims: dict[str, object]) -> str:
        """Return a JWT with Talkdesk's header: no ``typ``."""
        import jwt

        headers = {"kid": self.key.key_id, "typ": ""}
        return jwt.encode(claims, self.key.private, "ES256", headers=headers)


def granted(allowed: tuple[str, ...], asked: str) -> tuple[str, ...]:
    """Return the scopes asked for, each once, or all that are allowed when none was.

    Raises
    ------
    Refused
        If one is not allowed.
    """
    wanted = tuple(dict.fromkeys(asked.split()))
    for scope in wanted:
        if scope not in allowed:
            raise Refused(400, "invalid_scope", f"Invalid scope: {scope}")
    return wanted or allowed
