"""Attach the access token; renew it before its end, and once after a 401.

The flow is a generator of requests, so it needs no HTTP client of its own: the token request
travels through whichever client sends the API request, with its proxies and certificates. Five
properties of ``httpx.Auth`` are worked around here, each with a test:

- a yielded request has no timeout and no default headers, so the token request brings its own;
- ``requires_response_body`` would read every answer, so only the token answer is read;
- hooks that raise would fire before the 401 is seen, so errors are made after sending;
- a lock may only be held in the synchronous flow;
- the answers of a flow end up in ``response.history``, so the token answer is emptied, and the
  header is taken off the request once it has been sent;
- the connection of a 401 would stay taken while its thread waits for a new token, and with enough
  threads none would be left for the token request: so it is given back first.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import AsyncGenerator, Callable, Generator

import httpx

from ..clock import Clock, SystemClock
from ..errors import AuthError, NetworkError, TalkdeskError, TokenError
from ..regions import Account, Origin
from .credentials import Credentials
from .grants import (
    ASKING_FOR_ACCESS,
    CHECK_THE_HOST,
    AccessToken,
    Grant,
    parse_token,
    token_request,
)

TOKEN_TIMEOUT = 20.0
LONGEST_TOKEN_EXCHANGE = 60.0
#: After a renewal that failed, seconds for which a token that still lives is used as it is.
RENEWAL_PAUSE = 10.0
LONGEST_TOKEN_ANSWER = 1 << 20


class TalkdeskAuth(httpx.Auth):
    """Bearer authentication for one account, shared by any number of threads.

    Parameters
    ----------
    account : Account
        Requests to its API origin are signed; all others pass without the token.
    credentials : Credentials
    scope : str
        Space-separated; empty asks for all the client has.
    clock : Clock, optional

    Raises
    ------
    TokenError
        From the request that needed the token, when the identity host refuses.
    """

    def __init__(
        self,
        account: Account,
        credentials: Credentials,
        *,
        scope: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.account = account
        self.scope = scope
        self._credentials = credentials
        self._successor: Credentials | None = None
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._renewals = 0
        self._failure: TalkdeskError | None = None
        self._try_again_at = 0.0

    def begin_anew(self) -> None:
        """In a forked child, leave the lock to the parent: a thread that is gone may hold it."""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"TalkdeskAuth(account={self.account.name!r}, region={self.account.region!r})"

    @property
    def token(self) -> AccessToken | None:
        """The token in use; None before the first one."""
        return self._token

    @property
    def credentials(self) -> Credentials:
        """What the last token was asked for with."""
        return self._credentials

    def rotate(self, successor: Credentials) -> None:
        """Try other credentials at the next renewal, and keep to them once they gave a token.

        Until then the present ones are tried after them: in a routine rotation both sets work.

        Parameters
        ----------
        successor : Credentials
        """
        with self._lock:
            self._successor = successor

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request to the account's API; yield token requests as they are needed."""
        if Origin.of(str(request.url)) != self.account.api_origin:
            yield request
            return
        token = self._usable() or (yield from self._renew(rejected=None))
        self._check_scope(request, token)
        response = yield self._sign(request, token)
        if response.status_code == 401:
            response.close()
            _empty(response)
            token = yield from self._renew(rejected=token)
            yield self._sign(request, token)
        request.headers.pop("Authorization", None)

    def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Refuse: waiting for the lock would block the event loop.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError("td_notebooks is synchronous: use httpx.Client, not httpx.AsyncClient.")

    def renewal_flow(self) -> Generator[httpx.Request, httpx.Response, AccessToken]:
        """Yield the token request of a renewal that nothing but curiosity asks for.

        In a rotation it tells whether the successor works: its refusal is not made up for.
        """
        return self._renew(rejected=self._token, one_request=True)

    def _usable(self) -> AccessToken | None:
        token = self._token
        if token is None:
            return None
        # A busy identity host is no trouble while the token lives.
        renew_at = min(token.ends_at, max(token.renew_at, self._try_again_at))
        return token if self._clock.monotonic() < renew_at else None

    def _check_scope(self, request: httpx.Request, token: AccessToken) -> None:
        """Refuse to send what the token's own answer says it does not allow."""
        needs = str(request.extensions.get("needs") or "")
        if not needs or not token.scopes or needs in token.scopes:
            return
        doing = request.extensions.get("doing") or "asking"
        raise AuthError(
            f"Not sent, while {doing}: it needs {needs}; the token of client "
            f"{self._credentials.client_id!r} has {', '.join(sorted(token.scopes))}.",
            hint="Ask for it with scope= (TALKDESK_SCOPE), and see that the OAuth client in "
            "Talkdesk has it; a scope just added takes some minutes.",
        )

    @staticmethod
    def _sign(request: httpx.Request, token: AccessToken) -> httpx.Request:
        request.headers["Authorization"] = token.authorization.reveal()
        return request

    def _renew(
        self, rejected: AccessToken | None, *, one_request: bool = False
    ) -> Generator[httpx.Request, httpx.Response, AccessToken]:
        renewals = self._renewals
        with self._lock:
            token = self._usable()
            if token and token is not rejected:
                return token  # another thread has just done it
            if self._failure and self._renewals != renewals:
                raise copy.copy(self._failure)  # another thread has just had no luck
            try:
                token = yield from self._ask(one_request)
            except TalkdeskError as error:
                self._failed(error.with_traceback(None))
                raise
            # No answer. If none began, the HTTP client raises its error elsewhere, and ends this.
            except (GeneratorExit, httpx.HTTPError):
                self._failed(self._no_answer())
                raise
            self._token, self._failure = token, None
            self._renewals += 1
            return token

    def _failed(self, error: TalkdeskError) -> None:
        """Remember it for the threads that wait for this renewal."""
        self._failure = error
        self._renewals += 1
        self._try_again_at = self._clock.monotonic() + RENEWAL_PAUSE

    def _no_answer(self) -> NetworkError:
        host = Origin.of(self.account.token_url).host
        return NetworkError(
            f"While {ASKING_FOR_ACCESS}, {host} gave no answer.",
            hint=CHECK_THE_HOST,
            sent=False,
        )

    def _ask(self, one_request: bool) -> Generator[httpx.Request, httpx.Response, AccessToken]:
        if self._successor:
            try:
                token = yield from self._ask_as(self._successor)
            except AuthError as error:
                if error.retryable or one_request:
                    raise
            else:
                self._credentials, self._successor = self._successor, None
                return token
        return (yield from self._ask_as(self._credentials))

    def _ask_as(
        self, credentials: Credentials
    ) -> Generator[httpx.Request, httpx.Response, AccessToken]:
        grant = credentials.grant(self.scope)
        try:
            return (yield from self._ask_for(credentials, grant))
        except TokenError as error:
            # Another program that shares a login may have used its refresh token meanwhile, and
            # kept the next one.
            newer = credentials.grant(self.scope)
            if error.error != "invalid_grant" or newer == grant:
                raise
        return (yield from self._ask_for(credentials, newer))

    def _ask_for(
        self, credentials: Credentials, grant: Grant
    ) -> Generator[httpx.Request, httpx.Response, AccessToken]:
        asked_at, now = self._clock.monotonic(), self._clock.time()
        request = token_request(self.account, credentials, grant, now=now, timeout=TOKEN_TIMEOUT)
        response = yield request
        token = parse_token(
            response.status_code,
            response.headers,
            self._take_body(request, response, deadline=asked_at + LONGEST_TOKEN_EXCHANGE),
            account=self.account,
            client_id=credentials.client_id,
            grant=grant,
            asked_at=asked_at,
            now=now,
        )
        credentials.keep(token)
        return token

    def _take_body(
        self, request: httpx.Request, response: httpx.Response, *, deadline: float
    ) -> bytes:
        """Read the token answer, and leave an empty one behind for the history."""
        body = read_body(response, LONGEST_TOKEN_ANSWER, lambda: self._clock.monotonic() > deadline)
        response.close()
        request.headers.pop("Authorization", None)
        request.stream = httpx.ByteStream(b"")
        _empty(response)
        return body


def read_body(
    response: httpx.Response, most: int, late: Callable[[], bool] = lambda: False
) -> bytes:
    """Read an answer, but not far beyond a limit, and not for ever.

    Parameters
    ----------
    response : httpx.Response
    most : int
        Bytes. Reading ends with the part that passes them.
    late : callable
        Asked after each part.

    Raises
    ------
    httpx.HTTPError
        It broke off, or it is late.
    """
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > most:
            break
        if late():
            raise httpx.ReadTimeout("the answer only trickles in", request=response.request)
    return body


def _empty(response: httpx.Response) -> None:
    """Leave an empty answer behind."""
    response.stream = httpx.ByteStream(b"")
    response.is_stream_consumed = response.is_closed = False
