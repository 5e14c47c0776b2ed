"""AppConnect: installations, signed events, and the keys they are signed with.

What is documented is followed: the two headers, ECDSA with SHA-512 over the body, the endpoint of
the keys, the envelope of the events and the rotation of credentials. Whether a signature is DER or
raw is not documented, so both can be had.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .server import json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from ..clock import Clock
    from .clients import SandboxClient
    from .explore import Explore
    from .identity import Identity
    from .server import Request, Response

_KEYS = "/events/signature-keys/"
_ACKNOWLEDGE = re.compile(r"/apps/([^/]+)/installations/([^/]+)/credentials/([^/]+)/state")


@dataclass(slots=True)
class EventKey:
    """A key that events are signed with.

    Attributes
    ----------
    key_id : str
    private : EllipticCurvePrivateKey
    created_at : float
    expires_at : float or None
        Seconds since 1970-01-01 UTC.
    """

    key_id: str
    private: EllipticCurvePrivateKey = field(repr=False)
    created_at: float
    expires_at: float | None = None

    def sign(self, body: bytes, *, raw: bool = False) -> str:
        """Return the hexadecimal signature of a body, in DER or as two numbers side by side."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA512

        signature = self.private.sign(body, ECDSA(SHA512()))
        if raw:
            size = (self.private.curve.key_size + 7) // 8
            signature = b"".join(n.to_bytes(size) for n in decode_dss_signature(signature))
        return signature.hex()

    def shown(self) -> dict[str, str]:
        """Return what the endpoint tells of it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        der = self.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        shown = {
            "key_id": self.key_id,
            "public_key": base64.b64encode(der).decode(),
            "created_at": _spelt(self.created_at),
        }
        return shown if self.expires_at is None else shown | {"expires_at": _spelt(self.expires_at)}


class Events:
    """The API host's application with AppConnect; what is not its own goes to Explore.

    Parameters
    ----------
    url : str
        The API's origin, which the events name as their root.
    explore : Explore
    identity : Identity
    token_url : str
    clock : Clock

    Attributes
    ----------
    keys : dict
        All keys by their id; the last one signs.
    installations : dict
        Installation id -> the clients that work, the newest last.
    app_id : str
    """

    def __init__(
        self, url: str, explore: Explore, identity: Identity, token_url: str, clock: Clock
    ) -> None:
        self._url = url
        self._explore = explore
        self._identity = identity
        self._token_url = token_url
        self._clock = clock
        self.keys: dict[str, EventKey] = {}
        self.installations: dict[str, list[SandboxClient]] = {}
        self.app_id = secrets.token_hex(16)

    # -- keys and signatures -----------------------------------------------------------------

    @property
    def key(self) -> EventKey:
        """The key that signs now; the first one is made when it is needed."""
        return list(self.keys.values())[-1] if self.keys else self.add_key()

    def add_key(self, curve: str = "SECP256R1", *, expires_at: float | None = None) -> EventKey:
        """Make another key, which signs from now on.

        Parameters
        ----------
        curve : str
            Its name in the cryptography package.
        expires_at : float, optional
            Seconds since 1970-01-01 UTC.
        """
        from cryptography.hazmat.primitives.asymmetric import ec

        private = ec.generate_private_key(getattr(ec, curve)())
        key = EventKey(secrets.token_hex(16), private, self._clock.time(), expires_at)
        self.keys[key.key_id] = key
        return key

    def headers(
        self, body: bytes, *, raw: bool = False, key: EventKey | None = None
    ) -> dict[str, str]:
        """Return the headers of a delivery.

        Parameters
        ----------
        body : bytes
        raw : bool
            Not DER, but the two numbers side by side.
        key : EventKey, optional
            By default the one that signs now.
        """
        key = key or self.key
        return {
            "Content-Type": "application/json",
            "X-Hub-Ecdsa-Signature": key.sign(body, raw=raw),
            "X-Hub-Ecdsa-Signature-Id": key.key_id,
        }

    def deliver(self, url: str, event: Mapping[str, object]) -> int:
        """Post an event to an application; return the status it answered.

        Parameters
        ----------
        url : str
            Plain http.
        event : mapping
        """
        parts = urlsplit(url)
        body = json.dumps(event).encode()
        connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=10)
        try:
            connection.request("POST", parts.path or "/", body, self.headers(body))
            return connection.getresponse().status
        finally:
            connection.close()

    # -- events ------------------------------------------------------------------------------

    def event(self, kind: str, data: Mapping[str, object], **links: str) -> dict[str, object]:
        """Return an event's envelope.

        Parameters
        ----------
        kind : str
            Such as ``app.updated``.
        data : mapping
        **links
            Beside ``root`` and ``self``.
        """
        event_id = secrets.token_hex(16)
        links = {
            "root": self._url,
            "self": f"{self._url}/apps/{self.app_id}/events/{event_id}",
            **links,
        }
        return {
            "id": event_id,
            "created_at": datetime.fromtimestamp(self._clock.time(), UTC).isoformat(),
            "api_version": "1",
            "type": kind,
            "app_id": self.app_id,
            "app_version_id": secrets.token_hex(16),
            "app_version_name": "1.0",
            "data": dict(data),
            "_links": {name: {"href": href} for name, href in links.items()},
        }

    def install(self, client: SandboxClient) -> dict[str, object]:
        """Install the app for a client; return the event that says so.

        Parameters
        ----------
        client : SandboxClient
        """
        installation_id = secrets.token_hex(16)
        self.installations[installation_id] = [client]
        return self.event(
            "app.installed",
            self._told(installation_id, client),
            userinfo=f"{self._url}/users/me",
            authorization=self._token_url.replace("/token", "/authorize"),
            token=self._token_url,
        )

    def rotate(
        self, installation_id: str, client: SandboxClient, *, compromised: bool = False
    ) -> dict[str, object]:
        """Give an installation other credentials; return the event that says so.

        Parameters
        ----------
        installation_id : str
        client : SandboxClient
            The new ones.
        compromised : bool
            The old ones end at once.
        """
        self.installations[installation_id].append(client)
        if compromised:
            self._end_old(installation_id)
        return self.event("app.credentials_rotated", self._told(installation_id, client))

    def _told(self, installation_id: str, client: SandboxClient) -> dict[str, object]:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = client.key.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "installation_id": installation_id,
            "account_id": self._identity.account_id,
            "account_name": self._identity.account,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "private_key": "".join(client.private_key.splitlines()[1:-1]),
            "public_key": base64.b64encode(public).decode(),
            "key_id": client.key_id,
            "key_algorithm": client.key.algorithm,
        }

    def _end_old(self, installation_id: str) -> None:
        *old, newest = self.installations[installation_id]
        for client in old:
            self._identity.clients.revoke(client.client_id)
        self.installations[installation_id] = [newest]

    # -- answering ---------------------------------------------------------------------------

    def operation(self, method: str, path: str) -> str:
        """Name what a request asks for."""
        if method == "GET" and path.startswith(_KEYS):
            return "signature-key"
        if method == "POST" and _ACKNOWLEDGE.fullmatch(path):
            return "acknowledge"
        return self._explore.operation(method, path)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        answers: dict[str, Callable[[Request], Response]] = {
            "signature-key": self._show_key,
            "acknowledge": self._acknowledge,
        }
        return answers.get(request.operation, self._explore)(request)

    def _show_key(self, request: Request) -> Response:
        key_id = request.path.removeprefix(_KEYS)
        key = self.key if key_id == "latest" else self.keys.get(key_id)
        if key is None:
            return json_response(404, {"code": "0080021", "message": "Signature key not found"})
        return json_response(200, key.shown())

    def _acknowledge(self, request: Request) -> Response:
        token = self._identity.token_of(request.headers.get("Authorization"))
        if token is None:
            return json_response(401, {"code": "0017000", "message": "Unauthorized"})
        if "apps:write" not in token.scopes:
            return json_response(403, {"code": "0030009", "message": "Forbidden"})
        found = _ACKNOWLEDGE.fullmatch(request.path)
        assert found is not None, "it has an operation"
        app_id, installation_id, client_id = found.groups()
        clients = self.installations.get(installation_id, [])
        if app_id != self.app_id or client_id not in {client.client_id for client in clients}:
            return json_response(404, {"error": "Installation not found"})
        try:
            said = json.loads(request.body)
        except (ValueError, RecursionError):
            said = None
        if said != {"state": "acknowledged"} or client_id != clients[-1].client_id:
            return json_response(409, {"code": "0030227", "message": "Invalid client state input"})
        self._end_old(installation_id)
        return json_response(202, {})


def _spelt(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).isoformat(" ")
