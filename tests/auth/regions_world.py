"""All hosts of four regions behind one proxy on this machine, each under its real name, with TLS.

Clients come with nothing changed but a proxy and a certificate to trust, as in many companies:
their addresses are those of the table of regions, and no request leaves the machine.
"""

from __future__ import annotations

import io
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from td_notebooks.regions import REGIONS, Account
from td_notebooks.sandbox.clock import SandboxClock
from td_notebooks.sandbox.explore import Explore
from td_notebooks.sandbox.identity import Identity
from td_notebooks.sandbox.login import Logins
from td_notebooks.sandbox.server import Origin, Request, Response, _Handler, json_response

NOBODY = {"code": "0700001", "message": "Unauthorized: Invalid audience"}


class RegionsWorld:
    """Identity hosts of many accounts, and the API host of each region.

    Parameters
    ----------
    names : dict of str to str
        Region by name of account.
    clock : SandboxClock
    folder : Path
        Where its certificate goes.
    """

    def __init__(self, names: dict[str, str], clock: SandboxClock, folder: Path) -> None:
        accounts = [Account(name, region) for name, region in names.items()]
        self.identities = {
            account.name: Identity(account.name, account.token_url, account.api_url, clock)
            for account in accounts
        }
        for identity in self.identities.values():
            Logins(identity)
        self._token_hosts = {account.token_url: account.name for account in accounts}
        self._explores = {
            account.name: Explore(
                account.api_url,
                self.identities[account.name],
                None,  # type: ignore[arg-type] # no file is made
                None,  # type: ignore[arg-type] # of no rows
                clock,
                job_seconds=1.0,
                quota=15,
            )
            for account in accounts
        }
        self._of_region = {
            f"{REGIONS[region].api_host}": [name for name, at in names.items() if at == region]
            for region in REGIONS
        }
        self.rejected = 0
        self.mixed: list[str] = []
        self.asked = 0
        self.ca, context = _certificate(folder)
        self._origin = Origin("world", 0, clock, self._answer)
        self._origin.RequestHandlerClass = type("_Named", (_Tunnel,), {"context": context})
        self.proxy = self._origin.url

    def __enter__(self) -> RegionsWorld:
        self._origin.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._origin.close()

    def revoke(self) -> None:
        """Make every token issued so far useless."""
        for identity in self.identities.values():
            identity.revoke_tokens()

    def _answer(self, request: Request) -> Response:
        host = request.headers["Host"]
        if name := self._token_hosts.get(f"https://{host}{request.path}"):
            self.asked += 1
            return self.identities[name](_named(request, "token"))
        for name in self._of_region.get(host, ()):
            identity = self.identities[name]
            text = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
            if text in identity.tokens:
                return self._of_account(name, text, request)
        return json_response(401, NOBODY)

    def _of_account(self, name: str, text: str, request: Request) -> Response:
        wanted = request.query["of"], request.query["scope"]
        if wanted != (name, " ".join(self.identities[name].tokens[text].scopes)):
            self.mixed.append(" ".join(wanted))
        explore = self._explores[name]
        response = explore(_named(request, explore.operation(request.method, request.path)))
        self.rejected += response.status == 401
        return response


def _named(request: Request, operation: str) -> Request:
    return replace(request, operation=operation)


class _Tunnel(_Handler):
    """A proxy that ends each tunnel itself, in the name of the host that was asked for."""

    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self.server.connections.discard(self.connection)
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.server.connections.add(self.connection)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = io.BufferedWriter(self.connection.makefile("wb", 0))
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()


def _certificate(folder: Path) -> tuple[str, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "regions.invalid")])
    hosts = [host for r in REGIONS.values() for host in (f"*.{r.identity_domain}", r.api_host)]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), False)
        .sign(key, SHA256())
    )
    path, private = folder / "ca.pem", folder / "ca.key"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return str(path), context
