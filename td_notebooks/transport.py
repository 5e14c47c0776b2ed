"""The only place that builds an HTTP client: send, repeat, turn statuses into errors.

What is repeated: requests without side effects on no answer, 429 and 5xx; a request with side
effects only when it cannot have been handled (connection refused, 429, 503). ``Retry-After`` is
obeyed up to two minutes. Attempts and total time are bounded.

Errors leave this module without the frames and requests they happened in: a traceback that shows
local variables must not show a header with a token. So an attempt *returns* its error, and it is
raised where nothing secret is in sight. Redirects are never followed by the HTTP client.
"""

from __future__ import annotations

import functools
import logging
import os
import platform
import random
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import certifi
import httpx
import tenacity

from .answers import Answer, api_error, repeatable, retry_delay
from .auth.flow import TalkdeskAuth
from .auth.grants import USER_AGENT, AccessToken
from .clock import Clock, SystemClock
from .errors import NetworkError, TalkdeskError
from .redaction import redact, redact_http_logs
from .settings import KNOWN_SCOPES

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
ATTEMPTS = 6
LONGEST_RETRYING = 180.0
LONGEST_ANSWER = 1 << 20
LONGEST_EXCHANGE = 120.0

Result = TypeVar("Result")
Error = TypeVar("Error", bound=BaseException)
Trace = Callable[[str, Mapping[str, object]], None]

_log = logging.getLogger("td_notebooks")


class Transport:
    """Sends requests of one account, from any thread.

    Parameters
    ----------
    auth : TalkdeskAuth
    ca : str, optional
        File of certificates to trust instead of the system's.
    clock : Clock, optional
    seed : int, optional
        Fixes the jitter, for tests.
    """

    def __init__(
        self,
        auth: TalkdeskAuth,
        *,
        ca: str | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        self.auth = auth
        self.account = auth.account
        self.clock = clock or SystemClock()
        self._chance = random.Random(seed)  # noqa: S311 - jitter, no secret
        self._http = self._client(ca, "application/json", httpx.Limits(max_connections=20))
        # Each download has a connection of its own, which can be cut without hurting others.
        self._downloads = self._client(ca, "*/*", httpx.Limits(max_keepalive_connections=0))
        redact_http_logs()

    def _client(self, ca: str | None, accept: str, limits: httpx.Limits) -> httpx.Client:
        return httpx.Client(
            auth=self.auth,
            verify=_certificates(ca, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))),
            timeout=TIMEOUT,
            limits=limits,
            follow_redirects=False,
            headers={
                "User-Agent": f"{USER_AGENT} python/{platform.python_version()}",
                "Accept": accept,
            },
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._downloads.close()

    @property
    def scopes(self) -> frozenset[str]:
        """What the token in use was granted; empty before the first one."""
        return self.auth.token.scopes if self.auth.token else frozenset()

    def call(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        side_effects: bool = False,
        wait_for_quota: bool = True,
        needs: str = "",
        read: Callable[[Answer], Result],
    ) -> Result:
        """Send one request to the account's API and return what its answer says.

        Parameters
        ----------
        method, path : str
            ``path`` begins with a slash and is joined to the account's API address.
        doing : str
            For messages: ``"submitting calls"``.
        params, body
            Query, and what becomes the JSON body.
        side_effects : bool
            Whether handling it twice would do something twice.
        wait_for_quota : bool
            Whether a used-up quota is waited for here.
        needs : str
            The scope it needs. Nothing is sent if the token is known to lack it.
        read : callable
            Makes the result of a good answer. A `DownloadError` it raises counts as no answer:
            something in between spoke in Talkdesk's place.

        Raises
        ------
        ApiError, NetworkError, TokenError, DownloadError
        """

        def attempt() -> Result | TalkdeskError:
            request = self._http.build_request(
                method,
                self.account.api_url + path,
                params=params,
                json=body,
                # Of a path that is not Talkdesk's own, a gateway's perhaps, it is only a guess.
                extensions={"needs": needs if needs in KNOWN_SCOPES else "", "doing": doing},
            )
            outcome = self._send(request, doing)
            if isinstance(outcome, TalkdeskError):
                return outcome
            try:
                refusal = api_error(
                    outcome,
                    doing=doing,
                    account=self.account,
                    scopes=self.scopes,
                    audience=self.auth.token.audience if self.auth.token else "",
                    needs=needs,
                )
                return refusal or read(outcome)
            except TalkdeskError as error:
                return without_frames(error)

        return self.repeat(
            attempt,
            lambda error: repeatable(
                error, side_effects=side_effects, wait_for_quota=wait_for_quota
            ),
        )

    def renew_token(self) -> AccessToken:
        """Get a fresh access token now.

        Raises
        ------
        TokenError, NetworkError
        """

        def attempt() -> AccessToken | TalkdeskError:
            flow = self.auth.renewal_flow()
            try:
                request = next(flow)
                while True:
                    with _closing(
                        self._http.send(request, auth=httpx.Auth(), stream=True)
                    ) as answer:
                        request = flow.send(answer)
            except StopIteration as renewed:
                token: AccessToken = renewed.value
                return token
            except httpx.HTTPError as error:
                host = httpx.URL(self.account.token_url).host
                return network_error(error, doing="asking for an access token", host=host)
            except TalkdeskError as error:
                return without_frames(error)
            finally:
                flow.close()

        return self.repeat(
            attempt, lambda error: repeatable(error, side_effects=False, wait_for_quota=True)
        )

    def public(self, url: str, *, doing: str) -> Answer:
        """Ask for a public document, unsigned; it is read up to `LONGEST_ANSWER`.

        Parameters
        ----------
        url, doing : str
            The address, and what it is for, to begin messages with.

        Raises
        ------
        NetworkError
        """
        outcome = self._public(url, doing)
        if isinstance(outcome, TalkdeskError):
            raise outcome
        return outcome

    def _public(self, url: str, doing: str) -> Answer | TalkdeskError:
        body = b""
        try:
            with self.stream(url, signed=False, trace=lambda *_: None) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LONGEST_ANSWER:
                        break
                return Answer(response.status_code, response.headers, body, response.is_closed)
        except httpx.HTTPError as error:
            return network_error(error, doing=doing, host=httpx.URL(url).host)

    def repeat(
        self,
        attempt: Callable[[], Result | TalkdeskError],
        again: Callable[[TalkdeskError], bool],
        *,
        wake: threading.Event | None = None,
    ) -> Result:
        """Call ``attempt`` until it returns no error, or one that is not worth another attempt.

        Parameters
        ----------
        attempt : callable
            Returns a result or an error; raises nothing of this package.
        again : callable
            Says whether to go on after an error.
        wake : threading.Event, optional
            Ends a pause between attempts.

        Raises
        ------
        TalkdeskError
            The last error returned.
        """
        deadline = self.clock.monotonic() + LONGEST_RETRYING

        def delay(state: tenacity.RetryCallState) -> float:
            assert state.outcome is not None
            wait = retry_delay(
                state.attempt_number, state.outcome.result(), chance=self._chance.random()
            )
            _log.debug("attempt %d failed, next in %.1f s", state.attempt_number, wait)
            return wait

        def give_up(state: tenacity.RetryCallState) -> bool:
            late = self.clock.monotonic() + state.upcoming_sleep > deadline
            return late or state.attempt_number >= ATTEMPTS

        outcome: Result | TalkdeskError = tenacity.Retrying(
            retry=tenacity.retry_if_result(
                lambda result: isinstance(result, TalkdeskError) and again(result)
            ),
            wait=delay,
            stop=give_up,
            sleep=lambda seconds: self.clock.sleep(seconds, wake=wake),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )(attempt)
        if isinstance(outcome, TalkdeskError):
            raise outcome
        return outcome

    def _send(self, request: httpx.Request, doing: str) -> Answer | TalkdeskError:
        deadline = self.clock.monotonic() + LONGEST_EXCHANGE
        try:
            response = self._http.send(request, stream=True)
            with _closing(response):
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LONGEST_ANSWER:
                        break
                    if self.clock.monotonic() > deadline:
                        raise httpx.ReadTimeout("the answer only trickles in")
                return Answer(response.status_code, response.headers, body, response.is_closed)
        except httpx.HTTPError as error:
            return network_error(error, doing=doing, host=request.url.host)
        except TalkdeskError as error:
            return without_frames(error)

    @contextmanager
    def stream(self, url: str, *, signed: bool, trace: Trace) -> Iterator[httpx.Response]:
        """Open a response whose body is read piece by piece.

        Parameters
        ----------
        url : str
            Absolute.
        signed : bool
            Whether the token goes along; even then only to the account's API.
        trace : callable
            Told of the connection, before anything is sent: httpcore's trace extension.
        """
        # The base class of httpx.Auth adds nothing; None would make httpx look for a user name
        # in the address.
        auth = self.auth if signed else httpx.Auth()
        request = self._downloads.build_request("GET", url, extensions={"trace": trace})
        with _closing(self._downloads.send(request, auth=auth, stream=True)) as response:
            yield response


