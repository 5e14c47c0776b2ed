"""``td-notebooks appconnect``: receive the events of an app, to try it."""

from __future__ import annotations

import contextlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, TalkdeskError
from .streams import say, tell

if TYPE_CHECKING:
    from ..appconnect import Event, Receiver

_DRAINED = 1 << 24

appconnect_app = typer.Typer(
    help="Events of an AppConnect app, and the accounts that installed it.", no_args_is_help=True
)


@appconnect_app.callback()
def _together() -> None:
    """Keep the name of the one command there is."""


@appconnect_app.command()
def listen(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0: any that is free.")
    ] = 8401,
    store: Annotated[
        Path | None,
        typer.Option(help="Keep installations in this folder, readable by you only."),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="An API address to believe beside Talkdesk's own, such as a sandbox's."),
    ] = None,
) -> None:
    """Receive signed events at this machine, and print a line for each that can be believed.

    Talkdesk delivers to https addresses: put a proxy or a tunnel in front. Ctrl-C ends it.
    """
    from ..appconnect import InstallationStore, Receiver, SignatureKeys
    from ..appconnect.signatures import KNOWN_HOSTS
    from ..connections import fetch

    keys = SignatureKeys(fetch, (*KNOWN_HOSTS, *(host or ())))
    receiver = Receiver(keys, InstallationStore(store) if store else None)
    with _Server(port, receiver) as server, contextlib.suppress(KeyboardInterrupt):
        say(f"Listening at http://127.0.0.1:{server.server_port}/; Ctrl-C ends it.")
        server.serve_forever()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, receiver: Receiver) -> None:
        self.receiver = receiver
        try:
            super().__init__(("127.0.0.1", port), _Delivery)
        except OSError as error:
            raise ConfigError(
                f"Port {port} of 127.0.0.1 cannot be listened at: {error.strerror}.",
                hint="Take another port, or 0 for any free one.",
            ) from None

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are no news."""


class _Delivery(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def do_POST(self) -> None:
        from ..appconnect.receiver import LARGEST_EVENT

        told = self.headers.get("Content-Length", "")
        length = int(told[:12]) if told.isascii() and told.isdecimal() else -1
        if not 0 <= length <= LARGEST_EVENT:
            # What is under way is taken, within limits: else the answer would be lost with it.
            for _ in range(min(length, _DRAINED) >> 16):
                self.rfile.read(1 << 16)
            status = 411 if length < 0 else 413
            self._answer(status)
            tell(f"{status}: a delivery of {told[:12] or 'unknown'} bytes is no event")
            return
        body = self.rfile.read(length)
        status, outcome = self.server.receiver.receive(dict(self.headers), body)
        self._answer(status)
        _show(status, outcome)

    def _answer(self, status: int) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what matters is said elsewhere."""


def _show(status: int, outcome: Event | TalkdeskError) -> None:
    if isinstance(outcome, TalkdeskError):
        tell(f"{status}: {outcome}")
        return
    cells = (outcome.created_at.isoformat(), outcome.type, outcome.account_name or "-")
    print("\t".join((*cells, outcome.installation_id)), flush=True)
