"""OAuth grants as pure functions: what to send, and what an answer means.

Facts: RFC 6749 sections 4 to 6, and Talkdesk's pages on the token endpoint and its grants. A
client credentials grant has no refresh token: renewing repeats the grant. A login through the
browser is renewed with its refresh token, and whichever one came back last is kept.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

import httpx

from .. import __version__
from ..errors import AuthError, ConfigError
from ..regions import Account, region_of_api
from ..secret import Secret
from ..wire import json_object
from .refusals import refusal

if TYPE_CHECKING:
    from .credentials import Credentials

USER_AGENT = f"td-notebooks/{__version__}"
#: What a token request is for, in messages.
ASKING_FOR_ACCESS = "asking for an access token"
CHECK_THE_HOST = "Check the network, and that the host is right for the account and its region."
#: How Talkdesk's long-lived tokens begin; they go into Authorization without a scheme.
OPAQUE_PREFIX = "tdst_"
#: What a long-lived token may be asked to live, in seconds: a day to a year.
OPAQUE_SECONDS = (86_400, 31_556_952)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token, how long it may be used, and what came with it.

    Attributes
    ----------
    secret : Secret
    expires_in : float
        Seconds of life, as the answer says; Talkdesk's ten minutes arrive as 599.
    asked_at : float
        Monotonic seconds at which it was asked for.
    scopes : frozenset of str
        What it was granted. Empty when the answer does not say.
    refresh_token, id_token : Secret or None
        Of a user's login.
    """

    secret: Secret
    expires_in: float
    asked_at: float
    scopes: frozenset[str] = frozenset()
    refresh_token: Secret | None = None
    id_token: Secret | None = None

    @property
    def renew_at(self) -> float:
        """Monotonic seconds from which on a new one is asked for.

        A minute before the end, or half the life of a token that lives less than two minutes.
        """
        return self.ends_at - min(60.0, self.expires_in / 2)

    @property
    def ends_at(self) -> float:
        """Monotonic seconds at which its life is over."""
        return self.asked_at + self.expires_in

    @property
    def audience(self) -> str:
        """The API it says it is for; empty if it does not say. Nothing is verified."""
        return claim(self.secret.reveal(), "aud")

    @property
    def account(self) -> str:
        """The account it says it is of; empty if it does not say. Nothing is verified."""
        return claim(self.secret.reveal(), "acc")

    @property
    def authorization(self) -> Secret:
        """The header that carries it: long-lived tokens go without ``Bearer``."""
        text = self.secret.reveal()
        return Secret(text if text.startswith(OPAQUE_PREFIX) else f"Bearer {text}")


class Grant(Protocol):
    """What a token request asks for."""

    @property
    def scope(self) -> str:
        """The scopes the token must have, space-separated; empty for any."""
        ...

    def form(self) -> dict[str, str]:
        """Return the form fields of the request."""
        ...


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A token for the client itself.

    Parameters
    ----------
    scope : str
        Space-separated; empty asks for all the client has.
    """

    scope: str = ""

    def form(self) -> dict[str, str]:
        """Return the form fields of the request."""
        return {"grant_type": "client_credentials", **_unless_empty(scope=self.scope)}


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """A long-lived token for the client itself (STS); only some of Talkdesk's APIs take it.

    Parameters
    ----------
    scope : str
    seconds : int
        Of life, from a day to a year.

    Raises
    ------
    ConfigError
        Talkdesk gives no such life.
    """

    scope: str = ""
    seconds: int = OPAQUE_SECONDS[0]

    def __post_init__(self) -> None:
        shortest, longest = OPAQUE_SECONDS
        if not shortest <= self.seconds <= longest:
            raise ConfigError(
                f"A long-lived token cannot live {self.seconds} s.",
                hint=f"Talkdesk gives from {shortest} s (a day) to {longest} s (a year).",
            )

    def form(self) -> dict[str, str]:
        """Return the form fields of the request."""
        form = {"grant_type": "client_credentials", "token_type": "opaque"}
        return form | {"expires_in": str(self.seconds), **_unless_empty(scope=self.scope)}


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The first token of a user who has just logged in.

    Parameters
    ----------
    code : Secret
        Good once.
    redirect_uri : str
        The one the login was sent to.
    scope : str
        What was asked for at the login; it is not sent again.
    """

    code: Secret
    redirect_uri: str
    scope: str = ""

    def form(self) -> dict[str, str]:
        """Return the form fields of the request."""
        return {
            "grant_type": "authorization_code",
            "code": self.code.reveal(),
            "redirect_uri": self.redirect_uri,
        }


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The next token of a user who logged in before.

    Parameters
    ----------
    refresh_token : Secret
    scope : str
        Narrows what the login had; empty leaves it.
    """

    refresh_token: Secret
    scope: str = ""

    def form(self) -> dict[str, str]:
        """Return the form fields of the request."""
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token.reveal()}
        return form | _unless_empty(scope=self.scope)


def _unless_empty(**fields: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def token_request(
    account: Account, credentials: Credentials, grant: Grant, *, now: float, timeout: float
) -> httpx.Request:
    """Build the token request of a grant.

    Parameters
    ----------
    account : Account
    credentials : Credentials
    grant : Grant
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
    return form_request(
        account.token_url, {**grant.form(), **proof.form}, proof.headers, timeout=timeout
    )


