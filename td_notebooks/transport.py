"""Send requests of one account, repeat them, turn statuses into errors.

What is repeated: requests without side effects on no answer, 429 and 5xx; a request with side
effects only when it cannot have been handled (connection refused, 429, 503). ``Retry-After`` is
obeyed up to two minutes. Attempts and total time are bounded.

Errors leave this module without the frames and requests they happened in: a traceback that shows
local variables must not show a header with a token. So an attempt *returns* its error, and it is
raised where nothing secret is in sight.

A child process that was forked shares sockets and locks with its parent: it would read the answers
to its parent's requests, or wait for a thread that it does not have. So there each transport begins
anew, with connections and a lock of its own.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import httpx
import tenacity

from .answers import Answer, api_error, repeatable, retry_delay
from .auth.flow import TalkdeskAuth, read_body
from .auth.grants import ASKING_FOR_ACCESS, AccessToken
from .clock import Clock, SystemClock
from .connections import network_error, open_client, without_frames
from .errors import QuotaError, TalkdeskError
from .redaction import redact_http_logs
from .settings import KNOWN_SCOPES

ATTEMPTS = 6
LONGEST_RETRYING = 180.0
LONGEST_ANSWER = 1 << 20
LONGEST_EXCHANGE = 120.0

Result = TypeVar("Result")
Trace = Callable[[str, Mapping[str, object]], None]

_log = logging.getLogger("td_notebooks")
_transports: weakref.WeakSet[Transport] = weakref.WeakSet()


def _begin_anew_in_a_child() -> None:
    for transport in list(_transports):
        transport.begin_anew()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew_in_a_child)


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
        self._ca = ca
        self._open_clients()
        redact_http_logs()
        _transports.add(self)

    def _open_clients(self) -> None:
        limits = httpx.Limits(max_connections=20)
        self._http = open_client(auth=self.auth, ca=self._ca, limits=limits)
        # Each download has a connection of its own, which can be cut without hurting others.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._downloads = open_client(auth=self.auth, ca=self._ca, accept="*/*", limits=limits)

    def begin_anew(self) -> None:
        """Leave connections and locks to the parent process, and open others."""
        self.auth.begin_anew()
        self._open_clients()  # the old ones are not closed: a thread that is gone may hold a lock

    def close(self) -> None:
        """Close all connections."""
        _transports.discard(self)
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
                return network_error(error, doing=ASKING_FOR_ACCESS, host=host)
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
        try:
            with self.stream(url, signed=False, trace=lambda *_: None) as response:
                body = read_body(response, LONGEST_ANSWER)
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
            # A place in the quota becomes free when a job ends, which takes its time.
            patient = state.outcome and isinstance(state.outcome.result(), QuotaError)
            return late or (state.attempt_number >= ATTEMPTS and not patient)

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
                body = read_body(
                    response, LONGEST_ANSWER, lambda: self.clock.monotonic() > deadline
                )
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
