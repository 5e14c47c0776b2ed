"""Certificates, proxies and redirects, over real sockets."""

import datetime
import http.server
import ipaddress
import select
import socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scripted import serving

from td_notebooks.auth import ClientSecret, TalkdeskAuth
from td_notebooks.connections import fetch
from td_notebooks.errors import DownloadError, NetworkError
from td_notebooks.regions import Account, Origin
from td_notebooks.reports.download import Hop
from td_notebooks.secret import Secret
from td_notebooks.transport import Transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for loopback, signed by itself: a company's own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a company's own")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("talkdesk.test")]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Talker(http.server.BaseHTTPRequestHandler):
    """Hands out one token and says hello to it."""

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.answer(b'{"access_token": "t-1", "expires_in": 599}')

    def do_GET(self):
        self.answer(b'{"seen": "%s"}' % str(self.headers["Authorization"]).encode())

    def log_message(self, *args):
        pass


def transport_to(url, **settings):
    account = Account("acme", "x", token_url=f"{url}/oauth/token", api_url=url)
    return Transport(TalkdeskAuth(account, ClientSecret("c", Secret("s"))), seed=1, **settings)


def hello(transport):
    try:
        return transport.call("GET", "/hello", doing="saying hello", read=lambda a: a.json())
    finally:
        transport.close()


def test_a_company_authority_is_trusted_when_named(certificate, monkeypatch):
    with serving(Talker, certificate) as url:
        assert hello(transport_to(url, ca=str(certificate))) == {"seen": "Bearer t-1"}
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert hello(transport_to(url)) == {"seen": "Bearer t-1"}


def test_keys_are_fetched_with_a_company_authority_too(certificate, monkeypatch):
    with serving(Talker, certificate) as url:
        with pytest.raises(OSError, match="gave no answer: ConnectError"):
            fetch(url)
        monkeypatch.setenv("TALKDESK_CA", str(certificate))
        assert fetch(url) == (200, b'{"seen": "None"}')


def test_an_unknown_authority_is_refused_at_once_with_the_way_out(certificate):
    with (
        serving(Talker, certificate) as url,
        pytest.raises(NetworkError, match=r"ca= .TALKDESK_CA. or SSL_CERT_FILE") as caught,
    ):
        hello(transport_to(url))
    assert not caught.value.retryable


def test_a_proxy_is_used_where_the_environment_says_so(certificate, monkeypatch):
    asked = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.path)
            port = int(self.path.split(":")[1])
            with socket.create_connection(("127.0.0.1", port)) as there:
                self.send_response(200)
                self.end_headers()
                pair = [self.connection, there]
                while True:
                    for ready in select.select(pair, [], [], 5)[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        pair[ready is self.connection].sendall(data)

        def log_message(self, *args):
            pass

    with serving(Talker, certificate) as url, serving(Proxy) as proxy:
        url = url.replace("127.0.0.1", "talkdesk.test")
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        assert hello(transport_to(url, ca=str(certificate))) == {"seen": "Bearer t-1"}
    assert set(asked) == {url.removeprefix("https://")}


API = Origin.of("https://api.talkdeskapp.com")
START = Hop(Secret("https://api.talkdeskapp.com/data/reports/calls/files/1"), signed=True)


@pytest.mark.parametrize(
    ("location", "url", "signed"),
    [
        ("/elsewhere", "https://api.talkdeskapp.com/elsewhere", True),
        ("https://api.talkdeskapp.com/x", "https://api.talkdeskapp.com/x", True),
        ("https://s3.example/f?sig=1", "https://s3.example/f?sig=1", False),
        ("//s3.example/f", "https://s3.example/f", False),
        ("https://api.talkdeskapp.com:8443/f", "https://api.talkdeskapp.com:8443/f", False),
        ("https://api.talkdeskapp.com.evil.example/f", None, False),
    ],
)
def test_the_token_goes_along_only_within_the_api(location, url, signed):
    there = START.next(location, API)
    assert there.url.reveal() == (url or location)
    assert there.signed is signed


def test_who_has_left_the_api_does_not_come_back_with_the_token():
    away = START.next("https://s3.example/f", API)
    assert not away.next("https://api.talkdeskapp.com/x", API).signed


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://s3.example/f", "from https to plain http on s3.example"),
        ("http://api.talkdeskapp.com/f", "from https to plain http"),
        ("https://me:x@s3.example/f", "with a user name in it"),
        ("file:///etc/passwd", "no web address"),
        ("https://s3.example:port/f", "no web address"),
        ("https://[half/f", "no web address"),
        ("javascript:alert(1)", "no web address"),
    ],
)
def test_redirects_that_are_not_followed(location, message):
    with pytest.raises(DownloadError, match=message) as caught:
        START.next(location, API)
    assert not caught.value.retryable
    assert "me:x" not in str(caught.value)


def test_a_trickling_answer_is_given_up(start_sandbox, open_client):
    class Trickle(Talker):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(1000):
                clock.now += 10
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        time = monotonic

        def sleep(self, seconds, *, wake=None):
            self.now += seconds

    clock = Clock()
    with serving(Trickle) as url, pytest.raises(NetworkError, match="trickles"):
        hello(transport_to(url, clock=clock))


@pytest.mark.parametrize("operation", ["status", "file"])
def test_a_location_elsewhere_never_receives_the_token(start_sandbox, open_client, operation):
    from td_notebooks.errors import TalkdeskError
    from td_notebooks.sandbox.faults import FaultSettings

    seen = []

    class Stranger(Talker):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.answer(b"<html>")

    with serving(Stranger) as url:
        sandbox = start_sandbox(
            faults=f"redirect-elsewhere:{operation}@*",
            fault_settings=FaultSettings(elsewhere=f"{url}/report"),
        )
        with pytest.raises(TalkdeskError):
            open_client(sandbox).report("calls", "2026-08-03", "2026-08-04", progress=False)
    assert seen
    assert not any("authorization" in {name.lower() for name in headers} for headers in seen)
    assert not any("cookie" in {name.lower() for name in headers} for headers in seen)
