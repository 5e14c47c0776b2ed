from __future__ import annotations

import gzip
import http.client
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from plain_client import HourlySource, MakeTalker, Talker

from td_notebooks.errors import ConfigError
from td_notebooks.sandbox import Sandbox, SandboxClock
from td_notebooks.sandbox.storage import Storage


@pytest.fixture
def talker(talk: MakeTalker) -> Talker:
    return talk(job_seconds=0)


@pytest.fixture
def link(talker: Talker) -> str:
    return str(talker.file(talker.job()).headers["Location"])


def error(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/xml"
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_a_signed_link(talker: Talker, link: str) -> None:
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}" == talker.sandbox.storage_url
    assert parts.path.endswith("/calls.csv")
    answer = talker.http.get(link)
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert talker.http.get(link).headers["ETag"] == answer.headers["ETag"]
    signature = link.partition("X-Amz-Signature=")[2]
    assert len(signature) == 64
    assert signature in talker.sandbox.secrets
    assert "X-Amz-Expires=60" in link
    head = talker.http.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic eDp5", ""])
def test_a_second_credential_is_refused_and_remembered(
    talker: Talker, link: str, authorization: str
) -> None:
    answer = talker.http.get(link, headers={"Authorization": authorization})
    assert error(answer) == (400, "InvalidArgument")
    record = talker.sandbox.requests[-1]
    assert (record.origin, record.status, record.had_authorization) == ("storage", 400, True)
    assert record.path == urlsplit(link).path


def test_a_link_lives_a_minute(talker: Talker, link: str, clock: SandboxClock) -> None:
    clock.advance(60)
    assert talker.http.get(link).status_code == 200
    clock.advance(1)
    assert error(talker.http.get(link)) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("old", "new"), [("Expires=60", "Expires=6000"), ("calls.csv", "other.csv"), ("host", "all")]
)
def test_a_changed_link_is_refused(talker: Talker, link: str, old: str, new: str) -> None:
    assert error(talker.http.get(link.replace(old, new))) == (403, "SignatureDoesNotMatch")
    assert error(talker.http.get(link.partition("?")[0])) == (403, "SignatureDoesNotMatch")


def test_only_reading(talker: Talker, link: str) -> None:
    assert error(talker.http.put(link, content=b"x")) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, None),
        ("bytes=-5", -5, None),
        ("bytes=5-99999", 5, None),
    ],
)
def test_ranges(talker: Talker, link: str, wanted: str, start: int, stop: int | None) -> None:
    whole = talker.http.get(link)
    part = talker.http.get(link, headers={"Range": wanted})
    assert part.status_code == 206
    assert part.content == whole.content[start:stop]
    first = start % len(whole.content)
    last = first + len(part.content) - 1
    assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole.content)}"


def test_ranges_that_cannot_be(talker: Talker, link: str) -> None:
    size = len(talker.http.get(link).content)
    for wanted in (f"bytes={size}-", "bytes=9-3", "bytes=-0"):
        answer = talker.http.get(link, headers={"Range": wanted})
        assert error(answer) == (416, "InvalidRange")
        assert answer.headers["Content-Range"] == f"bytes */{size}"
    for ignored in ("bytes=0-1,3-4", "bytes=-", "rows=0-1"):
        assert talker.http.get(link, headers={"Range": ignored}).status_code == 200


def test_a_range_of_the_same_file_only(talker: Talker, link: str) -> None:
    etag = talker.http.get(link).headers["ETag"]
    for known, status in ((etag, 206), ('"other"', 200)):
        answer = talker.http.get(link, headers={"Range": "bytes=0-1", "If-Range": known})
        assert answer.status_code == status


