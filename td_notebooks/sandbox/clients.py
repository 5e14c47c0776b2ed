"""The account's OAuth clients, and how a token request proves that it comes from one.

Basic or ``private_key_jwt``, exactly one. Error texts beyond the documented ones are those of
Spring Security OAuth 2, the software that the documented ones come from.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .keys import KeyPair
from .server import json_response

if TYPE_CHECKING:
    from ..clock import Clock

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: An assertion may live no longer, in seconds.
LONGEST_ASSERTION = 600
#: How far a client's clock may run ahead, in seconds.
ALLOWED_SKEW = 300


class Refused(Exception):
    """The answer is an OAuth error; `response` is what to send."""

    def __init__(self, status: int, error: str, description: str) -> None:
        body = {"error": error, "error_description": description}
        headers = {"WWW-Authenticate": f'Bearer error="{error}"'} if status == 401 else None
        self.response = json_response(status, body, headers)


_BAD_CLIENT = (401, "invalid_client", "Bad client credentials")


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """An OAuth client of the sandbox's account.

    Attributes
    ----------
    client_id : str
        32 hexadecimal digits.
    client_secret : str
        86 characters of URL-safe base64.
    scopes : tuple of str
        All it may ask for.
    key : KeyPair
        For signed assertions.
    redirect_uris : tuple of str
        Where a user may be sent back to after a login.
    """

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    key: KeyPair = field(repr=False)
    redirect_uris: tuple[str, ...] = ()

    @property
    def private_key(self) -> str:
        """The private key as PKCS#8 PEM text."""
        return self.key.pem

    @property
    def key_id(self) -> str:
        """The id of the key pair."""
        return self.key.key_id


class Clients:
    """The registered clients.

    Parameters
    ----------
    token_url : str
        The audience of assertions.
    clock : Clock

    Attributes
    ----------
    by_id : dict
        Those that may ask for tokens.
    revoked : list of SandboxClient
        Those that may no longer.
    token_url : str
    """

    def __init__(self, token_url: str, clock: Clock) -> None:
        self.token_url = token_url
        self._clock = clock
        self.by_id: dict[str, SandboxClient] = {}
        self.revoked: list[SandboxClient] = []
        self._seen_assertions: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(
        self,
        client_id: str | None,
        scopes: tuple[str, ...],
        algorithm: str,
        redirect_uris: tuple[str, ...],
    ) -> SandboxClient:
        """Register a client and return it.

        Raises
        ------
        ConfigError
            If Talkdesk does not know the algorithm.
        """
        client = SandboxClient(
            client_id or secrets.token_hex(16),
            secrets.token_urlsafe(64),
            scopes,
            KeyPair(algorithm),
            redirect_uris,
        )
        self.by_id[client.client_id] = client
        return client

    def revoke(self, client_id: str) -> None:
        """Give this client no further token; it may be gone already."""
        if client := self.by_id.pop(client_id, None):
            self.revoked.append(client)

    def authenticate(self, authorization: str | None, form: dict[str, str]) -> SandboxClient:
        """Return the client of a token request.

        Parameters
        ----------
        authorization : str or None
            The header.
        form : dict of str to str

        Raises
        ------
        Refused
            With the answer.
        """
        asserted = "client_assertion" in form or "client_assertion_type" in form
        if authorization and asserted:
            raise Refused(400, "invalid_request", "Multiple client credentials cannot be provided")
        if asserted:
            return self._by_assertion(form)
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            raise Refused(
                401,
                "unauthorized",
                "Full authentication is required to access this resource",
            )
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except ValueError:  # not base64, or not text
            raise Refused(*_BAD_CLIENT) from None
        # As sent, or percent-decoded, as RFC 6749 section 2.3.1 has it.
        for client_id, _, secret in (pair.partition(":"), map(unquote, pair.partition(":"))):
            client = self.by_id.get(client_id)
            if client and hmac.compare_digest(secret.encode(), client.client_secret.encode()):
                return client
        raise Refused(*_BAD_CLIENT)

    def _by_assertion(self, form: dict[str, str]) -> SandboxClient:
        import jwt

        text = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refused(*_BAD_CLIENT)
        try:
            claimed: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
            client = self.by_id.get(str(claimed.get("iss")))
            if client is None or jwt.get_unverified_header(text).get("kid") != client.key_id:
                raise Refused(*_BAD_CLIENT)
            # Times are judged below, by the sandbox's clock.
            claims: dict[str, Any] = jwt.decode(
                text,
                client.key.private.public_key(),
                algorithms=[client.key.algorithm],
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                },
            )
        except jwt.PyJWTError:
            raise Refused(*_BAD_CLIENT) from None
        if (
            claims.get("sub") != client.client_id
            or claims.get("aud") != self.token_url
            or not self._timely(claims)
            or not self._first_use(claims)
        ):
            raise Refused(*_BAD_CLIENT)
        return client

    def _timely(self, claims: dict[str, Any]) -> bool:
        now = self._clock.time()
        expires, issued = claims.get("exp"), claims.get("iat", now)
        if not isinstance(expires, int | float) or not isinstance(issued, int | float):
            return False
        return now < expires <= now + LONGEST_ASSERTION and issued <= now + ALLOWED_SKEW

    def _first_use(self, claims: dict[str, Any]) -> bool:
        jti, now = claims.get("jti"), self._clock.time()
        if not isinstance(jti, str) or not jti:
            return False
        with self._lock:
            self._seen_assertions = {
                seen: expires for seen, expires in self._seen_assertions.items() if expires > now
            }
            if jti in self._seen_assertions:
                return False
            self._seen_assertions[jti] = float(claims["exp"])
        return True
