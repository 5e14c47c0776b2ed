"""From a finished job to a file on disk.

The way: the job's address at the API redirects, at once or by one more step, to a signed link on
a storage host. Each redirect is looked at: the token goes along only while every address so far
was the API's own, https is never left for http, and a link is asked for again when it expired.
The file is written beside its target and renamed, so that a name stands for a whole file.
"""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import httpx

from ..answers import Answer, api_error, repeatable
from ..beside import beside
from ..connections import network_error, without_frames
from ..errors import DownloadError, NotFoundError, TalkdeskError
from ..regions import Origin, absolute
from ..secret import Secret
from ..transport import Trace
from .jobs import Job
from .state import REDIRECTS

HOPS = 5
BUFFER = 1 << 16

Result = TypeVar("Result")

# Markup, or a job object where its file should be.
_TELLING = 256  # bytes that tell a report from something else
_NO_REPORT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<|\{\s*\"job\"\s*:)")


class Stopped(Exception):
    """The download was told to stop."""


class StopSwitch:
    """Ends downloads on other threads at once, a blocked read included."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def stop(self) -> None:
        """End all downloads that were given this switch."""
        self.stopped.set()
        with self._lock:
            for connection in self._connections:
                # Closing would not wake a thread that reads; shutting down does.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise `Stopped` once the switch was used."""
        if self.stopped.is_set():
            raise Stopped

    @contextlib.contextmanager
    def watching(self) -> Iterator[Trace]:
        """Yield a trace that makes ``stop()`` cut the connections it is told of."""
        seen: list[socket.socket] = []

        def trace(event: str, info: Mapping[str, object]) -> None:
            # A stream is told of when it is connected, and once more when TLS has begun on it.
            stream = info.get("return_value")
            if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
                connection = getattr(stream, "get_extra_info", lambda name: None)("socket")
                if isinstance(connection, socket.socket):
                    with self._lock:
                        seen.append(connection)
                        self._connections.add(connection)
                    if self.stopped.is_set():  # raising in here would leave it open
                        self.stop()

        try:
            yield trace
        finally:
            with self._lock:
                self._connections.difference_update(seen)


@dataclass(frozen=True, slots=True)
class Hop:
    """One address on the way to the file."""

    url: Secret
    signed: bool

    @property
    def host(self) -> str:
        """Its host, for messages: the rest of a signed link is secret."""
        return Origin.of(self.url.reveal()).host

    def next(self, location: str, api: Origin) -> Hop:
        """Return the address a redirect leads to.

        Parameters
        ----------
        location : str
            The ``Location`` header.
        api : Origin
            The only one that may see the token.

        Raises
        ------
        DownloadError
            The redirect must not be followed.
        """
        url = absolute(self.url.reveal(), location)
        here, there = Origin.of(self.url.reveal()), Origin.of(url)
        if there.scheme not in {"https", "http"} or not there.host:
            problem = "to something that is no web address"
        elif here.scheme == "https" and there.scheme == "http":
            problem = f"from https to plain http on {there.host}"
        elif urlsplit(url).username is not None:
            problem = f"to an address on {there.host} with a user name in it"
        else:
            return Hop(Secret(url), signed=self.signed and there == api)
        error = DownloadError(
            f"The report file was not fetched: {here.host} redirects {problem}.",
            hint="This is not what Talkdesk does: check the proxy and the API address.",
        )
        error.retryable = False
        raise error


def download(job: Job, target: Path, *, stop: StopSwitch | None = None) -> int:
    """Fetch the file of a finished job.

    Parameters
    ----------
    job : Job
        Its status must be ``done``.
    target : Path
        Written beside it first, then renamed; an existing file is replaced.
    stop : StopSwitch, optional

    Returns
    -------
    int
        Size in bytes.

    Raises
    ------
    DownloadError
        The file did not arrive whole, a redirect must not be followed, or the disk is full.
    ApiError, NetworkError, TokenError
    Stopped
        The switch was used.
    """
    job.check()
    switch = stop or StopSwitch()
    with beside(target, functools.partial(_disk_error, target)) as scratch:
        saving = _Fetching(job, functools.partial(_save, scratch), switch)
        return job.api.transport.repeat(saving.once, _worth_another, wake=switch.stopped)


def stream(job: Job, read: Callable[[Body], Result], *, stop: StopSwitch | None = None) -> Result:
    """Read the file of a finished job as it arrives; again from its start, if it shows damage.

    Nothing of it touches the disk, and no more of it is held than what is read at once.

    Parameters
    ----------
    job : Job
    read : callable
        Given the file. A `DownloadError` it raises is a reason to fetch once more.
    stop : StopSwitch, optional

    Returns
    -------
    object
        What ``read`` returned.

    Raises
    ------
    DownloadError
        The file did not arrive whole, or a redirect must not be followed.
    ApiError, NetworkError, TokenError
    Stopped
        The switch was used.
    """
    job.check()
    switch = stop or StopSwitch()

    def take(body: Body) -> Result:
        result = read(body)
        body.drain()
        return result

    reading = _Fetching(job, take, switch)
    return job.api.transport.repeat(reading.once, _worth_another, wake=switch.stopped)