@contextmanager
def _closing(response: httpx.Response) -> Iterator[httpx.Response]:
    response.history = []  # a token answer may stand in it
    try:
        yield response
    finally:
        response.close()


def without_frames(error: Error) -> Error:
    """Take the traceback off an error, and off all that led to it."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return error


# What Linux, macOS and Windows say when a name cannot be looked up.
_NO_SUCH_NAME = ("Name or service not known", "nodename nor servname", "getaddrinfo failed")


def network_error(
    error: httpx.HTTPError | httpx.InvalidURL, *, doing: str, host: str
) -> NetworkError:
    """Say in this package's words why there was no answer.

    Parameters
    ----------
    error : httpx.HTTPError or httpx.InvalidURL
        Only its kind and text are kept: it holds the request, headers included.
    doing, host : str
        For the message.
    """
    text = redact(str(error)) or type(error).__name__
    sent = not isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    hint = "Check the network, and that the host is right for the account and its region."
    if isinstance(error, httpx.ReadTimeout):
        hint = "The host is slow or the connection is gone: try again later."
    elif any(words in text for words in _NO_SUCH_NAME):
        hint = (
            "No host of this name is known: check account and region (the account is the part "
            "before .talkdeskid.com where people log in), and that this machine is online."
        )
    result = NetworkError(f"While {doing}, {host} gave no answer: {text}.", hint=hint, sent=sent)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        result.hint = (
            "The host's certificate is signed by an authority this machine does not know, often a "
            "company's own: name its file with ca= (TALKDESK_CA) or SSL_CERT_FILE."
        )
        result.retryable = False
    result.__cause__ = type(error)(text)
    return result


@functools.lru_cache(maxsize=16)
def _certificates(ca: str | None, *variables: str | None) -> ssl.SSLContext:
    """Return the certificates to trust; reading the system's takes longer than many a request.

    The variables are those that `ssl` reads by itself: another value is another context.
    """
    if ca:
        return ssl.create_default_context(cafile=ca)
    context = ssl.create_default_context()  # the system's; SSL_CERT_FILE and SSL_CERT_DIR count
    if not context.cert_store_stats()["x509_ca"] and not ssl.get_default_verify_paths().capath:
        context.load_verify_locations(certifi.where())
    return context
