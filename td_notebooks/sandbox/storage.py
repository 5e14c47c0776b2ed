"""The storage host: report files behind signed links that live for a minute.

It behaves like S3 with presigned query authentication: a second credential (any Authorization
header) is refused, and errors are XML.
"""

from __future__ import annotations

import hashlib
import hmac
import queue
import re
import secrets
import shutil
import tempfile
import threading
import weakref
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urlencode

from .server import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..clock import Clock
    from .server import Request

_BUCKET = "/td-sandbox-reports"
_CHUNK = 64 * 1024
_DATE = "%Y%m%dT%H%M%SZ"
_ERRORS = {
    "InvalidArgument": (400, "Only one auth mechanism allowed"),
    "AccessDenied": (403, "Request has expired"),
    "SignatureDoesNotMatch": (403, "The request signature does not match"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
}


@dataclass(slots=True)
class _Object:
    """A file that is written when somebody first asks for it."""

    produce: Callable[[], Iterable[bytes]]
    content_type: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    file: Path | None = None
    etag: str = ""


class Storage:
    """The storage host's application.

    Parameters
    ----------
    url : str
        Its origin.
    clock : Clock
        Links expire by it.
    link_seconds : float
        How long a link lives, in sandbox seconds.
    gzip : bool
        Compress a whole file for clients that accept it.
    ahead : bool
        Make files on a thread of their own as soon as they are promised, while their jobs run,
        and not only when they are asked for.

    Attributes
    ----------
    signatures : list of str
        Of all links handed out, for tests that look for leaks.
    """

    def __init__(
        self, url: str, clock: Clock, *, link_seconds: float, gzip: bool, ahead: bool = False
    ) -> None:
        self._url = url
        self._clock = clock
        self._link_seconds = link_seconds
        self._gzip = gzip
        self._key = secrets.token_bytes(32)
        self._objects: dict[str, _Object] = {}
        self._folder: Path | None = None
        self._lock = threading.Lock()
        self.signatures: list[str] = []
        self._promised: queue.SimpleQueue[_Object | None] = queue.SimpleQueue()
        self._closed = False
        if ahead:
            threading.Thread(target=self._make_ahead, name="sandbox-files", daemon=True).start()

    # -- for Explore -------------------------------------------------------------------------

    def add(self, name: str, content_type: str, produce: Callable[[], Iterable[bytes]]) -> str:
        """Promise a file and return its path.

        Parameters
        ----------
        name : str
            The last part of the path.
        content_type : str
        produce : callable
            Gives the bytes, when first asked for.
        """
        path = f"{_BUCKET}/{secrets.token_urlsafe(24)}/{quote(name)}"
        self._objects[path] = stored = _Object(produce, content_type)
        self._promised.put(stored)
        return path

    def link(self, path: str, *, expired: bool = False) -> str:
        """Return a signed URL of a file, fresh or already expired."""
        issued = self._clock.time() - (self._link_seconds + 1 if expired else 0)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"SANDBOX/{_stamp(issued)[:8]}/us-east-1/s3/aws4_request",
            "X-Amz-Date": _stamp(issued),
            "X-Amz-Expires": f"{self._link_seconds:g}",
            "X-Amz-SignedHeaders": "host",
        }
        signature = self._sign(path, query)
        self.signatures.append(signature)
        return f"{self._url}{path}?{urlencode(query | {'X-Amz-Signature': signature})}"

    def remove(self, path: str) -> None:
        """Delete a file; its links answer 404 from now on."""
        stored = self._objects.pop(path, None)
        if stored is not None and stored.file is not None:
            stored.file.unlink(missing_ok=True)

    def content(self, path: str) -> Response:
        """Return the whole file as an answer."""
        stored = self._objects.get(path)
        if stored is None:
            return _error("NoSuchKey")
        file = self._written(stored)
        size = file.stat().st_size
        headers = {"Content-Type": stored.content_type, "ETag": stored.etag}
        return Response(200, _read(file, 0, size), headers, size)

    # -- for clients -------------------------------------------------------------------------

    def operation(self, method: str, path: str) -> str:
        """Name what a request asks for."""
        return "storage"

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if request.method not in ("GET", "HEAD"):
            return _error("MethodNotAllowed")
        if "Authorization" in request.headers:
            return _error("InvalidArgument")
        query = dict(request.query)
        signature = query.pop("X-Amz-Signature", "")
        if not hmac.compare_digest(signature.encode(), self._sign(request.path, query).encode()):
            return _error("SignatureDoesNotMatch")
        issued = datetime.strptime(query["X-Amz-Date"], _DATE).replace(tzinfo=UTC).timestamp()
        if self._clock.time() > issued + float(query["X-Amz-Expires"]):
            return _error("AccessDenied")
        response = self.content(request.path)
        if response.status != 200:
            return response
        response.headers["Accept-Ranges"] = "bytes"
        wanted = request.headers.get("Range")
        if wanted and request.headers.get("If-Range") in (None, response.headers["ETag"]):
            return self._part(request.path, wanted, response)
        if self._gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            assert not isinstance(response.body, bytes)
            response.headers["Content-Encoding"] = "gzip"
            response.body, response.length = _compress(response.body), None
        return response

    def _part(self, path: str, wanted: str, whole: Response) -> Response:
        size = whole.length or 0
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
        if found is None or found.group() == "bytes=-":
            return whole  # several ranges, or none that is understood
        first, last = found.groups()
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start >= stop:
            return _error("InvalidRange", {"Content-Range": f"bytes */{size}"})
        headers = whole.headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        file = self._written(self._objects[path])
        return Response(206, _read(file, start, stop), headers, stop - start)

    def _sign(self, path: str, query: dict[str, str]) -> str:
        text = f"{path}?{urlencode(sorted(query.items()))}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _make_ahead(self) -> None:
        while (stored := self._promised.get()) and not self._closed:
            with suppress(Exception):  # whoever asks for the file hears of it
                self._written(stored)

    def _written(self, stored: _Object) -> Path:
        with stored.lock:
            if stored.file is None:
                file, out = self._new_file()
                digest = hashlib.sha256()
                with out:
                    for chunk in stored.produce():
                        out.write(chunk)
                        digest.update(chunk)
                stored.file, stored.etag = file, f'"{digest.hexdigest()[:32]}"'
            return stored.file

    def _new_file(self) -> tuple[Path, BinaryIO]:
        with self._lock:  # a file opened before `close` is removed by it; later ones are refused
            if self._closed:
                raise FileNotFoundError("the sandbox is closed")
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="td-sandbox-"))
                self._remove_all = weakref.finalize(
                    self, shutil.rmtree, self._folder, ignore_errors=True
                )
            file = self._folder / secrets.token_hex(16)
            return file, file.open("wb")

    def close(self) -> None:
        """Delete all files."""
        with self._lock:
            self._closed = True
        self._promised.put(None)
        if self._folder is not None:
            self._remove_all()


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_DATE)


def _read(file: Path, start: int, stop: int) -> Iterator[bytes]:
    with file.open("rb") as source:
        source.seek(start)
        while start < stop and (chunk := source.read(min(_CHUNK, stop - start))):
            start += len(chunk)
            yield chunk


def _compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)  # 31: with gzip's header and trailer
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _error(code: str, headers: dict[str, str] | None = None) -> Response:
    status, message = _ERRORS[code]
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Response(status, body.encode(), {"Content-Type": "application/xml", **(headers or {})})
