"""One HTTP origin on loopback: bytes to a `Request`, a `Response` to bytes.

The standard library's threading server with Nagle's algorithm off was measured as the quickest
and quietest choice inside a notebook kernel. What an answer says is decided elsewhere; this
module also knows how to answer badly (`Response.ending`, ``delay``, ``drip``).
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit

from ..errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from email.message import Message

    from ..clock import Clock

#: How the bytes of an answer end: all of them, half of them, none with a closed connection, none
#: with a reset connection.
Ending = Literal["whole", "half", "none", "reset"]

_LARGEST_BODY = 1 << 20
_DRIPS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked.

    Attributes
    ----------
    origin : str
        ``identity``, ``api`` or ``storage``.
    method, path : str
        The path is as on the wire, without its query.
    query : mapping of str to str
    headers : email.message.Message
    body : bytes
    operation : str
        ``token``, ``submit``, ``status``, ...; empty for a path nobody serves.
    fault : str or None
        The fault that strikes this request.
    """

    origin: str
    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)
    operation: str = ""
    fault: str | None = None

    def form(self) -> dict[str, str]:
        """Return the body's form fields, after those of the query."""
        fields = dict(self.query)
        if self.headers.get_content_type() == "application/x-www-form-urlencoded":
            fields |= parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return fields


@dataclass(slots=True)
class Response:
    """What is answered.

    Attributes
    ----------
    status : int
    body : bytes or iterable of bytes
    headers : dict
    length : int or None
        Bytes of an iterable body; None sends it in chunks.
    ending : Ending
    delay : float
        Machine seconds before the first byte.
    drip : float
        Machine seconds over which the body is spread.
    """

    status: int
    body: bytes | Iterable[bytes] = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    length: int | None = None
    ending: Ending = "whole"
    delay: float = 0.0
    drip: float = 0.0


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer whose body is `value` in JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of a small answer leave in one packet
    server: Origin

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _LARGEST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the body is not read, so nothing may follow it
            self._send(json_response(411, {"message": "Length required"}))
            return
        target = urlsplit(self.path)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        body = self.rfile.read(length)
        request = Request(self.server.origin, self.command, target.path, query, self.headers, body)
        try:
            response = self.server.answer(request)
        except Exception as error:  # whatever it is, the client must see it and not hang
            failure = f"The sandbox itself failed: {type(error).__name__}: {error}"
            response = json_response(500, {"message": failure})
        try:
            self._send(response)
        except OSError:  # a client that went away is not news
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _send(self, response: Response) -> None:
        if response.delay:
            self.server.closing.wait(response.delay)
        if response.ending != "whole":
            self.close_connection = True
        if response.ending == "none":
            return
        if response.ending == "reset":
            # Lingering for 0 s makes the kernel send RST; detached, since the files made from
            # the socket would keep it open.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())
            return
        body = response.body
        length = len(body) if isinstance(body, bytes) else response.length
        self.send_response_only(response.status)
        self.send_header("Date", formatdate(self.server.clock.time(), usegmt=True))
        self.send_header("Server", "td-sandbox")
        for name, value in response.headers.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        elif response.status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(response, chunked=length is None)

    def _send_body(self, response: Response, *, chunked: bool) -> None:
        pieces = [response.body] if isinstance(response.body, bytes) else response.body
        if response.drip or response.ending == "half":
            whole = b"".join(pieces)
            if response.ending == "half":
                whole = whole[: len(whole) // 2]
            step = len(whole) // _DRIPS + 1
            pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
        for piece in pieces:
            if chunked:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"")
            else:
                self.wfile.write(piece)
            if response.drip:
                self.wfile.flush()
                self.server.closing.wait(response.drip / _DRIPS)
        if chunked and response.ending == "whole":
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: this runs inside somebody's notebook."""


class Origin(ThreadingHTTPServer):
    """A loopback origin, bound on construction.

    Parameters
    ----------
    origin : str
        Its name in `Request.origin`.
    port : int
        0 takes a free one.
    clock : Clock
        Where the Date header comes from.
    answer : callable
        From a `Request` to a `Response`.

    Raises
    ------
    ConfigError
        If the port is taken.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, origin: str, port: int, clock: Clock, answer: Callable[[Request], Response]
    ) -> None:
        self.origin = origin
        self.clock = clock
        self.answer = answer
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"The sandbox cannot listen on port {port} of 127.0.0.1: {error}.",
                hint="Take another port, or 0 for any free one.",
            ) from error
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread: threading.Thread | None = None

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def start(self) -> None:
        """Accept connections, on a thread of its own."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._accept, name=self.origin, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        # Not serve_forever(): it looks only twice a second whether it should end.
        while not self.closing.is_set():
            try:
                connection, address = self.socket.accept()
            except OSError:  # out of file descriptors: some will be given back
                self.closing.wait(0.01)
                continue
            if self.closing.is_set():
                connection.close()
                return
            self.process_request(connection, address)

    def close(self) -> None:
        """Stop at once and cut the open connections."""
        if self.closing.is_set():
            return
        self.closing.set()
        if self._thread is not None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.server_port), timeout=1).close()
            self._thread.join(timeout=1)
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are part of the game."""
