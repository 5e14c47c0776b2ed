"""A host that answers as a test tells it to: Talkdesk at odd moments, or who stands in between."""

import http.server
import json
import ssl
import threading
from contextlib import contextmanager

import td_notebooks as td

TOKEN = {"access_token": "t-1", "expires_in": 599, "scope": "data-reports:read data-reports:write"}
JOB = {"job": {"id": "j1", "status": "processing", "format": "csv"}}
NO_JOBS = {"total": 0, "_embedded": {"jobs": []}}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        pass


@contextmanager
def serving(handler, certificate=None):
    """Yield the address of a host on loopback, with TLS if there is a certificate."""
    server = Server(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def scripted(answer):
    """Yield the address of a host; `answer` gets its request, and answers by `Talking.say`.

    What it returns is said with status 200; token requests are answered unless it is told
    otherwise by ``answer.tokens = False``.
    """

    class Talking(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def say(self, status=200, body=b"", **headers):
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/oauth/") and getattr(answer, "tokens", True):
                self.say(body=TOKEN)
                return
            outcome = answer(self)
            if outcome is not None:
                self.say(body=outcome)

        do_GET = do_POST = do_DELETE = do_CONNECT = answer

        def log_message(self, *args):
            pass

    with serving(Talking) as url:
        yield url


@contextmanager
def connected(answer, **settings):
    """Yield a client of a scripted host; its pauses are over at once."""
    with scripted(answer) as url:
        place = {"api_url": url, "token_url": f"{url}/oauth/token"}
        with td.connect(
            account="acme", client_id="abc", client_secret="s3cret", **{**place, **settings}
        ) as client:
            client._clock = client.transport.clock = client.transport.auth._clock = Hasty()
            yield client


class Hasty:
    """A clock on which every pause is over at once."""

    def __init__(self):
        self.now = 1000.0
        self.pauses = []

    def monotonic(self):
        return self.now

    time = monotonic

    def sleep(self, seconds, *, wake=None):
        self.pauses.append(seconds)
        self.now += seconds