class Body:
    """A report file on its way, to be read once.

    Parameters
    ----------
    chunks : iterator of bytes
    switch : StopSwitch
    doing : str
        For messages.
    may_be_empty : bool
        Whether nothing at all is a report.

    Attributes
    ----------
    size : int
        Bytes that came so far.
    empty : bool
        Whether nothing at all came.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        switch: StopSwitch,
        doing: str,
        *,
        may_be_empty: bool = False,
    ) -> None:
        self.size = 0
        self.empty = False
        self._chunks, self._switch, self._doing = chunks, switch, doing
        self._may_be_empty = may_be_empty
        self._held = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end."""
        if not self._held:
            self._held = self._next()
        data, self._held = self._held[:size], self._held[size:]
        return data

    def drain(self) -> None:
        """Read what is left: only at its end is it known that the file came whole."""
        while self._next():
            pass

    def _next(self) -> bytes:
        self._switch.check()
        chunk = next(self._chunks, b"")
        if not self.size:
            while len(chunk) < _TELLING and (more := next(self._chunks, b"")):
                chunk += more
            self.empty = not chunk
            if self.empty and self._may_be_empty:
                return chunk
            if self.empty or _NO_REPORT.match(chunk):
                raise DownloadError(
                    f"While {self._doing}, something that is no report came in its place.",
                    hint="The file may not be ready, or a proxy answered: try again.",
                )
        self.size += len(chunk)
        return chunk


def _worth_another(error: TalkdeskError) -> bool:
    # Just after a job is done its file may not be found for a moment.
    missing = isinstance(error, NotFoundError)
    return missing or repeatable(error, side_effects=False, wait_for_quota=True)


@dataclass(slots=True)
class _Fetching(Generic[Result]):
    """One file on its way to whoever takes it."""

    job: Job
    take: Callable[[Body], Result]
    switch: StopSwitch
    _was_empty: bool = False

    @property
    def doing(self) -> str:
        return f"downloading {_label(self.job)}"

    def once(self) -> Result | TalkdeskError:
        """Go the whole way; return the error, if any, which no frame with a link goes with."""
        transport, at_status = self.job.api.transport, self.job.state.result_at_status
        hop = Hop(Secret(self.job.status_url if at_status else self.job.file_url), signed=True)
        try:
            self.switch.check()
            for _ in range(HOPS):
                with (
                    self.switch.watching() as trace,
                    transport.stream(hop.url.reveal(), signed=hop.signed, trace=trace) as response,
                ):
                    if response.status_code in REDIRECTS and "Location" in response.headers:
                        hop = hop.next(response.headers["Location"], transport.account.api_origin)
                    elif response.status_code == 200:
                        return self._take(response.iter_bytes())
                    else:
                        return self._refusal(hop, response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.switch.check()
            return network_error(error, doing=self.doing, host=hop.host)
        except TalkdeskError as error:
            return without_frames(error)
        return DownloadError(f"While {self.doing}, more than {HOPS} redirects came in a row.")

    def _take(self, chunks: Iterator[bytes]) -> Result:
        # Without a row, json_bulk is without a byte; once it may be an accident, twice it is not.
        bulk = self.job.state.format == "json_bulk"
        body = Body(chunks, self.switch, self.doing, may_be_empty=bulk and self._was_empty)
        try:
            return self.take(body)
        finally:
            self._was_empty = body.empty

    def _refusal(self, hop: Hop, response: httpx.Response) -> TalkdeskError:
        if not hop.signed:
            return DownloadError(
                f"While {self.doing}, the storage host {hop.host} answered {response.status_code}.",
                hint="Its links live a minute or so: ask again for the file.",
            )
        transport = self.job.api.transport
        answer = Answer(
            response.status_code, response.headers, next(response.iter_bytes(BUFFER), b"")
        )
        return api_error(
            answer,
            doing=self.doing,
            account=transport.account,
            scopes=transport.scopes,
            needs=self.job.api.scope("read"),
        ) or DownloadError(f"While {self.doing}, Talkdesk answered {response.status_code}.")


def _save(path: Path, body: Body) -> int:
    """Write the file; return its size."""
    with path.open("wb") as file:
        while data := body.read(BUFFER):
            file.write(data)
    return body.size


def _label(job: Job) -> str:
    return f"{job.report_type} job {job.id}"


def _disk_error(path: Path, problem: str) -> DownloadError:
    result = DownloadError(
        f"The report file could not be written in {path.parent}: {problem}.",
        hint="Mend that, then fetch it again: it stays at Talkdesk for 30 days.",
    )
    result.retryable = False
    return result