def form_request(
    url: str, form: Mapping[str, str], headers: Mapping[str, str], *, timeout: float
) -> httpx.Request:
    """Build a POST of form fields that needs nothing of a client's defaults.

    Parameters
    ----------
    url : str
    form, headers : mapping of str to str
    timeout : float
        Seconds for each of connecting, sending and reading.
    """
    body = urlencode(form).encode()
    return httpx.Request(
        "POST",
        url,
        headers={
            "Host": httpx.URL(url).netloc.decode(),
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
            "User-Agent": USER_AGENT,
            **headers,
        },
        stream=httpx.ByteStream(body),
        # It goes before another request: a failure must not be laid at that one's door.
        extensions={"timeout": httpx.Timeout(timeout).as_dict(), "doing": ASKING_FOR_ACCESS},
    )


def parse_token(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    account: Account,
    client_id: str,
    grant: Grant,
    asked_at: float,
    now: float,
) -> AccessToken:
    """Read the answer to a token request.

    Parameters
    ----------
    status, headers, body
        The answer.
    account, client_id, grant
        Who was asked, for whom and what: named in errors.
    asked_at, now : float
        Monotonic seconds, and seconds since 1970-01-01 UTC.

    Raises
    ------
    TokenError
        The host refused, or what answered is not a token endpoint.
    AuthError
        The token lacks a scope that was asked for.
    ConfigError
        The token is for another region's API.
    """
    fields = json_object(body)
    token = fields.get("access_token")
    if status == 200 and isinstance(token, str) and _fits_a_header(token):
        scopes = _scopes(fields.get("scope"))
        _check_scopes(scopes, grant, client_id)
        _check_region(claim(token, "aud"), account)
        return AccessToken(
            secret=Secret(token),
            expires_in=_seconds(fields.get("expires_in")),
            asked_at=asked_at,
            scopes=scopes,
            refresh_token=_secret(fields.get("refresh_token")),
            id_token=_secret(fields.get("id_token")),
        )
    raise refusal(
        status,
        headers,
        fields,
        account=account,
        client_id=client_id,
        form=grant.form(),
        now=now,
    )


def _scopes(value: object) -> frozenset[str]:
    """Read granted scopes: one text by the documents, a list in the claims of tokens."""
    texts = value if isinstance(value, list) else [value]
    said = " ".join(text for text in texts if isinstance(text, str))
    return frozenset(said.replace(",", " ").split())


def _check_scopes(scopes: frozenset[str], grant: Grant, client_id: str) -> None:
    """Compare by inclusion: Talkdesk may answer more than was asked for, or say nothing."""
    missing = set(grant.scope.split()) - scopes
    if scopes and missing:
        raise AuthError(
            f"A token came for client {client_id!r}, but it lacks {', '.join(sorted(missing))} "
            f"(it has {', '.join(sorted(scopes))}).",
            hint="Add the scope to the OAuth client in Talkdesk; it takes some minutes.",
        )


def claim(token: str, name: str) -> str:
    """Return what a JWT says of itself; empty if it does not say. Nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json_object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    said = claims.get(name)
    return said if isinstance(said, str) else ""


def _check_region(aud: str, account: Account) -> None:
    # Only two known regions contradict each other: an unknown address may be a proxy's.
    ours, theirs = region_of_api(account.api_url), region_of_api(aud)
    if ours and theirs and ours != theirs:
        raise ConfigError(
            f"Account {account.name!r} seems to be in region {theirs!r}, not in {ours!r}: its "
            f"token is for {aud}, and {account.api_url} would refuse it (invalid audience).",
            hint=f"Set region to {theirs!r} (TALKDESK_REGION={theirs}).",
        )


def _fits_a_header(token: str) -> bool:
    # What does not would be quoted by the HTTP library as it complains.
    return token != "" and token.isascii() and token.isprintable() and " " not in token


def _seconds(value: object) -> float:
    # Without a usable number the token is tried for as long as Talkdesk's usually live.
    try:
        seconds = float(str(value))
    except ValueError:
        return 599.0
    return seconds if 0 < seconds < float("inf") else 599.0


def _secret(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value else None