def test_gzip_on_request(talk: MakeTalker) -> None:
    talker = talk(job_seconds=0, gzip=True)
    link = talker.file(talker.job()).headers["Location"]
    plain = talker.http.get(link, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    with talker.http.stream("GET", link, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "Content-Length" not in answer.headers
        raw = b"".join(answer.iter_raw())
    assert gzip.decompress(raw) == plain.content


def test_a_file_is_made_once_and_only_when_fetched(talk: MakeTalker) -> None:
    source = HourlySource()
    talker = talk(job_seconds=0, source=source)
    link = talker.file(talker.job()).headers["Location"]
    assert source.asked == []
    threads = [threading.Thread(target=talker.http.get, args=(link,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(source.asked) == 1


def test_large_files_are_streamed_and_removed_at_the_end(clock: SandboxClock) -> None:
    storage = Storage("http://storage", clock, link_seconds=60, gzip=False)
    path = storage.add("big.csv", "text/csv", lambda: (b"x" * 100_000 for _ in range(50)))
    response = storage.content(path)
    assert response.length == 5_000_000
    assert not isinstance(response.body, bytes)
    chunks = list(response.body)
    assert max(map(len, chunks)) <= 1 << 16
    assert sum(map(len, chunks)) == 5_000_000
    folder = storage._folder
    assert folder and list(folder.iterdir())
    storage.remove(path)
    assert not list(folder.iterdir())
    assert storage.content(path).status == 404
    storage.remove(path)
    late = storage.add("late.csv", "text/csv", lambda: (b"x",))
    storage.close()
    assert not folder.exists()
    with pytest.raises(FileNotFoundError):
        storage.content(late)


def test_a_failing_source_is_told_to_the_client(talk: MakeTalker) -> None:
    class Broken(HourlySource):
        def rows(self, *args: object) -> list[dict[str, object]]:
            raise ZeroDivisionError("no rows today")

    talker = talk(job_seconds=0, source=Broken())
    answer = talker.download(talker.job())
    assert answer.status_code == 500
    assert "ZeroDivisionError: no rows today" in answer.json()["message"]


# -- the servers below all three hosts -------------------------------------------------------------


def test_connections_are_kept_and_dated_by_the_sandbox_clock(talk: MakeTalker) -> None:
    sandbox = talk(login=False).sandbox
    connection = http.client.HTTPConnection(urlsplit(sandbox.api_url).netloc, timeout=60)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/else")
        answer = connection.getresponse()
        assert answer.read() == b'{"message":"API not found"}'
        assert answer.headers["Date"] == "Tue, 10 Mar 2026 12:00:00 GMT"
        sockets.add(connection.sock)
    assert len(sockets) == 1
    connection.close()


@pytest.mark.parametrize(
    "header",
    [
        "Content-Length: many",
        "Content-Length: -1",
        "Content-Length: 2000000",
        "Transfer-Encoding: chunked",
    ],
)
def test_bodies_of_unknown_or_absurd_length(talk: MakeTalker, header: str) -> None:
    address = urlsplit(talk(login=False).sandbox.api_url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(f"POST /x HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 411
        answer.read()
        assert connection.recv(1) == b""


def test_closing_cuts_open_connections_and_frees_the_ports(clock: SandboxClock) -> None:
    sandbox = Sandbox(clock=clock).start().start()
    address = urlsplit(sandbox.api_url)
    idle = socket.create_connection((address.hostname, address.port), timeout=60)
    idle.sendall(b"GET / HTTP/1.1\r\n")
    while not sandbox._origins["api"].connections:
        pass
    sandbox.close()
    sandbox.close()
    assert idle.recv(1) == b""
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=60)


def test_running_out_of_file_descriptors_passes(clock: SandboxClock) -> None:
    class Tired:
        def __init__(self, listener: socket.socket) -> None:
            self.listener = listener
            self.failures = 2

        def accept(self) -> object:
            if self.failures:
                self.failures -= 1
                raise OSError(24, "Too many open files")
            return self.listener.accept()

        def close(self) -> None:
            self.listener.close()

    sandbox = Sandbox(clock=clock)
    origin = sandbox._origins["api"]
    origin.socket = Tired(origin.socket)  # type: ignore[assignment]  # as much as is used of one
    with sandbox:
        assert httpx.get(sandbox.api_url, trust_env=False).status_code == 404


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} of"):
            Sandbox(port=port)
        with pytest.raises(ConfigError, match="cannot listen"):
            Sandbox(port=port - 1)
    with pytest.raises(ConfigError, match="port 70000"):
        Sandbox(port=70000)


def test_two_sandboxes_in_one_process(talk: MakeTalker) -> None:
    one, two = talk(job_seconds=0), talk(job_seconds=0)
    assert one.sandbox.api_url != two.sandbox.api_url
    one.job()
    assert two.call("GET", "/data/reports/calls/jobs").json()["total"] == 0
    assert "submit" not in {record.operation for record in two.sandbox.requests}


def test_a_client_that_goes_away_is_not_news(
    talk: MakeTalker, capfd: pytest.CaptureFixture[str]
) -> None:
    class Long(HourlySource):
        def render(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def]  # any
            yield from (b"x" * (1 << 20) for _ in range(20))

    talker = talk(job_seconds=0, source=Long())
    link = talker.file(talker.job()).headers["Location"]
    with talker.http.stream("GET", link) as answer:
        next(answer.iter_raw())
    assert talker.http.get(talker.sandbox.api_url + "/else").status_code == 404
    talker.sandbox.close()
    assert capfd.readouterr() == ("", "")


def test_starting_is_cheap_and_importing_too() -> None:
    script = (
        "import sys, td_notebooks.sandbox as s; assert 'http.server' not in sys.modules\n"
        "with s.Sandbox() as sandbox: pass\n"
        "heavy = {'cryptography', 'jwt', 'pandas', 'pyarrow', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'Sandbox' in dir(s)\n"
        "try: s.nothing\n"
        "except AttributeError: print('fine')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("fine\n", "")


def test_no_file_is_left_behind(
    talk: MakeTalker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    talker = talk(job_seconds=0)
    talker.download(talker.job())
    assert list(tmp_path.iterdir())
    talker.sandbox.close()
    assert not list(tmp_path.iterdir())
