"""OAuth grants as pure functions: what to send, and what an answer means.

Facts: RFC 6749 sections 4.4 and 5, and Talkdesk's page on the token endpoint. A client
credentials grant has no refresh token: renewing repeats the grant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import httpx

from .. import __version__
from ..errors import TokenError
from ..regions import Account
from ..secret import Secret
from .credentials import Credentials

USER_AGENT = f"td-notebooks/{__version__}"
CLOCK_SKEW_WORTH_SAYING = 60.0


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and how long it may be used.

    Attributes
    ----------
    secret : Secret
    expires_in : float
        Seconds of life, as the answer says; Talkdesk's ten minutes arrive as 599.
    asked_at : float
        Monotonic seconds at which it was asked for.
    scopes : frozenset of str
        What it was granted. Empty when the answer does not say.
    """

    secret: Secret
    expires_in: float
    asked_at: float
    scopes: frozenset[str] = frozenset()

    @property
    def renew_at(self) -> float:
        """Monotonic seconds from which on a new one is asked for.

        A minute before the end, or half the life of a token that lives less than two minutes.
        """
        return self.asked_at + self.expires_in - min(60.0, self.expires_in / 2)


def client_credentials_request(
    account: Account, credentials: Credentials, *, scope: str, now: float, timeout: float
) -> httpx.Request:
    """Build the token request of a client credentials grant.

    Parameters
    ----------
    account : Account
    credentials : Credentials
    scope : str
        Space-separated; empty asks for all the client has.
    now : float
        Seconds since 1970-01-01 UTC.
    timeout : float
        Seconds for each of connecting, sending and reading.

    Returns
    -------
    httpx.Request
        Its body is a stream, so that the flow can drop it once it is sent.
    """
    proof = credentials.prove(account.token_url, now)
    form = {"grant_type": "client_credentials", **proof.form}
    if scope:
        form["scope"] = scope
    body = urlencode(form).encode()
    return httpx.Request(
        "POST",
        account.token_url,
        headers={
            "Host": httpx.URL(account.token_url).netloc.decode(),
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
            "User-Agent": USER_AGENT,
            **proof.headers,
        },
        stream=httpx.ByteStream(body),
        extensions={"timeout": httpx.Timeout(timeout).as_dict()},
    )


def parse_token(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    account: Account,
    client_id: str,
    asked_at: float,
    now: float,
) -> AccessToken:
    """Read the answer to a token request.

    Parameters
    ----------
    status, headers, body
        The answer.
    account, client_id
        Who was asked, and for whom: named in errors.
    asked_at, now : float
        Monotonic seconds, and seconds since 1970-01-01 UTC.

    Raises
    ------
    TokenError
        The host refused, or what answered is not a token endpoint.
    """
    fields = _json_object(body)
    token = fields.get("access_token")
    if status == 200 and isinstance(token, str) and token:
        return AccessToken(
            secret=Secret(token),
            expires_in=_seconds(fields.get("expires_in")),
            asked_at=asked_at,
            scopes=frozenset(str(fields.get("scope") or "").split()),
        )
    error = _text(fields.get("error"))
    description = _text(fields.get("error_description"))
    said = ": ".join(part for part in (error, description) if part)
    raise TokenError(
        f"No access token for account {account.name!r} (region {account.region}): "
        f"{account.token_url} answered {status}" + (f", {said}." if said else "."),
        hint=_token_hint(status, error, headers, account, client_id, now),
        error=error,
        error_description=description,
        status_code=status,
    )


def _token_hint(
    status: int,
    error: str | None,
    headers: Mapping[str, str],
    account: Account,
    client_id: str,
    now: float,
) -> str:
    if status == 429 or status >= 500:
        return "The identity host is busy: try again in a minute."
    skew = _clock_skew(headers, now)
    if abs(skew) > CLOCK_SKEW_WORTH_SAYING and status in {400, 401}:
        direction = "ahead of" if skew > 0 else "behind"
        return f"This machine's clock is {abs(skew):.0f} s {direction} the host's: set it right."
    if error == "invalid_scope":
        return (
            "The client was not given the scope asked for: add it to the OAuth client in Talkdesk "
            "(it takes some minutes), or ask for less with scope= (TALKDESK_SCOPE)."
        )
    if status in {400, 401}:
        return (
            f"Check client id {client_id!r}, its secret or private key, and that it belongs to "
            f"account {account.name!r} in region {account.region!r}. A scope just added to the "
            "client takes some minutes, too."
        )
    return (
        f"This does not look like Talkdesk's token endpoint: check account {account.name!r} and "
        f"region {account.region!r}, or token_url (TALKDESK_TOKEN_URL)."
    )


def _clock_skew(headers: Mapping[str, str], now: float) -> float:
    try:
        return now - parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(value: object) -> float:
    # Without a usable number the token is tried for as long as Talkdesk's usually live.
    try:
        seconds = float(str(value))
    except ValueError:
        return 599.0
    return seconds if 0 < seconds < float("inf") else 599.0


def _text(value: object) -> str | None:
    return value[:300] if isinstance(value, str) and value else None
